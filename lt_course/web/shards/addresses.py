"""Where shards lie: files, or URLs of any file system that fsspec knows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from braceexpand import braceexpand
from fsspec.core import url_to_fs

from lt_course.errors import CourseError


@contextmanager
def reaching(address: str) -> Iterator[None]:
    """Say in a CourseError what cannot be read, and why; a back end's errors are of any class."""
    try:
        yield
    except CourseError:
        raise
    except Exception as error:
        remote = "://" in address
        if not remote and not isinstance(error, OSError):
            raise
        why = " ".join(str(error).split()) or "no reason is given"
        remedy = "see to that file and its permissions"
        if isinstance(error, ImportError):
            remedy = "install what that names beside the course, or download the shards"
        elif remote:
            remedy = "see to the address, the network and your access, or download the shards"
        raise CourseError(
            f"The shard {address} cannot be read ({type(error).__name__}: {why}); {remedy}."
        ) from error


def expand(patterns: str | Path | Iterable[str | Path]) -> list[str]:
    """The shards that patterns mean, in the order given.

    Files, or URLs; a name that is there is meant as it stands. Else ``{00000..00099}`` and
    ``{a,b}`` as in bash, then ``*``, ``?`` and ``[…]``; a folder means its tars; several patterns
    in one text are joined by ``::``, as open_clip does. What comes back are paths or URLs, each
    once.

    Raises:
        CourseError: if there is no such file, or the pattern is a command (``pipe:``).
    """
    if isinstance(patterns, str | Path):
        patterns = [patterns]
    shards: dict[str, None] = {}
    for pattern in patterns:
        for part in re.split(r"(?<=\.tar)::", str(pattern)):
            if not part.strip():
                raise CourseError("The address of a shard is empty; give tar files, or a folder.")
            if part.startswith("pipe:"):
                raise CourseError(
                    f"The shards {part!r} come out of a command and cannot be read at random; give "
                    "their address (s3://…, gs://…, https://…) instead."
                )
            with reaching(part):
                shards |= dict.fromkeys(_tars(part) or _expanded(part))
    return list(shards)


def _expanded(pattern: str) -> list[str]:
    try:
        paths = list(braceexpand(pattern, escape=False))
    except ValueError as error:
        raise CourseError(
            f"The shards {pattern!r} cannot be told ({error}); write {{000..099}} or {{a,b}}."
        ) from error
    by_path = {path: _tars(path) or _matches(path) for path in paths}
    if missing := [path for path in paths if not by_path[path]]:
        raise CourseError(
            f"{len(missing)} of the shards {pattern!r} do not exist, the first is {missing[0]}; "
            "correct the pattern (of a folder, its tars are meant, and none below it)."
        )
    return [shard for shards in by_path.values() for shard in shards]


def _tars(path: str) -> list[str]:
    """The file of exactly that name, or the tars of that folder."""
    system, place = url_to_fs(path)
    if not system.exists(place):
        return []
    if not system.isdir(place):
        return [path if "://" in path else place]
    inside = sorted(
        each["name"] for each in system.ls(place, detail=True) if each["type"] == "file"
    )
    # Those that begin with a dot are macOS's notes on files of that name.
    tars = [each for each in inside if re.search(r"(?:^|/)[^/.][^/]*\.tar$", each, re.IGNORECASE)]
    return [system.unstrip_protocol(tar) for tar in tars] if "://" in path else tars


def _matches(path: str) -> list[str]:
    """The files that a wildcard matches, and the tars of such folders."""
    system, place = url_to_fs(path)
    if not re.search(r"[*?\[]", place):
        return []
    found = map(str, sorted(system.glob(place)))
    names = [system.unstrip_protocol(each) if "://" in path else each for each in found]
    return [tar for name in names for tar in _tars(name)]


def identity(url: str) -> str:
    """What changes with a tar: size and times of a file, what the file system tells of a URL."""
    with reaching(url):
        system, path = url_to_fs(url)
        if "file" in system.protocol:
            stat = Path(path).stat()
            # The last cannot be set: copies may keep the time of the original.
            return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}"
        told = system.info(path)
        kept = (told.get(name) for name in ("size", "ETag", "Content-MD5", "Digest"))
        return f"{system.ukey(path)} " + " ".join(map(str, kept))
