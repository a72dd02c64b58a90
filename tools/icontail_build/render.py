"""From an SVG to a small square picture in which the drawing fills the frame."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image

LEAST_INK = 16  # grey levels that count as a mark


@dataclass(frozen=True)
class Look:
    """How drawings are shown.

    Attributes:
        side: of the square picture, in pixels, a multiple of 16.
        levels: kept of each channel, so that the file is smaller and no eye sees it; with sixteen,
            pale colours would change their hue. 255 is a multiple of their number less one.
        colour: in the drawing's own colours; else in grey, its contrast stretched to the full
            range, since a pale emoji and a thin line are as much drawings as a black glyph.
            Colours are left alone: stretched, they would become others.
    """

    side: int
    levels: int
    colour: bool

    @property
    def drawn(self) -> int:
        """Rendered at twice the size, so that cropping to the ink loses no sharpness."""
        return 2 * self.side

    @property
    def inner(self) -> int:
        """The drawing's longer side; the rest is paper, as wide on all sides."""
        return self.side * 7 // 8


GREY = Look(32, levels=16, colour=False)
COLOUR = Look(64, levels=52, colour=True)
ANIMATION = re.compile(r"<(animate\w*|set)\b[^>]*?(/>|>.*?</\1>)", re.DOTALL)


def render(svg: str, look: Look = GREY) -> NDArray[np.uint8] | None:
    """uint8 [S, S], or [S, S, 3] in colour, 255 paper; None where nothing shows.

    The drawing is cropped to its ink, scaled to a longer side of 7/8 of the picture's (never
    enlarged beyond the rendering) and centred.
    """
    found = re.match(r'<svg [^>]*?width="([\d.e-]+)" height="([\d.e-]+)"', svg)
    width, height = (float(x) for x in found.groups()) if found else (1.0, 1.0)
    scale = look.drawn / max(width, height)
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
        marked = 255 - np.asarray(image.convert("L")) > LEAST_INK
        ink = 255 - np.asarray(image.convert("RGB" if look.colour else "L"))
    if marked.sum() < 12:
        return None
    rows, columns = np.flatnonzero(marked.any(1)), np.flatnonzero(marked.any(0))
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    factor = min(1.0, look.inner / max(box[2] - box[0], box[3] - box[1]))
    size = (
        max(1, round(factor * (box[2] - box[0]))),
        max(1, round(factor * (box[3] - box[1]))),
    )
    small = Image.fromarray(ink).resize(size, Image.Resampling.LANCZOS, box=box)
    canvas = Image.new(small.mode, (look.side, look.side))
    canvas.paste(small, ((look.side - size[0]) // 2, (look.side - size[1]) // 2))
    full = np.asarray(canvas).astype(np.float32)
    if full.max() < 2 * LEAST_INK:
        return None
    top, darkest = look.levels - 1, np.float32(255) if look.colour else full.max()
    return (255 - np.round(full * (top / darkest)) * (255 // top)).astype(np.uint8)


def render_all(
    svgs: Iterable[str], look: Look = GREY, workers: int = 1
) -> Iterator[NDArray[np.uint8] | None]:
    """Pictures in the order of the SVGs, whatever the number of worker processes."""
    drawn = partial(render, look=look)
    if workers == 1:
        yield from map(drawn, svgs)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(drawn, svgs, chunksize=256)
