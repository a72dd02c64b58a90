"""Where a run's class vectors come from (Sec. 3.5): its text tower, or its prototypes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lt_course.data.imagenet import imagenet_classes
from lt_course.data.tokenizer import require_transformers, tokens
from lt_course.errors import CourseError
from lt_course.evaluation.zero_shot import zero_shot_prototypes
from lt_course.fields import check
from lt_course.models import text_encoders
from lt_course.models.released_heads import released_prototypes
from lt_course.objectives.contrast import CLIPConfig
from lt_course.objectives.distill import DINOConfig
from lt_course.study import registry

if TYPE_CHECKING:
    from lt_course.study.run_config import RunConfig


@dataclass(frozen=True)
class Scratch:
    """Class vectors are learnt from a random start.

    Attributes:
        text_tower: ``small-transformer`` or an open_clip model; None where no text is read.
    """

    text_tower: str | None = None

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class OpenWorld:
    """They come from the text tower of the open-world CLIP, which is trained first.

    Attributes:
        frozen: keep the tower, its projection included (a classifier: its prototypes), or learn on.
    """

    frozen: bool = True

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class Released:
    """They come from weights that others have released.

    Attributes:
        text_tower: the open_clip model; None: a table of ImageNet's classes, which a classifier
            starts from, and which CLIP reads in the place of captions that name the class.
        text_weights: a tag of open_clip's (``openai``, ``laion400m_e32``, …) or a file with such
            weights; without a tower the table (`lt_course.models.released_heads`). A path enters
            the run's address, and not what lies there.
        frozen: as `OpenWorld`.
    """

    text_tower: str | None = None
    text_weights: str = "openai"
    frozen: bool = True

    def __post_init__(self) -> None:
        check(self)
        if self.text_tower == "small-transformer":
            raise CourseError(
                f"Field 'text_weights' is {self.text_weights!r}, but field 'text_tower' is "
                f"{self.text_tower!r}, of which there are no released weights; name the open_clip "
                "model that they belong to, such as 'RN50'."
            )


@dataclass(frozen=True)
class LanguageModel:
    """A frozen model of language behind a projection that is learnt.

    Attributes:
        text_weights: its name in the package transformers (``roberta-base``), or a folder; None:
            MiniLM's embeddings of the concepts' names, which travel with the package.
    """

    text_weights: str | None = None

    def __post_init__(self) -> None:
        check(self)


TextHead = Scratch | OpenWorld | Released | LanguageModel
TEXT_HEADS: dict[str, type[TextHead]] = {
    "scratch": Scratch,
    "open-world": OpenWorld,
    "released": Released,
    "language-model": LanguageModel,
}
"""By the name that settings and a run's JSON give them."""


def name_of(member: object, names: Mapping[str, type]) -> str:
    """The name of a union's member."""
    return next(name for name, kind in names.items() if kind is type(member))


def is_table(head: TextHead) -> bool:
    """Whether class vectors are the rows of a table, and no text tower reads captions."""
    return isinstance(head, Released) and head.text_tower is None


def check_text_head(head: TextHead, options: Any) -> None:
    """Raise a CourseError for a text head that does not go with the objective."""
    tower = getattr(head, "text_tower", None)
    if isinstance(options, DINOConfig):
        if head != Scratch():
            raise CourseError(
                f"Field 'text_head' is {name_of(head, TEXT_HEADS)!r} and its tower {tower!r}, but "
                "self-distillation has neither text nor class vectors; use 'scratch', without "
                "'text_tower'."
            )
    elif isinstance(options, CLIPConfig):
        if head == Scratch():
            raise CourseError(
                "Field 'text_tower' is None, but the contrastive objective reads captions; name "
                "one."
            )
        if is_table(head) and (options.text, options.prompts) != ("name", "matching"):
            raise CourseError(
                f"Field 'text' is {options.text!r} and 'prompts' {options.prompts!r}, but a table "
                "of classes, which field 'text_weights' names, reads no text; use text 'name' and "
                "prompts 'matching', or name a 'text_tower'."
            )
        if head == LanguageModel() and (options.text, options.prompts) != ("name", "matching"):
            raise CourseError(
                f"Field 'text' is {options.text!r} and 'prompts' {options.prompts!r}, but the "
                "shipped language model's table holds concept names alone; use text 'name' and "
                "prompts 'matching', or name a language model in field 'text_weights', such as "
                "'roberta-base'."
            )
    elif isinstance(head, LanguageModel):
        raise CourseError(
            "Field 'text_head' is 'language-model', which only CLIP can read; a classifier's is "
            "scratch, open-world or released."
        )
    elif isinstance(head, Scratch) and tower is not None:
        raise CourseError(
            f"Field 'text_tower' is {tower!r}, but a classifier whose prototypes start at random "
            "reads no text; leave it out."
        )


def require_known(head: TextHead, embed_dim: int) -> None:
    """Refuse released weights that are not known, before anything is fetched, read or trained."""
    if isinstance(head, LanguageModel) and head.text_weights is not None:
        require_transformers(head.text_weights)
    elif isinstance(head, Released) and head.text_tower is not None:
        released = registry.released_text()
        released.check_released(head.text_tower, head.text_weights, embed_dim)


def text_tower_of(
    head: TextHead, embed_dim: int, ids: Tensor, teacher: Mapping[str, Tensor] | None
) -> nn.Module:
    """A text tower (not the shipped table of names), with what is frozen of it frozen.

    `ids`, int64 [U, L], are all texts that it will read, by the run's tokenizer; `teacher` has the
    weights of the open-world CLIP, where it starts from that.
    """
    match head:
        case Scratch(text_tower):
            assert text_tower is not None, "check_text_head has seen to it"
            return text_encoders.text_tower(text_tower, ids, embed_dim)
        case OpenWorld(frozen):
            assert teacher is not None, "it was trained first"
            return text_encoders.pretrained_text_tower(teacher, ids).requires_grad_(not frozen)
    return released_tower(head, embed_dim, ids.shape[1])


def released_tower(
    head: Released | LanguageModel, embed_dim: int, context: int, load: bool = True
) -> nn.Module:
    """The text tower with the weights that ``text_weights`` names; without `load`, random ones."""
    released: Any = registry.released_text()
    if isinstance(head, LanguageModel):
        return released.language_tower(head.text_weights, embed_dim, load=load)
    return released.released_text_tower(
        head.text_tower, head.text_weights, context, embed_dim, frozen=head.frozen, load=load
    )


def prototypes(
    run: RunConfig,
    keys: Sequence[str],
    prompts: Sequence[Sequence[str]],
    teacher: Mapping[str, Tensor] | None,
    device: torch.device,
) -> Tensor:
    """What a run's prototypes, or table of classes, start from unless at random: float [C, D].

    A released table (no text tower is named), or what a text tower makes of the class templates on
    `device`: the direction of the mean of their directions. Each of C classes has a key, and P
    templates with its name; `teacher` as in `text_tower_of`.

    Raises:
        CourseError: if a table of ImageNet's classes is to stand for others.
    """
    head, embed_dim = run.text_head, run.model.embed_dim
    if isinstance(head, Released) and head.text_tower is None:
        known = imagenet_classes()
        if not set(keys) <= known.keys():
            raise CourseError(
                f"Field 'text_weights' names a table of ImageNet's classes, but these are "
                f"{run.data.concepts} of {run.data.dataset!r}; it goes with photographs of "
                "ImageNet's classes, and otherwise field 'text_tower' names the text tower that "
                "reads the names."
            )
        return released_prototypes(head.text_weights, [known[key] for key in keys], embed_dim)
    of_the_course = isinstance(head, OpenWorld)
    context = CLIPConfig().context if of_the_course else registry.released_text().CLIPS_CONTEXT
    ids = tokens([text for each in prompts for text in each], context)
    ids = ids[:, : int(ids.argmax(1).max()) + 1]
    tower = text_tower_of(head, embed_dim, ids, teacher).to(device).eval()
    return zero_shot_prototypes(
        lambda part: F.normalize(tower(part.to(device)).float(), dim=1),
        ids.unflatten(0, (len(prompts), -1)),
    ).cpu()
