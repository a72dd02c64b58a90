"""Lesson 07: training sets described, frequencies compared, shift taken apart, factors drawn.

A *table* is a run's per-class table: one row a concept, in the order of the concepts, with the
columns `frequency`, `accuracy` and `predictions`. `runs` are metrics indexed by (label, seed), as
`lt_course.evidence.load_results` returns them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

from lt_course.data import icontail
from lt_course.data.class_profiles import TrainSplit
from lt_course.data.drawing_style import is_solid
from lt_course.evaluation.bias import bias_report, per_class
from lt_course.evaluation.intervals import Interval
from lt_course.evidence import experiment, paper
from lt_course.lessons.features import cosines
from lt_course.plots import drawings, intervals, style
from lt_course.plots.runs import THREE
from lt_course.statistics import spearman
from lt_course.study import RunConfig, RunResult, override, training_set
from lt_course.study.icontail_dataset import icontail_of

COLUMNS = {
    "accuracy": "accuracy",
    "accuracy_line": "on line",
    "accuracy_solid": "on solid",
    "spearman_accuracy": "S(a)",
    "spearman_predictions": "S(p)",
    "frequency_limit": "limit",
}
"""The metrics that the lesson's tables show, and their headings."""

PAPER_SETS = {
    "laionet_thresh0.7_n448896": "LAIONet, threshold 0.7",
    "laionet_thresh0.75_n448896": "LAIONet, threshold 0.75",
    "laionet_thresh0.8_n448896": "LAIONet, threshold 0.8",
    "laionet_thresh0.82_n448896": "LAIONet, threshold 0.82",
    "laionet_match_incap": "LAIONet, =freq",
    "incaps": "IN-Caps",
}
"""Training sets of the paper's Fig. 4, and how the lesson calls them."""

METHODS: dict[str, style.Look] = {
    "sl": style.of("sl"),
    "clip-title": style.of("clip-title"),
    "clip-title frozen": style.look(style.GREEN, "P", "CLIP, titles, frozen text head"),
}
"""Methods of the lesson's factors, as their labels begin, and their looks."""


def examples(drawn: TrainSplit, concept: int, count: int = 12) -> npt.NDArray[np.uint8]:
    """The first `count` drawings of a concept in a training set, uint8 [<= count, 32, 32]."""
    return icontail.load().pictures[drawn.image_ids[drawn.labels == concept][:count]]


def at_rank(drawn: TrainSplit, rank: int) -> int:
    """The concept that is the `rank`-th most frequent, 1 the most; ties keep their order."""
    return int(np.argsort(-drawn.frequency, kind="stable")[rank - 1])


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
    groups = (flat[concept == c] for c in np.unique(concept))
    # The sum over all ordered pairs is the square of the sum; a drawing with itself counts 1.
    return np.array(
        [
            ((g.sum(0) ** 2).sum() - len(g)) / (len(g) * (len(g) - 1))
            for g in groups
            if len(g) >= least
        ]
    )


def described(draws: Mapping[str, TrainSplit], least: int = 20) -> pd.DataFrame:
    """Training sets in numbers, one row each.

    Returns:
        pictures; authors (families with a drawing in the set); authors a concept; solid (share of
        solid drawings, 0..1); titles (different titles a drawing, within a concept); similarity
        (`similarity`); limit (`TrainSplit.availability_correlation`). What is counted within a
        concept is the mean over those with `least` drawings.
    """
    data = icontail.load()
    rows = {}
    for name, drawn in draws.items():
        often = np.flatnonzero(drawn.frequency >= least)
        sets = [drawn.image_ids[drawn.labels == concept] for concept in often]
        pictures = data.pictures[drawn.image_ids]
        titles = [len({data.titles[i].lower() for i in each}) / len(each) for each in sets]
        rows[name] = {
            "pictures": len(drawn.image_ids),
            "authors": len(np.unique(data.family[drawn.image_ids])),
            "authors a concept": np.mean([len(np.unique(data.family[each])) for each in sets]),
            "solid": is_solid(pictures).mean(),
            "titles": np.mean(titles),
            "similarity": similarity(pictures, drawn.labels).mean(),
            "limit": drawn.availability_correlation,
        }
    return pd.DataFrame(rows).T.astype({"pictures": int, "authors": int})


def agreement(frequencies: Mapping[str, Sequence[npt.ArrayLike]]) -> pd.DataFrame:
    """How alike two sets order the concepts by frequency: mean, lowest and highest Spearman.

    One row a pair of names; per name there is one vector a seed, int [C].
    """
    rows = {}
    for a, b in combinations(frequencies, 2):
        pairs = zip(frequencies[a], frequencies[b], strict=True)
        values = [spearman(first, second) for first, second in pairs]
        rows[f"{a} and {b}"] = [np.mean(values), np.min(values), np.max(values)]
    return pd.DataFrame.from_dict(rows, orient="index", columns=["mean", "lowest", "highest"])


def declared(name: str, labels: Sequence[str], seeds: Sequence[int]) -> dict[str, list[TrainSplit]]:
    """Per label, the training sets of a factor's runs at scale cpu, recorded or not.

    Raises:
        CourseError: if the factor has no such label.
    """
    runs = experiment(name)
    return {label: [training_set(runs.run(label, seed=s)) for s in seeds] for label in labels}


def everything(run: RunConfig) -> TrainSplit:
    """All drawings that a run could have trained on: those of its style and its authors."""
    return training_set(override(run, profile="natural", num_images=None))


def borrowed(flat: pd.DataFrame, frequency: npt.ArrayLike) -> dict[str, float]:
    """What a model that never saw an imbalance owes to concepts: S with another run's frequencies.

    `flat` is the table of a run with equal frequencies, `frequency` int [C] of the other run.
    """
    columns = {"S(a)": "accuracy", "S(p)": "predictions"}
    return {name: spearman(frequency, flat[field]) for name, field in columns.items()}


def halves(record: RunResult) -> pd.DataFrame:
    """Accuracy, S(a) and S(p) of a run on line drawings and on solid ones of the test.

    Each half has its own number of drawings a concept; concepts without one are left out of S(a).
    """
    solid = is_solid(icontail.load().pictures[record.arrays["test"]])
    rows = {}
    for name, half in (("line", ~solid), ("solid", solid)):
        labels, answers = record.arrays["labels"][half], record.arrays["predictions"][half]
        report = bias_report(record.per_class["frequency"], labels, answers)
        rows[name] = {
            "drawings": int(half.sum()),
            "accuracy": float((labels == answers).mean()),
            "S(a)": report["spearman_accuracy"],
            "S(p)": report["spearman_predictions"],
        }
    return pd.DataFrame(rows).T.astype({"drawings": int})


def shift_costs(runs: pd.DataFrame, line: str, solid: str) -> pd.DataFrame:
    """What training on the other style costs, on each style of the test and on both.

    Args:
        runs: see above.
        line: label of the runs on line drawings …
        solid: … and of those on solid ones.

    Returns:
        One row a seed that both have: the cost on line drawings, on solid ones, and their mean. In
        the mean, neither an easier half nor a better training set has a part.
    """
    on_line = intervals.paired(runs, line, solid, "accuracy_line")
    on_solid = intervals.paired(runs, solid, line, "accuracy_solid")
    costs = pd.DataFrame({"on line": on_line, "on solid": on_solid})
    return costs.assign(mean=costs.mean(axis=1))


def by_acquaintance(record: RunResult) -> pd.Series:
    """Accuracy on drawings trained on, on others by the same authors, and on new authors' ones.

    Each is the mean over the concepts that have drawings of all three kinds. The checkpoint of the
    run (with normalised prototypes) must be in the store.
    """
    data, drawn = icontail_of(record.run), training_set(record.run)
    classes = record.run.data.concepts
    evaluated = data.concept < classes
    trained = np.isin(np.arange(len(data)), drawn.image_ids)
    known = np.isin(data.family, data.family[drawn.image_ids])
    groups = {
        "trained on": trained & evaluated,
        "new drawings, authors trained on": evaluated & known & ~trained & ~data.test,
        "new authors (the test)": evaluated & data.test,
    }
    accuracy = {}
    for name, group in groups.items():
        answers = cosines(record, data.pictures[group]).argmax(1)
        accuracy[name] = per_class(data.concept[group].astype(np.int64), answers, classes)[0]
    return pd.DataFrame(accuracy).dropna().mean()


def live(records: Mapping[str, RunResult]) -> pd.DataFrame:
    """`COLUMNS` of live runs, one row each."""
    rows = {label: record.metrics for label, record in records.items()}
    return pd.DataFrame(rows).T[list(COLUMNS)].rename(columns=COLUMNS)


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Number of seeds and `COLUMNS` of recorded runs: the mean over seeds with its t interval."""
    table = intervals.means(runs, COLUMNS)
    seeds = [str(len(runs.loc[label])) for label in table.index]
    table.insert(0, "seeds", seeds)
    return table


def two_ways(runs: pd.DataFrame, pairs: Sequence[tuple[str, str, str]]) -> pd.DataFrame:
    """Differences between recorded runs, paired by seed and unpaired (Welch), as text.

    Args:
        runs: see above.
        pairs: label, label and metric of each difference, first minus second.

    Returns:
        One row a difference whose runs share two seeds or more; columns paired and unpaired.
    """
    rows = {}
    for first, second, metric in pairs:
        sides = [intervals.by_seed(runs, label, metric) for label in (first, second)]
        a, b = pd.concat(sides, axis=1).dropna().to_numpy(dtype=np.float64).T
        if len(a) > 1:
            welch = stats.ttest_ind(a, b, equal_var=False).confidence_interval()
            mean = float(a.mean() - b.mean())
            unpaired = Interval(mean, float(welch.low), float(welch.high), len(a))
            name = f"{COLUMNS[metric]}: {first} minus {second}"
            rows[name] = [intervals.text(a - b), str(unpaired)]
    return pd.DataFrame.from_dict(rows, orient="index", columns=["paired", "unpaired"])


def paper_sets() -> pd.DataFrame:
    """Fig. 4 of the paper, one row a training set: similarity, and accuracy and S(a) by head."""
    within = paper.table("fig4a").set_index("dataset")["value"]
    heads = {"clip": "scratch", "clip-frozen-text": "frozen"}
    rows = {}
    for key, title in PAPER_SETS.items():
        row = {"similarity": within.get(key, float("nan"))}
        for method, head in heads.items():
            for metric, name in (("accuracy", "accuracy"), ("spearman_accuracy", "S(a)")):
                row[f"{name}, {head}"] = paper.value("fig4b", key, method, metric)
        rows[title] = row
    return pd.DataFrame(rows).T


# Figures ----------------------------------------------------------------------------------------


def plot_profiles(frequencies: Mapping[str, npt.ArrayLike]) -> Figure:
    """Training pictures [C] by rank, one curve a profile, on a logarithmic axis."""
    figure, axes = plt.subplots(figsize=(6.4, 3.2))
    looks = zip(style.PALETTE, style.LINES, "os^Dv", strict=False)
    for (name, frequency), (color, line, marker) in zip(frequencies.items(), looks, strict=False):
        counts = np.sort(np.asarray(frequency))[::-1]
        look = style.look(color, marker, name)
        axes.plot(np.arange(1, len(counts) + 1), counts, linestyle=line, markevery=0.1, **look)
    axes.set(yscale="log", xlabel="rank of the concept", ylabel="training pictures")
    axes.legend()
    return figure


def plot_levels(
    runs: pd.DataFrame, order: Sequence[str], columns: Mapping[str, str] = THREE
) -> Figure:
    """Recorded runs of a factor: one panel a metric, one series a method, mean and t interval.

    What has fewer than two seeds, or is undefined, is left out.

    Args:
        runs: a label is one of `METHODS`, a blank and a level.
        order: the levels, from left to right.
        columns: metric -> title of its panel.
    """
    figure, panels = style.panels(len(columns), 2.9, 3.4)
    shifts = np.linspace(-0.12, 0.12, len(METHODS))
    for axes, (metric, title) in zip(panels, columns.items(), strict=True):
        for (method, look), shift in zip(METHODS.items(), shifts, strict=True):
            seeds = [intervals.by_seed(runs, f"{method} {level}", metric) for level in order]
            known = {n + shift: v for n, v in enumerate(seeds) if v.notna().sum() > 1}
            intervals.draw_curve(axes, known, **look, linewidth=1)
        axes.set_xticks(range(len(order)), order)
        axes.set(title=title, xlim=(-0.4, len(order) - 0.6))
    style.legend(figure)
    return figure


def plot_authors(drawn: TrainSplit, everything: TrainSplit, concept: int, authors: str) -> Figure:
    """Drawings of a concept, and frequency against supply: one frame of the authors' slider.

    Args:
        drawn: the training set.
        everything: all that it was drawn from (the profile ``natural``).
        concept: the one that is shown and marked.
        authors: how many authors a concept, in words.
    """
    data, supply = icontail.load(), everything.frequency
    shown = data.pictures[everything.image_ids[everything.labels == concept]]
    figure = plt.figure(figsize=(7.6, 3))
    left, right = np.ravel(np.array(figure.subfigures(1, 2, width_ratios=[1.1, 1])))
    for place, axes in enumerate(left.subplots(3, 4).flat):
        axes.set_axis_off()
        if place < len(shown):
            drawings.show(axes, shown[place])
    name = data.concepts[concept].name
    left.suptitle(f"{name}, {authors}: {len(shown)} drawings", fontsize=10)
    axes = right.subplots()
    highest = 2 * supply.max()
    axes.plot([1, highest], [1, highest], color="#888888", linestyle="--", linewidth=1)
    dot, diamond = style.look(style.BLUE, "o", ""), style.look(style.VERMILLION, "D", name)
    style.dots(axes, supply, drawn.frequency, dot, markersize=4, alpha=0.6)
    here = supply[concept], drawn.frequency[concept]
    axes.plot(*here, linestyle="", markersize=9, **diamond)
    axes.set(xscale="log", yscale="log", xlabel="drawings at hand", ylabel="training pictures")
    axes.set_title(f"limit {drawn.availability_correlation:.2f}")
    axes.legend(loc="upper left")
    return figure
