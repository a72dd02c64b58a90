"""Neural collapse: how far features and class vectors are from a simplex (Sec. 3.7, App. A).

NC1 compares the spread within classes with that between them (Papyan et al., arXiv 2008.08186):
near 0, the pictures of a class fall together. NC2 says how far the angles between class vectors
are from equal and as wide as can be: 0 is a simplex. arXiv 2405.21070 takes it of class means
(NC2_M) and of the classifier's prototypes (NC2_W).

`nc1` and `nc2` are numbers for a whole model, as runs record them; `per_class` is a table of the
same metrics class by class, whose means are those numbers. It reads the features in parts, so that
memory does not grow with N, and refuses what has no value.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from lt_course.errors import CourseError

if TYPE_CHECKING:
    import pandas as pd

ROWS = 1_024
"""Features that are held in double precision at a time."""

COINCIDE = "All class means coincide, so NC1 is not defined; it needs two 'concepts' or more."


def class_means(features: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Mean feature of each class: float64 [C, D], of features [N, D] and labels int64 [N].

    Raises:
        CourseError: if a class has no feature.
    """
    count = torch.bincount(labels, minlength=classes)
    if (count == 0).any():
        raise CourseError(
            f"Class {int((count == 0).nonzero()[0])} has no features, so it has no mean; leave "
            "such classes out."
        )
    sums = features.new_zeros(classes, features.shape[1], dtype=torch.float64)
    for rows, ids in _parts(features, labels):
        sums.index_add_(0, ids, rows)
    return sums / count[:, None]


def nc1(features: Tensor, labels: Tensor, classes: int) -> float:
    """Tr(S_within pinv(S_between)) / C; the mean over classes of the paper's per-class NC1.

    S_within is the mean over all N features of the outer product of their deviations from their
    class means, S_between the mean over classes of that of the class means' deviations from
    their own mean.

    Args:
        features: float [N, D].
        labels: int64 [N], 0 … C-1.
        classes: C >= 2.

    Raises:
        CourseError: if a class has no feature, or all class means coincide.
    """
    means = class_means(features, labels, classes)
    inner = features.double() - means[labels]
    outer = means - means.mean(0)
    within = inner.T @ inner / len(features)
    between = outer.T @ outer / classes
    if not between.any():
        raise CourseError(COINCIDE)
    return float((within * torch.linalg.pinv(between, hermitian=True)).sum() / classes)


def nc2(vectors: Tensor, centre: bool = True) -> float:
    """Mean over pairs of classes of |cos + 1 / (C - 1)|, of class means or prototypes [C, D].

    The recorded metric ``nc2_means`` takes it of the means of *normalised* features; the paper's
    NC2_M is that of features as they leave the tower, which ``nc1`` is recorded for. Class means
    are centred first as a rule, prototypes are not.
    """
    if centre:
        vectors = vectors - vectors.mean(0)
    return float((_cosines(vectors) + 1 / (len(vectors) - 1)).abs().mean())


def mean_cosine(vectors: Tensor) -> float:
    """Mean cosine between different vectors, float [C, D]; nan for fewer than two."""
    return float(_cosines(vectors).mean()) if len(vectors) > 1 else float("nan")


def _cosines(vectors: Tensor) -> Tensor:
    """Between different vectors, float64 [C (C - 1)]."""
    directions = F.normalize(vectors.double(), dim=1)
    return (directions @ directions.T)[~torch.eye(len(vectors), dtype=torch.bool)]


def nc1_per_class(features: Tensor, labels: Tensor, classes: int) -> Tensor:
    """NC1 of every class: Tr(S_c pinv(S_between)), where the S_c sum up to S_within of `nc1`.

    S_c is the sum over the features of class c of the outer product of their deviations from
    their class mean, divided by the number of *all* features: a class that has twice the
    features of another at the same spread has twice its NC1. The mean over classes is `nc1`, and
    on a balanced set that is NC1 of Papyan et al. (arXiv 2008.08186) too. Where S_between is
    singular, as it must be if C <= D, only spread within the span of the centred class means
    counts. Memory beside the features is O((C + D) D).

    Args:
        features: float [N, D], finite, as they leave the tower in the paper.
        labels: int64 [N], 0 … C-1; two features or more of each class.
        classes: C >= 2.

    Raises:
        CourseError: if shapes do not fit, a feature is not finite, a class has fewer than two
            features, or all class means coincide.
    """
    _require_labelled(features, labels, classes)
    N, D = features.shape
    count = torch.bincount(labels, minlength=classes)
    if (count < 2).any():
        c = int((count < 2).nonzero()[0])
        raise CourseError(
            f"Class {c} has {'one feature' if count[c] else 'no features'}, so it has no spread "
            "and no NC1; leave out classes with fewer than two features."
        )
    means = class_means(features, labels, classes)
    if not means.isfinite().all():
        c = int((~means.isfinite().all(1)).nonzero()[0])
        raise CourseError(f"A feature of class {c} is not finite; NC1 needs finite features.")

    outer = means - means.mean(0)
    variance, axes = torch.linalg.eigh(outer.T @ outer / classes)
    # What rounding leaves of means that coincide is no direction either.
    epsilon = torch.finfo(torch.float64).eps
    rounding = epsilon * float(means.abs().max())
    if variance[-1] <= D * rounding**2:
        raise CourseError(COINCIDE)
    kept = variance > D * epsilon * variance[-1]
    whiten = axes[:, kept] / variance[kept].sqrt()
    spread = means.new_zeros(classes)
    for rows, ids in _parts(features, labels):
        spread.index_add_(0, ids, ((rows - means[ids]) @ whiten).square().sum(1))
    return spread / N


def nc2_per_class(vectors: Tensor, *, centre: bool = True, nearest: bool = False) -> Tensor:
    """NC2 of every class: |cos + 1 / (C - 1)| to all other classes, their mean or their largest.

    The mean says whether a class is hard to tell from most others, the largest whether it is from
    one: it is the nearest-neighbour variant of arXiv 2405.21070 (NC2 with the superscript nn).
    The class that it belongs to is as a rule the one with the highest cosine, but a cosine far
    below -1 / (C - 1) counts as well.

    Args:
        vectors: float [C, D], finite, C >= 2: class means (NC2_M) or prototypes (NC2_W).
        centre: subtract their mean first. The paper's Eq. 1 leaves that out; its code centres
            class means, and prototypes not, as Papyan et al. do.
        nearest: the largest instead of the mean.

    Returns:
        float64 [C], 0 … 2. The mean of the means is `nc2`.

    Raises:
        CourseError: if there are fewer than two vectors, one is not finite, or one equals the
            centre and so has no direction.
    """
    C = len(vectors)
    if vectors.ndim != 2 or C < 2:
        raise CourseError(
            f"vectors has shape {list(vectors.shape)}; NC2 needs one vector a class, two or more."
        )
    vectors = vectors.double()
    size = vectors.norm(dim=1)
    _refuse(~size.isfinite(), "is not finite")
    directions = vectors - vectors.mean(0) if centre else vectors
    length = directions.norm(dim=1)
    _refuse(length <= 1e-12 * size.max(), "equals the centre and has no direction")
    directions = directions / length[:, None]
    apart = (directions @ directions.T + 1 / (C - 1)).abs().fill_diagonal_(0)
    return apart.amax(1) if nearest else apart.sum(1) / (C - 1)


def per_class(features: Tensor, labels: Tensor, prototypes: Tensor) -> pd.DataFrame:
    """Every metric of neural collapse for every class (arXiv 2405.21070, Fig. 5, 7 and 18).

    One row a class; the table's ``mean()`` holds the metrics of the model. Arguments and errors:
    as `nc1_per_class` and `nc2_per_class`; ``prototypes`` are float [C, E].
    """
    import pandas as pd

    classes = len(prototypes)
    within = nc1_per_class(features, labels, classes)
    means = class_means(features, labels, classes)
    return pd.DataFrame(
        {
            "nc1": within.cpu(),
            "nc2_means": nc2_per_class(means).cpu(),
            "nc2_means_nearest": nc2_per_class(means, nearest=True).cpu(),
            "nc2_prototypes": nc2_per_class(prototypes, centre=False).cpu(),
            "nc2_prototypes_nearest": nc2_per_class(prototypes, centre=False, nearest=True).cpu(),
        }
    )


def _parts(features: Tensor, labels: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """`ROWS` features at a time, in double precision, and their labels."""
    for rows, ids in zip(features.split(ROWS), labels.split(ROWS), strict=True):
        yield rows.double(), ids


def _refuse(classes: Tensor, why: str) -> None:
    if classes.any():
        raise CourseError(
            f"The vector of class {int(classes.nonzero()[0])} {why}; leave such classes out."
        )


def _require_labelled(features: Tensor, labels: Tensor, classes: int) -> None:
    if features.ndim != 2 or labels.shape != features.shape[:1] or not len(labels):
        raise CourseError(
            f"features has shape {list(features.shape)} and labels {list(labels.shape)}; give a "
            "row of features and a label for each picture."
        )
    if classes < 2 or labels.min() < 0 or labels.max() >= classes:
        raise CourseError(
            f"labels holds {int(labels.min())} … {int(labels.max())} and classes is {classes}; "
            "there must be two classes or more, and labels from 0 on below their number."
        )
