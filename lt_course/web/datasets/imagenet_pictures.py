"""ImageNet's training pictures: found in any form that they are kept in, and as shards."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lt_course.data.data_folder import Input, missing
from lt_course.data.imagenet import imagenet_classes
from lt_course.errors import CourseError
from lt_course.web.datasets.sources import Place, Source
from lt_course.web.shards import shard_writer
from lt_course.web.shards.manifest import Manifest
from lt_course.web.shards.shard_scan import Fields

FIELDS = Fields(caption="json:name", label="cls")
"""What the shards of `prepare` say: all that is known of a picture is its class."""

IMAGENET = Input(
    "ILSVRC2012_img_train.tar, or the folder train/ with one folder or tar a class",
    "https://image-net.org/download-images.php",
    "registration; research and education without profit",
    "138 GB",
)
IMAGENET_TRAIN = Source(
    "imagenet",
    "all training pictures of ImageNet with their class names",
    pairs=1_281_167,
    classes=1_000,
    inputs=(IMAGENET,),
)
_WHOLE = "ILSVRC2012_img_train.tar"


def prepare(
    source: Path, out: Path, *, seed: int = 0, per_shard: int = 10_000, partial: bool = False
) -> Manifest:
    """Write ImageNet as shards (`write_shards`); a stopped command goes on where it was.

    Args:
        source: folder with the training pictures. Those of validation are left alone.
        out: folder of the shards.
        seed: of the order.
        per_shard: samples a tar.
        partial: take what is there.

    Raises:
        CourseError: if pictures are missing, or (unless `partial`) are not 1,281,167 of 1,000
            classes.
    """
    known = imagenet_classes()
    places = find_pictures(source, known)
    records = [
        {"filename": name, "wnid": name.partition("_")[0]}
        for name in sorted(places)
        # Files of other classes, of a larger ImageNet, are none of ours.
        if name.partition("_")[0] in known
    ]
    classes = len({record["wnid"] for record in records})
    expected = IMAGENET_TRAIN.pairs, IMAGENET_TRAIN.classes
    if (len(records), classes) != expected and not partial:
        raise CourseError(
            f"{source} holds {len(records):,} pictures of {classes} classes; ImageNet has "
            f"{expected[0]:,} of {expected[1]:,}. Complete the folder, or add --partial to take "
            "what is there."
        )
    about = {"name": IMAGENET_TRAIN.name, "seed": seed}
    return write_shards(out, records, places, about=about, per_shard=per_shard)


def write_shards(
    out: Path,
    records: Sequence[Mapping[str, Any]],
    places: Mapping[str, Place],
    *,
    about: Mapping[str, Any],
    per_shard: int,
) -> Manifest:
    """Write pictures of ImageNet with what is known of each.

    Samples are numbered in a seeded order. Each has the members ``jpg`` (ImageNet's own bytes),
    ``cls`` (0 … 999) and ``json`` (the record, and the class's ``name``).

    Args:
        out: folder of the shards.
        records: ``filename`` and ``wnid`` of each picture, and what else is known, by file name.
        places: of the pictures, by file name.
        about: for the manifest, ``seed`` of the order included; numbers of pairs and classes join.
        per_shard: samples a tar.
    """
    order = shuffled(len(records), about["seed"])
    by_key = {f"{number:09d}": records[row] for number, row in enumerate(order)}

    def members(key: str) -> dict[str, bytes]:
        record = by_key[key]
        known = imagenet_classes()[record["wnid"]]
        first = {"filename": record["filename"], "wnid": known.wnid, "name": known.name}
        return {
            "jpg": places[record["filename"]].read(),
            "cls": str(known.label).encode(),
            "json": json.dumps(first | record, ensure_ascii=False).encode(),
        }

    counts = {"pairs": len(records), "classes": len({record["wnid"] for record in records})}
    return shard_writer.write(
        out, list(by_key), members, about={**about, **counts}, per_shard=per_shard
    )


def shuffled(pictures: int, seed: int) -> NDArray[np.int64]:
    """The place in the order of file names of each sample's picture, int64 [pictures].

    In that order neighbours in a shard are of different classes for readers that go through it.
    """
    return np.random.default_rng([seed, 0x1CA]).permutation(pictures)


def has_pictures(source: Path) -> bool:
    """Whether a folder holds ImageNet in one of its forms."""
    return (source / _WHOLE).is_file() or any(
        any(folder.glob(form))
        for folder in (source, source / "train")
        for form in ("n????????", "n????????.tar")
    )


def find_pictures(source: Path, wnids: Iterable[str]) -> dict[str, Place]:
    """Pictures of classes by file name, in any of the forms that ImageNet is kept in.

    Raises:
        CourseError: if there are none, or a tar is damaged.
    """
    if not has_pictures(source):
        raise missing(source, [IMAGENET])
    places: dict[str, Place] = {}
    if (whole := source / _WHOLE).is_file():
        with tarfile.open(whole, "r:") as outer:
            # A tar of one tar a class: an uncompressed tar's members lie in it as they are.
            for inner in outer:
                places |= in_tar(whole, inner.offset_data)
        return places
    for wnid in wnids:
        for folder in (source / "train", source):
            if (folder / wnid).is_dir():
                places |= {path.name: Place(path) for path in (folder / wnid).iterdir()}
            elif (tar := folder / f"{wnid}.tar").is_file():
                places |= in_tar(tar)
    return places


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
