"""What lesson 11 computes: self-distillation in the plane, use of prototypes, power, memory."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
import torch.nn.functional as F
from scipy import optimize, stats
from torch import Tensor, nn

from lt_course.data import icontail
from lt_course.data.augment import standardise
from lt_course.data.batch import Batch
from lt_course.errors import CourseError
from lt_course.evaluation.bias import third_of
from lt_course.evaluation.intervals import Interval, mean_over_seeds, paired_difference
from lt_course.evidence.claims import Verdict
from lt_course.objectives.distill import Distill, Distillation, Network, Timetable, sinkhorn_offset
from lt_course.study import Record, training_set
from lt_course.study.execute import image_tower_of, weights

FloatArray = npt.NDArray[np.float64]

RULES: dict[str, dict[str, Any]] = {
    "no balance": {"centre_momentum": 1.0},
    "centring": {},
    "Sinkhorn-Knopp": {"targets": "sinkhorn"},
}
"""How the toy's targets are balanced. A running mean of momentum 1 stays at its start, 0."""

THIRDS = ("head", "mid", "tail")
SPAN = 1.6
"""The toy's plane reaches from -SPAN to SPAN."""

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


# The toy --------------------------------------------------------------------------------------


def ring(
    exponent: float = 1.0, groups: int = 8, points: int = 1_024, seed: int = 0
) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Groups of points around a circle, with frequencies as 1 / rank ** exponent.

    Returns:
        Points float [N, 2] and their groups int64 [N]; group 0 is the most frequent.
    """
    generator = np.random.default_rng(seed)
    share = 1 / np.arange(1, groups + 1) ** exponent
    group = generator.choice(groups, size=points, p=share / share.sum())
    angle = 2 * np.pi * group / groups
    centres = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return centres + generator.normal(0, 0.13, (points, 2)), group


@dataclass(frozen=True)
class Toy:
    """What self-distillation of points in the plane ends in.

    Attributes:
        points: float [N, 2].
        group: int64 [N].
        first: int64 [N], each point's first choice among the prototypes.
        share: float [K], the mean target.
        map: int64 [G, G], the first choice at places of the plane, rows from below.
        certainty: float [G, G], the largest entry of the target there.
        report: signs of collapse, as `lt_course.objectives.collapse.Assignments` has them.
    """

    points: FloatArray
    group: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    share: FloatArray
    map: npt.NDArray[np.int64]
    certainty: FloatArray
    report: dict[str, float]

    def prototypes_of_groups(self) -> pd.DataFrame:
        """One row a group: its share of the points, and the number of prototypes chosen first."""
        groups = range(self.group.max() + 1)
        return pd.DataFrame(
            {
                "share of points": [np.mean(self.group == g) for g in groups],
                "prototypes": [len(np.unique(self.first[self.group == g])) for g in groups],
            },
            index=pd.Index(groups, name="group"),
        )


def learn(
    points: FloatArray,
    group: npt.NDArray[np.int64],
    *,
    temperature: float = 0.04,
    steps: int = 150,
    prototypes: int = 16,
    seed: int = 0,
    **options: Any,
) -> Toy:
    """Self-distil points of the plane, by the objective that drawings are trained with.

    Two crops of a point are the point with a little noise; the tower has one hidden layer.

    Args:
        points: float [N, 2].
        group: int64 [N]; only handed on.
        temperature: the teacher's.
        steps: of Adam, with 64 points each.
        prototypes: their number K.
        seed: of the weights, the noise and the order.
        **options: more fields of `Distill`, such as those of `RULES`.
    """
    chosen = Distill(
        prototypes=prototypes,
        layers=1,
        bottleneck=8,
        local_crops=0,
        teacher_momentum=0.9,
        teacher_temperature=temperature,
        teacher_temperature_start=temperature,
        window=20,
        **options,
    )
    shown = torch.as_tensor(points, dtype=torch.float)
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of collapse: it is what we came to see
        torch.manual_seed(seed)
        tower = nn.Sequential(nn.Flatten(), nn.Linear(2, 32), nn.GELU(), nn.Linear(32, 16))
        model = Distillation(chosen, tower, 16, Timetable(steps))
        optimiser = torch.optim.Adam(model.student.parameters(), lr=0.01)
        for _ in range(steps):
            rows = torch.randint(len(shown), (64,), generator=generator)
            crops = shown[rows, None] + 0.1 * torch.randn(64, 2, 2, generator=generator)
            batch = Batch(shown[rows], rows, crops=(crops[:, :, None, None],))
            loss, report = model.loss(model.encode(batch), batch, generator)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            model.after_step()
    found = {name: value.item() for name, value in report.items()}
    return _seen(model, temperature, points, group, found)


@torch.no_grad()
def _seen(
    model: Distillation,
    temperature: float,
    points: FloatArray,
    group: npt.NDArray[np.int64],
    report: dict[str, float],
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
    return Toy(
        points,
        group,
        targets.argmax(1).numpy(),
        targets.double().mean(0).numpy(),
        map_.view(80, 80).numpy(),
        certainty.double().view(80, 80).numpy(),
        report,
    )


def none_drawn(prototypes: int, sampled: int, of_a_thing: int) -> float:
    """Probability that a uniform draw of `sampled` of all has none of a thing's prototypes."""
    return float(stats.hypergeom.pmf(0, prototypes, of_a_thing, sampled))


# A trained run --------------------------------------------------------------------------------


@torch.no_grad()
def projected(record: Record, pictures: npt.NDArray[np.uint8]) -> FloatArray:
    """Where a run's teacher puts pictures, to be compared with its prototypes by cosine.

    Args:
        record: of a run of self-distillation whose checkpoint is in the store.
        pictures: uint8 [N, 32, 32].

    Returns:
        float64 [N, D], rows of length 1.

    Raises:
        CourseError: if the run is another one, or has no checkpoint.
    """
    run = record.run
    if not isinstance(run.objective, Distill):
        raise CourseError(
            f"The run {run.name} has no teacher to project pictures; ask for one of 'dino'."
        )
    teacher = Network(run.objective, image_tower_of(run), run.model.embedding)
    state = weights(record.folder / "checkpoint")
    prefix = "teacher."
    teacher.load_state_dict(
        {name.removeprefix(prefix): v for name, v in state.items() if name.startswith(prefix)}
    )
    teacher.eval()
    shown = standardise(torch.from_numpy(pictures))
    parts = [teacher.projection(teacher.tower(part)) for part in shown.split(512)]
    return F.normalize(torch.cat(parts).double(), dim=1).numpy()


def shares_of_thirds(record: Record) -> pd.DataFrame:
    """What head, mid and tail third have of training pictures and of the prototypes.

    Returns:
        One row a third: ``pictures``, its share of them; ``prototypes``, its share of the
        prototypes that any picture is nearest to, each given to the third that most of its
        pictures belong to; ``own pictures``, the share of a third's pictures that are nearest to
        one of its own prototypes.
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
    """A prototype and the drawings nearest to it.

    Attributes:
        prototype: its number.
        pictures: uint8 [n, 32, 32], the nearest first.
        thirds: the third of each picture's concept.
        names: and its name.
    """

    prototype: int
    pictures: npt.NDArray[np.uint8]
    thirds: list[str]
    names: list[str]


def typical(record: Record, third: str, number: int = 4, drawings: int = 8) -> list[Typical]:
    """The prototypes that belong to a third the most, with the training drawings nearest to them.

    Prototypes are ranked by the share of their pictures that the third has; those with fewer
    pictures than `drawings` are left out.

    Args:
        record: as in `projected`.
        third: one of `THIRDS`.
        number: of prototypes.
        drawings: of each.
    """
    drawn, tail = training_set(record.run), icontail.load()
    group = third_of(drawn.frequency)
    assigned = record.arrays["assigned"].astype(np.float64)
    total = assigned.sum(1)
    share = assigned[:, group == THIRDS.index(third)].sum(1) / np.maximum(total, 1)
    share[total < drawings] = -1
    known = drawn.pictures[drawn.labels < len(drawn.frequency)]
    cosine = projected(record, tail.pictures[known]) @ record.arrays["prototypes"].T
    found = []
    for prototype in np.argsort(-share, kind="stable")[:number]:
        nearest = known[np.argsort(-cosine[:, prototype], kind="stable")[:drawings]]
        concepts = tail.concept[nearest]
        found.append(
            Typical(
                int(prototype),
                tail.pictures[nearest],
                [THIRDS[group[c]] for c in concepts],
                [tail.concepts[c].name for c in concepts],
            )
        )
    return found


# Recorded runs --------------------------------------------------------------------------------


def labels(recorded: pd.DataFrame) -> list[str]:
    """The runs of `lt_course.evidence.recorded` with two seeds or more, in their order."""
    counted = recorded.index.get_level_values("label").value_counts(sort=False)
    return [str(label) for label, seeds in counted.items() if seeds > 1]


def by_seed(recorded: pd.DataFrame, label: str, metric: str) -> pd.Series:
    """A recorded metric of one run, indexed by seed."""
    return recorded[metric].xs(label, level="label")


def over_seeds(recorded: pd.DataFrame, label: str, metric: str) -> Interval:
    """A recorded metric of one run: its mean over seeds with Student's t interval."""
    return mean_over_seeds(by_seed(recorded, label, metric))


def paired(recorded: pd.DataFrame, a: str, b: str, metric: str) -> Interval:
    """Mean over shared seeds of what run `a` has more of a metric than run `b`."""
    sides = by_seed(recorded, a, metric), by_seed(recorded, b, metric)
    first, second = sides[0].align(sides[1], join="inner")
    return paired_difference(first, second)


def summary(recorded: pd.DataFrame, metrics: Mapping[str, str]) -> pd.DataFrame:
    """One row a run, one column a metric: means over seeds with t intervals, as text.

    Args:
        recorded: as `lt_course.evidence.recorded` returns it.
        metrics: metric -> heading.
    """
    rows = {
        label: {
            heading: f"{over_seeds(recorded, label, metric):.3f}"
            for metric, heading in metrics.items()
        }
        for label in labels(recorded)
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(metrics.values()))


def head_less_tail(recorded: pd.DataFrame, metrics: Mapping[str, str]) -> pd.DataFrame:
    """One row a run: how much more the head third has than the tail, over paired seeds, as text.

    Args:
        recorded: as `lt_course.evidence.recorded` returns it.
        metrics: beginning of the metric's name, such as ``prototypes`` -> heading.
    """
    rows: dict[str, dict[str, str]] = {label: {} for label in labels(recorded)}
    for label in rows:
        for metric, heading in metrics.items():
            head, tail = (by_seed(recorded, label, f"{metric}_{t}") for t in ("head", "tail"))
            rows[label][heading] = f"{paired_difference(head, tail):+.3f}"
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(metrics.values()))


def differences(
    recorded: pd.DataFrame, pairs: Mapping[str, tuple[str, str]], metrics: Mapping[str, str]
) -> pd.DataFrame:
    """One row a pair of runs: how much more the first has than the second, over paired seeds.

    Args:
        recorded: as `lt_course.evidence.recorded` returns it.
        pairs: name of the row -> the two runs.
        metrics: metric -> heading.
    """
    known = set(labels(recorded))
    rows = {
        name: {h: f"{paired(recorded, a, b, m):+.3f}" for m, h in metrics.items()}
        for name, (a, b) in pairs.items()
        if {a, b} <= known
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(metrics.values()))


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
    """What each claim's seeds could have seen.

    Returns:
        One row a claim with an interval: its effect; ``half width`` of its interval;
        ``detectable``, the effect that is found in 80 % of repetitions, by `detectable`;
        ``smallest``, the one that would matter; and the paper's.
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


# Memory ---------------------------------------------------------------------------------------


def step_memory(
    pictures: int, global_crops: int, local_crops: int, dimension: int, step_prototypes: int
) -> dict[str, float]:
    """Mebibytes of one step's float32 arrays with a side of one step's prototypes, by their shapes.

    Args:
        pictures: B.
        global_crops: G.
        local_crops: L.
        dimension: D of prototypes and features.
        step_prototypes: S.

    Returns:
        ``targets`` [G, B, S]; ``all at once``: targets, the student's logits [G + L, B, S] and a
        log-softmax [B, S] for each of the G (G + L - 1) pairs, as a loss in plain autograd keeps
        them; ``one crop at a time``: targets, their sum [B, S], two [B, S] arrays of one crop and
        the gradient of the prototypes [S, D].
    """
    one = 4 * pictures * step_prototypes / 2**20
    views = global_crops + local_crops
    targets = global_crops * one
    return {
        "targets": targets,
        "all at once": targets + views * one + global_crops * (views - 1) * one,
        "one crop at a time": targets + 3 * one + 4 * step_prototypes * dimension / 2**20,
    }
