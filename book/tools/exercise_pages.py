"""What a lesson's page says of its exercises, for whoever grades them."""

from __future__ import annotations

import ast
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import judging
from nbformat import NotebookNode

import notebooks
from lt_course.errors import CourseError


@dataclass(frozen=True)
class Question:
    """An exercise as its page asks it: the name that the check takes, and the points."""

    name: str
    asked: str
    points: int


def source_of(slug: str) -> Path:
    """Return the source of a lesson, by its name without the number."""
    found = {path.stem[3:]: path for path in notebooks.sources()}
    if slug not in found:
        raise CourseError(f"No lesson is called {slug!r}; take one of {', '.join(found)}.")
    return found[slug]


def require_secret(seed: int) -> None:
    """Refuse the seed of the lesson's own checks, which is 0 and known to all."""
    if seed < 1:
        raise CourseError(f"`seed` is {seed}; take a whole number from 1 up that nobody knows.")


def questions(lesson: NotebookNode) -> list[Question]:
    """Return a page's exercises in order."""
    asked = {
        call.args[0].value: call.args[1].id
        for cell in lesson.cells
        if cell.cell_type == "code" and "exercise" not in cell.metadata
        for call in ast.walk(judging.parse(cell.source))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "check"
        if isinstance(call.args[0], ast.Constant) and isinstance(call.args[1], ast.Name)
    }
    cards: dict[str, int] = {}
    difficulty = 0
    for cell in lesson.cells:
        if cell.cell_type == "markdown":
            card = re.search(r"difficulty (\d) of 3", cell.source)
            difficulty = int(card[1]) if card else difficulty
        elif "exercise" in cell.metadata:
            cards[cell.metadata["exercise"]] = 2 * difficulty
    return [Question(name, asked[name], points) for name, points in cards.items()]


def page(lesson: NotebookNode) -> tuple[list[str], list[str]]:
    """Return what a cell finds on its page without a run, and all names that the page binds.

    That is the first cell, with its imports, and of the others what costs nothing: further
    imports, functions, classes and constants.
    """
    cells = [c for c in lesson.cells if c.cell_type == "code" and "exercise" not in c.metadata]
    first, *others = [judging.parse(cell.source) for cell in cells]
    cheap = [s for tree in others for s in tree.body if _costs_nothing(s)]
    names = {name for tree in (first, *others) for name in judging.bound(tree)}
    statements = ["from IPython.display import display", *map(ast.unparse, [*first.body, *cheap])]
    return statements, sorted(names)


def _costs_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assign):
        with suppress(ValueError):
            ast.literal_eval(statement.value)
            return True
    return isinstance(statement, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef)
