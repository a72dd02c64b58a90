"""English nouns brought to their dictionary form, as WordNet's morphological rule does it.

Morphy's rule for nouns (morphy(7WN), https://wordnet.princeton.edu/documentation/morphy7wn), with
the choice of NLTK's ``WordNetLemmatizer``, which the paper used (App. B): of all lemmas that
WordNet 3.0 knows, the shortest. So *cranes* becomes *crane*, but also *glasses* *glass*.
"""

from __future__ import annotations

import gzip
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

NOUNS_FILE = "wordnet_nouns.txt.gz"
ENDINGS = {
    "s": "",
    "ses": "s",
    "ves": "f",
    "xes": "x",
    "zes": "z",
    "ches": "ch",
    "shes": "sh",
    "men": "man",
    "ies": "y",
}
"""Endings of a plural and of its singular (morphy(7WN), the rows for nouns)."""


@dataclass(frozen=True)
class Nouns:
    """WordNet's nouns of the letters a to z, and the lemmas of irregular forms."""

    known: frozenset[str]
    irregular: Mapping[str, tuple[str, ...]]

    def lemma(self, word: str) -> str:
        """The dictionary form of a word of the letters a to z; an unknown word stays as it is."""
        forms = self.irregular.get(word) or _exchanged(word, ENDINGS.items())
        # The first of the shortest, in the order of the rule.
        known = (form for form in (word, *forms) if form in self.known)
        return min(known, key=len, default=word)

    def spellings(self, lemma: str) -> set[str]:
        """All words whose dictionary form is `lemma`: the inverse image of :meth:`lemma`."""
        regular = _exchanged(lemma, ((singular, plural) for plural, singular in ENDINGS.items()))
        candidates = {lemma, *regular, *self._irregular_forms.get(lemma, ())}
        return {word for word in candidates if self.lemma(word) == lemma}

    @cached_property
    def _irregular_forms(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for form, lemmas in self.irregular.items():
            for lemma in lemmas:
                found[lemma].append(form)
        return found


@cache
def wordnet() -> Nouns:
    """WordNet 3.0's nouns, from the list that travels with the package."""
    path = Path(__file__).parent / "resources" / NOUNS_FILE
    lines = gzip.decompress(path.read_bytes()).decode("ascii").splitlines()
    entries = [line.split(" ") for line in lines if not line.startswith("  ")]  # the licence
    return Nouns(
        known=frozenset(word for word, *lemmas in entries if not lemmas),
        irregular={word: tuple(lemmas) for word, *lemmas in entries if lemmas},
    )


def _exchanged(word: str, endings: Iterable[tuple[str, str]]) -> Iterator[str]:
    for old, new in endings:
        if word.endswith(old):
            yield word.removesuffix(old) + new
