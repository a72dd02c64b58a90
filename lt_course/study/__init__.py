"""The study: runs, their store, the factors that it varies, and what they show."""

from lt_course.scale import current as scale
from lt_course.study.claims import Verdict, verdicts
from lt_course.study.execute import training_set
from lt_course.study.experiments import Claim, Factor, factor, factors
from lt_course.study.recipes import RECIPES, run
from lt_course.study.results import recorded, recorded_per_class
from lt_course.study.spec import NAMED, Run, differences, override
from lt_course.study.store import Record, get, get_all, records

__all__ = [
    "NAMED",
    "RECIPES",
    "Claim",
    "Factor",
    "Record",
    "Run",
    "Verdict",
    "differences",
    "factor",
    "factors",
    "get",
    "get_all",
    "override",
    "recorded",
    "recorded_per_class",
    "records",
    "run",
    "scale",
    "training_set",
    "verdicts",
]
