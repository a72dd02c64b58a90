"""What can be said of a drawing without knowing what it shows: its style, its shape, its place.

`is_solid` splits drawings into two styles, to train on one and test on the other (distribution
shift, Sec. 3.4 of arXiv 2405.21070). `describe` writes a caption of nuisances alone: the negative
control of the language chapter.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Style = Literal["all", "line", "solid"]

INK = 128
"""Grey values below this are ink."""
BRUSH = 4
"""Side of the square, in pixels, that fits into a solid area and not into a line."""
SOLID_SHARE = 0.05
"""Least share of ink, in areas that hold the brush, of a solid drawing."""


def is_solid(pictures: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which drawings have filled areas, rather than lines alone.

    Ink is eroded by a square a little wider than a line; a drawing is solid if more than
    `SOLID_SHARE` of its ink stays.

    Args:
        pictures: uint8 [N, H, W], 255 paper and 0 ink.

    Returns:
        bool [N].
    """
    from scipy import ndimage

    ink = pictures < INK
    thick = ndimage.binary_erosion(ink, np.ones((1, BRUSH, BRUSH), dtype=bool))
    return thick.sum((1, 2)) > SOLID_SHARE * np.maximum(1, ink.sum((1, 2)))


def describe(picture: NDArray[np.uint8]) -> str:
    """A caption of nuisances: ``a small wide line drawing, dense at the top left``.

    Args:
        picture: uint8 [H, W], 255 paper and 0 ink.
    """
    ink = picture < INK
    style = "solid" if is_solid(picture[None])[0] else "line"
    if not ink.any():
        return f"a faint {style} drawing"
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    area = height * width / ink.size
    size = "small" if area < 0.5 else "middle-sized" if area < 0.7 else "large"
    shape = "tall" if height > 1.15 * width else "wide" if width > 1.15 * height else "square"
    y, x = (place.mean() for place in np.nonzero(ink))
    middle, centre = ((side - 1) / 2 for side in ink.shape)
    vertical = "top" if y < middle - 0.5 else "bottom" if y > middle + 0.5 else "middle"
    horizontal = "left" if x < centre - 0.5 else "right" if x > centre + 0.5 else "centre"
    return f"a {size} {shape} {style} drawing, dense at the {vertical} {horizontal}"
