"""Vocabularies: theory beside runs, beside the recorded evidence and beside the paper."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from lt_course import evidence, study
from lt_course.lessons import vocabularies as theory
from lt_course.objectives.classify import SupervisedConfig
from lt_course.statistics import spearman

COUNTS = np.array([80, 40, 20, 10, 5, 2, 1, 1])
IN_BATCH = SupervisedConfig(sampling="in-batch", vocabulary_group=8)


@pytest.fixture(autouse=True)
def _no_figure_stays_open():
    yield
    plt.close("all")


def per_class(mean_logit):
    return pd.DataFrame({"frequency": COUNTS, "mean_logit": mean_logit})


def measured(labels=("all", "in-batch", "frequency 48", "uniform 96", "sqrt 48"), seeds=(0, 1)):
    """Made-up agreements in the shape of the recorded ones."""
    index = pd.MultiIndex.from_product([labels, seeds], names=["label", "seed"])
    values = np.random.default_rng(0).uniform(size=(len(index), 5))
    columns = ["remaining", "S(p)", "slope", "r2", "r2_as_predicted"]
    return pd.DataFrame(values, index=index, columns=columns)


def test_a_run_that_shifts_as_predicted_agrees_with_theory():
    included = 1 - (1 - COUNTS / COUNTS.sum()) ** 7
    full = np.random.default_rng(0).normal(size=len(COUNTS))
    moved = per_class(full - 0.25 * np.log(included) + 3)
    table = theory.shifts(moved, per_class(full), IN_BATCH)
    assert table["measured"].mean() == pytest.approx(0)
    assert table["predicted"].diff().to_numpy() == pytest.approx(
        pd.Series(-np.log(included)).diff().to_numpy(), nan_ok=True
    )
    found = theory.agreements({"in-batch": table}).loc["in-batch"]
    assert (found["slope"], found["r2"]) == pytest.approx((0.25, 1))


def test_more_is_left_by_larger_vocabularies_and_by_flatter_laws():
    curve = theory.remaining_curve(COUNTS, (4, 6, 8), vocabulary_group=4)
    assert curve.diff().iloc[1:].gt(0).all(axis=None)
    assert (curve.loc[8] == 1).all()
    assert curve.loc[6, "frequency"] < curve.loc[6, "sqrt"] < curve.loc[6, "uniform"]


def test_the_paper_agrees_on_the_order_from_scratch():
    table = theory.paper_vocabularies()
    scratch = table[table["series"] == "from scratch, frequency"]
    assert spearman(scratch["remaining"], scratch["S(p)"]) == pytest.approx(1)
    by_size = table.set_index(["series", "V"])
    left = by_size["remaining"]
    assert left["frozen head, uniform", 200] > 0.6 > 0.2 > left["frozen head, frequency", 200]
    # 62 classes of the batch fill a vocabulary of 50 up, whatever the law.
    assert left.xs(50, level="V").nunique() == 1
    assert by_size["S(p)"]["frozen head, uniform", 200] == 0.546
    assert np.isnan(by_size["accuracy"]["frozen head, uniform", 200])
    assert (left.xs(1000, level="V") == 1).all()


def test_the_recorded_table_has_no_interval_where_nothing_varies():
    found = measured(labels=("all", "sqrt 48"))
    found["remaining"] = [1, 1, 0.5, 0.5]
    found.loc["all", ["slope", "r2", "r2_as_predicted"]] = np.nan
    table = theory.recorded_table(found)
    assert list(table["share left, predicted"]) == ["1.00", "0.50"]
    assert list(table.loc["all", ["slope", "R²"]]) == ["–", "–"]
    low, high = sorted(found.loc["sqrt 48", "S(p)"])
    assert table.loc["sqrt 48", "S(p)"].startswith(f"{(low + high) / 2:.2f} [")


def test_pairs_in_the_other_order_are_counted():
    table = pd.DataFrame({"remaining": [0.1, 0.1, 0.5, 1.0], "S(p)": [0.3, 0.2, 0.25, 0.4]})
    assert theory.inverted_pairs(table) == (5, 1)


def test_recorded_shifts_are_of_runs_that_draw():
    for seed in evidence.load_results(theory.FACTOR).index.unique("seed"):
        tables = theory.recorded_shifts(seed)
        assert theory.FULL not in tables
        for table in tables.values():
            assert table[["predicted", "measured"]].mean().to_numpy() == pytest.approx(0, abs=1e-5)
    assert theory.recorded_shifts(99) == {}


def test_recorded_agreements_cover_what_is_recorded():
    found = theory.recorded_agreements()
    assert found.index.equals(evidence.load_results(theory.FACTOR).index)
    assert (found.loc[theory.FULL, "remaining"] == 1).all()
    drawn = found.drop(theory.FULL, level="label")
    assert drawn["remaining"].between(0, 1).all()
    assert drawn["r2"].between(0, 1).all()


def test_methods_are_united_by_label():
    found = theory.united({"the_gap": ["clip-title"], theory.FACTOR: [theory.FULL]})
    assert set(found.index.unique("label")) == {"clip-title", theory.FULL}
    assert set(found["factor"]) == {"the_gap", theory.FACTOR}


def test_logits_from_a_checkpoint_are_those_of_the_evaluation(small, store):
    run = study.config(
        "sl", scale="tiny", concepts=6, num_images=40, batch_size=8, duration="4 steps"
    )
    record = study.train_or_load(run)
    logits = theory.logits_on_test(record)
    assert (logits.argmax(1) == record.arrays["predictions"]).all()
    assert logits.mean(0) == pytest.approx(record.per_class["mean_logit"].to_numpy(), abs=1e-4)

    with_ = study.train_or_load(study.override(run, sampling="in-batch", vocabulary_group=2))
    row = theory.compared(record, with_)
    frequency = record.per_class["frequency"]
    moved = logits - np.log(frequency / frequency.sum()).to_numpy()
    named = np.bincount(moved.argmax(1), minlength=6)
    assert row["S(p) predicted"] == pytest.approx(spearman(frequency, named))
    assert row["S(p)"] == with_.metrics["spearman_predictions"]
    assert row["never named"] == (with_.per_class["predictions"] == 0).sum()


@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
def test_figures_draw_each_run_once(seeds):
    found = measured(seeds=seeds)
    axes = theory.plot_collapse(found).axes[0]
    assert {text.get_text() for text in axes.get_legend().get_texts()} == {
        "all", "in-batch", "frequency", "uniform", "sqrt"
    }  # fmt: skip
    assert len(axes.containers) == 5


def test_every_law_has_its_own_look():
    looks = [(look["color"], look["marker"]) for look in theory.LAW_LOOKS.values()]
    assert len({marker for _, marker in looks}) == len(looks)


def test_the_plane_names_every_kind_of_method():
    index = pd.MultiIndex.from_product(
        [["all", "in-batch of 8", "balanced softmax", "clip-title"], [0, 1]],
        names=["label", "seed"],
    )
    factors = np.repeat(["vocabulary", "vocabulary", "baselines", "the_gap"], 2)
    values = np.random.default_rng(0).uniform(size=8)
    found = pd.DataFrame(
        {"accuracy": values, "spearman_predictions": values[::-1], "factor": factors}, index=index
    )
    figure = theory.plot_plane(found)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "SL, all classes", "vocabulary, in-batch", "balanced softmax", "CLIP, titles"
    ]  # fmt: skip
    assert [text.get_text() for text in figure.axes[0].texts] == ["8"]


def test_shift_panels_show_slope_and_r2():
    included = 1 - (1 - COUNTS / COUNTS.sum()) ** 7
    table = theory.shifts(per_class(-0.5 * np.log(included)), per_class(0 * COUNTS), IN_BATCH)
    axes = theory.plot_shifts({"in-batch 8": table}).axes[0]
    assert axes.get_title() == "in-batch 8\nslope 0.50, R² 1.00"


def test_counted_chances_are_drawn_on_their_formula():
    prior = COUNTS / COUNTS.sum()
    axes = theory.plot_presence(prior, {2: prior, 8: 1 - (1 - prior) ** 7}).axes[0]
    line, dots = axes.lines[2:]
    x, y = line.get_data()
    assert y == pytest.approx(1 - (1 - np.asarray(x)) ** 7)
    assert list(dots.get_ydata()) == pytest.approx(1 - (1 - prior) ** 7)
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["m = 2", "m = 8"]


def test_slopes_by_epochs_have_a_line_of_means():
    rows = [(1, 0, 1.2, 0.1), (1, 1, 1.0, 0.1), (6, 0, 0.3, 0.5), (6, 1, 0.1, 0.4)]
    table = pd.DataFrame(rows, columns=["epochs", "seed", "slope", "accuracy"])
    left, right = theory.plot_epochs(table).axes
    assert list(left.lines[0].get_ydata()) == pytest.approx([1.1, 0.2])
    assert list(right.lines[0].get_ydata()) == pytest.approx([0.1, 0.45])
    assert [t.get_text() for t in right.get_legend().get_texts()] == ["seed 0", "seed 1"]


def test_the_other_figures_can_be_drawn():
    assert len(theory.plot_laws(COUNTS, 6, theory.LAWS, 4).axes) == 2
    assert (
        len(theory.plot_remaining(theory.remaining_curve(COUNTS, (4, 8), vocabulary_group=4)).axes)
        == 1
    )
    assert len(theory.plot_beside_theory(theory.paper_vocabularies()).axes[0].lines) == 3
