"""Exercises of the lesson on the web's long tail."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lt_course.counting import web_frequencies
from lt_course.data import icontail
from lt_course.lessons import counting
from lt_course.lessons.exercises.kinds import (
    NONE_YET,
    Exercise,
    Explanation,
    Function,
    Judgement,
    Mistake,
    Number,
    Prediction,
)
from lt_course.statistics import gini

CAPTIONS = [
    ("Two T-shirts on a line", ["T-shirt"]),
    ("a blue t-shirt.", ["T-shirt"]),
    ("the catalog of a museum", ["cat"]),
    ("CAT_2 of the series", ["cat"]),
    ("a big Cat, asleep", ["dog", "cat"]),
    ("Our St. Bernard in the snow", ["pug", "St. Bernard"]),
    ("Stu Bernard in the snow", ["pug", "St. Bernard"]),
    ("Sto Bernard", ["St. Bernard"]),
    ("a construction site with a crane", ["construction crane"]),
    ("mouse2", ["mouse"]),
    ("(mouse)", ["mouse"]),
    ("no animal here", ["mouse", "cat"]),
]


AROUND = ("{}", "A {}.", "two {}s", "{}_3", "({})", "pre{}", "my {}'s", "no {}-like thing", "x.{}")


def _captions(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    """The captions of the check, and names in other surroundings."""
    yield from CAPTIONS
    names = ["cat", "St. Bernard", "T-shirt", "crane", "mouse"]
    for around in rng.permutation(AROUND):
        name, other = rng.choice(names, 2, replace=False)
        word = str(rng.choice([name, name.upper(), name.replace(".", "o")]))
        yield str(around).format(word), [str(name), str(other)]


def by_substring(caption: str, names: list[str]) -> bool:
    """Whether one of the names stands in a caption as it is (arXiv 2405.21070, App. C)."""
    return any(re.search(rf"(?<!\w){re.escape(n)}(?!\w)", caption, re.I) for n in names)


def anywhere(caption: str, names: list[str]) -> bool:
    """Without a look at what stands around."""
    return any(name.lower() in caption.lower() for name in names)


def as_written(caption: str, names: list[str]) -> bool:
    """With capitals as they are."""
    return any(re.search(rf"(?<!\w){re.escape(n)}(?!\w)", caption) for n in names)


def unescaped(caption: str, names: list[str]) -> bool:
    """With the name as a pattern."""
    return any(re.search(rf"(?<!\w){name}(?!\w)", caption, re.I) for name in names)


def all_words(caption: str, names: list[str]) -> bool:
    """The words of a name in any order."""
    words = set(re.findall(r"\w+", caption.lower()))
    return any(set(re.findall(r"\w+", name.lower())) <= words for name in names)


@dataclass(frozen=True)
class NegativeWords:
    """Words, in a string or a list, that mend the count of a concept of IconTail by its name."""

    concept: str
    precision: float
    recall: float

    def judge(self, answer: Any) -> Judgement:
        """Right if precision and recall both lie above what is asked for."""
        if answer is None or answer is ...:
            return NONE_YET
        words = answer if isinstance(answer, str) else _joined(answer)
        if words is None:
            return Judgement(False, "words are asked for, in one string with blanks between them.")
        precision, recall = self.quality(words)
        said = f"precision {precision:.2f}, recall {recall:.2f}"
        if recall == 0:
            return Judgement(
                False,
                f"{said}: one of the words has the lemma of the name itself, so that no title is "
                "left. Negative words are lemmas, too: 'glasses' is 'glass'.",
            )
        if precision <= self.precision:
            return Judgement(False, f"{said}: begin with the words of the most frequent mistakes.")
        if recall <= self.recall:
            return Judgement(False, f"{said}: one of the words stands in titles of {self.concept}.")
        return Judgement(True, said)

    def quality(self, words: str) -> tuple[float, float]:
        """Precision and recall; 0 where nothing is counted."""
        tail = icontail.load()
        number = [concept.name for concept in tail.concepts].index(self.concept)
        right = tail.concept[counting.mentions(tail.titles, self.concept, words)] == number
        recall = right.sum() / (tail.concept == number).sum()
        return (float(right.mean()) if len(right) else 0.0), float(recall)


def _joined(answer: Any) -> str | None:
    if isinstance(answer, list | tuple) and all(isinstance(word, str) for word in answer):
        return " ".join(answer)
    return None


def at_random(logarithm: bool = True) -> float:
    """Classes below ten pictures in a random part of LAIONet as large as that above 0.85."""
    summary = web_frequencies.load(download=False).summary
    names = ["laionet_thresh0.7_ori"]
    names += [f"laionet_thresh0.7_frac{1 / n}_ori" for n in (2, 4, 8, 16, 32)]
    parts = summary.loc[names].sort_values("total")
    asked = summary["total"]["laionet_thresh0.85_ori"]
    sizes = np.append(parts["total"].to_numpy(np.float64), asked)
    if logarithm:
        sizes = np.log(sizes)
    return float(np.interp(sizes[-1], sizes[:-1], parts["below_10"].to_numpy(np.float64)))


EXERCISES: dict[str, Exercise] = {
    "gini": Number(
        lambda: [gini([1, 1, 1, 7]), gini([0, 0, 1, 1, 1, 7])],
        mistakes=[
            Mistake(
                [0.45, 0.45],
                "Two empty classes are classes: C is six now, and all weights change.",
            ),
            Mistake(
                [0.45, 0.95],
                "The second is divided by C = 4: with two more classes C is six.",
            ),
            Mistake(
                [-0.45, -0.63],
                "The formula wants the counts in ascending order: these are of the descending one.",
            ),
            Mistake([1.8, 3.8], "Divide by C times the total, not by the total alone."),
        ],
        hint="The weights times the sorted counts, summed, over C times the total.",
    ),
    "tent": Explanation(
        "The two columns were counted with different lists of names. In MetaCLIP's the tent is "
        "looked up as 'mountain tent', which few people write; in LAION's it is 'tent'. The pairs "
        "prove it: the garment and the dog have the same count to the last digit, and so have the "
        "bird and the machine, so one word, 'cardigan' or 'crane', was counted for both. It is a "
        "difference between two ways of counting, not between two webs. (We infer this from the "
        "numbers; the release does not say so.)",
        {
            "the list of names": ("name", "list", "entry", "entries", "called", "mountain"),
            "the equal counts of two classes": ("same", "equal", "identical", "both", "twice"),
        },
        words=15,
    ),
    "substring": Function(
        by_substring,
        _captions,
        mistakes=[
            Mistake(
                anywhere,
                "It finds the cat in 'catalog': look at the characters before and after.",
            ),
            Mistake(as_written, "Capitals make a difference here; they should not."),
            Mistake(
                unescaped,
                "A full stop in a name matches any character: use re.escape on the name.",
            ),
            Mistake(
                all_words,
                "This is the rule bag-of-lemmas without lemmas: a name has to stand as it is, its "
                "words in order.",
            ),
        ],
        hint="A search for (?<!\\w)NAME(?!\\w) looks at both neighbors.",
    ),
    "negative-words": NegativeWords("glasses", precision=0.7, recall=0.75),
    "attenuation": Prediction(0, 1, unit="the correlation"),
    "threshold": Number(
        at_random,
        mistakes=[
            Mistake(
                262,
                "This is the row at 0.85 itself, with which the estimate is to be compared.",
            ),
            Mistake(253.5, "This is the mean of the two neighbors: the size lies nearer to 1/16."),
            Mistake(
                lambda: at_random(logarithm=False),
                "This is linear in the size itself; take the logarithm of both sizes first.",
            ),
        ],
        hint="It lies between the values at 1/16 and at 1/8.",
        decimals=1,
        tolerance=0.6,
    ),
}
