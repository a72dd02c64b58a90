"""Lesson 04: what the theory says of runs with vocabularies, and what became of it (Fig. 3)."""

from collections.abc import Iterable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from lt_course.data.class_profiles import profile_counts
from lt_course.evidence import experiment, load_per_class, load_results, paper
from lt_course.lessons.features import cosines_on_test
from lt_course.lessons.prior_shift import agreement, inclusion, remaining, residual_prior, shift
from lt_course.objectives.classify import Sampling, SupervisedConfig
from lt_course.plots import intervals, style
from lt_course.statistics import spearman
from lt_course.study import RunResult
from lt_course.study.execute import weights

FACTOR, FULL = "vocabulary", "all"
"""The recorded runs of this lesson, and among them the one with a softmax over all classes."""

LAWS: tuple[Sampling, ...] = ("frequency", "sqrt", "uniform")
"""Laws by which a vocabulary is filled up."""

PAPER_CLASSES, PAPER_PICTURES, PAPER_MICRO_BATCH = 1_000, 448_896, 64
"""ImageNet-Captions, and the pictures of one GPU, which share a vocabulary in the release."""

PAPER_SERIES: list[tuple[str, str, str, Sampling]] = [
    ("from scratch, frequency", "fig3", "sl-vocab", "frequency"),
    ("frozen head, frequency", "fig19", "sl-vocab", "frequency"),
    ("frozen head, uniform", "released", "sl-uniform", "uniform"),
]
"""Series of the paper's runs (head and law): figure, method and law."""

LAW_LOOKS = {law: style.unnamed(look) for law, look in style.looks("lesson 04, laws").items()}
"""Colour and marker of each sampling law; ``all`` is the full softmax."""

LAW_LINES: dict[str, str] = {"frequency": "-", "sqrt": "--", "uniform": ":"}

REMEDY_MARKERS = "<>Pdv1"
"""For the remedies that are no vocabularies, in order."""


def law_of(label: str) -> str:
    """Sampling law of a recorded run's label: ``frequency``, …, ``in-batch`` or ``all``."""
    return label.split()[0]


def remaining_curve(
    frequency: npt.ArrayLike,
    sizes: Iterable[int],
    laws: Sequence[Sampling] = LAWS,
    vocabulary_group: int = 32,
) -> pd.DataFrame:
    """Share of the prior that the theory says is left: one row a size V, one column a law."""

    def left(V: int, law: Sampling) -> float:
        options = SupervisedConfig(V, law, vocabulary_group)
        return remaining(frequency, inclusion(frequency, options))

    rows = {V: [left(V, law) for law in laws] for V in sizes}
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(laws)).rename_axis("V")


def shifts(run: pd.DataFrame, full: pd.DataFrame, options: SupervisedConfig) -> pd.DataFrame:
    """Each class's shift of the logit: predicted from the vocabulary, and measured.

    Of the per-class tables of a run with a vocabulary, by these options, and of a full softmax
    that shares its seed. One row a class: frequency; predicted, -log pi_c less its mean; measured,
    the mean logit on the test set less that of `full`, less its mean over classes.
    """
    difference = run["mean_logit"] - full["mean_logit"]
    predicted = shift(inclusion(run["frequency"], options))
    columns = {"predicted": predicted, "measured": difference - difference.mean()}
    return pd.DataFrame({"frequency": run["frequency"], **columns})


def compared(full: RunResult, run: RunResult) -> dict[str, float]:
    """What a run with a vocabulary shows of its theory, beside the full softmax it differs from.

    Both share the seed and are in the store. S(p) is predicted by adding the predicted shift to the
    logits of `full`.
    """
    options = run.run.objective
    assert isinstance(options, SupervisedConfig)
    table = shifts(run.per_class, full.per_class, options)
    found = agreement(table["measured"], table["predicted"])
    moved = logits_on_test(full) + table["predicted"].to_numpy()
    named = np.bincount(moved.argmax(1), minlength=len(table))
    return {
        "loss": run.metrics["loss"],
        "slope": found.slope,
        "R²": found.r2,
        "S(p) predicted": spearman(table["frequency"], named),
        "S(p)": run.metrics["spearman_predictions"],
        "accuracy": run.metrics["accuracy"],
        "never named": int((run.per_class["predictions"] == 0).sum()),
    }


def agreements(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """`Agreement` of each table of `shifts`, one row a label."""
    rows = {label: vars(agreement(t["measured"], t["predicted"])) for label, t in tables.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("label")


def recorded_shifts(seed: int) -> dict[str, pd.DataFrame]:
    """`shifts` of every recorded run of one seed, by label; empty if none is recorded."""
    known = load_results(FACTOR).index
    if (FULL, seed) not in known:
        return {}
    full = load_per_class(FACTOR, FULL, seed)
    return {
        label: shifts(load_per_class(FACTOR, label, seed), full, options)
        for label, options in _options().items()
        if (label, seed) in known and options.draws_from(len(full))
    }


def _options() -> dict[str, SupervisedConfig]:
    """Label of each run of the factor that classifies -> its options."""
    runs = experiment(FACTOR).runs().items()
    return {label: o for label, run in runs if isinstance(o := run.objective, SupervisedConfig)}


def recorded_agreements() -> pd.DataFrame:
    """Theory against the recorded runs, indexed by (label, seed).

    Columns remaining, as predicted; S(p), as measured; `Agreement` of the shifts, nan for `FULL`.
    """
    metrics = load_results(FACTOR)
    seeds = metrics.index.unique("seed")
    found = pd.concat({s: agreements(recorded_shifts(s)) for s in seeds}, names=["seed"])
    found = found.swaplevel().reindex(metrics.index)
    found.insert(0, "S(p)", metrics["spearman_predictions"])
    frequency = load_per_class(FACTOR, *metrics.index[0])["frequency"]
    left = {k: remaining(frequency, inclusion(frequency, o)) for k, o in _options().items()}
    found.insert(0, "remaining", [left[label] for label, _ in metrics.index])
    return found


def recorded_table(found: pd.DataFrame) -> pd.DataFrame:
    """`recorded_agreements` as text, one row a label: means over seeds with t intervals.

    The share of the prior is known and has none; a full softmax has no shift to compare.
    """
    rows = {}
    for label, group in found.groupby("label", sort=False):
        left, *measured = (group[c] for c in ("remaining", "S(p)", "slope", "r2"))
        cells = ["–" if each.isna().any() else intervals.text(each) for each in measured]
        rows[label] = [f"{left.mean():.2f}", *cells]
    columns = ["share left, predicted", "S(p)", "slope", "R²"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def united(sources: Mapping[str, Iterable[str]]) -> pd.DataFrame:
    """Accuracy and S(p) of recorded runs of several factors (factor -> labels), and the factor."""
    parts = []
    for name, labels in sources.items():
        runs = load_results(name)
        runs = runs[runs.index.isin(list(labels), level="label")]
        parts.append(runs[["accuracy", "spearman_predictions"]].assign(factor=name))
    return pd.concat(parts)


def logits_on_test(record: RunResult) -> npt.NDArray[np.float64]:
    """Logits of a classifier on the test pictures, recomputed from its checkpoint: [M, C].

    Without what is applied after training (logit adjustment, tau-normalisation).
    """
    state = weights(record.folder / "checkpoint")
    return float(state["head.temperature.log_scale"].exp()) * cosines_on_test(record)


def paper_vocabularies() -> pd.DataFrame:
    """The paper's vocabularies beside the theory, which has seen none of its trainings.

    Returns:
        One row a run: series (head and law), V, S(a), S(p), accuracy (nan where the released
        figure hides it), and remaining, from a profile with the Gini coefficient of
        ImageNet-Captions and 64 pictures to a vocabulary.
    """
    frequency = profile_counts("incaps", PAPER_CLASSES, PAPER_PICTURES)
    rows = []
    for name, figure, method, law in PAPER_SERIES:
        for size in (50, 100, 200, 500, PAPER_CLASSES):
            full = size == PAPER_CLASSES
            values = paper.table("fig19" if full and figure == "released" else figure)
            values = values[values["method"] == ("sl" if full else f"{method}-{size}")]
            measured = values.set_index("metric")["value"]
            bias = measured["spearman_accuracy"], measured["spearman_predictions"]
            options = SupervisedConfig(size, law, vocabulary_group=PAPER_MICRO_BATCH)
            left = remaining(frequency, inclusion(frequency, options, draws=1_000))
            rows.append((name, size, *bias, measured.get("accuracy", np.nan), left))
    columns = ["series", "V", "S(a)", "S(p)", "accuracy", "remaining"]
    return pd.DataFrame(rows, columns=columns)


def inverted_pairs(table: pd.DataFrame) -> tuple[int, int]:
    """Pairs of `paper_vocabularies` that differ in what is left; how many S(p) puts otherwise."""
    left, bias = (table[c].to_numpy() for c in ("remaining", "S(p)"))
    one, other = np.triu_indices(len(table), k=1)
    predicted, measured = left[one] - left[other], bias[one] - bias[other]
    differ = np.abs(predicted) > 1e-9
    return int(differ.sum()), int((predicted * measured < 0)[differ].sum())


def plot_presence(prior: npt.ArrayLike, counted: Mapping[int, npt.ArrayLike]) -> Figure:
    """Chance of being present against share: counted (dots) on the formula (lines), by group size.

    `prior` are the classes' shares, float [C]; `counted` has a float [C] for each size m.
    """
    share = np.asarray(prior)
    grid = np.geomspace(share.min(), share.max(), 200)
    figure, axes = plt.subplots(figsize=(6.4, 3.6))
    looks = zip(style.PALETTE, "oDsv^P", strict=False)
    for (m, values), (color, marker) in zip(counted.items(), looks, strict=False):
        axes.plot(grid, 1 - (1 - grid) ** (m - 1), color=color, linestyle="-", linewidth=1)
        look = style.look(color, marker, f"m = {m}")
        axes.plot(share, values, linestyle="", alpha=0.7, **look)
    axes.set(xscale="log", yscale="log", xlabel="share of the training pictures")
    axes.set_ylabel("chance of being present")
    axes.legend(title="pictures in the group")
    return figure


def plot_laws(
    frequency: npt.ArrayLike, size: int, laws: Sequence[Sampling], vocabulary_group: int = 32
) -> Figure:
    """Inclusion probability, and what is left of the log prior, against frequency, int [C] > 0."""
    counts = np.sort(np.asarray(frequency))
    figure, (left, right) = style.panels(2, 4, 3.2)
    every_class = LAW_LOOKS[FULL] | {"linestyle": "-", "label": "all classes: the log prior"}
    prior = residual_prior(counts, np.ones(len(counts)))
    right.plot(counts, prior, markevery=6, **every_class)
    for law in laws:
        included = inclusion(counts, SupervisedConfig(size, law, vocabulary_group))
        look = LAW_LOOKS[law] | {"linestyle": LAW_LINES.get(law, "-."), "markevery": 6}
        left.plot(counts, included, **look, label=law)
        right.plot(counts, residual_prior(counts, included), **look)
    left.set(xscale="log", yscale="log", xlabel="training pictures", ylim=(0.003, 1.3))
    left.set_ylabel("probability of being in the vocabulary")
    left.set_title(f"V = {size}, groups of {vocabulary_group}")
    right.set(xscale="log", xlabel="training pictures", ylim=(-3.2, 4.8))
    right.set_ylabel("what is left of the log prior")
    left.legend()
    right.legend()
    return figure


def plot_remaining(table: pd.DataFrame) -> Figure:
    """Share of the prior that is left against V, one line a law, of `remaining_curve`."""
    figure, axes = plt.subplots(figsize=(6, 3.4))
    for law, values in table.items():
        look = LAW_LOOKS[str(law)] | {"linestyle": LAW_LINES[str(law)], "label": str(law)}
        axes.plot(table.index, values, **look)
    axes.set(xlabel="vocabulary size V", ylabel="share of the log prior left", ylim=(0, 1.05))
    axes.legend(title="filled up by")
    return figure


def plot_shifts(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Measured against predicted `shifts`, one dot a class and one panel a run."""
    figure, panels = style.panels(len(tables), 2.6, 3.1, sharey=True)
    for axes, (title, table) in zip(panels, tables.items(), strict=True):
        found = agreement(table["measured"], table["predicted"])
        ends = np.array([table["predicted"].min(), table["predicted"].max()])
        axes.plot(ends, ends, color="#888888", linestyle="--", linewidth=1, label="as predicted")
        axes.plot(ends, found.slope * ends, color="black", linestyle="-", label="fitted")
        dots = LAW_LOOKS[law_of(title)] | {"linestyle": "", "alpha": 0.6, "markersize": 4}
        axes.plot(table["predicted"], table["measured"], **dots)
        axes.set_title(f"{title}\nslope {found.slope:.2f}, R² {found.r2:.2f}")
        axes.set_xlabel("predicted shift")
    panels[0].set_ylabel("measured shift of the mean logit")
    panels[0].legend(loc="upper left")
    return figure


def plot_epochs(table: pd.DataFrame) -> Figure:
    """Slope of the shift, and accuracy, against epochs: a marker a seed, lines of means.

    `table` has columns epochs, seed, slope and accuracy.
    """
    figure, panels = style.panels(2, 3.6, 3.0)
    names = {"slope": "slope: measured shift on predicted", "accuracy": "accuracy, in-batch"}
    for axes, (column, name) in zip(panels, names.items(), strict=True):
        mean = table.groupby("epochs")[column].mean()
        axes.plot(mean.index, mean, color=style.BLACK, linestyle="-")
        for (seed, group), marker in zip(table.groupby("seed"), "osD", strict=False):
            axes.plot(group["epochs"], group[column], f"k{marker}", label=f"seed {seed}", alpha=0.6)
        axes.set(xlabel="epochs", ylabel=name, ylim=(0, None), xticks=list(mean.index))
    panels[0].axhline(1, color="#888888", linestyle="--", linewidth=1)
    panels[1].legend(loc="lower right")
    return figure


def plot_collapse(found: pd.DataFrame) -> Figure:
    """Measured S(p) against the share of the prior that should be left, one marker a run.

    Of `recorded_agreements`: means over seeds with t intervals.
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.8))
    named: set[str] = set()
    for label, group in found.groupby("label", sort=False):
        law = law_of(str(label))
        look = LAW_LOOKS[law] | {"label": None if law in named else law}
        values = {group["remaining"].mean(): group["S(p)"]}
        intervals.draw_curve(axes, values, **look, linestyle="")
        named.add(law)
    axes.set(xlabel="share of the log prior left, as predicted", ylabel="S(p), measured")
    axes.legend(loc="lower right")
    return figure


def plot_beside_theory(table: pd.DataFrame) -> Figure:
    """`paper_vocabularies`: S(p) against the share of the prior that should be left, by series."""
    figure, axes = plt.subplots(figsize=(6.4, 3.8))
    for (name, _, _, law), fill in zip(PAPER_SERIES, (None, "white", "white"), strict=True):
        group = table[table["series"] == name].sort_values("remaining")
        look = LAW_LOOKS[law] | {"linestyle": LAW_LINES[law], "markerfacecolor": fill}
        axes.plot(group["remaining"], group["S(p)"], **look, label=name)
    for _, row in table[table["V"] < table["V"].max()].iterrows():
        beside: style.Look = {"xytext": (4, -8), "textcoords": "offset points", "fontsize": 7}
        axes.annotate(f"{row['V']}", (row["remaining"], row["S(p)"]), **beside)
    axes.set(xlabel="share of the log prior left, as predicted", ylabel="S(p), the paper's")
    axes.legend(loc="lower right")
    return figure


def plot_plane(found: pd.DataFrame) -> Figure:
    """Accuracy against S(p), all methods of `united`: means over seeds with both t intervals.

    Vocabularies have the look of their law, CLIPs that of their method, remedies a marker each.
    """
    figure, axes = plt.subplots(figsize=(8, 4.8))
    remedies = iter(REMEDY_MARKERS)
    for name, label in found.reset_index()[["factor", "label"]].drop_duplicates().to_numpy():
        group = found[found["factor"] == name].loc[label]
        x, y = (intervals.interval(group[m]) for m in ("spearman_predictions", "accuracy"))
        if name == FACTOR:
            law, size = law_of(label), label.split()[-1]
            called = "SL, all classes" if law == FULL else f"vocabulary, {law}"
            look = LAW_LOOKS[law] | {"label": called}
            if law == "in-batch" and size.isdigit():
                style.annotate(axes, size, (x.estimate, y.estimate))
            if law == FULL:
                look |= {"markersize": 9, "zorder": 3}
        elif label in style.METHODS:
            look = style.of(label)
        else:
            look = style.look("#666666", next(remedies), label) | {"markersize": 8}
        # Half the interval's width; nan, which draws nothing, for a single seed.
        reach: style.Look = {"xerr": (x.high - x.low) / 2, "yerr": (y.high - y.low) / 2}
        axes.errorbar(x.estimate, y.estimate, **look, **reach, linestyle="", elinewidth=0.8)
    axes.set(xlabel="S(p): Spearman of frequency and number of predictions", ylabel="accuracy")
    style.legend(figure, "outside right upper", ncols=1)
    return figure
