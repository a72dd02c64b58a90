"""Where a run's class vectors come from (Sec. 3.5): its text tower, or its prototypes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lt_course.data.imagenet import Concepts, ImageNetClass, classes_of
from lt_course.data.tokenizer import require_transformers, tokens
from lt_course.errors import CourseError
from lt_course.evaluation.zero_shot import zero_shot_prototypes
from lt_course.models.released_heads import released_prototypes
from lt_course.models.text_encoders import pretrained_text_tower, text_tower
from lt_course.objectives.classify import Classify
from lt_course.objectives.contrast import Contrast
from lt_course.objectives.distill import Distill
from lt_course.study import registry
from lt_course.study.spec import OPEN_WORLD, Model, Run

SMALL = (None, "small-transformer")
"""Text towers without released weights."""


def require_sound_text_head(run: Run) -> None:
    """Refuse a text head that does not go with the other fields, or that is not known.

    Raises:
        CourseError: if so; nothing is fetched and nothing is read.
    """
    model = run.model
    if isinstance(run.objective, Distill):
        if model.text_head != "scratch":
            raise CourseError(
                f"Field 'text_head' is {model.text_head!r}, but self-distillation has neither text "
                "nor class vectors; use 'scratch'."
            )
    elif model.text_head == "language-model":
        _require_sound_language_model(run)
    if model.text_weights == OPEN_WORLD:
        if model.taught and model.text_tower not in SMALL:
            raise CourseError(
                f"Field 'text_head' is {model.text_head!r} and field 'text_weights' is "
                f"{OPEN_WORLD!r}, which goes with the text tower 'small-transformer' alone, not "
                f"with {model.text_tower!r}; name released weights, such as 'openai', or use "
                "'scratch'."
            )
    elif model.text_head == "scratch":
        raise CourseError(
            f"Field 'text_weights' is {model.text_weights!r}, but field 'text_head' is 'scratch'; "
            "use 'initialised', 'frozen' or 'language-model'."
        )
    elif model.text_head != "language-model" and model.text_tower is not None:
        if model.text_tower in SMALL:
            raise CourseError(
                f"Field 'text_weights' is {model.text_weights!r}, but field 'text_tower' is "
                f"{model.text_tower!r}, of which there are no released weights; name the open_clip "
                "model that they belong to, such as 'RN50'."
            )
        registry.released_text().check_released(
            model.text_tower, model.text_weights, model.embedding
        )


def _require_sound_language_model(run: Run) -> None:
    model, options = run.model, run.objective
    if isinstance(options, Classify):
        raise CourseError(
            "Field 'text_head' is 'language-model', which only CLIP can read; a classifier's is "
            "scratch, initialised or frozen."
        )
    if not model.numbers_names:
        require_transformers(model.text_weights)
    elif isinstance(options, Contrast) and options.text != "name":
        raise CourseError(
            f"Field 'text' is {options.text!r}, but the shipped language model's table holds "
            "concept names alone; use text 'name' with text_head 'language-model', or name a "
            "language model in field 'text_weights', such as 'roberta-base'."
        )


def text_tower_of(model: Model, ids: Tensor, teacher: Mapping[str, Tensor] | None) -> nn.Module:
    """CLIP's text tower, with what is frozen of it frozen.

    Args:
        model: as specified; its head is not the shipped table of names.
        ids: int64 [U, L], all texts that it will read, by the model's tokenizer.
        teacher: the weights of the open-world CLIP, where it starts from that.

    Raises:
        CourseError: as the tower that is made.
    """
    if model.text_weights != OPEN_WORLD:
        return released_tower(model, ids.shape[1])
    if teacher is not None:
        return pretrained_text_tower(teacher, ids).requires_grad_(model.text_head != "frozen")
    assert model.text_tower is not None, "require_sound has seen to it"
    return text_tower(model.text_tower, ids, model.embedding)


def released_tower(model: Model, context: int, load: bool = True) -> nn.Module:
    """The text tower with the weights that ``text_weights`` names, or, without `load`, random ones.

    Raises:
        CourseError: as `registry.released_text` and what it has.
    """
    if model.text_head == "language-model":
        language: nn.Module = registry.released_text().language_tower(
            model.text_weights, model.embedding, load=load
        )
        return language
    assert model.text_tower is not None, "require_sound has seen to it"
    frozen = model.text_head == "frozen"
    tower: nn.Module = registry.released_text().released_text_tower(
        model.text_tower, model.text_weights, context, model.embedding, frozen=frozen, load=load
    )
    return tower


def prototypes(
    run: Run,
    prompts: Sequence[Sequence[str]],
    teacher: Mapping[str, Tensor] | None,
    device: torch.device,
) -> Tensor | None:
    """What a classifier's prototypes start from: float [C, D], or None for random ones.

    A released table (no text tower is named), or what a text tower makes of the class templates:
    the direction of the mean of their directions.

    Args:
        run: a run with a classifier.
        prompts: for each of C classes, P templates with its name.
        teacher: the weights of the open-world CLIP, where they come from that.
        device: where the prompts are read.

    Raises:
        CourseError: as `released_prototypes` and `text_tower_of`, or if a table of ImageNet's
            classes is to stand for others.
    """
    model = run.model
    if model.text_head == "scratch":
        return None
    if model.text_weights != OPEN_WORLD and model.text_tower is None:
        return released_prototypes(model.text_weights, _imagenet_classes(run), model.embedding)
    context = (
        Contrast().context
        if model.text_weights == OPEN_WORLD
        else registry.released_text().CLIPS_CONTEXT
    )
    ids = tokens([text for each in prompts for text in each], context)
    ids = ids[:, : int(ids.argmax(1).max()) + 1]
    tower = text_tower_of(model, ids, teacher).to(device).eval()
    return zero_shot_prototypes(
        lambda part: F.normalize(tower(part.to(device)).float(), dim=1),
        ids.unflatten(0, (len(prompts), -1)),
    ).cpu()


def _imagenet_classes(run: Run) -> Sequence[ImageNetClass]:
    sets: dict[int, Concepts] = {1_000: "imagenet", 100: "imagenet-100"}
    if run.data.dataset == "icontail" or run.data.concepts not in sets:
        raise CourseError(
            f"Field 'text_weights' is {run.model.text_weights!r}, a table of ImageNet's classes, "
            f"but these are {run.data.concepts} of {run.data.dataset!r}; it goes with photographs "
            "of all 1,000 or of ImageNet-100, and otherwise field 'text_tower' names the text "
            "tower that reads the names."
        )
    return classes_of(sets[run.data.concepts])
