"""Scale and text heads: the runs, the floor of S(a), the paper's curves, the figures."""

import os
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from lt_course import study
from lt_course.lessons import scaling
from lt_course.plots import intervals, style
from lt_course.study.run_config import open_world_clip

MIRROR = os.environ.get("LT_COURSE_MIRROR")


@pytest.fixture(autouse=True)
def _no_figure_stays_open():
    yield
    plt.close("all")


def measured(labels, seeds=(0,), accuracy=0.3):
    """Made-up metrics, other ones for each label and seed, in the shape of the recorded ones."""
    index = pd.MultiIndex.from_product([labels, seeds], names=["label", "seed"])
    rows = np.random.default_rng(0).uniform(0.1, 0.2, (len(index), len(scaling.COLUMNS)))
    return pd.DataFrame(rows, index=index, columns=list(scaling.COLUMNS)).assign(accuracy=accuracy)


def runs_on(*parts):
    """A classifier on all data, and on parts of it at equal epochs and at equal steps."""
    fields = {f"sl {part}, epochs": {"fraction": part} for part in parts}
    fields |= {f"sl {part}, steps": {"fraction": part, "duration": "210 steps"} for part in parts}
    fields["sl 1"] = {}
    return {label: study.config("sl", scale="tiny", **given) for label, given in fields.items()}


def test_fractions_are_spelled_as_labels_spell_them():
    figure, axes = plt.subplots()
    scaling._fraction_axis(axes, "accuracy", pd.Series([1, 0.5, 0.03125, 0.5]))
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1/32", "1/2", "1"]
    plt.close(figure)


def test_a_run_on_all_data_stands_in_both_budgets():
    runs = runs_on(1 / 8)
    table = scaling.by_fraction(measured(list(runs), seeds=(0, 1)), runs)
    counts = table.groupby(["budget", "fraction"]).size()
    assert counts.to_dict() == {
        (budget, fraction): 2
        for budget in (scaling.EPOCHS, scaling.STEPS)
        for fraction in (1 / 8, 1.0)
    }
    whole = table[table["fraction"] == 1].sort_values("seed")
    assert whole["nc1"].iloc[0] == whole["nc1"].iloc[1]


def test_heads_are_told_from_their_fractions():
    table = scaling.by_head(measured(["frozen", "frozen 1/8", "language model 1/8", "sl frozen"]))
    assert table[["head", "fraction"]].to_numpy().tolist() == [
        ["frozen", 1.0], ["frozen", 0.125], ["language model", 0.125], ["sl frozen", 1.0]
    ]  # fmt: skip


def test_nothing_recorded_gives_empty_tables():
    index = pd.MultiIndex.from_tuples([], names=["label", "seed"])
    none = pd.DataFrame([], index=index)
    assert scaling.by_fraction(none, {}).empty
    assert scaling.by_head(none).empty
    assert intervals.means(none, {"accuracy": "accuracy"}, ["sl"]).empty


def test_the_summary_has_intervals_where_there_are_seeds():
    found = measured(["sl"], seeds=(0, 1, 2))
    found["accuracy"] = [0.1, 0.2, 0.3]
    table = intervals.means(found, {"accuracy": "accuracy"}, ["frozen", "sl"])
    # t with two degrees of freedom: 4.303 * 0.1 / sqrt(3)
    assert table.loc["sl", "accuracy"] == "0.20 [-0.05, 0.45]"
    single = intervals.means(found.iloc[:1], {"accuracy": "accuracy"}, ["sl"])
    assert single.loc["sl", "accuracy"] == "0.10"


def test_gains_are_paired_over_the_seeds_that_both_have():
    found = measured(["frozen", "frozen 1/8"], seeds=(0, 1, 2))
    found["accuracy"] = [0.5, 0.7, 0.9, 0.4, 0.6, 0.8]
    found = found.drop(("frozen", 2))
    pairs = {"frozen": ("frozen", "frozen 1/8"), "scratch": ("scratch", "scratch 1/8")}
    table = intervals.differences(found, pairs, {"accuracy": "accuracy"})
    assert table["accuracy"].to_dict() == {"frozen": "0.10 [0.10, 0.10]"}


def test_what_the_open_world_clip_has_seen(small):
    student = study.config(
        "clip-template", scale="tiny", text_head="open-world", concepts=6, num_images=40
    )
    teacher = replace(
        open_world_clip(student),
        data=replace(open_world_clip(student).data, distractors=50),  # type: ignore[call-arg]
    )
    own, taught = scaling.seen(student, student), scaling.seen(teacher, student)
    falling = np.sort(study.training_set(student).frequency)[::-1]
    assert list(own.values()) == [*falling.reshape(3, 2).sum(1), 0, 0]
    # The small set has 40 drawings of each concept.
    assert list(taught.values()) == [80, 80, 80, 50, 0]


def test_bars_say_how_many_pictures():
    groups = ["head third", "other concepts"]
    seen = {
        "student": dict(zip(groups, [1_234, 0], strict=True)),
        "teacher": dict(zip(groups, [5_000, 70], strict=True)),
    }
    axes = scaling.plot_seen(seen).axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == groups
    assert [text.get_text() for text in axes.texts] == ["1,234", "0", "5,000", "70"]
    assert [bar.get_width() for bar in axes.patches] == [1_234, 0, 5_000, 70]
    legend = axes.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["student", "teacher"]


def test_the_language_model_has_a_vector_a_name():
    assert scaling.meaning(60).shape == (60, 384)


def test_near_chance_a_true_bias_is_not_measured():
    frequency = np.geomspace(1000, 1, 60).round()
    curve = scaling.measured_bias(frequency, [2.0, -1.0], repeats=6)
    good, poor = curve.iloc[0], curve.iloc[1]
    assert good.accuracy > 5 * scaling.FLOOR > 5 * poor.accuracy
    assert abs(good.true - poor.true) < 0.05
    assert good.measured > good.true - 0.1
    assert poor.measured < poor.true - 0.2
    assert poor.never > 0.7 > good.never


def test_the_papers_curves_are_complete():
    curves = scaling.paper_curves()
    assert set(curves["head"]) == set(scaling.HEADS)
    clip = curves[curves["head"] != "sl frozen"]
    assert clip.groupby("head").size().eq(6).all()
    assert not curves[["accuracy", "spearman_accuracy", "nc1", "nc2_means"]].isna().any(axis=None)
    frozen = curves[curves["head"] == "frozen"]
    assert frozen["accuracy"].is_monotonic_increasing
    assert frozen["nc1"].is_monotonic_decreasing


@pytest.mark.skipif(not MIRROR, reason="LT_COURSE_MIRROR is not set")
def test_the_papers_curves_equal_the_table_they_were_taken_from():
    source = pd.read_csv(Path(MIRROR) / "numbers" / "fig5_data_scaling.csv", comment="#")
    curves = scaling.paper_curves()
    for ours, theirs, unit in (
        ("accuracy", "top1_acc_pct", 0.01),
        ("spearman_accuracy", "corr_freq_acc", 1),
        ("nc1", "NC1", 1),
        ("nc2_means", "NC2", 1),
    ):
        assert sorted(curves[ours]) == pytest.approx(sorted(unit * source[theirs]))


def test_every_head_has_its_own_colour_marker_and_label():
    looks = scaling.HEAD_LOOKS.values()
    assert {*scaling.HEADS, "sl"} == set(scaling.HEAD_LOOKS)
    for key in ("color", "marker", "label"):
        assert len({look[key] for look in looks}) == len(looks)
    assert {look["color"] for look in looks} <= set(style.PALETTE)


def test_points_below_the_floor_are_hollow():
    runs = runs_on(1 / 32, 1 / 8)
    found = measured(list(runs), seeds=(0, 1))
    found.loc["sl 0.03125, epochs", "accuracy"] = scaling.FLOOR / 2
    figure = scaling.plot_fractions(
        scaling.by_fraction(found, runs), ["accuracy", "spearman_accuracy"]
    )
    for axes, column in zip(figure.axes, ["accuracy", "spearman_accuracy"], strict=True):
        hollow = [line for line in axes.get_lines() if line.get_markerfacecolor() == "white"]
        points = np.concatenate([line.get_xydata() for line in hollow])
        mean = found.loc["sl 0.03125, epochs", column].mean()
        np.testing.assert_allclose(points, [[1 / 32, mean]])
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["SL, equal epochs", "SL, equal steps"]


def test_the_paper_stands_above_ours():
    ours = scaling.by_head(measured(["frozen 1/8", "frozen", "scratch"], seeds=(0, 1)))
    columns = ["accuracy", "nc1"]
    figure = scaling.plot_beside_paper(ours, scaling.paper_curves(), columns)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["paper: accuracy", "paper: NC1", "ours: accuracy", "ours: NC1"]
    assert [axes.get_yscale() for axes in figure.axes] == ["linear", "log"] * 2
    assert len(figure.legends[0].get_texts()) == len(scaling.HEADS)
    assert len(figure.axes[0].containers) == 5
    assert len(figure.axes[2].containers) == 2


def test_nothing_recorded_still_shows_the_paper():
    index = pd.MultiIndex.from_tuples([], names=["label", "seed"])
    ours = scaling.by_head(pd.DataFrame([], index=index))
    figure = scaling.plot_beside_paper(ours, scaling.paper_curves(), ["accuracy"])
    assert not figure.axes[1].containers


def test_the_floor_is_marked():
    curve = pd.DataFrame(
        {"accuracy": [0.5, 0.02], "true": [0.7, 0.7], "measured": [0.7, 0.4], "never": [0, 0.8]}
    )
    axes = scaling.plot_floor(curve, classes=60).axes[0]
    assert {text.get_text() for text in axes.texts} == {"chance", "floor"}
    assert sorted(text.get_position()[0] for text in axes.texts) == [1 / 60, 1 / 20]
