"""Draw the front page's first figure, and write its sentence and its data, from recorded runs.

    python book/tools/front_page.py

``book/_static/first_result.png`` is on the README's page, too; ``book/first_result.txt`` is
included by the front page, and names the seeds that its numbers rest on;
``book/first_result_data.txt`` is the figure as a table.
"""

from __future__ import annotations

import base64
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

import notebooks
from lt_course.evaluation.intervals import Interval, mean_over_seeds, paired_difference
from lt_course.evidence import experiment, load_per_class, load_results
from lt_course.evidence.claims import headline_seeds
from lt_course.plots import data_table, style

BOOK = Path(__file__).resolve().parents[1]
PICTURE, SENTENCE = BOOK / "_static" / "first_result.png", BOOK / "first_result.txt"
DATA = BOOK / "first_result_data.txt"
FACTOR, METHODS = "tiny_imagenet_gap", {"sl": "Classifier", "clip-template": "CLIP"}
TICKS, MIDDLE = (2, 10, 50, 100, 500), 30
"""Training photographs of a class: where the axis says how many, and about the middle of it."""


def metrics() -> pd.DataFrame:
    """Those of both methods, for the seeds that claims are judged by and that both have."""
    found = load_results(FACTOR, seeds=headline_seeds(experiment(FACTOR)))
    of_both = set.intersection(*({s for label, s in found.index if label == m} for m in METHODS))
    return found.loc[[(m, seed) for m in METHODS for seed in sorted(of_both)]]


def of(found: pd.DataFrame, method: str, metric: str) -> list[float]:
    """A metric of a method, one value a seed."""
    return [float(value) for value in found.loc[method][metric]]


def shown(interval: Interval) -> str:
    """With minus signs that are as wide as a plus."""
    return str(interval).replace("-", "−")


def draw(found: pd.DataFrame) -> Figure:
    """Predictions against frequency, one panel a method and one dot a class, of the first seed."""
    seed = found.loc["sl"].index[0]
    tables = {method: load_per_class(FACTOR, method, seed) for method in METHODS}
    # Named in both panels: the class that the classifier names most, and a rare one that CLIP does.
    most = tables["sl"]["predictions"].to_numpy().argmax()
    rare = tables["sl"]["frequency"] == tables["sl"]["frequency"].min()
    named = [most, (tables["clip-template"]["predictions"] * rare).to_numpy().argmax()]
    figure, panels = style.panels(2, 3.2, 2.6, sharex=True, sharey=True)
    for axes, (method, title) in zip(panels, METHODS.items(), strict=True):
        table = tables[method]
        style.dots(axes, table["frequency"], table["predictions"], style.of(method), alpha=0.75)
        axes.axhline(table["predictions"].mean(), color="black", linewidth=1, linestyle="--")
        s = mean_over_seeds(of(found, method, "spearman_predictions"))
        axes.set_title(f"{title}\nS(p) = {shown(s)}", fontweight="bold")
        axes.set(xscale="log", xlabel="training photographs of the class")
        axes.set_ylim(top=1.15 * tables["sl"]["predictions"].max())
        axes.set_xticks(TICKS, map(str, TICKS))
        for row in named:
            name, x, y = (table[of].iloc[row] for of in ("name", "frequency", "predictions"))
            right = x > MIDDLE
            style.annotate(axes, str(name), (x, y), (-4 if right else 4, 9))
            axes.texts[-1].set(ha="right" if right else "left")
    panels[0].set_ylabel("times it is named in the test")
    return figure


def data(found: pd.DataFrame) -> str:
    """What the figure shows, as a folded table in HTML: a row a class, the most frequent first."""
    seed = found.loc["sl"].index[0]
    tables = {method: load_per_class(FACTOR, method, seed) for method in METHODS}
    rows = {"training photographs": tables["sl"]["frequency"]}
    rows |= {f"{METHODS[m]}: times named": table["predictions"] for m, table in tables.items()}
    shown = pd.DataFrame(rows).set_axis(tables["sl"]["name"])
    shown = shown.sort_values("training photographs", ascending=False, kind="stable")
    return str(data_table(shown, f"The 200 classes, seed {seed}; each is tested 50 times.").data)


def sentence(found: pd.DataFrame) -> str:
    """The result in words, in MyST."""
    biased = {method: of(found, method, "spearman_predictions") for method in METHODS}
    seeds = list(found.loc["sl"].index)
    right = [f"{100 * sum(v) / len(v):.0f} %" for v in (of(found, m, "accuracy") for m in METHODS)]
    sl, clip = (shown(mean_over_seeds(values)) for values in biased.values())
    apart = shown(paired_difference(biased["sl"], biased["clip-template"]))
    return (
        "**The more often a class was in training, the more often a classifier names it: "
        f"S(p) = {sl}. For CLIP on the same photographs, S(p) = {clip}.**\n\n"
        f"Each dot is one of 200 classes of Tiny ImageNet (seed {seeds[0]}); on the dashed line a "
        "class is named as often as it is in the test, 50 times. S(p) is the rank correlation of "
        f"the two axes; given are means over {len(seeds)} seeds ({seeds[0]} to {seeds[-1]}) with "
        f"95 % intervals, and their difference is {apart}. CLIP was told no more than the class's "
        "name, in sentences such as *a photo of a maypole*. The models are small: "
        f"{right[0]} and {right[1]} of the test photographs are recognized.\n"
    )


def main() -> None:
    """Write all; the same records make the same files."""
    found = metrics()
    with mpl.rc_context():
        style.use()
        figure = draw(found)
        figure.savefig(PICTURE, dpi=180)
        plt.close(figure)
    small = notebooks.shrink(base64.b64encode(PICTURE.read_bytes()).decode())
    PICTURE.write_bytes(base64.b64decode(small))
    SENTENCE.write_text(sentence(found))
    DATA.write_text(f"```{{raw}} html\n{data(found)}\n```\n")


if __name__ == "__main__":
    main()
