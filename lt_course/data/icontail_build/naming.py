"""From an author's name to the one thing that the drawing shows, its title and its tags."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files

from lt_course.data.icontail_build.sources import Drawing
from lt_course.data.icontail_build.wordnet import Nouns, Synset

# How a thing is drawn, not what it is.
STYLE = frozenset(
    """
    alt baseline basic bold broken color colored colour dark duo duotone essential expressive
    f fill filled flat freehand light line linear lines o outline outlined pop print regular
    remix round rounded s sharp simple solid stroke thick thin tone two twotone variant
    alternate minimalistic big large medium small mini tiny xs sm md lg xl curved
    24px 16px 32px 48px 3d ios android v2 v1 i ii iii iv unicode
    """.split()
)
# Badges, states and directions that leave the thing itself as it was.
MODIFIERS = frozenset(
    """
    a add added alert arrow arrows back backward bottom cancel cancelled check checked checkmark
    circle circled clear close cross cursor delete disable disabled dismiss dollar done dot dots
    double down download east edit edited emergency enabled error exclamation export fast
    favorite find forward help hide hidden horizontal import in inactive info information left
    loop mark minus more move multiple new next no none north not notification off ok on
    out pause play playing plus prohibited question refresh remove removed reply
    restore right save secure send share shared show side sign single slash south sparkle
    sparkles square star stop subtract sync tick top transfer triangle turn undo unread up
    update upload variant vertical view warning west x xmark
    """.split()
)
COLOURS = frozenset("red orange yellow green blue purple pink brown black white grey gray".split())
# Names with these words show a brand, a flag, an arrangement or a script, not the thing.
VETO = frozenset(
    """
    adobe aws azure brand brands emoji-modifier facebook fedora figma flags github gitlab google
    ibm instagram keycap linkedin logo logos microsoft nintendo openai paypal pinterest
    playstation snapchat spotify telegram tiktok twitter whatsapp wordpress xbox youtube
    skin letter regional mastodon threads python lego slack android tone1 tone2 tone3 tone4 tone5
    """.split()
)


@dataclass(frozen=True)
class CuratedConcept:
    """One line of ``curated_concepts.csv``: a concept that someone looked at, and its names.

    ``role`` is ``tiny`` or ``core`` for evaluation concepts, ``open`` for those with too few
    drawings or authors. A drawing is labelled when one of ``patterns`` occurs in its name and
    the other words say nothing or stand in ``also``; a word of ``without`` forbids it. Where
    ``holds`` is set (a page, a container), a name that begins with a pattern may go on with
    any badge.
    """

    key: str
    name: str
    synset: str
    role: str
    holds: bool
    patterns: tuple[tuple[str, ...], ...]
    also: frozenset[str]
    without: frozenset[str]


@dataclass(frozen=True)
class Label:
    """What a drawing shows: a curated concept, or else a WordNet sense and the lemma used."""

    curated: CuratedConcept | None
    synset: Synset
    lemma: str


def curated_concepts() -> tuple[CuratedConcept, ...]:
    """The curated list; every evaluation concept in it was looked at on contact sheets."""
    text = (files("lt_course.data") / "resources" / "curated_concepts.csv").read_text("utf-8")
    rows = csv.DictReader(text.splitlines())
    return tuple(
        CuratedConcept(
            key=row["key"],
            name=row["name"],
            synset=row["synset"],
            role=row["role"],
            holds=row["holds"] == "yes",
            patterns=tuple(tuple(p.split()) for p in row["patterns"].split(";")),
            also=frozenset(row["also"].split()),
            without=frozenset(row["without"].split()),
        )
        for row in rows
    )


@dataclass(frozen=True)
class Namer:
    """Reads names with the curated list first and WordNet second."""

    curated: tuple[CuratedConcept, ...]
    nouns: Nouns

    @cached_property
    def _by_pattern(self) -> dict[tuple[str, ...], CuratedConcept]:
        return {pattern: c for c in self.curated for pattern in c.patterns}

    @cached_property
    def _senses(self) -> dict[str, Synset]:
        return {c.key: self.nouns.sense(c.synset) for c in self.curated}

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self._by_pattern))

    def label(self, drawing: Drawing) -> Label | None:
        """The drawing's concept, or None where its name does not say one thing."""
        words = drawing.words
        if not words or VETO & set(words):
            return None
        found = self._curated(words)
        if found is not None:
            return Label(found, self._senses[found.key], found.name)
        return self._from_wordnet(words)

    def _curated(self, words: tuple[str, ...]) -> CuratedConcept | None:
        matches = [
            (start, pattern)
            for start, pattern in _spans(words, self._longest)
            if pattern in self._by_pattern
        ]
        meant = []
        for start, pattern in matches:
            concept = self._by_pattern[pattern]
            rest = words[:start] + words[start + len(pattern) :]
            if concept.without & set(rest):
                continue
            plain = all(_says_nothing(w) or w in concept.also for w in rest)
            badge = concept.holds and start == 0 and len(rest) <= 3
            if plain or badge:
                meant.append((plain, len(pattern), concept))
        if not meant:
            return None
        return max(meant, key=lambda match: match[:2])[2]

    def _from_wordnet(self, words: tuple[str, ...]) -> Label | None:
        kept = [w for w in words if not _says_nothing(w)]
        if not kept or len(kept) > 3 or self._mentions_curated(kept):
            return None
        lemma = "_".join(kept)
        for form in (lemma, *_singular(lemma)):
            senses = self.nouns.senses(form)
            if senses:
                synset = senses[0]
                taken = synset in self._senses.values()
                return Label(None, synset, form) if synset.physical and not taken else None
        return None


    def _mentions_curated(self, words: list[str]) -> bool:
        """Whether a curated concept is named at all, be it among others or in the plural."""
        forms = (words[-1], *_singular(words[-1]))
        return any(
            pattern in self._by_pattern
            for sequence in ((*words[:-1], form) for form in forms)
            for _, pattern in _spans(sequence, self._longest)
        )


def title(drawing: Drawing) -> str:
    """The author's name for the drawing as words, less sizes and declared style."""
    words = list(drawing.words)
    while len(words) > 1 and (words[-1].isdigit() or words[-1] in STYLE - {"light", "print"}):
        words.pop()
    return " ".join(words)


def tags(drawing: Drawing) -> tuple[str, ...]:
    """Second names, category and style words, without repetition, in that order."""
    said = set(drawing.words)
    dropped = drawing.words[len(title(drawing).split()) :]
    found = [alias.replace("-", " ") for alias in drawing.aliases]
    found += [drawing.category.lower()] if drawing.category else []
    found += [*dropped, *drawing.style]
    unique = dict.fromkeys(tag for tag in found if tag and not tag.isdigit())
    return tuple(tag for tag in unique if tag not in said or tag in STYLE)


def _says_nothing(word: str) -> bool:
    return word.isdigit() or word in STYLE or word in MODIFIERS or word in COLOURS


def _spans(words: tuple[str, ...], longest: int) -> Iterator[tuple[int, tuple[str, ...]]]:
    for start in range(len(words)):
        for end in range(start + 1, min(start + longest, len(words)) + 1):
            yield start, words[start:end]


def _singular(lemma: str) -> Iterable[str]:
    if lemma.endswith("ies"):
        yield lemma[:-3] + "y"
    if lemma.endswith("es"):
        yield lemma[:-2]
    if lemma.endswith("s") and not lemma.endswith("ss"):
        yield lemma[:-1]
