"""Sphinx extension: the ``lessons`` directive draws the map of the course.

One row for each notebook in the table of contents, in order, from the ``course`` entry in the
header of its source (``notebooks/NN_name.py``)::

    # ---
    # jupyter:
    #   course: {question: …, figure: …, scale: tiny, minutes: 2, memory_gb: 1.1}
    # ---
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import jupytext
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

FIELDS = ("question", "figure", "scale", "minutes", "memory_gb")
LOGGER = logging.getLogger(__name__)


class Lessons(SphinxDirective):
    """Draw a table of the lessons that the book holds."""

    has_content = False
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        """Return the table, and one warning for each lesson whose header is incomplete."""
        rows = [
            "| Lesson | Question | In the paper | Minutes to run | Memory |",
            "|---|---|---|--:|--:|",
        ]
        for source in sorted(Path(self.env.srcdir, "notebooks").glob("[0-9][0-9]_*.py")):
            document = f"notebooks/{source.stem}"
            if document not in self.env.found_docs:
                continue
            self.env.note_dependency(str(source))
            course = jupytext.read(source).metadata.get("course", {})
            missing = [field for field in FIELDS if field not in course]
            if missing:
                LOGGER.warning(
                    "%s: the header's `course` entry lacks %s",
                    source.name,
                    ", ".join(missing),
                    location=self.get_location(),
                )
                continue
            rows.append(
                f"| {source.stem[:2]} {{doc}}`/{document}` | {course['question']} "
                f"| {course['figure']} | {course['minutes']} | {course['memory_gb']} GB |"
            )
        container = nodes.container(classes=["lessons-map"])
        self.state.nested_parse(StringList(rows, source=__file__), 0, container)
        return [container]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("lessons", Lessons)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
