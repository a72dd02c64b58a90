"""ImageNet's training pictures as shards, by themselves or with the captions that Flickr had.

ImageNet-Captions (Fang et al., arXiv 2205.01397) gives the title, the tags and the description of
0.45 million of the pictures. They are kept apart in the JSON member of each sample, so that every
caption variant of the paper is a choice at load time (`lt_course.web.shards.shard_scan.Fields`).
"""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lt_course.data.data_folder import missing
from lt_course.data.imagenet import imagenet_classes
from lt_course.data.photographs.image_folder import ENDINGS
from lt_course.errors import CourseError
from lt_course.web.datasets.catalogue import SETS
from lt_course.web.shards import shard_writer
from lt_course.web.shards.shard_index import Index
from lt_course.web.shards.shard_writer import MANIFEST, Manifest

CAPTIONED = "imagenet-captions"
IMAGENET, CAPTIONS = SETS[CAPTIONED].inputs
TEXTS = {"filename": str, "wnid": str, "title": str, "tags": list, "description": str}
"""What a record of ImageNet-Captions must have."""
INCOMPLETE = {
    "imagenet": "holds {:,} pictures of {} classes; ImageNet has {:,} of {:,}. Complete the "
    "folder, or add --partial to take what is there.",
    CAPTIONED: "gives {:,} pairs of {} classes; the paper has {:,} of {}. Get the file from "
    f"{CAPTIONS.where}, or add --partial if you mean another set.",
}
_WHOLE = "ILSVRC2012_img_train.tar"

Record = dict[str, Any]


class Place(NamedTuple):
    """Where a picture lies: a file, or a piece of one; a size of -1 is to its end."""

    path: Path
    offset: int = 0
    size: int = -1

    def read(self) -> bytes:
        """The bytes that lie there."""
        with self.path.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.size)


def prepare(
    name: str,
    source: Path,
    out: Path,
    *,
    seed: int = 0,
    per_shard: int = 10_000,
    partial: bool = False,
) -> Manifest:
    """Write ``imagenet`` or ``imagenet-captions`` as shards; a stopped command goes on.

    Samples are numbered in an order that `seed` gives. Each has the members ``jpg`` (ImageNet's own
    bytes), ``cls`` (0 … 999) and ``json``: ``filename``, ``wnid``, the class's ``name``, and of
    ImageNet-Captions ``title``, ``tags`` and ``description``. `partial` takes what is there.

    Raises:
        CourseError: if a file is missing or malformed, or (unless `partial`) there are not as many
            pictures of as many classes as the paper had.
    """
    where, about = source, Record(name=name)
    if name == CAPTIONED:
        where = _captions_file(source)
        content = _captions_json(where)
        listed = _records(where, content)
        pictures = find_pictures(source, {record["wnid"] for record in listed})
        records = [record for record in listed if record["filename"] in pictures]
        if (missed := len(listed) - len(records)) and not partial:
            first = next(record for record in listed if record["filename"] not in pictures)
            raise CourseError(
                f"{missed} of {len(listed)} pictures named in {where} are not in {source}, "
                f"the first is {first['wnid']}/{first['filename']}; complete the folder, or "
                "add --partial to go without them."
            )
        about["pictures_missing"] = missed
        about["captions_sha256"] = hashlib.sha256(content).hexdigest()
    else:
        known = imagenet_classes()
        pictures = find_pictures(source, known)
        of_file = {file: file.partition("_")[0] for file in sorted(pictures)}
        # Files of other classes, of a larger ImageNet, are none of ours.
        records = [{"filename": f, "wnid": wnid} for f, wnid in of_file.items() if wnid in known]
    found = len(records), len({record["wnid"] for record in records})
    expected = SETS[name].pairs, SETS[name].classes
    if found != expected and not partial:
        raise CourseError(f"{where} {INCOMPLETE[name].format(*found, *expected)}")
    about |= {"seed": seed, "pairs": found[0], "classes": found[1]}
    order = shuffled(len(records), seed)
    by_key = {f"{number:09d}": records[row] for number, row in enumerate(order)}

    def members(key: str) -> dict[str, bytes]:
        record = by_key[key]
        known = imagenet_classes()[record["wnid"]]
        first = {"filename": record["filename"], "wnid": known.wnid, "name": known.name}
        return {
            "jpg": pictures[record["filename"]].read(),
            "cls": str(known.label).encode(),
            "json": json.dumps(first | record, ensure_ascii=False).encode(),
        }

    return shard_writer.write(out, list(by_key), members, about=about, per_shard=per_shard)


def shuffled(pictures: int, seed: int) -> NDArray[np.int64]:
    """The place in the order of file names of each sample's picture, int64 [pictures].

    In that order neighbours in a shard are of different classes for readers that go through it.
    """
    return np.random.default_rng([seed, 0x1CA]).permutation(pictures)


def places(index: Index) -> tuple[NDArray[np.int64], int] | None:
    """Where each row of an index stands among the pictures, ordered by file name.

    Returns:
        int64 [N] and the number of pictures, or None if the shards are not those of one folder of
        ImageNet-Captions.
    """
    folders = {shard.rpartition("/")[0] for shard in index.shards}
    manifest = Path(folders.pop()) / MANIFEST
    if folders or not manifest.is_file():
        return None
    about = json.loads(manifest.read_text(encoding="utf-8"))["about"]
    if about.get("name") != CAPTIONED:
        return None
    keys = [int(key) for shard in range(len(index.shards)) for key in index.keys(shard)]
    return shuffled(about["pairs"], about["seed"])[keys], about["pairs"]


def find_pictures(source: Path, wnids: Iterable[str]) -> dict[str, Place]:
    """Pictures of classes by file name, in any of the forms that ImageNet is kept in.

    Raises:
        CourseError: if there are none, or a tar is damaged.
    """
    if not _has_pictures(source):
        raise missing(source, [IMAGENET])
    found: dict[str, Place] = {}
    if (whole := source / _WHOLE).is_file():
        with tarfile.open(whole, "r:") as outer:
            # A tar of one tar a class: an uncompressed tar's members lie in it as they are.
            for inner in outer:
                found |= in_tar(whole, inner.offset_data)
        return found
    for wnid in wnids:
        for folder in (source / "train", source):
            if (folder / wnid).is_dir():
                found |= {path.name: Place(path) for path in pictures_in(folder / wnid)[0]}
            elif (tar := folder / f"{wnid}.tar").is_file():
                found |= in_tar(tar)
    return found


def pictures_in(folder: Path) -> tuple[list[Path], list[Path]]:
    """Pictures below the folder of a class, by their endings, and what else is there, sorted.

    What begins with a dot is neither; links to folders are not followed.
    """
    pictures, others = list[Path](), list[Path]()
    for above, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        links = [name for name in folders if Path(above, name).is_symlink()]
        for name in files + links:
            path = Path(above, name)
            is_picture = path.suffix.lower() in ENDINGS and path.is_file()
            if not name.startswith("."):
                (pictures if is_picture else others).append(path)
    return sorted(pictures), sorted(others)


def _has_pictures(source: Path) -> bool:
    return (source / _WHOLE).is_file() or any(
        any(folder.glob(form))
        for folder in (source, source / "train")
        for form in ("n????????", "n????????.tar")
    )


def in_tar(path: Path, start: int = 0) -> dict[str, Place]:
    """The members of a tar that begins at byte `start` of a file, by their names.

    Raises:
        CourseError: if that is no whole tar.
    """
    with path.open("rb") as file:
        file.seek(start)
        try:
            with tarfile.open(fileobj=file, mode="r:") as tar:
                return {
                    Path(member.name).name: Place(path, member.offset_data, member.size)
                    for member in tar
                    if member.isfile()
                }
        except tarfile.ReadError as error:
            raise CourseError(
                f"{path} is not a whole tar at byte {start} ({error}); get it again from "
                f"{IMAGENET.where}."
            ) from error


def _captions_file(source: Path) -> Path:
    for name in ("imagenet_captions.json", "imagenet_captions.zip"):
        for folder in (source, source / "imagenet-captions"):
            if (folder / name).is_file():
                return folder / name
    raise missing(source, [CAPTIONS, *([] if _has_pictures(source) else [IMAGENET])])


def _captions_json(path: Path) -> bytes:
    if path.suffix == ".json":
        return path.read_bytes()
    try:
        with zipfile.ZipFile(path) as archive:
            (name,) = (n for n in archive.namelist() if Path(n).name == "imagenet_captions.json")
            return archive.read(name)
    except (zipfile.BadZipFile, ValueError) as error:
        raise _damaged(f"{path} is not a zip file with one imagenet_captions.json") from error


def _records(path: Path, content: bytes) -> list[Record]:
    """The records of the 1,000 classes, by file name; each checked."""
    try:
        found = json.loads(content)
    except ValueError as error:
        raise _damaged(f"{path} is not JSON ({error})") from error
    if not isinstance(found, list):
        raise _damaged(f"{path} is not a list of records")
    records: dict[str, Record] = {}
    for number, record in enumerate(found):
        if not isinstance(record, dict) or any(
            not isinstance(record.get(name), kind) for name, kind in TEXTS.items()
        ):
            lacking = "lacks one of filename, wnid, title, tags and description"
            raise _damaged(f"Record {number} of {path} {lacking}")
        if record["wnid"] not in imagenet_classes():
            continue
        if record["filename"] in records:
            twice = f"{path} names the picture {record['filename']} twice"
            raise _damaged(f"{twice} (record {number})")
        records[record["filename"]] = {name: record[name] for name in TEXTS}
    return [records[name] for name in sorted(records)]


def _damaged(what: str) -> CourseError:
    return CourseError(f"{what}; get the file again from {CAPTIONS.where}.")
