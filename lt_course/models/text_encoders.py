"""Text towers: a batch of token ids in, one feature vector each out."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor

from lt_course.errors import CourseError
from lt_course.models.image_encoders import check_open_clip


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

    It learns a row for each token that its captions use, and not for all 49,408 of the byte-pair
    encoding. The batch is trimmed to its longest text, which is exact: attention is causal.

    Args:
        vocabulary: int64 [T], the token ids that it knows, in ascending order, padding included.
        context: greatest length L of a text in tokens.
        embedding: dimension D of the features.
    """

    vocabulary: Tensor

    def __init__(
        self,
        vocabulary: Tensor,
        context: int,
        embedding: int,
        width: int = 64,
        layers: int = 2,
        heads: int = 2,
    ) -> None:
        super().__init__()
        self.register_buffer("vocabulary", vocabulary)
        self.token_embedding = nn.Embedding(len(vocabulary), width)
        self.positions = nn.Parameter(0.01 * torch.randn(context, width))
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        self.projection = nn.Linear(width, embedding, bias=False)
        nn.init.normal_(self.token_embedding.weight, std=0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        """Features float [B, D], not normalised, of token ids int64 [B, L]."""
        end = tokens.argmax(1)
        tokens = torch.searchsorted(self.vocabulary, tokens[:, : _longest(end)].contiguous())
        # Matrices this small lose more by conversion to bfloat16 than they gain.
        # (The meta device knows no conversion, and torch refuses to switch it off there.)
        device = "cpu" if tokens.is_meta else tokens.device.type
        with torch.autocast(device, enabled=False):
            x = self.blocks(self.token_embedding(tokens) + self.positions[: tokens.shape[1]])
            return self.projection(self.norm(x[torch.arange(len(x), device=x.device), end]))


def _longest(end: Tensor) -> int | None:
    """Length of the longest text, from int64 [B], where each ends; None if they hold no data."""
    return None if end.is_meta or isinstance(end, FakeTensor) else int(end.max()) + 1


class LanguageModel(nn.Module):
    """A trainable head on a frozen language model, as the paper's RoBERTa (Sec. 3.5).

    Its sentence embeddings are known beforehand: a caption is the number of a text.

    Args:
        table: float [T, E], the embeddings of T texts.
        embedding: dimension D of the features.
    """

    table: Tensor

    def __init__(self, table: Tensor, embedding: int) -> None:
        super().__init__()
        self.register_buffer("table", table, persistent=False)
        hidden = (table.shape[1] + embedding) // 2
        self.head = nn.Sequential(
            nn.Linear(table.shape[1], hidden, bias=False),
            nn.GELU(),
            nn.Linear(hidden, embedding, bias=False),
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """Features float [B, D], not normalised, of the numbers of texts, int64 [B, 1]."""
        return self.head(self.table[tokens[:, 0]])


class ClassTable(nn.Module):
    """Class vectors float [C, D] in the place of a text tower: a caption is its class's number."""

    def __init__(self, vectors: Tensor, frozen: bool) -> None:
        super().__init__()
        self.vectors = nn.Parameter(vectors.clone(), requires_grad=not frozen)

    def forward(self, tokens: Tensor) -> Tensor:
        """Class vectors float [B, D], not normalised, of the numbers of classes, int64 [B, 1]."""
        return self.vectors[tokens[:, 0]]


def text_tower(name: str, tokens: Tensor, embedding: int) -> nn.Module:
    """The text tower of that name: ``small-transformer``, or that of an open_clip model.

    `tokens` int64 [U, L] are all texts that it will read.

    Raises:
        CourseError: if there is none, or if its features have another dimension than `embedding`.
    """
    context = tokens.shape[1]
    if name == "small-transformer":
        known = torch.cat([torch.zeros(1, dtype=torch.long), tokens.flatten()]).unique()
        return SmallTransformer(known, context, embedding)
    check_open_clip(name, embedding, "text_tower")
    import open_clip

    device = torch.get_default_device()
    return open_clip.create_model(
        name, device=device, force_custom_text=True, force_context_length=context
    ).text


def pretrained_text_tower(state: Mapping[str, Tensor], tokens: Tensor) -> SmallTransformer:
    """The text tower of a trained CLIP, from the CLIP's parameters and buffers by name.

    `tokens` int64 [U, L] are all texts that it will read.

    Raises:
        CourseError: if the texts are longer than its context, or hold tokens that it never read.
    """
    prefix = "text_tower."
    own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
    if "vocabulary" not in own:
        raise CourseError(
            "The pre-trained text head is not a 'small-transformer', and this version of lt_course "
            "starts from no other; use scale tiny or cpu, or text_head 'scratch'."
        )
    context, vocabulary = len(own["positions"]), own["vocabulary"]
    if tokens.shape[1] > context:
        raise CourseError(
            f"Field 'context' is {tokens.shape[1]}, but the pre-trained text head reads {context} "
            f"tokens; set it to {context} or fewer."
        )
    unknown = tokens[~torch.isin(tokens, vocabulary)]
    if len(unknown):
        raise CourseError(
            f"Field 'text' gives captions with {len(unknown.unique())} tokens that the pre-trained "
            "text head has never read; use captions made of names, titles and tags."
        )
    tower = SmallTransformer(vocabulary, context, own["projection.weight"].shape[0])
    tower.load_state_dict(own)
    return tower
