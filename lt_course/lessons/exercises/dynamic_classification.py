"""Lesson 04: vocabularies drawn, simulated, predicted, corrected, and undone after training."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lt_course import study
from lt_course.lessons.exercises.kinds import (
    Array,
    Exercise,
    Explanation,
    Function,
    Mistake,
    Number,
    Prediction,
    as_numbers,
)
from lt_course.lessons.vocabularies import logits_on_test
from lt_course.statistics import spearman


def _presence(prior: Tensor, m: int, draws: int) -> Tensor:
    labels = torch.multinomial(prior.expand(draws, -1), m, replacement=True)
    present = F.one_hot(labels, len(prior)).bool().any(dim=1)
    others = labels[:, :1] != torch.arange(len(prior))
    return (present & others).sum(dim=0) / others.sum(dim=0)


def _present_in_all(prior: Tensor, m: int, draws: int) -> Tensor:
    labels = torch.multinomial(prior.expand(draws, -1), m, replacement=True)
    return F.one_hot(labels, len(prior)).bool().any(dim=1).float().mean(dim=0)


def _counts(prior: Tensor, m: int, draws: int) -> Tensor:
    labels = torch.multinomial(prior.expand(draws, -1), m, replacement=True)
    return F.one_hot(labels[:, 1:], len(prior)).sum(dim=1).float().mean(dim=0)


def _presence_inputs(generator: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    for m in (3, 5):
        shares = np.sort(generator.dirichlet(np.ones(4))) * 0.6 + 0.1
        yield torch.from_numpy(shares).float(), m, 20_000


def _presence_complaint(value: Any, arguments: tuple[Any, ...]) -> str | None:
    prior, m, _ = arguments
    given, share = as_numbers(value), prior.numpy().astype(float)
    if given is None or given.shape != share.shape:
        return f"a chance is asked for each of the {len(share)} classes."

    def near(expected: Array) -> bool:
        return bool(np.abs(given - expected).max() < 0.025)

    if near(1 - (1 - share) ** (m - 1)):
        return None
    if near(1 - (1 - share) ** m):
        return (
            "it counts groups whose first picture is itself of class c, and so counts m pictures "
            "in place of the m - 1 others."
        )
    if near((m - 1) * share) or near(m * share):
        return "it counts how often a class is there, and not whether it is: this can exceed 1."
    if near((1 - share) * (1 - (1 - share) ** (m - 1))):
        return "it divides by all groups; divide by those whose first picture is not of class c."
    return "the chances are not those of a class to be among the m - 1 other pictures."


def _corrected(logits: Tensor, labels: Tensor, vocabulary: Tensor, included: Tensor) -> Tensor:
    return F.cross_entropy(logits - included.log() + vocabulary.log(), labels)


def _doubled(logits: Tensor, labels: Tensor, vocabulary: Tensor, included: Tensor) -> Tensor:
    return F.cross_entropy(logits + included.log() + vocabulary.log(), labels)


def _uncorrected(logits: Tensor, labels: Tensor, vocabulary: Tensor, _: Tensor) -> Tensor:
    return F.cross_entropy(logits + vocabulary.log(), labels)


def _unmasked(logits: Tensor, labels: Tensor, _: Tensor, included: Tensor) -> Tensor:
    return F.cross_entropy(logits - included.log(), labels)


def _own_left_out(logits: Tensor, labels: Tensor, vocabulary: Tensor, included: Tensor) -> Tensor:
    own = F.one_hot(labels, logits.shape[1]).bool()
    shifted = torch.where(own, logits, logits - included.log())
    return F.cross_entropy(shifted + vocabulary.log(), labels)


def _corrected_inputs(generator: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    for n, classes in ((6, 4), (10, 7)):
        labels = torch.from_numpy(generator.integers(classes, size=n))
        vocabulary = torch.from_numpy(generator.random((n, classes)) < 0.5)
        vocabulary |= F.one_hot(labels, classes).bool()
        logits = torch.from_numpy(generator.normal(size=(n, classes))).float()
        included = torch.from_numpy(generator.uniform(0.05, 0.95, classes)).float()
        yield logits, labels, vocabulary, included


@cache
def _full() -> tuple[Array, Array]:
    """Logits [M, C] of the full softmax, seed 0, and class frequencies [C]."""
    record = study.train_or_load(study.config("sl", seed=0))
    return logits_on_test(record), record.per_class["frequency"].to_numpy()


def _bias_after(shift: Array) -> float:
    logits, frequency = _full()
    return spearman(frequency, np.bincount((logits + shift).argmax(1), minlength=len(frequency)))


def _log_prior() -> Array:
    frequency = _full()[1]
    return np.asarray(np.log(frequency / frequency.sum()))


EXERCISES: dict[str, Exercise] = {
    "simulated-presence": Function(
        _presence,
        _presence_inputs,
        [
            Mistake(_present_in_all, "It takes the mean over all groups."),
            Mistake(_counts, "It counts pictures."),
        ],
        "Which groups does the condition y ≠ c leave?",
        complaint=_presence_complaint,
    ),
    "share-of-128": Prediction(0, 1, unit="the share of the prior"),
    "presence-or-count": Explanation(
        "By presence, more of the prior is left the larger the batch is: frequent classes are "
        "always there, so being there says nothing more of how frequent they are. By counting, "
        "nothing is left at any batch size, since the expected count stays proportional to the "
        "prior. CLIP's loss has one term for each wrong caption, so it counts. A larger batch "
        "therefore need not make CLIP more biased: the number of classes present is not what "
        "divides its prior out.",
        {
            "presence": ("presen", "there"),
            "counting": ("count",),
            "the prior or the frequency": ("prior", "frequen"),
            "large batches": ("large", "grow", "bigger", "size"),
        },
        words=20,
    ),
    "order-of-bias": Prediction(
        options=("in-batch 8", "in-batch 32", "frequency 24", "uniform 24")
    ),
    "after-training": Number(
        lambda: _bias_after(-_log_prior()),
        [
            Mistake(
                lambda: _bias_after(0 * _log_prior()),
                "This is the S(p) of the logits as they are, or with the log prior added, as "
                "balanced softmax does in training: take it off.",
            ),
            Mistake(
                lambda: _bias_after(-_full()[1]),
                "This takes the frequencies off; logits are logarithms, so take their log off.",
            ),
            Mistake(
                lambda: spearman(_full()[1], (_full()[0] - _log_prior()).mean(0)),
                "This correlates mean logits; count how often each class has the largest one.",
            ),
        ],
        "logits - log prior, then the argmax of each row, then how often each class is named.",
    ),
    "corrected-loss": Function(
        _corrected,
        _corrected_inputs,
        [
            Mistake(
                _doubled,
                "The sign is the other one: this moves the optimum to log p - 2 log pi.",
            ),
            Mistake(_uncorrected, "This is the uncorrected loss: its optimum is log p - log pi."),
            Mistake(
                _unmasked,
                "This softmax runs over all classes; only those of the vocabulary may take part.",
            ),
            Mistake(
                _own_left_out,
                "The own class is left as it is. That is an estimate of the full softmax's sum, "
                "good for large vocabularies; but given A the posterior is in proportion to p / pi "
                "for every class of A, the own one too.",
            ),
        ],
        "What does the softmax over A have to be, if f is log p? In proportion to p / pi.",
    ),
}
