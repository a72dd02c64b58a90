"""Requeue and resume on a cluster, with a stand-in for submitit."""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lt_course.data.batch import Batch
from lt_course.data.order import Order
from lt_course.errors import CourseError
from lt_course.models.heads import Prototypes
from lt_course.objectives.classify import Supervised, SupervisedConfig
from lt_course.training import checkpoints
from lt_course.training.loop import fit
from lt_course.training.options import Training
from lt_course.web import slurm

STEPS, PREEMPTED = 6, signal.SIGUSR2


def train(folder: Path, before_step: Callable[[int], None] = lambda step: None) -> dict:
    """A training of a few steps; what it ends with."""
    torch.manual_seed(0)
    tower = nn.Sequential(nn.Flatten(), nn.Linear(16, 4))
    objective = Supervised(SupervisedConfig(), tower, Prototypes(3, 4), torch.tensor([5, 3, 1]))
    pictures = torch.randn(24, 1, 4, 4, generator=torch.Generator().manual_seed(1))

    def load(rows: np.ndarray, step: int) -> Batch:
        return Batch(pictures[rows], torch.from_numpy(rows % 3))

    options = Training(f"{STEPS} steps", 8, checkpoint_every="100 %", precision="float32")
    fit(
        objective, load, Order(np.arange(24), 8, 0), options, folder=folder, before_step=before_step
    )
    return objective.state_dict()


def preempt(number: int, at: int, step: int) -> None:
    if step == at:
        signal.raise_signal(number)


@dataclass
class Submitit:
    """What `lt_course.web.slurm` uses of submitit, and what was asked of it."""

    requeued: list[Any] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)

    def run(self, job: slurm.Job) -> Any:
        """As submitit runs a callable: with its handlers in place."""

        def checkpoint_and_requeue(number: int, frame: object) -> None:
            self.requeued.append(job.checkpoint())
            raise SystemExit(-1)

        signal.signal(PREEMPTED, checkpoint_and_requeue)
        signal.signal(signal.SIGTERM, lambda number, frame: None)
        return job()


def stand_in_modules(stand_in: Submitit) -> dict[str, ModuleType]:
    """The packages that are imported, by name."""
    package, helpers = ModuleType("submitit"), ModuleType("submitit.helpers")

    class Executor:
        def __init__(self, folder: Path, **settings: Any) -> None:
            stand_in.settings |= {"folder": folder} | settings

        def update_parameters(self, **settings: Any) -> None:
            stand_in.settings |= settings

        def submit(self, job: slurm.Job) -> SimpleNamespace:
            stand_in.settings["job"] = job
            return SimpleNamespace(job_id="17")

    class Environment:
        def export(self, set_cuda_visible_devices: bool) -> None:
            assert not set_cuda_visible_devices

    package.AutoExecutor, package.helpers = Executor, helpers
    helpers.TorchDistributedEnvironment = Environment
    helpers.DelayedSubmission = lambda function: SimpleNamespace(function=function)
    return {"submitit": package, "submitit.helpers": helpers}


@pytest.fixture
def submitit(monkeypatch: pytest.MonkeyPatch):
    stand_in = Submitit()
    for name, module in stand_in_modules(stand_in).items():
        monkeypatch.setitem(sys.modules, name, module)
    before = {number: signal.getsignal(number) for number in (PREEMPTED, signal.SIGTERM)}
    yield stand_in
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [PREEMPTED, signal.SIGTERM])
def test_preempted_saves_requeues_and_resumes(
    submitit: Submitit, tmp_path: Path, number: int
) -> None:
    job = slurm.Job(partial(train, tmp_path / "stopped", partial(preempt, number, 3)), "cpu")
    with pytest.raises(SystemExit):
        submitit.run(job)
    assert checkpoints.load_latest(tmp_path / "stopped")["step"] == 4, "saved at the step's end"
    (again,) = submitit.requeued
    assert again.function == job
    resumed = submitit.run(again.function)
    whole = train(tmp_path / "whole")
    assert all(torch.equal(resumed[key], whole[key]) for key in whole)
    assert len(submitit.requeued) == 1


def test_preempted_outside_of_the_loop(submitit: Submitit) -> None:
    job = slurm.Job(partial(signal.raise_signal, PREEMPTED), "cpu")
    with pytest.raises(SystemExit):
        submitit.run(job)
    assert [again.function for again in submitit.requeued] == [job]


def test_another_signal_of_the_cluster(submitit: Submitit, monkeypatch) -> None:
    monkeypatch.setenv("SUBMITIT_PREEMPT_SIGNAL", "USR1")
    before = signal.signal(signal.SIGUSR1, lambda *_: submitit.requeued.append("by USR1"))
    try:
        submitit.run(slurm.Job(partial(signal.raise_signal, signal.SIGUSR1), "cpu"))
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert submitit.requeued == ["by USR1"]


def test_what_is_asked_of_the_cluster(submitit: Submitit, tmp_path: Path) -> None:
    number = slurm.submit(os.getpid, tmp_path, nodes=2, gpus=4, hours=1.5, partition="a100")
    assert number == "17"
    assert submitit.settings == {
        "folder": tmp_path,
        "cluster": "slurm",
        "slurm_max_num_timeout": 100,
        "name": "lt-course",
        "nodes": 2,
        "tasks_per_node": 4,
        "gpus_per_node": 4,
        "timeout_min": 90,
        "slurm_partition": "a100",
        "job": slurm.Job(os.getpid),
    }


def test_without_submitit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(CourseError, match=r"needs the package submitit; .*lt-course\[cluster\]"):
        slurm.submit(os.getpid, tmp_path)
