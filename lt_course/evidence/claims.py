"""What the recorded runs say of each claim.

A claim's effect is computed for each seed on its own; so it is paired (runs of one seed share the
permutation of frequencies if they have the same class profile). Over seeds its mean has Student's
t interval, by which it is judged (`judge`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
from scipy import stats

from lt_course.errors import CourseError
from lt_course.evaluation.intervals import Interval, mean_over_seeds
from lt_course.evidence.experiments import Claim, Expectation, Experiment, all_experiments
from lt_course.evidence.results import EVIDENCE, PHOTOGRAPHS, load_results
from lt_course.study.run_config import unknown

Judgement = Literal["supported", "reversed", "absent", "present", "undecided", "not recorded"]

MOST_SEEDS = 10_000
"""As many are worth asking how far they are."""


@dataclass(frozen=True)
class Verdict:
    """A claim with what was measured.

    Attributes:
        claim: what is claimed.
        factor: name of the factor whose runs it is about.
        effect: mean over seeds with its 95 % interval; None below two seeds.
        by_seed: the effect of each seed for which all the claim's runs are recorded.
        verdict: what follows.
    """

    claim: Claim
    factor: str
    effect: Interval | None
    by_seed: dict[int, float]
    verdict: Judgement

    @property
    def null(self) -> bool:
        """Whether an effect that is absent is so in both directions."""
        effect = self.effect
        return self.verdict == "absent" and effect is not None and effect.low > -self.claim.smallest

    def summary(self) -> dict[str, Any]:
        """One flat object, as ``lt-course claims --json`` prints it."""
        claim, effect = self.claim, self.effect
        paper, paper_values = claim.paper or (None, None)
        return {
            "id": claim.id,
            "target": claim.target,
            "sentence": claim.sentence,
            "factor": self.factor,
            "figure": claim.figure,
            "paper": paper,
            "paper_values": paper_values,
            "expect": claim.expect,
            "smallest": claim.smallest,
            "effect": effect and effect.estimate,
            "low": effect and effect.low,
            "high": effect and effect.high,
            "seeds": sorted(self.by_seed),
            "verdict": self.verdict,
            "null": self.null,
            "seeds_to_decide": seeds_to_decide(self),
            "repeats": claim.repeats,
            "withdrawn": claim.withdrawn,
            "note": claim.note,
        }


def verdicts(
    lesson: str | None = None, scale: str = "cpu", seeds: Iterable[int] | None = None
) -> list[Verdict]:
    """All claims, or those of one lesson, in the order of their declaration.

    Args:
        lesson: whose claims; None is all.
        scale: of the recorded runs.
        seeds: of the recorded runs; None: those that claims are judged by, `headline_seeds`.

    Raises:
        CourseError: if no factor belongs to that lesson, or as `lt_course.evidence.results.load`.
    """
    chosen = [f for f in all_experiments() if lesson in (None, f.lesson)]
    if not chosen:
        raise CourseError(unknown("lesson", str(lesson), {f.lesson for f in all_experiments()}))
    seeds, found = None if seeds is None else list(seeds), []
    for factor in chosen:
        asked = headline_seeds(factor) if seeds is None else seeds
        metrics = load_results(factor.name, scale, asked)
        found += [evaluate(claim, factor.name, metrics) for claim in factor.claims]
    return found


def headline_seeds(experiment: Experiment) -> range:
    """The seeds that claims are judged by: on photographs pilots had shown seed 0."""
    return EVIDENCE if experiment.dataset == "icontail" else PHOTOGRAPHS


def evaluate(claim: Claim, factor: str, metrics: pd.DataFrame) -> Verdict:
    """A claim on a factor's metrics, as `lt_course.evidence.results.load_results` returns them."""
    by_seed = effects(claim, metrics)
    if len(by_seed) < 2:
        return Verdict(claim, factor, None, by_seed, "not recorded")
    effect = mean_over_seeds(list(by_seed.values()))
    return Verdict(claim, factor, effect, by_seed, judge(effect, claim.smallest, claim.expect))


def effects(claim: Claim, metrics: pd.DataFrame) -> dict[int, float]:
    """The claim's effect for each seed for which all of its runs are there."""
    runs = cast("dict[tuple[str, int], dict[str, float]]", metrics.to_dict("index"))

    def value(label: str, seed: int, metric: str) -> float:
        row = runs[label, seed]
        if metric not in row:
            raise CourseError(f"Claim {claim.id}: " + unknown("metric", metric, row))
        if math.isnan(row[metric]):
            raise CourseError(
                f"Claim {claim.id}: {metric} of run {label!r}, seed {seed}, is undefined; a claim "
                "rests on metrics that all of its runs have."
            )
        return row[metric]

    return {
        seed: sum(weight * value(label, seed, metric) for weight, label, metric in claim.terms)
        for seed in sorted({seed for _, seed in runs})
        if all((label, seed) in runs for _, label, _ in claim.terms)
    }


def judge(effect: Interval, smallest: float, expect: Expectation) -> Judgement:
    """The verdict; the interval, not the estimate alone, decides.

    Where a positive effect is expected, an interval above 0 supports it if the estimate is at least
    `smallest`, one below 0 reverses it, and below `smallest` it is absent. Where none is, it has to
    lie within ±smallest, and is present where it lies wholly beyond.
    """
    if expect == "none":
        if -smallest <= effect.low and effect.high <= smallest:
            return "supported"
        outside = effect.low > smallest or effect.high < -smallest
        return "present" if outside else "undecided"
    if effect.low > 0 and effect.estimate >= smallest:
        return "supported"
    if effect.high < 0:
        return "reversed"
    return "absent" if effect.high < smallest else "undecided"


def seeds_to_decide(verdict: Verdict) -> int | None:
    """Seeds by which an undecided claim would be decided, did the effect vary as it has so far.

    None for a claim that is decided or not recorded, or that more than `MOST_SEEDS` would leave
    undecided.
    """
    effect, claim = verdict.effect, verdict.claim
    if effect is None or verdict.verdict != "undecided":
        return None
    seeds = np.arange(effect.n, MOST_SEEDS + 1)
    widths = stats.t.ppf(0.975, seeds - 1) / np.sqrt(seeds)  # of means with a deviation of one
    deviation = (effect.high - effect.low) / 2 / widths[0]
    for n, half in zip(seeds[1:], deviation * widths[1:], strict=True):
        narrower = Interval(effect.estimate, effect.estimate - half, effect.estimate + half, n)
        if judge(narrower, claim.smallest, claim.expect) != "undecided":
            return int(n)
    return None


def p_value(verdict: Verdict) -> float:
    """Of the test that a claim's verdict rests on; 1 for a claim without an interval.

    Of a positive effect, that of the paired t test against 0; of no effect, the larger one of the
    two one-sided tests against the smallest effect on either side.
    """
    effect, smallest = verdict.effect, verdict.claim.smallest
    if effect is None:
        return 1.0
    error = (effect.high - effect.low) / 2 / float(stats.t.ppf(0.975, effect.n - 1))
    if error == 0:
        return 0.0 if verdict.verdict == "supported" else 1.0
    if verdict.claim.expect == "positive":
        return float(2 * stats.t.sf(abs(effect.estimate) / error, effect.n - 1))
    return float(stats.t.sf((smallest - abs(effect.estimate)) / error, effect.n - 1))


def supported_after_holm(verdicts: Sequence[Verdict], level: float = 0.05) -> list[Verdict]:
    """The supported claims that stay so where all of them are tested at one common level (Holm)."""
    ordered = sorted((v for v in verdicts if v.effect is not None), key=p_value)
    passing = [p_value(v) <= level / (len(ordered) - i) for i, v in enumerate(ordered)]
    first_failing = passing.index(False) if False in passing else len(passing)
    return [v for v in ordered[:first_failing] if v.verdict == "supported"]
