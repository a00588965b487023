// Graphs that can be moved and zoomed: by wheel with a modifier, by dragging, by buttons, by keys.
(() => {
  "use strict";
  function ready(root) {
    for (const graph of root.querySelectorAll("[data-graph]:not([data-ready])")) begin(graph);
  }

  function begin(graph) {
    graph.dataset.ready = "";
    const svg = graph.querySelector("svg");
    const whole = svg.getAttribute("viewBox").split(" ").map(Number);
    let [x, y, wide, high] = whole;
    graph.querySelector(".tools").hidden = false;
    const show = () => svg.setAttribute("viewBox", `${x} ${y} ${wide} ${high}`);
    const zoom = (by, atX = 0.5, atY = 0.5) => {
      const next = Math.min(whole[2] * 2, Math.max(120, wide * by));
      const scale = next / wide;
      x += (wide - wide * scale) * atX;
      y += (high - high * scale) * atY;
      wide *= scale;
      high *= scale;
      show();
    };
    const fit = () => {
      [x, y, wide, high] = whole;
      show();
    };
    graph.addEventListener("click", (event) => {
      const way = event.target.closest("[data-zoom]")?.dataset.zoom;
      if (way === "in") zoom(0.7);
      else if (way === "out") zoom(1 / 0.7);
      else if (way === "all") fit();
    });
    svg.addEventListener(
      "wheel",
      (event) => {
        // Without a modifier a page scrolls, as it does everywhere else.
        if (!event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        const box = svg.getBoundingClientRect();
        const at = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
        zoom(event.deltaY > 0 ? 1.15 : 1 / 1.15, ...at);
      },
      { passive: false },
    );
    let from = null;
    svg.addEventListener("pointerdown", (event) => {
      if (event.button === 0 && event.pointerType === "mouse") from = [event.clientX, event.clientY];
    });
    svg.addEventListener("pointermove", (event) => {
      if (!from) return;
      const unit = wide / svg.getBoundingClientRect().width;
      x -= (event.clientX - from[0]) * unit;
      y -= (event.clientY - from[1]) * unit;
      from = [event.clientX, event.clientY];
      show();
    });
    for (const end of ["pointerup", "pointerleave"]) svg.addEventListener(end, () => (from = null));
    graph.addEventListener("keydown", (event) => {
      const ways = { "+": () => zoom(0.7), "-": () => zoom(1 / 0.7), 0: fit };
      if (ways[event.key] && !event.ctrlKey && !event.metaKey) {
        event.preventDefault();
        ways[event.key]();
      }
    });
  }

  ready(document);
  document.addEventListener("portal:loaded", (event) => ready(event.detail));
})();
