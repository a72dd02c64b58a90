"""Near-duplicates, by the cosine between two pictures' ink (255 minus the grey level)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# No test picture is closer to any training picture, of whatever concept.
TEST_LIMIT = 0.95
# Training pictures of one concept: one author's re-exports and other sizes of a drawing go,
# and so do copies; two authors' similar hearts stay, for they are two drawings.
SAME_FAMILY_LIMIT = 0.98
OTHER_FAMILY_LIMIT = 0.99


def ink(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Unit-norm ink vectors float32 [N, 1024] of uint8 [N, 32, 32]; blank pictures stay 0."""
    vectors = 255 - pictures.reshape(len(pictures), -1).astype(np.float32)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def thin(
    pictures: NDArray[np.uint8],
    family: NDArray[np.integer],
) -> NDArray[np.intp]:
    """Indices, ascending, of the pictures kept when near-duplicates go, first come first kept.

    A picture goes when an earlier kept one of its own family has a cosine above
    ``SAME_FAMILY_LIMIT``, or one of another family a cosine above ``OTHER_FAMILY_LIMIT``.
    """
    vectors = ink(pictures)
    kept: list[int] = []
    for i, vector in enumerate(vectors):
        cosine = vectors[kept] @ vector
        limit = np.where(family[kept] == family[i], SAME_FAMILY_LIMIT, OTHER_FAMILY_LIMIT)
        if not (cosine > limit).any():
            kept.append(i)
    return np.array(kept, dtype=np.intp)


def nearest(
    pictures: NDArray[np.uint8], others: NDArray[np.uint8], chunk: int = 512
) -> NDArray[np.float32]:
    """float32 [N]: each picture's largest ink cosine with any of ``others``."""
    vectors, reference = ink(pictures), ink(others)
    best = np.zeros(len(vectors), np.float32)
    for start in range(0, len(vectors), chunk):
        part = slice(start, start + chunk)
        best[part] = (vectors[part] @ reference.T).max(axis=1)
    return best
