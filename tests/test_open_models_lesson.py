"""Lesson 13: what it reads off the paper, the wrong file, and figures of both."""

from __future__ import annotations

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from lt_course.counting import web_frequencies
from lt_course.evidence import paper
from lt_course.lessons import open_models
from lt_course.plots import style
from lt_course.release import MIRROR_VARIABLE
from lt_course.web.released import evaluate_open_models as evaluation
from lt_course.web.released.evaluate_open_models import Answers, score
from lt_course.web.released.own_models import own_models

MIRROR = os.environ.get(MIRROR_VARIABLE)
needs_mirror = pytest.mark.skipif(not MIRROR, reason="LT_COURSE_MIRROR is not set")


@pytest.fixture(scope="module")
def web():
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(MIRROR_VARIABLE, raising=False)
        return web_frequencies.load(download=False)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


# What the paper shows -------------------------------------------------------------------------


def test_fig_1b_stands_beside_the_shape_of_the_counts(web) -> None:
    found = open_models.by_pretraining(web)
    assert found.loc["cc12m", "S(a)"] == paper.value("fig1b", "cc12m", "clip", "spearman_accuracy")
    assert found.loc["metaclip_400m", "gini"] < found.loc["laion400m", "gini"] - 0.1
    assert found["millions"].is_monotonic_increasing
    assert list(found.index) == list(open_models.SETS) == list(web_frequencies.PRETRAINING_SETS)


def test_markers_of_fig_18_fit_the_means_of_fig_1b() -> None:
    points = open_models.markers()
    assert points.groupby("set").size().to_dict() == {
        "cc12m": 2, "yfcc15m": 4, "laion400m": 8, "laion2b": 11,
        "metaclip_400m": 2, "metaclip_fullcc": 3,
    }  # fmt: skip
    assert points["hidden"].any()
    assert not points["hidden"].all()
    # All models of the two small sets can be seen, so their means must be those of Fig. 1b.
    for key in ("cc12m", "yfcc15m"):
        mean = points[points["set"] == key][["S(a)", "S(p)"]].mean()
        for letter, metric in (("S(a)", "accuracy"), ("S(p)", "predictions")):
            printed = paper.value("fig1b", key, "clip", f"spearman_{metric}")
            assert mean[letter] == pytest.approx(printed, abs=0.005)
    assert len(open_models.markers("imagenet-v2")) == 25


def test_once_each_tries_every_half() -> None:
    points = pd.DataFrame({"set": ["cc12m"] * 4, "S(a)": [1, 2, 3, 10], "S(p)": [0, 0, 1, 1]})
    found = open_models.once_each(points, ["cc12m"])
    assert found.loc[("cc12m", "S(a)")].to_list() == [4, 4, 1.5, 6.5]
    assert found.loc[("cc12m", "S(p)")].to_list() == [4, 0.5, 0, 1]


def test_other_concepts_know_their_number_of_classes(web) -> None:
    found = open_models.other_concepts()
    assert len(found) == 42
    assert not found.isna().any().any()
    for concepts, of_set in found.groupby("concepts"):
        for key in web_frequencies.PRETRAINING_SETS:
            file = f"{key}_{concepts}"
            assert web.summary.loc[file, "classes"] == of_set["classes"].iloc[0]


@needs_mirror
def test_fig_17_is_looked_up_as_the_table_of_its_slip_says() -> None:
    source = pd.read_csv(
        Path(str(MIRROR)) / "numbers/fig17_example_classes_with_corrected_labels.csv", comment="#"
    )
    for key, column, name in (
        ("laion400m", "acc_clip_vitb32_laion400m_pct", "laion400m"),
        ("metaclip_400m", "acc_clip_vitb32_metaclip400m_pct", "metaclip400m"),
    ):
        found = open_models.figure_17(web_frequencies.load(), key)
        assert found["accuracy"].to_list() == pytest.approx((source[column] / 100).to_list())
        looked_up = found["captions of the class looked up"]
        assert looked_up.to_list() == source[f"true_freq_{name}"].to_list()
        printed = found["captions, as printed"].to_numpy()
        # Classes of equal counts may change places in the sorted list.
        assert (printed == source[f"axis_label_freq_{name}"]).mean() > 0.9


# Chance, and the wrong file -------------------------------------------------------------------


@pytest.mark.parametrize("classes", [10, 37, 1_000])
def test_chance_is_that_of_unrelated_orders(classes: int) -> None:
    if classes == 10:  # tabulated: the exact two-sided 5 % point of n = 10 is 0.648
        expected, tolerance = 0.648, 0.03
    else:
        expected, tolerance = 1.96 / np.sqrt(classes - 1), 0.06 * 1.96 / np.sqrt(classes - 1)
    assert open_models.by_chance(classes) == pytest.approx(expected, abs=tolerance)
    assert open_models.by_chance(classes) == open_models.by_chance(classes)


def test_the_rank_matrix_is_the_papers_fig_13(web) -> None:
    matrix = open_models.rank_matrix(web)
    assert np.array_equal(matrix, matrix.T)
    assert (np.diagonal(matrix) == 1).all()
    printed = paper.table("fig13").query("dataset == 'imagenet'")
    assert len(printed) == 15
    for pair, value in zip(printed["method"], printed["value"], strict=True):
        assert matrix.loc[tuple(pair.split("+"))] == pytest.approx(value, abs=0.0051)
    assert np.linalg.eigvalsh(matrix)[0] > 0


def test_what_is_possible_is_the_edge_of_three_correlations() -> None:
    matrix = pd.DataFrame([[1, 0.7], [0.7, 1]], index=["a", "b"], columns=["a", "b"])
    found = open_models.judged_by(matrix, "a", 0.3)
    assert found.loc["a"].to_list() == pytest.approx([0.3, 0.3, 0.3])
    assert found.loc["b", "predicted"] == pytest.approx(0.21)
    for end in ("lowest", "highest"):
        triple = np.array([[1, 0.7, 0.3], [0.7, 1, found.loc["b", end]], [0.3, 0, 1]])
        triple[2, 1] = triple[1, 2]
        assert np.linalg.det(triple) == pytest.approx(0, abs=1e-9)


def test_simulated_models_meet_the_prediction(web) -> None:
    matrix = open_models.rank_matrix(web)
    found = open_models.simulated(matrix, "laion2b", 0.5, draws=60)
    predicted = open_models.judged_by(matrix, "laion2b", 0.5)["predicted"]
    assert found.shape == (60, 6)
    assert found.mean().to_numpy() == pytest.approx(predicted.to_numpy(), abs=0.02)
    none = open_models.simulated(matrix, "cc12m", 0.0, draws=60)
    assert none.mean().abs().max() < 0.02
    assert none.abs().quantile(0.95).mean() == pytest.approx(open_models.by_chance(1_000), rel=0.3)


# Models of our own ----------------------------------------------------------------------------


def test_blocks_are_shares_of_the_rows() -> None:
    confusion = np.array([[4, 0, 0, 0], [2, 2, 0, 0], [3, 0, 0, 1], [0, 1, 1, 2]])
    answers = Answers(confusion, pd.DataFrame(index=range(4)), ("a", "b", "c", "d"))
    found = open_models.blocks(answers, [9, 8, 1, 2], groups=2)
    assert found.tolist() == [[1, 0], [0.5, 0.5]]


def test_a_lift_moves_both_correlations_up() -> None:
    generator = np.random.default_rng(0)
    labels = np.arange(2_000) % 50
    frequency = np.arange(1, 51) ** 2
    cosines = 0.1 * generator.standard_normal((2_000, 50)) + 0.2 * np.eye(50)[labels]
    found = open_models.lifted(cosines, labels, frequency, [-0.05, 0, 0.05])
    for letter in ("S(a)", "S(p)"):
        assert found[letter].is_monotonic_increasing
        assert found.loc[-0.05, letter] < -0.5 < 0.5 < found.loc[0.05, letter]
    assert found["accuracy"].idxmax() == 0
    plain = (cosines.argmax(1) == labels).mean()
    assert found.loc[0, "accuracy"] == pytest.approx(plain)


# The reader's own evaluation ------------------------------------------------------------------


class Complete:
    complete = True
    note = "made up"

    def concept_set(self, _: str) -> pd.DataFrame:
        titles = web_frequencies.PRETRAINING_SETS.values()
        return pd.DataFrame({title: [5, 3, 9] for title in titles}, index=["a", "b", "c"])


def record(folder: Path, name: str, tag: str) -> Answers:
    generator = torch.Generator().manual_seed(len(name))
    labels = torch.arange(31) % 3
    found = score(torch.randn(31, 4, generator=generator), labels, torch.eye(4)[:3], "abc")
    about = {"name": name, "tag": tag, "set": "imagenet-val", "pictures": 31}
    about |= {"concepts": "imagenet", "counted_as": ["a", "b", "c"]}
    kept = Answers(found.confusion, found.collapse, found.names, about)
    evaluation.write(folder / "imagenet-val" / f"{name}--{tag}.npz", kept)
    return kept


def test_own_models_are_found_or_missed_in_one_sentence(tmp_path: Path, web) -> None:
    own, said = own_models(tmp_path / "none", Complete())
    assert own is None
    assert "lt-course models evaluate counted" in said
    assert said.count(". ") <= 1
    record(tmp_path, "ViT-B-32", "openai")  # of no counted set
    assert own_models(tmp_path, Complete())[0] is None
    kept = record(tmp_path, "RN50-quickgelu", "cc12m")
    record(tmp_path, "RN101-quickgelu", "cc12m")
    own, said = own_models(tmp_path, Complete())
    assert said.startswith("2 models of your own")
    row = own.set_index("name").loc["RN50-quickgelu"]
    report = kept.report([5, 3, 9])
    assert row["spearman_predictions"] == pytest.approx(report["spearman_predictions"])
    own_less, said = own_models(tmp_path, web)
    assert own_less is None
    assert "which cannot be judged: The course's summary of the counts" in said

    theirs = open_models.by_pretraining(web)
    both = open_models.beside(theirs, own)
    assert both.loc["cc12m", "models, yours"] == 2
    assert both.loc["cc12m", "S(p), yours"] == pytest.approx(own["spearman_predictions"].mean())
    assert both.loc["laion2b"].isna().any()
    assert open_models.beside(theirs, None) is theirs

    drawn = open_models.plot_by_scale(theirs, 0.06, own)
    yours = [line for line in drawn.axes[0].lines if line.get_markerfacecolor() == "none"]
    assert sum(len(line.get_xdata()) for line in yours) == 2
    lines = open_models.plot_markers(open_models.markers(), 0.06, own).axes[0].lines
    yours = [line for line in lines if line.get_markeredgecolor() == "black"]
    assert sum(len(line.get_xdata()) for line in yours) == 2


# Figures --------------------------------------------------------------------------------------


def test_by_scale_draws_every_set_in_both_panels(web) -> None:
    theirs = open_models.by_pretraining(web)
    for axes, letter in zip(
        open_models.plot_by_scale(theirs, 0.06).axes, ("S(a)", "S(p)"), strict=True
    ):
        drawn = [(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines]
        assert drawn == list(zip(theirs["millions"], theirs[letter], strict=True))


def test_scatter_draws_every_marker_once() -> None:
    points = open_models.markers()
    axes = open_models.plot_markers(points, 0.06).axes[0]
    assert sum(len(line.get_xdata()) for line in axes.lines) == len(points)


def test_the_wrong_file_has_a_row_a_file(web) -> None:
    matrix = open_models.rank_matrix(web)
    judged = open_models.judged_by(matrix, "cc12m", 0.3)
    figure = open_models.plot_wrong_file(
        judged, open_models.simulated(matrix, "cc12m", 0.3, draws=9), "cc12m"
    )
    axes = figure.axes[0]
    bars = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "|"]
    assert bars == pytest.approx(judged["predicted"].to_list())
    assert axes.get_yticklabels()[0].get_text() == "CC-12M"
    assert axes.get_title() == "a model of CC-12M, S(a) 0.30"


def test_the_other_figures_show_their_tables() -> None:
    table = open_models.other_concepts()
    axes = open_models.plot_other_concepts(table).axes[0]
    drawn = [line for line in axes.lines if len(line.get_xdata()) == 1]
    assert len(drawn) == 42
    assert axes.get_yticklabels()[0].get_text() == "Places365 (365)"
    tables = {"x": np.array([[0.9, 0.1], [0.4, 0.6]]), "y": np.eye(2)}
    panels = open_models.plot_confusions(tables).axes
    assert [text.get_text() for text in panels[0].texts] == ["0.90", "0.10", "0.40", "0.60"]
    curve = pd.DataFrame({"S(a)": [0.1, 0.2], "S(p)": [0.0, 0.3]}, index=[-1, 0])
    axes = open_models.plot_lifts({"sl": curve}, {"sl": style.of("sl")}).axes[0]
    assert axes.lines[0].get_xdata().tolist() == [0.1, 0.2]
    assert [float(value[0]) for value in axes.lines[1].get_data()] == [0.2, 0.3]
    assert stats.spearmanr(*axes.lines[0].get_data()).statistic == pytest.approx(1)
