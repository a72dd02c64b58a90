"""What one step of training takes, counted on tensors that hold no data.

A model on the *meta* device has shapes and no memory. *Fake* tensors are meta tensors that bear
another device's name: an operation on fake CUDA tensors and a CPU tensor fails as it would on a
GPU, and needs none. (Their backward pass would ask for a driver; so would, for some optimisers,
their step.) So a `Rehearsal` proves shapes and devices; values are left to real trainings.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from lt_course.data.batch import Batch
from lt_course.data.order import torch_generator
from lt_course.objectives.objective import Objective, Representations
from lt_course.training.data_parallel import own_groups
from lt_course.training.options import Training, make_optimizer


class Live(TorchDispatchMode):
    """Bytes of tensors made within that are still there (`now`), and most of them so far (`peak`).

    A storage counts from the operation that makes it until nothing refers to it any more, a graph
    that waits for its backward pass included. What existed before is not counted.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._seen: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self._note((args, kwargs), made=False)
        out = func(*args, **(kwargs or {}))
        self._note(out, made=True)
        self.peak = max(self.peak, self.now)
        return out

    def _note(self, tree: Any, made: bool) -> None:
        for tensor in tree_leaves(tree):
            if not isinstance(tensor, Tensor):
                continue
            storage = tensor.untyped_storage()
            key, size = storage._cdata, storage.nbytes() if made else 0
            if key not in self._seen:
                self._seen.add(key)
                self.now += size
                weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self._seen.discard(key)
        self.now -= size


@dataclass(frozen=True)
class Step:
    """What one process's step takes.

    Attributes:
        forward: floating-point operations of the towers' forward pass. A multiply-add is two; only
            matrix products, convolutions and attention count.
        flops: those of forward pass, loss and backward pass.
        gradients: bytes.
        optimizer: bytes of its state.
    """

    forward: int
    flops: int
    gradients: int
    optimizer: int


@dataclass(frozen=True)
class Rehearsal:
    """One process's step of a training, without data.

    Attributes:
        build: makes the objective on the default device.
        batch: makes a batch of so many pictures on the default device.
        training: how the step is taken; its ``batch_size`` and ``accumulate`` are not read.
        processes: how many would train together; messages of the others have nothing in them.
        seed: of what the objective draws.
    """

    build: Callable[[], nn.Module]
    batch: Callable[[int], Batch]
    training: Training
    processes: int = 1
    seed: int = 0

    @cached_property
    def model(self) -> nn.Module:
        """The objective on the meta device; nobody may change it."""
        disabled = logging.root.manager.disable
        logging.disable(logging.WARNING)  # open_clip warns that its weights are random
        try:
            with torch.device("meta"):
                model = self.build().train()
        finally:
            logging.disable(disabled)
        if self.training.channels_last:
            model.to(memory_format=torch.channels_last)
        return model

    @property
    def parameters(self) -> int:
        """Numbers in all parameters, frozen ones and a teacher's included."""
        return sum(p.numel() for p in self.model.parameters())

    @property
    def weights(self) -> int:
        """Bytes of parameters and buffers."""
        return _bytes(self.model.parameters()) + _bytes(self.model.buffers())

    def step(self, pictures: int) -> Step:
        """Take one step with so many pictures a process: forward, loss, backward, optimiser.

        The optimiser's is on fake CPU tensors, for fused ones refuse the meta device.
        """
        model = copy.deepcopy(self.model)
        own_groups(self.training.batch_norm_groups, self.processes)
        objective, batch = cast(Objective, model), self._batch(pictures, "meta")
        with fake_processes(self.processes):
            with FlopCounterMode(display=False) as forward:
                representations = objective.encode(batch)
            with FlopCounterMode(display=False) as rest:
                loss, _ = objective.loss(representations, batch, self._generator())
                loss.backward()
        with FakeTensorMode(allow_non_fake_inputs=True):
            model.to_empty(device="cpu")
            optimizer = make_optimizer(model, self.training)
            optimizer.step()
            return Step(
                forward.get_total_flops(),
                forward.get_total_flops() + rest.get_total_flops(),
                _bytes(p.grad for p in model.parameters()),
                _bytes(tree_leaves([*optimizer.state.values()])),
            )

    def activations(self, pictures: int, compared: int) -> int:
        """Bytes that wait for the backward pass when `pictures` have been encoded on a GPU.

        The batch is among them, and so are the casts of weights to bfloat16. The loss compares
        `compared` pictures then and is not among them; torch raises a RuntimeError if any tensor of
        objective or loss is not on the GPU.
        """
        model = copy.deepcopy(self.model)
        objective = cast(Objective, model)
        with fake_processes(self.processes), FakeTensorMode(allow_non_fake_inputs=True):
            model.to_empty(device="cuda")
            batch = self._batch(pictures, "cuda")
            with Live() as live, autocast("cuda", self.training.precision == "bfloat16"):
                representations = objective.encode(batch)
            kept = live.now + _bytes([batch.pictures, batch.labels, batch.tokens, *batch.crops])
            representations = _of_so_many(compared, representations)
            objective.loss(representations, self._batch(compared, "cuda"), self._generator())
        return kept

    def loss(self, pictures: int) -> int:
        """Greatest number of bytes that the loss, with what it compares, has at a time."""
        objective = cast(Objective, copy.deepcopy(self.model))
        with fake_processes(self.processes):
            few = objective.encode(self._batch(2, "meta"))
            representations, batch = _of_so_many(pictures, few), self._batch(pictures, "meta")
            with Live() as live:
                loss, _ = objective.loss(representations, batch, self._generator())
                loss.backward()
        return live.peak + _bytes(representations)

    def _batch(self, pictures: int, device: str) -> Batch:
        with torch.device(device):
            return self.batch(pictures)

    def _generator(self) -> torch.Generator:
        return torch_generator(self.seed, 0, "objective")


@contextlib.contextmanager
def autocast(device: str, enabled: bool) -> Iterator[None]:
    """``torch.autocast`` to bfloat16, which without a GPU would refuse to be enabled for one."""
    before = torch.is_autocast_enabled(device), torch.get_autocast_dtype(device)
    torch.set_autocast_enabled(device, enabled)
    torch.set_autocast_dtype(device, torch.bfloat16)
    try:
        yield
    finally:
        torch.clear_autocast_cache()
        torch.set_autocast_enabled(device, before[0])
        torch.set_autocast_dtype(device, before[1])


@contextlib.contextmanager
def fake_processes(number: int) -> Iterator[None]:
    """Be process 0 of so many, of which the others do not exist; of one, there is no group."""
    if number == 1:
        yield
        return
    from torch.testing._internal.distributed.fake_pg import FakeStore

    hook = sys.excepthook
    dist.init_process_group("fake", rank=0, world_size=number, store=FakeStore())
    try:
        yield
    finally:
        dist.destroy_process_group()
        sys.excepthook = hook  # which the group has replaced by one that prints its rank


def _of_so_many(pictures: int, representations: Representations) -> Representations:
    """Leaves like the representations, but of so many pictures."""
    return tuple(
        each.new_empty(pictures, *each.shape[1:]).requires_grad_(each.requires_grad)
        for each in representations
    )


def _bytes(tensors: Iterable[Tensor | None]) -> int:
    return sum(t.numel() * t.element_size() for t in tensors if t is not None)
