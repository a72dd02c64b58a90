"""The names of shards: braces as in bash, wildcards, folders; files and remote addresses."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from braceexpand import braceexpand
from fsspec.core import url_to_fs

from lt_course.errors import CourseError


def expand(patterns: str | Path | Iterable[str | Path]) -> list[str]:
    """The shards that patterns mean, in the order given.

    Files, or URLs of any file system that fsspec knows; ``{00000..00099}`` and ``{a,b}`` as in
    bash, then ``*``, ``?`` and ``[…]``; a folder means its tars; several patterns in one text are
    joined by ``::``, as open_clip does. What comes back are paths or URLs, each once.

    Raises:
        CourseError: if there is no such file, or the pattern is a command (``pipe:``).
    """
    if isinstance(patterns, str | Path):
        patterns = [patterns]
    shards: dict[str, None] = {}
    for pattern in patterns:
        for part in re.split(r"(?<=\.tar)::", str(pattern)):
            if part.startswith("pipe:"):
                raise CourseError(
                    f"The shards {part!r} come out of a command and cannot be read at random; give "
                    "their address (s3://…, gs://…, https://…) instead."
                )
            shards |= dict.fromkeys(_existing(part))
    return list(shards)


def _existing(pattern: str) -> list[str]:
    try:
        paths = list(braceexpand(pattern, escape=False))
    except ValueError as error:
        raise CourseError(
            f"The shards {pattern!r} cannot be told ({error}); write {{000..099}} or {{a,b}}."
        ) from error
    by_path = {path: _matches(path) for path in paths}
    if missing := [path for path in paths if not by_path[path]]:
        raise CourseError(
            f"{len(missing)} of the shards {pattern!r} do not exist, the first is {missing[0]}; "
            "correct the pattern."
        )
    return [shard for shards in by_path.values() for shard in shards]


def _matches(path: str) -> list[str]:
    """The files that a path means: one, the tars of a folder, or those that a wildcard matches."""
    remote = "://" in path
    system, place = url_to_fs(path)
    wildcard = re.search(r"[*?\[]", place)
    if not wildcard and not system.isdir(place):
        return [path if remote else place] if system.exists(place) else []
    files = sorted(system.glob(place.rstrip("/") + ("" if wildcard else "/*.tar")))
    return [system.unstrip_protocol(file) for file in files] if remote else files
