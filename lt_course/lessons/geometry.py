"""Lesson 10: text and pictures in one space: the modality gap, maps, density, errors."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from sklearn.manifold import TSNE

from lt_course.errors import CourseError
from lt_course.lessons.neighbours import cosines, unit
from lt_course.plots import style
from lt_course.statistics import FloatArray, spearman
from lt_course.study import RunResult

IntArray = npt.NDArray[np.int64]

METHODS: dict[str, style.Look] = {
    **{name: style.of(name) for name in ("sl", "clip-template", "clip-title")},
    "clip frozen": style.look(style.GREEN, "P", "CLIP, frozen text"),
    "language model": style.look(style.PURPLE, "v", "language model, names alone"),
}
"""Where class vectors come from."""

SIDES = [
    style.look(style.BLUE, "o", "pictures") | {"linestyle": ""},
    style.look(style.VERMILLION, "^", "text") | {"linestyle": ""},
]
"""How the two sides of a CLIP look in a map."""


def sides(record: RunResult) -> tuple[FloatArray, FloatArray]:
    """Mean picture features and class vectors of a run, float [C, D] each, rows of length 1."""
    return unit(record.arrays["centres"]), unit(record.arrays["prototypes"])


def shifted(pictures: FloatArray, texts: FloatArray, factor: float) -> FloatArray:
    """The texts, moved along the gap until it is `factor` times as wide; 0 closes it."""
    return texts + (factor - 1) * (texts.mean(0) - pictures.mean(0))


def t_sne(vectors: npt.ArrayLike, perplexity: float = 10.0, seed: int = 0) -> FloatArray:
    """A map [N, 2] of vectors [N, D] (van der Maaten and Hinton, 2008), from their distances.

    It starts from two principal components; each point softly looks at `perplexity` neighbours.
    """
    rows = np.asarray(vectors, dtype=np.float64)
    made = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(rows)
    return np.asarray(made, dtype=np.float64)


def two_clouds(
    points: int = 60, ratio: float = 4.0, dimensions: int = 20, seed: int = 0
) -> tuple[FloatArray, FloatArray]:
    """A dense and a loose cloud, float [points, dimensions] each, the loose one `ratio` as wide."""
    generator = np.random.default_rng(seed)
    dense, loose = generator.normal(size=(2, points, dimensions))
    far = np.zeros(dimensions)
    far[0] = 8 * ratio
    return dense, far + ratio * loose


def width(points: FloatArray) -> float:
    """Root mean squared distance of points from their mean."""
    return float(np.sqrt(np.square(points - points.mean(0)).sum(1).mean()))


def density(vectors: npt.ArrayLike, k: int = 5) -> FloatArray:
    """How crowded it is around each of C vectors: mean cosine with the k nearest others, [C]."""
    rows = unit(vectors)
    if not 1 <= k < len(rows):
        raise CourseError(f"k is {k}; {len(rows)} vectors have 1 to {len(rows) - 1} others each.")
    found = rows @ rows.T
    np.fill_diagonal(found, -np.inf)
    nearest: FloatArray = np.sort(found, axis=1)[:, -k:].mean(1)
    return nearest


def error_ranks(record: RunResult) -> IntArray:
    """For each wrong answer, which neighbour of the true class it names: 1 (nearest) … C-1.

    Neighbours are ordered by the `cosines` of the classes' mean picture features.
    """
    found = cosines(record.arrays["centres"])
    np.fill_diagonal(found, np.inf)
    rank = np.argsort(np.argsort(-found, axis=1, kind="stable"), axis=1)
    labels, answers = record.arrays["labels"], record.arrays["predictions"]
    wrong = labels != answers
    ranks: IntArray = rank[labels[wrong], answers[wrong]]
    return ranks


def plot_maps(
    maps: Mapping[str, FloatArray], frequency: npt.ArrayLike, names: Mapping[int, str]
) -> Figure:
    """Maps [C, 2] of the same classes, some named, a panel each; larger, darker: more frequent."""
    weight = np.log10(np.asarray(frequency, dtype=np.float64))
    figure, panels = style.panels(len(maps), 4.2, 3.9)
    for axes, (title, points) in zip(panels, maps.items(), strict=True):
        size: style.Look = {"c": weight, "s": 12 + 40 * weight, "cmap": "viridis_r"}
        drawn = axes.scatter(*points.T, edgecolors="black", linewidths=0.4, **size)
        for c, name in names.items():
            style.annotate(axes, name, points[c])
        axes.set(title=title, xticks=[], yticks=[])  # a map has no units
    ticks = [tick for tick in (0, 1, 2, 3) if tick <= weight.max()]
    bar = figure.colorbar(drawn, ax=panels, label="training pictures", shrink=0.8, ticks=ticks)
    bar.set_ticklabels([f"{10**tick:g}" for tick in ticks])
    return figure


def plot_joint_maps(maps: Mapping[str, FloatArray]) -> Figure:
    """Maps [2C, 2] of pictures, then texts, one panel each; a line joins those of one class."""
    figure, panels = style.panels(len(maps), 3.7, 3.7)
    for axes, (title, points) in zip(panels, maps.items(), strict=True):
        halves = np.split(points, 2)
        ends = np.stack(halves).transpose(2, 0, 1)
        axes.plot(*ends, color="#999999", linewidth=0.6, linestyle="-")
        for half, look in zip(halves, SIDES, strict=True):
            axes.plot(*half.T, **look)
        axes.set(title=title, xticks=[], yticks=[])
    style.legend(figure, ncols=2)
    return figure


def plot_clouds(pairs: Mapping[str, tuple[FloatArray, FloatArray]]) -> Figure:
    """A dense and a loose cloud, [N, 2] each, one panel a way to draw them."""
    figure, panels = style.panels(len(pairs), 3.9, 3.3)
    for axes, (title, pair) in zip(panels, pairs.items(), strict=True):
        for points, look, name in zip(pair, SIDES, ("dense", "loose"), strict=True):
            axes.plot(*points.T, **(look | {"label": name}))
        axes.set(title=title, xticks=[], yticks=[])
        axes.set_aspect("equal", adjustable="datalim")
    panels[0].legend()
    return figure


def plot_densities(found: Mapping[str, FloatArray], frequency: npt.ArrayLike) -> Figure:
    """Density [C] around each class vector against the class's frequency, one panel a method."""
    counts = np.asarray(frequency)
    figure, panels = style.panels(len(found), 2.35, 2.9, sharey=True)
    for axes, (method, values) in zip(panels, found.items(), strict=True):
        look = METHODS[method]
        style.dots(axes, counts, values, look, alpha=0.8)
        title = look["label"].replace(", ", ",\n")
        title += "\n" * (2 - title.count("\n"))
        axes.set(xscale="log", xlabel="training pictures")
        axes.set_title(f"{title}S = {spearman(counts, values):.2f}")
    panels[0].set_ylabel("cosine with the 5 nearest")
    return figure
