"""What lies next to what: neighbours among class vectors."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from lt_course.errors import CourseError
from lt_course.statistics import FloatArray


def unit(vectors: npt.ArrayLike) -> FloatArray:
    """Rows brought to length 1, float64 [C, D].

    Raises:
        CourseError: if a vector is zero.
    """
    rows = np.asarray(vectors, dtype=np.float64)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    if (length < 1e-12).any():
        raise CourseError(
            f"Vector {int((length < 1e-12).argmax())} has length 0, so it has no direction; leave "
            "such classes out."
        )
    return rows / length


def cosines(vectors: npt.ArrayLike) -> FloatArray:
    """Cosine of every pair of C vectors, [C, C], after the mean of their directions is taken off.

    What all vectors share says nothing about which are alike: without their mean, those of text
    towers, which fill a narrow cone, and those of classifiers can be compared.
    """
    rows = unit(vectors)
    rows = unit(rows - rows.mean(0))
    product: FloatArray = rows @ rows.T
    return product


def nearest(vectors: npt.ArrayLike, names: Sequence[str], name: str, k: int = 5) -> pd.Series:
    """The k classes nearest to one of them, as `cosines` indexed by name, from the nearest on."""
    if name not in names:
        raise CourseError(f"There is no class {name!r} among the {len(names)} that have vectors.")
    if not 1 <= k < len(names):
        raise CourseError(f"k is {k}; {len(names)} classes have 1 to {len(names) - 1} neighbours.")
    row = pd.Series(cosines(vectors)[list(names).index(name)], index=list(names))
    return row.drop(name).sort_values(ascending=False, kind="stable")[:k]
