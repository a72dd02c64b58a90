"""What an objective is given: a batch."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """B training pictures.

    ``pictures`` are float [B, C, H, W], standardised; ``labels`` int64 [B], with C of concepts
    outside the evaluated ones; ``tokens`` int64 [B, L], a caption each, where text is read;
    ``crops`` float [B, n, C, h, w] each, n of every picture, one tensor a size.
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
