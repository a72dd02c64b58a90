"""Processes that train one model together; for a single one, nearly all of it is nothing.

Each encodes its part of the global batch, and the mean of their losses is the loss of the global
batch: a loss takes the mean over its own part, or that of all parts. Two rules make gradients
exact: `all_gather` hands back to a process what all of them owe its tensor (gathered without a
gradient, towers would get a fraction of theirs, and the temperature all of its own), and the loop
averages the gradients of parameters, once, after the backward pass. (Torch's
DistributedDataParallel hooks itself into one forward call of one module; here a batch may be
encoded twice and in parts, and losses use temperature and prototypes outside of any such call.)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
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
    """The tensor of every process, of one shape on all: [processes, ...], the same on all of them.

    Sums, means and log-sums over the global batch are taken over its first dimension. Its gradient
    is that of the sum of all processes' losses.
    """
    return mine[None] if world_size() == 1 else cast(Tensor, _Gather.apply(mine))


def on_rank_zero(action: Callable[[], Result]) -> Result:
    """What process 0 gets by an action that it alone carries out, or its CourseError, for all."""
    if world_size() == 1:
        return action()
    told: list[Any] = [None, None]
    if rank() == 0:
        try:
            told[0] = action()
        except CourseError as raised:
            told[1] = raised
    dist.broadcast_object_list(told, src=0)
    result, error = told
    if error is not None:
        raise error
    return cast(Result, result)


@torch.no_grad()
def broadcast_state(module: nn.Module) -> None:
    """Give all processes the parameters and buffers of process 0."""
    if world_size() == 1:
        return
    for tensor in module.state_dict().values():
        dist.broadcast(whole := tensor.contiguous(), src=0)
        tensor.copy_(whole)


@torch.no_grad()
def average(values: Tensor) -> Tensor:
    """The mean over the processes, element by element."""
    return all_gather(values).mean(0)


@torch.no_grad()
def average_gradients(module: nn.Module) -> None:
    """Replace gradients by their means over the processes: all find the same ones not finite."""
    if world_size() == 1:
        return
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= world_size()
    means = flat.split([gradient.numel() for gradient in gradients])
    for gradient, mean in zip(gradients, means, strict=True):
        gradient.copy_(mean.view_as(gradient))


def any_process(flag: bool) -> bool:
    """Whether the flag is set on any process; hosts agree on it, and wait for no device."""
    if world_size() == 1:
        return flag
    flags = torch.tensor(int(flag))
    dist.all_reduce(flags, dist.ReduceOp.MAX, _of_hosts(dist.group.WORLD))
    return bool(flags)


@cache
def _of_hosts(world: dist.ProcessGroup) -> Any:
    return dist.new_group(backend="gloo")


def own_groups(groups: int, processes: int) -> int:
    """Batch-norm groups that each process has to itself; 0 if a group spans several of them."""
    if groups % processes and processes % groups:
        raise CourseError(
            f"Field 'batch_norm_groups' is {groups}, which {processes} processes cannot share "
            f"evenly; start a divisor or a multiple of {groups}, or set it to 1."
        )
    return groups // processes


def group_batch_norm(module: nn.Module, groups: int) -> None:
    """Let batch norms use the statistics of each of so many equal parts of the global batch.

    Where a part spans CUDA devices that is torch's SyncBatchNorm; it has no CPU version. Names and
    values in the state_dict stay what they were.
    """
    own = own_groups(groups, world_size())
    if groups == world_size() == 1:
        return
    if not own and any(parameter.is_cuda for parameter in module.parameters()):
        processes = dist.new_subgroups(world_size() // groups)[0] if groups > 1 else None
        nn.SyncBatchNorm.convert_sync_batchnorm(module, processes)
        return
    for child in module.modules():
        if isinstance(child, nn.modules.batchnorm._BatchNorm):
            child.__class__ = GroupBatchNorm
            cast(GroupBatchNorm, child).groups = max(1, own)
            cast(GroupBatchNorm, child).processes = 1 if own else world_size() // groups


class GroupBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch norm over equal parts of the global batch, each by itself.

    A process has `groups` parts, or shares one with its neighbors: `processes`, each of which
    normalizes all of it (on CPUs). Running statistics are those of the first part, on the
    processes that have it. Shapes: float [b, C, …] in and out.
    """

    groups: int
    processes: int

    def forward(self, x: Tensor) -> Tensor:
        """Normalize each part with its own statistics in training, else with the running ones."""
        if not self.training:
            return super().forward(x)
        if self.processes == 1:
            return self._in_parts(x)
        neighbor = rank() % self.processes
        gathered = all_gather(x)[rank() - neighbor :][: self.processes]
        return self._in_parts(gathered.flatten(0, 1)).unflatten(0, (-1, len(x)))[neighbor]

    def _in_parts(self, x: Tensor) -> Tensor:
        first, *others = x.chunk(self.groups)
        tracked = rank() < self.processes
        parts = [super().forward(first) if tracked else self._alone(first)]
        return torch.cat(parts + [self._alone(part) for part in others])

    def _alone(self, x: Tensor) -> Tensor:
        return F.batch_norm(x, None, None, self.weight, self.bias, training=True, eps=self.eps)

    def _check_input_dim(self, x: Tensor) -> None:
        """Any number of dimensions will do."""
