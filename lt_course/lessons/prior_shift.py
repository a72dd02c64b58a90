"""What a vocabulary does to the prior: the theory of lesson 04.

Let A be the vocabulary of a picture x with label y, and pi_c = P(c in A | y is not c). An
uncorrected softmax over A has the optimum

    f_c(x) = log p(c | x) - log pi_c + constant(x)

exactly if, besides y, every class is in A independently of the others, with probability pi_c, and
closely for the laws of `lt_course.objectives.classify`, whose classes compete for places. So the
log prior that is part of log p(c | x) loses log pi_c. A full softmax has pi = 1 and keeps all of
it; pi in proportion to the prior would remove all of it, as balanced softmax does
(arXiv 2007.10740).
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import torch

from lt_course.errors import CourseError
from lt_course.objectives.classify import SupervisedConfig, draw_vocabularies
from lt_course.statistics import FloatArray


def inclusion_in_batch(prior: npt.ArrayLike, vocabulary_group: int) -> FloatArray:
    """P(c in A | y is not c) where A holds the classes of m pictures: 1 - (1 - p_c)^(m - 1), [C].

    `prior` are the classes' shares [C] of the training pictures, which are independent of y.
    """
    return -np.expm1((vocabulary_group - 1) * np.log1p(-np.asarray(prior, dtype=np.float64)))


def inclusion(
    frequency: npt.ArrayLike, options: SupervisedConfig, draws: int = 5_000, seed: int = 0
) -> FloatArray:
    """P(c in A | y is not c) under the options of a classifier.

    Exact where nothing is drawn. Otherwise counted over simulated vocabulary groups, with the very
    function that draws vocabularies in training; classes of equal frequency are counted together,
    as they have equal probability. `frequency` are training pictures, int [C]; the result [C] is 0
    for a class that is never in the vocabulary of another one's picture.
    """
    prior = _prior(frequency)
    if not options.draws_from(len(prior)):
        return np.ones_like(prior)
    if options.sampling == "in-batch":
        return inclusion_in_batch(prior, options.vocabulary_group)
    ordered, place = np.unique(np.asarray(frequency), return_inverse=True)
    counts = np.repeat(ordered, np.bincount(place))
    return _simulated(tuple(counts.tolist()), options, draws, seed)[place]


@cache
def _simulated(
    frequency: tuple[float, ...], options: SupervisedConfig, draws: int, seed: int
) -> FloatArray:
    """Inclusion of each distinct frequency, counted; frequencies come sorted."""
    prior = torch.from_numpy(_prior(frequency))
    generator = torch.Generator().manual_seed(seed)
    labels = torch.multinomial(
        prior.expand(draws, -1), options.vocabulary_group, replacement=True, generator=generator
    )
    counts = torch.tensor(frequency, dtype=torch.float32)
    masks = draw_vocabularies(labels, counts, options, generator)
    # Each picture in turn is the one that is asked about, unless its own class is c.
    own = torch.zeros(masks.shape).scatter_add_(1, labels, torch.ones(labels.shape))
    asked = options.vocabulary_group - own
    _, group = np.unique(frequency, return_inverse=True)
    inside = np.bincount(group, (masks * asked).sum(0).numpy())
    return np.asarray(inside / np.bincount(group, asked.sum(0).numpy()), dtype=np.float64)


def shift(included: npt.ArrayLike) -> FloatArray:
    """What the theory adds to the logits of a full softmax: -log pi_c [C], less its mean.

    Raises:
        CourseError: if one is 0: such a class is never a wrong answer, and its logit has no bound.
    """
    return _centred(-_log(included))


def residual_prior(frequency: npt.ArrayLike, included: npt.ArrayLike) -> FloatArray:
    """What is left of the log prior: log p_c - log pi_c, less its mean over classes."""
    return _centred(_log(_prior(frequency)) - _log(included))


def remaining(frequency: npt.ArrayLike, included: npt.ArrayLike) -> float:
    """Which share of the log prior is left: the slope of the residual on the log prior.

    1 for a full softmax; 0 where pi is in proportion to the prior, as for logit adjustment at
    strength 1. No share of a flat prior can be left.
    """
    log_prior = _centred(_log(_prior(frequency)))
    if not np.ptp(log_prior):
        raise CourseError("All classes are equally frequent: no share of a flat prior can be left.")
    return float(log_prior @ residual_prior(frequency, included) / (log_prior @ log_prior))


@dataclass(frozen=True)
class Agreement:
    """How well a prediction is met, class by class, both sides less their means.

    `slope` is of the measured values on the predicted ones, 1 for a prediction of the right size;
    `r2` the share of the measured variance that a line through the prediction explains, 0..1; and
    `r2_as_predicted` the same with a slope of 1, below 0 where no shift at all would be nearer.
    """

    slope: float
    r2: float
    r2_as_predicted: float


def agreement(measured: npt.ArrayLike, predicted: npt.ArrayLike) -> Agreement:
    """Compare measured and predicted values, float [C] each, neither the same for all classes."""
    m, p = _centred(measured), _centred(predicted)
    if m.shape != p.shape or not np.ptp(m) or not np.ptp(p):
        raise CourseError(
            f"measured and predicted have shapes {m.shape} and {p.shape}: give one value of each "
            "per class, and not the same for all."
        )
    slope = (m @ p) / (p @ p)
    r2, as_predicted = slope * (m @ p) / (m @ m), 1 - ((m - p) ** 2).sum() / (m @ m)
    return Agreement(float(slope), float(r2), float(as_predicted))


def _prior(frequency: npt.ArrayLike) -> FloatArray:
    counts = np.asarray(frequency, dtype=np.float64)
    if counts.sum() <= 0 or counts.min() < 0:
        raise CourseError("Frequencies must not be negative, and one of them must be positive.")
    return counts / counts.sum()


def _log(probabilities: npt.ArrayLike) -> FloatArray:
    values = np.asarray(probabilities, dtype=np.float64)
    if values.min() <= 0:
        raise CourseError(
            f"Class {values.argmin()} has probability 0 and no finite logarithm; leave classes out "
            "that have no pictures or are never in a vocabulary."
        )
    return np.log(values)


def _centred(values: npt.ArrayLike) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    return array - array.mean()
