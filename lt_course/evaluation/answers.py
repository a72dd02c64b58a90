"""What a model answers, of pictures that it is asked about: one confusion matrix, and what follows.

`score` turns features, labels and class vectors into `Answers`; it does not ask where they came
from: the course's own models and released ones go the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from lt_course.evaluation.neural_collapse import per_class
from lt_course.statistics import spearman

COLLAPSE = (
    "nc1",
    "nc2_means",
    "nc2_means_nearest",
    "nc2_prototypes",
    "nc2_prototypes_nearest",
)


@dataclass(frozen=True)
class Answers:
    """What a model answered, of N pictures of C classes.

    Attributes:
        confusion: int64 [C, C], pictures of the row's class that were put into the column's.
        collapse: float [C], the columns of `neural_collapse.per_class`; nan for a class with
            fewer than two pictures.
        names: C.
        about: how the answers were got.
    """

    confusion: npt.NDArray[np.int64]
    collapse: pd.DataFrame
    names: tuple[str, ...]
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def accuracy(self) -> float:
        """Share of the pictures that were put into their class."""
        return float(np.trace(self.confusion) / self.confusion.sum())

    def table(self, frequency: npt.ArrayLike | None = None) -> pd.DataFrame:
        """One row a class: name, frequency (if given), pictures, accuracy, predictions, collapse.

        Accuracy is nan for a class without pictures.
        """
        shown = self.confusion.sum(1)
        table = pd.DataFrame({"name": self.names, "pictures": shown})
        if frequency is not None:
            table["frequency"] = np.asarray(frequency)
        table["accuracy"] = np.diagonal(self.confusion) / np.where(shown, shown, np.nan)
        table["predictions"] = self.confusion.sum(0)
        return pd.concat([table, self.collapse], axis=1)

    def report(self, frequency: npt.ArrayLike | None = None) -> dict[str, float]:
        """Accuracy, the metrics of collapse, and what correlates with what over classes.

        Args:
            frequency: [C], of each class in the model's own pre-training data. Without it, what
                needs it is nan.

        Returns:
            ``accuracy``; ``spearman_accuracy`` and ``spearman_predictions``, S(a) and S(p); for
            each metric of collapse its mean and ``spearman_METRIC_accuracy`` and
            ``spearman_METRIC_frequency``, the names under which the course's runs record them.
        """
        unknown = np.full(len(self.names), np.nan)
        table = self.table(unknown if frequency is None else frequency)
        found = {
            "accuracy": self.accuracy,
            "spearman_accuracy": spearman(table["frequency"], table["accuracy"]),
            "spearman_predictions": spearman(table["frequency"], table["predictions"]),
        }
        for metric in COLLAPSE:
            found[metric] = float(table[metric].mean())
            for target in ("accuracy", "frequency"):
                correlation = spearman(table[target], table[metric])
                found[f"spearman_{metric}_{target}"] = correlation
        return found


def score(features: Tensor, labels: Tensor, prototypes: Tensor, names: Sequence[str]) -> Answers:
    """Put every picture into the class whose vector has the largest cosine.

    Args:
        features: float [N, D], as they leave the tower.
        labels: int64 [N], 0 … C-1.
        prototypes: float [C, D], the class vectors.
        names: C.

    Raises:
        CourseError: as `neural_collapse.per_class`, for the classes with two pictures or more.
    """
    C = len(prototypes)
    directions = F.normalize(prototypes.float(), dim=1)
    parts = (F.normalize(part.float(), dim=1) for part in features.split(4096))
    said = torch.cat([(part @ directions.T).argmax(1) for part in parts])
    confusion = torch.bincount(C * labels + said, minlength=C * C).view(C, C)
    enough = torch.bincount(labels, minlength=C) >= 2
    collapse = pd.DataFrame(np.nan, index=range(C), columns=list(COLLAPSE))
    if enough.sum() >= 2:
        number = enough.cumsum(0) - 1
        kept = enough[labels]
        if not kept.all():
            features = features[kept]
        found = per_class(features, number[labels[kept]], prototypes[enough])
        collapse.loc[enough.numpy()] = found[list(COLLAPSE)].to_numpy()
    return Answers(confusion.numpy(), collapse, tuple(names))
