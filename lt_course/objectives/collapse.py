"""Has self-distillation collapsed? What the teacher's targets say of it, step by step.

Nothing but the targets' rule keeps teacher and student from agreeing on an answer that does not
depend on the picture: one prototype for all of them, or all prototypes alike (arXiv 2104.14294,
Sec. 5.3). Both make the loss fall, so four shares are watched instead.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from lt_course.distributed import all_gather
from lt_course.objectives.objective import Report

SIGNS = {
    "information": (
        0.05,
        "The teacher's targets hardly depend on the picture ({kind}): they carry {share:.1%} of "
        "the information that they could",
    ),
    "assignment_entropy": (
        0.3,
        "Pictures gather on few prototypes: the mean assignment has {share:.1%} of the greatest "
        "entropy",
    ),
    "utilisation": (
        0.05,
        "Only {share:.1%} of the prototypes that could be are some picture's first choice",
    ),
}
"""Of each share, below which value it is a sign of collapse, and how that is said."""


class Assignments(nn.Module):
    """How pictures have been assigned to K prototypes within the last `window` steps."""

    mean: Tensor
    last_used: Tensor

    def __init__(self, prototypes: int, window: int) -> None:
        super().__init__()
        self.window = window
        self.register_buffer("mean", torch.zeros(prototypes))
        self.register_buffer("last_used", torch.full((prototypes,), -window))

    @torch.no_grad()
    def observe(self, targets: Tensor, subset: Tensor | None, step: int) -> Report:
        """Take note of one step's targets.

        Args:
            targets: float [N, S], a distribution over the step's S prototypes for each of N views.
            subset: int64 [S], which of the K prototypes these are; None: all.
            step: its number, from 0 on.

        Returns:
            All between 0 and 1:

            - ``target_entropy``: mean entropy of a view's target, as a share of log S;
            - ``information``: mutual information of view and prototype (entropy of the step's mean
              target minus the mean entropy of a view's), as a share of log min(N, S); 0 if targets
              do not depend on the picture;
            - ``assignment_entropy``: entropy of the mean target, averaged over steps with a decay
              of 1 / window, as a share of log K;
            - ``utilisation``: prototypes that were some view's first choice within the window, as a
              share of K, or of the views within the window if those are fewer.
        """
        K, S = len(self.mean), targets.shape[1]
        mean = all_gather(targets.mean(0)).mean(0)
        entropy = all_gather(torch.special.entr(targets).sum(1).mean()).mean()
        first = torch.zeros(S, dtype=torch.bool, device=targets.device)
        first = all_gather(first.index_fill(0, targets.argmax(1), True)).any(0)
        views = len(targets) * len(all_gather(entropy))

        rows = slice(None) if subset is None else subset
        self.mean.mul_(1 - 1 / self.window)
        self.mean[rows] += mean / self.window
        used = torch.full_like(first, step, dtype=torch.int64)
        self.last_used[rows] = torch.where(first, used, self.last_used[rows])

        possible = min(K, views * min(step + 1, self.window))
        information = torch.special.entr(mean).sum() - entropy
        assigned = torch.special.entr(self.mean / self.mean.sum()).sum()
        return {
            "target_entropy": entropy / _log(S),
            "information": information / _log(min(views, S)),
            "assignment_entropy": assigned / _log(K),
            "utilisation": (self.last_used > step - self.window).sum() / possible,
        }


def signs_of_collapse(report: Mapping[str, float]) -> list[str]:
    """One sentence for each of `SIGNS` in a report, or in a row of a run's history.

    A run of fewer steps than the window, or with much of its warm-up before it, may show signs and
    be sound.
    """
    kind = "all prototypes alike" if report["target_entropy"] > 0.5 else "the same few for all"
    return [
        sentence.format(kind=kind, share=report[name]) + f", less than {least:.0%}."
        for name, (least, sentence) in SIGNS.items()
        if report[name] < least
    ]


def _log(choices: int) -> float:
    """The greatest entropy of one of `choices`; of a single one any share is 0."""
    return math.log(choices) if choices > 1 else 1.0
