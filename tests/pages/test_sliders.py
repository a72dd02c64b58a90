"""A slider of a lesson moves its picture on the static page, where no Python runs."""

import pytest
import test_pages
from browser import CHROMIUM, Tab

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH")

DRAWN = """new Promise((done, fail) => {
  const end = Date.now() + 30000;
  const found = document.querySelectorAll(
    'script[type="application/vnd.jupyter.widget-view+json"]');
  const views = found.length;
  // They are drawn when one comes near them.
  found[0]?.parentElement.scrollIntoView();
  (function look() {
    const handles = document.querySelectorAll('.noUi-handle').length;
    if (handles >= views) done(handles);
    else if (Date.now() > end) fail(`${handles} of ${views} sliders were drawn`);
    else setTimeout(look, 100);
  })();
})"""

SEEN = """[...document.querySelectorAll('.jupyter-widgets img')]
  .filter(image => image.offsetWidth > 0).map(image => image.alt)"""

TOLD = """[...document.querySelectorAll('.noUi-handle')].map(handle => [
  handle.ariaLabel, handle.ariaValueText,
  handle.closest('.widget-hslider').querySelector('.widget-readout').textContent])"""

PRESS = """document.querySelectorAll('.noUi-handle').forEach(handle => handle.dispatchEvent(
  new KeyboardEvent('keydown', {key: '%s', bubbles: true})))"""


@test_pages.page
def test_sliders_move_their_pictures(tab: Tab, address: str, name: str) -> None:
    tab.open(f"{address}/{name}.html")
    if tab.evaluate(DRAWN) == 0:
        pytest.skip("no slider on this page")
    before = tab.evaluate(SEEN)
    assert before
    for label, told, shown in tab.evaluate(TOLD):
        assert label
        assert told == shown
    assert all(len(alt.split()) >= 4 for alt in before)
    tab.evaluate(PRESS % "Right")
    after = tab.evaluate(SEEN)
    assert len(after) == len(before)
    assert all(told == shown for _, told, shown in tab.evaluate(TOLD))
    assert all(a != b for a, b in zip(after, before, strict=True))
    tab.evaluate(PRESS % "Left")
    assert tab.evaluate(SEEN) == before
