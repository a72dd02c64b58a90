"""Memory and time of one step of DINO's loss at K = 65,536, plain and fused.

    python benchmarks/distillation_memory.py

B = 64 pictures, 2 global and 6 local crops, D = 256, one thread. Each way runs in a process of its
own. It reports how far loss and backward pass raise the peak of the resident memory above what
stands before them (the crops' features, the prototypes of student and teacher), CPU seconds, and
the loss. The plain way has all student logits at once, and leaves the gradient to autograd.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from lt_course.data.batch import Batch
from lt_course.objectives.distill import DINO, DINOConfig, Targets, Timetable
from lt_course.study.registry import load_extensions

B, G, L, D, K = 64, 2, 6, 256, 65_536
RULES: tuple[Targets, ...] = ("centering", "sinkhorn")


def prepare(way: str, rule: Targets, prototypes: int = K) -> Callable[[], torch.Tensor]:
    """Random features of crops, and a step that gives the loss and leaves gradients."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    options = DINOConfig(
        prototypes=prototypes, targets=rule, global_crops=G, local_crops=L, bottleneck=D, hidden=D,
        fused=way == "fused",
    )  # fmt: skip
    load_extensions()
    model = DINO(options, nn.Identity(), D, Timetable(total=1000))
    features = list(F.normalize(torch.randn(2 * G + L, B, D), dim=2))
    for feature in features[:-G]:
        feature.requires_grad_()
    batch = Batch(torch.empty(B, 0), torch.empty(B))

    def step() -> torch.Tensor:
        loss, _ = model.loss(tuple(features), batch, torch.Generator())
        loss.backward()
        return loss

    return step


def measure(way: str, rule: Targets) -> None:
    """One step; prints MiB above the start, CPU seconds and the loss."""
    step = prepare(way, rule)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    loss = step()
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print((peak - before) / 1024, seconds, loss.item())


def main() -> None:
    """Measure every way under every rule."""
    for rule in RULES:
        for way in ("plain", "fused"):
            printed = subprocess.run(
                [sys.executable, __file__, way, rule],
                # glibc hands freed memory back at once, so the peak is that of what is in use.
                env=os.environ | {"MALLOC_MMAP_THRESHOLD_": str(2**20)},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            memory, seconds, loss = map(float, printed.split())
            print(
                f"{rule:9} {way:5} {memory:6.0f} MiB {seconds:6.2f} CPU s   loss {loss:.6f}",
                flush=True,
            )


if __name__ == "__main__":
    if sys.argv[1:]:
        measure(sys.argv[1], sys.argv[2])  # type: ignore[arg-type]
    else:
        main()
