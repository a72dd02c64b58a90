"""Every page as a browser shows it: quiet, set, and no wider than a telephone."""

import contextlib
import time

import pytest
import redirects
import test_pages
from browser import CHROMIUM, Tab

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH")


@test_pages.page
def test_quiet_and_alone(tab: Tab, address: str, name: str) -> None:
    tab.open(f"{address}/{name}.html")
    assert tab.errors() == []
    outside = [u for u in tab.requests() if not u.startswith((address, "data:", "blob:"))]
    assert outside == []


@test_pages.page
def test_formulas_are_set(tab: Tab, address: str, name: str) -> None:
    tab.open(f"{address}/{name}.html")
    written = tab.evaluate("document.querySelectorAll('article .math').length")
    drawn = tab.evaluate("document.querySelectorAll('article .math mjx-container').length")
    assert drawn == written
    assert tab.evaluate("document.querySelectorAll('mjx-merror').length") == 0


@test_pages.page
@pytest.mark.parametrize("width", [390, 1280])
def test_no_sideways_scrolling(tab: Tab, address: str, name: str, width: int) -> None:
    tab.open(f"{address}/{name}.html", width=width)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


@test_pages.page
def test_dark_pages_are_dark(tab: Tab, address: str, name: str) -> None:
    tab.open(f"{address}/{name}.html", dark=True)
    assert tab.evaluate("document.documentElement.dataset.theme") == "dark"


@pytest.mark.parametrize(("old", "new"), redirects.read(test_pages.ROOT).items())
def test_old_addresses_lead_to_the_same_place(tab: Tab, address: str, old: str, new: str) -> None:
    tab.call("Page.navigate", url=f"{address}/{old}.html?x=1#exercises")
    wanted = f"{address}/{new}.html?x=1#exercises"
    end = time.monotonic() + 20
    found = None
    while found != wanted:
        assert time.monotonic() < end, found
        time.sleep(0.1)
        # A page that is being left answers nothing.
        with contextlib.suppress(RuntimeError):
            found = tab.evaluate("location.href")


# A table of a cell stands in the cell's output, and either may be what scrolls.
UNREACHED = """new Promise(done => setTimeout(() => done(
  [...document.querySelectorAll('article *')].filter(box =>
    box.scrollWidth > box.clientWidth + 1 && box.clientWidth > 0 && box.tabIndex < 0
    && ['auto', 'scroll'].includes(getComputedStyle(box).overflowX)
    && !box.querySelector('a, button, input, [tabindex="0"]'))
  .map(box => box.outerHTML.slice(0, 120))), 400))"""


@test_pages.page
@pytest.mark.parametrize("width", [390, 1280])
def test_what_scrolls_can_be_reached_by_keyboard(
    tab: Tab, address: str, name: str, width: int
) -> None:
    tab.open(f"{address}/{name}.html", width=width)
    assert tab.evaluate(UNREACHED) == []


def test_search_finds_pages(tab: Tab, address: str) -> None:
    tab.open(f"{address}/search.html?q=vocabulary")
    found = "document.querySelectorAll('#search-results li a').length"
    end = time.monotonic() + 20
    while tab.evaluate(found) < 5:
        assert time.monotonic() < end
        time.sleep(0.2)
    assert tab.errors() == []
