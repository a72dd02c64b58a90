"""Memory and time of one step of DINO's loss at K = 65,536: the course's way, and the plain one.

    python benchmarks/distillation_memory.py

B = 64 pictures, 2 global and 6 local crops, D = 256, one thread. Each way runs in a process of its
own. It reports how far loss and backward pass raise the peak of the resident memory above what
stands before them (the crops' features, the prototypes of student and teacher), CPU seconds, and
the loss. The plain way is the definition: all student logits at once, one log-softmax for each pair
of crops, the rest left to autograd.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lt_course.data.batch import Batch
from lt_course.objectives.distill import Distill, Distillation, Targets, Timetable

B, G, L, D, K = 64, 2, 6, 256, 65_536
RULES: tuple[Targets, ...] = ("centring", "sinkhorn")


def plain(model: Distillation, features: list[Tensor]) -> Tensor:
    """All pairs of a target and another crop, as one would write them down."""
    options = model.options
    with torch.no_grad():
        rows = F.normalize(model.teacher.prototypes.weight, dim=1)
        logits = torch.cat(features[-G:]) @ rows.T / options.teacher_temperature
        if options.targets == "centring":  # the centre is 0 in a first step
            targets = logits.softmax(1)
        else:
            shares = torch.exp(logits)
            shares /= shares.sum()
            for _ in range(options.sinkhorn_iterations):
                shares /= shares.sum(0, keepdim=True) * K
                shares /= shares.sum(1, keepdim=True) * len(shares)
            targets = shares * len(shares)
    rows = F.normalize(model.student.prototypes.weight, dim=1)
    predictions = torch.cat(features[:-G]) @ rows.T / options.student_temperature
    losses = [
        -(target * F.log_softmax(prediction, dim=1)).sum(1).mean()
        for g, target in enumerate(targets.chunk(G))
        for v, prediction in enumerate(predictions.chunk(G + L))
        if g != v
    ]
    return torch.stack(losses).mean()


def course(model: Distillation, features: list[Tensor]) -> Tensor:
    """The objective, with the report that it makes."""
    batch = Batch(torch.empty(B, 0), torch.empty(B))
    return model.loss(tuple(features), batch, torch.Generator())[0]


def measure(way: str, rule: Targets) -> None:
    """One step; prints MiB above the start, CPU seconds and the loss."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    options = Distill(
        prototypes=K, targets=rule, global_crops=G, local_crops=L, bottleneck=D, hidden=D
    )
    model = Distillation(options, nn.Identity(), D, Timetable(total=1000))
    features = list(F.normalize(torch.randn(2 * G + L, B, D), dim=2))
    for feature in features[:-G]:
        feature.requires_grad_()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    loss = {"plain": plain, "course": course}[way](model, features)
    loss.backward()
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print((peak - before) / 1024, seconds, loss.item())


def main() -> None:
    """Measure every way under every rule."""
    for rule in RULES:
        for way in ("plain", "course"):
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
                f"{rule:9} {way:7} {memory:6.0f} MiB {seconds:6.2f} CPU s   loss {loss:.6f}",
                flush=True,
            )


if __name__ == "__main__":
    if sys.argv[1:]:
        measure(sys.argv[1], sys.argv[2])  # type: ignore[arg-type]
    else:
        main()
