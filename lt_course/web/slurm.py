"""Training on a SLURM cluster that takes its machines back now and then.

submitit hands a callable to SLURM, which runs it once a GPU. Before the time is up, or before the
job is preempted, the cluster sends a signal. Then the loop ends its step and saves, and submitit
puts the job into the queue again, where it goes on from that checkpoint.

    run = study.config("clip-full", scale="full")
    submit(partial(study.train_or_load, run), Path("jobs"), nodes=1, gpus=8)
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import torch

from lt_course.errors import CourseError
from lt_course.training.loop import Interrupted
from lt_course.web.torchrun import process_group


@dataclass(frozen=True)
class Job:
    """What every process of the job calls; pickle must find `train` by name, or as a partial."""

    train: Callable[[], Any]
    device: str = "cuda"

    def __call__(self) -> Any:
        """Train, or go on from the newest checkpoint; after a signal, leave the job to submitit."""
        submitit = _submitit()
        preempted = getattr(signal, "SIG" + os.environ.get("SUBMITIT_PREEMPT_SIGNAL", "USR2"))
        requeue = signal.getsignal(preempted)
        # Within the loop SIGTERM waits for the end of the step; elsewhere it acts at once.
        signal.signal(signal.SIGTERM, _stop)
        signal.signal(preempted, lambda number, frame: signal.raise_signal(signal.SIGTERM))
        submitit.helpers.TorchDistributedEnvironment().export(set_cuda_visible_devices=False)
        try:
            with process_group(torch.device(self.device)):
                return self.train()
        except Interrupted:
            signal.signal(preempted, requeue)
            signal.raise_signal(preempted)
            return None

    def checkpoint(self) -> Any:
        """What submitit puts into the queue again: the same, for the state lies in its folder."""
        return _submitit().helpers.DelayedSubmission(self)


def submit(
    train: Callable[[], Any],
    folder: Path,
    *,
    nodes: int = 1,
    gpus: int = 8,
    hours: float = 24,
    partition: str | None = None,
    restarts: int = 100,
) -> str:
    """Put a training into SLURM's queue, and return the job's number.

    Args:
        train: as `Job`; its checkpoints must lie where all nodes and later starts see them.
        folder: where submitit keeps the job's output.
        nodes: machines, each with so many `gpus`, one process a GPU.
        hours: time limit of one start.
        partition: of the cluster; None is its default.
        restarts: how often the job may run out of time and be queued again.
    """
    executor = _submitit().AutoExecutor(folder, cluster="slurm", slurm_max_num_timeout=restarts)
    executor.update_parameters(
        name="lt-course",
        nodes=nodes,
        tasks_per_node=gpus,
        gpus_per_node=gpus,
        timeout_min=round(60 * hours),
        slurm_partition=partition,
    )
    return str(executor.submit(Job(train)).job_id)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Interrupted(f"{signal.Signals(number).name} came before or after the training.")


def _submitit() -> ModuleType:
    try:
        import submitit.helpers
    except ModuleNotFoundError as error:
        raise CourseError(
            "Training on SLURM needs the package submitit; install it with "
            "pip install 'lt-course[cluster]'."
        ) from error
    return submitit
