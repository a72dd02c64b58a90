"""What lesson 08 computes: what other concepts bring into a run, and what they change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lt_course import evidence
from lt_course.data import icontail
from lt_course.data.captions import usual_name
from lt_course.data.icontail import IconTail
from lt_course.data.tokenizer import tokens
from lt_course.errors import CourseError
from lt_course.evaluation.intervals import (
    Interval,
    bootstrap_spearman_difference,
    paired_difference,
)
from lt_course.statistics import spearman
from lt_course.study import Record, Run, training_set
from lt_course.training.schedules import steps

QUESTIONS = {"S(a)": "accuracy", "S(p)": "predictions"}


def other_pictures(run: Run) -> npt.NDArray[np.int64]:
    """A run's pictures of concepts outside the evaluated ones: indices [K] into IconTail."""
    found = training_set(run)
    return found.pictures[found.labels == run.data.concepts]


def make_up(run: Run) -> dict[str, float]:
    """What a run's batches are made of.

    Returns:
        ``steps`` of the run; ``core a batch`` and ``others a batch``, the expected numbers of
        pictures; ``views``, how often each picture is shown in the whole run.
    """
    core, others = run.data.pictures, run.data.others
    if core is None:
        raise CourseError(f"Field 'pictures' of {run.name} is None; name a number.")
    pictures, batch = core + others, run.training.batch
    length = steps(run.training.duration, "duration", pictures // batch)
    return {
        "steps": length,
        "core a batch": batch * core / pictures,
        "others a batch": batch * others / pictures,
        "views": length * batch / pictures,
    }


def titles_with_tokens_of_names(
    data: IconTail, concepts: int, pictures: Iterable[int], context: int = 77
) -> npt.NDArray[np.int64]:
    """How many of some pictures' titles share a token with what each concept is asked for by.

    Args:
        data: IconTail.
        concepts: number of evaluated concepts C.
        pictures: indices into the data set.
        context: length at which texts are cut.

    Returns:
        int64 [C].
    """
    names = _token_sets([usual_name(data, concept) for concept in range(concepts)], context)
    titles = _token_sets([data.titles[picture] for picture in pictures], context)
    return np.array([sum(not name.isdisjoint(title) for title in titles) for name in names])


def beside(records: Mapping[str, Record], baseline: str) -> pd.DataFrame:
    """S(a), S(p) and accuracy of runs with the same core pictures, and what they change.

    Args:
        records: per label a run.
        baseline: the label that the others are compared with.

    Returns:
        One row a run: accuracy, S(a), S(p), and by how much either correlation is lower than in
        the baseline, with its interval over concepts (as text; empty for the baseline).

    Raises:
        CourseError: if runs differ in their core pictures.
    """
    base = records[baseline].per_class
    rows: dict[str, dict[str, Any]] = {}
    for label, record in records.items():
        table = record.per_class
        if not table["frequency"].equals(base["frequency"]):
            raise CourseError(
                f"Runs {label!r} and {baseline!r} have other core pictures; compare runs with "
                "the same 'pictures' and seed."
            )
        row: dict[str, Any] = {"accuracy": record.metrics["accuracy"]}
        row |= {s: record.metrics[f"spearman_{field}"] for s, field in QUESTIONS.items()}
        for letter, field in QUESTIONS.items():
            drop = "" if label == baseline else str(_drop(base, table, field))
            row[f"{letter} is lower by"] = drop
        rows[label] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def changes(before: pd.DataFrame, after: pd.DataFrame, field: str) -> npt.NDArray[np.float64]:
    """Per concept, what a field of the per-class table gained: float [C].

    Raises:
        CourseError: if the tables do not hold the same concepts with the same frequencies.
    """
    for column in ("concept", "frequency"):
        if not before[column].equals(after[column]):
            raise CourseError(f"Column {column!r} differs; compare runs on the same core pictures.")
    return (after[field] - before[field]).to_numpy(dtype=np.float64)


def contrasts(
    metrics: pd.DataFrame, pairs: Mapping[str, tuple[str, str]], metric: str
) -> pd.Series:
    """By how much a metric is lower in the second run of each pair, with its interval over seeds.

    Args:
        metrics: indexed by (label, seed), as `lt_course.evidence.recorded` returns it.
        pairs: per name the labels of two runs.
        metric: a column.

    Returns:
        Text by name; ``not recorded`` below two seeds that both runs have.
    """
    known = metrics.index.unique(level="label")
    found = {}
    for name, (first, second) in pairs.items():
        shared = pd.DataFrame(
            {
                label: metrics[metric].xs(label, level="label")
                for label in (first, second)
                if label in known
            }
        ).dropna()
        enough = shared.shape[1] == 2 and len(shared) >= 2
        found[name] = (
            str(paired_difference(shared[first], shared[second])) if enough else "not recorded"
        )
    return pd.Series(found)


def token_correlations(name: str, before: str, after: str, field: str) -> dict[int, float]:
    """Spearman of shared titles and of what concepts gained, by recorded seed.

    Args:
        name: of a factor.
        before: label of its run without others.
        after: label of its run with them.
        field: of the per-class table.

    Returns:
        One correlation for each seed of which both runs are recorded: positive where concepts
        whose names share tokens with titles of others gained more.
    """
    metrics, found = evidence.recorded(name), {}
    recorded = set(metrics.index)
    seeds = sorted({seed for _, seed in recorded})
    for seed in (s for s in seeds if {(before, s), (after, s)} <= recorded):
        run = evidence.factor(name).run(after, "cpu", seed)
        shared = titles_with_tokens_of_names(
            icontail.load(), run.data.concepts, other_pictures(run)
        )
        first, second = (
            evidence.recorded_per_class(name, label, seed) for label in (before, after)
        )
        found[seed] = spearman(shared, changes(first, second, field))
    return found


def _drop(before: pd.DataFrame, after: pd.DataFrame, field: str) -> Interval:
    return bootstrap_spearman_difference(before["frequency"], before[field], after[field])


def _token_sets(texts: list[str], context: int) -> list[set[int]]:
    ids = tokens(texts, context).tolist()
    # The first is the start of text; the largest is its end; 0 is padding.
    return [set(row[1:]) - {0, max(row)} for row in ids]
