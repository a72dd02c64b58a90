"""What the recorded runs say of each claim.

A claim's effect is computed for each seed on its own; so it is paired. Runs of one seed share the
permutation of frequencies if they have the same class profile, and hardly if they do not
(`lt_course.data.class_profiles`). Over seeds its mean has Student's t interval, and the interval,
not the estimate alone, decides:

===============  ==========================================  ====================================
verdict          the claim expects a positive effect         the claim expects none
===============  ==========================================  ====================================
supported        interval above 0, estimate at least         interval within ±smallest
                 the smallest that would matter
contradicted     interval below the smallest                 interval beyond ±smallest, wholly
undecided        otherwise                                   otherwise
not recorded     fewer than two seeds                        fewer than two seeds
===============  ==========================================  ====================================
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, cast

import pandas as pd

from lt_course.errors import CourseError
from lt_course.evaluation.intervals import Interval, mean_over_seeds
from lt_course.evidence.experiments import Claim, all_experiments
from lt_course.evidence.results import EVIDENCE, load_results
from lt_course.study.run_config import unknown

Judgement = Literal["supported", "contradicted", "undecided", "not recorded"]


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

    def summary(self) -> dict[str, Any]:
        """One flat object, as ``lt-course claims --json`` prints it."""
        claim, effect = self.claim, self.effect
        return {
            "id": claim.id,
            "target": claim.target,
            "sentence": claim.sentence,
            "factor": self.factor,
            "figure": claim.figure,
            "paper": None if claim.paper is None else claim.paper[0],
            "paper_values": None if claim.paper is None else claim.paper[1],
            "expect": claim.expect,
            "smallest": claim.smallest,
            "effect": None if effect is None else effect.estimate,
            "low": None if effect is None else effect.low,
            "high": None if effect is None else effect.high,
            "seeds": sorted(self.by_seed),
            "verdict": self.verdict,
            "note": claim.note,
        }


def verdicts(
    lesson: str | None = None, scale: str = "cpu", seeds: Iterable[int] = EVIDENCE
) -> list[Verdict]:
    """All claims, or those of one lesson, in the order of their declaration.

    Args:
        lesson: whose claims; None is all.
        scale: of the recorded runs.
        seeds: of the recorded runs.

    Raises:
        CourseError: if no factor belongs to that lesson, or as `lt_course.evidence.results.load`.
    """
    chosen = [f for f in all_experiments() if lesson in (None, f.lesson)]
    if not chosen:
        raise CourseError(unknown("lesson", str(lesson), {f.lesson for f in all_experiments()}))
    metrics = {f.name: load_results(f.name, scale, seeds) for f in chosen}
    return [evaluate(claim, f.name, metrics[f.name]) for f in chosen for claim in f.claims]


def evaluate(claim: Claim, factor: str, metrics: pd.DataFrame) -> Verdict:
    """A claim on a factor's metrics, as `lt_course.evidence.results.load_results` returns them.

    Raises:
        CourseError: if a recorded run lacks a metric of the claim, or has it undefined.
    """
    by_seed = effects(claim, metrics)
    if len(by_seed) < 2:
        return Verdict(claim, factor, None, by_seed, "not recorded")
    effect = mean_over_seeds(list(by_seed.values()))
    return Verdict(claim, factor, effect, by_seed, judge(effect, claim.smallest, claim.expect))


def effects(claim: Claim, metrics: pd.DataFrame) -> dict[int, float]:
    """The claim's effect for each seed for which all of its runs are there."""
    runs = cast("dict[tuple[str, int], dict[str, float]]", metrics.to_dict("index"))
    labels = {label for _, label, _ in claim.terms}
    return {
        seed: sum(
            weight * _value(claim, label, seed, runs[label, seed], metric)
            for weight, label, metric in claim.terms
        )
        for seed in sorted({seed for _, seed in runs})
        if all((label, seed) in runs for label in labels)
    }


def judge(effect: Interval, smallest: float, expect: Literal["positive", "none"]) -> Judgement:
    """The verdict, by the table above."""
    if expect == "none":
        if -smallest <= effect.low and effect.high <= smallest:
            return "supported"
        outside = effect.low > smallest or effect.high < -smallest
        return "contradicted" if outside else "undecided"
    if effect.low > 0 and effect.estimate >= smallest:
        return "supported"
    return "contradicted" if effect.high < smallest else "undecided"


def _value(claim: Claim, label: str, seed: int, row: dict[str, float], metric: str) -> float:
    if metric not in row:
        raise CourseError(f"Claim {claim.id}: " + unknown("metric", metric, row))
    if math.isnan(row[metric]):
        raise CourseError(
            f"Claim {claim.id}: {metric} of run {label!r}, seed {seed}, is undefined; a claim "
            "rests on metrics that all of its runs have."
        )
    return row[metric]
