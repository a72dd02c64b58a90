"""Pictures for `gpu_check` in one file, and its last part: gap and vocabulary on them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from gpu_check import Check
    from numpy.typing import NDArray

    from lt_course.data.batch import Batch
    from lt_course.data.class_profiles import TrainSplit
    from lt_course.data.photographs.photograph_set import PhotographSet
    from lt_course.models.heads import Prototypes

CLASSES, TRAINED, TESTED = 40, 200, 20
"""Of the packed pictures: classes, and pictures of each."""

LARGEST = 30_000_000
"""Bytes that the file may have."""

BATCH, CONTEXT, DIMENSION, GROUP = 64, 16, 128, 8
"""Pictures a step, tokens of a caption, dimension of the features, pictures with one vocabulary."""


def pack(target: Path) -> str:
    """Write photographs of Tiny ImageNet, or drawings where there are none; a line on both."""
    from lt_course.errors import CourseError

    try:
        chosen, why = tiny_photographs(), ""
    except CourseError as error:
        chosen, why = drawings(), f" ({error})"
    with target.open("wb") as file:
        np.savez_compressed(
            file, set=chosen.name, names=np.array(chosen.names), images=chosen.images,
            labels=chosen.labels, test=chosen.test,
        )  # fmt: skip
    if (size := target.stat().st_size) > LARGEST:
        target.unlink()
        raise SystemExit(f"The file would have {size / 1e6:.0f} MB, more than 30; pack fewer.")
    return f"{target}: {len(chosen.labels):,} pictures of {chosen.name}, {size / 1e6:.1f} MB{why}"


def tiny_photographs() -> PhotographSet:
    """Photographs of some classes of Tiny ImageNet, spread over all, at 32 pixels."""
    from lt_course.data.photographs import tiny_imagenet
    from lt_course.data.photographs.reading import Found

    found = tiny_imagenet.find()
    classes = np.arange(CLASSES) * (tiny_imagenet.CLASSES // CLASSES)
    rows = _few(found.labels, found.test, classes)
    few = Found([found.pictures[row] for row in rows], found.labels[rows], found.test[rows])
    whole = tiny_imagenet.read(few, 32)
    names = [whole.names[each] for each in classes]
    return _set(whole.name, names, whole.images, np.searchsorted(classes, few.labels), few.test)


def drawings(classes: int = CLASSES) -> PhotographSet:
    """Drawings of IconTail's first concepts, which the package ships."""
    from lt_course.data import icontail

    whole = icontail.load()
    rows = _few(whole.concept, whole.test, np.arange(classes))
    names = [concept.name for concept in whole.concepts[:classes]]
    labels = whole.concept[rows].astype(np.int64)
    return _set("icontail", names, whole.pictures[rows], labels, whole.test[rows])


def _few(
    labels: NDArray[Any], test: NDArray[np.bool_], classes: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Rows of the first pictures of each class, for training and for tests."""
    rows = [
        np.flatnonzero((labels == each) & (test == tested))[:most]
        for each in classes
        for tested, most in ((False, TRAINED), (True, TESTED))
    ]
    return np.concatenate(rows)


def _set(name: str, names: list[str], *arrays: NDArray[Any]) -> PhotographSet:
    from lt_course.data.photographs.photograph_set import PhotographSet

    return PhotographSet(name, names, names, *arrays)


def load(check: Check) -> PhotographSet:
    """What was packed, or drawings; few classes of it for a toy."""
    if check.data is None:
        return drawings(8 if check.toy else CLASSES)
    with np.load(check.data) as packed:
        arrays = [packed[name] for name in ("images", "labels", "test")]
        names = [str(name) for name in packed["names"]]
        if check.toy:
            kept = arrays[1] < 8
            arrays, names = [array[kept] for array in arrays], names[:8]
        return _set(str(packed["set"]), names, *arrays)


def photographs(check: Check) -> None:
    """Bias of classification, of CLIP on templates, and of classification over vocabularies."""
    from lt_course.objectives.classify import SupervisedConfig
    from lt_course.objectives.contrast import CLIPConfig

    pictures = load(check)
    classes = len(pictures.names)
    ways = {
        "sl": SupervisedConfig(),
        "clip-template": CLIPConfig("template", context=CONTEXT),
        "sl-vocab": SupervisedConfig(vocabulary=classes // 4, vocabulary_group=GROUP),
    }
    most = 20 if check.toy else int(min(TRAINED, pictures.available.min()))
    profile = f"exponential({most},{max(2, most // 100)})"
    check.add(set=pictures.name, classes=classes, profile=profile)
    for seed in range(1 if check.toy else 3):  # seed by seed: a kill leaves all ways alike
        for name, options in ways.items():
            check.each(
                f"{name} {seed}",
                lambda options=options, seed=seed: _trained(
                    Sample(pictures, profile, options, seed), check
                ),
            )
    check.add(means={name: _means(check.found, name) for name in ways})


def _means(found: dict[str, Any], name: str) -> dict[str, float]:
    """Of each metric, over the seeds that have one."""
    runs = [found[key] for key in found if key.startswith(f"{name} ") and "accuracy" in found[key]]
    return {
        metric: float(np.mean([run[metric] for run in runs]))
        for metric in (runs[0] if runs else {})
    }


@dataclass(frozen=True, eq=False)
class Sample:
    """A long-tailed training set, and what a model of it is built from (`ModelParts`).

    Attributes:
        pictures: all there are.
        profile: of the class frequencies.
        options: of the objective.
        seed: of the permutation of frequencies, weights, order and augmentation.
    """

    pictures: PhotographSet
    profile: str
    options: Any
    seed: int
    embed_dim: int = DIMENSION
    total_steps: int = 0

    @cached_property
    def split(self) -> TrainSplit:
        """The pictures that are trained on."""
        return self.pictures.sample(
            len(self.pictures.names), profile=self.profile, permutation=self.seed
        )

    @property
    def frequency(self) -> Tensor:
        """Training pictures of each class."""
        return torch.from_numpy(self.split.frequency)

    @property
    def colored(self) -> bool:
        """Whether they have three colors."""
        return self.pictures.images.ndim == 4

    @cached_property
    def captions(self) -> Any:
        """What may be said of each training picture."""
        return self.pictures.captions(self.split.image_ids, "template")

    @cached_property
    def tokens(self) -> Tensor:
        """The captions, int64 [U, L]."""
        from lt_course.data.tokenizer import tokens

        return tokens(self.captions.texts, CONTEXT)

    @cached_property
    def prompts(self) -> Tensor:
        """What each class is asked for by, int64 [C, P, L]."""
        from lt_course.data.captions import prompts
        from lt_course.data.tokenizer import tokens

        asked = [prompts(name) for name in self.pictures.names]
        return tokens([text for each in asked for text in each], CONTEXT).unflatten(
            0, (len(asked), -1)
        )

    def image_tower(self) -> nn.Module:
        """The small tower, wider for photographs."""
        from lt_course.models.image_encoders import image_tower

        name, channels = ("small-cnn-64", 3) if self.colored else ("small-cnn", 1)
        return image_tower(name, DIMENSION, 32, channels)

    def text_tower(self) -> nn.Module:
        """The small transformer for the tokens that occur."""
        from lt_course.models.text_encoders import text_tower

        known = torch.cat([self.tokens, self.prompts.flatten(0, 1)])
        return text_tower("small-transformer", known, DIMENSION)

    def prototypes(self, normalized: bool) -> Prototypes:
        """One class vector a class."""
        from lt_course.models.heads import Prototypes

        return Prototypes(len(self.pictures.names), DIMENSION, normalized=normalized)

    def steps(self, duration: str, field: str) -> int:
        """None of any duration."""
        return 0

    def standardize(self, images: Tensor) -> Tensor:
        """As a tower is shown them."""
        from lt_course.data import augment

        return (augment.standardize_photographs if self.colored else augment.standardize)(images)


def _trained(sample: Sample, check: Check) -> dict[str, float]:
    """Train, and measure bias on the tests."""
    from lt_course.data.augment import mirror, random_crop
    from lt_course.data.batch import Batch
    from lt_course.data.order import Order, numpy_generator, torch_generator
    from lt_course.objectives.contrast import CLIPConfig
    from lt_course.training.loop import fit
    from lt_course.training.options import Training

    start, split, seed = time.perf_counter(), sample.split, sample.seed
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        objective = sample.options.build(sample).to(check.device)
    images = torch.from_numpy(sample.pictures.images[split.image_ids]).to(check.device)
    labels = torch.from_numpy(split.labels).to(check.device)
    said = sample.tokens.to(check.device) if isinstance(sample.options, CLIPConfig) else None
    training = Training(
        duration=f"{2 if check.toy else 30} epochs", batch_size=BATCH, precision="float32"
    )

    def get_batch(rows: NDArray[np.int64], step: int) -> Batch:
        index = torch.from_numpy(rows).to(check.device)
        generator = torch_generator(seed, step, "augmentation")
        crops = random_crop(sample.standardize(images[index]), 0.6, generator)
        if sample.colored:
            crops = mirror(crops, generator)
        tokens = None
        if said is not None:
            drawn = sample.captions.draw(rows, numpy_generator(seed, step, "captions"))
            tokens = said[torch.from_numpy(drawn).to(check.device)]
        return Batch(crops, labels[index], tokens)

    fit(objective, get_batch, Order(split.labels, BATCH, seed), training)
    return _bias(sample, objective) | {"seconds": time.perf_counter() - start}


@torch.no_grad()
def _bias(sample: Sample, objective: Any) -> dict[str, float]:
    """Accuracy, and how far it and the number of predictions follow frequency: S(a), S(p)."""
    from lt_course.data.augment import in_memory
    from lt_course.evaluation.bias import bias_report
    from lt_course.evaluation.features import features
    from lt_course.evaluation.zero_shot import zero_shot_prototypes
    from lt_course.objectives.contrast import CLIP

    objective.eval()
    device = next(objective.parameters()).device
    pictures = sample.pictures
    tests = np.flatnonzero(pictures.test)
    shown = in_memory(
        torch.from_numpy(pictures.images[tests]), pictures.labels[tests], sample.standardize
    )
    found = F.normalize(features(objective.image_tower, shown).features, dim=1).to(device)
    if isinstance(objective, CLIP):
        scores = found @ zero_shot_prototypes(objective.text_features, sample.prompts.to(device)).T
    else:
        scores = objective.scores(found)
    report = bias_report(sample.split.frequency, pictures.labels[tests], scores.argmax(1).cpu())
    return {
        "accuracy": report["accuracy"],
        "spearman_accuracy": report["spearman_accuracy"],
        "spearman_predictions": report["spearman_predictions"],
    }
