"""A run, frozen: everything that decides its result.

What of a `RunConfig` is not at its default hashes to its address in the store. An experiment of the
study is a list of runs that differ in one field (and the seed); `differences` is the proof.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from typing import Any

from lt_course import scale as scales
from lt_course.data.tokenizer import CLIP_TOKENIZER
from lt_course.errors import CourseError
from lt_course.fields import SEED, check, checked
from lt_course.objectives.classify import SupervisedConfig
from lt_course.objectives.contrast import CLIPConfig
from lt_course.objectives.distill import DINOConfig
from lt_course.objectives.siglip import SigLIPConfig
from lt_course.study import registry, text_heads
from lt_course.study.text_heads import TEXT_HEADS, LanguageModel, Released, Scratch, TextHead
from lt_course.training.options import Training

ObjectiveSpec = SupervisedConfig | CLIPConfig | SigLIPConfig | DINOConfig
OBJECTIVES: dict[str, type[ObjectiveSpec]] = {
    "supervised": SupervisedConfig,
    "clip": CLIPConfig,
    "siglip": SigLIPConfig,
    "dino": DINOConfig,
}
"""What can be minimized, by the name that a run's JSON gives it."""


@dataclass(frozen=True)
class Data:
    """Which images are trained on, and tested; each data set has fields of its own.

    Attributes:
        dataset: its name, by which `lt_course.study.registry` knows the rest.
        concepts: number of evaluated classes C.
        image_size: height and width in pixels at which the image tower sees an image.
    """

    dataset: str
    concepts: int
    image_size: int

    @property
    def channels(self) -> int:
        """Of an image."""
        return 3

    def check_with(self, run: RunConfig) -> None:
        """Raise a CourseError for what does not go with the run's other parts."""


@dataclass(frozen=True)
class Model:
    """Which image tower.

    Attributes:
        image_tower: one of `lt_course.models.image_encoders.SMALL`, or an open_clip model.
        embed_dim: dimension D of the features.
    """

    image_tower: str = "small-cnn"
    embed_dim: int = 128

    def __post_init__(self) -> None:
        check(self, embed_dim=(1, 8_192))  # neural collapse is measured on D x D numbers


PARTS = ("data", "model", "text_head", "objective", "training")


@dataclass(frozen=True)
class RunConfig:
    """One training with its evaluation.

    Attributes:
        name: what to call it; it does not enter the address.
        scale: the scale that its defaults come from.
        seed: of initialisation, order, augmentation, captions and vocabularies.
        data: which images.
        model: which image tower.
        text_head: where class vectors come from.
        objective: what is minimized.
        training: how.
    """

    name: str = field(compare=False)
    scale: scales.ScaleName
    seed: int
    data: Data
    model: Model
    text_head: TextHead
    objective: ObjectiveSpec
    training: Training

    def __post_init__(self) -> None:
        check(self, seed=SEED)
        options, batch = self.objective, self.training.batch_size
        if (
            isinstance(options, SupervisedConfig)
            and options.draws_from(self.data.concepts)
            and batch % options.vocabulary_group
        ):
            raise CourseError(
                f"Field 'vocabulary_group' is {options.vocabulary_group}, which does not divide "
                f"the batch of {batch}."
            )
        if isinstance(options, DINOConfig):
            for name, unused in (("crop", Training.crop), ("mirror", Training.mirror)):
                if (value := getattr(self.training, name)) != unused:
                    raise CourseError(
                        f"Field {name!r} is {value}, but self-distillation has crops of its own, "
                        f"'global_least' and others; leave it at {unused}."
                    )
        text_heads.check_text_head(self.text_head, options)
        self.data.check_with(self)

    @property
    def tokenizer(self) -> str:
        """How captions become tokens (`lt_course.data.tokenizer.tokenizer`)."""
        head = self.text_head
        return (isinstance(head, LanguageModel) and head.text_weights) or CLIP_TOKENIZER

    @property
    def address(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of the fields that are not at their default.

        So a field that a later version adds moves no address, as long as its default is what
        was done before; for the same reason a default is never changed. A vocabulary of as many as
        there are is that of all classes.
        """
        told: dict[str, Any] = {"scale": self.scale, "seed": self.seed}
        for part, spec in self._parts().items():
            defaults = {f.name: f.default for f in fields(getattr(self, part))}
            told[part] = {
                name: value
                for name, value in spec.items()
                if name in ("kind", "dataset") or value != defaults[name]
            }
        options = self.objective
        if isinstance(options, SupervisedConfig) and not options.draws_from(self.data.concepts):
            for name in ("vocabulary", "sampling", "vocabulary_group"):
                told["objective"].pop(name, None)
        return hashlib.sha256(_canonical(told).encode()).hexdigest()[:16]

    def json(self) -> str:
        """Canonical JSON of all fields but the name: keys sorted, no blanks."""
        return _canonical({"scale": self.scale, "seed": self.seed, **self._parts()})

    def _parts(self) -> dict[str, dict[str, Any]]:
        """All parts as plain values; unions say which member they are."""
        parts = {part: dataclasses.asdict(getattr(self, part)) for part in PARTS}
        parts["text_head"]["kind"] = text_heads.name_of(self.text_head, TEXT_HEADS)
        parts["objective"]["kind"] = text_heads.name_of(self.objective, OBJECTIVES)
        return parts


def _canonical(plain: dict[str, Any]) -> str:
    return json.dumps(plain, sort_keys=True, separators=(",", ":"))


NAMED: dict[str, tuple[str, ObjectiveSpec]] = {
    "sl": ("supervised learning, all classes in every softmax", SupervisedConfig()),
    "sl-vocab": ("supervised learning over sampled vocabularies", SupervisedConfig(vocabulary=32)),
    "clip-template": ("CLIP on class templates", CLIPConfig("template")),
    "clip-title": ("CLIP on the titles that authors gave", CLIPConfig("title")),
    "clip-full": ("CLIP on all that authors wrote: titles and tags", CLIPConfig("title+tags")),
    "siglip-title": ("SigLIP on the titles that authors gave", SigLIPConfig("title")),
    "dino": ("DINO: self-distillation, without labels or text", DINOConfig()),
}
"""The declared runs: name -> what it is, and its objective. All else is the same for all."""


def config(name: str, *, scale: str | None = None, seed: int = 0, **settings: Any) -> RunConfig:
    """A declared run, with some of its fields set otherwise.

    Args:
        name: one of `NAMED`, or of `lt_course.study.registry.RECIPES`.
        scale: tiny, cpu, gpu or full; default: what ``LT_SCALE`` says. A recipe has its own.
        seed: of the run, and of the permutation of frequencies unless that is set.
        **settings: fields of the data, the model, the text head, the objective or `Training`, by
            their own names; ``dataset`` and ``text_head`` choose another data set or head.

    Raises:
        CourseError: if a name is unknown; the sentence names the nearest. If a recipe is asked for
            at another scale.
    """
    scale_name, parts = declare(name, scale, seed, **settings)
    return RunConfig(name, scale_name, seed, **parts)


def declare(
    name: str, scale: str | None, seed: int, **settings: Any
) -> tuple[scales.ScaleName, dict[str, Any]]:
    """The scale and the parts of a run, as `config`, not yet checked against each other."""
    if name in NAMED:
        chosen = scales.current() if scale is None else scales.named(scale)
        scale_name, objective = chosen.name, NAMED[name][1]
        reads = isinstance(objective, CLIPConfig)
        if isinstance(objective, DINOConfig):
            settings = {**chosen.distillation, **settings}
        parts = {
            "data": registry.dataset(chosen.dataset).config(chosen.dataset, **chosen.data),
            "model": Model(chosen.image_tower, chosen.embed_dim),
            "text_head": Scratch(chosen.text_tower if reads else None),
            "objective": objective,
            "training": Training(duration=f"{chosen.epochs} epochs", batch_size=chosen.batch_size),
        }
    else:
        recipe: RunConfig | None = registry.find(registry.RECIPES, name)
        if recipe is None:
            raise CourseError(unknown("run", name, [*NAMED, *registry.RECIPES]))
        if scale not in (None, recipe.scale):
            raise CourseError(
                f"The run {name!r} is declared at scale {recipe.scale!r} alone; leave 'scale' out."
            )
        scale_name, parts = recipe.scale, {part: getattr(recipe, part) for part in PARTS}
    parts, seed = _set(name, parts, settings), checked("seed", seed, [int], SEED)
    if "permutation" in _names(parts["data"]) and "permutation" not in settings:
        parts["data"] = replace(parts["data"], permutation=seed)
    return scale_name, parts


def _set(name: str, parts: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """The parts with some fields set otherwise, each wherever it stands."""
    settings, parts = dict(settings), dict(parts)
    if settings.get("dataset", parts["data"].dataset) != parts["data"].dataset:
        parts["data"] = registry.dataset(settings["dataset"]).config(settings["dataset"])
    if isinstance(kind := settings.get("text_head"), str):
        del settings["text_head"]
        if kind not in TEXT_HEADS:
            raise CourseError(unknown("text head", kind, TEXT_HEADS))
        before, head = parts["text_head"], TEXT_HEADS[kind]
        names = _names(head)
        kept = {each: getattr(before, each) for each in _names(before) & names}
        if head is Released and kept.get("text_tower") == "small-transformer":
            del kept["text_tower"]  # nobody has released weights of it: a table of classes
        parts["text_head"] = head(**kept | {k: v for k, v in settings.items() if k in names})
    part_of = {each: part for part in PARTS for each in _names(parts[part])}
    for each in settings:
        if each not in part_of:
            raise CourseError(unknown_field(name, each, [*part_of, "text_head"]))
    for part in PARTS:
        if own := {each: value for each, value in settings.items() if part_of[each] == part}:
            parts[part] = replace(parts[part], **own)
    return parts


def _names(part: Any) -> set[str]:
    return {f.name for f in fields(part)}


def override(run: RunConfig, **settings: Any) -> RunConfig:
    """The run with some fields set otherwise; a CourseError if no part of it has such a field."""
    seed = settings.pop("seed", run.seed)
    parts = _set(run.name, {part: getattr(run, part) for part in PARTS}, settings)
    return replace(run, seed=seed, **parts)


def open_world_clip(student: RunConfig) -> RunConfig:
    """The CLIP that a run's text head comes from (`OpenWorld`).

    One for all runs of a scale: natural counts, concepts beyond the evaluated ones, templates as
    well as what authors wrote.
    """
    seen = scales.named(student.scale).open_world
    teacher = config(
        "clip-full",
        scale=student.scale,
        seed=0,
        text="template|title+tags",
        concepts=student.data.concepts,
        profile="natural",
        num_images=None,
        distractors=seen.distractors,
        duration=f"{seen.epochs} epochs",
        embed_dim=student.model.embed_dim,
    )
    return replace(teacher, name="clip-open-world")


def differences(runs: Iterable[RunConfig]) -> set[str]:
    """Names of the fields in which runs differ, the seed and its permutation aside.

    Fields of different objectives count as the one field ``objective``, those of different text
    heads as ``text_head``.
    """
    runs = list(runs)
    differ: set[str] = set()
    for part in reversed(PARTS):
        specs = [getattr(run, part) for run in runs]
        if part == "text_head" and "objective" in differ:  # what is read goes with the objective
            specs = [Scratch() if isinstance(spec, Scratch) else spec for spec in specs]
        if len({type(spec) for spec in specs}) > 1 or (part == "text_head" and len({*specs}) > 1):
            differ.add(part)
        elif specs:
            names = _names(specs[0]) - {"permutation"}
            differ |= {n for n in names if len({getattr(spec, n) for spec in specs}) > 1}
    return differ


def unknown_field(run: str, name: str, known: Iterable[str]) -> str:
    """The sentence for a field that a run does not have, with the data sets that have it."""
    plain = name.replace("-", "_")
    having = [each for each, kind in registry.DATASETS.items() if plain in _names(kind.config)]
    if having:
        return f"There is no field of {run} {name!r} unless 'dataset' is {' or '.join(having)}."
    return unknown(f"field of {run}", name, known)


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """The sentence for a name that does not exist, with the nearest ones that do."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if near:
        return f"There is no {what} {name!r}; the nearest are {', '.join(near)}."
    return f"There is no {what} {name!r}; there are {', '.join(sorted(known))}."
