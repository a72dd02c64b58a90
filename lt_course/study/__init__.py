"""The study: runs, their store, and what they show."""

from lt_course.scale import current as scale
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
]
