"""Exercises of lesson 13: unequal test sets, chance, a falling line, and wrong frequency files."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np
import numpy.typing as npt

from lt_course.counting import web_frequencies
from lt_course.evidence import paper
from lt_course.lessons.exercises.kinds import (
    Exercise,
    Explanation,
    Function,
    Mistake,
    Number,
    Prediction,
)
from lt_course.statistics import pearson, spearman

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Two = tuple[float, float]


# ---- When the test set is not balanced
def _matrices(rng: np.random.Generator) -> Iterable[tuple[Ints, Ints]]:
    """Confusion matrices of classes with few and with many test pictures, with ties."""
    for classes in (12, 30):
        frequency = rng.integers(1, 1_000, size=classes)
        shown = rng.permuted(np.geomspace(6, 120, classes).astype(np.int64))
        liked = np.sqrt(frequency) * rng.uniform(0.3, 3, size=classes)
        chances = np.tile(liked / liked.sum(), (classes, 1)) + np.diag(rng.uniform(0, 1, classes))
        chances /= chances.sum(1, keepdims=True)
        confusion = np.stack([rng.multinomial(n, p) for n, p in zip(shown, chances, strict=True)])
        yield confusion + np.eye(classes, dtype=np.int64), frequency


def _balanced(confusion: Ints, frequency: Ints) -> Two:
    shares = confusion / confusion.sum(1, keepdims=True)
    return spearman(frequency, shares.diagonal()), spearman(frequency, shares.sum(0))


def _raw(confusion: Ints, frequency: Ints) -> Two:
    return _balanced(confusion, frequency)[0], spearman(frequency, confusion.sum(0))


def _precision(confusion: Ints, frequency: Ints) -> Two:
    shares = confusion / confusion.sum(1, keepdims=True)
    named = confusion.diagonal() / confusion.sum(0)
    return spearman(frequency, named), spearman(frequency, shares.sum(0))


def _hits(confusion: Ints, frequency: Ints) -> Two:
    return spearman(frequency, confusion.diagonal()), _balanced(confusion, frequency)[1]


def _per_picture(confusion: Ints, frequency: Ints) -> Two:
    named = confusion.sum(0) / confusion.sum(1)
    return _balanced(confusion, frequency)[0], spearman(frequency, named)


def _pearson(confusion: Ints, frequency: Ints) -> Two:
    shares = confusion / confusion.sum(1, keepdims=True)
    return pearson(frequency, shares.diagonal()), pearson(frequency, shares.sum(0))


def _by_place(confusion: Ints, frequency: Ints) -> Two:
    shares = confusion / confusion.sum(1, keepdims=True)
    places = [v.argsort().argsort() for v in (frequency, shares.diagonal(), shares.sum(0))]
    return pearson(places[0], places[1]), pearson(places[0], places[2])


# ---- Which frequency file?
S_OWN = 0.34  # of the exercise on the sign


@cache
def _all_captions() -> Two:
    """The two files' correlation, and S(a) of YFCC-15M's models by the labelled subset."""
    pairs = web_frequencies.load(download=False).correlations
    labelled = pairs["second"] == "yfcc15m_cls_imagenet_ori"
    r = pairs.loc[(pairs["first"] == "yfcc15m") & labelled, "spearman"].to_numpy()
    return float(r[0]), paper.value("fig1b", "yfcc15m", "clip", "spearman_accuracy")


def _both(sign: int = -1) -> Floats:
    """What attenuation predicts, and the lowest (sign -1) or highest that is possible."""
    r, S = _all_captions()
    return np.array([r * S, r * S + sign * np.sqrt((1 - r**2) * (1 - S**2))])


def _instead(expected: float) -> Floats:
    """Another first number beside the right second one."""
    return np.array([expected, _both()[1]])


EXERCISES: dict[str, Exercise] = {
    "unequal": Function(
        _balanced,
        _matrices,
        [
            Mistake(
                _raw,
                "S(p) is of raw column sums: a class with more test pictures gets more answers. "
                "Divide each row by its sum first.",
            ),
            Mistake(
                _per_picture,
                "Each column sum is divided by the pictures of the class that is named. The "
                "answers come from rows of other classes: divide the rows, then add up.",
            ),
            Mistake(
                _precision,
                "S(a) is of the diagonal over column sums. That is how often an answer is right; "
                "accuracy divides by the pictures of the class, its row sum.",
            ),
            Mistake(_hits, "S(a) is of the number of right answers; divide it by the row sum."),
            Mistake(
                lambda confusion, frequency: _balanced(confusion.T, frequency),
                "Rows and columns have changed places: true classes stand in the rows.",
            ),
            Mistake(
                lambda confusion, frequency: _balanced(confusion, frequency)[::-1],
                "These are S(p) and S(a); return S(a) first.",
            ),
            Mistake(_pearson, "This is Pearson's correlation of the values; rank them first."),
            Mistake(
                _by_place,
                "Equal values have been ranked by the place in which they stand; let them share "
                "the mean of their places.",
            ),
        ],
        "Divide each row by its sum; then the diagonal, and the column sums.",
    ),
    "ten-classes": Prediction(0, 1, unit="|S|"),
    "falling": Explanation(
        "A preference for frequent classes moves right answers and wrong answers to them alike, so "
        "S(a) and S(p) rise together; models that differ in it alone lie on a rising line. If S(p) "
        "is lower although S(a) is higher, the wrong answers must have changed: they name rare "
        "classes more often, or frequent ones less often, than those of the other model. From each "
        "confusion matrix take the column sums without the diagonal, which are the wrong answers "
        "that name a class, and correlate them with frequency.",
        {
            "wrong answers": ("wrong", "error", "mistake", "false alarm", "f_c"),
            "which classes the wrong answers name": ("rare", "tail", "frequent", "head"),
            "what a preference does to both correlations": (
                "together",
                "same way",
                "same direction",
                "both",
                "rising",
                "alike",
            ),
            "what is computed from a confusion matrix": ("column", "diagonal", "off-diagonal"),
        },
        words=25,
    ),
    "sure-sign": Number(
        lambda: float(np.sqrt(1 - S_OWN**2)),
        [
            Mistake(S_OWN, "This is S itself. The lower limit r S - sqrt(...) is to be 0."),
            Mistake(
                1 - S_OWN**2,
                "This is the square of r: r² S² = (1 - r²)(1 - S²) gives r² = 1 - S².",
            ),
            Mistake(
                float(np.sqrt(1 - S_OWN)),
                "S has to be squared under the root.",
            ),
            Mistake(
                0,
                "That is attenuation: r S is positive as soon as r is. Without the assumption the "
                "lower limit counts.",
            ),
        ],
        "Set the lower limit to 0 and square both sides.",
    ),
    "all-captions": Number(
        _both,
        [
            Mistake(
                lambda: _instead(_all_captions()[1] / _all_captions()[0]),
                "S / r would undo an attenuation; here the file is worse, so S shrinks to r S.",
            ),
            Mistake(
                lambda: _instead(_all_captions()[0] ** 2 * _all_captions()[1]),
                "The factor is r, not r²: r² is a share of variance.",
            ),
            Mistake(
                lambda: _both()[::-1],
                "Both are right, in the other order: first what is expected, then the smallest.",
            ),
            Mistake(
                lambda: _both(1),
                "The second number is the largest that is possible, with + before the root.",
            ),
        ],
        "r S, and r S minus the root of (1 - r²)(1 - S²).",
    ),
    "slip": Prediction(-1, 1, unit="S(p)"),
}
