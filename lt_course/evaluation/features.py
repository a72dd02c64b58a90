"""Features of pictures that are shown to a tower: batch by batch, by one process or by several."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from lt_course.data.augment import Ints, LabeledImages
from lt_course.distributed import all_gather, rank, world_size
from lt_course.evaluation.linear_probe import FeatureSet
from lt_course.progress import progress


@torch.no_grad()
def features(tower: nn.Module, shown: LabeledImages) -> FeatureSet:
    """What a tower in evaluation mode makes of pictures: float32 [M, D] and labels, on the CPU.

    Of several processes all must ask. Each then reads its share of the pictures, and all are told
    all features, so no process waits for long in a collective operation.
    """
    if shown.what is None or world_size() == 1:
        return _features(tower, shown, np.arange(len(shown)))
    each = -(-len(shown) // world_size())
    # The shares are equally long: the last rows stand in for what is lacking.
    rows = np.minimum(rank() * each + np.arange(each), len(shown) - 1)
    own = _features(tower, shown, rows)
    device = next(tower.parameters()).device
    together, labels = (
        all_gather(tensor.to(device)).flatten(0, 1)[: len(shown)].cpu()
        for tensor in (own.features, own.labels)
    )
    return FeatureSet(together, labels)


def _features(tower: nn.Module, shown: LabeledImages, rows: Ints) -> FeatureSet:
    device = next(tower.parameters()).device
    made, labels = [], []
    quiet = shown.what is None or rank() > 0
    with progress(shown.what or "", len(rows), quiet=quiet) as line:
        line.unit = " pictures"
        for pictures, truth in shown.batches(rows, device):
            made.append(tower(pictures).float().cpu())
            labels.append(truth.cpu())
            line.update(len(truth))
    return FeatureSet(torch.cat(made), torch.cat(labels))
