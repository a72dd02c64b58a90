"""Writing shards: the same samples give the same bytes, whenever and however often.

Samples are sorted by key and cut into tars of equal number; owner, time and mode of all members are
fixed. A stopped run goes on (`lt_course.web.shards.manifest`).
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

from lt_course.errors import CourseError
from lt_course.web.shards.manifest import Manifest, Part, make_parts

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

    `keys` have neither dots nor slashes; `read` is only called for samples of shards that are not
    there yet; `about` says what the samples are (name, versions, seeds, …) in plain JSON values.

    Returns:
        The manifest, with ``samples``, their number, beside ``about`` and ``parts``.

    Raises:
        CourseError: if a key is twice there or not fit for a shard, or as `make_parts`.
    """
    keys = sorted(keys)
    _check(keys, per_shard)
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
