"""Grade submitted lessons with the course's own checks, on other hidden inputs than theirs.

    python book/tools/grading.py grade measuring_bias --seed 7 submissions/*.ipynb
    python book/tools/grading.py otter measuring_bias --seed 7
    python book/tools/grading.py nbgrader measuring_bias --seed 7

Keep the seed to yourself: whoever knows it can draw the inputs. The last two write the same
exercises for otter-grader 7 and nbgrader 0.9, into ``_build/grading/`` (`grading_formats`).

A grade needs no notebook to run from top to bottom. Each exercise cell runs alone (`judging`), on
Linux or macOS.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import grading_formats
import judging
import nbformat
from exercise_pages import Question, page, questions, require_secret, source_of
from nbformat import NotebookNode

import notebooks
from lt_course.errors import CourseError
from lt_course.lessons import exercises
from lt_course.lessons.exercises.kinds import Explanation

LIMIT = 20.0  # seconds for a cell and its judge
BY_PERSON = "to be read by a person"


@dataclass(frozen=True)
class Result:
    """What one exercise was given.

    Attributes:
        name: of the exercise.
        points: given, 0 or all.
        of: twice the difficulty that the exercise's card states, 2 to 6.
        sentence: why, on one line.
        by_person: whether the points are provisional, for a person to confirm or change.
    """

    name: str
    points: int
    of: int
    sentence: str
    by_person: bool = False


@dataclass(frozen=True)
class Report:
    """What a submission was given, exercise by exercise, in the lesson's order."""

    lesson: str
    seed: int
    results: tuple[Result, ...]

    @property
    def points(self) -> int:
        """Points given, those included that a person is to confirm."""
        return sum(result.points for result in self.results)

    @property
    def of(self) -> int:
        """Points that there are."""
        return sum(result.of for result in self.results)

    def to_json(self) -> str:
        """Write the report as JSON."""
        return json.dumps(asdict(self) | {"points": self.points, "of": self.of}, indent=2)

    def __str__(self) -> str:
        lines = [f"{self.lesson}: {self.points} of {self.of} points (seed {self.seed})"]
        for r in self.results:
            note = f" [{BY_PERSON}]" if r.by_person else ""
            lines.append(f"  {r.points}/{r.of} {r.name}: {r.sentence}{note}")
        return "\n".join(lines)


def submitted(path: Path) -> dict[str, NotebookNode]:
    """Return the exercise cells of a submission by name, wherever they stand.

    Of several with one name, as a copied cell has, the last that is not empty counts.
    """
    try:
        notebook = nbformat.read(path, as_version=4)
    except Exception as error:
        raise CourseError(f"{path} is not a notebook ({type(error).__name__}).") from error
    cells: dict[str, NotebookNode] = {}
    for cell in notebook.cells:
        name = cell.metadata.get("exercise")
        if name is not None and (name not in cells or cell.source.strip()):
            cells[name] = cell
    if not cells:
        raise CourseError(
            f"No cell of {path} has `exercise` in its metadata: ask for the file as Jupyter saves "
            "it, without its metadata removed."
        )
    return cells


def grade(notebook: Path, slug: str, seed: int, limit: float = LIMIT) -> Report:
    """Grade a submission.

    Args:
        notebook: the student's ``.ipynb``.
        slug: the lesson's name without its number.
        seed: from 1 up, of the hidden inputs; 0 draws those that the lesson's checks have.
        limit: seconds for each cell and its judge.

    Raises:
        CourseError: if nothing can be said of the submission: no such lesson, no notebook, no
            metadata, a seed below 1, or a course that does not start.
    """
    require_secret(seed)
    lesson = notebooks.read_source(source_of(slug))
    cells = submitted(notebook)
    asked = questions(lesson)
    statements, names = page(lesson)
    task = {"lesson": slug, "seed": seed, "limit": limit, "page": statements, "elsewhere": names}
    told = {question.name: _without_a_run(cells.get(question.name)) for question in asked}
    answered = [question for question in asked if told[question.name] is None]
    verdicts = _verdicts(
        task,
        [{"exercise": q.name, "asked": q.asked, "cell": cells[q.name].source} for q in answered],
    )
    judged = dict(zip((question.name for question in answered), verdicts, strict=True))
    results = [
        Result(q.name, 0, q.points, told[q.name] or "")
        if q.name not in judged
        else _result(q, judged[q.name], slug)
        for q in asked
    ]
    return Report(slug, seed, tuple(results))


def _without_a_run(cell: NotebookNode | None) -> str | None:
    """Return what is wrong with a cell that need not be run, or None."""
    if cell is None:
        return "the notebook has no cell of this exercise."
    if cell.cell_type != "code":
        return f"the cell is a {cell.cell_type} cell; the answer belongs in code."
    return None if cell.source.strip() else "the cell is empty."


def _result(question: Question, verdict: dict[str, Any], slug: str) -> Result:
    right, sentence, by_person = verdict["right"], verdict["sentence"], False
    if not right and verdict["needs"]:
        sentence = f"it cannot be judged alone; it needs {', '.join(verdict['needs'])}."
        by_person = True
    elif isinstance(exercises.of(slug).exercises[question.name], Explanation):
        by_person = right is not None
        if right:
            sentence = "it speaks of all that it should."
    elif not verdict["draws"]:
        sentence += " (This exercise has the same hidden inputs for every seed.)"
    return Result(
        question.name, question.points if right else 0, question.points, sentence, by_person
    )


def _verdicts(task: dict[str, Any], cells: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Have cells judged in another process, which gives each one of its own."""
    paths = [str(notebooks.NOTEBOOKS.parent), os.environ.get("PYTHONPATH", "")]
    finished = subprocess.run(
        [sys.executable, judging.__file__],
        input=json.dumps(task | {"cells": cells}),
        env=os.environ | {"MPLBACKEND": "Agg", "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
    )
    if finished.returncode:
        *_, last = finished.stderr.splitlines() or ["it said nothing"]
        raise CourseError(f"The cells of {task['lesson']!r} could not be judged here: {last}")
    verdicts: list[dict[str, Any]] = json.loads(finished.stdout)
    return verdicts


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("command", choices=["grade", "otter", "nbgrader"])
    parser.add_argument("slug", help="for example measuring_bias")
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK")
    parser.add_argument("--seed", type=int, required=True, help="from 1 up, and secret")
    options = parser.parse_args()
    write = {
        "otter": grading_formats.otter_archive,
        "nbgrader": grading_formats.nbgrader_release,
    }
    status = 0
    for notebook in options.notebooks if options.command == "grade" else [Path()]:
        try:
            if options.command == "grade":
                told = f"{notebook}\n{grade(notebook, options.slug, options.seed)}"
            else:
                told = str(write[options.command](options.slug, options.seed))
            print(told, flush=True)
        except CourseError as error:  # the other submissions are graded all the same
            print(error, file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
