"""CLIP: tell a picture's caption from those of the rest of its batch, and vice versa."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from lt_course.data.batch import Batch
from lt_course.distributed import everyone, rank, ranks
from lt_course.fields import COUNT, check
from lt_course.models.heads import Temperature
from lt_course.objectives.objective import Report, Representations


@dataclass(frozen=True)
class Contrast:
    """What CLIP is trained on.

    Attributes:
        text: the kind of caption, as `lt_course.data.captions` defines: ``template``, ``title``,
            ``title+tags``, ``template|title``, …
        prompts: how concepts are asked for in zero-shot classification: ``matching`` sounds
            like the captions, as it should; ``template``, ``name``, ``usual-name`` and ``gloss``
            are `lt_course.data.captions.zero_shot_prompts`.
        context: greatest length of a caption in tokens, 3 … 77.
        tile: rows of the logits that exist at a time, for batches whose logits do not fit into
            memory; None is all of them. It changes the loss by rounding alone.
    """

    text: str = "template"
    prompts: Literal["matching", "template", "name", "usual-name", "gloss"] = "matching"
    context: int = 16
    tile: int | None = None

    def __post_init__(self) -> None:
        """Raise a CourseError for a field out of range."""
        check(self, context=(3, 77), tile=COUNT)


def info_nce(
    image: Tensor, text: Tensor, temperature: Temperature, tile: int | None = None
) -> Tensor:
    """Symmetric InfoNCE (arXiv 2103.00020, Fig. 3): the mean of both directions' cross-entropies.

    Several processes give b pairs each, and every pair is told from all B of them. The mean of
    what they get is the loss of the global batch, and so are the means of their gradients
    (`lt_course.distributed`).

    Args:
        image: float [b, D], normalised.
        text: float [b, D], normalised; row i is the caption of picture i.
        temperature: scales cosines to logits.
        tile: rows of the logits [b, B] that exist at a time; None is all of them.
    """
    if tile is None and ranks() == 1:
        logits = temperature(image @ text.T)
        target = torch.arange(len(logits), device=logits.device)
        return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
    loss: Tensor = _InfoNCE.apply(
        image, everyone(text).flatten(0, 1), temperature(image.new_ones(())), tile or len(image)
    )
    return loss


class _InfoNCE(torch.autograd.Function):
    """The loss by its normalisers alone, and its gradient from logits that are computed anew.

    With z the logits, r and c the log-sum-exp of their rows and columns, pair i costs
    (r_i + c_i) / 2 - z_ii, and so the gradient for z is
    (exp(z - r) + exp(z - c)) / 2 - identity, over b. A process has the rows of its pictures; their
    columns continue on the others.
    """

    @staticmethod
    def forward(ctx: Any, image: Tensor, text: Tensor, scale: Tensor, tile: int) -> Tensor:
        own = rank() * len(image)
        by_row, by_column = [], image.new_full((len(text),), -torch.inf)
        for rows in image.split(tile):
            logits = (rows @ text.T).mul_(scale)
            by_row.append(logits.logsumexp(1))
            by_column = torch.logaddexp(by_column, logits.logsumexp(0))
        row, column = torch.cat(by_row), everyone(by_column).logsumexp(0)
        ctx.save_for_backward(image, text, scale, row, column)
        ctx.own, ctx.tile = own, tile
        pairs = slice(own, own + len(image))
        right = scale * torch.einsum("bd,bd->b", image, text[pairs])
        return ((row + column[pairs]) / 2 - right).mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        image, text, scale, row, column = ctx.saved_tensors
        to_image, to_text = torch.empty_like(image), torch.zeros_like(text)
        share = upstream / (2 * len(image))
        for start in range(0, len(image), ctx.tile):
            rows = slice(start, start + ctx.tile)
            logits = (image[rows] @ text.T).mul_(scale)
            gradient = (logits - row[rows, None]).exp_()
            gradient += logits.sub_(column).exp_()
            gradient.diagonal(ctx.own + start).sub_(2)
            gradient *= share
            torch.mm(gradient, text, out=to_image[rows])
            to_text.addmm_(gradient.T, image[rows])
        to_scale = torch.einsum("bd,bd->", to_image, image)
        return to_image.mul_(scale), to_text.mul_(scale), to_scale, None


class Contrastive(nn.Module):
    """An image and a text tower, trained to agree.

    Args:
        image_tower: pictures in, features [B, D] out.
        text_tower: token ids in, features [B, D] out.
        tile: as `Contrast`.
    """

    def __init__(
        self, image_tower: nn.Module, text_tower: nn.Module, tile: int | None = None
    ) -> None:
        super().__init__()
        self.tile = tile
        self.image_tower = image_tower
        self.text_tower = text_tower
        self.temperature = Temperature()

    def encode(self, batch: Batch) -> Representations:
        """Normalised image and text features, float [B, D] each."""
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
        return info_nce(image, text, self.temperature, self.tile), {
            "log_scale": self.temperature.log_scale.detach()
        }

    def after_step(self) -> None:
        """Clamp the temperature."""
        self.temperature.clamp()
