"""ImageNet's training pictures: found in any form that they are kept in, and as shards."""

from __future__ import annotations

import json
import tarfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lt_course.data.imagenet import imagenet_classes
from lt_course.errors import CourseError
from lt_course.web.datasets.sources import Input, Source, missing
from lt_course.web.shards import shard_writer
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
) -> shard_writer.Manifest:
    """Write ImageNet as shards; a stopped command goes on where it was.

    Samples are numbered in a seeded order. Each has the members ``jpg`` (ImageNet's own bytes),
    ``cls`` (0 … 999) and ``json`` (``filename``, ``wnid``, ``name``).

    Args:
        source: folder with the training pictures. Those of validation are left alone.
        out: folder of the shards.
        seed: of the order.
        per_shard: samples a tar.
        partial: take what is there.

    Returns:
        The manifest; its field ``about`` has the number of pairs and classes.

    Raises:
        CourseError: if pictures are missing, or (unless `partial`) are not 1,281,167 of 1,000
            classes.
    """
    known = imagenet_classes()
    pictures = Pictures.find(source, known)
    # Files of other classes, of a larger ImageNet, are none of ours.
    names = sorted(name for name in pictures.places if _wnid(name) in known)
    classes = Counter(map(_wnid, names))
    expected = IMAGENET_TRAIN.pairs, IMAGENET_TRAIN.classes
    if (len(names), len(classes)) != expected and not partial:
        raise CourseError(
            f"{source} holds {len(names):,} pictures of {len(classes)} classes; ImageNet has "
            f"{expected[0]:,} of {expected[1]:,}. Complete the folder, or add --partial to take "
            "what is there."
        )
    by_key = {f"{i:09d}": names[row] for i, row in enumerate(shuffled(len(names), seed))}
    about = {
        "name": IMAGENET_TRAIN.name,
        "pairs": len(names),
        "classes": len(classes),
        "seed": seed,
    }

    def members(key: str) -> dict[str, bytes]:
        filename = by_key[key]
        of = known[_wnid(filename)]
        said = {"filename": filename, "wnid": of.wnid, "name": of.name}
        return {
            "jpg": pictures.read(filename),
            "cls": str(of.label).encode(),
            "json": json.dumps(said, ensure_ascii=False).encode(),
        }

    return shard_writer.write(out, list(by_key), members, about=about, per_shard=per_shard)


def shuffled(pictures: int, seed: int) -> NDArray[np.int64]:
    """The place in the order of file names of each sample's picture, int64 [pictures].

    In that order neighbours in a shard are of different classes for readers that go through it.
    """
    return np.random.default_rng([seed, 0x1CA]).permutation(pictures)


def _wnid(filename: str) -> str:
    return filename.partition("_")[0]


def has_pictures(source: Path) -> bool:
    """Whether a folder holds ImageNet in one of its forms."""
    places = (source, source / "train")
    return (source / _WHOLE).is_file() or any(
        any(place.glob("n????????")) or any(place.glob("n????????.tar")) for place in places
    )


@dataclass(frozen=True)
class Pictures:
    """Where ImageNet's training pictures lie.

    Attributes:
        places: of each, by file name: a file, or a piece of a tar (offset, size).
    """

    places: Mapping[str, tuple[Path, int, int]]

    @staticmethod
    def find(source: Path, wnids: Iterable[str]) -> Pictures:
        """The pictures of the given classes, in any of the forms that ImageNet is kept in.

        Raises:
            CourseError: if there are none, or a tar is damaged.
        """
        if not has_pictures(source):
            raise missing(source, [IMAGENET])
        places: dict[str, tuple[Path, int, int]] = {}
        if (whole := source / _WHOLE).is_file():
            with tarfile.open(whole, "r:") as outer:
                # A tar of one tar a class: an uncompressed tar's members lie in it as they are.
                for inner in outer:
                    places |= in_tar(whole, inner.offset_data)
            return Pictures(places)
        for wnid in wnids:
            for place in (source / "train", source):
                if (folder := place / wnid).is_dir():
                    places |= {path.name: (path, 0, -1) for path in folder.iterdir()}
                elif (tar := place / f"{wnid}.tar").is_file():
                    places |= in_tar(tar, 0)
        return Pictures(places)

    def __contains__(self, filename: object) -> bool:
        return filename in self.places

    def read(self, filename: str) -> bytes:
        """The bytes of a picture's file."""
        path, offset, size = self.places[filename]
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(size)


def in_tar(path: Path, start: int) -> dict[str, tuple[Path, int, int]]:
    """The members of a tar that begins at byte `start` of a file, by their names.

    Raises:
        CourseError: if that is no whole tar.
    """
    with path.open("rb") as file:
        file.seek(start)
        try:
            with tarfile.open(fileobj=file, mode="r:") as tar:
                return {
                    Path(member.name).name: (path, member.offset_data, member.size)
                    for member in tar
                    if member.isfile()
                }
        except tarfile.ReadError as error:
            raise CourseError(
                f"{path} is not a whole tar at byte {start} ({error}); get it again from "
                f"{IMAGENET.where}."
            ) from error
