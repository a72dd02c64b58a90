"""Lesson 09: what other concepts bring into a run, and what they change.

`runs` are metrics indexed by (label, seed), as `lt_course.evidence.load_results` returns them.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from lt_course import evidence
from lt_course.data import icontail
from lt_course.data.captions import usual_name
from lt_course.data.icontail import IconTail
from lt_course.data.tokenizer import tokens
from lt_course.errors import CourseError
from lt_course.evidence import paper
from lt_course.plots import drawings, intervals, style
from lt_course.plots.runs import BIAS
from lt_course.plots.runs import THREE as METRICS
from lt_course.statistics import spearman
from lt_course.study import RunConfig, training_set

FIGURE_6: dict[str, tuple[str, dict[str, str]]] = style.names("lesson 09, openness in the paper")
"""Panels of the paper's Fig. 6: title, and the training sets in order of openness."""


def other_pictures(run: RunConfig) -> npt.NDArray[np.int64]:
    """A run's pictures of concepts outside the evaluated ones: indices [K] into IconTail."""
    drawn = training_set(run)
    return drawn.image_ids[drawn.labels == run.data.concepts]


def titles_with_tokens_of_names(
    data: IconTail, concepts: int, pictures: Iterable[int], context: int = 77
) -> npt.NDArray[np.int64]:
    """How many titles of pictures (indices) share a token with what each concept is asked for by.

    Returns int64 [concepts]; texts are cut at `context` tokens.
    """

    def token_sets(texts: list[str]) -> list[set[int]]:
        # The first is the start of text; the largest is its end; 0 is padding.
        return [set(row[1:]) - {0, max(row)} for row in tokens(texts, context).tolist()]

    names = token_sets([usual_name(data, concept) for concept in range(concepts)])
    titles = token_sets([data.titles[picture] for picture in pictures])
    return np.array([sum(not name.isdisjoint(title) for title in titles) for name in names])


def changes(before: pd.DataFrame, after: pd.DataFrame, field: str) -> npt.NDArray[np.float64]:
    """Per concept, what a field of the per-class table gained: float [C].

    Raises:
        CourseError: if the tables do not hold the same concepts with the same frequencies.
    """
    for column in ("concept", "frequency"):
        if not before[column].equals(after[column]):
            raise CourseError(f"Column {column!r} differs; compare runs on the same core pictures.")
    return (after[field] - before[field]).to_numpy(dtype=np.float64)


def token_correlations(name: str, before: str, after: str, field: str) -> dict[int, float]:
    """Spearman of shared titles and of what concepts gained, by seed of which both are recorded.

    Of a factor's runs without others (`before`) and with them; positive where concepts whose names
    share tokens with titles of others gained more of a field of the per-class table.
    """
    correlations, recorded = {}, evidence.load_results(name)
    for seed in intervals.paired(recorded, after, before, "accuracy").index:
        open_ = evidence.experiment(name).run(after, "cpu", seed)
        pictures = other_pictures(open_)
        shared = titles_with_tokens_of_names(icontail.load(), open_.data.concepts, pictures)
        first, second = (evidence.load_per_class(name, run, seed) for run in (before, after))
        correlations[seed] = spearman(shared, changes(first, second, field))
    return correlations


def plot_samples(data: IconTail, rows: Mapping[str, Sequence[int]]) -> Figure:
    """Drawings with their titles, one row a group of indices."""
    pictures = {title: data.pictures[list(indices)] for title, indices in rows.items()}
    titles = {
        title: [data.titles[i].replace(" ", "\n", 1) for i in indices]
        for title, indices in rows.items()
    }
    return drawings.rows(pictures, titles, max(map(len, rows.values())), size=1.05)


def plot_ladder(runs: pd.DataFrame, labels: Sequence[str]) -> Figure:
    """One row a kind of run, one panel a metric: each seed, and their mean with its t interval."""
    figure, panels = style.panels(3, 2.9, 0.4 * len(labels) + 1, sharey=True)
    for axes, (metric, title) in zip(panels, METRICS.items(), strict=True):
        for place, label in enumerate(labels):
            look = style.of("sl" if label.startswith("SL") else "clip-title")
            values = intervals.by_seed(runs, label, metric)
            intervals.draw_seeds(axes, values, place, **style.unnamed(look))
        style.name_rows(axes, labels)
        axes.set_title(title)
    return figure


def plot_figure_6() -> Figure:
    """S(a), filled, and S(p), hollow, of the paper's Fig. 6: it opens from left to right."""
    figure, panels = style.panels(2, 3.8, 3.2, sharey=True, width_ratios=[3, 2])
    for axes, (name, (title, sets)) in zip(panels, FIGURE_6.items(), strict=True):
        values = paper.table(name)["value"]
        for (field, letter), line in zip(BIAS.items(), ("-", "--"), strict=True):
            for method, drawn_as in {"sl": "sl", "clip": "clip-full"}.items():
                wanted = [f"{name}/{each}/{method}/{field}" for each in sets]
                points = values[values.index.intersection(wanted)].tolist()
                look = style.of(drawn_as) | {"label": f"{method.upper()}, {letter}"}
                if letter == "S(p)":  # where both have one value, both are seen
                    look |= {"markerfacecolor": "none", "markersize": 9}
                axes.plot(range(len(points)), points, linestyle=line, **look)
        axes.set_xticks(range(len(sets)), list(sets.values()))
        axes.set(xlim=(-0.3, len(sets) - 0.7), title=title)
    panels[0].set_ylabel("Spearman's correlation")
    style.legend(figure, "outside right center", ncols=1)
    return figure
