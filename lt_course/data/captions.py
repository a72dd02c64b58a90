"""What the text of a picture-text pair says (Sec. 3.2; Fig. 3 and 19 of arXiv 2405.21070).

A *kind* of caption is one of the simple ones below, several joined by ``+`` (one caption that
says both, in that order), or several joined by ``|`` (each presentation shows one of them):

========== =====================================================================================
template   the concept's name in one of the 80 prompts that CLIP was evaluated with
synset     the same prompts around a synonym of the concept
name       the concept's name
title      the name that the drawing's author gave it
tags       the words that its author filed it under
gloss      a sentence that says what the concept is
========== =====================================================================================
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from open_clip import OPENAI_IMAGENET_TEMPLATES

from lt_course.data.icontail import Concept, IconTail
from lt_course.errors import CourseError

T = TypeVar("T")


def prompts(name: str) -> list[str]:
    """A concept's name in each of the 80 OpenAI templates (as open_clip lists them)."""
    return [template(name) for template in OPENAI_IMAGENET_TEMPLATES]


def usual_name(icontail: IconTail, concept: int) -> str:
    """What authors most often call a concept: the commonest title of its training drawings.

    A model that has read "search" a hundred times and "magnifying glass" twice knows the concept
    by the former name; asking for the usual name is the remedy of arXiv 2401.12425 (Sec. 3).
    """
    titles = Counter(
        icontail.titles[picture]
        for picture in np.flatnonzero((icontail.concept == concept) & ~icontail.test)
    )
    return min(titles, key=lambda title: (-titles[title], title))


Prompts = Literal["template", "usual-name"]


def zero_shot_prompts(icontail: IconTail, classes: int, kind: Prompts) -> list[list[str]]:
    """What a model is asked for each of the first `classes` concepts: C lists of P prompts.

    The prompts must sound like the captions that a model was trained on: ``template`` puts the
    concept's name into the 80 templates, ``usual-name`` asks by the name that titles use.
    """
    if kind == "template":
        return [prompts(concept.name) for concept in icontail.concepts[:classes]]
    return [[usual_name(icontail, concept)] for concept in range(classes)]


def _synset(concept: Concept) -> list[str]:
    return [prompt for name in (concept.name, *concept.synonyms) for prompt in prompts(name)]


_OF_A_CONCEPT: dict[str, Callable[[Concept], list[str]]] = {
    "template": lambda concept: prompts(concept.name),
    "synset": _synset,
    "name": lambda concept: [concept.name],
    "gloss": lambda concept: [concept.gloss],
}
_OF_A_PICTURE: dict[str, Callable[[IconTail, int], list[str]]] = {
    "title": lambda icontail, picture: [icontail.titles[picture]],
    "tags": lambda icontail, picture: [", ".join(icontail.tags[picture])],
}
KINDS = (*_OF_A_CONCEPT, *_OF_A_PICTURE)


@dataclass(frozen=True)
class Captions:
    """The captions that each training picture may be shown with.

    Attributes:
        texts: the U distinct captions.
        choices: int64 [N, K]; row n lists the captions of picture n, repeated to fill K columns,
            so that a uniform draw of a column is a uniform draw of a caption up to rounding.
    """

    texts: list[str]
    choices: NDArray[np.int64]

    def draw(self, rows: NDArray[np.int64], generator: np.random.Generator) -> NDArray[np.int64]:
        """One caption for each of the given rows: int64 indices into `texts`."""
        columns = generator.integers(self.choices.shape[1], size=len(rows))
        return self.choices[rows, columns]


def captions(icontail: IconTail, pictures: Iterable[int], kind: str) -> Captions:
    """The captions of the given pictures.

    Args:
        icontail: the data set.
        pictures: indices into ``icontail.pictures``, N of them.
        kind: as the module says, such as ``title``, ``title+tags`` or ``template|title``.

    Raises:
        CourseError: if the kind is unknown.
    """
    mixture = [_joint(part) for part in kind.split("|")]
    index: dict[str, int] = {}
    alternatives: list[list[int]] = []
    of_a_kind: dict[tuple[int, ...], list[int]] = {}
    for picture in pictures:
        texts = [write(icontail, int(picture)) for write in mixture]
        numbers = tuple(index.setdefault(text, len(index)) for part in texts for text in part)
        if numbers not in of_a_kind:
            # Every part of the mixture weighs the same, however many captions it offers.
            longest = max(map(len, texts))
            of_a_kind[numbers] = [index[text] for part in texts for text in _stretch(part, longest)]
        alternatives.append(of_a_kind[numbers])
    width = max(map(len, alternatives))
    return Captions(
        list(index), np.array([_stretch(row, width) for row in alternatives], dtype=np.int64)
    )


def _stretch(row: list[T], width: int) -> list[T]:
    return (row * -(-width // len(row)))[:width]


def _joint(kind: str) -> Callable[[IconTail, int], list[str]]:
    """The writer of one caption that says everything in ``a+b+…``."""
    parts = kind.split("+")
    for part in parts:
        if part not in KINDS:
            near = difflib.get_close_matches(part, KINDS, n=1, cutoff=0.4)
            raise CourseError(
                f"Field 'text' names a caption kind {part!r} that does not exist; "
                + (f"did you mean {near[0]!r}? " if near else "")
                + f"The kinds are {', '.join(KINDS)}, joined by + or |."
            )

    def write(icontail: IconTail, picture: int) -> list[str]:
        said = [""]
        for part in parts:
            if part in _OF_A_PICTURE:
                texts = _OF_A_PICTURE[part](icontail, picture)
            else:
                texts = _OF_A_CONCEPT[part](icontail.concepts[icontail.concept[picture]])
            said = [f"{before} {text}".strip() for before in said for text in texts]
        return said

    return write
