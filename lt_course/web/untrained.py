"""What a run trains, on torch's default device and without its data: for plans.

On the *meta* device nothing of it takes memory.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from lt_course.data import icontail
from lt_course.data.batch import Batch
from lt_course.data.tokenizer import tokenizer
from lt_course.errors import CourseError
from lt_course.models import text_encoders
from lt_course.objectives.contrast import CLIPConfig
from lt_course.objectives.distill import DINOConfig
from lt_course.study import registry
from lt_course.study.dataset import load_dataset
from lt_course.study.model_parts import RunParts
from lt_course.study.run_config import RunConfig, open_world_clip
from lt_course.study.text_heads import (
    LanguageModel,
    OpenWorld,
    Scratch,
    released_tower,
    text_tower_of,
)
from lt_course.web.cost import Rehearsal


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
