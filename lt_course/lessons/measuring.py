"""Lesson 02: figures and tables of the bias metrics, of runs and of synthetic classifiers.

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

from lt_course.evaluation import bias
from lt_course.evidence import paper
from lt_course.lessons.observer import Observer
from lt_course.plots import style
from lt_course.plots.bias import QUESTIONS


def printed_correlations(datasets: Sequence[str]) -> pd.DataFrame:
    """Correlations of accuracy (a) and predictions (p) that the paper's Fig. 11 prints."""
    names = {"pearson": "Pearson ({})", "pearson_log": "of log ({})", "spearman": "S({})"}
    titles = {"laionet": "LAIONet", "yfcc15m": "YFCC-15M"}
    return pd.DataFrame(
        {
            f"paper: {titles[dataset]}, {method.upper()}": {
                name.format(field[0]): paper.value("fig11", dataset, method, f"{key}_{field}")
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
            curve.append([exact(frequency, observer) for observer in observers])
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
    rows["truth"] = np.array(exact(frequency, observer))
    return pd.DataFrame.from_dict(rows, orient="index", columns=["S(a)", "S(p)"])


def exact(frequency: npt.ArrayLike, observer: Observer) -> tuple[float, float]:
    """True S(a) and S(p) of an observer: those of its exact confusions."""
    matrix = observer.confusion()
    return bias.spearman(frequency, np.diag(matrix)), bias.spearman(frequency, matrix.sum(0))


def plot_ranks(table: pd.DataFrame) -> Figure:
    """Number of predictions against frequency: their values, then their ranks."""
    figure, panels = style.panels(2, 3.3, 3.0)
    both = table[["frequency", "predictions"]]
    for axes, values, unit in zip(panels, (both, both.rank()), ("", "rank of "), strict=True):
        axes.scatter(values.frequency, values.predictions, s=18, color=style.of("sl")["color"])
        axes.set(xlabel=f"{unit}training pictures", ylabel=f"{unit}number of predictions")
        axes.set_title(f"Pearson {bias.pearson(values.frequency, values.predictions):.2f}")
    return figure


def plot_decisions(frequency: npt.ArrayLike, observers: Mapping[str, Observer]) -> Figure:
    """Hits and false alarms of each class, from head to tail, per test picture of a class."""
    figure, panels = style.panels(len(observers), 2.5, 2.6, sharey=True)
    order = np.argsort(-np.asarray(frequency))
    for axes, (name, observer) in zip(panels, observers.items(), strict=True):
        matrix = observer.confusion()[np.ix_(order, order)]
        hits, named = np.diag(matrix), matrix.sum(0)
        places = np.arange(len(order))
        axes.bar(places, hits, width=1, color=style.BLUE, label="hits")
        alarms: style.Look = {"color": style.ORANGE, "hatch": "////", "edgecolor": "white"}
        axes.bar(places, named - hits, bottom=hits, width=1, label="false alarms", **alarms)
        s_a, s_p = exact(frequency, observer)
        axes.set_title(f"{name}\nS(a) {s_a:.2f}, S(p) {s_p:.2f}")
        axes.set(xlabel="class, most frequent first")
        axes.grid(visible=False, axis="x")
    panels[0].set_ylabel("answers per test picture")
    style.legend(figure, ncols=2)
    return figure


def plot_plane(
    observers: Mapping[str, npt.ArrayLike],
    paper: Mapping[str, npt.ArrayLike],
    ours: Mapping[str, npt.ArrayLike],
) -> Figure:
    """The plane of S(a) and S(p), with the diagonal on which both are equal.

    Points [K, 2]: curves of observers, grey; per method the paper's runs, hollow, and ours, filled.
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
    """What so many test pictures a class make of a known truth, [C]; beside it, `size_curve`."""
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


def plot_chance(shuffled: Sequence[float], limit: float, found: Mapping[str, float]) -> Figure:
    """Correlations of shuffled frequencies, what chance exceeds once in twenty, and methods."""
    figure, axes = plt.subplots(figsize=(6.4, 2.6))
    axes.hist(shuffled, bins=40, color="#BBBBBB", label="shuffled")
    for sign in (-limit, limit):
        axes.axvline(sign, color="black", linestyle=":", linewidth=1)
    for number, (method, value) in enumerate(found.items(), start=1):
        height = axes.get_ylim()[1] * (1 - 0.2 * number)
        style.dots(axes, [value], [height], style.of(method), label=style.LABELS[method])
    axes.set(xlabel="S(p)", yticks=[], xlim=(-1, 1))
    axes.legend(loc="upper left")
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
