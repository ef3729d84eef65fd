// The theme's arrows in the sidebar say nothing to a screen reader: name each after the page above it.
addEventListener("DOMContentLoaded", () => {
  for (const arrow of document.querySelectorAll("nav li.has-children > details > summary")) {
    const page = arrow.parentElement.previousElementSibling?.textContent.trim();
    if (page) arrow.setAttribute("aria-label", `Pages below ${page}`);
  }
});
