"""One HTML document of all the book's pages, for a printer; made from what ``make book`` built.

Each page becomes a section with ids of its own, so that links lead from one to the other; parts,
pages and headings become levels of one outline. ``book/editions/print.css`` lays it out.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

import still
import yaml  # type: ignore[import-untyped]
from bs4 import BeautifulSoup
from bs4.element import Tag

from lt_course.errors import CourseError

SOLUTIONS = "notebooks/solutions/"
LESSON = re.compile(r"/(\d\d)_\w+$")
# A table or a piece of code with no more lines than this stays on one sheet.
SHORT = 16
# Up to which level a heading stands in the outline.
DEEPEST = 5


@dataclass(frozen=True)
class Part:
    """A part of the table of contents: its caption (or "") and its documents."""

    caption: str
    documents: list[str]


def parts(toc: Path, solutions: bool) -> list[Part]:
    """Return the book's parts in order; without the pages of solutions, if they are not wanted."""
    table = yaml.safe_load(toc.read_text(encoding="utf-8"))
    found = [Part("", [table["root"]])]
    for part in table["parts"]:
        names = [name for chapter in part["chapters"] for name in _documents(chapter)]
        kept = [name for name in names if solutions or not name.startswith(SOLUTIONS)]
        if part.get("caption"):
            found.append(Part(part["caption"], kept))
        else:
            found[0].documents.extend(kept)
    return found


def _documents(entry: dict[str, object]) -> Iterator[str]:
    yield str(entry["file"])
    sections = entry.get("sections", [])
    assert isinstance(sections, list)
    for section in sections:
        yield from _documents(section)


def slug(document: str) -> str:
    """Return a document's own id in the whole."""
    return document.replace("/", "-")


@dataclass
class Page:
    """One document of the book: its name, the folder of the built HTML, who else is printed."""

    document: str
    book: Path
    printed: frozenset[str]
    answers: bool

    @cached_property
    def article(self) -> Tag:
        """Return the page as it is printed."""
        path = self.book / f"{self.document}.html"
        if not path.exists():
            raise CourseError(f"{path} is not there: run `make book` first.")
        soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        article = soup.select_one("article section")
        if article is None:
            raise CourseError(f"{path} has no text: run `make book` again.")
        still.still(article, self.answers)
        for link in article.select("a[href]"):
            self._lead(link)
        for image in article.select("img[src]"):
            image["src"] = self._file(str(image["src"]))
        for element in [article, *article.select("[id]")]:
            element["id"] = self._identity(str(element["id"]))
        tables = [box for box in article.select("table") if len(box.select("tr")) <= SHORT]
        code = [box for box in article.select("pre") if box.get_text().count("\n") <= SHORT]
        for box in [*tables, *code]:
            box["class"] = " ".join([*(box.get("class") or []), "short"])
        return article

    @cached_property
    def title(self) -> str:
        """Return the page's title, as the sidebar has it: a lesson's begins with its number."""
        heading = self.article.find("h1")
        assert isinstance(heading, Tag)
        number = LESSON.search(self.document)
        return " ".join([*([number[1]] if number else []), *heading.get_text().split()])

    def html(self, level: int) -> str:
        """Return the page as a section whose title is a heading of `level`."""
        name = slug(self.document)
        heading = self.article.find("h1")
        assert isinstance(heading, Tag)
        heading.string = self.title
        for depth in range(6, 0, -1):
            for heading in self.article.find_all(f"h{depth}"):
                new = depth + level - 1
                heading.name = f"h{new}" if new <= DEEPEST else "p"
                heading["class"] = f"level-{depth}"
        return f'<section class="page" id="{name}" style="page: {name}">{self.article}</section>\n'

    def _identity(self, fragment: str, document: str = "") -> str:
        return f"{slug(document or self.document)}--{fragment}"

    def _lead(self, link: Tag) -> None:
        """Point a link into the whole; what it leads to and is not printed is no link."""
        address = urlsplit(str(link["href"]))
        if address.scheme or address.netloc:
            return
        place = self._join(address.path) if address.path else f"{self.document}.html"
        document = place.removesuffix(".html")
        if document in self.printed and place.endswith(".html"):
            fragment = unquote(address.fragment)
            identity = self._identity(fragment, document) if fragment else slug(document)
            link["href"] = f"#{identity}"
        elif document.startswith(SOLUTIONS) and link.get_text() in ("Solution", "Solutions"):
            link.decompose()
        else:
            link.unwrap()

    def _join(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(posixpath.dirname(self.document), unquote(path)))

    def _file(self, source: str) -> str:
        return source if urlsplit(source).scheme else (self.book / self._join(source)).as_uri()


def whole(book: Path, toc: Path, solutions: bool, title: str) -> str:
    """Return the document.

    Args:
        book: Folder of the built HTML.
        toc: The table of contents.
        solutions: Whether the pages of solutions and the answers to quizzes are printed.
        title: The book's title.
    """
    chosen = parts(toc, solutions)
    printed = frozenset(name for part in chosen for name in part.documents)
    contents, body, heads = [], [], []
    for number, part in enumerate(chosen):
        level = 2 if part.caption else 1
        if part.caption:
            identity = f"part-{number}"
            contents.append(_entry(identity, part.caption, 1))
            body.append(f'<section class="part"><h1 id="{identity}">{part.caption}</h1></section>')
        for name in part.documents:
            page = Page(name, book, printed, solutions)
            contents.append(_entry(slug(name), page.title, level))
            heads.append(_running_head(slug(name), page.title))
            body.append(page.html(level))
    cover = f'<section class="cover"><p class="title">{title}</p></section>'
    nav = f'<nav id="contents"><h1>Contents</h1>{"".join(contents)}</nav>'
    return HEAD.format(title=title, heads="\n".join(heads), static=(book / "_static").as_uri()) + (
        f"{cover}{nav}{''.join(body)}</body></html>\n"
    )


def _entry(identity: str, title: str, level: int) -> str:
    return f'<p class="contents-{level}"><a href="#{identity}">{title}</a> <span></span></p>'


def numbered(html: str, sheets: dict[str, int]) -> str:
    """Return the document with the number of its sheet at each entry of the contents."""
    entry = re.compile(r'(<p class="contents-\d"><a href="#([^"]+)">[^<]*</a> <span>)')
    return entry.sub(lambda found: f"{found[1]}{sheets[found[2]]}", html)


def _running_head(name: str, title: str) -> str:
    text = title.replace("\\", "\\\\").replace('"', '\\"')
    return f'@page {name} {{ @top-left {{ content: "{text}"; }} }}'


# The title says when formulas are set and tables fit, so that print_book.py can tell.
HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>not ready</title>
<link rel="stylesheet" href="{static}/pygments.css">
<link rel="stylesheet" href="print.css">
<style>
{heads}
</style>
<script>window.MathJax = {{options: {{enableMenu: false, processHtmlClass: "math"}}}};</script>
<script defer src="{static}/vendor/mathjax/tex-chtml.js"></script>
<script>
addEventListener("load", async function () {{
  await MathJax.startup.promise;
  await document.fonts.ready;
  for (const box of document.querySelectorAll("table, mjx-container[display]")) {{
    const room = box.parentElement.clientWidth;
    for (let size = 95; size >= 55 && box.scrollWidth > room + 1; size -= 5) {{
      box.style.fontSize = `${{size}}%`;
    }}
    if (box.scrollWidth > room + 1) box.classList.add("crowded");
  }}
  document.title = "{title}";
}});
</script>
</head>
<body>
"""
