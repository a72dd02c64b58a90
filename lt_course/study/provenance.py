"""Which code made a run, and on which machine.

A run's code is everything in the package that can change its result, the shipped data included, as
it was when it was imported: core alone, or core and what reads photographs and released weights.
"""

from __future__ import annotations

import hashlib
import platform
import resource
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from lt_course.distributed import world_size
from lt_course.errors import CourseError
from lt_course.study.execute import device_of
from lt_course.study.icontail_dataset import IconTailData
from lt_course.study.photograph_dataset import PhotographData
from lt_course.study.run_config import RunConfig
from lt_course.study.text_heads import LanguageModel, Released, is_table

PACKAGE = Path(__file__).parents[1]
CORE = ("*.py", *(f"{part}/*.py" for part in (
    "data", "data/photographs", "models", "objectives", "training", "evaluation", "study",
)), *(f"data/resources/*.{kind}" for kind in ("npz", "csv", "json")))  # fmt: skip
"""Files of the package that decide what a run on drawings, or on photographs in memory, gives."""

EXTENSIONS = ("web/**/*.py", "web/**/*.toml", "counting/*.py", "counting/resources/*")
"""Files that decide, besides, what photographs in shards and released text towers give."""


def _hash_on_disk(patterns: Sequence[str]) -> str:
    """First 12 hexadecimal digits of the SHA-256 of files of the package."""
    digest = hashlib.sha256()
    for pattern in patterns:
        for path in sorted(PACKAGE.glob(pattern)):
            digest.update(str(path.relative_to(PACKAGE)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


IMPORTED = {patterns: _hash_on_disk(patterns) for patterns in (CORE, CORE + EXTENSIONS)}


def code_hash(run: RunConfig) -> str:
    """The hash of the code that decides what a run gives, as it was when it was imported."""
    return IMPORTED[_deciding(run)]


def _deciding(run: RunConfig) -> tuple[str, ...]:
    """Patterns of the files that decide a run's result: core's alone, or all."""
    head = run.text_head
    reads = isinstance(head, Released) and not is_table(head)
    of_web = reads or (isinstance(head, LanguageModel) and head.text_weights)
    in_memory = isinstance(run.data, IconTailData | PhotographData)
    return CORE if in_memory and not of_web else CORE + EXTENSIONS


def require_imported_code(run: RunConfig) -> None:
    """Refuse, with a CourseError, code whose files were edited since they were imported."""
    before, now = code_hash(run), _hash_on_disk(_deciding(run))
    if now != before:
        raise CourseError(
            f"The code of lt_course was edited after it was imported (its hash was {before}, and "
            f"is {now}), so nobody can say which of both a result is of; restart the kernel or the "
            "command. A training that was under way goes on from its last checkpoint if the edit "
            "is undone."
        )


def environment(run: RunConfig) -> dict[str, Any]:
    """Code, versions and machine, as a record keeps them."""
    packages = ("torch", "torchvision", "open_clip_torch", "numpy", "scipy", "lt-course")
    per_mebibyte = 2**20 if sys.platform == "darwin" else 2**10
    return {
        "code": code_hash(run),
        "commit": _commit(),
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "processor": processor(),
        "versions": {package: version(package) for package in packages},
        "device": str(device_of(run)),
        "threads": torch.get_num_threads(),
        "processes": world_size(),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // per_mebibyte,
    }


@cache
def processor() -> str:
    """The processor's name and vector instructions, on which the last digits depend."""
    described = Path("/proc/cpuinfo")  # on Linux; elsewhere Python knows the name
    lines = described.read_text().splitlines() if described.exists() else []
    pairs = [[part.strip() for part in line.split(":", 1)] for line in lines if ":" in line]
    known = dict(reversed(pairs))  # of the first core
    name = known.get("model name") or platform.processor() or platform.machine()
    details = [f"{key} {known[key]}" for key in ("cpu family", "model") if key in known]
    return ", ".join([name, *details, torch.backends.cpu.get_cpu_capability()])


@cache
def _commit() -> str | None:
    """The checkout's commit, or None outside of one."""
    if not (PACKAGE.parent / "pyproject.toml").exists():
        return None
    command = ["git", "-C", str(PACKAGE.parent), "rev-parse", "HEAD"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return asked.stdout.strip() or None
