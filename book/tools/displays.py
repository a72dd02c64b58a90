"""Sphinx extension: the tables and pictures of a page, for every width and every reader.

In the HTML of each page

- a column of sentences is set as text, a column of figures as figures;
- an empty corner of a table is no header;
- a picture is a link to itself alone, since a telephone shows it at half its size;
- a list of references is a list of items, and the fields of a signature are no list of terms;
- a fold is named by what stands on it;

and in the sidebar each lesson bears its number, and each fold the name of the page above it.
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
# A signature of several lines: descriptions without a term.
SIGNATURE = re.compile(r'<dl>\s*((?:<dd><em class="sig-param">.*?</dd>\s*)+)</dl>', re.DOTALL)
FOLD = re.compile(r"(<a\b[^>]*>)((?:(?!</a>).)*)(</a><details\b[^>]*><summary)>", re.DOTALL)
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
        body = SIGNATURE.sub(_unlisted, body)
        body = body.replace('<summary aria-label="Toggle hidden content">', "<summary>")
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


def _unlisted(found: re.Match[str]) -> str:
    lines = found[1].replace("<dd>", "<div>").replace("</dd>", "</div>")
    return f'<div class="sig-params">{lines}</div>'


def numbered(html: str, page: str) -> str:
    """Put a lesson's number, which its file name begins with, before its title in the sidebar."""

    def number(found: re.Match[str]) -> str:
        lesson = LESSON.search(page if found[2] == "#" else found[2])
        return found[1] + (f'<span class="lesson-number">{lesson[1]}</span> ' if lesson else "")

    return SIDEBAR_LINK.sub(number, html)


def folded(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Name the folds that the theme puts into the sidebar, by the page above each."""
    draw = context.get("generate_toctree_html")
    if draw is not None:
        context["generate_toctree_html"] = lambda *kind, **options: named(
            str(draw(*kind, **options))
        )


def named(html: str) -> str:
    """Give each fold that follows a link a name; on its face there is a mark alone."""

    def name(found: re.Match[str]) -> str:
        title = " ".join(re.sub(r"<[^>]*>", " ", found[2]).split()).replace('"', "&quot;")
        return f'{found[1]}{found[2]}{found[3]} aria-label="Below {title}">'

    return FOLD.sub(name, html)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect before the theme draws the sidebar and the weight is counted, and after both."""
    app.connect("html-page-context", finish, priority=400)
    app.connect("html-page-context", folded, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
