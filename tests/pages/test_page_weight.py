"""How many bytes a page waits for before it is drawn, and how many it loads in all."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import test_pages
from browser import CHROMIUM, Tab

kB = 1000  # noqa: N816
FIRST_PAINT = 400 * kB
INDEX = 600 * kB


def blocking(start: Path) -> dict[Path, int]:
    """The sizes of the style sheets, what they import, and the scripts that hold up a page."""
    page = test_pages.parse(start)
    found = page.select("link[rel=stylesheet][href]:not([media=print])")
    found += page.select("head script[src]:not([defer]):not([async])")
    files = [
        (
            start.parent / unquote(urlsplit(str(element.get("href") or element["src"])).path)
        ).resolve()
        for element in found
    ]
    for path in files:
        if path.suffix == ".css":
            named = re.findall(r"@import\s+(?:url\()?[\"']?([^\"')]+)", path.read_text())
            files += [(path.parent / name).resolve() for name in named]
    return {path: path.stat().st_size for path in files}


@test_pages.page
def test_first_paint_waits_for_little(book: Path, name: str) -> None:
    sizes = blocking(book / f"{name}.html")
    assert len(sizes) > 3
    assert sum(sizes.values()) <= FIRST_PAINT, sizes
    head = str(test_pages.parse(book / f"{name}.html").head)
    assert len(head) < 20 * kB


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH")
def test_the_first_page_is_light(tab: Tab, address: str) -> None:
    tab.call("Network.setCacheDisabled", cacheDisabled=True)
    tab.open(f"{address}/book/index.html")
    tab.evaluate("new Promise(done => setTimeout(done, 1000))")
    loaded = sum(
        event["params"]["encodedDataLength"]
        for event in tab.events
        if event.get("method") == "Network.loadingFinished"
    )
    assert 50 * kB < loaded <= INDEX
    assert tab.errors() == []


@test_pages.page
def test_widgets_and_formulas_are_loaded_where_they_are(book: Path, name: str) -> None:
    page = test_pages.parse(book / f"{name}.html")
    views = page.select('script[type="application/vnd.jupyter.widget-view+json"]')
    assert len(page.select("script[src*='widgets.js'][defer]")) == bool(views)
    assert page.select("script[src*='embed-amd'], script[src*='require.js']") == []
    formulas = page.select(".math")
    assert len(page.select("script[src*='tex-chtml.js'][defer]")) == bool(formulas)
