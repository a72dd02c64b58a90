"""Sphinx extension: a page of the coming version says so, and leads to the stable one.

Where the book is hosted, the newest tag stands in ``stable/`` and the main branch in ``next/``
beside it (``.github/workflows/pages.yml``). ``LT_COURSE_EDITION`` names which of both is built:
``next`` gets a banner on top of each page, ``stable`` a line at its foot. A link leads to the same
page of the other one if `OTHER` names a folder that has it, and else to its front page. Links are
relative, so that no address is needed. Without the variable nothing is added.
"""

from __future__ import annotations

import os
import posixpath
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ConfigError

from lt_course import __version__

EDITION = "LT_COURSE_EDITION"
OTHER = "LT_COURSE_OTHER_EDITION"
"""The environment variable that names the folder of the other edition's pages, if it is built."""

BANNER = (
    'This is the coming version; <a href="{other}">the stable one</a> is for reading and citing.'
)
FOOT = 'Version {version}, the stable one. <a href="{other}">The coming version</a> may differ.'


def link(page: str, other: str, built: Path | None) -> str:
    """From a page of one edition to the other: to the same page if it is known to be there."""
    same = f"{page}.html"
    target = same if built is not None and (built / same).exists() else "index.html"
    return posixpath.relpath(posixpath.join("..", other, target), posixpath.dirname(page) or ".")


def tell(
    app: Sphinx,
    page: str,
    template: str,
    context: dict[str, object],
    doctree: nodes.document | None,
) -> None:
    """Add the banner, or the line at the foot."""
    edition = os.environ.get(EDITION)
    if not edition:
        return
    folder = os.environ.get(OTHER)
    built = Path(folder) if folder else None
    if edition == "next":
        context["theme_announcement"] = BANNER.format(other=link(page, "stable", built))
    else:
        line = FOOT.format(version=__version__, other=link(page, "next", built))
        context["theme_extra_footer"] = f"{context.get('theme_extra_footer') or ''}<p>{line}</p>"


def check(app: Sphinx) -> None:
    """Refuse an edition that there is not."""
    edition = os.environ.get(EDITION)
    if edition not in (None, "", "next", "stable"):
        raise ConfigError(f"{EDITION} is {edition!r}: set it to next or stable, or unset it.")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect after the theme, whose options it extends."""
    app.connect("builder-inited", check)
    app.connect("html-page-context", tell, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
