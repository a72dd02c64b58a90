"""The study, declared: a factor is a list of runs, and the claims that it can settle.

Each file of ``lt_course/experiments/`` declares one factor::

    lesson = "dynamic_classification"          # that explains it
    title = "Vocabulary size"
    differ_in = ["vocabulary"]                 # the only fields in which its runs may differ
    base = { run = "sl" }                      # what all of its runs share

    [runs]                                     # label -> the fields that it sets otherwise
    "all" = {}
    "24" = { vocabulary = 24 }

    [[claims]]                                 # see `Claim`
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from lt_course.errors import CourseError
from lt_course.study.run_config import RunConfig, config, differences, unknown

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(__file__).parents[1] / "experiments"
"""Part of the package, so that an installed course knows what was declared."""

LESSONS = (
    "clip_against_supervised",
    "language",
    "dynamic_classification",
    "data",
    "scale_and_text_heads",
    "open_world",
    "feature_space",
    "extreme_tails",
    "dino",
    "since_then",
)
"""Those with experiments, in their order; their numbers are a matter of the book."""

Expectation = Literal["positive", "none"]


@dataclass(frozen=True)
class Claim:
    """A sentence that recorded runs support, contradict or leave undecided.

    Its effect is, for each seed, a weighted sum of metrics of runs of one factor.

    Attributes:
        id: short name.
        sentence: what is claimed.
        terms: (weight, label of a run, metric) each.
        smallest: smallest effect that would matter, > 0, in units of the metric.
        expect: ``positive``: the effect is positive; ``none``: it is smaller than `smallest`.
        target: number of the reproduction target; None for claims of this course alone.
        figure: where the paper shows it.
        paper: the paper's effect, and the values that it comes from.
        note: what a reader must know before believing the verdict.
        repeats: id of the claim on drawings that this one asks again of photographs.
        withdrawn: whether the note takes the claim back; it is shown, and not counted.
    """

    id: str
    sentence: str
    terms: tuple[tuple[float, str, str], ...]
    smallest: float
    expect: Expectation = "positive"
    target: int | None = None
    figure: str | None = None
    paper: tuple[float, str] | None = None
    note: str | None = None
    repeats: str | None = None
    withdrawn: bool = False


@dataclass(frozen=True)
class Experiment:
    """Runs that differ in one respect, and what is claimed of them.

    Attributes:
        name: stem of its file.
        title: what is varied.
        lesson: that explains it, one of `LESSONS`.
        differ_in: the only fields in which runs may differ.
        settings: label -> fields of the run, ``run`` among them.
        claims: what is claimed.
    """

    name: str
    title: str
    lesson: str
    differ_in: frozenset[str]
    settings: dict[str, dict[str, Any]]
    claims: tuple[Claim, ...]

    def run(self, label: str, scale: str = "cpu", seed: int = 0) -> RunConfig:
        """The run of that label."""
        fields = dict(self.settings[_known(f"run in factor {self.name}", label, self.settings)])
        return config(fields.pop("run"), scale=scale, seed=seed, **fields)

    def runs(self, scale: str = "cpu", seed: int = 0) -> dict[str, RunConfig]:
        """All runs by label."""
        return {label: self.run(label, scale, seed) for label in self.settings}

    @property
    def dataset(self) -> str:
        """Name of the data set that its runs are on, one for all."""
        (name,) = {run.data.dataset for run in self.runs().values()}
        return name


def names() -> list[str]:
    """The declared factors, in alphabetical order."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


@cache
def experiment(name: str) -> Experiment:
    """The factor of that name; what is not sound in its file is named with its field."""
    path = FOLDER / f"{_known('factor', name, names())}.toml"
    try:
        return _experiment(name, tomllib.loads(path.read_text()))
    except tomllib.TOMLDecodeError as error:
        raise CourseError(f"{path.name} is not valid TOML: {error}.") from error
    except CourseError as error:
        raise CourseError(f"{path.name}: {error}") from error


def all_experiments() -> list[Experiment]:
    """All factors, in the order of their lessons."""
    return sorted(map(experiment, names()), key=lambda made: LESSONS.index(made.lesson))


def _experiment(name: str, table: dict[str, Any]) -> Experiment:
    """A file's table, checked; errors name the field."""
    base, runs = _field(table, "base", dict, {}), _field(table, "runs", dict)
    made = Experiment(
        name=name,
        title=_field(table, "title", str),
        lesson=_known("lesson", _field(table, "lesson", str), LESSONS),
        differ_in=frozenset(map(str, _field(table, "differ_in", list))),
        settings={label: base | _field(runs, label, dict) for label in runs},
        claims=tuple(_claim(claim) for claim in _field(table, "claims", list, [])),
    )
    for label, fields in made.settings.items():
        try:
            _field(fields, "run", str)
            made.run(label)
        except CourseError as error:
            raise CourseError(f"Run {label!r}: {error}") from error
    if surplus := differences(made.runs().values()) - made.differ_in:
        raise CourseError(
            f"The runs differ in {', '.join(sorted(surplus))}, which 'differ_in' does not list; a "
            "factor varies what it says and nothing else."
        )
    for claim in made.claims:
        for _, label, _ in claim.terms:
            _known(f"run for claim {claim.id}", label, made.settings)
    return made


def _claim(table: dict[str, Any]) -> Claim:
    for name in table:
        _known("field of a claim", name, [field.name for field in dataclasses.fields(Claim)])
    checked: dict[str, Any] = {name: _field(table, name, str) for name in ("id", "sentence")}
    checked["terms"] = tuple(map(_term, _field(table, "terms", list)))
    checked["smallest"] = float(_field(table, "smallest", (int, float)))
    checked["paper"] = _paper(table.get("paper"))
    claim = Claim(**table | checked)
    if claim.smallest <= 0:
        raise CourseError(
            f"Field 'smallest' of claim {claim.id} is {claim.smallest}; it must be > 0."
        )
    if claim.expect not in get_args(Expectation):
        raise CourseError(
            f"Field 'expect' of claim {claim.id} is {claim.expect!r}; use 'positive' or 'none'."
        )
    return claim


def _term(term: Any) -> tuple[float, str, str]:
    match term:
        case [int() | float() as weight, str() as label, str() as metric]:
            return float(weight), label, metric
    raise CourseError(f"Field 'terms' holds {term!r}; a term is [weight, label of a run, metric].")


def _paper(value: Any) -> tuple[float, str] | None:
    match value:
        case None:
            return None
        case [int() | float() as effect, str() as source]:
            return float(effect), source
    raise CourseError(f"Field 'paper' is {value!r}; it must be [effect, where it comes from].")


def _known(kind: str, name: str, names: Collection[str]) -> str:
    if name not in names:
        raise CourseError(unknown(kind, name, names))
    return name


def _field(table: dict[str, Any], name: str, kind: Any, default: Any = None) -> Any:
    value = table.get(name, default)
    if value is None:
        raise CourseError(f"The field {name!r} is missing; add it.")
    if not isinstance(value, kind):
        kinds = {str: "a text", list: "a list", dict: "a table"}
        raise CourseError(f"Field {name!r} is {value!r}; it must be {kinds.get(kind, 'a number')}.")
    return value
