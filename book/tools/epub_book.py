"""Build the book as an ePub, from the notebooks that `make book` has run.

    python book/tools/epub_book.py

The configuration is the book's own (``_config.yml``) without what is made for the web: the theme,
its launch buttons, scripts and style sheets. Outputs come from the cache of `make book`.
"""

from __future__ import annotations

import shutil
import sys
import time
from typing import Any

import build_book
from jupyter_book.config import get_final_config  # type: ignore[import-untyped]
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

import lt_course
from lt_course.errors import CourseError

ROOT = build_book.ROOT
OUTPUT = build_book.BUILD / "epub"
TARGET = build_book.BUILD / "long-tail-course.epub"
NAME = "long-tail-course"
# Of the web alone.
EXTENSIONS = {
    *("sphinx_book_theme", "sphinx_togglebutton", "sphinx_copybutton", "sphinx_thebe"),
    *("sphinx_comments", "sphinx_jupyterbook_latex", "sphinx.ext.intersphinx"),
    *("offline", "redirects", "weight"),
}
SETTINGS = ("html_theme", "html_logo", "html_favicon", "html_js_files", "templates_path")
PREFIXES = ("thebe_", "comments_", "latex_", "html_theme_", "intersphinx_", "togglebutton_")


def configuration() -> dict[str, Any]:
    """Return the book's Sphinx configuration, for an ePub."""
    toc = str(ROOT / "book" / "_toc.yml")
    config, _ = get_final_config(
        user_yaml=ROOT / "_config.yml",
        sourcedir=ROOT,
        cli_config={"external_toc_path": toc, "latex_individualpages": False, "nitpicky": True},
    )
    context = config["html_context"]
    for name in [n for n in config if n in SETTINGS or n.startswith(PREFIXES)]:
        del config[name]
    kept = [name for name in config["extensions"] if name not in EXTENSIONS]
    return config | {
        "extensions": [*kept, "epub_pages"],
        "html_static_path": ["book/editions/ebook.css"],
        "html_css_files": [],
        "nb_ipywidgets_js": {},
        "html_use_index": False,
        "version": lt_course.__version__,
        "epub_css_files": ["ebook.css"],
        "epub_basename": NAME,
        "epub_title": config["html_title"],
        "epub_author": config["author"],
        "epub_publisher": config["author"],
        "epub_contributor": config["author"],
        "epub_description": context["description"],
        "epub_identifier": NAME,
        "epub_scheme": "name",
        "epub_uid": NAME,  # epubcheck wants the two to be equal
        "epub_tocscope": "includehidden",
        "epub_tocdepth": 2,
        "epub_tocdup": False,
        "epub_show_urls": "no",
    }


def build() -> None:
    """Build; raise if Sphinx warns."""
    if (
        not build_book.FINGERPRINT.exists()
        or build_book.FINGERPRINT.read_text() != build_book.fingerprint()
    ):
        raise CourseError("The notebooks were not run by this version: run `make book` first.")
    shutil.rmtree(OUTPUT, ignore_errors=True)
    doctrees = build_book.BUILD / ".epub-doctrees"
    with patch_docutils(), docutils_namespace():
        app = Sphinx(
            ROOT, None, OUTPUT, doctrees, "epub", configuration(),
            status=None, freshenv=True, warningiserror=True, keep_going=True,
        )  # fmt: skip
        app.build()
    if app.statuscode:
        raise CourseError("The ePub was not built: see the warnings above.")
    shutil.move(OUTPUT / f"{NAME}.epub", TARGET)


def main() -> int:
    """Run the command line; return the exit status."""
    started = time.perf_counter()
    try:
        build()
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    size = TARGET.stat().st_size / 1e6
    print(f"The ePub ({size:.1f} MB, {time.perf_counter() - started:.0f} s): {TARGET}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
