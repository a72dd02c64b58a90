"""Sphinx extension: what the book shows of its address, and of the notebooks that students open.

- Where ``book/address.toml`` names a repository, lessons have buttons for Colab, Kaggle and Binder
  that open their ``.ipynb`` at the tag, and pages have buttons for the repository and its issues.
  Where it names none there are no such buttons. ``{only} published`` and ``{only} not published``
  hold what a page says of the two cases.
- The directive ``addressed`` is a block of code in which ``REPOSITORY`` and ``TAG`` stand for the
  settings. Without settings the two words are left for the reader to fill in.
- The Markdown of a lesson's ``.ipynb`` is plain. The book shows its source's, with all roles, and
  leaves out the cell that installs the course.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import address
import nbformat
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.directives.code import CodeBlock

import notebooks

PUBLISHED = "published"
ICONS = {
    "Colab": "_static/images/logo_colab.png",  # the theme's
    "Kaggle": "fab fa-kaggle",
    "Binder": "_static/images/logo_binder.svg",
}


def settings(app: Sphinx) -> address.Address | None:
    """Read the settings of the book that is built."""
    path = Path(app.srcdir, "book", address.SETTINGS.name)
    return address.read(path) if path.exists() else None


def configure(app: Sphinx, config: Config) -> None:
    """Give the theme the address, if there is one."""
    found = settings(app)
    if found is None:
        return
    app.tags.add(PUBLISHED)
    config.html_theme_options |= {
        "repository_url": found.repository,
        "repository_branch": found.tag,
        "use_repository_button": True,
        "use_issues_button": True,
    }
    config.html_baseurl = config.html_context["published_pages"] = found.pages


def add_buttons(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Add a menu of launch buttons to a lesson's page."""
    found = settings(app)
    if found is None or not is_lesson(app, page):
        return
    links = found.launchers(f"{page}.ipynb")
    context["header_buttons"].append(
        {
            "type": "group",
            "tooltip": "Open this lesson on a service",
            "icon": "fas fa-rocket",
            "label": "launch-buttons",
            "buttons": [
                {
                    "type": "link",
                    "text": service,
                    "tooltip": f"Open on {service}",
                    "icon": ICONS[service],
                    "url": link,
                }
                for service, link in links.items()
            ],
        }
    )


def is_lesson(app: Sphinx, document: str) -> bool:
    """Whether a document is a lesson, and no page of solutions."""
    folder = document.rpartition("/")[0]
    return folder == notebooks.NOTEBOOKS.name and Path(app.srcdir, f"{document}.ipynb").exists()


def show_source(app: Sphinx, document: str, content: list[str]) -> None:
    """Give a notebook the Markdown of its source, while Sphinx reads it."""
    source = Path(app.srcdir, f"{document}.py")
    if not document.startswith(f"{notebooks.NOTEBOOKS.name}/") or not source.exists():
        return
    app.env.note_dependency(str(source))
    notebook = notebooks.with_source_text(nbformat.reads(content[0], as_version=4), source)
    notebook.cells = [cell for cell in notebook.cells if cell.get("id") != notebooks.BOOTSTRAP]
    content[0] = nbformat.writes(notebook)


class Addressed(CodeBlock):
    """Draw a block of code that names the repository and the tag."""

    def run(self) -> list[nodes.Node]:
        """Return the block, with the settings in the place of their names."""
        self.env.note_dependency(str(Path(self.env.srcdir, "book", address.SETTINGS.name)))
        found = settings(self.env.app)
        if found is not None:
            for word, value in (("REPOSITORY", found.repository), ("TAG", found.tag)):
                for number, line in enumerate(self.content):
                    self.content[number] = line.replace(word, value)
        return super().run()


def setup(app: Sphinx) -> dict[str, bool]:
    """Register all three; the source's text comes before the questions that `quizzes` adds."""
    app.add_directive("addressed", Addressed)
    app.connect("config-inited", configure)
    app.connect("source-read", show_source, priority=100)
    app.connect("html-page-context", add_buttons, priority=502)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
