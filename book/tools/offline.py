"""Sphinx extension: leave Thebe out of the pages.

Jupyter Book loads sphinx-thebe always. The book has no live cells on its pages, and the scripts
would name a host on the web and declare their constants twice, an error in every console.
"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

WIDGET_STATE = "application/vnd.jupyter.widget-state+json"


def drop_thebe(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object
) -> None:
    """Take Thebe's scripts and style sheet off a page."""
    for key in ("script_files", "css_files"):
        context[key] = [file for file in context[key] if not is_thebe(file)]


def is_thebe(file: Any) -> bool:
    """Whether a script or style sheet, by file or by its text, belongs to Thebe.

    A widget's state is left alone: its pictures are base64, and that can spell anything.
    """
    attributes = getattr(file, "attributes", {})
    if attributes.get("type") == WIDGET_STATE:
        return False
    return "thebe" in f"{file} {attributes}".lower()


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect late, after the extensions that add the files."""
    app.connect("html-page-context", drop_thebe, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
