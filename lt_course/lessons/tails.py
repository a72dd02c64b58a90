"""Lesson 11: forces on absent classes, cosines, and tests with a handicap lifted.

`runs` are metrics indexed by (label, seed), as `lt_course.evidence.load_results` returns them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from matplotlib.figure import Figure
from torch import nn

from lt_course.data.batch import Batch
from lt_course.errors import CourseError
from lt_course.evaluation.bias import per_class
from lt_course.evidence import paper
from lt_course.lessons.neighbours import unit
from lt_course.models.heads import Prototypes
from lt_course.objectives.classify import Supervised, SupervisedConfig
from lt_course.plots import intervals, style
from lt_course.study import RunResult

FloatArray = npt.NDArray[np.float64]

BLOCKS = ("seen, seen", "absent, absent", "seen, absent")
"""Pairs of classes, by whether they have training pictures (Fig. 9a of arXiv 2405.21070)."""

METHODS: dict[str, style.Look] = {
    "sl": style.look(style.BLACK, "o", "SL"),
    "sl frozen": style.look(style.VERMILLION, "s", "SL, frozen"),
    "sl frozen uniform": style.look(style.VERMILLION, "X", "SL, frozen, V uniform"),
    "sl frozen vocabulary": style.look(style.GREEN, "^", "SL, frozen, V by frequency"),
    "sl frozen in-batch": style.look(style.GREEN, "v", "SL, frozen, in-batch only"),
    "sl frozen seen only": style.look(style.GREEN, "D", "SL, frozen, seen only"),
    "clip": style.look(style.SKY, "P", "CLIP"),
    "clip frozen": style.look(style.BLUE, "*", "CLIP, frozen text"),
}
"""Methods of the lesson. Vermillion: frozen prototypes, and absent classes are negatives; green:
frozen prototypes, and they never are."""

PAPER_METHODS = {
    "sl": "sl",
    "sl frozen": "sl-frozen-head",
    "sl frozen vocabulary": "sl-frozen-head-vocab",
    "clip": "clip",
    "clip frozen": "clip-frozen-text",
}
"""The methods that the paper's Fig. 8 shows too, and their names among its values."""

PAPER_SIZES = (5, 50, 200, 500)
"""Numbers of absent classes, of 1,000, at which Fig. 8 was read off."""

MEASURES = {
    "accuracy_trimmed": ("cut concepts", "accuracy_tail"),
    "accuracy_kept": ("the others", "accuracy_head_mid"),
}
"""Metric -> how a panel calls its concepts, and the paper's metric."""


def forces(
    options: SupervisedConfig,
    frequency: npt.ArrayLike,
    batch: int = 128,
    batches: int = 50,
    seed: int = 0,
) -> pd.DataFrame:
    """How a loss pulls up and pushes down the logit of each class before training.

    All logits are equal and batches are drawn by class frequency, int [C]. Both forces are parts
    of the loss's gradient by the logit, averaged over pictures and without the factor s.

    Returns:
        One row a class; `pull` >= 0 from the class's own pictures, `push` >= 0 from all others.
    """
    counts = torch.as_tensor(np.asarray(frequency), dtype=torch.float)
    C = len(counts)
    head = Prototypes(C, C, start=torch.eye(C), frozen=True)
    objective = Supervised(options, nn.Identity(), head, counts)
    generator = torch.Generator().manual_seed(seed)
    pull, push = torch.zeros(C), torch.zeros(C)
    for _ in range(batches):
        labels = torch.multinomial(counts, batch, replacement=True, generator=generator)
        features = torch.zeros(batch, C, requires_grad=True)
        loss, _ = objective.loss((features,), Batch(features, labels), generator)
        (gradient,) = torch.autograd.grad(loss, features)
        pull -= gradient.clamp(max=0).sum(0)
        push += gradient.clamp(min=0).sum(0)
    scale = batches * head.temperature.log_scale.exp().item()
    return pd.DataFrame({"pull": pull.numpy() / scale, "push": push.numpy() / scale})


def affinity(record: RunResult) -> FloatArray:
    """Cosines between the prototypes of a run, float [C, C]."""
    prototypes = unit(record.arrays["prototypes"])
    return prototypes @ prototypes.T


def block_means(matrix: FloatArray, absent: npt.ArrayLike) -> dict[str, float]:
    """Means of a symmetric matrix [C, C] over pairs of different classes, one for each of `BLOCKS`.

    `absent`, bool [C], are the classes without training pictures.
    """
    gone = np.asarray(absent, dtype=bool)
    apart = ~np.eye(len(gone), dtype=bool)
    pairs = (
        np.logical_and.outer(~gone, ~gone) & apart,
        np.logical_and.outer(gone, gone) & apart,
        np.logical_and.outer(~gone, gone),
    )
    return {name: float(matrix[pair].mean()) for name, pair in zip(BLOCKS, pairs, strict=True)}


def rivals(
    cosines: FloatArray, labels: npt.NDArray[np.int64], absent: npt.NDArray[np.bool_]
) -> dict[str, float]:
    """How near test pictures are to their own prototype and to the nearest of the other kind.

    Of cosines [M, C], labels [M] and absent classes [C]: means over seen and over absent classes'
    pictures of the cosine with their ``own`` prototype, and with the nearest prototype of an
    absent, or of a seen, class.
    """
    own, of_absent = cosines[np.arange(len(labels)), labels], absent[labels]
    return {
        "seen: own": float(own[~of_absent].mean()),
        "seen: nearest absent": float(cosines[~of_absent][:, absent].max(1).mean()),
        "absent: own": float(own[of_absent].mean()),
        "absent: nearest seen": float(cosines[of_absent][:, ~absent].max(1).mean()),
    }


def lifted(cosines: FloatArray, absent: npt.ArrayLike, lift: float) -> npt.NDArray[np.int64]:
    """Predictions [M] when `lift` is added to the cosines [M, C] with absent prototypes.

    This is calibrated stacking (Chao et al., arXiv 1605.04253, eq. 4), which subtracts the same
    from the seen classes. From a lift of 2 on, absent classes compete among themselves alone.
    """
    return (cosines + np.where(absent, lift, 0.0)).argmax(1)


def trade_off(
    cosines: FloatArray,
    labels: npt.NDArray[np.int64],
    absent: npt.NDArray[np.bool_],
    lifts: Sequence[float],
) -> pd.DataFrame:
    """Accuracy on `seen` and on `absent` classes, and the share of absent classes `predicted`.

    One row a lift, arguments as in `rivals` and `lifted`.
    """
    rows = {}
    for lift in lifts:
        predictions = lifted(cosines, absent, lift)
        accuracy, _ = per_class(labels, predictions, len(absent))
        rows[lift] = {
            "seen": accuracy[~absent].mean(),
            "absent": accuracy[absent].mean(),
            "predicted": absent[predictions].mean(),
        }
    return pd.DataFrame(rows).T.rename_axis("lift")


# Figures ----------------------------------------------------------------------------------------


def plot_affinity(matrices: Mapping[str, FloatArray], frequency: npt.ArrayLike) -> Figure:
    """Cosines of all pairs of prototypes [C, C], sorted by frequency [C], one panel a method.

    A line parts the classes without training pictures.
    """
    counts = np.asarray(frequency)
    order, edge = np.argsort(-counts, kind="stable"), (counts > 0).sum()
    figure, panels = style.panels(len(matrices), 3.1, 3)
    for axes, (title, matrix) in zip(panels, matrices.items(), strict=True):
        style.matrix(axes, matrix[np.ix_(order, order)], "PuOr", -1, 1)
        for draw in (axes.axhline, axes.axvline):
            draw(edge, color="black", linewidth=1, linestyle="--")
        axes.set(title=title, xticks=[], yticks=[], xlabel="most frequent … | absent")
    figure.colorbar(panels[0].collections[0], ax=panels, label="cosine", shrink=0.85)
    return figure


def plot_absent(tables: Mapping[str, pd.DataFrame], field: str) -> Figure:
    """`accuracy` or `predictions` of the concepts without training pictures (Fig. 9b).

    One panel a method, with a per-class table of runs on the same pictures each.
    """
    n = len(tables)
    figure, panels = style.panels(1, 7.2, 1.05 + 1 / n, n, sharex=True, sharey=True)
    first = next(iter(tables.values()))
    last = first[first["frequency"] == 0].sort_values("name")
    for axes, (method, table) in zip(panels, tables.items(), strict=True):
        look, values = METHODS[method], table.loc[last.index, field]
        axes.bar(range(len(last)), values, color=look["color"], width=0.7)
        axes.set_title(f"{look['label']} (mean {values.mean():.2f})", loc="left", pad=2)
    panels[-1].set_xticks(range(len(last)), last["name"], rotation=45, ha="right")
    figure.supylabel(field if field == "accuracy" else "number of predictions", fontsize=10)
    return figure


def plot_two_accuracies(metrics: pd.DataFrame) -> Figure:
    """Accuracy on cut concepts against that on the others, one marker a method (the index)."""
    figure, axes = plt.subplots(figsize=(6.4, 3.6))
    for method, row in metrics.iterrows():
        dot = METHODS[str(method)] | {"linestyle": "", "markersize": 9}
        axes.plot(row["accuracy_kept"], row["accuracy_trimmed"], **dot)
    axes.set(xlabel="accuracy on seen concepts", ylabel="accuracy on absent concepts")
    axes.set(ylim=(-0.01, None))
    axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1))
    return figure


def plot_trade_offs(curves: Mapping[str, pd.DataFrame], lift: float) -> Figure:
    """Left, accuracy on absent against seen concepts as the lift grows; right, who is answered.

    Per method there is a `trade_off`; markers stand at the given lift. The right panel ends at a
    lift of one half, where hardly a seen concept is left.

    Raises:
        CourseError: if a curve has no such lift.
    """
    figure, (left, right) = style.panels(2, 4, 3.4)
    for (method, curve), line in zip(curves.items(), style.LINES, strict=False):
        if lift not in curve.index:
            raise CourseError(
                f"lift={lift!r} is no row of the curve of {method}; its rows are "
                f"{list(curve.index)}."
            )
        look, here = METHODS[method], curve.loc[lift]
        dot = look | {"linestyle": "", "markersize": 9}
        left.plot(curve["seen"], curve["absent"], color=look["color"], linestyle=line)
        left.plot(here["seen"], here["absent"], **dot)
        right.plot(curve.index, curve["predicted"], color=look["color"], linestyle=line)
        right.plot(lift, here["predicted"], **dot)
    left.set(xlabel="accuracy on seen concepts", ylabel="accuracy on absent concepts")
    left.set(title=f"lift {lift:g}", xlim=(-0.02, None), ylim=(-0.02, None))
    right.set(xlabel="lift", ylabel="share of answers that are absent", ylim=(-0.02, 1.02))
    lifts = pd.concat(curves.values()).index
    right.set_xlim(lifts.min() - 0.02, min(lifts.max(), 0.5) + 0.02)
    style.legend(figure)
    return figure


def plot_by_shots(runs: pd.DataFrame, trim: int, shots: Sequence[int] = (0, 1)) -> Figure:
    """All methods at one number of cut concepts (`trim`): mean over seeds with t intervals.

    `shots` are the pictures left to each.
    """
    figure, panels = style.panels(2, 4, 3.6, sharey=True)
    for axes, (metric, (title, _)) in zip(panels, MEASURES.items(), strict=True):
        for place, (method, look) in enumerate(METHODS.items()):
            for shot, shift in zip(shots, np.linspace(-0.15, 0.15, len(shots)), strict=True):
                values = intervals.by_seed(runs, f"{method}, {trim} x {shot}", metric)
                if len(values) > 1:
                    hollow: style.Look = {"mfc": "white"} if shot else {}
                    hollow |= style.unnamed(look) | {"markersize": 7}
                    intervals.draw(axes, intervals.interval(values), place + shift, **hollow)
        axes.set(xlabel="accuracy", title=title)
        style.name_rows(axes, [look["label"] for look in METHODS.values()])
    return figure


def plot_by_size(runs: pd.DataFrame, sizes: Sequence[int], classes: int) -> Figure:
    """Accuracy by number of absent concepts, ours beside the paper's (its Fig. 8, 0-shot).

    `sizes` are numbers of absent concepts, of so many `classes`.
    """
    figure, panels = style.panels(2, 3.8, 2.6, 2, sharex="col", sharey="row")
    for row, (metric, (title, printed)) in enumerate(MEASURES.items()):
        ours, theirs = panels[2 * row : 2 * row + 2]
        for method, name in PAPER_METHODS.items():
            look = METHODS[method]
            seeds = {s: intervals.by_seed(runs, f"{method}, {s} x 0", metric) for s in sizes}
            known = {size: values for size, values in seeds.items() if len(values) > 1}
            intervals.draw_curve(ours, known, **look)
            sets = [f"incaps_tail{size}_0shot" for size in PAPER_SIZES]
            values = [paper.value("fig8", each, name, printed) for each in sets]
            theirs.plot(PAPER_SIZES, values, linestyle="--", markerfacecolor="white", **look)
        ours.set_ylabel(f"accuracy, {title}")
    panels[0].set(title=f"ours, of {classes} concepts", xscale="log")
    panels[1].set(title="the paper, of 1,000 classes", xscale="log")
    for axes, ticks in zip(panels[2:], (sizes, PAPER_SIZES), strict=True):
        axes.set_xticks(ticks, [str(size) for size in ticks])
        axes.minorticks_off()
        axes.set_xlabel("absent concepts")
    style.legend(figure)
    return figure
