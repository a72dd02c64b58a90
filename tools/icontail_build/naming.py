"""From an author's name to the one thing that the drawing shows, its title and its tags."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tools.icontail_build.sources import Drawing
from tools.icontail_build.wordnet import Nouns, Synset


def resource_rows(name: str) -> list[dict[str, str]]:
    """The lines of one of the CSV tables beside this module."""
    text = (Path(__file__).parent / name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


WORDS = {row["kind"]: frozenset(row["words"].split()) for row in resource_rows("name_words.csv")}
STYLE = WORDS["style"]  # how a thing is drawn, not what it is
# Colours, and badges, states and directions, which leave the thing itself as it was.
MODIFIERS = WORDS["modifier"] | WORDS["colour"]
TOPICS = WORDS["topic"]  # shelves on which some authors file drawings, within the name itself
VETO = WORDS["veto"]  # brands, flags and scripts: such a drawing shows no thing
HOMONYMS = WORDS["homonym"]  # brands that are also things, left to the curated list


@dataclass(frozen=True)
class CuratedConcept:
    """One line of ``curated_concepts.csv``: a concept that someone looked at, and its names.

    ``role`` is ``tiny`` or ``core`` for evaluation concepts, ``open`` for those with too few
    drawings or authors. A drawing is labelled when one of ``patterns`` occurs in its name and
    the other words say nothing or stand in ``also``; a word of ``without`` forbids it, and so
    does ``not_in``: a set, or ``set:pattern``, whose authors mean something else by it. Where
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
    not_in: frozenset[str]


@dataclass(frozen=True)
class Label:
    """What a drawing shows: a curated concept, or else a WordNet sense and the lemma used."""

    curated: CuratedConcept | None
    synset: Synset
    lemma: str


def curated_concepts() -> tuple[CuratedConcept, ...]:
    """The curated list; every evaluation concept in it was looked at on contact sheets."""
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
            not_in=frozenset(row["not_in"].split()),
        )
        for row in resource_rows("curated_concepts.csv")
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
        found = self._curated(words, drawing.source)
        if found is not None:
            return Label(found, self._senses[found.key], found.name)
        return self._from_wordnet(words)

    def _curated(self, words: tuple[str, ...], source: str) -> CuratedConcept | None:
        matches = [
            (start, pattern)
            for start, pattern in _spans(words, self._longest)
            if pattern in self._by_pattern
        ]
        meant = []
        for start, pattern in matches:
            concept = self._by_pattern[pattern]
            rest = words[:start] + words[start + len(pattern) :]
            elsewhere = {source, f"{source}:{'-'.join(pattern)}"}
            if concept.not_in & elsewhere or concept.without & set(rest):
                continue
            plain = all(_says_nothing(w) or w in TOPICS or w in concept.also for w in rest)
            badge = concept.holds and start == 0 and len(rest) <= 3
            if plain or badge:
                meant.append((plain, len(pattern), concept))
        if not meant:
            return None
        return max(meant, key=lambda match: match[:2])[2]

    def _from_wordnet(self, words: tuple[str, ...]) -> Label | None:
        """The first sense of the whole name, or else of its last word, if it is a thing."""
        kept = [w for w in words if not _says_nothing(w)]
        if not kept or len(kept) > 3 or HOMONYMS & set(kept) or self._mentions_curated(kept):
            return None
        for lemma in ("_".join(kept), kept[-1]):
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
    return word.isdigit() or word in STYLE or word in MODIFIERS


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
