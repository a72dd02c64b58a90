"""Exercises of the lesson on imbalance, shift and diversity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from lt_course.lessons.exercises.kinds import (
    Exercise,
    Explanation,
    Function,
    Mistake,
    Prediction,
)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def deal_once(counts: Ints, supply: Ints, seed: int) -> Ints:
    """Each count, the largest first, to the lowest key among concepts that can fill it."""
    key = np.random.default_rng(seed).permutation(len(supply))
    return _serve(counts, supply, key)


def _serve(counts: Ints, supply: Ints, key: NDArray[Any]) -> Ints:
    frequency, left = np.zeros_like(counts), np.ones(len(counts), bool)
    for count in counts:
        able = np.flatnonzero(left & (supply >= count))
        if not len(able):  # of a deal that has gone wrong
            able = np.flatnonzero(left)
        chosen = able[key[able].argmin()]
        frequency[chosen], left[chosen] = count, False
    return frequency


def _anew(counts: Ints, supply: Ints, seed: int) -> Ints:
    generator, frequency = np.random.default_rng(seed), np.zeros_like(counts)
    left = np.ones(len(counts), bool)
    for count in counts:
        chosen = generator.choice(np.flatnonzero(left & (supply >= count)))
        frequency[chosen], left[chosen] = count, False
    return frequency


def _ignores_supply(counts: Ints, supply: Ints, seed: int) -> Ints:
    key = np.random.default_rng(seed).permutation(len(supply))
    return _serve(counts, np.full_like(supply, counts.max()), key)


def _deals(generator: np.random.Generator) -> Iterator[tuple[Ints, Ints, int]]:
    for C, seed in ((12, 3), (30, 0), (30, 1)):
        counts = np.sort(generator.integers(1, 200, C))[::-1].copy()
        supply = generator.permutation(counts + generator.integers(0, 60, C))
        yield counts, supply, seed


SHUFFLES = 2000


def _shuffled(frequency: Floats, values: Floats, seed: int = 1) -> tuple[float, Floats]:
    """Spearman's correlation as it is, and of shuffles."""
    a, b = (stats.zscore(stats.rankdata(each)) for each in (frequency, values))
    orders = np.random.default_rng(seed).permuted(np.tile(a, (SHUFFLES, 1)), axis=1)
    return float(a @ b / len(a)), orders @ b / len(a)


def by_luck(frequency: Floats, values: Floats) -> float:
    """The two-sided p-value of a permutation test of Spearman's correlation."""
    found, shuffled = _shuffled(frequency, values)
    return float((np.abs(shuffled) >= abs(found) - 1e-12).mean())


def _one_sided(frequency: Floats, values: Floats) -> float:
    found, shuffled = _shuffled(frequency, values)
    return float((shuffled >= found - 1e-12).mean())


def _farther_share(frequency: Floats, values: Floats) -> float:
    return 1 - by_luck(frequency, values)


def _of_counts(frequency: Floats, values: Floats) -> float:
    a, b = stats.zscore(frequency), stats.zscore(values)
    orders = np.random.default_rng(1).permuted(np.tile(a, (SHUFFLES, 1)), axis=1)
    return float((np.abs(orders @ b) >= abs(a @ b) - 1e-12).mean())


def _runs(generator: np.random.Generator) -> Iterator[tuple[Floats, Floats]]:
    frequency = np.exp(generator.normal(3, 1.5, 60)).round().astype(np.float64)
    noise = generator.normal(size=60)
    yield frequency, noise
    for tie in (0.12, -0.12, -0.2):
        yield frequency, tie * stats.zscore(stats.rankdata(frequency)) + noise


def shift_cost(a: Floats) -> float:
    """The mean over columns of the diagonal's entry less the mean of the others; a is [K, K]."""
    K = len(a)
    others = (a.sum(0) - np.diag(a)) / (K - 1)
    return float((np.diag(a) - others).mean())


def _tables(generator: np.random.Generator) -> Iterator[tuple[Floats]]:
    for K in (2, 3, 5):
        yield (generator.uniform(0.1, 0.9, (K, K)),)


EXERCISES: dict[str, Exercise] = {
    "deal-once": Function(
        deal_once,
        _deals,
        mistakes=[
            Mistake(
                lambda counts, supply, seed: counts.copy(),
                "This gives the largest count to the first concept whatever the seed and the "
                "supply: use the keys.",
            ),
            Mistake(
                _ignores_supply,
                "Some concepts get more pictures than they have drawings: ask for supply >= count.",
            ),
            Mistake(
                lambda counts, supply, seed: _serve(counts, supply, -supply),
                "This is sorted by supply, and no chance is in it: the frequent concepts would be "
                "those with the most drawings, which a deal is to avoid.",
            ),
            Mistake(
                _anew,
                "It draws anew at each rank, as the lesson's own deal does: draw the keys once, "
                "before the loop.",
            ),
            Mistake(
                lambda counts, supply, seed: _serve(
                    counts, supply, -np.random.default_rng(seed).permutation(len(supply))
                ),
                "The highest key wins here; the lowest is asked for.",
            ),
        ],
        hint="np.flatnonzero(left & (supply >= count)) are the able ones; key[able].argmin() is "
        "the place of the winner among them.",
    ),
    "steeper": Prediction(-1, 1, unit="the difference of S(a)"),
    "by-luck": Function(
        by_luck,
        _runs,
        mistakes=[
            Mistake(
                _one_sided,
                "This is one-sided: compare absolute values, since luck may point either way.",
            ),
            Mistake(
                _farther_share,
                "This is the share of shuffles that stay nearer to 0; the p-value is the rest.",
            ),
            Mistake(
                _of_counts, "This is Pearson's correlation of the values themselves: rank first."
            ),
            Mistake(
                lambda frequency, values: abs(_shuffled(frequency, values)[0]),
                "This is the correlation itself; count how many shuffles reach it.",
            ),
        ],
        hint="(np.abs(shuffled) >= abs(found)).mean()",
        tolerance=0.045,
    ),
    "shift-cost": Function(
        shift_cost,
        _tables,
        mistakes=[
            Mistake(
                lambda a: float(a[0, 0] - a[1:, 0].mean()),
                "This is one column alone: one of the training sets may simply teach more.",
            ),
            Mistake(
                lambda a: float(a[0, 0] - a[0, 1:].mean()),
                "This is one row alone: one style of the test may simply be easier.",
            ),
            Mistake(
                lambda a: float(np.diag(a).mean() - a.mean()),
                "The mean of the others takes in the model's own entry: leave the diagonal out.",
            ),
            Mistake(
                lambda a: -shift_cost(a),
                "The sign is turned: a cost is what the model of another style lacks.",
            ),
        ],
        hint="The diagonal of a holds the models in their own style.",
    ),
    "same-treatment": Explanation(
        "No. Two authors hardly raise the similarity within a concept, the property that the paper "
        "means to change, and they cost much accuracy, which the paper's thresholds do not. They "
        "also leave a handful of authors for all concepts, and more solid drawings, a shift of "
        "style. So it is another treatment: its null says that few authors do not raise S(a), and "
        "nothing about captions that are nearer to a definition.",
        {
            "accuracy": ("accura",),
            "the similarity within a concept": ("similar", "alike", "variety", "divers"),
            "what else has moved": ("style", "solid", "author"),
        },
        words=15,
    ),
}
