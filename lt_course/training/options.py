"""How to train: the fields of a run that the loop reads, its learning rates and its optimizer."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from lt_course.data.order import Sampler
from lt_course.errors import CourseError
from lt_course.fields import COUNT, NATURAL, check, require_effect
from lt_course.scale import Precision

ScheduleName = Literal["constant", "cosine", "step", "one-cycle"]


@dataclass(frozen=True)
class Training:
    """How to train. Durations are texts such as ``12 epochs``, ``500 steps`` or ``5 %``.

    Attributes:
        duration: of the run.
        batch_size: images a step, over all processes.
        sampler: order of the pictures, `lt_course.data.order.Order`.
        crop: least area of the random crop, 0.01 … 1 (`lt_course.data.augment.random_crop`).
        mirror: exchange left and right of every other image; for photographs in memory.
        optimizer: ``adamw`` (torch's defaults: betas 0.9 and 0.999, epsilon 1e-8), or ``sgd`` with
            momentum 0.9.
        nesterov: of ``sgd``, whether its momentum is Nesterov's.
        learning_rate: its peak.
        final_learning_rate: where the ``cosine`` schedule ends: a rate, and no share of the peak.
        weight_decay: decoupled in ``adamw``, a part of the gradient in ``sgd``.
        no_decay_on_bias_norm: let biases, norms and the temperature have none.
        clip_grad_per_tensor: greatest norm of each tensor's gradient, as in DINO; None: no limit.
        schedule: course of the learning rate, `Schedule`.
        warmup: duration of its rise.
        milestones: where the ``step`` schedule decays by 10.
        precision: of the towers; losses are always float32.
        channels_last: memory layout of convolutions.
        accumulate: parts that a batch is encoded in, one after the other, to save memory; the
            loss still compares the whole batch. Of several processes each parts its own share.
        checkpoint_every: greatest work that a kill can lose.
        batch_norm_groups: equal parts of the global batch that batch norm takes statistics of,
            each of its own, however many processes share the batch; their number must be a divisor
            or a multiple of that of the groups. Running statistics are those of the first part.
        compile: let torch.compile build faster code for the parts of the model, in minutes and
            with other rounding.
    """

    duration: str = "6 epochs"
    batch_size: int = 128
    sampler: Sampler = "natural"
    crop: float = 0.9
    mirror: bool = False
    optimizer: Literal["adamw", "sgd"] = "adamw"
    nesterov: bool = True
    learning_rate: float = 2e-3
    final_learning_rate: float = 0.0
    weight_decay: float = 0.05
    no_decay_on_bias_norm: bool = True
    clip_grad_per_tensor: float | None = None
    schedule: ScheduleName = "cosine"
    warmup: str = "5 %"
    milestones: tuple[str, ...] = ()
    precision: Precision = "bfloat16"
    channels_last: bool = True
    accumulate: int = 1
    checkpoint_every: str = "25 %"
    batch_norm_groups: int = 1
    compile: bool = False

    def __post_init__(self) -> None:
        """Raise a CourseError for a field out of range, or one that another leaves without use."""
        check(
            self,
            batch_size=COUNT,
            crop=(0.01, 1),
            learning_rate=NATURAL,
            final_learning_rate=NATURAL,
            weight_decay=NATURAL,
            clip_grad_per_tensor=(1e-6, math.inf),
            accumulate=COUNT,
            batch_norm_groups=COUNT,
        )
        effects = {
            "milestones": ("schedule", self.schedule == "step"),
            "final_learning_rate": ("schedule", self.schedule == "cosine"),
            "nesterov": ("optimizer", self.optimizer == "sgd"),
        }
        require_effect(self, effects)


def steps(duration: str, field: str, steps_per_epoch: int, total: int | None = None) -> int:
    """A duration in steps, rounded: ``8 epochs``, ``500 steps``, or ``5 %`` of `total` steps.

    Raises:
        CourseError: if the text, which stands in `field`, is none, or there is no total.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(steps?|epochs?|percent|%)\s*", duration)
    if match is None or (match[2] in ("%", "percent") and total is None):
        raise CourseError(
            f"Field {field!r} is {duration!r}; write a duration such as '8 epochs' or '500 steps'"
            + ("." if total is None else " or '5 %'.")
        )
    unit = {"s": 1, "e": steps_per_epoch}.get(match[2][0], (total or 0) / 100)
    return round(float(match[1]) * unit)


@dataclass(frozen=True)
class Schedule:
    """The learning rate at each step.

    Attributes:
        name: ``constant``; ``cosine`` to `end`; ``step``, a tenth at each milestone; ``one-cycle``,
            a cosine rise over the warm-up, then a cosine fall to zero.
        peak: the greatest learning rate.
        total: steps of the run.
        warmup: steps of linear (one-cycle: cosine) rise from 0, at most all.
        milestones: steps at which ``step`` decays, before the end.
        end: what ``cosine`` falls to, an absolute rate that step `total` would have.
    """

    name: ScheduleName
    peak: float
    total: int
    warmup: int = 0
    milestones: tuple[int, ...] = ()
    end: float = 0.0

    def __post_init__(self) -> None:
        """Raise a CourseError for what would never happen."""
        if self.warmup > self.total:
            raise CourseError(
                f"Field 'warmup' comes to {self.warmup} steps, more than the {self.total} of the "
                "run; shorten it, or train for longer."
            )
        if self.milestones and (last := max(self.milestones)) >= self.total:
            raise CourseError(
                f"Field 'milestones' comes to step {last} at last, but the run ends after "
                f"{self.total}; name earlier ones, or train for longer."
            )

    def __call__(self, step: int) -> float:
        """The learning rate of step 0 … total-1."""
        if step < self.warmup:
            risen = (step + 1) / self.warmup
            return self.peak * (_fall(1 - risen) if self.name == "one-cycle" else risen)
        if self.name == "constant":
            return self.peak
        if self.name == "step":
            return self.peak * 0.1 ** sum(step >= milestone for milestone in self.milestones)
        fallen = _fall((step - self.warmup) / max(1, self.total - self.warmup))
        end = self.end if self.name == "cosine" else 0.0
        return end + (self.peak - end) * fallen


def _fall(done: float) -> float:
    """Half a cosine, from 1 at 0 to 0 at 1."""
    return (1 + math.cos(math.pi * done)) / 2


def make_optimizer(model: nn.Module, training: Training) -> torch.optim.Optimizer:
    """An optimizer with two groups: parameters of two and more dimensions, and the others."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    matrices, others = [p for p in parameters if p.ndim >= 2], [p for p in parameters if p.ndim < 2]
    decay = training.weight_decay
    groups = [
        {"params": matrices, "weight_decay": decay},
        {"params": others, "weight_decay": 0.0 if training.no_decay_on_bias_norm else decay},
    ]
    if training.optimizer == "sgd":
        nesterov = training.nesterov
        return torch.optim.SGD(groups, lr=0.0, momentum=0.9, nesterov=nesterov, fused=True)
    return torch.optim.AdamW(groups, lr=0.0, fused=True)
