"""Transfer: how well frozen features serve another task (Sec. 4.2, Table 2 and Fig. 10).

The paper's linear evaluation (arXiv 1805.08974 and 2011.13377) is logistic regression on features
as they come, with one of 45 l2 penalties: chosen on the validation pictures, fitted again on these
and the training pictures together, measured once on the test. Beside it stands a weighted
k-nearest-neighbor classifier, which has nothing to fit (DINO, arXiv 2104.14294).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from lt_course.data.transfer_sets import Metric
from lt_course.errors import CourseError
from lt_course.evaluation.bias import per_class

Floats = npt.NDArray[np.float64]

PENALTIES: Floats = np.logspace(-6, 5, 45)
"""The grid of λ, in the sum of losses + λ/2 |W|^2."""

TOLERANCE, MAX_STEPS = 1e-5, 1_000
"""A fit ends once no partial derivative of the mean loss exceeds the former, in coordinates in
which features vary by 1."""


@dataclass(frozen=True, eq=False)
class FeatureSet:
    """Features and labels of one part of a transfer set, both on the CPU.

    Attributes:
        features: float [N, D].
        labels: int64 [N], 0 … C-1; or, with several labels a picture, int64 [N, C]: 1 shown, 0
            not shown, -1 not counted.
    """

    features: Tensor
    labels: Tensor

    def __add__(self, other: FeatureSet) -> FeatureSet:
        """Both, one after the other."""
        return FeatureSet(
            torch.cat([self.features, other.features]), torch.cat([self.labels, other.labels])
        )


@dataclass(frozen=True, eq=False)
class Linear:
    """A linear classifier: scores are features @ weight + bias; [D, C] and [C], float64."""

    weight: Tensor
    bias: Tensor

    def __call__(self, features: Tensor) -> Tensor:
        """Scores of features [N, D]: float64 [N, C]."""
        return features.double() @ self.weight + self.bias


@dataclass(frozen=True, eq=False)
class Probe:
    """What a linear evaluation found.

    Attributes:
        score: the metric on the test, 0 … 1.
        penalty: the λ that was chosen.
        validation: float [P], the metric on the validation pictures for each penalty tried.
        classifier: fitted on training and validation pictures.
    """

    score: float
    penalty: float
    validation: Floats
    classifier: Linear


def linear_probe(
    train: FeatureSet,
    validation: FeatureSet,
    test: FeatureSet,
    classes: int,
    metric: Metric = "top-1",
    *,
    penalties: Floats = PENALTIES,
) -> Probe:
    """Choose one of P penalties > 0 on validation, fit again on both, measure on the test.

    Of penalties that do equally well the largest is taken.

    Raises:
        CourseError: if shapes or labels do not fit, a penalty is not positive, or a fit does not
            converge.
    """
    down = np.argsort(-penalties)
    scores = np.empty(len(penalties))
    for index, classifier in zip(down, _path(train, classes, penalties[down]), strict=True):
        scores[index] = evaluate(metric, classifier(validation.features), validation.labels)
    penalty = float(penalties[down][np.argmax(scores[down])])
    classifier = fit(train + validation, classes, penalty)
    score = evaluate(metric, classifier(test.features), test.labels)
    return Probe(score, penalty, scores, classifier)


def fit(
    sample: FeatureSet, classes: int, penalty: float, *, tolerance: float = TOLERANCE
) -> Linear:
    """Logistic regression with an l2 penalty λ > 0: argmin of the sum of losses + λ/2 |W|^2.

    One label a picture: multinomial, the loss is softmax cross-entropy; a class without pictures
    scores -inf. Several: one binary regression a class. The bias is not penalised. Errors are those
    of `linear_probe`, the tolerance is explained at `TOLERANCE`.
    """
    return next(_path(sample, classes, np.array([penalty]), tolerance))


def _path(
    sample: FeatureSet, classes: int, penalties: Floats, tolerance: float = TOLERANCE
) -> Iterator[Linear]:
    """The classifier of each penalty; every fit starts where the last one ended."""
    _require_fitting(sample, classes)
    if not ((penalties > 0) & np.isfinite(penalties)).all():
        raise CourseError(f"penalties are {penalties.tolist()}; penalties must be positive.")
    x, y = sample.features.double().numpy(), sample.labels.numpy()
    # The same minimum, in coordinates in which the tolerance means the same for all features.
    mean = x.mean(0)
    scale = (x - mean).std() or 1.0
    x = (x - mean) / scale
    penalties = penalties / scale**2
    fits: Iterator[Any]
    told = np.unique(y) if y.ndim == 1 else np.arange(classes)
    if y.ndim == 2:
        columns = [_logistic(x[c >= 0], c[c >= 0], penalties, tolerance) for c in y.T]
        fits = (map(np.concatenate, zip(*each, strict=True)) for each in zip(*columns, strict=True))
    elif len(told) == 2:
        # scikit-learn fits w = w1 - w0; where w1 = -w0, |w|^2 is twice |w0|^2 + |w1|^2.
        half = np.array([[-0.5], [0.5]])
        halved = _logistic(x, y, penalties / 2, tolerance)
        fits = ((half * weight, half[:, 0] * bias) for weight, bias in halved)
    else:
        fits = _logistic(x, y, penalties, tolerance)
    for weights, biases in fits:
        weight, bias = np.zeros((classes, x.shape[1])), np.full(classes, -np.inf)
        weight[told], bias[told] = weights / scale, biases
        yield Linear(torch.from_numpy(weight.T), torch.from_numpy(bias - weight @ mean))


def _logistic(
    x: Floats, y: npt.NDArray[np.int64], penalties: Floats, tolerance: float
) -> Iterator[tuple[Floats, Floats]]:
    """scikit-learn's weight [K, D] and bias [K] for K labels; for two, [1, D] and [1]."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(
        solver="newton-cg", tol=tolerance, max_iter=MAX_STEPS, warm_start=True
    )
    for penalty in penalties:
        if (y == y[0]).all():
            yield np.zeros((1, x.shape[1])), np.zeros(1)
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", ConvergenceWarning)
                model.set_params(C=1 / penalty).fit(x, y)
        except ConvergenceWarning as warning:
            raise CourseError(
                f"Logistic regression did not converge in {MAX_STEPS} steps; look for features of "
                "very different size."
            ) from warning
        yield model.coef_.copy(), model.intercept_.copy()


@torch.no_grad()
def nearest_neighbours(
    bank: FeatureSet,
    features: Tensor,
    classes: int,
    *,
    k: int = 20,
    temperature: float = 0.07,
    batch: int = 1_024,
) -> Tensor:
    """Scores of a weighted k-nearest-neighbor classifier (DINO, arXiv 2104.14294, App. F).

    Each of the k pictures of the bank with the highest cosine votes for its labels (-1 for nothing)
    with weight exp(cosine / temperature); scores are shares of the votes, float64 [M, C], 0 … 1.

    Args:
        bank: N pictures with known labels, as a rule training and validation.
        features: float [M, D].
        classes: C.
        k: neighbors, 1 … N.
        temperature: > 0; the smaller, the more the nearest count.
        batch: pictures asked about at a time; memory is O(batch N).

    Raises:
        CourseError: if shapes or labels do not fit, or k or the temperature is out of range.
    """
    _require_fitting(bank, classes)
    if not 1 <= k <= len(bank.features) or temperature <= 0:
        raise CourseError(
            f"k is {k} and temperature {temperature:g}; the bank of {len(bank.features)} pictures "
            "allows k from 1 to that number, and a temperature must be positive."
        )
    labels = bank.labels
    votes = F.one_hot(labels, classes) if labels.ndim == 1 else labels.clamp(min=0)
    known = F.normalize(bank.features.double(), dim=1)
    scores = []
    for part in features.split(batch):
        cosine, nearest = (F.normalize(part.double(), dim=1) @ known.T).topk(k, dim=1)
        weight = (cosine / temperature).softmax(1)
        scores.append(torch.einsum("mk,mkc->mc", weight, votes[nearest].double()))
    return torch.cat(scores)


def evaluate(metric: Metric, scores: Tensor, labels: Tensor) -> float:
    """A metric of scores float [N, C] and labels, int64 [N] or several [N, C]: 0 … 1.

    ``top-1`` is the share of pictures whose label scores highest; ``mean per class`` the mean of
    that share over the classes that have a picture; ``11-point mAP``, of several labels, the mean
    of `eleven_point_precision` over the classes that a picture shows.

    Raises:
        CourseError: if labels do not fit the metric or the scores, or no picture shows anything.
    """
    several = metric == "11-point mAP"
    expected = scores.shape if several else scores.shape[:1]
    if labels.shape != expected or not len(labels):
        raise CourseError(
            f"The metric {metric!r} of scores {list(scores.shape)} needs labels of shape "
            f"{list(expected)}; these have {list(labels.shape)}."
        )
    if several:
        precision = [
            eleven_point_precision(scores[counted, c].numpy(), labels[counted, c].numpy())
            for c, counted in enumerate((labels >= 0).T)
            if (labels[:, c] == 1).any()
        ]
        if not precision:
            raise CourseError("No picture shows any class, so there is no average precision.")
        return float(np.mean(precision))
    predictions = scores.argmax(1)
    if metric == "top-1":
        return float((predictions == labels).double().mean())
    accuracy, _ = per_class(labels.numpy(), predictions.numpy(), scores.shape[1])
    return float(np.nanmean(accuracy))


def eleven_point_precision(scores: npt.ArrayLike, shown: npt.ArrayLike) -> float:
    """VOC 2007's average precision: mean over recalls 0, 0.1 … 1 of the best precision there on.

    Scores and ``shown``, 1 or 0, are [N], with at least one 1; pictures of equal score are ranked
    together.
    """
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(shown, scores)
    # scikit-learn, and the paper's code with it, ends in a point of recall 0 and precision 1, which
    # VOC's definition has not: it lifts every value by up to 1/11.
    precision, recall = precision[:-1], recall[:-1]
    # Recall is a ratio of whole numbers, 0.3 is not: 3 of 10 must reach it.
    tenths = np.arange(11) / 10 - 1e-12
    return float(np.mean([precision[recall >= tenth].max() for tenth in tenths]))


def _require_fitting(sample: FeatureSet, classes: int) -> None:
    features, labels = sample.features, sample.labels
    if features.ndim != 2 or len(features) < 2 or len(labels) != len(features):
        raise CourseError(
            f"features has shape {list(features.shape)} and labels {list(labels.shape)}; give a "
            "row of features and labels for each of two or more pictures."
        )
    if not features.isfinite().all():
        raise CourseError("A feature is not finite; look at the model that computed it.")
    least, greatest = (0, classes - 1) if labels.ndim == 1 else (-1, 1)
    if labels.min() < least or labels.max() > greatest or labels.shape[1:] not in ((), (classes,)):
        raise CourseError(
            f"labels has shape {list(labels.shape)} and holds {int(labels.min())} … "
            f"{int(labels.max())}; with {classes} classes it must be [N], from 0 to {classes - 1}, "
            f"or [N, {classes}] of 1, 0 and -1."
        )
