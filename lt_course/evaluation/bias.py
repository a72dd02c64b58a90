"""How strongly a model's results follow class frequency (arXiv 2405.21070, Sec. 3.1).

Of every class of a balanced test set: how often is it recognised (per-class accuracy), and how
often is it named (number of predictions)? Bias is the rank correlation of either answer with the
class's frequency in training.
"""

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike

from lt_course.errors import CourseError
from lt_course.statistics import as_frequency, as_values, pearson, spearman

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def per_class(
    labels: ArrayLike, predictions: ArrayLike, classes: int
) -> tuple[FloatArray, IntArray]:
    """Accuracy and number of predictions of every class.

    Args:
        labels: int [M] in 0..C-1, true class of each test picture.
        predictions: int [M] in 0..C-1, predicted class of each test picture.
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
    accuracy = right / np.where(shown > 0, shown, np.nan)
    return accuracy, np.bincount(guess, minlength=classes).astype(np.int64)


def third_of(frequency: ArrayLike) -> IntArray:
    """The third that each class belongs to by falling frequency: 0 head, 1 mid, 2 tail; int [C].

    Equal frequencies keep the order of the classes. If C is no multiple of 3, head (then mid) gets
    one more.
    """
    counts = as_frequency(frequency)
    group = np.empty(len(counts), dtype=np.int64)
    for number, members in enumerate(np.array_split(np.argsort(-counts, kind="stable"), 3)):
        group[members] = number
    return group


def thirds(frequency: ArrayLike, value: ArrayLike) -> dict[str, float]:
    """Mean value in ``head``, ``mid`` and ``tail`` (`third_of`), nan left out.

    Both arguments are float [C]. A third without a value has mean nan.
    """
    values, group = as_values(frequency, value), third_of(frequency)
    return {third: _mean(values[group == i]) for i, third in enumerate(("head", "mid", "tail"))}


def many_medium_few(
    frequency: ArrayLike, value: ArrayLike, many: float = 100, few: float = 20
) -> dict[str, float]:
    """Mean value of classes by number of training pictures (liu2019, arXiv 1904.05160).

    ``many`` are classes with more than `many` pictures, ``few`` those with fewer than `few`,
    ``medium`` the others. nan values are left out; an empty group has mean nan. `frequency` and
    `value` are float [C].

    Raises:
        CourseError: if `few` exceeds `many`.
    """
    if few > many:
        raise CourseError(f"few={few} exceeds many={many}: choose few <= many.")
    counts, values = as_frequency(frequency), as_values(frequency, value)
    return {
        "many": _mean(values[counts > many]),
        "medium": _mean(values[(counts >= few) & (counts <= many)]),
        "few": _mean(values[counts < few]),
    }


def bin_means(frequency: ArrayLike, value: ArrayLike, bins: int) -> tuple[FloatArray, FloatArray]:
    """Mean frequency and mean value, float [bins], in bins of equally many classes, rare first.

    The paper's Fig. 15 draws such means. Equal frequencies keep the order of the classes; nan
    values are left out. `frequency` and `value` are float [C].

    Raises:
        CourseError: if `bins` is below 1 or above C.
    """
    counts, values = as_frequency(frequency), as_values(frequency, value)
    if not 1 <= bins <= len(counts):
        raise CourseError(f"bins={bins} must lie in 1..{len(counts)}, the number of classes.")
    parts = np.array_split(np.argsort(counts, kind="stable"), bins)
    mean_counts = [counts[part].mean() for part in parts]
    return np.array(mean_counts), np.array([_mean(values[part]) for part in parts])


def false_alarms(accuracy: ArrayLike, predictions: ArrayLike) -> FloatArray:
    """Wrong predictions of each class on a balanced test set, float [C].

    `accuracy` is float [C] in 0..1, `predictions` the number of predictions [C].
    """
    predicted = np.asarray(predictions, dtype=np.float64)
    return predicted - as_values(predicted, accuracy) * predicted.mean()


def thin(accuracy: ArrayLike, tests: int, pictures: int, seed: int) -> FloatArray:
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
    frequency: ArrayLike, labels: ArrayLike, predictions: ArrayLike
) -> dict[str, float]:
    """All bias metrics of one model on one test set.

    Args:
        frequency: float [C], training pictures per class, **in the order of the class ids**.
        labels: int [M] in 0..C-1, true classes.
        predictions: int [M] in 0..C-1, predicted classes.

    Returns:
        ``accuracy``, 0..1; the mean per-class accuracy of `thirds`, ``accuracy_head``,
        ``accuracy_mid`` and ``accuracy_tail``; and the correlations of frequency with per-class
        accuracy and number of predictions, -1..1: ``spearman_accuracy``, ``spearman_predictions``,
        ``pearson_accuracy`` and ``pearson_predictions``.

    Raises:
        CourseError: if shapes do not fit together, or there is no test picture.
    """
    counts = as_frequency(frequency)
    accuracy, predicted = per_class(labels, predictions, len(counts))
    if predicted.sum() == 0:
        raise CourseError("labels is empty: give at least one test picture.")
    return {
        "accuracy": float((np.asarray(labels) == np.asarray(predictions)).mean()),
        **{f"accuracy_{third}": mean for third, mean in thirds(counts, accuracy).items()},
        "spearman_accuracy": spearman(counts, accuracy),
        "spearman_predictions": spearman(counts, predicted),
        "pearson_accuracy": pearson(counts, accuracy),
        "pearson_predictions": pearson(counts, predicted),
    }


def _class_ids(field: str, ids: ArrayLike, classes: int) -> IntArray:
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
