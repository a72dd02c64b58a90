"""Labelled photographs to evaluate on: ImageNet's validation pictures, and ImageNetV2.

Classes are joined by WordNet id with `lt_course.data.imagenet`, and their order is that table's.
A folder's name says the class (a WordNet id; in ImageNetV2 the class number, which is the rank of
the WordNet id and not the rank of the folder's name: "10" is class 10, not the third one). In the
validation tar, which has no folders, the number in a picture's name leads to the development
kit's own class number, and that kit's table to the WordNet id.
"""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat
from torch import Tensor
from torch.utils.data import Dataset

from lt_course.data.data_folder import Input, missing
from lt_course.data.imagenet import Concepts, ImageNetClass, classes_of, imagenet_classes
from lt_course.errors import CourseError
from lt_course.web.datasets.imagenet_pictures import in_tar
from lt_course.web.datasets.sources import Place, Source
from lt_course.web.shards import photographs

SetName = Literal["imagenet-val", "imagenet-v2"]

VALIDATION_TAR = "ILSVRC2012_img_val.tar"
KIT = "ILSVRC2012_devkit_t12.tar.gz"
V2_FOLDER = "imagenetv2-matched-frequency-format-val"

VALIDATION = Source(
    "imagenet-val",
    "ImageNet's validation pictures, to evaluate on; of 100 classes: ImageNet-100",
    pairs=50_000,
    classes=1_000,
    inputs=(
        Input(
            f"the folder val/ with one folder a WordNet id, or {VALIDATION_TAR} with {KIT}",
            "https://image-net.org/download-images.php",
            "registration; research and education without profit",
            "6.3 GB",
        ),
    ),
    prepared=False,
)
V2 = Source(
    "imagenet-v2",
    "ImageNetV2, matched frequency, to evaluate on",
    pairs=10_000,
    classes=1_000,
    inputs=(
        Input(
            f"the folder {V2_FOLDER}, unpacked from imagenetv2-matched-frequency.tar.gz",
            "https://huggingface.co/datasets/vaishaal/ImageNetV2",
            "MIT",
            "1.26 GB",
        ),
    ),
    prepared=False,
)
SETS: dict[str, Source] = {VALIDATION.name: VALIDATION, V2.name: V2}


Picture = TypeVar("Picture")


@dataclass(frozen=True)
class EvaluationSet(Dataset[tuple[Tensor, int]]):
    """N labelled photographs: pictures uint8 [3, S, S] with their classes.

    Attributes:
        name: of the set.
        classes: C, in the order of their class numbers.
        places: of the N pictures, by class and name.
        labels: int64 [N], 0 … C-1.
        size: side S of the pictures.
        resize: the shorter side before the centre is cut out. The paper's classifiers are
            evaluated with 256, its CLIPs with 224.
    """

    name: str
    classes: tuple[ImageNetClass, ...]
    places: tuple[Place, ...]
    labels: NDArray[np.int64]
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
        content = place.read()
        try:
            return decode(content)
        except (ValueError, OSError) as error:
            raise CourseError(
                f"A picture of {self.name}, {place.path} at byte {place.offset}, cannot be decoded "
                f"({error}); get it again from {SETS[self.name].inputs[0].where}."
            ) from error


def evaluation_set(
    name: SetName,
    source: Path,
    concepts: Concepts = "imagenet",
    *,
    size: int = 224,
    resize: int = 256,
    partial: bool = False,
) -> EvaluationSet:
    """Find the pictures of a set.

    Args:
        name: ``imagenet-val`` or ``imagenet-v2``.
        source: folder with the files of `SETS`.
        concepts: ``imagenet-100`` keeps the pictures of that hundred, as classes 0 … 99.
        size: as `EvaluationSet`.
        resize: as `EvaluationSet`.
        partial: take what is there, even if classes or pictures are missing.

    Raises:
        CourseError: if the set is unknown, or files are missing or malformed.
    """
    if name not in SETS:
        raise CourseError(
            f"There is no set {name!r} to evaluate on; the sets are {', '.join(SETS)}."
        )
    known = SETS[name]
    by_wnid = (_validation if name == VALIDATION.name else _v2)(source)
    if by_wnid is None:
        raise missing(source, known.inputs)
    classes = classes_of(concepts)
    found = sum(map(len, by_wnid.values()))
    lacking = [each for each in classes if not by_wnid.get(each.wnid)]
    if (lacking or found != known.pairs) and not partial:
        raise CourseError(
            f"{source} has {found:,} pictures of {name} instead of {known.pairs:,}"
            + (f", and none of {lacking[0].wnid} ({lacking[0].name})" if lacking else "")
            + f"; get {known.inputs[0]} again."
        )
    places = [place for each in classes for place in by_wnid.get(each.wnid, [])]
    labels = np.repeat(
        np.arange(len(classes)), [len(by_wnid.get(each.wnid, [])) for each in classes]
    )
    return EvaluationSet(name, classes, tuple(places), labels, size, resize)


def _validation(source: Path) -> dict[str, list[Place]] | None:
    for folder in (source / "val", source):
        if any(folder.glob("n????????")):
            return _in_folders(folder, lambda name: name if name in imagenet_classes() else None)
    if not ((tar := source / VALIDATION_TAR).is_file() and (kit := source / KIT).is_file()):
        return None
    wnid = _kit_classes(kit)
    by_wnid: dict[str, list[Place]] = {}
    for name, place in sorted(in_tar(tar).items()):
        number = re.fullmatch(r"ILSVRC2012_val_(\d{8})\.JPEG", name)
        if number is None or not 1 <= int(number[1]) <= len(wnid):
            raise CourseError(
                f"{tar} holds {name}, which {KIT} does not know; get both again from "
                f"{VALIDATION.inputs[0].where}."
            )
        by_wnid.setdefault(wnid[int(number[1]) - 1], []).append(place)
    return by_wnid


def _kit_classes(kit: Path) -> list[str]:
    """The WordNet id of each validation picture, by its number."""
    folder = "ILSVRC2012_devkit_t12/data/"
    try:
        with tarfile.open(kit) as tar:
            table, truth = (
                tar.extractfile(folder + name)
                for name in ("meta.mat", "ILSVRC2012_validation_ground_truth.txt")
            )
            assert table is not None
            assert truth is not None
            # scipy's stubs know no file objects, which its documentation allows.
            content: Any = io.BytesIO(table.read())
            synsets = loadmat(content, squeeze_me=True)["synsets"]
            wnid = {int(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in synsets}
            return [wnid[int(line)] for line in truth.read().split()]
    except (tarfile.TarError, KeyError, ValueError, EOFError) as error:
        raise CourseError(
            f"{kit} is not ImageNet's development kit ({error}); get it again from "
            f"{VALIDATION.inputs[0].where}."
        ) from error


def _v2(source: Path) -> dict[str, list[Place]] | None:
    wnids = list(imagenet_classes())

    def wnid(name: str) -> str | None:
        return wnids[int(name)] if re.fullmatch(r"\d{1,3}", name) else None

    for folder in (source / V2_FOLDER, source):
        if (folder / "0").is_dir() or (folder / "999").is_dir():
            return _in_folders(folder, wnid)
    return None


def _in_folders(folder: Path, wnid: Callable[[str], str | None]) -> dict[str, list[Place]]:
    """The pictures below a folder, by what its folders' names say."""
    by_wnid: dict[str, list[Place]] = {}
    for below in folder.iterdir():
        if below.is_dir() and (known := wnid(below.name)) is not None:
            pictures = sorted(path for path in below.iterdir() if not path.name.startswith("."))
            by_wnid[known] = list(map(Place, pictures))
    return by_wnid
