"""Lesson 12: self-distillation in the plane, prototypes, transfer, power, figures."""

import math
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from lt_course import evidence, study
from lt_course.data import icontail, transfer_sets
from lt_course.data.batch import Batch
from lt_course.errors import CourseError
from lt_course.evaluation.intervals import mean_over_seeds
from lt_course.evidence.claims import Verdict
from lt_course.lessons import distillation, toy_distillation
from lt_course.objectives.collapse import signs_of_collapse
from lt_course.plots import claims, intervals
from lt_course.study import RunResult
from lt_course.study.icontail_dataset import IconTailDataset

RUNS = [*distillation.PAPER_ROWS, "random features"]


@pytest.fixture(autouse=True)
def _no_figure_stays_open():
    plt.close("all")
    yield
    plt.close("all")


def recorded(seeds=3):
    rng = np.random.default_rng(0)
    names = [*distillation.TRANSFER, "accuracy"]
    names += [f"{m}_{t}" for m in ("prototypes", "prototype_cosine") for t in distillation.THIRDS]
    index = pd.MultiIndex.from_product([RUNS, range(seeds)], names=["label", "seed"])
    return pd.DataFrame(rng.uniform(size=(len(index), len(names))), index=index, columns=names)


def verdict(claim, values):
    effect = mean_over_seeds(values) if len(values) > 1 else None
    return Verdict(claim, "dino", effect, dict(enumerate(values)), "undecided")


# The toy --------------------------------------------------------------------------------------


def test_a_ring_has_the_frequencies_that_it_is_asked_for():
    points, group = toy_distillation.ring(exponent=1, groups=4, points=20_000)
    share = 1 / np.arange(1, 5)
    assert np.bincount(group) / 20_000 == pytest.approx(share / share.sum(), abs=0.01)
    for g in range(4):
        angle = math.pi * g / 2
        centre = [math.cos(angle), math.sin(angle)]
        assert points[group == g].mean(0) == pytest.approx(centre, abs=0.02)
    flat = np.bincount(toy_distillation.ring(exponent=0, groups=4, points=20_000)[1])
    assert flat / 20_000 == pytest.approx(np.full(4, 0.25), abs=0.02)


@pytest.fixture(scope="module")
def toys():
    points, group = toy_distillation.ring()
    asked = {
        "no balance": ("no balance", 0.04),
        "balance": ("Sinkhorn-Knopp", 0.04),
        "no sharpness": ("Sinkhorn-Knopp", 0.3),
    }
    return {
        name: toy_distillation.learn(points, group, temperature=t, **toy_distillation.RULES[rule])
        for name, (rule, t) in asked.items()
    }


def test_without_balance_few_prototypes_take_all(toys):
    toy = toys["no balance"]
    assert signs_of_collapse(toy.report)
    assert toy.report["target_entropy"] < 0.2
    assert toy.share.max() > 0.5


def test_without_sharpness_all_prototypes_are_alike(toys):
    toy = toys["no sharpness"]
    assert signs_of_collapse(toy.report)
    assert toy.report["information"] < 0.05 < 0.9 < toy.report["target_entropy"]
    assert toy.certainty.max() < 2 / 16


def test_with_both_pictures_are_told_apart_and_prototypes_follow_them(toys):
    toy = toys["balance"]
    assert not signs_of_collapse(toy.report)
    assert toy.share.max() < 3 / 16
    counts = toy.prototypes_of_groups()
    assert counts["share of points"].sum() == pytest.approx(1)
    assert counts["prototypes"][0] == counts["prototypes"].max()


def test_a_toy_is_a_function_of_its_seed_and_leaves_the_global_one_alone():
    points, group = toy_distillation.ring(points=100)
    before = torch.get_rng_state()
    a, b, c = (toy_distillation.learn(points, group, steps=5, seed=s) for s in (1, 1, 2))
    assert torch.equal(before, torch.get_rng_state())
    assert (a.share == b.share).all()
    assert not (a.share == c.share).all()
    assert a.share.sum() == pytest.approx(1, abs=1e-5)


# A trained run --------------------------------------------------------------------------------


def test_a_run_of_another_kind_has_no_teacher():
    other = RunResult(
        study.config("sl", scale="tiny"), {}, pd.DataFrame(), pd.DataFrame(), {}, {}, Path()
    )
    with pytest.raises(CourseError, match="ask for one of 'dino'"):
        distillation.projected(other, np.zeros((1, 32, 32), dtype=np.uint8))


@pytest.mark.filterwarnings("ignore:Step 4 of 4")  # too few to spread out
def test_the_checkpoint_gives_the_assignments_of_the_record(small, store, monkeypatch):
    # The stand-in for IconTail has no concepts to hold out.
    monkeypatch.setattr(
        IconTailDataset, "tasks", lambda self: iter([self._task(transfer_sets.digits())])
    )
    run = study.config(
        "dino", scale="tiny", concepts=8, num_images=50, duration="4 steps", batch_size=16,
        embed_dim=16, hidden=16, bottleneck=8, prototypes=12,
    )  # fmt: skip
    found = study.train_or_load(run)
    drawn = study.training_set(run)
    pictures = icontail.load().pictures[drawn.image_ids]
    points = distillation.projected(found, pictures)
    assert np.linalg.norm(points, axis=1) == pytest.approx(np.ones(len(points)))
    assigned = np.zeros_like(found.arrays["assigned"])
    nearest = (points @ found.arrays["prototypes"].T).argmax(1)
    np.add.at(assigned, (nearest, drawn.labels), 1)
    assert (assigned == found.arrays["assigned"]).all()

    for third in distillation.THIRDS:
        for each in distillation.typical(found, third, number=2, count=3):
            assert each.pictures.shape == (3, 32, 32)
            assert set(each.thirds) <= set(distillation.THIRDS)
    digits = distillation.transfer(found)
    assert list(digits) == ["digits"]
    assert digits["digits"] == pytest.approx(found.metrics["probe_digits"], abs=0.01)

    shown = {"tail": distillation.typical(found, "tail", number=2, count=3)}
    assert len(distillation.plot_typical(shown).axes) == 6
    assert len(distillation.plot_signs(found.history).axes[0].lines) == 4


# Recorded runs --------------------------------------------------------------------------------


def test_differences_are_paired_by_seed():
    table = recorded()
    table.loc[("flat", 7), :] = 5.0  # a seed that the other run lacks
    metric = "probe_mean"
    common = table.loc["flat", metric][:3] - table.loc["long tail", metric]
    found = intervals.paired(table, "flat", "long tail", metric)
    assert found.to_numpy() == pytest.approx(common.to_numpy())
    pairs = {"here": ("flat", "long tail"), "not recorded": ("flat", "centred, flat")}
    shown = intervals.differences(table, pairs, {metric: "mean"}, spec="+.3f")
    assert list(shown.index) == ["here"]
    assert shown.loc["here", "mean"].startswith(f"{common.mean():+.3f}")
    assert intervals.means(table, {metric: "mean"}, spec=".3f").shape == (len(RUNS), 1)


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_the_detectable_effect_is_found_as_often_as_it_says(seeds):
    deviation, power = 0.3, 0.8
    effect = distillation.detectable(deviation, seeds, power)
    draws = np.random.default_rng(seeds).normal(effect, deviation, (20_000, seeds))
    low = draws.mean(1) - stats.t.ppf(0.975, seeds - 1) * stats.sem(draws, axis=1)
    assert (low > 0).mean() == pytest.approx(power, abs=0.015)


def test_detectable_needs_seeds_and_spread():
    assert distillation.detectable(2, 5) == pytest.approx(2 * distillation.detectable(1, 5))
    for deviation, seeds in ((1, 1), (0, 5)):
        with pytest.raises(CourseError, match="two seeds or more"):
            distillation.detectable(deviation, seeds)


def test_every_claim_has_a_unit():
    found = {
        c.id: distillation.unit(verdict(c, [1, 2])) for c in evidence.experiment("dino").claims
    }
    assert found["dino-learns"] == "accuracy, less twice that of random features"
    assert found["dino-sinkhorn-learns-more"] == "accuracy"
    assert found["dino-tail-costs"] == "accuracy, mean of four probes"
    assert found["dino-sampled-less-bias"] == "S(a)"
    assert found["dino-tail-has-fewer-prototypes"] == "share of all prototypes"
    assert found["dino-tail-prototypes-are-closer"] == "cosine"


def test_every_claim_of_the_factor_has_a_panel():
    made = [verdict(claim, [0.1, 0.2]) for claim in evidence.experiment("dino").claims]
    assert len(claims.effects(made).axes) >= 3


# Figures --------------------------------------------------------------------------------------


def test_crops_stand_below_their_drawings():
    shown = torch.rand(3, 1, 32, 32) * 2
    batch = Batch(shown, torch.zeros(3), crops=(torch.stack([shown, 2 - shown], 1),))
    axes = distillation.plot_crops(batch, count=3).axes
    assert [panel.get_ylabel() for panel in axes[::3]] == ["drawing", "crop 1", "crop 2"]
    drawing, crop, other = (axes[n].images[0].get_array().astype(int) for n in (1, 4, 7))
    assert (drawing == crop).all()
    assert abs(drawing + other - 255).max() <= 1
    assert drawing[0, 0] == round(255 * (1 - shown[1, 0, 0, 0].item() / 2))


def test_figures_show_what_they_are_given(toys):
    assert len(toy_distillation.plot_toys(toys).axes) == 2 * len(toys)
    table = recorded()
    left, right = distillation.plot_transfer(table).axes
    assert [t.get_text() for t in left.get_yticklabels()] == RUNS
    shown = sorted(line.get_xdata()[0] for line in right.lines)
    assert shown == pytest.approx(sorted([0.608, 0.567, 0.571, 0.591, 0.6]))
    panels = distillation.plot_thirds(table, {"prototypes": "a", "prototype_cosine": "b"}).axes
    assert [axes.get_xlabel() for axes in panels] == ["a", "b"]
