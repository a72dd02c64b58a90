"""What a run trains, without its data, and what one step of it takes, for plans.

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
from functools import cached_property, partial
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from lt_course.data import icontail
from lt_course.data.batch import Batch
from lt_course.data.order import torch_generator
from lt_course.data.tokenizer import tokenizer
from lt_course.distributed import own_groups
from lt_course.errors import CourseError
from lt_course.models import text_encoders
from lt_course.objectives.contrast import CLIPConfig
from lt_course.objectives.distill import DINOConfig
from lt_course.objectives.objective import Objective, Representations
from lt_course.study import registry
from lt_course.study.dataset import load_dataset
from lt_course.study.execute import RunParts
from lt_course.study.run_config import RunConfig, open_world_clip
from lt_course.study.text_heads import (
    LanguageModel,
    OpenWorld,
    Scratch,
    released_tower,
    text_tower_of,
)
from lt_course.training.options import Training, make_optimizer

# --- a run, without its data ---------------------------------------------------------------------


def pictures_of(run: RunConfig) -> int:
    """Number of training images: drawn where the data come with the package, else as declared."""
    expected = registry.dataset(run.data.dataset).expected(run)
    if expected is None:
        raise CourseError(
            f"Field 'num_images' is None, all that {run.data.dataset!r} has, and plan does not "
            "look at data; set it to their number."
        )
    return expected


def rehearsal(run: RunConfig, processes: int = 1) -> Rehearsal:
    """A step of the run, on so many processes."""
    return Rehearsal(builder(run), partial(batch_of, run), run.training, processes, run.seed)


def builder(run: RunConfig) -> Callable[[], nn.Module]:
    """What makes the run's objective on torch's default device."""
    registry.load_extensions()  # which have the twins of losses
    # Counted now, for on the meta device no token can be told from another.
    known = _known_tokens(run) if isinstance(run.objective, CLIPConfig) else 0

    def build() -> nn.Module:
        objective = run.objective.build(UntrainedParts(run, known))
        assert isinstance(objective, nn.Module)
        return objective

    return build


class UntrainedParts(RunParts):
    """A run's parts without data and released weights.

    No prototype of self-distillation is frozen, and no sign of collapse is looked for.
    """

    def __init__(self, run: RunConfig, known_tokens: int) -> None:
        self.run, self.known_tokens = run, known_tokens
        self.embed_dim = run.model.embed_dim
        self.frequency = torch.ones(run.data.concepts, dtype=torch.long)
        self.total_steps = 10**9
        self.start = None

    def text_tower(self) -> nn.Module:
        """A text tower of the run's shape."""
        head, options = self.run.text_head, self.run.objective
        assert isinstance(options, CLIPConfig)
        if head == LanguageModel():
            table = torch.empty(icontail.text_embeddings().shape)
            return text_encoders.LanguageModel(table, self.embed_dim)
        if isinstance(head, Scratch) and head.text_tower != "small-transformer":
            ids = torch.zeros(1, options.context, dtype=torch.long)
            return text_tower_of(head, self.embed_dim, ids, None)
        if isinstance(head, Scratch | OpenWorld):
            known = torch.zeros(self.known_tokens, dtype=torch.long)
            tower = text_encoders.SmallTransformer(known, options.context, self.embed_dim)
            return tower.requires_grad_(not getattr(head, "frozen", False))
        return released_tower(head, self.embed_dim, options.context, load=False)

    def steps(self, duration: str, field: str) -> int:
        """None of any duration."""
        return 0


def _known_tokens(run: RunConfig) -> int:
    """Tokens that the small text tower has a row for: those of all captions and prompts."""
    if isinstance(run.text_head, OpenWorld):
        return _known_tokens(open_world_clip(run))
    if run.data.dataset != "icontail" or run.text_head != Scratch("small-transformer"):
        return tokenizer().vocabulary
    known = load_dataset(run).texts.known
    return len(torch.cat([torch.zeros(1), known.flatten()]).unique())


def batch_of(run: RunConfig, pictures: int) -> Batch:
    """A batch on torch's default device."""
    options = run.objective
    channels, height, width = registry.dataset(run.data.dataset).shape(run)
    captions: Tensor | None = None
    crops: tuple[Tensor, ...] = ()
    if isinstance(options, CLIPConfig):
        context = 1 if run.text_head == LanguageModel() else options.context
        captions = torch.zeros(pictures, context, dtype=torch.long)
    if isinstance(options, DINOConfig):
        sizes = (
            (options.global_crops, options.global_size),
            (options.local_crops, options.local_size),
        )
        crops = tuple(torch.zeros(pictures, n, channels, size, size) for n, size in sizes if n)
    labels = torch.zeros(pictures, dtype=torch.long)
    return Batch(torch.zeros(pictures, channels, height, width), labels, captions, crops)


# --- a step, on tensors that hold nothing --------------------------------------------------------


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
