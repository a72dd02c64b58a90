"""What captions carry, measured before any training: bits, distinct captions, the least loss.

A caption can say what a drawing shows (its class), what sets the drawing apart from others of its
class, or nothing at all, where chance chose its words. For a caption T, a drawing X and its class
Y, all drawn from the training set,

    H(T) = I(T; Y) + I(T; X | Y) + H(T | X),

which `information` computes in bits. For the training set itself the three numbers are exact: its
rows are all there are. As estimates of what authors *would* write for further drawings they are
biased: a class of one drawing always has I(T; X | Y) = 0. The first-order correction for that is
Miller's (1955), (K - 1) / 2N nats for K values seen in a sample of N, summed over classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray
from scipy import stats

from lt_course.data.captions import Captions
from lt_course.errors import CourseError


@dataclass(frozen=True)
class Information:
    """Bits in a caption, by what they are about; all >= 0.

    Attributes:
        about_class: I(T; Y), what the caption tells of the class.
        about_drawing: I(T; X | Y), what it tells of the drawing beyond its class.
        chance: H(T | X), what was drawn by lot, as which of 80 templates is.
        correction: what Miller's first-order correction would add to `about_drawing`, were the
            drawings a sample of many more.
    """

    about_class: float
    about_drawing: float
    chance: float
    correction: float

    @property
    def given_class(self) -> float:
        """H(T | Y), the entropy of captions within a class."""
        return self.about_drawing + self.chance

    @property
    def total(self) -> float:
        """H(T)."""
        return self.about_class + self.given_class


def information(said: Captions, labels: npt.ArrayLike) -> Information:
    """How many bits of a caption are about the class, about the drawing, and chance.

    Args:
        said: the captions of N training pictures.
        labels: int [N], the class of each.

    Raises:
        CourseError: if there is not one label a picture.
    """
    classes = np.asarray(labels)
    if classes.shape != said.count.shape:
        raise CourseError(
            f"labels has shape {classes.shape}, but there are captions of {len(said.count)} "
            "pictures; give one label a picture."
        )
    row, text, weight = _shares(said)
    H_text = _entropy(_sums(weight, text))
    H_class = _entropy(_sums(1 / len(classes), classes))
    H_both = _entropy(_sums(weight, classes[row], text))
    # Every picture weighs the same, so H(T | X) = H(T, X) - H(X).
    chance = _entropy(_sums(weight, row, text)) - np.log2(len(classes))
    given_class = H_both - H_class
    pairs = len(set(zip(classes.tolist(), said.first.tolist(), strict=True)))
    return Information(
        about_class=max(0.0, H_text - given_class),
        about_drawing=max(0.0, given_class - chance),
        chance=max(0.0, chance),
        correction=(pairs - len(np.unique(classes))) / (2 * len(classes) * np.log(2)),
    )


def expected_distinct(said: Captions, size: int) -> float:
    """Expected number of distinct captions among `size` drawn at random, 1 … `size`.

    Drawings are drawn independently, and a caption for each. Batches never hold a drawing twice,
    so theirs is a little higher where captions seldom repeat.
    """
    _, text, weight = _shares(said)
    share = _sums(weight, text)
    return float(-np.expm1(size * np.log1p(-np.minimum(share, 1 - 1e-12))).sum())


def least_loss(said: Captions, size: int) -> float:
    """A floor under the contrastive loss in nats, averaged over random batches.

    Pictures of a batch that choose from the same list of captions cannot be told apart by what is
    written about them, however well they are known. With n of them the best is to give each the
    same share, a loss of log n. (Lists that overlap in part can only raise the floor.)

    Args:
        said: the captions of N training pictures.
        size: pictures in a batch, drawn without replacement, at most N.

    Raises:
        CourseError: if `size` is not in 1 … N.
    """
    N = len(said.count)
    if not 1 <= size <= N:
        raise CourseError(f"size={size} must lie in 1 … {N}, the number of pictures.")
    alike = np.bincount(np.unique(said.first, return_inverse=True)[1])
    # For one picture of each group: how many of the size - 1 others are of that group?
    others = np.arange(size)[:, None]
    chances = stats.hypergeom.pmf(others, N - 1, alike - 1, size - 1)
    return float((np.log1p(others) * chances).sum(0) @ alike / N)


def _shares(said: Captions) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Row, caption and probability of all ways to draw a picture and one of its captions."""
    row = np.repeat(np.arange(len(said.count)), said.count)
    within = np.arange(len(row)) - np.repeat(np.cumsum(said.count) - said.count, said.count)
    text = said.choices[said.first[row] + within]
    return row, text, 1 / (len(said.count) * said.count[row])


def _sums(weight: NDArray[np.float64] | float, *keys: NDArray[np.integer]) -> NDArray[np.float64]:
    """Total weight of each combination of keys that occurs."""
    code = np.ravel_multi_index(keys, [int(key.max()) + 1 for key in keys])
    _, group = np.unique(code, return_inverse=True)
    return np.bincount(group, np.broadcast_to(weight, group.shape)).astype(np.float64)


def _entropy(share: NDArray[np.float64]) -> float:
    return float(stats.entropy(share, base=2))
