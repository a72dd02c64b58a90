"""Losses that hold a few rows of their logits at a time, and find their gradients themselves.

Each is the twin of a plain loss in `lt_course.objectives`, which defines it: value and gradient are
equal up to rounding (1e-6 in float32). They are for batches and prototypes whose logits would not
fit into memory, and chosen by the options ``tile`` and ``fused``.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from lt_course.distributed import all_gather, rank
from lt_course.models.heads import Temperature


def info_nce(image: Tensor, text: Tensor, temperature: Temperature, tile: int) -> Tensor:
    """`lt_course.objectives.contrast.info_nce`, with `tile` rows of the logits at a time.

    A process has the rows of its own b pictures alone. The mean of what processes get is the loss
    of the global batch of B pairs, and so are the means of their gradients.

    Shapes: `image` and `text` float [b, D], normalised; logits [b, B].
    """
    loss: Tensor = _InfoNCE.apply(
        image, all_gather(text).flatten(0, 1), temperature(image.new_ones(())), tile
    )
    return loss


class _InfoNCE(torch.autograd.Function):
    """The loss by its normalisers alone, and its gradient from logits that are computed anew.

    With z the logits, r and c the log-sum-exp of their rows and columns, pair i costs
    (r_i + c_i) / 2 - z_ii, and so the gradient for z is
    (exp(z - r) + exp(z - c)) / 2 - identity, over b. The columns continue on other processes.
    """

    @staticmethod
    def forward(ctx: Any, image: Tensor, text: Tensor, scale: Tensor, tile: int) -> Tensor:
        own = rank() * len(image)
        by_row, by_column = [], image.new_full((len(text),), -torch.inf)
        for rows in image.split(tile):
            logits = (rows @ text.T).mul_(scale)
            by_row.append(logits.logsumexp(1))
            by_column = torch.logaddexp(by_column, logits.logsumexp(0))
        row, column = torch.cat(by_row), all_gather(by_column).logsumexp(0)
        ctx.save_for_backward(image, text, scale, row, column)
        ctx.own, ctx.tile = own, tile
        pairs = slice(own, own + len(image))
        positive = scale * torch.einsum("bd,bd->b", image, text[pairs])
        return ((row + column[pairs]) / 2 - positive).mean()

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


def multi_crop_cross_entropy(
    features: Tensor, weight: Tensor, scale: Tensor, targets: Tensor
) -> Tensor:
    """`lt_course.objectives.distill.multi_crop_cross_entropy`, one crop after the other.

    Beyond the targets, no more than a few [B, S] arrays exist at a time, however many crops.

    Args:
        features: float [V, B, D], the student's, of V crops of B pictures; the global ones first.
        weight: float [S, D], prototypes.
        scale: float [S], what their products are multiplied with.
        targets: float [G, B, S], the teacher's distributions for the G global crops.
    """
    loss: Tensor = _MultiCropCrossEntropy.apply(features, weight, scale, targets)
    return loss


class _MultiCropCrossEntropy(torch.autograd.Function):
    """The gradient is found on the way forward, one crop after the other.

    A crop's cross-entropies with all its targets are c * logsumexp(z) - <sum of the targets, z>,
    where c is their number and z the crop's logits; its gradient is c * softmax(z) - sum of the
    targets. So the logits of a crop can be turned into their gradient in place, passed on to
    features and prototypes, and forgotten before the next crop's come into being.
    """

    @staticmethod
    def forward(
        ctx: Any, features: Tensor, weight: Tensor, scale: Tensor, targets: Tensor
    ) -> Tensor:
        (V, B, _), G = features.shape, len(targets)
        to_features, to_weight = torch.empty_like(features), torch.zeros_like(weight)
        target_sum = targets.sum(0)
        loss = features.new_zeros(())
        for v, feature in enumerate(features):
            # Crop v < G is the one that target v was made of.
            pairs, target = (G - 1, target_sum - targets[v]) if v < G else (G, target_sum)
            logits = (feature @ weight.T).mul_(scale)
            normaliser = logits.logsumexp(1, keepdim=True)
            loss += pairs * normaliser.sum() - torch.einsum("bk,bk->b", target, logits).sum()
            gradient = logits.sub_(normaliser).exp_().mul_(pairs).sub_(target)
            if any(ctx.needs_input_grad[1:]):
                to_weight.addmm_(gradient.T, feature)
            torch.mm(gradient.mul_(scale), weight, out=to_features[v])
        to_scale = torch.einsum("kd,kd->k", to_weight, weight)
        ctx.terms = G * (V - 1) * B
        ctx.save_for_backward(to_features, to_weight.mul_(scale[:, None]), to_scale)
        return loss / ctx.terms

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        share = upstream / ctx.terms
        return *(share * gradient for gradient in ctx.saved_tensors), None
