"""Memory and time of one contrastive loss: open_clip's, the plain one, and the tiled one.

    python benchmarks/contrastive_memory.py

D = 512, float32, one thread, one process. Each way runs in a process of its own. It reports how far
loss and backward pass raise the peak of the resident memory above what stands before them (the
features), CPU seconds, and the loss.
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
from open_clip.loss import ClipLoss

from lt_course.models.heads import Temperature
from lt_course.objectives.contrast import info_nce
from lt_course.web import fused_losses

D, TILE = 512, 512
BATCHES = (4096, 8192)
WAYS = {
    "open_clip": lambda image, text, t: ClipLoss()(image, text, t.log_scale.exp()),
    "plain": info_nce,
    "tiled": lambda image, text, t: fused_losses.info_nce(image, text, t, TILE),
}


def prepare(way: str, pairs: int) -> Callable[[], torch.Tensor]:
    """Random features, and a step that gives the loss and leaves gradients."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    image, text = (
        F.normalize(each, dim=1).requires_grad_() for each in torch.randn(2, pairs, D).unbind()
    )
    temperature = Temperature()

    def step() -> torch.Tensor:
        loss = WAYS[way](image, text, temperature)
        loss.backward()
        return loss

    return step


def measure(way: str, pairs: int) -> None:
    """One step; prints MiB above the start, CPU seconds and the loss."""
    step = prepare(way, pairs)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    loss = step()
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print((peak - before) / 1024, seconds, loss.item())


def main() -> None:
    """Measure every way at every batch."""
    for pairs in BATCHES:
        for way in WAYS:
            printed = subprocess.run(
                [sys.executable, __file__, way, str(pairs)],
                # glibc hands freed memory back at once, so the peak is that of what is in use.
                env=os.environ | {"MALLOC_MMAP_THRESHOLD_": str(2**20)},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            memory, seconds, loss = map(float, printed.split())
            print(
                f"B = {pairs:6,} {way:9} {memory:6.0f} MiB {seconds:6.2f} CPU s   loss {loss:.6f}",
                flush=True,
            )


if __name__ == "__main__":
    if sys.argv[1:]:
        measure(sys.argv[1], int(sys.argv[2]))
    else:
        main()
