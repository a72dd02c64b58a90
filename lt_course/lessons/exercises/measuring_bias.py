"""Exercises of lesson 02."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from lt_course import study
from lt_course.evaluation import intervals
from lt_course.lessons.exercises.kinds import (
    Exercise,
    Explanation,
    Function,
    Mistake,
    Number,
    Prediction,
)
from lt_course.statistics import pearson, spearman

Array = npt.NDArray[Any]


def table() -> pd.DataFrame:
    """The classifier's per-class table that the page works on."""
    return study.train_or_load(study.config("sl", seed=0)).per_class.reset_index(drop=True)


# ---- A giant grows
def change(correlation: Callable[[Any, Any], float], grown: str = "frequency") -> float:
    """What becomes of a correlation, after minus before, if the giant's column grows a hundredfold.

    Args:
        correlation: of frequency and number of predictions.
        grown: the column that grows.
    """
    before = table()
    top = before["frequency"] == before["frequency"].max()
    after = before.assign(**{grown: before[grown].mask(top, 100 * before[grown])})
    return correlation(after.frequency, after.predictions) - correlation(
        before.frequency, before.predictions
    )


# ---- Shots of noise
def disattenuated(frequency: Array, measured: Array, pictures: int) -> float:
    """S(a) divided by the root of the reliability, estimated without bias."""
    noise = (measured * (1 - measured)).mean() / (pictures - 1)
    reliability = 1 - noise / measured.var(ddof=1)
    return spearman(frequency, measured) / float(np.sqrt(reliability))


def _as_printed(frequency: Array, measured: Array, pictures: int) -> float:
    noise = (measured * (1 - measured)).mean() / (pictures - 1)
    variance = measured.var(ddof=1)
    return spearman(frequency, measured) / float(np.sqrt(variance / (variance + noise)))


def _without_root(frequency: Array, measured: Array, pictures: int) -> float:
    root = spearman(frequency, measured) / disattenuated(frequency, measured, pictures)
    return spearman(frequency, measured) / root**2


def _biased_noise(frequency: Array, measured: Array, pictures: int) -> float:
    noise = (measured * (1 - measured)).mean() / pictures
    return spearman(frequency, measured) / float(np.sqrt(1 - noise / measured.var(ddof=1)))


def _population(frequency: Array, measured: Array, pictures: int) -> float:
    noise = (measured * (1 - measured)).mean() / (pictures - 1)
    return spearman(frequency, measured) / float(np.sqrt(1 - noise / measured.var()))


def _times_root(frequency: Array, measured: Array, pictures: int) -> float:
    return spearman(frequency, measured) ** 2 / disattenuated(frequency, measured, pictures)


def _test_sets(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for classes, pictures in ((60, 5), (200, 20)):
        frequency = np.geomspace(1000, 1, classes)
        true = np.clip(0.5 + 0.06 * np.log(frequency / 30) + 0.2 * rng.normal(size=classes), 0, 1)
        yield frequency, rng.binomial(pictures, true) / pictures, pictures


# ---- Without the top
def without_top(frequency: Array, values: Array, k: int) -> float:
    """Spearman's correlation over all classes but the k most frequent ones."""
    kept = np.argsort(-frequency, kind="stable")[k:]
    return spearman(frequency[kept], values[kept])


def _without_tail(frequency: Array, values: Array, k: int) -> float:
    kept = np.argsort(frequency, kind="stable")[k:]
    return spearman(frequency[kept], values[kept])


def _without_favourites(frequency: Array, values: Array, k: int) -> float:
    kept = np.argsort(-values, kind="stable")[k:]
    return spearman(frequency[kept], values[kept])


def _first_rows(frequency: Array, values: Array, k: int) -> float:
    return spearman(frequency[k:], values[k:])


def _pearson_without(frequency: Array, values: Array, k: int) -> float:
    kept = np.argsort(-frequency, kind="stable")[k:]
    return pearson(frequency[kept], values[kept])


def _profiles(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for k in (1, 5):
        frequency = rng.permutation(1000)[:40] + 1
        yield frequency, (frequency + rng.normal(0, 300, 40)).round(), k


# ---- A paired interval
def paired_interval(a: Array, b: Array) -> Array:
    """Both ends of the 95 % interval of the mean of a - b."""
    found = intervals.paired_difference(a, b)
    return np.array([found.low, found.high])


def _around(difference: float, half: float) -> Array:
    return np.array([difference - half, difference + half])


def _unpaired(a: Array, b: Array) -> Array:
    error = np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    return _around((a - b).mean(), stats.t.ppf(0.975, 2 * len(a) - 2) * error)


def _normal(a: Array, b: Array) -> Array:
    return _around((a - b).mean(), 1.96 * stats.sem(a - b))


def _population_deviation(a: Array, b: Array) -> Array:
    d = a - b
    return _around(d.mean(), stats.t.ppf(0.975, len(d) - 1) * d.std() / np.sqrt(len(d)))


def _of_one_seed(a: Array, b: Array) -> Array:
    return _around((a - b).mean(), stats.t.ppf(0.975, len(a) - 1) * (a - b).std(ddof=1))


def _one_sided(a: Array, b: Array) -> Array:
    return _around((a - b).mean(), stats.t.ppf(0.95, len(a) - 1) * stats.sem(a - b))


def _other_way(a: Array, b: Array) -> Array:
    return paired_interval(b, a)


def _seeds(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for n in (3, 5, 10):
        shared = rng.normal(0, 0.1, n)
        yield 0.8 + shared + rng.normal(0, 0.03, n), 0.4 + shared + rng.normal(0, 0.03, n)


# ---- The tail that was not there
def tail_accuracy() -> float:
    """Mean accuracy of all classes as rare as the tenth-rarest, or rarer."""
    found = table()
    return float(found.accuracy[found.frequency <= found.frequency.nsmallest(10).max()].mean())


def _by_position() -> float:
    found = table()
    ranked = found.sort_values("frequency", ascending=False, kind="stable").reset_index()
    return float(found.accuracy[ranked.tail(10).index].mean())


def _cut_through_ties(kind: Any, ascending: bool) -> float:
    ranked = table().sort_values("frequency", ascending=ascending, kind=kind)
    return float((ranked.head(10) if ascending else ranked.tail(10)).accuracy.mean())


def _below() -> float:
    found = table()
    return float(found.accuracy[found.frequency < found.frequency.nsmallest(10).max()].mean())


CUT = (
    "This is the mean of ten classes, but the tenth-rarest shares its frequency with others: "
    "the sort, and not the data, decided which of them are in. Take all of them."
)

EXERCISES: dict[str, Exercise] = {
    "by-chance": Prediction(low=0, high=1, unit="what chance exceeds once in twenty"),
    "giant": Number(
        lambda: np.array([change(pearson), change(spearman)]),
        mistakes=[
            Mistake(
                lambda: np.array([-change(pearson), -change(spearman)]),
                "The signs are the other way round: subtract before from after.",
            ),
            Mistake(
                lambda: np.array([change(spearman), change(pearson)]),
                "The two have changed places: Pearson's comes first.",
            ),
            Mistake(
                lambda: np.array([change(f, "predictions") for f in (pearson, spearman)]),
                "Here the giant's predictions grew; its frequency was to grow.",
            ),
            Mistake(
                lambda: np.array([change(pearson)] * 2),
                "Both are Pearson's change: rank both columns for Spearman's.",
            ),
        ],
        hint="Which ranks change, and which values?",
    ),
    "false-alarms": Explanation(
        model=(
            "S(p) sees hits and false alarms. The hits alone would give S(a), so whatever pulls "
            "S(p) below it is in the false alarms. Hubs attract doubtful pictures whatever their "
            "frequency: false alarms are then hardly correlated with frequency, and dilute the "
            "hits' tie to it. A prior towards the tail makes false alarms fall on rare classes: "
            "their correlation is negative. So S of the false alarms decides: near zero, within "
            "what chance gives, it is hubs; clearly negative, it is a lean to the tail."
        ),
        ideas={
            "false alarms": ("false alarm", "wrong prediction"),
            "hubs": ("hub",),
            "the tail, or rare classes": ("tail", "rare"),
            "the sign of a correlation": ("negative", "sign", "below zero", "backwards"),
        },
        words=25,
    ),
    "attenuation": Function(
        disattenuated,
        _test_sets,
        mistakes=[
            Mistake(
                _as_printed,
                "Var(a) in the formula is of the true accuracies. The variance that you have is of "
                "the measured ones: it is the whole denominator.",
            ),
            Mistake(_without_root, "This divides by R; divide by its square root."),
            Mistake(
                _biased_noise,
                "The noise is too small: measured a(1 - a) is on average too small by "
                "(n - 1) / n, so divide by n - 1.",
            ),
            Mistake(_population, "Estimate the variance with ddof=1, as the task says."),
            Mistake(_times_root, "This attenuates once more: divide by the root."),
        ],
        hint="R is 1 - noise / variance of the measured accuracies.",
    ),
    "paired-interval": Function(
        paired_interval,
        _seeds,
        mistakes=[
            Mistake(
                _unpaired,
                "This is the interval of two independent samples. The two methods share their "
                "seeds: take the differences first, then their spread.",
            ),
            Mistake(_normal, "1.96 is for many values. For a few, take Student's t."),
            Mistake(
                _population_deviation,
                "This is the deviation with n in its denominator, numpy's default; "
                "estimate it with ddof=1.",
            ),
            Mistake(
                _of_one_seed,
                "This is how single seeds spread; the mean of n does so by the root of n less.",
            ),
            Mistake(_one_sided, "The 0.95 quantile leaves 5 % on each side; 2.5 % is asked for."),
            Mistake(_other_way, "This is b minus a."),
        ],
        hint="Mean of the differences, and t times their deviation over the root of n.",
    ),
    "tail": Number(
        tail_accuracy,
        mistakes=[
            Mistake(
                _by_position,
                "These are the classes whose ids are 50 to 59, as the colleague has them: "
                "`index` counts positions after `reset_index`.",
            ),
            Mistake(lambda: _cut_through_ties("stable", False), CUT),
            Mistake(lambda: _cut_through_ties("quicksort", False), CUT),
            Mistake(lambda: _cut_through_ties("stable", True), CUT),
            Mistake(_below, "These are rarer than the tenth-rarest; take those as rare, too."),
        ],
        hint="How many pictures has the tenth-rarest class, and which classes have no more?",
        decimals=3,
    ),
    "without-top": Function(
        without_top,
        _profiles,
        mistakes=[
            Mistake(_without_tail, "This leaves out the k rarest classes."),
            Mistake(
                _without_favourites,
                "This leaves out the classes with the largest values, not the most frequent ones.",
            ),
            Mistake(_first_rows, "This leaves out the first k classes: sort by frequency first."),
            Mistake(_pearson_without, "This is Pearson's correlation of those left; rank them."),
        ],
        hint="Which classes are left, and what are their ranks among themselves?",
    ),
}
