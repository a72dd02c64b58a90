"""Supervised classification over a vocabulary of prototypes (Sec. 3.3 of arXiv 2405.21070).

CLIP tells each picture from the few classes that its batch holds. A classifier is put on the same
footing by drawing a *vocabulary* for each micro-batch: the classes that occur in it, and further
ones until there are V. Softmax and gradient see the vocabulary alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lt_course.data.batch import Batch
from lt_course.distributed import all_gather, rank
from lt_course.fields import COUNT, NATURAL, check, require_effect
from lt_course.models.heads import Prototypes
from lt_course.objectives.objective import ModelParts, Report, Representations

Sampling = Literal["frequency", "sqrt", "uniform", "in-batch"]
Loss = Literal["softmax", "sigmoid"]
Adjustment = Literal["none", "logit-adjustment", "balanced-softmax", "weighted"]


@dataclass(frozen=True)
class SupervisedConfig:
    """How to classify, and which of the usual remedies for long tails to take.

    (Class-balanced sampling is a matter of order, and is set there: ``Training.sampler``.)

    Attributes:
        vocabulary: number V of classes that a micro-batch is told from; None is all of them.
            Classes present are never left out, so there can be more; classes without training
            pictures are never drawn by frequency, so there can be fewer.
        sampling: law by which the vocabulary is filled up: in proportion to class frequency, to its
            square root, uniformly, or not at all (in-batch, which ignores V).
        vocabulary_group: pictures of the global batch, on one process or several, that share a
            vocabulary; it divides the batch.
        loss: cross-entropy of one softmax over the vocabulary, or the sum of binary cross-entropies
            of one sigmoid a class of it. The federated loss of arXiv 2103.07461, Sec. 5.2, is
            ``sigmoid`` with sampling ``sqrt``.
        adjustment: remedy for the class prior. ``logit-adjustment`` subtracts strength * log prior
            from the scores after training (arXiv 2007.07314, eq. 9). ``balanced-softmax`` adds it
            to the logits while training (arXiv 2007.10740), which at strength 1 is the loss form of
            logit adjustment (its eq. 10). ``weighted`` weighs pictures in proportion to
            1 / frequency of their class, with mean 1 over the training pictures.
        strength: factor of the log prior, >= 0; 1 is the method as published. ``none`` and
            ``weighted`` have no use for it.
        tau: None for l2-normalised prototypes; a number in [0, 1] for a linear head, whose
            prototypes are divided by that power of their norms after training
            (tau-normalisation, arXiv 1910.09217).
    """

    vocabulary: int | None = None
    sampling: Sampling = "frequency"
    vocabulary_group: int = 32
    loss: Loss = "softmax"
    adjustment: Adjustment = "none"
    strength: float = 1.0
    tau: float | None = None

    def __post_init__(self) -> None:
        """Raise a CourseError for a field out of range."""
        check(self, vocabulary=COUNT, vocabulary_group=COUNT, strength=NATURAL, tau=(0, 1))
        in_batch = self.sampling == "in-batch"
        drawn = in_batch or self.vocabulary is not None
        effects = {
            "vocabulary": ("sampling", not in_batch),
            "sampling": ("vocabulary", drawn),
            "vocabulary_group": ("vocabulary", drawn),
            "strength": ("adjustment", self.adjustment not in ("none", "weighted")),
        }
        require_effect(self, effects)

    def draws_from(self, classes: int) -> bool:
        """Whether micro-batches see fewer than all `classes`."""
        return self.sampling == "in-batch" or (self.vocabulary or classes) < classes

    def build(self, parts: ModelParts) -> Supervised:
        """Image tower and prototypes."""
        tower, head = parts.image_tower(), parts.prototypes(normalized=self.tau is None)
        return Supervised(self, tower, head, parts.frequency)


def vocabulary_mask(
    labels: Tensor, size: int, weights: Tensor, generator: torch.Generator
) -> Tensor:
    """Draw one vocabulary for each micro-batch.

    The classes present come first; the rest are drawn without replacement, each draw in
    proportion to `weights` among the classes left. Adding Gumbel noise to the log weights and
    keeping the largest is that law exactly (arXiv 1903.06059), for all micro-batches at once.

    Args:
        labels: int64 [G, m], G micro-batches of m labels.
        size: V; a micro-batch with more classes present keeps them all.
        weights: float [C], >= 0; classes of weight 0 are never drawn.
        generator: source of the noise, on the CPU.

    Returns:
        bool [G, C], True for the classes in the vocabulary.
    """
    present = torch.zeros(len(labels), len(weights), dtype=torch.bool, device=labels.device)
    present.scatter_(1, labels, True)
    uniform = torch.rand(present.shape, generator=generator).to(labels.device)
    gumbel = -torch.log(-torch.log(uniform))
    keys = (weights.log() + gumbel).masked_fill(present, torch.inf)
    place = keys.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    return present | ((place < size) & (weights > 0))


def draw_vocabularies(
    labels: Tensor, frequency: Tensor, options: SupervisedConfig, generator: torch.Generator
) -> Tensor:
    """`vocabulary_mask` under the sampling law of `options`, for class frequencies float [C]."""
    weights = {
        "frequency": frequency,
        "sqrt": frequency.sqrt(),
        "uniform": torch.ones_like(frequency),
        "in-batch": torch.zeros_like(frequency),
    }[options.sampling]
    size = 0 if options.sampling == "in-batch" else options.vocabulary or len(frequency)
    return vocabulary_mask(labels, size, weights, generator)


class Supervised(nn.Module):
    """An image tower, pictures in and features [B, D] out, and prototypes, trained to classify.

    `frequency`, int64 [C], are the training pictures of each class.
    """

    frequency: Tensor

    def __init__(
        self, options: SupervisedConfig, tower: nn.Module, head: Prototypes, frequency: Tensor
    ) -> None:
        super().__init__()
        self.options = options
        self.image_tower = tower
        self.head = head
        # The sigmoids start from "one class in C"; a softmax does not see a bias that all share.
        self.bias = nn.Parameter(torch.tensor(-math.log(len(frequency))))
        self.bias.requires_grad_(options.loss == "sigmoid")
        self.register_buffer("frequency", frequency.float(), persistent=False)

    def encode(self, batch: Batch) -> Representations:
        """Normalised image features, float32 [B, D]."""
        return (self.image_features(batch.pictures),)

    def image_features(self, pictures: Tensor) -> Tensor:
        """Normalised image features, float32 [B, D]."""
        return F.normalize(self.image_tower(pictures).float(), dim=1)

    def loss(
        self, representations: Representations, batch: Batch, generator: torch.Generator
    ) -> tuple[Tensor, Report]:
        """Mean loss over the batch, each micro-batch within its own vocabulary."""
        logits = self.head(representations[0])
        if self.options.adjustment == "balanced-softmax":
            logits = logits + self.options.strength * self._log_prior()
        vocabulary = self._vocabularies(batch.labels, generator)
        if self.options.loss == "sigmoid":
            target = F.one_hot(batch.labels, len(self.frequency)).float()
            each = F.binary_cross_entropy_with_logits(logits + self.bias, target, reduction="none")
            losses = (each * vocabulary).sum(1)
        else:
            logits = logits.masked_fill(~vocabulary, -torch.inf)
            losses = F.cross_entropy(logits, batch.labels, reduction="none")
        if self.options.adjustment == "weighted":
            weights = self.frequency.sum() / (self.frequency * (self.frequency > 0).sum())
            losses = losses * weights[batch.labels]
        return losses.mean(), {
            "vocabulary": vocabulary.sum(1).float().mean(),
            "log_scale": self.head.temperature.log_scale.detach(),
        }

    def _vocabularies(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Which classes each picture of this process is told from: bool [B, C]."""
        classes, m = len(self.frequency), self.options.vocabulary_group
        if not self.options.draws_from(classes):
            return labels.new_ones(len(labels), classes, dtype=torch.bool)
        micro_batches = all_gather(labels).view(-1, m)
        masks = draw_vocabularies(micro_batches, self.frequency, self.options, generator)
        own = rank() * len(labels) + torch.arange(len(labels), device=labels.device)
        return masks[own // m]

    def _log_prior(self) -> Tensor:
        """Log of each class's share of the training pictures; a class without any counts as one."""
        return (self.frequency.clamp(min=1) / self.frequency.sum()).log()

    def scores(self, features: Tensor) -> Tensor:
        """Scores [B, C] for normalised features [B, D], with what is applied after training."""
        scores = self.head(features)
        if self.options.tau is not None:
            scores = scores / self.head.weight.norm(dim=1) ** self.options.tau
        if self.options.adjustment == "logit-adjustment":
            scores = scores - self.options.strength * self._log_prior()
        return scores

    def after_step(self) -> None:
        """Clamp the temperature."""
        self.head.temperature.clamp()
