"""Concept frequency: in how many captions of a corpus each class is named.

Two definitions of *named*, both by Wen et al. (NeurIPS 2024, arXiv 2405.21070):

`bag-of-lemmas` (App. B; the counts of its Fig. 1, 2 and 13): a caption is written in lower case,
everything but the letters a to z becomes a space, and the words that are left are brought to the
dictionary form of nouns (:mod:`lt_course.counting.lemmas`); order and repetition are forgotten. A
class is named if *all* words of *one* of its names, treated alike, are there, in any order, and
none of its veto words is. Like the tokeniser of the release, *cannot* reads *can not*, and so
do five other contractions.

`substring` (App. C; the labels of CC-12M-Cls and YFCC-15M-Cls): a class is named if one of its
names stands in the caption as it is, whatever its case, with no letter, digit or underscore
directly before or after it. No veto.

A class counts once a caption, and a caption for all classes that it names. A rule is compiled once
into an index over words; captions are then matched some megabytes at a time, as arrays: what is
in memory depends on the concepts and the piece, not on the corpus.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lt_course.counting.concept_lists import Concept
from lt_course.counting.lemmas import wordnet
from lt_course.errors import CourseError

Counts = NDArray[np.int64]
Index = NDArray[np.int64]
Definition = Literal["bag-of-lemmas", "substring"]

CONTRACTIONS = {
    "cannot": ("can", "not"),
    "gimme": ("gim", "me"),
    "gonna": ("gon", "na"),
    "gotta": ("got", "ta"),
    "lemme": ("lem", "me"),
    "wanna": ("wan", "na"),
}
"""Words of letters alone that the Treebank tokeniser takes apart."""

PIECE = 4_000_000
"""Bytes of text that are matched at a time; temporary arrays take about ten times as many."""

LETTERS = np.zeros(256, np.uint8)
"""The lower-case letter that a byte stands for, or 0. No byte of a longer character is a letter."""
for _letter in range(ord("a"), ord("z") + 1):
    LETTERS[[_letter, _letter - 32]] = _letter

IS_WORD = np.array([chr(b).isalnum() or chr(b) == "_" for b in range(0x80)] + [False] * 0x80)
"""Whether a byte is a letter, a digit or an underscore by itself."""

UNUSUAL = {"\u0130": "i\u0307", "\u212a": "k"}
"""The two other characters whose lower case holds a letter a to z: the Turkish capital I with a
dot, which becomes an i and a combining dot, and the sign for kelvin."""


class Rule(ABC):
    """A definition of concept frequency, compiled for a list of C concepts.

    It sees some megabytes of captions at a time.
    """

    _classes: int

    @abstractmethod
    def _named(self, captions: pa.StringArray) -> Index:
        """Sorted numbers caption * C + class, int64 [M], of all pairs that match."""

    def count(self, captions: pa.Array) -> Counts:
        """Captions that name each class, int64 [C]; the captions are strings, a null is empty."""
        counts = np.zeros(self._classes, np.int64)
        for piece in _pieces(captions):
            counts += np.bincount(self._named(piece) % self._classes, minlength=self._classes)
        return counts

    def matches(self, captions: pa.Array) -> tuple[Index, Index]:
        """Which captions name which classes.

        Returns:
            Places in `captions` and numbers of classes, int64 [M] each, sorted, each pair once.
        """
        named, before = [np.zeros(0, np.int64)], 0
        for piece in _pieces(captions):
            named.append(before * self._classes + self._named(piece))
            before += len(piece)
        return np.divmod(np.concatenate(named), self._classes)


def compile_rule(definition: Definition, concepts: Sequence[Concept]) -> Rule:
    """The index of a definition (see the module) for a list of concepts.

    Raises:
        CourseError: if the definition is unknown.
    """
    rules: dict[str, type[BagOfLemmas | Substring]]
    rules = {"bag-of-lemmas": BagOfLemmas, "substring": Substring}
    if definition not in rules:
        raise CourseError(f"Unknown definition {definition!r}; choose one of {', '.join(rules)}.")
    return rules[definition](concepts)


def bag_of_lemmas(text: str) -> frozenset[str]:
    """The dictionary forms of a text's words (letters a to z), without order or number."""
    words = re.findall("[a-z]+", text.lower())
    parts = (part for word in words for part in CONTRACTIONS.get(word, (word,)))
    return frozenset(wordnet().lemma(part) for part in parts)


class BagOfLemmas(Rule):
    """The rule `bag-of-lemmas`.

    All spellings of the names' words are listed beforehand, so that no caption needs a
    dictionary. Every name hangs on its rarest word (the one that the fewest names hold), and is
    looked for only in captions that hold that word.
    """

    def __init__(self, concepts: Sequence[Concept]) -> None:
        names = [_minimal(map(bag_of_lemmas, concept.names)) for concept in concepts]
        vetoes = [bag_of_lemmas(" ".join(concept.veto)) for concept in concepts]
        names_with = Counter(chain.from_iterable(chain.from_iterable(names)))
        number = {
            word: n
            for n, word in enumerate(dict.fromkeys([*names_with, *chain.from_iterable(vetoes)]))
        }

        self._classes, self._words = len(concepts), len(number)
        self._spellings, self._spelt = _spellings(number)
        self._class_of = np.repeat(np.arange(len(concepts)), list(map(len, names)))
        by_rarity = [
            sorted(bag, key=lambda w: (names_with[w], w)) for bag in chain.from_iterable(names)
        ]
        members = [[number[word] for word in bag] for bag in by_rarity]
        # [names, words of the longest], rarest word first, -1 where a name has no more words
        self._members = _padded(members, fill=-1)
        self._names_on = Postings.of(self._members[:, 0], len(number))
        owner = np.repeat(np.arange(len(concepts)), list(map(len, vetoes)))
        self._vetoes = Postings.of(
            owner, len(concepts), [number[word] for word in chain.from_iterable(vetoes)]
        )

    def _named(self, captions: pa.StringArray) -> Index:
        runs = Runs.of(_plain(captions))
        which, spelling = _look_up(runs.words, self._spellings)
        word = self._spelt[spelling].ravel()
        caption = np.repeat(runs.caption[which], self._spelt.shape[1])
        # What every caption holds, sorted: a set of (caption, word), each pair as one number.
        held = _set((caption * self._words + word)[word >= 0])

        def holds(caption: Index, word: Index) -> NDArray[np.bool_]:
            pair = caption * self._words + word
            return held[np.searchsorted(held, pair).clip(max=len(held) - 1)] == pair

        caption, word = np.divmod(held, self._words)
        which, name = self._names_on[word]
        caption = caption[which]
        for other in self._members.T[1:]:
            more = np.flatnonzero(other[name] >= 0)
            absent = more[~holds(caption[more], other[name[more]])]
            caption, name = np.delete(caption, absent), np.delete(name, absent)

        named = _set(caption * self._classes + self._class_of[name])
        caption, concept = np.divmod(named, self._classes)
        which, veto = self._vetoes[concept]
        return np.delete(named, which[holds(caption[which], veto)])


class Substring(Rule):
    """The rule `substring`.

    Every name hangs on the word in it (a run of letters a to z) that the fewest names hold; where
    a caption has that word, the bytes around it are compared with the name.
    """

    def __init__(self, concepts: Sequence[Concept]) -> None:
        names = [sorted(set(concept.names)) for concept in concepts]
        runs = [list(re.finditer("[a-z]+", name.lower())) for name in chain.from_iterable(names)]
        names_with = Counter(word for found in runs for word in {run[0] for run in found})
        rarest = [min(found, key=lambda run: names_with[run[0]]) for found in runs]
        number = {word: n for n, word in enumerate(dict.fromkeys(run[0] for run in rarest))}

        self._classes = len(concepts)
        self._words = pa.array(list(number), pa.string())
        self._class_of = np.repeat(np.arange(len(concepts)), list(map(len, names)))
        self._names_on = Postings.of(np.array([number[run[0]] for run in rarest]), len(number))
        encoded = [list(name.encode()) for name in chain.from_iterable(names)]
        self._letters = _padded(encoded, fill=0)
        self._length = np.array(list(map(len, encoded)))
        self._word_at = np.array([len(run.string[: run.start()].encode()) for run in rarest])

    def _named(self, captions: pa.StringArray) -> Index:
        runs = Runs.of(self._written(captions))
        which, word = _look_up(runs.words, self._words)
        again, name = self._names_on[word]
        which = which[again]
        caption = runs.caption[which]
        begin = runs.start[which] - self._word_at[name]
        end = begin + self._length[name]
        fits = (begin >= runs.bounds[caption]) & (end <= runs.bounds[caption + 1])
        caption, name, begin, end = (array[fits] for array in (caption, name, begin, end))
        for place, letter in enumerate(self._letters.T):
            more = np.flatnonzero(place < self._length[name])
            wrong = more[runs.text[begin[more] + place] != letter[name[more]]]
            caption, name, begin, end = (
                np.delete(array, wrong) for array in (caption, name, begin, end)
            )
        first, last = begin == runs.bounds[caption], end == runs.bounds[caption + 1]
        alone = first | self._parted(runs.text, begin, first, -1)
        alone &= last | self._parted(runs.text, end, last, 1)
        return _set(caption[alone] * self._classes + self._class_of[name[alone]])

    def _written(self, captions: pa.StringArray) -> pa.StringArray:
        """The captions as they are compared with names."""
        return pc.utf8_lower(_plain(captions))

    def _parted(
        self, text: NDArray[np.uint8], at: Index, outside: NDArray[np.bool_], step: Literal[-1, 1]
    ) -> NDArray[np.bool_]:
        """Whether a name may end before (step 1) or begin at (step -1) each place: whether no
        letter, digit or underscore of any script stands on its other side.
        """
        if not len(at):
            return np.zeros(0, np.bool_)
        byte = text[np.where(outside, 0, at - (step < 0))]
        parted = ~IS_WORD[byte]
        for place in np.flatnonzero((byte >= 0x80) & ~outside):
            # A character takes up to four bytes; of its neighbour some bytes may be cut off.
            near = text[max(at[place] - 4, 0) : at[place]] if step < 0 else text[at[place] :][:4]
            character = near.tobytes().decode(errors="ignore")[0 if step > 0 else -1]
            parted[place] = not character.isalnum()
        return parted


class BetweenSpaces(Substring):
    """A class is named if one of its names stands in the caption as it is, case included, between
    spaces, after every ASCII punctuation mark has become one (LAIONet, arXiv 2306.15769, App. A).

    So names that hold a punctuation mark themselves are never found.
    """

    def _written(self, captions: pa.StringArray) -> pa.StringArray:
        return pc.replace_substring_regex(captions, "[[:punct:]]", " ")

    def _parted(
        self, text: NDArray[np.uint8], at: Index, outside: NDArray[np.bool_], step: Literal[-1, 1]
    ) -> NDArray[np.bool_]:
        if not len(at):
            return np.zeros(0, np.bool_)
        space: NDArray[np.bool_] = text[np.where(outside, 0, at - (step < 0))] == ord(" ")
        return space


@dataclass(frozen=True)
class Postings:
    """Lists of numbers, one for each key 0 … K-1, end to end: `values[starts[k]:starts[k + 1]]`."""

    starts: Index
    values: Index

    @classmethod
    def of(cls, keys: Index, size: int, values: Sequence[int] | None = None) -> Postings:
        """The lists of the values (by default their places) that belong to each of `size` keys."""
        order = np.argsort(keys, kind="stable")
        starts = np.searchsorted(keys[order], np.arange(size + 1))
        return cls(starts, order if values is None else np.array(values, np.int64)[order])

    def __getitem__(self, keys: Index) -> tuple[Index, Index]:
        """All values of all keys, int64 [M], and for each the place of its key in `keys`."""
        sizes = self.starts[keys + 1] - self.starts[keys]
        which = np.repeat(np.arange(len(keys)), sizes)
        skipped = self.starts[keys] - (np.cumsum(sizes) - sizes)
        return which, self.values[np.arange(len(which)) + skipped[which]]


@dataclass(frozen=True)
class Runs:
    """Captions cut into runs of letters a to z.

    Attributes:
        text: uint8 [B], the captions in UTF-8, end to end.
        bounds: int64 [N + 1], where each caption begins in `text`, and its end.
        words: the T runs in lower case.
        start: int64 [T], where each run begins in `text`.
        caption: int64 [T], the caption of each run.
    """

    text: NDArray[np.uint8]
    bounds: Index
    words: pa.StringArray
    start: Index
    caption: Index

    @classmethod
    def of(cls, captions: pa.StringArray) -> Runs:
        """Cut captions without nulls."""
        text, bounds = _bytes(captions)
        letters = LETTERS[text]
        inside = letters > 0
        begins = inside.copy()
        begins[1:] &= ~inside[:-1]
        heads = bounds[:-1][bounds[:-1] < len(text)]  # a run ends where its caption ends
        begins[heads] = inside[heads]
        ends = inside.copy()
        ends[:-1] &= ~inside[1:] | begins[1:]
        start = np.flatnonzero(begins)
        length = np.flatnonzero(ends) + 1 - start
        # The letters alone, end to end, are what Arrow takes for an array of strings.
        letters = np.compress(inside, letters)
        cuts = np.append(0, np.cumsum(length)).astype(np.int32)
        words = pa.StringArray.from_buffers(len(start), pa.py_buffer(cuts), pa.py_buffer(letters))
        number = np.diff(np.searchsorted(start, bounds))
        return cls(text, bounds, words, start, np.repeat(np.arange(len(captions)), number))


def _bytes(captions: pa.StringArray) -> tuple[NDArray[np.uint8], Index]:
    _, bounds, text = captions.buffers()
    cuts = np.frombuffer(bounds, np.int32)[captions.offset :][: len(captions) + 1].astype(np.int64)
    whole = np.empty(0, np.uint8) if text is None else np.frombuffer(text, np.uint8)
    return whole[cuts[0] : cuts[-1]], cuts - cuts[0]


def _pieces(captions: pa.Array) -> Iterator[pa.StringArray]:
    """The captions without nulls, some `PIECE` bytes at a time (or one longer caption)."""
    if not len(captions):
        return
    captions = captions.cast(pa.string()).fill_null("")
    _, bounds = _bytes(captions)
    cuts = np.searchsorted(bounds, np.arange(0, bounds[-1], PIECE)[1:])
    edges = np.unique([0, *cuts, len(captions)])
    for begin, end in pairwise(edges):
        yield captions[begin:end]


def _plain(captions: pa.StringArray) -> pa.StringArray:
    """The captions with the lower case of `UNUSUAL` characters in their place."""
    text = _bytes(captions)[0].tobytes()
    for unusual, letters in UNUSUAL.items():
        if unusual.encode() in text:
            captions = pc.replace_substring(captions, unusual, letters)
    return captions


def _set(numbers: Index) -> Index:
    """Each number once, sorted: `np.unique`, which builds a slower table of hashes."""
    ordered = np.sort(numbers)
    first = np.ones(len(ordered), np.bool_)
    first[1:] = ordered[1:] != ordered[:-1]
    return ordered[first]


def _look_up(words: pa.StringArray, listed: pa.StringArray) -> tuple[Index, Index]:
    """Which words are listed, int64 [M], and where in the list, int64 [M]."""
    found = pc.fill_null(pc.index_in(words, value_set=listed), -1).to_numpy()
    which = np.flatnonzero(found >= 0)
    return which, found[which].astype(np.int64)


def _minimal(bags: Iterable[frozenset[str]]) -> list[frozenset[str]]:
    """The bags that hold no other: who names a *hammerhead shark* has named a *hammerhead*."""
    distinct = sorted(set(bags), key=lambda bag: (len(bag), sorted(bag)))
    return [bag for n, bag in enumerate(distinct) if not any(less < bag for less in distinct[:n])]


def _spellings(number: dict[str, int]) -> tuple[pa.StringArray, Index]:
    """All spellings, strings [S], and the numbers of the words in each, int64 [S, 2], or -1."""
    words_of = {
        spelling: [word]
        for lemma, word in number.items()
        for spelling in wordnet().spellings(lemma)
    }
    for contraction, parts in CONTRACTIONS.items():
        lemmas = map(wordnet().lemma, parts)
        words_of[contraction] = [number[lemma] for lemma in lemmas if lemma in number]
    return pa.array(list(words_of), pa.string()), _padded(words_of.values(), fill=-1)


def _padded(rows: Iterable[Sequence[int]], fill: int) -> Index:
    listed = list(rows)
    table = np.full((len(listed), max(map(len, listed), default=0)), fill, np.int64)
    for row, values in zip(table, listed, strict=True):
        row[: len(values)] = values
    return table
