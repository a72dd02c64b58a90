"""Sphinx extension: old addresses lead to renamed pages, with whatever follows the ``#``.

``book/redirects.toml`` has one line for each old page. A small page is written in its place.
"""

from __future__ import annotations

import posixpath
import sys
from html import escape
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder
from sphinx.util import logging

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TABLE = Path("book", "redirects.toml")
# The script goes first and keeps the fragment; without scripts the refresh takes over.
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>This page has moved: {title}</title>
<link rel="canonical" href="{address}">
<meta name="robots" content="noindex">
<script>location.replace("{address}" + location.search + location.hash);</script>
<meta http-equiv="refresh" content="0; url={address}">
</head>
<body><p>This page has moved to <a href="{address}">{title}</a>.</p></body>
</html>
"""
LOGGER = logging.getLogger(__name__)


def read(source: Path) -> dict[str, str]:
    """Return the renamed pages, old to new, of a book whose source folder is `source`."""
    path = source / TABLE
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def page(old: str, new: str, title: str) -> str:
    """Return the HTML that stands at `old` and leads to `new`; both are without ``.html``."""
    address = posixpath.relpath(f"{new}.html", posixpath.dirname(old) or ".")
    return PAGE.format(address=escape(address), title=escape(title))


def write(app: Sphinx, error: Exception | None) -> None:
    """Write a page for each line of the table; warn of lines that cannot hold."""
    if error is not None or not isinstance(app.builder, StandaloneHTMLBuilder):
        return
    for old, new in read(Path(app.srcdir)).items():
        if old in app.env.found_docs:
            LOGGER.warning("redirects: %s is a page of the book: delete its line.", old)
        elif new not in app.env.found_docs:
            LOGGER.warning("redirects: %s leads to %s, which is no page: mend its line.", old, new)
        else:
            target = Path(app.outdir, f"{old}.html")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(page(old, new, app.env.titles[new].astext()), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Write when all other pages are there."""
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
