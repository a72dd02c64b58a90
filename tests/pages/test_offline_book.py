"""The offline edition, unpacked and opened from its files with the network off."""

import re
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pack
import pytest
import test_pages
import test_sliders
import zip_book
from browser import CHROMIUM, Tab, browser

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH"),
    pytest.mark.slow,
]

SCORE = "document.querySelector('.quiz-score').textContent"
FOUND = "document.querySelectorAll('#search-results li').length"
QUOTED = """[...document.querySelectorAll('#search-results li p.context')]
  .map(quote => quote.textContent)"""
LIMIT = 30_000_000


@pytest.fixture(scope="module")
def unpacked(book: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("offline")
    packed = pack.zipped(zip_book.files(book))
    assert len(packed) < LIMIT
    (folder / "book.zip").write_bytes(packed)
    with zipfile.ZipFile(folder / "book.zip") as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def tab(unpacked: Path) -> Iterator[Tab]:
    with browser() as opened:
        opened.call(
            "Network.emulateNetworkConditions",
            offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1,
        )  # fmt: skip
        yield opened


def quiet(tab: Tab) -> bool:
    """Whether the page complained of nothing and asked for its own files alone."""
    assert tab.errors() == []
    assert [u for u in tab.requests() if not u.startswith(("file:", "data:", "blob:"))] == []
    return True


def test_no_page_names_another_host_but_in_a_marked_link(unpacked: Path) -> None:
    pages = [p for p in unpacked.rglob("*.html") if "_static" not in p.parts]
    assert len(pages) > len(test_pages.EXPECTED)
    web = re.compile(r"^(https?:)?//")
    named = [
        (path.name, element.name, value)
        for path in pages
        for element in test_pages.parse(path).find_all(True)
        for attribute in ("href", "src", "action", "content", "data", "poster", "srcset")
        if web.match(value := str(element.get(attribute, "")))
        and not (element.name == "a" and "outside" in (element.get("class") or []))
    ]
    assert named == []


def test_the_first_page_opens(tab: Tab, unpacked: Path) -> None:
    tab.call("Page.navigate", url=(unpacked / "index.html").as_uri())
    tab.open((unpacked / "book" / "index.html").as_uri())
    assert tab.evaluate("document.querySelectorAll('article img').length") > 0
    assert tab.evaluate("[...document.querySelectorAll('article img')].every(i => i.naturalWidth)")
    assert quiet(tab)


def test_search_finds_and_quotes(tab: Tab, unpacked: Path) -> None:
    tab.open(f"{(unpacked / 'search.html').as_uri()}?q=vocabulary")
    end = time.monotonic() + 60
    while tab.evaluate(FOUND) < 5 or not tab.evaluate(QUOTED):
        assert time.monotonic() < end
        time.sleep(0.2)
    quotes = tab.evaluate(QUOTED)
    assert sum("vocabular" in quote.lower() for quote in quotes) > 5
    assert quiet(tab)


def test_a_quiz_answers_and_formulas_are_set(tab: Tab, unpacked: Path) -> None:
    tab.open((unpacked / "notebooks" / "04_dynamic_classification.html").as_uri())
    tab.evaluate("document.querySelector('.quiz input[data-right]').labels[0].click()")
    assert tab.evaluate(SCORE) == "1 of 5 right, 1 answered."
    assert tab.evaluate("document.querySelectorAll('article mjx-container').length") > 20
    assert quiet(tab)


def test_a_slider_moves(tab: Tab, unpacked: Path) -> None:
    views = "application/vnd.jupyter.widget-view+json"
    lessons = sorted((unpacked / "notebooks").glob("*.html"))
    page = next((path for path in lessons if views in path.read_text()), None)
    if page is None:
        pytest.skip("no slider on this page")
    tab.open(page.as_uri())
    tab.evaluate(test_sliders.DRAWN)
    before = tab.evaluate(test_sliders.SEEN)
    tab.evaluate(test_sliders.PRESS % "Right")
    after = tab.evaluate(test_sliders.SEEN)
    assert len(after) == len(before) > 0
    assert all(a != b for a, b in zip(after, before, strict=True))
    assert quiet(tab)


def test_the_clip_and_the_explorer_compute(tab: Tab, unpacked: Path) -> None:
    tab.open((unpacked / "book" / "clip_in_the_page.html").as_uri())
    tab.evaluate("clipReady.then(() => 1)")
    tab.evaluate("document.querySelector('#clip-drawings button[aria-label=key]').click()")
    assert "“key”" in tab.evaluate("document.querySelector('#clip-source').textContent")
    assert tab.evaluate("document.querySelectorAll('#clip-sl li').length") > 0
    assert quiet(tab)
    tab.open((unpacked / "book" / "explorer.html").as_uri())
    tab.evaluate("explorerReady.then(() => 1)")
    assert tab.evaluate("document.querySelectorAll('.explorer-panel circle').length") > 100
    assert quiet(tab)
