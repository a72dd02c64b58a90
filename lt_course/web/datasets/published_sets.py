"""The twelve data sets of the paper's Table 2, read by torchvision from where you have put them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from torchvision import datasets

from lt_course.data.transfer_sets import Ints, Metric, Part, TransferSet
from lt_course.errors import CourseError

VOC_CLASSES = (
    "aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike "
    "person pottedplant sheep sofa train tvmonitor"
).split()


@dataclass(frozen=True, eq=False)
class Pictures(Sequence[Any]):
    """Pictures of a torchvision data set, by number, each read when it is asked for."""

    dataset: Any
    rows: Ints

    def __len__(self) -> int:
        """How many there are."""
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        """A PIL picture in RGB; with a slice, those pictures."""
        if isinstance(index, slice):
            return Pictures(self.dataset, self.rows[index])
        return self.dataset[int(self.rows[index])][0].convert("RGB")


@dataclass(frozen=True)
class Published:
    """One of the twelve, and how it is read.

    Attributes:
        metric: as in Table 2.
        folder: where torchvision looks for it, below the root.
        source: where to get it, its size, and what is known of its licence.
        read: root to data sets of torchvision: training and test; or training, validation and
            test; or one that `divide` divides.
        divide: the rows of training and test of a set that comes in one piece.
    """

    metric: Metric
    folder: str
    source: str
    read: Callable[[Path], list[Any]]
    divide: Callable[[Path, Any, int], tuple[Ints, Ints]] | None = None


def _by_split(loader: Callable[..., Any], *splits: str, **options: Any) -> Callable[..., list[Any]]:
    return lambda root: [loader(root, split=split, **options) for split in splits]


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


PUBLISHED: dict[str, Published] = {
    "aircraft": Published(
        "mean per class", "fgvc-aircraft-2013b",
        "torchvision's FGVCAircraft downloads it (2.6 GB; for research, not for commerce)",
        _by_split(datasets.FGVCAircraft, "train", "val", "test"),
    ),
    "birdsnap": Published(
        "top-1", "birdsnap",
        "https://thomasberg.org lists the pictures' addresses (about 50,000 photographs of many "
        "owners; some are gone); put them into birdsnap/train and birdsnap/test, a folder a class",
        lambda root: [datasets.ImageFolder(root / "birdsnap" / part) for part in ("train", "test")],
    ),
    "caltech101": Published(
        "mean per class", "caltech101/101_ObjectCategories",
        "torchvision's Caltech101 downloads it (137 MB; CC BY 4.0)",
        lambda root: [datasets.Caltech101(root)], _thirty_a_class,
    ),
    "cars": Published(
        "top-1", "stanford_cars",
        "its address is gone; mirrors hold it (1.9 GB; for research, not for commerce), "
        "torchvision's StanfordCars says which files are needed",
        _by_split(datasets.StanfordCars, "train", "test"),
    ),
    "cifar10": Published(
        "top-1", "cifar-10-batches-py",
        "torchvision's CIFAR10 downloads it (170 MB; no licence is stated)",
        lambda root: [datasets.CIFAR10(root, train=train) for train in (True, False)],
    ),
    "cifar100": Published(
        "top-1", "cifar-100-python",
        "torchvision's CIFAR100 downloads it (169 MB; no licence is stated)",
        lambda root: [datasets.CIFAR100(root, train=train) for train in (True, False)],
    ),
    "dtd": Published(
        "top-1", "dtd/dtd",
        "torchvision's DTD downloads it (600 MB; for research)",
        _by_split(datasets.DTD, "train", "val", "test", partition=1),
    ),
    "flowers": Published(
        "mean per class", "flowers-102",
        "torchvision's Flowers102 downloads it (345 MB; no licence is stated)",
        _by_split(datasets.Flowers102, "train", "val", "test"),
    ),
    "food": Published(
        "top-1", "food-101",
        "torchvision's Food101 downloads it (5 GB; photographs of foodspotting.com's users, for "
        "scientific fair use)",
        _by_split(datasets.Food101, "train", "test"),
    ),
    "pets": Published(
        "mean per class", "oxford-iiit-pet",
        "torchvision's OxfordIIITPet downloads it (800 MB; CC BY-SA 4.0)",
        _by_split(datasets.OxfordIIITPet, "trainval", "test"),
    ),
    "sun397": Published(
        "top-1", "SUN397",
        "torchvision's SUN397 downloads the pictures (37 GB; for research), and Partitions.zip "
        "comes from https://vision.princeton.edu/projects/2010/SUN/",
        lambda root: [datasets.SUN397(root)], _sun397_lists,
    ),
    "voc2007": Published(
        "11-point mAP", "VOCdevkit/VOC2007",
        "torchvision's VOCDetection downloads it with year='2007' (trainval and test, 0.9 GB; "
        "flickr's terms of use)",
        lambda root: [
            datasets.VOCDetection(root, year="2007", image_set=part)
            for part in ("train", "val", "test")
        ],
    ),
}  # fmt: skip
"""The twelve of Table 2. Sets without validation pictures give a seeded fifth of the training
pictures to it, as the code that the paper uses does. torchvision's Caltech101 leaves the class
of backgrounds out, which that code keeps (102 classes)."""


def published_set(name: str, root: Path, *, seed: int = 0) -> TransferSet:
    """One of `PUBLISHED`, from files that are already there.

    Args:
        name: a key of `PUBLISHED`.
        root: the folder under which torchvision finds its data sets.
        seed: of the validation pictures, and of the test where none is official (caltech101).

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
    if entry.divide:
        rows, sides = list(entry.divide(root, sides[0], seed)), sides * 2
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
