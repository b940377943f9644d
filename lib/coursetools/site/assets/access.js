// A part of the page that scrolls sideways can be reached, and then scrolled, with the keyboard.
(() => {
  "use strict";
  const SCROLLERS = [
    "mjx-container[display]", ".pst-scrollable-table-container", ".cell_output .output",
    ".highlight pre", ".themed-picture", "div.math",
  ].join(",");

  const watch = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const scrolls = target.scrollWidth > target.clientWidth + 1
        && getComputedStyle(target).overflowX !== "visible";
      if (scrolls) target.tabIndex = 0;
      else if (target.getAttribute("tabindex") === "0") target.removeAttribute("tabindex");
    }
  });
  const observe = () => document.querySelectorAll(SCROLLERS).forEach((node) => watch.observe(node));

  observe();
  addEventListener("load", () => {
    // Formulas are elements only after MathJax has made them.
    window.MathJax?.startup?.promise?.then(observe);
  });
})();
