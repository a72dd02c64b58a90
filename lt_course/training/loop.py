"""One loop for every objective.

A step asks `Order` for its pictures, the objective for its loss, and the schedule for its learning
rate; all three depend on the step's number alone. A run that was stopped goes on from its last
checkpoint and ends with the same weights, bit by bit, if it is given as many threads and processes
as before (sums depend on how they are grouped).

Several processes (`lt_course.training.data_parallel`) share each batch and end with the weights of
a single one, up to rounding. Whether to stop is told from values that all of them have, so they
stop at the same step.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import compress
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lt_course import signals
from lt_course.data.batch import Batch
from lt_course.data.fingerprint import Fingerprint
from lt_course.data.order import Order, Sampler, share, torch_generator
from lt_course.distributed import by_first, everyone, rank, ranks
from lt_course.errors import CourseError
from lt_course.fields import COUNT, NATURAL, check
from lt_course.objectives.objective import Objective, Report
from lt_course.progress import progress
from lt_course.scale import Precision
from lt_course.training import checkpoints
from lt_course.training.data_parallel import (
    average_gradients,
    group_batch_norm,
    own_groups,
    start_alike,
)
from lt_course.training.schedules import Schedule, ScheduleName, steps

LoadBatch = Callable[[NDArray[np.int64], int], Batch]
"""(rows of the training set, step) -> batch on the training device.

The rows are those of the global batch. Of several processes each may load all of them, or only its
`lt_course.data.order.share`; random numbers must be drawn as for all.
"""


@dataclass(frozen=True)
class Training:
    """How to train. Durations are texts such as ``12 epochs``, ``500 steps`` or ``5 %``.

    Attributes:
        duration: of the run.
        batch: pictures a step, over all processes.
        sampler: order of the pictures, `lt_course.data.order.Order`.
        crop: least area of the random crop, 0.01 … 1 (`lt_course.data.augment.random_crop`).
        optimiser: ``adamw`` (torch's defaults: betas 0.9 and 0.999, epsilon 1e-8), or ``sgd`` with
            momentum 0.9.
        nesterov: of ``sgd``, whether its momentum is Nesterov's.
        learning_rate: its peak.
        final_learning_rate: where the ``cosine`` schedule ends.
        weight_decay: decoupled in ``adamw``, a part of the gradient in ``sgd``.
        decays: what it is on: ``matrices`` and convolutions, while biases, norms and the
            temperature have none; or ``everything``.
        clip_norm: greatest norm of each tensor's gradient, as in DINO; None does not clip.
        schedule: course of the learning rate, `lt_course.training.schedules.Schedule`.
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
    batch: int = 128
    sampler: Sampler = "natural"
    crop: float = 0.9
    optimiser: Literal["adamw", "sgd"] = "adamw"
    nesterov: bool = True
    learning_rate: float = 2e-3
    final_learning_rate: float = 0.0
    weight_decay: float = 0.05
    decays: Literal["matrices", "everything"] = "matrices"
    clip_norm: float | None = None
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
        """Raise a CourseError for a field out of range."""
        check(
            self,
            batch=COUNT,
            crop=(0.01, 1),
            learning_rate=NATURAL,
            final_learning_rate=NATURAL,
            weight_decay=NATURAL,
            clip_norm=(1e-6, math.inf),
            accumulate=COUNT,
            batch_norm_groups=COUNT,
        )


class Interrupted(KeyboardInterrupt):
    """Ctrl-C or a termination signal, after the state was saved."""


def optimiser(model: nn.Module, options: Training) -> torch.optim.Optimizer:
    """The optimiser, in two groups: parameters of two and more dimensions, and the others."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    rest = options.weight_decay if options.decays == "everything" else 0.0
    groups = [
        {
            "params": [p for p in parameters if p.ndim >= 2],
            "weight_decay": options.weight_decay,
        },
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": rest},
    ]
    if options.optimiser == "sgd":
        nesterov = options.nesterov
        return torch.optim.SGD(groups, lr=0.0, momentum=0.9, nesterov=nesterov, fused=True)
    return torch.optim.AdamW(groups, lr=0.0, fused=True)


def fit(
    objective: Objective,
    load: LoadBatch,
    order: Order,
    options: Training,
    *,
    label: str = "training",
    folder: Path | None = None,
    address: str = "",
    fingerprint: Fingerprint | None = None,
    before_step: Callable[[int], None] = lambda step: None,
) -> list[dict[str, float]]:
    """Train, or go on training, the objective (which is an ``nn.Module``) in place.

    Args:
        objective: model and loss.
        load: rows of a step's global batch in, a batch out.
        order: which rows make up which step.
        options: how to train.
        label: what the progress line calls the run.
        folder: where checkpoints go; None keeps none. Process 0 alone writes and reads there.
        address: identity of the run; a checkpoint with another one is refused.
        fingerprint: of the pictures; a checkpoint that was made of others is refused.
        before_step: called with each step's number (tests inject faults here).

    Returns:
        One row per epoch with its last step, learning rate and the means of loss and report.

    Raises:
        CourseError: if the loss or the gradient is not finite (the optimiser has not taken that
            step), the duration is less than a step, the batch exceeds the data, the processes
            cannot share it evenly, or a checkpoint belongs to another run or to other data.
        Interrupted: after Ctrl-C or SIGTERM; the state of the last whole step is saved.
    """
    assert isinstance(objective, nn.Module)
    per_epoch = order.steps_per_epoch
    if per_epoch == 0:
        raise CourseError(
            f"Field 'batch' is {options.batch}, but there are only {len(order.labels)} training "
            "pictures; use a smaller batch."
        )
    total = steps(options.duration, "duration", per_epoch)
    if total == 0:
        raise CourseError(
            f"Field 'duration' is {options.duration!r}, less than one step; train for longer."
        )
    schedule = Schedule(
        options.schedule,
        options.learning_rate,
        total,
        steps(options.warmup, "warmup", per_epoch, total),
        tuple(steps(m, "milestones", per_epoch, total) for m in options.milestones),
        end=options.final_learning_rate,
    )
    every = max(1, steps(options.checkpoint_every, "checkpoint_every", per_epoch, total))
    own = len(share(order.rows(0), rank(), ranks())) // options.accumulate
    if own % max(1, own_groups(options.batch_norm_groups, ranks())):
        raise CourseError(
            f"Field 'batch_norm_groups' is {options.batch_norm_groups}, but {order.batch} pictures "
            f"a step, encoded in {ranks() * options.accumulate} parts, have no so many equal "
            "groups; use a larger 'batch', or fewer groups."
        )
    start_alike(objective)
    group_batch_norm(objective, options.batch_norm_groups)
    adapt = optimiser(objective, options)
    if options.channels_last:
        objective.to(memory_format=torch.channels_last)
    if options.compile:
        for part in objective.children():
            part.compile()

    start, history, recent = _resume(objective, adapt, folder, address, fingerprint)

    def save(step: int) -> None:
        if folder is not None:
            state = {"address": address, "step": step, "history": history, "recent": recent}
            state["data"] = None if fingerprint is None else asdict(fingerprint)
            state |= {"model": objective.state_dict(), "optimiser": adapt.state_dict()}
            by_first(lambda: checkpoints.save(folder, step, state))

    objective.train()
    quiet = rank() > 0
    with (
        signals.deferred(several=ranks() > 1) as interrupted,
        progress(label, total, start, quiet) as line,
    ):
        for step in range(start, total):
            before_step(step)
            for group in adapt.param_groups:
                group["lr"] = schedule(step)
            adapt.zero_grad(set_to_none=True)
            batch = _own_part(load(order.rows(step), step), order.batch)
            generator = torch_generator(order.seed, step, "objective")
            own_loss, report = _backward(objective, batch, options, generator)
            loss = everyone(own_loss).mean(0)
            average_gradients(objective)
            _require_finite(objective, loss, step, schedule(step))
            if options.clip_norm is not None:
                clip_gradients(objective, options.clip_norm)
            adapt.step()
            objective.after_step()
            recent.append({"loss": loss.item()} | _means(report))
            if (step + 1) % per_epoch == 0 or step + 1 == total:
                means = {k: float(np.mean([row[k] for row in recent])) for k in recent[0]}
                history.append({"step": step + 1, "learning_rate": schedule(step)} | means)
                recent = []
                line.set_postfix_str(f"loss {means['loss']:.2f}", refresh=False)
            line.update()
            stop = bool(everyone(torch.tensor(interrupted(), device=loss.device)).any())
            with signals.undisturbed():
                if (step + 1) % every == 0 or step + 1 == total or stop:
                    save(step + 1)
                if stop:
                    kept = "saved; the same command goes on from there" if folder else "not saved"
                    raise Interrupted(
                        f"{label} was stopped after step {step + 1} of {total} and {kept}."
                    )
    start_alike(objective)
    return history


def _resume(
    objective: nn.Module,
    adapt: torch.optim.Optimizer,
    folder: Path | None,
    address: str,
    fingerprint: Fingerprint | None,
) -> tuple[int, list[dict[str, float]], list[dict[str, float]]]:
    """Load the newest checkpoint, if there is one: step, history, and the epoch's rows so far."""
    state = None if folder is None else by_first(lambda: checkpoints.load_latest(folder))
    if state is None:
        return 0, [], []
    if state["address"] != address:
        raise CourseError(
            f"The checkpoints in {folder} belong to the run {state['address']}, not to {address}; "
            "use another folder, or delete them."
        )
    if fingerprint is not None:
        fingerprint.require_same(state["data"], f"The checkpoint in {folder}")
    objective.load_state_dict(state["model"])
    adapt.load_state_dict(state["optimiser"])
    return state["step"], state["history"], state["recent"]


def _own_part(batch: Batch, whole: int) -> Batch:
    """This process's part of a batch, of which nothing else may have been loaded."""
    size = whole // ranks()
    if len(batch.labels) == size:
        return batch
    return batch[rank() * size : (rank() + 1) * size]


def _means(report: Report) -> dict[str, float]:
    """The report on the global batch."""
    if ranks() > 1:
        means = everyone(torch.stack(list(report.values()))).mean(0)
        report = dict(zip(report, means, strict=True))
    return {name: value.item() for name, value in report.items()}


def _backward(
    objective: Objective, batch: Batch, options: Training, generator: torch.Generator
) -> tuple[Tensor, Report]:
    """Loss and gradients of one batch, encoded in `options.accumulate` parts.

    With several parts the representations are first computed without a graph; the loss of the
    whole batch then says what gradient each of them is owed, and every part is encoded again to
    pass its share on (arXiv 2101.06983). Batch statistics are those of a part.
    """
    device = batch.pictures.device.type
    autocast = torch.autocast(device, torch.bfloat16, enabled=options.precision == "bfloat16")
    if options.accumulate == 1:
        with autocast:
            representations = objective.encode(batch)
        loss, report = objective.loss(representations, batch, generator)
        loss.backward()
        return loss.detach(), report

    B = len(batch.labels)
    if B % options.accumulate:
        raise CourseError(
            f"Field 'accumulate' is {options.accumulate}, which does not divide the batch of {B}"
            f"{' that each process has' if ranks() > 1 else ''}."
        )
    # Every n-th picture, so that what is in a part does not depend on the number of processes.
    parts = [batch[start :: options.accumulate] for start in range(options.accumulate)]
    with torch.no_grad(), autocast, _frozen_statistics(objective):
        encoded = [objective.encode(part) for part in parts]
    columns = (torch.stack(column, dim=1) for column in zip(*encoded, strict=True))
    leaves = tuple(column.flatten(0, 1).requires_grad_() for column in columns)
    loss, report = objective.loss(leaves, batch, generator)
    loss.backward()
    owed = [leaf.grad for leaf in leaves if leaf.grad is not None]
    for start, part in enumerate(parts):
        gradients = [gradient[start :: options.accumulate] for gradient in owed]
        with autocast:
            representations = objective.encode(part)
        # A frozen tower's representations have no graph, and are owed to no one.
        learnt = [part.requires_grad for part in representations]
        torch.autograd.backward(
            list(compress(representations, learnt)), list(compress(gradients, learnt))
        )
    return loss.detach(), report


@contextlib.contextmanager
def _frozen_statistics(objective: Objective) -> Iterator[None]:
    """Batch norm uses the statistics of the batch, but does not count it twice."""
    assert isinstance(objective, nn.Module)
    norms = [m for m in objective.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True


@torch.no_grad()
def clip_gradients(module: nn.Module, greatest: float) -> None:
    """Shrink each gradient, tensor by tensor, whose norm exceeds the greatest one allowed."""
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    norms = torch._foreach_norm(gradients)
    shares = [(greatest / (norm + 1e-6)).clamp(max=1) for norm in norms]
    torch._foreach_mul_(gradients, shares)


def _require_finite(objective: nn.Module, loss: Tensor, step: int, rate: float) -> None:
    """Raise before the optimiser could write a value that is not finite into the weights."""
    norms = torch._foreach_norm([p.grad for p in objective.parameters() if p.grad is not None])
    if not torch.stack([loss, *norms]).isfinite().all():
        raise CourseError(
            f"The loss ({loss.item():.3g}) or its gradient is not finite at step {step}, with "
            f"learning rate {rate:.2g}; lower 'learning_rate', or lengthen 'warmup'. No step was "
            "taken; the last checkpoint is whole."
        )
