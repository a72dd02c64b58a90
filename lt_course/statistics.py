"""Correlations and inequality over classes: what the paper measures bias and imbalance by."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lt_course.errors import CourseError

FloatArray = npt.NDArray[np.float64]


def spearman(frequency: npt.ArrayLike, value: npt.ArrayLike) -> float:
    """Spearman's rank correlation of class frequency with a value of each class, [C] both: -1..1.

    Tied entries share the mean of their ranks. A class whose frequency or value is nan is left
    out; with fewer than two classes left, or a constant side, there is no correlation: nan.
    """
    from scipy import stats

    return _correlation(stats.spearmanr, frequency, value)


def pearson(frequency: npt.ArrayLike, value: npt.ArrayLike) -> float:
    """Pearson's linear correlation; all else as `spearman`."""
    from scipy import stats

    return _correlation(stats.pearsonr, frequency, value)


def _correlation(measure: Any, frequency: npt.ArrayLike, value: npt.ArrayLike) -> float:
    x, y = np.asarray(frequency, dtype=np.float64), as_values(frequency, value)
    known = ~(np.isnan(x) | np.isnan(y))
    x, y = x[known], y[known]
    varies = len(x) > 1 and np.ptp(x) > 0 and np.ptp(y) > 0
    return float(measure(x, y).statistic) if varies else float("nan")


def chance_spearman(classes: int, draws: int = 10_000, seed: int = 0) -> float:
    """What Spearman's correlation of C classes reaches by chance alone, 0..1.

    Its 97.5 % quantile under independence, over seeded random orders without ties: one result in
    twenty lies beyond it on either side. nan for fewer than two classes.
    """
    if classes < 2:
        return float("nan")
    ranks = np.arange(classes)
    orders = np.random.default_rng([seed, classes]).permuted(np.tile(ranks, (draws, 1)), axis=1)
    squares = ((orders - ranks) ** 2).sum(1)
    return float(np.quantile(1 - 6 * squares / (classes * (classes**2 - 1)), 0.975))


def gini(frequency: npt.ArrayLike) -> float:
    """Gini coefficient of class frequencies [C]: 0 if all are equal, 1 - 1/C if one has all.

    Raises:
        CourseError: if the frequencies are empty, negative, not finite or all zero.
    """
    counts = np.sort(as_frequency(frequency))
    if counts[0] < 0 or counts[-1] == 0:
        raise CourseError("frequency must be non-negative and not all zero.")
    rank = np.arange(1, len(counts) + 1)
    return float(((2 * rank - len(counts) - 1) * counts).sum() / (len(counts) * counts.sum()))


def as_frequency(frequency: npt.ArrayLike) -> FloatArray:
    """Class frequencies as float64 [C], refused if they are none."""
    counts = np.asarray(frequency, dtype=np.float64)
    if counts.ndim != 1 or counts.size == 0 or not np.isfinite(counts).all():
        raise CourseError("frequency must be one finite number per class, at least one class.")
    return counts


def as_values(frequency: npt.ArrayLike, value: npt.ArrayLike) -> FloatArray:
    """A value of each class as float64 [C], refused if there are not as many as frequencies."""
    values = np.asarray(value, dtype=np.float64)
    expected = np.asarray(frequency).shape
    if values.shape != expected:
        raise CourseError(
            f"value has shape {values.shape} and frequency {expected}: give one value per "
            "class, in the order of the class ids."
        )
    return values
