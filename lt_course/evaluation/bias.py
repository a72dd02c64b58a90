"""How strongly a model's results follow class frequency: the study's bias metrics.

The paper (wen2024, arXiv 2405.21070, Sec. 3.1) asks two questions of every class of a balanced
test set: how often is it recognised (per-class accuracy), and how often is it named (number of
predictions)? Bias is the rank correlation of either answer with the class's frequency in training.
"""

from typing import TypedDict

import numpy as np
import numpy.typing as npt

from lt_course.errors import CourseError
from lt_course.statistics import as_frequency, as_values, pearson, spearman

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


class Thirds(TypedDict):
    """Mean of a per-class value in the most, the middling and the least frequent classes."""

    head: float
    mid: float
    tail: float


class Shots(TypedDict):
    """Mean of a per-class value by number of training pictures (liu2019, arXiv 1904.05160)."""

    many: float
    medium: float
    few: float


class BiasReport(TypedDict):
    """One model's bias by frequency; accuracies in 0..1, correlations in -1..1."""

    accuracy: float
    accuracy_head: float
    accuracy_mid: float
    accuracy_tail: float
    spearman_accuracy: float
    spearman_predictions: float
    pearson_accuracy: float
    pearson_predictions: float


def per_class(
    labels: npt.ArrayLike, predictions: npt.ArrayLike, classes: int
) -> tuple[FloatArray, IntArray]:
    """Accuracy and number of predictions of every class.

    Args:
        labels: true class of each test picture, int [M] in 0..classes-1.
        predictions: predicted class of each test picture, int [M] in 0..classes-1.
        classes: C.

    Returns:
        Accuracy, float [C] in 0..1, nan for a class without test pictures; and the number of test
        pictures put into each class, int [C].

    Raises:
        CourseError: if shapes differ, an entry is not a whole number or lies outside 0..C-1.
    """
    truth = _class_ids("labels", labels, classes)
    guess = _class_ids("predictions", predictions, classes)
    if len(truth) != len(guess):
        raise CourseError(
            f"labels has {len(truth)} entries and predictions has {len(guess)}: "
            "give one prediction per test picture."
        )
    shown = np.bincount(truth, minlength=classes)
    right = np.bincount(truth[truth == guess], minlength=classes)
    accuracy = np.full(classes, np.nan)
    np.divide(right, shown, out=accuracy, where=shown > 0)
    return accuracy, np.bincount(guess, minlength=classes).astype(np.int64)


def third_of(frequency: npt.ArrayLike) -> IntArray:
    """The third that each class belongs to by falling frequency: 0 head, 1 mid, 2 tail; int [C].

    Equal frequencies keep the order of the classes. If C is no multiple of 3, head (then mid) gets
    one more.
    """
    counts = as_frequency(frequency)
    order = np.argsort(-counts, kind="stable")
    group = np.empty(len(counts), dtype=np.int64)
    for number, members in enumerate(np.array_split(order, 3)):
        group[members] = number
    return group


def thirds(frequency: npt.ArrayLike, value: npt.ArrayLike) -> Thirds:
    """Mean value in each `third_of` the classes, nan left out. Arguments: float [C]."""
    values = as_values(frequency, value)
    group = third_of(frequency)
    head, mid, tail = (_mean(values[group == number]) for number in range(3))
    return Thirds(head=head, mid=mid, tail=tail)


def many_medium_few(
    frequency: npt.ArrayLike, value: npt.ArrayLike, many: float = 100, few: float = 20
) -> Shots:
    """Mean value of classes with more than `many`, fewer than `few` and other numbers of pictures.

    (liu2019.) nan values are left out; an empty group has mean nan. Arguments: float [C].

    Raises:
        CourseError: if `few` exceeds `many`.
    """
    if few > many:
        raise CourseError(f"few={few} exceeds many={many}: choose few <= many.")
    counts, values = as_frequency(frequency), as_values(frequency, value)
    return Shots(
        many=_mean(values[counts > many]),
        medium=_mean(values[(counts >= few) & (counts <= many)]),
        few=_mean(values[counts < few]),
    )


def bin_means(
    frequency: npt.ArrayLike, value: npt.ArrayLike, bins: int
) -> tuple[FloatArray, FloatArray]:
    """Mean frequency and mean value, float [bins], in bins of equally many classes, rare first.

    The paper's Fig. 15 draws such means. Equal frequencies keep the order of the classes; nan
    values are left out. Arguments: float [C].

    Raises:
        CourseError: if `bins` is below 1 or above C.
    """
    counts, values = as_frequency(frequency), as_values(frequency, value)
    if not 1 <= bins <= len(counts):
        raise CourseError(f"bins={bins} must lie in 1..{len(counts)}, the number of classes.")
    parts = np.array_split(np.argsort(counts, kind="stable"), bins)
    means = [(counts[part].mean(), _mean(values[part])) for part in parts]
    return np.array([mean[0] for mean in means]), np.array([mean[1] for mean in means])


def false_alarms(accuracy: npt.ArrayLike, predictions: npt.ArrayLike) -> FloatArray:
    """Wrong predictions of each class on a balanced test set, float [C]. Arguments: [C]."""
    predicted = np.asarray(predictions, dtype=np.float64)
    return predicted - as_values(predicted, accuracy) * predicted.mean()


def thin(accuracy: npt.ArrayLike, tests: int, pictures: int, seed: int) -> FloatArray:
    """Accuracy, float [C], had only `pictures` of the `tests` test pictures a class been used.

    They are drawn without replacement, by the seed.

    Raises:
        CourseError: if `pictures` is not in 1..tests.
    """
    if not 1 <= pictures <= tests:
        raise CourseError(f"pictures={pictures} must lie in 1..{tests}, the test pictures a class.")
    hits = np.rint(np.asarray(accuracy, dtype=np.float64) * tests).astype(np.int64)
    drawn = np.random.default_rng(seed).hypergeometric(hits, tests - hits, pictures)
    return np.asarray(drawn / pictures)


def bias_report(
    frequency: npt.ArrayLike, labels: npt.ArrayLike, predictions: npt.ArrayLike
) -> BiasReport:
    """All bias metrics of one model on one test set; the thirds average per-class accuracies.

    Args:
        frequency: float [C], training pictures per class, **in the order of the class ids**.
        labels: int [M], true classes.
        predictions: int [M], predicted classes.

    Raises:
        CourseError: if shapes do not fit together, or there is no test picture.
    """
    counts = as_frequency(frequency)
    accuracy, predicted = per_class(labels, predictions, len(counts))
    if predicted.sum() == 0:
        raise CourseError("labels is empty: give at least one test picture.")
    parts = thirds(counts, accuracy)
    return BiasReport(
        accuracy=float((np.asarray(labels) == np.asarray(predictions)).mean()),
        accuracy_head=parts["head"],
        accuracy_mid=parts["mid"],
        accuracy_tail=parts["tail"],
        spearman_accuracy=spearman(counts, accuracy),
        spearman_predictions=spearman(counts, predicted),
        pearson_accuracy=pearson(counts, accuracy),
        pearson_predictions=pearson(counts, predicted),
    )


def _class_ids(field: str, ids: npt.ArrayLike, classes: int) -> IntArray:
    array = np.asarray(ids)
    if array.ndim != 1 or not (array.size == 0 or np.issubdtype(array.dtype, np.integer)):
        raise CourseError(f"{field} must be one-dimensional whole numbers, one a test picture.")
    if array.size and (array.min() < 0 or array.max() >= classes):
        raise CourseError(
            f"{field} holds class ids {array.min()}..{array.max()}, but classes={classes} "
            f"allows 0..{classes - 1}."
        )
    return array.astype(np.int64)


def _mean(values: FloatArray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
