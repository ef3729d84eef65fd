// A formula that is wider than the page scrolls by itself: then the keyboard has to reach it. (The theme does the same for
// tables, code and outputs.)
addEventListener("DOMContentLoaded", () => {
  const reach = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  });
  document.querySelectorAll("div.math").forEach((formula) => reach.observe(formula));
});
