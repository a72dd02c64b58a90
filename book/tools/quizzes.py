"""Sphinx extension: five questions at the end of a lesson, each with a reason for every choice.

The questions of ``notebooks/NN_SLUG.ipynb`` are in ``book/quizzes/SLUG.toml``::

    [[question]]
    text = "MyST, with $math$, `code` and {term}`roles`"

    [[question.choice]]
    text = "the choice"
    reason = "why it is right, or why it is not"
    right = true  # on exactly one choice

While Sphinx reads the lesson, a cell with the heading and a ``{quiz}`` directive is added to it:
the page shows the questions, and a notebook that a student opens holds no raw directive. The
nodes are lists, so that every builder can write them; HTML makes of them form controls that
``book/_static/quiz.js`` brings to life.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HEADING = "Five questions"
QUESTIONS = 5
CHOICES = (3, 4)
LESSON = re.compile(r"notebooks/\d\d_(?P<slug>\w+)")
SCRIPT = "quiz.js"
LOGGER = logging.getLogger(__name__)


def folder(source: Path) -> Path:
    """Return the folder of the questions of a book whose source folder is `source`."""
    return source / "book" / "quizzes"


def read(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Read one file of questions.

    Returns:
        The questions as written, and one sentence for each thing that is wrong with them.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        return [], [f"{path.name} is not TOML ({error}): mend it."]
    return content.get("question", []), list(problems(content, path.name))


def problems(content: dict[str, Any], name: str) -> Iterator[str]:
    """Yield one sentence for each thing that is wrong with a file's questions."""
    yield from _strange_keys(content, {"question"}, name)
    questions = content.get("question", [])
    if not _tables(questions):
        yield f"{name}: `question` is no list of tables: write [[question]]."
        return
    if len(questions) != QUESTIONS:
        yield f"{name} has {len(questions)} questions: write {QUESTIONS}."
    for number, question in enumerate(questions, start=1):
        where = f"{name}, question {number}"
        yield from _strange_keys(question, {"text", "choice"}, where)
        yield from _missing_text(question, "text", where)
        choices = question.get("choice", [])
        if not _tables(choices):
            yield f"{where}: `choice` is no list of tables: write [[question.choice]]."
            continue
        if len(choices) not in CHOICES:
            yield f"{where} has {len(choices)} choices: write {CHOICES[0]} or {CHOICES[1]}."
        right = [choice.get("right", False) for choice in choices]
        if not all(isinstance(value, bool) for value in right):
            yield f"{where}: `right` is true or false: write it without quotes."
        elif sum(right) != 1:
            yield f"{where} has {sum(right)} right choices: put `right = true` on exactly one."
        for letter, choice in zip("abcdefgh", choices, strict=False):
            yield from _strange_keys(choice, {"text", "reason", "right"}, f"{where}{letter}")
            for key in ("text", "reason"):
                yield from _missing_text(choice, key, f"{where}{letter}")


def _tables(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(entry, dict) for entry in value)


def _strange_keys(table: dict[str, Any], known: set[str], where: str) -> Iterator[str]:
    for key in sorted(set(table) - known):
        yield f"{where}: `{key}` is no key here: use {', '.join(sorted(known))}."


def _missing_text(table: dict[str, Any], key: str, where: str) -> Iterator[str]:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        yield f"{where} has no `{key}`: write one."


# Each node is a list or a paragraph to the builders that know no better.
class quiz(nodes.enumerated_list):  # noqa: N801
    """All questions of a lesson; ``slug`` and ``digest`` name what a browser remembers."""


class question(nodes.list_item):  # noqa: N801
    """One question: a `prompt`, perhaps more paragraphs, and the `choices`."""


class prompt(nodes.paragraph):  # noqa: N801
    """What is asked."""


class choices(nodes.enumerated_list):  # noqa: N801
    """The choices of one question."""


class choice(nodes.list_item):  # noqa: N801
    """One choice: an `answer` and its `reason`; ``right`` says whether it is the right one."""


class answer(nodes.paragraph):  # noqa: N801
    """The text of a choice."""


class reason(nodes.paragraph):  # noqa: N801
    """Why a choice is right or wrong, beginning with that word."""


class Quiz(SphinxDirective):
    """Draw the questions of one lesson: ``{quiz} SLUG``."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the questions; warn, and return nothing, if the file is missing or wrong."""
        slug = self.arguments[0]
        path = folder(Path(self.env.srcdir)) / f"{slug}.toml"
        if not path.exists():
            self.warn(f"there is no {path.name}: write book/quizzes/{path.name}.")
            return []
        self.env.note_dependency(str(path))
        questions, found = read(path)
        for problem in found:
            self.warn(problem)
        if found:
            return []
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
        listing = quiz(slug=slug, digest=digest, enumtype="arabic", prefix="", suffix=".")
        for number, entry in enumerate(questions, start=1):
            key = f"quiz-{slug}-{number}"
            item = question(key=key, number=number)
            item += self.parse(entry["text"], prompt(key=key, number=number))
            item += choices(enumtype="loweralpha", prefix="", suffix=")")
            for letter, option in zip("abcd", entry["choice"], strict=False):
                right = option.get("right", False)
                item[-1] += choice(
                    "",
                    *self.parse(option["text"], answer(key=key, letter=letter, right=right)),
                    *self.parse(option["reason"], reason(right=right)),
                )
            listing += item
        return [listing]

    def parse(self, text: str, first: nodes.paragraph) -> list[nodes.Node]:
        """Return `text` as nodes, the first paragraph of it in the node `first`."""
        parsed = nodes.Element()
        self.state.nested_parse(StringList(text.strip().splitlines(), self.arguments[0]), 0, parsed)
        found = list(parsed.children)
        if found and isinstance(found[0], nodes.paragraph):
            first += found.pop(0).children
        if isinstance(first, reason):
            word = "Right." if first["right"] else "Wrong."
            first.insert(0, [nodes.strong("", word), nodes.Text(" ")])
        return [first, *found]

    def warn(self, message: str) -> None:
        """Warn at the place of the directive."""
        LOGGER.warning("quiz: %s", message, location=self.get_location())


def add_cell(app: Sphinx, document: str, source: list[str]) -> None:
    """Add the questions' cell to a lesson that has questions, while Sphinx reads it."""
    match = LESSON.fullmatch(document)
    if match is None or not (folder(Path(app.srcdir)) / f"{match['slug']}.toml").exists():
        return
    notebook = json.loads(source[0])
    text = f"## {HEADING}\n\n```{{quiz}} {match['slug']}\n```"
    cell = {"cell_type": "markdown", "id": "quiz", "metadata": {}, "source": text}
    notebook["cells"].append(cell)
    source[0] = json.dumps(notebook)


def warn_of_strays(app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of files of questions that belong to no lesson."""
    lessons = {
        match["slug"]
        for path in Path(app.srcdir, "notebooks").glob("*.ipynb")
        if (match := LESSON.fullmatch(f"notebooks/{path.stem}"))
    }
    for path in sorted(folder(Path(app.srcdir)).glob("*.toml")):
        if path.stem not in lessons:
            LOGGER.warning(
                "quiz: %s belongs to no lesson: name it after one of notebooks/NN_SLUG.ipynb (%s).",
                path.name,
                ", ".join(sorted(lessons)),
            )


def add_script(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Load the script on the pages that have questions."""
    if doctree is not None and next(iter(doctree.findall(quiz)), None) is not None:
        app.add_js_file(SCRIPT, loading_method="defer")


def visit_quiz(writer: HTML5Translator, node: nodes.Element) -> None:
    """Open the box of questions; the browser remembers answers under ``data-quiz``."""
    name = f"{node['slug']}-{node['digest']}"
    writer.body.append(f'<div class="quiz" data-quiz="{name}">\n')


def visit_question(writer: HTML5Translator, node: nodes.Element) -> None:
    """Open the group of one question's controls."""
    writer.body.append(f'<fieldset class="quiz-question" id="{node["key"]}">\n')


def visit_prompt(writer: HTML5Translator, node: nodes.Element) -> None:
    """Open the name of the group."""
    writer.body.append(f'<legend><span class="quiz-number">{node["number"]}.</span> ')


def visit_choices(writer: HTML5Translator, node: nodes.Element) -> None:
    """Open nothing: the group is the question's."""


def visit_choice(writer: HTML5Translator, node: nodes.Element) -> None:
    """Open one choice."""
    writer.body.append('<div class="quiz-choice">\n')


def visit_answer(writer: HTML5Translator, node: nodes.Element) -> None:
    """Write the control and open its label."""
    identity = f"{node['key']}-{node['letter']}"
    right = " data-right" if node["right"] else ""
    writer.body.append(
        f'<input type="radio" name="{node["key"]}" id="{identity}" '
        f'value="{node["letter"]}" autocomplete="off"{right}>'
        f'<label for="{identity}">'
    )


def visit_reason(writer: HTML5Translator, node: nodes.Element) -> None:
    """Open the reason, folded; the script shows that of the chosen answer alone."""
    writer.body.append('<details class="quiz-reason"><summary>Right or not, and why</summary>\n<p>')


CLOSING = {
    quiz: (visit_quiz, "</div>\n"),
    question: (visit_question, "</fieldset>\n"),
    prompt: (visit_prompt, "</legend>\n"),
    choices: (visit_choices, ""),
    choice: (visit_choice, "</div>\n"),
    answer: (visit_answer, "</label>\n"),
    reason: (visit_reason, "</p></details>\n"),
}


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive, its nodes, and what surrounds them."""
    for kind, (visit, end) in CLOSING.items():

        def depart(writer: HTML5Translator, node: nodes.Element, end: str = end) -> None:
            writer.body.append(end)

        app.add_node(cast("type[nodes.Element]", kind), html=(visit, depart))
    app.add_directive("quiz", Quiz)
    app.connect("source-read", add_cell)
    app.connect("env-updated", warn_of_strays)
    app.connect("html-page-context", add_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
