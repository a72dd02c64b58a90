"""What `bench` measures: a row is a title, its sides, and how each is prepared.

A peer is another way to the same value; a row without one compares with its limit and its reach
alone. A peer that is not installed would have no row: none of these needs a package that the lock
lacks.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PYTHON = sys.executable
COMMAND = [PYTHON, "-m", "lt_course.web.cli"]
Work = Callable[[], float]


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
        title: what is done.
        sides: "ours", perhaps "peer" and "limit", and what each is.
        setting: sizes, for the toy or not.
        prepare: a side's work, for the toy or not; its value must not depend on the side.
        command: of ours, where it is a whole process.
        reach: CPU seconds that ours is meant to stay within.
        reach_mib: MiB likewise.
    """

    title: str
    sides: dict[str, str]
    setting: Callable[[bool], str]
    prepare: Callable[[str, bool], Work] = field(default=lambda side, toy: _nothing)
    command: Callable[[bool], list[str]] | None = None
    reach: float | None = None
    reach_mib: float | None = None


def median(row: dict[str, Any], side: str, what: str = "cpu") -> float:
    """Of a recorded side."""
    return statistics.median(each[what] for each in row["sides"][side])


def _nothing() -> float:
    return 0.0


def started(
    title: str, command: Callable[[bool], list[str]], reach: float, reach_mib: float | None = None
) -> Row:
    """A whole process."""
    return Row(
        title,
        {"ours": "from the start of the process to its end"},
        lambda toy: "one process, files in the page cache",
        command=command,
        reach=reach,
        reach_mib=reach_mib,
    )


def _count(toy: bool) -> list[str]:
    """Ten captions and three classes, in files that stay until the machine cleans up."""
    folder = Path(tempfile.gettempdir()) / "lt_course_bench"
    folder.mkdir(exist_ok=True)
    (folder / "ten.tsv").write_text("caption\n" + "a dog sleeps on the mat\n" * 10)
    (folder / "three.json").write_text(json.dumps({n: [n] for n in ("dog", "cat", "door mat")}))
    files = ["--captions", f"{folder}/ten.tsv", "--concepts", f"{folder}/three.json"]
    return [*COMMAND, "concepts", "count", *files, "--out", f"{folder}/counts.csv"]


def _first_figure(toy: bool) -> list[str]:
    """The cells of lesson 00 up to its first figure, as they stand in the notebook."""
    notebook = json.loads((ROOT / "notebooks" / "00_start_here.ipynb").read_text())
    code = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    first = next(place for place, text in enumerate(code) if "plt.show()" in text)
    lines = ["import matplotlib", "matplotlib.use('agg')", *code[: first + 1]]
    return [PYTHON, "-c", "\n".join([*lines, "plt.savefig(__import__('io').BytesIO())"])]


def _contrastive(side: str, toy: bool) -> Work:
    import contrastive_memory
    import torch

    pairs, dimension = 64 if toy else 4096, contrastive_memory.D
    if side != "limit":
        step = contrastive_memory.prepare({"ours": "tiled", "peer": "open_clip"}[side], pairs)
        return lambda: step().item()
    torch.set_num_threads(1)
    image, logits = torch.randn(pairs, dimension), torch.randn(pairs, pairs)

    def products() -> float:
        """Logits, and the gradients of both sides."""
        return float(sum(p[0, 0] for p in (image @ image.T, logits @ image, logits.T @ image)))

    return products


def _distillation(side: str, toy: bool) -> Work:
    import distillation_memory as benchmark
    import torch

    prototypes = 128 if toy else benchmark.K
    if side != "limit":
        way = {"ours": "fused", "peer": "plain"}[side]
        step = benchmark.prepare(way, "centering", prototypes)
        return lambda: step().item()
    torch.set_num_threads(1)
    student = torch.randn((benchmark.G + benchmark.L) * benchmark.B, benchmark.D)
    weights = torch.randn(prototypes, benchmark.D)

    def products() -> float:
        """The student's logits and both of their gradients, crop by crop; the teacher's logits."""
        total = 0.0
        for number, crop in enumerate(student.split(benchmark.B)):
            logits = crop @ weights.T
            total += float((logits @ weights)[0, 0] + (logits.T @ crop)[0, 0])
            if number < benchmark.G:
                total += float((crop @ weights.T)[0, 0])
        return total

    return products


def _counting(side: str, toy: bool) -> Work:
    import concept_counting
    import numpy as np

    from lt_course.counting import concept_lists

    random, folder = np.random.default_rng(0), Path(tempfile.mkdtemp())
    words, nouns = concept_counting.spellings(random)
    captions, concepts = folder / "captions.tsv", folder / "concepts.json"
    concept_counting.write_captions(captions, 50_000, words, random)
    lines = captions.read_text().splitlines()[: 1 + (200 if toy else 20_000)]
    captions.write_text("\n".join(lines) + "\n")
    concept_counting.write_concepts(concepts, 20 if toy else 1_000, nouns, random)
    listed = concept_lists.read(str(concepts))
    if side == "limit":
        return lambda: float(len(captions.read_bytes().split()))
    if side == "peer":
        return lambda: literal_hits([line.split("\t")[1] for line in lines[1:]], listed.concepts)

    from lt_course.web import count_captions

    return lambda: float(
        count_captions.count([captions], listed, "bag-of-lemmas", quiet=True)[0].counts.sum()
    )


def literal_hits(captions: list[str], concepts: Any) -> float:
    """App. B step by step: letters only, noun lemmas, each class looked for in each caption."""
    import re

    from lt_course.counting.lemmas import wordnet
    from lt_course.counting.rules import CONTRACTIONS

    def lemmas(text: str) -> list[str]:
        tokens = re.sub(r"[^a-z]", " ", text.lower()).split()
        parts = [part for token in tokens for part in CONTRACTIONS.get(token, [token])]
        return [wordnet().lemma(part) for part in parts]

    named = [[lemmas(name) for name in concept.names] for concept in concepts]
    hits = 0
    for caption in captions:
        there = set(lemmas(caption))
        hits += sum(any(all(w in there for w in name) for name in names) for names in named)
    return float(hits)


def _head(side: str, toy: bool) -> Work:
    import torch
    import torch.nn.functional as F

    from lt_course.models.heads import Prototypes
    from lt_course.objectives.classify import vocabulary_mask

    torch.set_num_threads(1)
    torch.manual_seed(0)
    batch, classes, dimension = (16, 64, 32) if toy else (1024, 1000, 1024)
    features = F.normalize(torch.randn(batch, dimension), dim=1).requires_grad_()
    labels = torch.randint(classes, (batch,))
    head, weights = Prototypes(classes, dimension, normalized=True), torch.ones(classes)
    generator = torch.Generator().manual_seed(0)

    def step() -> float:
        logits = head(features)
        if side == "ours":
            # A vocabulary of all classes: the draw is made, and the loss is the full head's.
            mask = vocabulary_mask(labels.view(-1, batch // 16), classes, weights, generator)
            logits = logits.masked_fill(~mask.repeat_interleave(batch // 16, 0), -torch.inf)
        loss = F.cross_entropy(logits, labels)
        loss.backward()
        return loss.item()

    def products() -> float:
        with torch.no_grad():
            logits = features @ head.weight.T
            return float((logits @ head.weight)[0, 0] + (logits.T @ features)[0, 0])

    return products if side == "limit" else step


ROWS = {
    "help": started("`lt-course --help`", lambda toy: [*COMMAND, "--help"], 0.6),
    "count": started("`lt-course concepts count` of ten captions", _count, 0.8, 200),
    "claims": started("`lt-course claims`", lambda toy: [*COMMAND, "claims"], 2),
    "first-figure": started("Lesson 00 up to its first figure", _first_figure, 2),
    "contrastive": Row(
        "Contrastive loss and its gradient",
        {
            "ours": "tiled, `lt_course.web.fused_losses.info_nce`",
            "peer": "`open_clip.loss.ClipLoss`",
            "limit": "three matrix products: the logits and both gradients",
        },
        lambda toy: f"{64 if toy else 4096:,} pairs of 512 dimensions, float32",
        _contrastive,
    ),
    "distillation": Row(
        "Self-distillation's loss and its gradient",
        {
            "ours": "fused, `lt_course.web.fused_losses.multi_crop_cross_entropy`",
            "peer": "the plain definition, with autograd",
            "limit": "the matrix products of student and teacher",
        },
        lambda toy: f"64 pictures, 2 + 6 crops, {128 if toy else 65_536:,} prototypes of 256",
        _distillation,
    ),
    "counting": Row(
        "Counting concepts in captions, bag of lemmas",
        {
            "ours": "`lt-course concepts count`, without its start",
            "peer": "the rule written as a loop over captions and classes",
            "limit": "reading the file and cutting it at spaces",
        },
        lambda toy: f"{200 if toy else 20_000:,} captions, {20 if toy else 1_000:,} classes",
        _counting,
    ),
    "vocabulary": Row(
        "A classifier's head with a drawn vocabulary, loss and gradient",
        {
            "ours": "a vocabulary drawn for each of sixteen groups, here of all classes",
            "peer": "the full head",
            "limit": "three matrix products: the logits and both gradients",
        },
        lambda toy: "{} features of {}, {} classes".format(
            *((16, 32, 64) if toy else (1024, 1024, 1000))
        ),
        _head,
    ),
}
