"""One switch, ``LT_SCALE``, and everything that it changes."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lt_course.errors import CourseError

ScaleName = Literal["tiny", "cpu", "gpu", "full"]
Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class OpenWorld:
    """What the CLIP is trained on whose text head others start from.

    It stands for CLIP's own 400 million pairs: all training pictures of the evaluated concepts, in
    their natural counts, and `distractors`, pictures of other concepts; `epochs` times.
    """

    distractors: int
    epochs: int


@dataclass(frozen=True)
class Scale:
    """What a scale fixes; every other setting is the same from two CPU cores to many GPUs.

    `data` has the fields of a run's data, and `distillation` those in which self-distillation
    differs from the paper's recipe and from other runs of the scale, unless they are set otherwise.
    """

    name: ScaleName
    dataset: str
    data: Mapping[str, Any]
    epochs: int
    open_world: OpenWorld
    batch_size: int
    image_tower: str
    text_tower: str
    embed_dim: int
    device: Literal["cpu", "cuda"]
    distillation: Mapping[str, Any]

    @property
    def concepts(self) -> int:
        """Number of evaluated classes C."""
        return int(self.data["concepts"])

    @property
    def num_images(self) -> int:
        """Number of training images N."""
        return int(self.data["num_images"])


DRAWINGS = {
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
    "batch_size": 64,
}
"""Where self-distillation of a small network learns something from a few thousand drawings: few
prototypes, sharp targets, a teacher that follows at once, crops that still show what is drawn, and
pens that vary. With 64 features, a linear probe at `cpu` and on a flat profile comes to about twice
that of random features of the same network; with more, random ones carry more, too. Lesson 11 has
the figures. (Convolutions this small are faster in float32 than in bfloat16.)"""

SMALL = {"embed_dim": 64, "precision": "float32"}

SCALES: dict[str, Scale] = {
    scale.name: scale
    for scale in (
        Scale(
            "tiny", "icontail", {"concepts": 60, "num_images": 4_500}, 6, OpenWorld(10_000, 1), 128,
            "small-cnn", "small-transformer", 128, "cpu",
            DRAWINGS | {"concepts": 60, "num_images": 6_000, "duration": "200 steps"} | SMALL,
        ),
        Scale(
            "cpu", "icontail", {"concepts": 194, "num_images": 6_000}, 8, OpenWorld(29_000, 3), 128,
            "small-cnn", "small-transformer", 128, "cpu",
            DRAWINGS | {"concepts": 100, "num_images": 9_500, "duration": "800 steps"} | SMALL,
        ),
        Scale(
            # The flatter of the study's two profiles can be filled up to 8,427 images; the open
            # world has all 64,852 training images that there are.
            "gpu", "icontail",
            {"concepts": 194, "num_images": 8_000, "color": True, "image_size": 64},
            60, OpenWorld(29_774, 20), 256, "RN50", "RN50", 1024, "cuda",
            DRAWINGS
            | {"concepts": 100, "num_images": 9_500, "global_size": 64, "batch_size": 256},
        ),
        Scale(
            "full", "imagenet-captions",
            {"concepts": 1_000, "num_images": 448_896, "image_size": 224},
            32, OpenWorld(0, 32), 1_024, "RN50", "RN50", 1024, "cuda",
            {"targets": "sinkhorn", "global_size": 224, "local_size": 96, "duration": "100 epochs"},
        ),
    )
}  # fmt: skip


def current() -> Scale:
    """The scale that ``LT_SCALE`` names; ``tiny`` when it is not set."""
    return named(os.environ.get("LT_SCALE", "tiny"), " (from the environment variable LT_SCALE)")


def named(name: str, where: str = "") -> Scale:
    """The scale of that name, or a CourseError that names the nearest one."""
    if name not in SCALES:
        near = difflib.get_close_matches(name, SCALES, n=1, cutoff=0.3)
        nearest = f"did you mean {near[0]!r}? The" if near else "the"
        raise CourseError(
            f"There is no scale {name!r}{where}; {nearest} scales are {', '.join(SCALES)}."
        )
    return SCALES[name]
