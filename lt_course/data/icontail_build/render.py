"""From an SVG to a 32x32 grey picture in which the drawing fills the frame."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image

SIDE = 32
DRAWN = 64  # rendered at twice the size, so that cropping to the ink loses no sharpness
INNER = 28  # the drawing's longer side; two pixels of paper all round
LEVELS = 16  # grey levels kept: halves the file, and no eye sees it
LEAST_INK = 16  # grey levels that count as a mark
ANIMATION = re.compile(r"<(animate\w*|set)\b[^>]*?(/>|>.*?</\1>)", re.DOTALL)


def render(svg: str) -> NDArray[np.uint8] | None:
    """uint8 [32, 32], 255 paper and 0 the drawing's darkest mark; None where nothing shows.

    The drawing is cropped to its ink, scaled to a longer side of 28 pixels (never enlarged
    beyond the rendering) and centred; its contrast is stretched to the full range, since a
    pale emoji and a thin line are as much drawings as a black glyph. Sixteen grey levels.
    """
    found = re.match(r'<svg [^>]*?width="([\d.e-]+)" height="([\d.e-]+)"', svg)
    width, height = (float(x) for x in found.groups()) if found else (1.0, 1.0)
    scale = DRAWN / max(width, height)
    try:
        png = resvg_py.svg_to_bytes(
            svg_string=ANIMATION.sub("", svg),
            width=max(1, round(width * scale)),
            height=max(1, round(height * scale)),
            background="white",
            skip_system_fonts=True,
        )
    except ValueError:  # a broken drawing: the release holds a handful
        return None
    with Image.open(io.BytesIO(png)) as image:
        ink = 255 - np.asarray(image.convert("L"))
    marked = ink > LEAST_INK
    if marked.sum() < 12:
        return None
    rows, columns = np.flatnonzero(marked.any(1)), np.flatnonzero(marked.any(0))
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    factor = min(1.0, INNER / max(box[2] - box[0], box[3] - box[1]))
    size = (
        max(1, round(factor * (box[2] - box[0]))),
        max(1, round(factor * (box[3] - box[1]))),
    )
    small = Image.fromarray(ink).resize(size, Image.Resampling.LANCZOS, box=box)
    canvas = Image.new("L", (SIDE, SIDE), 0)
    canvas.paste(small, ((SIDE - size[0]) // 2, (SIDE - size[1]) // 2))
    full = np.asarray(canvas).astype(np.float32)
    if full.max() < 2 * LEAST_INK:
        return None
    top = LEVELS - 1
    return (255 - np.round(full * (top / full.max())) * (255 // top)).astype(np.uint8)


def render_all(svgs: Iterable[str], workers: int = 1) -> list[NDArray[np.uint8] | None]:
    """Pictures in the order of the SVGs, whatever the number of worker processes."""
    if workers == 1:
        return [render(svg) for svg in svgs]
    with ProcessPoolExecutor(workers) as pool:
        return list(pool.map(render, svgs, chunksize=256))
