"""A run, carried out: data -> model and objective -> training -> evaluation."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import torch
from torch import Tensor, nn

from lt_course import scale as scales
from lt_course.data.class_profiles import TrainSplit
from lt_course.distributed import on_rank_zero
from lt_course.errors import CourseError
from lt_course.study import (
    evaluate,
    photograph_dataset,  # noqa: F401  (which adds its data sets)
)
from lt_course.study.dataset import load_dataset
from lt_course.study.evaluate import EvalResult
from lt_course.study.icontail_dataset import drawings_of
from lt_course.study.model_parts import build_objective
from lt_course.study.run_config import RunConfig, open_world_clip
from lt_course.study.text_heads import OpenWorld, require_known
from lt_course.training import checkpoints
from lt_course.training.loop import fit

Weights = Mapping[str, Tensor]
"""Parameters and buffers of a trained model, by name."""


def device_of(run: RunConfig) -> torch.device:
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
    run: RunConfig,
    folder: Path | None = None,
    before_step: Callable[[int], None] = lambda step: None,
    pretrained: Callable[[RunConfig], Weights] | None = None,
) -> EvalResult:
    """Train and evaluate.

    Args:
        run: what to do.
        folder: where checkpoints go, and are taken up from.
        before_step: called with each step's number (tests inject faults here).
        pretrained: gives the weights of another run; None trains it first, and forgets it.

    Raises:
        CourseError: as `RunDataset`, `lt_course.training.loop.fit` and `device_of` do.
    """
    require_known(run.text_head, run.model.embed_dim)
    device = device_of(run)
    dataset = load_dataset(run)
    teacher: Weights | None = None
    if isinstance(run.text_head, OpenWorld):
        teacher = (pretrained or _train_first)(open_world_clip(run))
    objective = build_objective(run, dataset, teacher, device)
    assert isinstance(objective, nn.Module)
    objective.to(device)

    fingerprint = on_rank_zero(lambda: dataset.fingerprint)
    with dataset.loader(device) as get_batch:
        history = fit(
            objective,
            get_batch,
            dataset.order,
            run.training,
            label=f"{run.name}, seed {run.seed}",
            folder=folder,
            address=run.address,
            fingerprint=fingerprint,
            before_step=before_step,
        )
    return replace(evaluate.evaluate(dataset, objective, history), fingerprint=fingerprint)


def training_set(run: RunConfig) -> TrainSplit:
    """The drawings that a run trains on, without training it: the same in grey and in colour.

    Raises:
        CourseError: as `IconTailData.sample` does; or if the run trains on photographs.
    """
    return drawings_of(run).sample()


def _train_first(run: RunConfig) -> Weights:
    """Train another run for its weights alone."""
    with TemporaryDirectory() as folder:
        execute(run, Path(folder))
        return weights(Path(folder))


def weights(folder: Path) -> Weights:
    """The weights in a folder of checkpoints, of the newest one.

    Raises:
        CourseError: if there is no whole checkpoint.
    """
    state = checkpoints.load_latest(folder)
    if state is None:
        raise CourseError(f"There is no checkpoint in {folder}; delete that run and train it anew.")
    return cast(Weights, state["model"])
