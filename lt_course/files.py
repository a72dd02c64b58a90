"""Files that are whole or not there, and that show when they are damaged.

A file is written under another name, flushed to the disk and renamed, and its folder is flushed,
too: after a kill or a power cut either the old file is there or the new one. What is read back
carries a SHA-256: a folder of several files in ``SHA256SUMS`` (``sha256sum -c`` reads it), a single
file in its last 32 bytes. One flipped bit anywhere is found.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO

from lt_course.errors import CourseError

SUMS = "SHA256SUMS"


class DamagedError(ValueError):
    """A file does not hold the bytes that were written."""


def named_folder(variable: str) -> Path | None:
    """The folder that a variable names, as `absolute`, ``$NAME`` replaced; None: it is unset."""
    named = os.path.expandvars(os.environ.get(variable, ""))
    if re.search(r"""^[\s'"]|[\s'"]$|://|\$\{?\w|^[A-Za-z]:\\""", named):
        raise CourseError(f"{variable} is {named!r}; give the plain path of a folder here.")
    return absolute(named, variable) if named else None


def absolute(named: str, what: str) -> Path:
    """A path in full, ``~`` included and links kept; a CourseError if `what` names no such home."""
    try:
        return Path(named).expanduser().absolute()
    except RuntimeError as error:
        raise CourseError(f"{what} is {named!r}: {error}; give the folder in full.") from error


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write into, which takes its place when it is whole and on the disk."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        move(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def move(source: Path, target: Path) -> None:
    """Rename a file within its folder, for good: the folder is flushed to the disk."""
    source.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # network file systems cannot
            raise
    finally:
        os.close(folder)


def atomic_write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    with replacing(path) as file:
        file.write(content)


def sha256(path: Path) -> str:
    """Of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def free_mib(path: Path) -> int:
    """Free space where a file is, or is to be, in MiB."""
    there = next(parent for parent in (path, *path.parents) if parent.exists())
    return shutil.disk_usage(there).free >> 20


@contextmanager
def writing(path: Path, remedy: str) -> Iterator[None]:
    """Say in a CourseError which file, or else `path`, cannot be written; it ends in `remedy`."""
    try:
        yield
    except OSError as error:
        raise CourseError(
            f"{error.filename or path} cannot be written ({error.strerror or error}; "
            f"{free_mib(path)} MiB are free); {remedy}."
        ) from error


def seal(folder: Path, names: Sequence[str]) -> None:
    """Write the checksums of a folder's files, in this order; it is whole from then on."""
    atomic_write(folder / SUMS, "".join(_sum(folder, name) for name in names).encode())


def require_sealed(folder: Path, names: Sequence[str]) -> None:
    """Raise a DamagedError for the first file, or checksum, that is not as it was written."""
    told = (folder / SUMS).read_bytes().splitlines(keepends=True)
    for name, line in zip_longest(names, told):
        if name is None or _sum(folder, name).encode() != line:
            raise DamagedError(f"{name or SUMS} does not match its checksum in {SUMS}")


def _sum(folder: Path, name: str) -> str:
    return f"{sha256(folder / name)}  {name}\n"


def write_sealed(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, its checksum in its last 32 bytes."""
    atomic_write(path, content + hashlib.sha256(content).digest())


def read_sealed(path: Path) -> bytes:
    """The content of a file that `write_sealed` wrote; a DamagedError if it is another."""
    whole = path.read_bytes()
    content, stated = whole[:-32], whole[-32:]
    if hashlib.sha256(content).digest() != stated:
        raise DamagedError(f"{path.name} does not match the checksum at its end")
    return content
