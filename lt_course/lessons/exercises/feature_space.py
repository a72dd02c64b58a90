"""Lesson 10, feature space."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch
from scipy import stats
from torch import Tensor

from lt_course.evaluation.neural_collapse import nc2_per_class
from lt_course.lessons.exercises.kinds import (
    Choice,
    Exercise,
    Explanation,
    Function,
    Mistake,
    Prediction,
)

FloatArray = npt.NDArray[np.float64]


def _means(rng: np.random.Generator) -> Iterable[tuple[Tensor]]:
    """Class means off the origin; in the second set two are opposite to each other."""
    yield (torch.from_numpy(rng.normal(0.5, 1, size=(9, 6))),)
    rows = rng.normal(size=(6, 3))
    rows[1] = -rows[0]
    yield (torch.from_numpy(rows + 0.2),)


def _nearest(vectors: Tensor) -> Tensor:
    return nc2_per_class(vectors, nearest=True)


def _itself(vectors: Tensor) -> Tensor:
    return torch.full((len(vectors),), 1 + 1 / (len(vectors) - 1), dtype=torch.float64)


def _signed(vectors: Tensor) -> Tensor:
    v = vectors - vectors.mean(0)
    v = v / v.norm(dim=1, keepdim=True)
    return (v @ v.T).fill_diagonal_(-torch.inf).amax(1) + 1 / (len(v) - 1)


def _triples(rng: np.random.Generator) -> Iterable[tuple[FloatArray, FloatArray, FloatArray]]:
    """Three columns that go together, of classes, far from normal and without ties."""
    for classes in (30, 12):
        c = rng.normal(size=classes)
        a, b = (c + rng.normal(size=classes) for _ in range(2))
        yield np.exp(2 * a), b + 0.5 * a, c**3


def _partial(a: FloatArray, b: FloatArray, given: FloatArray) -> float:
    return _partial_of(*(stats.rankdata(each) for each in (a, b, given)))


def _partial_of(a: FloatArray, b: FloatArray, given: FloatArray) -> float:
    r = np.asarray(np.corrcoef(np.stack([a, b, given])))
    ab, ac, bc = r[0, 1], r[0, 2], r[1, 2]
    return float((ab - ac * bc) / np.sqrt((1 - ac**2) * (1 - bc**2)))


def _plain(a: FloatArray, b: FloatArray, given: FloatArray) -> float:
    return float(stats.spearmanr(a, b).statistic)


def _one_sided(a: FloatArray, b: FloatArray, given: FloatArray) -> float:
    ranks = [stats.rankdata(each) for each in (a, b, given)]
    r = np.asarray(np.corrcoef(np.stack(ranks)))
    ab, ac, bc = r[0, 1], r[0, 2], r[1, 2]
    return float((ab - ac * bc) / np.sqrt(1 - bc**2))


def _difference(a: FloatArray, b: FloatArray, given: FloatArray) -> float:
    return _plain(a, b, given) - _plain(a, given, b) * _plain(b, given, a)


EXERCISES: dict[str, Exercise] = {
    "nearest": Function(
        _nearest,
        _means,
        [
            Mistake(nc2_per_class, "this is the mean over the others; the largest is asked for."),
            Mistake(
                lambda v: nc2_per_class(v, centre=False, nearest=True),
                "the class means are not centred here: subtract their common mean first.",
            ),
            Mistake(
                _itself,
                "each class has been compared with itself, whose cosine is 1: leave the diagonal "
                "out.",
            ),
            Mistake(
                _signed,
                "the absolute value is missing: a cosine far below -1 / (C - 1) counts as well.",
            ),
        ],
        hint="Centre, bring the rows to length 1, then amax in the place of the mean.",
    ),
    "centred-text": Prediction(-1, 1, unit="S(p)"),
    "halves": Explanation(
        "An answer is the largest product of a picture with a class vector. Subtracting the "
        "common mean of the class vectors takes the same number from all products of a picture, so "
        "no answer changes. What changes answers is the step to length 1. Rare concepts' vectors "
        "lie near the common mean, so little is left of them, and length 1 makes them longer than "
        "the others' remainders: their products grow, rare concepts are named more often, and "
        "S(p) falls. The mean picture has its own product with each class vector, which is added "
        "to every picture's. It is larger for rare concepts, so it worked against the head. "
        "Subtracting it from the pictures takes this away, and S(p) rises. The sum of both moves "
        "little.",
        {
            "the step to length 1": ("length", "normal", "norm ", "unit", "rescal"),
            "which class vectors lie near the common mean": ("rare", "tail"),
            "the mean picture's product with class vectors": (
                "mean picture",
                "average picture",
                "pictures' mean",
                "mean of the pictures",
                "product",
            ),
        },
        words=25,
    ),
    "partial": Function(
        _partial,
        _triples,
        [
            Mistake(_plain, "this is the plain correlation of a and b; `given` has no part in it."),
            Mistake(
                _partial_of,
                "this is the partial correlation of the values; rank all three first.",
            ),
            Mistake(
                _one_sided,
                "`given` has been taken out of one of the two only; take it out of both.",
            ),
            Mistake(
                _difference,
                "this is the numerator alone; divide by the root of (1 - r_ac^2)(1 - r_bc^2).",
            ),
        ],
        hint="Rank a, b and given; then the formula, or the residuals of two linear fits.",
    ),
    "one-mean": Prediction(-1, 1, unit="Spearman's correlation"),
    "reading": Choice(
        lambda: "mean cosine",
        ("mean cosine", "nc2", "5 nearest"),
        [
            Mistake(
                "nc2",
                "the mean of |cos + 1/(C - 1)| is large for a class with some cosines far above "
                "and some far below the simplex's; centring does not make that equal for all.",
            ),
            Mistake(
                "5 nearest",
                "a class can have near neighbours wherever the common mean lies; this reading "
                "keeps its spread.",
            ),
        ],
        hint="Which of the three is, after centring, the same for all classes up to a trace?",
    ),
}
