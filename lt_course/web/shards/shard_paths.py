"""The names of shards: braces as in bash, wildcards, folders; files and remote addresses."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from fsspec.core import url_to_fs

from lt_course.errors import CourseError


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
