"""Numbers in the alternative texts of lessons' figures are those of the data.

A whole number above 1 is a setting if the lesson's code says it before the figure is drawn, and so
is a number of the figure's own code or caption. Every other number has a fact here, computed from
what the figure is drawn from: at hand, recorded, or stored in the lesson as a table.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from scipy import stats

import notebooks
from lt_course import study
from lt_course.counting import web_frequencies
from lt_course.data.class_profiles import profile_counts
from lt_course.evidence import load_per_class, load_results, paper
from lt_course.lessons import (
    class_vectors,
    measuring,
    open_models,
    own_study,
    scaling,
    vocabularies,
)
from lt_course.lessons import neural_collapse as nc
from lt_course.plots import frequencies
from lt_course.statistics import spearman

Facts = Iterator[tuple[str, Any, float]]
"""A number as an alternative text gives it, what it is (or whether it holds), and how far off it
may be; 0: no farther than its last digit says."""

NAMES = re.compile(
    r"NC[12]\b|Fig\. \d+|Table \d|(CC|YFCC)-\d+M|LAION-(400M|2B)|MetaCLIP-\S+|Places365"
)
NUMBER = re.compile(r"(?<![\w.])\d[\d,_]*(?:\.\d+|/\d+)?")
TINY = study.config("sl", scale="tiny", seed=0)
COUNTS = profile_counts("laionet", TINY.data.concepts, TINY.data.num_images)


def numbers(text: str) -> list[str]:
    """The numbers of a text, without separators of thousands."""
    found = (match[0].rstrip(",_") for match in NUMBER.finditer(NAMES.sub("", text)))
    return [number.replace(",", "").replace("_", "") for number in found]


@cache
def figures() -> list[tuple[str, str, list[str]]]:
    """Name and alternative text of each figure, and the numbers in it that are no settings."""
    found = []
    for source in notebooks.sources():
        before: set[str] = set()
        for cell in nbformat.read(source.with_suffix(".ipynb"), as_version=4).cells:
            if cell.cell_type != "code":
                continue
            shown = cell.metadata.get("mystnb", {})
            caption = shown.get("figure", {}).get("caption", "")
            own = numbers(cell.source + " " + caption)
            before |= {number for number in own if number.isdigit() and int(number) > 1}
            if alt := shown.get("image", {}).get("alt"):
                left = [n for n in numbers(alt) if n not in before | set(own)]
                found.append((shown["figure"]["name"], alt, left))
    return found


def stored(lesson: str, *headings: str) -> pd.DataFrame:
    """The table of a lesson's stored outputs that has all of some headings."""
    (path,) = notebooks.NOTEBOOKS.glob(f"{lesson}_*.ipynb")
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            soup = BeautifulSoup(output.get("data", {}).get("text/html", ""), "html.parser")
            if {*headings} <= {cell.get_text() for cell in soup.select("thead th")}:
                rows = [[td.get_text() for td in row.select("td")] for row in soup.select("tr")]
                heads = [th.get_text() for th in soup.select("thead tr")[0].select("th")]
                cells = [row for row in rows if row]
                return pd.DataFrame(cells, columns=heads[-len(cells[0]) :]).astype(float)
    raise AssertionError(f"lesson {lesson} stores no table with the headings {headings}")


def web_correlations(concept_set: str) -> pd.DataFrame:
    return frequencies.web_pairs(web_frequencies.load(download=False), concept_set)


def concepts() -> Facts:
    yield "60", TINY.data.concepts, 0


def clip_loss() -> Facts:
    training, losses = TINY.training, stored("01", "CLIP", "classifier")
    steps = int(training.duration.split()[0]) * (TINY.data.num_images // training.batch_size)
    yield "210", steps, 0
    yield "4.9", np.log(training.batch_size), 0
    yield "4.1", np.log(TINY.data.concepts), 0
    yield "1", losses["CLIP"].iloc[-1], 0.5
    yield "0", losses["classifier"].iloc[-1], 0.25


def shuffled() -> Facts:
    rng = np.random.default_rng(0)
    found = [spearman(COUNTS, rng.permutation(60)) for _ in range(2_000)]
    yield "0.3", np.quantile(np.abs(found), 0.98), 0.03


def exponents_of_tails() -> Facts:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"frequency": COUNTS, "accuracy": rng.random(60), "predictions": COUNTS})
    (axes,) = measuring.plot_steeper_tails(table).axes
    yield "0", axes.lines[0].get_xdata()[0], 0.05
    yield "3", axes.lines[0].get_xdata()[-1], 0


def presence() -> Facts:
    yield "1", 1 - (1 - COUNTS.max() / COUNTS.sum()) ** 128, 0.01


def laws() -> Facts:
    run = study.config("sl", scale="tiny", vocabulary=24)
    yield "1", vocabularies.inclusion(COUNTS, run.objective).max(), 0.01


def curves() -> Facts:
    yield "1", vocabularies.remaining_curve(COUNTS, (60,)).to_numpy(), 1e-6


def epochs() -> Facts:
    slopes = stored("04", "epochs", "slope")["slope"].to_numpy()
    assert len(slopes) == 9, "three lengths of training with three seeds each"
    yield "1", slopes[:6], 0.3


def paper_vocabularies() -> Facts:
    table = vocabularies.paper_vocabularies()
    S = table.set_index(["series", "V"])["S(p)"].unstack()
    yield "50", bool(S.loc["frozen head, frequency", 50] > S.loc["frozen head, frequency", 100]), 0
    assert S.loc["from scratch, frequency"].is_monotonic_increasing
    assert S.loc["frozen head, uniform", :500].is_monotonic_increasing


def agreement() -> Facts:
    each = {name: web_correlations(name) for name in web_frequencies.CONCEPT_SETS}
    all_of = pd.concat(each.values())
    pipelines = [{"laion400m", "laion2b"}, {"metaclip_400m", "metaclip_fullcc"}]
    same = [{row.first, row.second} in pipelines for row in all_of.itertuples()]
    lowest = each["cub"].nsmallest(3, "spearman")
    yield "0.6", bool((all_of["spearman"] > 0.6).mean() > 0.9), 0
    yield "1", all_of["spearman"].max(), 0.05
    yield "0.94", all_of["spearman"][same].min(), 0.01
    yield "0.5", all_of["spearman"].min(), 0.06
    assert lowest[["first", "second"]].isin(["metaclip_400m", "metaclip_fullcc"]).any(axis=1).all()


def three_correlations() -> Facts:
    rows = web_correlations("imagenet")
    yield "0.67", rows[["spearman", "pearson_log"]].min().min(), 0
    yield "1", rows[["spearman", "pearson_log"]].max().max(), 0.05
    yield "0.34", rows["pearson"].min(), 0


def floor() -> Facts:
    curve = scaling.measured_bias(COUNTS, [3, 2, 1.5, 1, 0.5, 0, -0.5, -1], repeats=3)
    assert (curve["measured"] < curve["true"]).all()
    assert curve["measured"].idxmin() == curve["accuracy"].idxmin()
    yield "1", curve["never"].max(), 0.15


def fractions() -> Facts:
    found = scaling.by_head(load_results("text_heads"))["fraction"]
    yield "1/8", found.min(), 0
    yield "1", found.max(), 0


def simplex() -> Facts:
    points, labels = nc.triangle(0.0)
    centres = np.array([points[labels == c].mean(0) for c in range(3)])
    yield "120", np.rad2deg(np.arccos(centres[0] @ centres[1])), 0


def ways_to_fail() -> Facts:
    twin = nc.ways_to_fail(1, np.arange(20) / 20)
    yield "1", twin.filter(like="nearest").to_numpy()[-1], 0.15


def centring() -> Facts:
    tenths, shares = map(class_vectors.recorded, ("tenths", "shares"))
    yield "0.48", tenths["as they are"].iloc[0], 0
    yield "0.64", tenths["as they are"].iloc[-1], 0
    yield "0.1", tenths["mean off"].to_numpy(), 0.02
    yield "0.63", shares["mean cosine"].to_numpy(), 0.02
    yield "0", shares["NC2"].iloc[-1], 0.05


def paper_bias(*sets: str, metric: str = "spearman_accuracy") -> np.ndarray:
    return np.array([paper.value("fig1b", name, "clip", metric) for name in sets])


def by_scale() -> Facts:
    small = "cc12m", "yfcc15m"
    yield "0.34", paper_bias(*small), 0
    yield "0.09", paper_bias("laion400m"), 0
    yield "0.13", paper_bias(*small, metric="spearman_predictions"), 0


def models() -> Facts:
    table = open_models.markers()
    yield "0.09", table.loc[table["set"] == "laion400m", "S(a)"].mean(), 0


def wrong_file() -> Facts:
    rows = web_correlations("imagenet").query("first == 'yfcc15m' or second == 'yfcc15m'")
    S, r = paper_bias("yfcc15m")[0], rows["spearman"].to_numpy()
    assert len(r) == 5
    yield "0.34", S, 0
    yield "0.23", (S * r).min(), 0
    yield "0.28", (S * r).max(), 0
    yield "0.9", (S * r + np.sqrt((1 - r**2) * (1 - S**2))).max(), 0.05


def concept_sets() -> Facts:
    classes = open_models.other_concepts()["classes"]
    yield "365", classes.max(), 0
    yield "10", classes.min(), 0


def line_at(factor: str, end: Callable[[Any], Any]) -> float:
    table = load_per_class(factor, "sl", load_results(factor).loc["sl"].index[0])
    table = table[table["frequency"] > 0]
    log = np.log(table["frequency"])
    slope, start = np.polyfit(log, table["accuracy"], 1)
    return float(start + slope * end(log))


def lines() -> Facts:
    yield "1", line_at("the_gap", max) > 1, 0
    yield "0", line_at("tiny_imagenet_gap", min) < 0, 0


def exponents() -> Facts:
    def means(factor: str) -> pd.Series:
        rows = {}
        for method, seed in load_results(factor, seeds=range(10)).index:
            table = load_per_class(factor, method, seed).query("frequency > 0")
            named = np.log(table["predictions"] + 0.5)
            rows[method, seed] = stats.linregress(np.log(table["frequency"]), named).slope
        return pd.Series(rows).groupby(level=0).mean()

    drawings, photographs = means("the_gap"), means("tiny_imagenet_gap")
    clips = [m.drop("sl") for m in (drawings, photographs)]
    yield "1", bool(0.8 < drawings["sl"] < 1 < photographs["sl"]), 0
    yield "0", all(bool(c.between(0, 0.25).all()) for c in clips), 0
    assert clips[1].max() < clips[0].min(), "those of photographs are nearest to 0"


def cap() -> Facts:
    counts = load_per_class("the_gap", "sl", 0)["frequency"].to_numpy()
    capped = np.minimum(counts, 100)
    yield "0.9", np.polyfit(np.log(counts), np.log(capped), 1)[0], 0.05
    assert capped.sum() / counts.sum() < 2 / 3


def power() -> Facts:
    seeds = range(2, 11)
    (axes,) = own_study.plot_power(seeds, {"one": [0.5] * len(seeds)}).axes
    yield "0.8", axes.lines[1].get_ydata(), 0
    yield "10", max(seeds), 0


FACTS: dict[str, Callable[[], Facts]] = {
    "fig-start-profile": concepts,
    "fig-clip-loss": clip_loss,
    "fig-measuring-ranks": concepts,
    "fig-measuring-chance": shuffled,
    "fig-measuring-exponent": exponents_of_tails,
    "fig-measuring-prior": concepts,
    "fig-measuring-size": concepts,
    "fig-vocabulary-presence": presence,
    "fig-vocabulary-laws": laws,
    "fig-vocabulary-curves": curves,
    "fig-vocabulary-epochs": epochs,
    "fig-vocabulary-paper": paper_vocabularies,
    "fig-tails-agreement": agreement,
    "fig-tails-pearson": three_correlations,
    "fig-scale-floor": floor,
    "fig-scale-paper": fractions,
    "fig-features-toy": simplex,
    "fig-features-ways": ways_to_fail,
    "fig-features-maps": concepts,
    "fig-features-centring": centring,
    "fig-open-models-scale": by_scale,
    "fig-open-models-models": models,
    "fig-open-models-file": wrong_file,
    "fig-open-models-concepts": concept_sets,
    "fig-since-lines": lines,
    "fig-since-exponents": exponents,
    "fig-since-cap": cap,
    "fig-study-power": power,
}


def test_every_number_is_a_setting_or_has_a_fact() -> None:
    told = {name: sorted(set(left)) for name, _, left in figures() if left}
    for name, left in told.items():
        known = {number for number, _, _ in FACTS[name]()} if name in FACTS else set()
        assert set(left) <= known, f"{name}: {left}"
    assert set(FACTS) <= {name for name, _, _ in figures()}


@pytest.mark.parametrize("name", FACTS)
def test_the_number_is_that_of_the_data(name: str) -> None:
    (alt,) = [alt for figure, alt, _ in figures() if figure == name]
    for number, value, tolerance in FACTS[name]():
        if number not in numbers(alt):
            continue
        if isinstance(value, bool):
            assert value, number
            continue
        wanted = float(pd.eval(number))
        digits = len(number.partition(".")[2])
        allowed = tolerance or 0.5 * 10.0**-digits + 1e-9
        assert np.abs(np.asarray(value, dtype=float) - wanted).max() <= allowed, (number, value)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("NC2 of Fig. 6 rises from 0.48 to 1,000 at 1/8.", ["0.48", "1000", "1/8"]),
        ("CC-12M and Places365 have 12 rows", ["12"]),
    ],
)
def test_names_are_no_numbers(text: str, found: list[str]) -> None:
    assert numbers(text) == found
