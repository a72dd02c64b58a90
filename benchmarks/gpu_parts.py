"""Parts of `gpu_check`: environment, loss curves against the CPU's, exact resume after a kill."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import tempfile
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpu_check import Check
    from torch import Tensor, nn

    from lt_course.study.run_config import RunConfig

PACKAGES = (
    "numpy scipy scikit-learn pandas torchvision open_clip_torch timm pooch triton filelock".split()
)
OBJECTIVES = ("sl", "clip-template", "dino")
TOY = {"concepts": 8, "num_images": 160, "profile": "incaps", "batch_size": 32}
TRAINED, KILLED, EVERY = 12, 7, 3
"""Steps of a whole training, before which of them it is killed, and between checkpoints."""


def environment(check: Check) -> None:
    """What all other numbers were measured on."""
    check.add(
        python=platform.python_version(),
        platform=platform.platform(terse=True),
        processors=os.cpu_count(),
        torch=torch.__version__,
        cuda=torch.version.cuda,
        commit=_said("git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"),
        packages={name: _version(name) for name in PACKAGES},
        gpu=None,
        memory=None,
        driver=None,
    )
    if not check.cuda:
        check.add(note="needs CUDA")
        return
    properties = torch.cuda.get_device_properties(0)
    driver = _said("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader", "--id=0")
    check.add(
        gpu=properties.name,
        memory=properties.total_memory,
        capability=f"{properties.major}.{properties.minor}",
        processors_of_gpu=properties.multi_processor_count,
        cudnn=torch.backends.cudnn.version(),
        driver=driver,
    )


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _said(*command: str) -> str | None:
    """What a command prints, or None where it is not there or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def small_run(name: str, toy: bool, **settings: Any) -> RunConfig:
    """A run at scale tiny in float32, or a smaller one still."""
    from lt_course.study import config

    settings = {"precision": "float32"} | (TOY if toy else {}) | settings
    return config(name, scale="tiny", seed=0, **settings)


def train(
    run: RunConfig,
    device: str,
    before_step: Callable[[int], None] = lambda step: None,
    folder: Path | None = None,
    watch: Callable[[Tensor], None] = lambda loss: None,
) -> nn.Module:
    """Train as `lt_course.study.execute.execute` does, on this device and without evaluation."""
    from lt_course.study.dataset import load_dataset
    from lt_course.study.execute import build_objective
    from lt_course.training.loop import fit

    dataset = load_dataset(run)
    objective: Any = build_objective(run, dataset, None, torch.device(device))
    objective.to(device)
    plain = objective.loss

    def watched(*given: Any) -> Any:
        loss, report = plain(*given)
        watch(loss.detach())
        return loss, report

    objective.loss = watched
    with dataset.loader(torch.device(device)) as get_batch:
        fit(
            objective, get_batch, dataset.order, run.training,
            folder=folder, address=run.address, before_step=before_step,
        )  # fmt: skip
    return objective


def curves(check: Check) -> None:
    """Losses of the first steps of each objective, beside those of the CPU here."""
    for name in OBJECTIVES:
        check.each(name, lambda name=name: _curves(name, check))


def _curves(name: str, check: Check) -> dict[str, Any]:
    run = small_run(name, check.toy, duration=f"{3 if check.toy else 20} steps")
    cpu = _losses(run, "cpu")
    found: dict[str, Any] = {"cpu": cpu}
    kept = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    ways = {"tf32_off": (False, False)} | ({"as_torch_has_it": kept} if check.cuda else {})
    for way, allowed in ways.items():
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = allowed
        losses = _losses(run, check.device)
        apart = [abs(b - a) / abs(a) for a, b in zip(cpu, losses, strict=True)]
        found[way] = {"losses": losses, "first_difference": apart[0], "difference": max(apart)}
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = kept
    return found


def _losses(run: RunConfig, device: str) -> list[float]:
    losses: list[Tensor] = []
    train(run, device, watch=losses.append)
    return torch.stack(losses).tolist()


def resume(check: Check) -> None:
    """Whether a training that SIGKILL ended goes on to the weights of one that nobody ended."""
    for name in OBJECTIVES[:1] if check.toy else OBJECTIVES:
        check.each(name, lambda name=name: _resume(name, check))


def _resume(name: str, check: Check) -> dict[str, Any]:
    from lt_course.training import checkpoints

    run = _resumed_run(name, check.toy)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        command = [sys.executable, __file__, name, check.device, str(int(check.toy)), folder]
        killed = subprocess.run(command, capture_output=True, text=True, check=False)
        left = checkpoints.load_latest(Path(folder))
        if killed.returncode != -signal.SIGKILL or left is None:
            raise RuntimeError(f"the training to be killed failed: {killed.stderr[-300:]}")
        torch.use_deterministic_algorithms(True, warn_only=True)
        resumed = train(run, check.device, folder=Path(folder))
        whole, again = (train(run, check.device) for _ in range(2))
    # Two trainings that nobody ended tell a fault of the checkpoint from sums in a free order.
    said = {str(each.message) for each in warned}
    return {
        "killed_before_step": KILLED,
        "resumed_at_step": left["step"],
        "steps": TRAINED,
        "equal": _equal(whole, resumed),
        "difference": _apart(whole, resumed),
        "difference_of_two_whole": _apart(whole, again),
        "not_deterministic": sorted(each[:90] for each in said if "deterministic" in each),
    }


def _resumed_run(name: str, toy: bool) -> RunConfig:
    return small_run(name, toy, duration=f"{TRAINED} steps", checkpoint_every=f"{EVERY} steps")


def _apart(one: nn.Module, other: nn.Module) -> float:
    """The greatest difference of two weights or buffers."""
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return max((a.double() - b.double()).abs().max().item() for a, b in pairs)


def _equal(one: nn.Module, other: nn.Module) -> bool:
    """Whether all weights and buffers are, bit by bit."""
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def _killed(name: str, device: str, toy: str, folder: str) -> None:
    """Train until SIGKILL."""

    def kill(step: int) -> None:
        if step == KILLED:
            os.kill(os.getpid(), signal.SIGKILL)

    torch.use_deterministic_algorithms(True, warn_only=True)
    train(_resumed_run(name, toy == "1"), device, kill, Path(folder))


if __name__ == "__main__":
    _killed(*sys.argv[1:])
