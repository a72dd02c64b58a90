"""Image towers: a batch of pictures in, one feature vector each out."""

from __future__ import annotations

from itertools import pairwise

import open_clip
import torch.nn.functional as F
from torch import Tensor, nn

from lt_course.errors import CourseError

WIDTHS = (32, 64, 128)


class SmallCNN(nn.Module):
    """Six convolutions in three stages; each stage halves the resolution and doubles the width.

    Args:
        embedding: dimension D of the features.
        widths: channels of the three stages.

    Shapes: float [B, 1, H, W] in, float [B, D] out, with H and W multiples of 8.
    """

    def __init__(self, embedding: int, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        channels = (1, *widths)
        self.stages = nn.Sequential(
            *(
                nn.Sequential(
                    _convolution(before, after), nn.MaxPool2d(2), _convolution(after, after)
                )
                for before, after in pairwise(channels)
            )
        )
        self.projection = nn.Linear(widths[-1] * 4, embedding, bias=False)

    def forward(self, pictures: Tensor) -> Tensor:
        """Features, not normalised."""
        features = self.stages(pictures)
        return self.projection(F.adaptive_max_pool2d(features, 2).flatten(1))


def _convolution(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()
    )


class OpenClipImageTower(nn.Module):
    """The image tower of an open_clip model, fed with grey pictures of any size.

    Args:
        name: an open_clip model, such as ``RN50`` or ``ViT-B-32``; its weights are random.
        size: height and width in pixels at which the tower works.

    Shapes: float [B, 1, H, W] in, float [B, D] out, with D as open_clip's configuration says.
    """

    def __init__(self, name: str, size: int) -> None:
        super().__init__()
        self.size = size
        self.visual = open_clip.create_model(
            name, force_image_size=size, force_custom_text=True
        ).visual

    def forward(self, pictures: Tensor) -> Tensor:
        """Features, not normalised."""
        if pictures.shape[-1] != self.size:
            pictures = F.interpolate(pictures, size=self.size, mode="bicubic", antialias=True)
        return self.visual(pictures.expand(-1, 3, -1, -1))


def image_tower(name: str, embedding: int, size: int) -> nn.Module:
    """The image tower of that name: ``small-cnn``, or any model that open_clip lists.

    Raises:
        CourseError: if there is none, or if its features have another dimension than `embedding`.
    """
    if name == "small-cnn":
        return SmallCNN(embedding)
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
