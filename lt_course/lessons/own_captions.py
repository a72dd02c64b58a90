"""Lesson 05: captions that a reader writes, and trained models asked again."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch

from lt_course.data.captions import Captions, compose
from lt_course.data.icontail import IconTail, describe, is_solid
from lt_course.lessons.equal_terms import trained
from lt_course.study import RunConfig
from lt_course.study.evaluate import EvalResult, evaluate
from lt_course.study.execute import build_objective
from lt_course.study.icontail_dataset import IconTailDataset
from lt_course.training.loop import fit

__all__ = ["Drawing", "OwnCaptions", "Write", "drawing", "train_on", "trained"]

Drawing = dict[str, Any]
"""What is known of a drawing, as `drawing` gives it."""

Write = Callable[[Drawing], str]
"""Writes a drawing's caption."""


def drawing(icontail: IconTail, picture: int) -> Drawing:
    """What is known of one drawing: name, synonyms, gloss, title, tags, look, appearance.

    ``look`` is ``solid`` or ``line``; ``synonyms`` and ``tags`` are tuples, which may be empty.
    """
    concept = icontail.concepts[icontail.concept[picture]]
    return {
        "name": concept.name,
        "synonyms": concept.synonyms,
        "gloss": concept.gloss,
        "title": icontail.titles[picture],
        "tags": icontail.tags[picture],
        "look": "solid" if is_solid(icontail.grey[picture : picture + 1])[0] else "line",
        "appearance": describe(icontail.grey[picture]),
    }


class OwnCaptions(IconTailDataset):
    """The data of a contrastive run on drawings, with captions that a function writes."""

    def __init__(self, run: RunConfig, write: Write) -> None:
        super().__init__(run)
        self.write = write

    @cached_property
    def _captions(self) -> Captions:
        def written(picture: int, _: str) -> list[str]:
            return [self.write(drawing(self.icontail, picture))]

        return compose(self.split.image_ids.tolist(), "own", ["own"], written)


def train_on(write: Write, run: RunConfig) -> EvalResult:
    """Train and evaluate a run on captions of one's own; nothing of it is stored."""
    dataset, cpu = OwnCaptions(run, write), torch.device("cpu")
    objective = build_objective(run, dataset, None, cpu)
    with dataset.loader(cpu) as get_batch:
        history = fit(objective, get_batch, dataset.order, run.training, label="own captions")
    return evaluate(dataset, objective, history)
