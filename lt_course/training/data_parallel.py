"""Processes that train one model together: equal starts, averaged gradients, batch norm.

Gradients are averaged once, after the backward pass of the whole batch (`average_gradients`).
Torch's DistributedDataParallel hooks itself into one forward call of one module; here a batch may
be encoded twice and in parts, and the loss uses parameters (temperature, prototypes) outside of
any forward call. A plain all-reduce is right for all of that. Its price is that it does not overlap
with the backward pass.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from lt_course.distributed import everyone, rank, ranks
from lt_course.errors import CourseError


@torch.no_grad()
def start_alike(module: nn.Module) -> None:
    """Give all processes the parameters and buffers of process 0."""
    if ranks() == 1:
        return
    for tensor in module.state_dict().values():
        dist.broadcast(whole := tensor.contiguous(), src=0)
        tensor.copy_(whole)


@torch.no_grad()
def average_gradients(module: nn.Module) -> None:
    """Replace each parameter's gradient by its mean over the processes.

    What is not finite on one process is not finite on any of them afterwards.
    """
    if ranks() == 1:
        return
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    together = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(together)
    together /= ranks()
    parts = together.split([gradient.numel() for gradient in gradients])
    for gradient, mean in zip(gradients, parts, strict=True):
        gradient.copy_(mean.view_as(gradient))


def synchronise_batch_norm(module: nn.Module) -> None:
    """Let batch norms use the statistics of the global batch, in place.

    On CUDA devices that is torch's SyncBatchNorm; it has no CPU version, so there `GlobalBatchNorm`
    takes its place. Names and values in the state_dict stay what they were.
    """
    for name, child in module.named_children():
        synchronise_batch_norm(child)
        if not isinstance(child, nn.modules.batchnorm._BatchNorm):
            continue
        if next(child.buffers()).device.type == "cuda":
            setattr(module, name, nn.SyncBatchNorm.convert_sync_batchnorm(child))
        else:
            child.__class__ = GlobalBatchNorm
            cast(GlobalBatchNorm, child).processes = ranks()


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

    Raises:
        CourseError: as `own_groups`.
    """
    own = own_groups(groups, ranks())
    if groups == 1:
        if ranks() > 1:
            synchronise_batch_norm(module)
        return
    for child in module.modules():
        if isinstance(child, nn.modules.batchnorm._BatchNorm):
            child.__class__ = GroupBatchNorm if own else GlobalBatchNorm
            if own:
                cast(GroupBatchNorm, child).groups = own
            else:
                cast(GlobalBatchNorm, child).processes = ranks() // groups


class GroupBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch norm over equal parts of a process's pictures, each by itself, on any device.

    Running statistics are those of the first part that process 0 has. Shapes: float [b, C, …] in
    and out.
    """

    groups: int

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each part with its own statistics in training, else with the running ones."""
        if not self.training:
            return super().forward(x)
        first, *others = x.chunk(self.groups)
        if rank() == 0 and self.track_running_stats:
            assert self.num_batches_tracked is not None
            self.num_batches_tracked += 1
            parts = [self._normalise(first, self.running_mean, self.running_var)]
        else:
            parts = [self._normalise(first)]
        return torch.cat(parts + [self._normalise(part) for part in others])

    def _normalise(
        self, x: Tensor, mean: Tensor | None = None, variance: Tensor | None = None
    ) -> Tensor:
        momentum = 0.0 if self.momentum is None else self.momentum
        return F.batch_norm(x, mean, variance, self.weight, self.bias, True, momentum, self.eps)

    def _check_input_dim(self, x: Tensor) -> None:
        """Any number of dimensions will do."""


class GlobalBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch norm over the equally large parts of several processes, on any device.

    Attributes:
        processes: so many neighbours have statistics in common.

    Shapes: float [b, C, …] in and out.
    """

    processes: int

    def forward(self, x: Tensor) -> Tensor:
        """Normalise with the common statistics in training, with the running ones otherwise."""
        if not self.training:
            return super().forward(x)
        dims = [0, *range(2, x.ndim)]
        own = torch.stack([x.float().mean(dims), x.float().var(dims, correction=0)])
        first = rank() // self.processes * self.processes
        means, variances = everyone(own)[first : first + self.processes].unbind(1)
        mean = means.mean(0)
        variance = (variances + (means - mean).square()).mean(0)
        if self.track_running_stats:
            self._note(mean.detach(), variance.detach(), self.processes * x.numel() // x.shape[1])
        scale = self.weight * (variance + self.eps).rsqrt()
        shape = (1, -1, *[1] * (x.ndim - 2))
        return (x * scale.view(shape) + (self.bias - mean * scale).view(shape)).to(x.dtype)

    def _note(self, mean: Tensor, variance: Tensor, count: int) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)

    def _check_input_dim(self, x: Tensor) -> None:
        """Any number of dimensions will do."""
