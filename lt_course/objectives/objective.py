"""What an objective is asked for: representations of a batch, and their loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn

from lt_course.data.batch import Batch
from lt_course.errors import CourseError
from lt_course.models.heads import Prototypes

Report = dict[str, Tensor]
Representations = tuple[Tensor, ...]

FUSED: dict[str, Callable[..., Tensor]] = {}
"""Twins of losses for large batches, by the plain one's name: equal up to rounding, with less
memory. Core has none; `lt_course.web.fused_losses` has."""


def fused(name: str) -> Callable[..., Tensor]:
    """The twin of a loss; a CourseError if no extension that has it is loaded."""
    if name not in FUSED:
        raise CourseError(
            f"No fused or tiled {name!r} is loaded; leave 'fused' and 'tile' out, or call "
            "lt_course.study.registry.load_extensions() first."
        )
    return FUSED[name]


class Objective(Protocol):
    """A model together with what it is trained for.

    `encode` treats pictures one by one (but for batch statistics), so a large batch may be encoded
    in parts; `loss` compares all of them and sees only the representations.

    `lt_course.study.evaluate` measures what is a `CLIP` or a `Supervised` by its class vectors, and
    a `DINO` by its features: another objective derives from one of them, or is entered there.
    """

    def encode(self, batch: Batch) -> Representations:
        """Representations of each picture or pair, float [B, D] each."""

    def loss(
        self, representations: Representations, batch: Batch, generator: torch.Generator
    ) -> tuple[Tensor, Report]:
        """The scalar to minimise, and scalars worth a look."""

    def after_step(self) -> None:
        """Bring constrained parameters back into their range."""


class ModelParts(Protocol):
    """What an objective is built from; each call makes a part with new weights.

    Attributes:
        embed_dim: dimension D of features.
        frequency: int64 [C], training pictures of each class.
        total_steps: optimizer steps of the run.
    """

    embed_dim: int
    frequency: Tensor
    total_steps: int

    def image_tower(self) -> nn.Module:
        """Pictures in, features [B, D] out."""

    def text_tower(self) -> nn.Module:
        """Token ids [B, L] in, features [B, D] out."""

    def prototypes(self, normalized: bool) -> Prototypes:
        """One class vector a class."""

    def steps(self, duration: str, field: str) -> int:
        """A duration, such as ``12 epochs`` or ``5 %``, in steps; `field` is named in errors."""
