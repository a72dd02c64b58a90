// Loaded between require.js and the widget manager, on pages with widgets only.
(function () {
  // The manager looks for its icon fonts beside its own module; name the place.
  const vendor = new URL("vendor/html-manager", document.currentScript.src);
  require.config({ paths: { "@jupyter-widgets/html-manager/dist": vendor.href } });

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
