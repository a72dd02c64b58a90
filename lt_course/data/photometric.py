"""What light and camera change in photographs: DINO's augmentations, for whole batches.

The steps and their numbers are those of Caron et al. (arXiv 2104.14294, after BYOL, arXiv
2006.07733, App. B): mirror, jitter colors, make some grey, blur, solarize. Each crop has numbers
of its own. torchvision jitters and blurs a batch by one number, and crop by crop a GPU would wait
for it, so those two are written out: the four jitters come in one order, and hue is turned in the
plane of I and Q, not on the hexagon of HSV.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lt_course.data.augment import DEVIATION, MEAN

MIRRORED, JITTERED, GREY = 0.5, 0.8, 0.2
"""Probabilities."""

BRIGHTNESS, CONTRAST, SATURATION, HUE = 0.4, 0.4, 0.2, 0.1
"""Greatest relative changes; of hue, in turns."""

SIGMA = (0.1, 2.0)
"""Pixels of the blur."""

YIQ = ((0.299, 0.587, 0.114), (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))


@dataclass(frozen=True)
class Law:
    """Probabilities of blur and of solarisation for the n-th crop; the last is for all further."""

    blurred: tuple[float, ...]
    solarised: tuple[float, ...]


GLOBAL = Law((1.0, 0.1), (0.0, 0.2))
LOCAL = Law((0.5,), (0.0,))


def photometric(
    crops: Tensor, law: Law, generator: torch.Generator, rank: int = 0, ranks: int = 1
) -> Tensor:
    """Change crops of photographs.

    Args:
        crops: float [B, n, 3, h, w], standardised as
            `lt_course.data.augment.standardize_photographs` does.
        law: how often they are blurred and solarised.
        generator: source of randomness, on the CPU.
        rank: of the process whose share of a batch the crops are, of …
        ranks: … so many with equal shares. Numbers are drawn as for all of them.

    Returns:
        float [B, n, 3, h, w], standardised.
    """
    from torchvision.transforms.v2 import functional as V

    B, n = crops.shape[:2]
    uniform = torch.rand(10, ranks, B * n, generator=generator)[:, rank].to(crops.device)
    mirror, jitter, light, contrast, color, hue, grey, blur, sigma, solar = uniform
    blurred, solarised = (
        crops.new_tensor([p[min(i, len(p) - 1)] for i in range(n)]).repeat(B)
        for p in (law.blurred, law.solarised)
    )
    mean, std = crops.new_tensor([MEAN, DEVIATION])[:, :, None, None]
    x = (crops.flatten(0, 1) * std + mean).clamp(0, 1)
    x = _where(mirror < MIRRORED, V.horizontal_flip(x), x)
    x = _where(jitter < JITTERED, _jittered(x, light, contrast, color, hue), x)
    x = _where(grey < GREY, V.rgb_to_grayscale(x, 3), x)
    x = _where(blur < blurred, _blurred(x, sigma), x)
    x = _where(solar < solarised, V.solarize(x, 0.5), x)
    return ((x - mean) / std).unflatten(0, (B, n))


def _where(chosen: Tensor, changed: Tensor, x: Tensor) -> Tensor:
    return torch.where(chosen[:, None, None, None], changed, x)


def _jittered(x: Tensor, light: Tensor, contrast: Tensor, color: Tensor, hue: Tensor) -> Tensor:
    """Brightness, contrast, saturation, hue; each by a number in [0, 1), [M]."""
    from torchvision.transforms.v2 import functional as V

    def blend(level: Tensor, uniform: Tensor, most: float) -> Tensor:
        factor = (1 + most * (2 * uniform - 1))[:, None, None, None]
        return (level + (x - level) * factor).clamp(0, 1)

    x = blend(torch.zeros_like(x), light, BRIGHTNESS)
    x = blend(V.rgb_to_grayscale(x).mean((2, 3), keepdim=True), contrast, CONTRAST)
    x = blend(V.rgb_to_grayscale(x), color, SATURATION)
    angle = 2 * math.pi * HUE * (2 * hue - 1)
    cos, sin, one, zero = angle.cos(), angle.sin(), torch.ones_like(hue), torch.zeros_like(hue)
    turn = torch.stack([one, zero, zero, zero, cos, -sin, zero, sin, cos], 1).view(-1, 3, 3)
    basis = x.new_tensor(YIQ)
    turned = torch.linalg.inv(basis) @ turn @ basis
    return torch.einsum("mij,mjhw->mihw", turned, x).clamp(0, 1)


def _blurred(x: Tensor, uniform: Tensor) -> Tensor:
    """Gaussian blur, separable, to three deviations; a deviation a picture."""
    M, C, h, w = x.shape
    sigma = SIGMA[0] + (SIGMA[1] - SIGMA[0]) * uniform
    reach = min(math.ceil(3 * SIGMA[1]), h - 1, w - 1)
    offset = torch.arange(-reach, reach + 1, device=x.device)
    kernel = (-(offset.square()) / (2 * sigma[:, None].square())).softmax(1)
    kernel = kernel.repeat_interleave(C, 0)[:, None, None]
    flat = F.pad(x.reshape(1, M * C, h, w), [reach] * 4, mode="reflect")
    flat = F.conv2d(flat, kernel, groups=M * C)
    return F.conv2d(flat, kernel.transpose(2, 3), groups=M * C).view(M, C, h, w)
