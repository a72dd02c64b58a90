// Loaded between require.js and the widget manager, on pages with widgets only.
(function () {
  // Each module of the manager looks for its icon fonts beside itself; name the place.
  const vendor = new URL("vendor/html-manager/.", document.currentScript.src).href + ".";
  require.config({
    paths: { "@jupyter-widgets": vendor, "@jupyter-widgets/html-manager/dist": vendor },
  });

  // It typesets labels through MathJax 2's queue; the pages have MathJax 3.
  window.addEventListener("load", function () {
    if (window.MathJax && MathJax.startup && !MathJax.Hub) {
      MathJax.Hub = {
        Queue: ([, , element]) =>
          MathJax.startup.promise.then(() => MathJax.typesetPromise([element])),
      };
    }
  });
})();
