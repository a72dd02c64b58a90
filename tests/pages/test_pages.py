"""The built book is whole: every page, link, picture and script is where it should be."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import address
import pytest
import redirects
import yaml
from bs4 import BeautifulSoup

import notebooks

ROOT = notebooks.NOTEBOOKS.parent
TOC = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text())
OWN_PAGES = {"genindex.html", "search.html", "index.html"}
TRACEBACK = ("Traceback (most recent call last)", "ipykernel_launcher", "UndefinedError")
LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src"}
# <link> relations that name a page without loading it.
NAMED_ONLY = {"canonical", "next", "prev", "search", "index", "author"}


def documents(entry: dict[str, object]) -> Iterator[str]:
    """Yield the documents of a table of contents, in order."""
    for key in ("root", "file"):
        if key in entry:
            yield str(entry[key])
    for key in ("parts", "chapters", "sections"):
        children = entry.get(key, [])
        assert isinstance(children, list)
        for child in children:
            yield from documents(child)


EXPECTED = list(documents(TOC))
page = pytest.mark.parametrize("name", EXPECTED)


@cache
def parse(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def test_the_contents_name_every_lesson() -> None:
    pages = []
    for source in notebooks.sources():
        pages.append(f"notebooks/{source.stem}")
        if notebooks.solutions(source).exists():
            pages.append(f"notebooks/solutions/{source.stem}")
    assert [name for name in EXPECTED if name.startswith("notebooks/")] == pages


def test_exactly_the_expected_pages_exist(book: Path) -> None:
    found = {
        path.relative_to(book).as_posix()
        for path in book.rglob("*.html")
        if not path.relative_to(book).parts[0].startswith("_")
    }
    moved = {f"{name}.html" for name in redirects.read(ROOT)}
    assert found - OWN_PAGES == {f"{name}.html" for name in EXPECTED} | moved


@page
def test_no_traceback(book: Path, name: str) -> None:
    text = (book / f"{name}.html").read_text(encoding="utf-8")
    assert not [mark for mark in TRACEBACK if mark in text]
    assert not parse(book / f"{name}.html").select(".cell_output .stderr")


@page
def test_one_title(book: Path, name: str) -> None:
    assert len(parse(book / f"{name}.html").select("article h1")) == 1


@page
def test_links_and_anchors_lead_somewhere(book: Path, name: str) -> None:
    start = book / f"{name}.html"
    dead = []
    for link in parse(start).select("a[href]"):
        address = urlsplit(str(link["href"]))
        if address.scheme or address.netloc:
            continue
        target = start if not address.path else (start.parent / unquote(address.path))
        if not target.exists():
            dead.append(link["href"])
        elif address.fragment and target.suffix == ".html":
            identity = unquote(address.fragment)
            there = parse(target.resolve()).find(id=identity) is not None
            if not there and not parse(target.resolve()).select(f"[name={identity!r}]"):
                dead.append(link["href"])
    assert dead == []


@page
def test_every_image_is_described_and_there(book: Path, name: str) -> None:
    start = book / f"{name}.html"
    for image in parse(start).select("img"):
        source = str(image["src"])
        assert str(image.get("alt", "")).strip(), f"no alt text: {source}"
        assert not str(image["alt"]).startswith(("../_images", "_images")), source
        assert (start.parent / unquote(urlsplit(source).path)).exists(), source


@page
def test_no_other_host_is_asked(book: Path, name: str) -> None:
    asked = []
    for tag, attribute in LOADED.items():
        for element in parse(book / f"{name}.html").select(f"{tag}[{attribute}]"):
            if tag == "link" and NAMED_ONLY & set(element.get("rel") or []):
                continue
            address = urlsplit(str(element[attribute]))
            if address.netloc or (address.scheme and address.scheme != "data"):
                asked.append(element[attribute])
    assert asked == []


@page
def test_scripts_and_styles_are_there(book: Path, name: str) -> None:
    start = book / f"{name}.html"
    for selector, attribute in (("script[src]", "src"), ("link[rel=stylesheet]", "href")):
        for element in parse(start).select(selector):
            path = unquote(urlsplit(str(element[attribute])).path)
            assert (start.parent / path).exists(), path


def test_the_map_has_a_row_for_each_lesson(book: Path) -> None:
    rows = parse(book / "book" / "index.html").select(".lessons-map tbody tr")
    linked = [Path(str(row.select_one("a[href]")["href"])).stem for row in rows]
    assert linked == [source.stem for source in notebooks.sources()]
    assert all(cell.get_text(strip=True) for row in rows for cell in row.select("td"))


@pytest.mark.parametrize("source", notebooks.sources(), ids=lambda path: path.stem)
def test_launch_buttons_name_the_lesson(book: Path, source: Path) -> None:
    start = parse(book / "notebooks" / f"{source.stem}.html")
    links = {str(link["href"]) for link in start.select(".header-article-items a[href]")}
    services = ("colab.research.google.com", "kaggle.com", "mybinder.org")
    launched = {link for link in links if any(name in link for name in services)}
    published = address.read()
    path = f"notebooks/{source.stem}.ipynb"
    assert launched == (set(published.launchers(path).values()) if published else set())
    assert (notebooks.NOTEBOOKS.parent / path).exists()


@pytest.mark.parametrize("source", notebooks.sources(), ids=lambda path: path.stem)
def test_pairs_are_small_and_in_step(source: Path) -> None:
    assert list(notebooks.problems(source)) == []
    assert source.with_suffix(".ipynb").stat().st_size < 500_000


def test_the_sidebar_numbers_the_lessons(book: Path) -> None:
    for name in ("book/index", "notebooks/04_dynamic_classification"):
        links = parse(book / f"{name}.html").select(".bd-sidenav a.reference.internal")
        numbers = [link.select_one(".lesson-number") for link in links]
        shown = [number.get_text() for number in numbers if number is not None]
        assert shown == [
            source.stem[:2]
            for source in notebooks.sources()
            for _ in range(1 + notebooks.solutions(source).exists())
        ]


def test_the_first_page_describes_itself(book: Path) -> None:
    page = parse(book / "book" / "index.html")
    assert page.title is not None
    assert page.title.get_text() == "The Long Tail Course"
    (description,) = page.select("meta[name=description]")
    assert 100 < len(str(description["content"])) < 300
    published = address.read()
    pages = published.pages if published else ""  # without them no picture has an address
    pictures = [str(tag["content"]) for tag in page.select("meta[property='og:image']")]
    assert [url.rpartition("_static/")[0] for url in pictures] == [pages] * bool(pages)
    assert (book / "_static" / "first_result.png").exists()


@page
def test_no_header_of_a_table_is_empty(book: Path, name: str) -> None:
    headers = parse(book / f"{name}.html").select("article table th")
    assert all(header.get_text(strip=True) or header.find("img") for header in headers)
