"""Lesson 07: training sets described, and factors drawn.

`runs` are metrics indexed by (label, seed), as `lt_course.evidence.load_results` returns them.
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from lt_course.data import icontail
from lt_course.data.class_profiles import TrainSplit
from lt_course.data.icontail import is_solid
from lt_course.evidence import experiment, paper
from lt_course.plots import intervals, style
from lt_course.plots.runs import THREE
from lt_course.study import training_set

PAPER_SETS: dict[str, str] = style.names("lesson 07, sets of the paper")
"""Training sets of the paper's Fig. 4, and how the lesson calls them."""

METHODS: dict[str, style.Look] = {
    **{name: style.of(name) for name in ("sl", "clip-template", "clip-title")},
    "clip-title frozen": style.look(style.GREEN, "P", "CLIP, titles, frozen text head"),
}
"""Methods of the lesson's factors, as their labels begin, and their looks."""


def examples(drawn: TrainSplit, concept: int, count: int = 12) -> npt.NDArray[np.uint8]:
    """The first `count` drawings of a concept in a training set, uint8 [<= count, 32, 32]."""
    return icontail.load().pictures[drawn.image_ids[drawn.labels == concept][:count]]


def similarity(
    pictures: npt.NDArray[np.uint8], labels: npt.ArrayLike, least: int = 5
) -> npt.NDArray[np.float64]:
    """Mean cosine of two different drawings of a concept, -1..1, a value a concept.

    Pixels are centred on the drawing's mean, so that the share of ink alone makes none alike.
    Pictures are uint8 [N, H, W]; concepts with fewer than `least` are left out.
    """
    flat = pictures.reshape(len(pictures), -1).astype(np.float64)
    flat -= flat.mean(1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
    concept = np.asarray(labels)
    groups = [flat[concept == c] for c in np.unique(concept)]
    often = [group for group in groups if len(group) >= least]
    # The sum over all ordered pairs is the square of the sum; a drawing with itself counts 1.
    return np.array([((g.sum(0) ** 2).sum() - len(g)) / (len(g) * (len(g) - 1)) for g in often])


def described(draws: Mapping[str, TrainSplit], least: int = 20) -> pd.DataFrame:
    """Training sets in numbers, one row each.

    Authors are families with a drawing in the set; what is counted within a concept is the mean
    over those with `least` drawings.
    """
    data = icontail.load()
    rows = {}
    for name, drawn in draws.items():
        often = np.flatnonzero(drawn.frequency >= least)
        sets = [drawn.image_ids[drawn.labels == concept] for concept in often]
        pictures = data.pictures[drawn.image_ids]
        titles = [len({data.titles[i].lower() for i in each}) / len(each) for each in sets]
        rows[name] = {
            "authors": str(len(np.unique(data.family[drawn.image_ids]))),
            "authors of a concept": np.mean([len(np.unique(data.family[s])) for s in sets]),
            "share of solid drawings": is_solid(pictures).mean(),
            "different titles a drawing": np.mean(titles),
            "similarity within a concept": similarity(pictures, drawn.labels).mean(),
        }
    return pd.DataFrame(rows).T


def declared(name: str, labels: Sequence[str], seeds: Sequence[int]) -> dict[str, list[TrainSplit]]:
    """Per label, the training sets of a factor's runs at scale cpu, recorded or not."""
    runs = experiment(name)
    return {label: [training_set(runs.run(label, seed=s)) for s in seeds] for label in labels}


def paper_sets() -> pd.DataFrame:
    """Fig. 4 of the paper, one row a training set, as text.

    Columns: similarity, and accuracy and S(a) with a text tower from scratch and a frozen one.
    """
    within = paper.table("fig4a").set_index("dataset")["value"]
    heads = {"clip": "from scratch", "clip-frozen-text": "frozen"}
    rows = {}
    for key, title in PAPER_SETS.items():
        row = {"similarity": f"{within[key]:.3f}" if key in within else "not given"}
        for method, head in heads.items():
            for metric, name in (("accuracy", "accuracy"), ("spearman_accuracy", "S(a)")):
                row[f"{name}, text {head}"] = f"{paper.value('fig4b', key, method, metric):.3f}"
        rows[title] = row
    return pd.DataFrame(rows).T


def plot_profiles(frequencies: Mapping[str, npt.ArrayLike]) -> Figure:
    """Training pictures [C] by rank, one curve a profile, on a logarithmic axis."""
    figure, axes = plt.subplots(figsize=(6.4, 3.2))
    ranked = {name: np.sort(np.asarray(counts))[::-1] for name, counts in frequencies.items()}
    C = len(next(iter(ranked.values())))
    style.curves(axes, range(1, C + 1), ranked, "os^Dv", markevery=0.1)
    axes.set(yscale="log", xlabel="rank of the concept", ylabel="training pictures")
    axes.legend()
    return figure


def plot_levels(
    sets: Mapping[str, tuple[pd.DataFrame, Mapping[str, str]]],
    columns: Mapping[str, str] = THREE,
) -> Figure:
    """Recorded runs of a factor: a row a data set, a panel a metric, a series a method.

    Means over seeds with t intervals. What has fewer than two seeds, or is undefined, is left out,
    and so is the row of a data set without any runs. `sets` are, by title, runs and levels: how
    labels end, from left to right, and what they are called; `columns`: metric -> title of panel.
    """
    sets = {title: each for title, each in sets.items() if len(each[0])}
    figure, panels = style.panels(len(columns), 2.9, 2.7, max(1, len(sets)))
    shifts = np.linspace(-0.12, 0.12, len(METHODS))
    for row, (title, (runs, levels)) in enumerate(sets.items()):
        line = panels[row * len(columns) : (row + 1) * len(columns)]
        for axes, (metric, name) in zip(line, columns.items(), strict=True):
            for (method, look), shift in zip(METHODS.items(), shifts, strict=True):
                seeds = [intervals.by_seed(runs, f"{method} {level}", metric) for level in levels]
                known = {n + shift: v for n, v in enumerate(seeds) if v.notna().sum() > 1}
                intervals.draw_curve(axes, known, **look, linewidth=1)
            axes.set_xticks(range(len(levels)), list(levels.values()))
            axes.set(title=f"{title}: {name}", xlim=(-0.4, len(levels) - 0.6))
    style.legend(figure)
    return figure
