"""Image towers: a batch of pictures in, one feature vector each out."""

from __future__ import annotations

import open_clip
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lt_course.errors import CourseError


class SmallCNN(nn.Module):
    """Five convolutions; three of them halve the resolution as they widen.

    It strides at once, where a larger network would pool later: most of the cost of a small
    network lies at its highest resolution.

    Args:
        embedding: dimension D of the features.
        widths: channels at 1/2, 1/4 and 1/8 of the resolution.
        channels: of a picture: 1, or 3 in colour.

    Shapes: float [B, channels, H, W] in, or grey [B, 1, H, W]; float [B, D] out; with H and W
    multiples of 16.
    """

    def __init__(
        self,
        embedding: int,
        widths: tuple[int, int, int] = (32, 64, 128),
        channels: int = 1,
    ) -> None:
        super().__init__()
        self.channels = channels
        half, quarter, eighth = widths
        self.layers = nn.Sequential(
            _convolution(channels, half, size=5, stride=2),
            _convolution(half, quarter, stride=2),
            _convolution(quarter, quarter),
            _convolution(quarter, eighth, stride=2),
            _convolution(eighth, eighth),
            nn.AdaptiveMaxPool2d(2),
            nn.Flatten(),
            nn.Linear(4 * eighth, embedding, bias=False),
        )

    def forward(self, pictures: Tensor) -> Tensor:
        """Features, not normalised."""
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

    Shapes: float [B, 1, H, W] or [B, 3, H, W] in, float [B, D] out, with D as open_clip's
    configuration says.
    """

    def __init__(self, name: str, size: int) -> None:
        super().__init__()
        self.size = size
        self.visual = open_clip.create_model(
            name,
            device=torch.get_default_device(),
            force_image_size=size,
            force_custom_text=True,
        ).visual

    def forward(self, pictures: Tensor) -> Tensor:
        """Features, not normalised."""
        if pictures.shape[-1] != self.size:
            pictures = F.interpolate(pictures, size=self.size, mode="bicubic", antialias=True)
        return self.visual(pictures.expand(-1, 3, -1, -1))


def image_tower(name: str, embedding: int, size: int, channels: int = 1) -> nn.Module:
    """The image tower of that name: ``small-cnn``, or any model that open_clip lists.

    Its pictures have 1 or 3 channels; models of open_clip take either.

    Raises:
        CourseError: if there is none, or if its features have another dimension than `embedding`.
    """
    if name == "small-cnn":
        return SmallCNN(embedding, channels=channels)
    check_open_clip(name, embedding, "image_tower")
    return OpenClipImageTower(name, size)


def check_open_clip(name: str, embedding: int, field: str) -> None:
    """Raise a CourseError unless open_clip lists the model, with features of that dimension."""
    config = open_clip.get_model_config(name)
    if config is None:
        raise CourseError(
            f"Field {field!r} is {name!r}, which is neither the small tower nor a model of "
            "open_clip; open_clip.list_models() lists them."
        )
    if config["embed_dim"] != embedding:
        raise CourseError(
            f"Field {field!r} is {name!r}, whose features have {config['embed_dim']} dimensions, "
            f"but field 'embedding' is {embedding}; set it to {config['embed_dim']}."
        )
