"""What an objective is given: a batch."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """B training pictures.

    Attributes:
        pictures: float [B, 1, H, W], standardised.
        labels: int64 [B], classes 0 … C-1 (C: a concept outside the evaluated ones).
        tokens: int64 [B, L], a caption each; None where the objective reads no text.
        crops: float [B, n, 1, h, w] each: n crops of every picture, one tensor a size; for
            objectives that compare them (`lt_course.data.multi_crop`).
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
