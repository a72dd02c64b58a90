"""Lesson 12: use of prototypes, transfer, power and memory of self-distillation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from scipy import optimize, stats

from lt_course.data import icontail
from lt_course.data.augment import standardize
from lt_course.errors import CourseError
from lt_course.evaluation.bias import third_of
from lt_course.evidence import paper
from lt_course.evidence.claims import Verdict
from lt_course.objectives.distill import DINOConfig, Network
from lt_course.plots import drawings, intervals, style
from lt_course.study import RunResult, training_set
from lt_course.study.execute import weights
from lt_course.study.model_parts import image_tower_of

FloatArray = npt.NDArray[np.float64]

THIRDS = {
    "head": style.look(style.BLUE, "o", "head"),
    "mid": style.look(style.ORANGE, "s", "mid"),
    "tail": style.look(style.VERMILLION, "^", "tail"),
}

SIGNS = {
    "information": style.look(style.BLUE, "o", "information"),
    "target_entropy": style.look(style.VERMILLION, "s", "target entropy"),
    "assignment_entropy": style.look(style.GREEN, "^", "assignment entropy"),
    "utilisation": style.look(style.BLACK, "D", "utilisation"),
}
"""The numbers that are watched for collapse."""

TRANSFER = {
    "probe_mean": "mean of four",
    "probe_held_out_concepts": "held-out concepts",
    "probe_authors": "authors",
    "probe_emoji_groups": "emoji groups",
    "probe_digits": "digits",
}
"""Linear probes on sets that no run has seen, and their headings."""

PAPER_ROWS = {
    "flat": ("imagenet", "dino"),
    "long tail": ("laionet", "dino"),
    "long tail, 128 in all": ("laionet", "dino-16384"),
    "long tail, 32 a step": ("laionet", "dino-vocab-4096"),
    "long tail, 128 a step": ("laionet", "dino-vocab-16384"),
}
"""Runs that have a counterpart in Table 2: equal shares of the prototypes, in all or a step."""


def none_drawn(prototypes: int, sampled: int, of_a_thing: int) -> float:
    """Probability that a uniform draw of `sampled` of all has none of a thing's prototypes."""
    return float(stats.hypergeom.pmf(0, prototypes, of_a_thing, sampled))


@torch.no_grad()
def projected(record: RunResult, pictures: npt.NDArray[np.uint8]) -> FloatArray:
    """Where a run's teacher puts pictures (uint8 [N, 32, 32]), to be compared by cosine.

    Rows of the result, float64 [N, D], have length 1, as have the run's prototypes.

    Raises:
        CourseError: if it is no run of self-distillation, or has no checkpoint.
    """
    run = record.run
    if not isinstance(run.objective, DINOConfig):
        raise CourseError(
            f"The run {run.name} has no teacher to project pictures; ask for one of 'dino'."
        )
    teacher = Network(run.objective, image_tower_of(run), run.model.embed_dim)
    state = weights(record.folder / "checkpoint")
    prefix = "teacher."
    teacher.load_state_dict(
        {name.removeprefix(prefix): v for name, v in state.items() if name.startswith(prefix)}
    )
    teacher.eval()
    shown = standardize(torch.from_numpy(pictures))
    parts = [teacher.projection(teacher.tower(part)) for part in shown.split(512)]
    return F.normalize(torch.cat(parts).double(), dim=1).numpy()


def shares_of_thirds(record: RunResult) -> pd.DataFrame:
    """What head, mid and tail third have of training pictures and of the prototypes.

    One row a third: ``pictures``, its share of them; ``prototypes``, its share of the prototypes
    that any picture is nearest to, each given to the third that most of its pictures belong to;
    ``own pictures``, the share of its pictures that are nearest to one of its own prototypes.
    """
    assigned = record.arrays["assigned"].astype(np.float64)
    third = third_of(record.per_class["frequency"])
    counts = np.stack([assigned[:, third == number].sum(1) for number in range(3)], axis=1)
    used = counts.sum(1) > 0
    owner = counts[used].argmax(1)
    at_home = [counts[used][owner == n, n].sum() / counts[:, n].sum() for n in range(3)]
    return pd.DataFrame(
        {
            "pictures": counts.sum(0) / counts.sum(),
            "prototypes": np.bincount(owner, minlength=3) / used.sum(),
            "own pictures": at_home,
        },
        index=pd.Index(THIRDS, name="third"),
    )


@dataclass(frozen=True)
class Typical:
    """A prototype's number, the drawings nearest to it, uint8 [n, 32, 32], and their thirds."""

    prototype: int
    pictures: npt.NDArray[np.uint8]
    thirds: list[str]


def typical(record: RunResult, third: str, number: int = 4, count: int = 8) -> list[Typical]:
    """The prototypes that belong to a third the most, with the drawings nearest to them.

    Prototypes are ranked by the share of their training pictures that the third has; those with
    fewer than `count` are left out. The run is as in `projected`.
    """
    drawn, tail = training_set(record.run), icontail.load()
    thirds = np.array(list(THIRDS))[third_of(drawn.frequency)]
    assigned = record.arrays["assigned"].astype(np.float64)
    total = assigned.sum(1)
    share = assigned[:, thirds == third].sum(1) / np.maximum(total, 1)
    share[total < count] = -1
    known = drawn.image_ids[drawn.labels < len(drawn.frequency)]
    cosine = projected(record, tail.pictures[known]) @ record.arrays["prototypes"].T
    found = []
    for prototype in np.argsort(-share, kind="stable")[:number]:
        nearest = known[np.argsort(-cosine[:, prototype], kind="stable")[:count]]
        own = thirds[tail.concept[nearest]].tolist()
        found.append(Typical(int(prototype), tail.pictures[nearest], own))
    return found


# Recorded runs: `runs` are metrics indexed by (label, seed) ------------------------------------


def head_less_tail(runs: pd.DataFrame, metrics: Mapping[str, str]) -> pd.DataFrame:
    """One row a run: how much more the head third has than the tail, paired by seed, as text.

    `metrics`: beginning of a metric's name, such as ``prototypes`` -> heading.
    """
    gaps = pd.DataFrame(
        {metric: runs[f"{metric}_head"] - runs[f"{metric}_tail"] for metric in metrics}
    )
    return intervals.means(gaps, metrics, spec="+.3f")


def detectable(deviation: float, seeds: int, power: float = 0.8, confidence: float = 0.95) -> float:
    """The smallest true effect that a paired t interval lies above zero for, often enough.

    Args:
        deviation: of the paired differences, > 0.
        seeds: n >= 2.
        power: how often; more than half of what confidence leaves, less than 1.
        confidence: of the interval.
    """
    if seeds < 2 or deviation <= 0:
        raise CourseError(
            f"seeds is {seeds} and deviation {deviation:g}; there must be two seeds or more, and "
            "some deviation between them."
        )
    bound = stats.t.ppf(0.5 + confidence / 2, seeds - 1)

    def missing(shift: float) -> float:
        return float(stats.nct.sf(bound, seeds - 1, shift)) - power

    shift = optimize.brentq(missing, 1e-6, 100 * bound)
    return float(shift) * deviation / seeds**0.5


def power(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """What each claim's seeds could have seen: one row a claim with an interval.

    Its effect; ``half width`` of its interval; ``detectable``, the effect that is found in 80 % of
    repetitions; ``smallest``, the one that would matter; and the paper's.
    """
    rows = {}
    for verdict in verdicts:
        if verdict.effect is None:
            continue
        values = np.array(list(verdict.by_seed.values()))
        rows[verdict.claim.id] = {
            "effect": verdict.effect.estimate,
            "half width": (verdict.effect.high - verdict.effect.low) / 2,
            "detectable": detectable(float(values.std(ddof=1)), len(values)),
            "smallest": verdict.claim.smallest,
            "the paper's": np.nan if verdict.claim.paper is None else verdict.claim.paper[0],
        }
    return pd.DataFrame(rows).T


def step_memory(
    pictures: int, global_crops: int, local_crops: int, dimension: int, step_prototypes: int
) -> dict[str, float]:
    """Mebibytes of one step's float32 arrays with a side of one step's prototypes, by their shapes.

    With B pictures, G global and L local crops, D dimensions and S prototypes a step: ``targets``
    [G, B, S]; ``all at once``: targets, the student's logits [G + L, B, S] and a log-softmax
    [B, S] for each of the G (G + L - 1) pairs, as a loss in plain autograd keeps them; ``one crop
    at a time``: targets, their sum [B, S], two [B, S] arrays of one crop and the gradient of the
    prototypes [S, D].
    """
    one = 4 * pictures * step_prototypes / 2**20
    views = global_crops + local_crops
    targets = global_crops * one
    return {
        "targets": targets,
        "all at once": targets + views * one + global_crops * (views - 1) * one,
        "one crop at a time": targets + 3 * one + 4 * step_prototypes * dimension / 2**20,
    }


# Figures ----------------------------------------------------------------------------------------


def plot_signs(history: pd.DataFrame) -> Figure:
    """What is watched for collapse, at the end of each epoch and of the run."""
    figure, axes = plt.subplots()
    for (name, look), line in zip(SIGNS.items(), style.LINES, strict=False):
        axes.plot(history["step"], history[name], linestyle=line, **look)
    axes.set(xlabel="step", xlim=(0, None), ylabel="share of the greatest", ylim=(-0.03, 1.03))
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
    return figure


def plot_typical(found: Mapping[str, Sequence[Typical]]) -> Figure:
    """The drawings nearest to some prototypes, one row a prototype and one block a third.

    Over each drawing stands the third of its concept: H, M or T.
    """
    rows = {f"{third}, {t.prototype}": t for third, several in found.items() for t in several}
    pictures = {label: each.pictures for label, each in rows.items()}
    letters = {label: [third[0].upper() for third in each.thirds] for label, each in rows.items()}
    return drawings.rows(pictures, letters, max(map(len, pictures.values())), size=0.72)


def plot_transfer(runs: pd.DataFrame) -> Figure:
    """Left, the mean of our probes by run, with t intervals over seeds; right, Table 2's means."""
    names = intervals.labels(runs)
    height = 0.28 * len(names) + 1.4
    figure, (left, right) = style.panels(2, 4, height, sharey=True, width_ratios=[1.5, 1])
    for place, name in enumerate(names):
        values = intervals.by_seed(runs, name, "probe_mean")
        intervals.draw_seeds(left, values, place, color=style.BLUE, marker="o")
        if name in PAPER_ROWS:
            theirs = paper.value("table2", *PAPER_ROWS[name], "transfer")
            right.plot(theirs, place, color="black", **style.HOLLOW)
    style.name_rows(left, names)
    left.set(xlabel="accuracy, mean of four", title="ours")
    right.set(xlabel="accuracy, mean of twelve", title="the paper, single runs")
    return figure


def plot_transfer_by_set(runs: pd.DataFrame, labels: Sequence[str]) -> Figure:
    """Each transfer set's probe as a difference to the first of some runs, paired by seed."""
    reference, *others = labels
    figure, axes = plt.subplots(figsize=(7.2, 3.4))
    shifts = np.linspace(-0.22, 0.22, len(others))
    for run, shift, color, marker in zip(others, shifts, style.PALETTE, "os^Dv", strict=False):
        for place, metric in enumerate(TRANSFER):
            gain = intervals.interval(intervals.paired(runs, run, reference, metric))
            label = run if place == 0 else None
            look: style.Look = {"color": color, "marker": marker, "label": label}
            intervals.draw(axes, gain, place + shift, **look)
    axes.axvline(0, **style.ZERO)
    style.name_rows(axes, TRANSFER.values())
    axes.set(xlabel=f"accuracy of the probe, less that of {reference!r}")
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
    return figure


def plot_thirds(runs: pd.DataFrame, metrics: Mapping[str, str]) -> Figure:
    """What head, mid and tail have of the prototypes, one panel a metric, one row a run.

    `metrics`: beginning of a metric's name, such as ``prototypes`` -> the panel's label.
    """
    names = intervals.labels(runs)
    width, height = 8 / len(metrics), 0.32 * len(names) + 1.4
    figure, panels = style.panels(len(metrics), width, height, sharey=True)
    for axes, (metric, label) in zip(panels, metrics.items(), strict=True):
        for (third, look), shift in zip(THIRDS.items(), (-0.22, 0, 0.22), strict=True):
            for place, name in enumerate(names):
                values = intervals.by_seed(runs, name, f"{metric}_{third}")
                intervals.draw(axes, intervals.interval(values), place + shift, **look)
        style.name_rows(axes, names)
        axes.set(xlabel=label)
    style.legend(figure, "outside upper center")
    return figure


def plot_power(found: pd.DataFrame) -> Figure:
    """Of each claim of `power`: effect, interval, what could be seen, and the paper's effect."""
    figure, axes = plt.subplots(figsize=(8, 0.32 * len(found) + 1.3))
    places = np.arange(len(found))
    unseen = "not seen in 80 % of repetitions"
    axes.barh(places, found["detectable"], color="#DDDDDD", height=0.7, label=unseen)
    ours = style.look(style.BLUE, "o", "our effect with its interval") | {"linestyle": ""}
    axes.errorbar(found["effect"], places, xerr=found["half width"], capsize=3, **ours)
    theirs = style.HOLLOW | {"color": "black", "label": "the paper's effect"}
    axes.plot(found["the paper's"], places, **theirs)
    axes.axvline(0, **style.ZERO)
    style.name_rows(axes, found.index)
    axes.set(xlabel="effect, in the unit of its claim")
    style.legend(figure)
    return figure
