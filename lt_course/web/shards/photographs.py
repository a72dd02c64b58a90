"""Photographs: from the bytes of a file to a picture of the paper's size.

Decoding gives RGB whatever the file holds: grey and CMYK JPEG, PNG with a palette, 16 bits or
transparency (which is dropped), WebP and GIF (its first picture). As in the paper's training
code, the orientation noted in a camera's EXIF data is not applied.
"""

from __future__ import annotations

import io

import torch
from PIL import Image
from torch import Tensor
from torchvision.io import ImageReadMode, decode_image
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms.v2 import functional as V

from lt_course.data.photographs.reading import BROKEN


def decode(content: bytes) -> Tensor:
    """The picture in a JPEG, PNG, WebP or GIF file: uint8 [3, H, W].

    Raises:
        ValueError: if the bytes are not a whole picture.
    """
    if not content:
        raise ValueError("the file is empty")
    try:
        # Pillow refuses what claims too many pixels, for which torchvision would take memory.
        with Image.open(io.BytesIO(content)) as header:
            if header.format in ("GIF", "WEBP") and getattr(header, "is_animated", False):
                return V.pil_to_tensor(header.convert("RGB"))
    except BROKEN as error:
        raise ValueError(str(error)) from error
    try:
        data = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        picture = decode_image(data, mode=ImageReadMode.RGB)
    except RuntimeError as error:
        # torchvision's own words start with the place in its source.
        raise ValueError(str(error).splitlines()[0].rpartition(", ")[2]) from error
    return V.to_dtype(picture, torch.uint8, scale=True)


def training_crop(picture: Tensor, size: int, smallest: float, seed: int) -> Tensor:
    """A random crop of uint8 [3, H, W] (torchvision's RandomResizedCrop, bicubic), [3, S, S].

    `smallest` is the least share of the area, in (0, 1]; the paper's weak augmentation has 0.9
    (App. C). The crop is a function of H, W, `smallest` and the seed.
    """
    crop = v2.RandomResizedCrop(
        size, scale=(smallest, 1), interpolation=InterpolationMode.BICUBIC, antialias=True
    )
    # The transform draws from the global generator only: lend it ours, for one picture.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        cropped: Tensor = crop(picture)
    return cropped


def evaluation_crop(picture: Tensor, size: int, resize: int) -> Tensor:
    """The centre, uint8 [3, size, size], after the shorter side was scaled to `resize` (bicubic).

    The paper's classifiers are evaluated with size 224 and resize 256, its CLIPs with 224 and 224.
    """
    scaled = V.resize(picture, [resize], InterpolationMode.BICUBIC, antialias=True)
    return V.center_crop(scaled, [size, size])
