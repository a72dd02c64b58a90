"""What a finished training leaves: everything that is measured of it.

A classifier and a CLIP have class vectors and are measured on the test drawings as they are. A
tower that has learnt without labels has none: a linear classifier is fitted to its features first,
which is then measured in the same way; and the same features are tried on other tasks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from lt_course.data import transfer_sets
from lt_course.data.appearance import is_solid
from lt_course.data.icontail import IconTail
from lt_course.data.longtail import Draw
from lt_course.data.transfer_sets import Part, TransferSet
from lt_course.evaluation import neural_collapse
from lt_course.evaluation.bias import bias_report, per_class, spearman
from lt_course.evaluation.neural_collapse import class_means, mean_cosine, nc1, nc2
from lt_course.evaluation.transfer import Probe, Sample, evaluate, linear_probe, nearest_neighbours
from lt_course.evaluation.zero_shot import zero_shot_prototypes
from lt_course.objectives.classify import Classification
from lt_course.objectives.contrast import Contrastive
from lt_course.objectives.distill import Distillation
from lt_course.training.augment import standardise


@dataclass(frozen=True)
class Outcome:
    """What a run leaves.

    Attributes:
        metrics: of the test pictures.
        history: one row per epoch of training.
        per_class: one row per concept: concept, name, frequency, trimmed (whether it was cut to a
            few shots), accuracy, predictions, mean_logit, its logit's mean over all test pictures;
            and, where there are class vectors, the metrics of `neural_collapse.per_class`.
        arrays: ``test`` int64 [M], indices of the test pictures; ``labels`` and ``predictions``
            int64 [M]; ``centres`` float32 [C, D], mean image features; ``prototypes`` float32, the
            class vectors [C, D], or the prototypes of self-distillation [K, D'], and of the
            latter ``assigned`` int32 [K, C], how many training pictures of each concept are
            nearest to each prototype.
    """

    metrics: dict[str, float]
    history: list[dict[str, float]]
    per_class: pd.DataFrame
    arrays: dict[str, NDArray[Any]]


@torch.no_grad()
def of_class_vectors(
    icontail: IconTail,
    drawn: Draw,
    objective: Classification | Contrastive,
    zero_shot: Tensor | None,
    history: list[dict[str, float]],
) -> Outcome:
    """Measure a classifier, or a CLIP by its zero-shot prompts int64 [C, P, L]."""
    classes = len(drawn.frequency)
    test = np.flatnonzero(icontail.test & (icontail.concept < classes))
    labels = icontail.concept[test].astype(np.int64)
    objective.eval()
    device = next(objective.parameters()).device
    raw = image_features(objective.image_tower, icontail.pictures[test])
    features = F.normalize(raw, dim=1)
    if isinstance(objective, Contrastive):
        assert zero_shot is not None
        prototypes = zero_shot_prototypes(objective.text_features, zero_shot.to(device))
        logits = objective.temperature(features @ prototypes.T)
    else:
        prototypes = objective.head.weight
        logits = objective.scores(features)
    logits, raw, prototypes = logits.cpu(), raw.cpu(), prototypes.float().cpu()
    table, metrics, arrays = _of_test_pictures(icontail, drawn, test, logits, raw)

    truth = torch.from_numpy(labels)
    geometry = neural_collapse.per_class(raw, truth, prototypes)
    table = pd.concat([table, geometry], axis=1)
    seen = drawn.frequency > 0
    metrics |= {
        "nc2_prototypes": nc2(prototypes, centre=False),
        "cosine_seen": mean_cosine(prototypes[seen]),
        "cosine_unseen": mean_cosine(prototypes[~seen]),
        "loss": history[-1]["loss"],
    }
    for name in geometry:
        for against in ("accuracy", "frequency"):
            metrics[f"spearman_{name}_{against}"] = spearman(table[against], table[name])
    return Outcome(metrics, history, table, arrays | {"prototypes": prototypes.numpy()})


@torch.no_grad()
def of_features(
    icontail: IconTail,
    drawn: Draw,
    objective: Distillation,
    history: list[dict[str, float]],
) -> Outcome:
    """Measure a tower that has learnt without labels.

    Bias is that of a linear probe fitted to equally many drawings of every evaluated concept; what
    it leaves of the tail is owed to the features.
    """
    classes = len(drawn.frequency)
    objective.eval()
    tower = objective.image_tower
    core = transfer_sets.evaluated_concepts(icontail, classes)
    probe, nearest = _tried_on(tower, core)
    test = np.flatnonzero(icontail.test & (icontail.concept < classes))
    raw = image_features(tower, icontail.pictures[test]).cpu()
    table, metrics, arrays = _of_test_pictures(icontail, drawn, test, probe.classifier(raw), raw)

    metrics |= {"penalty": probe.penalty, "nearest_neighbours": nearest}
    scores = []
    for transfer_set in offline_transfer_sets(icontail):
        name = re.sub("[ -]", "_", transfer_set.name)
        probe, nearest = _tried_on(tower, transfer_set)
        metrics |= {f"probe_{name}": probe.score, f"nearest_neighbours_{name}": nearest}
        scores.append(probe.score)
    metrics["probe_mean"] = float(np.mean(scores))
    metrics |= {k: v for k, v in history[-1].items() if k not in ("step", "learning_rate")}
    used, prototypes, assigned = _use_of_prototypes(icontail, drawn, objective)
    return Outcome(
        metrics | used, history, table, arrays | {"prototypes": prototypes, "assigned": assigned}
    )


def offline_transfer_sets(icontail: IconTail) -> Iterator[TransferSet]:
    """The transfer sets that need no download."""
    yield transfer_sets.held_out_concepts(icontail)
    yield transfer_sets.authors(icontail)
    yield transfer_sets.emoji_groups(icontail)
    yield transfer_sets.digits()


@torch.no_grad()
def image_features(tower: nn.Module, pictures: NDArray[np.uint8]) -> Tensor:
    """What a tower in evaluation mode makes of pictures, as `standardise` takes: float32 [N, D]."""
    shown = torch.from_numpy(pictures).to(next(tower.parameters()).device)
    return torch.cat([tower(standardise(part)).float() for part in shown.split(512)])


def _tried_on(tower: nn.Module, transfer_set: TransferSet) -> tuple[Probe, float]:
    """The linear probe, and the score of nearest neighbours."""

    def sample(part: Part) -> Sample:
        pictures = cast("NDArray[np.uint8]", part.pictures)
        return Sample(image_features(tower, pictures).cpu(), torch.from_numpy(part.labels))

    parts = [sample(getattr(transfer_set, part)) for part in ("train", "validation", "test")]
    train, validation, test = parts
    classes, metric = len(transfer_set.classes), transfer_set.metric
    with torch.enable_grad():
        probe = linear_probe(train, validation, test, classes, metric)
    votes = nearest_neighbours(train + validation, test.features, classes)
    return probe, evaluate(metric, votes, test.labels)


def _use_of_prototypes(
    icontail: IconTail, drawn: Draw, objective: Distillation
) -> tuple[dict[str, float], NDArray[np.float32], NDArray[np.int32]]:
    """Which of the training pictures are nearest to which prototype, and how alike those are."""
    known = drawn.labels < len(drawn.frequency)
    features = image_features(objective.image_tower, icontail.pictures[drawn.pictures[known]])
    weight, _ = objective.teacher.prototypes()
    prototypes = F.normalize(weight, dim=1)
    nearest = (objective.teacher.projection(features) @ prototypes.T).argmax(1).cpu().numpy()
    assigned = np.zeros((len(prototypes), len(drawn.frequency)), dtype=np.int32)
    np.add.at(assigned, (nearest, drawn.labels[known]), 1)
    used = assigned.sum(1) > 0
    frequency = assigned @ drawn.frequency / np.maximum(assigned.sum(1), 1)
    alike = (prototypes @ prototypes.T).fill_diagonal_(-1).amax(1).cpu().numpy()
    metrics = {
        "prototypes_used": float(used.mean()),
        "prototype_cosine": float(alike.mean()),
        "prototype_cosine_used": float(alike[used].mean()),
        "spearman_prototype_cosine": spearman(frequency[used], alike[used]),
    }
    return metrics, prototypes.cpu().numpy(), assigned


def _of_test_pictures(
    icontail: IconTail, drawn: Draw, test: NDArray[np.int64], logits: Tensor, raw: Tensor
) -> tuple[pd.DataFrame, dict[str, float], dict[str, NDArray[Any]]]:
    """What class scores [M, C] and features [M, D] of the test pictures say."""
    classes = len(drawn.frequency)
    labels = icontail.concept[test].astype(np.int64)
    predictions = logits.argmax(1).numpy()
    accuracy, predicted = per_class(labels, predictions, classes)
    concepts = icontail.concepts[:classes]
    table = pd.DataFrame(
        {
            "concept": [concept.key for concept in concepts],
            "name": [concept.name for concept in concepts],
            "frequency": drawn.frequency,
            "trimmed": drawn.trimmed,
            "accuracy": accuracy,
            "predictions": predicted,
            "mean_logit": logits.mean(0).numpy(),
        }
    )
    truth = torch.from_numpy(labels)
    centres = class_means(F.normalize(raw, dim=1), truth, classes)
    right, solid = labels == predictions, is_solid(icontail.grey[test])
    metrics = cast("dict[str, float]", bias_report(drawn.frequency, labels, predictions)) | {
        "accuracy_line": _mean(right[~solid]),
        "accuracy_solid": _mean(right[solid]),
        "accuracy_kept": _mean(accuracy[~drawn.trimmed]),
        "accuracy_trimmed": _mean(accuracy[drawn.trimmed]),
        "predictions_trimmed": _mean(predicted[drawn.trimmed]),
        "nc1": nc1(raw, truth, classes),
        "nc2_means": nc2(centres),
        "frequency_limit": drawn.limit,
    }
    arrays = {
        "test": test,
        "labels": labels,
        "predictions": predictions,
        "centres": centres.float().numpy(),
    }
    return table, metrics, arrays


def _mean(values: NDArray[Any]) -> float:
    """The mean, or nan where there is none."""
    return float(values.mean()) if len(values) else float("nan")
