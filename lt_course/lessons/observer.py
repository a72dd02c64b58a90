"""A classifier whose bias is known exactly: ground to try a metric on before trusting it.

Each class gets a score: unit normal noise, plus the class's pull, plus, for the true class
only, its visibility. The highest score wins. Frequency can thus act in two ways: on the decision
(through the pull) and on what was learned (through visibility). Nothing is trained, so the
confusion matrix is an integral, and what a metric says can be held against what was put in.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import stats

from lt_course.errors import CourseError
from lt_course.statistics import FloatArray

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Observer:
    """An observer that knows some classes better than others, and prefers some to others.

    Visibility, float [C], is how far the true class's score stands out, in standard deviations of
    the noise; pull, float [C], is added to a class's score on every picture, true class or not.
    """

    visibility: FloatArray
    pull: FloatArray

    def __post_init__(self) -> None:
        """Refuse shapes that do not fit."""
        if np.ndim(self.visibility) != 1 or np.shape(self.visibility) != np.shape(self.pull):
            raise CourseError("visibility and pull need one entry per class each.")

    @classmethod
    def trained_on(
        cls,
        frequency: npt.ArrayLike,
        prior: float = 0.0,
        knowledge: float = 0.0,
        hubs: float = 0.0,
        ease: float = 3.0,
        spread: float = 0.7,
        seed: int = 0,
    ) -> "Observer":
        """An observer of classes that differ in difficulty, as real ones do.

        `prior` is the pull per unit of log frequency (negative: it leans towards rare classes),
        `knowledge` how much more visible a class is per standard deviation of log frequency.
        The classes' own pull has a standard deviation of `hubs`, since some attract pictures of
        others for reasons such as a vague name; their own visibility a mean of `ease` and a
        deviation of `spread`. Frequency is float [C] > 0.
        """
        counts = np.asarray(frequency, dtype=np.float64)
        if np.min(counts) <= 0:
            raise CourseError("frequency must be positive: the observer takes its logarithm.")
        visibility, pull = np.random.default_rng(seed).normal(size=(2, len(counts)))
        learned = knowledge * stats.zscore(np.log(counts))
        return cls(ease + spread * visibility + learned, prior * np.log(counts) + hubs * pull)

    def confusion(self) -> FloatArray:
        """Exact probability of each answer (columns) given the true class (rows), [C, C]."""
        return self._confusion.copy()

    @cached_property
    def _confusion(self) -> FloatArray:
        pull = np.asarray(self.pull, dtype=np.float64)
        seen = pull + self.visibility
        low, high = min(pull.min(), seen.min()) - 6, max(pull.max(), seen.max()) + 6
        z, step = np.linspace(low, high, 801, retstep=True)
        # The answer is j where score j is z and all others lie below z; z is integrated out.
        below, below_seen = _log_below(z, pull), _log_below(z, seen)
        others = below.sum(0) - below + below_seen  # [C, Z]: all below z, given true class c
        hazard = np.exp(_log_density(z, pull) - below)
        matrix = np.exp(others) @ hazard.T
        np.fill_diagonal(matrix, np.exp(others + _log_density(z, seen) - below_seen).sum(1))
        return matrix * step

    def answers(self, pictures: int, seed: int) -> tuple[IntArray, IntArray]:
        """Labels and predictions on a test set of `pictures` a class, int [C * pictures]."""
        matrix = self._confusion
        counts = np.random.default_rng(seed).multinomial(
            pictures, matrix / matrix.sum(1, keepdims=True)
        )
        classes = np.arange(len(matrix))
        return np.repeat(classes, pictures), np.repeat(np.tile(classes, len(matrix)), counts.flat)


def _log_below(z: FloatArray, mean: FloatArray) -> FloatArray:
    return np.asarray(stats.norm.logcdf(z - mean[:, None]))


def _log_density(z: FloatArray, mean: FloatArray) -> FloatArray:
    return np.asarray(stats.norm.logpdf(z - mean[:, None]))
