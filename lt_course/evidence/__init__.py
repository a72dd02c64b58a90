"""The recorded study: what is varied and claimed, what was measured, and what that shows."""

from lt_course.evidence.claims import Verdict, verdicts
from lt_course.evidence.experiments import Claim, Experiment, all_experiments, experiment
from lt_course.evidence.results import load_per_class, load_results

__all__ = [
    "Claim",
    "Experiment",
    "Verdict",
    "all_experiments",
    "experiment",
    "load_per_class",
    "load_results",
    "verdicts",
]
