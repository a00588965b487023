// What pages do beside being read: parts that load or follow a form, keys, copying, the theme.
// Everything works without it, by whole pages.
(() => {
  "use strict";
  const PAUSE = 150;
  const here = () => location.pathname + location.search;
  let asked = 0;
  let shown = here();

  // Puts the part of a page at `url` into `target`; an answer that was overtaken is dropped.
  async function load(url, part, target, push) {
    const number = (asked += 1);
    target.dataset.asked = number;
    target.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(url, { headers: { Accept: "text/html", "Portal-Fragment": part } });
      if (answer.redirected || answer.status === 401) return void location.assign(url);
      const text = await answer.text();
      if (target.dataset.asked !== String(number)) return;
      if (!answer.ok) return void location.assign(url);
      target.innerHTML = text;
      if (push) history[push](null, "", url);
      shown = here();
      document.dispatchEvent(new CustomEvent("portal:loaded", { detail: target }));
    } catch {
      if (target.dataset.asked === String(number)) target.textContent = "The gateway does not answer.";
    } finally {
      if (target.dataset.asked === String(number)) target.removeAttribute("aria-busy");
    }
  }

  function urlOf(form) {
    const fields = new URLSearchParams(new FormData(form));
    for (const [name, value] of [...fields]) if (value === "") fields.delete(name);
    const query = fields.toString();
    return form.getAttribute("action") + (query ? `?${query}` : "");
  }

  const waiting = new WeakMap();
  function live(form, pause) {
    clearTimeout(waiting.get(form));
    const send = () => {
      const target = document.getElementById(form.dataset.live);
      const search = form.querySelector("input[type=search]");
      if (search && !("history" in form.dataset) && !search.value.trim()) {
        asked += 1;
        target.dataset.asked = asked;
        target.replaceChildren();
        return;
      }
      load(urlOf(form), form.dataset.part, target, "history" in form.dataset && "replaceState");
    };
    waiting.set(form, setTimeout(send, pause));
  }

  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-live]");
    if (form) live(form, event.target.tagName === "INPUT" ? PAUSE : 0);
  });
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-live]");
    if (!form || form.querySelector("input[type=search]")) return;
    event.preventDefault();
    live(form, 0);
  });

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-part]");
    if (link && event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey)) {
      const target = document.getElementById(link.dataset.into);
      if (target) {
        event.preventDefault();
        const own = document.querySelector("[data-load]");
        load(link.getAttribute("href"), link.dataset.part, target, own ? null : "pushState");
      }
    }
    const copy = event.target.closest("[data-copy],[data-copy-next]");
    if (copy) copied(copy);
    if (event.target.closest("[data-theme-switch]")) theme();
  });
  // Anchors of the same page are steps in its history too, and load nothing.
  addEventListener("popstate", () => {
    if (here() !== shown) location.reload();
  });

  async function copied(button) {
    const text = button.dataset.copy ?? button.nextElementSibling.textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      const range = document.createRange();
      range.selectNodeContents(button.nextElementSibling ?? button.previousElementSibling);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      button.textContent = "Selected";
    }
    setTimeout(() => (button.textContent = "Copy"), 1600);
  }

  function theme() {
    const root = document.documentElement;
    const dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    localStorage.setItem("theme", root.dataset.theme);
  }

  document.addEventListener("keydown", (event) => {
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    const inField = event.target.closest("input,textarea,select,[contenteditable]");
    const search = document.querySelector("[data-slash]");
    if (event.key === "/" && !inField && search) {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "Escape" && inField) {
      inField.blur();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      arrows(event, event.key === "ArrowDown" ? 1 : -1, search);
    }
  });

  // Up and down lead from the search through its results and back.
  function arrows(event, step, search) {
    const results = [...document.querySelectorAll(".results > li > a")];
    const at = results.indexOf(document.activeElement);
    if (at < 0 && document.activeElement !== search) return;
    const next = at + step;
    if (at < 0 && step < 0) return;
    event.preventDefault();
    if (next < 0) search.focus();
    else results[Math.min(next, results.length - 1)]?.focus();
  }

  // Parts are loaded when they come near the window.
  const near = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        near.unobserve(target);
        load(target.dataset.load, target.dataset.part, target, null);
      }
    },
    { rootMargin: "300px" },
  );
  for (const part of document.querySelectorAll("[data-load]")) near.observe(part);
})();
