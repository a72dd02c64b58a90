"""What the processes of one training tell each other; for a single process it is all nothing.

Each encodes its part of the global batch, and the mean of their losses is the loss of the global
batch: a loss takes the mean over its own part, or that of all parts. Two rules make gradients
exact: `all_gather` hands back to a process what all of them owe its tensor, and the loop averages
the gradients of parameters.

(Features that are gathered without a gradient leave the printed loss as it is, but give the towers
a fraction of their gradient while the temperature gets all of its own.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable

from lt_course.errors import CourseError

Result = TypeVar("Result")


def rank() -> int:
    """The number of this process, from 0 on."""
    return dist.get_rank() if _group() else 0


def world_size() -> int:
    """How many processes train together."""
    return dist.get_world_size() if _group() else 1


def _group() -> bool:
    return dist.is_available() and dist.is_initialized()


class _Gather(torch.autograd.Function):
    """Stack forwards; backwards, add up what all processes owe this one's tensor."""

    @staticmethod
    def forward(ctx: Any, mine: Tensor) -> Tensor:
        stacked = mine.new_empty(world_size(), *mine.shape)
        dist.all_gather(list(stacked), mine.contiguous())
        return stacked

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> Tensor:
        owed = upstream.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(owed)
        return owed[rank()]


def all_gather(mine: Tensor) -> Tensor:
    """The tensor of every process, stacked: [processes, ...], the same on all of them.

    Sums, means and log-sums over the global batch are taken over the first dimension of what it
    returns. Its gradient is that of the sum of all processes' losses.

    Args:
        mine: of the same shape on all processes; each of them must ask.
    """
    if world_size() == 1:
        return mine[None]
    stacked: Tensor = _Gather.apply(mine)
    return stacked


def on_rank_zero(action: Callable[[], Result]) -> Result:
    """What process 0 gets by an action that it alone carries out, on all processes.

    Raises:
        CourseError: on all of them, if it was raised on process 0.
    """
    result: Result | None = None
    error: CourseError | None = None
    if rank() == 0:
        try:
            result = action()
        except CourseError as raised:
            error = raised
    if world_size() > 1:
        told: list[Any] = [result, error]
        dist.broadcast_object_list(told, src=0)
        result, error = told
    if error is not None:
        raise error
    return result  # type: ignore[return-value]
