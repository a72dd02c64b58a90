"""What lesson 10 computes: forces on absent classes, cosines, and tests with a handicap lifted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import nn

from lt_course.data.batch import Batch
from lt_course.errors import CourseError
from lt_course.evaluation.bias import per_class
from lt_course.lessons.features import cosines
from lt_course.models.heads import Prototypes
from lt_course.objectives.classify import Classification, Classify
from lt_course.study import Record
from lt_course.study.icontail_dataset import icontail_of

BLOCKS = ("seen, seen", "absent, absent", "seen, absent")
"""Pairs of classes, by whether they have training pictures (Fig. 9a of arXiv 2405.21070)."""


def forces(
    options: Classify,
    frequency: npt.ArrayLike,
    batch: int = 128,
    batches: int = 50,
    seed: int = 0,
) -> pd.DataFrame:
    """How a loss pulls up and pushes down the logit of each class before training.

    All logits are equal and batches are drawn by class frequency. Both forces are parts of the
    loss's gradient by the logit, averaged over pictures and without the factor s.

    Args:
        options: how to classify.
        frequency: int [C], training pictures of each class.
        batch: pictures a step.
        batches: steps to average over.
        seed: of the labels and vocabularies.

    Returns:
        One row a class; `pull` >= 0 from the class's own pictures, `push` >= 0 from all others.
    """
    counts = torch.as_tensor(np.asarray(frequency), dtype=torch.float)
    C = len(counts)
    head = Prototypes(C, C, start=torch.eye(C), frozen=True)
    objective = Classification(options, nn.Identity(), head, counts)
    generator = torch.Generator().manual_seed(seed)
    pull, push = torch.zeros(C), torch.zeros(C)
    for _ in range(batches):
        labels = torch.multinomial(counts, batch, replacement=True, generator=generator)
        features = torch.zeros(batch, C, requires_grad=True)
        loss, _ = objective.loss((features,), Batch(features, labels), generator)
        (gradient,) = torch.autograd.grad(loss, features)
        pull -= gradient.clamp(max=0).sum(0)
        push += gradient.clamp(min=0).sum(0)
    scale = batches * head.temperature.log_scale.exp().item()
    return pd.DataFrame({"pull": pull.numpy() / scale, "push": push.numpy() / scale})


def affinity(record: Record) -> npt.NDArray[np.float64]:
    """Cosines between the prototypes of a run, float [C, C]."""
    prototypes = _unit(record.arrays["prototypes"])
    return prototypes @ prototypes.T


def block_means(matrix: npt.NDArray[np.float64], absent: npt.ArrayLike) -> dict[str, float]:
    """Means of a symmetric matrix over pairs of different classes, one for each of `BLOCKS`.

    Args:
        matrix: float [C, C].
        absent: bool [C], the classes without training pictures.
    """
    gone = np.asarray(absent, dtype=bool)
    apart = ~np.eye(len(gone), dtype=bool)
    pairs = (
        np.logical_and.outer(~gone, ~gone) & apart,
        np.logical_and.outer(gone, gone) & apart,
        np.logical_and.outer(~gone, gone),
    )
    return {name: float(matrix[pair].mean()) for name, pair in zip(BLOCKS, pairs, strict=True)}


def rivals(
    cosines: npt.NDArray[np.float64],
    labels: npt.NDArray[np.int64],
    absent: npt.NDArray[np.bool_],
) -> dict[str, float]:
    """How near test pictures are to their own prototype and to the nearest of the other kind.

    Args:
        cosines: float [M, C].
        labels: int64 [M].
        absent: bool [C].

    Returns:
        Mean cosines: of seen and of absent classes' pictures with their ``own`` prototype, and
        with the nearest prototype of an absent, or of a seen, class.
    """
    own, of_absent = cosines[np.arange(len(labels)), labels], absent[labels]
    return {
        "seen: own": float(own[~of_absent].mean()),
        "seen: nearest absent": float(cosines[~of_absent][:, absent].max(1).mean()),
        "absent: own": float(own[of_absent].mean()),
        "absent: nearest seen": float(cosines[of_absent][:, ~absent].max(1).mean()),
    }


def absent_classes(record: Record) -> npt.NDArray[np.bool_]:
    """The classes without training pictures, bool [C].

    Raises:
        CourseError: if there are none.
    """
    absent = (record.per_class["frequency"] == 0).to_numpy()
    if not absent.any():
        raise CourseError(
            f"The run {record.run.name} saw pictures of all concepts; ask for one with 'trim' "
            "above 0 and 'shots' 0."
        )
    return absent


def picture_cosines(record: Record) -> npt.NDArray[np.float64]:
    """Cosines of every test picture with every prototype, float64 [M, C], from the checkpoint.

    Their argmax is the run's prediction.

    Raises:
        CourseError: if the record has no checkpoint.
    """
    return cosines(record, icontail_of(record.run).pictures[record.arrays["test"]])


def lifted(
    cosines: npt.NDArray[np.float64], absent: npt.ArrayLike, lift: float
) -> npt.NDArray[np.int64]:
    """Predictions when `lift` is added to the cosines with absent prototypes.

    This is calibrated stacking (Chao et al., arXiv 1605.04253, eq. 4), which subtracts the same
    from the seen classes.

    Args:
        cosines: float [M, C].
        absent: bool [C].
        lift: a cosine; from 2 on, absent classes compete among themselves alone.

    Returns:
        int64 [M].
    """
    return (cosines + np.where(absent, lift, 0.0)).argmax(1)


def trade_off(
    cosines: npt.NDArray[np.float64],
    labels: npt.NDArray[np.int64],
    absent: npt.NDArray[np.bool_],
    lifts: Sequence[float],
) -> pd.DataFrame:
    """Accuracy on seen and on absent classes by `lift`, and the share of absent predictions.

    Args:
        cosines: float [M, C].
        labels: int64 [M].
        absent: bool [C].
        lifts: as in `lifted`.

    Returns:
        One row a lift, in the columns `seen`, `absent` and `predicted`.
    """
    rows = {}
    for lift in lifts:
        predictions = lifted(cosines, absent, lift)
        accuracy, _ = per_class(labels, predictions, len(absent))
        rows[lift] = {
            "seen": accuracy[~absent].mean(),
            "absent": accuracy[absent].mean(),
            "predicted": absent[predictions].mean(),
        }
    return pd.DataFrame(rows).T.rename_axis("lift")


def _unit(vectors: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    rows = vectors.astype(np.float64)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
