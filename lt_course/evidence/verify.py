"""Recorded runs, trained again and compared.

Where everything is as it was (platform, processor, Python, versions, device, threads, code), a run
gives the same numbers to the last bit. Elsewhere floating-point sums are grouped otherwise, and
training magnifies the last bit; then differences up to `TOLERANCE` pass.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from tempfile import TemporaryDirectory

import numpy as np

from lt_course.errors import CourseError
from lt_course.evidence import results
from lt_course.evidence.results import MEASURED, CommittedResult
from lt_course.evidence.train_all import threads
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
        f"accuracies by {PER_CLASS:g} on average; frequencies and trims may not differ."
    )


@dataclass(frozen=True)
class Comparison:
    """A recorded run beside its repetition.

    If nothing of the environment has `changed`, numbers must be equal. `differences` are new values
    of metrics less the recorded ones, `faults` a sentence for each difference that must not be.
    """

    recorded: CommittedResult
    changed: list[str]
    differences: dict[str, float]
    faults: list[str]


def verify(sample: int, seed: int = 0, scale: str = "cpu") -> Iterator[Comparison]:
    """Train a random sample of the recorded runs again, in a store that is then thrown away.

    All, if fewer than `sample` are recorded whose data are here (`left_out`); `seed` is of the
    choice.
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
    before = os.environ.get("LT_COURSE_STORE")
    with TemporaryDirectory() as folder:
        os.environ["LT_COURSE_STORE"] = folder
        try:
            for address in chosen:
                yield again(known[str(address)])
        finally:
            del os.environ["LT_COURSE_STORE"]
            if before is not None:
                os.environ["LT_COURSE_STORE"] = before


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
    with threads(recorded.environment["threads"]):
        finished = store.train_or_load(recorded.run)
    return compare(recorded, results.measured(finished))


def compare(recorded: CommittedResult, new: CommittedResult) -> Comparison:
    """A record and its repetition."""
    changed = [name for name in SAME if recorded.environment.get(name) != new.environment.get(name)]
    before, now = (each.environment["versions"] for each in (recorded, new))
    changed += sorted(name for name in before | now if before.get(name) != now.get(name))
    differences = {
        name: new.metrics.get(name, math.nan) - value
        for name, value in recorded.metrics.items()  # later code may measure more
        if not _equal(value, new.metrics.get(name))
    }
    faults = []
    for name, off in differences.items():
        bound = next((b for start, b in TOLERANCE.items() if name.startswith(start)), None)
        if not changed:
            faults.append(f"{name} is off by {off:+.2g}")
        elif bound is not None and not abs(off) <= bound:
            faults.append(f"{name} is off by {off:+.2g}, more than {bound:g}")
    # No arithmetic decides how frequent a class is, or whether it is trimmed.
    for name in ("frequency", "trimmed") if changed else MEASURED:
        if not np.array_equal(recorded.per_class[name], new.per_class[name], equal_nan=True):
            faults.append(f"the per-class column {name} is not equal")
    apart = float((new.per_class["accuracy"] - recorded.per_class["accuracy"]).abs().mean())
    if changed and not apart <= PER_CLASS:
        faults.append(f"accuracy is off by {apart:.2g} in the mean class, more than {PER_CLASS:g}")
    return Comparison(recorded, changed, differences, faults)


def _equal(a: float, b: float | None) -> bool:
    return a == b or (b is not None and math.isnan(a) and math.isnan(b))
