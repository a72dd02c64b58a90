"""Neural collapse: how far features and class vectors are from a simplex (Sec. 3.7, App. A).

NC1 compares the spread within classes with that between them (Papyan et al., arXiv 2008.08186):
near 0, the pictures of a class fall together. NC2 says how far the angles between class means
(NC2_M) or prototypes (NC2_W) are from equal and as wide as can be: 0 is a simplex. `nc1` and `nc2`
are numbers for a whole model, as runs record them; `per_class` has the same metrics class by class.
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
    _refuse(count == 0, "Class {} has no features, so it has no mean; leave such classes out.")
    sums = features.new_zeros(classes, features.shape[1], dtype=torch.float64)
    for rows, ids in _parts(features, labels):
        sums.index_add_(0, ids, rows)
    return sums / count[:, None]


def nc1(features: Tensor, labels: Tensor, classes: int) -> float:
    """Tr(S_within pinv(S_between)) / C, of features float [N, D] and labels int64 [N], 0 … C-1.

    S_within is the mean over all N features of the outer product of their deviations from their
    class means, S_between the mean over classes of that of the class means' deviations from
    their own mean.

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


def nc1_per_class(features: Tensor, labels: Tensor, classes: int) -> Tensor:
    """NC1 of every class, float64 [C]: Tr(S_c pinv(S_between)), where the S_c add up to S_within.

    S_c is the sum over the features of class c of the outer product of their deviations from
    their class mean, divided by the number of *all* features: a class that has twice the
    features of another at the same spread has twice its NC1. The mean over classes is `nc1`. Where
    S_between is singular, as it must be if C <= D, only spread within the span of the centred class
    means counts. Memory beside the features is O((C + D) D).

    Args:
        features: float [N, D], finite, as they leave the tower in the paper.
        labels: int64 [N], 0 … C-1; two features or more of each class.
        classes: C >= 2.

    Raises:
        CourseError: if shapes do not fit, a feature is not finite, a class has fewer than two
            features, or all class means coincide.
    """
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
    means, (N, D) = class_means(features, labels, classes), features.shape
    single = torch.bincount(labels, minlength=classes) == 1
    _refuse(single, "Class {} has one feature, so it has no spread and no NC1; leave it out.")
    infinite = ~means.isfinite().all(1)
    _refuse(infinite, "A feature of class {} is not finite; NC1 needs finite features.")

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


def nc2_per_class(vectors: Tensor, *, centre: bool = True, nearest: bool = False) -> Tensor:
    """NC2 of every class: the mean over all others of |cos + 1 / (C - 1)|, float64 [C], 0 … 2.

    Args:
        vectors: float [C, D], finite, C >= 2: class means (NC2_M) or prototypes (NC2_W).
        centre: subtract their mean first. The paper's Eq. 1 leaves that out; its code centres
            class means, and prototypes not, as Papyan et al. do.
        nearest: the largest instead of the mean, which says whether a class is hard to tell from
            one other (the paper's nearest-neighbour variant). As a rule that is the one with the
            highest cosine, but a cosine far below -1 / (C - 1) counts as well.

    Raises:
        CourseError: if there are fewer than two vectors, one is not finite, or one equals the
            centre and so has no direction.
    """
    C = len(vectors)
    if vectors.ndim != 2 or C < 2:
        raise CourseError(
            f"vectors has shape {list(vectors.shape)}; NC2 needs one vector a class, two or more."
        )
    directions = vectors.double()
    size = directions.norm(dim=1)
    _refuse(~size.isfinite(), "The vector of class {} is not finite; leave such classes out.")
    if centre:
        directions = directions - directions.mean(0)
    lost = directions.norm(dim=1) <= 1e-12 * size.max()
    _refuse(lost, "The vector of class {} equals the centre and has no direction; leave it out.")
    directions = F.normalize(directions, dim=1)
    apart = (directions @ directions.T + 1 / (C - 1)).abs().fill_diagonal_(0)
    return apart.amax(1) if nearest else apart.sum(1) / (C - 1)


def per_class(features: Tensor, labels: Tensor, prototypes: Tensor) -> pd.DataFrame:
    """Every metric of neural collapse for every class (arXiv 2405.21070, Fig. 5, 7 and 18).

    One row a class; the table's ``mean()`` holds the metrics of the model. Features and labels are
    those of `nc1_per_class`, ``prototypes`` float [C, E]; errors also those of `nc2_per_class`.
    """
    import pandas as pd

    within = nc1_per_class(features, labels, len(prototypes))
    means = class_means(features, labels, len(prototypes))
    table = {
        "nc1": within,
        "nc2_means": nc2_per_class(means),
        "nc2_means_nearest": nc2_per_class(means, nearest=True),
        "nc2_prototypes": nc2_per_class(prototypes, centre=False),
        "nc2_prototypes_nearest": nc2_per_class(prototypes, centre=False, nearest=True),
    }
    return pd.DataFrame({name: values.cpu() for name, values in table.items()})


def _cosines(vectors: Tensor) -> Tensor:
    """Between different vectors, float64 [C (C - 1)]."""
    directions = F.normalize(vectors.double(), dim=1)
    return (directions @ directions.T)[~torch.eye(len(vectors), dtype=torch.bool)]


def _parts(features: Tensor, labels: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """`ROWS` features at a time, in double precision, and their labels."""
    for rows, ids in zip(features.split(ROWS), labels.split(ROWS), strict=True):
        yield rows.double(), ids


def _refuse(bad: Tensor, sentence: str) -> None:
    """Name the first class for which `bad`, bool [C], is true."""
    if bad.any():
        raise CourseError(sentence.format(int(bad.nonzero()[0])))
