"""What a run's objective is built from: towers and class vectors, as its fields say."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from lt_course.data import icontail
from lt_course.models import text_encoders
from lt_course.models.heads import Prototypes
from lt_course.models.image_encoders import image_tower
from lt_course.objectives.distill import DINOConfig
from lt_course.objectives.objective import Objective
from lt_course.study import registry
from lt_course.study.dataset import RunDataset
from lt_course.study.run_config import RunConfig
from lt_course.study.text_heads import (
    LanguageModel,
    Scratch,
    is_table,
    prototypes,
    text_tower_of,
)
from lt_course.training.options import steps


def build_objective(
    run: RunConfig, dataset: RunDataset, teacher: Mapping[str, Tensor] | None, device: torch.device
) -> Objective:
    """A run's model and loss, untrained; the same for the same seed.

    Args:
        run: as specified.
        dataset: its data.
        teacher: the weights of the open-world CLIP, where the text head comes from that.
        device: where released text towers read the classes' names.
    """
    if getattr(run.objective, "tile", None) or getattr(run.objective, "fused", False):
        registry.load_extensions()  # which have the twins of losses
    parts = RunParts(run, dataset, teacher, device)
    with torch.random.fork_rng():
        torch.manual_seed(run.seed)
        return run.objective.build(parts)


class RunParts:
    """As `lt_course.objectives.objective.ModelParts`."""

    def __init__(
        self,
        run: RunConfig,
        dataset: RunDataset,
        teacher: Mapping[str, Tensor] | None,
        device: torch.device,
    ) -> None:
        self.run, self.dataset, self.teacher = run, dataset, teacher
        self.embed_dim = run.model.embed_dim
        self.frequency = torch.from_numpy(dataset.frequency)
        self.steps_per_epoch = dataset.order.steps_per_epoch
        self.total_steps = steps(run.training.duration, "duration", self.steps_per_epoch)
        # Before the seed is set, for prototypes may be read by a tower of their own.
        classifies = run.objective_name == "supervised"
        reads = (classifies and not isinstance(run.text_head, Scratch)) or is_table(run.text_head)
        self.start = (
            prototypes(run, dataset.keys, dataset.templates, teacher, device) if reads else None
        )

    def image_tower(self) -> nn.Module:
        """The run's image tower, untrained."""
        return image_tower_of(self.run)

    def text_tower(self) -> nn.Module:
        """The run's text tower, with what is frozen of it frozen."""
        if self.run.text_head == LanguageModel():
            table = torch.tensor(icontail.text_embeddings())
            return text_encoders.LanguageModel(table, self.embed_dim)
        if is_table(self.run.text_head):
            assert self.start is not None
            frozen = getattr(self.run.text_head, "frozen", True)
            return text_encoders.ClassTable(self.start, frozen)
        ids = self.dataset.texts.known
        return text_tower_of(self.run.text_head, self.embed_dim, ids, self.teacher)

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
