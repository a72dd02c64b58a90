"""Exercises of the lesson on scale and text heads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from lt_course import evidence, scale
from lt_course.data.class_profiles import cut
from lt_course.evaluation.zero_shot import zero_shot_prototypes
from lt_course.lessons.exercises.kinds import (
    Exercise,
    Explanation,
    Function,
    Mistake,
    Number,
    Prediction,
)
from lt_course.lessons.neighbours import cosines
from lt_course.statistics import spearman
from lt_course.study import train_or_load

Ints = NDArray[np.int64]


def _frequencies(generator: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    for fraction in (1 / 8, 1 / 32, 0.3, 1.0):
        yield generator.integers(1, 500, 40), fraction
    yield np.array([0, 0, 1, 3, 8, 9, 100]), 1 / 8


def _kept(frequency: Ints, fraction: float) -> Ints:
    return cut(frequency, fraction, 0, 0)[0]


def _without_floor(frequency: Ints, fraction: float) -> Ints:
    return (frequency * fraction).astype(np.int64)


def _floor_for_all(frequency: Ints, fraction: float) -> Ints:
    return np.maximum(1, _without_floor(frequency, fraction))


def _rounded(frequency: Ints, fraction: float) -> Ints:
    return np.maximum(np.minimum(frequency, 1), np.rint(frequency * fraction).astype(np.int64))


def _rounded_up(frequency: Ints, fraction: float) -> Ints:
    return np.ceil(frequency * fraction).astype(np.int64)


def _text_features(generator: np.random.Generator) -> Iterator[tuple[Tensor]]:
    for shape in ((3, 4, 5), (6, 1, 8), (4, 20, 16)):
        directions = generator.normal(size=shape) + 0.5
        # Templates of other lengths: what is not normalized counts more.
        lengths = generator.uniform(0.1, 5, shape[:2])[:, :, None]
        yield (torch.tensor(directions * lengths),)


def _class_vectors(features: Tensor) -> Tensor:
    rows = features.flatten(0, 1)
    places = torch.arange(len(rows)).view(*features.shape[:2], 1)
    return zero_shot_prototypes(lambda ids: F.normalize(rows[ids[:, 0]], dim=1), places)


def _confusion(normalize_mean: bool = False, diagonal: bool = False) -> list[float]:
    """Of the frozen head and of the one from scratch."""
    found = []
    for label in ("frozen", "scratch"):
        run = evidence.experiment("text_heads").run(label, scale=scale.current().name)
        arrays = train_or_load(run).arrays
        vectors = arrays["prototypes"]
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        alike = cosines(vectors) if normalize_mean else unit @ unit.T
        counts = np.zeros(alike.shape)
        np.add.at(counts, (arrays["labels"], arrays["predictions"]), 1)
        pairs = np.ones(alike.shape, dtype=bool) if diagonal else ~np.eye(len(alike), dtype=bool)
        found.append(spearman(alike[pairs], counts[pairs]))
    return found


EXERCISES: dict[str, Exercise] = {
    "keep": Function(
        _kept,
        _frequencies,
        [
            Mistake(
                _without_floor,
                "classes with few pictures have lost all of them: a class that has any keeps one.",
            ),
            Mistake(
                _floor_for_all,
                "a class that had no picture has got one: it stays without.",
            ),
            Mistake(_rounded, "you round to the nearest number; round down."),
            Mistake(_rounded_up, "you round up; round down, and keep one picture at least."),
        ],
        hint="np.maximum of two arrays: the rounded share, and 1 where there is any picture.",
    ),
    "share-left": Prediction(0, 1, unit="the share"),
    "class-vectors": Function(
        _class_vectors,
        _text_features,
        [
            Mistake(
                lambda f: F.normalize(f.mean(1), dim=1),
                "long features count more than short ones: normalize each template's feature "
                "before the mean.",
            ),
            Mistake(
                lambda f: F.normalize(f, dim=2).mean(1),
                "the mean of unit vectors is shorter than 1: normalize it, too.",
            ),
            Mistake(lambda f: f.mean(1), "nothing is normalized, neither before nor after."),
            Mistake(
                lambda f: F.normalize(f[:, 0], dim=1),
                "you use the first template alone; take the mean over all of them.",
            ),
        ],
        hint="The dimension to normalize over is the last one, the mean is over the second.",
    ),
    "confusion": Number(
        _confusion,
        [
            Mistake(
                lambda: _confusion(diagonal=True),
                "the diagonal is in it, where right answers stand beside a cosine of 1.",
            ),
            Mistake(
                lambda: _confusion(normalize_mean=True),
                "these cosines are centered; take those of the vectors as they are.",
            ),
            Mistake(
                lambda: _confusion()[::-1], "the two are exchanged: frozen first, then scratch."
            ),
        ],
        hint="Is the diagonal left out of both matrices, and are the rows the true classes?",
    ),
    "fall": Prediction(-1, 1, unit="the difference of S(a)"),
    "why": Explanation(
        "Accuracy rises where new pictures are. Under the steep profile an eighth leaves most of "
        "the tail with one or two pictures, and all data add only a few more, while the head gains "
        "hundreds: the head's accuracy pulls away, and S(a) rises. Under the flatter profile even "
        "the rarest concepts gain dozens of pictures and leave the few shots behind, while the "
        "head already has so many that further ones bring less: the tail catches up, and S(a) "
        "falls.",
        {
            "the tail": ("tail", "rare"),
            "the head": ("head", "frequent"),
            "how many pictures there are": ("picture", "drawing", "shot", "example", "image"),
            "what further pictures still bring": (
                "saturat",
                "less",
                "enough",
                "diminish",
                "catch",
                "already",
                "fewer",
                "little",
                "more",
            ),
        },
    ),
}
"""In the order of the notebook."""
