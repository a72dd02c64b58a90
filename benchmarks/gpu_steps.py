"""Parts of `gpu_check`: memory and speed of real steps, waits of the host, the tiled loss."""

from __future__ import annotations

import re
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from gpu_parts import small_run, train
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

if TYPE_CHECKING:
    from gpu_check import Check

    from lt_course.study.run_config import RunConfig
    from lt_course.web.plan import Plan

LARGE = {
    "clip": ("clip-full", {"text": "title+tags", "context": 77}),
    "sl": ("sl", {}),
    "dino": ("dino", {}),
}
"""Runs at scale full: RN50 at 224 pixels."""

TOY_TOWER = {"image_tower": "small-cnn", "embed_dim": 128, "image_size": 32, "precision": "float32"}
TOY_LARGE: dict[str, dict[str, Any]] = {
    "clip": {"text_tower": "small-transformer", "context": 16},
    "sl": {},
    "dino": {"global_size": 32, "local_size": 16, "local_crops": 2, "prototypes": 64, "hidden": 32},
}
SHARE, MOST = 0.8, 256
"""How much of the memory a batch may be planned to take, and its greatest size."""


def memory(check: Check) -> None:
    """Peak memory beside what the plan says, and speed, of real steps on synthetic pictures."""
    for name in LARGE:
        check.each(name, lambda name=name: _memory(name, check))


def _memory(name: str, check: Check) -> dict[str, Any]:
    from lt_course import study
    from lt_course.web.gpus import GPUS

    run_name, settings = LARGE[name]
    settings = settings | (TOY_TOWER | TOY_LARGE[name] if check.toy else {})
    run = study.config(run_name, scale="full", **settings)
    gpu = gpu_of(torch.cuda.get_device_properties(0)) if check.cuda else None
    planned = _largest(run, gpu, check)
    batch, warm, timed = planned.run.training.batch_size, *((1, 1) if check.toy else (3, 10))
    seconds, bytes_ = _steps(planned.run, check, warm, timed)
    rate = batch * timed / seconds
    peak = None if gpu is None or check.toy else GPUS[gpu].bfloat16 or GPUS[gpu].float32
    return {
        "batch": batch,
        "precision": planned.run.training.precision,
        "planned": planned.memory.summary() | {"counted": planned.memory.counted},
        "measured": bytes_,
        "samples_per_second": rate,
        "planned_per_second": list(planned.pictures_per_second) if gpu else None,
        "flops_per_sample": planned.flops,
        "gpu": gpu,
        "share_of_peak": peak and rate * planned.flops / (peak * 1e12),
    }


def gpu_of(properties: Any) -> str | None:
    """The key of `lt_course.web.gpus.GPUS` by a GPU's name and memory; None: it is none of them."""
    from lt_course.web.gpus import GPUS

    name, gib = properties.name.lower().replace(" ", "-"), properties.total_memory / 2**30
    named = [key for key in GPUS if re.search(rf"\b{re.sub('-..$', '', key)}\b", name)]
    fitting = [key for key in named if abs(gib / GPUS[key].memory - 1) < 0.1]
    return min(fitting, key=lambda key: abs(GPUS[key].memory - gib), default=None)


def _largest(run: RunConfig, gpu: str | None, check: Check) -> Plan:
    """The plan of the largest batch, a power of two, that will fit by its own count."""
    from lt_course.errors import CourseError
    from lt_course.study import override
    from lt_course.web.plan import plan

    room = SHARE * torch.cuda.get_device_properties(0).total_memory if check.cuda else np.inf
    batch = 8 if check.toy else MOST
    while True:
        try:  # of a GPU that nobody knows the memory is known all the same
            planned = plan(override(run, batch_size=batch), gpu or "h200")
            if planned.memory.peak <= room:
                return planned
        except CourseError:
            if batch == 1:
                raise
        batch //= 2


def _steps(
    run: RunConfig, check: Check, warm: int, timed: int
) -> tuple[float, dict[str, int | None]]:
    """Seconds of the timed steps of the course's own loop, and bytes at their peak."""
    from lt_course.data.order import Order
    from lt_course.study import override
    from lt_course.training.loop import fit
    from lt_course.web import untrained

    size = run.training.batch_size
    batch = _noise(untrained.batch_of(run, size), run, check)
    torch.manual_seed(0)
    build = untrained.builder(run)
    objective: Any = build().to(check.device)
    began = [0.0]

    def before_step(step: int) -> None:
        if step == warm:
            began[0] = _now(check)

    steps = warm + timed
    training = override(run, duration=f"{steps} steps", learning_rate=1e-5).training
    order = Order(np.zeros(steps * size, np.int64), size, 0)
    if check.cuda:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    fit(objective, lambda rows, step: batch, order, training, before_step=before_step)
    seconds = _now(check) - began[0]
    if not check.cuda:
        return seconds, {"allocated": None, "reserved": None, "device": None}
    free, total = torch.cuda.mem_get_info()
    found = {
        "allocated": torch.cuda.max_memory_allocated(),
        "reserved": torch.cuda.max_memory_reserved(),
        "device": total - free,  # with CUDA itself, which is what a plan's peak stands for
    }
    return seconds, found


def _noise(batch: Any, run: RunConfig, check: Check) -> Any:
    """The batch on its device, with noise for pictures and texts: no two rows are alike."""
    device, like, tokens = check.device, torch.channels_last, batch.tokens
    known = 1 if check.toy else 40_000  # an untrained small text tower knows one token
    return replace(
        batch,
        pictures=torch.randn(batch.pictures.shape, device=device).contiguous(memory_format=like),
        labels=torch.randint(run.data.concepts, batch.labels.shape, device=device),
        tokens=None if tokens is None else torch.randint(known, tokens.shape, device=device),
        crops=tuple(torch.randn(each.shape, device=device) for each in batch.crops),
    )


def _now(check: Check) -> float:
    """Seconds on a clock, once the device has done all that it was told."""
    if check.cuda:
        torch.cuda.synchronize()
    return time.perf_counter()


class Reads(TorchDispatchMode):
    """Counts numbers that the host reads from tensors: on a CPU all that can be told of waits."""

    count = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self.count += function is torch.ops.aten._local_scalar_dense.default
        return function(*args, **(kwargs or {}))


def waits(check: Check) -> None:
    """How often the host waits for the device in steps that end no epoch, and where."""
    for name in ("sl", "sl-vocab", "clip-template", "siglip-title", "dino"):
        check.each(name, lambda name=name: _waits(name, check))


def _waits(name: str, check: Check) -> dict[str, Any]:
    vocabulary = {"vocabulary": 6, "vocabulary_group": 4} if name == "sl-vocab" else {}
    run = small_run(name, check.toy, duration="5 steps", **vocabulary)
    places: list[list[str]] = []
    counts: list[int] = []

    def before_step(step: int) -> None:
        said = [each for each in caught if "called a synchronizing" in str(each.message)]
        places.append([_place(each) for each in said])
        counts.append(reads.count)
        caught.clear()

    reads = Reads()
    # What watches reads would be named as the place of each wait, so it is there on a CPU alone.
    with warnings.catch_warnings(record=True) as caught, _told() if check.cuda else reads:
        warnings.simplefilter("always")
        train(run, check.device, before_step)
    # The first two steps set up the optimizer, the last is told all losses: none of them counts.
    ordinary = places[3:]
    if not check.cuda:
        reads_each = (counts[-1] - counts[2]) / len(ordinary)
        return {"waits_per_step": None, "reads_per_step": reads_each, "note": "needs CUDA"}
    return {
        "waits_per_step": sum(map(len, ordinary)) / len(ordinary),
        "places": Counter(place for step in ordinary for place in step),
    }


@contextmanager
def _told() -> Iterator[None]:
    """Let CUDA warn of each wait, within."""
    torch.cuda.set_sync_debug_mode("warn")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def _place(warned: warnings.WarningMessage) -> str:
    return f"{'/'.join(Path(warned.filename).parts[-2:])}:{warned.lineno}"


@dataclass
class Pairs:
    """Features of B pairs in D dimensions and their loss, plain or tiled, with its gradients.

    Attributes:
        check: on which device.
        size: B.
        dimension: D.
        tile: rows of the logits that exist at a time; None: all of them.
        gradients: of both sides, once `step` was taken.
    """

    check: Check
    size: int
    dimension: int
    tile: int | None
    gradients: list[Tensor] = field(default_factory=list)

    def step(self) -> float:
        """The loss, forwards and backwards."""
        from lt_course.models.heads import Temperature
        from lt_course.objectives.contrast import info_nce
        from lt_course.web import fused_losses

        image, text = self.features
        temperature: nn.Module = Temperature().to(self.check.device)
        if self.tile is None:
            loss = info_nce(image, text, temperature)
        else:
            loss = fused_losses.info_nce(image, text, temperature, self.tile)
        loss.backward()
        self.gradients = [image.grad, text.grad]
        image.grad = text.grad = None
        return loss.item()

    def measured(self) -> dict[str, Any]:
        """Seconds of a step after one that warms up, and how far it raises the peak of memory."""
        generator = torch.Generator(self.check.device).manual_seed(0)
        shape = (2, self.size, self.dimension)
        drawn = torch.randn(shape, generator=generator, device=self.check.device)
        self.features = [F.normalize(each, dim=1).requires_grad_() for each in drawn]
        self.step()
        self.gradients.clear()
        before = torch.cuda.memory_allocated() if self.check.cuda else 0
        if self.check.cuda:
            torch.cuda.reset_peak_memory_stats()
        start = _now(self.check)
        loss = self.step()
        seconds = _now(self.check) - start
        peak = torch.cuda.max_memory_allocated() - before if self.check.cuda else None
        return {"pairs": self.size, "loss": loss, "seconds": seconds, "peak_bytes": peak}


def loss(check: Check) -> None:
    """The tiled InfoNCE at a large batch; the plain one there, and at the largest that fits."""
    large, equal, dimension, tile = (
        (256, 64, 32, 16) if check.toy else (32_768, 4_096, 1_024, 2_048)
    )
    made: Callable[[int, int | None], Pairs] = lambda size, tile: Pairs(  # noqa: E731
        check, size, dimension, tile
    )
    check.each("tiled", lambda: made(large, tile).measured())
    check.each("difference", lambda: _difference(made(equal, None), made(equal, tile)))
    check.each("plain", lambda: _fitting(made, large, check))
    check.add(dimension=dimension, tile=tile)


def _difference(plain: Pairs, tiled: Pairs) -> dict[str, Any]:
    """How far apart loss and gradients are, as shares of the loss and of the greatest gradient."""
    losses = [pairs.measured()["loss"] for pairs in (plain, tiled)]
    pairs = [*zip(plain.gradients, tiled.gradients, strict=True)]
    greatest = max(a.abs().max().item() for a, _ in pairs)
    return {
        "pairs": plain.size,
        "loss": abs(losses[1] - losses[0]) / losses[0],
        "gradient": max((a - b).abs().max().item() for a, b in pairs) / greatest,
    }


def _fitting(
    made: Callable[[int, int | None], Pairs], large: int, check: Check
) -> list[dict[str, Any]]:
    """The plain loss at the batch itself, if it fits, and at the largest power of two that does."""
    if not check.cuda:
        return [made(large, None).measured()]
    found: list[dict[str, Any]] = []
    # About six arrays of logits exist at a time; more than four times the batch takes too long.
    room = torch.cuda.get_device_properties(0).total_memory
    size = min(4 * large, 1 << int(np.log2((room / (4 * 4)) ** 0.5)))
    while size >= 1_024 and (not found or size >= large):
        try:
            if not found or size == large:
                found.append(made(size, None).measured())
        except torch.cuda.OutOfMemoryError:
            torch.cuda.empty_cache()
        size //= 2
    return found[::-1]
