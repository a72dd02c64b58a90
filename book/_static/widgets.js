// Loaded on pages with widgets only. Their code is 3.7 MB: it is fetched when a reader comes near
// a widget, or prints, and not before the page is drawn.
(function () {
  const VIEW = 'script[type="application/vnd.jupyter.widget-view+json"]';
  const vendor = new URL("vendor/", document.currentScript.src).href;
  const near = "1200px";

  function load(source) {
    return new Promise(function (done, fail) {
      const script = document.createElement("script");
      script.src = source;
      script.onload = done;
      script.onerror = fail;
      document.head.append(script);
    });
  }

  async function start() {
    watcher.disconnect();
    removeEventListener("beforeprint", start);
    // The manager typesets labels through MathJax 2's queue; the pages have MathJax 3, or none.
    const set = (element) => window.MathJax?.typesetPromise?.([element]);
    window.MathJax ??= {};
    MathJax.Hub ??= { Queue: ([, , element]) => set(element), Config() {}, Configured() {} };
    document.querySelectorAll(VIEW).forEach(function (view) {
      new MutationObserver(name).observe(view.parentElement, {
        subtree: true,
        childList: true,
        attributeFilter: ["aria-valuetext"],
      });
    });
    await load(vendor + "requirejs/require.js");
    // Each module of the manager looks for its icon fonts beside itself; name the place.
    const place = vendor + "html-manager/.";
    require.config({
      paths: { "@jupyter-widgets": place, "@jupyter-widgets/html-manager/dist": place },
    });
    await load(vendor + "html-manager/embed-amd.js");
  }

  // A handle knows its number alone: give it the slider's name and the value that is read out.
  function name() {
    document.querySelectorAll(".noUi-handle").forEach(function (handle) {
      const slider = handle.closest(".widget-hslider");
      const label = slider?.querySelector(".widget-label")?.textContent;
      const value = slider?.querySelector(".widget-readout")?.textContent;
      if (label && handle.getAttribute("aria-label") !== label) {
        handle.setAttribute("aria-label", label);
      }
      if (value && handle.getAttribute("aria-valuetext") !== value) {
        handle.setAttribute("aria-valuetext", value);
      }
    });
  }

  const watcher = new IntersectionObserver(
    (entries) => entries.some((entry) => entry.isIntersecting) && start(),
    { rootMargin: near },
  );
  document.querySelectorAll(VIEW).forEach((view) => watcher.observe(view.parentElement));
  addEventListener("beforeprint", start);
})();
