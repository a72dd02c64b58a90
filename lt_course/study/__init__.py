"""Runs, their store, and what they measure."""

from lt_course.scale import current as scale
from lt_course.study.execute import training_set
from lt_course.study.spec import NAMED, Run, differences, override, run
from lt_course.study.store import Record, get, get_all, records

__all__ = [
    "NAMED",
    "Record",
    "Run",
    "differences",
    "get",
    "get_all",
    "override",
    "records",
    "run",
    "scale",
    "training_set",
]
