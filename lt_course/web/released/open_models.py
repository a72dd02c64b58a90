"""Released CLIPs: every checkpoint that open_clip lists, once, and what it was pre-trained on.

open_clip lists some weights under two names, with and without QuickGELU. (The 41 models of arXiv
2405.21070 hold six ResNets that are three.) Here each file of weights has one name: the one whose
activation is that of its training.

How biased a model is can only be asked of the frequencies in *its own* pre-training data. The
captions of six sets were counted (`lt_course.counting.web_frequencies`); `PRETRAINED_ON` says which
tags of open_clip stand for them. A tag that is not there has no frequencies, and gets none.
"""

from __future__ import annotations

import difflib
import logging
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import open_clip
import torch
from open_clip.pretrained import get_pretrained_cfg
from PIL import Image
from torch import Tensor

from lt_course.errors import CourseError
from lt_course.web import resource

_TABLE = resource("released")
PRETRAINED_ON = {tag: key for key, tags in _TABLE["tags"].items() for tag in tags}
"""open_clip's tags, and the key of `web_frequencies.PRETRAINING_SETS` that they stand for."""


@dataclass(frozen=True, order=True)
class OpenModel:
    """A checkpoint of open_clip, by its name and tag there."""

    name: str
    tag: str

    def __str__(self) -> str:
        """As the command line writes it: ``ViT-B-32/laion2b_e16``."""
        return f"{self.name}/{self.tag}"

    @property
    def pretrained_on(self) -> str | None:
        """Key of `web_frequencies.PRETRAINING_SETS`; None where the captions were not counted."""
        return PRETRAINED_ON.get(self.tag)

    @property
    def note(self) -> str:
        """What else one of its towers has learnt from; mostly nothing."""
        starts: dict[str, str] = _TABLE["started_elsewhere"]
        return next((note for start, note in starts.items() if self.name.startswith(start)), "")


@dataclass(frozen=True)
class Towers:
    """A released CLIP, ready to be asked.

    Attributes:
        transform: a PIL picture to the tensor [3, S, S] that this checkpoint was trained to see.
        tokenise: texts to token ids int64 [B, L].
        image_features: tensors [B, 3, S, S] to features [B, D] as they leave the tower.
        text_features: token ids to normalised features [B, D].
    """

    transform: Callable[[Image.Image], Tensor]
    tokenise: Callable[[list[str]], Tensor]
    image_features: Callable[[Tensor], Tensor]
    text_features: Callable[[Tensor], Tensor]


class WeightsError(CourseError):
    """A checkpoint cannot be had; others may."""


def open_models() -> tuple[OpenModel, ...]:
    """Every checkpoint that the installed open_clip lists, once, in its order."""
    return tuple(models[0] for models in _by_weights().values())


def chosen(names: Iterable[str]) -> list[OpenModel]:
    """Models by ``NAME/TAG``, ``counted`` (those with counted captions) or ``all``, each once.

    Raises:
        CourseError: if open_clip lists no such model, or lists it as another name of weights
            that have a better one.
    """
    every = open_models()
    better = {alias: models[0] for models in _by_weights().values() for alias in models[1:]}
    found: dict[OpenModel, None] = {}
    for text in names:
        if text in ("all", "counted"):
            found |= dict.fromkeys(m for m in every if text == "all" or m.pretrained_on)
            continue
        name, _, tag = text.partition("/")
        model = OpenModel(name, tag)
        if model in better:
            raise CourseError(
                f"{text} names the weights of {better[model]}, which has the activation and the "
                f"input that they were trained with; evaluate {better[model]}."
            )
        if model not in every:
            nearest = difflib.get_close_matches(text, map(str, every), n=3, cutoff=0)
            raise CourseError(
                f"open_clip {open_clip.__version__} lists no model {text!r}; nearest: "
                f"{', '.join(nearest)}. `lt-course models list` lists them all."
            )
        found[model] = None
    return list(found)


@cache
def parameters(name: str) -> int | None:
    """Parameters of a model; None if its design, some of which lie on a hub, is not at hand."""
    untrained = {"load_weights": False, "pretrained_text": False, "device": "meta"}
    try:
        with torch.device("meta"):
            model = _quietly(open_clip.create_model, name, **untrained)
    except (OSError, RuntimeError, ImportError):
        return None
    return sum(parameter.numel() for parameter in model.parameters())


def load(model: OpenModel, device: torch.device | str = "cpu") -> Towers:
    """Load a checkpoint in float32; a WeightsError if it cannot be had or does not fit."""
    try:
        clip, transform = _quietly(
            open_clip.create_model_from_pretrained, model.name, model.tag, device=device
        )
        tokenise = open_clip.get_tokenizer(model.name)
    except (OSError, RuntimeError, ImportError, ValueError, KeyError) as problem:
        said = str(problem).strip().partition("\n")[0].rstrip(".")
        raise WeightsError(
            f"The weights of {model} cannot be had ({said}); connect to the network, or put them "
            "into the cache of the Hugging Face hub (HF_HOME)."
        ) from problem
    clip.eval()
    return Towers(
        transform,
        tokenise,
        partial(clip.encode_image, normalize=False),
        partial(clip.encode_text, normalize=True),
    )


@cache
def _by_weights() -> dict[tuple[str, ...], list[OpenModel]]:
    """Names of each file of weights, the one that fits best first."""
    found: dict[tuple[str, ...], list[OpenModel]] = {}
    for name, tag in open_clip.list_pretrained():
        config = get_pretrained_cfg(name, tag)
        place = tuple(config.get(kind, "") for kind in ("hf_hub", "url", "file"))
        found.setdefault(place, []).append(OpenModel(name, tag))
    for models in found.values():
        models.sort(key=lambda model: not _fits(model))
    return found


def _fits(model: OpenModel) -> bool:
    """Whether the name's activation is the one that the weights were trained with."""
    design = open_clip.get_model_config(model.name) or {}
    trained = get_pretrained_cfg(model.name, model.tag).get("quick_gelu", False)
    return bool(design.get("quick_gelu", False) == trained)


def _quietly(make: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Without open_clip's remarks on models that have no weights yet."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return make(*args, **options)
    finally:
        logging.disable(logging.NOTSET)
