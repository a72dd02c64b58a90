"""Lesson 06: what counting concepts in captions gets right, where labels are known.

Captions are searched by a rule of `lt_course.counting.rules`; labels say what the pictures show.
A picture has one label, though a caption may name several things that it shows, so part of what
is called wrong here is a second thing in the picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from matplotlib.figure import Figure

from lt_course.counting.concept_lists import Concept
from lt_course.counting.rules import Definition, compile_rule
from lt_course.counting.web_frequencies import RESOURCES
from lt_course.data import icontail
from lt_course.errors import CourseError
from lt_course.plots.style import BLUE, LINES, ORANGE, PALETTE, VERMILLION, Look, annotate

IntArray = npt.NDArray[np.int64]

KINDS = {
    "counted, and shown": (BLUE, "o"),
    "mostly something else": (VERMILLION, "X"),
    "mostly missed": (ORANGE, "v"),
}
"""Colour and marker of a class whose precision and recall are both above one half, whose precision
is not, or whose recall is not."""


def core_concepts(*, synonyms: bool) -> list[Concept]:
    """IconTail's core concepts, whose labels were looked at, by their names or WordNet's, too."""
    core = [c for c in icontail.load().concepts if c.core]
    return [Concept(c.name, (c.name, *(c.synonyms if synonyms else ()))) for c in core]


def mentions(captions: Sequence[str], name: str, veto: str = "") -> IntArray:
    """Places of the captions that name a thing and hold none of the veto words (bag of lemmas)."""
    concept = Concept(name, (name,), tuple(veto.split()))
    found, _ = compile_rule("bag-of-lemmas", [concept]).matches(pa.array(captions))
    return found


@dataclass(frozen=True, eq=False)
class Counted:
    """Captions that were counted, beside what their pictures show.

    `concepts` are the C classes counted; `labels` int [N], what each picture shows (a class below
    C, or any number above); `caption` and `concept`, int64 [M], the places of the captions that
    were counted, and the class that each was counted for.
    """

    concepts: Sequence[Concept]
    labels: npt.NDArray[np.integer]
    caption: IntArray
    concept: IntArray

    @classmethod
    def of(
        cls,
        captions: Sequence[str],
        labels: npt.NDArray[np.integer],
        concepts: Sequence[Concept],
        definition: Definition = "bag-of-lemmas",
    ) -> "Counted":
        """Count N captions, one a picture."""
        if len(captions) != len(labels):
            raise CourseError(f"{len(captions)} captions, but {len(labels)} labels; give as many.")
        found = compile_rule(definition, concepts).matches(pa.array(captions))
        return cls(concepts, labels, *found)

    def per_class(self) -> pd.DataFrame:
        """A row a class, indexed by its key: pictures that show it, captions that name it, both.

        Columns `labels`, `counted` and `right`.
        """
        right = self.concept[self.labels[self.caption] == self.concept]
        columns = {"labels": self.labels, "counted": self.concept, "right": right}
        table = {
            name: np.bincount(of[of < len(self.concepts)], minlength=len(self.concepts))
            for name, of in columns.items()
        }
        return pd.DataFrame(table, pd.Index([c.key for c in self.concepts], name="class"))

    def mistakes(self, names: Sequence[str]) -> pd.DataFrame:
        """What was counted for what it is not, the most frequent first.

        Columns `counted for`, `but shows` and the number of `captions`; `names` are of all labels.
        """
        wrong = self.labels[self.caption] != self.concept
        counted = [self.concepts[c].key for c in self.concept[wrong]]
        shown = [names[c] for c in self.labels[self.caption[wrong]]]
        pairs = pd.DataFrame({"counted for": counted, "but shows": shown})
        return pairs.value_counts(sort=True).rename("captions").reset_index()


def product_types() -> pd.DataFrame:
    """Types of the fashion products, counted in titles (`tools.count_product_types`).

    A row a type and list of `names` (shop: the shop's own; mended: a few added): `type`,
    `products`, `counted` titles, and how many of them are `right`.
    """
    return pd.read_csv(RESOURCES / "product_types.csv")


def plot_beside_labels(per_class: pd.DataFrame, label: Sequence[str]) -> Figure:
    """Left: both tails, each ranked by itself. Right: the same classes, one against the other.

    `per_class` is as `Counted.per_class` gives it; classes of `label` are named.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4))
    for number, column in enumerate(["labels", "counted"]):
        sizes = np.sort(per_class[column])[::-1]
        ranks = np.arange(1, len(sizes) + 1)[sizes > 0]
        line: Look = {"linestyle": LINES[number], "marker": "os"[number], "markevery": 0.1}
        left.plot(ranks, sizes[sizes > 0], **line, color=PALETTE[number], label=column)
    left.set(xscale="log", yscale="log", xlabel="rank of the class, each by itself")
    left.set_ylabel("drawings, or titles")
    left.legend()
    correct, wrong, missed = KINDS
    kinds = np.where(per_class["right"] < per_class["labels"] / 2, missed, correct)
    kinds = np.where(per_class["right"] < per_class["counted"] / 2, wrong, kinds)
    for kind, (color, marker) in KINDS.items():
        rows = per_class[kinds == kind]
        dots: Look = {"color": color, "linestyle": "none", "alpha": 0.8, "markersize": 4.5}
        right.plot(rows["labels"], rows["counted"], marker, **dots, label=kind)
    ends = [per_class["labels"].min(), per_class["labels"].max()]
    right.plot(ends, ends, color="#888888", linewidth=1)
    for name in label:
        annotate(right, name, per_class.loc[name, ["labels", "counted"]], (5, -3))
    right.set_xscale("log")
    right.set_yscale("symlog", linthresh=1)
    right.set(xlabel="drawings with the label", ylabel="titles that name the class")
    right.set_ylim(-0.3, None)
    right.legend(fontsize=7.5, loc="upper left")
    return figure
