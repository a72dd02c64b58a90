"""Neural collapse: how far features and class vectors are from a simplex (Sec. 3.7, App. A).

NC1 compares the spread within classes with that between them (Papyan et al., arXiv 2008.08186):
near 0, the pictures of a class fall together. NC2 says how far the angles between class vectors
are from equal and as wide as can be: 0 is a simplex. arXiv 2405.21070 takes it of class means
(NC2_M) and of the classifier's prototypes (NC2_W).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lt_course.errors import CourseError


def class_means(features: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Mean feature of each class.

    Args:
        features: float [N, D].
        labels: int64 [N], 0 … C-1.
        classes: C.

    Returns:
        float64 [C, D].

    Raises:
        CourseError: if a class has no feature.
    """
    count = torch.bincount(labels, minlength=classes)
    if (count == 0).any():
        raise CourseError(
            f"Class {int((count == 0).nonzero()[0])} has no features, so it has no mean; leave "
            "such classes out."
        )
    sums = torch.zeros(classes, features.shape[1], dtype=torch.float64)
    sums.index_add_(0, labels, features.double())
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
        raise CourseError("All class means coincide, so NC1 is not defined.")
    return float((within * torch.linalg.pinv(between, hermitian=True)).sum() / classes)


def nc2(vectors: Tensor, centre: bool = True) -> float:
    """Mean over pairs of classes of |cos + 1 / (C - 1)|.

    Args:
        vectors: float [C, D], class means or prototypes, C >= 2.
        centre: subtract their mean first. Class means are centred as a rule, prototypes are not.
    """
    if centre:
        vectors = vectors - vectors.mean(0)
    cosines = F.normalize(vectors.double(), dim=1)
    cosines = cosines @ cosines.T
    C = len(vectors)
    apart = ~torch.eye(C, dtype=torch.bool)
    return float((cosines + 1 / (C - 1)).abs()[apart].mean())


def mean_cosine(vectors: Tensor) -> float:
    """Mean cosine between different vectors, float [C, D]; nan for fewer than two."""
    if len(vectors) < 2:
        return float("nan")
    cosines = F.normalize(vectors.double(), dim=1)
    cosines = cosines @ cosines.T
    return float(cosines[~torch.eye(len(vectors), dtype=torch.bool)].mean())
