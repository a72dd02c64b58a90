"""The paper's cited numbers: well-formed, and equal to the tables they were taken from."""

import os
from pathlib import Path

import pandas as pd
import pytest

from lt_course.errors import CourseError
from lt_course.evidence import paper

MIRROR = os.environ.get("LT_COURSE_MIRROR")
VALUES = pd.read_csv(Path(paper.__file__).parent / "resources" / "paper_values.csv")


def test_a_value():
    assert paper.value("fig1b", "laionet", "sl", "spearman_predictions") == pytest.approx(0.757)


def test_unknown_values_name_their_neighbours():
    with pytest.raises(CourseError, match="fig3/incaps/clip-full/accuracy"):
        paper.value("fig3", "incaps", "clip-fulll", "accuracy")
    with pytest.raises(CourseError, match=r"figures: fig1b, .*fig13"):
        paper.table("fig99")


def test_ids_are_unique_and_spell_their_columns():
    assert VALUES["id"].is_unique
    spelled = VALUES["id"].str.split("/", expand=True)
    assert (
        spelled[[1, 2, 3]]
        .set_axis(["dataset", "method", "metric"], axis=1)
        .equals(VALUES[["dataset", "method", "metric"]])
    )
    assert VALUES["approximate"].isin([True, False]).all()
    assert VALUES["figure"].str.match(r"(Fig\. \d+[ab]?|Table \d|not in the paper)$").all()


def test_values_lie_in_their_range():
    accuracies = VALUES[VALUES["metric"].str.match("accuracy|transfer")]
    correlations = VALUES[VALUES["metric"].str.match("spearman|pearson|cosine")]
    assert accuracies["value"].between(0, 1).all()
    assert correlations["value"].between(-1, 1).all()
    assert len(accuracies) + len(correlations) == (~VALUES["metric"].str.match("nc[12]$")).sum()


def test_what_the_paper_concludes_can_be_read_from_the_table():
    for data in ("laionet", "cc12m", "yfcc15m"):
        for metric in ("spearman_accuracy", "spearman_predictions"):
            assert paper.value("fig1b", data, "sl", metric) > paper.value(
                "fig1b", data, "clip", metric
            )
    sizes = ["sl-vocab-100", "sl-vocab-200", "sl-vocab-500", "sl"]
    bias = [paper.value("fig3", "incaps", size, "spearman_predictions") for size in sizes]
    assert bias == sorted(bias)


@pytest.mark.skipif(not MIRROR, reason="LT_COURSE_MIRROR is not set")
@pytest.mark.parametrize(
    ("figure", "file", "column"),
    [
        ("fig1b", "fig1b_correlation_by_pretraining_set.csv", "corr_freq_acc"),
        ("fig12", "fig12_broader_concept_sets.csv", "corr_freq_acc"),
        ("fig13", "fig13_dataset_frequency_spearman.csv", "paper_value"),
        ("fig18", "fig18_openclip_scatter_visible_markers.csv", "corr_freq_acc"),
        ("fig4a", "fig4a_intraclass_similarity_modes.csv", "mode_similarity"),
        ("fig4b", "fig4b_laionet_thresholds.csv", "corr_freq_acc"),
        ("fig9a", "fig9a_classifier_affinity.csv", "mean_cos"),
    ],
)
def test_values_equal_the_tables_they_were_taken_from(figure, file, column):
    source = pd.read_csv(Path(MIRROR) / "numbers" / file, comment="#")[column]
    ours = paper.table(figure)
    metric = ours["metric"].isin(["spearman_accuracy", "spearman"]) | ours["metric"].str.startswith(
        "cosine"
    )
    assert sorted(ours.loc[metric, "value"]) == pytest.approx(sorted(source))
