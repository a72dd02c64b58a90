"""Claims: the rule of the verdict at its borders, paired intervals, and nothing dropped."""

from __future__ import annotations

import dataclasses
import html
import json
import math
import re
from typing import get_args

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lt_course import evidence
from lt_course.errors import CourseError
from lt_course.evaluation.intervals import Interval
from lt_course.evidence import experiments, results
from lt_course.evidence.claims import (
    Judgement,
    Verdict,
    effects,
    evaluate,
    judge,
    p_value,
    seeds_to_decide,
    supported_after_holm,
)
from lt_course.evidence.experiments import Claim
from lt_course.plots import claims as show
from lt_course.plots import targets
from lt_course.web import cli

GAP = Claim(
    id="gap",
    sentence="The gap is there.",
    terms=((1, "a", "accuracy"), (-1, "b", "accuracy")),
    smallest=0.05,
)


def metrics(**runs: list[float]) -> pd.DataFrame:
    """Runs by label, with the accuracy of each seed; nan stands for a run that is not there."""
    rows = {
        (label, seed): value
        for label, values in runs.items()
        for seed, value in enumerate(values)
        if not math.isnan(value)
    }
    index = pd.MultiIndex.from_tuples(list(rows), names=["label", "seed"])
    return pd.DataFrame({"accuracy": list(rows.values())}, index=index)


@pytest.mark.parametrize(
    ("low", "estimate", "high", "verdict"),
    [
        (0.01, 0.10, 0.19, "supported"),
        (1e-9, 0.05, 0.10, "supported"),  # the estimate may equal the smallest effect
        (0.0, 0.05, 0.10, "undecided"),  # an interval that touches 0 is not above it
        (-0.01, 0.10, 0.21, "undecided"),
        (0.01, 0.049, 0.088, "undecided"),  # clear of 0, but perhaps too small
        (0.01, 0.02, 0.03, "absent"),  # clear of 0, and surely too small
        (0.00, 0.02, 0.05, "undecided"),  # an interval that touches the smallest effect
        (-0.20, -0.10, 0.049, "absent"),
        (-0.20, -0.10, 0.0, "absent"),  # an interval that touches 0 is not below it
        (-0.30, -0.20, -0.10, "reversed"),
    ],
)
def test_a_positive_effect_is_judged(low, estimate, high, verdict) -> None:
    assert judge(Interval(estimate, low, high, 5), 0.05, "positive") == verdict


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.04, 0.04, "supported"),
        (-0.05, 0.05, "supported"),
        (-0.05, 0.0501, "undecided"),
        (-0.0501, 0.04, "undecided"),
        (0.01, 0.04, "supported"),  # an effect, but one too small to matter
        (0.05, 0.20, "undecided"),
        (0.0501, 0.20, "present"),
        (-0.20, -0.05, "undecided"),
        (-0.20, -0.0501, "present"),
        (-0.20, 0.20, "undecided"),
    ],
)
def test_no_effect_is_judged(low, high, verdict) -> None:
    assert judge(Interval((low + high) / 2, low, high, 5), 0.05, "none") == verdict


def test_the_interval_is_that_of_the_paired_t_test() -> None:
    generator = np.random.default_rng(0)
    a, b = generator.random(5) + 0.4, generator.random(5)
    found = evaluate(GAP, "toy", metrics(a=list(a), b=list(b)))
    expected = stats.ttest_rel(a, b).confidence_interval(0.95)
    assert found.effect is not None
    assert found.effect.estimate == pytest.approx((a - b).mean())
    assert found.effect.low == pytest.approx(expected.low)
    assert found.effect.high == pytest.approx(expected.high)
    assert found.effect.n == 5
    assert found.by_seed == pytest.approx(dict(enumerate(a - b)))


def test_terms_are_weighted_and_summed() -> None:
    claim = Claim("x", "X.", ((0.5, "a", "accuracy"), (0.5, "b", "accuracy"),
                              (-2, "c", "accuracy"), (1, "a", "accuracy")), 0.1)  # fmt: skip
    table = metrics(a=[0.2, 0.4], b=[0.6, 0.8], c=[0.1, 0.2])
    assert effects(claim, table) == pytest.approx({0: 0.4, 1: 0.6})


def test_a_seed_counts_if_all_of_its_runs_are_there() -> None:
    nan = math.nan
    found = evaluate(GAP, "toy", metrics(a=[0.5, nan, 0.7, 0.8], b=[0.1, 0.2, nan, 0.3]))
    assert found.by_seed == pytest.approx({0: 0.4, 3: 0.5})
    assert found.verdict == "supported" if found.effect.low > 0 else "undecided"


@pytest.mark.parametrize("values", [{}, {"a": [0.5], "b": [0.1]}, {"a": [0.5, 0.6]}])
def test_below_two_seeds_nothing_is_said(values: dict[str, list[float]]) -> None:
    table = metrics(**values) if values else pd.DataFrame(index=pd.MultiIndex.from_arrays([[], []]))
    found = evaluate(GAP, "toy", table)
    assert (found.effect, found.verdict) == (None, "not recorded")


def test_equal_seeds_have_an_interval_of_no_width() -> None:
    found = evaluate(GAP, "toy", metrics(a=[0.5, 0.5], b=[0.25, 0.25]))
    assert found.effect == Interval(0.25, 0.25, 0.25, 2)
    assert found.verdict == "supported"


def test_a_metric_that_is_not_there_is_named() -> None:
    claim = Claim("x", "X.", ((1, "a", "acuracy"),), 0.1)
    with pytest.raises(CourseError, match="Claim x: There is no metric 'acuracy'; the nearest are"):
        evaluate(claim, "toy", metrics(a=[0.5, 0.6]))


def test_a_metric_that_is_undefined_is_named() -> None:
    table = metrics(a=[0.5, 0.6], b=[0.1, 0.2])
    table.loc[("b", 1), "accuracy"] = math.nan
    with pytest.raises(CourseError, match="accuracy of run 'b', seed 1, is undefined"):
        evaluate(GAP, "toy", table)


def declared() -> list[tuple[str, Claim]]:
    return [(f.name, claim) for f in experiments.all_experiments() for claim in f.claims]


def test_no_claim_is_dropped() -> None:
    found = evidence.verdicts()
    assert [(v.factor, v.claim) for v in found] == declared()
    assert len({v.claim.id for v in found}) == len(found)
    lessons = {f.lesson for f in experiments.all_experiments()}
    assert sum(len(evidence.verdicts(lesson)) for lesson in lessons) == len(found)


def test_an_unknown_lesson_is_named() -> None:
    with pytest.raises(CourseError, match="no lesson 'lanuage'; the nearest are language"):
        evidence.verdicts("lanuage")


def test_the_committed_effects_are_those_of_the_committed_lines() -> None:
    """Recomputed from the file itself, by scipy alone."""
    lines = [json.loads(x) for x in (results.FOLDER / results.RUNS).read_text().splitlines()]
    measured = {line["address"]: line["metrics"] for line in lines}
    for verdict in evidence.verdicts():
        if verdict.effect is None:
            continue
        factor = experiments.experiment(verdict.factor)
        by_seed = [
            sum(
                weight * measured[factor.run(label, "cpu", seed).address][metric]
                for weight, label, metric in verdict.claim.terms
            )
            for seed in verdict.by_seed
        ]
        assert list(verdict.by_seed.values()) == pytest.approx(by_seed)
        expected = stats.ttest_1samp(by_seed, 0).confidence_interval(0.95)
        assert (verdict.effect.low, verdict.effect.high) == pytest.approx(tuple(expected))


FIELDS = {
    "id", "target", "sentence", "factor", "figure", "paper", "paper_values", "expect", "smallest",
    "effect", "low", "high", "seeds", "verdict", "note",
    "null", "seeds_to_decide", "repeats", "withdrawn",
}  # fmt: skip


def test_claims_answer_in_json(capsys) -> None:
    assert cli.main(["claims", "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["id"] for each in found] == [claim.id for _, claim in declared()]
    for each in found:
        assert set(each) == FIELDS
        assert each["verdict"] in get_args(Judgement)
        assert (each["effect"] is None) == (each["verdict"] == "not recorded")
        assert (each["effect"] is None) == (len(each["seeds"]) < 2)


def test_claims_answer_in_words(capsys) -> None:
    assert cli.main(["claims", "--scale", "tiny"]) == 0
    said = capsys.readouterr().out
    for _, claim in declared():
        assert claim.sentence in said
    assert f"{len(declared())} claims: " in said


def made() -> list[Verdict]:
    """A verdict of each kind."""
    effect = Interval(0.1234, 0.05, 0.2, 5)
    by_seed = dict.fromkeys(range(5), 0.1)
    return [
        Verdict(GAP, "the_gap", effect, by_seed, "supported"),
        Verdict(GAP, "the_gap", effect, by_seed, "reversed"),
        Verdict(GAP, "the_gap", Interval(0.0, -0.04, 0.04, 5), by_seed, "absent"),
        Verdict(GAP, "the_gap", Interval(0.06, -0.02, 0.14, 5), by_seed, "undecided"),
        Verdict(GAP, "the_gap", None, {0: 0.1}, "not recorded"),
    ]


def test_the_table_has_every_claim() -> None:
    table = show.table(made())
    assert list(table["verdict"]) == [
        "supported", "reversed", "absent, null", "undecided (about 7 seeds would decide)",
        "not recorded",
    ]  # fmt: skip
    assert list(table["ours"])[:2] == ["0.12 [0.05, 0.20]"] * 2
    assert list(table["ours"])[-1] == ""
    assert list(table["seeds"]) == [5, 5, 5, 5, 1]
    everything = show.table(evidence.verdicts())
    assert list(everything.index) == [claim.id for _, claim in declared()]
    assert (everything["in the paper"] != "").sum() == sum(
        claim.paper is not None for _, claim in declared()
    )


def test_the_page_has_every_claim_with_its_lesson() -> None:
    found = evidence.verdicts()
    page = show.page(found)
    assert page.count("<tr>") == len(found) + 1
    for verdict in found:
        assert html.escape(verdict.claim.sentence) in page
    assert '<a href="../notebooks/03_clip_against_supervised.html">03</a>' in page


def test_the_page_says_which_targets_have_no_claim() -> None:
    covered = {claim.target for _, claim in declared()} - {None}
    text = (results.FOLDER.parents[1] / "book" / "results.md").read_text()
    named = text.partition("Targets without a claim here:")[2].partition("\n")[0]
    assert {int(number) for number in re.findall(r"\*\*(\d+)\*\*", named)} == (
        set(range(1, 23)) - covered
    )


def test_counts_are_of_the_verdicts() -> None:
    taken_back = dataclasses.replace(GAP, withdrawn=True)
    papers = dataclasses.replace(GAP, target=1)
    found = [
        *made(),
        Verdict(
            taken_back,
            "the_gap",
            *[getattr(made()[0], n) for n in ("effect", "by_seed", "verdict")],
        ),
        Verdict(papers, "tiny_imagenet_gap", None, {}, "not recorded"),
    ]
    assert show.summary(found).splitlines() == [
        "| claims | number | supported | after Holm | reversed | absent | present | undecided "
        "| not recorded |",
        "| --- | --: | --: | --: | --: | --: | --: | --: | --: |",
        "| the course's own, on drawings | 5 | 1 | 1 | 1 | 1 | 0 | 1 | 1 |",
        "| the paper's, on photographs | 1 | 0 | 0 | 0 | 0 | 0 | 0 | 1 |",
        "",
        "Not counted: 1 claims that their notes take back.",
    ]
    assert "with 4 claims of a positive effect, about 0 would" in show.by_chance(made())


@pytest.mark.parametrize("expect", ["positive", "none"])
def test_p_values_are_those_of_scipys_tests(expect: str) -> None:
    values = np.random.default_rng(1).normal(0.02, 0.02, 6)
    claim = dataclasses.replace(GAP, expect=expect, terms=((1, "a", "accuracy"),))
    found = evaluate(claim, "the_gap", metrics(a=list(values)))
    if expect == "positive":
        expected = stats.ttest_1samp(values, 0).pvalue
    else:
        upper = stats.ttest_1samp(values, claim.smallest, alternative="less").pvalue
        lower = stats.ttest_1samp(values, -claim.smallest, alternative="greater").pvalue
        expected = max(upper, lower)
    assert p_value(found) == pytest.approx(expected)
    assert p_value(made()[-1]) == 1


def test_holm_is_holm() -> None:
    """Against adjusted p values, by the definition: a running maximum of (n - i) p."""
    generator = np.random.default_rng(0)
    for _ in range(50):
        rows = [generator.normal(generator.choice([0, 0.3]), 0.2, 5) for _ in range(8)]
        found = [
            evaluate(
                dataclasses.replace(GAP, id=str(i), terms=((1, "a", "accuracy"),)),
                "the_gap",
                metrics(a=list(r)),
            )
            for i, r in enumerate(rows)
        ]
        p = np.array([stats.ttest_1samp(row, 0).pvalue for row in rows])
        order = np.argsort(p)
        adjusted = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order])
        expected = {str(i) for i, a in zip(order, adjusted, strict=True) if a <= 0.05}
        kept = {v.claim.id for v in supported_after_holm(found)}
        assert kept == {v.claim.id for v in found if v.verdict == "supported"} & expected


@pytest.mark.parametrize("seed", range(5))
def test_seeds_that_would_decide_are_the_fewest(seed: int) -> None:
    generator = np.random.default_rng(seed)
    for expect in ("positive", "none"):
        values = generator.normal(0.04, 0.1, 5)
        claim = dataclasses.replace(GAP, expect=expect, terms=((1, "a", "accuracy"),))
        found = evaluate(claim, "the_gap", metrics(a=list(values)))
        needed = seeds_to_decide(found)
        if found.verdict != "undecided":
            assert needed is None
            continue
        assert needed is not None
        deviation = values.std(ddof=1)
        for n, decided in ((needed, True), (needed - 1, False)):
            half = stats.t.ppf(0.975, n - 1) * deviation / np.sqrt(n)
            mean = values.mean()
            verdict = judge(Interval(mean, mean - half, mean + half, n), claim.smallest, expect)
            assert (verdict != "undecided") == decided


def test_claims_on_photographs_repeat_claims_on_drawings() -> None:
    known = {claim.id: (name, claim) for name, claim in declared()}
    for name, claim in declared():
        on_drawings = experiments.experiment(name).dataset == "icontail"
        if claim.repeats is None:
            assert on_drawings or claim.target is None, "a target is first asked of drawings"
            continue
        before, repeated = known[claim.repeats]
        assert not on_drawings
        assert experiments.experiment(before).dataset == "icontail"
        assert repeated.target == claim.target
        assert repeated.expect == claim.expect
        assert (repeated.smallest, repeated.paper) == (claim.smallest, claim.paper)


def test_the_table_of_targets_has_every_target_and_claim() -> None:
    found = evidence.verdicts()
    page = targets.table(found, {"0–4": evidence.verdicts(seeds=range(5))})
    for number in range(1, 23):
        assert f"<td>{number}</td>" in page
    for verdict in found:
        if verdict.claim.target is not None and verdict.claim.repeats is None:
            assert html.escape(verdict.claim.sentence) in page
        elif verdict.claim.target is not None:
            assert f"<code>{verdict.claim.id}</code>" in page
    gap = next(v for v in found if v.claim.id == "gap-predictions")
    assert gap.effect is not None
    assert f".{100 * gap.effect.estimate:.0f} [" in page


def test_verdicts_are_of_the_seeds_asked_for() -> None:
    first, other = evidence.verdicts(), evidence.verdicts(seeds=results.REPLICATION)
    for verdict in first:
        drawn = experiments.experiment(verdict.factor).dataset == "icontail"
        assert set(verdict.by_seed) <= set(results.EVIDENCE if drawn else results.PHOTOGRAPHS)
    first = evidence.verdicts(seeds=results.EVIDENCE)
    assert [v.claim for v in first] == [v.claim for v in other]
    assert {seed for v in first for seed in v.by_seed} <= set(results.EVIDENCE)
    assert {seed for v in other for seed in v.by_seed} <= set(results.REPLICATION)
    assert not set(results.EVIDENCE) & set(results.REPLICATION)
    assert all(not v.by_seed for v in evidence.verdicts(seeds=[10**6]))


def test_what_other_seeds_say_is_counted() -> None:
    near, far = Interval(0.13, 0.06, 0.21, 5), Interval(-0.3, -0.4, -0.2, 5)
    by_seed = dict.fromkeys(range(5, 10), 0.1)
    other = [
        Verdict(GAP, "the_gap", near, by_seed, "supported"),
        Verdict(GAP, "the_gap", far, by_seed, "reversed"),
        Verdict(GAP, "the_gap", near, by_seed, "supported"),
        Verdict(GAP, "the_gap", near, by_seed, "supported"),
        Verdict(GAP, "the_gap", near, by_seed, "supported"),
    ]
    assert show.again_summary(made(), other).splitlines() == [
        "- 1 claims were supported; with the other seeds: **1** supported.",
        "- 1 claims were undecided; with the other seeds: **1** supported.",
        "- 1 claims were absent; with the other seeds: **1** supported.",
        "- 1 claims were reversed; with the other seeds: **1** reversed.",
        "- 2 of 4 new effects (50%) lie in the first interval; 88% would be expected if nothing "
        "but the seeds differed. 1 have the other sign.",
    ]
    page = show.again_page(made(), other)
    assert page.count("<tr>") == 6
    assert "seeds 0 to 4" in page
    assert "verdict, 5 to 9" in page
    figure = show.again_effects(made(), other)
    places = [line.get_xydata()[0] for line in figure.axes[0].lines if line.get_marker() in "osXv"]
    expected = [(0.1234, 0.13), (0.1234, -0.3), (0, 0.13), (0.06, 0.13)]
    np.testing.assert_allclose(places, expected)
    plt.close(figure)


def test_how_often_a_mean_falls_into_the_interval_of_another() -> None:
    samples = np.random.default_rng(0).normal(size=(20_000, 2, 5))
    mean = samples.mean(2)
    half = stats.t.ppf(0.975, 4) * samples[:, 0].std(1, ddof=1) / np.sqrt(5)
    assert (np.abs(mean[:, 1] - mean[:, 0]) < half).mean() == pytest.approx(0.88, abs=0.01)


def test_without_other_seeds_the_page_says_so() -> None:
    nothing = [Verdict(GAP, "the_gap", None, {}, "not recorded")] * 5
    assert "**1** not recorded" in show.again_summary(made(), nothing)
    assert "seeds none" in show.again_page(made(), nothing)
    plt.close(show.again_effects(made(), nothing))


def test_the_figure_has_a_row_for_every_claim() -> None:
    figure = show.effects(evidence.verdicts())
    labels = [tick.get_text() for axes in figure.axes for tick in axes.get_yticklabels()]
    assert sorted(labels) == sorted(claim.id for _, claim in declared())
    plt.close(figure)


def test_verdicts_differ_in_colour_and_marker() -> None:
    colours, markers, _ = zip(*show.LOOKS.values(), strict=True)
    assert len(set(colours)) == len(set(markers)) == len(show.LOOKS)
    figure = show.effects(made())
    drawn = {line.get_marker() for line in figure.axes[0].lines}
    assert {show.LOOKS[v.verdict][1] for v in made() if v.effect is not None} <= drawn
    plt.close(figure)
