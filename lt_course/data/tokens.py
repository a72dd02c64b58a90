"""Captions as token ids: open_clip's byte-pair encoding, reduced to the ids that occur."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from open_clip import SimpleTokenizer
from torch import Tensor


@cache
def _tokenizer() -> SimpleTokenizer:
    return SimpleTokenizer()


@cache
def _encode(text: str) -> tuple[int, ...]:
    return tuple(_tokenizer().encode(text))


@dataclass(frozen=True)
class Tokens:
    """Token ids of U texts.

    Attributes:
        ids: int64 [U, L], padded with 0 behind the end-of-text token, which is the largest id of
            its row (text towers read the feature at that position, as CLIP does).
        size: number of distinct ids, 0 … size-1; the rows of a text tower's embedding table.
    """

    ids: Tensor
    size: int


def tokens(texts: list[str], context: int, compact: bool = True) -> Tokens:
    """Tokenise texts, cutting each to `context` ids.

    Args:
        texts: U captions.
        context: greatest length, start and end token included.
        compact: renumber the ids that occur to 0 … size-1, in their order. A small tower then
            learns a table of a few hundred rows, not one of 49,408, and the common padding is
            cut. open_clip's towers need the original ids, and all of `context`.
    """
    start, end = _tokenizer().sot_token_id, _tokenizer().eot_token_id
    ids = torch.zeros(len(texts), context, dtype=torch.long)
    for row, text in zip(ids, texts, strict=True):
        encoded = (start, *_encode(text)[: context - 2], end)
        row[: len(encoded)] = torch.tensor(encoded)
    if not compact:
        return Tokens(ids, _tokenizer().vocab_size)
    ids = ids[:, : int((ids != 0).sum(1).max())]
    present, compacted = torch.cat([torch.zeros(1, dtype=torch.long), ids.flatten()]).unique(
        return_inverse=True
    )
    return Tokens(compacted[1:].view_as(ids), len(present))
