"""Which photographs are nearly the same: those groups must not lie in training and test."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

SIDE = 16
"""Pixels a side of the thumbnails that are compared."""

NEAR = 2.5
"""Greatest root mean square difference of thumbnails that are taken for one, in grey levels: of
the pairs of fashion products below it nine in ten are of one type, above 3 of them fewer."""


def near_duplicate_groups(
    images: NDArray[np.uint8], labels: Sequence[Sequence[object]] = ()
) -> NDArray[np.int64]:
    """Number the groups of images that are nearly the same, directly or by a chain.

    Args:
        images: uint8 [n, S, S, 3].
        labels: for each of some criteria, n values; equal ones join images, None never does.

    Returns:
        int64 [n], equal within a group.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(images)
    pairs = [_near_pairs(thumbnails(images))]
    for values in labels:
        first: dict[object, int] = {}
        same = [(first.setdefault(v, i), i) for i, v in enumerate(values) if v is not None]
        pairs.append(np.array(same, np.int64).reshape(-1, 2))
    left, right = np.concatenate(pairs).T
    graph = coo_array((np.ones(len(left), np.bool_), (left, right)), shape=(n, n))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def thumbnails(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Small images as vectors: float32 [n, 3 * 16 * 16]."""
    parts = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).split(4_096)
    small = [F.adaptive_avg_pool2d(part.float(), SIDE).flatten(1) for part in parts]
    return torch.cat(small).numpy()


def _near_pairs(vectors: NDArray[np.float32]) -> NDArray[np.int64]:
    """Pairs of vectors [n, d] whose root mean square difference is at most `NEAR`: int64 [p, 2]."""
    from scipy.spatial import cKDTree

    centred = vectors - vectors.mean(0)
    radius = NEAR * vectors.shape[1] ** 0.5
    # Points that are near each other are so in any few directions, too, where a tree is quick.
    _, axes = np.linalg.eigh(centred.T @ centred)
    pairs = cKDTree(centred @ axes[:, -8:]).query_pairs(radius, output_type="ndarray")
    near = np.concatenate(
        [
            np.linalg.norm(centred[part[:, 0]] - centred[part[:, 1]], axis=1) <= radius
            for part in np.array_split(pairs, len(pairs) // 100_000 + 1)
        ]
    )
    return pairs[near].astype(np.int64)
