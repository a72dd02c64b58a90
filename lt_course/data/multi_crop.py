"""Several crops of every picture: what self-distillation compares (Sec. 3.1 of arXiv 2104.14294).

*Global* crops show much of a picture, *local* ones little of it, at fewer pixels. Photographs are
then changed as published (`lt_course.data.photometric`); what varies between photographs with
light and camera varies between drawings with the pen: `redrawn`.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from lt_course.data.crops import Crops
from lt_course.data.photometric import GLOBAL, LOCAL, photometric


def multi_crop(
    pictures: Tensor,
    options: Crops,
    generator: torch.Generator,
    rank: int = 0,
    ranks: int = 1,
) -> tuple[Tensor, ...]:
    """The crops of a batch, as `lt_course.data.batch.Batch.crops` holds them.

    Args:
        pictures: float [B, C, H, W], standardised.
        options: numbers, sizes and areas of the crops.
        generator: source of randomness, on the CPU.
        rank: of the process whose share of a batch the pictures are, of …
        ranks: … so many with equal shares. Numbers are drawn as for all of them.

    Returns:
        Global crops float [B, G, C, s, s], and local ones [B, L, C, s', s'] if there are any.
    """
    o = options
    shapes = [(o.global_crops, o.global_size, (o.global_least, o.global_greatest))]
    if o.local_crops:
        shapes.append((o.local_crops, o.local_size, (o.local_least, o.local_greatest)))
    crops = (random_crops(pictures, *shape, o.aspect, generator, rank, ranks) for shape in shapes)
    if o.photometric:
        laws = zip(crops, (GLOBAL, LOCAL), strict=False)
        return tuple(photometric(each, law, generator, rank, ranks) for each, law in laws)
    return tuple(redrawn(each, o.redrawn, generator) for each in crops)


def redrawn(crops: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Draw some crops with another pen: a third of them bolder, a third finer, a third softer.

    A bolder line has in each pixel the darkest of its 3 x 3 neighbourhood, a finer one the lightest
    of a 2 x 2 neighbourhood (of 3 x 3, thin lines would vanish), a softer one the mean of 3 x 3; in
    colour, each channel for itself.

    Args:
        crops: float [B, n, C, h, w], 0 = paper.
        share: probability that a crop is drawn anew, 0 … 1; 0 draws no random number.
        generator: source of randomness, on the CPU.

    Returns:
        float [B, n, C, h, w].
    """
    if share == 0:
        return crops
    uniform = torch.rand(crops.shape[:2], generator=generator).flatten().to(crops.device)
    pen = torch.floor(3 * uniform / share)[:, None, None, None]  # 3 and more: as it was
    flat = crops.flatten(0, 1)
    h, w = flat.shape[-2:]
    bolder = F.max_pool2d(flat, 3, 1, 1)
    finer = -F.max_pool2d(-flat, 2, 1, 1)[..., :h, :w]
    softer = F.avg_pool2d(flat, 3, 1, 1, count_include_pad=False)
    anew = torch.where(pen == 0, bolder, torch.where(pen == 1, finer, softer))
    return torch.where(pen < 3, anew, flat).unflatten(0, crops.shape[:2])


def random_crops(
    pictures: Tensor,
    number: int,
    size: int,
    area: tuple[float, float],
    aspect: float,
    generator: torch.Generator,
    rank: int = 0,
    ranks: int = 1,
) -> Tensor:
    """Crops at random places, scaled to one size.

    A crop's area is uniform in its range, the logarithm of its sides' ratio uniform too, as far as
    the crop fits into the picture, and its place uniform within the picture. It is read off
    bilinearly; a crop of many more pixels than `size` ** 2 would alias.

    Args:
        pictures: float [B, C, H, W], 0 = paper.
        number: crops n of every picture.
        size: their height and width in pixels.
        area: their least and greatest area, as shares of the picture, in (0, 1].
        aspect: greatest ratio of their sides, at least 1.
        generator: source of randomness, on the CPU.
        rank: as `multi_crop`.
        ranks: as `multi_crop`.

    Returns:
        float [B, n, C, size, size].
    """
    B, C = pictures.shape[:2]
    least, greatest = area
    uniform = torch.rand(4, ranks, B * number, generator=generator)[:, rank]
    share = least + (greatest - least) * uniform[0]
    stretch = (2 * uniform[1] - 1) * math.log(aspect)
    # A crop of area a fits as long as neither side exceeds the picture's: ratios from a to 1 / a.
    stretch = stretch.clamp(share.log(), -share.log()).exp()
    sides = torch.stack([share * stretch, share / stretch], dim=1).sqrt()
    centre = (1 - sides) * (2 * uniform[2:].T - 1)
    affine = torch.cat([torch.diag_embed(sides), centre[:, :, None]], dim=2).to(pictures.device)
    grid = F.affine_grid(affine, [B * number, C, size, size], align_corners=False)
    # One tall grid a picture, so that pictures need not be repeated.
    crops = F.grid_sample(pictures, grid.view(B, number * size, size, 2), align_corners=False)
    return crops.unflatten(2, (number, size)).transpose(1, 2)
