"""Lesson 12: crops, prototypes, transfer and power of self-distillation."""

import re
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
from lt_course.data.batch import Batch
from lt_course.errors import CourseError
from lt_course.evaluation.bias import third_of
from lt_course.evaluation.features import features
from lt_course.evaluation.linear_probe import linear_probe
from lt_course.evidence import paper
from lt_course.evidence.claims import Verdict
from lt_course.lessons.equal_terms import trained
from lt_course.lessons.features import weights_of
from lt_course.objectives.distill import DINOConfig, Network
from lt_course.plots import drawings, intervals, style
from lt_course.statistics import FloatArray
from lt_course.study import RunResult, training_set
from lt_course.study.execute import image_tower_of

THIRDS = style.looks("lesson 12, thirds")

SIGNS = style.looks("lesson 12, signs of collapse")
"""The numbers that are watched for collapse."""

TRANSFER: dict[str, str] = style.names("lesson 12, probes")
"""Linear probes on sets that no run has seen, and their headings."""

PAPER_ROWS: dict[str, tuple[str, str]] = style.names("lesson 12, runs in the paper")
"""Runs that have a counterpart in Table 2: equal shares of the prototypes, in all or a step."""


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
    teacher.load_state_dict(weights_of(record, "teacher."))
    teacher.eval()
    shown = standardize(torch.from_numpy(pictures))
    parts = [teacher.projection(teacher.tower(part)) for part in shown.split(512)]
    return F.normalize(torch.cat(parts).double(), dim=1).numpy()


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


def transfer(record: RunResult) -> dict[str, float]:
    """Linear probes of any run's image tower, on the sets of `TRANSFER` and in their words.

    For a run of self-distillation they are the metrics that it recorded.
    """
    data, model = trained(record)
    tower, scores = model.get_submodule("image_tower"), {}
    for task in data.tasks():
        assert task.validation is not None, "drawings have pictures to choose the penalty on"
        parts = (task.train, task.validation, task.test)
        train, validation, test = (features(tower, part) for part in parts)
        name = TRANSFER[f"probe_{task.name.replace(' ', '_').replace('-', '_')}"]
        scores[name] = linear_probe(train, validation, test, task.classes, task.metric).score
    return scores


def unit(verdict: Verdict) -> str:
    """What a claim's effect is measured in."""
    terms = verdict.claim.terms
    known = style.names("lesson 12, units")
    metric = terms[0][2]
    unit: str = known.get(metric) or known[re.sub("_(head|mid|tail)$", "", metric)]
    twice = any(weight == -2 for weight, *_ in terms)
    return f"{unit}, less twice that of random features" if twice else unit


def detectable(deviation: float, seeds: int, power: float = 0.8, confidence: float = 0.95) -> float:
    """The smallest true effect that a paired t interval lies above zero for, often enough.

    `deviation` is that of the paired differences, > 0; `seeds` 2 or more; `power`, how often, is
    more than half of what the interval's `confidence` leaves, and less than 1.
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


def plot_crops(batch: Batch, count: int = 8) -> Figure:
    """The first drawings of a batch, and below each its global crops."""
    shown = {"drawing": batch.pictures[:count]}
    shown |= {f"crop {n}": crop for n, crop in enumerate(batch.crops[0][:count].unbind(1), 1)}
    grey = {
        label: (255 * (1 - each[:, 0] / 2)).round().clamp(0, 255).to(torch.uint8).numpy()
        for label, each in shown.items()
    }
    return drawings.rows(grey, columns=count, size=0.72)


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
