"""What a model answers, of pictures that it is asked about: one confusion matrix, and what follows.

The course's own models and released ones are scored in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from lt_course.evaluation.neural_collapse import per_class
from lt_course.statistics import spearman

if TYPE_CHECKING:
    import pandas as pd

COLLAPSE = ("nc1", "nc2_means", "nc2_means_nearest", "nc2_prototypes", "nc2_prototypes_nearest")


@dataclass(frozen=True)
class Answers:
    """What a model answered, of N pictures of C classes.

    Attributes:
        confusion: int64 [C, C], pictures of the row's class that were put into the column's.
        collapse: one row a class, the columns of `neural_collapse.per_class`; nan for a class with
            fewer than two pictures.
        names: of the C classes.
        about: how the answers were got.
    """

    confusion: npt.NDArray[np.int64]
    collapse: pd.DataFrame
    names: tuple[str, ...]
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def accuracy(self) -> float:
        """Share of the pictures that were put into their class, 0 … 1."""
        return float(np.trace(self.confusion) / self.confusion.sum())

    def table(self, frequency: npt.ArrayLike | None = None) -> pd.DataFrame:
        """One row a class: name, pictures, frequency (if given), accuracy, predictions, collapse.

        Accuracy is nan for a class without pictures.
        """
        import pandas as pd

        pictures = self.confusion.sum(1)
        table = pd.DataFrame({"name": self.names, "pictures": pictures})
        if frequency is not None:
            table["frequency"] = np.asarray(frequency)
        table["accuracy"] = np.diagonal(self.confusion) / np.where(pictures, pictures, np.nan)
        table["predictions"] = self.confusion.sum(0)
        return pd.concat([table, self.collapse], axis=1)

    def report(self, frequency: npt.ArrayLike | None = None) -> dict[str, float]:
        """Accuracy, the metrics of collapse, and what correlates with what over classes.

        Names are those under which the course's runs record them: ``accuracy``,
        ``spearman_accuracy`` and ``spearman_predictions``; of each metric of collapse its mean,
        ``spearman_METRIC_accuracy`` and ``spearman_METRIC_frequency``. `frequency` [C] is that of
        each class in the model's own pre-training data; without it, what needs it is nan.
        """
        table = self.table(np.full(len(self.names), np.nan) if frequency is None else frequency)
        metrics = {"accuracy": self.accuracy}
        for answer in ("accuracy", "predictions"):
            metrics[f"spearman_{answer}"] = spearman(table["frequency"], table[answer])
        for metric in COLLAPSE:
            metrics[metric] = float(table[metric].mean())
            for target in ("accuracy", "frequency"):
                metrics[f"spearman_{metric}_{target}"] = spearman(table[target], table[metric])
        return metrics


def score(features: Tensor, labels: Tensor, prototypes: Tensor, names: Sequence[str]) -> Answers:
    """Put every picture into the class whose vector has the largest cosine.

    Args:
        features: float [N, D], as they leave the tower.
        labels: int64 [N], 0 … C-1.
        prototypes: float [C, D], the class vectors.
        names: of the C classes.

    Raises:
        CourseError: if of the classes with two pictures or more a feature is not finite, a vector
            is zero or not finite, or all means coincide.
    """
    import pandas as pd

    C = len(prototypes)
    directions = F.normalize(prototypes.float(), dim=1)
    parts = (F.normalize(part.float(), dim=1) for part in features.split(4096))
    predictions = torch.cat([(part @ directions.T).argmax(1) for part in parts])
    confusion = torch.bincount(C * labels + predictions, minlength=C * C).view(C, C)
    enough = torch.bincount(labels, minlength=C) >= 2
    collapse = pd.DataFrame(np.nan, index=range(C), columns=list(COLLAPSE))
    if enough.sum() >= 2:
        kept, number = enough[labels], enough.cumsum(0) - 1
        if not kept.all():  # a copy of all features is spared where it is not needed
            features, labels = features[kept], labels[kept]
        metrics = per_class(features, number[labels], prototypes[enough])
        collapse.loc[enough.numpy()] = metrics[list(COLLAPSE)].to_numpy()
    return Answers(confusion.numpy(), collapse, tuple(names))
