"""Captions as token ids: open_clip's byte-pair encoding."""

from __future__ import annotations

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


def tokens(texts: list[str], context: int) -> Tensor:
    """Tokenise texts, cutting each to `context` ids.

    Args:
        texts: U captions.
        context: greatest length L, start and end token included.

    Returns:
        int64 [U, L], padded with 0 behind the end-of-text token, which is the largest id of its
        row (text towers read the feature at that position, as CLIP does).
    """
    start, end = _tokenizer().sot_token_id, _tokenizer().eot_token_id
    ids = torch.zeros(len(texts), context, dtype=torch.long)
    for row, text in zip(ids, texts, strict=True):
        encoded = (start, *_encode(text)[: context - 2], end)
        row[: len(encoded)] = torch.tensor(encoded)
    return ids
