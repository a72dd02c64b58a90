"""Transfer: how well frozen features serve another task (Sec. 4.2, Table 2 and Fig. 10).

The linear evaluation is that of Kornblith et al. (arXiv 1805.08974) and Ericsson et al. (arXiv
2011.13377), which the paper uses: multinomial logistic regression with an l2 penalty, fitted by
L-BFGS; 45 penalties from 1e-6 to 1e5, chosen on the validation pictures; fitted again on training
and validation pictures together; measured once on the test. Beside it a weighted k-nearest-
neighbour classifier, which has nothing to fit (DINO, arXiv 2104.14294).

Features are taken as they come, as in the paper: the penalty then acts on their own scale, which
the grid's eleven decades allow for. With ``standardise`` every dimension is first brought to mean
0 and variance 1 over the pictures that are fitted on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from scipy import optimize
from torch import Tensor

from lt_course.data.transfer_sets import Metric
from lt_course.errors import CourseError
from lt_course.evaluation.bias import per_class

Floats = npt.NDArray[np.float64]

PENALTIES: Floats = np.logspace(-6, 5, 45)
"""The grid: λ in the sum of losses + λ/2 |W|^2. In scikit-learn's words, C = 1/λ."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Features and labels of one part of a transfer set, both on the CPU.

    Attributes:
        features: float [N, D].
        labels: int64 [N], 0 … C-1; or, with several labels a picture, int64 [N, C]: 1 shown, 0
            not shown, -1 not counted.
    """

    features: Tensor
    labels: Tensor

    def __add__(self, other: Sample) -> Sample:
        """Both, one after the other."""
        return Sample(
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
    train: Sample,
    validation: Sample,
    test: Sample,
    classes: int,
    metric: Metric = "top-1",
    *,
    penalties: Floats = PENALTIES,
    standardise: bool = False,
) -> Probe:
    """Choose the penalty on validation, fit again on both, measure on the test.

    The grid is walked from the largest penalty down, each fit starting where the last one ended.
    Of penalties that do equally well the largest is taken.

    Args:
        train: fitted on while the penalty is chosen.
        validation: the penalty is chosen on.
        test: measured on, once.
        classes: C.
        metric: how all of it is measured.
        penalties: float [P], positive.
        standardise: bring features to mean 0 and variance 1 over what is fitted on.

    Raises:
        CourseError: if shapes or labels do not fit, a penalty is not positive, or a fit does not
            converge.
    """
    down = np.argsort(-penalties)
    fitted = _Fitting(train, classes, standardise).path(penalties[down])
    found = [evaluate(metric, fit(validation.features), validation.labels) for fit in fitted]
    best = int(np.argmax(found))
    scores = np.empty(len(penalties))
    scores[down] = found
    penalty = float(penalties[down][best])
    classifier = _Fitting(train + validation, classes, standardise).path(np.array([penalty]))[0]
    score = evaluate(metric, classifier(test.features), test.labels)
    return Probe(score, penalty, scores, classifier)


def fit(sample: Sample, classes: int, penalty: float, *, tolerance: float = 1e-5) -> Linear:
    """Logistic regression with an l2 penalty λ: argmin of the sum of losses + λ/2 |W|^2.

    One label a picture: multinomial, the loss is softmax cross-entropy. Several: one binary
    regression a class. The bias is not penalised.

    Args:
        sample: what to fit, N pictures.
        classes: C.
        penalty: λ > 0.
        tolerance: stop once no partial derivative of the mean loss exceeds it (in the
            coordinates of the solver, in which the curvature is about 1).

    Raises:
        CourseError: as `linear_probe`.
    """
    return _Fitting(sample, classes, standardise=False).path(np.array([penalty]), tolerance)[0]


class _Fitting:
    """One data set, fitted with one penalty after the other.

    L-BFGS is quick where the curvature is alike in all directions. So features are centred (the
    bias takes that up) and turned to their principal axes (which leaves |W| as it is), and each
    axis is scaled by the square root of its curvature at W = 0. The minimum is the same.
    """

    def __init__(self, sample: Sample, classes: int, standardise: bool) -> None:
        features = sample.features.double()
        _require_fitting(sample, classes)
        self.mean = features.mean(0)
        features = features - self.mean
        self.scale = torch.ones_like(self.mean)
        if standardise:
            deviation = features.square().mean(0).sqrt()
            # A dimension that never varies stays 0.
            self.scale = torch.where(deviation > 0, 1 / deviation, 0)
            features = features * self.scale
        variance, self.axes = torch.linalg.eigh(features.T @ features / len(features))
        self.variance = variance.clamp(min=0)
        self.features = features @ self.axes
        self.loss = _loss(sample.labels)
        self.several = sample.labels.ndim == 2
        self.classes = classes

    def path(self, penalties: Floats, tolerance: float = 1e-5) -> list[Linear]:
        """The classifier of each penalty; every fit starts where the last one ended."""
        weight = torch.zeros(len(self.axes), self.classes, dtype=torch.float64)
        bias = torch.zeros(self.classes, dtype=torch.float64)
        fitted = []
        for penalty in penalties:
            if not 0 < penalty < np.inf:
                raise CourseError(f"A penalty is {penalty:g}; penalties must be positive.")
            weight, bias = self._solve(weight, bias, float(penalty), tolerance)
            turned = self.scale[:, None] * (self.axes @ weight)
            fitted.append(Linear(turned, bias - self.mean @ turned))
        return fitted

    def _solve(
        self, weight: Tensor, bias: Tensor, penalty: float, tolerance: float
    ) -> tuple[Tensor, Tensor]:
        N, D = self.features.shape
        # The mean of p (1 - p) where all classes are equally likely.
        curvature = 0.25 if self.several else (1 - 1 / self.classes) / self.classes
        scale = torch.ones(D + 1, 1, dtype=torch.float64)
        scale[:D, 0] = self.variance + penalty / (N * curvature)
        scale = (scale * curvature).rsqrt()

        def objective(point: Floats) -> tuple[float, Floats]:
            moved = torch.from_numpy(point).view(D + 1, -1).requires_grad_()
            parameters = moved * scale
            loss = self.loss(self.features @ parameters[:D] + parameters[D])
            total = (loss + penalty / 2 * parameters[:D].square().sum()) / N
            (gradient,) = torch.autograd.grad(total, moved)
            return total.item(), gradient.flatten().numpy()

        start = (torch.cat([weight, bias[None]]) / scale).flatten().numpy()
        found, _, report = optimize.fmin_l_bfgs_b(
            objective, start, m=20, factr=0, pgtol=tolerance, maxiter=5_000, maxfun=10_000
        )
        # The line search fails where the loss is flat to the last digit: that is a minimum too.
        if np.abs(report["grad"]).max() > 100 * tolerance:
            raise CourseError(
                f"Logistic regression with penalty {penalty:g} did not converge in "
                f"{report['nit']} steps; look for features of very different size, or standardise."
            )
        parameters = torch.from_numpy(found).view(D + 1, -1) * scale
        return parameters[:D], parameters[D]


def _loss(labels: Tensor) -> Callable[[Tensor], Tensor]:
    """The sum of losses, of scores [N, C]."""
    if labels.ndim == 1:
        return lambda scores: F.cross_entropy(scores, labels, reduction="sum")
    counted = (labels >= 0).double()
    shown = labels.clamp(min=0).double()
    return lambda scores: F.binary_cross_entropy_with_logits(
        scores, shown, weight=counted, reduction="sum"
    )


@torch.no_grad()
def nearest_neighbours(
    bank: Sample,
    features: Tensor,
    classes: int,
    *,
    k: int = 20,
    temperature: float = 0.07,
    batch: int = 1_024,
) -> Tensor:
    """Scores of a weighted k-nearest-neighbour classifier (DINO, arXiv 2104.14294, App. F).

    Each of the k pictures of the bank with the highest cosine votes for its labels with weight
    exp(cosine / temperature); scores are shares of the votes.

    Args:
        bank: pictures with known labels, as a rule training and validation; -1 votes for nothing.
        features: float [M, D].
        classes: C.
        k: neighbours, 1 … N.
        temperature: > 0; the smaller, the more the nearest count.
        batch: pictures asked about at a time; memory is O(batch N).

    Returns:
        float64 [M, C], 0 … 1.

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
    """A metric of scores, 0 … 1.

    ``top-1`` is the share of pictures whose label scores highest; ``mean per class`` the mean
    over classes of that share, classes without a picture left out; ``11-point mAP`` is the mean
    over classes of `eleven_point_precision`, classes that no picture shows left out.

    Args:
        metric: which.
        scores: float [N, C].
        labels: int64 [N], or int64 [N, C] for ``11-point mAP``.

    Raises:
        CourseError: if labels do not fit the metric or the scores, or no picture shows anything.
    """
    several = metric == "11-point mAP"
    if labels.shape != (scores.shape if several else scores.shape[:1]) or not len(labels):
        raise CourseError(
            f"The metric {metric!r} of scores {list(scores.shape)} needs labels of shape "
            f"{list(scores.shape if several else scores.shape[:1])}; these have "
            f"{list(labels.shape)}."
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

    Pictures of equal score are ranked together. (The curve of scikit-learn, which the paper's
    code calls, ends in an extra point of recall 0 and precision 1; that lifts every value by up
    to 1/11. The definition of VOC has no such point.)

    Args:
        scores: float [N].
        shown: [N], 1 or 0; at least one 1.

    Returns:
        0 … 1.
    """
    score, truth = np.asarray(scores, dtype=np.float64), np.asarray(shown, dtype=np.float64)
    order = np.argsort(-score, kind="stable")
    score, hits = score[order], np.cumsum(truth[order])
    last = np.append(score[1:] != score[:-1], True)
    recall = hits[last] / hits[-1]
    precision = hits[last] / (np.flatnonzero(last) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    # Recall is a ratio of whole numbers, 0.3 is not: 3 of 10 must reach it.
    return float(best[np.searchsorted(recall, np.arange(11) / 10 - 1e-12)].mean())


def _require_fitting(sample: Sample, classes: int) -> None:
    features, labels = sample.features, sample.labels
    if features.ndim != 2 or len(features) < 2 or len(labels) != len(features):
        raise CourseError(
            f"features has shape {list(features.shape)} and labels {list(labels.shape)}; give a "
            "row of features and labels for each of two or more pictures."
        )
    if not features.isfinite().all():
        raise CourseError("A feature is not finite; look at the model that computed it.")
    if labels.ndim == 1 and classes < 2:
        raise CourseError(f"classes is {classes}; there must be two or more to tell apart.")
    least, greatest = (0, classes - 1) if labels.ndim == 1 else (-1, 1)
    if labels.min() < least or labels.max() > greatest or labels.shape[1:] not in ((), (classes,)):
        raise CourseError(
            f"labels has shape {list(labels.shape)} and holds {int(labels.min())} … "
            f"{int(labels.max())}; with {classes} classes it must be [N], from 0 to {classes - 1}, "
            f"or [N, {classes}] of 1, 0 and -1."
        )
