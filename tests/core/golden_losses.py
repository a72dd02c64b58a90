"""Losses of the first 20 steps of the three objectives, as they were when they were written down.

``python tests/core/golden_losses.py`` prints them as an entry for ``golden_losses.json``: with one
thread, on this processor, with this torch, on which the last digits depend.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from lt_course import study
from lt_course.study.dataset import load_dataset
from lt_course.study.execute import build_objective
from lt_course.study.provenance import processor
from lt_course.training import loop

STEPS = 20
OBJECTIVES = ("sl", "clip-title", "dino")


def losses(name: str) -> list[float]:
    """Of each step of a small run on the course's drawings, on one thread."""
    small = {"concepts": 20, "num_images": 600, "duration": f"{STEPS} steps", "batch_size": 64}
    run = study.config(name, scale="tiny", **small)
    dataset, device = load_dataset(run), torch.device("cpu")
    objective = build_objective(run, dataset, None, device)
    assert isinstance(objective, torch.nn.Module)
    seen: list[float] = []
    add, threads = loop.MetricLog.add, torch.get_num_threads()

    def noted(log: loop.MetricLog, step: int, rate: float, metrics: Any) -> None:
        seen.append(metrics["loss"].item())
        add(log, step, rate, metrics)

    torch.set_num_threads(1)
    try:
        with dataset.loader(device) as get_batch, pytest.MonkeyPatch.context() as patch:
            patch.setattr(loop.MetricLog, "add", noted)
            loop.fit(objective, get_batch, dataset.order, run.training)
    finally:
        torch.set_num_threads(threads)
    return seen


def kind() -> dict[str, str]:
    """On what the last digits depend."""
    return {"processor": processor(), "torch": torch.__version__}


if __name__ == "__main__":
    print(json.dumps(kind() | {"losses": {name: losses(name) for name in OBJECTIVES}}))
