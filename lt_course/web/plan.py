"""What a run would cost on GPUs, told on a machine that has none.

Shapes, parameters, arithmetic and steps are counted (`lt_course.web.cost`). Memory is counted but
for what the constants below assume; hours and money rest on assumptions alone, and are ranges.
Nothing of this has been measured on a GPU.
"""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from lt_course.data import icontail as icontail_module
from lt_course.data.batch import Batch
from lt_course.data.icontail import SHAPES
from lt_course.data.tokenizer import tokenizer
from lt_course.errors import CourseError
from lt_course.models.heads import Prototypes
from lt_course.models.text_encoders import LanguageModel, SmallTransformer, text_tower
from lt_course.objectives.classify import Classification, Classify
from lt_course.objectives.contrast import Contrast, Contrastive
from lt_course.objectives.distill import Distill, Distillation, Timetable
from lt_course.study.dataset import kind, material
from lt_course.study.execute import image_tower_of, require_sound
from lt_course.study.spec import OPEN_WORLD, Run, open_world_clip, unknown
from lt_course.study.text_heads import released_tower
from lt_course.training.schedules import steps
from lt_course.web.cost import Rehearsal

GIB = 2**30
Range = tuple[float, float]

CONTEXT_BYTES = GIB
"""Assumed for CUDA's context, the workspaces of cuDNN and cuBLAS, and NCCL."""

TEMPORARY = 0.1
"""Assumed share of the counted bytes for temporaries of the backward pass and fragmentation."""

UTILISATION: dict[str, Range] = {"bfloat16": (0.06, 0.25), "float32": (0.30, 0.60)}
"""Share of the peak that a training attains, by the units that compute.

Of bfloat16, LAION's CLIP trainings attained 6 to 15 % on A100s: pictures a second and GPU, as
published with the models of arXiv 2212.07143, times their arithmetic. The rest is a guess.
"""


@dataclass(frozen=True)
class GPU:
    """One GPU, by its maker's data sheet.

    Attributes:
        memory: GiB.
        bfloat16: dense peak in TFLOP/s, sums in float32; None if it has no such units.
        float32: peak in TFLOP/s outside of such units.
        price: lowest and highest dollars an hour, rented without commitment. A rough span over
            providers in the first half of 2026, and no offer.
    """

    memory: float
    bfloat16: float | None
    float32: float
    price: Range


GPUS: dict[str, GPU] = {
    "t4": GPU(15, None, 8.1, (0.2, 0.6)),
    "v100-16": GPU(16, None, 15.7, (0.3, 3.1)),
    "v100-32": GPU(32, None, 15.7, (0.5, 4.0)),
    "l4": GPU(22.5, 121, 30.3, (0.4, 1.0)),
    "rtx-3090": GPU(24, 71, 35.6, (0.2, 0.5)),
    "rtx-4090": GPU(24, 165, 82.6, (0.3, 0.8)),
    "a10": GPU(22.5, 125, 31.2, (0.5, 1.2)),
    "a100-40": GPU(40, 312, 19.5, (0.8, 3.0)),
    "a100-80": GPU(80, 312, 19.5, (0.8, 3.8)),
    "h100": GPU(80, 989, 66.9, (2.0, 5.0)),
    "h200": GPU(141, 989, 66.9, (2.5, 7.0)),
}
ALIASES = {"a100": "a100-40", "v100": "v100-16"}


@dataclass(frozen=True)
class Memory:
    """Bytes of one GPU at the peak of a step.

    Attributes:
        weights: parameters and buffers, float32.
        gradients: of the parameters that are learnt.
        buckets: in which several processes exchange them.
        optimiser: its state.
        activations: what waits for the backward pass, with the batch.
        loss: logits, and what else the loss holds at its own peak.
        accumulate: parts that the batch is encoded in. With more than one, the loss is over and
            forgotten before the first of them is encoded for its gradient.
    """

    weights: int
    gradients: int
    buckets: int
    optimiser: int
    activations: int
    loss: int
    accumulate: int = 1

    @property
    def counted(self) -> int:
        """All of them, as if gradients were whole while all activations still wait."""
        state = self.weights + self.gradients + self.buckets + self.optimiser
        if self.accumulate > 1:
            return state + max(self.activations, self.loss)
        return state + self.activations + self.loss

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
        plain = dataclasses.asdict(self) | {"reserve": self.reserve, "peak": self.peak}
        del plain["accumulate"]
        return plain


@dataclass(frozen=True)
class Plan:
    """What a run takes.

    Attributes:
        run: the run.
        gpu: which GPU, a key of `GPUS`.
        gpus: how many of them.
        pictures: training pictures.
        steps: of the whole run.
        parameters: numbers in all towers and heads.
        forward_flops: floating-point operations of the towers' forward pass for one picture with
            its caption; multiply-add is two.
        flops: the same with loss and backward pass.
        memory: of one GPU.
    """

    run: Run
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
        asked = self.run.training.precision
        return "float32" if GPUS[self.gpu].bfloat16 is None else asked

    @property
    def pictures_per_second(self) -> Range:
        """On all GPUs together; what the loading of data has to keep up with."""
        gpu = GPUS[self.gpu]
        peak = 1e12 * ((gpu.bfloat16 if self.units == "bfloat16" else None) or gpu.float32)
        again = self.forward_flops if self.run.training.accumulate > 1 else 0
        low, high = (s * peak * self.gpus / (self.flops + again) for s in UTILISATION[self.units])
        return low, high

    @property
    def hours(self) -> Range:
        """Of training alone: no loading, no evaluation, no checkpoints."""
        slow, fast = self.pictures_per_second
        shown = self.steps * self.run.training.batch / 3600
        return shown / fast, shown / slow

    @property
    def dollars(self) -> Range:
        """The cheapest price in the best case, the dearest in the worst."""
        price, hours = GPUS[self.gpu].price, self.hours
        return self.gpus * hours[0] * price[0], self.gpus * hours[1] * price[1]

    def assumptions(self) -> list[str]:
        """What the figures rest on, a sentence each."""
        gpu, (low, high) = GPUS[self.gpu], UTILISATION[self.units]
        peak = gpu.bfloat16 if self.units == "bfloat16" else gpu.float32
        price = gpu.price
        said = [
            f"Hours: {low:.0%} to {high:.0%} of {peak:g} TFLOP/s ({self.units}), and data that "
            "never keep a GPU waiting.",
            f"Dollars: {price[0]:g} to {price[1]:g} an hour and GPU, a rough span of the first "
            "half of 2026.",
            f"Reserve: {CONTEXT_BYTES / GIB:g} GiB for CUDA and {TEMPORARY:.0%} of the counted "
            "bytes for temporaries. Nothing was measured on a GPU.",
        ]
        if self.run.training.precision != self.units:
            said.append(f"A {self.gpu} has no bfloat16 units; float32 ones do their work.")
        if self.run.data.dataset not in SHAPES:
            said.append("Pictures: as the specification says, for the data are not looked at.")
        if self.run.model.taught:
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
            "batch": training.batch,
            "batch_per_gpu": training.batch // self.gpus,
            "accumulate": training.accumulate,
            "steps": self.steps,
            "bytes_per_gpu": self.memory.summary(),
            "memory_per_gpu": round(GPUS[self.gpu].memory * GIB),
            "utilisation": list(UTILISATION[self.units]),
            "pictures_per_second": list(self.pictures_per_second),
            "hours": list(self.hours),
            "dollars": list(self.dollars),
            "assumptions": self.assumptions(),
        }

    def lines(self) -> list[tuple[str, str]]:
        """The same for a reader: label and text."""
        memory, training = self.memory, self.run.training
        parts = [(f"  {name}", _gib(n)) for name, n in memory.summary().items() if n]
        return [
            ("run", f"{self.run.name} at scale {self.run.scale}, {self.gpus} x {self.gpu}"),
            ("parameters", f"{self.parameters:,}"),
            (
                "arithmetic",
                f"{_giga(self.flops)} FLOP a picture, forward and backward "
                f"({_giga(self.forward_flops)} forward)",
            ),
            (
                "batch",
                f"{training.batch:,}, which is {training.batch // self.gpus:,} a GPU"
                + (f" in {training.accumulate} parts" if training.accumulate > 1 else ""),
            ),
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


def plan(run: Run, gpu: str, gpus: int = 1) -> Plan:
    """What a run takes, if it fits.

    Args:
        run: any run, at any scale.
        gpu: a key of `GPUS` or `ALIASES`.
        gpus: processes with one GPU each, which share the batch.

    Raises:
        CourseError: if the GPU is unknown, fields do not go together, or a GPU's memory would not
            do; that sentence names batches that would.
    """
    gpu = ALIASES.get(gpu, gpu)
    if gpu not in GPUS:
        raise CourseError(unknown("GPU", gpu, [*GPUS, *ALIASES]))
    _require_sound(run, gpus)
    batch, pictures = run.training.batch, _pictures(run)
    if pictures < batch:
        raise CourseError(
            f"Field 'batch' is {batch}, but there are only {pictures} training pictures; use a "
            "smaller batch."
        )
    rehearsal = Rehearsal(_builder(run), partial(_batch, run), run.training, gpus, run.seed)
    step = rehearsal.step(batch // gpus)

    def memory(batch: int, parts: int) -> Memory:
        return Memory(
            weights=rehearsal.weights,
            gradients=step.gradients,
            buckets=step.gradients if gpus > 1 else 0,
            optimiser=step.optimiser,
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
    return Plan(
        run,
        gpu,
        gpus,
        pictures,
        steps(run.training.duration, "duration", pictures // batch),
        rehearsal.parameters,
        step.forward * gpus / batch,
        step.flops * gpus / batch,
        taken,
    )


def flops(run: Run) -> float:
    """Floating-point operations of a whole training: all steps, forwards and backwards.

    Raises:
        CourseError: if fields do not go together, or the number of pictures is not known.
    """
    _require_sound(run, 1)
    batch, parts = run.training.batch, run.training.accumulate
    number = steps(run.training.duration, "duration", _pictures(run) // batch)
    step = Rehearsal(_builder(run), partial(_batch, run), run.training, 1, run.seed).step(batch)
    return float(number * (step.flops + (step.forward if parts > 1 else 0)))


def _remedies(run: Run, gpus: int, fits: Callable[[int, int], bool]) -> str:
    """Which batches would fit: more parts of the same one, and the largest smaller one."""
    batch, now = run.training.batch, run.training.accumulate
    each = batch // gpus
    divisors = [d for d in range(2, each + 1) if each % d == 0]
    parts = next((d for d in divisors if d > now and fits(batch, d)), None)
    batches = (batch // d for d in divisors if _is_sound(run, batch // d))
    smaller = next((smaller for smaller in batches if fits(smaller, 1)), None)
    said = []
    if parts:
        said.append(
            f"batch {batch} fits with accumulate {parts}, that is {each // parts} pictures a GPU "
            "at a time"
        )
    if smaller:
        said.append(f"without accumulate, batch {smaller} fits, {smaller // gpus} pictures a GPU")
    return "; ".join(said) or "no batch fits, so take a GPU with more memory"


def _is_sound(run: Run, batch: int) -> bool:
    """Whether a batch goes with the other fields."""
    try:
        _require_sound(replace(run, training=replace(run.training, batch=batch, accumulate=1)), 1)
    except CourseError:
        return False
    return True


def _require_sound(run: Run, gpus: int) -> None:
    """Refuse what a training would refuse, but for data that are not at hand."""
    if gpus < 1:
        raise CourseError(f"The number of GPUs is {gpus}; give 1 or more.")
    require_sound(run)
    batch, parts = run.training.batch, run.training.accumulate
    if batch % gpus or batch // gpus % parts:
        raise CourseError(
            f"Field 'batch' is {batch}, which does not divide into {gpus} GPUs times {parts} "
            f"parts (field 'accumulate'); use a multiple of {gpus * parts}."
        )


def _pictures(run: Run) -> int:
    """Number of training pictures: drawn where the data come with the package, else as declared."""
    expected = kind(run.data.dataset).expected(run)
    if expected is None:
        raise CourseError(
            f"Field 'pictures' is {run.data.pictures}, all that {run.data.dataset!r} has, and plan "
            "does not look at data; set it to their number."
        )
    return expected


def _builder(run: Run) -> Callable[[], nn.Module]:
    """What makes the run's objective on torch's default device.

    A further kind of objective is added here, and to `_batch` if it looks at pictures in another
    way.
    """
    model, data = run.model, run.data
    options: Classify | Contrast | Distill = run.objective
    tower = partial(image_tower_of, run)
    if isinstance(options, Classify):
        head = partial(
            Prototypes,
            data.concepts,
            model.embedding,
            normalised=options.tau is None,
            frozen=model.text_head == "frozen",
        )
        frequency = partial(torch.ones, data.concepts, dtype=torch.long)
        return lambda: Classification(options, tower(), head(), frequency())
    if isinstance(options, Contrast):
        text = _text_tower(run, options)
        return lambda: Contrastive(options, tower(), text())
    if isinstance(options, Distill):
        # Prototypes are never frozen, and no sign of collapse is looked for at its first step.
        timetable = Timetable(total=10**9)
        return lambda: Distillation(options, tower(), model.embedding, timetable)
    raise CourseError(f"There is no plan for the objective {type(options).__name__} yet.")


def _text_tower(run: Run, options: Contrast) -> Callable[[], nn.Module]:
    model = run.model
    if model.text_weights != OPEN_WORLD:
        return partial(released_tower, model, options.context, load=False)
    if model.numbers_names:
        shape = icontail_module.text_embeddings().shape
        return lambda: LanguageModel(torch.empty(shape), model.embedding)
    if model.text_tower == "small-transformer":
        known, learnt = _known_tokens(run, options), model.text_head != "frozen"
        return lambda: SmallTransformer(
            torch.zeros(known, dtype=torch.long), options.context, model.embedding
        ).requires_grad_(learnt)
    name = model.text_tower
    assert name is not None, "require_sound has seen to it"
    return lambda: text_tower(
        name, torch.zeros(1, options.context, dtype=torch.long), model.embedding
    )


def _known_tokens(run: Run, options: Contrast) -> int:
    """Tokens that the small text tower has a row for: those of all captions and prompts."""
    if run.model.taught:
        teacher = open_world_clip(run)
        assert isinstance(teacher.objective, Contrast)
        return _known_tokens(teacher, teacher.objective)
    if run.data.dataset not in SHAPES:
        return tokenizer().vocabulary
    known = material(run).texts.known
    return len(torch.cat([torch.zeros(1), known.flatten()]).unique())


def _batch(run: Run, pictures: int) -> Batch:
    """A batch on torch's default device."""
    options: Classify | Contrast | Distill = run.objective
    channels, height, width = kind(run.data.dataset).shape(run)
    said: Tensor | None = None
    crops: tuple[Tensor, ...] = ()
    if isinstance(options, Contrast):
        context = 1 if run.model.numbers_names else options.context
        said = torch.zeros(pictures, context, dtype=torch.long)
    if isinstance(options, Distill):
        sizes = (
            (options.global_crops, options.global_size),
            (options.local_crops, options.local_size),
        )
        crops = tuple(torch.zeros(pictures, n, channels, size, size) for n, size in sizes if n)
    labels = torch.zeros(pictures, dtype=torch.long)
    return Batch(torch.zeros(pictures, channels, height, width), labels, said, crops)


def _gib(size: int) -> str:
    return f"{size / GIB:.2f} GiB" if size >= GIB / 100 else f"{size / 2**20:.2f} MiB"


def _giga(count: float) -> str:
    return f"{count / 1e9:.4g} G"


def _span(ends: Range) -> str:
    return " to ".join(f"{end:,.0f}" if end >= 100 else f"{end:.2g}" for end in ends)
