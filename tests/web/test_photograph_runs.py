"""Runs on photographs: every recipe takes real steps on miniature sources in the real formats."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
from functools import partial
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from photograph_miniatures import accept_cifar, cifar_folder
from PIL import Image
from real_processes import Group
from shard_files import image, write_tar
from slow import mostly_slow
from test_language_models import folder_of
from test_photograph_batches import prepared
from test_web_labels import captioned, downloaded

from lt_course import study
from lt_course.data import imagenet
from lt_course.errors import CourseError
from lt_course.objectives.classify import SupervisedConfig
from lt_course.objectives.contrast import CLIPConfig
from lt_course.objectives.distill import DINOConfig
from lt_course.study import evaluate
from lt_course.study.dataset import load_dataset
from lt_course.study.evaluate import EvalResult
from lt_course.study.execute import execute
from lt_course.study.run_config import RunConfig
from lt_course.study.store import find
from lt_course.study.text_heads import LanguageModel
from lt_course.training import checkpoints
from lt_course.web.datasets import (
    caption_labels,
    evaluation_sets,
    imagenet_shards,
    photograph_sets,
    photographs,
)
from lt_course.web.paper_recipes import RECIPES

pytestmark = [
    pytest.mark.filterwarnings("ignore:The image decoding and encoding capabilities"),
    pytest.mark.filterwarnings("ignore:Step .* of"),
]

TOWER = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 8, "patch_size": None},
    "text_cfg": {"context_length": 77, "vocab_size": 49_408, "width": 16, "heads": 2, "layers": 1},
}
"""A CLIP of RN50's kind, small enough for a test."""

RELEASED = {
    "openai": "small.pt",
    "in1k_clip_rn50_wit400m_a+cname.pt": "prototypes.pt",
    "roberta-base": "roberta",
}
"""Released weights, and what stands in for them."""


def stand_ins(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """The data in `folder`, a small tower, and a hundred classes that need no download."""
    patch.setenv("LT_COURSE_DATA", str(folder))
    patch.setenv("LT_COURSE_SHARDS", str(folder / "cache"))
    patch.setenv("LT_COURSE_PHOTOGRAPHS", str(folder / "cache"))
    patch.setenv("LT_DEVICE", "cpu")
    patch.delenv("LT_COURSE_WORKERS", raising=False)
    if "small" not in open_clip.list_models():
        open_clip.add_model_config(folder / "small.json")
    accept_cifar(patch)
    known = evaluation_sets.SETS["imagenet-val"]
    of_test = dataclasses.replace(known, pairs=2_000)
    patch.setitem(evaluation_sets.SETS, "imagenet-val", of_test)
    every = tuple(imagenet.imagenet_classes().values())
    hundred = (every[0], every[134], *every[450:548])

    def classes_of(concepts: str) -> tuple[imagenet.ImageNetClass, ...]:
        return every if concepts == "imagenet" else hundred

    for module in (photograph_sets, evaluation_sets, photographs):
        patch.setattr(module, "classes_of", classes_of)
    patch.setattr(photographs, "MOST_BAD", 0.2)  # a sample in ten of the miniature lacks a picture
    # Counts of another set to match, without the release.
    counts = np.bincount([0, 0, 291, 1, 134], minlength=1_000)
    patch.setattr(photographs, "_frequency", lambda name: counts)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `lt_course.web.data_paths` wants it."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "small.json").write_text(json.dumps(TOWER))
    open_clip.add_model_config(folder / "small.json")
    torch.save(
        open_clip.create_model("small", load_weights=False).state_dict(), folder / "small.pt"
    )
    torch.save(torch.randn(1_000, TOWER["embed_dim"]), folder / "prototypes.pt")
    folder_of("roberta", folder / "roberta")
    prepared(folder / "source")
    imagenet_shards.prepare(
        "imagenet", folder / "source", folder / "imagenet", per_shard=10, partial=True
    )
    (folder / "source" / "shards").rename(folder / "imagenet-captions")
    for name in ("laionet-shards", "laionet-fill"):
        downloaded(folder / name)
    captioned(folder / "somewhere")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LT_COURSE_SHARDS", str(folder / "cache"))
        for name in ("cc3m", "cc12m", "cc12m-cls", "yfcc15m-cls"):
            (folder / name).mkdir()
            (folder / name / "shards.txt").write_text(f"{folder}/somewhere/*.tar\n")
            rule = name if name in caption_labels.SETS else "cc12m-cls"
            caption_labels.prepare(rule, folder / "somewhere", folder / f"{name}-labels")
    for number, wnid in enumerate(imagenet.imagenet_classes()):
        (folder / "imagenet-val" / "val" / wnid).mkdir(parents=True)
        for each in range(2):
            picture = image(number + each, size=(12, 10))
            (folder / "imagenet-val" / "val" / wnid / f"{each}.JPEG").write_bytes(picture)
    return cifar_folder(folder)


@pytest.fixture
def there(data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All data in their places."""
    stand_ins(data, monkeypatch)
    return data


def small(name: str, **settings: object) -> RunConfig:
    """A recipe with fewer and smaller pictures, smaller towers and two steps."""
    run = study.config(name)
    fewer: dict[str, object] = {
        "image_tower": "small",
        "embed_dim": 16,
        "image_size": 32,
        "batch_size": 4,
        "duration": "2 steps",
        "warmup": "100 %",
    }
    if run.data.dataset == "cifar100":
        fewer["profile"] = "natural"
    else:
        fewer["num_images"] = None
    if run.training.milestones:
        fewer |= {"warmup": "0 steps", "milestones": ()}
    match run.objective:
        case SupervisedConfig(vocabulary=int()):
            fewer["vocabulary_group"] = 4
        case CLIPConfig():
            if not isinstance(run.text_head, LanguageModel):
                fewer |= {"text_tower": "small"}
        case DINOConfig():
            fewer["sampled"] = run.objective.sampled and 6
            fewer |= {"prototypes": 24, "hidden": 16, "bottleneck": 8}
            fewer |= {"global_size": 64, "image_size": 64, "local_size": 32, "local_crops": 2}
    weights = getattr(run.text_head, "text_weights", None)
    if weights in RELEASED:
        fewer["text_weights"] = str(Path(os.environ["LT_COURSE_DATA"]) / RELEASED[weights])
    if run.training.batch_norm_groups > 1:
        fewer["batch_norm_groups"] = 2
    if run.training.final_learning_rate == 0:
        fewer["learning_rate"] = run.training.learning_rate / 10
    return study.override(run, **(fewer | settings))


def left(folder: Path) -> dict[str, torch.Tensor]:
    state = checkpoints.load_latest(folder)
    assert state is not None
    return state["model"]


def unmeasured(given: object, objective: object, history: list) -> EvalResult:
    return EvalResult({}, history, None, {})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("paper-trim-sl-vocab-frozen", {"tail_classes": 2, "tail_shots": 0}),
        ("paper-clip-full", {"prompts": "name", "context": 12}),
        ("paper-dino-sampled", {}),
        ("gpu-cifar100-clip", {"text": "class+superclass"}),
    ],
)
def test_what_is_measured_is_what_its_name_says(
    there: Path, tmp_path: Path, name: str, settings: dict
) -> None:
    run = small(name, **settings)
    done = execute(run, tmp_path)
    table, arrays, metrics = done.per_class, done.arrays, done.metrics
    labels, guesses = arrays["labels"], arrays["predictions"]
    assert len(labels) == (200 if run.data.dataset == "cifar100" else 2_000)
    assert len(table) == run.data.concepts
    assert metrics["accuracy"] == pytest.approx((labels == guesses).mean())
    assert table["predictions"].tolist() == np.bincount(guesses, minlength=len(table)).tolist()
    assert table["accuracy"].mean() == pytest.approx(metrics["accuracy"])
    assert table["trimmed"].sum() == getattr(run.data, "tail_classes", 0)
    assert {"spearman_accuracy", "spearman_predictions", "nc1", "nc2_means"} <= metrics.keys()
    assert table["frequency"].sum() == len(load_dataset(run).labels)
    assert "accuracy_line" not in metrics


@pytest.mark.parametrize("name", ["paper-sl-frozen", "paper-clip-title"])
def test_fewer_classes_can_be_tested_than_are_trained_on(
    there: Path, tmp_path: Path, name: str
) -> None:
    few = {"prompts": "name", "context": 12} if "clip" in name else {}
    whole = execute(small(name, **few), tmp_path / "whole")
    done = execute(small(name, tested=100, **few), tmp_path / "part")
    known, hundred = list(imagenet.imagenet_classes()), photographs.classes_of("imagenet-100")
    numbers = np.array([known.index(each.wnid) for each in hundred])
    assert done.per_class["concept"].tolist() == [each.wnid for each in hundred]
    assert np.array_equal(done.per_class["frequency"], whole.per_class["frequency"][numbers])
    assert np.bincount(done.arrays["labels"]).tolist() == [2] * 100
    # Whoever was taken for one of these classes among all is taken for it among these.
    inside = np.isin(whole.arrays["labels"], numbers)
    before, after = whole.arrays["predictions"][inside], numbers[done.arrays["predictions"]]
    place = np.argsort(whole.arrays["labels"][inside], kind="stable")
    again = np.argsort(numbers[done.arrays["labels"]], kind="stable")
    stays = np.isin(before[place], numbers)
    assert np.array_equal(before[place][stays], after[again][stays])
    for more in ("centres", "prototypes"):
        np.testing.assert_allclose(done.arrays[more], whole.arrays[more][numbers], atol=1e-5)


def test_scores_in_parts_are_those_of_the_whole(
    there: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small("gpu-cifar100-sl", duration="1 steps")
    whole = execute(run, tmp_path)
    monkeypatch.setattr(evaluate, "ROWS", 64)
    parts = execute(run, tmp_path)
    assert np.array_equal(parts.arrays["predictions"], whole.arrays["predictions"])
    np.testing.assert_allclose(
        parts.per_class["mean_logit"], whole.per_class["mean_logit"], atol=1e-5
    )


# --- several processes, and stops -----------------------------------------------------------------


@pytest.fixture(scope="module")
def pair():
    """Two processes that train together; this one has one thread, as they have."""
    threads, started = torch.get_num_threads(), Group(2)
    torch.set_num_threads(1)
    yield started
    torch.set_num_threads(threads)
    started.close()


def two_steps(name: str, folder: Path, data: Path) -> EvalResult:
    with pytest.MonkeyPatch.context() as patch:
        stand_ins(data, patch)
        patch.setattr(evaluate, "of_class_vectors", unmeasured)
        patch.setattr(evaluate, "of_features", unmeasured)
        # Two pictures have labels there, and batch norm needs more than one.
        few = {"batch_size": 2, "batch_norm_groups": 1} if "yfcc" in name else {}
        run = small(name, checkpoint_every="1 steps", **few)
        assert run.training.precision == "bfloat16"
        return execute(run, folder)


QUICK = ("paper-sl-vocab", "paper-clip-full", "paper-clip-laionet-frozen", "paper-dino-sampled")
"""Recipes whose real steps are taken each time, one a kind."""


@pytest.mark.parametrize("name", mostly_slow(RECIPES, *QUICK))
def test_every_recipe_takes_real_steps(pair: Group, there: Path, tmp_path: Path, name: str) -> None:
    """Two of them, in two processes and in bfloat16; and the second again, from a checkpoint."""
    for done in pair.all(partial(two_steps, name, tmp_path, there)):
        assert isinstance(done, EvalResult), done
        assert all(np.isfinite(row["loss"]) for row in done.history)
        assert done.history[-1]["step"] == 2
    (path,) = tmp_path.glob("step_2-*.pt")
    second = left(tmp_path)
    path.unlink()
    first = left(tmp_path)
    pair.all(partial(two_steps, name, tmp_path, there))
    again = left(tmp_path)
    assert all(torch.equal(again[key], second[key]) for key in second)

    moved = {key: not torch.equal(first[key], second[key]) for key in first}
    image = [key for key in first if key.startswith(("image_tower", "student.tower"))]
    assert sum(moved[key] for key in image) > len(image) / 2
    head = study.config(name).text_head
    text = [key for key in first if key.startswith(("text_tower", "head.weight"))]
    learnt = [key for key in text if moved[key]]
    if getattr(head, "frozen", False):
        assert not learnt
    elif isinstance(head, LanguageModel):
        assert learnt
        assert all(key.startswith("text_tower.encoder.proj") for key in learnt)
    elif text:
        assert len(learnt) > len(text) / 2


def train(name: str, folder: Path, data: Path, **settings: object) -> EvalResult:
    with pytest.MonkeyPatch.context() as patch:
        stand_ins(data, patch)
        exact = {"precision": "float32", "batch_norm_groups": 1, "optimizer": "sgd"}
        run = small(
            name, **{"learning_rate": 0.02, "no_decay_on_bias_norm": True} | exact | settings
        )
        return execute(run, folder)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("paper-clip-full", {"context": 12, "prompts": "name", "learning_rate": 1.2e-4}),
        ("paper-sl-vocab", {"vocabulary": 20}),
        ("paper-dino", {"batch_size": 4, "duration": "2 steps"}),
    ],
)
def test_two_processes_train_as_one(
    pair: Group, there: Path, tmp_path: Path, name: str, settings: dict
) -> None:
    """Each reads its own share of the pictures, and evaluates its share of the tests."""
    shape = {"batch_size": 12, "duration": "3 steps"} | settings
    one = train(name, tmp_path / "one", there, **shape)
    for two in pair.all(partial(train, name, tmp_path / "two", there, **shape)):
        assert isinstance(two, EvalResult), two
        assert two.metrics["loss"] == pytest.approx(one.metrics["loss"], abs=1e-3)
        np.testing.assert_allclose(two.arrays["centres"], one.arrays["centres"], atol=2e-3)
        assert np.array_equal(two.arrays["labels"], one.arrays["labels"])
    expected = left(tmp_path / "one")
    for key, value in left(tmp_path / "two").items():
        torch.testing.assert_close(value, expected[key], rtol=2e-3, atol=5e-3, msg=key)


def kill_at(at: int, step: int) -> None:
    if step == at:
        os.kill(os.getpid(), signal.SIGKILL)


KILLED: dict[str, dict[str, object]] = {
    "paper-clip-title-tags": {"context": 12, "prompts": "name"},
    "paper-trim-sl-vocab-frozen": {"vocabulary": 20, "batch_size": 8},
    "paper-dino-sampled": {"batch_size": 4},
}


def resumed(name: str, folder: Path, before_step=lambda step: None) -> EvalResult:
    shape: dict[str, object] = {
        "batch_size": 6,
        "duration": "8 steps",
        "checkpoint_every": "3 steps",
    }
    return execute(small(name, **(shape | KILLED[name])), folder, before_step)


@pytest.mark.parametrize("name", mostly_slow(KILLED, "paper-trim-sl-vocab-frozen"))
def test_killed_it_ends_bit_by_bit_the_same(there: Path, tmp_path: Path, name: str) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        killed = subprocess.run(
            [sys.executable, __file__, name, str(there), str(tmp_path / "killed")],
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        state = checkpoints.load_latest(tmp_path / "killed")
        assert state is not None
        assert state["step"] == 3
        again, whole = (resumed(name, tmp_path / folder) for folder in ("killed", "whole"))
    finally:
        torch.set_num_threads(threads)
    assert again.metrics == pytest.approx(whole.metrics, rel=0, abs=0, nan_ok=True)
    expected = left(tmp_path / "whole")
    for key, value in left(tmp_path / "killed").items():
        assert torch.equal(value, expected[key]), key


# --- other data -----------------------------------------------------------------------------------


@pytest.fixture
def of_their_own(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the data that a test may change, and a store."""
    folder = shutil.copytree(data, tmp_path / "data")
    stand_ins(folder, monkeypatch)
    monkeypatch.setenv("LT_COURSE_STORE", str(tmp_path / "store"))
    return folder


def encoded_anew(folder: Path) -> None:
    """All training and test pictures of IN-Caps in JPEGs of another quality."""
    for path in folder.glob("imagenet-captions/*.tar"):
        with tarfile.open(path) as tar:
            members = [(m.name, tar.extractfile(m).read()) for m in tar.getmembers()]
        write_tar(path, [(n, again(c) if n.endswith("jpg") else c) for n, c in members])
    for path in folder.glob("imagenet-val/val/*/*.JPEG"):
        path.write_bytes(again(path.read_bytes()))


def again(content: bytes) -> bytes:
    file = io.BytesIO()
    Image.open(io.BytesIO(content)).save(file, "JPEG", quality=88)
    return file.getvalue()


def relabelled(folder: Path) -> None:
    """The pictures of two test classes change their places."""
    first, second, *_ = sorted((folder / "imagenet-val" / "val").iterdir())
    first.rename(folder / "aside")
    second.rename(first)
    (folder / "aside").rename(second)


def thinned(folder: Path) -> None:
    """A tar less of training pictures."""
    *_, last = sorted((folder / "imagenet-captions").glob("*.tar"))
    last.unlink()


def said_otherwise(folder: Path) -> None:
    """Another text to one of the pictures."""
    path, *_ = sorted((folder / "imagenet-captions").glob("*.tar"))
    with tarfile.open(path) as tar:
        members = [(m.name, tar.extractfile(m).read()) for m in tar.getmembers()]
    number = next(n for n, (name, _) in enumerate(members) if name.endswith("json"))
    record = json.loads(members[number][1]) | {"title": "a title that nobody gave"}
    members[number] = members[number][0], json.dumps(record).encode()
    write_tar(path, members)


TITLES = {"text": "title", "context": 12, "prompts": "name"}


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (relabelled, "pictures"),
        (thinned, "numbers of training pictures"),
        (said_otherwise, "captions"),
    ],
)
def test_a_record_of_other_data_does_not_answer(of_their_own: Path, change, what: str) -> None:
    run = small("paper-clip-title", **TITLES)
    before = study.train_or_load(run)
    assert study.train_or_load(run).metrics == before.metrics
    change(of_their_own)
    with pytest.raises(CourseError, match=rf"made of other data than .* \({what} differ"):
        study.train_or_load(run)
    assert find(run) is not None, "it is kept"


@pytest.mark.parametrize("gone", ["imagenet-captions", "imagenet-val"])
def test_a_record_of_data_that_are_gone_does_not_answer(of_their_own: Path, gone: str) -> None:
    run = small("paper-clip-title", **TITLES)
    study.train_or_load(run)
    shutil.rmtree(of_their_own / gone)
    with pytest.raises(CourseError, match=gone):
        study.train_or_load(run)


def test_a_copy_in_other_jpegs_is_the_same_data(of_their_own: Path) -> None:
    run = small("paper-clip-title", **TITLES)
    before = study.train_or_load(run)
    encoded_anew(of_their_own)
    assert study.train_or_load(run).environment == before.environment


def test_a_checkpoint_of_other_data_is_not_gone_on_from(of_their_own: Path, tmp_path: Path) -> None:
    run = small("paper-clip-title", **TITLES)
    execute(run, tmp_path / "run")
    thinned(of_their_own)
    with pytest.raises(CourseError, match=r"The checkpoint in .* was made of other data"):
        execute(run, tmp_path / "run")


def test_a_record_without_its_data_is_shown_and_that_is_said(
    of_their_own: Path, monkeypatch
) -> None:
    run = small("paper-clip-title", **TITLES)
    before = study.train_or_load(run)
    monkeypatch.delenv("LT_COURSE_DATA")
    with pytest.warns(UserWarning, match="without comparing them with its pictures"):
        assert study.train_or_load(run).metrics == before.metrics


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cifar100", *photographs.SHARDS])
def test_missing_data_are_named_with_where_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    base = "gpu-cifar100-sl" if name == "cifar100" else "paper-sl-laionet"
    run = study.override(study.config(base), dataset=name)
    monkeypatch.delenv("LT_COURSE_DATA", raising=False)
    with pytest.raises(CourseError, match=r"LT_COURSE_DATA is not set; .*http"):
        load_dataset(run)
    monkeypatch.setenv("LT_COURSE_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(CourseError, match=r"nowhere, which is no folder"):
        load_dataset(run)
    monkeypatch.setenv("LT_COURSE_DATA", str(tmp_path))
    with pytest.raises(CourseError, match=r"(lacks|holds no shards).*http"):
        load_dataset(run)


@pytest.mark.parametrize("raw", ["train/n01440764/a.JPEG", "n01440764.tar"])
def test_pictures_that_are_no_shards_yet_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raw: str
) -> None:
    (tmp_path / "imagenet" / raw).parent.mkdir(parents=True)
    (tmp_path / "imagenet" / raw).touch()
    monkeypatch.setenv("LT_COURSE_DATA", str(tmp_path))
    with pytest.raises(CourseError, match=r"holds no shards; lt-course data prepare imagenet --so"):
        load_dataset(study.config("paper-dino-imagenet"))


def test_missing_labels_and_tests_are_named(there: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (there / "cc3m-labels").rename(there / "elsewhere")
    try:
        with pytest.raises(
            CourseError, match=r"prepare cc12m-cls --source '.*' --out .*cc3m-labels"
        ):
            load_dataset(small("gpu-cc3m-sl"))
    finally:
        (there / "elsewhere").rename(there / "cc3m-labels")
    with pytest.raises(CourseError, match=r"imagenet-v2.* lacks: .*huggingface"):
        load_dataset(small("paper-sl", test_set="imagenet-v2"))


@pytest.mark.parametrize(
    ("name", "settings", "sentence"),
    [
        ("paper-sl", {"style": "line"}, "no field of paper-sl 'style'"),
        ("paper-sl", {"imbalance_factor": 10.0}, "no field of paper-sl 'imbalance_factor'"),
        ("paper-sl", {"tail_shots": 1}, "no effect beside 'tail_classes' 0"),
        ("paper-sl", {"threshold": 0.8}, "only laionet has similarities"),
        ("paper-sl", {"concepts": 60}, "the 100 of ImageNet-100"),
        ("paper-sl", {"profile": "flat"}, "no field of paper-sl 'profile'"),
        ("paper-sl", {"matched": "cc3m"}, "frequencies are known of"),
        ("paper-sl", {"filled": True}, "no effect beside 'matched' None"),
        ("paper-sl", {"tested": 60}, "'tested' is 60; a run that is trained"),
        ("paper-sl", {"tested": 1_000, "concepts": 100}, "can be tested on 100"),
        ("paper-dino", {"tested": 100}, "a classifier or a CLIP"),
        ("paper-sl", {"text_head": "open-world"}, "made from drawings"),
        ("paper-sl", {"text_tower": "RN50"}, "reads no text"),
        ("paper-clip-title", {"text": "titel"}, "name, title, tags, description, joined by"),
        ("paper-clip-title", {"prompts": "gloss"}, "drawings alone have"),
        ("paper-clip-laionet", {"text": "title"}, "'template', 'synset', or caption"),
        ("paper-dino", {"redrawn": 0.5}, "no pen"),
        ("gpu-cifar100-sl", {"concepts": 101}, "'concepts' is 101; it must be at least 2 and at"),
        ("sl", {"imbalance_factor": 10.0}, "no field of sl 'imbalance_factor'"),
        ("sl", {"tail_shots": 1}, "'tail_shots' is 1, which has no effect beside 'tail_classes' 0"),
        ("sl", {"image_size": 64}, "drawings in grey have 32 pixels"),
        ("sl", {"text_tower": "RN50"}, "reads no text"),
        ("sl", {"sampling": "sqrt"}, "no effect beside 'vocabulary' None"),
        ("sl", {"vocabulary_group": 8}, "no effect beside 'vocabulary' None"),
        ("sl", {"strength": 2.0}, "no effect beside 'adjustment' 'none'"),
        ("sl", {"vocabulary": 24, "sampling": "in-batch"}, "beside 'sampling' 'in-batch'"),
        ("dino", {"sinkhorn_iterations": 5, "targets": "centering"}, "no effect beside 'targets'"),
        ("dino", {"text_head": "open-world"}, "neither text nor class vectors"),
        ("clip-title", {"text_head": "language-model"}, "concept names alone"),
        ("dino", {"photometric": True}, "neither colours nor light"),
    ],
)  # fmt: skip
def test_fields_without_a_meaning_are_refused(name: str, settings: dict, sentence: str) -> None:
    with pytest.raises(CourseError, match=sentence):
        study.config(name, **settings)


def test_recipes_have_a_scale_of_their_own() -> None:
    assert study.config("paper-sl").scale == "full"
    with pytest.raises(CourseError, match="declared at scale 'full' alone"):
        study.config("paper-sl", scale="tiny")
    with pytest.raises(CourseError, match="the nearest are paper-sl"):
        study.config("paper-sll")
    assert {run.name for run in map(study.config, RECIPES)} == set(RECIPES)


if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as context:
        torch.set_num_threads(1)
        stand_ins(Path(sys.argv[2]), context)
        resumed(sys.argv[1], Path(sys.argv[3]), partial(kill_at, 5))
