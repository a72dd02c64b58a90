"""What the text of a picture-text pair says (Sec. 3.2; Fig. 3 and 19 of arXiv 2405.21070).

A *kind* of caption is one of the simple ones below, several joined by ``+`` (one caption that
says both, in that order), or several joined by ``|`` (each presentation shows one of them):

========== =====================================================================================
template   the concept's name in one of the 80 prompts that CLIP was evaluated with
synset     the same prompts around a synonym of the concept
name       the concept's name
title      the name that the drawing's author gave it
tags       the words that its author filed it under (nothing, where there are none)
gloss      a sentence that says what the concept is
appearance what the drawing looks like, and not what it shows (a negative control)
========== =====================================================================================
"""

from __future__ import annotations

import difflib
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lt_course.data.icontail import Concept, IconTail, describe
from lt_course.errors import CourseError

Ints = NDArray[np.int64]
Write = Callable[[int, str], Sequence[str]]
"""(Image, simple kind) -> its captions, at least one."""


def prompts(name: str) -> list[str]:
    """A concept's name in each of the 80 OpenAI templates (as open_clip lists them)."""
    from open_clip import OPENAI_IMAGENET_TEMPLATES

    return [template(name) for template in OPENAI_IMAGENET_TEMPLATES]


def usual_name(icontail: IconTail, concept: int) -> str:
    """What authors most often call a concept: the commonest title of its training drawings.

    A model that has read "search" a hundred times and "magnifying glass" twice knows the concept
    by the former name; asking for the usual name is the remedy of arXiv 2401.12425.
    """
    drawings = np.flatnonzero((icontail.concept == concept) & ~icontail.test)
    titles = Counter(icontail.titles[picture] for picture in drawings)
    return min(titles, key=lambda title: (-titles[title], title))


_OF_A_CONCEPT: dict[str, Callable[[Concept], list[str]]] = {
    "template": lambda concept: prompts(concept.name),
    "synset": lambda c: [prompt for name in (c.name, *c.synonyms) for prompt in prompts(name)],
    "name": lambda concept: [concept.name],
    "gloss": lambda concept: [concept.gloss],
}
_OF_A_PICTURE: dict[str, Callable[[IconTail, int], list[str]]] = {
    "title": lambda icontail, picture: [icontail.titles[picture]],
    "tags": lambda icontail, picture: [", ".join(icontail.tags[picture])],
    "appearance": lambda icontail, picture: [describe(icontail.grey[picture])],
}
KINDS = (*_OF_A_CONCEPT, *_OF_A_PICTURE)

Prompts = Literal["matching", "template", "name", "usual-name", "gloss"]
"""What the concept is asked by: its name in 80 templates, bare, the name that titles use, or the
sentence that explains it; ``matching`` is what sounds like the captions that were trained on."""


def matching_prompts(kind: str) -> Prompts:
    """The prompts that sound like captions of that kind: they follow the kind named first."""
    first = simple_kinds(kind.split("|")[0])[0]
    if first in ("title", "tags"):
        return "usual-name"
    return "template" if first in ("synset", "appearance") else first  # type: ignore[return-value]


def zero_shot_prompts(icontail: IconTail, classes: int, kind: Prompts) -> list[list[str]]:
    """What a model is asked for each of the first `classes` concepts: C lists of P prompts."""
    if kind == "usual-name":
        return [[usual_name(icontail, concept)] for concept in range(classes)]
    return [_OF_A_CONCEPT[kind](concept) for concept in icontail.concepts[:classes]]


@dataclass(frozen=True)
class Captions:
    """The captions that each of N training pictures may be shown with.

    ``choices``, int64 [M], are indices into the distinct ``texts``: lists of captions, one behind
    the other. That of each picture starts at ``first``, int64 [N], and has length ``count``.
    """

    texts: list[str]
    choices: Ints
    first: Ints
    count: Ints

    def of(self, row: int) -> list[str]:
        """The list of one picture."""
        chosen = self.choices[self.first[row] : self.first[row] + self.count[row]]
        return [self.texts[i] for i in chosen]

    def draw(self, rows: Ints, generator: np.random.Generator) -> Ints:
        """A caption for each of the given rows, uniform over its list: indices into `texts`."""
        place = (generator.random(len(rows)) * self.count[rows]).astype(np.int64)
        return self.choices[self.first[rows] + place]


def captions(icontail: IconTail, pictures: Iterable[int], kind: str) -> Captions:
    """The captions of drawings, of a kind such as ``title+tags``. Raises as `compose`."""

    def write(picture: int, part: str) -> list[str]:
        if part in _OF_A_PICTURE:
            return _OF_A_PICTURE[part](icontail, picture)
        return _OF_A_CONCEPT[part](icontail.concepts[icontail.concept[picture]])

    return compose(pictures, kind, KINDS, write)


def compose(images: Iterable[int], kind: str, kinds: Sequence[str], write: Write) -> Captions:
    """The captions of images, of which `write` gives those of the simple `kinds`."""
    mixture = [simple_kinds(part, kinds) for part in kind.split("|")]
    texts: dict[str, int] = {}
    choices: list[int] = []
    lists: dict[tuple[tuple[int, ...], ...], tuple[int, int]] = {}
    places = []
    for image in images:
        offers = tuple(
            tuple(texts.setdefault(text, len(texts)) for text in _join(image, parts, write))
            for parts in mixture
        )
        if offers not in lists:
            # Every part of the mixture weighs the same, however many captions it offers.
            length = math.lcm(*map(len, offers))
            lists[offers] = (len(choices), len(offers) * length)
            choices += [text for offer in offers for text in offer * (length // len(offer))]
        places.append(lists[offers])
    first, count = np.array(places, dtype=np.int64).reshape(-1, 2).T
    return Captions(list(texts), np.array(choices, dtype=np.int64), first, count)


def simple_kinds(kind: str, kinds: Sequence[str] = KINDS) -> list[str]:
    """The simple kinds in ``a+b+…``; a CourseError if one is none of those that there are."""
    parts = kind.split("+")
    for part in parts:
        if part not in kinds:
            near = difflib.get_close_matches(part, kinds, n=1, cutoff=0.4)
            raise CourseError(
                f"Field 'text' names a caption kind {part!r} that does not exist"
                + (f" (did you mean {near[0]!r}?)" if near else "")
                + f"; the kinds are {', '.join(kinds)}, joined by + or |."
            )
    return parts


def _join(image: int, parts: list[str], write: Write) -> list[str]:
    """The captions that say all parts, one after the other."""
    joined = [""]
    for part in parts:
        joined = [f"{before} {text}".strip() for before in joined for text in write(image, part)]
    return joined
