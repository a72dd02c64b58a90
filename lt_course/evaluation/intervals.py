"""Intervals for bias metrics: what would change if classes, or seeds, were drawn again.

*Classes* are many (60 to 1,000) and their values far from normal: scipy's BCa bootstrap over
classes. *Seeds* are few (3 to 10), and a bootstrap of five numbers is much too short: Student's t
interval of their mean, paired where two methods share their seeds.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike

from lt_course.errors import CourseError

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval; prints as `0.42 [0.31, 0.53]`.

    Attributes:
        estimate: the value from all the data.
        low: lower end of the interval.
        high: upper end of the interval.
        n: number of classes or seeds it rests on.
    """

    estimate: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        """Two decimals, as in the book's tables."""
        return f"{self:.2f}"

    def __format__(self, spec: str) -> str:
        """Formats the three numbers alike: `f"{interval:.3f}"` gives `0.420 [0.310, 0.530]`."""
        spec = spec or ".2f"
        return f"{self.estimate:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"

    def __contains__(self, value: float) -> bool:
        """Whether the interval covers a value, its ends included."""
        return self.low <= value <= self.high


def mean_over_seeds(values: ArrayLike, confidence: float = 0.95) -> Interval:
    """Mean over seeds, float [n], with Student's t interval (n - 1 degrees of freedom).

    nan values are left out; ``confidence``, 0..1, is the coverage aimed at.

    Raises:
        CourseError: if fewer than two values are left.
    """
    from scipy import stats

    array = np.asarray(values, dtype=np.float64).ravel()
    known = array[~np.isnan(array)]
    if len(known) < 2:
        raise CourseError(f"an interval needs two values or more, and got {len(known)}.")
    mean, error = float(known.mean()), float(stats.sem(known))
    half = error * float(stats.t.ppf(0.5 + confidence / 2, len(known) - 1))
    return Interval(mean, mean - half, mean + half, len(known))


def paired_difference(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Interval:
    """`mean_over_seeds` of `a - b`, two methods on the same seeds in the same order, float [n].

    That is the interval of a paired t test.

    Raises:
        CourseError: if lengths differ or fewer than two pairs are left.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.shape != second.shape:
        raise CourseError(
            f"a has shape {first.shape} and b {second.shape}: pair the two methods by seed."
        )
    return mean_over_seeds(first - second, confidence)


def bootstrap_spearman(
    frequency: ArrayLike,
    value: ArrayLike,
    confidence: float = 0.95,
    seed: int = 0,
    resamples: int = 2000,
) -> Interval:
    """Spearman's correlation with its BCa bootstrap interval over classes.

    Classes are drawn with replacement as pairs (frequency, value); ties share mean ranks. A
    resample in which one side is constant has no correlation and counts as 0, which matters
    only for near-chance models. Classes with nan are left out; where one side is constant in
    the data themselves, all three numbers are nan.

    Args:
        frequency: float [C], training pictures of each class.
        value: float [C], accuracy or number of predictions, in the same order.
        confidence: coverage aimed at, in 0..1.
        seed: seed of the resampling.
        resamples: number of bootstrap samples.

    Raises:
        CourseError: if lengths differ or fewer than four classes are left.
    """
    columns = _known_classes(frequency, value)
    if any(np.ptp(column) == 0 for column in columns):
        return Interval(float("nan"), float("nan"), float("nan"), len(columns[0]))
    return _bootstrap(_rank_correlation, columns, confidence, seed, resamples)


def bootstrap_spearman_difference(
    frequency: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    confidence: float = 0.95,
    seed: int = 0,
    resamples: int = 2000,
) -> Interval:
    """Spearman of frequency with `a` less that with `b`, and its BCa interval over classes.

    Both methods, float [C], are resampled on the same classes, so what makes a class easy or hard
    for both drops out: compare methods with this, not by looking whether two intervals overlap.
    Where both rank the classes alike, the interval is the point 0. The other arguments and the
    errors are those of `bootstrap_spearman`.
    """

    def difference(x: FloatArray, a: FloatArray, b: FloatArray, axis: int = -1) -> FloatArray:
        return _rank_correlation(x, a, axis) - _rank_correlation(x, b, axis)

    columns = _known_classes(frequency, a, b)
    return _bootstrap(difference, columns, confidence, seed, resamples)


def _bootstrap(
    statistic: Callable[..., FloatArray],
    columns: list[FloatArray],
    confidence: float,
    seed: int,
    resamples: int,
) -> Interval:
    """The BCa interval of a statistic of columns [C], resampled together."""
    from scipy import stats

    estimate = float(statistic(*columns))
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        result = stats.bootstrap(
            columns,
            statistic,
            paired=True,
            vectorized=True,
            confidence_level=confidence,
            n_resamples=resamples,
            rng=seed,
        )
    low, high = map(float, result.confidence_interval)
    if np.ptp(result.bootstrap_distribution) < 1e-12:  # all agree, and BCa is undefined
        low = high = estimate
    return Interval(estimate, low, high, len(columns[0]))


def _rank_correlation(x: FloatArray, y: FloatArray, axis: int = -1) -> FloatArray:
    """Spearman along an axis, for all resamples at once; 0 where one side is constant."""
    from scipy import stats

    x, y = np.broadcast_arrays(x, y)
    rank_x = stats.rankdata(x, axis=axis) - (x.shape[axis] + 1) / 2
    rank_y = stats.rankdata(y, axis=axis) - (y.shape[axis] + 1) / 2
    scale = np.sqrt((rank_x**2).sum(axis) * (rank_y**2).sum(axis))
    product = (rank_x * rank_y).sum(axis)
    return np.divide(product, scale, out=np.zeros_like(scale), where=scale > 0)


def _known_classes(frequency: ArrayLike, *values: ArrayLike) -> list[FloatArray]:
    columns = [np.asarray(column, dtype=np.float64) for column in (frequency, *values)]
    shapes = [column.shape for column in columns]
    if len(set(shapes)) > 1 or len(shapes[0]) != 1:
        raise CourseError(f"frequency and values have shapes {shapes}: give one of each per class.")
    known = ~np.isnan(columns).any(axis=0)
    if known.sum() < 4:
        raise CourseError(
            f"{known.sum()} classes are too few for a bootstrap interval: give 4 or more."
        )
    return [column[known] for column in columns]
