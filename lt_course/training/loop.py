"""One loop for every objective.

A step's pictures, random numbers and learning rate depend on its number alone. So a run that was
stopped goes on from its last checkpoint and ends with the same weights, bit by bit, if it is given
as many threads and processes as before (sums depend on how they are grouped). Several processes
share each batch, stop at the same step, and end with the weights of one, up to rounding.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lt_course.data.batch import Batch
from lt_course.data.fingerprint import Fingerprint
from lt_course.data.order import Order, share, torch_generator
from lt_course.distributed import (
    any_process,
    average,
    average_gradients,
    broadcast_state,
    group_batch_norm,
    on_rank_zero,
    own_groups,
    rank,
    world_size,
)
from lt_course.errors import CourseError
from lt_course.objectives.objective import Objective, Report, Representations
from lt_course.progress import progress
from lt_course.training import checkpoints
from lt_course.training.options import Schedule, Training, make_optimizer, steps

Row = dict[str, float]
FETCH_EVERY = 100
"""Steps whose metrics wait on the device at most."""

LoadBatch = Callable[[NDArray[np.int64], int], Batch]
"""(rows of a step's global batch, step) -> batch on the training device.

Of several processes each may load all rows, or only its `lt_course.data.order.share`; random
numbers must be drawn as for all.
"""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C or a termination signal, after the state was saved."""


def fit(
    objective: Objective,
    get_batch: LoadBatch,
    order: Order,
    training: Training,
    *,
    label: str = "training",
    folder: Path | None = None,
    address: str = "",
    fingerprint: Fingerprint | None = None,
    before_step: Callable[[int], None] = lambda step: None,
) -> list[Row]:
    """Train the objective (an ``nn.Module``) in place; return a row of means for each epoch.

    Process 0 keeps checkpoints in `folder`, if there is one, and takes up the newest; one of
    another address or fingerprint of the pictures is refused. `before_step` is called with each
    step's number (tests inject faults here).

    Raises:
        CourseError: if a field does not fit the data, or a loss or gradient is not finite.
        Interrupted: after Ctrl-C or SIGTERM; the state of the last whole step is saved.
    """
    assert isinstance(objective, nn.Module)
    schedule, save_every = _in_steps(training, order)
    optimizer = _prepare(objective, training, order)
    log, total = MetricLog(), schedule.total
    state = _State(label, objective, optimizer, log, folder, address, fingerprint)
    start = state.load()
    with checkpoints.deferred() as interrupted, progress(label, total, start) as progress_bar:
        for step in range(start, total):
            before_step(step)
            batch = local_part(get_batch(order.rows(step), step), order.batch)
            generator = torch_generator(order.seed, step, "objective")
            learning_rate = schedule(step)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate

            optimizer.zero_grad()
            representations = encode(objective, batch, training)
            loss, report = objective.loss(representations, batch, generator)
            loss.backward()
            average_gradients(objective)
            norms = clip_gradients(objective, training.clip_grad_per_tensor)
            optimizer.found_inf = log.found_inf(average(loss), norms)  # type: ignore[attr-defined]
            optimizer.step()
            objective.after_step()

            log.add(step, learning_rate, {"loss": loss} | report)
            if (step + 1) % order.steps_per_epoch == 0 or step + 1 == total:
                mean_loss = log.end_epoch(step + 1, learning_rate)
                progress_bar.set_postfix_str(f"loss {mean_loss:.2f}", refresh=False)
            progress_bar.update()
            stop = any_process(interrupted())
            if stop or (step + 1) % save_every == 0 or step + 1 == total:
                state.save(step + 1, total, stop)
    broadcast_state(objective)
    return log.history


def local_part(batch: Batch, size: int) -> Batch:
    """This process's part of a global batch of so many; nothing else may have been loaded."""
    local = size // world_size()
    return batch if len(batch.labels) == local else batch[rank() * local : (rank() + 1) * local]


def _in_steps(training: Training, order: Order) -> tuple[Schedule, int]:
    """The learning rate at each step, and after how many steps a checkpoint is due."""
    per_epoch = order.steps_per_epoch
    if per_epoch == 0:
        raise CourseError(
            f"Field 'batch_size' is {training.batch_size}, but there are only "
            f"{len(order.labels)} training images; use a smaller batch."
        )
    total = steps(training.duration, "duration", per_epoch)
    if total == 0:
        raise CourseError(
            f"Field 'duration' is {training.duration!r}, less than one step; train for longer."
        )
    schedule = Schedule(
        training.schedule,
        training.learning_rate,
        total,
        steps(training.warmup, "warmup", per_epoch, total),
        tuple(steps(m, "milestones", per_epoch, total) for m in training.milestones),
        end=training.final_learning_rate,
    )
    return schedule, max(1, steps(training.checkpoint_every, "checkpoint_every", per_epoch, total))


def _prepare(objective: nn.Module, training: Training, order: Order) -> torch.optim.Optimizer:
    """Bring all processes' models to one start and into their form; an optimizer for them."""
    encoded = len(share(order.rows(0), rank(), world_size())) // training.accumulate
    if encoded % max(1, own_groups(training.batch_norm_groups, world_size())):
        raise CourseError(
            f"Field 'batch_norm_groups' is {training.batch_norm_groups}, but {order.batch} "
            f"pictures a step, encoded in {world_size() * training.accumulate} parts, have no so "
            "many equal groups; use a larger 'batch_size', or fewer groups."
        )
    broadcast_state(objective)
    group_batch_norm(objective, training.batch_norm_groups)
    if training.channels_last:
        objective.to(memory_format=torch.channels_last)
    if training.compile:
        for part in objective.children():
            part.compile()
    return make_optimizer(objective.train(), training)


@dataclass
class _State:
    """What a checkpoint holds, and whose it is."""

    label: str
    objective: nn.Module
    optimizer: torch.optim.Optimizer
    log: MetricLog
    folder: Path | None
    address: str
    fingerprint: Fingerprint | None

    def load(self) -> int:
        """Take up the newest checkpoint, if there is one; the number of steps that are done."""
        folder = self.folder
        state = None if folder is None else on_rank_zero(lambda: checkpoints.load_latest(folder))
        if state is None:
            return 0
        if state["address"] != self.address:
            raise CourseError(
                f"The checkpoints in {folder} belong to the run {state['address']}, not to "
                f"{self.address}; use another folder, or delete them."
            )
        if self.fingerprint is not None:
            self.fingerprint.require_same(state["data"], f"The checkpoint in {folder}")
        self.objective.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.log.history, self.log.recent = state["history"], state["recent"]
        step: int = state["step"]
        return step

    def save(self, step: int, total: int, stop: bool) -> None:
        """Write a checkpoint, if there is a folder; raise `Interrupted` afterwards if told to."""
        with checkpoints.undisturbed():
            if (folder := self.folder) is not None:
                state = {
                    "address": self.address,
                    "data": None if self.fingerprint is None else asdict(self.fingerprint),
                    "step": step,
                    "recent": self.log.fetch(),
                    "history": self.log.history,
                    "model": self.objective.state_dict(),
                    "optimizer": self.optimizer.state_dict(),
                }
                on_rank_zero(lambda: checkpoints.save(folder, step, state))
            if stop:
                kept = "saved; the same command goes on from there" if folder else "not saved"
                raise Interrupted(
                    f"{self.label} was stopped after step {step} of {total} and {kept}."
                )


def encode(objective: Objective, batch: Batch, training: Training) -> Representations:
    """Representations of this process's part of a batch, in `training.accumulate` parts.

    With several, nothing else is kept of the first parts while the later ones are encoded; once
    the loss of the whole batch has a gradient for a part, it is encoded again to pass that on
    (arXiv 2101.06983). Batch statistics are those of a part.
    """

    def encode_part(part: Batch) -> Representations:
        enabled = training.precision == "bfloat16"
        with torch.autocast(part.pictures.device.type, torch.bfloat16, enabled=enabled):
            return objective.encode(part)

    parts, size = training.accumulate, len(batch.labels)
    if parts == 1:
        return encode_part(batch)
    if size % parts:
        raise CourseError(
            f"Field 'accumulate' is {parts}, which does not divide the batch of {size}"
            f"{' that each process has' if world_size() > 1 else ''}."
        )
    # Every n-th picture, so that what is in a part does not depend on the number of processes.
    encoded = [
        checkpoint(
            encode_part,
            batch[first::parts],
            use_reentrant=False,
            preserve_rng_state=False,
            context_fn=lambda: (contextlib.nullcontext(), _kept_statistics(objective)),
        )
        for first in range(parts)
    ]
    return tuple(torch.stack(each, dim=1).flatten(0, 1) for each in zip(*encoded, strict=True))


@contextlib.contextmanager
def _kept_statistics(objective: Objective) -> Iterator[None]:
    """Batch norms see a part a second time, and count it once."""
    assert isinstance(objective, nn.Module)
    norms = (m for m in objective.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm))
    statistics = [buffer for norm in norms for buffer in norm.buffers()]
    before = [buffer.clone() for buffer in statistics]
    try:
        yield
    finally:
        for buffer, value in zip(statistics, before, strict=True):
            buffer.copy_(value)


@torch.no_grad()
def clip_gradients(module: nn.Module, greatest: float | None) -> list[Tensor]:
    """Shrink each gradient whose norm exceeds the greatest one allowed; return all norms, []."""
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    norms = [*torch._foreach_norm(gradients)]
    if greatest is not None:
        shares = [(greatest / (norm + 1e-6)).clamp(max=1) for norm in norms]
        torch._foreach_mul_(gradients, shares)
    return norms


class MetricLog:
    """Loss and report of each step; they stay on the device until somebody has to know them.

    So no step waits for the one before. A value that is not finite is told as late as that; until
    then the optimizer holds still. `history` has one row per epoch: its last step, learning rate,
    and means over its steps; `recent` those of the epoch's steps that have been fetched.
    """

    def __init__(self) -> None:
        self.history: list[Row] = []
        self.recent: list[Row] = []
        self._pending: list[tuple[int, float, Tensor]] = []
        self._names: list[str] = []
        self._found_inf: Tensor | None = None

    def found_inf(self, loss: Tensor, norms: list[Tensor]) -> Tensor:
        """1 if the loss or a gradient's norm was not finite in this step or an earlier one, else 0.

        For the optimizer's attribute of this name, which torch's GradScaler sets: at 1, fused
        optimizers change neither weights nor their own state.
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
        """Bring to the host what waits on the device; a CourseError if it was not finite."""
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
