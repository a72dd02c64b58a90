"""What lies next to what: neighbours among class vectors, and how far two sets of them agree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from lt_course.errors import CourseError

FloatArray = npt.NDArray[np.float64]


def cosines(vectors: npt.ArrayLike) -> FloatArray:
    """Cosine of every pair, after the mean of the normalised vectors is taken off.

    What all vectors share says nothing about which are alike: without their mean, those of text
    towers, which fill a narrow cone, and those of classifiers can be compared.

    Args:
        vectors: float [C, D], one a class.

    Returns:
        float [C, C], ones on the diagonal.

    Raises:
        CourseError: if a vector is zero, or equals the mean.
    """
    found = _normalised(np.asarray(vectors, dtype=np.float64))
    found = _normalised(found - found.mean(0))
    product: FloatArray = found @ found.T
    return product


def nearest(vectors: npt.ArrayLike, names: Sequence[str], name: str, k: int = 5) -> pd.Series:
    """The classes nearest to one of them, from the nearest on.

    Args:
        vectors: float [C, D], one a class.
        names: of the C classes.
        name: the class that is asked for.
        k: how many neighbours, 1 … C-1.

    Returns:
        Cosines as of `cosines`, indexed by name.

    Raises:
        CourseError: if there is no such name, or not as many neighbours.
    """
    if name not in names:
        raise CourseError(f"There is no class {name!r} among the {len(names)} that have vectors.")
    if not 1 <= k < len(names):
        raise CourseError(f"k is {k}; {len(names)} classes have 1 to {len(names) - 1} neighbours.")
    row = pd.Series(cosines(vectors)[list(names).index(name)], index=list(names))
    return row.drop(name).sort_values(ascending=False, kind="stable")[:k]


def agreement(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Spearman's correlation of two sets of vectors' pairwise cosines, pair by pair.

    1: the same classes are alike in both; 0: unrelated. The two may have different dimensions, as
    only similarities are compared (representational similarity analysis, Kriegeskorte et al.,
    Frontiers in Systems Neuroscience 2, 2008).

    Args:
        a: float [C, D], C >= 3.
        b: float [C, E], of the same classes in the same order.

    Raises:
        CourseError: if the numbers of classes differ or are below three.
    """
    first, second = np.asarray(a), np.asarray(b)
    if len(first) != len(second) or len(first) < 3:
        raise CourseError(
            f"a has {len(first)} classes and b {len(second)}; give the same classes, three or more."
        )
    pairs = np.triu_indices(len(first), k=1)
    return float(stats.spearmanr(cosines(first)[pairs], cosines(second)[pairs]).statistic)


def _normalised(vectors: FloatArray) -> FloatArray:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    if (length < 1e-12).any():
        raise CourseError(
            f"Vector {int((length < 1e-12).argmax())} has length 0, so it has no direction; leave "
            "such classes out."
        )
    return vectors / length
