"""Captions as token ids: CLIP's byte-pair encoding, or that of a language model.

What each model reads: CLIP's towers end at the end-of-text token, which is the largest id of its
row; a language model looks at all of a row but for its padding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lt_course.errors import CourseError

if TYPE_CHECKING:
    from open_clip.tokenizer import SimpleTokenizer

CLIP_TOKENIZER = "clip"
"""The name of open_clip's byte-pair encoding; any other names a language model."""

REMEMBERED_WORDS = 500_000
"""Words whose encoding open_clip remembers at most: it would never forget one, and the web has too
many."""


@dataclass(frozen=True)
class Tokenizer:
    """How texts become ids: ``encode`` gives those of a text, without ``start`` and ``end``.

    ``padding`` fills a row up; ``vocabulary`` is the number of different ids.
    """

    encode: Callable[[str], list[int]]
    start: int
    end: int
    padding: int
    vocabulary: int

    def row(self, ids: Tensor, context: int) -> Tensor:
        """One text as int64 [context]: start, its first ids int64 [n], end, and padding."""
        kept = ids[: context - 2]
        row = torch.full((context,), self.padding, dtype=torch.long)
        row[0], row[len(kept) + 1] = self.start, self.end
        row[1 : len(kept) + 1] = kept
        return row


@cache
def tokenizer(name: str = CLIP_TOKENIZER) -> Tokenizer:
    """CLIP's tokenizer, or that of a language model of the package transformers, or in a folder.

    Raises a CourseError if it is not at hand, or does not put one id before a text and one behind.
    """
    if name != CLIP_TOKENIZER:
        return _of_a_language_model(name)
    clip = _open_clips()
    return Tokenizer(_encode_for_clip, clip.sot_token_id, clip.eot_token_id, 0, clip.vocab_size)


@cache
def _open_clips() -> SimpleTokenizer:
    from open_clip.tokenizer import SimpleTokenizer

    return SimpleTokenizer()


def _encode_for_clip(text: str) -> list[int]:
    if len(_open_clips().cache) > REMEMBERED_WORDS:
        _open_clips.cache_clear()
    return list(_open_clips().encode(text))


def _of_a_language_model(name: str) -> Tokenizer:
    require_transformers(name)
    from open_clip.tokenizer import HFTokenizer

    try:
        theirs = HFTokenizer(name)
    except (OSError, ValueError, KeyError) as error:
        raise CourseError(
            f"The tokenizer of the language model {name!r} is not at hand "
            f"({first_line(error)}); give the name of a model of the package transformers and "
            "connect to the network, or a folder that holds its tokenizer."
        ) from error
    around: list[int] = theirs.tokenizer("").input_ids
    if len(around) != 2:
        raise CourseError(
            f"The tokenizer of {name!r} puts {len(around)} ids around a text, and not one before "
            "and one behind; take a model of the family of BERT or RoBERTa."
        )

    def encode(text: str) -> list[int]:
        # Longer texts than the model reads are cut later, so its warning about them says nothing.
        said = theirs.tokenizer(theirs.clean_fn(text), add_special_tokens=False, verbose=False)
        return list(said.input_ids)

    start, end = around
    return Tokenizer(encode, start, end, theirs.tokenizer.pad_token_id, len(theirs.tokenizer))


def require_transformers(name: str) -> None:
    """Raise a CourseError where transformers, which holds language models, is not installed."""
    try:
        import transformers  # noqa: F401
    except ImportError as error:
        raise CourseError(
            f"The language model {name!r} needs the package transformers, which is not installed; "
            "run `pip install 'transformers>=5'`."
        ) from error


def first_line(error: Exception) -> str:
    """What an error of another package says first, without its full stop."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


@cache
def _encoded(text: str, name: str) -> tuple[int, ...]:
    return tuple(tokenizer(name).encode(text))


def tokens(texts: list[str], context: int, name: str = CLIP_TOKENIZER) -> Tensor:
    """U texts as int64 [U, L], each cut or padded to `context` ids L, start and end included."""
    chosen = tokenizer(name)
    if not texts:
        return torch.zeros(0, context, dtype=torch.long)
    encoded = (torch.tensor(_encoded(text, name), dtype=torch.long) for text in texts)
    return torch.stack([chosen.row(ids, context) for ids in encoded])
