"""Image towers: a batch of pictures in, one feature vector each out."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from lt_course.errors import CourseError


class SmallCNN(nn.Module):
    """Five convolutions; three of them halve the resolution as they widen, the first at once.

    Args:
        embedding: dimension D of the features.
        width: channels at half of the resolution, doubled at 1/4 and again at 1/8.
        channels: of a picture: 1, or 3 in colour.
    """

    def __init__(self, embedding: int, width: int = 32, channels: int = 1) -> None:
        super().__init__()
        self.channels = channels
        self.layers = nn.Sequential(
            _convolution(channels, width, size=5, stride=2),
            _convolution(width, 2 * width, stride=2),
            _convolution(2 * width, 2 * width),
            _convolution(2 * width, 4 * width, stride=2),
            _convolution(4 * width, 4 * width),
            nn.AdaptiveMaxPool2d(2),
            nn.Flatten(),
            nn.Linear(4 * 4 * width, embedding, bias=False),
        )

    def forward(self, pictures: Tensor) -> Tensor:
        """Features float [B, D] of pictures [B, 1 or channels, H, W]; sides are multiples of 16."""
        return self.layers(pictures.expand(-1, self.channels, -1, -1))


def _convolution(before: int, after: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, size, stride=stride, padding=size // 2, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(),
    )


class OpenClipImageTower(nn.Module):
    """The image tower of an open_clip model, fed with pictures of any size, grey or in colour.

    Args:
        name: an open_clip model, such as ``RN50`` or ``ViT-B-32``; its weights are random.
        size: height and width in pixels at which the tower works.
        natively: further sizes at which it works, with its positions interpolated, as DINO does
            for local crops; pictures of any other size are scaled to `size`.
    """

    def __init__(self, name: str, size: int, natively: tuple[int, ...] = ()) -> None:
        super().__init__()
        import open_clip

        self.size, self.natively = size, natively
        device = torch.get_default_device()
        self.visual = open_clip.create_model(
            name, device=device, force_image_size=size, force_custom_text=True
        ).visual

    def forward(self, pictures: Tensor) -> Tensor:
        """Features float [B, D] of pictures [B, 1 or 3, H, W]; open_clip's configuration has D."""
        seen = pictures.shape[-1]
        pictures = pictures.expand(-1, 3, -1, -1)
        if seen != self.size and seen in self.natively:
            return functional_call(self.visual, self._positions(seen), pictures)
        if seen != self.size:
            pictures = F.interpolate(pictures, size=self.size, mode="bicubic", antialias=True)
        return self.visual(pictures)

    def _positions(self, seen: int) -> dict[str, Tensor]:
        """The positions' embedding for pictures of another size, by its parameter's name."""
        known = dict(self.visual.named_parameters())
        names = ("attnpool.positional_embedding", "positional_embedding")
        name = next((name for name in names if name in known), None)
        if name is None:
            raise CourseError(
                f"The image tower has no positions that could be interpolated for pictures of "
                f"{seen} pixels; set 'local_size' to field 'image_size', {self.size}."
            )
        whole, grid = known[name][:1], known[name][1:]
        side = round(len(grid) ** 0.5)
        square = grid.T.unflatten(1, (side, side))[None]
        scaled = F.interpolate(square, size=(side * seen // self.size,) * 2, mode="bicubic")
        return {name: torch.cat([whole, scaled[0].flatten(1).T])}


SMALL = {"small-cnn": 32, "small-cnn-48": 48, "small-cnn-64": 64}
"""Widths of the first convolution: 32 for drawings, more for photographs."""


def image_tower(
    name: str, embedding: int, size: int, channels: int = 1, natively: tuple[int, ...] = ()
) -> nn.Module:
    """The image tower of that name: one of `SMALL`, or any model that open_clip lists.

    `size` and `natively` are those of `OpenClipImageTower`, which takes 1 channel or 3; `SmallCNN`
    works at all sizes.

    Raises:
        CourseError: if there is none, or if its features have another dimension than `embedding`.
    """
    if name in SMALL:
        return SmallCNN(embedding, SMALL[name], channels)
    check_open_clip(name, embedding, "image_tower")
    return OpenClipImageTower(name, size, natively)


def check_open_clip(name: str, embedding: int, field: str) -> None:
    """Raise a CourseError unless open_clip lists the model, with features of that dimension."""
    import open_clip

    config = open_clip.get_model_config(name)
    if config is None:
        raise CourseError(
            f"Field {field!r} is {name!r}, which is neither the small tower nor a model of "
            "open_clip; open_clip.list_models() lists them."
        )
    if config["embed_dim"] != embedding:
        raise CourseError(
            f"Field {field!r} is {name!r}, whose features have {config['embed_dim']} dimensions, "
            f"but field 'embed_dim' is {embedding}; set it to {config['embed_dim']}."
        )
