"""Recorded runs, trained again and compared.

Where everything is as it was (platform, processor, Python, versions, device, threads, code), a run
gives the same numbers to the last bit. Elsewhere floating-point sums are grouped otherwise, and
training magnifies the last bit; then differences up to `TOLERANCE` pass.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory

import numpy as np
import torch

from lt_course.errors import CourseError
from lt_course.evidence import results
from lt_course.evidence.results import MEASURED, CommittedResult
from lt_course.study import store
from lt_course.study.dataset import load_dataset
from lt_course.study.run_config import RunConfig

TOLERANCE = {
    "accuracy": 0.05,
    "spearman_nc": 0.25,
    "spearman": 0.20,
    "pearson": 0.20,
}
"""Greatest difference that passes on another machine, by the first letters of the metric.

The first that fit decide. From one processor to another, correlations over 60 classes were seen to
move by up to 0.12, and those of geometry, which rest on a class's nearest neighbour, by 0.15."""

PER_CLASS = 0.10
"""Greatest mean difference over classes of per-class accuracy that passes there."""

SAME = ("code", "python", "platform", "processor", "device", "threads")
"""What must be as recorded, besides the versions of packages, for numbers to be equal."""


def tolerance() -> str:
    """What passes on another machine, in one sentence."""
    return (
        f"accuracies may then differ by {TOLERANCE['accuracy']:g}, correlations by "
        f"{TOLERANCE['spearman']:g} (those of geometry by {TOLERANCE['spearman_nc']:g}), per-class "
        f"accuracies by {PER_CLASS:g} on average; frequencies "
        "and trims may not differ."
    )


@dataclass(frozen=True)
class Comparison:
    """A recorded run beside its repetition.

    Attributes:
        recorded: the run as recorded.
        changed: what of the environment is not as it was; if nothing is, numbers must be equal.
        differences: metric -> new value less the recorded one, where they are not equal.
        faults: one sentence for each difference that must not be.
    """

    recorded: CommittedResult
    changed: list[str]
    differences: dict[str, float]
    faults: list[str]


def verify(sample: int, seed: int = 0, scale: str = "cpu") -> Iterator[Comparison]:
    """Train a random sample of the recorded runs again, in a store that is then thrown away.

    Args:
        sample: how many; all, if fewer are recorded whose data are here (`left_out`).
        seed: of the choice.
        scale: of which scale.

    Raises:
        CourseError: if no run is recorded at that scale, or a record is damaged.
    """
    known = results.load()
    addresses = sorted(a for a, found in known.items() if found.run.scale == scale)
    if not addresses:
        raise CourseError(
            f"No run is recorded at scale {scale!r}; lt-course study record --scale {scale} "
            "records those of the store."
        )
    absent = left_out(scale)
    addresses = [a for a in addresses if known[a].run.data.dataset not in absent]
    generator = np.random.default_rng(seed)
    chosen = generator.choice(addresses, min(sample, len(addresses)), replace=False)
    with _temporary_store():
        for address in chosen:
            yield again(known[str(address)])


def left_out(scale: str = "cpu") -> dict[str, tuple[int, str]]:
    """Data sets of recorded runs that cannot be read here: how many runs, and why."""
    by_set: dict[str, list[RunConfig]] = {}
    for found in results.load().values():
        if found.run.scale == scale:
            by_set.setdefault(found.run.data.dataset, []).append(found.run)
    absent = {}
    for name, runs in by_set.items():
        try:
            load_dataset(runs[0])
        except CourseError as error:
            absent[name] = (len(runs), str(error))
    return absent


def again(recorded: CommittedResult) -> Comparison:
    """Train one run anew, or read it from the store in use, and compare."""
    threads = torch.get_num_threads()
    torch.set_num_threads(recorded.environment["threads"])
    try:
        finished = store.train_or_load(recorded.run)
    finally:
        torch.set_num_threads(threads)
    return compare(recorded, results.measured(finished))


def compare(recorded: CommittedResult, new: CommittedResult) -> Comparison:
    """A record and its repetition."""
    changed = [name for name in SAME if recorded.environment.get(name) != new.environment.get(name)]
    versions = [r.environment["versions"] for r in (recorded, new)]
    changed += sorted(
        package for package in versions[0] | versions[1]
        if versions[0].get(package) != versions[1].get(package)
    )  # fmt: skip
    differences = {
        name: new.metrics.get(name, math.nan) - recorded.metrics.get(name, math.nan)
        for name in recorded.metrics  # later code may measure more
        if not _equal(recorded.metrics.get(name), new.metrics.get(name))
    }
    check = _strict_faults if not changed else _lax_faults
    return Comparison(recorded, changed, differences, check(recorded, new, differences))


def _strict_faults(
    recorded: CommittedResult, new: CommittedResult, differences: dict[str, float]
) -> list[str]:
    faults = [f"{name} is off by {value:+.2g}" for name, value in differences.items()]
    columns = [
        name
        for name in MEASURED
        if not np.array_equal(recorded.per_class[name], new.per_class[name], equal_nan=True)
    ]
    return faults + [f"the per-class column {name} is not equal" for name in columns]


def _lax_faults(
    recorded: CommittedResult, new: CommittedResult, differences: dict[str, float]
) -> list[str]:
    faults = []
    for name, value in differences.items():
        bound = next((b for start, b in TOLERANCE.items() if name.startswith(start)), math.inf)
        if not abs(value) <= bound and bound < math.inf:
            faults.append(f"{name} is off by {value:+.2g}, more than {bound:g}")
    for name in ("frequency", "trimmed"):  # no arithmetic decides these
        if not np.array_equal(recorded.per_class[name], new.per_class[name]):
            faults.append(f"the per-class column {name} is not equal")
    off = float((new.per_class["accuracy"] - recorded.per_class["accuracy"]).abs().mean())
    if not off <= PER_CLASS:
        faults.append(f"accuracy is off by {off:.2g} in the mean class, more than {PER_CLASS:g}")
    return faults


def _equal(a: float | None, b: float | None) -> bool:
    return a == b or (a is not None and b is not None and math.isnan(a) and math.isnan(b))


@contextmanager
def _temporary_store() -> Iterator[None]:
    before = os.environ.get("LT_COURSE_STORE")
    with TemporaryDirectory() as folder:
        os.environ["LT_COURSE_STORE"] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ["LT_COURSE_STORE"]
            else:
                os.environ["LT_COURSE_STORE"] = before
