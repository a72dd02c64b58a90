"""Lesson 03, CLIP against supervised learning."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lt_course import study
from lt_course.evaluation.bias import FloatArray, thirds
from lt_course.lessons.exercises.kinds import (
    Exercise,
    Explanation,
    Function,
    Mistake,
    Number,
    Prediction,
)


def _batches(rng: np.random.Generator) -> Iterable[tuple[Tensor, Tensor, Tensor, float]]:
    """Batches in which some classes occur several times and some do not occur."""
    for pictures, classes, scale in ((40, 12, 14.0), (9, 30, 5.0)):
        image, w = (
            F.normalize(torch.from_numpy(rng.normal(size=(rows, 8))).float(), dim=1)
            for rows in (pictures, classes)
        )
        labels = rng.choice(classes, pictures, p=1 / np.arange(1, classes + 1) / _harmonic(classes))
        yield image, w, torch.from_numpy(labels), scale


def _harmonic(classes: int) -> float:
    return float((1 / np.arange(1, classes + 1)).sum())


def _log_counts(labels: Tensor, classes: int) -> Tensor:
    return torch.bincount(labels, minlength=classes).log()


def _counted(image: Tensor, w: Tensor, labels: Tensor, scale: float) -> Tensor:
    own = (scale * image @ w.T)[torch.arange(len(labels)), labels]
    return ((scale * image @ w.T + _log_counts(labels, len(w))).logsumexp(1) - own).mean()


def _plain(image: Tensor, w: Tensor, labels: Tensor, scale: float) -> Tensor:
    return F.cross_entropy(scale * image @ w.T, labels)


def _balanced(image: Tensor, w: Tensor, labels: Tensor, scale: float) -> Tensor:
    return F.cross_entropy(scale * image @ w.T + _log_counts(labels, len(w)), labels)


def _present_once(image: Tensor, w: Tensor, labels: Tensor, scale: float) -> Tensor:
    absent = torch.bincount(labels, minlength=len(w)) == 0
    return F.cross_entropy((scale * image @ w.T).masked_fill(absent, -torch.inf), labels)


def _summed(image: Tensor, w: Tensor, labels: Tensor, scale: float) -> Tensor:
    return _counted(image, w, labels, scale) * len(labels)


def _tables(rng: np.random.Generator) -> Iterable[tuple[FloatArray, FloatArray]]:
    """Frequencies out of order, with ties across a border, and C that 3 does not divide."""
    for frequency in (rng.permutation(np.geomspace(900, 1, 12).round()), _tied(rng, 11)):
        yield frequency.astype(float), rng.random(len(frequency))


def _tied(rng: np.random.Generator, classes: int) -> FloatArray:
    return rng.permutation(np.array([50, 20, 9, 7, 7, 7, 4, 2, 2, 2, 1][:classes], float))


def _thirds(frequency: FloatArray, accuracy: FloatArray) -> list[float]:
    found = thirds(frequency, accuracy)
    return [found["head"], found["mid"], found["tail"]]


def _as_listed(frequency: FloatArray, accuracy: FloatArray) -> list[float]:
    return [float(part.mean()) for part in np.array_split(accuracy, 3)]


def _rising(frequency: FloatArray, accuracy: FloatArray) -> list[float]:
    return _thirds(frequency, accuracy)[::-1]


def _of_pictures(frequency: FloatArray, accuracy: FloatArray) -> list[float]:
    order = np.argsort(-frequency, kind="stable")
    before = np.cumsum(frequency[order]) - frequency[order]
    group = np.minimum(3 * before / frequency.sum(), 2).astype(int)
    sorted_accuracy = accuracy[order]
    return [
        float(sorted_accuracy[group == g].mean()) if (group == g).any() else float("nan")
        for g in range(3)
    ]


@cache
def _mean(metric: str, method: str) -> float:
    """Mean of a metric over seeds 0 to 2 of the live runs."""
    found = study.train_or_load_all(study.config(method, seed=seed) for seed in range(3))
    return float(np.mean([record.metrics[metric] for record in found]))


def _wider(method: str = "clip-title") -> float:
    return _gap("spearman_predictions", method) - _gap("spearman_accuracy", method)


def _gap(metric: str, method: str = "clip-title") -> float:
    return _mean(metric, "sl") - _mean(metric, method)


EXERCISES: dict[str, Exercise] = {
    "counted-loss": Function(
        _counted,
        _batches,
        [
            Mistake(
                _plain,
                "this is the classifier's loss: no class is counted, and absent classes are in "
                "the denominator.",
            ),
            Mistake(
                _balanced,
                "this has log n in the numerator, too, so it is balanced softmax: InfoNCE asks for "
                "the one own caption, not for all captions of the class.",
            ),
            Mistake(
                _present_once,
                "each class that is present counts once here; with n captions it counts n times.",
            ),
            Mistake(_summed, "this is the sum over the batch; the mean is asked for."),
        ],
        hint="Its logsumexp is over s f.w + log n; subtract the logit s f.w of the own class.",
    ),
    "told-the-counts": Prediction(-1, 1, unit="S(p)"),
    "wider": Number(
        _wider,
        [
            Mistake(
                lambda: -_wider(),
                "this is S(a)'s gap minus S(p)'s: swap them.",
            ),
            Mistake(
                lambda: _wider("clip-template"),
                "this is for CLIP on templates; the question is about titles.",
            ),
            Mistake(
                lambda: _gap("spearman_predictions"),
                "this is the gap in S(p) alone; subtract the gap in S(a).",
            ),
            Mistake(
                lambda: _gap("spearman_accuracy"),
                "this is the gap in S(a) alone; it is to be subtracted from that in S(p).",
            ),
        ],
        hint="Two gaps for each seed, their difference, and the mean over the seeds.",
    ),
    "thirds": Function(
        _thirds,
        _tables,
        [
            Mistake(_as_listed, "this cuts the classes as they are listed: sort them first."),
            Mistake(_rising, "this sorts the rarest classes first, so the tail is called head."),
            Mistake(
                _of_pictures,
                "these groups have a third of the pictures each; a third of the classes is asked "
                "for.",
            ),
        ],
        hint="A stable argsort of -frequency, then np.array_split.",
    ),
    "ensemble": Prediction(0, 1, unit="accuracy"),
    "memory": Explanation(
        "The loss is measured on the training drawings. On these the model can reach nearly the "
        "least loss by knowing each drawing by heart, the rare ones too: its accuracy on the tail "
        "drawings that it was trained on is high. The statement about the best solution is about "
        "the distribution that drawings come from, and a few drawings of a rare concept say little "
        "about it. On new drawings the model has to generalise. For frequent concepts it has seen "
        "enough variety; for rare ones it has not, so it falls back on the frequent ones, and "
        "accuracy on new tail drawings is low. So the loss can be near its floor while the prior "
        "is back in the test.",
        {
            "the drawings that were trained on": ("train", "seen", "known", "heart", "memor"),
            "drawings that the model has not seen": (
                "new",
                "test",
                "unseen",
                "generalis",
                "generaliz",
            ),
            "rare concepts": ("rare", "tail", "few"),
        },
    ),
}
