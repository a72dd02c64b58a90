"""Vocabularies: what the theory says of runs, and what became of it (Fig. 3 and lesson 05)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from lt_course.data.class_profiles import profile_counts
from lt_course.evaluation.intervals import mean_over_seeds
from lt_course.evidence import factor, paper, recorded, recorded_per_class
from lt_course.lessons.features import cosines
from lt_course.lessons.prior_shift import agreement, inclusion, remaining, shift
from lt_course.objectives.classify import Classify, Sampling
from lt_course.statistics import spearman
from lt_course.study import Record
from lt_course.study.execute import weights
from lt_course.study.icontail_dataset import icontail_of

FACTOR = "05_vocabulary"
"""The recorded runs of this lesson."""

FULL = "all"
"""Its run with a softmax over all classes."""

LAWS: tuple[Sampling, ...] = ("frequency", "sqrt", "uniform")
"""Laws by which a vocabulary is filled up."""

PAPER_CLASSES, PAPER_PICTURES, PAPER_MICRO_BATCH = 1_000, 448_896, 64
"""ImageNet-Captions, and the pictures of one GPU, which share a vocabulary in the release."""


def law_of(label: str) -> str:
    """Sampling law of a recorded run's label: ``frequency``, …, ``in-batch`` or ``all``."""
    return label.split()[0]


def remaining_curve(
    frequency: npt.ArrayLike,
    sizes: Iterable[int],
    laws: Iterable[Sampling] = LAWS,
    micro_batch: int = 32,
) -> pd.DataFrame:
    """Share of the prior that the theory says is left: one row a size V, one column a law."""
    laws = list(laws)
    rows = {
        size: [
            remaining(frequency, inclusion(frequency, Classify(size, law, micro_batch)))
            for law in laws
        ]
        for size in sizes
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=laws).rename_axis("V")


def shifts(run: pd.DataFrame, full: pd.DataFrame, options: Classify) -> pd.DataFrame:
    """Each class's shift of the logit: predicted from the vocabulary, and measured.

    Args:
        run: per-class table of a run with that vocabulary.
        full: that of a run with a full softmax that shares its seed.
        options: of `run`.

    Returns:
        One row a class: frequency; predicted, -log pi_c less its mean; measured, the mean logit on
        the test set less that of `full`, less its mean over classes.
    """
    difference = run["mean_logit"] - full["mean_logit"]
    return pd.DataFrame(
        {
            "frequency": run["frequency"],
            "predicted": shift(inclusion(run["frequency"], options)),
            "measured": difference - difference.mean(),
        }
    )


def agreements(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """`Agreement` of each table of `shifts`, one row a label."""
    found = {
        label: vars(agreement(table["measured"], table["predicted"]))
        for label, table in tables.items()
    }
    return pd.DataFrame.from_dict(found, orient="index").rename_axis("label")


def recorded_shifts(seed: int) -> dict[str, pd.DataFrame]:
    """`shifts` of every recorded run of one seed, by label; empty if none is recorded."""
    declared, known = factor(FACTOR), recorded(FACTOR).index
    if (FULL, seed) not in known:
        return {}
    full = recorded_per_class(FACTOR, FULL, seed)
    return {
        label: shifts(recorded_per_class(FACTOR, label, seed), full, options)
        for label in declared.settings
        if (label, seed) in known
        and isinstance(options := declared.run(label).objective, Classify)
        and options.draws_from(len(full))
    }


def recorded_agreements() -> pd.DataFrame:
    """Theory against the recorded runs.

    Returns:
        Indexed by (label, seed): remaining, as predicted; S(p), as measured; slope, r2 and
        r2_as_predicted of the shifts, nan for the full softmax.
    """
    metrics, declared = recorded(FACTOR), factor(FACTOR)
    parts = []
    for seed in metrics.index.unique("seed"):
        parts.append(pd.concat({seed: agreements(recorded_shifts(seed))}, names=["seed"]))
    found = pd.concat(parts).swaplevel().reindex(metrics.index)
    found.insert(0, "S(p)", metrics["spearman_predictions"])
    label, seed = metrics.index[0]
    frequency = recorded_per_class(FACTOR, label, seed)["frequency"]
    left = {
        label: remaining(frequency, inclusion(frequency, objective))
        for label in metrics.index.unique("label")
        if isinstance(objective := declared.run(label).objective, Classify)
    }
    found.insert(0, "remaining", [left[label] for label, _ in metrics.index])
    return found


def over_seeds(found: pd.DataFrame) -> pd.DataFrame:
    """Intervals over seeds: one row a label with two seeds or more, one column a column.

    Entries are `Interval`; None where a column is undefined for that label.
    """
    counts = found.groupby("label", sort=False).size()
    rows = {
        label: {
            column: None if values.isna().any() else mean_over_seeds(values)
            for column, values in found.loc[label].items()
        }
        for label in counts.index[counts > 1]
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(found.columns)).rename_axis(
        "label"
    )


def united(sources: Mapping[str, Iterable[str]]) -> pd.DataFrame:
    """Accuracy and S(p) of recorded runs of several factors.

    Args:
        sources: factor -> labels of its runs.

    Returns:
        Indexed by (label, seed): accuracy, spearman_predictions, and the factor; runs that are not
        recorded have no row.
    """
    parts = []
    for name, labels in sources.items():
        found = recorded(name)
        chosen = found[found.index.isin(list(labels), level="label")]
        parts.append(chosen[["accuracy", "spearman_predictions"]].assign(factor=name))
    return pd.concat(parts)


def logits_on_test(record: Record) -> npt.NDArray[np.float64]:
    """Logits of a classifier on the test pictures, recomputed from its checkpoint: [M, C].

    Without what is applied after training (logit adjustment, tau-normalisation).
    """
    state = weights(record.folder / "checkpoint")
    scale = float(state["head.temperature.log_scale"].exp())
    return scale * cosines(record, icontail_of(record.run).pictures[record.arrays["test"]])


def predicted_bias(
    logits: npt.NDArray[np.float64], frequency: npt.ArrayLike, added: npt.ArrayLike
) -> float:
    """S(p) of the predictions that logits [M, C] make once a shift [C] is added to all of them."""
    predictions = (logits + np.asarray(added)).argmax(1)
    return spearman(frequency, np.bincount(predictions, minlength=logits.shape[1]))


def paper_vocabularies() -> pd.DataFrame:
    """The paper's vocabularies beside the theory, which has seen none of its trainings.

    Returns:
        One row a run: series (head and law), V, S(a), S(p), accuracy (nan where the released
        figure hides it), and remaining, from a profile with the Gini coefficient of
        ImageNet-Captions and 64 pictures to a vocabulary.
    """
    frequency = profile_counts("incaps", PAPER_CLASSES, PAPER_PICTURES)
    series: list[tuple[str, str, str, Sampling]] = [
        ("from scratch, frequency", "fig3", "sl-vocab", "frequency"),
        ("frozen head, frequency", "fig19", "sl-vocab", "frequency"),
        ("frozen head, uniform", "released", "sl-uniform", "uniform"),
    ]
    rows = []
    for name, figure, method, law in series:
        for size in (50, 100, 200, 500, PAPER_CLASSES):
            full = size == PAPER_CLASSES
            source = "fig19" if full and figure == "released" else figure
            values = paper.table(source)
            values = values[values["method"] == ("sl" if full else f"{method}-{size}")]
            measured = values.set_index("metric")["value"]
            options = Classify(size, law, micro_batch=PAPER_MICRO_BATCH)
            rows.append(
                {
                    "series": name,
                    "V": size,
                    "S(a)": measured["spearman_accuracy"],
                    "S(p)": measured["spearman_predictions"],
                    "accuracy": measured.get("accuracy", np.nan),
                    "remaining": remaining(frequency, inclusion(frequency, options, draws=1_000)),
                }
            )
    return pd.DataFrame(rows)
