"""What a finished training leaves: everything that is measured of it.

A classifier and a CLIP have class vectors and are measured on the test pictures as they are. A
tower that has learnt without labels has none: a linear classifier is fitted to its features first,
which is then measured in the same way; and the same features are tried on other tasks.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from lt_course.data.fingerprint import Fingerprint
from lt_course.errors import CourseError
from lt_course.evaluation import neural_collapse
from lt_course.evaluation.bias import bias_report, per_class, third_of
from lt_course.evaluation.features import features
from lt_course.evaluation.linear_probe import FeatureSet, Probe, linear_probe, nearest_neighbours
from lt_course.evaluation.linear_probe import evaluate as probe_score
from lt_course.evaluation.neural_collapse import class_means, mean_cosine, nc1, nc2
from lt_course.evaluation.zero_shot import zero_shot_prototypes
from lt_course.objectives.classify import Supervised
from lt_course.objectives.contrast import CLIP
from lt_course.objectives.distill import DINO
from lt_course.objectives.objective import Objective
from lt_course.statistics import spearman
from lt_course.study.dataset import RunDataset, Task

if TYPE_CHECKING:
    import pandas as pd

Metrics = dict[str, float]
Scores = Callable[[Tensor], Tensor]
"""Features [m, D] -> scores of classes [m, C]."""

ROWS = 16_384
"""Pictures whose scores are in memory at a time; all features are."""


@dataclass(frozen=True)
class EvalResult:
    """What a run leaves.

    Attributes:
        metrics: of the test pictures.
        history: one row per epoch of training.
        per_class: one row per concept: concept, name, frequency, trimmed (whether it was cut to a
            few shots), accuracy, predictions, mean_logit (over all test pictures); and, where there
            are class vectors, the metrics of `neural_collapse.per_class`.
        arrays: ``test`` int64 [M], indices of the test pictures; ``labels`` and ``predictions``
            int64 [M]; ``centres`` float32 [C, D], mean image features; ``prototypes`` float32, the
            class vectors [C, D], or the prototypes of self-distillation [K, D'], and of the
            latter ``assigned`` int32 [K, C], how many training pictures of each concept are
            nearest to each prototype.
        fingerprint: of the pictures; None if they are part of the package.
    """

    metrics: Metrics
    history: list[Metrics]
    per_class: pd.DataFrame
    arrays: dict[str, NDArray[Any]]
    fingerprint: Fingerprint | None = None


def evaluate(dataset: RunDataset, objective: Objective, history: list[Metrics]) -> EvalResult:
    """Measure a trained model on its data set."""
    if isinstance(objective, DINO):
        return of_features(dataset, objective, history)
    if not isinstance(objective, Supervised | CLIP):
        raise CourseError(
            f"Nobody knows how to measure a {type(objective).__name__}; derive it from CLIP or "
            "Supervised, or add its measure to lt_course.study.evaluate."
        )
    return of_class_vectors(dataset, objective, history)


@torch.no_grad()
def of_class_vectors(
    dataset: RunDataset, objective: Supervised | CLIP, history: list[Metrics]
) -> EvalResult:
    """Measure a classifier, or a CLIP by its zero-shot prompts."""
    import pandas as pd

    objective.eval()
    device = next(objective.parameters()).device
    shown = features(objective.image_tower, dataset.test)
    if isinstance(objective, CLIP):
        asked = dataset.texts.prompts.to(device)
        prototypes = zero_shot_prototypes(objective.text_features, asked)
    else:
        prototypes = objective.head.weight
    tested = torch.from_numpy(dataset.tested)

    def scores(part: Tensor) -> Tensor:
        normalized = F.normalize(part.to(device), dim=1)
        if isinstance(objective, CLIP):
            return objective.temperature(normalized @ prototypes.T)[:, tested]
        return objective.scores(normalized)[:, tested]

    table, metrics, arrays = _of_test_pictures(dataset, shown, scores)
    metrics |= _told_otherwise(dataset, objective, shown, scores)
    vectors = prototypes.float().cpu()[tested]
    geometry = neural_collapse.per_class(shown.features, shown.labels, vectors)
    table = pd.concat([table, geometry], axis=1)
    seen = dataset.frequency[dataset.tested] > 0
    metrics |= {
        "nc2_prototypes": nc2(vectors, centre=False),
        "cosine_seen": mean_cosine(vectors[seen]),
        "cosine_unseen": mean_cosine(vectors[~seen]),
        "loss": history[-1]["loss"],
    }
    for name in geometry:
        for against in ("accuracy", "frequency"):
            metrics[f"spearman_{name}_{against}"] = spearman(table[against], table[name])
    return EvalResult(metrics, history, table, arrays | {"prototypes": vectors.numpy()})


def _told_otherwise(
    dataset: RunDataset, objective: Supervised | CLIP, shown: FeatureSet, scores: Scores
) -> Metrics:
    """Bias of the same features where classes are told by other prompts, or by class means.

    And the accuracy on the training images themselves, as they are: 1 where they are memorised.
    """
    metrics: Metrics = {}
    ways: dict[str, Tensor] = {}
    if isinstance(objective, CLIP):
        device = next(objective.parameters()).device
        for name, prompts in dataset.further_prompts.items():
            ways[name] = zero_shot_prototypes(objective.text_features, prompts.to(device)).cpu()
    if dataset.thorough:
        trained = features(objective.image_tower, dataset.trained_on)
        right = scores(trained.features).argmax(1).cpu() == trained.labels
        metrics["accuracy_train"] = float(right.float().mean())
        if (dataset.frequency > 0).all():
            normalized = F.normalize(trained.features, dim=1)
            means = class_means(normalized, trained.labels, len(dataset.frequency))
            ways["class_means"] = means.float()
    normalized = F.normalize(shown.features, dim=1)
    for name, vectors in ways.items():
        predictions = (normalized @ F.normalize(vectors, dim=1).T).argmax(1)
        report = bias_report(dataset.frequency, shown.labels.numpy(), predictions.numpy())
        for metric in ("accuracy", "spearman_accuracy", "spearman_predictions"):
            metrics[f"{metric}_by_{name}"] = report[metric]
    return metrics


@torch.no_grad()
def of_features(dataset: RunDataset, objective: DINO, history: list[Metrics]) -> EvalResult:
    """Measure a tower that has learnt without labels.

    Bias is that of a linear probe fitted to equally many pictures of every evaluated class; what
    it leaves of the tail is owed to the features. With hundreds of classes a probe takes hours,
    and the votes of nearest neighbours among the same pictures stand in for it (`Task`).
    """
    objective.eval()
    tower, task = objective.image_tower, dataset.naming()
    bank, test = features(tower, task.train), features(tower, task.test)
    if task.validation is None:
        votes = partial(nearest_neighbours, bank, classes=task.classes, k=min(20, len(bank.labels)))
        table, metrics, arrays = _of_test_pictures(dataset, test, votes)
    else:
        probe, nearest = _tried_on(tower, task, bank, test)
        table, metrics, arrays = _of_test_pictures(dataset, test, probe.classifier)
        metrics |= {"penalty": probe.penalty, "nearest_neighbours": nearest}

    probed = []
    for further in dataset.tasks():
        name = re.sub("[ -]", "_", further.name)
        parts = features(tower, further.train), features(tower, further.test)
        probe, nearest = _tried_on(tower, further, *parts)
        metrics |= {f"probe_{name}": probe.score, f"nearest_neighbours_{name}": nearest}
        probed.append(probe.score)
    if probed:
        metrics["probe_mean"] = float(np.mean(probed))
    metrics |= {k: v for k, v in history[-1].items() if k not in ("step", "learning_rate")}
    used, prototypes, assigned = _use_of_prototypes(dataset, test, objective)
    return EvalResult(
        metrics | used, history, table, arrays | {"prototypes": prototypes, "assigned": assigned}
    )


def _tried_on(
    tower: nn.Module, task: Task, train: FeatureSet, test: FeatureSet
) -> tuple[Probe, float]:
    """The linear probe, and the score of nearest neighbours."""
    assert task.validation is not None
    validation = features(tower, task.validation)
    with torch.enable_grad():
        probe = linear_probe(train, validation, test, task.classes, task.metric)
    votes = nearest_neighbours(train + validation, test.features, task.classes)
    return probe, probe_score(task.metric, votes, test.labels)


def _use_of_prototypes(
    dataset: RunDataset, test: FeatureSet, objective: DINO
) -> tuple[Metrics, NDArray[np.float32], NDArray[np.int32]]:
    """Which pictures are nearest to which prototype, and how alike those are.

    Training pictures say how prototypes are shared out; test pictures, equally many of a concept,
    how many different ones each third of the concepts has, and how near those lie to another one.
    """
    weight, _ = objective.teacher.prototypes()
    prototypes = F.normalize(weight, dim=1)
    alike = _nearest_other(prototypes).cpu().numpy()

    def nearest(shown: Tensor) -> Tensor:
        parts = (objective.teacher.projection(p.to(weight.device)) for p in shown.split(ROWS))
        return torch.cat([(points @ prototypes.T).argmax(1).cpu() for points in parts])

    shown = features(objective.image_tower, dataset.trained_on)
    assigned = np.zeros((len(prototypes), len(dataset.frequency)), dtype=np.int32)
    np.add.at(assigned, (nearest(shown.features).numpy(), shown.labels.numpy()), 1)
    used = assigned.sum(1) > 0
    frequency = assigned @ dataset.frequency / np.maximum(assigned.sum(1), 1)
    metrics = {
        "prototypes_used": float(used.mean()),
        "prototype_cosine": float(alike.mean()),
        "prototype_cosine_used": float(alike[used].mean()),
        "spearman_prototype_cosine": spearman(frequency[used], alike[used]),
    }
    of_test = nearest(test.features).numpy()
    third = third_of(dataset.frequency)[test.labels.numpy()]
    for number, name in enumerate(("head", "mid", "tail")):
        here = of_test[third == number]
        metrics[f"prototypes_{name}"] = len(np.unique(here)) / len(prototypes)
        metrics[f"prototype_cosine_{name}"] = _mean(alike[here])
    return metrics, prototypes.cpu().numpy(), assigned


def _nearest_other(vectors: Tensor) -> Tensor:
    """Cosine of each normalised vector with the nearest other one: [K]; 65,536 make 17 GB."""
    found = []
    for start, part in zip(range(0, len(vectors), ROWS), vectors.split(ROWS), strict=True):
        cosines = part @ vectors.T
        cosines.diagonal(start).fill_(-1)
        found.append(cosines.amax(1))
    return torch.cat(found)


def _of_test_pictures(
    dataset: RunDataset, shown: FeatureSet, scores: Scores
) -> tuple[pd.DataFrame, Metrics, dict[str, NDArray[Any]]]:
    """What scores of classes say of the test pictures: per class, metrics, arrays."""
    import pandas as pd

    tested, raw, truth = dataset.tested, shown.features, shown.labels
    frequency, trimmed, classes = dataset.frequency[tested], dataset.trimmed[tested], len(tested)
    guesses, total = [], torch.zeros(())
    for part in raw.split(ROWS):
        logits = scores(part).cpu()
        guesses.append(logits.argmax(1))
        total = total + logits.sum(0)
    labels, predictions = truth.numpy(), torch.cat(guesses).numpy()
    accuracy, predicted = per_class(labels, predictions, classes)
    table = pd.DataFrame(
        {
            "concept": [dataset.keys[number] for number in tested],
            "name": [dataset.names[number] for number in tested],
            "frequency": frequency,
            "trimmed": trimmed,
            "accuracy": accuracy,
            "predictions": predicted,
            "mean_logit": (total / len(raw)).numpy(),
        }
    )
    centres = class_means(F.normalize(raw, dim=1), truth, classes)
    metrics: Metrics = {
        **cast(Metrics, bias_report(frequency, labels, predictions)),
        "accuracy_kept": _mean(accuracy[~trimmed]),
        "accuracy_trimmed": _mean(accuracy[trimmed]),
        "predictions_trimmed": _mean(predicted[trimmed]),
        "nc1": nc1(raw, truth, classes),
        "nc2_means": nc2(centres),
        **dataset.further(predictions),
    }
    arrays = {
        "test": dataset.test_rows,
        "labels": labels,
        "predictions": predictions,
        "centres": centres.float().numpy(),
    }
    return table, metrics, arrays


def _mean(values: NDArray[Any]) -> float:
    """The mean, or nan where there is none."""
    return float(values.mean()) if len(values) else float("nan")
