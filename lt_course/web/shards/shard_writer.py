"""Writing shards: the same samples give the same bytes, whenever and however often.

Samples are sorted by key and cut into shards of equal number. Each tar is written under a
temporary name, flushed and renamed, then entered in ``manifest.json`` with its number of samples,
bytes and SHA-256. A run that was stopped goes on behind the last entered shard; one that was
finished writes nothing. Owner, time and mode of all members are fixed.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lt_course.errors import CourseError
from lt_course.files import atomic_write, free_mib, replacing, sha256
from lt_course.progress import progress

MANIFEST = "manifest.json"
Manifest = dict[str, Any]

Read = Callable[[str], Mapping[str, bytes]]
"""key -> its members, by field (such as ``jpg`` and ``json``)."""


def write(
    out: Path,
    keys: Sequence[str],
    read: Read,
    *,
    about: Mapping[str, object],
    per_shard: int = 10_000,
) -> Manifest:
    """Write samples as ``00000.tar``, ``00001.tar``, … into a folder, or go on writing them.

    Args:
        out: the folder, made where it does not exist.
        keys: of all samples, without dots and slashes.
        read: gives the members of one sample; only called for shards that are not there yet.
        about: what the samples are (name, versions, seeds, …), plain JSON values; it stands in
            the manifest, and a folder that holds something else is refused.
        per_shard: samples in each shard but the last.

    Returns:
        The manifest: ``about``, ``samples``, and ``shards`` with ``name``, ``samples``, ``bytes``
        and ``sha256`` each.

    Raises:
        CourseError: if the folder holds other shards, a key is twice there or not fit for a
            shard, or a file cannot be written; what was finished stays.
    """
    keys = sorted(keys)
    _check(keys, per_shard)
    planned = {
        "about": dict(about),
        "samples": len(keys),
        "per_shard": per_shard,
        "keys_sha256": hashlib.sha256("\n".join(keys).encode()).hexdigest(),
    }
    manifest = _started(out, planned)
    done = {shard["name"] for shard in manifest["shards"]}
    starts = range(0, len(keys), per_shard)
    with progress(f"writing {out.name}", len(keys)) as line:
        line.unit = " samples"
        for number, start in enumerate(starts):
            name, chosen = f"{number:05d}.tar", keys[start : start + per_shard]
            if name in done:
                line.update(len(chosen))
                continue
            try:
                entry = _write_tar(out / name, chosen, read, line.update)
                manifest["shards"] = sorted(
                    [*manifest["shards"], entry], key=lambda shard: shard["name"]
                )
                atomic_write(out / MANIFEST, json.dumps(manifest, indent=1).encode())
            except OSError as error:
                raise CourseError(
                    f"The shard {out / name} could not be written ({error}; {free_mib(out)} MiB "
                    "are free); make room and give the same command again: it goes on from there."
                ) from error
    return manifest


def _check(keys: Sequence[str], per_shard: int) -> None:
    if per_shard < 1:
        raise CourseError(f"Field 'per_shard' is {per_shard}; use 1 or more.")
    for key, following in zip(keys, [*keys[1:], None], strict=True):
        if key == following:
            raise CourseError(f"The key {key!r} comes twice; keys name one sample each.")
        if not key or "." in key or "/" in key or key.startswith("__"):
            raise CourseError(
                f"The key {key!r} does not fit a shard: it may hold no dot and no slash, and not "
                "begin with two underscores."
            )


def _started(out: Path, planned: Manifest) -> Manifest:
    """The manifest so far. Shards that are entered in it, but not there, are written again."""
    path = out / MANIFEST
    if not path.exists():
        out.mkdir(parents=True, exist_ok=True)
        if any(out.glob("*.tar")):
            raise CourseError(
                f"The folder {out} holds shards without a {MANIFEST}; choose an empty folder."
            )
        manifest = {**planned, "shards": []}
        # Entered before the first shard, so that a stopped run knows the folder again.
        atomic_write(path, json.dumps(manifest, indent=1).encode())
        return manifest
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CourseError(f"{path} is not JSON ({error}); choose an empty folder.") from error
    for field, value in json.loads(json.dumps(planned)).items():
        if manifest.get(field) != value:
            raise CourseError(
                f"The folder {out} holds other shards: {field!r} is {manifest.get(field)!r} in its "
                f"{MANIFEST}, not {value!r}; choose another folder."
            )
    manifest["shards"] = [
        shard
        for shard in manifest["shards"]
        if (tar := out / shard["name"]).exists() and tar.stat().st_size == shard["bytes"]
    ]
    return manifest


def _write_tar(
    path: Path, keys: Sequence[str], read: Read, wrote: Callable[[int], object]
) -> dict[str, object]:
    with (
        replacing(path) as file,
        tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for key in keys:
            for field, content in sorted(read(key).items()):
                # A new TarInfo has owner 0, time 0 and mode 644.
                member = tarfile.TarInfo(f"{key}.{field}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
            wrote(1)
    return {
        "name": path.name,
        "samples": len(keys),
        "bytes": path.stat().st_size,
        "sha256": sha256(path),
    }
