"""Heads: prototypes and the temperature (App. C of arXiv 2405.21070)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

GREATEST_LOG_SCALE = math.log(100)


class Temperature(nn.Module):
    """The learnable scale s = 1 / temperature of the logits, kept within [1, 100].

    It starts at 1 / 0.07, is learnt as log s, and is clamped after each step, as in CLIP
    (arXiv 2103.00020, Sec. 2.5).
    """

    def __init__(self, start: float = 1 / 0.07) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(math.log(start)))
        self.clamp()

    @torch.no_grad()
    def clamp(self) -> None:
        """Bring log s back into [0, ln 100]."""
        self.log_scale.clamp_(0, GREATEST_LOG_SCALE)

    def forward(self, cosines: Tensor) -> Tensor:
        """Logits s * cosines, any shape."""
        return self.log_scale.exp() * cosines


class Prototypes(nn.Module):
    """One vector a class; a class's logit is the scaled cosine of a feature with its prototype.

    Args:
        classes: number of classes C.
        embedding: dimension D.
        normalised: l2-normalise the prototypes (the paper's head). A linear head, whose prototypes
            keep their norms, is what tau-normalisation starts from.
        start: float [C, D], prototypes to start from; None starts from random ones.
        frozen: leave them as they are.

    Shapes: normalised features float [B, D] in, logits float [B, C] out.
    """

    def __init__(
        self,
        classes: int,
        embedding: int,
        normalised: bool = True,
        start: Tensor | None = None,
        frozen: bool = False,
    ) -> None:
        super().__init__()
        self.normalised = normalised
        drawn = torch.randn(classes, embedding) * embedding**-0.5
        self.weight = nn.Parameter(drawn if start is None else start.clone())
        self.weight.requires_grad_(not frozen)
        self.temperature = Temperature()

    def forward(self, features: Tensor) -> Tensor:
        """Logits of all classes."""
        weight = F.normalize(self.weight, dim=1) if self.normalised else self.weight
        return self.temperature(features @ weight.T)
