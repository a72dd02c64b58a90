"""Which photographs in shards a run is on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lt_course.data.imagenet import Concepts
from lt_course.errors import CourseError
from lt_course.fields import COUNT, NATURAL, check, require_effect
from lt_course.objectives.distill import DINOConfig
from lt_course.study.dataset import require_caption, require_photographs
from lt_course.study.run_config import Data, RunConfig
from lt_course.web.datasets.photograph_sets import SAID

CONCEPTS: dict[int, Concepts] = {1_000: "imagenet", 100: "imagenet-100"}

WORDS = {"imagenet": ("name",), "imagenet-captions": SAID}
"""What captions can be made of, where there is a choice or nothing but the class."""

MATCHES = {
    "imagenet-captions": "incaps_imagenet_ori",
    "laionet": "laionet_thresh0.7_ori",
    "cc12m-cls": "cc12m_cls_imagenet_ori",
    "yfcc15m-cls": "yfcc15m_cls_imagenet_ori",
}
"""Sets whose class frequencies can be matched, and the released file of their counts."""


@dataclass(frozen=True)
class ShardData(Data):
    """Photographs in shards, labelled by ImageNet's classes, in their natural counts.

    Attributes:
        concepts: ImageNet's 1,000 classes, or the 100 of ImageNet-100.
        num_images: number of training images N; None is all.
        fraction: as `lt_course.web.datasets.photograph_sets.Selection`, and so are `tail_classes`,
            `tail_shots`, `threshold` and `keep_classes`.
        matched: have no more images of a class than this set has (Sec. 3.4), a key of `MATCHES`.
        filled: with `matched`: use further shards, in the folder ``NAME-fill``, where a class has
            too few images.
        tested: be tested on so many classes, the 100 of ImageNet-100, and told from these alone,
            though more are trained on (Fig. 6a); None: on all.
        test_set: None: ImageNet's validation images; or ``imagenet-v2``.
    """

    dataset: str = "imagenet-captions"
    concepts: int = 1_000
    image_size: int = 224
    num_images: int | None = None
    fraction: float = 1.0
    tail_classes: int = 0
    tail_shots: int = 0
    threshold: float | None = None
    keep_classes: bool = False
    matched: str | None = None
    filled: bool = False
    tested: int | None = None
    test_set: Literal["imagenet-v2"] | None = None

    def __post_init__(self) -> None:
        """Raise a CourseError for a field out of range, or without effect."""
        check(
            self,
            image_size=COUNT,
            num_images=COUNT,
            fraction=(0, 1),
            tail_classes=NATURAL,
            tail_shots=NATURAL,
            threshold=(-1, 1),
        )
        if self.concepts not in CONCEPTS:
            raise CourseError(
                f"Field 'concepts' is {self.concepts}; {self.dataset} has ImageNet's 1,000 "
                "classes, or the 100 of ImageNet-100."
            )
        if self.tested is not None and (self.tested not in CONCEPTS or self.tested > self.concepts):
            raise CourseError(
                f"Field 'tested' is {self.tested}; a run that is trained on all of ImageNet's "
                "classes can be tested on 100, and else leaves it at None."
            )
        if self.threshold is not None and self.dataset != "laionet":
            raise CourseError(
                f"Field 'threshold' is {self.threshold}, which only laionet has similarities for; "
                "leave it at None."
            )
        if self.matched is not None and self.matched not in MATCHES:
            raise CourseError(
                f"Field 'matched' is {self.matched!r}; frequencies are known of "
                f"{', '.join(MATCHES)}."
            )
        if self.matched is not None and self.concepts != 1_000:
            raise CourseError(
                f"Field 'matched' is {self.matched!r}, whose counts are of 1,000 classes, but "
                f"field 'concepts' is {self.concepts}; set it to 1000."
            )
        matches, trims = self.matched is not None, self.tail_classes > 0
        effects = {"filled": ("matched", matches), "tail_shots": ("tail_classes", trims)}
        require_effect(self, effects)

    def check_with(self, run: RunConfig) -> None:
        """As `Data`."""
        require_photographs(run)
        if run.training.mirror:
            raise CourseError("Field 'mirror' is True, but shards are not mirrored; leave it out.")
        require_caption(run, WORDS.get(self.dataset, ("caption",)))
        if self.tested is not None and isinstance(run.objective, DINOConfig):
            raise CourseError(
                f"Field 'tested' is {self.tested}; a classifier or a CLIP can be tested on fewer "
                "classes, self-distillation leaves it at None."
            )
