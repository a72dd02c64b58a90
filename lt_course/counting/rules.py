"""Concept frequency: in how many captions of a corpus each class is named, by several definitions.

A class counts once a caption, and a caption for all classes that it names. A rule is compiled once
into sparse tables over words; captions are then matched some megabytes at a time, so that memory
depends on the concepts and the piece, not on the corpus.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, pairwise
from string import ascii_letters
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import csr_array

from lt_course.counting.concept_lists import Concept, ConceptList
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
"""Words of letters alone that the Treebank tokeniser of the release takes apart."""

PIECE = 4_000_000
"""Bytes of text that are matched at a time; temporary arrays take about ten times as many."""

LETTERS = bytes(ord(chr(b).lower() if chr(b) in ascii_letters else " ") for b in range(256))
"""What becomes of each byte: a letter a to z or a space; so do all bytes of longer characters."""

WORD = re.compile(r"\w")
"""A letter, digit or underscore of any script."""

UNUSUAL = {"\u0130": "i\u0307", "\u212a": "k"}
"""The two other characters whose lower case holds a letter a to z: the Turkish capital I with a
dot, which becomes an i and a combining dot, and the sign for kelvin."""


class Rule(ABC):
    """A definition of concept frequency, compiled for a list of C concepts.

    All definitions share that a caption names a class only if it holds all words of one of the
    class's names; subclasses say what a word is, and look at what that leaves open.
    """

    def __init__(
        self,
        concepts: Sequence[Concept],
        words: Sequence[Collection[str]],
        spellings: Mapping[str, Collection[str]],
    ) -> None:
        """`words` are those of each name; `spellings` the words that each spelling stands for."""
        self._names = [name for concept in concepts for name in concept.names]
        self._number = {word: n for n, word in enumerate(sorted({*chain(*spellings.values())}))}
        self._spellings = pa.array(list(spellings), pa.string())
        self._spelt = self._table(spellings.values())
        self._in_names = self._table(words).T.tocsr()
        self._length = np.array(list(map(len, words)))
        owner = [number for number, concept in enumerate(concepts) for _ in concept.names]
        ends, shape = np.arange(len(owner) + 1), (len(owner), len(concepts))
        self._of_class = csr_array((np.ones(len(owner), bool), owner, ends), shape)

    @abstractmethod
    def _named(self, captions: pa.StringArray) -> csr_array[Any]:
        """Which classes the captions name, bool [N, C]."""

    def count(self, captions: pa.Array) -> Counts:
        """Captions that name each class, int64 [C]; the captions are strings, a null is empty."""
        return np.bincount(self.matches(captions)[1], minlength=self._of_class.shape[1])

    def matches(self, captions: pa.Array) -> tuple[Index, Index]:
        """Which captions name which classes.

        Returns:
            Places in `captions` and numbers of classes, int64 [M] each, sorted, each pair once.
        """
        found = [np.zeros((2, 0), np.int64)]
        for begin, piece in _pieces(captions):
            named = self._named(piece)
            named.sort_indices()
            caption, concept = named.nonzero()
            found.append(np.stack([begin + caption.astype(np.int64), concept]))
        caption, concept = np.concatenate(found, axis=1)
        return caption, concept

    def _held(self, captions: pa.StringArray) -> csr_array[Any]:
        """Which words the captions hold, int32 [N, words], 1 where they do."""
        words = pc.ascii_split_whitespace(_letters_alone(captions))
        spelling = pc.index_in(words.flatten(), self._spellings).fill_null(-1).to_numpy()
        known = spelling >= 0
        ends = np.append(0, np.cumsum(known))[words.offsets.to_numpy()]
        shape = len(captions), len(self._spellings)
        held = csr_array((np.ones(ends[-1], np.int32), spelling[known], ends), shape) @ self._spelt
        held.data[:] = 1
        return held

    def _complete(self, held: csr_array[Any]) -> csr_array[Any]:
        """The names all of whose words are among those held, bool [N, names]."""
        found = held @ self._in_names
        found.data = found.data == self._length[found.indices]
        found.eliminate_zeros()
        return found

    def _table(self, rows: Iterable[Collection[str]]) -> csr_array[Any]:
        """The words that each row lists, int32 [rows, words], 1 where it does."""
        listed = list(rows)
        columns = [self._number[word] for row in listed for word in row]
        ends = np.cumsum([0, *map(len, listed)])
        ones = np.ones(len(columns), np.int32)
        return csr_array((ones, columns, ends), (len(listed), len(self._number)))


def compile_rule(definition: Definition, concepts: Sequence[Concept]) -> Rule:
    """A definition, for a list of concepts."""
    rules = {"bag-of-lemmas": BagOfLemmas, "substring": Substring}
    if definition not in rules:
        raise CourseError(f"Unknown definition {definition!r}; choose one of {', '.join(rules)}.")
    return rules[definition](concepts)


def bag_of_lemmas(text: str) -> frozenset[str]:
    """The dictionary forms of a text's words (letters a to z), without order or number."""
    words = re.findall("[a-z]+", text.lower())
    parts = (part for word in words for part in CONTRACTIONS.get(word, (word,)))
    return frozenset(wordnet().lemma(part) for part in parts)


def changed_names(concepts: ConceptList, definition: Definition) -> list[str]:
    """Names of which a definition makes something else than they say; a clause on each.

    A name that holds a WordNet id, several words written as one, or characters that the definition
    drops (bag-of-lemmas) or that captions hardly ever hold (substring); one letter; names of
    several classes that become equal.
    """
    bag = definition == "bag-of-lemmas"
    dropped = r"[^A-Za-z\s.'\u2019-]" if bag else r"[^\w\s.'\u2019&+-]|_"
    odd = re.compile(rf"{dropped}|^\W|[a-z][A-Z]|n\d{{8}}|^\w$")
    told, asked = [], dict[str, dict[str, None]]()
    for concept, names in zip(concepts.concepts, concepts.written, strict=True):
        for name in names:
            words = " ".join(sorted(bag_of_lemmas(name))) if bag else name.lower()
            asked.setdefault(words, {})[concept.key] = None
            if odd.search(name):
                told.append(f"{name!r} asks for {words!r}")
    for words, keys in asked.items():
        if len(keys) > 1:
            told.append(f"the classes {', '.join(map(repr, keys))} ask alike for {words!r}")
    return told


class BagOfLemmas(Rule):
    """A class is named if *all* words of *one* of its names are there, and none of its veto words.

    Case, order and repetition do not count, nor does anything but the letters a to z; words are
    brought to the dictionary form of nouns (Wen et al., NeurIPS 2024, arXiv 2405.21070, App. B; the
    counts of its Fig. 1, 2 and 13). All spellings of the names' words are listed beforehand, so
    that no caption needs a dictionary.
    """

    def __init__(self, concepts: Sequence[Concept]) -> None:
        words = [bag_of_lemmas(name) for concept in concepts for name in concept.names]
        vetoes = [bag_of_lemmas(" ".join(concept.veto)) for concept in concepts]
        lemmas = frozenset().union(*words, *vetoes)
        spellings: dict[str, Collection[str]]
        spellings = {s: {lemma} for lemma in lemmas for s in wordnet().spellings(lemma)}
        spellings |= {word: bag_of_lemmas(word) & lemmas for word in CONTRACTIONS}
        super().__init__(concepts, words, spellings)
        self._vetoes = self._table(vetoes).T.tocsr()

    def _named(self, captions: pa.StringArray) -> csr_array[Any]:
        held = self._held(_plain(captions))
        return self._complete(held) @ self._of_class > held @ self._vetoes


class Substring(Rule):
    """A class is named if one of its names stands in the caption as it is, whatever its case.

    No `WORD` may stand directly before or after it, and there is no veto (Wen et al., App. C; the
    labels of CC-12M-Cls and YFCC-15M-Cls).
    """

    def __init__(self, concepts: Sequence[Concept]) -> None:
        names = [name.lower() for concept in concepts for name in concept.names]
        words = [frozenset(re.findall("[a-z]+", name)) for name in names]
        super().__init__(concepts, words, {word: {word} for word in chain(*words)})

    def _named(self, captions: pa.StringArray) -> csr_array[Any]:
        written = self._written(captions)
        found = self._complete(self._held(written))
        caption = np.repeat(np.arange(len(captions)), np.diff(found.indptr))
        texts = written.take(pa.array(caption)).to_pylist()
        names = map(self._names.__getitem__, found.indices)
        found.data = np.fromiter(map(self._stands_in, names, texts), bool, len(texts))
        return found @ self._of_class

    def _written(self, captions: pa.StringArray) -> pa.StringArray:
        """The captions as they are compared with names."""
        return pc.utf8_lower(_plain(captions))

    def _stands_in(self, name: str, text: str) -> bool:
        place = text.find(name)
        while place >= 0:
            end = place + len(name)
            if not WORD.search(text[max(place - 1, 0) : place] + text[end : end + 1]):
                return True
            place = text.find(name, place + 1)
        return False


class BetweenSpaces(Substring):
    """A class is named if one of its names stands in the caption as it is, case included, between
    spaces, after every ASCII punctuation mark has become one (LAIONet, arXiv 2306.15769, App. A).

    So names that hold a punctuation mark themselves are never found.
    """

    def _written(self, captions: pa.StringArray) -> pa.StringArray:
        return pc.replace_substring_regex(captions, "[[:punct:]]", " ")

    def _stands_in(self, name: str, text: str) -> bool:
        return f" {name} " in f" {text} "


def _pieces(captions: pa.Array) -> Iterator[tuple[int, pa.StringArray]]:
    """The captions without nulls, `PIECE` bytes (or a longer one) at a time, and their places."""
    captions = captions.cast(pa.string()).fill_null("")
    bounds = np.append(0, np.cumsum(pc.binary_length(captions), dtype=np.int64))
    cuts = np.searchsorted(bounds, np.arange(0, bounds[-1], PIECE))
    for begin, end in pairwise(np.unique([*cuts, len(captions)])):
        yield begin, captions[begin:end]


def _plain(captions: pa.StringArray) -> pa.StringArray:
    """The captions with the lower case of `UNUSUAL` characters in their place."""
    for unusual, letters in UNUSUAL.items():
        captions = pc.replace_substring(captions, unusual, letters)
    return captions


def _letters_alone(captions: pa.StringArray) -> pa.StringArray:
    """The captions in lower case, with spaces for all bytes that are no letter a to z."""
    _, bounds, text = captions.buffers()
    letters = pa.py_buffer(bytes(text or b"").translate(LETTERS))
    return pa.StringArray.from_buffers(len(captions), bounds, letters, offset=captions.offset)
