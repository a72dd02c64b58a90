"""What an objective is asked for: representations of a batch, and their loss."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from lt_course.data.batch import Batch

Report = dict[str, Tensor]
Representations = tuple[Tensor, ...]


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
