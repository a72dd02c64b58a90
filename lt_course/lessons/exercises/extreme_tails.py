"""Lesson 11: a prototype's gradient, one shot against all others, lifts, and two predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from lt_course import study
from lt_course.lessons.exercises.kinds import (
    Array,
    Exercise,
    Explanation,
    Function,
    Mistake,
    Number,
    Prediction,
)
from lt_course.study.dataset import load_dataset

# Gradients of prototypes ------------------------------------------------------------------------


def _of_logits(features: Tensor, labels: Tensor, prototypes: Tensor, scale: float) -> Tensor:
    p = (scale * features @ prototypes.T).softmax(dim=1)
    return p - F.one_hot(labels, len(prototypes))


def _gradient(features: Tensor, labels: Tensor, prototypes: Tensor, scale: float) -> Tensor:
    of_logits = _of_logits(features, labels, prototypes, scale)
    return scale * of_logits.T @ features / len(features)


def _unscaled(features: Tensor, labels: Tensor, prototypes: Tensor, scale: float) -> Tensor:
    return _gradient(features, labels, prototypes, scale) / scale


def _summed(features: Tensor, labels: Tensor, prototypes: Tensor, scale: float) -> Tensor:
    return _gradient(features, labels, prototypes, scale) * len(features)


def _step(features: Tensor, labels: Tensor, prototypes: Tensor, scale: float) -> Tensor:
    return -_gradient(features, labels, prototypes, scale)


def _push_alone(features: Tensor, labels: Tensor, prototypes: Tensor, scale: float) -> Tensor:
    p = (scale * features @ prototypes.T).softmax(dim=1)
    return scale * p.T @ features / len(features)


def _gradient_inputs(generator: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    for n, classes, scale in ((5, 4, 3.0), (8, 6, 10.0)):
        features, prototypes = (
            F.normalize(torch.from_numpy(generator.normal(size=(rows, 7))).float(), dim=1)
            for rows in (n, classes)
        )
        # The last class is absent.
        labels = torch.from_numpy(generator.integers(classes - 1, size=n))
        yield features, labels, prototypes, scale


# One shot ---------------------------------------------------------------------------------------


def _pictures() -> int:
    """Training pictures of the lesson's runs, with one for each absent class."""
    scale = study.scale()
    run = study.config(
        "sl",
        seed=0,
        profile="incaps",
        num_images=2 * scale.num_images // 3,
        tail_classes=scale.concepts // 4,
        tail_shots=0,
    )
    frequency = load_dataset(run).frequency
    return int(frequency.sum() + (frequency == 0).sum())


def _push_over_pull() -> float:
    """(1 - 1/N) / C over (1 / N) (1 - 1/C), of N pictures and C classes."""
    return (_pictures() - 1) / (study.scale().concepts - 1)


# Lifts ------------------------------------------------------------------------------------------

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


def _two(cosines: Array, labels: Ints, absent: Bools, lift: float) -> tuple[Array, Array]:
    """Accuracies of the classes seen and absent."""
    right = (cosines + np.where(absent, lift, 0)).argmax(1) == labels
    each = np.array([right[labels == c].mean() for c in range(len(absent))])
    return each[~absent], each[absent]


def _harmonic(seen: float, unseen: float) -> float:
    return 2 * seen * unseen / (seen + unseen) if seen + unseen else 0.0


def _best(score: Callable[[Array, Array], float]) -> Callable[..., float]:
    """The lift with the greatest score of the classes' accuracies, seen and absent."""

    def of(cosines: Array, labels: Ints, absent: Bools, lifts: Sequence[float]) -> float:
        scores = [score(*_two(cosines, labels, absent, lift)) for lift in lifts]
        return lifts[int(np.argmax(scores))]

    return of


def _by_pictures(cosines: Array, labels: Ints, absent: Bools, lifts: Sequence[float]) -> float:
    gone = absent[labels]
    scores = []
    for lift in lifts:
        right = (cosines + np.where(absent, lift, 0)).argmax(1) == labels
        scores.append(_harmonic(right[~gone].mean(), right[gone].mean()))
    return lifts[int(np.argmax(scores))]


def _lowered(cosines: Array, labels: Ints, absent: Bools, lifts: Sequence[float]) -> float:
    opposite = [-lift for lift in lifts]
    return -LIFT(cosines, labels, absent, opposite)


LIFT = _best(lambda seen, unseen: _harmonic(float(seen.mean()), float(unseen.mean())))


def _lift_inputs(generator: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    absent = np.array([False, True, False, True, False, False])
    lifts = [round(0.02 * k, 2) for k in range(-5, 31)]
    for _ in range(4):
        labels = np.repeat(np.arange(6), [60, 6, 40, 90, 12, 30]).astype(np.int64)
        noise = generator.normal(0, 0.12, (len(labels), 6))
        strength = generator.uniform(0.05, 0.4, 6)[labels]
        cosines = noise + strength[:, None] * (labels[:, None] == np.arange(6))
        yield cosines - np.where(absent, 0.2, 0), labels, absent, lifts


EXERCISES: dict[str, Exercise] = {
    "prototype-gradient": Function(
        _gradient,
        _gradient_inputs,
        [
            Mistake(
                _unscaled,
                "The scale is missing: z = s f·w, so the derivative of z by w is s f.",
            ),
            Mistake(_summed, "This is the gradient of the summed loss; the mean divides by N."),
            Mistake(
                _step,
                "This is the descent step, which goes against the gradient: turn the sign.",
            ),
            Mistake(
                _push_alone,
                "This is the push alone: for the own class p - 1 takes the place of p.",
            ),
        ],
        "The gradient by the logits, [N, C], meets the derivative of each logit by its prototype.",
    ),
    "one-shot": Number(
        _push_over_pull,
        [
            Mistake(lambda: 1 / _push_over_pull(), "This is pull over push; turn it round."),
            Mistake(
                lambda: (_pictures() - 1) * study.scale().concepts / (study.scale().concepts - 1),
                "The push is missing its p: of each other picture it is only 1 / C.",
            ),
            Mistake(
                lambda: _pictures() - 1,
                "This counts pictures that push for each that pulls. Each pulls with 1 - 1 / C "
                "and pushes with 1 / C.",
            ),
            Mistake(
                lambda: (_pictures() - 1) / (3 * study.scale().concepts / 4 - 1),
                "With one picture each, all classes are in the softmax: p is one in C, and not one "
                "in the number of classes that were seen before.",
            ),
        ],
        "Of N pictures one pulls, with 1 - 1 / C; N - 1 push, with 1 / C each.",
        tolerance=1,
    ),
    "order-of-laws": Prediction(options=("full softmax", "uniform", "by frequency")),
    "without-push": Prediction(-1, 1, unit="a mean cosine"),
    "best-lift": Function(
        LIFT,
        _lift_inputs,
        [
            Mistake(
                _best(lambda seen, unseen: float(seen.mean() + unseen.mean())),
                "This is the best arithmetic mean, which one accuracy can win alone; the harmonic "
                "mean is 2 a b / (a + b).",
            ),
            Mistake(
                _best(lambda seen, unseen: float(np.concatenate([seen, unseen]).mean())),
                "This takes the accuracy over all classes, and there are more seen ones than "
                "absent ones.",
            ),
            Mistake(
                _by_pictures,
                "This counts pictures. Each class counts as one, however many pictures it has.",
            ),
            Mistake(
                _best(lambda _, unseen: float(unseen.mean())),
                "This looks at absent classes alone: the greatest lift always wins.",
            ),
            Mistake(_lowered, "The lift is taken off absent classes, or put on the seen ones."),
        ],
        "For each lift: answers, each class's accuracy, two means, and 2 a b / (a + b).",
    ),
    "blind-or-outvoted": Explanation(
        "Asked among absent classes alone, where chance is 1 in 15, the full softmax is right "
        "nearly as often as the vocabulary, and that is far above chance. So its features tell "
        "absent classes apart nearly as well. A lift shows the same from the other side: one "
        "number added to the logits of absent classes brings it to the vocabulary's accuracy on "
        "them. What the push spoils is mostly whether an absent class is named at all, which is "
        "a threshold, and only a little which one.",
        {
            "absent classes among themselves": ("among", "alone", "only absent", "15"),
            "the lift": ("lift", "one number", "added", "adding", "threshold"),
            "features, or what the model knows": ("feature", "know", "blind", "tell"),
        },
        words=20,
    ),
}
