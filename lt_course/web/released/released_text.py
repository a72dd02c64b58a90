"""Text towers that others have trained: those of CLIP, and language models (Sec. 3.5).

CLIP's come by way of open_clip, language models by way of the package transformers.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import open_clip
import pooch
import torch
from filelock import FileLock
from open_clip.hf_model import HFTextEncoder
from open_clip.model import convert_to_custom_text_state_dict
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor

from lt_course.data.tokenizer import first_line, require_transformers
from lt_course.errors import CourseError
from lt_course.models.image_encoders import check_open_clip
from lt_course.web import resource

CLIPS_CONTEXT = 77
"""Tokens that CLIP's text towers have positions for."""

FILES = (".pt", ".pth", ".bin", ".safetensors")
"""What files of weights end in."""


class Frozen(nn.Module):
    """A tower, projection included, that never changes: in evaluation mode, without any graph."""

    def __init__(self, tower: nn.Module) -> None:
        super().__init__()
        self.tower = tower.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> Frozen:
        """Stay in evaluation mode, whatever is asked for."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """What the tower makes of x."""
        features: Tensor = self.tower(x)
        return features


# --- CLIP --------------------------------------------------------------------------------------


def released_text_tower(
    name: str, weights: str, context: int, embedding: int, *, frozen: bool, load: bool = True
) -> nn.Module:
    """The text tower of a released CLIP; its image tower and temperature are left aside.

    The activation is the one that the weights were trained with: QuickGELU for ``openai``,
    whatever `name` says. For a file it is that of the architecture, so its name may have to be
    ``RN50-quickgelu``. Attention is causal, so a tower for shorter texts is exact.

    Args:
        name: a model of open_clip.
        weights: a tag of open_clip's for that model (``openai``, ``laion400m_e32``, …), or a file.
        context: length L of the texts, 3 … 77.
        embedding: dimension D of the features.
        frozen: as `Frozen`.
        load: False leaves the weights random, and fetches and reads nothing.

    Shapes: int64 [B, L] in, float [B, D] out, not normalised.

    Raises:
        CourseError: as `check_released`; or the weights cannot be had, or are of another shape.
    """
    check_released(name, weights, embedding)
    trained = open_clip.get_pretrained_cfg(name, weights) or open_clip.get_model_config(name)
    tower: nn.Module = open_clip.create_model(
        name,
        load_weights=False,
        device=torch.get_default_device(),
        force_custom_text=True,
        force_context_length=context,
        quick_gelu=bool(trained.get("quick_gelu", False)),
    ).text
    if load:
        _load_text(tower, name, weights, context)
    return Frozen(tower) if frozen else tower


def check_released(name: str, weights: str, embedding: int) -> None:
    """Refuse an unknown name, or another `embedding` than the model's, before any is fetched."""
    check_open_clip(name, embedding, "text_tower")
    text = open_clip.get_model_config(name)["text_cfg"]
    others = ("hf_model_name", "hf_tokenizer_name", "no_causal_mask", "embed_cls")
    if any(text.get(key) for key in others) or text.get("context_length") != CLIPS_CONTEXT:
        raise CourseError(
            f"Field 'text_tower' is {name!r}, whose text tower is not of CLIP's kind (causal, "
            f"{CLIPS_CONTEXT} of CLIP's tokens), so its released weights cannot be used here; "
            "take RN50, ViT-B-32 or another of OpenAI's architectures."
        )
    is_file = "/" in weights or weights.endswith(FILES) or Path(weights).is_file()
    if not is_file and not open_clip.get_pretrained_cfg(name, weights):
        known = ", ".join(open_clip.list_pretrained_tags_by_model(name)) or "none"
        raise CourseError(
            f"Field 'text_weights' is {weights!r}, which is no file, and no tag that open_clip has "
            f"for {name!r}; it has {known}."
        )


def _load_text(tower: nn.Module, name: str, weights: str, context: int) -> None:
    """Fill the tower with the text part of a CLIP's weights."""
    state = convert_to_custom_text_state_dict(_read(_at_hand(name, weights)))
    own = {k.removeprefix("text."): v for k, v in state.items() if k.startswith("text.")}
    own.pop("attn_mask", None)  # some releases hold the causal mask, which follows the context
    if "positional_embedding" in own:
        own["positional_embedding"] = own["positional_embedding"][:context]
    wanted = {key: tuple(value.shape) for key, value in tower.state_dict().items()}
    given = {key: tuple(value.shape) for key, value in own.items()}
    if given != wanted:
        key = min(key for key in wanted | given if wanted.get(key) != given.get(key))
        raise CourseError(
            f"The weights {weights!r} (field 'text_weights') are not those of a {name!r} (field "
            f"'text_tower'): {key!r} should be {_shape(wanted.get(key))} and is "
            f"{_shape(given.get(key))}; name the architecture that they were trained with."
        )
    tower.load_state_dict(own)


def _shape(shape: tuple[int, ...] | None) -> str:
    return "absent" if shape is None else " x ".join(map(str, shape)) or "a number"


def _at_hand(name: str, weights: str) -> Path:
    """The file of the weights; those with a tag are fetched if they are not there yet."""
    described = open_clip.get_pretrained_cfg(name, weights)
    if not described:
        if not Path(weights).is_file():
            raise CourseError(
                f"Field 'text_weights' names the file {weights}, which does not exist; give the "
                "path of a CLIP's weights, or a tag of open_clip's."
            )
        return Path(weights)
    lock = Path(pooch.os_cache("lt-course")) / "text-weights.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(lock):  # of several processes one fetches, and the others find it there
            return Path(open_clip.download_pretrained(described))
    except (OSError, RuntimeError) as error:
        raise CourseError(
            f"The weights {weights!r} of {name!r} could not be fetched ({first_line(error)}); "
            "connect to the network, or name their file in field 'text_weights'."
        ) from error


def _read(path: Path) -> Mapping[str, Tensor]:
    """Weights by name, of a file of tensors or of one of open_clip's checkpoints."""
    try:
        if path.suffix == ".safetensors":
            read: Any = load_file(path)
        else:
            read = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, SafetensorError) as error:
        raise CourseError(
            f"The file {path} (field 'text_weights') holds no tensors that could be read "
            f"({first_line(error)}); give a checkpoint of open_clip's, or a state dictionary that "
            "torch.save or safetensors has written. (OpenAI's own archives are programs: take "
            "the tag 'openai'.)"
        ) from error
    state = read.get("state_dict", read) if isinstance(read, dict) else {}
    return {str(key).removeprefix("module."): value for key, value in state.items()}


# --- language models ---------------------------------------------------------------------------

KINDS = ("bert", "roberta", "xlm-roberta")
"""Architectures that put one token before a text and one behind it."""

LANGUAGE_MODELS: Mapping[str, dict[str, Any]] = resource("released")["language_models"]
"""Configurations: enough to plan with these models before they are fetched."""


class LanguageTower(nn.Module):
    """A frozen language model behind a projection that is learnt: the paper's RoBERTa (Sec. 3.5).

    Tokens of the last layer are averaged, and an MLP with one hidden layer, without biases, maps
    the mean to the shared space: 768 - 896 - 1,024 for RoBERTa and RN50, as open_clip builds it.
    The language model stays in evaluation mode. (In the study's release its dropout was left on.)

    Shapes: int64 [B, L] in, padded as the model's tokenizer pads, float [B, D] out.
    """

    def __init__(self, encoder: HFTextEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.encoder.transformer.requires_grad_(False)
        self.train()

    def train(self, mode: bool = True) -> LanguageTower:
        """Bring the projection into a mode; the language model stays in that of evaluation."""
        super().train(mode)
        self.encoder.transformer.eval()
        return self

    def forward(self, tokens: Tensor) -> Tensor:
        """Features, not normalised."""
        encoder = self.encoder
        if tokens.is_meta:  # nothing is known to be padding, and transformers would look
            hidden = encoder.transformer(input_ids=tokens)
            return encoder.proj(encoder.pooler(hidden, torch.ones_like(tokens)))
        if not isinstance(tokens, FakeTensor):  # exact, as padding is not looked at
            lengths = (tokens != encoder.config.pad_token_id).sum(1)
            tokens = tokens[:, : int(lengths.max())]
        return encoder(tokens)


def language_tower(name: str, embedding: int, *, load: bool = True) -> LanguageTower:
    """A language model, of the package transformers or in a folder, behind a new projection.

    Without `load` the weights are random and nothing is fetched: the shape is then that of a
    folder, of a model fetched before, or of one of `LANGUAGE_MODELS`.

    Raises:
        CourseError: if transformers or the model is not at hand, or its architecture not known.
    """
    require_transformers(name)
    config = _configuration(name, load)
    if config.model_type not in KINDS:
        raise CourseError(
            f"The language model {name!r} (field 'text_weights') is a {config.model_type!r}; take "
            f"one of the architectures {', '.join(KINDS)}."
        )
    encoder = HFTextEncoder(
        name, embedding, config, pooler_type="mean_pooler", proj_type="mlp", pretrained=False
    ).float()
    encoder.transformer.pooler = None  # of the first token, which the mean takes the place of
    if load:
        encoder.transformer.load_state_dict(_language_model(name))
    return LanguageTower(encoder)


def _language_model(name: str) -> Mapping[str, Tensor]:
    """The weights of a language model without its pooling of the first token."""
    from transformers import AutoModel
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # or it lists the weights of heads that are left aside
    try:
        with torch.device("cpu"):
            return AutoModel.from_pretrained(name, add_pooling_layer=False).state_dict()
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise _not_at_hand(name, error) from error
    finally:
        logging.set_verbosity(verbosity)


def _configuration(name: str, fetch: bool) -> Any:
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(name, local_files_only=not fetch)
    except (OSError, ValueError, KeyError) as error:
        if name in LANGUAGE_MODELS and not fetch:
            described = dict(LANGUAGE_MODELS[name])
            return AutoConfig.for_model(described.pop("model_type"), **described)
        raise _not_at_hand(name, error) from error


def _not_at_hand(name: str, error: Exception) -> CourseError:
    return CourseError(
        f"The language model {name!r} (field 'text_weights') is not at hand "
        f"({first_line(error)}); give the name of a model of the package transformers and connect "
        "to the network, or a folder that holds one."
    )
