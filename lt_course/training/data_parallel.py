"""Processes that train one model together: equal starts, averaged gradients, batch norm.

Gradients are averaged once, after the backward pass of the whole batch (`average_gradients`).
Torch's DistributedDataParallel hooks itself into one forward call of one module; here a batch may
be encoded twice and in parts, and the loss uses parameters (temperature, prototypes) outside of
any forward call. A plain all-reduce is right for all of that. Its price is that it does not overlap
with the backward pass.
"""

from __future__ import annotations

from functools import cache
from typing import Any, cast

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from lt_course.data.batch import Batch
from lt_course.distributed import all_gather, rank, world_size
from lt_course.errors import CourseError


@torch.no_grad()
def broadcast_state(module: nn.Module) -> None:
    """Give all processes the parameters and buffers of process 0."""
    if world_size() == 1:
        return
    for tensor in module.state_dict().values():
        dist.broadcast(whole := tensor.contiguous(), src=0)
        tensor.copy_(whole)


def local_part(batch: Batch, size: int) -> Batch:
    """This process's part of a global batch of so many; nothing else may have been loaded."""
    local = size // world_size()
    return batch if len(batch.labels) == local else batch[rank() * local : (rank() + 1) * local]


@torch.no_grad()
def average(values: Tensor) -> Tensor:
    """The mean over the processes, element by element."""
    return all_gather(values).mean(0)


@torch.no_grad()
def average_gradients(module: nn.Module) -> None:
    """Replace each parameter's gradient by its mean over the processes.

    What is not finite on one process is not finite on any of them afterwards.
    """
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
    """Batch-norm groups that each process has to itself; 0 if a group spans several of them.

    Raises:
        CourseError: if the processes cannot share the groups evenly.
    """
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

    Raises:
        CourseError: as `own_groups`.
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

    Running statistics are those of the first part, on the processes that have it. Shapes:
    float [b, C, …] in and out.

    Attributes:
        groups: parts that a process has.
        processes: neighbors that share a part; with several, each normalizes all of it (on CPUs).
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
