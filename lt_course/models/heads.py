"""Heads: prototypes and the temperature (App. C of arXiv 2405.21070), and DINO's (2104.14294)."""

from __future__ import annotations

import math
from itertools import pairwise

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
        normalized: l2-normalise the prototypes (the paper's head). A linear head, whose prototypes
            keep their norms, is what tau-normalisation starts from.
        start: float [C, D], prototypes to start from; None starts from random ones.
        frozen: leave them as they are.
    """

    def __init__(
        self,
        classes: int,
        embedding: int,
        normalized: bool = True,
        start: Tensor | None = None,
        frozen: bool = False,
    ) -> None:
        super().__init__()
        self.normalized = normalized
        random = torch.randn(classes, embedding) * embedding**-0.5
        self.weight = nn.Parameter(random if start is None else start.clone(), not frozen)
        self.temperature = Temperature()

    def forward(self, features: Tensor) -> Tensor:
        """Logits of all classes, float [B, C], for normalised features [B, D]."""
        weight = F.normalize(self.weight, dim=1) if self.normalized else self.weight
        return self.temperature(features @ weight.T)


class Projection(nn.Sequential):
    """DINO's projection head up to its bottleneck (App. C of arXiv 2104.14294).

    `layers` linear layers of width `hidden` with GELU between them and without batch norm, down to
    `bottleneck` dimensions D, then l2 normalisation.
    """

    def __init__(self, embedding: int, layers: int, hidden: int, bottleneck: int) -> None:
        widths = [embedding, *[hidden] * (layers - 1), bottleneck]
        modules: list[nn.Module] = []
        for before, after in pairwise(widths):
            linear = nn.Linear(before, after)
            nn.init.trunc_normal_(linear.weight, std=0.02)
            nn.init.zeros_(linear.bias)
            modules += [linear, nn.GELU()]
        super().__init__(*modules[:-1])

    def forward(self, features: Tensor) -> Tensor:
        """Normalised features, float32 [B, D], for a tower's [B, embedding]."""
        return F.normalize(super().forward(features).float(), dim=1)


class WeightNormPrototypes(nn.Module):
    """K prototypes of D dimensions, each a direction and a norm: DINO's last layer.

    The logit of a normalised feature x is gain_k * <x, w_k> / |w_k|. With all gains fixed at 1 it
    is the cosine, whether one calls that l2-normalised prototypes or a weight-normed linear layer
    whose gain is not learnt: value and gradient are the same. Learnt gains start from 1.
    """

    def __init__(self, prototypes: int, dimension: int, learn_gain: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(prototypes, dimension) * dimension**-0.5)
        self.gain = nn.Parameter(torch.ones(prototypes)) if learn_gain else None

    def forward(self, subset: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Vectors w float [S, D] of a subset int64 [S] (None: all), and gain / |w|, [S].

        The logits are left to the caller, who may not want all of them at once.
        """
        rows = slice(None) if subset is None else subset
        weight = self.weight[rows]
        scale = 1 / weight.norm(dim=1)
        return weight, scale if self.gain is None else scale * self.gain[rows]
