"""SigLIP: of every pair, is this the caption of that picture? (arXiv 2303.15343)

The worked example of a new objective: this file, and its name in
`lt_course.study.run_config`, in `OBJECTIVES` and in the union above it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lt_course.data.batch import Batch
from lt_course.distributed import all_gather
from lt_course.errors import CourseError
from lt_course.models.heads import Temperature
from lt_course.objectives.contrast import CLIP, CLIPConfig
from lt_course.objectives.objective import ModelParts, Report, Representations


@dataclass(frozen=True)
class SigLIPConfig(CLIPConfig):
    """What SigLIP is trained on: the fields of `CLIPConfig`, but `tile` must be None."""

    def __post_init__(self) -> None:
        """Raise a CourseError for a field out of range."""
        super().__post_init__()
        if self.tile is not None:
            raise CourseError(f"Field 'tile' is {self.tile}; SigLIP has no tiled loss; set None.")

    def build(self, parts: ModelParts) -> CLIP:
        """Both towers."""
        return SigLIP(self, parts.image_tower(), parts.text_tower())


def sigmoid_loss(image: Tensor, text: Tensor, temperature: Temperature, bias: Tensor) -> Tensor:
    """Binary cross-entropies of all pairs, summed over texts, mean over pictures (Alg. 1).

    Each of several processes gives its pairs, and takes the loss of the global batch.

    Args:
        image: float [B, D], normalised.
        text: float [B, D], normalised; row i is the caption of picture i.
        temperature: scales cosines to logits.
        bias: float [], added to all logits.
    """
    image, text = all_gather(image).flatten(0, 1), all_gather(text).flatten(0, 1)
    logits = temperature(image @ text.T) + bias
    sign = 2 * torch.eye(len(logits), device=logits.device) - 1
    return -F.logsigmoid(sign * logits).sum(1).mean()


class SigLIP(CLIP):
    """An image and a text tower, made to agree pair by pair.

    The scale starts at 10 and the bias at -10, for all but one of a picture's B pairs are no match
    (Sec. 3.2). Zero-shot classification ranks by cosine and needs neither.
    """

    def __init__(
        self, options: SigLIPConfig, image_tower: nn.Module, text_tower: nn.Module
    ) -> None:
        super().__init__(options, image_tower, text_tower)
        self.temperature = Temperature(10)
        self.bias = nn.Parameter(torch.tensor(-10.0))

    def loss(
        self, representations: Representations, batch: Batch, generator: torch.Generator
    ) -> tuple[Tensor, Report]:
        """The sigmoid loss over the batch."""
        image, text = representations
        return sigmoid_loss(image, text, self.temperature, self.bias), {
            "log_scale": self.temperature.log_scale.detach(),
            "bias": self.bias.detach(),
        }

    def after_step(self) -> None:
        """Leave the scale where it is, which SigLIP does not clamp."""
