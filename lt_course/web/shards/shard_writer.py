"""Folders of files that are made one after the other, each once: shards, or tables beside them.

A file is written whole or not at all, then entered in ``manifest.json`` with its counts, bytes and
SHA-256. A stopped command goes on behind the last entered file; one that was finished makes
nothing. A file that is gone, or whose source changed, is made again.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from lt_course.errors import CourseError
from lt_course.files import atomic_write, free_mib, replacing, sha256
from lt_course.progress import progress

MANIFEST = "manifest.json"
Manifest = dict[str, Any]

Read = Callable[[str], Mapping[str, bytes]]
"""key -> its members, by field (such as ``jpg`` and ``json``)."""

Make = Callable[[BinaryIO, Callable[[int], object]], Mapping[str, int]]
"""(file, done) -> counts; writes a file, and tells `done` how far it is."""


@dataclass(frozen=True)
class Part:
    """One file to be made.

    Attributes:
        name: of the file, with its ending.
        make: writes it.
        identity: what changes with its source.
        size: of the source, in the unit that `make` tells `done`.
    """

    name: str
    make: Make
    identity: str = ""
    size: int = 1


def make_parts(
    out: Path,
    parts: Sequence[Part],
    *,
    about: Mapping[str, Any],
    unit: str = " parts",
    **header: Any,
) -> Manifest:
    """Make files of one kind, or go on making them.

    `about` says what they are, in plain JSON values, and so do more fields of the `header`; a
    folder that holds something else is refused. `unit` is that of the progress line.

    Returns:
        The manifest: ``about``, ``counts`` (over all parts) and ``parts`` with ``name``,
        ``identity``, ``counts``, ``bytes`` and ``sha256`` each.

    Raises:
        CourseError: if the folder holds other such files, two parts have one name, or one cannot
            be made; what was finished stays.
    """
    names = Counter(part.name for part in parts)
    if twice := [name for name, count in names.items() if count > 1]:
        raise CourseError(f"Two sources are called {Path(twice[0]).stem}; give each its own name.")
    manifest = _begun(out, {"about": dict(about), **header}, {Path(name).suffix for name in names})
    entered = {entry["name"]: entry for entry in manifest.get("parts", ())}
    done: dict[str, Any] = {
        part.name: entry
        for part in parts
        if (entry := entered.get(part.name))
        and entry["identity"] == part.identity
        and (file := out / part.name).exists()
        and file.stat().st_size == entry["bytes"]
    }
    with progress(f"making {out.name}", sum(part.size for part in parts)) as line:
        line.unit, before = unit, 0
        for part in parts:
            if part.name not in done:
                done[part.name] = _entry(out, part, line.update)
                _save(out, manifest, [done[name] for name in names if name in done])
            before += part.size
            line.update(before - line.n)
    return _save(out, manifest, [done[name] for name in names])


def _begun(out: Path, header: Manifest, suffixes: set[str]) -> Manifest:
    """The manifest so far; a new one is written at once, so that the folder is known again."""
    path = out / MANIFEST
    if path.exists():
        try:
            manifest: Manifest = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise CourseError(f"{path} is not JSON ({error}); choose an empty folder.") from error
        for field, value in json.loads(json.dumps(header)).items():
            if manifest.get(field) != value:
                raise CourseError(
                    f"The folder {out} holds something else: {field!r} is {manifest.get(field)!r} "
                    f"in its {MANIFEST}, not {value!r}; choose another folder."
                )
        return manifest
    for suffix in suffixes:
        # img2dataset's tables, say, which have the same names as the tars beside them.
        if any(out.glob(f"*{suffix}")):
            raise CourseError(
                f"The folder {out} holds {suffix[1:]} files without a {MANIFEST}; choose an empty "
                "folder."
            )
    out.mkdir(parents=True, exist_ok=True)
    return _save(out, header, [])


def _entry(out: Path, part: Part, done: Callable[[int], object]) -> Manifest:
    path = out / part.name
    try:
        with replacing(path) as file:
            counts = part.make(file, done)
    except OSError as error:
        raise CourseError(
            f"{path} could not be made ({error}; {free_mib(out)} MiB are free); see to that and "
            "give the same command again: it goes on from there."
        ) from error
    return {
        "name": part.name,
        "identity": part.identity,
        "counts": dict(counts),
        "bytes": path.stat().st_size,
        "sha256": sha256(path),
    }


def _save(out: Path, header: Manifest, entries: Sequence[Manifest]) -> Manifest:
    total = Counter[str]()
    for entry in entries:
        total.update(entry["counts"])
    manifest = header | {"counts": dict(total), "parts": list(entries)}
    atomic_write(out / MANIFEST, json.dumps(manifest, indent=1).encode())
    return manifest


def entries(folder: Path) -> dict[str, Manifest]:
    """What a folder's manifest says of its files, by name; empty if it has none."""
    path = folder / MANIFEST
    if not path.is_file():
        return {}
    return {entry["name"]: entry for entry in json.loads(path.read_text("utf-8")).get("parts", ())}


def write(
    out: Path,
    keys: Sequence[str],
    read: Read,
    *,
    about: Mapping[str, object],
    per_shard: int = 10_000,
) -> Manifest:
    """Write samples as ``00000.tar``, ``00001.tar``, … into a folder, or go on writing them.

    The same samples give the same bytes: they are sorted by key and cut into tars of equal number,
    and owner, time and mode of all members are fixed.

    `keys` have neither dots nor slashes; `read` is only called for samples of shards that are not
    there yet; `about` says what the samples are (name, versions, seeds, …) in plain JSON values.

    Raises:
        CourseError: if a key is twice there or not fit for a shard, or as `make_parts`.
    """
    if per_shard < 1:
        raise CourseError(f"Field 'per_shard' is {per_shard}; use 1 or more.")
    keys = sorted(keys)
    for key, times in Counter(keys).items():
        if times > 1 or not re.fullmatch(r"(?!__)[^./]+", key):
            raise CourseError(
                f"The key {key!r} does not fit a shard: it names one sample, holds no dot and no "
                "slash, and does not begin with two underscores."
            )
    shards = [keys[start : start + per_shard] for start in range(0, len(keys), per_shard)]
    return make_parts(
        out,
        [
            Part(f"{number:05d}.tar", partial(_write_tar, shard, read), size=len(shard))
            for number, shard in enumerate(shards)
        ],
        about=about,
        unit=" samples",
        samples=len(keys),
        per_shard=per_shard,
        keys_sha256=hashlib.sha256("\n".join(keys).encode()).hexdigest(),
    )


def _write_tar(
    keys: Sequence[str], read: Read, file: BinaryIO, done: Callable[[int], object]
) -> dict[str, int]:
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for key in keys:
            for field, content in sorted(read(key).items()):
                # A new TarInfo has owner 0, time 0 and mode 644.
                member = tarfile.TarInfo(f"{key}.{field}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
            done(1)
    return {"samples": len(keys)}
