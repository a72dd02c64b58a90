"""ImageNet-Captions as shards.

ImageNet-Captions (Fang et al., arXiv 2205.01397) gives the title, the tags and the description
that 0.45 million ImageNet pictures had on Flickr. The three are kept apart in the JSON member of
each sample, beside the class, so that every caption variant of the paper is a choice of
`lt_course.web.shards.shard_scan.Fields` at load time:

    json:title                             titles alone (pictures without one are left out)
    json:title+tags+description            full text
    json:name+title+tags+description       the class name in front, as the release trains CLIP
    json:name                              the class name alone

Classes are joined by their WordNet id, never by the place in a list.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lt_course.data.data_folder import Input, missing
from lt_course.data.imagenet import imagenet_classes
from lt_course.errors import CourseError
from lt_course.web.datasets.imagenet_pictures import (
    IMAGENET,
    find_pictures,
    has_pictures,
    shuffled,
    write_shards,
)
from lt_course.web.datasets.sources import Source
from lt_course.web.shards.manifest import MANIFEST, Manifest
from lt_course.web.shards.shard_index import Index
from lt_course.web.shards.shard_scan import Fields

FIELDS = Fields(caption="json:name+title+tags+description", label="cls")
"""How the release reads ImageNet-Captions for CLIP: captions begin with the class name."""

RunResult = dict[str, Any]
TEXTS = ("title", "tags", "description")

CAPTIONS = Input(
    "imagenet_captions.json, or imagenet_captions.zip",
    "https://github.com/mlfoundations/imagenet-captions",
    "texts belong to their Flickr authors; see the repository",
    "roughly 0.3 GB unpacked",
)
IMAGENET_CAPTIONS = Source(
    "imagenet-captions",
    "ImageNet pictures with their title, tags and description on Flickr (IN-Caps)",
    pairs=448_896,
    classes=999,
    inputs=(IMAGENET, CAPTIONS),
)


def prepare_imagenet_captions(
    source: Path, out: Path, *, seed: int = 0, per_shard: int = 10_000, partial: bool = False
) -> Manifest:
    """Write ImageNet-Captions as shards; a stopped command goes on where it was.

    The JSON members (`lt_course.web.datasets.imagenet_pictures.write_shards`) also have ``title``,
    ``tags`` and ``description``.

    Args:
        source: folder with the files of `IMAGENET_CAPTIONS`.
        out: folder of the shards.
        seed: of the order.
        per_shard: samples a tar.
        partial: take what is there of the pictures, and any number of pairs.

    Raises:
        CourseError: if a file is missing or malformed, or (unless `partial`) pictures are missing
            or the pairs are not the 448,896 of 999 classes that the paper has.
    """
    captions = _find_captions(source)
    content = _captions_json(captions)
    listed = _records(captions, content)
    pictures = find_pictures(source, {record["wnid"] for record in listed})
    absent = [record for record in listed if record["filename"] not in pictures]
    if absent and not partial:
        raise CourseError(
            f"{len(absent)} of {len(listed)} pictures named in {captions} are not in {source}, "
            f"the first is {absent[0]['wnid']}/{absent[0]['filename']}; complete the folder, or "
            "add --partial to go without them."
        )
    records = [record for record in listed if record["filename"] in pictures]
    classes = len({record["wnid"] for record in records})
    expected = IMAGENET_CAPTIONS.pairs, IMAGENET_CAPTIONS.classes
    if (len(records), classes) != expected and not partial:
        raise CourseError(
            f"{captions} gives {len(records):,} pairs of {classes} classes; the paper has "
            f"{expected[0]:,} of {expected[1]}. Get the file from {CAPTIONS.where}, or add "
            "--partial if you mean another set."
        )
    about = {
        "name": IMAGENET_CAPTIONS.name,
        "pictures_missing": len(absent),
        "captions_sha256": hashlib.sha256(content).hexdigest(),
        "seed": seed,
    }
    return write_shards(out, records, pictures, about=about, per_shard=per_shard)


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
    if about.get("name") != IMAGENET_CAPTIONS.name:
        return None
    keys = [int(key) for shard in range(len(index.shards)) for key in index.keys(shard)]
    return shuffled(about["pairs"], about["seed"])[keys], about["pairs"]


def _find_captions(source: Path) -> Path:
    for name in ("imagenet_captions.json", "imagenet_captions.zip"):
        for folder in (source, source / "imagenet-captions"):
            if (folder / name).is_file():
                return folder / name
    raise missing(source, [CAPTIONS, *([] if has_pictures(source) else [IMAGENET])])


def _captions_json(path: Path) -> bytes:
    if path.suffix == ".json":
        return path.read_bytes()
    try:
        with zipfile.ZipFile(path) as archive:
            (name,) = (n for n in archive.namelist() if Path(n).name == "imagenet_captions.json")
            return archive.read(name)
    except (zipfile.BadZipFile, ValueError) as error:
        raise CourseError(
            f"{path} is not a zip file with one imagenet_captions.json; get it again from "
            f"{CAPTIONS.where}."
        ) from error


def _records(path: Path, content: bytes) -> list[RunResult]:
    """The records of the 1,000 classes, by file name; each checked."""
    try:
        found = json.loads(content)
    except ValueError as error:
        raise CourseError(
            f"{path} is not JSON ({error}); get it again from {CAPTIONS.where}."
        ) from error
    if not isinstance(found, list):
        raise CourseError(f"{path} is not a list of records; get it from {CAPTIONS.where}.")
    records: dict[str, RunResult] = {}
    for number, record in enumerate(found):
        kinds = {"filename": str, "wnid": str} | dict.fromkeys(TEXTS, str) | {"tags": list}
        if not isinstance(record, dict) or any(
            not isinstance(record.get(name), kind) for name, kind in kinds.items()
        ):
            raise CourseError(
                f"Record {number} of {path} lacks one of filename, wnid, title, tags and "
                f"description; get the file from {CAPTIONS.where}."
            )
        if record["wnid"] not in imagenet_classes():
            continue
        if record["filename"] in records:
            raise CourseError(
                f"{path} names the picture {record['filename']} twice (record {number}); get the "
                f"file from {CAPTIONS.where}."
            )
        records[record["filename"]] = {name: record[name] for name in kinds}
    return [records[name] for name in sorted(records)]
