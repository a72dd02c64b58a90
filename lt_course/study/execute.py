"""A run, carried out: data -> model and objective -> training -> evaluation."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import torch
from torch import Tensor, nn

from lt_course import scale as scales
from lt_course.data import icontail as icontail_module
from lt_course.data.class_profiles import Draw
from lt_course.data.icontail import SHAPES
from lt_course.data.order import Order
from lt_course.distributed import by_first
from lt_course.errors import CourseError
from lt_course.models.heads import Prototypes
from lt_course.models.image_encoders import image_tower
from lt_course.models.text_encoders import LanguageModel
from lt_course.objectives.classify import Classification, Classify
from lt_course.objectives.contrast import Contrast, Contrastive
from lt_course.objectives.distill import Distill, Distillation, Timetable
from lt_course.study import evaluate
from lt_course.study.dataset import Material, kind, material
from lt_course.study.evaluate import Outcome
from lt_course.study.icontail_dataset import drawn_for
from lt_course.study.registry import load_extensions
from lt_course.study.spec import Run, open_world_clip
from lt_course.study.text_heads import prototypes, require_sound_text_head, text_tower_of
from lt_course.training import checkpoints
from lt_course.training.loop import fit
from lt_course.training.schedules import steps

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
        CourseError: as `lt_course.data.class_profiles.draw`, `lt_course.training.loop.fit` and
            `device_of` do.
    """
    require_sound(run)
    device = device_of(run)
    given = material(run)
    teacher: Weights | None = None
    if run.model.taught:
        teacher = (pretrained or _train_first)(open_world_clip(run))
    objective: Classification | Contrastive | Distillation
    match run.objective:
        case Classify() as options:
            objective = _classification(run, options, given, teacher)
        case Contrast() as options:
            objective = _contrastive(run, options, given, teacher)
        case Distill() as options:
            objective = _distillation(run, options, given.order)
    objective.to(device)

    found = by_first(lambda: given.fingerprint)
    with given.loader(device) as load:
        history = fit(
            objective,
            load,
            given.order,
            run.training,
            label=f"{run.name}, seed {run.seed}",
            folder=folder,
            address=run.address,
            fingerprint=found,
            before_step=before_step,
        )
    if isinstance(objective, Distillation):
        measured = evaluate.of_features(given, objective, history)
    else:
        measured = evaluate.of_class_vectors(given, objective, history)
    return replace(measured, fingerprint=found)


def training_set(run: Run) -> Draw:
    """The drawings that a run trains on, without training it: the same in grey and in colour.

    Raises:
        CourseError: as `require_sound` and `lt_course.data.class_profiles.draw` do; or if the run
            trains on photographs.
    """
    if run.data.dataset not in SHAPES:
        raise CourseError(
            f"Field 'dataset' is {run.data.dataset!r}, whose pictures are no drawings; "
            "lt_course.study.dataset.material reads them."
        )
    require_sound(run)
    return drawn_for(run)


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
    model, objective = run.model, run.objective
    kind(run.data.dataset).require_sound(run)
    require_sound_text_head(run)
    if getattr(objective, "tile", None) or getattr(objective, "fused", False):
        load_extensions()  # which have the twins of losses
    if isinstance(objective, Classify):
        _require_sound_classifier(run, objective)
    elif isinstance(objective, Contrast) and model.text_tower is None:
        raise CourseError(
            "Field 'text_tower' is None, but the contrastive objective reads captions; name one."
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


def image_tower_of(run: Run) -> nn.Module:
    """The run's image tower, untrained, for pictures of its data set."""
    model, (channels, _, _) = run.model, kind(run.data.dataset).shape(run)
    natively = run.objective.native_sizes if isinstance(run.objective, Distill) else ()
    return image_tower(model.image_tower, model.embedding, model.picture_size, channels, natively)


def _classification(
    run: Run, options: Classify, given: Material, teacher: Weights | None
) -> Classification:
    start = prototypes(run, given.templates, teacher, device_of(run))
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
            torch.from_numpy(given.frequency),
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


def _contrastive(
    run: Run, options: Contrast, given: Material, teacher: Weights | None
) -> Contrastive:
    if run.model.numbers_names:
        return _behind_a_language_model(run, options)
    ids = given.texts.known
    with torch.random.fork_rng():
        torch.manual_seed(run.seed)
        return Contrastive(
            options,
            image_tower_of(run),
            text_tower_of(run.model, ids, teacher),
        )


def _behind_a_language_model(run: Run, options: Contrast) -> Contrastive:
    """As `_contrastive`; a caption is the number of the concept that it names."""
    with torch.random.fork_rng():
        torch.manual_seed(run.seed)
        return Contrastive(
            options,
            image_tower_of(run),
            LanguageModel(torch.tensor(icontail_module.text_embeddings()), run.model.embedding),
        )
