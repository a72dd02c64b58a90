"""Pictures as towers are shown them: standardised; to be trained on cropped, to be tested whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

Ints = NDArray[np.int64]

MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Of the channels in CLIP's data, 0 … 1 (arXiv 2103.00020's release; App. C of 2405.21070)."""

TESTED = 512
"""Pictures in memory that a tower is tested on at a time."""


def standardize(pictures: Tensor) -> Tensor:
    """Drawings uint8 [B, H, W] or [B, H, W, 3], paper 255, to float32 [B, C, H, W], paper 0."""
    channels = pictures.unsqueeze(1) if pictures.ndim == 3 else pictures.permute(0, 3, 1, 2)
    return (1 - channels.float() / 255) * 2


def standardize_photographs(images: Tensor) -> Tensor:
    """Photographs uint8 [B, 3, H, W] or [B, H, W, 3] to float32 [B, 3, H, W], by CLIP's numbers."""
    channels = images if images.shape[1] == 3 else images.permute(0, 3, 1, 2)
    numbers = torch.tensor([MEAN, DEVIATION], device=images.device)
    mean, deviation = numbers[:, :, None, None]
    return (channels.float() / 255 - mean) / deviation


def mirror(images: Tensor, generator: torch.Generator) -> Tensor:
    """Every other image at random, float [B, C, H, W], with left and right exchanged."""
    turned = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(turned.to(images.device)[:, None, None, None], images.flip(-1), images)


def random_crop(pictures: Tensor, smallest: float, generator: torch.Generator) -> Tensor:
    """Crop each picture at random and scale the crop back to its size: float [B, C, H, W].

    The crop's area is uniform between `smallest`, in (0, 1], and 1, its place uniform within the
    picture; 0.9 is the paper's weak augmentation (App. C), 1 leaves pictures as they are.
    """
    if smallest == 1:
        return pictures
    B = len(pictures)
    side = (smallest + (1 - smallest) * torch.rand(B, generator=generator)).sqrt()
    centre = (1 - side)[:, None] * (2 * torch.rand(B, 2, generator=generator) - 1)
    affine = torch.cat([side[:, None, None] * torch.eye(2), centre[:, :, None]], dim=2)
    grid = F.affine_grid(affine.to(pictures.device), list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures, grid, align_corners=False)


@dataclass(frozen=True)
class LabeledImages:
    """M labelled pictures, int64 [M], or [M, C] with several labels each, for a tower to be tested.

    ``batches`` takes rows, int64 [m], and a device, and gives batches of standardised pictures
    float [b, C, H, W] with their labels. ``what`` is what a progress line calls pictures that have
    to be read and decoded, which several processes share; None for those in memory.
    """

    labels: Ints
    batches: Callable[[Ints, torch.device], Iterator[tuple[Tensor, Tensor]]]
    what: str | None = None

    def __len__(self) -> int:
        return len(self.labels)


def in_memory(
    pictures: Tensor, labels: Ints, standardize: Callable[[Tensor], Tensor]
) -> LabeledImages:
    """Pictures uint8 [M, …] that are standardised when they are shown."""
    truth = torch.from_numpy(labels)

    def batches(rows: Ints, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
        for part in torch.from_numpy(rows).split(TESTED):
            yield standardize(pictures[part].to(device)), truth[part]

    return LabeledImages(labels, batches)
