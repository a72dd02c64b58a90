"""The concepts themselves: keys, readable names, and what WordNet says about them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from lt_course.data.icontail import Concept
from tools.icontail_build.naming import CuratedConcept, Label
from tools.icontail_build.wordnet import Nouns, Synset

ROLES = ("tiny", "core", "open")


class Catalogue:
    """All concepts that labels mention: the curated ones and WordNet's further senses.

    An open concept is a sense; its name is the lemma that authors use most. Where two senses
    share that lemma, the later one's key gets a number.
    """

    def __init__(
        self, curated: Sequence[CuratedConcept], labels: Iterable[Label], nouns: Nouns
    ) -> None:
        self._curated = {concept.key: concept for concept in curated}
        self._nouns = nouns
        self._sense: dict[str, Synset] = {c.key: nouns.sense(c.synset) for c in curated}
        self._name: dict[str, str] = {c.key: c.name for c in curated}
        lemmas: dict[Synset, Counter[str]] = defaultdict(Counter)
        for label in labels:
            if label.curated is None:
                lemmas[label.synset][label.lemma] += 1
        self._open: dict[Synset, str] = {}
        for synset in sorted(lemmas, key=lambda s: s.offset):
            lemma = min(lemmas[synset], key=lambda word: (-lemmas[synset][word], word))
            key = slug = lemma.replace("_", "-")
            number = 2
            while key in self._sense:
                key, number = f"{slug}-{number}", number + 1
            self._sense[key], self._open[synset] = synset, key
            self._name[key] = lemma.replace("_", " ")

    def key(self, label: Label) -> str:
        """The key of the label's concept."""
        return label.curated.key if label.curated else self._open[label.synset]

    def concepts(self, count: Mapping[str, int]) -> list[Concept]:
        """All concepts with a training picture: tiny, core, open, each by descending count."""
        present = sorted(
            (key for key in self._sense if count.get(key, 0)),
            key=lambda key: (ROLES.index(self._role(key)), -count[key], key),
        )
        return [self._describe(key) for key in present]

    def _role(self, key: str) -> str:
        return self._curated[key].role if key in self._curated else "open"

    def _describe(self, key: str) -> Concept:
        synset = self._sense[key]
        name = self._name[key]
        lemmas = (lemma.replace("_", " ") for lemma in synset.lemmas)
        return Concept(
            key=key,
            name=name,
            synonyms=tuple(lemma for lemma in lemmas if lemma.lower() != name.lower()),
            hypernyms=self._nouns.hypernyms(synset),
            gloss=synset.gloss,
            core=self._role(key) != "open",
            tiny=self._role(key) == "tiny",
        )
