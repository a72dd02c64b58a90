"""Sphinx extension: the book as an ePub, which is XHTML without scripts.

Of each page, what needs a browser goes (``still.py``), formulas become MathML, and markup that
HTML forgives is mended. The package's manifest says which pages hold formulas, as ePub 3 asks.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import still
from bs4 import BeautifulSoup
from bs4.element import Tag
from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.builders.epub3 import Epub3Builder
from sphinx.util import logging

# Attributes of HTML 4.
OBSOLETE = ("border", "align", "halign", "valign", "cellpadding", "cellspacing")
# Of extensions: for controls and cards that are not here.
STYLES = ("mystnb", "sphinx-design")
BLOCKS = ["ol", "ul", "dl", "div", "p", "pre", "table"]
# What docutils does not know of TeX, and what it calls it.
SPELLINGS = (
    (re.compile(r"\\begin\{split\}(?:\\begin\{aligned\})?"), r"\\begin{aligned}"),
    (re.compile(r"(?:\\end\{aligned\})?\\end\{split\}"), r"\\end{aligned}"),
    (re.compile(r"\\dots\b"), r"\\ldots"),
    (re.compile(r"\A\^"), "{}^"),
)
ITEM = re.compile(r'<item id="[^"]+" href="([^"]+)" media-type="application/xhtml\+xml"(?= />)')
LOGGER = logging.getLogger(__name__)


class CourseEpub(Epub3Builder):
    """Sphinx' own, for a book whose first page is in a folder, and with formulas."""

    def get_toc(self) -> None:
        """Collect the contents; Sphinx calls a page ``book/../notebooks/…`` otherwise."""
        super().get_toc()
        for entry in self.refnodes:
            entry["refuri"] = posixpath.normpath(entry["refuri"])

    def build_content(self) -> None:
        """Write the manifest."""
        super().build_content()
        path = Path(self.outdir, "content.opf")

        def entry(found: re.Match[str]) -> str:
            formulas = "<math" in Path(self.outdir, found[1]).read_text(encoding="utf-8")
            return found[0] + (' properties="mathml"' if formulas else "")

        path.write_text(ITEM.sub(entry, path.read_text(encoding="utf-8")), encoding="utf-8")


def finish(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Make a page's HTML fit for an ePub."""
    context["script_files"] = []
    context["css_files"] = [
        file for file in context["css_files"] if not any(name in str(file) for name in STYLES)
    ]
    if "body" not in context:
        return
    body = BeautifulSoup(context["body"], "html.parser")
    still.still(body)
    for formula in body.select(".math"):
        try:
            _set(formula)
        except (SyntaxError, ValueError) as error:
            LOGGER.warning("epub: %s of %s has no MathML: %s", formula.get_text(), page, error)
    _mend(body)
    for link in body.select("a[href$='.html'], a[href*='.html#']"):
        _lead(link, page, app.env.found_docs)
    context["body"] = body.decode()


def _mend(body: Tag) -> None:
    """Turn what HTML forgives into what XHTML allows."""
    for element in body.find_all(True):
        for name in OBSOLETE:
            element.attrs.pop(name, None)
        # pandas numbers cells for its styles, which are gone; a page may hold two such tables.
        if str(element.get("id", "")).startswith("T_"):
            del element["id"]
    for line in body.select("dt.sig dl, dt.sig dd"):
        line["class"] = "signature-line"
        line.name = "span"
    for paragraph in body.select("p"):
        if paragraph.find(BLOCKS):
            paragraph.name = "div"


def _lead(link: Tag, page: str, documents: set[str]) -> None:
    """Point a link, written as HTML by a cell, to a page of the ePub; without one it is no link."""
    path, mark, fragment = str(link["href"]).partition("#")
    if urlsplit(path).netloc:
        return
    found = posixpath.normpath(posixpath.join(posixpath.dirname(page), path.removesuffix(".html")))
    if found in documents:
        link["href"] = f"{path.removesuffix('.html')}.xhtml{mark}{fragment}"
    else:
        link.unwrap()


def _set(formula: Tag) -> None:
    r"""Put MathML in place of TeX between \( and \), or \[ and \]."""
    tex = formula.get_text().strip()[2:-2].strip()
    for pattern, spelling in SPELLINGS:
        tex = pattern.sub(spelling, tex)
    made = BeautifulSoup(tex2mathml(tex, as_block=formula.name == "div"), "html.parser")
    if made.math is None:
        raise ValueError("docutils made nothing of it")
    made.math["alttext"] = " ".join(tex.split())
    # MathML 3, which ePub means, sets the style of a fraction around it.
    for fraction in made.select("mfrac[displaystyle], mfrac[scriptlevel]"):
        style = made.new_tag("mstyle")
        for name in ("displaystyle", "scriptlevel"):
            if name in fraction.attrs:
                style[name] = fraction.attrs.pop(name)
        fraction.wrap(style)
    formula.clear()
    formula.append(made.math)


def setup(app: Sphinx) -> dict[str, bool]:
    """Replace the builder, and connect after all that change a page."""
    app.add_builder(CourseEpub, override=True)
    app.connect("html-page-context", finish, priority=990)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
