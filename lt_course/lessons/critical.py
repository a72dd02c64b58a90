"""What a critical reading of the paper and its release can be checked with.

The paper: Wen et al., NeurIPS 2024, arXiv 2405.21070. Its release was read, not run; what is here
replays parts of it from what anybody can get: the class counts, the printed numbers, the list of
open models, and arithmetic. The page ``book/critical_reading`` tells the story.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import open_clip
import pandas as pd
from open_clip.pretrained import get_pretrained_cfg

from lt_course.errors import CourseError
from lt_course.evidence import paper
from lt_course.training.schedules import Schedule

RARE = 10
"""Table 1 lists the ImageNet classes with fewer captions than this in YFCC-15M."""

SCHEDULES: dict[str, Schedule] = {
    "the paper's words: ÷ 10 at 30, 50, 70": Schedule("step", 0.1, 90, milestones=(30, 50, 70)),
    "what --scheduler step gives: cosine": Schedule("cosine", 0.1, 90),
    "what --scheduler cosine gives: ÷ 10 every 30": Schedule("step", 0.1, 90, milestones=(30, 60)),
}
"""Three accounts of one learning rate: SGD's, one value an epoch, for 90 epochs."""

FIGURE_8: dict[str, tuple[int, float, int, float, bool]] = {
    "SL": (256, 90, 64, 0.1, False),
    "SL, frozen head": (256, 90, 64, 0.1, False),
    "SL, frozen head, subsampled vocabulary": (1024, 90, 256, 0.4, False),
    "CLIP, text tower from scratch or frozen": (1024, 32, 256, 1e-3, True),
}
"""Methods of Fig. 8 as the released scripts start them: batch, epochs, pictures per GPU, peak
learning rate, whether an epoch's last, partial batch is dropped."""


def table_1(counts: pd.Series) -> pd.DataFrame:
    """Replay how the release pairs rare classes with accuracies in Table 1.

    Its notebook sorts the classes by frequency, numbers the sorted rows 0, 1, …, takes the numbers
    of the rows with fewer than `RARE` captions, and uses them as ids in a list of accuracies that
    is in ImageNet's own order.

    Args:
        counts: captions of each class, indexed by name, in ImageNet's order (YFCC-15M's file).

    Returns:
        One row a printed accuracy: ``captions`` (of the rare class it is printed for), ``id`` (of
        the class it was looked up for), ``class`` and ``captions of the class`` (that one's name
        and frequency), ``accuracy`` (as printed, 0 … 1).

    Raises:
        CourseError: if the counts do not have as many rare classes as the table has rows.
    """
    ranked = counts.sort_values(ascending=False, kind="stable")
    ids = np.flatnonzero(ranked.to_numpy() < RARE)
    printed = paper.table("table1")["value"].to_numpy()
    if len(ids) != len(printed):
        raise CourseError(
            f"Argument 'counts' has {len(ids)} classes below {RARE} captions, Table 1 has "
            f"{len(printed)}; give the counts of yfcc15m_imagenet_ori."
        )
    return pd.DataFrame(
        {
            "captions": ranked.to_numpy()[ids],
            "id": ids,
            "class": counts.index[ids],
            "captions of the class": counts.to_numpy()[ids],
            "accuracy": printed,
        }
    )


def misindexed(per_class: pd.DataFrame, rarest: int) -> pd.DataFrame:
    """The same slip on a table of our own: what it says of the rarest classes, and the truth.

    Args:
        per_class: a run's table, one row a class in class order, with frequency and accuracy.
        rarest: how many of the rarest classes to ask about.

    Returns:
        Two rows, ``right index`` and ``index of the sorted table``; columns ``mean frequency``
        and ``mean accuracy`` of the classes looked up.
    """
    order = per_class["frequency"].to_numpy().argsort(kind="stable")[::-1]
    asked = {
        "right index": order[-rarest:],
        "index of the sorted table": np.arange(len(order))[-rarest:],
    }
    return pd.DataFrame(
        {
            name: per_class.iloc[rows][["frequency", "accuracy"]].mean()
            for name, rows in asked.items()
        }
    ).T.rename(columns=lambda column: f"mean {column}")


def expected_classes(counts: npt.ArrayLike, batch: int) -> float:
    """Expected number of distinct classes among pictures drawn independently.

    Args:
        counts: [C], pictures of each class.
        batch: pictures drawn, B.

    Returns:
        The sum over classes of 1 - (1 - p_c)^B.
    """
    share = np.asarray(counts, dtype=np.float64)
    share = share / share.sum()
    return float(-np.expm1(batch * np.log1p(-np.minimum(share, 1 - 1e-15))).sum())


def steps(pictures: int, batch: int, epochs: float, drop_last: bool) -> int:
    """Optimiser steps of a training; `drop_last` leaves out an epoch's last, partial batch."""
    per_epoch = pictures // batch if drop_last else math.ceil(pictures / batch)
    return round(per_epoch * epochs)


def figure_8(pictures: int) -> pd.DataFrame:
    """What differs between the methods of Fig. 8 besides what it compares.

    Args:
        pictures: training pictures.

    Returns:
        One row a method: batch, pictures per GPU, peak learning rate, epochs, steps.
    """
    return pd.DataFrame.from_dict(
        {
            name: {
                "batch": batch,
                "pictures per GPU": share,
                "peak learning rate": rate,
                "epochs": epochs,
                "steps": steps(pictures, batch, epochs, drop_last),
            }
            for name, (batch, epochs, share, rate, drop_last) in FIGURE_8.items()
        },
        orient="index",
    )


def shared_weights(tags: Sequence[str] = ("cc12m", "yfcc15m")) -> pd.DataFrame:
    """Models that open_clip lists under more names than it has weights for.

    Args:
        tags: names of pre-training sets.

    Returns:
        One row a file of weights, in open_clip's order: ``models``, its names there, and
        ``trained with QuickGELU``, what open_clip says of it.
    """
    listed = [(model, tag) for model, tag in open_clip.list_pretrained() if tag in tags]
    found = pd.DataFrame(
        {
            "weights": get_pretrained_cfg(model, tag)["url"].rsplit("/", 1)[-1],
            "models": f"{model}, {tag}",
            "trained with QuickGELU": get_pretrained_cfg(model, tag).get("quick_gelu", False),
        }
        for model, tag in listed
    )
    return found.groupby("weights", sort=False).agg(
        {"models": "; ".join, "trained with QuickGELU": "all"}
    )


def centred_targets(
    scores: npt.NDArray[np.floating], temperature: float = 0.04
) -> npt.NDArray[np.float64]:
    """DINO's targets: scores less their mean over pictures, then a softmax (arXiv 2104.14294).

    The running mean of many steps is put as the mean of this batch.

    Args:
        scores: float [B, K], the teacher's, of B pictures for K prototypes.
        temperature: the teacher's.

    Returns:
        float [B, K], rows sum to 1.
    """
    logits = (scores - scores.mean(0)) / temperature
    weights = np.exp(logits - logits.max(1, keepdims=True))
    return weights / weights.sum(1, keepdims=True)


def sinkhorn_targets(
    scores: npt.NDArray[np.floating], temperature: float = 0.04, iterations: int = 3
) -> npt.NDArray[np.float64]:
    """The release's targets: rows and columns are scaled in turn, so that prototypes share alike.

    Args:
        scores: float [B, K], the teacher's, of B pictures for K prototypes.
        temperature: the teacher's.
        iterations: of Sinkhorn and Knopp's scaling.

    Returns:
        float [B, K], rows sum to 1.
    """
    weights = np.exp((scores - scores.max()) / temperature)
    for _ in range(iterations):
        weights = weights / weights.sum(0) / scores.shape[1]
        weights = weights / weights.sum(1, keepdims=True) / scores.shape[0]
    return weights * scores.shape[0]


def imbalanced_scores(
    pictures: int = 512, prototypes: int = 64, seed: int = 0
) -> npt.NDArray[np.float64]:
    """A teacher's cosines for pictures of classes with frequencies as 1 / rank, one prototype each.

    Returns:
        float [pictures, prototypes], each picture nearest to the prototype of its class.
    """
    generator = np.random.default_rng(seed)
    share = 1 / np.arange(1, prototypes + 1)
    own = generator.choice(prototypes, size=pictures, p=share / share.sum())
    scores = generator.normal(0, 0.1, size=(pictures, prototypes))
    scores[np.arange(pictures), own] += 0.5
    return scores
