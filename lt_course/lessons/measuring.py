"""What lesson 02 computes and draws around the bias metrics, so that its cells stay short.

A *table* is the per-class table of a run: one row a class, in the order of the class ids, with
the columns `frequency`, `accuracy` and `predictions`.
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from lt_course.evaluation import bias, intervals
from lt_course.evaluation.intervals import Interval
from lt_course.evidence import paper
from lt_course.lessons.observer import Observer
from lt_course.plots import style
from lt_course.plots.bias import QUESTIONS
from lt_course.study import Record


def spearmans(
    frequency: npt.ArrayLike, accuracy: npt.ArrayLike, predictions: npt.ArrayLike
) -> dict[str, float]:
    """S(a), S(p) and S of the false alarms, on a balanced test set. Arguments: float [C]."""
    alarms = bias.false_alarms(accuracy, predictions)
    return {
        "S(a)": bias.spearman(frequency, accuracy),
        "S(p)": bias.spearman(frequency, predictions),
        "S(false alarms)": bias.spearman(frequency, alarms),
    }


def correlations(table: pd.DataFrame) -> dict[str, float]:
    """Pearson, Pearson of log frequency, and Spearman, each for accuracy and predictions."""
    frequency = table["frequency"]
    found = {}
    for field, letter in zip(QUESTIONS, "ap", strict=True):
        found[f"Pearson ({letter})"] = bias.pearson(frequency, table[field])
        found[f"Pearson of log ({letter})"] = bias.pearson(np.log(frequency), table[field])
        found[f"Spearman ({letter})"] = bias.spearman(frequency, table[field])
    return found


def printed_correlations(datasets: Sequence[str]) -> pd.DataFrame:
    """The same six correlations as the paper's Fig. 11 prints them, one row a model."""
    names = {"pearson": "Pearson", "pearson_log": "Pearson of log", "spearman": "Spearman"}
    return pd.DataFrame(
        {
            f"{dataset}, {method.upper()}": {
                f"{name} ({field[0]})": paper.value("fig11", dataset, method, f"{key}_{field}")
                for field in QUESTIONS
                for key, name in names.items()
            }
            for dataset in datasets
            for method in ("sl", "clip")
        }
    ).T


def observer_curves(frequency: npt.ArrayLike, seeds: int = 5) -> dict[str, npt.NDArray]:
    """Points (S(a), S(p)) of observers as their prior grows from -0.05 to 0.2, [9, 2] each."""
    curves = {}
    for knowledge in (0.3, 0.6):
        for hubs in (0.0, 0.6):
            curve = []
            for prior in np.linspace(-0.05, 0.2, 9):
                matrices = [
                    Observer.trained_on(frequency, prior, knowledge, hubs, seed=s).confusion()
                    for s in range(seeds)
                ]
                curve.append([_plane_point(frequency, m) for m in matrices])
            curves[f"knowledge {knowledge}, hubs {hubs:g}"] = np.mean(curve, axis=1)
    return curves


def paper_points() -> dict[str, list[list[float]]]:
    """Points (S(a), S(p)) of the paper's Fig. 1b: LAIONet, CC-12M and YFCC-15M."""
    return {
        drawn_as: [
            [paper.value("fig1b", data, method, f"spearman_{field}") for field in QUESTIONS]
            for data in ("laionet", "cc12m", "yfcc15m")
        ]
        for drawn_as, method in {"sl": "sl", "clip-full": "clip"}.items()
    }


def size_curve(
    observer: Observer, frequency: npt.ArrayLike, sizes: Sequence[int], repeats: int = 40
) -> pd.DataFrame:
    """Mean measured S(a) and S(p) by test pictures per class; the last row is the truth."""
    rows: dict[object, npt.NDArray] = {}
    for size in sizes:
        answers = (observer.answers(size, seed) for seed in range(repeats))
        counted = [bias.per_class(*given, len(observer.pull)) for given in answers]
        found = [(bias.spearman(frequency, a), bias.spearman(frequency, p)) for a, p in counted]
        rows[size] = np.mean(found, axis=0)
    rows["truth"] = np.array(_plane_point(frequency, observer.confusion()))
    return pd.DataFrame.from_dict(rows, orient="index", columns=["S(a)", "S(p)"])


def corrected(frequency: npt.ArrayLike, measured: npt.ArrayLike, pictures: int) -> float:
    """S(a) corrected for attenuation by a test set of so many pictures per class.

    Args:
        frequency: float [C], training pictures of each class.
        measured: float [C], measured accuracy.
        pictures: test pictures per class, at least 2.
    """
    accuracy = np.asarray(measured, dtype=np.float64)
    noise = (accuracy * (1 - accuracy)).mean() / (pictures - 1)
    reliability = 1 - noise / accuracy.var(ddof=1)
    return bias.spearman(frequency, accuracy) / float(np.sqrt(reliability))


def both_intervals(records: Mapping[str, Sequence[Record]]) -> dict[str, dict[str, Interval]]:
    """Intervals of S(a) and S(p): over classes (the first run), and over all runs' seeds."""
    rows: dict[str, dict[str, Interval]] = {}
    for field, letter in zip(QUESTIONS, "ap", strict=True):
        tables = {method: runs[0].per_class for method, runs in records.items()}
        rows[f"S({letter}), over classes"] = {
            method: intervals.bootstrap_spearman(table["frequency"], table[field])
            for method, table in tables.items()
        }
        rows[f"S({letter}), over seeds"] = {
            method: intervals.mean_over_seeds(by_seed(runs, field))
            for method, runs in records.items()
        }
    return rows


def by_seed(runs: Sequence[Record], field: str) -> list[float]:
    """Spearman's correlation of frequency with a field, one value a run."""
    return [run.metrics[f"spearman_{field}"] for run in runs]


def paper_and_ours(records: Mapping[str, Sequence[Record]]) -> pd.DataFrame:
    """S(a) and S(p): the paper's Fig. 1b, then our means over seeds with t intervals."""
    rows = {}
    for drawn_as, points in paper_points().items():
        for data, point in zip(("LAIONet", "CC-12M", "YFCC-15M"), points, strict=True):
            name = drawn_as.split("-")[0].upper()
            rows[f"paper, {data}, {name}"] = [f"{value:.2f}" for value in point]
    for method, runs in records.items():
        means = [intervals.mean_over_seeds(by_seed(runs, field)) for field in QUESTIONS]
        rows[f"ours, {style.LABELS[method]}"] = [str(mean) for mean in means]
    return pd.DataFrame.from_dict(rows, orient="index", columns=["S(a)", "S(p)"])


def steeper_tails(table: pd.DataFrame) -> Figure:
    """Both correlations of a table if its classes, in the same order, had a tail rank^-s."""
    rank = table["frequency"].rank(ascending=False, method="first")
    exponents = np.linspace(0.05, 3, 40)
    figure, axes = plt.subplots()
    for field, colour in zip(QUESTIONS, style.PALETTE, strict=False):
        for correlation, line in ((bias.pearson, "--"), (bias.spearman, "-")):
            values = [correlation(rank**-s, table[field]) for s in exponents]
            name = f"{correlation.__name__.title()}, {field}"
            axes.plot(exponents, values, color=colour, linestyle=line, label=name)
    axes.set(xlabel="exponent s of the tail", ylabel="correlation", ylim=(0, 1.05))
    axes.legend(ncols=2, loc="lower left")
    return figure


def coincidence(values: Mapping[int, Sequence[float]]) -> Figure:
    """Histograms of S(a) without any bias, by number of classes."""
    figure, axes = plt.subplots(figsize=(6.4, 2.6))
    styles = zip(style.PALETTE, style.LINES, strict=False)
    for (classes, chance), (colour, line) in zip(values.items(), styles, strict=False):
        label = f"{classes:,} classes"
        axes.hist(
            chance,
            bins=30,
            density=True,
            histtype="step",
            color=colour,
            linestyle=line,
            label=label,
        )
    axes.set(xlabel="S(a) without any bias", yticks=[])
    axes.legend()
    return figure


def side_by_side(frequency: npt.ArrayLike, joins: Mapping[str, npt.ArrayLike]) -> Figure:
    """Accuracy against frequency under several ways to join the two, float [C] each."""
    figure, row = plt.subplots(1, len(joins), figsize=(6.4, 2.8), sharey=True, squeeze=False)
    for axes, (name, accuracy) in zip(row[0], joins.items(), strict=True):
        axes.scatter(frequency, accuracy, s=18, color=style.COLOURS["sl"])
        axes.set(xscale="log", xlabel="training pictures")
        axes.set_title(f"{name}: S(a) = {bias.spearman(frequency, accuracy):.2f}")
    row[0, 0].set_ylabel("accuracy")
    return figure


def _plane_point(frequency: npt.ArrayLike, confusion: npt.NDArray) -> tuple[float, float]:
    return (
        bias.spearman(frequency, np.diag(confusion)),
        bias.spearman(frequency, confusion.sum(0)),
    )
