// What does not fit the page's width is scrolled: by keyboard, too, and with a hint that there is
// more (course.css fades the side where something is hidden).
(function () {
  const BOXES = "article table, article pre, article .output, article mjx-container, .quiz legend";

  function hint(box) {
    const left = box.scrollLeft > 1;
    const right = box.scrollLeft + box.clientWidth < box.scrollWidth - 1;
    box.dataset.more = [left && "left", right && "right"].filter(Boolean).join(" ");
  }

  function measure() {
    document.querySelectorAll(BOXES).forEach(function (box) {
      const scrolls =
        box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).overflowX !== "visible";
      if (scrolls && !("more" in box.dataset)) {
        box.tabIndex = 0;
        box.addEventListener("scroll", () => hint(box), { passive: true });
      }
      if (scrolls) {
        hint(box);
      } else if ("more" in box.dataset) {
        box.removeAttribute("tabindex");
        box.dataset.more = "";
      }
    });
  }

  let waiting;
  const soon = function () {
    clearTimeout(waiting);
    waiting = setTimeout(measure, 100);
  };
  addEventListener("load", function () {
    measure();
    // Formulas, widgets and unfolded boxes come later.
    const article = document.querySelector("article");
    if (article) new ResizeObserver(soon).observe(article);
  });
})();
