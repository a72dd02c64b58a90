"""One switch, ``LT_SCALE``, and everything that it changes."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, get_args

from lt_course.errors import CourseError

ScaleName = Literal["tiny", "cpu", "gpu", "full"]
Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class Towers:
    """The models of a scale.

    Attributes:
        image: ``small-cnn``, or the name of an open_clip model.
        text: ``small-transformer``, or the name of an open_clip model.
        embedding: dimension D of the shared space.
        picture_size: height and width in pixels at which the image tower sees a picture.
    """

    image: str
    text: str
    embedding: int
    picture_size: int


@dataclass(frozen=True)
class OpenWorld:
    """What the CLIP is trained on whose text head others start from.

    It stands for CLIP's own 400 million pairs: all training pictures of the evaluated concepts, in
    their natural counts, and pictures of other concepts.

    Attributes:
        others: pictures of other concepts.
        epochs: passes over all of them.
    """

    others: int
    epochs: int


@dataclass(frozen=True)
class Scale:
    """What a scale fixes; every other setting is the same from two CPU cores to many GPUs.

    Attributes:
        name: the value of ``LT_SCALE``.
        dataset: where pictures and texts come from.
        concepts: number of evaluated concepts C.
        pictures: number of training pictures N.
        epochs: passes over the training pictures.
        open_world: what the pre-trained text head has seen.
        batch: pictures a step.
        towers: the models.
        device: ``cpu`` or ``cuda``.
        distillation: fields in which self-distillation differs from the paper's recipe and from
            other runs of the scale; `lt_course.objectives.distill.Distill` explains most of them.
    """

    name: ScaleName
    dataset: str
    concepts: int
    pictures: int
    epochs: int
    open_world: OpenWorld
    batch: int
    towers: Towers
    device: Literal["cpu", "cuda"]
    distillation: Mapping[str, Any] = field(default_factory=dict)


DRAWINGS = MappingProxyType(
    {
        "prototypes": 512,
        "targets": "sinkhorn",
        "teacher_temperature": 0.015,
        "teacher_temperature_start": 0.015,
        "teacher_momentum": 0.98,
        "freeze_last_layer": "0 %",
        "hidden": 256,
        "bottleneck": 64,
        "global_least": 0.5,
        "local_crops": 0,
        "redrawn": 0.75,
        "batch": 64,
    }
)
"""Where self-distillation of a small network learns something from a few thousand drawings: few
prototypes, sharp targets, a teacher that follows at once, crops that still show what is drawn, and
pens that vary. With 64 features, a linear probe at `cpu` and on a flat profile comes to about twice
that of random features of the same network; with more, random ones carry more, too. Lesson 11 has
the figures. (Convolutions this small are faster in float32 than in bfloat16.)"""

SMALL = Towers("small-cnn", "small-transformer", embedding=128, picture_size=32)

SCALES: dict[str, Scale] = {
    scale.name: scale
    for scale in (
        Scale(
            "tiny", "icontail", 60, 4_500, 6, OpenWorld(10_000, 1), 128, SMALL, "cpu",
            DRAWINGS
            | {
                "concepts": 60,
                "pictures": 6_000,
                "duration": "200 steps",
                "embedding": 64,
                "precision": "float32",
            },
        ),
        Scale(
            "cpu", "icontail", 194, 6_000, 8, OpenWorld(29_000, 3), 128, SMALL, "cpu",
            DRAWINGS
            | {
                "concepts": 100,
                "pictures": 9_500,
                "duration": "800 steps",
                "embedding": 64,
                "precision": "float32",
            },
        ),
        Scale(
            # The flatter of the study's two profiles can be filled up to 8,427 pictures; the open
            # world has all 64,852 training pictures that there are.
            "gpu", "icontail-colour", 194, 8_000, 60, OpenWorld(29_774, 20), 256,
            Towers("RN50", "RN50", 1024, 64), "cuda",
            DRAWINGS | {"concepts": 100, "pictures": 9_500, "global_size": 64, "batch": 256},
        ),
        Scale(
            "full", "imagenet-captions", 1_000, 448_896, 32, OpenWorld(0, 32), 1_024,
            Towers("RN50", "RN50", 1024, 224), "cuda",
            {"targets": "sinkhorn", "global_size": 224, "local_size": 96, "duration": "100 epochs"},
        ),
    )
}  # fmt: skip


def current() -> Scale:
    """The scale that ``LT_SCALE`` names; ``tiny`` when it is not set."""
    return named(os.environ.get("LT_SCALE", "tiny"), "the environment variable LT_SCALE")


def named(name: str, where: str = "the scale") -> Scale:
    """The scale of that name.

    Raises:
        CourseError: if there is none; the sentence names the nearest ones.
    """
    if name not in SCALES:
        near = difflib.get_close_matches(name, SCALES, n=1, cutoff=0.3)
        raise CourseError(
            f"There is no scale {name!r} (from {where}); "
            + (f"did you mean {near[0]!r}? " if near else "")
            + f"The scales are {', '.join(get_args(ScaleName))}."
        )
    return SCALES[name]
