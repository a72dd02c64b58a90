"""Labelled photographs to evaluate on: ImageNet's validation pictures, and ImageNetV2.

A folder's name says the class: a WordNet id; in ImageNetV2 the class number ("10" is class 10, not
the third one). In the validation tar, which has no folders, the number in a picture's name leads to
the development kit's own class number, and that kit's table to the WordNet id.
"""

from __future__ import annotations

import io
import re
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.io import loadmat
from scipy.io.matlab import MatReadError
from torch import Tensor
from torch.utils.data import Dataset, Subset

from lt_course.data.augment import LabeledImages, standardize_photographs
from lt_course.data.data_folder import missing
from lt_course.data.imagenet import Concepts, ImageNetClass, classes_of, imagenet_classes
from lt_course.data.photographs.reading import BROKEN
from lt_course.errors import CourseError
from lt_course.web import data_paths
from lt_course.web.datasets.catalogue import EVALUATED, SETS
from lt_course.web.datasets.imagenet_shards import Place, in_tar, pictures_in
from lt_course.web.read_ahead import read_ahead
from lt_course.web.shards import photographs

VALIDATION_TAR = "ILSVRC2012_img_val.tar"
KIT = "ILSVRC2012_devkit_t12.tar.gz"
V2_FOLDER = "imagenetv2-matched-frequency-format-val"

BATCH = 256
"""Photographs that a tower sees at a time when it is tested."""

Picture = TypeVar("Picture")
ByClass = dict[str, list[Place]]
"""Where the pictures of each class lie, by WordNet id."""


@dataclass(frozen=True)
class EvaluationSet(Dataset[tuple[Tensor, int]]):
    """N labelled photographs: pictures uint8 [3, S, S] with their classes.

    Attributes:
        classes: C, in the order of their class numbers.
        places: of the N pictures, by class and name.
        labels: int64 [N], 0 … C-1.
        left_out: names of what lies among the pictures and is none.
        size: side S of the pictures.
        resize: the shorter side before the centre is cut out. The paper's classifiers are
            evaluated with 256, its CLIPs with 224.
    """

    name: str
    classes: tuple[ImageNetClass, ...]
    places: tuple[Place, ...]
    labels: NDArray[np.int64]
    left_out: tuple[str, ...] = ()
    size: int = 224
    resize: int = 256

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        picture = self.decoded(row, photographs.decode)
        crop = photographs.evaluation_crop(picture, self.size, self.resize)
        return crop, int(self.labels[row])

    def decoded(self, row: int, decode: Callable[[bytes], Picture]) -> Picture:
        """A picture as `decode` makes it of its file.

        Raises:
            CourseError: if it cannot be decoded; an evaluation leaves nothing out.
        """
        place = self.places[row]
        try:
            return decode(place.read())
        except BROKEN as error:
            raise CourseError(
                f"A picture of {self.name}, {place.path} at byte {place.offset}, cannot be decoded "
                f"({error}); get it again from {SETS[self.name].inputs[0].where}."
            ) from error

    def sizes(self) -> list[int]:
        """Of the N pictures' files, in bytes."""
        return [
            place.path.stat().st_size if place.size < 0 else place.size for place in self.places
        ]


def evaluation_set(
    name: str,
    source: Path,
    concepts: Concepts = "imagenet",
    *,
    size: int = 224,
    resize: int = 256,
    partial: bool = False,
) -> EvaluationSet:
    """The pictures of ``imagenet-val`` or ``imagenet-v2`` in a folder.

    ``imagenet-100`` keeps those of that hundred, as classes 0 … 99; `partial` takes what is there.

    Raises:
        CourseError: if the set is unknown, or files are missing or malformed.
    """
    if name not in EVALUATED:
        raise CourseError(
            f"There is no set {name!r} to evaluate on; the sets are {', '.join(EVALUATED)}."
        )
    known = SETS[name]
    by_wnid, left_out = _in_tar(source) if name == "imagenet-val" else {}, list[Path]()
    for folder in (source / ("val" if name == "imagenet-val" else V2_FOLDER), source):
        if not by_wnid:
            by_wnid, left_out = _in_folders(folder, numbered=name == "imagenet-v2")
    if not by_wnid:
        raise missing(source, known.inputs)
    classes = classes_of(concepts)
    found = sum(map(len, by_wnid.values()))
    of_each = [by_wnid.get(each.wnid, []) for each in classes]
    lacking = [each for each, places in zip(classes, of_each, strict=True) if not places]
    if (lacking or found != known.pairs) and not (partial and any(of_each)):
        raise CourseError(
            f"{source} has {found:,} pictures of {name} instead of {known.pairs:,}"
            + (f", and none of {lacking[0].wnid} ({lacking[0].name})" if lacking else "")
            + f"; get {known.inputs[0]} again."
        )
    labels = np.repeat(np.arange(len(classes)), list(map(len, of_each)))
    names = tuple(str(path) for path in left_out)
    return EvaluationSet(name, classes, tuple(chain(*of_each)), labels, names, size, resize)


def as_tested(pictures: Dataset[Any], labels: NDArray[np.int64], what: str) -> LabeledImages:
    """What a tower is tested on, of a data set that gives pictures uint8 [3, S, S] and labels."""

    def batches(rows: NDArray[np.int64], device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
        workers = data_paths.workers(device.type == "cpu")
        part = Subset(pictures, rows.tolist())
        for shown, truth in read_ahead(part, workers=workers, batch_size=BATCH):
            yield standardize_photographs(shown.to(device)), truth

    return LabeledImages(labels, batches, what)


def _in_tar(source: Path) -> ByClass:
    """The validation pictures in their tar, if it is there and no folder is."""
    if any(any(folder.glob("n????????")) for folder in (source / "val", source)) or not (
        (tar := source / VALIDATION_TAR).is_file() and (kit := source / KIT).is_file()
    ):
        return {}
    wnid = _kit_classes(kit)
    by_wnid: ByClass = {}
    for name, place in sorted(in_tar(tar).items()):
        number = re.fullmatch(r"ILSVRC2012_val_(\d{8})\.JPEG", name)
        if number is None or not 1 <= int(number[1]) <= len(wnid):
            raise CourseError(
                f"{tar} holds {name}, which {KIT} does not know; get both again from "
                f"{SETS['imagenet-val'].inputs[0].where}."
            )
        by_wnid.setdefault(wnid[int(number[1]) - 1], []).append(place)
    return by_wnid


def _kit_classes(kit: Path) -> list[str]:
    """The WordNet id of each validation picture, by its number."""
    folder = "ILSVRC2012_devkit_t12/data/"
    try:
        with tarfile.open(kit) as tar:
            table, truth = (
                tar.extractfile(folder + name).read()  # type: ignore[union-attr]
                for name in ("meta.mat", "ILSVRC2012_validation_ground_truth.txt")
            )
        # scipy's stubs know no file objects, which its documentation allows.
        content: Any = io.BytesIO(table)
        synsets = loadmat(content, squeeze_me=True)["synsets"]
        wnid = {int(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in synsets}
        return [wnid[int(line)] for line in truth.split()]
    except (tarfile.TarError, zlib.error, MatReadError, AttributeError, *BROKEN) as error:
        raise CourseError(
            f"{kit} is not ImageNet's development kit ({error}); get it again from "
            f"{SETS['imagenet-val'].inputs[0].where}."
        ) from error


def _in_folders(folder: Path, numbered: bool) -> tuple[ByClass, list[Path]]:
    """The pictures below a folder, by what its folders' names say, and what is none.

    The name is a WordNet id, or where classes are `numbered` the number of one.
    """
    names = {wnid: wnid for wnid in imagenet_classes()}
    if numbered:
        names |= {str(number): wnid for number, wnid in enumerate(names)}
    by_wnid: ByClass = {}
    left_out: list[Path] = []
    for below in sorted(folder.iterdir()) if folder.is_dir() else []:
        if below.is_dir() and below.name in names:
            pictures, others = pictures_in(below)
            by_wnid.setdefault(names[below.name], []).extend(map(Place, pictures))
            left_out += others
        elif not below.name.startswith("."):
            left_out.append(below)
    return by_wnid, left_out
