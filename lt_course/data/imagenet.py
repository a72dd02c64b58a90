"""ImageNet's 1,000 classes: one table, joined by WordNet id and never by the place in a list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from lt_course.errors import CourseError
from lt_course.release import released_file

Concepts = Literal["imagenet", "imagenet-100"]
"""All classes, or the hundred of Tian et al. (arXiv 1906.05849) that the paper takes."""

HUNDRED_FILE = "imagenet100_idxs.txt"
HUNDRED_SHA256 = "6263de1c6bd15d4cf3d2aff729d04dd355c9a5245f177b538d4f06d3d7501e3f"

_TWICE = {"n04008634": "projectile", "n04355933": "sunglass"}
"""Classes that open_clip calls as another one, named as in the paper's frequency files."""


@dataclass(frozen=True)
class ImageNetClass:
    """Its number ``label``, 0 … 999, its ``name`` as CLIP is asked by, and WordNet's of it."""

    label: int
    wnid: str
    name: str
    lemmas: tuple[str, ...]
    definition: str


@cache
def imagenet_classes() -> Mapping[str, ImageNetClass]:
    """The classes by WordNet id, in the order of their numbers: the ranks of their ids.

    Names are OpenAI's as open_clip lists them; lemmas and definitions are those of WordNet 3.0,
    from the package timm.
    """
    from open_clip import IMAGENET_CLASSNAMES
    from timm.data import ImageNetInfo

    info = ImageNetInfo("imagenet-1k")
    wnids = info.label_names()
    if wnids != sorted(wnids) or len(set(wnids)) != len(IMAGENET_CLASSNAMES):
        raise CourseError(
            "The list of ImageNet's WordNet ids in the package timm is not the one that this "
            "course knows; install the version in requirements.lock."
        )
    classes = {}
    for label, (wnid, name) in enumerate(zip(wnids, IMAGENET_CLASSNAMES, strict=True)):
        description = info.label_name_to_description(wnid, detailed=True)
        lemmas, _, definition = description.partition(": ")
        classes[wnid] = ImageNetClass(
            label, wnid, _TWICE.get(wnid, name), tuple(lemmas.split(", ")), definition
        )
    return classes


def classes_of(concepts: Concepts) -> tuple[ImageNetClass, ...]:
    """The classes of a set of concepts, in the order of their numbers.

    Raises a CourseError if the list of `imagenet-100`, of the authors' release, is not at hand.
    """
    every = tuple(imagenet_classes().values())
    if concepts == "imagenet":
        return every
    if concepts != "imagenet-100":
        raise CourseError(f"Field 'concepts' is {concepts!r}; use imagenet or imagenet-100.")
    file = released_file(HUNDRED_FILE, "The list of ImageNet-100 is", HUNDRED_SHA256)
    return tuple(every[number] for number in sorted(map(int, file.read_text("ascii").split())))
