"""Loss and report of each step; they stay on the device until somebody has to know them.

So no step waits for the one before. A value that is not finite is told as late as that; until then
the optimizer holds still.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from lt_course.errors import CourseError
from lt_course.objectives.objective import Report
from lt_course.training.data_parallel import average

Row = dict[str, float]
FETCH_EVERY = 100
"""Steps that wait on the device at most."""


class MetricLog:
    """The metrics of a run.

    Attributes:
        history: one row per epoch: its last step, learning rate, and means over its steps.
        recent: one row per step of the epoch under way, as far as they have been fetched.
    """

    def __init__(self) -> None:
        self.history: list[Row] = []
        self.recent: list[Row] = []
        self._pending: list[tuple[int, float, Tensor]] = []
        self._names: list[str] = []
        self._found_inf: Tensor | None = None

    def found_inf(self, loss: Tensor, norms: list[Tensor]) -> Tensor:
        """Whether the loss or a gradient's norm is not finite, in this step or an earlier one.

        Returns:
            float32 [], 0 or 1, for the optimizer's attribute of this name. It is what torch's
            GradScaler sets: at 1, fused optimizers change neither weights nor their own state.
        """
        found = (~torch.stack([loss, *norms]).isfinite().all()).float()
        self._found_inf = found if self._found_inf is None else found.maximum(self._found_inf)
        return self._found_inf

    def add(self, step: int, learning_rate: float, metrics: Report) -> None:
        """Take note of a step's metrics, scalars that are averaged over the processes."""
        assert self._found_inf is not None
        self._names = list(metrics)
        values = average(torch.stack([self._found_inf, *metrics.values()]))
        self._pending.append((step, learning_rate, values))
        if len(self._pending) == FETCH_EVERY:
            self.fetch()

    def fetch(self) -> list[Row]:
        """Bring to the host what waits on the device; `recent`, up to date.

        Raises:
            CourseError: if a loss or gradient was not finite; the weights are those before it.
        """
        rows = torch.stack([row for _, _, row in self._pending]).tolist() if self._pending else []
        for (step, rate, _), (found_inf, *values) in zip(self._pending, rows, strict=True):
            row = dict(zip(self._names, values, strict=True))
            if found_inf:
                raise CourseError(
                    f"The loss ({row['loss']:.3g}) or its gradient is not finite at step {step}, "
                    f"with learning rate {rate:.2g}; lower 'learning_rate', or lengthen 'warmup'. "
                    "No step was taken; the last checkpoint is whole."
                )
            self.recent.append(row)
        self._pending = []
        return self.recent

    def end_epoch(self, step: int, learning_rate: float) -> float:
        """Add a row to the history; its mean loss."""
        rows, self.recent = self.fetch(), []
        means = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
        self.history.append({"step": step, "learning_rate": learning_rate} | means)
        return means["loss"]
