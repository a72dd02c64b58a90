"""Photographs in shards, released weights, clusters and the command: what lessons do not need.

Nobody imports this package but the command; `register` adds to `lt_course.study.registry` what runs
can name of it, and to `lt_course.objectives` the twins of losses.
"""

import sys
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def resource(name: str) -> dict[str, Any]:
    """What the file of that name in ``resources/`` says."""
    path = Path(__file__).parent / "resources" / f"{name}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def register() -> None:
    """Add data sets, recipes, released text heads and fused losses."""
    # Not above, so that help is quick, and processes that count captions need no torch.
    from lt_course.objectives.objective import FUSED
    from lt_course.study import registry
    from lt_course.web import cpu_time, fused_losses, paper_recipes
    from lt_course.web.datasets import photographs
    from lt_course.web.released import released_text

    registry.add_dataset(*photographs.SHARDS)(photographs.PhotographDataset)
    registry.RECIPES.update(paper_recipes.RECIPES)
    registry.TEXT_HEADS.append(released_text)
    FUSED.update(
        info_nce=fused_losses.info_nce,
        multi_crop_cross_entropy=fused_losses.multi_crop_cross_entropy,
    )
    registry.BEFORE_TRAINING.append(cpu_time.announce)
