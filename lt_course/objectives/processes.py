"""What an objective asks of the other processes that train with it."""

from __future__ import annotations

from torch import Tensor


def everyone(mine: Tensor) -> Tensor:
    """The tensor of every process, stacked: [processes, ...], the same on all of them.

    Sums, means and log-sums over the global batch are taken over the first dimension of what it
    returns, so this is the one place where processes have to talk. There is one process so far.
    """
    return mine[None]
