"""Runs, their addresses, their store, and the command line."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from small_runs import FLAGS, command, small_run

from lt_course import study
from lt_course.data.icontail import is_solid
from lt_course.errors import CourseError
from lt_course.evaluation.neural_collapse import mean_cosine, nc2
from lt_course.study import provenance
from lt_course.study import store as store_module
from lt_course.study.run_config import PARTS
from lt_course.web import cli


def test_equal_specs_have_equal_addresses() -> None:
    assert (
        study.config("sl", scale="tiny", seed=3).address
        == study.config("sl", scale="tiny", seed=3).address
    )
    # A name is a name: sl with a vocabulary is sl-vocab.
    assert (
        study.config("sl", scale="tiny", vocabulary=32).address
        == study.config("sl-vocab", scale="tiny").address
    )


@pytest.mark.parametrize("name", study.NAMED)
def test_every_field_is_part_of_the_address(name: str) -> None:
    run = study.config(name, scale="tiny", **({"vocabulary": 8} if name == "sl" else {}))
    seen = {run.address}
    for part in PARTS:
        spec = getattr(run, part)
        for field in dataclasses.fields(spec):
            other = {"vocabulary": 7, "concepts": 70}.get(field.name, "something else")
            seen.add(unchecked(run, part, unchecked(spec, field.name, other)).address)
    assert len(seen) == 1 + sum(len(dataclasses.fields(getattr(run, part))) for part in PARTS)


def unchecked(spec, field: str, value: object):
    """A copy with a field that `__post_init__` would refuse."""
    copied = object.__new__(type(spec))
    for other in dataclasses.fields(spec):
        object.__setattr__(copied, other.name, getattr(spec, other.name))
    object.__setattr__(copied, field, value)
    return copied


def test_a_vocabulary_of_all_classes_is_none() -> None:
    all_classes = study.config("sl", scale="tiny")
    for vocabulary in (60, 144):
        same = study.config("sl", scale="tiny", vocabulary=vocabulary, sampling="uniform")
        assert same.address == all_classes.address
    assert study.config("sl", scale="tiny", vocabulary=59).address != all_classes.address


def test_field_names_are_unique_within_a_run() -> None:
    for name in study.NAMED:
        run = study.config(name, scale="tiny")
        names = [f.name for p in PARTS for f in dataclasses.fields(getattr(run, p))]
        assert len(names) == len(set(names))


def test_the_permutation_follows_the_seed_unless_set() -> None:
    assert study.config("sl", seed=4).data.permutation == 4
    assert study.config("sl", seed=4, permutation=0).data.permutation == 0


def test_the_declared_runs_differ_in_their_objective_alone() -> None:
    with_classes = [name for name in study.NAMED if name != "dino"]
    for scale in ("tiny", "cpu", "gpu", "full"):
        assert study.differences(study.config(n, scale=scale) for n in with_classes) == {
            "objective"
        }
        other = study.differences(study.config(n, scale=scale) for n in ("sl", "dino"))
        elsewhere = {"concepts", "num_images", "batch_size", "duration", "embed_dim", "precision"}
        assert other <= {"objective"} | elsewhere
    assert study.differences([study.config("sl"), study.config("sl-vocab")]) == {"vocabulary"}
    assert study.differences([study.config("sl"), study.config("sl", seed=1)]) == set()
    assert study.differences([study.config("sl"), study.config("sl", batch_size=64)]) == {
        "batch_size"
    }


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"name": "clip-titel"}, "no run 'clip-titel'; the nearest are clip-title"),
        (
            {"name": "sl", "vocabluary": 3},
            "no field of sl 'vocabluary'; the nearest are vocabulary",
        ),
        ({"name": "sl", "scale": "tinny"}, "no scale 'tinny'.*did you mean 'tiny'"),
    ],
)
def test_unknown_names_are_answered_with_the_nearest(settings: dict, sentence: str) -> None:
    with pytest.raises(CourseError, match=sentence):
        study.config(**settings)


def test_lt_scale_is_the_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LT_SCALE", "cpu")
    assert study.config("sl").data.concepts == 194
    monkeypatch.setenv("LT_SCALE", "huge")
    with pytest.raises(CourseError, match="LT_SCALE"):
        study.config("sl")


def test_a_run_is_trained_once(small, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = study.train_or_load(small_run())
    monkeypatch.setattr(store_module, "execute", lambda *_: pytest.fail("trained twice"))
    second = study.train_or_load(small_run())
    assert second.metrics == first.metrics
    assert second.environment == first.environment
    pd.testing.assert_frame_equal(second.per_class, first.per_class)
    pd.testing.assert_frame_equal(second.history, first.history)


def test_what_a_run_leaves(small, store: Path) -> None:
    record = study.train_or_load(small_run())
    left = {path.name for path in record.folder.iterdir()}
    assert left >= {
        "spec.json",
        "metrics.jsonl",
        "per_class.parquet",
        "arrays.npz",
        "environment.json",
        "checkpoint",
    }
    spec = json.loads((record.folder / "spec.json").read_text())
    assert spec.pop("name") == "sl"
    assert json.dumps(spec, sort_keys=True, separators=(",", ":")) == record.run.json()
    assert list(record.per_class) == [
        "concept", "name", "frequency", "trimmed", "accuracy", "predictions", "mean_logit", "nc1",
        "nc2_means", "nc2_means_nearest", "nc2_prototypes", "nc2_prototypes_nearest",
    ]  # fmt: skip
    assert record.per_class["predictions"].sum() == small.test.sum()
    assert record.metrics["accuracy"] == pytest.approx(record.per_class["accuracy"].mean())
    written = {"versions", "commit", "device", "threads", "code", "seconds", "cpu_seconds"}
    assert written | {"peak_memory_mib"} <= set(record.environment)


@pytest.mark.parametrize("name", ["sl", "clip-title"])
@pytest.mark.parametrize("shots", [0, 1])
def test_what_is_measured_is_what_its_name_says(small, store: Path, name: str, shots: int) -> None:
    """Each metric anew from the arrays and the per-class table."""
    record = study.train_or_load(small_run(name, tail_classes=3, tail_shots=shots))
    metrics, table, arrays = record.metrics, record.per_class, record.arrays
    test, labels, predictions = arrays["test"], arrays["labels"], arrays["predictions"]
    assert np.array_equal(test, np.flatnonzero(small.test))
    assert np.array_equal(labels, small.concept[test])
    right = predictions == labels
    assert metrics["accuracy"] == pytest.approx(right.mean())
    assert table["predictions"].tolist() == [(predictions == c).sum() for c in range(8)]
    assert table["accuracy"].tolist() == pytest.approx(
        [right[labels == c].mean() for c in range(8)]
    )
    trimmed = table["trimmed"].to_numpy()
    assert trimmed.sum() == 3
    assert (table["frequency"][trimmed] == shots).all()
    assert metrics["accuracy_trimmed"] == pytest.approx(right[trimmed[labels]].mean())
    assert metrics["accuracy_kept"] == pytest.approx(right[~trimmed[labels]].mean())
    assert metrics["predictions_trimmed"] == pytest.approx(trimmed[predictions].sum() / 3)
    solid = is_solid(small.pictures[test])
    for style, chosen in (("solid", solid), ("line", ~solid)):
        expected = right[chosen].mean() if chosen.any() else np.nan
        assert metrics[f"accuracy_{style}"] == pytest.approx(expected, nan_ok=True)

    prototypes, centres = torch.tensor(arrays["prototypes"]), torch.tensor(arrays["centres"])
    assert prototypes.shape == centres.shape == (8, 128)
    assert metrics["nc2_means"] == pytest.approx(nc2(centres), abs=1e-5)
    assert metrics["nc2_prototypes"] == pytest.approx(nc2(prototypes, centre=False), abs=1e-5)
    seen = table["frequency"].to_numpy() > 0
    for part, chosen in (("seen", seen), ("unseen", ~seen)):
        expected = mean_cosine(prototypes[chosen])
        assert metrics[f"cosine_{part}"] == pytest.approx(expected, nan_ok=True)
    assert np.isnan(metrics["cosine_unseen"]) == (shots == 1)
    # A prediction is the class with the greatest logit; logits are scaled cosines, and their
    # means over the (balanced) test set those of its mean feature.
    cosines = torch.nn.functional.normalize(prototypes, dim=1) @ centres.mean(0)
    scale = np.exp(record.history["log_scale"].iloc[-1])
    assert np.corrcoef(table["mean_logit"], cosines)[0, 1] > 0.999
    assert table["mean_logit"].to_numpy() == pytest.approx(scale * cosines.numpy(), rel=0.05)


def test_other_code_never_answers(small, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = study.train_or_load(small_run())
    monkeypatch.setattr(store_module.provenance, "code_hash", lambda run: "0123456789ab")
    monkeypatch.setattr(store_module.provenance, "require_imported_code", lambda run: None)
    after = study.train_or_load(small_run())
    assert after.folder != before.folder
    assert (before.folder / "environment.json").exists()
    assert [row["state"] for row in study.records()].count("finished, other code") == 1


@pytest.mark.parametrize("extended", [False, True])
def test_the_code_hash_covers_what_a_run_imports(extended: bool) -> None:
    """Core's alone for what lies in memory: a change in a reader of shards makes no run anew."""
    code = (
        "import sys\n"
        "from lt_course import study\n"
        "from lt_course.study import registry\n"
        f"{extended} and registry.load_extensions()\n"
        "study.training_set(study.config('clip-title', scale='tiny'))\n"
        "files = [getattr(m, '__file__', None) for n, m in sys.modules.items()\n"
        "         if n.startswith('lt_course')]\n"
        "print(*filter(None, files), sep='\\n')"
    )
    imported = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert len(imported) > 20
    patterns = provenance.CORE + (provenance.EXTENSIONS if extended else ())
    covered = {p for pattern in patterns for p in provenance.PACKAGE.glob(pattern)}
    assert set(map(Path, imported)) <= covered
    for name in ("icontail.npz", "icontail_text.npz"):
        assert provenance.PACKAGE / "data/resources" / name in covered


def test_shards_and_released_weights_have_a_hash_of_their_own() -> None:
    drawings = study.config("sl", scale="tiny")
    for other in (
        study.config("paper-sl"),
        study.config("paper-sl-frozen"),
        study.config("clip-title", text_head="language-model", text_weights="roberta-base"),
    ):
        assert provenance.code_hash(other) != provenance.code_hash(drawings)
    for same in (
        study.override(drawings, color=True),
        study.config("sl", scale="tiny", dataset="tiny-imagenet"),
        study.config("gpu-cifar100-sl"),
    ):
        assert provenance.code_hash(same) == provenance.code_hash(drawings)


def test_two_processes_train_one_run_once(store: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from conftest import small_icontail\n"
        "from lt_course.data import icontail\n"
        "data = small_icontail(); icontail.load = lambda: data\n"
        "from small_runs import small_run\n"
        "from lt_course import study\n"
        "print(study.train_or_load(small_run(duration='20 epochs')).environment['seconds'])"
    )
    pair = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = [process.communicate()[0].splitlines() for process in pair]
    assert [process.returncode for process in pair] == [0, 0]
    assert outputs[0][-1] == outputs[1][-1]


def test_run_answers_in_json(small, store: Path, capsys) -> None:
    status, out, _ = command(
        capsys, "run", "sl-vocab", "--scale", "tiny", "--seed", "11", *FLAGS,
        "--vocabulary", "5", "--vocabulary-group", "8", "--sampling", "uniform", "--json",
    )  # fmt: skip
    answer = json.loads(out)
    assert status == 0
    assert {
        "accuracy", "accuracy_head", "accuracy_mid", "accuracy_tail", "spearman_accuracy",
        "spearman_predictions", "pictures_per_second", "seconds", "spec_hash",
    } <= set(answer)  # fmt: skip
    run = small_run("sl-vocab", seed=11, vocabulary=5, vocabulary_group=8, sampling="uniform")
    assert answer["spec_hash"] == run.address


def test_runs_lists_the_store(small, store: Path, capsys) -> None:
    assert "empty" in command(capsys, "runs")[1]
    command(capsys, "run", "sl", "--scale", "tiny", *FLAGS)
    rows = [json.loads(line) for line in command(capsys, "runs", "--json")[1].splitlines()]
    assert [(row["name"], row["state"]) for row in rows] == [("sl", "finished")]
    assert rows[0]["spec_hash"] == small_run().address
    assert "finished" in command(capsys, "runs")[1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["clip-titel"], "There is no run 'clip-titel'; the nearest are clip-title"),
        (["sl", "--vocabluary", "3"], "no field of sl 'vocabluary'; the nearest are vocabulary"),
        (["clip-title", "--vocabulary", "3"], "There is no field of clip-title 'vocabulary'"),
        (["sl", "--scale", "tinny"], "There is no scale 'tinny'"),
        (["sl-vocab", "--vocabulary", "5", "--vocabulary-group", "33"],
         "'vocabulary_group' is 33, which does not divide"),
        (["sl", "--num-images", "9999"], "set 'num_images' to about"),
        (["sl", "--distractors", "5"], "'distractors' is 5"),
        (["sl", "--image-tower", "RN51"], "'image_tower' is 'RN51'"),
        (["clip-title", "--text", "titel"], "did you mean 'title'"),
        (["sl", "--dataset", "laion"], "'dataset' is 'laion'"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence_and_exit_2(small, store, capsys, arguments, sentence) -> None:
    name, *rest = arguments
    status, out, err = command(capsys, "run", name, "--scale", "tiny", *FLAGS, *rest)
    if "--scale" in rest:
        status, out, err = command(capsys, "run", name, *rest)
    assert status == 2
    assert out == ""
    assert sentence in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seed", -1), ("permutation", -1), ("batch_size", 0), ("batch_size", -32),
        ("accumulate", 0),
        ("tail_shots", -1), ("distractors", -3), ("concepts", 0), ("authors", 0), ("num_images", 0),
        ("context", 1), ("embed_dim", 0), ("learning_rate", -1.0), ("learning_rate", float("nan")),
        ("crop", 0.0), ("fraction", 2.0), ("duration", 3), ("optimizer", "adam"),
        ("schedule", "linear"), ("sampler", "class_balanced"), ("precision", "float16"),
        ("prompts", "names"), ("profile", 3), ("channels_last", 1), ("seed", "8"),
        ("batch_size", True),
    ],
)  # fmt: skip
def test_values_that_do_not_fit_are_refused(field: str, value: object) -> None:
    with pytest.raises(CourseError, match=f"^Field '{field}' is "):
        study.config("clip-title", scale="tiny", **{field: value})


def test_equal_values_have_equal_addresses() -> None:
    decayed = {"schedule": "step"}
    whole = study.config(
        "sl", scale="tiny", crop=1, batch_size=np.int64(64), **decayed, milestones=["50 %"]
    )
    same = study.config(
        "sl", scale="tiny", crop=1.0, batch_size=64, **decayed, milestones=("50 %",)
    )
    assert whole.json() == same.json()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--concepts", "9", "--profile", "natural"], "'concepts' is 9, but there are only 8"),
        (["--num-images", "999", "--profile", "natural"], "must lie between 8 and 320"),
        (["--duration", "0 epochs"], "'duration' is '0 epochs', less than one step"),
        (["--vocabluary=3"], "no field of sl 'vocabluary'; the nearest are vocabulary"),
        (["--sclae", "cpu"], "no field of sl 'sclae'; the nearest are scale"),
    ],
)
def test_more_bad_input(small, store, capsys, arguments: list[str], sentence: str) -> None:
    status, _, err = command(capsys, "run", "sl", "--scale", "tiny", *FLAGS, *arguments)
    assert status == 2
    assert sentence in err


def test_an_unknown_device_is_named(small, store, capsys, monkeypatch) -> None:
    monkeypatch.setenv("LT_DEVICE", "foo")
    status, _, err = command(capsys, "run", "sl", "--scale", "tiny", *FLAGS)
    assert status == 2
    assert "LT_DEVICE is 'foo'" in err


def test_a_store_that_cannot_be_written_is_named(small, capsys, monkeypatch) -> None:
    monkeypatch.setenv("LT_COURSE_STORE", "/dev/null")
    status, _, err = command(capsys, "run", "sl", "--scale", "tiny", *FLAGS)
    assert status == 2
    assert "set LT_COURSE_STORE" in err


def test_damaged_records_are_named_and_do_not_hide_others(small, store, capsys) -> None:
    record, _ = study.train_or_load(small_run()), study.train_or_load(small_run(seed=1))
    (record.folder / "metrics.jsonl").write_text('{"step"')
    status, _, err = command(capsys, "run", "sl", "--scale", "tiny", *FLAGS)
    assert status == 2
    assert f"{record.folder} is damaged" in err
    assert sorted(row["state"] for row in study.records()) == ["damaged", "finished"]


def test_a_refused_run_leaves_no_record(small, store) -> None:
    with pytest.raises(CourseError):
        study.train_or_load(small_run("sl-vocab", vocabulary=5, vocabulary_group=33))
    assert list(study.records()) == []


def test_no_nan_in_json(small, store, capsys) -> None:
    command(capsys, "run", "sl", "--scale", "tiny", *FLAGS, "--profile", "flat")
    out = command(capsys, "runs", "--json")[1]
    assert "NaN" not in out
    assert json.loads(out)["spearman_accuracy"] is None


def test_speed_is_of_training_alone() -> None:
    assert store_module._speed([(0, 10.0), (1, 10.5), (2, 11.0)], batch=32) == 64
    assert store_module._speed([(7, 10.0)], batch=32) is None


def test_a_bad_value_exits_2(small, store: Path, capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["run", "sl-vocab", "--scale", "tiny", "--sampling", "frequent"])
    assert stop.value.code == 2
    assert "'frequency'" in capsys.readouterr().err


def test_no_cuda_is_said(small, store: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    status, _, err = command(capsys, "run", "sl", "--scale", "gpu")
    assert status == 2
    assert "none is there" in err


REFUSED = {
    "sl": [{"concepts": 1, "profile": "flat"}, {"embed_dim": 100_000}, {"tail_shots": 3}],
    "clip-title": [
        {"text_head": "language-model", "text": "name", "prompts": "template"},
        {"distractor_concepts": 2},
    ],
    "dino": [
        {"crop": 0.5},
        {"mirror": True},
        {"local_size": 32},
        {"local_least": 0.06},
        {"local_greatest": 0.2},
        {"teacher_warmup": "50 %"},
    ],
}


@pytest.mark.parametrize(
    ("name", "settings"), [(name, each) for name, all_ in REFUSED.items() for each in all_]
)
def test_a_field_without_effect_or_out_of_range_is_refused(name: str, settings: dict) -> None:
    """Each of these once trained the same run under another address, or failed after training."""
    field = list(settings)[-1 if "text" in settings else 0]
    with pytest.raises(CourseError, match=f"'{field}'( is)? {settings[field]!r}"):
        study.config(name, scale="tiny", **settings)


def test_what_has_an_effect_is_not_refused() -> None:
    study.config("dino", scale="tiny", local_crops=2, local_size=32, local_least=0.06)
    study.config("dino", scale="tiny", teacher_temperature=0.03, teacher_warmup="50 %")


@pytest.mark.parametrize("device", ["mps", "xpu", "meta", "cuda:x", "cpu:0", "privateuseone"])
def test_a_device_that_runs_do_not_train_on(device: str, small, store, capsys, monkeypatch) -> None:
    monkeypatch.setenv("LT_DEVICE", device)
    status, _, err = command(capsys, "run", "sl", "--scale", "tiny", *FLAGS)
    assert status == 2
    assert err == (
        f"The environment variable LT_DEVICE is {device!r}; runs train on cpu, cuda or cuda:N.\n"
    )


@pytest.mark.parametrize(("device", "there"), [("cuda", 0), ("cuda:0", 0), ("cuda:3", 3)])
def test_a_device_that_is_not_there(
    device: str, there: int, small, store, capsys, monkeypatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: there)
    monkeypatch.setenv("LT_DEVICE", device)
    status, _, err = command(capsys, "run", "sl", "--scale", "tiny", *FLAGS)
    assert status == 2
    assert f"asks for {device}, and none is there" in err


def test_the_code_hash_covers_shipped_files() -> None:
    """All that core, the reader of shards or the rules of counting read beside the code."""
    covered = {
        path
        for pattern in provenance.CORE + provenance.EXTENSIONS
        for path in provenance.PACKAGE.glob(pattern)
    }
    parts = ("data", "web", "counting")
    read = {p for part in parts for p in (provenance.PACKAGE / part).rglob("resources/*")}
    assert {path.name for path in read - covered} == {"ATTRIBUTION", "SHA256SUMS"}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("tinny", "There is no scale 'tinny'; did you mean 'tiny'? The scales are tiny, cpu, "),
        ("foo", "There is no scale 'foo'; the scales are tiny, cpu, gpu, full."),
    ],
)
def test_a_scale_that_does_not_exist(name: str, sentence: str, capsys) -> None:
    status, _, err = command(capsys, "run", "sl", "--scale", name)
    assert status == 2
    assert err.startswith(sentence)
