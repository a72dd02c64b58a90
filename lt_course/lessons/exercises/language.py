"""Lesson 05: bits, floors, questions, and captions of one's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
from scipy import stats

from lt_course import study
from lt_course.data import icontail
from lt_course.data.captions import captions
from lt_course.lessons.exercises.kinds import (
    Exercise,
    Explanation,
    Function,
    Mistake,
    Number,
    Prediction,
)

MOST_WORDS = 12
"""Of a caption of one's own."""


def _entropy(values: Sequence[Any]) -> float:
    return float(stats.entropy(list(Counter(values).values()), base=2))


@cache
def _said(kind: str, tagged: bool) -> tuple[list[str], list[int]]:
    """The captions of a kind, and their classes; of training drawings with tags, or of all."""
    tail = icontail.load()
    drawn = study.training_set(study.config("clip-title", seed=0))
    rows = [i for i, p in enumerate(drawn.image_ids) if tail.tags[p] or not tagged]
    known = captions(tail, drawn.image_ids[rows], kind)
    return [known.of(row)[0] for row in range(len(rows))], drawn.labels[rows].tolist()


def _about_class(kind: str, tagged: bool) -> float:
    said, labels = _said(kind, tagged)
    both = list(zip(said, labels, strict=True))
    return _entropy(said) + _entropy(labels) - _entropy(both)


def _batch_floor(texts: list[str]) -> float:
    count = Counter(texts)
    return float(np.mean([np.log(count[text]) for text in texts]))


def _batches(generator: np.random.Generator) -> Iterator[tuple[list[str]]]:
    words = ["bell", "cloud", "heart", "tent", "key"]
    for size in (9, 24):
        yield ([str(word) for word in generator.choice(words, size, p=[0.4, 0.3, 0.1, 0.1, 0.1])],)


def _drawings(generator: np.random.Generator) -> Iterator[tuple[dict[str, Any]]]:
    for number in generator.permutation(3):
        tags: tuple[str, ...] = (("filled", "arrow"), (), ("outline",))[number]
        yield (
            {
                "name": ("umbrella", "chat bubble", "shield")[number],
                "synonyms": (("parasol",), (), ("buckler", "escutcheon"))[number],
                "gloss": "a thing that is carried along " * 3,
                "title": ("rain", "comment dots", "security")[number],
                "tags": tags,
                "look": ("solid", "line", "solid")[number],
                "appearance": "a large wide drawing, dense at the top",
            },
        )


def _caption_complaint(value: Any, arguments: tuple[Any, ...]) -> str | None:
    (drawing,) = arguments
    if not isinstance(value, str):
        return f"a caption is one text, not a {type(value).__name__}."
    if not value.strip():
        return "it is silent for some drawings: not every drawing has tags."
    if len(value.split()) > MOST_WORDS:
        return f"a caption here has at most {MOST_WORDS} words; one has {len(value.split())}."
    called = (drawing["name"], drawing["title"], *drawing["synonyms"])
    if not any(name.lower() in value.lower() for name in called):
        return "it does not name what is drawn: neither by name, nor by title, nor by a synonym."
    return None


EXERCISES: dict[str, Exercise] = {
    "silence": Number(
        lambda: _about_class("tags", tagged=True),
        [
            Mistake(
                lambda: _about_class("tags", tagged=False),
                "These are the tags of all drawings, the silent ones with them.",
            ),
            Mistake(
                lambda: _about_class("title", tagged=True),
                "This is what their titles tell, which is all of H(Y); the tags are asked for.",
            ),
            Mistake(
                lambda: _entropy(_said("tags", True)[0]),
                "This is H(T), all bits of the tags; those about the class are a part of them.",
            ),
        ],
        "I(T; Y) = H(T) + H(Y) - H(T, Y), over the drawings that have tags.",
    ),
    "batch-floor": Function(
        _batch_floor,
        _batches,
        [
            Mistake(
                lambda texts: float(np.log(len(texts) / len(set(texts)))),
                "This is the log of the mean number of equal captions; take the mean over pictures "
                "of the log.",
            ),
            Mistake(
                lambda texts: float(np.mean([np.log(n) for n in Counter(texts).values()])),
                "This is a mean over different captions; the loss is a mean over pictures.",
            ),
            Mistake(
                lambda texts: float(np.mean([np.log2(Counter(texts)[t]) for t in texts])),
                "These are bits; the loss is in nats.",
            ),
            Mistake(
                lambda texts: float(np.log(len(set(texts)))),
                "This is the loss of guessing among the different captions, and not the least one.",
            ),
        ],
        "A picture whose caption occurs n times in the batch costs at least log n.",
    ),
    "nuisances": Prediction(0, 1, unit="the accuracy"),
    "lower-loss": Explanation(
        "The loss is low because descriptions make nearly every caption of a batch different, so "
        "the floor is low, and because size and place of the ink are easy to match. The image "
        "tower learnt to tell drawings by that, and concepts less: a shortcut. Each caption kind "
        "asks another question with a floor of its own, so a lower loss says that this question "
        "was answered better, and not that the features serve classification.",
        {
            "the floor, or how different captions are": ("floor", "differen", "distinct", "unique"),
            "what was learnt in place of concepts": (
                "size",
                "ink",
                "appearance",
                "nuisance",
                "place",
            ),
            "concepts or classes": ("concept", "class"),
            "comparing losses": ("compar", "own question", "another question", "task"),
        },
        words=20,
    ),
    "features-alone": Prediction(-1, 1, unit="the difference in S(p)"),
    "my-caption": Function(
        lambda drawing: f"{drawing['name']}, {drawing['look']}",
        _drawings,
        [
            Mistake(lambda drawing: ", ".join(drawing["tags"]), "It is silent without tags."),
            Mistake(lambda drawing: drawing["gloss"], "It is too long, and names nothing."),
            Mistake(lambda drawing: drawing["tags"], "It gives a tuple."),
        ],
        complaint=_caption_complaint,
    ),
}
