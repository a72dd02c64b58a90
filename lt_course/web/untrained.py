"""What a run trains, on torch's default device and without its data: for plans.

On the *meta* device nothing of it takes memory.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

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
from lt_course.study.execute import image_tower_of
from lt_course.study.spec import OPEN_WORLD, Run, open_world_clip
from lt_course.study.text_heads import released_tower
from lt_course.web.cost import Rehearsal


def pictures_of(run: Run) -> int:
    """Number of training pictures: drawn where the data come with the package, else as declared."""
    expected = kind(run.data.dataset).expected(run)
    if expected is None:
        raise CourseError(
            f"Field 'pictures' is {run.data.pictures}, all that {run.data.dataset!r} has, and plan "
            "does not look at data; set it to their number."
        )
    return expected


def rehearsal(run: Run, processes: int = 1) -> Rehearsal:
    """A step of the run, on so many processes."""
    return Rehearsal(builder(run), partial(batch_of, run), run.training, processes, run.seed)


def builder(run: Run) -> Callable[[], nn.Module]:
    """What makes the run's objective on torch's default device.

    A further kind of objective is added here, and to `batch_of` if it looks at pictures in another
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
        return lambda: Contrastive(tower(), text())
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


def batch_of(run: Run, pictures: int) -> Batch:
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
