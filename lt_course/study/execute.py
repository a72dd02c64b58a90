"""A run, carried out: data -> model and objective -> training -> evaluation."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import torch
from torch import Tensor, nn

from lt_course import scale as scales
from lt_course.data import icontail
from lt_course.data.class_profiles import TrainSplit
from lt_course.distributed import on_rank_zero
from lt_course.errors import CourseError
from lt_course.models import text_encoders
from lt_course.models.heads import Prototypes
from lt_course.models.image_encoders import image_tower
from lt_course.objectives.classify import SupervisedConfig
from lt_course.objectives.distill import DINOConfig
from lt_course.objectives.objective import Objective
from lt_course.study import (
    evaluate,
    photograph_dataset,  # noqa: F401  (which adds its data sets)
    registry,
)
from lt_course.study.dataset import RunDataset, load_dataset
from lt_course.study.evaluate import EvalResult
from lt_course.study.icontail_dataset import drawings_of
from lt_course.study.run_config import RunConfig, open_world_clip
from lt_course.study.text_heads import (
    LanguageModel,
    OpenWorld,
    Scratch,
    is_table,
    prototypes,
    require_known,
    text_tower_of,
)
from lt_course.training import checkpoints
from lt_course.training.loop import fit
from lt_course.training.options import steps

Weights = Mapping[str, Tensor]
"""Parameters and buffers of a trained model, by name."""


def device_of(run: RunConfig) -> torch.device:
    """Where the run trains: what its scale says, unless ``LT_DEVICE`` says otherwise.

    Raises:
        CourseError: if it is neither the processor nor a CUDA device, or there is none.
    """
    named = os.environ.get("LT_DEVICE") or scales.named(run.scale).device
    known = re.fullmatch(r"cpu|cuda(:(\d+))?", named)
    if known is None:
        raise CourseError(
            f"The environment variable LT_DEVICE is {named!r}; runs train on cpu, cuda or cuda:N."
        )
    if named != "cpu" and int(known[2] or 0) >= torch.cuda.device_count():
        raise CourseError(
            f"Scale {run.scale!r}, or LT_DEVICE, asks for {named}, and none is there; use another "
            "scale, or set LT_DEVICE=cpu and have patience."
        )
    return torch.device(named)


def execute(
    run: RunConfig,
    folder: Path | None = None,
    before_step: Callable[[int], None] = lambda step: None,
    pretrained: Callable[[RunConfig], Weights] | None = None,
) -> EvalResult:
    """Train and evaluate.

    Checkpoints go to `folder`, and are taken up from there; `before_step` is called with each
    step's number (tests inject faults here); `pretrained` gives the weights of another run, which
    is otherwise trained first, and forgotten.

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
    """The drawings that a run trains on, in grey and in colour; a CourseError for photographs."""
    return drawings_of(run).sample()


def _train_first(run: RunConfig) -> Weights:
    """Train another run for its weights alone."""
    with TemporaryDirectory() as folder:
        execute(run, Path(folder))
        return weights(Path(folder))


def weights(folder: Path) -> Weights:
    """The weights in the newest checkpoint of a folder; a CourseError if none is whole."""
    state = checkpoints.load_latest(folder)
    if state is None:
        raise CourseError(f"There is no checkpoint in {folder}; delete that run and train it anew.")
    return cast(Weights, state["model"])


def build_objective(
    run: RunConfig, dataset: RunDataset, teacher: Weights | None, device: torch.device
) -> Objective:
    """A run's model and loss, untrained; the same for the same seed.

    `teacher` has the weights of the open-world CLIP, where the text head comes from that; released
    text towers read the classes' names on `device`.
    """
    if getattr(run.objective, "tile", None) or getattr(run.objective, "fused", False):
        registry.load_extensions()  # which have the twins of losses
    parts = RunParts(run, dataset, teacher, device)
    with torch.random.fork_rng():
        torch.manual_seed(run.seed)
        return run.objective.build(parts)


class RunParts:
    """A run's `lt_course.objectives.objective.ModelParts`; what it freezes is frozen."""

    def __init__(
        self, run: RunConfig, dataset: RunDataset, teacher: Weights | None, device: torch.device
    ) -> None:
        self.run, self.dataset, self.teacher = run, dataset, teacher
        self.embed_dim = run.model.embed_dim
        self.frequency = torch.from_numpy(dataset.frequency)
        self.steps_per_epoch = dataset.order.steps_per_epoch
        self.total_steps = steps(run.training.duration, "duration", self.steps_per_epoch)
        # Before the seed is set, for prototypes may be read by a tower of their own.
        head, self.start = run.text_head, None
        learns = isinstance(head, Scratch)
        if is_table(head) or (isinstance(run.objective, SupervisedConfig) and not learns):
            self.start = prototypes(run, dataset.keys, dataset.templates, teacher, device)

    def image_tower(self) -> nn.Module:
        """The run's image tower, untrained."""
        return image_tower_of(self.run)

    def text_tower(self) -> nn.Module:
        """The run's text tower."""
        head = self.run.text_head
        if head == LanguageModel():
            table = torch.tensor(icontail.text_embeddings())
            return text_encoders.LanguageModel(table, self.embed_dim)
        if is_table(head):
            assert self.start is not None
            return text_encoders.ClassTable(self.start, getattr(head, "frozen", True))
        return text_tower_of(head, self.embed_dim, self.dataset.texts.known, self.teacher)

    def prototypes(self, normalized: bool) -> Prototypes:
        """One class vector a class."""
        return Prototypes(
            self.run.data.concepts,
            self.embed_dim,
            normalized=normalized,
            start=self.start,
            frozen=getattr(self.run.text_head, "frozen", False),
        )

    def steps(self, duration: str, field: str) -> int:
        """A duration of the run in steps."""
        return steps(duration, field, self.steps_per_epoch, self.total_steps)


def image_tower_of(run: RunConfig) -> nn.Module:
    """The run's image tower, untrained, for images of its data set."""
    natively = run.objective.native_sizes if isinstance(run.objective, DINOConfig) else ()
    model, data = run.model, run.data
    return image_tower(model.image_tower, model.embed_dim, data.image_size, data.channels, natively)
