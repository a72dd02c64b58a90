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


def test_other_concepts_know_their_number_of_classes(web) -> None:
    found = open_models.other_concepts()
    assert len(found) == 42
    assert not found.isna().any().any()
    for concepts, of_set in found.groupby("concepts"):
        for key in web_frequencies.PRETRAINING_SETS:
            file = f"{key}_{concepts}"
            assert web.summary.loc[file, "classes"] == of_set["classes"].iloc[0]


# Chance -------------------------------------------------------------------


@pytest.mark.parametrize("classes", [10, 37, 1_000])
def test_chance_is_that_of_unrelated_orders(classes: int) -> None:
    if classes == 10:  # tabulated: the exact two-sided 5 % point of n = 10 is 0.648
        expected, tolerance = 0.648, 0.03
    else:
        expected, tolerance = 1.96 / np.sqrt(classes - 1), 0.06 * 1.96 / np.sqrt(classes - 1)
    assert open_models.by_chance(classes) == pytest.approx(expected, abs=tolerance)
    assert open_models.by_chance(classes) == open_models.by_chance(classes)


# Models of our own ----------------------------------------------------------------------------


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
    (folder / "imagenet-val").mkdir(exist_ok=True)
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


def test_the_wrong_file_has_a_row_a_file() -> None:
    files = list(web_frequencies.PRETRAINING_SETS)
    predicted = np.array([0.3, *np.linspace(0.1, 0.25, len(files) - 1)])
    ends = {"predicted": predicted, "lowest": predicted - 0.2, "highest": predicted + 0.2}
    judged = pd.DataFrame(ends, index=files)
    made_up = pd.DataFrame(np.tile(predicted, (9, 1)), columns=files)
    figure = open_models.plot_wrong_file(judged, made_up, "cc12m")
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
