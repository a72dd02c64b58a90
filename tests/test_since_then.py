"""Lesson 14: its figures, and its exercises against independent computations."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from lt_course.lessons import since_then
from lt_course.lessons.exercises.since_then import EXERCISES
from lt_course.statistics import gini


@pytest.fixture(autouse=True)
def _no_figure_stays_open():
    yield
    plt.close("all")


def table(slope: float) -> pd.DataFrame:
    """Classes whose accuracy lies on a line in log10 frequency, and one without pictures."""
    frequency = np.array([0, 1, 10, 100])
    accuracy = np.array([0.5, 0.1, 0.1 + slope, 0.1 + 2 * slope])
    return pd.DataFrame({"frequency": frequency, "accuracy": accuracy})


def test_lines_are_those_of_the_first_seeds_without_classes_never_seen():
    tables = {
        ("drawings", "sl", 3): table(0.1),
        ("drawings", "sl", 1): table(0.4),
        ("drawings", "clip-template", 0): table(0.2),
    }
    figure = since_then.plot_lines(tables)
    (axes,) = figure.axes
    fitted = [line for line in axes.lines if line.get_linestyle() == "-"]
    for line, slope in zip(fitted, (0.4, 0.2), strict=True):
        np.testing.assert_allclose(line.get_xdata(), [1, 100])
        np.testing.assert_allclose(line.get_ydata(), [0.1, 0.1 + 2 * slope])


def test_each_row_of_exponents_has_its_seeds_and_its_mean():
    rows = [("drawings", "sl", v) for v in (0.8, 1.0)]
    rows += [("photographs", "clip-gloss", v) for v in (0.0, 0.2)]
    measured = pd.DataFrame(rows, columns=["data", "method", "exponent"])
    (axes,) = since_then.plot_exponents(measured).axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["SL, drawings", "CLIP, glosses, photographs"]
    means = [container.lines[0].get_xdata()[0] for container in axes.containers]
    np.testing.assert_allclose(means, [0.9, 0.1])


def test_a_cap_above_all_keeps_all_and_a_cap_of_one_nothing_of_the_prior():
    frequency = np.array([1, 2, 4, 8, 16])
    (axes,) = since_then.plot_cap(frequency, (1, 4, 16)).axes
    kept, unequal, prior = (line.get_ydata() for line in axes.lines)
    np.testing.assert_allclose(kept, [5 / 31, 15 / 31, 1])
    np.testing.assert_allclose(unequal, [0, gini(np.array([1, 2, 4, 4, 4])), gini(frequency)])
    # log2 min(n, 4) is 0, 1, 2, 2, 2 on 0 … 4: slope 5 / 10.
    np.testing.assert_allclose(prior, [0, 0.5, 1], atol=1e-12)


def test_a_cap_of_twenty_keeps_what_a_loop_keeps():
    frequency = [int(n) for n in since_then_frequency()]
    kept = sum(min(n, 20) for n in frequency) / sum(frequency)
    assert EXERCISES["cap-of-20"].judge(round(kept, 2)).right
    assert "lost" in EXERCISES["cap-of-20"].judge(1 - kept).sentence


def since_then_frequency() -> list[int]:
    from lt_course.evidence import load_per_class

    return load_per_class("the_gap", "sl", 4)["frequency"].tolist()


def test_label_free_scores_give_back_the_known_shares_of_a_constant_model():
    """A model that says the same of every picture is corrected to the shares alone."""
    log_p = torch.tensor([0.7, 0.2, 0.1]).log().repeat(4, 1)
    shares = torch.tensor([0.2, 0.3, 0.5])
    value = EXERCISES["label-free"].reference(log_p, shares)
    torch.testing.assert_close(value, shares.log().repeat(4, 1))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda p, s: p - p.mean(0) + s.log(), "mean of log-probabilities"),
        (lambda p, s: p - p.exp().mean(0).log(), "known shares are not used"),
        (lambda p, s: p - p.exp().mean(0).log() - s.log(), "to be added"),
        (lambda p, s: p - p.exp().mean(1, keepdim=True).log() + s.log(), "over classes"),
    ],
)
def test_typical_mistakes_are_named(wrong, words):
    judged = EXERCISES["label-free"].judge(wrong)
    assert judged.right is False
    assert words in judged.sentence
