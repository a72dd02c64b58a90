"""The book on paper: nothing is cut, no figure is split, every lesson is in the outline."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import print_book
import print_pages
import pytest
import test_pages
from browser import CHROMIUM, Tab, browser

import notebooks

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH"),
    pytest.mark.slow,
]

WIDTH = 658  # pixels, of 174 mm between the margins of A4
HEIGHT = 979  # of 259 mm
OUTSIDE = """[...document.querySelectorAll('.page :is(pre, table, img, figure, mjx-container, p)')]
  .filter(box => box.getBoundingClientRect().right > %d
    || (box.matches('pre, table') && box.scrollWidth > box.clientWidth + 1))
  .map(box => box.outerHTML.slice(0, 200))"""
TALL = """[...document.querySelectorAll('figure, img, .short')]
  .filter(box => box.getBoundingClientRect().height > %d).map(box => box.outerHTML.slice(0, 200))"""
SPLIT = """[...document.querySelectorAll('figure, .short')]
  .filter(box => getComputedStyle(box).breakInside !== 'avoid').length"""
TITLE = re.compile(rb"/Title (?:\(((?:\\.|[^\\)])*)\)|<([0-9A-Fa-f]+)>)")


@pytest.fixture(scope="module")
def printed(book: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("print")
    shutil.copy(print_book.STYLE, folder)
    html = print_pages.whole(book, print_book.TOC, False, print_book.TITLE)
    (folder / "book.html").write_text(html, encoding="utf-8")
    return folder / "book.html"


@pytest.fixture(scope="module")
def tab(printed: Path) -> Iterator[Tab]:
    with browser() as opened:
        opened.open(printed.as_uri(), width=WIDTH)
        opened.call("Emulation.setEmulatedMedia", media="print")
        ready = f"document.title === {print_book.TITLE!r}"
        opened.evaluate(
            f"new Promise(d => (function look() {{ {ready} ? d() : setTimeout(look, 100) }})())"
        )
        yield opened


def test_nothing_is_wider_than_the_sheet(tab: Tab) -> None:
    assert tab.evaluate("document.body.getBoundingClientRect().width") == pytest.approx(
        WIDTH, abs=1
    )
    assert tab.evaluate("document.querySelectorAll('.page pre').length") > 500
    assert tab.evaluate(OUTSIDE % (WIDTH + 1)) == []
    assert tab.errors() == []


def test_figures_stay_whole(tab: Tab) -> None:
    assert tab.evaluate("document.querySelectorAll('figure').length") > 50
    assert tab.evaluate(TALL % HEIGHT) == []
    assert tab.evaluate(SPLIT) == 0


def test_nothing_asks_for_a_click(tab: Tab) -> None:
    controls = "details, button, input, select, canvas, .headerlink, .jupyter-widgets, nav.bd-links"
    assert tab.evaluate(f"document.querySelectorAll({controls!r}).length") == 0
    assert tab.evaluate("document.querySelectorAll('.math').length") > 200
    assert tab.evaluate("document.querySelectorAll('.math:not(:has(mjx-container))').length") == 0
    assert tab.evaluate("document.querySelectorAll('.quiz-answers').length") == 0


def test_the_ends_of_long_cells_are_there(tab: Tab, book: Path) -> None:
    shown = " ".join(tab.evaluate("document.body.innerText").split())
    count = 0
    for source in notebooks.sources():
        for cell in test_pages.parse(book / "notebooks" / f"{source.stem}.html").select("pre"):
            lines = cell.get_text().strip().splitlines()
            if len(lines) > 20:
                count += 1
                assert " ".join(lines[-1].split()) in shown, source.name
    assert count > 10


@pytest.fixture(scope="module")
def pdf(printed: Path) -> Path:
    target = printed.with_name("book.pdf")
    print_book.print_to(target, printed)
    return target


def test_every_page_of_the_contents_is_in_the_outline(pdf: Path, book: Path) -> None:
    content = pdf.read_bytes()
    titles = {
        bytes.fromhex(coded.decode()).decode("utf-16")
        if coded
        else re.sub(rb"\\(.)", rb"\1", plain)
        for plain, coded in TITLE.findall(content)
    }
    found = {title if isinstance(title, str) else title.decode("latin-1") for title in titles}
    for name in test_pages.EXPECTED:
        if not name.startswith(print_pages.SOLUTIONS):
            heading = test_pages.parse(book / f"{name}.html").select_one("article h1")
            assert heading is not None
            number = print_pages.LESSON.search(name)
            text = " ".join(heading.get_text().removesuffix("#").split())
            assert (f"{number[1]} {text}" if number else text) in found
    assert 250 < len(print_book.PAGE.findall(content)) < 500


def test_sheets_are_known_and_in_order(pdf: Path) -> None:
    sheets = print_book.sheets(pdf)
    chosen = print_pages.parts(print_book.TOC, solutions=False)
    order = [sheets[print_pages.slug(name)] for part in chosen for name in part.documents]
    assert order == sorted(set(order))
