"""Text towers: a batch of token ids in, one feature vector each out."""

from __future__ import annotations

import open_clip
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lt_course.models.image_towers import check_open_clip


class Block(nn.Module):
    """Pre-norm transformer block with causal self-attention."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention, self.norm_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.mix = nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: float [B, L, width] in and out."""
        B, L, width = x.shape
        q, k, v = (
            self.queries_keys_values(self.norm_attention(x))
            .view(B, L, 3, self.heads, width // self.heads)
            .permute(2, 0, 3, 1, 4)
        )
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.mix(attended.transpose(1, 2).reshape(B, L, width))
        return x + self.mlp(self.norm_mlp(x))


class SmallTransformer(nn.Module):
    """A causal transformer read at the end-of-text token, as CLIP's text tower is.

    The batch is trimmed to its longest text first. That is exact: attention is causal, and nothing
    behind the end-of-text token is read.

    Args:
        ids: number of token ids.
        context: greatest length L.
        embedding: dimension D of the features.

    Shapes: int64 [B, L] in, float [B, D] out.
    """

    def __init__(
        self,
        ids: int,
        context: int,
        embedding: int,
        width: int = 64,
        layers: int = 2,
        heads: int = 2,
    ) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(ids, width)
        self.positions = nn.Parameter(0.01 * torch.randn(context, width))
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        self.projection = nn.Linear(width, embedding, bias=False)
        nn.init.normal_(self.token_embedding.weight, std=0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        """Features, not normalised."""
        end = tokens.argmax(1)
        tokens = tokens[:, : int(end.max()) + 1]
        # Matrices this small lose more by conversion to bfloat16 than they gain.
        with torch.autocast(tokens.device.type, enabled=False):
            x = self.blocks(self.token_embedding(tokens) + self.positions[: tokens.shape[1]])
            return self.projection(self.norm(x[torch.arange(len(x), device=x.device), end]))


def text_tower(name: str, ids: int, context: int, embedding: int) -> nn.Module:
    """The text tower of that name: ``small-transformer``, or that of an open_clip model.

    Raises:
        CourseError: if there is none, or if its features have another dimension than `embedding`.
    """
    if name == "small-transformer":
        return SmallTransformer(ids, context, embedding)
    check_open_clip(name, embedding, "text_tower")
    return open_clip.create_model(name, force_custom_text=True, force_context_length=context).text
