"""Zero-shot classification: prototypes from prompts (arXiv 2103.00020, Sec. 3.1.4)."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor


@torch.no_grad()
def zero_shot_prototypes(
    text_features: Callable[[Tensor], Tensor], prompts: Tensor, batch: int = 512
) -> Tensor:
    """A prototype for each class: the normalised mean of its prompts' normalised features.

    Args:
        text_features: token ids [B, L] in, normalised features [B, D] out.
        prompts: int64 [C, P, L], token ids of P prompts for each of C classes.
        batch: prompts encoded at a time.

    Returns:
        float [C, D], normalised.
    """
    encoded = torch.cat([text_features(part) for part in prompts.flatten(0, 1).split(batch)])
    return F.normalize(encoded.unflatten(0, prompts.shape[:2]).mean(1), dim=1)
