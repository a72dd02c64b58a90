"""ImageNet's 1,000 classes: one table, joined by WordNet id and never by the place in a list."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import pooch
from open_clip import IMAGENET_CLASSNAMES
from requests.exceptions import RequestException
from timm.data import ImageNetInfo

from lt_course.errors import CourseError
from lt_course.files import named_folder
from lt_course.release import COMMIT, METADATA, MIRROR_VARIABLE, REPOSITORY

Concepts = Literal["imagenet", "imagenet-100"]
"""All classes, or the hundred of Tian et al. (arXiv 1906.05849) that the paper takes."""

HUNDRED_FILE = "imagenet100_idxs.txt"
HUNDRED_URL = f"{METADATA}{HUNDRED_FILE}"
HUNDRED_SHA256 = "6263de1c6bd15d4cf3d2aff729d04dd355c9a5245f177b538d4f06d3d7501e3f"

_TWICE = {"n04008634": "projectile", "n04355933": "sunglass"}
"""Classes that open_clip calls as it calls another one (missile, sunglasses)."""


@dataclass(frozen=True)
class ImageNetClass:
    """One of the 1,000 classes.

    Attributes:
        label: its number, 0 … 999.
        wnid: its WordNet id.
        name: what CLIP is asked by.
        lemmas: WordNet's words for it, as WordNet spells them.
        definition: WordNet's.
    """

    label: int
    wnid: str
    name: str
    lemmas: tuple[str, ...]
    definition: str


@cache
def imagenet_classes() -> Mapping[str, ImageNetClass]:
    """The classes by WordNet id, in the order of their numbers.

    A class's number is the rank of its WordNet id, as for every list of the 1,000 classes. The
    names are OpenAI's as open_clip lists them, but for two that the list gives to two classes
    each; those are called as in the paper's frequency files. Lemmas and definitions are those of
    WordNet 3.0, from the package timm.
    """
    info = ImageNetInfo("imagenet-1k")
    wnids = info.label_names()
    if wnids != sorted(wnids) or len(set(wnids)) != len(IMAGENET_CLASSNAMES):
        raise CourseError(
            "The list of ImageNet's WordNet ids in the package timm is not the one that this "
            "course knows; install the version in requirements.lock."
        )
    described = (
        info.label_name_to_description(wnid, detailed=True).partition(": ") for wnid in wnids
    )
    return {
        wnid: ImageNetClass(
            label, wnid, _TWICE.get(wnid, name), tuple(lemmas.split(", ")), definition
        )
        for label, (wnid, name, (lemmas, _, definition)) in enumerate(
            zip(wnids, IMAGENET_CLASSNAMES, described, strict=True)
        )
    }


def classes_of(concepts: Concepts) -> tuple[ImageNetClass, ...]:
    """The classes of a set of concepts, in the order of their numbers.

    Raises:
        CourseError: if the set is unknown, or its list is not at hand (`imagenet-100` is read
            from the authors' release, as `lt_course.counting.web_frequencies` reads their counts).
    """
    every = tuple(imagenet_classes().values())
    if concepts == "imagenet":
        return every
    if concepts != "imagenet-100":
        raise CourseError(f"Field 'concepts' is {concepts!r}; use imagenet or imagenet-100.")
    numbers = [int(line) for line in _hundred_file().read_text(encoding="ascii").split()]
    return tuple(every[number] for number in sorted(numbers))


def _hundred_file() -> Path:
    if named := named_folder(MIRROR_VARIABLE):
        path = named / HUNDRED_FILE
        if not path.is_file() or pooch.file_hash(str(path)) != HUNDRED_SHA256:
            raise CourseError(
                f"{MIRROR_VARIABLE} lacks {HUNDRED_FILE}, or has another one; copy it from "
                f"{HUNDRED_URL}."
            )
        return path
    pooch.get_logger().setLevel(logging.WARNING)
    folder = pooch.os_cache("lt-course") / "release" / COMMIT[:7]
    ask = pooch.HTTPDownloader(timeout=10)
    try:
        path = pooch.retrieve(HUNDRED_URL, HUNDRED_SHA256, HUNDRED_FILE, folder, downloader=ask)
    except RequestException as problem:
        raise CourseError(
            f"The list of ImageNet-100's classes is not at hand: {REPOSITORY} could not be "
            f"reached ({type(problem).__name__}); connect to the network, or set "
            f"{MIRROR_VARIABLE} to a folder that holds {HUNDRED_FILE} (from {HUNDRED_URL})."
        ) from problem
    return Path(path)
