"""Transfer sets: what frozen features are tried on that were learnt on something else.

Five come with the course and need no download. Each has training, validation and test pictures.
What stands on one side only, a whole author family or a whole concept, is unknown to the probe,
which is fitted on the training side; the tower may have seen other drawings of the same family,
and with ``others`` these very drawings.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from lt_course.data.icontail import SIDE, IconTail
from lt_course.errors import CourseError

Metric = Literal["top-1", "mean per class", "11-point mAP"]
Ints = NDArray[np.int64]
Counts = tuple[int, int, int]
"""Training, validation and test pictures of each class."""

SHARES = (0.5, 0.2, 0.3)
"""Of the drawings, for training, validation and test, before each is cut to equal counts."""

EMOJI_SETS = (
    "emojione emojione-monotone fluent-emoji fluent-emoji-flat fluent-emoji-high-contrast "
    "fxemoji noto noto-v1 twemoji"
).split()
EMOJI_GROUPS = (
    "smileys & emotion,people & body,animals & nature,food & drink,travel & places,activities,"
    "objects,symbols"
).split(",")
"""Unicode's groups of emoji, less flags, of which IconTail has none."""


@dataclass(frozen=True, eq=False)
class Part:
    """Pictures, and their labels int64 [N], 0 … C-1.

    Drawings are uint8 [N, 32, 32], 255 paper and 0 ink, or in colour [N, 64, 64, 3]; others a
    sequence of N PIL pictures, each read when it is asked for. Where pictures show several classes,
    labels are int64 [N, C]: 1 shown, 0 not shown, -1 not counted (VOC's "difficult").
    """

    pictures: NDArray[np.uint8] | Sequence[Any]
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


def evaluated_concepts(
    icontail: IconTail, classes: int, *, counts: tuple[int, int] = (12, 4), seed: int = 0
) -> TransferSet:
    """Name the evaluated concepts: the test is that of every run, by families never trained on.

    Training and validation pictures come from the same families, and the tower may have been
    trained on them without their labels. Every concept has equally many (`counts`), so that what
    features owe to frequency is not mixed up with what a probe does.
    """
    generator = np.random.default_rng([seed, 0xE7A])
    train, validation = [], []
    for concept in range(classes):
        pool = np.flatnonzero((icontail.concept == concept) & ~icontail.test)
        if len(pool) < sum(counts):
            raise CourseError(
                f"The transfer set 'evaluated concepts' asks for {sum(counts)} pictures of each "
                f"concept, but {icontail.concepts[concept].name!r} has {len(pool)}; lower 'counts'."
            )
        pool = generator.permutation(pool)
        train.append(pool[: counts[0]])
        validation.append(pool[counts[0] : sum(counts)])
    test = np.flatnonzero(icontail.test & (icontail.concept < classes))
    rows = np.concatenate(train), np.concatenate(validation), test
    return TransferSet(
        "evaluated concepts",
        tuple(concept.name for concept in icontail.concepts[:classes]),
        "top-1",
        *(Part(icontail.pictures[r], icontail.concept[r].astype(np.int64)) for r in rows),
    )


def held_out_concepts(
    icontail: IconTail, *, counts: Counts = (20, 5, 10), seed: int = 0
) -> TransferSet:
    """Name concepts that are never evaluated, drawn by families unknown to the probe.

    Every concept with enough drawings on all three sides takes part, with the same number of
    pictures. Labels of open concepts are unchecked (see the data card), so 1 is out of reach. The
    seed decides what stands on which side, and which drawings are taken. A CourseError says if
    fewer than two classes have enough.
    """
    rows = _open_drawings(icontail)
    side = side_of(icontail.family[rows], seed)
    names = [concept.name for concept in icontail.concepts]
    labels = icontail.concept[rows]
    return _split(icontail, "held-out concepts", rows, labels, names, side, counts, seed)


def authors(icontail: IconTail, *, counts: Counts = (60, 20, 40), seed: int = 0) -> TransferSet:
    """Tell who drew it: the author family of a drawing of a concept unknown to the probe.

    Families are the classes, and so stand on all sides; what stands on one side only is a concept,
    so that style has to be recognised, not a drawing seen before. As `held_out_concepts`.
    """
    rows = _open_drawings(icontail)
    side, labels = side_of(icontail.concept[rows], seed), icontail.family[rows]
    return _split(icontail, "authors", rows, labels, icontail.families, side, counts, seed)


def emoji_groups(
    icontail: IconTail, *, counts: Counts = (70, 30, 50), seed: int = 0
) -> TransferSet:
    """Tell which of Unicode's groups an emoji belongs to, drawn by families unknown to the probe.

    The group is a tag of some emoji sets. In sets without it, an emoji gets the group that others
    give to its title, if they agree. The same emoji can stand on two sides, drawn by others. Few
    families draw emoji, so sides are not drawn by lot: the one that drew most is trained on, the
    next is the test, and all others are validation. Else as `held_out_concepts`.
    """
    rows = _open_drawings(icontail)
    emoji = [number for number, s in enumerate(icontail.sets) if s.prefix in EMOJI_SETS]
    rows = rows[np.isin(icontail.set[rows], emoji)]
    tagged = {row: {*icontail.tags[row]} & {*EMOJI_GROUPS} for row in rows}
    titled: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        titled[icontail.titles[row]] |= tagged[row]
    groups = {row: tagged[row] or titled[icontail.titles[row]] for row in rows}
    rows = np.array([row for row in rows if len(groups[row]) == 1], dtype=np.int64)
    labels = np.array([EMOJI_GROUPS.index(*groups[row]) for row in rows], dtype=np.int64)
    families = icontail.family[rows]
    most = np.argsort(-np.bincount(families), kind="stable")[:2]
    side = np.select([families == family for family in most], [0, 2], default=1)
    return _split(icontail, "emoji groups", rows, labels, EMOJI_GROUPS, side, counts, seed)


def _open_drawings(icontail: IconTail) -> Ints:
    """Drawings of concepts that are not evaluated, and that exist only once.

    Those that go by two names exist as two concepts, and could stand on two sides.
    """
    core = sum(concept.core for concept in icontail.concepts)
    copies = Counter(picture.tobytes() for picture in icontail.grey)
    rows = np.flatnonzero(icontail.concept >= core)
    return rows[[copies[icontail.grey[row].tobytes()] == 1 for row in rows]]


def side_of(groups: NDArray[np.integer[Any]], seed: int) -> Ints:
    """The side on which each of N pictures stands: 0 training, 1 validation, 2 test; int64 [N].

    Groups, int [N], are not torn apart. They come in a seeded order; each goes to the side that
    would have the least in relation to its share, had it been added there.
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
    labels: NDArray[np.integer[Any]],
    classes: Sequence[str],
    side: Ints,
    counts: Counts,
    seed: int,
) -> TransferSet:
    """Equal counts of every class that has enough drawings on all sides."""
    available = np.stack([np.bincount(labels[side == s], minlength=len(classes)) for s in range(3)])
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
    return TransferSet(name, tuple(classes[int(label)] for label in enough), "top-1", *parts)


def digits() -> TransferSet:
    """scikit-learn's 1,797 handwritten digits of 8 by 8 pixels, made like IconTail's drawings.

    They come from 13 writers, one after the other, but are not marked with them; so they are
    split in their order, half, a quarter, a quarter, which keeps most writers on one side.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    n = len(bunch.target)
    pictures, labels = (
        np.split(array, [n // 2, n * 3 // 4])
        for array in (on_paper(bunch.images / 16), bunch.target.astype(np.int64))
    )
    return TransferSet("digits", tuple("0123456789"), "top-1", *map(Part, pictures, labels))


def on_paper(ink: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Light drawings [N, H, H], 0 ground and 1 ink, made like IconTail's: uint8 [N, 32, 32].

    Dark on light, 28 of 32 pixels wide.
    """
    grey = torch.from_numpy(np.asarray(ink, dtype=np.float32))[:, None]
    grey = F.interpolate(grey, size=(SIDE - 4, SIDE - 4), mode="bilinear", align_corners=False)
    paper = 255 * (1 - F.pad(grey, (2, 2, 2, 2))[:, 0])
    return np.asarray(paper.round().clamp(0, 255).to(torch.uint8).numpy())
