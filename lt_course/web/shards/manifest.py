"""Folders of files that are made one after the other, each once: whole, and entered in a list.

A file is written under a temporary name, flushed and renamed, then entered in ``manifest.json``
with its counts, bytes and SHA-256. A stopped command goes on behind the last entered file; one that
was finished makes nothing. A file that is gone, or whose source changed, is made again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from lt_course.errors import CourseError
from lt_course.files import atomic_write, free_mib, replacing, sha256
from lt_course.progress import progress

MANIFEST = "manifest.json"
Manifest = dict[str, Any]

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
