"""How long a run that is made for a GPU takes on a CPU: said before it starts, not found out after.

The arithmetic of the whole training (`lt_course.web.plan.flops`) over the speed at which this CPU
multiplies matrices. Convolutions, data and evaluation are slower than that, so it is a lower bound.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable
from functools import cache

import torch

from lt_course import scale as scales
from lt_course.distributed import rank
from lt_course.errors import CourseError
from lt_course.study.execute import device_of
from lt_course.study.run_config import RunConfig

SIDE = 512
"""Rows and columns of the matrices that are multiplied to measure speed."""

_warned = False


def device_here(run: RunConfig) -> torch.device:
    """The device of a run; where it has none here, the CourseError says how long a CPU takes."""
    wanted = scales.named(run.scale).device
    if wanted == "cuda" and "LT_DEVICE" not in os.environ and not torch.cuda.is_available():
        raise CourseError(
            f"Scale {run.scale!r} trains on a CUDA device and none is there; {_expected(run)}. Set "
            "LT_SCALE=cpu, use a machine with a GPU, or set LT_DEVICE=cpu and have patience."
        )
    return device_of(run)


def announce(run: RunConfig) -> None:
    """Before a run of a GPU's scale trains on a CPU, warn how long that takes; once a process.

    Raises:
        CourseError: as `device_here`.
    """
    global _warned
    on_cpu = device_here(run).type == "cpu" and scales.named(run.scale).device == "cuda"
    if on_cpu and rank() == 0 and not _warned:
        _warned = True
        warnings.warn(
            f"LT_DEVICE=cpu trains on the CPU at scale {run.scale!r}: {_expected(run)}, and so, or "
            "longer, for each further run. LT_SCALE=cpu or a GPU is quicker.",
            stacklevel=3,
        )


@cache
def cpu_speed(seconds: float = 1.0, clock: Callable[[], float] = time.perf_counter) -> float:
    """Floating-point operations a second of a float32 matrix product with torch's threads."""
    left, right = torch.randn(2, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    left @ right  # the first one also sets up the library
    start, products = clock(), 0
    while (passed := clock() - start) < seconds or not products:
        left @ right
        products += 1
    return 2 * SIDE**3 * products / passed


def _expected(run: RunConfig) -> str:
    from lt_course.web.plan import flops  # which takes a second to import

    try:
        needed = flops(run)
    except CourseError as problem:
        return f"how long {run.name} takes on this CPU cannot be told ({problem})"
    hours = needed / cpu_speed() / 3600
    said = f"{hours:,.0f} hours" if hours >= 1.5 else f"{max(1, round(60 * hours))} minutes"
    return f"{run.name} takes at least {said} on this CPU"
