"""One training on several processes, each with a device of its own.

    torchrun --nproc-per-node 8 --no-python lt-course run NAME --scale full

What a step shows, and what is drawn for it, are functions of seed and step, so the processes agree
on that without talking (`lt_course.data.order.share`). A process that fails alone, over a file that
it cannot read say, leaves the others waiting; torchrun ends them then.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist

from lt_course.errors import CourseError

VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
"""What torchrun sets."""


@contextmanager
def process_group(device: torch.device) -> Iterator[None]:
    """Join the other processes that torchrun has started; without torchrun there are none.

    They talk through gloo on the CPU and nccl on CUDA devices, where each process takes the device
    of its local rank as its current one.

    Raises:
        CourseError: if the environment variables are set in part or not numbers, or if a machine
            has more processes than CUDA devices.
    """
    found = [name for name in VARIABLES if name in os.environ]
    if not found:
        yield
        return
    if missing := [name for name in VARIABLES if name not in found]:
        raise CourseError(
            f"The environment variables {', '.join(found)} are set, but {', '.join(missing)} are "
            "not; start several processes with torchrun, or unset those for a single one."
        )
    size = _whole("WORLD_SIZE")
    rank, local = _whole("RANK", size), _whole("LOCAL_RANK", size)
    if device.type == "cuda":
        if local >= (devices := torch.cuda.device_count()):
            raise CourseError(
                f"LOCAL_RANK is {local}, but this machine has {devices} CUDA devices; give "
                f"torchrun --nproc-per-node {devices} or fewer."
            )
        torch.cuda.set_device(local)
    backend = "nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, rank=rank, world_size=size)
    try:
        yield
    finally:
        dist.destroy_process_group()


def _whole(variable: str, below: int | None = None) -> int:
    text = os.environ[variable]
    if not text.isdecimal() or (below is not None and int(text) >= below):
        limit = "" if below is None else f" below the WORLD_SIZE of {below}"
        raise CourseError(
            f"The environment variable {variable} is {text!r}; it must be a whole number{limit}, "
            "as torchrun sets it."
        )
    return int(text)
