"""Lesson 05: captions that a reader writes, and trained models asked again."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch

from lt_course.data.captions import Captions, compose
from lt_course.data.icontail import IconTail, describe, is_solid
from lt_course.objectives.contrast import CLIP
from lt_course.study import RunConfig, RunResult
from lt_course.study.evaluate import EvalResult, evaluate
from lt_course.study.execute import build_objective, weights
from lt_course.study.icontail_dataset import IconTailDataset
from lt_course.training.loop import fit

Drawing = dict[str, Any]
"""What is known of a drawing, as `drawing` gives it."""

Write = Callable[[Drawing], str]
"""Writes a drawing's caption."""

CPU = torch.device("cpu")


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
    """The data of a run, with captions that a function writes in place of its own.

    Args:
        run: contrastive, on drawings.
        write: a drawing in, its caption out.
    """

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
    dataset = OwnCaptions(run, write)
    objective = build_objective(run, dataset, None, CPU)
    with dataset.loader(CPU) as get_batch:
        history = fit(objective, get_batch, dataset.order, run.training, label="own captions")
    return evaluate(dataset, objective, history)


def trained(record: RunResult) -> tuple[IconTailDataset, CLIP]:
    """The data of a finished CLIP of drawings, and the model with its trained weights."""
    dataset = IconTailDataset(record.run)
    model = build_objective(record.run, dataset, None, CPU)
    assert isinstance(model, CLIP)
    model.load_state_dict(weights(record.folder / "checkpoint"))
    return dataset, model.eval()
