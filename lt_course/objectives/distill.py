"""DINO: a student learns to predict its own running average (arXiv 2104.14294).

Each picture is cropped several times. The teacher, an exponential moving average of the student,
turns every *global* crop into a distribution over K prototypes; the student has to predict it from
every *other* crop, the small *local* ones included. On imbalanced data the prototypes of what is
rare have nothing to win against, so a step may compare pictures with a random subset of them, the
same for teacher and student (Sec. 4.2 of arXiv 2405.21070).
"""

from __future__ import annotations

import copy
import math
import warnings
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from lt_course.data.batch import Batch
from lt_course.data.crops import Crops
from lt_course.distributed import all_gather, rank
from lt_course.errors import CourseError
from lt_course.fields import COUNT, check, require_effect
from lt_course.models.heads import Projection, WeightNormPrototypes
from lt_course.objectives.collapse import Assignments, signs_of_collapse
from lt_course.objectives.objective import ModelParts, Report, Representations, fused

Targets = Literal["centering", "sinkhorn"]
LastLayer = Literal["normalized", "weight-norm"]
TEMPERATURE = (1e-3, 10.0)


@dataclass(frozen=True)
class DINOConfig(Crops):
    """How to distil oneself.

    Defaults are the study's (App. D of arXiv 2405.21070, and its scripts where that is silent),
    which are Caron et al.'s (arXiv 2104.14294: Sec. 3.2, the head in App. C) unless said otherwise.
    Caron et al.'s rising weight decay is left out, as in the study. Fields of the crops are
    `Crops`'.

    Attributes:
        prototypes: number K of prototypes, >= 2.
        sampled: number S of prototypes drawn uniformly for each step, 2 … K; None compares with
            all of them. Those not drawn get no gradient; the optimizer's momentum and weight decay
            go on, as in the study's release.
        targets: the rule that keeps the teacher from assigning all pictures alike. Its targets are
            softmax(t - offset), with t its logits over its temperature, and an offset that is large
            where a prototype is popular: in ``centering`` the mean of t over the steps before; in
            ``sinkhorn`` what makes all prototypes equally popular within this very batch
            (arXiv 2006.09882, Sec. 3.1). Caron et al. center; all runs of the study's release use
            ``sinkhorn``, though its text does not say so.
        sinkhorn_iterations: alternations of ``sinkhorn``, >= 1.
        center_momentum: momentum of ``centering``'s running mean, 0 … 1.
        student_temperature: divides the student's logits, 0.001 … 10.
        teacher_temperature: divides the teacher's logits after its warm-up, 0.001 … 10.
        teacher_temperature_start: divides the teacher's logits at the first step, 0.001 … 10; from
            there the temperature moves linearly.
        teacher_warmup: duration of the teacher's warm-up, such as ``12 epochs``, ``500 steps`` or
            ``5 %``. The study has none; Caron et al. go from 0.04 to 0.07 in the first 30 epochs.
        teacher_momentum: momentum of the teacher's weights at the first step, 0 … 1; it rises to 1
            by a cosine over the run.
        last_layer: ``normalized`` prototypes, which is weight norm with a gain fixed at 1; or
            ``weight-norm`` with a gain that is learnt for each.
        freeze_last_layer: duration for which the prototypes keep their start, such as ``1 epoch``:
            the first of 100 epochs in Caron et al. and in the study's unsampled runs; its sampled
            ones do not freeze.
        layers: number of linear layers of the projection head, >= 1.
        hidden: width between the layers of the projection head.
        bottleneck: dimension D in which features and prototypes are compared.
        window: steps over which the use of prototypes is watched (`Assignments`); the course's own.
        fused: take the loss crop by crop (`lt_course.web.fused_losses`), for logits that do not fit
            into memory. It changes the loss by rounding alone.
    """

    prototypes: int = 65_536
    sampled: int | None = None
    targets: Targets = "centering"
    sinkhorn_iterations: int = 3
    center_momentum: float = 0.9
    student_temperature: float = 0.1
    teacher_temperature: float = 0.04
    teacher_temperature_start: float = 0.04
    teacher_warmup: str = "0 %"
    teacher_momentum: float = 0.996
    last_layer: LastLayer = "normalized"
    freeze_last_layer: str = "1 %"
    layers: int = 3
    hidden: int = 2048
    bottleneck: int = 256
    window: int = 100
    fused: bool = False

    def __post_init__(self) -> None:
        """Raise a CourseError for a field out of range, or for two that contradict each other."""
        super().__post_init__()
        check(
            self,
            prototypes=(2, math.inf),
            sampled=(2, math.inf),
            sinkhorn_iterations=COUNT,
            center_momentum=(0, 1),
            student_temperature=TEMPERATURE,
            teacher_temperature=TEMPERATURE,
            teacher_temperature_start=TEMPERATURE,
            teacher_momentum=(0, 1),
            layers=COUNT,
            hidden=COUNT,
            bottleneck=COUNT,
            window=COUNT,
        )
        warms = self.teacher_temperature_start != self.teacher_temperature
        effects = {
            "teacher_warmup": ("teacher_temperature_start", warms),
            "sinkhorn_iterations": ("targets", self.targets == "sinkhorn"),
            "center_momentum": ("targets", self.targets == "centering"),
        }
        require_effect(self, effects)
        if self.sampled is not None and self.sampled > self.prototypes:
            raise CourseError(
                f"Field 'sampled' is {self.sampled}, more than the {self.prototypes} of field "
                "'prototypes'; draw fewer, or None for all."
            )

    def build(self, parts: ModelParts) -> DINO:
        """One tower, which becomes student and teacher."""
        warmup = parts.steps(self.teacher_warmup, "teacher_warmup")
        freeze = parts.steps(self.freeze_last_layer, "freeze_last_layer")
        timetable = Timetable(parts.total_steps, warmup, freeze)
        return DINO(self, parts.image_tower(), parts.embed_dim, timetable)


@dataclass(frozen=True)
class Timetable:
    """Steps: of the run, of the teacher's warm-up, and for which prototypes keep their start."""

    total: int
    teacher_warmup: int = 0
    freeze_last_layer: int = 0


def draw_prototypes(prototypes: int, sampled: int, generator: torch.Generator) -> Tensor:
    """Which S of K prototypes a step compares with, drawn uniformly: int64 [S], ascending."""
    return torch.randperm(prototypes, generator=generator)[:sampled].sort().values


def sinkhorn_offset(logits: Tensor, iterations: int) -> Tensor:
    """The offset, float [S], by which Sinkhorn-Knopp makes prototypes equally popular.

    It alternates between two normalisations of exp(logits), in logarithms (arXiv 2006.09882): all
    prototypes get equal shares of the batch, all pictures one assignment each. The last is the
    caller's: targets are softmax(logits - offset).

    Args:
        logits: float [N, S], the teacher's over its temperature, for all views of the batch.
        iterations: number of alternations, at least 1.
    """
    views = logits.new_zeros(len(logits), 1)
    for _ in range(iterations):
        offset = all_gather((logits - views).logsumexp(0)).logsumexp(0)
        views = (logits - offset).logsumexp(1, keepdim=True)
    return offset


def multi_crop_cross_entropy(
    features: Tensor, weight: Tensor, scale: Tensor, targets: Tensor
) -> Tensor:
    """Mean cross-entropy of targets and predictions from other crops (arXiv 2104.14294, eq. 3).

    Args:
        features: float [V, B, D], the student's, of V crops of B pictures; the global ones first.
        weight: float [S, D], prototypes.
        scale: float [S], what their products are multiplied with: gain / (norm * temperature).
        targets: float [G, B, S], the teacher's distributions for the G global crops.
    """
    log_predictions = (scale * (features @ weight.T)).log_softmax(-1)
    losses = [
        -(target * log_prediction).sum(-1).mean()
        for g, target in enumerate(targets)
        for v, log_prediction in enumerate(log_predictions)
        if v != g
    ]
    return torch.stack(losses).mean()


class Network(nn.Module):
    """Tower, projection head and prototypes: what both student and teacher are."""

    def __init__(self, options: DINOConfig, tower: nn.Module, embedding: int) -> None:
        super().__init__()
        self.tower = tower
        self.projection = Projection(embedding, options.layers, options.hidden, options.bottleneck)
        self.prototypes = WeightNormPrototypes(
            options.prototypes, options.bottleneck, options.last_layer == "weight-norm"
        )

    def forward(self, crops: Tensor) -> tuple[Tensor, ...]:
        """Crops of one size, float [B, n, 1, h, w], to n normalised features [B, D]."""
        features = self.projection(self.tower(crops.flatten(0, 1)))
        return features.unflatten(0, crops.shape[:2]).unbind(1)


class DINO(nn.Module):
    """An image tower, pictures in and features [B, embedding] out, as student and teacher in one.

    All state, the number of steps taken among it, is in ``state_dict``, so a resumed run goes on
    exactly. As in the published implementations, the teacher's batch norms work in training mode,
    on batches of their own. Signs of collapse are warned of once, in the second half of a run.
    """

    centre: Tensor

    def __init__(
        self, options: DINOConfig, tower: nn.Module, embedding: int, timetable: Timetable
    ) -> None:
        super().__init__()
        self.options = options
        self.timetable = timetable
        self.student = Network(options, tower, embedding)
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)
        self.assignments = Assignments(options.prototypes, options.window)
        self.register_buffer("centre", torch.zeros(options.prototypes))
        self.step = 0
        self._warned = False

    def get_extra_state(self) -> Tensor:
        """The number of steps taken, int64 [], for ``state_dict``."""
        return self.centre.new_tensor(self.step, dtype=torch.int64)

    def set_extra_state(self, state: Tensor) -> None:
        """Go on from that step."""
        self.step = int(state)

    @property
    def image_tower(self) -> nn.Module:
        """The tower that is kept: the teacher's, which is the better one (Sec. 5.2)."""
        return self.teacher.tower

    def teacher_temperature(self, step: int) -> float:
        """Linear from its start over the warm-up, then constant."""
        start, end = self.options.teacher_temperature_start, self.options.teacher_temperature
        return start + (end - start) * min(1, step / max(1, self.timetable.teacher_warmup))

    def teacher_momentum(self, step: int) -> float:
        """Half a cosine from its start to 1."""
        done = step / self.timetable.total
        return 1 - (1 - self.options.teacher_momentum) * (1 + math.cos(math.pi * done)) / 2

    def encode(self, batch: Batch) -> Representations:
        """Normalised features, float32 [B, D] each: the student's V, then the teacher's G."""
        assert batch.crops, "distillation compares crops"
        student = [feature for crops in batch.crops for feature in self.student(crops)]
        with torch.no_grad():
            teacher = self.teacher(batch.crops[0])
        # Those without a gradient come last: the loop may encode a batch in parts.
        return (*student, *teacher)

    def loss(
        self, representations: Representations, batch: Batch, generator: torch.Generator
    ) -> tuple[Tensor, Report]:
        """Mean cross-entropy over pairs of a target and another crop, and signs of collapse."""
        options, step = self.options, self.step
        G, K, S = options.global_crops, options.prototypes, options.sampled
        subset = None
        if S is not None and S < K:
            subset = draw_prototypes(K, S, generator).to(self.centre.device)
        targets = self._targets(torch.cat(representations[-G:]), subset)
        report = self.assignments.observe(targets, subset, step)
        self._warn_of_collapse(report)
        weight, scale = self.student.prototypes(subset)
        if step < self.timetable.freeze_last_layer:
            weight, scale = weight.detach(), scale.detach()
        loss_of = fused("multi_crop_cross_entropy") if options.fused else multi_crop_cross_entropy
        student, scale = torch.stack(representations[:-G]), scale / options.student_temperature
        return loss_of(student, weight, scale, targets.unflatten(0, (G, -1))), report

    @torch.no_grad()
    def _targets(self, features: Tensor, subset: Tensor | None) -> Tensor:
        """The teacher's distributions over the step's prototypes for all its views: [G * B, S].

        Centring uses the centre of the steps before, and moves it afterwards for prototypes that
        are drawn.
        """
        weight, scale = self.teacher.prototypes(subset)
        logits = (features @ weight.T).mul_(scale)
        temperature = self.teacher_temperature(self.step)
        if self.options.targets == "sinkhorn":
            logits /= temperature
            return (logits - sinkhorn_offset(logits, self.options.sinkhorn_iterations)).softmax(1)
        rows = slice(None) if subset is None else subset
        centre, mean = self.centre[rows].clone(), all_gather(logits.mean(0)).mean(0)
        self.centre[rows] = mean.lerp(centre, self.options.center_momentum)
        return logits.sub_(centre).div_(temperature).softmax(1)

    def _warn_of_collapse(self, report: Report) -> None:
        """Say so once, at the end of a window or of the run; in its first half it may be early."""
        done, total = self.step + 1, self.timetable.total
        early = done < total / 2 or (done % self.options.window and done < total)
        if early or self._warned or rank() > 0:
            return
        if signs := signs_of_collapse({name: share.item() for name, share in report.items()}):
            self._warned = True
            warnings.warn(" ".join([f"Step {done} of {total}:", *signs]), stacklevel=2)

    @torch.no_grad()
    def after_step(self) -> None:
        """Move the teacher towards the student."""
        follow = 1 - self.teacher_momentum(self.step)
        torch._foreach_lerp_(
            list(self.teacher.parameters()), list(self.student.parameters()), follow
        )
        self.step += 1
