"""Drawings side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lt_course.plots import style

Drawings = npt.NDArray[np.uint8]


def show(axes: Axes, drawing: Drawings, title: str = "", **options: Any) -> None:
    """One drawing, uint8 [32, 32] (255 is paper), with a title over it."""
    axes.imshow(drawing, cmap="gray", vmin=0, vmax=255)
    axes.set_title(title, fontsize=7, **options)


def grid(pictures: Drawings, titles: Sequence[str], columns: int = 8) -> Figure:
    """Drawings, uint8 [N, 32, 32], with a title under each, cut if it is long."""
    figure, panels = style.panels(columns, 1.05, 1.3, -(-len(pictures) // columns))
    for axes in panels:
        axes.set_axis_off()
    for axes, picture, title in zip(panels, pictures, titles, strict=False):
        show(axes, picture, title if len(title) <= 16 else f"{title[:15]}…", y=-0.28)
    return figure


def rows(
    pictures: Mapping[str, Drawings],
    titles: Mapping[str, Sequence[str]] | None = None,
    columns: int = 12,
    size: float = 0.5,
) -> Figure:
    """Rows of drawings, uint8 [N, 32, 32] by the label at the left, with a title over each, if any.

    The first `columns` are shown, each `size` inches wide; where there are fewer, it stays white.
    """
    height = size if titles is None else 1.25 * size
    figure, panels = style.panels(columns, size, height, len(pictures))
    for axes in panels:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        axes.grid(visible=False)
    for row, (label, drawn) in enumerate(pictures.items()):
        line = panels[row * columns : (row + 1) * columns]
        names = [""] * columns if titles is None else titles[label]
        for axes, picture, name in zip(line, drawn, names, strict=False):
            show(axes, picture, name, pad=1)
        line[0].set_ylabel(label, rotation=0, ha="right", va="center")
    return figure
