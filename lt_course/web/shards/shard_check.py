"""What is wrong with shards: everything, counted and by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lt_course.files import sha256
from lt_course.progress import progress
from lt_course.web.shards import photographs
from lt_course.web.shards.shard_index import Index, read
from lt_course.web.shards.shard_scan import Fault
from lt_course.web.shards.shard_writer import entries

READ_AHEAD = 64
"""Pictures that are read at a time; remote ones come together."""


@dataclass(frozen=True)
class Report:
    """What a check found.

    Attributes:
        usable: rows of the index; if pictures were decoded, those that can be.
        tokens: mean length of a caption, start and end included.
        bytes_per_row: of the index, in memory.
        bad: samples that cannot be used, by reason, and `damaged` tars.
        repeated: keys that stand in more than one tar: no fault, but maybe a shard added twice.
        changed: tars that are not as the manifest beside them says.
        faults: all of `bad` and `damaged`, by name.
    """

    shards: int
    samples: int
    usable: int
    tokens: float
    bytes_per_row: float
    bad: dict[str, int]
    damaged: dict[str, int]
    repeated: int
    changed: tuple[str, ...]
    faults: tuple[Fault, ...]

    def too_bad(self, max_bad_fraction: float) -> bool:
        """Whether more samples, or more tars, than that share cannot be used."""
        return (
            sum(self.bad.values()) > max_bad_fraction * self.samples
            or sum(self.damaged.values()) > max_bad_fraction * self.shards
            or bool(self.changed)
        )


def check(index: Index, decode: bool = False) -> Report:
    """Report on shards that were indexed with ``max_bad_fraction=None``.

    `decode` reads and decodes every picture, and compares the tars' SHA-256 with their manifest;
    else it is only what the index knows, and the tars' sizes.
    """
    faults = tuple(index.faults()) + (tuple(_undecodable(index)) if decode else ())
    bad = Counter(fault.reason for fault in faults if fault.key)
    keys = Counter(key for shard in range(len(index.shards)) for key in set(index.keys(shard)))
    return Report(
        shards=len(index.shards),
        samples=index.samples,
        usable=len(index) - bad["undecodable"],
        tokens=len(index.ids) / max(1, len(index)) + 2,
        bytes_per_row=index.bytes_per_row,
        bad=dict(bad),
        damaged=dict(index.damaged),
        repeated=sum(count > 1 for count in keys.values()),
        changed=tuple(_changed(index.shards, decode)),
        faults=faults,
    )


def _undecodable(index: Index) -> Iterator[Fault]:
    with progress("decoding pictures", len(index)) as line:
        line.unit = " pictures"
        for start in range(0, len(index), READ_AHEAD):
            rows = range(start, min(start + READ_AHEAD, len(index)))
            for row, content in zip(rows, read([index.place(row) for row in rows]), strict=True):
                try:
                    photographs.decode(content)
                except ValueError:
                    yield Fault(*index.name(row), "undecodable")
            line.update(len(rows))


def _changed(shards: tuple[str, ...], hashes: bool) -> Iterator[str]:
    local = [Path(shard) for shard in shards if "://" not in shard]
    listed = {folder: entries(folder) for folder in {path.parent for path in local}}
    for path in local:
        if (entry := listed[path.parent].get(path.name)) and (
            entry["bytes"] != path.stat().st_size or (hashes and entry["sha256"] != sha256(path))
        ):
            yield str(path)
