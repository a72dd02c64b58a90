"""Sphinx extension: the tables and pictures of a page, for every width and every reader.

In the HTML of each page

- a column of sentences is set as text, a column of figures as figures;
- an empty corner of a table is no header;
- a picture is a link to itself alone, since a telephone shows it at half its size;
- a list of references is a list of items;

and in the sidebar each lesson bears its number.
"""

from __future__ import annotations

import re
from typing import Any

from bs4 import BeautifulSoup
from bs4.element import Tag
from docutils import nodes
from sphinx.application import Sphinx

TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL)
EMPTY_HEADER = re.compile(r"<th\b([^>]*)>(?:\s|&nbsp;|&#160;|</?p>)*</th>")
# A linked picture is left alone.
PICTURE = re.compile(
    r"""(?P<linked><a\b[^>]*>\s*)?(?P<image><img\b[^>]*?\bsrc="(?P<src>[^"]*_images/[^"]+)"[^>]*>)"""
)
SIDEBAR_LINK = re.compile(r'(<a class="[^"]*reference internal[^"]*" href="([^"]*)">)')
LESSON = re.compile(r"(?:^|/)(\d\d)_\w+(?:\.html)?$")
# Four words in a row: "0.42 [0.31, 0.50]" is a figure and "CLIP, class templates" a name.
SENTENCE = re.compile(r"(?:[^\W\d_]{2,}\W+){3}[^\W\d_]{2,}")


def finish(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Finish a page's HTML and number its sidebar."""
    if "body" in context:
        body = TABLE.sub(lambda found: table(found[0]), context["body"])
        body = PICTURE.sub(_linked, body)
        context["body"] = body.replace('role="doc-biblioentry"', 'role="listitem"')
    draw = context.get("toctree")
    if draw is not None:
        context["toctree"] = lambda **options: numbered(draw(**options), page)


def table(html: str) -> str:
    """Mark the columns that hold sentences, and turn empty headers into plain cells."""
    html = EMPTY_HEADER.sub(r"<td\1></td>", html)
    if not SENTENCE.search(re.sub(r"<[^>]*>", " ", html)):
        return html
    soup = BeautifulSoup(html, "html.parser")
    rows = [row.find_all(["th", "td"], recursive=False) for row in soup.find_all("tr")]
    worded = set()
    for row in soup.select("tbody tr"):
        cells = row.find_all(["th", "td"], recursive=False)
        # Counted from the right: where rows are grouped, the first cell of one spans several.
        worded |= {k - len(cells) for k, c in enumerate(cells) if SENTENCE.search(c.get_text(" "))}
    for cells in rows:
        for place in worded:
            if -place <= len(cells) and isinstance(cells[place], Tag):
                known = cells[place].get("class") or ""
                cells[place]["class"] = f"{' '.join(known)} words".strip()
    return str(soup)


def _linked(found: re.Match[str]) -> str:
    if found["linked"]:
        return found[0]
    return f'<a class="picture" href="{found["src"]}">{found["image"]}</a>'


def numbered(html: str, page: str) -> str:
    """Put a lesson's number, which its file name begins with, before its title in the sidebar."""

    def number(found: re.Match[str]) -> str:
        lesson = LESSON.search(page if found[2] == "#" else found[2])
        return found[1] + (f'<span class="lesson-number">{lesson[1]}</span> ' if lesson else "")

    return SIDEBAR_LINK.sub(number, html)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect before the theme draws the sidebar, and before the weight is counted."""
    app.connect("html-page-context", finish, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
