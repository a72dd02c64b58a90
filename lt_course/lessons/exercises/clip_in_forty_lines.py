"""Exercises of lesson 01."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lt_course.lessons.exercises.kinds import (
    Exercise,
    Explanation,
    Function,
    Mistake,
    Prediction,
)


# ---- Symmetric InfoNCE
def infonce(images: Tensor, texts: Tensor, scale: float) -> Tensor:
    """The mean of both directions' cross-entropies, features not normalised: float []."""
    return _directions(F.normalize(images, dim=1), F.normalize(texts, dim=1), scale).mean()


def _directions(images: Tensor, texts: Tensor, scale: float) -> Tensor:
    """Drawings to titles, titles to drawings: float [2]."""
    logits, own = scale * images @ texts.T, torch.arange(len(images))
    return torch.stack([F.cross_entropy(logits, own), F.cross_entropy(logits.T, own)])


def _not_normalised(images: Tensor, texts: Tensor, scale: float) -> Tensor:
    return _directions(images, texts, scale).mean()


def _one_way(images: Tensor, texts: Tensor, scale: float) -> Tensor:
    return _directions(F.normalize(images, dim=1), F.normalize(texts, dim=1), scale)[0]


def _other_way(images: Tensor, texts: Tensor, scale: float) -> Tensor:
    return _one_way(texts, images, scale)


def _sum_of_both(images: Tensor, texts: Tensor, scale: float) -> Tensor:
    return 2 * infonce(images, texts, scale)


def _sum_over_pairs(images: Tensor, texts: Tensor, scale: float) -> Tensor:
    return len(images) * infonce(images, texts, scale)


def _divided(images: Tensor, texts: Tensor, scale: float) -> Tensor:
    return infonce(images, texts, 1 / scale)


def _negative(images: Tensor, texts: Tensor, scale: float) -> Tensor:
    return -infonce(images, texts, scale)


def _along_the_batch(images: Tensor, texts: Tensor, scale: float) -> Tensor:
    return _directions(F.normalize(images, dim=0), F.normalize(texts, dim=0), scale).mean()


def _pairs(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for size, scale in ((8, 4.0), (3, 1 / 0.07)):
        images, texts = (torch.from_numpy(rng.normal(size=(size, 5))).float() for _ in range(2))
        yield 2 * images, 3 * texts + images, scale


# ---- Class vectors from as many prompts as there are
def prototypes(encoded: Tensor, owner: Tensor, classes: int) -> Tensor:
    """For each class the normalised mean of its prompts' normalised features: float [C, D]."""
    return F.normalize(_means(F.normalize(encoded, dim=1), owner, classes), dim=1)


def _means(encoded: Tensor, owner: Tensor, classes: int) -> Tensor:
    return torch.stack([encoded[owner == c].mean(0) for c in range(classes)])


def _lengths_kept(encoded: Tensor, owner: Tensor, classes: int) -> Tensor:
    return F.normalize(_means(encoded, owner, classes), dim=1)


def _mean_not_normalised(encoded: Tensor, owner: Tensor, classes: int) -> Tensor:
    return _means(F.normalize(encoded, dim=1), owner, classes)


def _plain_mean(encoded: Tensor, owner: Tensor, classes: int) -> Tensor:
    return _means(encoded, owner, classes)


def _first_prompt(encoded: Tensor, owner: Tensor, classes: int) -> Tensor:
    first = torch.stack([(owner == c).nonzero()[0, 0] for c in range(classes)])
    return F.normalize(encoded[first], dim=1)


def _prompts(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for classes, extra in ((3, 5), (4, 9)):
        owner = np.concatenate([np.arange(classes), rng.integers(classes, size=extra)])
        sizes = rng.uniform(0.2, 4, size=(len(owner), 1))
        encoded = torch.from_numpy(sizes * rng.normal(size=(len(owner), 6))).float()
        yield encoded, torch.from_numpy(rng.permutation(owner)), classes


EXERCISES: dict[str, Exercise] = {
    "infonce": Function(
        reference=infonce,
        inputs=_pairs,
        mistakes=(
            Mistake(
                _not_normalised,
                "The features are not normalised: cosines need rows of length 1.",
            ),
            Mistake(
                _one_way,
                "This is the half from drawings to titles: titles choose a drawing, too.",
            ),
            Mistake(
                _other_way,
                "This is the half from titles to drawings: drawings choose a title, too.",
            ),
            Mistake(_sum_of_both, "The two directions are added: take their mean."),
            Mistake(_sum_over_pairs, "This is a sum over the pairs: take the mean."),
            Mistake(
                _divided,
                "The cosines are divided by the scale: it is the inverse of the temperature.",
            ),
            Mistake(_negative, "This is the mean log probability: a loss is minus that."),
            Mistake(
                _along_the_batch,
                "The features are normalised over the batch: each row should have length 1.",
            ),
        ),
        hint="Normalise rows; of each row of logits, logsumexp minus the diagonal; columns too.",
    ),
    "prototypes": Function(
        reference=prototypes,
        inputs=_prompts,
        mistakes=(
            Mistake(
                _lengths_kept,
                "The prompts are averaged with their own lengths, so long vectors count more: "
                "normalise each before the mean.",
            ),
            Mistake(
                _mean_not_normalised,
                "The mean of unit vectors is shorter than 1: normalise it, too.",
            ),
            Mistake(_plain_mean, "Nothing is normalised: each prompt should be, and the mean."),
            Mistake(_first_prompt, "This takes the first prompt of each class and no others."),
        ),
        hint="Normalise each prompt, average those of a class, normalise the mean.",
    ),
    "temperature": Prediction(low=0, high=1, unit="an accuracy"),
    "pushed": Explanation(
        model=(
            "The batch is drawn like the data, so a frequent concept's titles come up as wrong "
            "answers for other drawings about as often as they come up as right ones. Each time, "
            "the loss pushes the other drawings away from them. A title that is close to every "
            "drawing therefore costs CLIP most if it is a frequent one, and so a general "
            "preference for frequent concepts does not pay. In a classifier's softmax each class "
            "is a wrong answer for every drawing of another class, rare ones as often as frequent "
            "ones. But it is a right answer only as often as it occurs, so to prefer frequent "
            "classes lowers the loss."
        ),
        ideas={
            "the batch, from which wrong answers come": ("batch", "other drawings", "titles"),
            "pushing away": ("push", "away", "lower", "wrong", "negative", "penal"),
            "the classifier": ("classifier", "softmax", "cross-entropy", "table"),
            "all classes being wrong answers alike": (
                "every",
                "all",
                "each",
                "equally",
                "always",
            ),
        },
        words=25,
    ),
}
