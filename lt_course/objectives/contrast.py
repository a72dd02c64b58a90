"""CLIP: tell a picture's caption from those of the rest of its batch, and vice versa."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lt_course.data.batch import Batch
from lt_course.distributed import all_gather
from lt_course.fields import COUNT, check
from lt_course.models.heads import Temperature
from lt_course.objectives.objective import ModelParts, Report, Representations, fused


@dataclass(frozen=True)
class CLIPConfig:
    """What CLIP is trained on.

    Attributes:
        text: the kind of caption, as `lt_course.data.captions` defines: ``template``, ``title``,
            ``title+tags``, ``template|title``, …
        prompts: how classes are asked for in zero-shot classification, as
            `lt_course.data.captions.zero_shot_prompts` defines; ``matching`` sounds like the
            captions, as it should.
        context: greatest length of a caption in tokens, 3 … 77.
        tile: rows of the logits that exist at a time, for batches whose logits do not fit into
            memory or should be shared among processes (`lt_course.web.fused_losses`); None is the
            plain loss. It changes the loss by rounding alone.
    """

    text: str = "template"
    prompts: Literal["matching", "template", "name", "usual-name", "gloss"] = "matching"
    context: int = 16
    tile: int | None = None

    def __post_init__(self) -> None:
        """Raise a CourseError for a field out of range."""
        check(self, context=(3, 77), tile=COUNT)

    def build(self, parts: ModelParts) -> CLIP:
        """Both towers."""
        return CLIP(self, parts.image_tower(), parts.text_tower())


def info_nce(image: Tensor, text: Tensor, temperature: Temperature) -> Tensor:
    """Symmetric InfoNCE (arXiv 2103.00020, Fig. 3): the mean of both directions' cross-entropies.

    Each of several processes gives its pairs, and takes the loss of the global batch. Its tiled
    twin, for batches whose logits do not fit, is `lt_course.web.fused_losses.info_nce`.

    Args:
        image: float [B, D], normalised.
        text: float [B, D], normalised; row i is the caption of picture i.
        temperature: scales cosines to logits.
    """
    image, text = all_gather(image).flatten(0, 1), all_gather(text).flatten(0, 1)
    logits = temperature(image @ text.T)
    labels = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2


class CLIP(nn.Module):
    """An image and a text tower, pictures or token ids in, features [B, D] out, made to agree."""

    def __init__(self, options: CLIPConfig, image_tower: nn.Module, text_tower: nn.Module) -> None:
        super().__init__()
        self.options = options
        self.image_tower = image_tower
        self.text_tower = text_tower
        self.temperature = Temperature()

    def encode(self, batch: Batch) -> Representations:
        """Normalised image and text features, float32 [B, D] each."""
        assert batch.tokens is not None, "the contrastive objective reads captions"
        return self.image_features(batch.pictures), self.text_features(batch.tokens)

    def image_features(self, pictures: Tensor) -> Tensor:
        """Normalised image features, float32 [B, D]."""
        return F.normalize(self.image_tower(pictures).float(), dim=1)

    def text_features(self, tokens: Tensor) -> Tensor:
        """Normalised text features, float32 [B, D]."""
        return F.normalize(self.text_tower(tokens).float(), dim=1)

    def loss(
        self, representations: Representations, batch: Batch, generator: torch.Generator
    ) -> tuple[Tensor, Report]:
        """InfoNCE over the batch."""
        image, text = representations
        if self.options.tile is None:
            loss = info_nce(image, text, self.temperature)
        else:
            loss = fused("info_nce")(image, text, self.temperature, self.options.tile)
        return loss, {"log_scale": self.temperature.log_scale.detach()}

    def after_step(self) -> None:
        """Clamp the temperature."""
        self.temperature.clamp()
