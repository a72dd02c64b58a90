"""The runs of ``resources/paper_recipes.toml``: the paper's, and some that one GPU can take."""

from __future__ import annotations

from typing import Any

from lt_course.data.photographs import cifar100
from lt_course.study.photograph_dataset import PhotographData
from lt_course.study.run_config import NAMED, OBJECTIVES, PARTS, Model, RunConfig
from lt_course.study.text_heads import TEXT_HEADS
from lt_course.training.options import Training
from lt_course.web import resource
from lt_course.web.datasets.shard_data import ShardData

_TABLE: dict[str, dict[str, Any]] = resource("paper_recipes")


def _inherited(name: str) -> dict[str, Any]:
    """What the file says of a recipe, and of those that it is like."""
    own = _TABLE[name]
    if "like" not in own:
        return own
    other = _inherited(own["like"])
    changed = [part for part in PARTS if part in own and not {"kind", "dataset"} & own[part].keys()]
    return other | own | {part: other[part] | own[part] for part in changed}


def _fields(part: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(told) if isinstance(told, list) else told for name, told in part.items()}


def _run(name: str) -> RunConfig:
    recipe = _inherited(name)
    data, model, head, objective, training = (_fields(recipe[part]) for part in PARTS)
    return RunConfig(
        name,
        recipe["scale"],
        0,
        (PhotographData if data["dataset"] == cifar100.NAME else ShardData)(**data),
        Model(**model),
        TEXT_HEADS[head.pop("kind")](**head),
        OBJECTIVES[objective.pop("kind")](**objective),
        Training(**training),
    )


RECIPES: dict[str, RunConfig] = {name: _run(name) for name in _TABLE}


def names() -> dict[str, str]:
    """Every run that has a name -> what it is."""
    of_core = {name: what for name, (what, _) in NAMED.items()}
    return of_core | {name: recipe["what"] for name, recipe in _TABLE.items()}
