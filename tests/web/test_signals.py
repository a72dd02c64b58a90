"""Stop signals that reach whole groups of processes: nothing that was trained is lost.

The trainings are real, with photographs in shards and two processes that read ahead of each.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from shard_files import img2dataset_folder
from torch import nn
from torch.utils.data import Dataset

from lt_course.distributed import rank, world_size
from lt_course.models.heads import Prototypes
from lt_course.objectives.classify import Supervised, SupervisedConfig
from lt_course.training import checkpoints
from lt_course.training.loop import Interrupted, fit
from lt_course.training.options import Training
from lt_course.web.read_ahead import read_ahead
from lt_course.web.shards import shard_index
from lt_course.web.shards.shard_pairs import Loader, ShardDataset
from lt_course.web.torchrun import process_group

STEPS, AT = 12, 5
"""Steps of a training, and the one in which signals come."""


def train(data: Path, folder: Path, workers: int = 2) -> dict[str, torch.Tensor]:
    """Train; the process that was asked to, and no other, says when step `AT` begins."""
    index = shard_index.load(data, folder=data / "cache")
    pairs = ShardDataset(index, classes=torch.arange(len(index)) % 3, size=8)
    torch.manual_seed(0)
    tower = nn.Sequential(nn.Flatten(), nn.Linear(192, 4))
    objective = Supervised(SupervisedConfig(), tower, Prototypes(3, 4), torch.tensor([9, 9, 9]))

    def wait(step: int) -> None:
        if step == AT and (folder / "wanted").exists():
            (folder / f"ready-{rank()}").touch()
            deadline = time.monotonic() + 60
            while not (folder / "signalled").exists() and time.monotonic() < deadline:
                time.sleep(0.01)

    options = Training(f"{STEPS} steps", 4, checkpoint_every="100 %", precision="float32")
    with Loader(pairs, 4, workers=workers, rank=rank(), ranks=world_size()) as load:
        fit(objective, load, load.order, options, folder=folder, before_step=wait)
    return objective.state_dict()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return img2dataset_folder(tmp_path_factory.mktemp("photographs"))


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    trained = train(data, tmp_path_factory.mktemp("whole"))
    torch.set_num_threads(threads)
    return trained


class Stopped:
    """A process group that trains and stands in step `AT`."""

    def __init__(self, kind: str, data: Path, folder: Path, processes: int = 1) -> None:
        (folder / "wanted").touch()
        self.folder = folder
        launcher = [sys.executable]
        if processes > 1:
            launcher += ["-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
            launcher += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0"]
        self.process = subprocess.Popen(
            [*launcher, __file__, kind, str(data), str(folder)],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._await(f"ready-{processes - 1}")

    def _await(self, name: str) -> None:
        deadline = time.monotonic() + 120
        while not (self.folder / name).exists():
            assert self.process.poll() is None, self.process.communicate()[0]
            assert time.monotonic() < deadline, "the training does not begin"
            time.sleep(0.02)

    def signal(self, *numbers: int, group: bool = True) -> str:
        """Send signals to all processes of the group, or to the first; what it says in the end."""
        for number in numbers:
            (os.killpg if group else os.kill)(self.process.pid, number)
            time.sleep(0.05)
        (self.folder / "signalled").touch()
        said, _ = self.process.communicate(timeout=120)
        (self.folder / "wanted").unlink()
        return said


GROUP = {
    "SIGTERM": (signal.SIGTERM,),
    "SIGINT": (signal.SIGINT,),
    "three SIGTERM": (signal.SIGTERM,) * 3,
    "SIGTERM and SIGUSR2, as SLURM": (signal.SIGTERM, signal.SIGUSR2),
}


@pytest.mark.parametrize("repetition", [0, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "group",
    [
        "SIGTERM",
        "SIGTERM and SIGUSR2, as SLURM",
        pytest.param("SIGINT", marks=pytest.mark.slow),
        pytest.param("three SIGTERM", marks=pytest.mark.slow),
    ],
)
def test_a_signal_to_the_whole_group_saves(
    group: str,
    repetition: int,
    data: Path,
    whole: dict[str, torch.Tensor],
    tmp_path: Path,
) -> None:
    numbers = GROUP[group]
    kind = "slurm" if signal.SIGUSR2 in numbers else "plain"
    said = Stopped(kind, data, tmp_path).signal(*numbers)
    assert f"was stopped after step {AT + 1} of {STEPS} and saved" in said, said
    assert "killed by signal" not in said
    resumed = train(data, tmp_path)
    assert all(torch.equal(resumed[key], whole[key]) for key in whole), "and resumes exactly"


def test_a_preempted_job_is_requeued(data: Path, tmp_path: Path) -> None:
    said = Stopped("slurm", data, tmp_path).signal(signal.SIGUSR2)
    assert f"was stopped after step {AT + 1}" in said, said
    assert "requeued" in said
    assert checkpoints.load_latest(tmp_path)["step"] == AT + 1


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_torchrun_passes_it_on_to_groups(
    number: int, data: Path, whole: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    """It signals the group of each process; a terminal signals all of them besides."""
    said = Stopped("plain", data, tmp_path, processes=2).signal(number, group=False)
    assert f"was stopped after step {AT + 1} of {STEPS} and saved" in said, said
    assert checkpoints.load_latest(tmp_path)["step"] == AT + 1
    resumed = train(data, tmp_path)
    for key, value in whole.items():
        torch.testing.assert_close(resumed[key], value, msg=key)


def test_a_worker_that_dies_while_a_checkpoint_is_written(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkpoint is finished first, and the worker's death is told then."""
    save = checkpoints.save
    before = signal.getsignal(signal.SIGCHLD)

    def kill_a_worker_first(folder: Path, step: int, state: dict) -> Path:
        children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
        os.kill(int(children[-1]), signal.SIGKILL)
        time.sleep(0.2)
        return save(folder, step, state)

    monkeypatch.setattr(checkpoints, "save", kill_a_worker_first)
    with pytest.raises(RuntimeError, match="is killed by signal: Killed"):
        train(data, tmp_path)
    assert checkpoints.load_latest(tmp_path)["step"] == STEPS
    signal.signal(signal.SIGCHLD, before)


class Stuck(Dataset[int]):
    """Its third item never comes."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, row: int) -> int:
        if row == 2:
            time.sleep(1_000)
        return row


def test_workers_that_hang_do_not_outlive_their_reader() -> None:
    """They ignore the signal by which torch would end them."""

    def of(pid: int) -> set[str]:
        return set(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())

    before = of(os.getpid())
    batches: Iterator[int] = read_ahead(Stuck(), workers=2, batch_size=None)
    assert next(batches) == 0
    assert len(of(os.getpid()) - before) == 2
    batches.close()
    assert of(os.getpid()) <= before


def test_a_second_interrupt_acts_at_once_and_a_second_sigterm_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with checkpoints.deferred() as stopped:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        assert stopped()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    monkeypatch.setattr(checkpoints, "world_size", lambda: 2)
    with checkpoints.deferred() as stopped:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert stopped()


def main(kind: str, data: Path, folder: Path) -> None:
    try:
        if kind == "slurm":
            from test_slurm import Submitit, stand_in_modules

            from lt_course.web import slurm

            submitit = Submitit()
            sys.modules.update(stand_in_modules(submitit))

            def told() -> None:
                try:
                    train(data, folder)
                except Interrupted as stopped:
                    print(stopped, flush=True)
                    raise

            try:
                submitit.run(slurm.Job(told, "cpu"))
            except SystemExit:
                print("requeued" * len(submitit.requeued), flush=True)
        else:
            with process_group(torch.device("cpu")):
                train(data, folder)
    except Interrupted as stopped:
        print(stopped, flush=True)
        sys.exit(130)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
