"""The sets of photographs that can be prepared or read: ``lt-course data list``."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lt_course.data.data_folder import Input
from lt_course.data.photographs import cache

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Source:
    """A set that can be made into shards, or read as it is.

    Attributes:
        name: of the command ``lt-course data prepare NAME``; or what to give as shards.
        what: one line.
        pairs: as the paper used it; None where the web decides.
        classes: with at least one picture.
        inputs: needed files.
        prepared: whether ``lt-course data prepare`` makes something of them.
        shards: an address from which they are read as they are.
    """

    name: str
    what: str
    pairs: int | None = None
    classes: int | None = None
    inputs: tuple[Input, ...] = ()
    prepared: bool = True
    shards: str | None = None


def resource(name: str) -> dict[str, dict[str, Any]]:
    """A table that comes with the course, by its sections."""
    path = Path(__file__).parent / "resources" / f"{name}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


SETS = {
    name: Source(**entry | {"name": name, "inputs": tuple(Input(**i) for i in entry["inputs"])})
    for name, entry in resource("sets").items()
}
EVALUATED = ("imagenet-val", "imagenet-v2")
"""Those of them that are evaluated on."""

SOURCES = (
    *(
        replace(each, name=each.shards, inputs=()) if each.shards else each
        for name, each in SETS.items()
        if name not in EVALUATED
    ),
    *(
        Source(each.NAME, str(each.__doc__).splitlines()[0], inputs=each.INPUTS, prepared=False)
        for each in cache.SETS.values()
    ),
    *(SETS[name] for name in EVALUATED),
)
"""What is listed; shards that are read where they are by their address."""
