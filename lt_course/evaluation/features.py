"""Features of pictures that are shown to a tower: batch by batch, by one process or by several."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lt_course.evaluation.transfer import Sample
from lt_course.objectives.processes import everyone, rank, ranks
from lt_course.training.progress import progress

BATCH = 512
"""Pictures in memory that a tower sees at a time."""

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Shown:
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
    pictures: Tensor, labels: Ints, standardise: Callable[[Tensor], Tensor], batch: int = BATCH
) -> Shown:
    """Pictures uint8 [M, …] that are standardised when they are shown."""
    truth = torch.from_numpy(labels)

    def batches(rows: Ints, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
        for part in torch.from_numpy(rows).split(batch):
            yield standardise(pictures[part].to(device)), truth[part]

    return Shown(labels, batches)


@torch.no_grad()
def features(tower: nn.Module, shown: Shown) -> Sample:
    """What a tower in evaluation mode makes of pictures: float32 [M, D] and labels, on the CPU.

    Of several processes all must ask. Each then reads its share of the pictures, and all are told
    all features, so no process waits for long in a collective operation.
    """
    if shown.what is None or ranks() == 1:
        return _features(tower, shown, np.arange(len(shown)))
    each = -(-len(shown) // ranks())
    # The shares are equally long: the last rows stand in for what is lacking.
    rows = np.minimum(rank() * each + np.arange(each), len(shown) - 1)
    own = _features(tower, shown, rows)
    device = next(tower.parameters()).device
    together, labels = (
        everyone(tensor.to(device)).flatten(0, 1)[: len(shown)].cpu()
        for tensor in (own.features, own.labels)
    )
    return Sample(together, labels)


def _features(tower: nn.Module, shown: Shown, rows: Ints) -> Sample:
    device = next(tower.parameters()).device
    made, labels = [], []
    quiet = shown.what is None or rank() > 0
    with progress(shown.what or "", len(rows), quiet=quiet) as line:
        line.unit = " pictures"
        for pictures, truth in shown.batches(rows, device):
            made.append(tower(pictures).float().cpu())
            labels.append(truth.cpu())
            line.update(len(truth))
    return Sample(torch.cat(made), torch.cat(labels))
