"""Draw the map of the package: its parts, how long each is, and which may import which.

    python book/tools/draw_code_map.py

Lengths are counted in ``lt_course/``. Arrows come from `MAY_IMPORT` in
``tests/test_architecture.py``, less those that others imply. ``make book`` draws it anew.
"""

from __future__ import annotations

import runpy
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, Rectangle
from matplotlib.path import Path as Polyline

from lt_course.plots.style import BLUE, ORANGE

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "lt_course"
DRAWING = ROOT / "book" / "_static" / "code_map.svg"

WIDTH, HEIGHT, GAP, STEP = 1.0, 0.6, 0.2, 1.0
"""Of a box; from one column to the next; from one row to the one above."""


def lengths() -> dict[str, int]:
    """Lines of each part, by its name; the root's is empty."""
    found: dict[str, int] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        folder, *rest = path.relative_to(PACKAGE).parts
        part = folder if rest else ""
        found[part] = found.get(part, 0) + len(path.read_text().splitlines())
    return found


def arrows(may_import: dict[str, set[str]]) -> list[tuple[str, str]]:
    """From each part to those that it may import, and that no other one leads to."""
    below = {part: others - {part} for part, others in may_import.items()}
    return sorted(
        (part, other)
        for part, others in below.items()
        for other in others
        if not any(other in below[between] for between in others)
    )


def places(may_import: dict[str, set[str]]) -> dict[str, tuple[float, float]]:
    """Lower left corner of each part's box: those that nothing imports stand in the top row."""
    above: dict[str, int] = {}
    for part in sorted(may_import, key=lambda part: -len(may_import[part])):
        importers = [above[other] + 1 for other in above if part in may_import[other]]
        above[part] = max(importers, default=0)
    beside = dict.fromkeys(above.values(), 0)
    found = {}
    for part in may_import:
        row = above[part]
        found[part] = (beside[row] * (WIDTH + GAP), (max(beside) - row) * STEP)
        beside[row] += 1
    return found


def arrow(start: tuple[float, float], end: tuple[float, float]) -> FancyArrowPatch:
    """From one box to another below it: straight, or around one corner into the other column."""
    (x, y), (x_to, y_to) = start, end
    middle = WIDTH / 2
    if x == x_to:
        corners = [(x + middle, y), (x + middle, y_to + HEIGHT)]
    elif x > x_to:
        height = y_to + 0.7 * HEIGHT
        corners = [(x + middle, y), (x + middle, height), (x_to + WIDTH, height)]
    else:
        height = y + 0.3 * HEIGHT
        corners = [(x + WIDTH, height), (x_to + middle, height), (x_to + middle, y_to + HEIGHT)]
    return FancyArrowPatch(path=Polyline(corners), arrowstyle="-|>", mutation_scale=14, fc="black")


def draw(axes: Axes, may_import: dict[str, set[str]], core: tuple[str, ...]) -> None:
    """The map: a box for each part, its length as a number and as a bar."""
    lines, place = lengths(), places(may_import)
    top = max(place[part][1] for part in core) + HEIGHT
    axes.add_patch(Rectangle((-0.1, -0.4), WIDTH + 0.2, top + 0.5, fc="#E8F1F8", ec=BLUE, ls="--"))
    of_core = sum(lines[part] for part in core)
    axes.text(WIDTH / 2, -0.27, f"core: {of_core:,} lines", ha="center", fontsize=12)
    for part, (x, y) in place.items():
        bar = WIDTH * lines[part] / max(lines.values())
        axes.add_patch(Rectangle((x, y), WIDTH, HEIGHT, fc="white", ec="none"))
        axes.add_patch(Rectangle((x, y), bar, 0.1, fc=BLUE if part in core else ORANGE))
        axes.add_patch(Rectangle((x, y), WIDTH, HEIGHT, fc="none", ec="black"))
        axes.text(x + 0.04, y + 0.35, part or "root", va="center", fontsize=12, weight="bold")
        axes.text(x + 0.96, y + 0.35, f"{lines[part]:,}", va="center", ha="right", fontsize=12)
    for part, other in arrows(may_import):
        axes.add_patch(arrow(place[part], place[other]))
    highest = max(y for _, y in place.values()) + HEIGHT
    axes.set(xlim=(-0.12, 2 * WIDTH + GAP + 0.02), ylim=(-0.42, highest + 0.04))
    axes.axis("off")


def main() -> None:
    """Write the drawing; the same package gives the same bytes."""
    architecture = runpy.run_path(str(ROOT / "tests" / "test_architecture.py"))
    with mpl.rc_context({"svg.hashsalt": "code map", "figure.constrained_layout.use": False}):
        figure = plt.figure(figsize=(4.2, 6.6), facecolor="white")
        axes = figure.add_axes((0, 0, 1, 1))
        draw(axes, architecture["MAY_IMPORT"], ("", *architecture["CORE"]))
        figure.savefig(DRAWING, metadata={"Date": None})
        plt.close(figure)


if __name__ == "__main__":
    main()
