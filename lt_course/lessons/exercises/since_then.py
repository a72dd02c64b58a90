"""Lesson 14: exponents, a cap, a bias that is removed without labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lt_course.evidence import load_per_class
from lt_course.lessons.exercises.kinds import (
    Array,
    Exercise,
    Explanation,
    Function,
    Mistake,
    Number,
    Prediction,
)

CAP = 20


def _frequency() -> Array:
    return np.asarray(load_per_class("the_gap", "sl", 0)["frequency"].to_numpy(float))


def _kept() -> float:
    frequency = _frequency()
    return float(np.minimum(frequency, CAP).sum() / frequency.sum())


def _whole_classes() -> float:
    frequency = _frequency()
    return float(frequency[frequency <= CAP].sum() / frequency.sum())


def _label_free(log_p: Tensor, shares: Tensor) -> Tensor:
    return log_p - log_p.exp().mean(0).log() + shares.log()


def _of_logarithms(log_p: Tensor, shares: Tensor) -> Tensor:
    return log_p - log_p.mean(0) + shares.log()


def _as_if_balanced(log_p: Tensor, _: Tensor) -> Tensor:
    return log_p - log_p.exp().mean(0).log()


def _twice(log_p: Tensor, shares: Tensor) -> Tensor:
    return log_p - log_p.exp().mean(0).log() - shares.log()


def _no_logarithm(log_p: Tensor, shares: Tensor) -> Tensor:
    return log_p - log_p.exp().mean(0) + shares


def _over_classes(log_p: Tensor, shares: Tensor) -> Tensor:
    return log_p - log_p.exp().mean(1, keepdim=True).log() + shares.log()


def _inputs(generator: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    for pictures, classes in ((7, 4), (12, 5)):
        logits = torch.from_numpy(generator.normal(scale=2, size=(pictures, classes)))
        shares = torch.from_numpy(generator.dirichlet(np.full(classes, 3.0)))
        yield logits.log_softmax(1), shares


EXERCISES: dict[str, Exercise] = {
    "exponent-of-clip": Prediction(-1, 2, unit="the exponent"),
    "one-recipe": Explanation(
        "Logit adjustment takes off the whole log prior: it assumes that the logits hold it with "
        "an exponent of 1. The predictions of SL have an exponent of about 1, so the recipe suits "
        "it. Those of CLIP have a small one; nearly all of the prior has been divided out in "
        "training. Taking it off once more overcorrects: rare classes are then predicted too "
        "often, and S(p) becomes negative.",
        {
            "the prior": ("prior",),
            "supervised learning": ("sl", "supervised"),
            "how large the exponents are": ("exponent", "small", "about 1", "nearly 0"),
            "rare classes, or too much correction": ("rare", "tail", "overcorrect", "too much"),
        },
        words=20,
    ),
    "cap-of-20": Number(
        _kept,
        [
            Mistake(
                _whole_classes,
                "This drops every class above the cap; such a class keeps 20 of its pictures.",
            ),
            Mistake(
                lambda: float((_frequency() <= CAP).mean()),
                "This is the share of classes that the cap leaves alone; pictures are asked for.",
            ),
            Mistake(lambda: 1 - _kept(), "This is the share that is lost."),
        ],
        "A class of n pictures keeps the smaller of n and t.",
    ),
    "label-free": Function(
        _label_free,
        _inputs,
        [
            Mistake(
                _of_logarithms,
                "This is the mean of log-probabilities, which makes CLIP more biased; take the log "
                "of mean probabilities.",
            ),
            Mistake(
                _as_if_balanced,
                "The known shares are not used: this treats the pictures as balanced, and takes a "
                "true imbalance off as if it were a bias.",
            ),
            Mistake(
                _twice,
                "The shares are taken off; they are true, so their log is to be added.",
            ),
            Mistake(
                _no_logarithm,
                "These are probabilities without their logarithm; scores are logarithms.",
            ),
            Mistake(
                _over_classes,
                "The mean is taken over classes; it is to be taken over pictures, dimension 0.",
            ),
        ],
        "log_p.exp() are probabilities; their mean over pictures has one value for each class.",
    ),
}
