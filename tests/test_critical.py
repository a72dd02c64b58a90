"""The critical reading: replays against the printed numbers, arithmetic against tables."""

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from lt_course.counting import web_frequencies
from lt_course.errors import CourseError
from lt_course.evidence import paper
from lt_course.lessons import critical

MIRROR = os.environ.get("LT_COURSE_MIRROR")
needs_counts = pytest.mark.skipif(not MIRROR, reason="LT_COURSE_MIRROR is not set")


@pytest.fixture(autouse=True)
def _no_figure_stays_open():
    yield
    plt.close("all")


def reference(name):
    return pd.read_csv(Path(MIRROR) / "numbers" / name, comment="#")


def made_up_counts():
    """1,000 classes of which 29, somewhere, have fewer than ten captions."""
    counts = np.random.default_rng(0).integers(10, 10_000, 1000)
    rare = np.random.default_rng(1).choice(1000, 29, replace=False)
    counts[rare] = np.arange(29) % 10
    return pd.Series(counts, index=[f"class {i}" for i in range(1000)]), rare


def test_the_replay_asks_for_the_last_ids_whatever_is_rare():
    counts, rare = made_up_counts()
    table = critical.table_1(counts)
    assert table["id"].tolist() == list(range(971, 1000))
    assert table["class"].tolist() == [f"class {i}" for i in range(971, 1000)]
    assert table["captions"].tolist() == sorted(counts.iloc[rare], reverse=True)
    looked_up = counts.loc[table["class"]].to_numpy()
    assert table["captions of the class"].tolist() == looked_up.tolist()


def test_counts_of_another_set_are_refused():
    with pytest.raises(CourseError, match="yfcc15m_imagenet_ori"):
        critical.table_1(made_up_counts()[0] + 10)


@needs_counts
def test_table_1_as_printed_is_replayed():
    counts = web_frequencies.load().counts("yfcc15m_imagenet_ori")
    table = critical.table_1(counts)
    known = reference("table1_yfcc15m_tail_classes.csv")
    assert table["captions"].tolist() == known["printed_frequency"].tolist()
    assert table["id"].tolist() == known["class_id_the_accuracy_belongs_to"].tolist()
    assert table["class"].tolist() == known["true_class"].tolist()
    assert table["captions of the class"].tolist() == known["true_yfcc15m_frequency"].tolist()
    assert (100 * table["accuracy"]).tolist() == pytest.approx(known["printed_accuracy_pct"])
    # What the page says of it.
    assert (table["accuracy"] >= 0.5).sum() == 12
    assert (table["captions of the class"] < critical.RARE).sum() == 1


def test_the_slip_finds_an_average_class_where_the_tail_was_asked_for():
    generator = np.random.default_rng(0)
    frequency = generator.permutation(np.arange(1, 201))
    table = pd.DataFrame({"frequency": frequency, "accuracy": frequency / 200})
    found = critical.misindexed(table, 20)
    assert found.loc["right index", "mean frequency"] == pytest.approx(10.5)
    assert found.loc["right index", "mean accuracy"] == pytest.approx(10.5 / 200)
    slipped = frequency[-20:].mean()
    assert found.loc["index of the sorted table", "mean frequency"] == pytest.approx(slipped)
    assert slipped > 50


def test_expected_classes_by_counting_and_at_its_ends():
    counts = np.array([50, 30, 15, 4, 1, 0])
    drawn = np.random.default_rng(0).choice(6, size=(20_000, 8), p=counts / 100)
    counted = np.mean([len(set(row)) for row in drawn])
    assert critical.expected_classes(counts, 8) == pytest.approx(counted, abs=0.02)
    assert critical.expected_classes(counts, 1) == pytest.approx(1)
    assert critical.expected_classes(counts, 10**6) == pytest.approx(5)
    assert critical.expected_classes([7], 64) == pytest.approx(1)


@needs_counts
def test_expected_classes_of_the_released_counts():
    web = web_frequencies.load()
    for row in reference("sl_effective_vocabulary.csv").itertuples():
        expected = critical.expected_classes(web.counts(row.dataset), row.B)
        assert expected == pytest.approx(row.expected_distinct_classes, abs=0.051)


def test_steps_and_what_figure_8_compares():
    assert critical.steps(1000, 256, 90, drop_last=False) == 360
    assert critical.steps(1000, 256, 90, drop_last=True) == 270
    table = critical.figure_8(448_896)
    assert table["steps"].tolist() == [157_860, 157_860, 39_510, 14_016]


def test_three_schedules_of_one_learning_rate():
    words, step, cosine = (
        torch.tensor([schedule(epoch) for epoch in range(90)])
        for schedule in critical.SCHEDULES.values()
    )
    assert words[[29, 30, 50, 70]].tolist() == pytest.approx([0.1, 0.01, 1e-3, 1e-4])
    assert cosine[[29, 30, 60, 89]].tolist() == pytest.approx([0.1, 0.01, 1e-3, 1e-3])
    parameter = torch.nn.Parameter(torch.zeros(()))
    optimizer = torch.optim.SGD([parameter], lr=0.1)
    annealed = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=90)
    for expected in step:
        assert optimizer.param_groups[0]["lr"] == pytest.approx(float(expected), abs=1e-6)
        optimizer.step()
        annealed.step()


def test_six_listed_models_are_three():
    table = critical.shared_weights()
    assert len(table) == 3
    assert table["models"].str.count(";").tolist() == [1, 1, 1]
    assert table["models"].str.count("quickgelu").tolist() == [1, 1, 1]
    assert table["trained with QuickGELU"].all()


@pytest.mark.parametrize("targets", [critical.centred_targets, critical.sinkhorn_targets])
def test_targets_are_distributions(targets):
    found = targets(critical.imbalanced_scores())
    assert found.sum(1) == pytest.approx(1)
    assert (found >= 0).all()


def test_sinkhorn_shares_alike_and_centring_does_not():
    scores = critical.imbalanced_scores()
    even = critical.sinkhorn_targets(scores, iterations=500).mean(0)
    assert even == pytest.approx(1 / 64, rel=1e-2)
    three, centred = (
        targets(scores).mean(0) for targets in (critical.sinkhorn_targets, critical.centred_targets)
    )
    assert three.max() < centred.max() / 3


def test_sinkhorn_equals_plain_matrix_scaling():
    scores = critical.imbalanced_scores(pictures=20, prototypes=5)
    matrix = np.exp(scores / 0.04).T
    for _ in range(3):
        matrix = np.diag(1 / matrix.sum(1)) @ matrix / 5
        matrix = matrix @ np.diag(1 / matrix.sum(0)) / 20
    assert critical.sinkhorn_targets(scores) == pytest.approx((matrix * 20).T)


def test_two_runs_that_differ_by_four_pictures():
    pair = [
        paper.value("fig8", f"incaps_tail5_{shots}shot", "sl", "accuracy_head_mid")
        for shots in (0, 1)
    ]
    assert pair == pytest.approx([0.557, 0.532])


def test_figures_hold_what_they_are_given():
    counts, _ = made_up_counts()
    figure = critical.plot_table_1(critical.table_1(counts))
    assert [len(line.get_xdata()) for line in figure.axes[0].lines[:2]] == [29, 29]
    figure = critical.plot_expected_classes({"a": counts, "b": counts})
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["a", "b"]
    markers = figure.axes[0].lines[1].get_ydata()
    assert markers == pytest.approx([critical.expected_classes(counts, b) for b in (64, 256, 1024)])
    figure = critical.plot_schedules(critical.SCHEDULES, 90)
    assert [len(line.get_ydata()) for line in figure.axes[0].lines] == [90] * 3
    figure = critical.plot_shares(
        {"flat": np.full(4, 0.25), "peaked": np.array([0.7, 0.1, 0.1, 0.1])}
    )
    assert len(figure.axes[0].lines) == 3
