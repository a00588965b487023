// Runs before anything is painted, so that nothing flashes.
(() => {
  "use strict";
  const kept = localStorage.getItem("theme");
  if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
})();
