"""The runs of ``resources/paper_recipes.toml``: the paper's, and some that one GPU can take."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from lt_course.data.photographs import cifar100
from lt_course.study.photograph_dataset import PhotographData
from lt_course.study.run_config import NAMED, OBJECTIVES, PARTS, Model, RunConfig
from lt_course.study.text_heads import TEXT_HEADS
from lt_course.training.options import Training
from lt_course.web.datasets.shard_data import ShardData

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = Path(__file__).parent / "resources" / "paper_recipes.toml"

_TOLD: dict[str, dict[str, Any]] = tomllib.loads(FILE.read_text(encoding="utf-8"))


def _inherited(name: str) -> dict[str, Any]:
    """What the file says of a recipe, and of those that it is like."""
    told = _TOLD[name]
    if "like" not in told:
        return told
    whole = _inherited(told["like"]) | told
    for part in PARTS:
        if part in told and not {"kind", "dataset"} & told[part].keys():
            whole[part] = _inherited(told["like"])[part] | told[part]
    return whole


def _run(name: str) -> RunConfig:
    told = _inherited(name)
    data, head, objective, training = (
        {field: tuple(value) if isinstance(value, list) else value for field, value in part.items()}
        for part in (told["data"], told["text_head"], told["objective"], told["training"])
    )
    return RunConfig(
        name,
        told["scale"],
        0,
        (PhotographData if data["dataset"] == cifar100.NAME else ShardData)(**data),
        Model(**told["model"]),
        TEXT_HEADS[head.pop("kind")](**head),
        OBJECTIVES[objective.pop("kind")](**objective),
        Training(**training),
    )


RECIPES: dict[str, RunConfig] = {name: _run(name) for name in _TOLD}


def names() -> dict[str, str]:
    """Every run that has a name -> what it is."""
    of_core = {name: what for name, (what, _) in NAMED.items()}
    return of_core | {name: told["what"] for name, told in _TOLD.items()}
