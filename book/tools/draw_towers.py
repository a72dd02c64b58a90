"""Draw CLIP's two towers, and below them the classifier that the course compares CLIP with.

    python book/tools/draw_towers.py

The drawings and titles are the shipped data's own. ``tests/test_start.py`` draws it twice.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, Polygon, Rectangle

from lt_course.data import icontail
from lt_course.plots.style import BLUE, GREEN, ORANGE, VERMILLION

DRAWING = Path(__file__).resolve().parents[2] / "book" / "_static" / "towers.svg"
SHOWN = ("bell", "key", "camera", "cloud")
"""Concepts whose first training drawing with a title of its own is shown."""

LIGHT = {BLUE: "#D6E8F4", GREEN: "#D3EDE4", ORANGE: "#FBEBCB", VERMILLION: "#F9DFCC"}
SIDE = 0.6
"""Of a cell."""


def pairs() -> tuple[list[np.ndarray], list[str]]:
    """A drawing, uint8 [32, 32], and its author's title for each of `SHOWN`."""
    data = icontail.load()
    keys = [concept.key for concept in data.concepts]
    pictures, titles = [], []
    for key in SHOWN:
        of = np.flatnonzero((data.concept == keys.index(key)) & ~data.test)
        row = next(i for i in of if data.titles[i] != data.concepts[keys.index(key)].name)
        pictures.append(data.pictures[row])
        titles.append(data.titles[row])
    return pictures, titles


def tower(axes: Axes, x: float, y: float, color: str, name: str) -> None:
    """A trapezoid that narrows to the right."""
    corners = [(x, y - 0.8), (x, y + 0.8), (x + 1.5, y + 0.45), (x + 1.5, y - 0.45)]
    axes.add_patch(Polygon(corners, fc=LIGHT[color], ec=color, lw=1.5))
    axes.text(x + 0.72, y, name, ha="center", va="center", fontsize=12, weight="bold")


def vectors(axes: Axes, x: float, y: float, color: str, labels: list[str], upright: bool) -> None:
    """Unit vectors as cells: a column at the left of a matrix, or a row above it."""
    for place, label in enumerate(labels):
        dx, dy = (0.0, -place * SIDE) if upright else (place * SIDE, 0.0)
        cell = Rectangle((x + dx, y + dy), SIDE, SIDE, fc=LIGHT[color], ec=color)
        axes.add_patch(cell)
        middle = (x + dx + SIDE / 2, y + dy + SIDE / 2)
        axes.text(*middle, label, ha="center", va="center", fontsize=12)


def arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Where something goes."""
    axes.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=14, fc="black"))


def matrix(axes: Axes, x: float, y: float, right: list[int], columns: int) -> None:
    """Cosines, one row a drawing; the cell that should be greatest in each row is dark."""
    for row, own in enumerate(right):
        for column in range(columns):
            place = (x + column * SIDE, y - row * SIDE)
            color = BLUE if column == own else "white"
            axes.add_patch(Rectangle(place, SIDE, SIDE, fc=color, ec="#666666"))


def batch(axes: Axes, x: float, y: float, pictures: list[np.ndarray]) -> None:
    """Four drawings, two by two."""
    for place, picture in enumerate(pictures):
        left, low = x + 0.8 * (place % 2), y - 0.8 * (place // 2)
        box = (left, left + 0.72, low, low + 0.72)
        axes.imshow(picture, cmap="gray", vmin=0, vmax=255, extent=box, zorder=2)
        axes.add_patch(Rectangle((left, low), 0.72, 0.72, fc="none", ec="#666666", zorder=3))


def draw(axes: Axes) -> None:
    """CLIP above, the classifier below, each from the batch at the left to its cosines."""
    pictures, titles = pairs()
    n = len(pictures)
    of = [f"$f_{i + 1}$" for i in range(n)]
    heading: dict[str, Any] = {"fontsize": 14, "weight": "bold"}
    axes.text(0, 9.75, "CLIP", **heading)
    for place, title in enumerate(titles):
        axes.text(0, 9.15 - 0.42 * place, f"“{title}”", fontsize=11.5, style="italic")
    batch(axes, 0.1, 5.9, pictures)
    tower(axes, 2.8, 8.5, GREEN, "text\ntower")
    tower(axes, 2.8, 5.9, BLUE, "image\ntower")
    arrow(axes, (2.3, 8.5), (2.75, 8.5))
    arrow(axes, (1.8, 5.9), (2.75, 5.9))
    x, y = 6.1, 7.0
    arrow(axes, (4.35, 8.5), (x - 0.05, y + SIDE + 0.55))
    arrow(axes, (4.35, 5.9), (x - SIDE - 0.15, 6.1))
    vectors(axes, x, y + SIDE + 0.1, GREEN, [f"$t_{i + 1}$" for i in range(n)], upright=False)
    vectors(axes, x - SIDE - 0.1, y, BLUE, of, upright=True)
    matrix(axes, x, y, list(range(n)), n)
    said = "B × B cosines: each drawing is told from\nthe batch’s titles, and each title likewise"
    axes.text(9.4, 4.3, said, ha="right", fontsize=11)
    axes.plot([0, 9.4], [4.0, 4.0], color="#BBBBBB", lw=1)
    axes.text(0, 3.5, "Classifier", **heading)
    batch(axes, 0.1, 1.9, pictures)
    tower(axes, 2.8, 1.9, BLUE, "image\ntower")
    arrow(axes, (1.8, 1.9), (2.75, 1.9))
    y = 2.1
    arrow(axes, (4.35, 1.9), (x - SIDE - 0.15, 1.5))
    weights = ["$w_1$", "$w_2$", "…", "…", "$w_{60}$"]
    vectors(axes, x, y + SIDE + 0.1, ORANGE, weights, upright=False)
    vectors(axes, x - SIDE - 0.1, y, BLUE, of, upright=True)
    matrix(axes, x, y, [1, 4, 0, 3], len(weights))
    axes.text(x - 0.1, y + 2 * SIDE - 0.15, "a table", ha="right", fontsize=11)
    said = "B × 60 cosines: each drawing\nis told from all concepts"
    axes.text(9.4, -0.6, said, ha="right", fontsize=11)
    axes.set(xlim=(-0.1, 9.6), ylim=(-0.8, 10.2))
    axes.axis("off")


def main() -> None:
    """Write the drawing; the same data give the same bytes."""
    with mpl.rc_context({"svg.hashsalt": "towers", "figure.constrained_layout.use": False}):
        figure = plt.figure(figsize=(6.4, 7.6), facecolor="white")
        axes = figure.add_axes((0, 0, 1, 1))
        draw(axes)
        axes.set_aspect("equal")
        figure.savefig(DRAWING, metadata={"Date": None})
        plt.close(figure)


if __name__ == "__main__":
    main()
