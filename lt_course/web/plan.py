"""What a run would cost on GPUs, told on a machine that has none.

Shapes, parameters, arithmetic and steps are counted (`lt_course.web.untrained`). Memory is counted
but for what the constants below assume; hours and money rest on assumptions alone, and are ranges.
Nothing of this has been measured on a GPU.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from lt_course.errors import CourseError
from lt_course.study.run_config import RunConfig, override, unknown
from lt_course.study.text_heads import OpenWorld, require_known
from lt_course.training.options import steps
from lt_course.web import untrained
from lt_course.web.gpus import ALIASES, GPUS, UTILIZATION, Range

GIB = 2**30

CONTEXT_BYTES = GIB
"""Assumed for CUDA's context, the workspaces of cuDNN and cuBLAS, and NCCL."""

TEMPORARY = 0.1
"""Assumed share of the counted bytes for temporaries of the backward pass and fragmentation."""


@dataclass(frozen=True)
class Memory:
    """Bytes of one GPU at the peak of a step.

    Attributes:
        weights: parameters and buffers, float32.
        gradients: of the parameters that are learnt.
        buckets: in which several processes exchange them.
        optimizer: its state.
        activations: what waits for the backward pass, with the batch.
        loss: logits, and what else the loss holds at its own peak.
        accumulate: parts that the batch is encoded in. With more than one, the loss is over and
            forgotten before the first of them is encoded for its gradient.
    """

    weights: int
    gradients: int
    buckets: int
    optimizer: int
    activations: int
    loss: int
    accumulate: int = 1

    @property
    def counted(self) -> int:
        """All of them, as if gradients were whole while all activations still wait."""
        state = self.weights + self.gradients + self.buckets + self.optimizer
        passing = self.activations, self.loss
        return state + (max(passing) if self.accumulate > 1 else sum(passing))

    @property
    def reserve(self) -> int:
        """What is assumed on top (`CONTEXT_BYTES`, `TEMPORARY`)."""
        return CONTEXT_BYTES + round(TEMPORARY * self.counted)

    @property
    def peak(self) -> int:
        """What is counted, and the reserve."""
        return self.counted + self.reserve

    def summary(self) -> dict[str, int]:
        """All parts and the peak, in bytes."""
        parts = asdict(self) | {"reserve": self.reserve, "peak": self.peak}
        return {name: size for name, size in parts.items() if name != "accumulate"}


@dataclass(frozen=True)
class Plan:
    """What a run takes on `gpus` GPUs of the kind `gpu`, a key of `GPUS`.

    Attributes:
        pictures: training pictures.
        steps: of the whole run.
        parameters: numbers in all towers and heads.
        forward_flops: floating-point operations of the towers' forward pass for one picture with
            its caption; multiply-add is two.
        flops: the same with loss and backward pass.
        memory: of one GPU.
    """

    run: RunConfig
    gpu: str
    gpus: int
    pictures: int
    steps: int
    parameters: int
    forward_flops: float
    flops: float
    memory: Memory

    @property
    def units(self) -> str:
        """Which units of the GPU compute: its bfloat16 ones if run and GPU allow."""
        return "float32" if GPUS[self.gpu].bfloat16 is None else self.run.training.precision

    @property
    def peak(self) -> float:
        """TFLOP/s of these units."""
        return float(getattr(GPUS[self.gpu], self.units))

    @property
    def pictures_per_second(self) -> Range:
        """On all GPUs together; what the loading of data has to keep up with."""
        again = self.forward_flops if self.run.training.accumulate > 1 else 0
        fastest = self.gpus * 1e12 * self.peak / (self.flops + again)
        low, high = (share * fastest for share in UTILIZATION[self.units])
        return low, high

    @property
    def hours(self) -> Range:
        """Of training alone: no loading, no evaluation, no checkpoints."""
        slow, fast = self.pictures_per_second
        shown = self.steps * self.run.training.batch_size / 3600
        return shown / fast, shown / slow

    @property
    def dollars(self) -> Range:
        """The cheapest price in the best case, the dearest in the worst."""
        price, hours = GPUS[self.gpu].price, self.hours
        return self.gpus * hours[0] * price[0], self.gpus * hours[1] * price[1]

    def assumptions(self) -> list[str]:
        """What the figures rest on, a sentence each."""
        price, (low, high) = GPUS[self.gpu].price, UTILIZATION[self.units]
        said = [
            f"Hours: {low:.0%} to {high:.0%} of {self.peak:g} TFLOP/s ({self.units}), and data "
            "that never keep a GPU waiting.",
            f"Dollars: {price[0]:g} to {price[1]:g} an hour and GPU, a rough span of the first "
            "half of 2026.",
            f"Reserve: {CONTEXT_BYTES / GIB:g} GiB for CUDA and {TEMPORARY:.0%} of the counted "
            "bytes for temporaries. Nothing was measured on a GPU.",
        ]
        if self.run.training.precision != self.units:
            said.append(f"A {self.gpu} has no bfloat16 units; float32 ones do their work.")
        if self.run.data.dataset != "icontail":
            said.append("Pictures: as the specification says, for the data are not looked at.")
        if isinstance(self.run.text_head, OpenWorld):
            said.append("The pre-trained text head is another training, not counted here.")
        return said

    def summary(self) -> dict[str, Any]:
        """All of it as plain values for JSON: bytes, hours, dollars; ranges as [low, high]."""
        training = self.run.training
        return {
            "name": self.run.name,
            "scale": self.run.scale,
            "spec_hash": self.run.address,
            "gpu": self.gpu,
            "gpus": self.gpus,
            "parameters": self.parameters,
            "forward_flops_per_sample": self.forward_flops,
            "flops_per_sample": self.flops,
            "pictures": self.pictures,
            "batch": training.batch_size,
            "batch_per_gpu": training.batch_size // self.gpus,
            "accumulate": training.accumulate,
            "steps": self.steps,
            "bytes_per_gpu": self.memory.summary(),
            "memory_per_gpu": round(GPUS[self.gpu].memory * GIB),
            "utilisation": list(UTILIZATION[self.units]),
            "pictures_per_second": list(self.pictures_per_second),
            "hours": list(self.hours),
            "dollars": list(self.dollars),
            "assumptions": self.assumptions(),
        }

    def lines(self) -> list[tuple[str, str]]:
        """The same for a reader: label and text."""
        memory, training = self.memory, self.run.training
        parts = [(f"  {name}", _gib(n)) for name, n in memory.summary().items() if n]
        both, forward = (f"{count / 1e9:.4g} G" for count in (self.flops, self.forward_flops))
        batch = f"{training.batch_size:,}, which is {training.batch_size // self.gpus:,} a GPU"
        if training.accumulate > 1:
            batch += f" in {training.accumulate} parts"
        return [
            ("run", f"{self.run.name} at scale {self.run.scale}, {self.gpus} x {self.gpu}"),
            ("parameters", f"{self.parameters:,}"),
            ("arithmetic", f"{both} FLOP a picture, forward and backward ({forward} forward)"),
            ("batch", batch),
            ("steps", f"{self.steps:,} over {self.pictures:,} pictures ({training.duration})"),
            ("memory", f"{_gib(memory.peak)} of {GPUS[self.gpu].memory:g} GiB a GPU"),
            *parts[:-1],
            ("speed", f"{_span(self.pictures_per_second)} pictures a second"),
            ("hours", _span(self.hours)),
            ("dollars", _span(self.dollars)),
            *(
                ("" if further else "assumed", line)
                for sentence in self.assumptions()
                for further, line in enumerate(textwrap.wrap(sentence, 62))
            ),
        ]


def plan(run: RunConfig, gpu: str, gpus: int = 1) -> Plan:
    """What a run takes on so many GPUs (a key of `GPUS` or `ALIASES`), which share the batch.

    Raises:
        CourseError: if the GPU is unknown, fields do not go together, or a GPU's memory would not
            do; that sentence names batches that would.
    """
    gpu = ALIASES.get(gpu, gpu)
    if gpu not in GPUS:
        raise CourseError(unknown("GPU", gpu, [*GPUS, *ALIASES]))
    _require_sound(run, gpus)
    batch, pictures = run.training.batch_size, untrained.pictures_of(run)
    if pictures < batch:
        raise CourseError(
            f"Field 'batch_size' is {batch}, but there are only {pictures} training images; use a "
            "smaller batch."
        )
    rehearsal = untrained.rehearsal(run, gpus)
    step = rehearsal.step(batch // gpus)

    def memory(batch: int, parts: int) -> Memory:
        return Memory(
            weights=rehearsal.weights,
            gradients=step.gradients,
            buckets=step.gradients if gpus > 1 else 0,
            optimizer=step.optimizer,
            activations=rehearsal.activations(batch // gpus // parts, batch // gpus),
            loss=rehearsal.loss(batch // gpus),
            accumulate=parts,
        )

    taken, room = memory(batch, run.training.accumulate), GPUS[gpu].memory * GIB
    if taken.peak > room:
        remedies = _remedies(run, gpus, lambda *changed: memory(*changed).peak <= room)
        raise CourseError(
            f"A step of {run.name} takes {_gib(taken.peak)} on each GPU, more than the "
            f"{GPUS[gpu].memory:g} GiB of {gpu}; {remedies}."
        )
    number = steps(run.training.duration, "duration", pictures // batch)
    forward, both = step.forward * gpus / batch, step.flops * gpus / batch
    return Plan(run, gpu, gpus, pictures, number, rehearsal.parameters, forward, both, taken)


def flops(run: RunConfig) -> float:
    """Floating-point operations of a whole training; `plan`'s errors, but for those of a GPU."""
    _require_sound(run, 1)
    batch, parts = run.training.batch_size, run.training.accumulate
    number = steps(run.training.duration, "duration", untrained.pictures_of(run) // batch)
    step = untrained.rehearsal(run).step(batch)
    return float(number * (step.flops + (step.forward if parts > 1 else 0)))


def _remedies(run: RunConfig, gpus: int, fits: Callable[[int, int], bool]) -> str:
    """Which batches would fit: more parts of the same one, and the largest smaller one."""
    batch, now = run.training.batch_size, run.training.accumulate
    each = batch // gpus
    divisors = [d for d in range(2, each + 1) if each % d == 0]
    remedies = []
    if parts := next((d for d in divisors if d > now and fits(batch, d)), None):
        remedies.append(
            f"batch {batch} fits with accumulate {parts}, that is {each // parts} pictures a GPU "
            "at a time"
        )
    smaller = (batch // d for d in divisors if _is_sound(run, batch // d) and fits(batch // d, 1))
    if most := next(smaller, None):
        remedies.append(f"without accumulate, batch {most} fits, {most // gpus} pictures a GPU")
    return "; ".join(remedies) or "no batch fits, so take a GPU with more memory"


def _is_sound(run: RunConfig, batch: int) -> bool:
    try:
        _require_sound(override(run, batch_size=batch, accumulate=1), 1)
    except CourseError:
        return False
    return True


def _require_sound(run: RunConfig, gpus: int) -> None:
    """Refuse what a training would refuse, but for data that are not at hand."""
    if gpus < 1:
        raise CourseError(f"The number of GPUs is {gpus}; give 1 or more.")
    require_known(run.text_head, run.model.embed_dim)
    batch, parts = run.training.batch_size, run.training.accumulate
    if batch % gpus or batch // gpus % parts:
        raise CourseError(
            f"Field 'batch_size' is {batch}, which does not divide into {gpus} GPUs times {parts} "
            f"parts (field 'accumulate'); use a multiple of {gpus * parts}."
        )


def _gib(size: int) -> str:
    return f"{size / GIB:.2f} GiB" if size >= GIB / 100 else f"{size / 2**20:.2f} MiB"


def _span(ends: Range) -> str:
    return " to ".join(f"{end:,.0f}" if end >= 100 else f"{end:.2g}" for end in ends)
