"""Figures of bias by frequency, one dot a class."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from lt_course.plots import style
from lt_course.statistics import spearman

QUESTIONS = {"accuracy": "accuracy", "predictions": "number of predictions"}
"""The two per-class values of the study and how an axis names them."""


def per_class_scatter(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Accuracy (upper row) and predictions (lower row) against frequency, one dot a class.

    Per method a table with the columns `frequency` (0 stands at the left end of a symmetric log
    axis), `accuracy` and `predictions`.
    """
    n = len(tables)
    figure, panels = style.panels(n, 2.5, 2.1, rows=2, sharex=True, sharey="row")
    for column, (method, table) in enumerate(tables.items()):
        dots: style.Look = {"s": 18, "alpha": 0.75, "linewidths": 0}
        dots |= style.unnamed(style.of(method))
        pair = panels[column::n]
        for axes, (field, name) in zip(pair, QUESTIONS.items(), strict=True):
            axes.scatter(table["frequency"], table[field], **dots)
            rho = spearman(table["frequency"], table[field])
            axes.set_title(f"S({field[0]}) = {rho:.2f}", loc="right")
            axes.set_xscale("symlog", linthresh=1)
            if column == 0:
                axes.set_ylabel(name)
        pair[0].set_title(style.LABELS[method] + "\n", fontweight="bold")
        pair[1].set_xlabel("training pictures")
    return figure
