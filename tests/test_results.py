"""The recorded evidence: taken from the store, refused when edited, trained again and compared."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from conftest import small_icontail
from small_runs import SMALL

from lt_course import evidence, files, study
from lt_course.data import icontail
from lt_course.data.icontail import IconTail
from lt_course.errors import AbsentDataError, CourseError
from lt_course.evidence import claims, experiments, results, train_all, verify
from lt_course.evidence.experiments import Claim, Experiment
from lt_course.objectives.distill import DINOConfig
from lt_course.study import store as store_module
from lt_course.web import cli
from lt_course.web.cli.study import seed_numbers

TOY = Experiment(
    name="toy",
    title="A toy",
    lesson="clip_against_supervised",
    differ_in=frozenset({"objective"}),
    settings={"sl": {"run": "sl", **SMALL}, "clip": {"run": "clip-template", **SMALL}},
    claims=(Claim("gap", "A gap.", ((1, "sl", "accuracy"), (-1, "clip", "accuracy")), 0.01),),
)
Edit = Callable[[dict[str, Any]], None]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty results/, and a study of one small factor."""
    monkeypatch.setattr(results, "FOLDER", tmp_path / "results")
    declare(TOY, monkeypatch)
    return tmp_path / "results"


def declare(toy: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the study consist of that factor."""

    def experiment(name: str) -> Experiment:
        if name != toy.name:
            raise CourseError(f"There is no factor {name!r}; the nearest are toy.")
        return toy

    for module in (results, experiments, claims, evidence):
        monkeypatch.setattr(module, "all_experiments", lambda: [toy])
        if hasattr(module, "experiment"):
            monkeypatch.setattr(module, "experiment", experiment)
    monkeypatch.setattr(experiments, "names", lambda: [toy.name])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the toy's runs of seeds 0 and 1, trained once for all tests."""
    folder = tmp_path_factory.mktemp("trained")
    data = small_icontail()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(icontail, "load", lambda: data)
        patch.setenv("LT_COURSE_STORE", str(folder))
        for seed in (0, 1):
            study.train_or_load_all(TOY.runs("tiny", seed).values())
    return folder


@pytest.fixture
def train(small: IconTail, store: Path, trained: Path) -> Callable[..., None]:
    """Put the toy's runs of some seeds into the test's own store."""

    def put(*seeds: int) -> None:
        for seed in seeds:
            for run in TOY.runs("tiny", seed).values():
                shutil.copytree(trained / run.address, store_module.root() / run.address)

    return put


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "runs.jsonl").read_text().splitlines()]


def edit(folder: Path, change: Edit, *, sealed: bool) -> None:
    """Change the first line; `sealed` gives it the checksum that it should then have."""
    first, *rest = lines(folder)
    change(first)
    if sealed:
        del first["checksum"]
        tables = pd.read_parquet(folder / "per_class.parquet")
        rows = tables[tables["address"] == first["address"]].sort_values("class")
        first["checksum"] = results._checksum(first, rows)
    (folder / "runs.jsonl").write_text("".join(json.dumps(x) + "\n" for x in [first, *rest]))
    if sealed:
        files.seal(folder, results.FILES)


def edit_rows(folder: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    table = pq.read_table(folder / "per_class.parquet").to_pandas()
    changed = results.pa.Table.from_pandas(change(table), results.SCHEMA, preserve_index=False)
    pq.write_table(changed, folder / "per_class.parquet")


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = cli.main(arguments)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_what_is_recorded_is_what_was_measured(train, store: Path, folder: Path) -> None:
    train(0, 1)
    assert results.commit_results("tiny", [0, 1]) == results.Commit(4, 4, 0, 0)
    table = evidence.load_results("toy", "tiny")
    assert list(table.index) == [("sl", 0), ("sl", 1), ("clip", 0), ("clip", 1)]
    for label, seed in table.index:
        measured = study.train_or_load(TOY.run(label, "tiny", seed))
        assert table.loc[(label, seed)].to_dict() == pytest.approx(measured.metrics, nan_ok=True)
        rows = evidence.load_per_class("toy", label, seed, "tiny")
        kept = measured.per_class[list(rows)]
        pd.testing.assert_frame_equal(rows, kept, check_dtype=False, rtol=1e-6)


def test_recording_is_deterministic_and_idempotent(train, store: Path, folder: Path) -> None:
    train(0, 1)
    results.commit_results("tiny", [1])
    results.commit_results("tiny", [1, 0])
    first = [path.read_bytes() for path in sorted(folder.iterdir())]
    assert results.commit_results("tiny", [0, 1]) == results.Commit(4, 0, 0, 0)
    for path in folder.iterdir():
        path.unlink()
    results.commit_results("tiny", [0, 1])
    assert [path.read_bytes() for path in sorted(folder.iterdir())] == first
    assert [line["address"] for line in lines(folder)] == sorted(
        run.address for run in results.declared("tiny", [0, 1]).values()
    )


def test_records_are_merged(train, store: Path, folder: Path, monkeypatch) -> None:
    train(0)
    results.commit_results("tiny", [0])
    monkeypatch.setenv("LT_COURSE_STORE", str(store.with_name("another")))
    train(1)
    assert results.commit_results("tiny", [0, 1]) == results.Commit(4, 2, 0, 0)


def test_recording_trains_nothing(train, store: Path, folder: Path, monkeypatch) -> None:
    train(0)
    before = sorted(store.rglob("*"))
    monkeypatch.setattr(store_module, "execute", lambda *_: pytest.fail("trained"))
    assert results.commit_results("tiny", range(3)) == results.Commit(2, 2, 4, 0)
    assert sorted(store.rglob("*")) == before


def test_runs_of_other_code_are_not_recorded(train, store: Path, folder: Path, monkeypatch) -> None:
    train(0)
    monkeypatch.setattr(store_module.provenance, "code_hash", lambda run: "0123456789ab")
    assert results.commit_results("tiny", [0]).recorded == 0


def test_undefined_metrics_are_null(train, store: Path, folder: Path) -> None:
    train(0)
    results.commit_results("tiny", [0])
    assert "NaN" not in (folder / "runs.jsonl").read_text()
    assert lines(folder)[0]["metrics"]["accuracy_trimmed"] is None
    assert evidence.load_results("toy", "tiny")["accuracy_trimmed"].isna().all()


def test_nothing_recorded_is_an_empty_table(folder: Path) -> None:
    table = evidence.load_results("toy", "tiny")
    assert len(table) == 0
    assert table.index.names == ["label", "seed"]
    with pytest.raises(CourseError, match="is not recorded at scale tiny; lt-course study run toy"):
        evidence.load_per_class("toy", "sl", 0, "tiny")


def change(*path: str, to: Any) -> Edit:
    def apply(line: dict[str, Any]) -> None:
        for name in path[:-1]:
            line = line[name]
        line[path[-1]] = to

    return apply


@pytest.mark.parametrize(
    ("by_hand", "sealed", "sentence"),
    [
        (change("metrics", "accuracy", to=0.9), False, "does not match its checksum"),
        (change("metrics", "nc1", to=None), False, "does not match its checksum"),
        (change("environment", "threads", to=64), False, "does not match its checksum"),
        (change("checksum", to="0" * 64), False, "does not match its checksum"),
        (change("spec", "training", "batch_size", to=64), True, "the spec's address is"),
        (change("spec", "data", "num_images", to=161), False, "the spec's address is"),
        (change("seed", to=7), True, "the spec's address is"),
        (change("address", to="0" * 16), False, "no whole record"),
        (change("spec", "data", "colour", to="red"), True, "a field too many or too few"),
        (change("spec", "training", "batch_size", to=-1), True, "Field 'batch_size' is -1"),
        (change("spec", "objective", "kind", to="supervized"), True, "the nearest are supervised"),
        (change("spec", to={}), True, "no whole record"),
        (change("metrics", to=[1]), True, "no whole record"),
    ],
)
def test_an_edited_line_is_refused(
    train, store: Path, folder: Path, by_hand: Edit, sealed: bool, sentence: str
) -> None:
    train(0)
    results.commit_results("tiny", [0])
    edit(folder, by_hand, sealed=sealed)
    with pytest.raises(CourseError, match=sentence):
        results.load()


@pytest.mark.parametrize("column", results.MEASURED)
def test_an_edited_row_is_refused(train, store: Path, folder: Path, column: str) -> None:
    train(0)
    results.commit_results("tiny", [0])

    def apply(table: pd.DataFrame) -> pd.DataFrame:
        table.loc[3, column] = ~table.loc[3, column] if column == "trimmed" else 5
        return table

    edit_rows(folder, apply)
    with pytest.raises(CourseError, match="does not match its checksum"):
        results.load()


def test_rows_and_lines_belong_together(train, store: Path, folder: Path) -> None:
    train(0)
    results.commit_results("tiny", [0])
    kept = {path: path.read_bytes() for path in folder.iterdir()}

    def restore() -> None:
        for path, content in kept.items():
            path.write_bytes(content)

    edit_rows(folder, lambda table: table.iloc[1:])
    with pytest.raises(CourseError, match="does not match its checksum"):
        results.load()
    restore()
    (folder / "runs.jsonl").write_text(kept[folder / "runs.jsonl"].decode().split("\n")[0] + "\n")
    with pytest.raises(CourseError, match="has no such run"):
        results.load()
    restore()
    (folder / "per_class.parquet").unlink()
    with pytest.raises(CourseError, match=r"per_class\.parquet is missing"):
        results.load()
    (folder / "per_class.parquet").write_text("not a table")
    with pytest.raises(CourseError, match=r"per_class\.parquet is damaged"):
        results.load()
    restore()
    (folder / "runs.jsonl").write_text("{")
    with pytest.raises(CourseError, match=r"Line 1 of .* is no whole record"):
        results.load()


def test_every_flipped_bit_is_found(train, store: Path, folder: Path) -> None:
    train(0)
    results.commit_results("tiny", [0])
    generator = random.Random(0)
    paths = sorted(folder.iterdir())
    assert [path.name for path in paths] == ["SHA256SUMS", "per_class.parquet", "runs.jsonl"]
    whole = {path: path.read_bytes() for path in paths}
    assert len(results.load()) == 2
    for _ in range(500):
        path = generator.choice(paths)
        flipped = bytearray(whole[path])
        flipped[generator.randrange(len(flipped))] ^= 1 << generator.randrange(8)
        path.write_bytes(flipped)
        with pytest.raises(CourseError, match=r"results/"):
            results._load.__wrapped__(folder, ())
        path.write_bytes(whole[path])


def test_a_disk_that_takes_no_more_is_told(train, store: Path, folder: Path, monkeypatch) -> None:
    train(0)
    results.commit_results("tiny", [0])
    before = {path: path.read_bytes() for path in folder.iterdir()}

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    train(1)
    monkeypatch.setattr(files, "replacing", full)
    with pytest.raises(CourseError, match=r"cannot be written \(No space left on device; .*room"):
        results.commit_results("tiny", [0, 1])
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_what_no_factor_declares_is_found_and_dropped(
    train, store: Path, folder: Path, monkeypatch
) -> None:
    train(0)
    results.commit_results("tiny", [0])
    assert results.undeclared(results.load()) == []
    declare(replace(TOY, settings={"sl": TOY.settings["sl"]}, claims=()), monkeypatch)
    assert results.undeclared(results.load()) == [TOY.run("clip", "tiny", 0).address]
    assert results.commit_results("tiny", [0]) == results.Commit(1, 0, 0, 1)
    assert [line["name"] for line in lines(folder)] == ["sl"]


def test_every_declared_run_can_be_rebuilt() -> None:
    for scale in ("tiny", "cpu"):
        for address, run in results.declared(scale, [0, 3]).items():
            rebuilt = results.rebuild(json.loads(run.json()), run.name)
            assert rebuilt == run
            assert rebuilt.address == address


# What is committed.


def test_the_committed_records_are_whole_and_declared() -> None:
    known = results.load()
    assert known
    assert results.undeclared(known) == []
    assert (results.FOLDER / "per_class.parquet").stat().st_size < 4e6
    assert (results.FOLDER / "runs.jsonl").stat().st_size < 7e6


RECORDED = "d18dd46a91cf57858f7ea27409befc0815c41ea63c0ba0fa5df325fdb16882ea"
"""Of every metric and per-class value of the 913 runs, whatever their fields are called: taken
before addresses changed for the last time."""


def test_no_recorded_number_has_changed() -> None:
    """Of the first 913 runs on drawings, whatever is recorded beside them."""
    digests = []
    for each in results.load().values():
        if each.run.data.dataset != "icontail" or each.environment["code"] == LATEST:
            continue
        metrics = {k: None if math.isnan(v) else v for k, v in each.metrics.items()}
        digest = hashlib.sha256(json.dumps(metrics, sort_keys=True).encode())
        for name in results.MEASURED:
            values = each.per_class[name].to_numpy()
            if name == "predictions":  # as wide as they were when this was written down
                values = values.astype(np.int16)
            digest.update(name.encode() + values.tobytes())
        digests.append(f"{each.run.name} {each.run.seed} {digest.hexdigest()}")
    assert len(digests) == 913
    assert hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest() == RECORDED


OF_PHOTOGRAPHS = {"f76cf9f2b7cb", "53564c81544d"}
BEFORE, AFTER, GEOMETRY = "7f18794582d0", "de3b04777ebc", "a4549da8d1be"
DISTILLED = {"dd34ad7eafd4", "1ca53e4481c0"}
LATEST = "ec6482695289"
"""Six codes made the records of drawings. Between the first two changed how frequencies are
dealt where only some drawings may be used, and nothing else that moves a number: `lt-course study
verify` finds the other runs equal to the last bit. The third measures more, and moved no number
either. The fourth trained self-distillation with seeds 0 to 4, and nothing else; the fifth, which
reads photographs too, with seeds 5 to 9, and two runs of seed 0 again, which are equal to the
last bit. The sixth trained `siglip`, `learning_rate`, `memory` and `scale_by_profile`."""


def test_the_committed_records_were_made_by_code_that_deals_as_today() -> None:
    for each in results.load().values():
        assert {"commit", "versions", "threads", "seconds", "processor"} <= set(each.environment)
        if each.run.data.dataset != "icontail":
            assert each.environment["code"] in OF_PHOTOGRAPHS
            continue
        restricted = each.run.data.style != "all" or each.run.data.authors is not None
        codes = {AFTER, GEOMETRY} if restricted else {BEFORE, AFTER, GEOMETRY, LATEST}
        codes = DISTILLED if isinstance(each.run.objective, DINOConfig) else codes
        assert each.environment["code"] in codes
        geometry = each.environment["code"] in {GEOMETRY, LATEST}
        assert ("spearman_nc1_accuracy" in each.metrics) == geometry


def test_the_committed_metrics_agree_with_their_classes() -> None:
    for found in results.load().values():
        rows, metrics = found.per_class, found.metrics
        assert len(rows) == found.run.data.concepts
        assert rows["accuracy"].mean() == pytest.approx(metrics["accuracy"], abs=1e-6)
        for name in ("accuracy", "predictions"):
            stated = metrics[f"spearman_{name}"]
            if rows["frequency"].nunique() == 1:
                assert math.isnan(stated)
                continue
            rho = rows["frequency"].corr(rows[name], method="spearman")
            assert rho == pytest.approx(stated, abs=1e-6, nan_ok=True), found.run.address
        assert rows["trimmed"].sum() == found.run.data.tail_classes


# Trained again.


def test_a_true_record_is_reproduced_to_the_last_bit(train, store: Path, folder: Path) -> None:
    train(0, 1)
    results.commit_results("tiny", [0, 1])
    before = sorted(store.rglob("*"))
    found = list(verify.verify(3, seed=1, scale="tiny"))
    assert len({each.recorded.run.address for each in found}) == 3
    assert [(each.changed, each.differences, each.faults) for each in found] == [([], {}, [])] * 3
    assert sorted(store.rglob("*")) == before, "the store was used"


@pytest.mark.parametrize(
    ("off", "elsewhere", "faults"),
    [(1e-9, False, 1), (1e-9, True, 0), (0.04, True, 0), (0.06, True, 1), (-0.06, True, 1)],
)
def test_a_falsified_metric_is_found(
    train, store: Path, folder: Path, off: float, elsewhere: bool, faults: int
) -> None:
    train(0)
    results.commit_results("tiny", [0])

    def falsify(line: dict[str, Any]) -> None:
        line["metrics"]["accuracy"] += off
        if elsewhere:
            line["environment"]["processor"] = "another"

    edit(folder, falsify, sealed=True)
    first = next(iter(results.load().values()))
    found = verify.again(first)
    assert found.changed == (["processor"] if elsewhere else [])
    assert found.differences == pytest.approx({"accuracy": -off})
    assert len(found.faults) == faults


def test_falsified_classes_are_found(train, store: Path, folder: Path) -> None:
    train(0)
    results.commit_results("tiny", [0])
    true = results.load()[TOY.run("sl", "tiny", 0).address]

    def falsified(elsewhere: bool, **columns: Any) -> list[str]:
        environment = true.environment | ({"threads": 64} if elsewhere else {})
        rows = true.per_class.assign(**columns)
        return verify.compare(replace(true, per_class=rows, environment=environment), true).faults

    assert falsified(False) == falsified(True) == []
    nudged = true.per_class["mean_logit"] + np.float32(1e-4)
    assert falsified(False, mean_logit=nudged) == ["the per-class column mean_logit is not equal"]
    assert falsified(True, mean_logit=nudged) == []
    for elsewhere in (False, True):
        assert falsified(elsewhere, frequency=true.per_class["frequency"] + 1)
        assert falsified(elsewhere, accuracy=1 - true.per_class["accuracy"])


def test_a_metric_must_be_defined_in_both(train, store: Path, folder: Path) -> None:
    train(0)
    results.commit_results("tiny", [0])
    true = next(iter(results.load().values()))
    environment = true.environment | {"threads": 64}
    hidden = replace(true, metrics=true.metrics | {"accuracy": math.nan}, environment=environment)
    assert verify.compare(hidden, true).faults


def test_verify_on_the_command_line(train, store: Path, folder: Path, capsys) -> None:
    arguments = ["study", "verify", "--sample", "9", "--seed", "3", "--scale", "tiny"]
    status, _, err = command(capsys, *arguments)
    assert status == 2
    assert "No run is recorded at scale 'tiny'" in err
    train(0)
    results.commit_results("tiny", [0])
    status, out, _ = command(capsys, *arguments)
    assert status == 0
    assert out.count("| equal\n") == 2
    edit(folder, change("metrics", "nc1", to=0.5), sealed=True)
    status, out, err = command(capsys, *arguments)
    assert status == 1
    assert "DIFFERS: nc1 is off by" in out
    assert err == "1 recorded runs could not be reproduced.\n"
    assert command(capsys, "study", "verify", "--sample", "0")[0] == 2


def test_runs_whose_data_are_not_here_are_left_out_by_name(
    train, store: Path, folder: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(0)
    results.commit_results("tiny", [0])
    monkeypatch.setattr(verify, "load_dataset", absent)
    status, out, err = command(capsys, "study", "verify", "--sample", "9", "--scale", "tiny")
    assert status == 0
    assert out == ""
    assert err == "2 recorded runs on icontail are left out. Nothing is here; fetch it.\n"


def absent(run: object) -> None:
    raise AbsentDataError("Nothing is here; fetch it.")


# Filling the store.


def test_study_run_resumes_and_does_not_retrain(
    train, store: Path, folder: Path, capsys, monkeypatch
) -> None:
    arguments = ["study", "run", "toy", "--scale", "tiny", "--seeds", "0,1"]
    train(1)
    status, out, _ = command(capsys, *arguments)
    assert status == 0
    assert out.startswith("4 runs, 2 of them in the store.\n3/4 | toy | sl | seed 0 | ")
    assert out.endswith("0:00:00 left\n")
    monkeypatch.setattr(store_module, "execute", lambda *_: pytest.fail("trained twice"))
    assert command(capsys, *arguments)[:2] == (0, "4 runs, 4 of them in the store.\n")
    assert command(capsys, "study", "run", "all", *arguments[3:])[0] == 0
    status, out, _ = command(capsys, "study", "record", "--scale", "tiny", "--seeds", "0-2")
    assert out == "4 of 6 declared runs are recorded (4 new or changed, 2 missing).\n"


def test_a_run_that_fails_does_not_stop_the_others(
    train, store: Path, folder: Path, capsys, monkeypatch
) -> None:
    settings = {"bad": TOY.settings["sl"] | {"num_images": 9999}} | TOY.settings
    declare(replace(TOY, settings=settings), monkeypatch)
    status, out, err = command(capsys, "study", "run", "toy", "--scale", "tiny", "--seeds", "0")
    assert status == 2
    assert re.search(r"^1/3 \| toy \| bad \| seed 0 \| .*set 'num_images' to about", out, re.M)
    assert err == "1 of 3 runs failed; their lines above say why.\n"
    assert len(train_all.unfinished(train_all.tasks([TOY], "tiny", [0]))) == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "vocabulry"], "no factor 'vocabulry'; the nearest are vocabulary"),
        (["run", "vocabulary", "--scale", "cpus"], "did you mean 'cpu'"),
        (["run", "vocabulary", "--seeds", "0-x"], "--seeds is '0-x'; give numbers"),
        (["run", "vocabulary", "--seeds", "4-0"], "an empty range"),
        (["run", "vocabulary", "--workers", "0"], "--workers is 0; give 1 or more"),
        (["record", "--seeds", ""], "give numbers and ranges"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(capsys, store, arguments, sentence) -> None:
    status, out, err = command(capsys, "study", *arguments)
    assert (status, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("0-4", [0, 1, 2, 3, 4]), ("7", [7]), ("2,0,2", [0, 2]), ("5-6,1", [1, 5, 6])],
)
def test_seeds_are_numbers_and_ranges(text: str, seeds: list[int]) -> None:
    assert seed_numbers(text) == seeds


def test_a_run_that_two_factors_share_is_one_task() -> None:
    both = train_all.tasks([TOY, replace(TOY, name="other")], "tiny", [0, 1])
    assert [str(task) for task in both] == [
        "toy | sl | seed 0",
        "toy | clip | seed 0",
        "toy | sl | seed 1",
        "toy | clip | seed 1",
    ]


def test_two_workers_share_the_list(store: Path) -> None:
    asked = train_all.tasks([TOY], "tiny", [0, 1, 2])
    done = list(train_all.fill(asked, workers=2))
    assert sorted(str(each.task) for each in done) == sorted(map(str, asked))
    assert train_all.unfinished(asked) == []
    environments = [study.train_or_load(task.run).environment for task in asked]
    assert {environment["threads"] for environment in environments} == {1}
    # Had a run been trained twice, the second would have found the first's checkpoint.
    assert {environment["first_step"] for environment in environments} == {0}
    for each in done:
        assert each.metrics == pytest.approx(
            study.train_or_load(each.task.run).metrics, nan_ok=True
        )


@pytest.mark.parametrize(
    "kind", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_an_interrupt_lets_workers_save(store: Path, kind: signal.Signals) -> None:
    long = study.config("sl", scale="tiny", **(SMALL | {"duration": "2000 epochs"}))
    asked = [train_all.Task("toy", str(s), study.override(long, seed=s)) for s in range(3)]
    code = (
        "from lt_course import study\n"
        "from lt_course.evidence import train_all\n"
        f"asked = [train_all.Task('toy', str(s), study.config('sl', scale='tiny', seed=s, "
        f"permutation=0, **{SMALL | {'duration': '2000 epochs'}!r})) for s in range(3)]\n"
        "if __name__ == '__main__':\n"
        "    list(train_all.fill(asked, workers=2))\n"
    )
    script = store.with_name("script.py")
    script.write_text(code)
    process = subprocess.Popen([sys.executable, script], stderr=subprocess.PIPE, text=True)
    specs = [store_module.root() / task.run.address for task in asked[:2]]
    while not all(list(spec.glob("*/spec.json")) for spec in specs):
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.2)
    os.kill(process.pid, kind)
    _, said = process.communicate(timeout=60)
    assert process.returncode != 0
    assert said.strip().splitlines()[-1] == "KeyboardInterrupt"
    assert said.count("Traceback") == 1, said
    for spec in specs:  # saved at the step of the interrupt, not at a quarter of the way
        assert list(spec.glob("*/checkpoint/*"))
    assert not (store_module.root() / asked[2].run.address).exists()


def test_more_predictions_than_sixteen_bits_hold(train, store: Path, folder: Path) -> None:
    """Of ImageNet's 50,000 test images; runs of fewer keep the checksum that they were given."""
    train(0)
    run = next(iter(TOY.runs("tiny", 0).values()))
    finished = store_module.find(run)
    few = results.measured(finished)
    assert few.line() == results.measured(finished).line()
    many = finished.per_class.assign(predictions=[40_000, *finished.per_class["predictions"][1:]])
    recorded = results.measured(replace(finished, per_class=many))
    results._write({run.address: recorded})
    again = results.load()[run.address]
    assert again.per_class["predictions"].tolist() == many["predictions"].tolist()
    assert again.line()["checksum"] != few.line()["checksum"]
