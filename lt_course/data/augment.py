"""Pictures in memory to standardised, randomly cropped batches."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def standardize(pictures: Tensor) -> Tensor:
    """Grey levels, or those of three colours, to about unit variance, with blank paper at 0.

    Args:
        pictures: uint8 [B, H, W], or in colour [B, H, W, 3]; 255 = paper.

    Returns:
        float32 [B, 1, H, W], or [B, 3, H, W].
    """
    channels = pictures.unsqueeze(1) if pictures.ndim == 3 else pictures.permute(0, 3, 1, 2)
    return (1 - channels.float() / 255) * 2


MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Of the channels in CLIP's data, 0 … 1 (arXiv 2103.00020's release; App. C of 2405.21070)."""


def standardize_photographs(images: Tensor) -> Tensor:
    """Photographs with the mean and deviation of CLIP's data.

    Args:
        images: uint8 [B, 3, H, W], or [B, H, W, 3] as they lie in memory.

    Returns:
        float32 [B, 3, H, W].
    """
    channels = images if images.shape[1] == 3 else images.permute(0, 3, 1, 2)
    numbers = torch.tensor([MEAN, DEVIATION], device=images.device)
    mean, deviation = numbers[:, :, None, None]
    return (channels.float() / 255 - mean) / deviation


def mirror(images: Tensor, generator: torch.Generator) -> Tensor:
    """Every other image at random, float [B, C, H, W], with left and right exchanged."""
    turned = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(turned.to(images.device)[:, None, None, None], images.flip(-1), images)


def random_crop(pictures: Tensor, smallest: float, generator: torch.Generator) -> Tensor:
    """Crop each picture at random and scale the crop back to its size.

    The crop's area is uniform between `smallest` and 1, its place uniform within the picture;
    0.9 is the paper's weak augmentation (App. C). Drawings carry their meaning in their direction
    (an arrow, a letter), so none is mirrored.

    Args:
        pictures: float [B, C, H, W], 0 = paper.
        smallest: least area of the crop, in (0, 1]; 1 leaves pictures as they are.
        generator: source of randomness, on the CPU.

    Returns:
        float [B, C, H, W].
    """
    if smallest == 1:
        return pictures
    B = len(pictures)
    side = (smallest + (1 - smallest) * torch.rand(B, generator=generator)).sqrt()
    centre = (1 - side)[:, None] * (2 * torch.rand(B, 2, generator=generator) - 1)
    affine = torch.cat([side[:, None, None] * torch.eye(2), centre[:, :, None]], dim=2)
    grid = F.affine_grid(affine.to(pictures.device), list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures, grid, align_corners=False)
