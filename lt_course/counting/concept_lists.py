"""Lists of concepts to be counted: the names of each class, and the words that veto it.

The list of ImageNet's classes is the paper's (App. B): WordNet's synonyms, edited by hand where a
word has a more common meaning (*crane bird*). It is read from the authors' release
(:mod:`lt_course.release`; 70 kB), as the counts are.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lt_course.errors import CourseError
from lt_course.release import METADATA, released_file

IMAGENET = "imagenet"
IMAGENET_FILE = "descriptors_imagenet_synset.json"
IMAGENET_SIZE = (1_000, 1_971)
"""Classes and names of the release's list."""

STRUCTURED = frozenset(".csv .tsv .jsonl .yaml .yml .toml .xml .html .xlsx .xls .parquet".split())
"""Endings of files that are more than a name a line."""

IMAGENET_VETO = {
    "sorrel": "plant herb flower leaf",
    "horizontal bar": "chart plot graph diagram",
    "impala": "car automobile vehicle chevy",
    "bow": "tie",
    "ringlet": "hair",
    "ram": "car truck automobile vehicle dodge logo computer memory random access chip review",
    "crane": "bird fish water wing leg zoo",
    "sub": "sandwich bread italian meatball grill menu",
    "sidewinder": "missile army military resort park",
}
"""Veto words of the ImageNet class that has this name (App. B and the release)."""


@dataclass(frozen=True)
class Concept:
    """A class to be counted, by its key, such as a WordNet id.

    A caption that holds one of its names names it, unless it holds a veto word.
    """

    key: str
    names: tuple[str, ...]
    veto: tuple[str, ...] = ()


@dataclass(frozen=True)
class ConceptList:
    """Concepts in the order of their list, the file that they were read from, and how it writes
    the names of each."""

    concepts: tuple[Concept, ...]
    path: Path
    written: tuple[tuple[str, ...], ...]


def read(source: str) -> ConceptList:
    """Read a list of concepts.

    Args:
        source: `imagenet`, or a file: *text* with the names of one class a line, separated by
            ` or ` or ` / ` (as in the lists of class names of the paper's other data sets); or
            *JSON*, an object that gives each class the list of its names, or
            `{"names": […], "veto": […]}`. What stands in round brackets is left out of a name.
    """
    released = source == IMAGENET
    path = Path(source)
    if released:
        path = released_file(f"descriptors/{IMAGENET_FILE}", "The names of ImageNet's classes are")
    if not path.is_file():
        raise CourseError(
            f"There is no concept list {source!r}; give {IMAGENET!r} or a text or JSON file."
        )
    if path.suffix.lower() in STRUCTURED:
        raise CourseError(
            f"{path} is no list of names by its ending {path.suffix}; write the names of one class "
            "a line into a .txt, or a JSON object that gives each class the list of its names."
        )
    content = path.read_bytes()
    try:
        text = content.decode(encoding_of(content))
    except UnicodeDecodeError as problem:
        raise CourseError(f"{path} is not UTF-8 text ({problem}); save it as UTF-8.") from problem
    concepts: dict[str, Concept] = {}
    written = []
    is_json = path.suffix.lower() == ".json"
    for place, key, listed, veto in (_of_json if is_json else _of_lines)(path, text):
        names = [name.lower() for name in listed]
        written.append(tuple(listed))
        if key in concepts:
            raise CourseError(f"{place}: {key!r} comes twice; keep one of the two.")
        for name in (*names, *veto):
            if not re.search("[a-z]", name) or re.search("[\ud800-\udfff]", key + name):
                raise CourseError(f"{place}: the name {name!r} has no letter a to z; correct it.")
        if released:
            veto = " ".join(IMAGENET_VETO.get(name, "") for name in names).split()
        concepts[key] = Concept(key, tuple(names), tuple(veto))
    if not concepts:
        raise CourseError(f"{path} holds no class; write the names of one class a line.")
    size = len(concepts), sum(len(concept.names) for concept in concepts.values())
    if released and size != IMAGENET_SIZE:
        raise CourseError(
            "{} holds {} classes with {} names, not {} with {}; fetch it again from {}.".format(
                path.name, *size, *IMAGENET_SIZE, f"{METADATA}descriptors/{IMAGENET_FILE}"
            )
        )
    return ConceptList(tuple(concepts.values()), path, tuple(written))


def encoding_of(begin: bytes) -> str:
    """The encoding of a text, by how it begins; without a mark or NULs it is UTF-8."""
    if begin.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if begin.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    nuls = [byte == 0 for byte in begin[:4]]
    if nuls == [False, True] * 2:
        return "utf-16-le"
    return "utf-16-be" if nuls == [True, False] * 2 else "utf-8-sig"


def _plain(name: str) -> str:
    """A name with single spaces, without what stands in round brackets."""
    return " ".join(re.sub(r"\([^)]*\)", "", name).split())


Entry = tuple[str, str, list[str], list[str]]
"""Where a class stands in its file, its key, its names and its veto words."""


def _of_lines(path: Path, text: str) -> Iterator[Entry]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield (
                f"{path}, line {number}",
                line.strip(),
                re.split(r"(?i) or | / ", _plain(line)),
                [],
            )


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as read: a key that comes twice is still there twice."""


def _of_json(path: Path, text: str) -> Iterator[Entry]:
    try:
        classes = json.loads(text, object_pairs_hook=_Pairs)
    except json.JSONDecodeError as problem:
        raise CourseError(f"{path} is not JSON ({problem}); correct it there.") from problem
    if not isinstance(classes, _Pairs):
        raise CourseError(f"{path} is no JSON object; give each class the list of its names.")
    for key, value in classes:
        fields = dict(value) if isinstance(value, _Pairs) else {"names": value}
        names, veto = fields.get("names"), fields.get("veto", [])
        if not (fields.keys() <= {"names", "veto"} and names and _are_texts(names, veto)):
            raise CourseError(
                f"{path}, class {key!r}: expected a list of names, or an object with the lists "
                "'names' and (where wanted) 'veto'."
            )
        yield (
            f"{path}, class {key!r}",
            key,
            list(map(_plain, names)),
            [_plain(word).lower() for word in veto],
        )


def _are_texts(*values: object) -> bool:
    return all(type(value) is list and all(isinstance(t, str) for t in value) for value in values)
