"""What a run can name: data sets, released text heads, recipes.

Core adds drawings, and photographs in memory. All else is added by extensions (entry points of the
group ``lt_course``; `lt_course.web` is one), which are loaded when a run names something that is
not here yet. No other module of core knows of them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points
from types import ModuleType
from typing import TYPE_CHECKING, Any

from lt_course.errors import CourseError

if TYPE_CHECKING:
    from lt_course.study.dataset import RunDataset
    from lt_course.study.run_config import RunConfig

DATASETS: dict[str, type[RunDataset]] = {}
"""Data set -> what has its images."""

RECIPES: dict[str, RunConfig] = {}
"""Runs with a name besides `lt_course.study.run_config.NAMED`."""

TEXT_HEADS: list[ModuleType] = []
"""The module that makes text towers with released weights, as `lt_course.web` does."""

BEFORE_TRAINING: list[Callable[[RunConfig], None]] = []
"""Called before a run that was declared for a GPU trains."""


def add_dataset(*names: str) -> Callable[[type[RunDataset]], type[RunDataset]]:
    """Add a class as what has the images of the sets of these names."""

    def add(kind: type[RunDataset]) -> type[RunDataset]:
        DATASETS.update(dict.fromkeys(names, kind))
        return kind

    return add


def dataset(name: str) -> type[RunDataset]:
    """What has the images of a data set, or a CourseError that says which sets there are."""
    kind: type[RunDataset] | None = find(DATASETS, name)
    if kind is None:
        raise CourseError(
            f"Field 'dataset' is {name!r}, which this version of lt_course cannot read; it reads "
            f"{', '.join(DATASETS)}."
        )
    return kind


@cache
def load_extensions() -> None:
    """Let all installed extensions add what they have, once; a CourseError names what one lacks."""
    for point in entry_points(group="lt_course"):
        try:
            point.load()()
        except ModuleNotFoundError as error:
            raise CourseError(
                f"What lt_course.{point.name} adds needs the package {error.name}; install it with "
                f"pip install 'lt-course[{point.name}]'."
            ) from error


def find(known: dict[str, Any], name: str) -> Any:
    """The entry of a name, or None if neither core nor an extension has it."""
    if name not in known:
        load_extensions()
    return known.get(name)


def released_text() -> ModuleType:
    """What makes text towers with released weights; a CourseError if nothing does."""
    load_extensions()
    if not TEXT_HEADS:
        raise CourseError(
            "Field 'text_weights' names released weights, which this installation cannot load; "
            "reinstall lt-course."
        )
    return TEXT_HEADS[-1]
