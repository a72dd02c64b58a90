"""Scale and text heads (Sec. 3.5, Fig. 5): which runs, what they measured, the paper's curves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pandas as pd

from lt_course import scale as scales
from lt_course.data import icontail
from lt_course.evaluation.bias import per_class
from lt_course.evaluation.intervals import mean_over_seeds
from lt_course.evidence import paper
from lt_course.lessons.observer import Observer
from lt_course.statistics import spearman
from lt_course.study import Record, Run, run, training_set
from lt_course.training.schedules import steps as in_steps

EPOCHS, STEPS = "equal epochs", "equal steps"
"""The two ways to train on less data: fewer steps, or as many as on all."""

TEST_PICTURES = 20
"""Test pictures of each concept of IconTail."""

FLOOR = 1 / TEST_PICTURES
"""Accuracy of one right answer a class; below it, S(a) is of little use (`measured_bias`)."""

PAPER_FLOOR = 1 / 50
"""The same for the paper's test set: ImageNet's validation set has 50 pictures a class."""

HEADS: dict[str, str] = {
    "scratch": "clip",
    "initialised": "clip-init-text",
    "frozen": "clip-frozen-text",
    "language model": "clip-frozen-roberta",
    "sl frozen": "sl-frozen-head",
}
"""Text head as factor ``07_text_heads`` labels it -> as the paper's table of values does."""


def spelled(fraction: float) -> str:
    """A fraction of the data as labels spell it: ``1``, ``1/2``, ``1/32``."""
    return str(Fraction(fraction).limit_denominator(1000))


def grid(
    methods: Iterable[str],
    epochs: Sequence[float],
    steps: Sequence[float],
    scale: str | None = None,
    seed: int = 0,
) -> dict[str, Run]:
    """Runs on all data and on fractions of it, labelled as factor ``07_scale`` labels them.

    Args:
        methods: names of declared runs.
        epochs: fractions to train on for as many epochs as on all data.
        steps: fractions to train on for as many steps.
        scale: default: what ``LT_SCALE`` says.
        seed: of all of them.
    """
    chosen = scales.current() if scale is None else scales.named(scale)
    same = f"{chosen.epochs * (chosen.pictures // chosen.batch)} steps"
    found = {}
    for method in methods:
        for fraction in epochs:
            label = f"{method} {spelled(fraction)}, epochs"
            found[label] = run(method, scale=chosen.name, seed=seed, fraction=fraction)
        for fraction in steps:
            label = f"{method} {spelled(fraction)}, steps"
            found[label] = run(
                method, scale=chosen.name, seed=seed, fraction=fraction, duration=same
            )
        found[f"{method} 1"] = run(method, scale=chosen.name, seed=seed)
    return found


def metrics(records: Mapping[str, Record]) -> pd.DataFrame:
    """What live runs measured, in the shape of `lt_course.evidence.recorded`.

    Returns:
        One row a run, indexed by (label, seed); one column a metric.
    """
    index = pd.MultiIndex.from_tuples(
        [(label, record.run.seed) for label, record in records.items()], names=["label", "seed"]
    )
    return pd.DataFrame([record.metrics for record in records.values()], index=index)


def work(record: Record) -> dict[str, float]:
    """How much a run has seen.

    Returns:
        ``pictures``; ``steps``; ``visits`` to each picture; ``median``, the pictures of the
        median class; ``singles``, the number of classes with one picture.
    """
    frequency, training = record.per_class["frequency"], record.run.training
    pictures = int(frequency.sum())
    total = in_steps(training.duration, "duration", pictures // training.batch)
    return {
        "pictures": pictures,
        "steps": total,
        "visits": total * training.batch / pictures,
        "median": float(frequency.median()),
        "singles": int((frequency == 1).sum()),
    }


def paper_budget() -> pd.DataFrame:
    """Fig. 5's fractions of LAIONet: pictures, steps, and the share of them that warms up.

    The sizes are those of the release; epochs (32), batch (1,024) and warm-up (500 steps) are in
    its scripts, and in App. C.
    """
    pictures = [101_848, 203_580, 407_100, 814_158, 1_628_287, 3_256_561]
    steps = [each // 1_024 * 32 for each in pictures]
    names = [spelled(2.0**-power) for power in range(5, -1, -1)]
    table = {"pictures": pictures, "steps": steps, "warm-up": [500 / each for each in steps]}
    return pd.DataFrame(table, index=pd.Index(names, name="fraction"))


def meaning(classes: int) -> npt.NDArray[np.float32]:
    """The language model's embeddings of the first concepts' names: float32 [classes, 384]."""
    return icontail.text_embeddings()[:classes]


def seen(asked: Run, tail: npt.NDArray[np.bool_]) -> dict[str, int]:
    """What a run is trained on, in pictures.

    Args:
        asked: the run.
        tail: bool [C], the classes whose pictures are counted as those of the tail.

    Returns:
        Pictures of the evaluated ``concepts``; of those, of the ``tail``; pictures of ``others``;
        and how many of all of them are ``test pictures``.
    """
    drawn = training_set(asked)
    return {
        "concepts": int(drawn.frequency.sum()),
        "tail": int(drawn.frequency[tail].sum()),
        "others": int((drawn.labels == asked.data.concepts).sum()),
        "test pictures": int(icontail.load().test[drawn.pictures].sum()),
    }


def by_fraction(found: pd.DataFrame, runs: Mapping[str, Run]) -> pd.DataFrame:
    """Metrics with what was varied beside them.

    Args:
        found: indexed by (label, seed), as of `metrics` or `lt_course.evidence.recorded`.
        runs: label -> a run of that label, whatever its seed.

    Returns:
        One row a run: label, seed, all metrics, method, fraction, budget. A run on all data
        stands in both budgets.
    """
    flat = found.reset_index()
    asked = [runs[label] for label in flat["label"]]
    flat = flat.assign(
        method=[each.name for each in asked],
        fraction=[each.data.fraction for each in asked],
        budget=[STEPS if each.training.duration.endswith("steps") else EPOCHS for each in asked],
    )
    whole = flat[flat["fraction"] == 1].assign(budget=STEPS)
    return pd.concat([flat, whole], ignore_index=True)


def by_head(found: pd.DataFrame) -> pd.DataFrame:
    """Recorded metrics of factor ``07_text_heads`` by head and fraction.

    Args:
        found: indexed by (label, seed), labels such as ``frozen`` and ``frozen 1/8``.

    Returns:
        One row a run: label, seed, all metrics, head, fraction.
    """
    flat = found.reset_index()
    part = [str(label).endswith(" 1/8") for label in flat["label"]]
    heads = [str(label).removesuffix(" 1/8") for label in flat["label"]]
    return flat.assign(head=heads, fraction=np.where(part, 1 / 8, 1.0))


def paper_curves() -> pd.DataFrame:
    """Fig. 5, read off the plot.

    Returns:
        One row a head and fraction: head, fraction, accuracy, spearman_accuracy, nc1, nc2_means.
    """
    values = paper.table("fig5")
    wide = values.pivot(index=["method", "dataset"], columns="metric", values="value").reset_index()
    labels = {theirs: ours for ours, theirs in HEADS.items()}
    fraction = wide["dataset"].str.partition("_frac")[2].replace("", "1").astype(float)
    curves = wide.assign(head=wide["method"].map(labels), fraction=fraction)
    curves = curves.drop(columns=["method", "dataset"]).rename(columns={"nc2": "nc2_means"})
    return curves.sort_values(["head", "fraction"])


def summary(found: pd.DataFrame, columns: Mapping[str, str], order: Sequence[str]) -> pd.DataFrame:
    """Mean over seeds with its t interval, as text; a single seed has none.

    Args:
        found: indexed by (label, seed).
        columns: metric -> heading.
        order: the labels to show; those that are not there are left out.
    """
    there = [label for label in order if label in found.index.unique("label")]
    rows = {label: [_text(found.loc[label][metric]) for metric in columns] for label in there}
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(columns.values()))


def gains(
    found: pd.DataFrame, pairs: Mapping[str, tuple[str, str]], columns: Mapping[str, str]
) -> pd.DataFrame:
    """Differences of runs that share their seeds, mean with t interval, as text.

    Args:
        found: indexed by (label, seed).
        pairs: name of a row -> labels (a, b), for a minus b; a row of which one is not there is
            left out.
        columns: metric -> heading.
    """
    there = found.index.unique("label")
    rows = {
        name: [_text((found.loc[a][metric] - found.loc[b][metric]).dropna()) for metric in columns]
        for name, (a, b) in pairs.items()
        if a in there and b in there
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(columns.values()))


def _text(values: pd.Series) -> str:
    known = values.dropna()
    return str(mean_over_seeds(known)) if len(known) > 1 else f"{values.mean():.2f}"


def measured_bias(
    frequency: npt.ArrayLike,
    ease: Sequence[float],
    pictures: int = TEST_PICTURES,
    repeats: int = 10,
) -> pd.DataFrame:
    """The S(a) of observers that get worse and worse, but no less biased.

    Their bias is put in: knowledge of a class grows with the log of its frequency, by the same
    amount for all of them.

    Args:
        frequency: float [C] > 0, training pictures of each class.
        ease: mean visibility of the classes, one row each (`Observer.trained_on`).
        pictures: test pictures a class.
        repeats: observers, and test sets, that each row is the mean of.

    Returns:
        One row an ease: ``accuracy``; ``true`` S(a), of the exact accuracies; ``measured`` S(a),
        with the given number of test pictures; ``never``, the share of classes without a right
        answer.
    """
    counts = np.asarray(frequency, dtype=np.float64)
    rows = []
    for level in ease:
        trials = [_trial(counts, level, pictures, seed) for seed in range(repeats)]
        rows.append(np.mean(trials, axis=0))
    return pd.DataFrame(rows, columns=["accuracy", "true", "measured", "never"])


def _trial(
    counts: npt.NDArray[np.float64], ease: float, pictures: int, seed: int
) -> tuple[float, float, float, float]:
    observer = Observer.trained_on(counts, knowledge=0.6, hubs=0.5, ease=ease, seed=seed)
    exact = np.diag(observer.confusion())
    right, _ = per_class(*observer.answers(pictures, seed), len(counts))
    return (
        float(exact.mean()),
        spearman(counts, exact),
        spearman(counts, right),
        float((right == 0).mean()),
    )
