"""Lists of concepts to be counted: the names of each class, and the words that veto it.

The list of ImageNet's classes is the one of the paper (Wen et al., NeurIPS 2024, arXiv 2405.21070,
App. B): WordNet's synonyms, edited by hand where a word has a more common meaning (*crane bird*).
It is read from the authors' release, as the counts are (:mod:`lt_course.counting.web_frequencies`):

1. the folder `descriptors` inside the directory that `LT_COURSE_MIRROR` names,
2. the authors' repository at a pinned commit (70 kB, kept in the user's cache).
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pooch
from requests.exceptions import RequestException

from lt_course.errors import CourseError
from lt_course.files import named_folder
from lt_course.release import COMMIT, METADATA, MIRROR_VARIABLE, REPOSITORY

IMAGENET = "imagenet"
IMAGENET_FILE = "descriptors_imagenet_synset.json"
IMAGENET_URL = f"{METADATA}descriptors/{IMAGENET_FILE}"
IMAGENET_SIZE = (1_000, 1_971)
"""Classes and names of the release's list."""

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
    """A class to be counted.

    Attributes:
        key: what identifies it, such as a WordNet id.
        names: its names; a caption that holds one of them names the class.
        veto: words that no caption which names the class may hold.
    """

    key: str
    names: tuple[str, ...]
    veto: tuple[str, ...] = ()


@dataclass(frozen=True)
class ConceptList:
    """Concepts in the order of their list, and the file that they were read from."""

    concepts: tuple[Concept, ...]
    path: Path


def read(source: str) -> ConceptList:
    """Read a list of concepts.

    Args:
        source: `imagenet`, or a file: *text* with the names of one class a line, separated by
            ` or ` or ` / ` (as in the lists of class names of the paper's other data sets); or
            *JSON*, an object that gives each class the list of its names, or
            `{"names": […], "veto": […]}`. What stands in round brackets is left out of a name.

    Raises:
        CourseError: the file is missing, malformed or empty, a class comes twice, or a name has
            no letter a to z.
    """
    path = _imagenet_file() if source == IMAGENET else Path(source)
    if not path.is_file():
        raise CourseError(
            f"There is no concept list {source!r}; give {IMAGENET!r} or a text or JSON file."
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as problem:
        raise CourseError(f"{path} is not UTF-8 text ({problem}); save it as UTF-8.") from problem
    found = _from_json(path, text) if path.suffix == ".json" else _from_lines(path, text)
    if source == IMAGENET:
        found = [_with_veto(concept) for concept in found]
        size = len(found), sum(len(concept.names) for concept in found)
        if size != IMAGENET_SIZE:
            raise CourseError(
                f"{path.name} holds {size[0]} classes with {size[1]} names, not "
                f"{IMAGENET_SIZE[0]} with {IMAGENET_SIZE[1]}; fetch it again from {IMAGENET_URL}."
            )
    if not found:
        raise CourseError(f"{path} holds no class; write the names of one class a line.")
    return ConceptList(tuple(found), path)


def plain(name: str) -> str:
    """A name in lower case, with single spaces, without what stands in round brackets."""
    return " ".join(re.sub(r"\([^)]*\)", "", name.lower()).split())


def _from_lines(path: Path, text: str) -> list[Concept]:
    found: dict[str, Concept] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            names = re.split(r" or | / ", plain(line))
            _add(found, f"{path}, line {number}", line.strip(), names, [])
    return list(found.values())


def _from_json(path: Path, text: str) -> list[Concept]:
    try:
        classes = json.loads(text, object_pairs_hook=_pairs)
    except json.JSONDecodeError as problem:
        raise CourseError(f"{path} is not JSON ({problem}); correct it there.") from problem
    if not isinstance(classes, _Pairs):
        raise CourseError(f"{path} is no JSON object; give each class the list of its names.")
    found: dict[str, Concept] = {}
    for key, value in classes:
        fields = dict(value) if isinstance(value, _Pairs) else {"names": value}
        lists = fields.get("names"), fields.get("veto", [])
        if not (fields.keys() <= {"names", "veto"} and all(map(_is_texts, lists)) and lists[0]):
            raise CourseError(
                f"{path}, class {key!r}: expected a list of names, or an object with the lists "
                "'names' and (where wanted) 'veto'."
            )
        _add(found, f"{path}, class {key!r}", key, map(plain, lists[0]), map(plain, lists[1]))
    return list(found.values())


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as read: a key that comes twice is still there twice."""


def _pairs(items: list[tuple[str, Any]]) -> _Pairs:
    return _Pairs(items)


def _is_texts(value: object) -> bool:
    return type(value) is list and all(isinstance(text, str) for text in value)


def _add(
    found: dict[str, Concept],
    place: str,
    key: str,
    names: Iterable[str],
    veto: Iterable[str],
) -> None:
    if key in found:
        raise CourseError(f"{place}: {key!r} comes twice; keep one of the two.")
    concept = Concept(key, tuple(names), tuple(veto))
    for name in (*concept.names, *concept.veto):
        if not re.search("[a-z]", name):
            raise CourseError(f"{place}: the name {name!r} has no letter a to z; correct it.")
    found[key] = concept


def _with_veto(concept: Concept) -> Concept:
    for name, veto in IMAGENET_VETO.items():
        if name in concept.names:
            return Concept(concept.key, concept.names, tuple(veto.split()))
    return concept


def _imagenet_file() -> Path:
    if named := named_folder(MIRROR_VARIABLE):
        path = named / "descriptors" / IMAGENET_FILE
        if not path.is_file():
            raise CourseError(
                f"{MIRROR_VARIABLE} lacks descriptors/{IMAGENET_FILE}; copy it from {IMAGENET_URL}."
            )
        return path
    path = pooch.os_cache("lt-course") / "descriptors" / COMMIT[:7] / IMAGENET_FILE
    if path.is_file():
        return path
    pooch.get_logger().setLevel(logging.WARNING)
    ask = pooch.HTTPDownloader(timeout=10)
    try:
        # The commit's id is a hash of its files; what was read is checked by `read`.
        pooch.retrieve(
            IMAGENET_URL, known_hash=None, fname=path.name, path=path.parent, downloader=ask
        )
    except RequestException as problem:
        raise CourseError(
            f"The names of ImageNet's classes are not at hand: {REPOSITORY} could not be reached "
            f"({type(problem).__name__}); connect to the network, or set {MIRROR_VARIABLE} to a "
            f"folder that holds descriptors/{IMAGENET_FILE} (from {IMAGENET_URL})."
        ) from problem
    return path
