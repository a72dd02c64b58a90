"""Lesson 12, in the plane: how balance and sharpness decide whether self-distillation collapses."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn

from lt_course.data.batch import Batch
from lt_course.objectives.collapse import signs_of_collapse
from lt_course.objectives.distill import DINO, DINOConfig, Timetable, sinkhorn_offset
from lt_course.plots import style
from lt_course.statistics import FloatArray

IntArray = npt.NDArray[np.int64]

RULES: dict[str, dict[str, Any]] = {
    "no balance": {"center_momentum": 1.0},
    "centering": {},
    "Sinkhorn-Knopp": {"targets": "sinkhorn"},
}
"""How the toy's targets are balanced. A running mean of momentum 1 stays at its start, 0."""

SPAN = 1.6
"""The toy's plane reaches from -SPAN to SPAN."""


def ring(
    exponent: float = 1.0, groups: int = 8, points: int = 1_024, seed: int = 0
) -> tuple[FloatArray, IntArray]:
    """Points [N, 2] in groups [N] around a circle, with frequencies as 1 / rank ** exponent."""
    generator = np.random.default_rng(seed)
    share = 1 / np.arange(1, groups + 1) ** exponent
    group = generator.choice(groups, size=points, p=share / share.sum())
    angle = 2 * np.pi * group / groups
    centres = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return centres + generator.normal(0, 0.13, (points, 2)), group


@dataclass(frozen=True)
class Toy:
    """What self-distillation of points in the plane ends in.

    Of N points [N, 2] in groups [N]: each one's first choice among K prototypes [N], and the mean
    target [K]. At G x G places of the plane, rows from below: a map [G, G] of the first choice,
    and its certainty [G, G], the largest entry of the target. The report has the signs of
    collapse, as `lt_course.objectives.collapse.Assignments`.
    """

    points: FloatArray
    group: IntArray
    first: IntArray
    share: FloatArray
    map: IntArray
    certainty: FloatArray
    report: dict[str, float]

    def prototypes_of_groups(self) -> pd.DataFrame:
        """One row a group: its share of the points, and the number of prototypes chosen first."""
        points = pd.DataFrame({"group": self.group, "first": self.first})
        counts = points.groupby("group")["first"].agg(["size", "nunique"])
        share = {"share of points": counts["size"] / len(points), "prototypes": counts["nunique"]}
        return pd.DataFrame(share)


def learn(
    points: FloatArray,
    group: IntArray,
    *,
    temperature: float = 0.04,
    steps: int = 150,
    prototypes: int = 16,
    seed: int = 0,
    **options: Any,
) -> Toy:
    """Self-distil points of the plane, by the objective that drawings are trained with.

    Two crops of a point are the point with a little noise; the tower has one hidden layer, and is
    trained by Adam with 64 points a step. `temperature` is the teacher's, `group` is only handed
    on, and `options` are more fields of `DINOConfig`, such as those of `RULES`.
    """
    options |= {"teacher_temperature": temperature, "teacher_temperature_start": temperature}
    options |= {"prototypes": prototypes, "layers": 1, "bottleneck": 8, "local_crops": 0}
    objective = DINOConfig(teacher_momentum=0.9, window=20, **options)
    shown = torch.as_tensor(points, dtype=torch.float)
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of collapse: it is what we came to see
        torch.manual_seed(seed)
        tower = nn.Sequential(nn.Flatten(), nn.Linear(2, 32), nn.GELU(), nn.Linear(32, 16))
        model = DINO(objective, tower, 16, Timetable(steps))
        optimizer = torch.optim.Adam(model.student.parameters(), lr=0.01)
        for _ in range(steps):
            rows = torch.randint(len(shown), (64,), generator=generator)
            crops = shown[rows, None] + 0.1 * torch.randn(64, 2, 2, generator=generator)
            batch = Batch(shown[rows], rows, crops=(crops[:, :, None, None],))
            loss, report = model.loss(model.encode(batch), batch, generator)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            model.after_step()
    signs = {name: value.item() for name, value in report.items()}
    return _seen(model, temperature, points, group, signs)


@torch.no_grad()
def _seen(
    model: DINO, temperature: float, points: FloatArray, group: IntArray, report: dict[str, float]
) -> Toy:
    """The teacher's targets at the points, and all over the plane."""
    weight, scale = model.teacher.prototypes()

    def logits(places: FloatArray) -> Tensor:
        crops = torch.as_tensor(places, dtype=torch.float)[:, None, None, None]
        return model.teacher(crops)[0] @ weight.T * scale / temperature

    of_points = logits(points)
    if model.options.targets == "sinkhorn":
        offset = sinkhorn_offset(of_points, model.options.sinkhorn_iterations)
    else:
        offset = model.centre / temperature
    targets = (of_points - offset).softmax(1)
    ticks = np.linspace(-SPAN, SPAN, 80)
    places = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    certainty, map_ = (logits(places) - offset).softmax(1).max(1)
    first, share = targets.argmax(1).numpy(), targets.double().mean(0).numpy()
    seen = map_.view(80, 80).numpy(), certainty.double().view(80, 80).numpy()
    return Toy(points, group, first, share, *seen, report)


def plot_toys(toys: Mapping[str, Toy]) -> Figure:
    """What prototypes divide the plane into, and how targets are shared out; one column a toy.

    Above, lines part the places with different first choices, and the ground is the darker, the
    less certain the target is. Below, the mean target of each prototype, the largest first.
    """
    n = len(toys)
    figure, panels = style.panels(n, 2.7, 2.2, 2, height_ratios=[1.7, 1], sharey="row")
    for above, below, (title, toy) in zip(panels[:n], panels[n:], toys.items(), strict=True):
        _plane(above, toy)
        verdict = "collapsed" if signs_of_collapse(toy.report) else "no collapse"
        above.set_title(f"{title}: {verdict}\n(information {toy.report['information']:.2f})")
        share = np.sort(toy.share)[::-1]
        below.bar(np.arange(len(share)), share, color=style.BLUE, width=0.8)
        below.axhline(1 / len(share), color="black", linestyle=":", linewidth=1)
        below.set(xlabel="prototypes, sorted", xticks=[])
        below.grid(visible=False, axis="x")
    panels[n].set(ylabel="mean target", ylim=(0, 0.85))
    return figure


def _plane(axes: Axes, toy: Toy) -> None:
    ground: dict[str, Any] = {"extent": (-SPAN, SPAN, -SPAN, SPAN), "origin": "lower"}
    ground |= {"cmap": "Greys", "vmin": 0, "vmax": 2, "interpolation": "bilinear"}
    axes.imshow(1 - toy.certainty, **ground)
    axes.plot(*toy.points.T, linestyle="", marker=".", markersize=1.5, color=style.VERMILLION)
    ticks = np.linspace(-SPAN, SPAN, len(toy.map))
    for prototype in np.unique(toy.map):
        edge: style.Look = {"colors": "black", "linewidths": 0.8, "linestyles": "-"}
        axes.contour(ticks, ticks, toy.map == prototype, [0.5], **edge)
    axes.set(xticks=[], yticks=[], aspect="equal")
    axes.grid(visible=False)
