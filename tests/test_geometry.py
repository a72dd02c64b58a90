"""Lesson 10: toys of collapse, correlations, the modality gap, density, errors, figures."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from lt_course import study
from lt_course.errors import CourseError
from lt_course.evaluation.neural_collapse import per_class
from lt_course.evidence import experiment
from lt_course.lessons import geometry, neural_collapse
from lt_course.study import RunResult

LABELS = np.repeat(np.arange(4), 3)
PREDICTIONS = np.array([0, 1, 2, 1, 1, 3, 2, 0, 1, 3, 3, 3])


@pytest.fixture(autouse=True)
def _no_figure_stays_open():
    plt.close("all")
    yield
    plt.close("all")


def drawn(rows=8, columns=5, seed=0):
    found = np.random.default_rng(seed).normal(size=(rows, columns))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def record(centres):
    arrays = {
        "centres": centres,
        "prototypes": 3 * centres,
        "labels": LABELS,
        "predictions": PREDICTIONS,
    }
    empty = pd.DataFrame()
    return RunResult(study.config("sl", scale="tiny"), {}, empty, empty, arrays, {}, Path())


# Toys -----------------------------------------------------------------------------------------


def test_without_spread_a_simplex_has_collapsed():
    found = neural_collapse.collapse(*neural_collapse.triangle(spread=0.0))
    assert found == pytest.approx({"NC1": 0, "NC2": 0, "accuracy": 1}, abs=1e-12)


def test_spread_moves_nc1_and_a_turn_moves_both():
    # Enough pictures for class means that stay where their centres are.
    tight, loose, turned = (
        neural_collapse.collapse(*neural_collapse.triangle(spread, turn, pictures=20_000))
        for spread, turn in ((0.1, 0), (0.2, 0), (0.1, 80))
    )
    assert loose["NC1"] == pytest.approx(4 * tight["NC1"], rel=0.02)
    assert tight["NC2"] == pytest.approx(loose["NC2"], abs=0.01)
    assert turned["NC2"] > 0.3
    assert turned["NC1"] > 2 * tight["NC1"]


def test_nc1_of_the_toy_is_known_exactly():
    """Between-class scatter is I / 2 on a circle of radius 1, within-class scatter spread^2 I."""
    found = neural_collapse.collapse(*neural_collapse.triangle(0.1, pictures=100_000))
    assert found["NC1"] == pytest.approx(2 * 0.1**2 * 2 / 3, rel=0.02)


@pytest.mark.parametrize("rivals", [1, 6])
def test_classes_that_draw_together_are_recognised_less_and_less(rivals):
    curve = neural_collapse.ways_to_fail(rivals, [0, 0.3, 0.6, 0.9])
    assert curve["accuracy"].is_monotonic_decreasing
    assert curve["mean"].is_monotonic_increasing
    assert curve["nearest"].is_monotonic_increasing
    assert curve.loc[0, ["mean", "nearest"]].to_numpy() == pytest.approx([0, 0], abs=1e-12)
    assert (curve["mean"] <= curve["nearest"] + 1e-12).all()


def test_a_twin_shows_in_the_nearest_and_a_crowd_in_the_mean():
    moves = np.arange(20) / 20
    twin, crowd = (neural_collapse.ways_to_fail(n, moves) for n in (1, 6))
    at = [curve.iloc[(curve["accuracy"] - 0.6).abs().argmin()] for curve in (twin, crowd)]
    assert at[0]["accuracy"] == pytest.approx(at[1]["accuracy"], abs=0.05)
    assert at[0]["nearest"] > at[1]["nearest"]
    assert at[0]["mean"] < at[1]["mean"]
    # A twin takes nearly all errors; of six rivals at one distance each takes a sixth.
    assert at[0]["to_one"] > 0.7
    assert at[1]["to_one"] == pytest.approx(1 / 6, abs=0.05)


# Correlations ---------------------------------------------------------------------------------


def test_metrics_are_the_columns_of_the_table_of_classes():
    table = per_class(torch.randn(24, 3), torch.arange(24) % 4, torch.randn(4, 3))
    assert list(table.columns) == list(neural_collapse.METRICS)


def measured(labels, seeds=3):
    names = [f"spearman_{m}_{t}" for m in neural_collapse.METRICS for t in neural_collapse.TARGETS]
    index = pd.MultiIndex.from_product([labels, range(seeds)], names=["label", "seed"])
    values = np.random.default_rng(0).uniform(-1, 1, (len(index), len(names) + 1))
    return pd.DataFrame(values, index, [*names, "spearman_accuracy"])


def test_the_papers_correlations_say_what_its_text_says():
    found = neural_collapse.paper_correlations().set_index(["dataset", "metric", "target"])["value"]
    assert len(found) == 7 * 5 * 2
    for data, millions in neural_collapse.PAPER_SETS.items():
        most, nearest = (
            found[data, metric, "accuracy"] for metric in ("nc2_means", "nc2_means_nearest")
        )
        assert (most < nearest) == (millions < 100)
        assert found[data, "nc2_prototypes", "frequency"] > 0


def test_the_papers_table_names_its_sets_and_metrics():
    found = neural_collapse.paper_table("accuracy")
    assert found.shape == (7, 5)
    assert found.loc["LAIONet (3.26 million)", "NC2, centres"] == pytest.approx(-0.342)
    assert found.index[-1] == "MetaCLIP-2.5B (2,500 million)"


def test_whole_models_stand_beside_the_papers():
    labels = [label for label, _ in neural_collapse.HEADS.values()]
    index = pd.MultiIndex.from_product([labels, [0, 1]], names=["label", "seed"])
    runs = pd.DataFrame({"nc1": [1.0, 3, 2, 4, 5, 7], "nc2_means": 0.25}, index)
    found = neural_collapse.whole_models(runs)
    assert found["paper: NC1"].tolist() == pytest.approx([0.9, 9.7, 4.1], abs=0.05)
    assert [text.split()[0] for text in found["ours: NC1"]] == ["2.00", "3.00", "6.00"]


def test_claims_quote_the_papers_correlations():
    found = neural_collapse.paper_correlations().set_index(["dataset", "metric", "target"])["value"]
    claims = {claim.id: claim for claim in experiment("feature_space").claims}
    most = found["laionet", "nc2_means", "accuracy"]
    apart = {
        data: found[data, "nc2_means_nearest", "accuracy"] - found[data, "nc2_means", "accuracy"]
        for data in ("laionet", "laion400m")
    }
    dense = {data: found[data, "nc2_prototypes", "frequency"] for data in ("laionet", "laion400m")}
    nearest = found["laionet", "nc2_prototypes_nearest", "frequency"]
    expected = {
        "fails-on-most-not-on-the-nearest": apart["laionet"],
        "the-nearest-matters-more-with-data": apart["laionet"] - apart["laion400m"],
        "separation-tells-more-than-spread": found["laionet", "nc1", "accuracy"] - most,
        "denser-all-round": dense["laionet"] - nearest,
        "denser-head-with-data": dense["laion400m"] - dense["laionet"],
    }
    for name, effect in expected.items():
        assert claims[name].paper[0] == pytest.approx(effect, abs=5e-4)


# Text and pictures ----------------------------------------------------------------------------


def test_sides_have_length_one():
    for side in geometry.sides(record(5 * drawn())):
        assert np.linalg.norm(side, axis=1) == pytest.approx(np.ones(8))


def test_a_shift_makes_the_gap_as_wide_as_asked_and_nothing_else():
    pictures, texts = drawn(seed=1), drawn(seed=2)
    wide = texts.mean(0) - pictures.mean(0)
    for factor_ in (0, 1, 2.5):
        moved = geometry.shifted(pictures, texts, factor_)
        assert moved.mean(0) - pictures.mean(0) == pytest.approx(factor_ * wide)
        assert moved - moved.mean(0) == pytest.approx(texts - texts.mean(0))


def test_a_map_keeps_neighbours_and_makes_clouds_alike():
    dense, loose = geometry.two_clouds(points=30)
    assert geometry.width(loose) / geometry.width(dense) == pytest.approx(4, rel=0.2)
    found = geometry.t_sne(np.concatenate([dense, loose]), perplexity=8)
    assert found.shape == (60, 2)
    near = NearestNeighbors(n_neighbors=1).fit(found).kneighbors(return_distance=False)[:, 0]
    assert ((near < 30) == (np.arange(60) < 30)).all()
    assert 0.6 < geometry.width(found[30:]) / geometry.width(found[:30]) < 1.7


def test_width_is_that_of_a_normal_cloud():
    points = np.random.default_rng(0).normal(size=(50_000, 4))
    assert geometry.width(3 * points + 7) == pytest.approx(3 * 4**0.5, rel=0.01)


# Density and errors ---------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 3, 7])
def test_density_agrees_with_scikit_learn(k):
    vectors = drawn()
    index = NearestNeighbors(n_neighbors=k, metric="cosine").fit(vectors)
    distance, _ = index.kneighbors()
    scaled = vectors * np.arange(1, 9)[:, None]
    assert geometry.density(scaled, k) == pytest.approx(1 - distance.mean(1))


def test_vectors_that_share_a_shift_are_denser():
    vectors = drawn()
    assert (geometry.density(vectors + 3, 3) > geometry.density(vectors, 3)).all()


@pytest.mark.parametrize("k", [0, 8])
def test_density_needs_as_many_others(k):
    with pytest.raises(CourseError, match="8 vectors have 1 to 7 others"):
        geometry.density(drawn(), k)


def test_errors_are_ranked_by_the_neighbours_of_the_truth():
    angles = np.deg2rad([0, 20, 90, 180])
    found = record(np.column_stack([np.cos(angles), np.sin(angles)]))
    # With the mean taken off, nearest first: from 0 come 1, 2, 3; from 1: 0, 2, 3; from 2: 3, 1, 0.
    assert geometry.error_ranks(found).tolist() == [1, 2, 3, 3, 2]


# Figures --------------------------------------------------------------------------------------


def test_metrics_and_methods_can_be_told_apart():
    for looks in (neural_collapse.METRICS.values(), geometry.METHODS.values()):
        for field in ("color", "marker", "label"):
            assert len({look[field] for look in looks}) == len(looks)


def test_triangles_write_scores_over_each_panel():
    clouds = {"a": neural_collapse.triangle(0.1), "b": neural_collapse.triangle(0.1, 60)}
    figure = neural_collapse.plot_triangles(clouds, {name: {"NC2": 0.123} for name in clouds})
    assert [axes.get_title() for axes in figure.axes] == ["a\nNC2 0.12", "b\nNC2 0.12"]
    assert len(figure.axes[0].lines) == 9


def test_ways_to_fail_are_drawn_with_both_metrics():
    curves = {"twin": neural_collapse.ways_to_fail(1, [0, 0.5], pictures=50)}
    (axes,) = neural_collapse.plot_ways_to_fail(curves).axes
    assert axes.lines[1].get_ydata() == pytest.approx(curves["twin"]["nearest"])


@pytest.mark.parametrize(("seeds", "drawn_"), [(3, 10), (1, 10), (0, 0)])
def test_a_row_a_metric_and_a_marker_a_method(seeds, drawn_):
    found = measured(["sl", "clip-title"], seeds)
    figure = neural_collapse.plot_correlations(found, ["sl", "clip-title", "clip frozen"])
    assert len(figure.axes[0].containers) == drawn_
    assert len(figure.legends[0].get_texts()) == 3


def test_maps_are_drawn_with_names_and_joined_pairs():
    maps = {"text": drawn(8, 2), "pictures": drawn(8, 2, 1)}
    figure = geometry.plot_maps(maps, [1, 2, 5, 10, 30, 100, 500, 1000], {7: "cloud"})
    assert [text.get_text() for text in figure.axes[0].texts] == ["cloud"]
    (axes,) = geometry.plot_joint_maps({"both": np.concatenate(list(maps.values()))}).axes
    assert len(axes.lines) == 8 + 2
    ends = axes.lines[3].get_xydata()
    assert ends == pytest.approx(np.stack([maps["text"][3], maps["pictures"][3]]))
    pair = (drawn(8, 2), drawn(8, 2, 1))
    assert len(geometry.plot_clouds({"truth": pair, "map": pair}).axes) == 2


def test_densities_are_drawn_with_their_correlation():
    counts = np.arange(1, 9)
    figure = geometry.plot_densities({"sl": drawn()[:, 0], "clip frozen": counts / 8.0}, counts)
    assert figure.axes[1].get_title().endswith("S = 1.00")
