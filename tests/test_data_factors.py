"""Lesson 07: training sets in numbers, frequencies compared, shift taken apart, its figures."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lt_course import study
from lt_course.data import icontail
from lt_course.data.drawing_style import is_solid
from lt_course.errors import CourseError
from lt_course.evidence import experiment
from lt_course.lessons import data_factors as lesson
from lt_course.plots import drawings

SMALL = {
    "concepts": 8,
    "profile": "incaps",
    "num_images": 80,
    "batch_size": 16,
    "duration": "6 epochs",
    "embed_dim": 16,
}


@pytest.fixture(autouse=True)
def _no_figure_stays_open():
    yield
    plt.close("all")


@pytest.fixture
def record(small, store):
    return study.train_or_load(study.config("sl", scale="tiny", seed=3, **SMALL))


def metrics(labels, seeds=(0, 1, 2)):
    """Made-up metrics in the shape of the recorded ones."""
    index = pd.MultiIndex.from_product([labels, seeds], names=["label", "seed"])
    values = np.random.default_rng(0).uniform(0.1, 0.4, (len(index), len(lesson.COLUMNS)))
    return pd.DataFrame(values, index=index, columns=list(lesson.COLUMNS))


def test_the_training_set_of_a_run_is_what_it_trained_on(record):
    drawn = study.training_set(record.run)
    np.testing.assert_array_equal(drawn.frequency, record.per_class["frequency"])
    limit = record.metrics["frequency_limit"]
    assert drawn.availability_correlation == pytest.approx(limit, nan_ok=True)


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


def test_fewer_authors_are_fewer_authors():
    base = {"scale": "tiny", "num_images": 1500}
    draws = {
        str(authors): study.training_set(study.config("sl", authors=authors, **base))
        for authors in (2, None)
    } | {"solid": study.training_set(study.config("sl", style="solid", **base))}
    table = lesson.described(draws)
    assert (table["pictures"] == 1500).all()
    assert table["authors a concept"]["2"] == 2 < table["authors a concept"]["None"]
    assert table["similarity"]["2"] > table["similarity"]["None"]
    assert table["solid"]["solid"] == 1
    assert table["titles"].between(0, 1).all()


def test_agreement_is_one_with_itself_and_minus_one_with_its_reverse():
    a = [np.arange(9), np.arange(9) ** 2]
    table = lesson.agreement({"a": a, "same": a, "reversed": [-each for each in a]})
    np.testing.assert_allclose(table.loc["a and same"], 1)
    np.testing.assert_allclose(table.loc["a and reversed"], -1)
    assert list(table.index) == ["a and same", "a and reversed", "same and reversed"]


def test_declared_training_sets_are_those_of_the_runs():
    found = lesson.declared("shift", ["sl line", "sl solid"], [2, 4])
    run = experiment("shift").run("sl solid", seed=4)
    np.testing.assert_array_equal(found["sl solid"][1].image_ids, study.training_set(run).image_ids)
    assert [len(sets) for sets in found.values()] == [2, 2]
    with pytest.raises(CourseError, match="sl line"):
        lesson.declared("shift", ["sl lines"], [0])


def test_everything_is_all_that_fits_the_style():
    run = study.config("sl", scale="tiny", num_images=1500)
    line, solid, whole = (
        lesson.everything(study.override(run, style=style)) for style in ("line", "solid", "all")
    )
    assert sorted([*line.image_ids, *solid.image_ids]) == sorted(whole.image_ids)
    data = icontail.load()
    assert whole.frequency[7] == ((data.concept == 7) & ~data.test).sum()
    assert set(study.training_set(run).image_ids) <= set(whole.image_ids)


def test_borrowed_frequencies_are_correlated_with_the_flat_runs_results():
    flat = pd.DataFrame({"accuracy": [0.1, 0.2, 0.3, 0.4], "predictions": [9, 7, 5, 3]})
    assert lesson.borrowed(flat, [1, 2, 3, 4]) == pytest.approx({"S(a)": 1, "S(p)": -1})


def test_halves_make_up_the_whole(tmp_path):
    data, generator = icontail.load(), np.random.default_rng(0)
    test = np.flatnonzero(data.test & (data.concept < 60))
    labels = data.concept[test].astype(np.int64)
    said = np.where(generator.random(len(test)) < 0.3, labels, generator.integers(0, 60, len(test)))
    arrays = {"test": test, "labels": labels, "predictions": said}
    per_class = pd.DataFrame({"frequency": generator.permutation(60)})
    run, history = study.config("sl", scale="tiny"), pd.DataFrame()
    table = lesson.halves(study.RunResult(run, {}, history, per_class, arrays, {}, tmp_path))
    solid = is_solid(data.pictures[test])
    assert list(table["drawings"]) == [(~solid).sum(), solid.sum()]
    whole = np.average(table["accuracy"], weights=table["drawings"])
    assert whole == pytest.approx((labels == said).mean())
    by_concept = pd.Series((labels == said)[solid]).groupby(labels[solid]).mean()
    expected = by_concept.corr(per_class["frequency"][by_concept.index], method="spearman")
    assert table["S(a)"]["solid"] == pytest.approx(expected)


def test_an_easier_half_or_a_better_training_set_is_no_shift():
    """Accuracy = easiness of the half + quality of the training set + 0.1 where they match."""
    easiness, quality, shift = {"line": 0.2, "solid": 0.35}, {"line": 0.3, "solid": 0.22}, 0.1
    rows = {
        (f"m {trained}", seed): {
            f"accuracy_{half}": easiness[half] + quality[trained] + shift * (half == trained)
            for half in easiness
        }
        for trained in quality
        for seed in (0, 4)
    }
    frame = pd.DataFrame(rows).T.rename_axis(["label", "seed"])
    costs = lesson.shift_costs(frame, "m line", "m solid")
    assert list(costs.index) == [0, 4]
    np.testing.assert_allclose(costs["mean"], shift)
    assert costs["on line"].iloc[0] != pytest.approx(costs["on solid"].iloc[0])


def test_without_records_there_are_no_costs_and_no_rows():
    index = pd.MultiIndex.from_tuples([], names=["label", "seed"])
    nothing = pd.DataFrame(index=index)
    assert lesson.shift_costs(nothing, "sl line", "sl solid").empty
    assert lesson.summary(nothing).empty
    assert lesson.two_ways(nothing, [("sl line", "sl solid", "accuracy")]).empty


def test_what_was_trained_on_is_known_best(record):
    accuracy = lesson.by_acquaintance(record)
    assert accuracy.between(0, 1).all()
    assert accuracy["new authors (the test)"] == pytest.approx(record.metrics["accuracy"])
    assert accuracy["trained on"] >= accuracy["new drawings, authors trained on"]


def test_summary_tells_undefined_from_unrecorded():
    found = metrics(["clip-title flat", "clip-title incaps"])
    found.loc["clip-title flat", "spearman_accuracy"] = np.nan
    found.loc[("sl flat", 0), :] = 0.5
    table = lesson.summary(found)
    assert list(table.index) == ["clip-title flat", "clip-title incaps", "sl flat"]
    assert table["S(a)"]["clip-title flat"] == "undefined"
    assert table["S(a)"]["clip-title incaps"].startswith("0.")
    assert table["S(a)"]["sl flat"] == "0.50"
    assert table["seeds"].to_list() == ["3", "3", "1"]


def test_pairing_helps_where_seeds_move_both_runs_alike():
    found = metrics(["sl line", "sl solid"], seeds=range(5))
    shared = found.loc["sl line", "accuracy"].to_numpy()
    found.loc["sl solid", "accuracy"] = shared - 0.1 + np.array([0, 1, -1, 1, -1]) / 1000
    pairs = [("sl line", "sl solid", "accuracy"), ("sl line", "clip line", "accuracy")]
    table = lesson.two_ways(found, pairs)
    assert list(table.index) == ["accuracy: sl line minus sl solid"]
    assert table["paired"].iloc[0] == "0.10 [0.10, 0.10]"
    # Welch's interval by its own formula.
    a, b = (found.loc[label, "accuracy"] for label in ("sl line", "sl solid"))
    va, vb = a.var() / 5, b.var() / 5
    freedom = (va + vb) ** 2 / (va**2 / 4 + vb**2 / 4)
    half = stats.t.ppf(0.975, freedom) * (va + vb) ** 0.5
    assert table["unpaired"].iloc[0] == f"0.10 [{0.1 - half:.2f}, {0.1 + half:.2f}]"


def test_live_runs_in_one_table(record):
    table = lesson.live({"here": record})
    assert table["accuracy"]["here"] == record.metrics["accuracy"]
    assert list(table.columns) == list(lesson.COLUMNS.values())


def test_the_papers_sets_are_complete_but_for_one_similarity():
    table = lesson.paper_sets()
    assert list(table.index) == list(lesson.PAPER_SETS.values())
    assert table.isna().sum().sum() == 1
    steep, matched = table.loc["LAIONet, threshold 0.7"], table.loc["LAIONet, =freq"]
    assert matched["S(a), scratch"] < steep["S(a), scratch"]
    assert table["similarity"].idxmin() == "LAIONet, =freq"


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


def test_levels_show_means_of_what_two_seeds_have():
    found = metrics(["sl line", "sl solid", "clip-title line"])
    found.loc[("clip-title solid", 0), :] = 0.5
    found.loc["sl line", "spearman_accuracy"] = np.nan
    figure = lesson.plot_levels(found, ["line", "solid"])
    accuracy, bias, _ = figure.axes
    series = {c.get_label(): c.lines[0].get_ydata() for c in accuracy.containers}
    assert set(series) == {"SL", "CLIP, titles"}
    means = found["accuracy"].groupby("label").mean()
    np.testing.assert_allclose(series["SL"], means[["sl line", "sl solid"]])
    assert [len(c.lines[0].get_ydata()) for c in bias.containers] == [1, 1]


def test_levels_of_nothing_are_empty_panels():
    index = pd.MultiIndex.from_tuples([], names=["label", "seed"])
    figure = lesson.plot_levels(pd.DataFrame(index=index), ["2", "all"])
    assert [axes.get_title() for axes in figure.axes] == ["accuracy", "S(a)", "S(p)"]


def test_the_looks_of_methods_differ_in_colour_and_marker():
    for key in ("color", "marker", "label"):
        assert len({look[key] for look in lesson.METHODS.values()}) == len(lesson.METHODS)


def test_the_authors_frame_marks_its_concept(small):
    run = study.config("sl", scale="tiny", concepts=8, profile="flat", num_images=80)
    drawn, everything = study.training_set(run), lesson.everything(run)
    figure = lesson.plot_authors(drawn, everything, 2, "both authors")
    marked = [line for line in figure.axes[-1].get_lines() if line.get_marker() == "D"]
    assert tuple(marked[0].get_xydata()[0]) == (40, 10)
    assert len([axes for axes in figure.axes if axes.images]) == 12
