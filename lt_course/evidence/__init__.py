"""The recorded study: what is varied and claimed, what was measured, and what that shows."""

from lt_course.evidence.claims import Verdict, verdicts
from lt_course.evidence.experiments import Claim, Factor, factor, factors
from lt_course.evidence.results import recorded, recorded_per_class

__all__ = [
    "Claim",
    "Factor",
    "Verdict",
    "factor",
    "factors",
    "recorded",
    "recorded_per_class",
    "verdicts",
]
