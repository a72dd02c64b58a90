"""Download a set of photographs from where its makers offer it: ``lt-course data fetch``."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pooch

from lt_course.data.photographs import tiny_imagenet
from lt_course.errors import CourseError
from lt_course.files import free_mib, writing
from lt_course.progress import progress

MD5 = "90528d7ca1a48142e341f4ef8d21d0de"
"""Of the archive, as public loaders print it; the course has never had the archive at hand."""

LISTS = {
    "words.txt": "56b81e64546942b54a5946f584dba635",
    "wnids.txt": "6c81990e2d7ae3bd3c88dceb97b46342",
    "val/val_annotations.txt": "e9a8a28f9975223592f4c6da9fd2369b",
}
"""MD5 sums of the set's lists, of a copy that was at hand."""

COUNTS = {"train/": 100_000, "val/images/": 10_000}
MIB, BLOCK = 2**20, 2**16
NEEDED_MIB = 800
"""The archive, and what is in it as files."""


def fetch(root: Path, url: str = tiny_imagenet.URL, tell: Callable[[str], None] = print) -> Path:
    """Download Tiny ImageNet and unpack it below `root`; a stopped download goes on.

    `tell` gets what is said before, and after.

    Raises:
        CourseError: if the network or the disk fails, or the set is not the known one.
    """
    archive, folder = root / "tiny-imagenet-200.zip", root / tiny_imagenet.FOLDER
    if folder.exists():
        raise CourseError(f"{folder} is there already; delete it to fetch the set anew.")
    (needed,) = tiny_imagenet.INPUTS
    tell(
        f"{url}: {needed.size}, about {NEEDED_MIB} MiB with its files; {needed.licence}. "
        f"MD5 as others print it: {MD5}."
    )
    with writing(root, "make room, or give another folder with --out"):
        root.mkdir(parents=True, exist_ok=True)
        if free_mib(root) < NEEDED_MIB:
            raise CourseError(
                f"{root} has {free_mib(root)} MiB free, and {NEEDED_MIB} are needed; make room, or "
                "give another folder with --out."
            )
        if not archive.exists():
            _download(url, archive)
        md5 = pooch.file_hash(str(archive), "md5")
        _check(archive)
        with zipfile.ZipFile(archive) as file:
            file.extractall(root)
        archive.unlink()
    as_printed = "as others print it" if md5 == MD5 else f"{md5}, not the one that others print"
    tell(f"{folder} is complete: its lists and counts are the known ones; the MD5 is {as_printed}.")
    return folder


def _download(url: str, archive: Path) -> None:
    """Fetch a file; what an earlier attempt left of it is kept."""
    import requests

    part = archive.with_name(archive.name + ".part")
    done = part.stat().st_size if part.exists() else 0
    try:
        with requests.get(
            url, stream=True, timeout=30, headers={"Range": f"bytes={done}-"} if done else {}
        ) as answer:
            if answer.status_code == 416:  # nothing is left to send
                part.rename(archive)
                return
            answer.raise_for_status()
            done = done if answer.status_code == 206 else 0
            length = int(answer.headers.get("Content-Length", 0))
            total = done + length
            with (
                part.open("ab" if done else "wb") as file,
                progress(f"fetching {archive.name}, MiB", total // MIB, done // MIB) as line,
            ):
                for block in answer.iter_content(BLOCK):
                    file.write(block)
                    line.update(len(block) / MIB)
            if length and part.stat().st_size != total:
                raise CourseError(
                    f"{url} broke off after {part.stat().st_size:,} of {total:,} bytes; the same "
                    "command goes on from there."
                )
    except requests.RequestException as error:
        raise CourseError(
            f"{url} could not be fetched ({type(error).__name__}); what there is of it is kept, "
            "and the same command goes on."
        ) from error
    part.rename(archive)


def _check(archive: Path) -> None:
    """Refuse an archive with other lists, or with other numbers of pictures."""
    try:
        with zipfile.ZipFile(archive) as file:
            names = file.namelist()
            md5 = {
                name: hashlib.md5(file.read(f"{tiny_imagenet.FOLDER}/{name}")).hexdigest()
                for name in LISTS
            }
    except (zipfile.BadZipFile, KeyError) as error:
        raise CourseError(
            f"{archive} is not the archive of Tiny ImageNet ({error}); delete it and fetch anew."
        ) from error
    remedy = "delete the archive and fetch it again"
    for name, found in md5.items():
        if found != LISTS[name]:
            raise CourseError(
                f"{name} in {archive} is not the known one (its MD5 is {found}); {remedy}."
            )
    for within, number in COUNTS.items():
        start = f"{tiny_imagenet.FOLDER}/{within}"
        count = sum(name.startswith(start) and name.endswith(".JPEG") for name in names)
        if count != number:
            raise CourseError(
                f"{archive} has {count:,} pictures in {within}, and not {number:,}; {remedy}."
            )
