"""Lesson 02: what the bias metrics say of runs and of observers whose bias is known.

A *table* is the per-class table of a run: one row a class, in the order of the class ids, with
the columns `frequency`, `accuracy` and `predictions`.
"""

from collections.abc import Mapping, Sequence
from itertools import product

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
from lt_course.study import RunResult


def spearmans(
    frequency: npt.ArrayLike, accuracy: npt.ArrayLike, predictions: npt.ArrayLike
) -> dict[str, float]:
    """S(a), S(p) and S of the false alarms, on a balanced test set. Arguments: float [C]."""
    alarms = bias.false_alarms(accuracy, predictions)
    fields = {"S(a)": accuracy, "S(p)": predictions, "S(false alarms)": alarms}
    return {name: bias.spearman(frequency, values) for name, values in fields.items()}


def correlations(table: pd.DataFrame) -> dict[str, float]:
    """Pearson, Pearson of log frequency, and Spearman, each for accuracy and predictions."""
    frequency, found = table["frequency"], {}
    for field in QUESTIONS:
        letter, values = field[0], table[field]
        found[f"Pearson ({letter})"] = bias.pearson(frequency, values)
        found[f"Pearson of log ({letter})"] = bias.pearson(np.log(frequency), values)
        found[f"Spearman ({letter})"] = bias.spearman(frequency, values)
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
    for knowledge, hubs in product((0.3, 0.6), (0.0, 0.6)):
        curve = []
        for prior in np.linspace(-0.05, 0.2, 9):
            setting = {"prior": prior, "knowledge": knowledge, "hubs": hubs}
            observers = [Observer.trained_on(frequency, **setting, seed=s) for s in range(seeds)]
            curve.append([_exact(frequency, observer) for observer in observers])
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
        tables = [bias.per_class(*each, len(observer.pull)) for each in answers]
        found = [(bias.spearman(frequency, a), bias.spearman(frequency, p)) for a, p in tables]
        rows[size] = np.mean(found, axis=0)
    rows["truth"] = np.array(_exact(frequency, observer))
    return pd.DataFrame.from_dict(rows, orient="index", columns=["S(a)", "S(p)"])


def corrected(frequency: npt.ArrayLike, measured: npt.ArrayLike, pictures: int) -> float:
    """S(a) corrected for attenuation by a test set of so many pictures (>= 2) per class.

    `frequency` and `measured`, the measured accuracy, are float [C].
    """
    accuracy = np.asarray(measured, dtype=np.float64)
    noise = (accuracy * (1 - accuracy)).mean() / (pictures - 1)
    reliability = 1 - noise / accuracy.var(ddof=1)
    return bias.spearman(frequency, accuracy) / float(np.sqrt(reliability))


def both_intervals(records: Mapping[str, Sequence[RunResult]]) -> dict[str, dict[str, Interval]]:
    """Intervals of S(a) and S(p): over classes (the first run), and over all runs' seeds."""
    rows: dict[str, dict[str, Interval]] = {}
    for field in QUESTIONS:
        tables = {method: runs[0].per_class for method, runs in records.items()}
        rows[f"S({field[0]}), over classes"] = {
            method: intervals.bootstrap_spearman(table["frequency"], table[field])
            for method, table in tables.items()
        }
        rows[f"S({field[0]}), over seeds"] = {
            method: intervals.mean_over_seeds(by_seed(runs, field))
            for method, runs in records.items()
        }
    return rows


def by_seed(runs: Sequence[RunResult], field: str) -> list[float]:
    """Spearman's correlation of frequency with a field, one value a run."""
    return [run.metrics[f"spearman_{field}"] for run in runs]


def paper_and_ours(records: Mapping[str, Sequence[RunResult]]) -> pd.DataFrame:
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


def plot_plane(
    observers: Mapping[str, npt.ArrayLike],
    paper: Mapping[str, npt.ArrayLike],
    ours: Mapping[str, npt.ArrayLike],
) -> Figure:
    """The plane of S(a) and S(p), with the diagonal on which both are equal.

    Points are float [K, 2]: curves of observers in grey, per method the paper's runs (hollow) and
    ours (filled).
    """
    figure, axes = plt.subplots(figsize=(6.8, 4.6))
    axes.plot([-1, 1], [-1, 1], color="#BBBBBB", linewidth=0.8)
    for (label, curve), line in zip(observers.items(), style.LINES, strict=False):
        x, y = np.asarray(curve).T
        axes.plot(x, y, color="#888888", linestyle=line, linewidth=1.2, label=label)
    for whose, groups, fill in (("paper", paper, "none"), ("ours", ours, None)):
        for method, group in groups.items():
            look = style.of(method)
            name = method.split("-")[0].upper() if whose == "paper" else look["label"]
            x, y = np.asarray(group).T
            style.dots(axes, x, y, look, markersize=8, mfc=fill, label=f"{whose}: {name}")
    axes.set(xlabel="S(a): Spearman of frequency and accuracy", xlim=(-0.1, 1), ylim=(-0.3, 1))
    axes.set(ylabel="S(p): Spearman of frequency and number of predictions", aspect="equal")
    axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1))
    return figure


def plot_test_size(
    pictures: int,
    truth: npt.ArrayLike,
    measured: npt.ArrayLike,
    frequency: npt.ArrayLike,
    curve: pd.DataFrame,
) -> Figure:
    """What so many test pictures a class make of a known truth: one frame of a slider.

    True and measured accuracy and frequency are float [C]; `curve` is as `size_curve` returns it.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.0), width_ratios=[1.2, 1])
    left.vlines(frequency, truth, measured, color="#999999", linewidth=0.7)
    left.scatter(frequency, truth, s=12, color="black", marker="_", label="true")
    left.scatter(frequency, measured, s=16, color=style.BLUE, label="measured")
    left.set(xscale="log", xlabel="training pictures", ylabel="accuracy", ylim=(-0.05, 1.05))
    left.set_title(f"{pictures} test pictures a class")
    left.legend(loc="lower right", handletextpad=0.2)
    truths, finite = curve.iloc[-1], curve.iloc[:-1]
    for name, color, line in zip(curve.columns, style.PALETTE, style.LINES, strict=False):
        right.plot(finite.index, finite[name], color=color, linestyle=line, label=name)
        right.axhline(truths[name], color=color, linestyle=":", linewidth=1)
        right.plot([pictures], [finite[name][pictures]], marker="o", color=color)
    right.set(xscale="log", xlabel="test pictures a class", ylabel="mean Spearman")
    right.set_title("dotted: the truth")
    right.legend(loc="lower right")
    return figure


def plot_steeper_tails(table: pd.DataFrame) -> Figure:
    """Both correlations of a table if its classes, in the same order, had a tail rank^-s."""
    rank = table["frequency"].rank(ascending=False, method="first")
    exponents = np.linspace(0.05, 3, 40)
    figure, axes = plt.subplots()
    for field, color in zip(QUESTIONS, style.PALETTE, strict=False):
        for correlation, line in ((bias.pearson, "--"), (bias.spearman, "-")):
            values = [correlation(rank**-s, table[field]) for s in exponents]
            name = f"{correlation.__name__.title()}, {field}"
            axes.plot(exponents, values, color=color, linestyle=line, label=name)
    axes.set(xlabel="exponent s of the tail", ylabel="correlation", ylim=(0, 1.05))
    axes.legend(ncols=2, loc="lower left")
    return figure


def plot_coincidence(values: Mapping[int, Sequence[float]]) -> Figure:
    """Histograms of S(a) without any bias, by number of classes."""
    figure, axes = plt.subplots(figsize=(6.4, 2.6))
    styles = zip(style.PALETTE, style.LINES, strict=False)
    for (classes, chance), (color, line) in zip(values.items(), styles, strict=False):
        steps: style.Look = {"bins": 30, "density": True, "histtype": "step"}
        axes.hist(chance, **steps, color=color, linestyle=line, label=f"{classes:,} classes")
    axes.set(xlabel="S(a) without any bias", yticks=[])
    axes.legend()
    return figure


def plot_side_by_side(frequency: npt.ArrayLike, joins: Mapping[str, npt.ArrayLike]) -> Figure:
    """Accuracy against frequency under several ways to join the two, float [C] each."""
    figure, panels = style.panels(len(joins), 6.4 / len(joins), 2.8, sharey=True)
    for axes, (name, accuracy) in zip(panels, joins.items(), strict=True):
        axes.scatter(frequency, accuracy, s=18, color=style.of("sl")["color"])
        axes.set(xscale="log", xlabel="training pictures")
        axes.set_title(f"{name}: S(a) = {bias.spearman(frequency, accuracy):.2f}")
    panels[0].set_ylabel("accuracy")
    return figure


def _exact(frequency: npt.ArrayLike, observer: Observer) -> tuple[float, float]:
    """S(a) and S(p) of an observer's exact confusions."""
    matrix = observer.confusion()
    return bias.spearman(frequency, np.diag(matrix)), bias.spearman(frequency, matrix.sum(0))
