"""Labelled pictures, shown batch by batch to a tower in evaluation mode."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

BATCH = 512
"""Pictures in memory that a tower sees at a time."""

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class LabeledImages:
    """M labelled pictures, as a tower is to see them.

    Attributes:
        labels: int64 [M], or [M, C] where a picture has several.
        batches: the pictures of some rows in their order: (rows int64 [m], device) in, batches
            of standardised pictures float [b, C, H, W] and their labels out.
        what: what a progress line calls them; None for pictures in memory, which need none.
            Several processes share those that have to be read and decoded, and no others.
    """

    labels: Ints
    batches: Callable[[Ints, torch.device], Iterator[tuple[Tensor, Tensor]]]
    what: str | None = None

    def __len__(self) -> int:
        return len(self.labels)


def in_memory(
    pictures: Tensor, labels: Ints, standardize: Callable[[Tensor], Tensor], batch: int = BATCH
) -> LabeledImages:
    """Pictures uint8 [M, …] that are standardised when they are shown."""
    truth = torch.from_numpy(labels)

    def batches(rows: Ints, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
        for part in torch.from_numpy(rows).split(batch):
            yield standardize(pictures[part].to(device)), truth[part]

    return LabeledImages(labels, batches)
