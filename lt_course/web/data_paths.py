"""Where data lie on this machine: no part of a run.

``LT_COURSE_DATA`` names a folder with one folder a set. Of a set NAME that lies in shards:

    NAME/            tars, or shards.txt with a pattern or an address a line (hf://, s3://, …)
    NAME-shards/     the same; what img2dataset made of a list
    NAME-labels/     what lt-course data prepare wrote of shards whose captions give the labels

and beside them ``imagenet-val/``, ``imagenet-v2/`` and ``cifar-100-python/`` as
``lt-course data list`` says, and ``transfer/`` with those sets of Table 2 that features are to be
tried on, as torchvision lays them. Shards that are addresses are read where they are.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from lt_course.data.data_folder import Input, data_folder, missing
from lt_course.errors import CourseError

LIST = "shards.txt"

PREPARED = ("imagenet", "imagenet-captions")
"""Sets whose shards ``lt-course data prepare`` writes itself."""

RAW = re.compile(r"(n\d{8}|ILSVRC2012_img_train)\.tar")


def shards(name: str, inputs: tuple[Input, ...]) -> list[str]:
    """Patterns of a set's shards; if there are none, the CourseError says where to get them."""
    root = data_folder(inputs)
    for place in (root / name, root / f"{name}-shards"):
        if (place / LIST).is_file():
            lines = (place / LIST).read_text(encoding="utf-8").splitlines()
            return [line.strip() for line in lines if line.strip()]
        # ImageNet's own tars may lie here by mistake.
        if any(not RAW.fullmatch(path.name) for path in place.glob("*.tar")):
            return [str(place)]
    if name in PREPARED:
        named = "; ".join(map(str, inputs))
        raise CourseError(
            f"The folder {root / name} holds no shards; lt-course data prepare {name} --source "
            f"FOLDER --out {root / name} writes them. FOLDER holds: {named}."
        )
    raise missing(root / name, inputs)


def labels(name: str, prepared_as: str, inputs: tuple[Input, ...]) -> Path:
    """The folder of a set's labels; if it is missing, the CourseError has the command for it."""
    place = data_folder(inputs) / f"{name}-labels"
    if not place.is_dir():
        source = " ".join(f"'{pattern}'" for pattern in shards(name, inputs))
        raise CourseError(
            f"The folder {place} is missing; lt-course data prepare {prepared_as} --source "
            f"{source} --out {place} makes it."
        )
    return place


def workers(on_cpu: bool) -> int:
    """Processes that read ahead for this one, as ``LT_COURSE_WORKERS`` says; they change no value.

    Else none where the CPU itself trains, and up to eight of the cores that this process can have.
    """
    if chosen := os.environ.get("LT_COURSE_WORKERS"):
        if not chosen.isdecimal():
            raise CourseError(f"LT_COURSE_WORKERS is {chosen!r}; give a whole number.")
        return int(chosen)
    if on_cpu:
        return 0
    beside = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return max(1, min(8, (os.cpu_count() or 1) // beside - 1))
