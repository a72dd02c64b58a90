"""Exercises of lesson 15."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from scipy import stats

from lt_course import evidence
from lt_course.evaluation.intervals import Interval
from lt_course.evidence.claims import judge
from lt_course.lessons.exercises.kinds import (
    Choice,
    Exercise,
    Explanation,
    Function,
    Mistake,
    Prediction,
)


# ---- How many seeds?
def power(ratio: float, n: int) -> float:
    """Share of studies of n seeds whose interval lies above 0, at an effect of so many deviations.

    The noncentral t distribution, exactly.
    """
    return float(stats.nct.sf(stats.t.ppf(0.975, n - 1), n - 1, ratio * np.sqrt(n)))


def seeds_needed(sd: float, smallest: float) -> int:
    """Least number of seeds, from two upwards, whose power is 80 %."""
    return next(n for n in range(2, 10_000) if power(smallest / sd, n) >= 0.8)


def _half_width(sd: float, smallest: float) -> int:
    return next(
        n for n in range(2, 10_000) if stats.t.ppf(0.975, n - 1) * sd / np.sqrt(n) <= smallest
    )


def _normal(sd: float, smallest: float) -> int:
    quantiles = float(stats.norm.ppf(0.975) + stats.norm.ppf(0.8))
    return math.ceil((quantiles * sd / smallest) ** 2)


def _two_samples(sd: float, smallest: float) -> int:
    return _normal(math.sqrt(2) * sd, smallest)


def _one_sided(sd: float, smallest: float) -> int:
    def one_sided(n: int) -> float:
        quantile = stats.t.ppf(0.95, n - 1)
        return float(stats.nct.sf(quantile, n - 1, smallest / sd * np.sqrt(n)))

    return next(n for n in range(2, 10_000) if one_sided(n) >= 0.8)


def _spreads(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    yield from ((0.05, 0.1), (0.06, 0.05), (0.08, 0.03))
    for _ in range(3):
        sd = round(rng.uniform(0.02, 0.2), 3)
        yield sd, round(sd * rng.uniform(0.4, 2), 3)


# ---- A lock that survives new formatting
def digest(claim: dict[str, Any]) -> str:
    """SHA-256 of the canonical JSON: keys sorted, no blanks."""
    return _sha(json.dumps(claim, sort_keys=True, separators=(",", ":")))


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _claims(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    claim = {"metric": "spearman_accuracy", "smallest": 0.1, "seeds": [1, 2, 3]}
    yield (claim,)
    yield (dict(reversed(claim.items())),)
    yield (claim | {"smallest": 0.02},)
    yield ({"plus": {"run": "sl", "adjustment": "none"}, "smallest": 0.1},)
    drawn = claim | {"smallest": round(rng.uniform(0, 1), 4), "arms": {"b": 2, "a": 1}}
    for _ in range(3):
        fields = [list(drawn)[i] for i in rng.permutation(len(drawn))]
        yield ({field: drawn[field] for field in fields},)


# ---- A verdict
def verdict(low: float, estimate: float, high: float, smallest: float) -> str:
    """What an interval says of a claim of a positive effect."""
    return judge(Interval(estimate, low, high, 5), smallest, "positive")


def _by_significance(low: float, estimate: float, high: float, smallest: float) -> str:
    if low > 0:
        return "supported"
    return "reversed" if high < 0 else "absent"


def _null_is_reversal(low: float, estimate: float, high: float, smallest: float) -> str:
    right = verdict(low, estimate, high, smallest)
    return "reversed" if right == "absent" else right


def _by_estimate(low: float, estimate: float, high: float, smallest: float) -> str:
    if estimate >= smallest:
        return "supported"
    return "reversed" if estimate < 0 else "absent"


def _small_is_supported(low: float, estimate: float, high: float, smallest: float) -> str:
    right = verdict(low, estimate, high, smallest)
    return "supported" if low > 0 else right


def _whole_above_smallest(low: float, estimate: float, high: float, smallest: float) -> str:
    right = verdict(low, estimate, high, smallest)
    return "undecided" if right == "supported" and low < smallest else right


def _intervals(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    yield from (
        (0.05, 0.20, 0.35, 0.10),
        (0.12, 0.20, 0.28, 0.10),
        (0.01, 0.06, 0.11, 0.10),
        (0.01, 0.04, 0.07, 0.10),
        (-0.03, 0.02, 0.07, 0.10),
        (-0.30, -0.10, 0.05, 0.10),
        (-0.30, -0.20, -0.10, 0.10),
        (-0.20, 0.05, 0.30, 0.10),
        (-0.02, 0.15, 0.32, 0.10),
    )
    for _ in range(12):
        estimate, half, smallest = rng.uniform(-0.3, 0.3), rng.uniform(0, 0.3), rng.uniform(0, 0.2)
        yield tuple(map(float, (estimate - half, estimate, estimate + half, smallest)))


# ---- Once more, with other seeds
def replication() -> str:
    """The verdict of seeds 5 to 9 on the accuracy of sampled vocabularies."""
    found = evidence.verdicts("dynamic_classification", seeds=range(5, 10))
    return next(v.verdict for v in found if v.claim.id == "vocabulary-raises-accuracy")


# ---- Peeking
def false_alarm_rate(peeks: Sequence[int]) -> float:
    """Share of studies without any effect whose 95 % interval excludes 0 at one look or more."""
    return _false_alarms(peeks)


def _false_alarms(
    peeks: Sequence[int], studies: int = 20_000, quantile: Any = None, two_sided: bool = True
) -> float:
    differences = np.random.default_rng(0).normal(size=(studies, max(peeks)))
    alarmed = np.zeros(studies, bool)
    for n in peeks:
        seen = differences[:, :n]
        half = stats.t.ppf(0.975, n - 1) if quantile is None else quantile
        half = half * seen.std(1, ddof=1) / np.sqrt(n)
        alarmed |= (np.abs(seen.mean(1)) if two_sided else seen.mean(1)) > half
    return float(alarmed.mean())


def _last_look(peeks: Sequence[int]) -> float:
    return _false_alarms(list(peeks)[-1:])


def _independent_looks(peeks: Sequence[int]) -> float:
    return float(1 - 0.95 ** len(peeks))


def _upper_side(peeks: Sequence[int]) -> float:
    return _false_alarms(peeks, two_sided=False)


def _normal_quantile(peeks: Sequence[int]) -> float:
    return _false_alarms(peeks, quantile=1.96)


def _looks(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    yield from (([5],), ([3, 4, 5],), (list(range(3, 11)),))
    yield (sorted(int(n) for n in rng.choice(np.arange(3, 13), 3, replace=False)),)


EXERCISES: dict[str, Exercise] = {
    "seeds-needed": Function(
        seeds_needed,
        _spreads,
        mistakes=[
            Mistake(
                _half_width,
                "With so many seeds the interval reaches as far as the effect to either side. An "
                "effect of that size is then found in about half of the studies, not in four of "
                "five.",
            ),
            Mistake(
                _two_samples,
                "This is for two independent groups. Within a seed the runs are paired, and `sd` "
                "is already that of the differences.",
            ),
            Mistake(
                _normal,
                "This takes the normal distribution. With a handful of seeds Student's quantile "
                "is larger, and a few more seeds are needed.",
            ),
            Mistake(_one_sided, "The quantile is 0.975: the interval has two sides."),
        ],
        hint="Raise n from 2 until the power is 0.8; the page's `exact_power` gives it.",
        tolerance=1e-9,
    ),
    "digest": Function(
        digest,
        _claims,
        mistakes=[
            Mistake(
                lambda claim: _sha(json.dumps(claim, separators=(",", ":"))),
                "The same claim with its fields in another order gets another digest: sort the "
                "keys.",
            ),
            Mistake(
                lambda claim: _sha(json.dumps(claim)),
                "The order of the fields and the blanks enter the digest: sort the keys, and use "
                "the separators that the task names.",
            ),
            Mistake(
                lambda claim: _sha(json.dumps(claim, sort_keys=True)),
                "The keys are sorted, but json's blanks are still there; set the separators.",
            ),
            Mistake(
                lambda claim: _sha(str(claim)),
                "This hashes how Python prints the dictionary, in the order of its fields; "
                "hash its JSON.",
            ),
            Mistake(
                lambda claim: _sha("".join(sorted(claim))),
                "This hashes the names of the fields and not their values.",
            ),
        ],
        hint="json.dumps with sort_keys and separators, then hashlib.sha256 of its bytes.",
    ),
    "effect": Prediction(low=-1, high=1, unit="the fall of S(p)"),
    "verdict": Function(
        verdict,
        _intervals,
        mistakes=[
            Mistake(
                _by_significance,
                "This asks only whether the interval excludes zero. An interval that reaches from "
                "below zero to beyond the smallest effect is undecided, and no absence.",
            ),
            Mistake(
                _null_is_reversal,
                "An interval that includes zero shows no reversal, however far below the smallest "
                "effect its upper end is: that is absent.",
            ),
            Mistake(_by_estimate, "The estimate alone decides here; the interval has to."),
            Mistake(
                _small_is_supported,
                "An interval above zero supports the claim only if the estimate is at least the "
                "smallest effect that would matter.",
            ),
            Mistake(
                _whole_above_smallest,
                "The whole interval has to lie above zero, not above the smallest effect; the "
                "estimate has to reach that.",
            ),
        ],
        hint="Ask in this order: supported? reversed? absent? Else undecided.",
    ),
    "replication": Choice(
        replication,
        options=("supported", "reversed", "absent", "undecided"),
        reasons=[
            Mistake(
                "supported",
                "The first interval only just excluded zero, with an estimate just above the "
                "smallest effect; such results often do not come out a second time.",
            ),
            Mistake(
                "reversed",
                "The new interval includes zero: it shows no effect in the other direction.",
            ),
            Mistake(
                "absent",
                "The new interval includes zero, but reaches beyond the smallest effect, so the "
                "effect may still be there.",
            ),
        ],
    ),
    "false-alarm-rate": Function(
        false_alarm_rate,
        _looks,
        mistakes=[
            Mistake(_last_look, "This looks at the end only; an alarm at any look counts."),
            Mistake(
                _independent_looks,
                "Looks share their seeds, so they are not independent; simulate them.",
            ),
            Mistake(_upper_side, "An interval below zero excludes zero, too: count both sides."),
            Mistake(
                _normal_quantile,
                "1.96 is for many values; each look has its own quantile of Student's t.",
            ),
        ],
        hint="Draw the differences of all seeds at once, and look at the first n for each n.",
        tolerance=0.012,
    ),
    "peeking": Explanation(
        model=(
            "Each look has a chance of its own to exclude zero by accident, 5 % if it were the "
            "only one. Whoever looks again after every seed and stops at the first success takes "
            "the best of several looks, so the chance that one of them succeeds grows with their "
            "number. The looks share seeds, so it grows less than it would for independent ones. "
            "The interval assumes that its number of seeds did not depend on the data. A number "
            "that is fixed before the runs restores that."
        ),
        ideas={
            "several looks": ("look", "peek", "chances", "tests"),
            "stopping": ("stop",),
            "a number of seeds that is fixed before": ("fixed", "fix ", "before", "in advance"),
        },
        words=25,
    ),
}
