"""The twelve data sets of the paper's Table 2, read by torchvision from where you have put them.

``resources/published_sets.toml`` says where to get each, and how it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset
from torchvision import datasets
from torchvision.transforms.v2 import functional as V

from lt_course.data.data_folder import VARIABLE
from lt_course.data.photographs.reading import BROKEN
from lt_course.data.transfer_sets import Ints, Metric, Part, TransferSet
from lt_course.errors import CourseError
from lt_course.files import named_folder
from lt_course.study.dataset import Task
from lt_course.web.datasets.catalogue import resource
from lt_course.web.datasets.evaluation_sets import as_tested
from lt_course.web.shards import photographs

VOC_CLASSES = (
    "aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike "
    "person pottedplant sheep sofa train tvmonitor"
).split()


@dataclass(frozen=True, eq=False)
class Pictures(Sequence[Any]):
    """Pictures of a torchvision data set by number: PIL in RGB, each read when it is asked for."""

    dataset: Any
    rows: Ints

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        row = int(self.rows[index])
        try:
            return self.dataset[row][0].convert("RGB")
        except BROKEN as error:
            raise CourseError(
                f"Picture {row} of torchvision's {type(self.dataset).__name__} in "
                f"{self.dataset.root} cannot be decoded ({error}); get the set again."
            ) from error


@dataclass(frozen=True)
class Published:
    """One of the twelve, and how it is read; the table explains the fields."""

    metric: Metric
    folder: str
    source: str
    loader: str
    parts: list[dict[str, Any]]

    def read(self, root: Path) -> list[Any]:
        """The data sets of torchvision that it consists of."""
        loader = getattr(datasets, self.loader)
        return [loader(**part | {"root": root / part.get("root", "")}) for part in self.parts]


def _thirty_a_class(root: Path, dataset: Any, seed: int) -> tuple[Ints, Ints]:
    """Thirty pictures of each class for training, all others for the test."""
    labels = _labels(dataset)
    order = np.random.default_rng([seed, 0x101]).permutation(len(labels))
    train = np.concatenate([order[labels[order] == c][:30] for c in np.unique(labels)])
    return np.sort(train), np.setdiff1d(order, train)


def _sun397_lists(root: Path, dataset: Any, seed: int) -> tuple[Ints, Ints]:
    """SUN397's first official partition, 50 training and 50 test pictures of each class."""
    base = root / "SUN397"
    row = {str(path.relative_to(base)): i for i, path in enumerate(dataset._image_files)}
    found = []
    for name in ("Training_01.txt", "Testing_01.txt"):
        if not (base / name).exists():
            raise CourseError(
                f"SUN397's list {name} is not in {base}; get Partitions.zip from "
                "https://vision.princeton.edu/projects/2010/SUN/ and unpack it there."
            )
        lines = (base / name).read_text().split()
        found.append(np.array([row[line.lstrip("/")] for line in lines], dtype=np.int64))
    return found[0], found[1]


PUBLISHED = {name: Published(**entry) for name, entry in resource("published_sets").items()}

DIVIDE: dict[str, Callable[[Path, Any, int], tuple[Ints, Ints]]] = {
    "caltech101": _thirty_a_class,
    "sun397": _sun397_lists,
}
"""The rows of training and test of a set that comes in one piece."""


def published_set(name: str, root: Path, *, seed: int = 0) -> TransferSet:
    """One of `PUBLISHED`, from files that lie below `root` as torchvision puts them.

    `seed` draws the validation pictures, and those of the test where none is official (caltech101).

    Raises:
        CourseError: if there is no such set or its files are missing or incomplete; the sentence
            says where to get them, how large they are, and what is known of their licence.
    """
    if name not in PUBLISHED:
        raise CourseError(
            f"There is no transfer set {name!r}; the published ones are {', '.join(PUBLISHED)}."
        )
    entry = PUBLISHED[name]
    missing = CourseError(
        f"The transfer set {name!r} is not complete in {root / entry.folder}: {entry.source}."
    )
    # Asked first, because some loaders make the folders that they then miss.
    if not (root / entry.folder).is_dir():
        raise missing
    try:
        sides = entry.read(root)
    except (RuntimeError, FileNotFoundError, ValueError) as error:
        raise missing from error
    if name in DIVIDE:
        rows, sides = list(DIVIDE[name](root, sides[0], seed)), sides * 2
    else:
        rows = [np.arange(len(side)) for side in sides]
    if len(rows) == 2:
        order = np.random.default_rng([seed, 0x5]).permutation(len(rows[0]))
        fifth = len(order) // 5
        rows[:1] = [rows[0][np.sort(order[fifth:])], rows[0][np.sort(order[:fifth])]]
        sides = [sides[0], *sides]
    parts = (
        Part(Pictures(side, which), _labels(side)[which])
        for side, which in zip(sides, rows, strict=True)
    )
    return TransferSet(name, _class_names(sides[0]), entry.metric, *parts)


def _class_names(dataset: Any) -> tuple[str, ...]:
    if isinstance(dataset, datasets.VOCDetection):
        return tuple(VOC_CLASSES)
    return tuple(getattr(dataset, "classes", None) or dataset.categories)


def _labels(dataset: Any) -> Ints:
    """The labels of a torchvision data set, without reading its pictures.

    There is no public way to all of them; these are the attributes that the loaders keep them in.
    """
    if isinstance(dataset, datasets.VOCDetection):
        return np.stack([_voc_labels(Path(path)) for path in dataset.annotations])
    if isinstance(dataset, datasets.StanfordCars):
        return np.array([label for _, label in dataset._samples], dtype=np.int64)
    if isinstance(dataset, datasets.Caltech101):
        return np.array(dataset.y, dtype=np.int64)
    public = hasattr(dataset, "targets")
    return np.array(dataset.targets if public else dataset._labels, dtype=np.int64)


def _voc_labels(annotation: Path) -> Ints:
    """1 for a class that is shown, -1 for one whose every object is marked difficult, else 0."""
    labels = np.zeros(len(VOC_CLASSES), dtype=np.int64)
    for thing in ElementTree.parse(annotation).getroot().iter("object"):
        number = VOC_CLASSES.index(thing.findtext("name", ""))
        difficult = thing.findtext("difficult") == "1"
        labels[number] = 1 if not difficult or labels[number] == 1 else -1
    return labels


@dataclass(frozen=True)
class _Cropped(Dataset[tuple[Tensor, Tensor]]):
    """The pictures of a part as they are tested: the centre, uint8 [3, S, S]; and their labels."""

    part: Part
    size: int

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor]:
        picture = V.pil_to_tensor(self.part.pictures[row])
        crop = photographs.evaluation_crop(picture, self.size, self.size)
        return crop, torch.as_tensor(self.part.labels[row])


def published_tasks(size: int) -> Iterator[Task]:
    """Those of `PUBLISHED` that are in ``LT_COURSE_DATA/transfer``, as torchvision puts them.

    What is not there is left out, and the record then lacks its metric. As in the code that the
    paper uses, the shorter side of pictures is scaled to `size`, and the centre is cut out.

    Raises:
        CourseError: if a set is there, but incomplete.
    """
    root = (named_folder(VARIABLE) or Path()) / "transfer"
    for name, entry in PUBLISHED.items():
        if (root / entry.folder).is_dir():
            found = published_set(name, root)
            sides = {"training": found.train, "validation": found.validation, "test": found.test}
            parts = (
                as_tested(_Cropped(part, size), part.labels, f"{name}, {what}")
                for what, part in sides.items()
            )
            yield Task(name, len(found.classes), found.metric, *parts)
