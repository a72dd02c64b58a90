"""Exercises of the lesson on open-world concepts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lt_course import scale
from lt_course.lessons.exercises.kinds import (
    Choice,
    Exercise,
    Explanation,
    Function,
    Mistake,
    Number,
    Prediction,
)


def _batches(generator: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Logits of batches in which core and others are mixed, seldom in equal parts."""
    for pairs, core in ((6, 2), (9, 6), (16, 4)):
        logits = torch.tensor(3 * generator.normal(size=(pairs, pairs)))
        is_core = torch.tensor(generator.permutation(pairs) < core)
        yield logits, is_core


def _both_ways(logits: Tensor) -> Tensor:
    """Of each pair, the mean of both directions' cross-entropies."""
    own = torch.arange(len(logits))
    rows = F.cross_entropy(logits, own, reduction="none")
    return (rows + F.cross_entropy(logits.T, own, reduction="none")) / 2


def _no_negatives(logits: Tensor, is_core: Tensor) -> Tensor:
    together = is_core[:, None] == is_core
    return _both_ways(logits.masked_fill(~together, -torch.inf)).mean()


def _of_blocks(logits: Tensor, is_core: Tensor) -> Tensor:
    """The mean of the two kinds' losses, each counted alike."""
    kinds = (logits[kind][:, kind] for kind in (is_core, ~is_core))
    return torch.stack([_both_ways(part).mean() for part in kinds]).mean()


def _zeros(logits: Tensor, is_core: Tensor) -> Tensor:
    return _both_ways(logits * (is_core[:, None] == is_core)).mean()


def _core_alone(logits: Tensor, is_core: Tensor) -> Tensor:
    return _both_ways(logits[is_core][:, is_core]).mean()


def _negatives_alone(logits: Tensor, is_core: Tensor) -> Tensor:
    return _both_ways(logits)[is_core].mean()


def _one_direction(logits: Tensor, is_core: Tensor) -> Tensor:
    together = is_core[:, None] == is_core
    masked = logits.masked_fill(~together, -torch.inf)
    return F.cross_entropy(masked, torch.arange(len(logits)))


def _clip(logits: Tensor, is_core: Tensor) -> Tensor:
    return _both_ways(logits).mean()


def _batch_and_core() -> tuple[int, int]:
    size = scale.current()
    return size.batch_size, size.num_images // 2


def _core_negatives() -> float:
    batch, core = _batch_and_core()
    return (batch - 1) * (core - 1) / (5 * core - 1)


EXERCISES: dict[str, Exercise] = {
    "no-negatives": Function(
        _no_negatives,
        _batches,
        [
            Mistake(_clip, "this is CLIP's own loss: the two kinds still meet in the softmax."),
            Mistake(
                _zeros,
                "you set logits of the other kind to 0, and exp(0) is 1, so they still count; set "
                "them to minus infinity.",
            ),
            Mistake(
                _core_alone, "others have no terms here: keep those of their own pairs in the mean."
            ),
            Mistake(
                _negatives_alone,
                "these are others as negatives alone, as in the text; the reverse is asked for.",
            ),
            Mistake(
                _of_blocks,
                "you average the two kinds' losses alike; the mean is over all B pairs, so the "
                "kind with more pairs counts more.",
            ),
            Mistake(_one_direction, "only pictures among captions; take the mean of both ways."),
        ],
        hint="Which logits are of two different kinds? `is_core[:, None] != is_core` marks them.",
    ),
    "core-negatives": Number(
        _core_negatives,
        [
            Mistake(
                lambda: _batch_and_core()[0] / 5,
                "that counts the picture's own caption; it is given, and the others are drawn from "
                "what is left.",
            ),
            Mistake(
                lambda: _batch_and_core()[0] / 5 - 1,
                "you take one off for its own caption after the share; it is the rest of the "
                "batch, B - 1, that is drawn.",
            ),
            Mistake(
                lambda: _batch_and_core()[0] / 4, "4 N others are four fifths of all, not 3/4."
            ),
            Mistake(
                lambda: (_batch_and_core()[0] - 1) * 4 / 5, "these are the others; count the core."
            ),
            Mistake(
                lambda: (_batch_and_core()[0] - 1) / 2,
                "that would be right for as many others as core pictures; here are 4 N of them.",
            ),
        ],
        hint="Of the other B - 1 places, what share goes to core pictures?",
        decimals=1,
    ),
    "controls": Choice(
        lambda: ("control", "data", "steps"),
        ("steps", "control", "data"),
        [
            Mistake(
                ("steps", "data", "control"),
                "from core alone to same steps the views of each core picture change, too; the "
                "control holds them.",
            ),
            Mistake(
                ("control", "steps", "data"),
                "a number of *pairs to collect* is held in one design, a number of *steps* in "
                "another: read (2) and (3) again.",
            ),
            Mistake(
                ("data", "control", "steps"),
                "at equal data core pictures are exchanged for others, so that their number, and "
                "not only how often they are shown, is halved.",
            ),
        ],
        hint="Ask of each sentence what it holds equal: steps, views of the core, or pairs.",
    ),
    "lower-by": Prediction(-1, 1, unit="the difference of S(p)"),
    "memorising": Explanation(
        "Train the core with others and the control without them (half the batch, as many core "
        "pictures in it) at 4, 8, 16 and 32 views of each core picture, each with several seeds. "
        "Core pictures, core pictures a batch and views are the same in a pair; only the others "
        "differ. If memorising is the reason, others lower S(a) at few views, and the effect "
        "shrinks towards zero as views grow and the training pictures are known by heart. An "
        "effect that stays the same at all views, or that grows, speaks against it.",
        {
            "how often pictures are shown": ("view", "shown", "epoch", "times", "often"),
            "a control": ("control", "without", "half batch", "half the batch", "held", "same"),
            "seeds or intervals": ("seed", "interval", "repeat"),
            "what should happen to the effect": (
                "shrink",
                "fall",
                "smaller",
                "less",
                "vanish",
                "disappear",
                "decreas",
                "zero",
                "weaker",
            ),
            "what would speak against it": ("against", "if not", "contradict", "stays", "wrong"),
        },
        words=20,
    ),
}
"""In the order of the notebook."""
