"""What counting concepts in captions gets right, where the class of every picture is known.

Captions are searched by a rule of `lt_course.counting.rules`; labels say what the pictures show.
A picture has one label, though a caption may name several things that it shows, so part of what
is called wrong here is a second thing in the picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from lt_course.counting.concept_lists import Concept
from lt_course.counting.rules import Definition, compile_rule
from lt_course.data import icontail
from lt_course.errors import CourseError
from lt_course.evaluation.bias import third_of
from lt_course.lessons.observer import Observer
from lt_course.statistics import spearman

IntArray = npt.NDArray[np.int64]


def core_concepts(*, synonyms: bool) -> list[Concept]:
    """IconTail's core concepts, whose labels were looked at, as a list to be counted.

    Args:
        synonyms: also count WordNet's synonyms of a concept, and not its name alone.
    """
    return [
        Concept(c.key, (c.name, *(c.synonyms if synonyms else ())))
        for c in icontail.load().concepts
        if c.core
    ]


def mentions(captions: Sequence[str], name: str, veto: str = "") -> IntArray:
    """Places of the captions that name a thing and hold none of the veto words (bag of lemmas)."""
    concept = Concept(name, (name,), tuple(veto.split()))
    found, _ = compile_rule("bag-of-lemmas", [concept]).matches(pa.array(captions))
    return found


def counts(captions: Sequence[str], names: Sequence[str]) -> IntArray:
    """How many captions name each of C things by its one name (bag of lemmas), int64 [C]."""
    rule = compile_rule("bag-of-lemmas", [Concept(name, (name,)) for name in names])
    return rule.count(pa.array(captions))


@dataclass(frozen=True, eq=False)
class Counted:
    """Captions that were counted, beside what their pictures show.

    Attributes:
        concepts: the C classes that were counted.
        labels: int [N], what each picture shows: a class below C, or any number above.
        caption: int64 [M], places of the captions that were counted.
        concept: int64 [M], the class that each was counted for.
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
        """Count N captions, one a picture.

        Raises:
            CourseError: if captions and labels differ in number.
        """
        if len(captions) != len(labels):
            raise CourseError(f"{len(captions)} captions, but {len(labels)} labels; give as many.")
        found = compile_rule(definition, concepts).matches(pa.array(captions))
        return cls(concepts, labels, *found)

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Whether the picture of each counted caption shows what it was counted for, bool [M]."""
        return np.asarray(self.labels[self.caption] == self.concept)

    def summary(self) -> dict[str, float]:
        """Over all classes together.

        `matches` (a caption counts once for each class that it names), `precision` and `recall`
        (0..1), `several`: the share of counted captions that count for more than one class, and
        `spearman`: the rank correlation of counts with labels over classes.
        """
        classes = self.per_class()
        times = np.unique(self.caption, return_counts=True)[1]
        return {
            "matches": len(self.caption),
            "precision": float(self.right.mean()),
            "recall": float(self.right.sum() / classes["labels"].sum()),
            "several": float((times > 1).mean()),
            "spearman": spearman(classes["labels"], classes["counted"]),
        }

    def per_class(self) -> pd.DataFrame:
        """A row a class, indexed by its first name.

        `labels`: pictures that show it; `counted`: captions that name it; `precision`: the share
        of the latter that are among the former, nan where nothing was counted; `recall`: the
        share of the former among the latter.
        """
        sizes = [
            np.bincount(of[of < len(self.concepts)], minlength=len(self.concepts))
            for of in (self.labels, self.concept, self.concept[self.right])
        ]
        labels, counted, right = sizes
        table = pd.DataFrame({"labels": labels, "counted": counted})
        table["precision"] = right / np.where(counted, counted, np.nan)
        table["recall"] = right / np.where(labels, labels, np.nan)
        return table.set_index(pd.Index([c.names[0] for c in self.concepts], name="class"))

    def mistakes(self, names: Sequence[str]) -> pd.DataFrame:
        """What was counted for what it is not, the most frequent first.

        Args:
            names: of everything that a label can be.

        Returns:
            Rows with `counted for`, `but shows` and the number of `captions`.
        """
        wrong = ~self.right
        pairs = pd.DataFrame(
            {
                "counted for": [self.concepts[c].names[0] for c in self.concept[wrong]],
                "but shows": [names[c] for c in self.labels[self.caption[wrong]]],
            }
        )
        return pairs.value_counts(sort=True).rename("captions").reset_index()


def by_third(per_class: pd.DataFrame) -> pd.DataFrame:
    """Errors where classes are frequent, and where they are rare.

    Args:
        per_class: as `Counted.per_class` gives it.

    Returns:
        Rows head, mid and tail by the number of `labels`; `precision` and `recall` are means over
        classes, `counted / labels` is the median.
    """
    third = pd.Series(np.array(["head", "mid", "tail"])[third_of(per_class["labels"])])
    table = per_class[["precision", "recall"]].assign(
        **{"counted / labels": per_class["counted"] / per_class["labels"]}
    )
    how = {"precision": "mean", "recall": "mean", "counted / labels": "median"}
    return table.groupby(third.to_numpy()).agg(how)


def correlations_by_counting(
    per_class: pd.DataFrame, pulls: Sequence[float], seeds: int = 5
) -> pd.DataFrame:
    """Spearman correlations of predictions with true frequencies, and with counted ones.

    The model is an `Observer` whose training set holds every class as often as it is *labelled*,
    so how strongly it follows frequency is known; what is correlated may be the miscount.

    Args:
        per_class: `labels` and `counted`, as `Counted.per_class` gives them.
        pulls: how strongly predictions follow log frequency (`Observer.trained_on`), a row each.
        seeds: observers that are averaged, which find other classes difficult.

    Returns:
        `labels` and `counted`: mean correlations in -1..1, indexed by pull.
    """
    rows = []
    for pull in pulls:
        found = []
        for seed in range(seeds):
            observer = Observer.trained_on(per_class["labels"], prior=pull, hubs=0.5, seed=seed)
            predictions = observer.confusion().sum(0)
            found.append([spearman(per_class[c], predictions) for c in ("labels", "counted")])
        rows.append(np.mean(found, axis=0))
    index = pd.Index(pulls, name="pull")
    return pd.DataFrame(rows, index, ["labels", "counted"])
