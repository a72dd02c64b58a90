"""Shards in the webdataset format, indexed once and read at random.

A shard is a tar file. The members of a sample share their name up to its first dot, the *key*,
and stand side by side; what follows the dot is the *field* (``000000012.jpg``,
``000000012.txt``, ``000000012.json``). img2dataset writes such files and open_clip reads them.

Streaming readers shuffle with a buffer, so their order cannot be resumed, and a damaged file just
ends early. Here each tar is read through once, which leaves a small file in the cache: where each
picture lies (offset and size), its caption as token ids, its label, and every sample that cannot
be used, with the reason. From then on a sample is one read at a known place, in any order. The
rows of an index are a function of the tars and the fields alone.

A sample is left out of the index, counted and named if its tar shows, without decoding, that it
cannot be used (`REASONS`). The share of such samples, and the share of damaged tars, must not
exceed `max_bad_fraction`.

Memory: 16 bytes a row (offset 8, size 4, label 4), 8 more for where its caption starts, and 2 a
token: about 60 bytes for a caption of 18 tokens, 0.9 GB for 15 million pairs. Arrays are tensors,
which `torch.utils.data.DataLoader` gives to its workers as shared memory, however it starts them.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import IO, NamedTuple, TypeVar
from zipfile import BadZipFile

import fsspec
import numpy as np
import pooch
import torch
from filelock import FileLock
from fsspec.core import url_to_fs
from numpy.typing import NDArray
from open_clip import SimpleTokenizer
from torch import Tensor

from lt_course.errors import CourseError
from lt_course.training.progress import progress

FORMAT = 1
"""Of the files in the cache; another number makes them anew."""

CONTEXT = 77
"""Most tokens kept of a caption, start and end included, as CLIP does."""

REASONS = {
    "no picture": "no member with a field of pictures",
    "not a picture": "its first bytes are those of no picture format",
    "no caption": "no member, or no key of the JSON, with the caption",
    "empty caption": "a caption without a word",
    "damaged text": "text that is not UTF-8, or not JSON",
    "no label": "a label was asked for and is not a whole number",
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

_MAGIC = re.compile(rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF....WEBP", re.DOTALL)


# Paths


def expand(patterns: str | Path | Iterable[str | Path]) -> list[str]:
    """The shards that patterns mean, in the order given.

    Args:
        patterns: files or URLs of any file system that fsspec knows; ``{00000..00099}`` and
            ``{a,b}`` as in bash, then ``*``, ``?`` and ``[…]``; a folder means its tars; several
            patterns in one text are joined by ``::``, as open_clip does.

    Returns:
        Paths or URLs, each once.

    Raises:
        CourseError: if there is no such file, or the pattern is a command (``pipe:``).
    """
    if isinstance(patterns, str | Path):
        patterns = [patterns]
    found: dict[str, None] = {}
    for pattern in patterns:
        for part in re.split(r"(?<=\.tar)::", str(pattern)):
            if part.startswith("pipe:"):
                raise CourseError(
                    f"The shards {part!r} come out of a command and cannot be read at random; give "
                    "their address (s3://…, gs://…, https://…) instead."
                )
            found |= dict.fromkeys(_existing(part))
    return list(found)


def _existing(pattern: str) -> list[str]:
    found, missing = [], []
    for path in _braces(pattern):
        remote = "://" in path
        system, place = url_to_fs(path)
        if re.search(r"[*?\[]", place) or system.isdir(place):
            folder = "" if re.search(r"[*?\[]", place) else "/*.tar"
            matches = sorted(system.glob(place.rstrip("/") + folder))
            if remote:
                matches = [system.unstrip_protocol(match) for match in matches]
        else:
            matches = [path if remote else place] if system.exists(place) else []
        found += matches
        missing += [] if matches else [path]
    if missing:
        raise CourseError(
            f"{len(missing)} of the shards {pattern!r} do not exist, the first is {missing[0]}; "
            "correct the pattern."
        )
    return found


def _braces(pattern: str) -> list[str]:
    """``a{0..2}b{x,y}`` to its six texts, in bash's order."""
    if not (brace := re.search(r"\{([^{}]*)\}", pattern)):
        return [pattern]
    if bounds := re.fullmatch(r"(\d+)\.\.(\d+)(?:\.\.(\d+))?", brace[1]):
        first, last, step = (int(number or 1) for number in bounds.groups())
        width = max(map(len, bounds.groups()[:2])) if re.search(r"(^|\.)0\d", brace[1]) else 0
        if last < first or not step:
            raise CourseError(
                f"The range {brace[0]} in {pattern!r} is empty; the smaller number comes first."
            )
        choices = [f"{number:0{width}d}" for number in range(first, last + 1, step)]
    elif "," in brace[1]:
        choices = brace[1].split(",")
    else:
        raise CourseError(
            f"{brace[0]} in {pattern!r} is neither a range such as {{000..099}} nor a list such as "
            "{a,b}; correct the pattern."
        )
    return [
        text
        for choice in choices
        for text in _braces(pattern[: brace.start()] + choice + pattern[brace.end() :])
    ]


# Fields


@dataclass(frozen=True)
class Fields:
    """Which members of a sample are read.

    Each is a list of alternatives joined by ``;``, of which the first present one counts.

    Attributes:
        picture: fields of pictures.
        caption: fields of texts; ``json:caption`` is a key of the JSON member, and
            ``json:title+tags`` several of them, joined by a space (lists too). So a variant of
            the captions is a choice at load time, not a copy.
        label: the class, a whole number, in a text or JSON member; None: there is none.
    """

    picture: str = "jpg;jpeg;png;webp"
    caption: str = "txt;json:caption"
    label: str | None = None

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
        field, _, keys = alternative.partition(":")
        if (content := texts.get(field.lower())) is None:
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
    try:
        return int(str(_said(choice, texts)))
    except ValueError as error:
        raise _Unusable("no label") from error


# One tar


class Fault(NamedTuple):
    """A sample, or with an empty key a tar, that cannot be used."""

    shard: str
    key: str
    reason: str


@dataclass(frozen=True)
class Shard:
    """What is known of one tar with n usable samples.

    Attributes:
        keys: of the samples, in the tar's order.
        offset: int64 [n], where each picture starts.
        size: int32 [n], its bytes.
        start: int64 [n + 1], where each caption starts in `ids`.
        ids: uint16 [T], tokens of all captions without start and end.
        label: int32 [n], -1 where none was asked for.
        faults: what cannot be used.
    """

    keys: Sequence[str]
    offset: NDArray[np.int64]
    size: NDArray[np.int32]
    start: NDArray[np.int64]
    ids: NDArray[np.uint16]
    label: NDArray[np.int32]
    faults: tuple[Fault, ...]


@dataclass
class _Sample:
    picture: tuple[int, int] | None
    texts: dict[str, bytes]
    fields: set[str]
    reason: str | None = None


def scan(url: str, fields: Fields) -> Shard:
    """Read a tar through once. Pictures are passed over, all but their first bytes."""
    samples: dict[str, _Sample] = {}
    faults: list[Fault] = []
    with fsspec.open(url, "rb") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(0)
        last, whole = "", False
        try:
            with tarfile.open(fileobj=file, mode="r:") as tar:
                after = 0
                for member in tar:
                    after = member.offset_data + -(-member.size // 512) * 512
                    if member.isfile() and (named := _key_and_field(member.name)):
                        # Noted before the member is read, where a cut tar raises.
                        before, last = last, named[0]
                        _add(samples, *named, before, member, tar, fields, faults, url)
                whole = _ends_properly(file, after)
        except tarfile.ReadError:
            if not samples:
                return _shard([], [*faults, Fault(url, "", "no tar")])
        if not whole:
            faults.append(Fault(url, "", "cut shard"))
    rows = []
    for key, sample in samples.items():
        try:
            rows.append((key, *_usable(sample, fields, cut=key == last and not whole, end=end)))
        except _Unusable as reason:
            faults.append(Fault(url, key, str(reason)))
    return _shard(rows, faults)


def _key_and_field(name: str) -> tuple[str, str] | None:
    """Folder and name up to the first dot; the rest in lower case. None: not a sample's."""
    named = re.fullmatch(r"((?:.*/)?[^/.]+)\.([^/]+)", name)
    if named is None or named[1].rpartition("/")[2].startswith("__"):
        return None
    return named[1], named[2].lower()


def _add(
    samples: dict[str, _Sample],
    key: str,
    field: str,
    before: str,
    member: tarfile.TarInfo,
    tar: tarfile.TarFile,
    fields: Fields,
    faults: list[Fault],
    url: str,
) -> None:
    """Note one member of a sample; `before` is the key of the member before it."""
    sample = samples.setdefault(key, _Sample(None, {}, set()))
    if field in sample.fields:
        fault = Fault(url, key, "duplicate key")
        if not (faults and faults[-1] == fault):
            faults.append(fault)
        return
    if key != before and sample.fields:
        sample.reason = "unsorted"
    sample.fields.add(field)
    if field in fields.pictures or field in fields.texts:
        content = tar.extractfile(member)
        assert content is not None
        if field in fields.texts:
            sample.texts[field] = content.read()
        elif sample.picture is None:
            sample.picture = member.offset_data, member.size
            if not _MAGIC.match(content.read(16)):
                sample.reason = sample.reason or "not a picture"


def _ends_properly(file: IO[bytes], after: int) -> bool:
    """Whether the last member is followed by an empty block, which ends a tar."""
    file.seek(after)
    block = file.read(512)
    return len(block) == 512 and not any(block)


def _usable(
    sample: _Sample, fields: Fields, cut: bool, end: int
) -> tuple[int, int, NDArray[np.uint16], int]:
    """Offset and size of the picture, tokens, label."""
    if sample.reason == "unsorted":
        raise _Unusable(sample.reason)
    if cut and (sample.picture is None or sum(sample.picture) > end):
        raise _Unusable("cut")
    if sample.picture is None:
        raise _Unusable("no picture")
    if sample.reason:
        raise _Unusable(sample.reason)
    try:
        ids = np.array(_encode(_caption(fields.caption, sample.texts)), dtype=np.uint16)
        return *sample.picture, ids, _label(fields.label, sample.texts)
    except _Unusable as reason:
        if cut and str(reason) in ("no caption", "no label"):
            raise _Unusable("cut") from reason
        raise


@cache
def _tokenizer() -> SimpleTokenizer:
    return SimpleTokenizer()


def _encode(caption: str) -> list[int]:
    tokenizer = _tokenizer()
    # It remembers every word it ever saw; the web has too many.
    if len(tokenizer.cache) > 500_000:
        _tokenizer.cache_clear()
        tokenizer = _tokenizer()
    return tokenizer.encode(caption)[: CONTEXT - 2]


def _shard(
    rows: Sequence[tuple[str, int, int, NDArray[np.uint16], int]], faults: Iterable[Fault]
) -> Shard:
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


# The cache


def cache_folder() -> Path:
    """Where indices are kept: ``LT_COURSE_SHARDS``, else the user's cache."""
    chosen = os.environ.get("LT_COURSE_SHARDS")
    return Path(chosen) if chosen else Path(pooch.os_cache("lt-course")) / "shards"


def _identity(url: str) -> str:
    """What changes with a tar: size and time of a file, what the file system tells of a URL."""
    system, path = url_to_fs(url)
    if "file" in system.protocol:
        stat = Path(path).stat()
        return f"{stat.st_size} {stat.st_mtime_ns}"
    return str(system.ukey(path))


def _cached(url: str, fields: Fields, folder: Path) -> Path:
    local = url if "://" in url else str(Path(url).resolve())
    digest = hashlib.sha256(repr((FORMAT, local, fields)).encode()).hexdigest()
    return folder / f"{Path(url).stem}-{digest[:16]}.npz"


def indexed(url: str, fields: Fields, folder: Path) -> Shard:
    """The index of one tar: from the cache, or made now if the tar changed or was never read.

    Of several processes that ask, one reads the tar and the others wait.
    """
    path, identity = _cached(url, fields, folder), _identity(url)
    if (kept := _load(path, url, identity)) is not None:
        return kept
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if (kept := _load(path, url, identity)) is not None:
            return kept
        shard = scan(url, fields)
        temporary = path.with_suffix(".tmp")
        with temporary.open("wb") as file:
            np.savez(
                file,
                identity=identity,
                keys=np.array(shard.keys, dtype=str),
                offset=shard.offset,
                size=shard.size,
                start=shard.start,
                ids=shard.ids,
                label=shard.label,
                bad_keys=np.array([fault.key for fault in shard.faults], dtype=str),
                bad_reasons=np.array([fault.reason for fault in shard.faults], dtype=str),
            )
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        return shard


def _load(path: Path, url: str, identity: str) -> Shard | None:
    """The kept index, or None if there is none, it is damaged, or its tar is another by now."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            if str(kept["identity"]) != identity:
                return None
            bad = zip(kept["bad_keys"].tolist(), kept["bad_reasons"].tolist(), strict=True)
            arrays = {name: kept[name] for name in ("offset", "size", "start", "ids", "label")}
            keys = kept["keys"].tolist()
            return Shard(keys, **arrays, faults=tuple(Fault(url, *pair) for pair in bad))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None


# All tars


@dataclass(frozen=True)
class Index:
    """N samples of S tars.

    Attributes:
        shards: paths or URLs.
        fields: what was read of each sample.
        folder: the cache; keys and faults stay there.
        first: int64 [S + 1], the first row of each tar.
        offset: int64 [N], where each picture starts in its tar.
        size: int32 [N], its bytes.
        start: int64 [N + 1], where each caption starts in `ids`.
        ids: int16 [T], tokens of all captions, without start and end: the 16 bits of each, as
            tensors of uint16 cannot be pickled.
        label: int32 [N], the class of each sample, or -1.
        bad: samples that cannot be used, by reason.
        damaged: tars that are damaged, by reason.
    """

    shards: tuple[str, ...]
    fields: Fields
    folder: Path
    first: Tensor
    offset: Tensor
    size: Tensor
    start: Tensor
    ids: Tensor
    label: Tensor
    bad: Mapping[str, int]
    damaged: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.offset)

    @property
    def samples(self) -> int:
        """Usable samples and others."""
        return len(self) + sum(self.bad.values())

    @property
    def bytes_per_row(self) -> float:
        """Of memory."""
        arrays = (self.first, self.offset, self.size, self.start, self.ids, self.label)
        return sum(array.nbytes for array in arrays) / max(1, len(self))

    def place(self, row: int) -> tuple[str, int, int]:
        """Tar, offset and size of a row's picture."""
        return self.shards[self._shard(row)], int(self.offset[row]), int(self.size[row])

    def name(self, row: int) -> tuple[str, str]:
        """Tar and key of a row (read from the cache)."""
        shard = self._shard(row)
        return self.shards[shard], self.keys(shard)[row - int(self.first[shard])]

    def faults(self) -> Iterator[Fault]:
        """Everything that cannot be used, by name (read from the cache)."""
        for shard in range(len(self.shards)):
            yield from self._of(shard).faults

    def keys(self, shard: int) -> Sequence[str]:
        """The keys of one tar's usable samples (read from the cache)."""
        return self._of(shard).keys

    def tokens(self, rows: Iterable[int], context: int = CONTEXT) -> Tensor:
        """Captions as int64 [B, context], padded with 0: as `lt_course.data.tokens.tokens`."""
        start, end = _tokenizer().sot_token_id, _tokenizer().eot_token_id
        rows = list(rows)
        padded = torch.zeros(len(rows), context, dtype=torch.long)
        for line, row in zip(padded, rows, strict=True):
            first, last = int(self.start[row]), int(self.start[row + 1])
            ids = self.ids[first : min(last, first + context - 2)]
            line[0], line[len(ids) + 1] = start, end
            line[1 : len(ids) + 1] = ids.long() & 0xFFFF
        return padded

    def _shard(self, row: int) -> int:
        return int(torch.searchsorted(self.first, row, right=True)) - 1

    def _of(self, shard: int) -> Shard:
        return indexed(self.shards[shard], self.fields, self.folder)


def load(
    patterns: str | Path | Iterable[str | Path],
    fields: Fields | None = None,
    *,
    folder: Path | None = None,
    max_bad_fraction: float = 0.01,
    workers: int = 1,
) -> Index:
    """The index of shards; tars that are new or changed are read first.

    Args:
        patterns: as `expand`.
        fields: which members of a sample are read.
        folder: the cache (default: `cache_folder`).
        max_bad_fraction: greatest share of unusable samples, and of damaged tars, in [0, 1].
        workers: processes that read tars.

    Raises:
        CourseError: if there is no shard or no usable sample, or if there are too many others.
    """
    fields, folder = fields or Fields(), folder or cache_folder()
    shards = expand(patterns)
    if not shards:
        raise CourseError(f"{patterns} means no shard; give tar files, or a folder of them.")
    first, bad, damaged = [0], Counter[str](), Counter[str]()
    parts: list[Shard] = []
    with progress("indexing shards", len(shards)) as line:
        line.unit = " shards"
        for shard in _map(partial(indexed, fields=fields, folder=folder), shards, workers):
            first.append(first[-1] + len(shard.keys))
            bad.update(fault.reason for fault in shard.faults if fault.key)
            damaged.update(fault.reason for fault in shard.faults if not fault.key)
            parts.append(Shard((), *_arrays(shard), faults=()))
            line.update()
    starts = itertools.accumulate((len(part.ids) for part in parts[:-1]), initial=0)
    index = Index(
        tuple(shards),
        fields,
        folder,
        torch.tensor(first),
        *(
            torch.from_numpy(np.concatenate(arrays))
            for arrays in (
                [part.offset for part in parts],
                [part.size for part in parts],
                [part.start[:-1] + at for part, at in zip(parts, starts, strict=True)]
                + [np.array([sum(len(part.ids) for part in parts)])],
                [part.ids.view(np.int16) for part in parts],
                [part.label for part in parts],
            )
        ),
        bad,
        damaged,
    )
    require_few(index, max_bad_fraction)
    return index


T = TypeVar("T")


def _map(function: partial[T], items: Sequence[str], workers: int) -> Iterator[T]:
    if workers <= 1:
        yield from map(function, items)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(function, items)


def _arrays(shard: Shard) -> tuple[NDArray, ...]:
    return shard.offset, shard.size, shard.start, shard.ids, shard.label


def require_few(index: Index, max_bad_fraction: float, undecodable: int = 0) -> None:
    """Raise a CourseError if too much of the data cannot be used, and name the first of it.

    Args:
        index: of the shards.
        max_bad_fraction: greatest share of unusable samples, and of damaged tars, in [0, 1].
        undecodable: samples of the index that were found unusable later.
    """
    if not 0 <= max_bad_fraction <= 1:
        raise CourseError(f"Field 'max_bad_fraction' is {max_bad_fraction}; it must lie in [0, 1].")
    bad = dict(index.bad) | ({"undecodable": undecodable} if undecodable else {})
    samples, tars = sum(bad.values()), sum(index.damaged.values())
    few = samples <= max_bad_fraction * index.samples
    if few and tars <= max_bad_fraction * len(index.shards) and len(index):
        return
    counted = ", ".join(f"{count} {reason}" for reason, count in {**index.damaged, **bad}.items())
    named = "; ".join(
        f"{Path(fault.shard).name} {fault.key}".strip() + f" ({fault.reason})"
        for fault in itertools.islice(index.faults(), 5)
    )
    raise CourseError(
        f"{samples} of {index.samples} samples and {tars} of {len(index.shards)} shards cannot be "
        f"used ({counted}), more than max_bad_fraction = {max_bad_fraction:g} allows"
        + (f"; the first: {named}" if named else "")
        + ". Make the shards again (an unsorted one: unpack it, then tar --sort=name), or raise "
        "'max_bad_fraction'; lt-course data check names them all."
    )


# Reading


def read(places: Sequence[tuple[str, int, int]]) -> list[bytes]:
    """The bytes at (tar, offset, size), of files and of any file system that fsspec knows.

    No file stays open, so this may be called after a fork. Remote places are asked for together.

    Raises:
        CourseError: if a tar is shorter than its index says.
    """
    found: dict[int, bytes] = {}
    remote: dict[str, list[int]] = {}
    for number, (shard, offset, size) in enumerate(places):
        if "://" in shard:
            remote.setdefault(shard.partition("://")[0], []).append(number)
            continue
        with Path(shard).open("rb", buffering=0) as file:
            file.seek(offset)
            found[number] = file.read(size)
    for numbers in remote.values():
        chosen = [places[number] for number in numbers]
        system, _ = url_to_fs(chosen[0][0])
        paths = [url_to_fs(shard)[1] for shard, _, _ in chosen]
        starts = [offset for _, offset, _ in chosen]
        ends = [offset + size for _, offset, size in chosen]
        answers = system.cat_ranges(paths, starts, ends, on_error="raise")
        found |= dict(zip(numbers, answers, strict=True))
    for number, (shard, _, size) in enumerate(places):
        if len(found[number]) != size:
            raise CourseError(
                f"The shard {shard} is shorter than its index says; start again, which indexes "
                "it anew."
            )
    return [found[number] for number in range(len(places))]
