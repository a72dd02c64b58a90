"""Lesson 12, self-distillation."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from scipy import optimize, special
from torch import Tensor

from lt_course.lessons.distillation import detectable
from lt_course.lessons.exercises.kinds import (
    Exercise,
    Explanation,
    Function,
    Mistake,
    Number,
    Prediction,
)

Targets = tuple[Tensor, Tensor]


def _batches(rng: np.random.Generator) -> Iterable[tuple[Tensor, Tensor, float, float]]:
    for views, prototypes, temperature, momentum in ((12, 5, 0.2, 0.9), (7, 9, 0.5, 0.6)):
        cosines = torch.from_numpy(rng.uniform(-1, 1, (views, prototypes))).float()
        center = torch.from_numpy(rng.uniform(-0.5, 0.5, prototypes)).float()
        yield cosines, center, temperature, momentum


def _centering(cosines: Tensor, center: Tensor, temperature: float, momentum: float) -> Targets:
    targets = ((cosines - center) / temperature).softmax(1)
    return targets, momentum * center + (1 - momentum) * cosines.mean(0)


def _new_center(cosines: Tensor, center: Tensor, temperature: float, momentum: float) -> Targets:
    _, new = _centering(cosines, center, temperature, momentum)
    return ((cosines - new) / temperature).softmax(1), new


def _swapped(cosines: Tensor, center: Tensor, temperature: float, momentum: float) -> Targets:
    return _centering(cosines, center, temperature, momentum)[0], _centering(
        cosines, center, temperature, 1 - momentum
    )[1]


def _divided_first(cosines: Tensor, center: Tensor, temperature: float, momentum: float) -> Targets:
    _, new = _centering(cosines, center, temperature, momentum)
    return (cosines / temperature - center).softmax(1), new


def _over_views(cosines: Tensor, center: Tensor, temperature: float, momentum: float) -> Targets:
    _, new = _centering(cosines, center, temperature, momentum)
    return ((cosines - center) / temperature).softmax(0), new


def _differences() -> np.ndarray:
    """The differences of logits of the exercise."""
    return np.random.default_rng(11).normal(1, 2, 100)


def _offset() -> float:
    g = _differences()
    return float(optimize.brentq(lambda d: special.expit(g - d).mean() - 0.5, -20, 20))


EXERCISES: dict[str, Exercise] = {
    "centering": Function(
        _centering,
        _batches,
        [
            Mistake(
                _new_center,
                "the targets use the new center: they are to use the one from the steps before.",
            ),
            Mistake(
                _swapped,
                "momentum and its rest are swapped: the old center is to weigh momentum.",
            ),
            Mistake(
                _divided_first,
                "the cosines are divided before the center is subtracted; subtract first.",
            ),
            Mistake(
                _over_views,
                "the softmax is over the views; each view's target is to sum to 1.",
            ),
        ],
        hint="Return a tuple: the targets [N, K], then the new center [K].",
    ),
    "two-prototypes": Number(
        _offset,
        [
            Mistake(
                lambda: _differences().mean(),
                "this is the mean of g: the answer for very soft targets, which centring gives.",
            ),
            Mistake(
                lambda: np.median(_differences()),
                "this is the median of g: the answer for very sharp targets.",
            ),
            Mistake(
                lambda: -_offset(), "the sign is turned: the target is the logistic of g minus d."
            ),
        ],
        hint="Balance asks that the mean of logistic(g - d) is one half.",
        decimals=3,
        tolerance=0.002,
    ),
    "collapse": Prediction(1, 16, unit="the number of prototypes"),
    "control": Prediction(0, 1, unit="accuracy"),
    "seeds": Number(
        lambda: detectable(1, 10) / detectable(1, 5),
        [
            Mistake(
                lambda: 0.5**0.5,
                "this is 1 / sqrt(2), which leaves out that Student's t is wider with few seeds.",
            ),
            Mistake(
                lambda: detectable(1, 5) / detectable(1, 10),
                "this is five seeds over ten; the question is ten over five.",
            ),
            Mistake(lambda: 0.5, "effects do not shrink in proportion to the number of seeds."),
        ],
        hint="distillation.detectable(1, 10) over distillation.detectable(1, 5).",
    ),
    "damage": Explanation(
        "A remedy can only give back what was lost. After the long tail the features transferred "
        "about as well as after the flat profile, so there was no damage to repair, and a missing "
        "gain says nothing about tails that do damage. The reason is the kind of tail: frequencies "
        "were dealt to concepts, and DINO sees shapes and strokes. Rare concepts have the "
        "strokes of frequent ones, so few shapes were rare. The experiment that would decide deals "
        "the frequencies to clusters of appearance, shows first that features are worse than after "
        "a flat profile, and only then compares draws, with enough seeds to detect a share of that "
        "damage.",
        {
            "the missing damage": ("damage", "cost", "lost", "harm", "nothing to repair", "worse"),
            "concepts and appearance": ("appearance", "shape", "stroke", "look", "cluster"),
        },
    ),
}
