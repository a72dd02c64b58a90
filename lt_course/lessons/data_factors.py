"""What lesson 06 computes: training sets described, frequencies compared, shift taken apart.

A *table* is a run's per-class table: one row a concept, in the order of the concepts, with the
columns `frequency`, `accuracy` and `predictions`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from lt_course.data import icontail
from lt_course.data.class_profiles import Draw
from lt_course.data.drawing_style import is_solid
from lt_course.evaluation.bias import bias_report, per_class
from lt_course.evaluation.intervals import Interval, mean_over_seeds, paired_difference
from lt_course.evidence import factor, paper
from lt_course.lessons.features import cosines
from lt_course.statistics import spearman
from lt_course.study import Record, Run, override, training_set
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


def examples(drawn: Draw, concept: int, count: int = 12) -> npt.NDArray[np.uint8]:
    """The first `count` drawings of a concept in a training set, uint8 [<= count, 32, 32]."""
    return icontail.load().pictures[drawn.pictures[drawn.labels == concept][:count]]


def at_rank(drawn: Draw, rank: int) -> int:
    """The concept that is the `rank`-th most frequent, 1 the most; ties keep their order."""
    return int(np.argsort(-drawn.frequency, kind="stable")[rank - 1])


def similarity(
    pictures: npt.NDArray[np.uint8], labels: npt.ArrayLike, least: int = 5
) -> npt.NDArray[np.float64]:
    """Mean cosine of two different drawings of a concept, one value a concept.

    Pixels are centred on the drawing's mean, so that the share of ink alone makes none alike.

    Args:
        pictures: uint8 [N, H, W].
        labels: int [N], the concept of each.
        least: concepts with fewer drawings are left out.

    Returns:
        float [K], -1..1, of the K concepts that are left, in the order of their labels.
    """
    flat = pictures.reshape(len(pictures), -1).astype(np.float64)
    flat -= flat.mean(1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
    concept = np.asarray(labels)
    groups = [flat[concept == c] for c in np.unique(concept)]
    # The sum over all ordered pairs is the square of the sum; a drawing with itself counts 1.
    return np.array(
        [
            ((g.sum(0) ** 2).sum() - len(g)) / (len(g) * (len(g) - 1))
            for g in groups
            if len(g) >= least
        ]
    )


def described(draws: Mapping[str, Draw], least: int = 20) -> pd.DataFrame:
    """Training sets in numbers, one row each.

    Args:
        draws: by name.
        least: what is counted within a concept is the mean over those with so many drawings.

    Returns:
        pictures; authors (families with a drawing in the set); authors a concept; solid (share of
        solid drawings, 0..1); titles (different titles a drawing, within a concept); similarity
        (`similarity`); limit (`lt_course.data.class_profiles.Draw.limit`).
    """
    data = icontail.load()
    rows = {}
    for name, drawn in draws.items():
        often = np.flatnonzero(drawn.frequency >= least)
        sets = [drawn.pictures[drawn.labels == concept] for concept in often]
        pictures = data.pictures[drawn.pictures]
        titles = [len({data.titles[i].lower() for i in each}) / len(each) for each in sets]
        rows[name] = {
            "pictures": len(drawn.pictures),
            "authors": len(np.unique(data.family[drawn.pictures])),
            "authors a concept": np.mean([len(np.unique(data.family[each])) for each in sets]),
            "solid": is_solid(pictures).mean(),
            "titles": np.mean(titles),
            "similarity": similarity(pictures, drawn.labels).mean(),
            "limit": drawn.limit,
        }
    return pd.DataFrame(rows).T.astype({"pictures": int, "authors": int})


def agreement(frequencies: Mapping[str, Sequence[npt.ArrayLike]]) -> pd.DataFrame:
    """How alike two sets order the concepts by frequency, seed by seed.

    Args:
        frequencies: per name one vector a seed, int [C], the same seeds in the same order.

    Returns:
        One row a pair of names: mean, lowest and highest Spearman correlation over the seeds.
    """
    rows = {}
    for a, b in combinations(frequencies, 2):
        pairs = zip(frequencies[a], frequencies[b], strict=True)
        values = [spearman(first, second) for first, second in pairs]
        rows[f"{a} and {b}"] = {
            "mean": np.mean(values),
            "lowest": np.min(values),
            "highest": np.max(values),
        }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["mean", "lowest", "highest"])


def declared(name: str, labels: Sequence[str], seeds: Sequence[int]) -> dict[str, list[Draw]]:
    """The training sets of a factor's runs at scale cpu, whether they are recorded or not.

    Args:
        name: of the factor.
        labels: of its runs.
        seeds: one training set each.

    Raises:
        CourseError: if the factor has no such label.
    """
    asked = factor(name)
    return {
        label: [training_set(asked.run(label, seed=seed)) for seed in seeds] for label in labels
    }


def everything(run: Run) -> Draw:
    """All drawings that a run could have trained on: those of its style and its authors."""
    return training_set(override(run, profile="natural", pictures=None))


def borrowed(flat: pd.DataFrame, frequency: npt.ArrayLike) -> dict[str, float]:
    """What a model that never saw an imbalance owes to concepts: S with another run's frequencies.

    Args:
        flat: table of a run with equal frequencies.
        frequency: int [C], of the other run.
    """
    return {
        "S(a)": spearman(frequency, flat["accuracy"]),
        "S(p)": spearman(frequency, flat["predictions"]),
    }


def halves(record: Record) -> pd.DataFrame:
    """Accuracy, S(a) and S(p) of a run on line drawings and on solid ones of the test.

    Each half has its own number of drawings a concept; concepts without one are left out of S(a).
    """
    solid = is_solid(icontail.load().pictures[record.arrays["test"]])
    frequency = record.per_class["frequency"]
    rows = {}
    for name, half in (("line", ~solid), ("solid", solid)):
        right, said = record.arrays["labels"][half], record.arrays["predictions"][half]
        rows[name] = {
            "drawings": int(half.sum()),
            "accuracy": float((right == said).mean()),
            "S(a)": bias_report(frequency, right, said)["spearman_accuracy"],
            "S(p)": bias_report(frequency, right, said)["spearman_predictions"],
        }
    return pd.DataFrame(rows).T.astype({"drawings": int})


def shift_costs(metrics: pd.DataFrame, line: str, solid: str) -> pd.DataFrame:
    """What training on the other style costs, on each style of the test and on both.

    Args:
        metrics: indexed by (label, seed), with `accuracy_line` and `accuracy_solid`.
        line: label of the runs on line drawings …
        solid: … and of those on solid ones.

    Returns:
        One row a seed that both have: the cost on line drawings, on solid ones, and their mean. In
        the mean, neither an easier half nor a better training set has a part.
    """
    # Without a single recorded run there are no columns either.
    at = metrics.reindex(columns=["accuracy_line", "accuracy_solid"])
    at = at.reset_index().set_index("seed")
    a, b = at[at["label"] == line], at[at["label"] == solid]
    seeds = a.index.intersection(b.index)
    costs = pd.DataFrame(
        {
            "on line": a.loc[seeds, "accuracy_line"] - b.loc[seeds, "accuracy_line"],
            "on solid": b.loc[seeds, "accuracy_solid"] - a.loc[seeds, "accuracy_solid"],
        }
    )
    return costs.assign(mean=costs.mean(axis=1))


def predictions(record: Record, pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """What a trained run takes pictures for, by cosine with its prototypes.

    Args:
        record: of the paper's head (normalised prototypes), its checkpoint still in the store.
        pictures: uint8 [N, 32, 32].

    Returns:
        int64 [N], concepts.

    Raises:
        CourseError: if the checkpoint is gone.
    """
    return cosines(record, pictures).argmax(1)


def by_acquaintance(record: Record) -> pd.Series:
    """Accuracy on drawings trained on, on others by the same authors, and on new authors' ones.

    Each is the mean over the concepts that have drawings of all three kinds.
    """
    data, drawn = icontail_of(record.run), training_set(record.run)
    classes = record.run.data.concepts
    evaluated = data.concept < classes
    trained = np.isin(np.arange(len(data)), drawn.pictures)
    known = np.isin(data.family, data.family[drawn.pictures])
    groups = {
        "trained on": trained & evaluated,
        "new drawings, authors trained on": evaluated & known & ~trained & ~data.test,
        "new authors (the test)": evaluated & data.test,
    }
    accuracy = pd.DataFrame(
        {
            name: per_class(
                data.concept[group].astype(np.int64),
                predictions(record, data.pictures[group]),
                classes,
            )[0]
            for name, group in groups.items()
        }
    )
    return accuracy.dropna().mean()


def live(records: Mapping[str, Record]) -> pd.DataFrame:
    """`COLUMNS` of live runs, one row each."""
    rows = {label: record.metrics for label, record in records.items()}
    return pd.DataFrame(rows).T[list(COLUMNS)].rename(columns=COLUMNS)


def summary(metrics: pd.DataFrame) -> pd.DataFrame:
    """`COLUMNS` of recorded runs as text: the mean over seeds with its t interval.

    Args:
        metrics: indexed by (label, seed), as `lt_course.evidence.recorded` returns them.

    Returns:
        One row a label with two seeds or more.
    """
    rows = {}
    for label, group in metrics.groupby(level="label", sort=False):
        if len(group) > 1:
            row = {"seeds": str(len(group))}
            for metric, heading in COLUMNS.items():
                known = group[metric].dropna()
                row[heading] = str(mean_over_seeds(known)) if len(known) > 1 else "undefined"
            rows[label] = row
    return pd.DataFrame.from_dict(rows, orient="index", columns=["seeds", *COLUMNS.values()])


def two_ways(metrics: pd.DataFrame, pairs: Sequence[tuple[str, str, str]]) -> pd.DataFrame:
    """Differences between recorded runs, paired by seed and unpaired (Welch), as text.

    Args:
        metrics: indexed by (label, seed).
        pairs: label, label and metric of each difference, first minus second.

    Returns:
        One row a difference whose runs share two seeds or more; columns paired and unpaired.
    """
    there, rows = set(metrics.index.unique("label")), {}
    for first, second, metric in pairs:
        if not {first, second} <= there:
            continue
        values = {label: metrics.xs(label, level="label")[metric] for label in (first, second)}
        a, b = pd.DataFrame(values).dropna().to_numpy(dtype=np.float64).T
        if len(a) > 1:
            welch = stats.ttest_ind(a, b, equal_var=False).confidence_interval()
            mean = float(a.mean() - b.mean())
            rows[f"{COLUMNS[metric]}: {first} minus {second}"] = {
                "paired": str(paired_difference(a, b)),
                "unpaired": str(Interval(mean, float(welch.low), float(welch.high), len(a))),
            }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["paired", "unpaired"])


def paper_sets() -> pd.DataFrame:
    """Fig. 4 of the paper, one row a training set: similarity, and accuracy and S(a) by head."""
    within = {row["dataset"]: row["value"] for _, row in paper.table("fig4a").iterrows()}
    heads = {"clip": "scratch", "clip-frozen-text": "frozen"}
    rows = {}
    for key, title in PAPER_SETS.items():
        row = {"similarity": within.get(key, float("nan"))}
        for method, head in heads.items():
            for metric, name in (("accuracy", "accuracy"), ("spearman_accuracy", "S(a)")):
                row[f"{name}, {head}"] = paper.value("fig4b", key, method, metric)
        rows[title] = row
    return pd.DataFrame(rows).T
