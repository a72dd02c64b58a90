"""Speed and memory of concept counting: `python benchmarks/concept_counting.py`.

Writes a TSV file of synthetic captions and lists of 1,000 and of 21,000 synthetic classes (about
two names each, of one to three words) into a temporary folder, then counts each list in a new
process: cold, from the first import to the counts. The words follow Zipf and Mandelbrot's law
over 200,000 spellings: function words, WordNet's nouns and their plurals, and words that no
dictionary has; some in capitals, some with punctuation.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

CLASSES = (1_000, 21_000)
SPELLINGS = 200_000
FUNCTION_WORDS = (
    "the of and in a to on with for by at is from an as his her it this that was are new be or "
    "up one my i you your our not all out its their two after more into over no"
).split()


def spellings(random: np.random.Generator) -> tuple[list[str], list[str]]:
    """Words from the most to the least frequent, and the nouns among them in the same order."""
    from lt_course.counting.lemmas import wordnet

    nouns = random.permutation(sorted(wordnet().known))
    invented = [
        "".join(map(chr, random.integers(97, 123, n))) for n in random.integers(3, 11, 60_000)
    ]
    mixed = [*nouns, *(noun + "s" for noun in nouns), *invented]
    mixed = [mixed[place] for place in random.permutation(len(mixed))]
    noisy = [
        word.title() if draw < 0.25 else f"{word}," if draw < 0.35 else word
        for word, draw in zip(mixed, random.random(len(mixed)), strict=True)
    ]
    known = set(nouns) - set(FUNCTION_WORDS)
    return [*FUNCTION_WORDS, *noisy][:SPELLINGS], [word for word in mixed if word in known]


def write_captions(
    path: Path, captions: int, words: list[str], random: np.random.Generator
) -> None:
    """A TSV file with the columns `url` and `caption`; 12 words a caption on average."""
    weights = (np.arange(len(words)) + 2.7) ** -1.07
    law = np.cumsum(weights) / weights.sum()
    table = pa.array(words)
    schema = pa.schema([("url", pa.string()), ("caption", pa.string())])
    plain = csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")
    with path.open("wb") as file, csv.CSVWriter(file, schema, write_options=plain) as writer:
        file.write(b"url\tcaption\n")
        for _ in range(0, captions, 50_000):
            length = 1 + random.poisson(11, 50_000)
            drawn = np.searchsorted(law, random.random(length.sum()))
            lists = pa.ListArray.from_arrays(
                np.append(0, np.cumsum(length)).astype(np.int32), table.take(pa.array(drawn))
            )
            urls = pa.array([f"https://example.org/{n}.jpg" for n in range(50_000)])
            writer.write(pa.table({"url": urls, "caption": pc.binary_join(lists, " ")}))


def write_concepts(path: Path, classes: int, nouns: list[str], random: np.random.Generator) -> None:
    """Names of nouns, frequent ones more often: ranks are uniform on a logarithmic scale.

    The 30 most frequent nouns are left out, since captions name few classes: 0.3 of ImageNet's
    on average in CC-12M, 0.2 in LAION-400M.
    """
    ends = np.log(30), np.log(len(nouns))

    taken: set[str] = set()

    def name() -> str:
        while True:
            ranks = np.exp(random.uniform(*ends, random.choice(3, p=[0.55, 0.4, 0.05]) + 1))
            drawn = " ".join(nouns[int(rank) - 1] for rank in ranks)
            if drawn not in taken:  # classes hardly ever share a name
                taken.add(drawn)
                return drawn

    lists = {f"class {n}": [name() for _ in range(random.integers(1, 4))] for n in range(classes)}
    path.write_text(json.dumps(lists))


def count_once(captions: Path, concepts: Path, definition: str) -> None:
    """Count in this process, and print CPU seconds and memory since it began."""
    from lt_course.counting import concept_lists
    from lt_course.web import count_captions

    imported = time.process_time()
    (tally,) = count_captions.count(
        [captions], concept_lists.read(str(concepts)), definition, quiet=True
    )
    figures = {
        "captions": tally.captions,
        "hits": int(tally.counts.sum()),
        "imports": imported,
        "cpu": time.process_time(),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(figures))


def main() -> None:
    """Print a line a list of concepts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--captions", type=int, default=1_000_000)
    parser.add_argument("--definition", default="bag-of-lemmas")
    parser.add_argument("--once", nargs=2, type=Path, metavar=("CAPTIONS", "CONCEPTS"))
    asked = parser.parse_args()
    if asked.once:
        count_once(*asked.once, asked.definition)
        return
    random = np.random.default_rng(0)
    with TemporaryDirectory() as folder:
        captions, concepts = Path(folder, "captions.tsv"), Path(folder, "concepts.json")
        words, nouns = spellings(random)
        write_captions(captions, asked.captions, words, random)
        print(f"{captions.stat().st_size / 1e6:.0f} MB of captions", flush=True)
        for classes in CLASSES:
            write_concepts(concepts, classes, nouns, random)
            run = [sys.executable, __file__, "--once", captions, concepts]
            run += ["--definition", asked.definition]
            done = subprocess.run(run, check=True, stdout=subprocess.PIPE, text=True)
            figures = json.loads(done.stdout)
            print(
                f"{classes:>6} classes: {figures['captions'] / figures['cpu']:>9,.0f} captions a "
                f"CPU second ({figures['cpu']:.2f} s, {figures['imports']:.2f} s of them imports), "
                f"{figures['peak_mb']:.0f} MB at the peak, {figures['hits']:,} hits",
                flush=True,
            )


if __name__ == "__main__":
    main()
