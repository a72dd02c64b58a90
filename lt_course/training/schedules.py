"""Durations in any unit, and learning rates as pure functions of the step."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from lt_course.errors import CourseError

ScheduleName = Literal["constant", "cosine", "step", "one-cycle"]


def steps(duration: str, field: str, steps_per_epoch: int, total: int | None = None) -> int:
    """A duration in steps, rounded to the nearest.

    Args:
        duration: such as ``8 epochs``, ``500 steps`` or ``5 %``.
        field: the field it comes from, for the error.
        steps_per_epoch: steps in one pass over the training pictures.
        total: steps of the whole run, which percentages refer to.

    Raises:
        CourseError: if the text is no duration, or a percentage where there is nothing to refer to.
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
        name: ``constant``; ``cosine`` to `end`; ``step``, times `decay` at each milestone;
            ``one-cycle``, a cosine rise over the warm-up, then a cosine fall to zero.
        peak: the greatest learning rate.
        total: steps of the run.
        warmup: steps of linear (one-cycle: cosine) rise from 0, at most all.
        milestones: steps at which ``step`` decays, before the end.
        decay: factor of each such decay.
        end: what ``cosine`` falls to, an absolute rate that step `total` would have.
    """

    name: ScheduleName
    peak: float
    total: int
    warmup: int = 0
    milestones: tuple[int, ...] = ()
    decay: float = 0.1
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
            return self.peak * self.decay ** sum(step >= milestone for milestone in self.milestones)
        fallen = _fall((step - self.warmup) / max(1, self.total - self.warmup))
        end = self.end if self.name == "cosine" else 0.0
        return end + (self.peak - end) * fallen


def _fall(done: float) -> float:
    """Half a cosine, from 1 at 0 to 0 at 1."""
    return (1 + math.cos(math.pi * done)) / 2
