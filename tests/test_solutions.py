"""Every solution passes its check, in its lesson; every check judges what else may come."""

import importlib
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import notebooks
from lt_course.lessons.exercises import kinds

LESSONS = [source for source in notebooks.sources() if notebooks.solutions(source).exists()]
EXERCISES = [
    (source.stem[3:], name, exercise)
    for source in LESSONS
    for name, exercise in importlib.import_module(
        f"lt_course.lessons.exercises.{source.stem[3:]}"
    ).EXERCISES.items()
]
LEAST = 4


def of(kind: type) -> pytest.MarkDecorator:
    """Parametrize by the exercises of a kind."""
    found = [(f"{slug}-{name}", e) for slug, name, e in EXERCISES if isinstance(e, kind)]
    return pytest.mark.parametrize("exercise", [e for _, e in found], ids=[i for i, _ in found])


lesson = pytest.mark.parametrize("source", LESSONS, ids=lambda path: path.stem)


def in_turn() -> list[object]:
    """A third of the lessons, another one each day; all of them in ``make full``."""
    today = date.today().toordinal()
    return [
        pytest.param(source, id=source.stem, marks=() if n % 3 == today % 3 else pytest.mark.slow)
        for n, source in enumerate(LESSONS)
    ]


@pytest.mark.parametrize("source", in_turn())
def test_every_solution_passes_its_check(source: Path) -> None:
    """Put each into its stub, run the lesson, and ask every check for a pass."""
    notebook = notebooks.solved(source)
    notebooks.execute(notebook)
    for name in notebooks.exercise_cells(notebook):
        check = next(c for c in notebook.cells if f'check("{name}"' in c.source)
        printed = "".join(o.get("text", "") for o in check.outputs)
        assert printed.startswith("✓"), f"{name}: {printed}"


@lesson
def test_notebook_and_module_have_the_same_exercises(source: Path) -> None:
    asked = notebooks.exercise_cells(notebooks.read_source(source))
    assert list(asked) == [name for slug, name, _ in EXERCISES if slug == source.stem[3:]]
    assert len(asked) >= LEAST
    kinds_asked = {type(e).__name__ for slug, _, e in EXERCISES if slug == source.stem[3:]}
    assert kinds_asked & {"Function"}, "no function to write"
    assert kinds_asked & {"Prediction"}, "nothing to predict"
    assert kinds_asked & {"Explanation"}, "nothing to explain"


@lesson
def test_no_answer_stands_in_the_notebook(source: Path) -> None:
    """A stub as it is is no answer yet; its check prints so."""
    notebook = notebooks.nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    for name in notebooks.exercise_cells(notebook):
        check = next(c for c in notebook.cells if f'check("{name}"' in c.source)
        assert "".join(o.get("text", "") for o in check.outputs).startswith("○"), name


def raises(*arguments):
    raise RuntimeError("no")


@of(object)
def test_what_is_no_answer_is_not_judged_right(exercise: kinds.Exercise) -> None:
    for odd in ("", "an answer", True, [], {}, object(), float("nan"), raises, print, b"", {1: 2}):
        assert exercise.judge(odd).right is not True, odd
    for missing in (None, ...):
        assert exercise.judge(missing).right is None


@of(kinds.Number)
def test_numbers_are_right_however_they_are_held(exercise: kinds.Number) -> None:
    value = np.asarray(exercise.expected(), np.float64)
    rounded = np.round(value, exercise.decimals)
    for right in (value, rounded, value.tolist(), rounded.astype(np.float64)):
        assert exercise.judge(right).right, right
    if value.ndim:
        assert exercise.judge(pd.Series(value.ravel().tolist())).right or value.ndim > 1
        assert exercise.judge(tuple(value.tolist())).right
    for wrong in (value + 1.5, value * 3 + 0.7, -value - 1):
        assert exercise.judge(wrong).right is False
    assert len(exercise.mistakes) >= 2
    for mistake in exercise.mistakes:
        gives = mistake.gives() if callable(mistake.gives) else mistake.gives
        assert exercise.judge(gives) == kinds.Judgement(False, mistake.sentence)


@of(kinds.Function)
def test_functions_are_right_by_what_they_give(exercise: kinds.Function) -> None:
    assert exercise.judge(exercise.reference).right, exercise.judge(exercise.reference)
    assert exercise.judge(lambda *a: exercise.reference(*a)).right
    for wrong in (
        raises,
        lambda *a: 0,
        lambda *a: 1.0,
        lambda *a: a[0],
        lambda *a: "no",
        lambda: 0,
    ):
        assert exercise.judge(wrong).right is False
    assert exercise.judge(lambda *a: None).right is None
    assert len(exercise.mistakes) >= 2
    for mistake in exercise.mistakes:
        judged = exercise.judge(mistake.gives)
        assert judged.right is False
        if exercise.complaint is None:
            assert judged.sentence == mistake.sentence


@of(kinds.Choice)
def test_choices_have_reasons(exercise: kinds.Choice) -> None:
    right = exercise.expected()
    assert exercise.judge(right).right
    if isinstance(right, tuple):
        assert exercise.judge(list(right)).right
        assert exercise.judge(right[::-1]).right is (right == right[::-1])
    assert len(exercise.reasons) >= 2
    for reason in exercise.reasons:
        assert exercise.judge(reason.gives) == kinds.Judgement(False, reason.sentence)


@of(kinds.Explanation)
def test_a_models_own_ideas_are_found_in_it(exercise: kinds.Explanation) -> None:
    assert exercise.judge(exercise.model).right
    assert exercise.judge(" ".join(exercise.model.split()[:3])).right is False
