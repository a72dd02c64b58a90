"""One tar of samples, read through once: where its pictures lie, and what its captions say.

As img2dataset writes and open_clip reads them, the members of a sample share their name up to its
first dot, the *key*, and stand side by side; what follows is the *field* (``000000012.jpg``).
"""

from __future__ import annotations

import dataclasses
import json
import math
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
from lt_course.web.shards.addresses import reaching

CONTEXT = 77
"""Most tokens kept of a caption, start and end included, as CLIP does."""

REASONS = {
    "no picture": "no member with a field of pictures",
    "not a picture": "its first bytes are those of no picture format",
    "sparse": "the picture is stored with holes; make the tar without --sparse",
    "no caption": "no member, or no text under a key of the JSON, with the caption",
    "empty caption": "a caption without a word",
    "damaged text": "text that is not UTF-8, or not JSON",
    "no label": "a label was asked for and is neither an ImageNet WordNet id nor a whole number "
    "from 0 to 2,147,483,647",
    "duplicate key": "the same field of the same key again; the first one stays",
    "unsorted": "the members of a key do not stand together",
    "cut": "the tar ends within the sample",
    "undecodable": "the picture cannot be decoded",
}
"""Why a sample cannot be used. The last is found when a picture is read, the others before."""

DAMAGED = {
    "cut shard": "the tar ends early, or is damaged from some place on",
    "more behind the end": "what follows the end of the tar is no tar that could be read on",
    "no tar": "not an uncompressed tar",
}
"""What can be wrong with a whole tar."""

_NAME = re.compile(r"(?P<key>(?:.*/)?(?!__)[^/.]+)\.(?P<field>[^/]+)")
"""The key: folder, and name up to the first dot; what begins with two underscores is none."""

LARGEST = 2**31 - 1
"""Of a label, and of a picture in bytes: an index keeps both in 32 bits."""

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
        return _alternatives(self.picture.lower())

    @property
    def texts(self) -> set[str]:
        """Fields that are read as text."""
        named = _alternatives(f"{self.caption};{self.label or ''}")
        return {name.partition(":")[0].lower() for name in named}


def _alternatives(choice: str) -> list[str]:
    return [name.strip() for name in choice.split(";") if name.strip()]


class _Unusable(Exception):  # noqa: N818
    """Why a sample cannot be used: one of `REASONS`."""


def _said(choice: str, texts: Mapping[str, bytes]) -> object:
    """The value of the first alternative that is there, or None."""
    for alternative in _alternatives(choice):
        name, _, keys = alternative.partition(":")
        if (content := texts.get(name.lower())) is None:
            continue
        try:
            text = content.decode("utf-8-sig")
            if not keys:
                return text
            record = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise _Unusable("damaged text") from error
        if not isinstance(record, dict):
            raise _Unusable("damaged text")
        values = [record[key] for key in keys.split("+") if not _is_missing(record.get(key))]
        if len(values) == 1:
            return values[0]
        if values:
            return " ".join(filter(None, map(_joined, values)))
    return None


def _is_missing(value: object) -> bool:
    """Whether a value stands for none: null, or the NaN that pandas writes."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def _joined(value: object) -> str:
    """A text or number, or those of a list, as one line."""
    parts = value if isinstance(value, list) else [value]
    said = [part for part in parts if not _is_missing(part)]
    if any(isinstance(part, bool) or not isinstance(part, str | int | float) for part in said):
        raise _Unusable("no caption")
    return " ".join(" ".join(map(str, said)).split())


def _caption(choice: str, texts: Mapping[str, bytes]) -> str:
    said = _said(choice, texts)
    if said is None:
        raise _Unusable("no caption")
    if not (caption := _joined(said)):
        raise _Unusable("empty caption")
    try:
        caption.encode()
    except UnicodeEncodeError as error:  # JSON can name halves of characters
        raise _Unusable("damaged text") from error
    return caption


def _label(choice: str | None, texts: Mapping[str, bytes]) -> int:
    if choice is None:
        return -1
    said = _said(choice, texts)
    if isinstance(said, float) and said.is_integer():
        said = int(said)  # as pandas writes a column with gaps
    text = str(said).strip()
    if known := imagenet_classes().get(text):
        return known.label
    if not re.fullmatch(r"\+?0*\d{1,10}", text, re.ASCII) or int(text) > LARGEST:
        raise _Unusable("no label")
    return int(text)


class Fault(NamedTuple):
    """A sample, or with an empty key a tar, that cannot be used."""

    shard: str
    key: str
    reason: str


@dataclass(frozen=True)
class Shard:
    """What is known of one tar with n usable samples, as `shard_index.Index`; `ids` are uint16.

    `seen` are the fields of its members; it is told where nothing can be used.
    """

    keys: Sequence[str]
    offset: NDArray[np.int64]
    size: NDArray[np.int32]
    start: NDArray[np.int64]
    ids: NDArray[np.uint16]
    label: NDArray[np.int32]
    seen: Sequence[str]
    faults: tuple[Fault, ...]


@dataclass
class _Picture:
    offset: int
    size: int
    wrong: str | None = None


@dataclass
class _Sample:
    """What is read of a sample; `pictures` are places, and what is wrong, by field."""

    pictures: dict[str, _Picture] = dataclasses.field(default_factory=dict)
    texts: dict[str, bytes] = dataclasses.field(default_factory=dict)
    fields: set[str] = dataclasses.field(default_factory=set)
    unsorted: bool = False

    def usable(self, fields: Fields, cut: bool, end: int) -> tuple[int, int, str, int]:
        """Offset and size of the picture, caption, label; `cut`: the tar ends within this sample.

        `end` is that of the tar, in bytes.
        """
        if self.unsorted:
            raise _Unusable("unsorted")
        if not (first := next((f for f in fields.pictures if f in self.pictures), None)):
            raise _Unusable("cut" if cut else "no picture")
        picture = self.pictures[first]
        if cut and picture.offset + picture.size > end:
            raise _Unusable("cut")
        if picture.wrong:
            raise _Unusable(picture.wrong)
        try:
            caption = _caption(fields.caption, self.texts)
            return picture.offset, picture.size, caption, _label(fields.label, self.texts)
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
    faults, seen = list[Fault](), set[str]()
    rows = [
        (key, offset, size, np.array(tokens.encode(caption)[: CONTEXT - 2], np.uint16), label)
        for key, offset, size, caption, label in _usable_samples(url, fields, faults, seen)
    ]
    keys, offset, size, ids, label = zip(*rows, strict=True) if rows else ((),) * 5
    return Shard(
        keys,
        np.array(offset, dtype=np.int64),
        np.array(size, dtype=np.int32),
        np.cumsum([0, *map(len, ids)], dtype=np.int64),
        np.concatenate([np.zeros(0, np.uint16), *ids]),
        np.array(label, dtype=np.int32),
        sorted(seen),
        tuple(faults),
    )


def captions(url: str, fields: Fields) -> dict[str, str]:
    """The captions of a tar's usable samples, by key; the tar is read through."""
    return {key: caption for key, _, _, caption, _ in _usable_samples(url, fields, [], set())}


def _usable_samples(
    url: str, fields: Fields, faults: list[Fault], seen: set[str]
) -> Iterator[tuple[str, int, int, str, int]]:
    """Key, offset and size of the picture, caption, label; the rest joins `faults` and `seen`."""
    samples: dict[str, _Sample] = {}
    last, damage = "", ""
    with reaching(url), fsspec.open(url, "rb") as file:
        end = file.seek(0, os.SEEK_END)
        try:
            for tar, member in _members(file):
                if not member.isfile() or not (name := _NAME.fullmatch(member.name)):
                    continue
                # Noted before the member is read, where a cut tar raises.
                before, last = last, _as_text(name["key"])
                sample, field = samples.setdefault(last, _Sample()), _as_text(name["field"]).lower()
                seen.add(field)
                if field in sample.fields:
                    if (fault := Fault(url, last, "duplicate key")) not in faults[-1:]:
                        faults.append(fault)
                    continue
                if last != before and sample.fields:
                    sample.unsorted = True
                _read(sample, field, member, tar, fields)
        except tarfile.TarError as error:
            said = str(error)
            damage = said if said in DAMAGED else "cut shard" if samples else "no tar"
            faults.append(Fault(url, "", damage))
    for key, sample in samples.items():
        try:
            yield (key, *sample.usable(fields, key == last and damage == "cut shard", end))
        except _Unusable as reason:
            faults.append(Fault(url, key, str(reason)))


def _as_text(name: str) -> str:
    """Names in a tar are bytes; those that are not UTF-8 are spelled out, as ``\\xe9``."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _members(file: IO[bytes]) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """The members of a tar, and of those that ``cat`` put behind it, each with its tar.

    Raises:
        ReadError: its text may be one of `DAMAGED`.
    """
    start: int | None = 0
    while start is not None:
        file.seek(start)
        with tarfile.open(fileobj=file, mode="r:") as tar:
            yield from ((tar, member) for member in tar)
            end = tar.offset
        # An empty block ends a tar, and nothing but such blocks may follow.
        file.seek(end)
        if len(block := file.read(512)) < 512 or any(block):
            raise tarfile.ReadError("more behind the end" if 0 < start == end else "cut shard")
        start, end = None, end + 512
        while start is None and (block := file.read(2**20)):
            empty = len(block) - len(block.lstrip(b"\0"))
            start, end = (None if empty == len(block) else end + empty), end + len(block)


def _read(
    sample: _Sample, field: str, member: tarfile.TarInfo, tar: tarfile.TarFile, fields: Fields
) -> None:
    """Keep what is needed of one member: a text, or where the picture lies."""
    sample.fields.add(field)
    if field in fields.texts:
        sample.texts[field] = tar.extractfile(member).read()  # type: ignore[union-attr]
    elif field in fields.pictures:
        # Noted before it is read, too.
        picture = sample.pictures[field] = _Picture(member.offset_data, member.size)
        begins = tar.extractfile(member).read(16)  # type: ignore[union-attr]
        if member.issparse():
            picture.wrong = "sparse"
        elif not _MAGIC.match(begins) or member.size > LARGEST:
            picture.wrong = "not a picture"
