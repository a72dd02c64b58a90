"""The declared study: every file is sound, every comparison controlled, every claim decidable."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import photograph_miniatures
import pytest
from conftest import small_icontail

from lt_course import evidence, study
from lt_course.data import icontail
from lt_course.data.photographs import cache
from lt_course.data.photographs.photograph_set import FACTS_FILE, PhotographSet
from lt_course.errors import CourseError
from lt_course.evidence import experiments
from lt_course.evidence.experiments import all_experiments, experiment, names
from lt_course.study.execute import execute, training_set
from lt_course.study.photograph_dataset import InMemoryPhotographs

NAMES = names()
CLAIMS = [(f.name, claim) for f in all_experiments() for claim in f.claims]
claims = pytest.mark.parametrize(
    ("name", "claim"), CLAIMS, ids=[f"{name}:{claim.id}" for name, claim in CLAIMS]
)


@pytest.fixture(scope="module")
def of_photographs(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What a run on photographs with texts of their own measures."""
    root = photograph_miniatures.fashion_zip(tmp_path_factory.mktemp("data"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LT_COURSE_DATA", str(root))
        patch.setenv("LT_COURSE_PHOTOGRAPHS", str(root / "cache"))
        cache.load.cache_clear()
        run = study.config(
            "clip-title", scale="tiny", dataset="fashion-products", concepts=3, duration="1 step"
        )
        measured = set(execute(run).metrics)
    cache.load.cache_clear()
    return measured


@pytest.fixture(scope="module")
def metrics(of_photographs: set[str]) -> set[str]:
    """What a run measures; of self-distillation, what was recorded of it."""
    data = small_icontail()
    distilled = set(evidence.load_results("dino").columns)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(icontail, "load", lambda: data)
        run = study.config(
            "sl", scale="tiny", concepts=8, num_images=64, batch_size=32, duration="1 step"
        )
        return (
            distilled | of_photographs | set(execute(study.override(run, profile="flat")).metrics)
        )


def test_there_is_a_file_for_each_factor_and_only_factors() -> None:
    assert {path.stem for path in experiments.FOLDER.iterdir()} == set(NAMES)
    assert len(NAMES) >= 12


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scale", ["tiny", "cpu"])
@pytest.mark.parametrize("seed", [0, 7])
def test_runs_differ_in_what_the_factor_says_and_in_nothing_else(
    name: str, scale: str, seed: int
) -> None:
    runs = experiment(name).runs(scale, seed)
    assert study.differences(runs.values()) == experiment(name).differ_in
    assert {run.scale for run in runs.values()} == {scale}
    assert {run.seed for run in runs.values()} == {seed}
    assert {run.data.permutation for run in runs.values()} == {seed}


WITHIN_OBJECTIVES = {
    "siglip": {"text"},
    "the_gap": {"text"},
    "mild_imbalance": {"text"},
    "text_heads": {"text"},
    "feature_space": {"text"},
    "extreme_tails": {"vocabulary", "sampling"},
    "learning_rate": {"sampling"},
    "memory": {"sampling"},
    "tiny_imagenet_gap": {"text", "context"},
    "fashion_gap": {"text", "context"},
    "fashion_placebo": {"text", "context"},
    "tiny_imagenet_extreme_tails": {"vocabulary", "sampling", "vocabulary_group"},
}
"""What also differs among classifiers or among CLIPs, where both differ in their objective."""


@pytest.mark.parametrize("name", NAMES)
def test_runs_with_like_objectives_are_held_to_it_too(name: str) -> None:
    """`differences` takes unlike objectives for one difference, whatever their fields."""
    by_kind: dict[type, list] = {}
    for run in experiment(name).runs().values():
        by_kind.setdefault(type(run.objective), []).append(run)
    found = set().union(*map(study.differences, by_kind.values()))
    if len(by_kind) > 1:
        found.add("objective")
    assert found == experiment(name).differ_in | WITHIN_OBJECTIVES.get(name, set())


@pytest.mark.parametrize("name", NAMES)
def test_labels_are_different_runs(name: str) -> None:
    for seed in (0, 3):
        runs = experiment(name).runs("cpu", seed)
        assert len({run.address for run in runs.values()}) == len(runs)
    seeds = {experiment(name).run(label, "cpu", s).address for label in runs for s in range(5)}
    assert len(seeds) == 5 * len(runs)


def test_claims_have_names_of_their_own() -> None:
    ids = [claim.id for _, claim in CLAIMS]
    assert len(ids) == len(set(ids))


def test_claims_cover_the_targets_of_the_controlled_study() -> None:
    covered = {claim.target for _, claim in CLAIMS}
    assert covered >= {1, 2, 3, 5, *range(7, 13), *range(14, 21)}


@claims
def test_a_claim_names_runs_and_metrics_that_exist(name: str, claim, metrics) -> None:
    for weight, label, metric in claim.terms:
        assert label in experiment(name).settings
        assert metric in metrics
        assert weight != 0
    assert claim.sentence.endswith(".")
    assert claim.smallest > 0


@claims
def test_a_claim_is_a_contrast(name: str, claim) -> None:
    """Its weights cancel out, so what all runs share has no part in it.

    Or it says that something is more than twice something else, of which 0 means nothing at all.
    """
    weights = sorted(weight for weight, _, _ in claim.terms)
    if "more than twice" not in claim.sentence and claim.id != "dino-learns-for-others":
        assert sum(weights) == pytest.approx(0)
    else:
        assert weights == [-2, 1]
    assert len({(label, metric) for _, label, metric in claim.terms}) == len(claim.terms)


@claims
def test_a_claims_metrics_are_defined_for_its_runs(name: str, claim) -> None:
    """None is over an empty set of classes, or a correlation with frequencies that are all equal.

    `accuracy_kept` needs classes that are not trimmed; cosines need two vectors.
    """
    for _, label, metric in claim.terms:
        data = experiment(name).run(label).data
        if metric.endswith("_trimmed"):
            assert 0 < data.tail_classes <= data.concepts
        if metric == "accuracy_kept":
            assert data.tail_classes < data.concepts
        if metric == "cosine_unseen":
            assert data.tail_classes > 1
            assert data.tail_shots == 0
        if metric.startswith("spearman"):
            assert data.profile != "flat"


@claims
def test_what_the_paper_found_agrees_in_sign(name: str, claim) -> None:
    if claim.paper is not None:
        effect, source = claim.paper
        assert math.isfinite(effect)
        assert source
        assert abs(effect) <= claim.smallest if claim.expect == "none" else effect > 0


# --- files that are not sound

SOUND = """
lesson = "dynamic_classification"
title = "Vocabulary"
differ_in = ["vocabulary"]
base = { run = "sl" }

[runs]
"all" = {}
"24" = { vocabulary = 24 }

[[claims]]
id = "some"
sentence = "Some."
terms = [[1, "all", "accuracy"], [-1, "24", "accuracy"]]
smallest = 0.1
paper = [0.2, "Fig. 3"]
"""


@pytest.fixture
def declare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Declares a study of one factor, in the sound file with one text replaced."""
    monkeypatch.setattr(experiments, "FOLDER", tmp_path)

    def declared(old: str = "", new: str = "") -> experiments.Experiment:
        assert old in SOUND
        (tmp_path / "some_factor.toml").write_text(SOUND.replace(old, new, 1))
        return experiment("some_factor")

    return declared


def test_a_sound_file(declare) -> None:
    made = declare()
    assert made.run("24", "tiny", 3) == study.config("sl", scale="tiny", seed=3, vocabulary=24)
    assert made.runs("tiny")["all"] == study.config("sl", scale="tiny")
    (claim,) = made.claims
    assert claim.terms == ((1.0, "all", "accuracy"), (-1.0, "24", "accuracy"))
    assert claim.paper == (0.2, "Fig. 3")
    assert claim.expect == "positive"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("title =", "title", "is not valid TOML"),
        ('title = "Vocabulary"', "", "'title' is missing"),
        ('lesson = "dynamic_classification"', "", "'lesson' is missing"),
        ('differ_in = ["vocabulary"]', "", "'differ_in' is missing"),
        ('differ_in = ["vocabulary"]', 'differ_in = "vocabulary"', "'differ_in' is 'vocabulary'"),
        ('["vocabulary"]', '["sampling"]', "differ in vocabulary, which 'differ_in' does not"),
        ("[runs]", "[run]", "'runs' is missing"),
        ('"all" = {}', '"all" = "sl"', "'all' is 'sl'; it must be a table"),
        ('base = { run = "sl" }', "", "Run 'all': The field 'run' is missing"),
        ('run = "sl"', 'run = "slx"', "Run 'all': There is no run 'slx'"),
        ("vocabulary = 24", "vocabluary = 24", "Run '24': There is no field of sl 'vocabluary'"),
        ("vocabulary = 24", "vocabulary = 0", "Run '24': Field 'vocabulary' is 0"),
        ("[[claims]]", "[claims]", "'claims' is"),
        ('id = "some"', "", "'id' is missing"),
        ('sentence = "Some."', "", "'sentence' is missing"),
        ("smallest = 0.1", "", "'smallest' is missing"),
        ("smallest = 0.1", "smallest = 0", "'smallest' of claim some is 0"),
        ("smallest = 0.1", 'smallest = "much"', "'smallest' is 'much'; it must be a number"),
        ("smallest", "smalest", "no field of a claim 'smalest'; the nearest are smallest"),
        ("smallest = 0.1", 'smallest = 0.1\nexpect = "zero"', "'expect' of claim some is 'zero'"),
        ('"24", "accuracy"', '"25", "accuracy"', "no run for claim some '25'; the nearest are 24"),
        ('[-1, "24", "accuracy"]', '[-1, "24"]', r"'terms' holds \[-1, '24'\]"),
        ("[-1,", '["-1",', r"'terms' holds \['-1', '24', 'accuracy'\]"),
        ('paper = [0.2, "Fig. 3"]', "paper = [0.2]", r"'paper' is \[0.2\]"),
    ],
)
def test_a_file_that_is_not_sound_is_named_with_its_field(declare, old, new, sentence) -> None:
    with pytest.raises(CourseError, match=f"^some_factor.toml.*{sentence}") as caught:
        declare(old, new)
    assert "\n" not in str(caught.value)


def test_a_file_that_was_edited_is_read_again(declare) -> None:
    before = declare()
    assert declare() is before
    assert (before.title, declare(before.title, "Another one").title) != (before.title,) * 2
    assert declare().title == before.title


def test_unknown_names_are_answered_with_the_nearest(declare) -> None:
    made = declare()
    with pytest.raises(CourseError, match="no factor 'some_facter'; the nearest are some_factor"):
        experiment("some_facter")
    with pytest.raises(CourseError, match="no run in factor some_factor '42'; the nearest are 24"):
        made.run("42")


# --- runs can be drawn


OF_PHOTOGRAPHS = [name for name in NAMES if experiment(name).dataset != "icontail"]
OF_DRAWINGS = [name for name in NAMES if name not in OF_PHOTOGRAPHS]

FACTS = json.loads(FACTS_FILE.read_text())


@pytest.mark.parametrize("name", OF_PHOTOGRAPHS)
def test_every_declared_run_has_the_photographs_that_it_asks_for(name: str) -> None:
    """Of as many as were counted where the sets were at hand."""
    for seed in (0, 12):
        runs = experiment(name).runs("cpu", seed).values()
        for data, run in {run.data: run for run in runs}.items():
            counts = np.array(FACTS[data.dataset]["training"])[
                : FACTS[data.dataset]["tested_classes"]
            ]
            labels = np.repeat(np.arange(len(counts)), counts + 1)
            keys = [str(label) for label in range(len(counts))]
            test = np.diff(labels, prepend=-1) > 0
            blank = np.broadcast_to(np.uint8(0), (len(labels), 16, 16, 3))
            photographs = PhotographSet(run.data.dataset, keys, keys, blank, labels, test)
            fields = dataclasses.asdict(run.data)
            for field in ("dataset", "image_size"):
                del fields[field]
            drawn = photographs.sample(fields.pop("concepts"), **fields)
            assert len(np.unique(drawn.image_ids)) == len(drawn.image_ids)
            assert drawn.trimmed.sum() == run.data.tail_classes
            assert len(drawn.image_ids) >= run.training.batch_size
            expected = InMemoryPhotographs.expected(run)
            if expected is not None:
                assert len(drawn.image_ids) == expected


@pytest.mark.parametrize("name", OF_DRAWINGS)
def test_every_declared_run_has_the_pictures_that_it_asks_for(name: str) -> None:
    """At scale cpu, for a seed of the evidence and for another one."""
    for seed in (0, 12):
        runs = experiment(name).runs("cpu", seed).values()
        for data, run in {run.data: run for run in runs}.items():
            drawn = training_set(run)
            assert len(np.unique(drawn.image_ids)) == len(drawn.image_ids)
            assert not icontail.load().test[drawn.image_ids].any()
            assert drawn.trimmed.sum() == data.tail_classes
            assert len(drawn.image_ids) >= run.training.batch_size
            if not data.tail_classes and data.fraction == 1:
                assert len(drawn.image_ids) == (data.num_images or 0) + data.distractors


def test_a_training_set_of_other_data_is_refused_and_not_drawn_from_ours() -> None:
    run = study.override(study.config("sl", scale="tiny"), dataset="imagenet-captions")
    with pytest.raises(CourseError, match="'dataset' is 'imagenet-captions'"):
        training_set(run)
