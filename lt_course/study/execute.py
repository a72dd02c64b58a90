"""A run, carried out: data -> model and objective -> training -> evaluation."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from lt_course import scale as scales
from lt_course.data import icontail as icontail_module
from lt_course.data.captions import captions, matching_prompts, zero_shot_prompts
from lt_course.data.icontail import IconTail
from lt_course.data.longtail import Draw, draw
from lt_course.data.tokens import tokens
from lt_course.errors import CourseError
from lt_course.evaluation.zero_shot import zero_shot_prototypes
from lt_course.models.heads import Prototypes
from lt_course.models.image_towers import image_tower
from lt_course.models.text_towers import LanguageModel, pretrained_text_tower, text_tower
from lt_course.objectives.batch import Batch
from lt_course.objectives.classify import Classification, Classify
from lt_course.objectives.contrast import Contrast, Contrastive
from lt_course.objectives.distill import Distill, Distillation, Timetable
from lt_course.study import outcome
from lt_course.study.outcome import Outcome
from lt_course.study.spec import Run, open_world_clip
from lt_course.training import checkpoints
from lt_course.training.augment import random_crop, standardise
from lt_course.training.crops import multi_crop
from lt_course.training.loop import fit
from lt_course.training.order import Order, numpy_generator, torch_generator
from lt_course.training.schedules import steps

Captioner = Callable[[NDArray[np.int64], int], Tensor]
"""Rows of the training set and a step in, token ids [B, L] out."""

Weights = Mapping[str, Tensor]
"""Parameters and buffers of a trained model, by name."""


def device_of(run: Run) -> torch.device:
    """Where the run trains: what its scale says, unless ``LT_DEVICE`` says otherwise.

    Raises:
        CourseError: if the device has no such name, or a CUDA device is asked for and there is
            none.
    """
    named = os.environ.get("LT_DEVICE", scales.named(run.scale).device)
    try:
        device = torch.device(named)
    except RuntimeError as error:
        raise CourseError(
            f"The environment variable LT_DEVICE is {named!r}, which torch does not know; use cpu "
            "or cuda."
        ) from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise CourseError(
            f"Scale {run.scale!r} trains on a CUDA device and none is there; use another scale, or "
            "set LT_DEVICE=cpu and have patience."
        )
    return device


def execute(
    run: Run,
    folder: Path | None = None,
    before_step: Callable[[int], None] = lambda step: None,
    pretrained: Callable[[Run], Weights] | None = None,
) -> Outcome:
    """Train and evaluate.

    Args:
        run: what to do.
        folder: where checkpoints go, and are taken up from.
        before_step: called with each step's number (tests inject faults here).
        pretrained: gives the weights of another run; None trains it first, and forgets it.

    Raises:
        CourseError: as `lt_course.data.longtail.draw`, `lt_course.training.loop.fit` and
            `device_of` do.
    """
    device = device_of(run)
    drawn = training_set(run)
    icontail = icontail_of(run)
    order = Order(drawn.labels, run.training.batch, run.seed, run.training.sampler)
    teacher: Weights | None = None
    if run.model.text_head in ("initialised", "frozen"):
        teacher = (pretrained or _train_first)(open_world_clip(run))
    objective: Classification | Contrastive | Distillation
    captioner: Captioner | None = None
    zero_shot: Tensor | None = None
    match run.objective:
        case Classify() as options:
            objective = _classification(run, options, icontail, drawn, teacher)
        case Contrast() as options:
            objective, captioner, zero_shot = _contrastive(run, options, icontail, drawn, teacher)
        case Distill() as options:
            objective = _distillation(run, options, order)
    objective.to(device)

    pictures = torch.from_numpy(icontail.pictures[drawn.pictures]).to(device)
    labels = torch.from_numpy(drawn.labels).to(device)

    def load(rows: NDArray[np.int64], step: int) -> Batch:
        picked = torch.from_numpy(rows).to(device)
        generator = torch_generator(run.seed, step, "augmentation")
        shown = standardise(pictures[picked])
        if isinstance(run.objective, Distill):
            return Batch(shown, labels[picked], crops=multi_crop(shown, run.objective, generator))
        cropped = random_crop(shown, run.training.crop, generator)
        if run.training.channels_last:
            cropped = cropped.contiguous(memory_format=torch.channels_last)
        said = None if captioner is None else captioner(rows, step).to(device)
        return Batch(cropped, labels[picked], said)

    history = fit(
        objective,
        load,
        order,
        run.training,
        label=f"{run.name}, seed {run.seed}",
        folder=folder,
        address=run.address,
        before_step=before_step,
    )
    if isinstance(objective, Distillation):
        return outcome.of_features(icontail, drawn, objective, history)
    return outcome.of_class_vectors(icontail, drawn, objective, zero_shot, history)


def icontail_of(run: Run) -> IconTail:
    """The data set in the look that the run's models see.

    Raises:
        CourseError: as `lt_course.data.icontail.load` and `load_colour` do.
    """
    if run.data.dataset == "icontail-colour":
        return icontail_module.load_colour()
    return icontail_module.load()


def training_set(run: Run) -> Draw:
    """The pictures that a run trains on, without training it: the same in grey and in colour.

    Raises:
        CourseError: as `require_sound` and `lt_course.data.longtail.draw` do.
    """
    require_sound(run)
    fields = asdict(run.data)
    del fields["dataset"]
    return draw(icontail_module.load(), fields.pop("concepts"), **fields)


def _train_first(run: Run) -> Weights:
    """Train another run for its weights alone."""
    with TemporaryDirectory() as folder:
        execute(run, Path(folder))
        return weights(Path(folder))


def weights(folder: Path) -> Weights:
    """The weights in a folder of checkpoints, of the newest one.

    Raises:
        CourseError: if there is no whole checkpoint.
    """
    state = checkpoints.load_latest(folder)
    if state is None:
        raise CourseError(f"There is no checkpoint in {folder}; delete that run and train it anew.")
    return cast(Weights, state["model"])


def require_sound(run: Run) -> None:
    """Refuse fields that do not go together, before anything is trained for the run.

    Raises:
        CourseError: if a field has no meaning beside another one.
    """
    data, model, objective = run.data, run.model, run.objective
    if data.dataset not in icontail_module.SHAPES:
        raise CourseError(
            f"Field 'dataset' is {data.dataset!r}, which this version of lt_course cannot read; "
            f"use {' or '.join(map(repr, icontail_module.SHAPES))}."
        )
    if data.other_concepts is not None and not data.others:
        raise CourseError(
            f"Field 'other_concepts' is {data.other_concepts}, but field 'others' is 0; say how "
            "many pictures of other concepts there are."
        )
    if model.text_head != "scratch" and model.text_tower not in (None, "small-transformer"):
        raise CourseError(
            f"Field 'text_head' is {model.text_head!r}, which goes with the text tower "
            f"'small-transformer' alone, not with {model.text_tower!r}; use 'scratch'."
        )
    if isinstance(objective, Classify):
        _require_sound_classifier(run, objective)
    elif isinstance(objective, Distill):
        if model.text_head != "scratch":
            raise CourseError(
                f"Field 'text_head' is {model.text_head!r}, but self-distillation has neither text "
                "nor class vectors; use 'scratch'."
            )
    elif model.text_tower is None:
        raise CourseError(
            "Field 'text_tower' is None, but the contrastive objective reads captions; name one."
        )
    elif model.text_head == "language-model" and objective.text != "name":
        raise CourseError(
            f"Field 'text' is {objective.text!r}, but the shipped language model's table holds "
            "concept names alone; use text 'name' with text_head 'language-model'."
        )


def _require_sound_classifier(run: Run, options: Classify) -> None:
    if run.data.others:
        raise CourseError(
            f"Field 'others' is {run.data.others}, but a classifier over {run.data.concepts} "
            "concepts has no prototype for pictures of others; set it to 0."
        )
    if options.draws_from(run.data.concepts) and run.training.batch % options.micro_batch:
        raise CourseError(
            f"Field 'micro_batch' is {options.micro_batch}, which does not divide the batch "
            f"of {run.training.batch}."
        )
    if run.model.text_head == "language-model":
        raise CourseError(
            "Field 'text_head' is 'language-model', which only CLIP can read; a classifier's is "
            "scratch, initialised or frozen."
        )


def image_tower_of(run: Run) -> nn.Module:
    """The run's image tower, untrained, for pictures of its data set."""
    model, (channels, _, _) = run.model, icontail_module.SHAPES[run.data.dataset]
    return image_tower(model.image_tower, model.embedding, model.picture_size, channels)


def _classification(
    run: Run, options: Classify, icontail: IconTail, drawn: Draw, teacher: Weights | None
) -> Classification:
    start = None if teacher is None else _prototypes(run, icontail, teacher)
    with torch.random.fork_rng():
        torch.manual_seed(run.seed)
        return Classification(
            options,
            image_tower_of(run),
            Prototypes(
                run.data.concepts,
                run.model.embedding,
                normalised=options.tau is None,
                start=start,
                frozen=run.model.text_head == "frozen",
            ),
            torch.from_numpy(drawn.frequency),
        )


def _distillation(run: Run, options: Distill, order: Order) -> Distillation:
    per_epoch = order.steps_per_epoch
    total = steps(run.training.duration, "duration", per_epoch)
    timetable = Timetable(
        total,
        steps(options.teacher_warmup, "teacher_warmup", per_epoch, total),
        steps(options.freeze_last_layer, "freeze_last_layer", per_epoch, total),
    )
    with torch.random.fork_rng():
        torch.manual_seed(run.seed)
        return Distillation(options, image_tower_of(run), run.model.embedding, timetable)


def _prototypes(run: Run, icontail: IconTail, teacher: Weights) -> Tensor:
    """What a trained CLIP's text tower makes of the concepts' names: float [C, D]."""
    asked = zero_shot_prompts(icontail, run.data.concepts, "template")
    prompts = tokens([prompt for each in asked for prompt in each], Contrast().context)
    tower = pretrained_text_tower(teacher, prompts)
    return zero_shot_prototypes(
        lambda part: F.normalize(tower(part), dim=1), prompts.unflatten(0, (len(asked), -1))
    )


def _contrastive(
    run: Run, options: Contrast, icontail: IconTail, drawn: Draw, teacher: Weights | None
) -> tuple[Contrastive, Captioner, Tensor]:
    """The objective, what captions a step's pictures, and the zero-shot prompts [C, P, L]."""
    model = run.model
    if model.text_head == "language-model":
        return _behind_a_language_model(run, options, icontail, drawn)
    assert model.text_tower is not None, "require_sound has seen to it"
    said = captions(icontail, drawn.pictures, options.text)
    kind = matching_prompts(options.text) if options.prompts == "matching" else options.prompts
    asked = zero_shot_prompts(icontail, run.data.concepts, kind)
    ids = tokens(said.texts + [prompt for each in asked for prompt in each], options.context)
    with torch.random.fork_rng():
        torch.manual_seed(run.seed)
        objective = Contrastive(
            image_tower_of(run),
            text_tower(model.text_tower, ids, model.embedding)
            if teacher is None
            else pretrained_text_tower(teacher, ids),
            options.tile,
        )
    objective.text_tower.requires_grad_(model.text_head != "frozen")

    def captioner(rows: NDArray[np.int64], step: int) -> Tensor:
        return ids[torch.from_numpy(said.draw(rows, numpy_generator(run.seed, step, "captions")))]

    return objective, captioner, ids[len(said.texts) :].unflatten(0, (len(asked), -1))


def _behind_a_language_model(
    run: Run, options: Contrast, icontail: IconTail, drawn: Draw
) -> tuple[Contrastive, Captioner, Tensor]:
    """As `_contrastive`; a caption is the number of the concept that it names."""
    with torch.random.fork_rng():
        torch.manual_seed(run.seed)
        objective = Contrastive(
            image_tower_of(run),
            LanguageModel(torch.tensor(icontail_module.text_embeddings()), run.model.embedding),
            options.tile,
        )
    concepts = torch.from_numpy(icontail.concept[drawn.pictures].astype(np.int64))[:, None]
    zero_shot = torch.arange(run.data.concepts)[:, None, None]
    return objective, lambda rows, step: concepts[torch.from_numpy(rows)], zero_shot
