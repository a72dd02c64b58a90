"""Exercises: what a reader's answer is checked against, apart from the notebooks.

A lesson's exercises are the dictionary ``EXERCISES`` of the module here that has the lesson's
name. Its notebook asks by an exercise's name, so that no answer stands in it:

    check = exercises.of("measuring_bias")
    check("rank-correlation", my_function)
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from lt_course.errors import CourseError
from lt_course.lessons.exercises.kinds import Exercise, Prediction


def of(lesson: str) -> Checker:
    """The checker of a lesson, by the lesson's name without its number."""
    return Checker(lesson, import_module(f"{__name__}.{lesson}").EXERCISES)


class Checker:
    """Says of answers whether they are right, in one printed line, and never raises for one."""

    def __init__(self, lesson: str, exercises: dict[str, Exercise]) -> None:
        self.lesson, self.exercises = lesson, exercises
        self._kept: dict[str, Any] = {}

    def __call__(self, name: str, answer: Any) -> None:
        """Print `✓` for a right answer, `✗` and what it has done for a wrong one, `○` for none.

        The first admissible prediction is kept; another one does not take its place.
        """
        exercise = self._exercise(name)
        if isinstance(exercise, Prediction) and name in self._kept:
            print(f"✓ {name}: your prediction of {self._kept[name]} is kept")
            return
        judgement = exercise.judge(answer)
        if isinstance(exercise, Prediction) and judgement.right:
            self._kept[name] = answer
        mark = {True: "✓", False: "✗", None: "○"}[judgement.right]
        print(f"{mark} {name}: {judgement.sentence}")

    def reveal(self, name: str, measured: Any) -> None:
        """Print what was predicted beside what was measured."""
        exercise = self._exercise(name)
        assert isinstance(exercise, Prediction)
        print(exercise.compare(self._kept.get(name), measured))

    def _exercise(self, name: str) -> Exercise:
        if name not in self.exercises:
            raise CourseError(
                f"Lesson {self.lesson!r} has no exercise {name!r}; it has "
                f"{', '.join(map(repr, self.exercises))}."
            )
        return self.exercises[name]
