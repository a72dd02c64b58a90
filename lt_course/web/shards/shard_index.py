"""Shards in the webdataset format, indexed once and read at random.

Each tar is read through once (`lt_course.web.shards.shard_scan`), which leaves a small file in the
cache. From then on a sample is one read at a known place, in any order. The rows of an index are a
function of the tars and the fields alone.

Memory: 16 bytes a row (offset 8, size 4, label 4), 8 more for where its caption starts, and 2 a
token: 0.9 GB for 15 million pairs. Arrays are tensors, which `torch.utils.data.DataLoader` gives to
its workers as shared memory, however it starts them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pooch
import torch
from filelock import FileLock
from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs
from torch import Tensor

from lt_course.data.tokenizer import tokenizer
from lt_course.errors import CourseError
from lt_course.files import DamagedError, named_folder, read_sealed, write_sealed, writing
from lt_course.progress import progress
from lt_course.web.read_ahead import processes
from lt_course.web.shards.addresses import expand, identity, reaching
from lt_course.web.shards.shard_scan import CONTEXT, Fault, Fields, Shard, scan

FORMAT = 4
"""Of the files in the cache; another number makes them anew."""

ARRAYS = ("offset", "size", "start", "ids", "label")
"""Of a tar's index."""

UNSEEN = {"no picture", "no caption", "no label"}
"""Reasons that may mean that another field should be read."""

REMEDY = "make room, or let LT_COURSE_SHARDS name another folder"
"""Where an index cannot be written."""


def cache_folder() -> Path:
    """Where indices are kept: ``LT_COURSE_SHARDS``, else the user's cache."""
    return named_folder("LT_COURSE_SHARDS") or Path(pooch.os_cache("lt-course")) / "shards"


def indexed(url: str, fields: Fields, folder: Path) -> Shard:
    """The index of one tar: from the cache, or made now; then other processes that ask wait."""
    local, now = url if "://" in url else str(Path(url).resolve()), identity(url)
    digest = hashlib.sha256(repr((FORMAT, local, fields)).encode()).hexdigest()
    path = folder / f"{Path(url).stem}-{digest[:16]}.npz"
    if (kept := _load(path, url, now)) is not None:
        return kept
    lock = FileLock(path.with_suffix(".lock"))
    with writing(path, REMEDY):
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        if (kept := _load(path, url, now)) is not None:
            return kept
        shard = scan(url, fields)
        with writing(path, REMEDY):
            _save(path, now, shard)
        return shard
    finally:
        lock.release()


def _save(path: Path, now: str, shard: Shard) -> None:
    content = io.BytesIO()
    keys, reasons = ([fault[at] for fault in shard.faults] for at in (1, 2))
    np.savez(
        content,
        identity=now,
        keys=np.array(shard.keys, dtype=str),
        seen=np.array(shard.seen, dtype=str),
        bad_keys=np.array(keys, dtype=str),
        bad_reasons=np.array(reasons, dtype=str),
        **{name: getattr(shard, name) for name in ARRAYS},
    )
    write_sealed(path, content.getvalue())


def _load(path: Path, url: str, now: str) -> Shard | None:
    """The kept index, or None: there is none that can be read, or its tar is another by now."""
    try:
        with np.load(io.BytesIO(read_sealed(path)), allow_pickle=False) as kept:
            if str(kept["identity"]) != now:
                return None
            bad = zip(kept["bad_keys"].tolist(), kept["bad_reasons"].tolist(), strict=True)
            return Shard(
                kept["keys"].tolist(),
                **{name: kept[name] for name in ARRAYS},
                seen=kept["seen"].tolist(),
                faults=tuple(Fault(url, *pair) for pair in bad),
            )
    except (OSError, DamagedError):
        return None


@dataclass(frozen=True)
class Index:
    """N samples of S tars. Keys and faults stay in the cache, a folder, and are read from there.

    Attributes:
        shards: paths or URLs.
        first: int64 [S + 1], the first row of each tar.
        offset: int64 [N], where each picture starts in its tar.
        size: int32 [N], its bytes.
        start: int64 [N + 1], where each caption starts in `ids`.
        ids: int16 [T], the 16 bits of each token of all captions, without start and end (tensors
            of uint16 cannot be pickled).
        label: int32 [N], the class of each sample, or -1.
        bad: samples that cannot be used, by reason.
        damaged: tars that are damaged, by reason.
        seen: the fields of the tars' members.
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
    seen: Sequence[str] = ()

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
        """Tar and key of a row."""
        shard = self._shard(row)
        return self.shards[shard], self.keys(shard)[row - int(self.first[shard])]

    def faults(self) -> Iterator[Fault]:
        """Everything that cannot be used, by name."""
        for shard in self.shards:
            yield from indexed(shard, self.fields, self.folder).faults

    def keys(self, shard: int) -> Sequence[str]:
        """The keys of one tar's usable samples."""
        return indexed(self.shards[shard], self.fields, self.folder).keys

    def tokens(self, rows: Iterable[int], context: int = CONTEXT) -> Tensor:
        """Captions as int64 [B, context]: as `lt_course.data.tokenizer.tokens`."""
        chosen, rows = tokenizer(self.fields.tokenizer), list(rows)
        padded = torch.empty(len(rows), context, dtype=torch.long)
        for line, row in zip(padded, rows, strict=True):
            ids = self.ids[int(self.start[row]) : int(self.start[row + 1])]
            line[:] = chosen.row(ids.long() & 0xFFFF, context)
        return padded

    def tokens_of(self, rows: Tensor) -> Tensor:
        """How long the captions of some rows are, and then all their tokens: int16 [B + T]."""
        start, end = self.start[rows], self.start[rows + 1]
        length = end - start
        before = length.cumsum(0) - length
        places = torch.arange(int(length.sum())) + (start - before).repeat_interleave(length)
        return torch.cat([length.to(torch.int16), self.ids[places]])

    def _shard(self, row: int) -> int:
        return int(torch.searchsorted(self.first, row, right=True)) - 1


def load(
    patterns: str | Path | Iterable[str | Path],
    fields: Fields | None = None,
    *,
    folder: Path | None = None,
    max_bad_fraction: float | None = 0.01,
    workers: int = 1,
) -> Index:
    """The index of shards; tars that are new or changed are read first, by `workers` processes.

    `max_bad_fraction` is the greatest share of unusable samples, and of damaged tars, in [0, 1];
    None: any is right, none usable included.

    Raises:
        CourseError: if there is no shard or no usable sample, or if there are too many others.
    """
    fields, folder = fields or Fields(), folder or cache_folder()
    shards = expand(patterns)
    if not shards:
        raise CourseError(f"{patterns} means no shard; give tar files, or a folder of them.")
    bad, damaged, seen = Counter[str](), Counter[str](), Counter[str]()
    parts: list[Shard] = []
    pool = processes(workers) if workers > 1 else nullcontext()
    with progress("indexing shards", len(shards)) as line, pool as executor:
        line.unit = " shards"
        each: Callable[..., Iterator[Shard]] = executor.map if executor else map
        for shard in each(partial(indexed, fields=fields, folder=folder), shards):
            for fault in shard.faults:
                (bad if fault.key else damaged)[fault.reason] += 1
            seen.update(shard.seen)
            # The names stay in the cache.
            parts.append(dataclasses.replace(shard, keys=(), faults=()))
            line.update()
    rows = [len(part.offset) for part in parts]
    lengths = [np.diff(part.start) for part in parts]
    joined = {
        "first": np.cumsum([0, *rows]),
        "start": np.cumsum(np.concatenate([[0], *lengths])),
        "ids": np.concatenate([part.ids for part in parts]).view(np.int16),
    } | {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("offset", "size", "label")
    }
    index = Index(
        shards=tuple(shards),
        fields=fields,
        folder=folder,
        bad=dict(bad),
        damaged=dict(damaged),
        seen=[field for field, _ in seen.most_common()],
        **{name: torch.from_numpy(array) for name, array in joined.items()},
    )
    if max_bad_fraction is not None:
        require_few(index, max_bad_fraction)
    return index


def require_few(index: Index, max_bad_fraction: float, undecodable: int = 0) -> None:
    """Raise a CourseError if too much of the data cannot be used, and name the first of it.

    `undecodable` counts samples of the index that were found unusable later.
    """
    if not 0 <= max_bad_fraction <= 1:
        raise CourseError(f"Field 'max_bad_fraction' is {max_bad_fraction}; it must lie in [0, 1].")
    bad = dict(index.bad) | ({"undecodable": undecodable} if undecodable else {})
    samples, tars = sum(bad.values()), sum(index.damaged.values())
    few = samples <= max_bad_fraction * index.samples
    if few and tars <= max_bad_fraction * len(index.shards) and len(index):
        return
    counted = ", ".join(f"{count} {reason}" for reason, count in {**index.damaged, **bad}.items())
    allowed = f"more than max_bad_fraction = {max_bad_fraction:g} allows"
    named = "; ".join(
        f"{Path(fault.shard).name} {fault.key}".strip() + f" ({fault.reason})"
        for fault in itertools.islice(index.faults(), 5)
    )
    raise CourseError(
        f"{samples} of {index.samples} samples and {tars} of {len(index.shards)} shards cannot be "
        f"used ({counted}), {allowed if len(index) else 'none can'}"
        + (f"; the first: {named}" if named else "")
        + ". Make the shards again (an unsorted one: unpack it, then tar --sort=name), or raise "
        "'max_bad_fraction'; lt-course data check names them all."
        + (sought(index) if not len(index) or bad.keys() & UNSEEN else "")
    )


def sought(index: Index) -> str:
    """Which fields the members have, and which are read: what to see where none are usable."""
    found, fields = ", ".join(index.seen[:8]), index.fields
    told = f"The members' fields are {found}" if found else "No member is named as KEY.jpg is"
    labels = f", labels in {fields.label!r}" if fields.label else ""
    return (
        f" {told}; pictures are read in {fields.picture!r}, captions in "
        f"{fields.caption!r}{labels}: lt-course data check takes others (--picture, --caption, "
        "--label)."
    )


def read(places: Sequence[tuple[str, int, int]]) -> list[bytes]:
    """The bytes at (tar, offset, size); remote places are asked for together.

    No file stays open, so this may be called after a fork.

    Raises:
        CourseError: if a tar is shorter than its index says.
    """
    by_system = defaultdict[AbstractFileSystem, list[tuple[int, str, int, int]]](list)
    for number, (shard, offset, size) in enumerate(places):
        system, path = url_to_fs(shard)
        by_system[system].append((number, path, offset, offset + size))
    contents: dict[int, bytes] = {}
    for system, wanted in by_system.items():
        numbers, paths, starts, ends = map(list, zip(*wanted, strict=True))
        with reaching(places[numbers[0]][0]):
            answers = system.cat_ranges(paths, starts, ends, on_error="raise")
        contents |= zip(numbers, answers, strict=True)
    for number, (shard, _, size) in enumerate(places):
        if len(contents[number]) != size:
            raise CourseError(
                f"The shard {shard} is shorter than its index says; start again, which indexes "
                "it anew."
            )
    return [contents[number] for number in range(len(places))]
