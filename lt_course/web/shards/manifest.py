"""Files that are made one after the other, each once: whole or not at all, and entered in a list.

For each part a file is written under a temporary name and renamed, then entered in
``manifest.json`` with its counts, bytes and SHA-256. A stopped command goes on behind the last
entered part; one that was finished makes nothing. A part whose source changed is made again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lt_course.errors import CourseError
from lt_course.files import atomic_write, move, sha256
from lt_course.progress import progress
from lt_course.web.shards.shard_writer import MANIFEST, Manifest

Make = Callable[[str, Path, Callable[[int], object]], Mapping[str, int]]
"""(source, path, done) -> counts; writes the file, and tells `done` how far it is."""


def make_parts(
    out: Path,
    sources: Sequence[str],
    make: Make,
    *,
    about: Mapping[str, Any],
    identity: Callable[[str], str],
    sizes: Sequence[int] | None = None,
    unit: str = " parts",
) -> Manifest:
    """Make ``NAME.parquet`` of each source ``…/NAME.…``, or go on making them.

    Args:
        out: folder of the files, made where it does not exist.
        sources: paths or URLs.
        make: makes one file, and says what it counted.
        about: what the files are, plain JSON values; a folder that holds something else is
            refused.
        identity: what changes with a source.
        sizes: of the sources, in the `unit` that `make` tells `done`; None: they count 1 each.
        unit: of the progress line.

    Returns:
        The manifest: ``about``, ``counts`` (over all parts) and ``parts`` with ``name``,
        ``source``, ``identity``, ``counts``, ``bytes`` and ``sha256`` each.

    Raises:
        CourseError: if the folder holds other such files, or two sources have one name.
    """
    names = [Path(source).name.split(".")[0] for source in sources]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise CourseError(f"Two sources are called {twice[0]}; give each its own name.")
    path = out / MANIFEST
    manifest: Manifest = {"about": dict(about), "counts": {}, "parts": []}
    if path.exists():
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if manifest.get("about") != json.loads(json.dumps(dict(about))):
            raise CourseError(
                f"The folder {out} holds something else: its {MANIFEST} says "
                f"{manifest.get('about')}, not {dict(about)}; choose another folder."
            )
    elif any(out.glob("*.parquet")):
        # img2dataset's tables, say, which have the same names as the tars beside them.
        raise CourseError(
            f"The folder {out} holds parquet files without a {MANIFEST}; choose an empty folder."
        )
    out.mkdir(parents=True, exist_ok=True)
    atomic_write(path, json.dumps(manifest, indent=1).encode())
    kept = {part["name"]: part for part in manifest["parts"]}
    entered: list[dict[str, Any]] = []
    sizes = sizes or [1] * len(sources)
    with progress(f"making {out.name}", sum(sizes)) as line:
        line.unit, before = unit, 0
        for name, source, size in zip(names, sources, sizes, strict=True):
            file, known = out / f"{name}.parquet", identity(source)
            part = kept.get(name)
            if not (
                part
                and part["identity"] == known
                and file.exists()
                and file.stat().st_size == part["bytes"]
            ):
                temporary = file.with_suffix(".tmp")
                counts = make(source, temporary, line.update)
                part = {
                    "name": name,
                    "source": source,
                    "identity": known,
                    "counts": dict(counts),
                    "bytes": temporary.stat().st_size,
                    "sha256": sha256(temporary),
                }
                move(temporary, file)
            entered.append(part)
            total = Counter[str]()
            for each in entered:
                total.update(each["counts"])
            manifest |= {"counts": dict(total), "parts": entered}
            atomic_write(path, json.dumps(manifest, indent=1).encode())
            before += size
            line.update(before - line.n)
    return manifest
