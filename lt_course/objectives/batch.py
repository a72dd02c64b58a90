"""What an objective is given: a batch; and what it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

Report = dict[str, Tensor]
Representations = tuple[Tensor, ...]


@dataclass(frozen=True)
class Batch:
    """B training pictures.

    Attributes:
        pictures: float [B, 1, H, W], standardised.
        labels: int64 [B], classes 0 … C-1 (C: a concept outside the evaluated ones).
        tokens: int64 [B, L], a caption each; None where the objective reads no text.
        crops: float [B, n, 1, h, w] each: n crops of every picture, one tensor a size; for
            objectives that compare them (`lt_course.training.crops`).
    """

    pictures: Tensor
    labels: Tensor
    tokens: Tensor | None = None
    crops: tuple[Tensor, ...] = ()

    def __getitem__(self, rows: slice) -> Batch:
        """A part of the batch."""
        tokens = None if self.tokens is None else self.tokens[rows]
        crops = tuple(size[rows] for size in self.crops)
        return Batch(self.pictures[rows], self.labels[rows], tokens, crops)


class Objective(Protocol):
    """A model together with what it is trained for.

    `encode` treats pictures one by one (but for batch statistics), so a large batch may be encoded
    in parts; `loss` compares all of them and sees only the representations.
    """

    def encode(self, batch: Batch) -> Representations:
        """Representations of each pair, float [B, D] each."""
        ...

    def loss(
        self, representations: Representations, batch: Batch, generator: torch.Generator
    ) -> tuple[Tensor, Report]:
        """The scalar to minimise, and scalars worth a look."""
        ...

    def after_step(self) -> None:
        """Bring constrained parameters back into their range."""
        ...
