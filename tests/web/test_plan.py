"""A plan's numbers against published ones, hand counts and real steps; and what it refuses."""

import json
import sys
from dataclasses import replace
from functools import cache, partial

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from slow import mostly_slow
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from lt_course import study
from lt_course.data import icontail
from lt_course.data.batch import Batch
from lt_course.errors import CourseError
from lt_course.models.heads import Prototypes
from lt_course.models.image_encoders import SmallCNN
from lt_course.models.text_encoders import SmallTransformer
from lt_course.objectives import contrast
from lt_course.objectives.classify import Supervised, SupervisedConfig
from lt_course.objectives.contrast import CLIP, CLIPConfig
from lt_course.objectives.distill import DINO, DINOConfig, Timetable
from lt_course.study.execute import execute, weights
from lt_course.training.options import Training, make_optimizer
from lt_course.web import plan as planning
from lt_course.web import untrained
from lt_course.web.cli import main
from lt_course.web.datasets.shard_data import ShardData
from lt_course.web.gpus import GPU
from lt_course.web.paper_recipes import RECIPES
from lt_course.web.plan import plan
from lt_course.web.untrained import Live, Rehearsal

C, D, L = 5, 16, 6
SMALL = {"concepts": 8, "profile": "flat"}
FLAGS = ["--concepts", "8", "--profile", "flat", "--num-images", "200"]
EXACT = Training(precision="float32", channels_last=False)


def classification(**options) -> Supervised:
    options = SupervisedConfig(**({"vocabulary": 3, "vocabulary_group": 4} | options))
    return Supervised(options, SmallCNN(D), Prototypes(C, D), torch.ones(C, dtype=torch.long))


def contrastive() -> CLIP:
    return CLIP(CLIPConfig(), SmallCNN(D), SmallTransformer(torch.arange(9), L, D))


def distillation() -> DINO:
    options = DINOConfig(prototypes=12, sampled=8, bottleneck=5, hidden=6, local_crops=1)
    return DINO(options, SmallCNN(D), D, Timetable(10))


def batch(pictures: int) -> Batch:
    """Every text ends at the last token."""
    said = torch.cat([torch.ones(pictures, L - 1), torch.full((pictures, 1), 8)], 1).long()
    crops = torch.zeros(pictures, 2, 1, 32, 32), torch.zeros(pictures, 1, 1, 16, 16)
    labels = torch.zeros(pictures, dtype=torch.long)
    return Batch(torch.zeros(pictures, 1, 32, 32), labels, said, crops)


def rehearsal(build=classification, training: Training = EXACT, processes: int = 1) -> Rehearsal:
    return Rehearsal(build, batch, training, processes)


def nbytes(*tensors: Tensor | None) -> int:
    return sum(tensor.nbytes for tensor in tensors if tensor is not None)


# --- the numbers -------------------------------------------------------------------------------


def test_rn50_clip_has_its_published_size_and_arithmetic() -> None:
    made = plan(study.config("clip-full", scale="full", context=77), "a100", 8)
    assert made.parameters == 102_007_137
    loss = 8 * 3 * 2 * 1_024 * 1_024  # each of 8 processes compares a picture with 1,024 texts
    assert made.flops - loss == pytest.approx(54.5e9, abs=0.05e9)
    assert made.steps == 447_419 // 1024 * 32  # of 448,896, these have a title or tags
    assert made.memory.optimizer == pytest.approx(2 * 4 * made.parameters, rel=1e-4)
    assert made.memory.buckets == made.memory.gradients == 4 * made.parameters


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("sl", {}),
        ("sl-vocab", {"loss": "sigmoid", "tau": 0.5}),
        ("clip-template", {}),
        ("clip-title", {}),
        ("clip-full", {"context": 9}),
        ("clip-title", {"text": "name", "text_head": "language-model"}),
    ],
)
def test_the_model_is_the_one_that_is_trained(
    small, tmp_path, monkeypatch: pytest.MonkeyPatch, name: str, settings: dict
) -> None:
    table = np.random.default_rng(0).normal(size=(8, 384)).astype(np.float32)
    monkeypatch.setattr(icontail, "text_embeddings", lambda: table)
    shape = SMALL | {"num_images": 100, "batch_size": 32, "duration": "1 steps"}
    run = study.config(name, scale="tiny", **shape | settings)
    execute(run, tmp_path)
    trained = {key: value.shape for key, value in weights(tmp_path).items()}
    build = untrained.builder(run)
    with torch.device("meta"):
        planned = build().state_dict()
    assert {key: value.shape for key, value in planned.items()} == trained
    assert all(value.is_meta for value in planned.values())
    made = plan(run, "t4")
    assert made.steps == 1
    assert made.pictures == 100


def test_arithmetic_of_a_small_tower_by_hand() -> None:
    pictures = 8
    # (channels in, channels out, kernel, height out) of the convolutions for 32 x 32 pixels
    layers = [(1, 32, 5, 16), (32, 64, 3, 8), (64, 64, 3, 8), (64, 128, 3, 4), (128, 128, 3, 4)]
    each = [2 * i * o * k**2 * size**2 for i, o, k, size in layers] + [2 * 4 * 128 * D]
    step = rehearsal().step(pictures)
    assert step.forward == pictures * sum(each)
    # Backwards, each product is taken once for its weights and once for its input; the first
    # needs no gradient of the pictures.
    head = 3 * 2 * D * C
    assert step.flops == pictures * (3 * sum(each) - each[0] + head)


def saved_bytes(model: nn.Module, data: Batch) -> int:
    """Bytes that a real encoding keeps for its backward pass, by the saved-tensor hooks."""
    kept: dict[int, tuple[int, object]] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = (storage.nbytes(), storage)
        return tensor

    with (
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
        sdpa_kernel(SDPBackend.MATH),
    ):
        representations = model.encode(data)
    given = {t.untyped_storage().data_ptr() for t in [*model.parameters(), *model.buffers()]}
    given |= {data.pictures.untyped_storage().data_ptr()}
    made = {t.untyped_storage().data_ptr(): (t.nbytes, t) for t in representations}
    found = {key: size for key, (size, _) in (kept | made).items() if key not in given}
    return sum(found.values()) + nbytes(data.pictures, data.labels, data.tokens, *data.crops)


@pytest.mark.parametrize("build", [classification, contrastive])
def test_activations_are_those_of_a_real_step(build) -> None:
    expected = saved_bytes(build().train(), batch(8))
    assert rehearsal(build).activations(8, 8) == expected


def test_bfloat16_halves_activations_and_copies_weights() -> None:
    exact, halved = (rehearsal(training=t).activations(64, 64) for t in (EXACT, Training()))
    given = batch(64)
    batch_bytes = nbytes(given.pictures, given.labels, given.tokens, *given.crops)
    model = classification()
    copies = sum(p.numel() for p in model.image_tower.parameters() if p.ndim > 1) * 2
    assert halved - batch_bytes - copies == pytest.approx((exact - batch_bytes) / 2, rel=0.05)


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_gradients_and_optimiser_state_are_those_of_a_real_step(name) -> None:
    training = Training(optimizer=name, precision="float32")
    model, data = classification(), batch(8)
    optimizer = make_optimizer(model, training)
    loss, _ = model.loss(model.encode(data), data, torch.Generator())
    loss.backward()
    optimizer.step()
    step = rehearsal(training=training).step(8)
    assert step.gradients == nbytes(*(p.grad for p in model.parameters()))
    assert step.optimizer == sum(nbytes(*state.values()) for state in optimizer.state.values())
    weighed = [*model.parameters(), *model.buffers()]
    assert rehearsal().weights == nbytes(*weighed)


def test_a_loss_is_weighed_at_its_peak() -> None:
    """CLIP's logits: forwards the scaled ones, two log-softmaxes, cosines; backwards no more."""
    pictures = 512
    logits = 4 * pictures**2
    assert 4 * logits < rehearsal(contrastive).loss(pictures) < 7 * logits


def test_only_what_lives_is_counted() -> None:
    given = torch.ones(10)
    with Live() as live:
        first = torch.ones(100)
        view = first.view(4, 25)
        view.mul_(2)
        given.add_(1)
        assert live.now == 400
        second = first + 1
        del first
        assert live.now == 800, "a view keeps its storage"
        del view
        assert live.now == 400
    assert live.peak == 800
    assert second.sum() == 300


# --- devices and processes -----------------------------------------------------------------------


@cache
def planned(run: study.RunConfig, gpu: str = "h200", gpus: int = 8) -> planning.Plan:
    return plan(run, gpu, gpus)


@pytest.mark.parametrize("scale", ["gpu", "full"])
@pytest.mark.parametrize("name", mostly_slow(study.NAMED, "sl", "clip-title", "dino"))
def test_every_declared_run_takes_a_step_and_stays_on_its_device(name: str, scale: str) -> None:
    run = study.config(name, scale=scale)
    if isinstance(run.objective, CLIPConfig):
        # To towers of open_clip, captions of all kinds are as many tokens.
        run = study.override(run, text="template")
    made = planned(run)
    assert made.memory.activations > made.memory.loss > 0
    assert made.forward_flops < made.flops < 3.1 * made.forward_flops


def alike(run: study.RunConfig) -> study.RunConfig:
    """The run with the data and captions of others that take the same step."""
    if isinstance(run.objective, CLIPConfig):
        run = study.override(run, text="template")
    if run.data.dataset != "cifar100":
        size = run.data.image_size
        data = ShardData(concepts=run.data.concepts, image_size=size, num_images=448_896)
        run = replace(run, data=data, name="alike")
    return run


@pytest.mark.parametrize(
    "name",
    mostly_slow(
        [name for name in RECIPES if name.startswith("paper")],
        "paper-sl-vocab",
        "paper-clip-full",
        "paper-clip-laionet-frozen",
        "paper-dino-sampled",
    ),
)
def test_every_recipe_of_the_paper_takes_a_step_at_full_size(name: str) -> None:
    run = study.config(name)
    made = planned(alike(run))
    assert made.memory.activations > made.memory.loss > 0
    assert made.forward_flops < made.flops < 3.1 * made.forward_flops
    expected = untrained.pictures_of(run)
    assert 260_000 < expected <= 3_480_797


@pytest.mark.parametrize(
    "name",
    mostly_slow([name for name in RECIPES if name.startswith("gpu")], "gpu-cifar100-sl"),
)
def test_recipes_for_one_gpu_fit_it_and_take_an_hour(name: str) -> None:
    run = study.config(name)
    if isinstance(run.objective, SupervisedConfig):
        # Vocabularies are the loss's, and next to nothing.
        run = study.override(run, vocabulary=None, vocabulary_group=32)
    made = planned(replace(run, name="alike"), "a100-40", 1)
    assert made.hours[1] <= 1
    assert made.memory.peak <= 16e9
    if isinstance(run.objective, CLIPConfig):  # two towers take longer than one
        slow = planned(study.override(run, precision="float32"), "t4", 1)
        assert slow.hours[0] <= 1


def test_what_the_paper_trained_on_is_counted_without_it() -> None:
    counts = {
        "paper-clip-title": 443_012,
        "paper-clip-full": 448_896,
        "paper-dino": 3_256_561,
        "paper-dino-imagenet": 1_281_167,
        "paper-clip-yfcc15m": 2_898_096,
        "gpu-incaps100-sl": 44_548,
        "gpu-cifar100-sl": 10_847,
        "gpu-cc3m-sl": 200_000,
    }
    for name, pictures in counts.items():
        assert untrained.pictures_of(study.config(name)) == pictures
    half = study.config("paper-clip-laionet", fraction=0.5)
    assert untrained.pictures_of(half) == round(3_256_561 / 2)
    with pytest.raises(CourseError, match="Field 'num_images' is None, all that 'cc3m' has"):
        untrained.pictures_of(study.config("gpu-cc3m-sl", num_images=None))


def test_self_distillation_can_be_rehearsed() -> None:
    rehearsed = rehearsal(distillation, processes=8)
    step = rehearsed.step(8)
    learnt = nbytes(*distillation().student.parameters())
    assert step.gradients == learnt
    assert rehearsed.weights > 2 * learnt, "the teacher is weighed too"
    assert rehearsed.activations(8, 8) > 0
    assert rehearsed.loss(8) > 0


def test_self_distillation_has_its_place_in_the_dispatch() -> None:
    options = DINOConfig(prototypes=64, bottleneck=8, hidden=16, local_crops=3)
    run = replace(study.config("sl", scale="tiny"), objective=options)
    shown = untrained.batch_of(run, 4)
    assert [crops.shape for crops in shown.crops] == [(4, 2, 1, 32, 32), (4, 3, 1, 16, 16)]
    build = untrained.builder(run)
    rehearsed = Rehearsal(build, partial(untrained.batch_of, run), run.training)
    assert rehearsed.parameters == sum(p.numel() for p in build().parameters())
    step = rehearsed.step(4)
    assert step.gradients == 4 * rehearsed.parameters / 2, "student and teacher are alike"
    assert rehearsed.activations(4, 4) > 0
    assert rehearsed.loss(4) > 0


def info_nce_on_the_cpu(image: Tensor, text: Tensor, temperature: nn.Module) -> Tensor:
    return F.cross_entropy(temperature(image @ text.T), torch.arange(len(image)))


class Stray(Supervised):
    """Its offset is neither parameter nor buffer, and stays where it was made."""

    def loss(self, representations, batch, generator):
        offset = torch.zeros(C)
        loss, report = super().loss(representations, batch, generator)
        return loss + (self.head(representations[0]) + offset).mean(), report


def stray() -> Stray:
    options = SupervisedConfig(vocabulary=3, vocabulary_group=4)
    return Stray(options, SmallCNN(D), Prototypes(C, D), torch.ones(C, dtype=torch.long))


def test_a_tensor_on_the_wrong_device_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match="device"):
        rehearsal(stray).activations(8, 8)
    rehearsal(contrastive).activations(8, 8)
    monkeypatch.setattr(contrast, "info_nce", lambda *given: info_nce_on_the_cpu(*given[:3]))
    with pytest.raises(RuntimeError, match="device"):
        rehearsal(contrastive).activations(8, 8)


def test_eight_processes_are_there_while_a_step_is_taken() -> None:
    seen: list[tuple[str, torch.Size]] = []

    class Gathering(Supervised):
        def loss(self, representations, batch, generator):
            mine = representations[0].detach()
            together = mine.new_empty(dist.get_world_size(), *mine.shape)
            dist.all_gather([*together], mine)
            seen.append((mine.device.type, together.shape))
            return super().loss(representations, batch, generator)

    def build() -> Supervised:
        options, frequency = SupervisedConfig(), torch.ones(C, dtype=torch.long)
        return Gathering(options, SmallCNN(D), Prototypes(C, D), frequency)

    hook = sys.excepthook
    rehearsed = rehearsal(build, processes=8)
    rehearsed.step(4)
    rehearsed.activations(4, 4)
    rehearsed.loss(4)
    whole = torch.Size([8, 4, D])
    assert seen == [("meta", whole), ("cuda", whole), ("meta", whole)]
    assert not dist.is_initialized()
    assert sys.excepthook is hook


def test_nothing_is_left_switched_on() -> None:
    before = torch.is_autocast_enabled("cuda"), torch.get_autocast_dtype("cuda")
    rehearsal(training=Training()).activations(8, 8)
    assert (torch.is_autocast_enabled("cuda"), torch.get_autocast_dtype("cuda")) == before


# --- plans ---------------------------------------------------------------------------------------


@pytest.fixture
def tight(monkeypatch: pytest.MonkeyPatch) -> str:
    """A GPU with little more memory than the reserve."""
    monkeypatch.setitem(planning.GPUS, "tight", GPU(1.01, 10, 1, (1.0, 2.0)))
    return "tight"


IN_BATCH = {"sampling": "in-batch", "vocabulary": None}


def tiny(name: str = "sl-vocab", **settings):
    return study.config(name, scale="tiny", **{"batch_size": 128} | settings)


def test_what_does_not_fit_is_refused_and_what_would_is_named(small, tight: str) -> None:
    shape = SMALL | {"num_images": 256, "batch_size": 256, **IN_BATCH}
    with pytest.raises(CourseError) as refused:
        plan(tiny(**shape), tight)
    said = str(refused.value)
    assert said.startswith("A step of sl-vocab takes 1.0")
    assert "more than the 1.01 GiB of tight" in said
    parts = int(said.split("accumulate ")[1].split(",")[0])
    smaller = int(said.split("without accumulate, batch ")[1].split(" ")[0])
    assert plan(tiny(**shape, accumulate=parts), tight).memory.peak <= 1.01 * 2**30
    assert plan(tiny(**shape | {"batch_size": smaller}), tight).memory.peak <= 1.01 * 2**30
    assert smaller % 32 == 0, "micro-batches stay whole"
    with pytest.raises(CourseError, match="more than"):
        plan(tiny(**shape, accumulate=parts // 2), tight)


def test_where_nothing_fits_a_larger_gpu_is_asked_for(small, monkeypatch) -> None:
    monkeypatch.setitem(planning.GPUS, "none", GPU(0.5, 10, 1, (1.0, 2.0)))
    with pytest.raises(CourseError, match="no batch fits, so take a GPU with more memory"):
        plan(tiny(**SMALL, num_images=128), "none")


def test_parts_save_memory_and_cost_a_forward_pass(small) -> None:
    shape = SMALL | {"num_images": 256}
    whole, parts = (plan(tiny("sl", accumulate=n, **shape), "a100-80") for n in (1, 4))
    assert parts.memory.activations == pytest.approx(whole.memory.activations / 4, rel=0.3)
    assert parts.flops == whole.flops
    slower = whole.flops / (whole.flops + whole.forward_flops)
    assert parts.pictures_per_second[0] == pytest.approx(slower * whole.pictures_per_second[0])


def test_a_part_may_be_smaller_than_a_micro_batch(small) -> None:
    made = plan(tiny(**SMALL, num_images=256, **IN_BATCH, accumulate=8), "t4")
    assert made.summary()["batch_per_gpu"] // made.summary()["accumulate"] == 16


def test_gpus_share_the_batch(small) -> None:
    shape = SMALL | {"num_images": 256}
    one, four = (plan(tiny("clip-title", **shape), "h100", n) for n in (1, 4))
    assert (one.steps, one.parameters) == (four.steps, four.parameters)
    assert four.memory.activations < one.memory.activations / 3
    assert (one.memory.buckets, four.memory.buckets) == (0, four.memory.gradients)
    assert four.hours[0] == pytest.approx(one.hours[0] / 4, rel=0.01)
    assert four.dollars[0] == pytest.approx(one.dollars[0], rel=0.01)


@pytest.mark.parametrize(
    ("settings", "gpu", "gpus", "sentence"),
    [
        ({}, "a1000", 1, "There is no GPU 'a1000'; the nearest are a100"),
        ({}, "t4", 0, "The number of GPUs is 0"),
        ({}, "t4", 3, "'batch_size' is 128, which does not divide into 3 GPUs"),
        ({"accumulate": 3}, "t4", 1, "use a multiple of 3"),
        ({**IN_BATCH, "vocabulary_group": 48}, "t4", 1, "'vocabulary_group' is 48"),
        ({"batch_size": 8192}, "t4", 1, "there are only 200 training images"),
        ({"text_head": "language-model"}, "t4", 1, "which only CLIP can read"),
        ({"dataset": "x"}, "t4", 1, "Field 'dataset' is 'x', which this version"),
    ],
)
def test_bad_plans_are_refused(small, settings: dict, gpu: str, gpus: int, sentence: str) -> None:
    with pytest.raises(CourseError, match=sentence):
        plan(tiny(**SMALL | {"num_images": 200} | settings), gpu, gpus)


def test_json_is_one_object(small, capsys) -> None:
    arguments = ["plan", "clip-title", "--scale", "tiny", *FLAGS]
    assert main([*arguments, "--gpu", "v100", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert set(said) == {
        *("name", "scale", "spec_hash", "gpu", "gpus", "parameters"),
        *("forward_flops_per_sample", "flops_per_sample", "pictures", "batch", "batch_per_gpu"),
        *("accumulate", "steps", "bytes_per_gpu", "memory_per_gpu", "utilisation"),
        *("pictures_per_second", "hours", "dollars", "assumptions"),
    }
    assert (said["name"], said["gpu"], said["gpus"]) == ("clip-title", "v100-16", 1)
    assert said["spec_hash"] == tiny("clip-title", **SMALL, num_images=200).address
    parts = said["bytes_per_gpu"]
    assert parts.pop("peak") == sum(parts.values()) <= said["memory_per_gpu"]
    assert said["utilisation"] == [0.3, 0.6], "a V100 has no bfloat16 units"
    assert any("no bfloat16 units" in sentence for sentence in said["assumptions"])
    for name in ("pictures_per_second", "hours", "dollars"):
        low, high = said[name]
        assert 0 < low < high
    seconds = said["steps"] * said["batch"] / said["pictures_per_second"][1]
    assert said["hours"][0] == pytest.approx(seconds / 3600)


def test_the_command_line(small, capsys) -> None:
    assert main(["plan", "sl", "--scale", "tiny", *FLAGS]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "run            sl at scale tiny, 1 x a100-40"
    assert all(len(line) <= 90 for line in lines)
    assert main(["plan"]) == 2
    assert "rtx-4090" in capsys.readouterr().out
    assert main(["plan", "sl", "--bach", "3"]) == 2
    assert "the nearest are batch" in capsys.readouterr().err
    assert main(["plan", "sl", "--scale", "tiny", "--gpus", "7"]) == 2
    assert "does not divide into 7 GPUs" in capsys.readouterr().err


def test_data_that_are_not_there_are_not_needed() -> None:
    run = study.config("sl", scale="full", fraction=0.5, image_tower="ViT-B-32", embed_dim=512)
    made = plan(run, "l4", 4)
    assert made.pictures == 224_448
    assert any("not looked at" in sentence for sentence in made.assumptions())
