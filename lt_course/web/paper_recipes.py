"""The paper's runs by name, and runs on photographs that one GPU finishes within the hour.

    lt-course plan paper-clip-full --gpus 8
    torchrun --nproc-per-node 8 -m lt_course.web.cli run paper-clip-full
    lt-course run paper-trim-sl-vocab-frozen --tail-classes 20 --tail-shots 1

A recipe is a whole `RunConfig`, and any field of it can be set otherwise. Numbers are the paper's
(Wen et al., arXiv 2405.21070), where it is silent its release's, and each is named here with its
source:

*Supervised learning* (App. C): ResNet-50 in CLIP's form at 224 pixels, l2-normalised prototypes and
a learnt temperature; crops of 0.9 to 1 of the area and nothing else; SGD with Nesterov momentum
0.9, learning rate 0.1 without warm-up, a tenth of it from epochs 30, 50 and 70 on; 90 epochs of
batches of 256, weight decay 1e-4. The release's code has plain momentum (``nesterov``) and, under
the name of steps, a cosine (``schedule``); it decays everything (``no_decay_on_bias_norm``) and
keeps batch norms to each of four GPUs, of which the paper says nothing, and so it is here:
statistics are those of groups of 64 images (``batch_norm_groups``), on one, two or four GPUs. It
trains in float32 with TF32 products; here the towers compute in bfloat16 (``precision``).

*Vocabularies* (Sec. 3.3): classes are drawn by frequency until a vocabulary has 100
(``vocabulary``; 50, 200 and 500 beside it), for each 64 images (``vocabulary_group``), as many as
a GPU of the release has. With 50 next to nothing is drawn, for 64 pictures show about 62 classes.

*Extreme tails* (Sec. 4.1): the same runs, with the rarest 50 classes left out. (The release's runs
over vocabularies take batches of 1,024, a learning rate of 0.4 and, for each 256 pictures, the
classes that occur in them and no others: ``--batch-size 1024 --learning-rate 0.4
--vocabulary-group 256 --vocabulary 50``. Those that they are compared with do not; here all are
alike. Vocabularies without frozen prototypes, ``paper-trim-sl-vocab``, are a control that the paper
lacks.)

*CLIP* (App. C): both towers of RN50, 77 tokens; AdamW with torch's betas 0.9 and 0.999 and epsilon
1e-8, which are the paper's; learning rate 1e-3 with 500 steps of warm-up, then a cosine; 32 epochs
of batches of 1,024; batch norm over all GPUs. Weight decay 0.2 is the release's (open_clip's
default; none on biases, norms and temperature). The release computes in float16 with scaled losses,
here it is bfloat16. Captions are what the paper names; the release puts the class name in front of
all of them: ``--text name+title+tags``. Class templates are 80.

*Frozen text heads* (Sec. 3.5, Fig. 4b, 5, 6a, 8, 9, 19): what ends in ``-frozen`` keeps what CLIP's
pre-trained RN50 makes of texts. A classifier's prototypes are the released table of "a" and the
class name. CLIP keeps OpenAI's whole text tower, with its QuickGELU, which a tower from scratch
does not have; ``-initialised`` learns on from it (both as in the release). ``-roberta`` is a frozen
RoBERTa behind a projection that is learnt, by way of 896 units. Temperatures are always learnt.

*DINO* (App. D): ResNet-50, 65,536 prototypes, two crops of 224 pixels (0.14 to 1 of the area) and
eight of 96 (0.05 to 0.14); SGD without Nesterov, learning rate 0.03 for 256 pictures and so 0.12
for batches of 1,024, 10 epochs of warm-up, a cosine to 1e-6; 100 epochs, weight decay 1e-4 on
matrices and convolutions, gradients clipped at 3 a tensor; bfloat16, where the release has float16;
temperatures 0.1 and 0.04, teacher's momentum from 0.996 to 1. Targets by Sinkhorn-Knopp are the
release's (``targets``). Prototypes keep their start for the first epoch; the release's sampled and
shrunk runs do not (``--freeze-last-layer "0 %"``). What it plots of ImageNet had batches of 512
(``--batch-size 512 --learning-rate 0.06``), not the paper's 1,024.

*Open concepts* (Fig. 6a): ``paper-sl-frozen`` and ``paper-clip-full-frozen`` with
``--concepts 100``, with ``--num-images 44548 --tested 100``, and with ``--tested 100``.

*On one GPU*: the same, shorter and smaller; nothing of it is the paper's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from lt_course.models.released_heads import HEADS
from lt_course.objectives.classify import SupervisedConfig
from lt_course.objectives.contrast import CLIPConfig
from lt_course.objectives.distill import DINOConfig
from lt_course.study.photograph_dataset import PhotographData
from lt_course.study.run_config import NAMED, Data, Model, ObjectiveSpec, RunConfig, override
from lt_course.study.text_heads import Scratch
from lt_course.training.options import Training
from lt_course.web.datasets.shard_data import ShardData

# --- the paper -----------------------------------------------------------------------------------

IN_CAPS = ShardData("imagenet-captions")
IMAGENET = ShardData("imagenet")
LAIONET = ShardData("laionet", keep_classes=True)
CC12M = ShardData("cc12m-cls")
YFCC15M = ShardData("yfcc15m-cls")
TRIMMED = replace(IN_CAPS, tail_classes=50)

SUPERVISED_TRAINING = Training(
    duration="90 epochs",
    batch_size=256,
    crop=0.9,
    optimizer="sgd",
    nesterov=True,
    learning_rate=0.1,
    weight_decay=1e-4,
    no_decay_on_bias_norm=False,
    schedule="step",
    warmup="0 steps",
    milestones=("30 epochs", "50 epochs", "70 epochs"),
    batch_norm_groups=4,
    checkpoint_every="1 epochs",
)
CLIP_TRAINING = Training(
    duration="32 epochs",
    batch_size=1_024,
    crop=0.9,
    optimizer="adamw",
    learning_rate=1e-3,
    weight_decay=0.2,
    schedule="cosine",
    warmup="500 steps",
    checkpoint_every="1 epochs",
)
DINO_TRAINING = Training(
    duration="100 epochs",
    batch_size=1_024,
    optimizer="sgd",
    nesterov=False,
    learning_rate=0.03 * 1_024 / 256,
    final_learning_rate=1e-6,
    weight_decay=1e-4,
    clip_grad_per_tensor=3.0,
    schedule="cosine",
    warmup="10 epochs",
    checkpoint_every="1 epochs",
)
CROPS = DINOConfig(
    prototypes=65_536,
    targets="sinkhorn",
    global_size=224,
    local_size=96,
    photometric=True,
    fused=True,
)
VOCABULARY = SupervisedConfig(vocabulary=100, vocabulary_group=64)

RN50 = Model("RN50", embed_dim=1_024)
(RELEASED_TABLE,) = HEADS


@dataclass(frozen=True)
class Recipe:
    """A whole run, declared.

    Attributes:
        what: it is, in one line.
        run: the run, with seed 0.
    """

    what: str
    run: RunConfig


def _scratch(objective: ObjectiveSpec) -> Scratch:
    return Scratch("RN50" if isinstance(objective, CLIPConfig) else None)


def _paper(what: str, data: Data, objective: ObjectiveSpec, training: Training) -> Recipe:
    return Recipe(
        what, RunConfig("", "full", 0, data, RN50, _scratch(objective), objective, training)
    )


def _read(text: str, what: str, figures: str = "Fig. 3") -> Recipe:
    return _paper(
        f"{figures}: CLIP on {what}", IN_CAPS, CLIPConfig(text, context=77), CLIP_TRAINING
    )


def _taught(what: str, recipe: Recipe, **text_head: Any) -> Recipe:
    """The recipe with a text head that others have trained."""
    return Recipe(what, override(recipe.run, **text_head))


def _frozen(what: str, recipe: Recipe) -> Recipe:
    """The recipe with the class vectors of CLIP's pre-trained RN50, which are kept."""
    reads = isinstance(recipe.run.objective, CLIPConfig)
    weights = "openai" if reads else RELEASED_TABLE
    return _taught(what, recipe, text_head="released", text_weights=weights)


SCRATCH = {
    "paper-sl": _paper(
        "Fig. 3: supervised learning on IN-Caps", IN_CAPS, SupervisedConfig(), SUPERVISED_TRAINING
    ),
    "paper-sl-vocab": _paper(
        "Fig. 3: the same over vocabularies (--vocabulary 50, 100, 200, 500)",
        IN_CAPS,
        VOCABULARY,
        SUPERVISED_TRAINING,
    ),
    "paper-sl-laionet": _paper(
        "Fig. 1b: supervised learning on LAIONet", LAIONET, SupervisedConfig(), SUPERVISED_TRAINING
    ),
    "paper-sl-cc12m": _paper(
        "Fig. 1b: supervised learning on CC-12M-Cls", CC12M, SupervisedConfig(), SUPERVISED_TRAINING
    ),
    "paper-sl-yfcc15m": _paper(
        "Fig. 1b, 6b and 11: supervised learning on YFCC-15M-Cls",
        YFCC15M,
        SupervisedConfig(),
        SUPERVISED_TRAINING,
    ),
    "paper-clip-template": _read("template", "class templates"),
    "paper-clip-synset": _read("synset", "class templates around a synonym"),
    "paper-clip-title": _read("title", "titles"),
    "paper-clip-tags": _read("tags", "tags"),
    "paper-clip-description": _read("description", "descriptions"),
    "paper-clip-title-tags": _read("title+tags", "titles and tags"),
    "paper-clip-title-description": _read("title+description", "titles and descriptions"),
    "paper-clip-tags-description": _read("tags+description", "tags and descriptions"),
    "paper-clip-full": _read(
        "title+tags+description", "titles, tags and descriptions", "Fig. 3 and 4b"
    ),
    "paper-clip-laionet": _paper(
        "Fig. 1b, 4b, 5: CLIP on LAIONet (--fraction 0.03125; --threshold 0.8 --num-images 448896)",
        LAIONET,
        CLIPConfig("caption", context=77),
        CLIP_TRAINING,
    ),
    "paper-clip-laionet-matched": _paper(
        "Fig. 4b: CLIP on LAIONet with the class frequencies of IN-Caps",
        replace(LAIONET, matched="imagenet-captions", filled=True, keep_classes=False),
        CLIPConfig("caption", context=77),
        CLIP_TRAINING,
    ),
    "paper-clip-cc12m": _paper(
        "CLIP on CC-12M-Cls, which no figure shows",
        CC12M,
        CLIPConfig("caption", context=77),
        CLIP_TRAINING,
    ),
    "paper-clip-yfcc15m": _paper(
        "Fig. 6b and 11: CLIP on YFCC-15M-Cls",
        YFCC15M,
        CLIPConfig("caption", context=77),
        CLIP_TRAINING,
    ),
    "paper-trim-sl": _paper(
        "Fig. 8 and 9: supervised learning, a tail cut (--tail-classes 5 to 500, --tail-shots 1)",
        TRIMMED,
        SupervisedConfig(),
        SUPERVISED_TRAINING,
    ),
    "paper-trim-sl-vocab": _paper(
        "the same over vocabularies, which Fig. 8 lacks", TRIMMED, VOCABULARY, SUPERVISED_TRAINING
    ),
    "paper-trim-clip": _paper(
        "Fig. 8: CLIP, a tail cut",
        TRIMMED,
        CLIPConfig("title+tags+description", context=77),
        CLIP_TRAINING,
    ),
    "paper-dino-imagenet": _paper("Tab. 2: DINO on ImageNet", IMAGENET, CROPS, DINO_TRAINING),
    "paper-dino": _paper("Tab. 2: DINO on LAIONet", LAIONET, CROPS, DINO_TRAINING),
    "paper-dino-sampled": _paper(
        "Tab. 2: 16,384 of its prototypes in each step (--sampled 1024, 4096)",
        LAIONET,
        replace(CROPS, sampled=16_384),
        DINO_TRAINING,
    ),
    "paper-dino-shrunk": _paper(
        "Tab. 2: 16,384 prototypes in all",
        LAIONET,
        replace(CROPS, prototypes=16_384),
        DINO_TRAINING,
    ),
}

FROZEN = {
    "paper-sl": "Fig. 6a and 19: supervised learning on IN-Caps, frozen prototypes",
    "paper-sl-vocab": "Fig. 19: the same over vocabularies",
    "paper-sl-laionet": "Fig. 5: supervised learning on LAIONet, frozen prototypes",
    "paper-clip-full": "Fig. 4b, 6a, 19: CLIP on full texts, frozen text tower (--text title, …)",
    "paper-clip-laionet": "Fig. 4b and 5: CLIP on LAIONet, frozen text tower (--fraction 0.5, …)",
    "paper-clip-laionet-matched": "Fig. 4b: the same with the class frequencies of IN-Caps",
    "paper-trim-sl": "Fig. 8 and 9: supervised learning, a tail cut, frozen prototypes",
    "paper-trim-sl-vocab": "Fig. 8 and 9: the same over vocabularies",
    "paper-trim-clip": "Fig. 8: CLIP, a tail cut, frozen text tower",
}
TAUGHT = {f"{name}-frozen": _frozen(what, SCRATCH[name]) for name, what in FROZEN.items()} | {
    "paper-clip-laionet-initialised": _taught(
        "Fig. 5: CLIP on LAIONet, its text tower starting from OpenAI's",
        SCRATCH["paper-clip-laionet"],
        text_head="released",
        text_weights="openai",
        frozen=False,
    ),
    "paper-clip-laionet-roberta": _taught(
        "Fig. 5: CLIP on LAIONet, frozen RoBERTa",
        SCRATCH["paper-clip-laionet"],
        text_head="language-model",
        text_weights="roberta-base",
    ),
}
PAPER = SCRATCH | TAUGHT

# --- one GPU, one hour ---------------------------------------------------------------------------


def _short(what: str, data: Data, objective: ObjectiveSpec, size: int, duration: str) -> Recipe:
    """A run for one GPU: the optimisers of the paper, fewer steps."""
    supervised = not isinstance(objective, CLIPConfig)
    milestones = ("33 %", "56 %", "78 %") if supervised else ()
    training = replace(
        SUPERVISED_TRAINING if supervised else CLIP_TRAINING,
        duration=duration,
        batch_size=256,
        warmup="5 %",
        milestones=milestones,
        checkpoint_every="10 %",
        batch_norm_groups=1,
    )
    data = replace(data, image_size=size)
    return Recipe(
        what, RunConfig("", "gpu", 0, data, RN50, _scratch(objective), objective, training)
    )


IN_CAPS_100 = ShardData("imagenet-captions", 100)
CIFAR = PhotographData("cifar100", profile="cifar-lt(100)")
CC3M = ShardData("cc3m", num_images=200_000, keep_classes=True)
FEW = SupervisedConfig(vocabulary=40)

SHORT = {
    "gpu-cifar100-sl": _short(
        "CIFAR-100 with a long tail: supervised learning",
        CIFAR,
        SupervisedConfig(),
        64,
        "100 epochs",
    ),
    "gpu-cifar100-sl-vocab": _short("the same over vocabularies", CIFAR, FEW, 64, "100 epochs"),
    "gpu-cifar100-clip": _short(
        "the same with CLIP on class names (--text superclass, class+superclass)",
        CIFAR,
        CLIPConfig("class"),
        64,
        "100 epochs",
    ),
    "gpu-incaps100-sl": _short(
        "IN-Caps-100 at 112 pixels: supervised learning",
        IN_CAPS_100,
        SupervisedConfig(),
        112,
        "20 epochs",
    ),
    "gpu-incaps100-sl-vocab": _short(
        "the same over vocabularies", IN_CAPS_100, FEW, 112, "20 epochs"
    ),
    "gpu-incaps100-clip": _short(
        "the same with CLIP on titles and tags",
        IN_CAPS_100,
        CLIPConfig("title+tags", context=32),
        112,
        "20 epochs",
    ),
    "gpu-cc3m-sl": _short(
        "Conceptual Captions 3M, labelled by its captions: supervised learning",
        CC3M,
        SupervisedConfig(),
        112,
        "4 epochs",
    ),
    "gpu-cc3m-clip": _short(
        "the same with CLIP", CC3M, CLIPConfig("caption", context=32), 112, "4 epochs"
    ),
}

RECIPES: dict[str, Recipe] = {
    name: replace(recipe, run=replace(recipe.run, name=name))
    for name, recipe in {**PAPER, **SHORT}.items()
}


def names() -> dict[str, str]:
    """Every run that has a name -> what it is."""
    return {name: what for name, (what, _) in NAMED.items()} | {
        name: recipe.what for name, recipe in RECIPES.items()
    }
