"""Transfer sets: what features are tried on that were learnt on something else.

Six are at hand without a download, or become so with a small package: held-out concepts, authors
and emoji groups of IconTail, handwritten digits and Fashion-MNIST. `PUBLISHED` declares the twelve
of the paper's Table 2, read by torchvision from where you have put them.

Every set comes as training, validation and test pictures. Where IconTail is split, a whole author
family (or a whole concept) stands on one side, so that no drawing has a sibling on another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree

import numpy as np
import torch
import torch.nn.functional as F
import torchvision.datasets as published
from numpy.typing import NDArray

from lt_course.data.icontail import SIDE, IconTail
from lt_course.errors import CourseError

Metric = Literal["top-1", "mean per class", "11-point mAP"]
Ints = NDArray[np.int64]

SHARES = (0.5, 0.2, 0.3)
"""Of the drawings, for training, validation and test, before each is cut to equal counts."""

EMOJI_SETS = (
    "emojione emojione-monotone fluent-emoji fluent-emoji-flat fluent-emoji-high-contrast "
    "fxemoji noto noto-v1 twemoji"
).split()
EMOJI_GROUPS = (
    "smileys & emotion",
    "people & body",
    "animals & nature",
    "food & drink",
    "travel & places",
    "activities",
    "objects",
    "symbols",
)
"""Unicode's groups of emoji, less flags, of which IconTail has none."""


@dataclass(frozen=True, eq=False)
class Part:
    """Pictures and their labels.

    Attributes:
        pictures: uint8 [N, 32, 32], 255 paper and 0 ink; of IconTail in colour [N, 64, 64, 3]; of
            published sets, a sequence of N PIL
            pictures that are read when they are asked for.
        labels: int64 [N], 0 … C-1; where pictures show several classes, int64 [N, C]: 1 shown, 0
            not shown, -1 not counted (VOC's "difficult").
    """

    pictures: NDArray[np.uint8] | Pictures
    labels: Ints

    def __len__(self) -> int:
        """The number of pictures, N."""
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class TransferSet:
    """A task for frozen features: choose on validation, measure on test."""

    name: str
    classes: tuple[str, ...]
    metric: Metric
    train: Part
    validation: Part
    test: Part


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


# --- IconTail -----------------------------------------------------------------------------------


def evaluated_concepts(
    icontail: IconTail, classes: int, *, counts: tuple[int, int] = (12, 4), seed: int = 0
) -> TransferSet:
    """Name the evaluated concepts: the test is that of every run, by families never trained on.

    Training and validation pictures may have been trained on without their labels. Every concept
    has equally many, so that what features owe to frequency is not mixed up with what a probe does.

    Args:
        icontail: the data set.
        classes: number C of evaluated concepts.
        counts: training and validation pictures of each concept.
        seed: of which drawings are taken.

    Raises:
        CourseError: if a concept has too few training drawings.
    """
    generator = np.random.default_rng([seed, 0xE7A])
    sides: tuple[list[Ints], list[Ints]] = ([], [])
    for concept in range(classes):
        pool = np.flatnonzero((icontail.concept == concept) & ~icontail.test)
        if len(pool) < sum(counts):
            raise CourseError(
                f"The transfer set 'evaluated concepts' asks for {sum(counts)} pictures of each "
                f"concept, but {icontail.concepts[concept].name!r} has {len(pool)}; lower 'counts'."
            )
        pool = generator.permutation(pool)
        sides[0].append(pool[: counts[0]])
        sides[1].append(pool[counts[0] : sum(counts)])
    test = np.flatnonzero(icontail.test & (icontail.concept < classes))
    return TransferSet(
        "evaluated concepts",
        tuple(concept.name for concept in icontail.concepts[:classes]),
        "top-1",
        *(
            Part(icontail.pictures[rows], icontail.concept[rows].astype(np.int64))
            for rows in (*map(np.concatenate, sides), test)
        ),
    )


def held_out_concepts(
    icontail: IconTail,
    evaluated: int | None = None,
    *,
    counts: tuple[int, int, int] = (20, 5, 10),
    seed: int = 0,
) -> TransferSet:
    """Name concepts that are not among the evaluated ones, drawn by unknown families.

    Every concept with enough drawings on all three sides takes part, with the same number of
    pictures. Labels of open concepts are unchecked (see the data card), so 1 is out of reach.
    A run that was trained on other concepts' pictures (``others``) may have seen these.

    Args:
        icontail: the data set.
        evaluated: the first so many concepts are left out; by default all core concepts.
        counts: training, validation and test pictures of each concept.
        seed: of which family stands on which side, and of which drawings are taken.

    Raises:
        CourseError: if there are fewer than two such concepts.
    """
    rows = _outside(icontail, evaluated)
    return _split(
        icontail,
        "held-out concepts",
        rows,
        [concept.name for concept in icontail.concepts],
        labels=icontail.concept[rows],
        side=side_of(icontail.family[rows], seed),
        counts=counts,
        seed=seed,
    )


def authors(
    icontail: IconTail,
    evaluated: int | None = None,
    *,
    counts: tuple[int, int, int] = (60, 20, 40),
    seed: int = 0,
) -> TransferSet:
    """Tell who drew it: the author family of a drawing of an unknown concept.

    Here families are the classes, and so stand on all sides; what stands on one side only is a
    concept, so that style has to be recognised, not a drawing seen before.

    Arguments and errors: as `held_out_concepts`; `counts` is of each family.
    """
    rows = _outside(icontail, evaluated)
    return _split(
        icontail,
        "authors",
        rows,
        icontail.families,
        labels=icontail.family[rows],
        side=side_of(icontail.concept[rows], seed),
        counts=counts,
        seed=seed,
    )


def emoji_groups(
    icontail: IconTail,
    evaluated: int | None = None,
    *,
    counts: tuple[int, int, int] = (70, 30, 50),
    seed: int = 0,
) -> TransferSet:
    """Tell which of Unicode's groups an emoji belongs to, drawn by unknown families.

    The group is a tag of some emoji sets. In sets without it, an emoji gets the group that others
    give to its title, if they agree. The same emoji can stand on two sides, drawn by others. Few
    families draw emoji, so sides are not drawn by lot: the one that drew most is trained on, the
    next is the test, and all others are validation.

    Arguments and errors: as `held_out_concepts`; `counts` is of each group, and `seed` only of
    which drawings are taken.
    """
    rows = _outside(icontail, evaluated)
    emoji = [number for number, s in enumerate(icontail.sets) if s.prefix in EMOJI_SETS]
    rows = rows[np.isin(icontail.set[rows], emoji)]
    groups = [{*icontail.tags[row]} & {*EMOJI_GROUPS} for row in rows]
    titled: dict[str, set[str]] = {}
    for row, group in zip(rows, groups, strict=True):
        titled.setdefault(icontail.titles[row], set()).update(group)
    groups = [
        group or titled[icontail.titles[row]] for row, group in zip(rows, groups, strict=True)
    ]
    clear = np.array([len(group) == 1 for group in groups], dtype=bool)
    labels = [EMOJI_GROUPS.index(*group) for group in groups if len(group) == 1]
    families = icontail.family[rows[clear]]
    most = np.argsort(-np.bincount(families), kind="stable")[:2]
    side = np.select([families == family for family in most], [0, 2], default=1)
    return _split(
        icontail,
        "emoji groups",
        rows[clear],
        EMOJI_GROUPS,
        labels=np.array(labels, dtype=np.int64),
        side=side,
        counts=counts,
        seed=seed,
    )


def _outside(icontail: IconTail, evaluated: int | None) -> Ints:
    """Drawings of concepts that are not among the evaluated ones, and that exist only once.

    Some drawings go by two names, and so exist as two concepts: they have no one label, and could
    stand on two sides.
    """
    if evaluated is None:
        evaluated = sum(concept.core for concept in icontail.concepts)
    copies = Counter(picture.tobytes() for picture in icontail.grey)
    rows = np.flatnonzero(icontail.concept >= evaluated)
    return rows[[copies[icontail.grey[row].tobytes()] == 1 for row in rows]]


def side_of(groups: NDArray[np.integer[Any]], seed: int) -> Ints:
    """The side on which each picture stands: 0 training, 1 validation, 2 test.

    Groups come in a seeded order; each goes to the side that would have the least in relation to
    its share, had it been added there.

    Args:
        groups: int [N], what may not be torn apart (author families, or concepts).
        seed: of the order.

    Returns:
        int64 [N]; pictures of one group have one side.
    """
    members, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    side = np.zeros(len(members), dtype=np.int64)
    filled = np.zeros(3)
    for number in np.random.default_rng([seed, 0x51DE]).permutation(len(members)):
        side[number] = np.argmin((filled + sizes[number]) / SHARES)
        filled[side[number]] += sizes[number]
    return side[group]


def _split(
    icontail: IconTail,
    name: str,
    rows: Ints,
    names: Sequence[str],
    *,
    labels: NDArray[np.integer[Any]],
    side: Ints,
    counts: tuple[int, int, int],
    seed: int,
) -> TransferSet:
    """Equal counts of every label that has enough drawings on all sides."""
    available = np.stack([np.bincount(labels[side == s], minlength=len(names)) for s in range(3)])
    enough = np.flatnonzero((available >= np.array(counts)[:, None]).all(0))
    if len(enough) < 2:
        raise CourseError(
            f"The transfer set {name!r} asks for {', '.join(map(str, counts))} training, "
            f"validation and test pictures a class, which {len(enough)} classes have; lower "
            "'counts'."
        )
    generator = np.random.default_rng([seed, 0xD4A])
    parts = []
    for s, count in enumerate(counts):
        pools = [np.flatnonzero((labels == label) & (side == s)) for label in enough]
        taken = np.concatenate([generator.permutation(pool)[:count] for pool in pools])
        parts.append(Part(icontail.pictures[rows[taken]], np.arange(len(enough)).repeat(count)))
    return TransferSet(name, tuple(names[int(label)] for label in enough), "top-1", *parts)


# --- Small pictures of others -------------------------------------------------------------------


def digits() -> TransferSet:
    """scikit-learn's 1,797 handwritten digits of 8 by 8 pixels, as dark ink on paper.

    They come from 13 writers, one after the other, but are not marked with them; so they are
    split in their order, half, a quarter, a quarter, which keeps most writers on one side.

    Raises:
        CourseError: if scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise CourseError(
            "The digits travel with scikit-learn, which is not installed; run "
            "`pip install scikit-learn`."
        ) from error
    found = load_digits()
    pictures = on_paper(found.images / 16)
    labels = found.target.astype(np.int64)
    half, three_quarters = len(labels) // 2, len(labels) * 3 // 4
    return TransferSet(
        "digits",
        tuple("0123456789"),
        "top-1",
        Part(pictures[:half], labels[:half]),
        Part(pictures[half:three_quarters], labels[half:three_quarters]),
        Part(pictures[three_quarters:], labels[three_quarters:]),
    )


def fashion_mnist(root: Path) -> TransferSet:
    """Fashion-MNIST (arXiv 1708.07747, MIT licence), dark on light; validation is the last 10,000.

    Args:
        root: the folder that holds ``FashionMNIST/raw`` with torchvision's files (55 MB).

    Raises:
        CourseError: if they are not there; nothing is downloaded.
    """
    try:
        train, test = (published.FashionMNIST(root, train=train) for train in (True, False))
    except RuntimeError as error:
        raise CourseError(
            f"Fashion-MNIST is not in {root}; get it (31 MB) with "
            f"`torchvision.datasets.FashionMNIST({str(root)!r}, download=True)`."
        ) from error
    pictures, labels = on_paper(train.data.numpy() / 255), train.targets.numpy()
    return TransferSet(
        "Fashion-MNIST",
        tuple(train.classes),
        "top-1",
        Part(pictures[:-10_000], labels[:-10_000]),
        Part(pictures[-10_000:], labels[-10_000:]),
        Part(on_paper(test.data.numpy() / 255), test.targets.numpy()),
    )


def on_paper(ink: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Light drawings on a dark ground, made like IconTail's: dark on light, 28 of 32 pixels wide.

    Args:
        ink: float [N, H, H], 0 ground and 1 ink.

    Returns:
        uint8 [N, 32, 32], 255 paper and 0 ink.
    """
    grey = torch.from_numpy(np.asarray(ink, dtype=np.float32))[:, None]
    inner = SIDE - 4
    if grey.shape[-1] != inner:
        grey = F.interpolate(grey, size=(inner, inner), mode="bilinear", align_corners=False)
    paper = 255 * (1 - F.pad(grey, (2, 2, 2, 2))[:, 0])
    return np.asarray(paper.round().clamp(0, 255).to(torch.uint8).numpy())


# --- The paper's twelve -------------------------------------------------------------------------


@dataclass(frozen=True)
class Published:
    """One of the twelve data sets of the paper's Table 2, and how it is read.

    Attributes:
        classes: C.
        metric: as in Table 2.
        folder: where torchvision looks for it, below the root.
        source: where to get it, its size, and what is known of its licence.
        read: root to data sets of torchvision: training and test; or training, validation and
            test; or one that `divide` divides.
        divide: the rows of training and test of a set that comes in one piece.
    """

    classes: int
    metric: Metric
    folder: str
    source: str
    read: Callable[[Path], list[Any]]
    divide: Callable[[Path, Any, int], tuple[Ints, Ints]] | None = None


def _by_split(loader: Callable[..., Any], *splits: str, **options: Any) -> Callable[..., list[Any]]:
    return lambda root: [loader(root, split=split, **options) for split in splits]


def _voc2007(root: Path) -> list[Any]:
    return [
        published.VOCDetection(root, year="2007", image_set=part)
        for part in ("train", "val", "test")
    ]


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
        100, "mean per class", "fgvc-aircraft-2013b",
        "torchvision's FGVCAircraft downloads it (2.6 GB; for research, not for commerce)",
        _by_split(published.FGVCAircraft, "train", "val", "test"),
    ),
    "birdsnap": Published(
        500, "top-1", "birdsnap",
        "https://thomasberg.org lists the pictures' addresses (about 50,000 photographs of many "
        "owners; some are gone); put them into birdsnap/train and birdsnap/test, a folder a class",
        lambda root: [
            published.ImageFolder(root / "birdsnap" / part) for part in ("train", "test")
        ],
    ),
    "caltech101": Published(
        101, "mean per class", "caltech101/101_ObjectCategories",
        "torchvision's Caltech101 downloads it (137 MB; CC BY 4.0)",
        lambda root: [published.Caltech101(root)], _thirty_a_class,
    ),
    "cars": Published(
        196, "top-1", "stanford_cars",
        "its address is gone; mirrors hold it (1.9 GB; for research, not for commerce), "
        "torchvision's StanfordCars says which files are needed",
        _by_split(published.StanfordCars, "train", "test"),
    ),
    "cifar10": Published(
        10, "top-1", "cifar-10-batches-py",
        "torchvision's CIFAR10 downloads it (170 MB; no licence is stated)",
        lambda root: [published.CIFAR10(root, train=train) for train in (True, False)],
    ),
    "cifar100": Published(
        100, "top-1", "cifar-100-python",
        "torchvision's CIFAR100 downloads it (169 MB; no licence is stated)",
        lambda root: [published.CIFAR100(root, train=train) for train in (True, False)],
    ),
    "dtd": Published(
        47, "top-1", "dtd/dtd",
        "torchvision's DTD downloads it (600 MB; for research)",
        _by_split(published.DTD, "train", "val", "test", partition=1),
    ),
    "flowers": Published(
        102, "mean per class", "flowers-102",
        "torchvision's Flowers102 downloads it (345 MB; no licence is stated)",
        _by_split(published.Flowers102, "train", "val", "test"),
    ),
    "food": Published(
        101, "top-1", "food-101",
        "torchvision's Food101 downloads it (5 GB; photographs of foodspotting.com's users, for "
        "scientific fair use)",
        _by_split(published.Food101, "train", "test"),
    ),
    "pets": Published(
        37, "mean per class", "oxford-iiit-pet",
        "torchvision's OxfordIIITPet downloads it (800 MB; CC BY-SA 4.0)",
        _by_split(published.OxfordIIITPet, "trainval", "test"),
    ),
    "sun397": Published(
        397, "top-1", "SUN397",
        "torchvision's SUN397 downloads the pictures (37 GB; for research), and Partitions.zip "
        "comes from https://vision.princeton.edu/projects/2010/SUN/",
        lambda root: [published.SUN397(root)], _sun397_lists,
    ),
    "voc2007": Published(
        20, "11-point mAP", "VOCdevkit/VOC2007",
        "torchvision's VOCDetection downloads it with year='2007' (trainval and test, 0.9 GB; "
        "flickr's terms of use)",
        _voc2007,
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
        datasets = entry.read(root)
    except (RuntimeError, FileNotFoundError, ValueError) as error:
        raise missing from error
    if entry.divide:
        rows = list(entry.divide(root, datasets[0], seed))
        datasets = datasets * 2
    else:
        rows = [np.arange(len(dataset)) for dataset in datasets]
    parts = [
        Part(Pictures(dataset, which), _labels(dataset)[which])
        for dataset, which in zip(datasets, rows, strict=True)
    ]
    if len(parts) == 2:
        parts[:1] = _fifth_for_validation(parts[0], seed)
    return TransferSet(name, _class_names(datasets[0]), entry.metric, *parts)


def _fifth_for_validation(part: Part, seed: int) -> list[Part]:
    order = np.random.default_rng([seed, 0x5]).permutation(len(part))
    cut = len(part) // 5
    pictures = part.pictures
    assert isinstance(pictures, Pictures)
    return [
        Part(Pictures(pictures.dataset, pictures.rows[rows]), part.labels[rows])
        for rows in (np.sort(order[cut:]), np.sort(order[:cut]))
    ]


VOC_CLASSES = (
    "aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike "
    "person pottedplant sheep sofa train tvmonitor"
).split()


def _class_names(dataset: Any) -> tuple[str, ...]:
    if isinstance(dataset, published.VOCDetection):
        return tuple(VOC_CLASSES)
    return tuple(getattr(dataset, "classes", None) or dataset.categories)


def _labels(dataset: Any) -> Ints:
    """The labels of a torchvision data set, without reading its pictures.

    There is no public way to all of them; these are the attributes that the loaders keep them in.
    """
    if isinstance(dataset, published.VOCDetection):
        return np.stack([_voc_labels(Path(path)) for path in dataset.annotations])
    if isinstance(dataset, published.StanfordCars):
        return np.array([label for _, label in dataset._samples], dtype=np.int64)
    if isinstance(dataset, published.Caltech101):
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
