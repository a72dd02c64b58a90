"""Several crops of every picture: what self-distillation compares (Sec. 3.1 of arXiv 2104.14294).

*Global* crops show much of a picture, *local* ones little of it, at fewer pixels. What varies
between photographs with light and camera (`photometric`) varies between drawings with the pen
(`redrawn`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from lt_course.data.augment import DEVIATION, MEAN
from lt_course.errors import CourseError
from lt_course.fields import COUNT, NATURAL, check, require_effect

AREA = (0.01, 1.0)


@dataclass(frozen=True)
class Crops:
    """Numbers, sizes and areas of the crops of a picture.

    Sizes are Caron et al.'s (arXiv 2104.14294; 224 and 96 pixels) in proportion to drawings of 32
    pixels, in multiples of 16 for the small tower.

    Attributes:
        global_crops: number G of crops that teacher and student see …
        global_size: … their height and width in pixels …
        global_least: … and their least area, as a share of the picture, …
        global_greatest: … and greatest.
        local_crops: number L of crops that the student alone sees; Caron et al. compare 2 to 10
            (Sec. 5.4). Then as above.
        aspect: greatest ratio of a crop's sides, torchvision's default.
        photometric: mirror, jitter the colors of, blur and solarise crops of photographs as Caron
            et al. do.
        redrawn: share of crops drawn with another pen, the course's own in the place of jitter and
            blur; 0 draws all as they are.
    """

    global_crops: int = 2
    global_size: int = 32
    global_least: float = 0.14
    global_greatest: float = 1.0
    local_crops: int = 8
    local_size: int = 16
    local_least: float = 0.05
    local_greatest: float = 0.14
    aspect: float = 4 / 3
    photometric: bool = False
    redrawn: float = 0.0

    def __post_init__(self) -> None:
        """Raise a CourseError for a field out of range, or for two that contradict each other."""
        areas = ("global_least", "global_greatest", "local_least", "local_greatest")
        check(
            self,
            global_crops=COUNT,
            global_size=COUNT,
            local_crops=NATURAL,
            local_size=COUNT,
            aspect=(1, 10),
            redrawn=(0, 1),
            **dict.fromkeys(areas, AREA),
        )
        if self.global_crops + self.local_crops < 2:
            raise CourseError(
                "Field 'global_crops' is 1 and 'local_crops' is 0, which leaves no other crop to "
                "predict a target from; raise one of them."
            )
        names = ("local_size", "local_least", "local_greatest")
        require_effect(self, dict.fromkeys(names, ("local_crops", self.local_crops > 0)))
        for which in ("global", "local"):
            least, greatest = getattr(self, f"{which}_least"), getattr(self, f"{which}_greatest")
            if least > greatest:
                raise CourseError(
                    f"Field '{which}_least' is {least}, more than the {greatest} of field "
                    f"'{which}_greatest'; swap them."
                )

    @property
    def native_sizes(self) -> tuple[int, ...]:
        """The size of local crops, if towers can see it: most have strides of 32 pixels."""
        return (self.local_size,) if self.local_crops and self.local_size % 32 == 0 else ()


def multi_crop(
    pictures: Tensor, options: Crops, generator: torch.Generator, rank: int = 0, ranks: int = 1
) -> tuple[Tensor, ...]:
    """Of pictures [B, C, H, W], global crops [B, G, C, s, s], and local ones if there are any.

    Pictures may be the share of process `rank` of `ranks`; numbers are drawn as for all of them.
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
    """So many crops of every picture at random places, scaled to one size: [B, n, C, size, size].

    A crop's area is uniform in its range, the logarithm of its sides' ratio uniform too, as far as
    the crop fits into the picture, and its place uniform within the picture. It is read off
    bilinearly; a crop of many more pixels than `size` ** 2 would alias.
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


def redrawn(crops: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Draw a share of the crops [B, n, C, h, w], 0 = paper, with another pen.

    A third of them gets bolder, the darkest of each pixel's 3 x 3 neighbourhood; a third finer, the
    lightest of 2 x 2 (of 3 x 3, thin lines would vanish); a third softer, the mean of 3 x 3; in
    colour, each channel for itself. A share of 0 draws no random number.
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


# Light and camera, as Caron et al. change them (after BYOL, arXiv 2006.07733, App. B). Each crop
# has numbers of its own: torchvision jitters and blurs a batch by one, and crop by crop a GPU
# would wait for it, so these two are written out. The four jitters come in one order, and hue is
# turned in the plane of I and Q, not on the hexagon of HSV.

MIRRORED, JITTERED, GREY = 0.5, 0.8, 0.2
"""Probabilities."""

BRIGHTNESS, CONTRAST, SATURATION, HUE = 0.4, 0.4, 0.2, 0.1
"""Greatest relative changes; of hue, in turns."""

SIGMA = (0.1, 2.0)
"""Pixels of the blur."""

YIQ = ((0.299, 0.587, 0.114), (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))


class Law(NamedTuple):
    """Probabilities of blur and of solarisation for the n-th crop; the last is for all further."""

    blurred: tuple[float, ...]
    solarised: tuple[float, ...]


GLOBAL, LOCAL = Law((1.0, 0.1), (0.0, 0.2)), Law((0.5,), (0.0,))


def photometric(
    crops: Tensor, law: Law, generator: torch.Generator, rank: int = 0, ranks: int = 1
) -> Tensor:
    """Change standardised crops of photographs, float [B, n, 3, h, w]."""
    from torchvision.transforms.v2 import functional as V

    B, n = crops.shape[:2]
    uniform = torch.rand(10, ranks, B * n, generator=generator)[:, rank].to(crops.device)
    mirror, jitter, light, contrast, color, hue, grey, blur, sigma, solar = uniform
    blurred, solarised = (
        crops.new_tensor([p[min(i, len(p) - 1)] for i in range(n)]).repeat(B) for p in law
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
