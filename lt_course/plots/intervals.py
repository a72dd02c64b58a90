"""Runs over seeds: means with Student's t intervals and paired differences, as text and as marks.

`runs` are metrics indexed by (label, seed), as `lt_course.evidence.load_results` returns them.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes

from lt_course.evaluation.intervals import Interval, mean_over_seeds
from lt_course.study import RunResult


def metrics(records: Mapping[str, RunResult]) -> pd.DataFrame:
    """What live runs measured, in the shape of `lt_course.evidence.load_results`."""
    keys = [(label, record.run.seed) for label, record in records.items()]
    index = pd.MultiIndex.from_tuples(keys, names=["label", "seed"])
    return pd.DataFrame([record.metrics for record in records.values()], index=index)


def labels(runs: pd.DataFrame) -> list[str]:
    """The labels that have a run, in their order."""
    return [] if runs.empty else [str(label) for label in runs.index.unique("label")]


def by_seed(runs: pd.DataFrame, label: str, metric: str) -> pd.Series:
    """A metric of one label by seed; empty where nothing is recorded."""
    if label not in labels(runs):
        return pd.Series(dtype=float)
    return runs[metric].xs(label, level="label")


def paired(runs: pd.DataFrame, a: str, b: str, metric: str) -> pd.Series:
    """How much more of a metric run `a` has than run `b`, by the seeds that both have."""
    return (by_seed(runs, a, metric) - by_seed(runs, b, metric)).dropna()


def interval(values: npt.ArrayLike) -> Interval:
    """Mean over seeds with its t interval, whose ends are nan for a single seed."""
    array = np.asarray(values, dtype=np.float64)
    known = array[~np.isnan(array)]
    if len(known) > 1:
        return mean_over_seeds(known)
    return Interval(float(known[0]) if len(known) else np.nan, np.nan, np.nan, len(known))


def text(values: npt.ArrayLike, spec: str = ".2f") -> str:
    """As `0.42 [0.31, 0.53]`; `0.42` for one seed, `undefined` if all are nan, `–` for none."""
    found = interval(values)
    if found.n > 1:
        return format(found, spec)
    if found.n == 1:
        return format(found.estimate, spec)
    return "undefined" if np.size(values) else "–"


def means(
    runs: pd.DataFrame,
    columns: Mapping[str, str],
    rows: Iterable[str] | None = None,
    spec: str = ".2f",
) -> pd.DataFrame:
    """Means over seeds with t intervals as `text`: a row a recorded label, or those of `rows`.

    `columns`: metric -> heading; `spec` is the format of the three numbers.
    """
    known = labels(runs)
    table = {
        label: [text(by_seed(runs, label, metric), spec) for metric in columns]
        for label in (known if rows is None else rows)
        if label in known
    }
    return pd.DataFrame.from_dict(table, orient="index", columns=list(columns.values()))


def differences(
    runs: pd.DataFrame,
    pairs: Mapping[str, tuple[str, str]],
    columns: Mapping[str, str],
    spec: str = ".2f",
) -> pd.DataFrame:
    """First less second of each recorded pair of labels, paired by seed; else as `means`."""
    table = {
        name: [text(paired(runs, a, b, metric), spec) for metric in columns]
        for name, (a, b) in pairs.items()
        if {a, b} <= set(labels(runs))
    }
    return pd.DataFrame.from_dict(table, orient="index", columns=list(columns.values()))


def draw(axes: Axes, found: Interval, place: float, capsize: float = 2.5, **look: Any) -> None:
    """A mean with its interval, horizontally at a place of the y axis."""
    reach = [[found.estimate - found.low], [found.high - found.estimate]]
    axes.errorbar([found.estimate], [place], xerr=reach, linestyle="", capsize=capsize, **look)


def draw_seeds(axes: Axes, values: pd.Series, place: float, **look: Any) -> None:
    """Seeds as ticks, and their mean with its interval; nothing where there is none."""
    if len(values):
        axes.plot(values, [place] * len(values), linestyle="", marker="|", color="#888888")
        draw(axes, interval(values), place, **look)


def draw_curve(
    axes: Axes, values: Mapping[Any, npt.ArrayLike], linestyle: Any = "-", **look: Any
) -> None:
    """Means with their intervals over places of the x axis, joined; empty places are left out."""
    found = {place: interval(each) for place, each in values.items() if np.size(each)}
    if found:
        means = np.array([each.estimate for each in found.values()])
        reach = [each.high - each.estimate for each in found.values()]
        axes.errorbar(list(found), means, yerr=reach, linestyle=linestyle, capsize=2.5, **look)
