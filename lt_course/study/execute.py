"""A run, carried out: data -> model and objective -> training -> evaluation."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from lt_course import scale as scales
from lt_course.data import icontail as icontail_module
from lt_course.data.captions import captions, zero_shot_prompts
from lt_course.data.icontail import IconTail
from lt_course.data.longtail import Draw, draw
from lt_course.data.tokens import Tokens, tokens
from lt_course.errors import CourseError
from lt_course.evaluation.bias import bias_report, per_class
from lt_course.evaluation.zero_shot import zero_shot_prototypes
from lt_course.models.image_towers import image_tower
from lt_course.models.text_towers import text_tower
from lt_course.objectives.batch import Batch
from lt_course.objectives.classify import Classification, Classify
from lt_course.objectives.contrast import Contrast, Contrastive
from lt_course.study.spec import Run
from lt_course.training.augment import random_crop, standardise
from lt_course.training.loop import fit
from lt_course.training.order import Order, numpy_generator, torch_generator


@dataclass(frozen=True)
class Outcome:
    """What a run leaves.

    Attributes:
        metrics: of the test pictures.
        history: one row per epoch of training.
        per_class: one row per concept: concept, name, frequency, accuracy, predictions.
    """

    metrics: dict[str, float]
    history: list[dict[str, float]]
    per_class: pd.DataFrame


def device_of(run: Run) -> torch.device:
    """Where the run trains: what its scale says, unless ``LT_DEVICE`` says otherwise.

    Raises:
        CourseError: if the device has no such name, or a CUDA device is asked for and there is
            none.
    """
    named = os.environ.get("LT_DEVICE", scales.named(run.scale).device)
    try:
        device = torch.device(named)
    except RuntimeError as error:
        raise CourseError(
            f"The environment variable LT_DEVICE is {named!r}, which torch does not know; use cpu "
            "or cuda."
        ) from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise CourseError(
            f"Scale {run.scale!r} trains on a CUDA device and none is there; use another scale, or "
            "set LT_DEVICE=cpu and have patience."
        )
    return device


def execute(
    run: Run, folder: Path | None = None, before_step: Callable[[int], None] = lambda step: None
) -> Outcome:
    """Train and evaluate.

    Args:
        run: what to do.
        folder: where checkpoints go, and are taken up from.
        before_step: called with each step's number (tests inject faults here).

    Raises:
        CourseError: as `lt_course.data.longtail.draw`, `lt_course.training.loop.fit` and
            `device_of` do.
    """
    device = device_of(run)
    icontail = _dataset(run)
    drawn = _draw(run, icontail)
    order = Order(drawn.labels, run.training.batch, run.seed, run.training.sampler)
    objective: Classification | Contrastive
    captioner: Callable[[NDArray[np.int64], int], Tensor] | None = None
    zero_shot: Tensor | None = None
    if isinstance(run.objective, Classify):
        objective = _classification(run, drawn)
    else:
        objective, captioner, zero_shot = _contrastive(run, run.objective, icontail, drawn)
    objective.to(device)

    pictures = torch.from_numpy(icontail.pictures[drawn.pictures]).to(device)
    labels = torch.from_numpy(drawn.labels).to(device)

    def load(rows: NDArray[np.int64], step: int) -> Batch:
        picked = torch.from_numpy(rows).to(device)
        generator = torch_generator(run.seed, step, "augmentation")
        cropped = random_crop(standardise(pictures[picked]), run.training.crop, generator)
        if run.training.channels_last:
            cropped = cropped.contiguous(memory_format=torch.channels_last)
        said = None if captioner is None else captioner(rows, step).to(device)
        return Batch(cropped, labels[picked], said)

    history = fit(
        objective,
        load,
        order,
        run.training,
        label=f"{run.name}, seed {run.seed}",
        folder=folder,
        address=run.address,
        before_step=before_step,
    )

    test = np.flatnonzero(icontail.test & (icontail.concept < run.data.concepts))
    objective.eval()
    with torch.no_grad():
        shown = torch.from_numpy(icontail.pictures[test]).to(device)
        features = torch.cat(
            [objective.image_features(standardise(part)) for part in shown.split(512)]
        )
        if isinstance(objective, Contrastive):
            assert zero_shot is not None
            prototypes = zero_shot_prototypes(objective.text_features, zero_shot.to(device))
            scores = features @ prototypes.T
        else:
            scores = objective.scores(features)
        predictions = scores.argmax(1).cpu().numpy()
    return _outcome(icontail, drawn, icontail.concept[test], predictions, history)


def _dataset(run: Run) -> IconTail:
    if run.data.dataset != "icontail":
        raise CourseError(
            f"Field 'dataset' is {run.data.dataset!r}, which this version of lt_course cannot "
            "read; use 'icontail'."
        )
    return icontail_module.load()


def _draw(run: Run, icontail: IconTail) -> Draw:
    data = run.data
    return draw(
        icontail,
        data.concepts,
        profile=data.profile,
        pictures=data.pictures,
        permutation=data.permutation,
        fraction=data.fraction,
        trim=data.trim,
        shots=data.shots,
        authors=data.authors,
        others=data.others,
    )


def _classification(run: Run, drawn: Draw) -> Classification:
    assert isinstance(run.objective, Classify)
    if run.data.others:
        raise CourseError(
            f"Field 'others' is {run.data.others}, but a classifier over {run.data.concepts} "
            "concepts has no prototype for pictures of others; set it to 0."
        )
    draws = run.objective.draws_from(run.data.concepts)
    if draws and run.training.batch % run.objective.micro_batch:
        raise CourseError(
            f"Field 'micro_batch' is {run.objective.micro_batch}, which does not divide the batch "
            f"of {run.training.batch}."
        )
    with torch.random.fork_rng():
        torch.manual_seed(run.seed)
        tower = image_tower(run.model.image_tower, run.model.embedding, run.model.picture_size)
        return Classification(
            run.objective, tower, run.model.embedding, torch.from_numpy(drawn.frequency)
        )


def _contrastive(
    run: Run, options: Contrast, icontail: IconTail, drawn: Draw
) -> tuple[Contrastive, Callable[[NDArray[np.int64], int], Tensor], Tensor]:
    """The objective, what captions a step's pictures, and the zero-shot prompts [C, P, L]."""
    model = run.model
    if model.text_tower is None:
        raise CourseError(
            "Field 'text_tower' is None, but the contrastive objective reads captions; name one."
        )
    said = captions(icontail, drawn.pictures, options.text)
    asked = zero_shot_prompts(icontail, run.data.concepts, options.prompts)
    table: Tokens = tokens(
        said.texts + [prompt for prompts in asked for prompt in prompts],
        options.context,
        compact=model.text_tower == "small-transformer",
    )
    with torch.random.fork_rng():
        torch.manual_seed(run.seed)
        objective = Contrastive(
            image_tower(model.image_tower, model.embedding, model.picture_size),
            text_tower(model.text_tower, table.size, options.context, model.embedding),
        )

    def captioner(rows: NDArray[np.int64], step: int) -> Tensor:
        return table.ids[
            torch.from_numpy(said.draw(rows, numpy_generator(run.seed, step, "captions")))
        ]

    zero_shot = table.ids[len(said.texts) :].unflatten(0, (len(asked), -1))
    return objective, captioner, zero_shot


def _outcome(
    icontail: IconTail,
    drawn: Draw,
    labels: NDArray[np.int32],
    predictions: NDArray[np.int64],
    history: list[dict[str, float]],
) -> Outcome:
    classes = len(drawn.frequency)
    accuracy, predicted = per_class(labels, predictions, classes)
    table = pd.DataFrame(
        {
            "concept": [concept.key for concept in icontail.concepts[:classes]],
            "name": [concept.name for concept in icontail.concepts[:classes]],
            "frequency": drawn.frequency,
            "accuracy": accuracy,
            "predictions": predicted,
        }
    )
    bias = cast("dict[str, float]", bias_report(drawn.frequency, labels, predictions))
    metrics = bias | {"loss": history[-1]["loss"], "frequency_limit": drawn.limit}
    return Outcome(metrics, history, table)
