"""The random audit of labels: which pictures are looked at, and what the record must hold."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from lt_course.data.icontail import IconTail
from tools.icontail_build.naming import resource_rows

AUDIT_FILE = "label_audit.csv"
SIZE = 400
SEED = 2026


def sample(data: IconTail) -> NDArray[np.intp]:
    """Indices, ascending, of the 400 core pictures, training and test, that are looked at."""
    core = np.array([concept.core for concept in data.concepts])
    candidates = np.flatnonzero(core[data.concept])
    generator = np.random.default_rng(SEED)
    return np.sort(generator.choice(candidates, SIZE, replace=False))


def fingerprint(picture: NDArray[np.uint8]) -> str:
    """The first 16 hexadecimal digits of the sha256 of the picture's 1,024 bytes."""
    return hashlib.sha256(np.ascontiguousarray(picture).tobytes()).hexdigest()[:16]


def record() -> list[dict[str, str]]:
    """The committed audit: index, fingerprint, title, set, concept, verdict and why.

    ``verdict`` is ``right`` or ``wrong``; wrong means that a person who sees the picture
    alone would not find the concept in it, whatever its author called it.
    """
    return resource_rows(AUDIT_FILE)
