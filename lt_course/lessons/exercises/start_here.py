"""Exercises of lesson 00."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

from lt_course.lessons.exercises.kinds import (
    Exercise,
    Explanation,
    Function,
    Mistake,
    Number,
    Prediction,
)
from lt_course.statistics import pearson, spearman

Array = npt.NDArray[Any]
Ties = Literal["average", "min", "ordinal"]

# ---- Ties by hand
DRAWINGS, NAMED = np.array([120, 45, 8, 8, 3, 1]), np.array([27, 25, 32, 27, 27, 13])


def _ranked(values: Array, ties: Ties) -> Array:
    return np.asarray(stats.rankdata(values, ties))


def _of_ranks(ties: Ties) -> float:
    return pearson(_ranked(DRAWINGS, ties), _ranked(NAMED, ties))


def _short_formula() -> float:
    """1 - 6 sum(d^2) / (n^3 - n), which holds without ties alone."""
    n, d = len(DRAWINGS), _ranked(DRAWINGS, "average") - _ranked(NAMED, "average")
    return 1 - 6 * float((d**2).sum()) / (n**3 - n)


# ---- The tail's share
def tail_share(frequency: Array, predictions: Array, n: int) -> float:
    """Share of all predictions that name one of the n rarest concepts."""
    rarest = np.argsort(frequency, kind="stable")[:n]
    return float(np.asarray(predictions)[rarest].sum() / np.sum(predictions))


def _of_the_head(frequency: Array, predictions: Array, n: int) -> float:
    return tail_share(-frequency, predictions, n)


def _unsorted(frequency: Array, predictions: Array, n: int) -> float:
    return float(predictions[-n:].sum() / predictions.sum())


def _least_predicted(frequency: Array, predictions: Array, n: int) -> float:
    return tail_share(predictions, predictions, n)


def _mean(frequency: Array, predictions: Array, n: int) -> float:
    return float(predictions[np.argsort(frequency)[:n]].mean())


def _count(frequency: Array, predictions: Array, n: int) -> float:
    return float(predictions[np.argsort(frequency)[:n]].sum())


def _of_drawings(frequency: Array, predictions: Array, n: int) -> float:
    return tail_share(frequency, frequency, n)


def _studies(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for classes, n in ((60, 20), (10, 3)):
        frequency = rng.permutation(1000)[:classes] + 1
        yield frequency, rng.poisson(1 + frequency / 20), n


EXERCISES: dict[str, Exercise] = {
    "guess": Prediction(low=-1, high=1, unit="a correlation"),
    "ties": Number(
        expected=lambda: spearman(DRAWINGS, NAMED),
        mistakes=(
            Mistake(
                lambda: pearson(DRAWINGS, NAMED),
                "This is Pearson's correlation of the counts themselves: rank both columns first.",
            ),
            Mistake(
                lambda: _of_ranks("ordinal"),
                "Both columns are ranked, but ties have got different ranks: equal counts share "
                "the mean of theirs.",
            ),
            Mistake(
                lambda: _of_ranks("min"),
                "Equal counts share a rank here, but the smallest of theirs: take the mean.",
            ),
            Mistake(
                lambda: pearson(_ranked(DRAWINGS, "average"), NAMED),
                "Only the drawings are ranked: rank the predictions, too.",
            ),
            Mistake(
                lambda: pearson(DRAWINGS, _ranked(NAMED, "average")),
                "Only the predictions are ranked: rank the drawings, too.",
            ),
            Mistake(
                _short_formula,
                "The short formula with squared differences of ranks holds without ties alone: "
                "correlate the ranks.",
            ),
        ),
        hint="Write the six ranks of each column down: three concepts share a rank in the second.",
    ),
    "tail-share": Function(
        reference=tail_share,
        inputs=_studies,
        mistakes=(
            Mistake(_of_the_head, "These are the most frequent concepts, not the rarest."),
            Mistake(
                _unsorted,
                "These are the last concepts as they come: sort them by frequency first.",
            ),
            Mistake(
                _least_predicted,
                "These are the concepts that are predicted least: the tail is rare in training.",
            ),
            Mistake(_mean, "This is a mean number of predictions: a share is asked for."),
            Mistake(_count, "This is a number of predictions: divide it by all of them."),
            Mistake(
                _of_drawings, "This is the tail's share of the training drawings, not predictions."
            ),
        ),
        hint="Which concepts are the n rarest? How many predictions name them, of how many?",
    ),
    "low-sp": Explanation(
        model=(
            "First, a model can fail on the most frequent concepts: then it predicts them seldom, "
            "and a rise over the other concepts is cancelled. I would look at the accuracy of the "
            "most frequent concepts, and at S(p) without them. Second, a model near chance follows "
            "nothing, because its answers have nothing to do with the drawings: I would look at "
            "its accuracy beside S(p). In the same way a model that prefers a few concepts for "
            "other reasons has a low S(p), but a very uneven number of predictions."
        ),
        ideas={
            "a model that fails on the most frequent concepts, or near chance": (
                "fail",
                "wrong",
                "bad",
                "chance",
                "random",
                "poor",
                "inaccura",
            ),
            "what to look at beside S(p)": (
                "accuracy",
                "accurate",
                "recognis",
                "recogniz",
                "without",
                "leave",
                "scatter",
            ),
            "frequent concepts, or the head": ("frequent", "head", "top"),
        },
    ),
}
