"""Lessons 00 and 01: a run's CLIP before and after its training, what it says, and its cosines."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from torch import Tensor

from lt_course.data import icontail
from lt_course.data.augment import standardize
from lt_course.data.class_profiles import TrainSplit
from lt_course.data.tokenizer import tokens
from lt_course.evaluation.bias import per_class
from lt_course.evaluation.zero_shot import zero_shot_prototypes
from lt_course.lessons.equal_terms import trained
from lt_course.objectives.contrast import CLIP
from lt_course.plots import style
from lt_course.statistics import spearman
from lt_course.study import RunResult, training_set
from lt_course.study.execute import build_objective


def untrained_and_trained(record: RunResult) -> tuple[CLIP, CLIP]:
    """The CLIP of a run as its seed made it, and as its training left it; for evaluation."""
    dataset, after = trained(record)
    before = build_objective(record.run, dataset, None, torch.device("cpu"))
    assert isinstance(before, CLIP)
    assert isinstance(after, CLIP)
    return before.eval(), after


def names_in(split: TrainSplit, label: int, most: int) -> list[str]:
    """The commonest titles of a class's training drawings, `most` of them; fewer are repeated."""
    titles = icontail.load().titles
    own = Counter(titles[row] for row in split.image_ids[split.labels == label])
    return ([title for title, _ in own.most_common()] * most)[:most]


def asked_by_names(records: Sequence[RunResult], numbers: Sequence[int]) -> pd.DataFrame:
    """CLIPs on titles, each asked for every class by so many of its commonest training titles.

    One row a run and number of names: accuracy, that of the five most frequent classes, S(p).
    """
    rows = {}
    for record in records:
        split, (_, model) = training_set(record.run), untrained_and_trained(record)
        frequency, truth = split.frequency, record.arrays["labels"]
        pictures = torch.tensor(icontail.load().pictures[record.arrays["test"]])
        with torch.no_grad():
            features = model.image_features(standardize(pictures))
        top = np.argsort(-frequency, kind="stable")[:5]
        for most in numbers:
            names = [name for c in range(len(frequency)) for name in names_in(split, c, most)]
            prompts = tokens(names, model.options.context).unflatten(0, (-1, most))
            vectors = zero_shot_prototypes(model.text_features, prompts)
            said = (features @ vectors.T).argmax(1).numpy()
            accuracy, predictions = per_class(truth, said, len(frequency))
            rows[record.run.seed, most] = {
                "accuracy": accuracy.mean(),
                "accuracy, five most frequent": accuracy[top].mean(),
                "S(p)": spearman(frequency, predictions),
            }
    return pd.DataFrame(rows).T.rename_axis(["seed", "names asked"])


def cosines(matrices: Mapping[str, Tensor], titles: Sequence[str]) -> Figure:
    """Cosines of N drawings (rows) and their N titles (columns), float [N, N], a panel a model."""
    figure, panels = style.panels(len(matrices), 3.9, 4.3, sharey=True)
    for axes, (heading, matrix) in zip(panels, matrices.items(), strict=True):
        look: style.Look = {"annot": True, "fmt": ".1f", "annot_kws": {"fontsize": 7}}
        rounded = matrix.numpy().round(1) + 0.0  # which has no minus zero
        style.matrix(axes, rounded, "PuOr", -1, 1, linewidths=0.5, **look)
        places = [place + 0.5 for place in range(len(titles))]
        axes.set_xticks(places, titles, rotation=90, fontsize=8)
        axes.set_yticks(places, titles, rotation=0, fontsize=8)
        axes.set(title=heading, xlabel="title")
        axes.grid(visible=False)
    panels[0].set_ylabel("drawing, by its own title")
    return figure
