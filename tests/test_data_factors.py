"""Lesson 07: training sets in numbers, and its figures."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from lt_course import study
from lt_course.errors import CourseError
from lt_course.evidence import experiment
from lt_course.lessons import data_factors as lesson
from lt_course.plots import drawings
from lt_course.plots.runs import THREE


@pytest.fixture(autouse=True)
def _no_figure_stays_open():
    yield
    plt.close("all")


def metrics(labels, seeds=(0, 1, 2)):
    """Made-up metrics in the shape of the recorded ones."""
    index = pd.MultiIndex.from_product([labels, seeds], names=["label", "seed"])
    values = np.random.default_rng(0).uniform(0.1, 0.4, (len(index), len(THREE)))
    return pd.DataFrame(values, index=index, columns=list(THREE))


def test_every_declared_training_set_exists():
    for name in ("imbalance", "shift", "diversity"):
        for run in experiment(name).runs(seed=7).values():
            assert study.training_set(run).frequency.sum() == run.data.num_images


def test_similarity_is_the_mean_over_pairs():
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 256, (14, 8, 8)).astype(np.uint8)
    labels = np.array([0] * 6 + [3] * 5 + [4] * 3)
    corr = np.corrcoef(pictures.reshape(14, -1).astype(float))
    expected = [
        corr[np.ix_(group, group)][np.triu_indices(len(group), 1)].mean()
        for group in (np.arange(6), np.arange(6, 11))
    ]
    np.testing.assert_allclose(lesson.similarity(pictures, labels), expected)


def test_equal_drawings_are_as_similar_as_can_be_and_blank_ones_not_at_all():
    cross = np.eye(8, dtype=np.uint8)[None].repeat(5, 0) * 200
    np.testing.assert_allclose(lesson.similarity(cross, np.zeros(5)), 1)
    blank = np.full((2, 8, 8), 255, dtype=np.uint8)
    np.testing.assert_allclose(lesson.similarity(blank, [0, 0], least=2), 0, atol=1)


def test_declared_training_sets_are_those_of_the_runs():
    found = lesson.declared("shift", ["sl line", "sl solid"], [2, 4])
    run = experiment("shift").run("sl solid", seed=4)
    np.testing.assert_array_equal(found["sl solid"][1].image_ids, study.training_set(run).image_ids)
    assert [len(sets) for sets in found.values()] == [2, 2]
    with pytest.raises(CourseError, match="sl line"):
        lesson.declared("shift", ["sl lines"], [0])


def test_rows_of_drawings_leave_places_without_a_drawing_white():
    black = np.zeros((3, 32, 32), dtype=np.uint8)
    panels = drawings.rows({"two": black[:2], "three": black, "none": black[:0]}, columns=3).axes
    assert [len(axes.images) for axes in panels] == [1, 1, 0, 1, 1, 1, 0, 0, 0]
    assert (panels[0].images[0].get_array() == 0).all()
    assert [axes.get_ylabel() for axes in panels[::3]] == ["two", "three", "none"]
    titled = drawings.rows({"a": black}, {"a": ["x", "y", "z"]}, columns=2).axes
    assert [axes.get_title() for axes in titled] == ["x", "y"]


def test_profiles_rank_each_set_by_itself():
    figure = lesson.plot_profiles({"a": [1, 9, 3], "b": [5, 5, 5]})
    lines = figure.axes[0].get_lines()
    assert [list(line.get_ydata()) for line in lines] == [[9, 3, 1], [5, 5, 5]]


def test_the_looks_of_methods_differ_in_colour_and_marker():
    for key in ("color", "marker", "label"):
        assert len({look[key] for look in lesson.METHODS.values()}) == len(lesson.METHODS)


def test_fewer_authors_are_fewer_authors():
    base = {"scale": "tiny", "num_images": 1500}
    draws = {
        str(authors): study.training_set(study.config("sl", authors=authors, **base))
        for authors in (2, None)
    } | {"solid": study.training_set(study.config("sl", style="solid", **base))}
    table = lesson.described(draws)
    assert table["authors of a concept"]["2"] == 2 < table["authors of a concept"]["None"]
    alike = table["similarity within a concept"]
    assert alike["2"] > alike["None"]
    assert table["share of solid drawings"]["solid"] == 1
    assert table["different titles a drawing"].between(0, 1).all()
    assert table["authors"]["2"].isdigit()


def test_the_papers_sets_are_complete_but_for_one_similarity():
    table = lesson.paper_sets()
    assert list(table.index) == list(lesson.PAPER_SETS.values())
    assert (table == "not given").sum().sum() == 1
    scratch = table["S(a), text from scratch"].astype(float)
    assert scratch["LAIONet, =freq"] < scratch["LAIONet, threshold 0.7"]
    given = table.loc[table["similarity"] != "not given", "similarity"].astype(float)
    assert given.idxmin() == "LAIONet, =freq"


def test_levels_show_means_of_what_two_seeds_have():
    found = metrics(["sl line", "sl solid", "clip-title line"])
    found.loc[("clip-title solid", 0), :] = 0.5
    found.loc["sl line", "spearman_accuracy"] = np.nan
    nothing = pd.DataFrame(index=pd.MultiIndex.from_tuples([], names=["label", "seed"]))
    sets = {"drawings": (found, {"line": "line", "solid": "filled"}), "others": (nothing, {})}
    figure = lesson.plot_levels(sets)
    accuracy, bias, _ = figure.axes
    assert accuracy.get_title() == "drawings: accuracy"
    assert [text.get_text() for text in accuracy.get_xticklabels()] == ["line", "filled"]
    series = {c.get_label(): c.lines[0].get_ydata() for c in accuracy.containers}
    assert set(series) == {"SL", "CLIP, titles"}
    means = found["accuracy"].groupby("label").mean()
    np.testing.assert_allclose(series["SL"], means[["sl line", "sl solid"]])
    assert [len(c.lines[0].get_ydata()) for c in bias.containers] == [1, 1]
