"""Pictures in memory to standardised, randomly cropped batches."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def standardise(pictures: Tensor) -> Tensor:
    """Grey levels to numbers of about unit variance, with blank paper at 0.

    Args:
        pictures: uint8 [B, H, W], 255 = paper.

    Returns:
        float32 [B, 1, H, W].
    """
    return (1 - pictures.unsqueeze(1).float() / 255) * 2


def random_crop(
    pictures: Tensor,
    generator: torch.Generator,
    scale: tuple[float, float] = (0.8, 1.2),
    shift: float = 0.1,
) -> Tensor:
    """Scale (each axis by itself) and shift each picture at random; the margin is paper.

    Drawings carry their meaning in their direction (an arrow, a letter), so none is mirrored.

    Args:
        pictures: float [B, 1, H, W], 0 = paper.
        generator: source of randomness, on the CPU.
        scale: range of the crop's height and width, relative to the picture's.
        shift: greatest shift, relative to the picture's size.

    Returns:
        float [B, 1, H, W].
    """
    B = len(pictures)
    low, high = scale
    sizes = low + (high - low) * torch.rand(B, 2, generator=generator)
    shifts = 2 * shift * (2 * torch.rand(B, 2, generator=generator) - 1)
    affine = torch.cat([torch.diag_embed(sizes), shifts.unsqueeze(2)], dim=2)
    grid = F.affine_grid(affine.to(pictures.device), list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures, grid, align_corners=False)
