// Runs before the first paint, so that the page never flashes in the wrong colours.
(function () {
  "use strict";
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  function choice() {
    try {
      return localStorage.getItem("theme") || "auto";
    } catch {
      return "auto";
    }
  }
  function show() {
    const chosen = choice();
    const theme = chosen === "auto" ? (dark.matches ? "dark" : "light") : chosen;
    document.documentElement.setAttribute("data-bs-theme", theme);
    document.documentElement.setAttribute("data-theme-choice", chosen);
  }
  dark.addEventListener("change", show);
  window.addEventListener("storage", show);
  document.addEventListener("kbconsole:theme", show);
  show();
})();
