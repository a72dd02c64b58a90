"""Runs, their store, and what they measure.

In the order in which a run passes through: `run_config` says what it is, `store` looks for its
result, `execute` carries it out on the data of `icontail_dataset` (a `dataset`), and `evaluate`
measures what was learnt.
"""

from lt_course.scale import current as scale
from lt_course.study.execute import training_set
from lt_course.study.run_config import NAMED, RunConfig, config, differences, override
from lt_course.study.store import RunResult, records, train_or_load, train_or_load_all

__all__ = [
    "NAMED",
    "RunConfig",
    "RunResult",
    "config",
    "differences",
    "override",
    "records",
    "scale",
    "train_or_load",
    "train_or_load_all",
    "training_set",
]
