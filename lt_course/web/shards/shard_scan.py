"""One tar of samples, read through once: where its pictures lie, and what its captions say.

As img2dataset writes and open_clip reads them, the members of a sample share their name up to its
first dot, the *key*, and stand side by side; what follows is the *field* (``000000012.jpg``).
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, NamedTuple

import fsspec
import numpy as np
from numpy.typing import NDArray

from lt_course.data.imagenet import imagenet_classes
from lt_course.data.tokenizer import CLIP_TOKENIZER, tokenizer
from lt_course.errors import CourseError

CONTEXT = 77
"""Most tokens kept of a caption, start and end included, as CLIP does."""

REASONS = {
    "no picture": "no member with a field of pictures",
    "not a picture": "its first bytes are those of no picture format",
    "no caption": "no member, or no key of the JSON, with the caption",
    "empty caption": "a caption without a word",
    "damaged text": "text that is not UTF-8, or not JSON",
    "no label": "a label was asked for and is neither a whole number nor an ImageNet WordNet id",
    "duplicate key": "the same field of the same key again; the first one stays",
    "unsorted": "the members of a key do not stand together",
    "cut": "the tar ends within the sample",
    "undecodable": "the picture cannot be decoded",
}
"""Why a sample cannot be used. The last is found when a picture is read, the others before."""

DAMAGED = {
    "cut shard": "the tar ends early, or is damaged from some place on",
    "no tar": "not an uncompressed tar",
}
"""What can be wrong with a whole tar."""

_NAME = re.compile(r"(?P<key>(?:.*/)?(?!__)[^/.]+)\.(?P<field>[^/]+)")
"""The key: folder, and name up to the first dot; what begins with two underscores is none."""

_MAGIC = re.compile(rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF....WEBP", re.DOTALL)


@dataclass(frozen=True)
class Fields:
    """Which members of a sample are read: alternatives joined by ``;``, the first present counts.

    Attributes:
        picture: fields of pictures.
        caption: fields of texts; ``json:caption`` is a key of the JSON member, and
            ``json:title+tags`` several of them, joined by a space (lists too).
        label: the class, in a text or JSON member: a whole number, or the WordNet id of one of
            ImageNet's classes, which stands for its number; None: there is none.
        tokenizer: of captions, as `lt_course.data.tokenizer.tokenizer`.
    """

    picture: str = "jpg;jpeg;png;webp"
    caption: str = "txt;json:caption"
    label: str | None = None
    tokenizer: str = CLIP_TOKENIZER

    @property
    def pictures(self) -> list[str]:
        """Fields of pictures, lower case."""
        return self.picture.lower().split(";")

    @property
    def texts(self) -> set[str]:
        """Fields that are read as text."""
        named = self.caption.split(";") + (self.label.split(";") if self.label else [])
        return {name.partition(":")[0].lower() for name in named}


class _Unusable(Exception):  # noqa: N818
    """Why a sample cannot be used: one of `REASONS`."""


def _said(choice: str, texts: Mapping[str, bytes]) -> object:
    """The value of the first alternative that is there, or None."""
    for alternative in choice.split(";"):
        name, _, keys = alternative.partition(":")
        if (content := texts.get(name.lower())) is None:
            continue
        try:
            text = content.decode()
            if not keys:
                return text
            record = json.loads(text)
        except ValueError as error:
            raise _Unusable("damaged text") from error
        if not isinstance(record, dict):
            raise _Unusable("damaged text")
        values = [record[key] for key in keys.split("+") if record.get(key) is not None]
        if len(values) == 1:
            return values[0]
        if values:
            return " ".join(filter(None, map(_joined, values)))
    return None


def _joined(value: object) -> str:
    """A text, or the texts of a list, as one line."""
    parts = value if isinstance(value, list) else [value]
    return " ".join(" ".join(map(str, parts)).split())


def _caption(choice: str, texts: Mapping[str, bytes]) -> str:
    said = _said(choice, texts)
    if said is None:
        raise _Unusable("no caption")
    if not (caption := _joined(said)):
        raise _Unusable("empty caption")
    return caption


def _label(choice: str | None, texts: Mapping[str, bytes]) -> int:
    if choice is None:
        return -1
    said = str(_said(choice, texts))
    if known := imagenet_classes().get(said):
        return known.label
    try:
        return int(said)
    except ValueError as error:
        raise _Unusable("no label") from error


class Fault(NamedTuple):
    """A sample, or with an empty key a tar, that cannot be used."""

    shard: str
    key: str
    reason: str


@dataclass(frozen=True)
class Shard:
    """What is known of one tar with n usable samples, as `shard_index.Index`; `ids` are uint16."""

    keys: Sequence[str]
    offset: NDArray[np.int64]
    size: NDArray[np.int32]
    start: NDArray[np.int64]
    ids: NDArray[np.uint16]
    label: NDArray[np.int32]
    faults: tuple[Fault, ...]


@dataclass
class _Sample:
    """What is read of a sample; `picture` is its offset and size."""

    picture: tuple[int, int] | None = None
    texts: dict[str, bytes] = dataclasses.field(default_factory=dict)
    fields: set[str] = dataclasses.field(default_factory=set)
    reason: str | None = None

    def usable(self, fields: Fields, cut: bool, end: int) -> tuple[int, int, str, int]:
        """Offset and size of the picture, caption, label; `cut`: the tar ends within this sample.

        `end` is that of the tar, in bytes.
        """
        if self.reason == "unsorted":
            raise _Unusable(self.reason)
        if cut and (self.picture is None or sum(self.picture) > end):
            raise _Unusable("cut")
        if self.picture is None:
            raise _Unusable("no picture")
        if self.reason:
            raise _Unusable(self.reason)
        try:
            caption = _caption(fields.caption, self.texts)
            return *self.picture, caption, _label(fields.label, self.texts)
        except _Unusable as reason:
            if cut and str(reason) in ("no caption", "no label"):
                raise _Unusable("cut") from reason
            raise


def scan(url: str, fields: Fields) -> Shard:
    """Read a tar through once. Pictures are passed over, all but their first bytes.

    Raises:
        CourseError: if there is no such tokenizer, or its ids do not fit into 16 bits.
    """
    tokens = tokenizer(fields.tokenizer)
    if tokens.vocabulary > 2**16:
        raise CourseError(
            f"Field 'tokenizer' is {fields.tokenizer!r}, which knows {tokens.vocabulary:,} tokens, "
            "but an index keeps 16 bits of each; take one with 65,536 or fewer."
        )
    faults: list[Fault] = []
    rows = [
        (key, offset, size, np.array(tokens.encode(caption)[: CONTEXT - 2], np.uint16), label)
        for key, offset, size, caption, label in _usable_samples(url, fields, faults)
    ]
    keys, offset, size, ids, label = zip(*rows, strict=True) if rows else ((),) * 5
    return Shard(
        keys,
        np.array(offset, dtype=np.int64),
        np.array(size, dtype=np.int32),
        np.cumsum([0, *map(len, ids)], dtype=np.int64),
        np.concatenate([np.zeros(0, np.uint16), *ids]),
        np.array(label, dtype=np.int32),
        tuple(faults),
    )


def captions(url: str, fields: Fields) -> dict[str, str]:
    """The captions of a tar's usable samples, by key; the tar is read through."""
    return {key: caption for key, _, _, caption, _ in _usable_samples(url, fields, [])}


def _usable_samples(
    url: str, fields: Fields, faults: list[Fault]
) -> Iterator[tuple[str, int, int, str, int]]:
    """Key, offset and size of the picture, caption, label; what cannot be used joins `faults`."""
    samples: dict[str, _Sample] = {}
    with fsspec.open(url, "rb") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(0)
        last, whole = "", False
        try:
            with tarfile.open(fileobj=file, mode="r:") as tar:
                after = 0
                for member in tar:
                    after = member.offset_data + -(-member.size // 512) * 512
                    if not member.isfile() or not (name := _NAME.fullmatch(member.name)):
                        continue
                    # Noted before the member is read, where a cut tar raises.
                    before, last = last, name["key"]
                    sample, field = samples.setdefault(last, _Sample()), name["field"].lower()
                    if field in sample.fields:
                        if (fault := Fault(url, last, "duplicate key")) not in faults[-1:]:
                            faults.append(fault)
                        continue
                    if last != before and sample.fields:
                        sample.reason = "unsorted"
                    _read(sample, field, member, tar, fields)
                whole = _ends_properly(file, after)
        except tarfile.ReadError:
            if not samples:
                faults.append(Fault(url, "", "no tar"))
                return
        if not whole:
            faults.append(Fault(url, "", "cut shard"))
    for key, sample in samples.items():
        try:
            yield (key, *sample.usable(fields, cut=key == last and not whole, end=end))
        except _Unusable as reason:
            faults.append(Fault(url, key, str(reason)))


def _read(
    sample: _Sample, field: str, member: tarfile.TarInfo, tar: tarfile.TarFile, fields: Fields
) -> None:
    """Keep what is needed of one member: a text, or where the picture lies."""
    sample.fields.add(field)
    if field in fields.texts:
        sample.texts[field] = tar.extractfile(member).read()  # type: ignore[union-attr]
    elif field in fields.pictures and sample.picture is None:
        sample.picture = member.offset_data, member.size
        if not _MAGIC.match(tar.extractfile(member).read(16)):  # type: ignore[union-attr]
            sample.reason = sample.reason or "not a picture"


def _ends_properly(file: IO[bytes], after: int) -> bool:
    """Whether the last member is followed by an empty block, which ends a tar."""
    file.seek(after)
    block = file.read(512)
    return len(block) == 512 and not any(block)
