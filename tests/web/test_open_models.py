"""Released CLIPs: the list, the join with frequencies, the evaluation, and what a stop leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import open_clip
import pandas as pd
import pytest
import tiny_open_models as tiny
import torch
import torch.nn.functional as F
from open_clip import factory, pretrained
from PIL import Image, ImageFilter
from shard_files import image
from test_evaluation_sets import validation
from test_published_sets import write_dtd

from lt_course.counting import web_frequencies
from lt_course.counting.web_frequencies import PRETRAINING_SETS
from lt_course.data.imagenet import imagenet_classes
from lt_course.errors import CourseError
from lt_course.evaluation.bias import bias_report
from lt_course.evaluation.neural_collapse import class_means, nc1, nc2
from lt_course.release import MIRROR_VARIABLE
from lt_course.statistics import spearman
from lt_course.web import cli
from lt_course.web.datasets import concept_sets
from lt_course.web.datasets.concept_sets import ConceptSet, concept_set, folder_of, frequencies
from lt_course.web.released import evaluate_open_models as evaluation
from lt_course.web.released import open_models
from lt_course.web.released.evaluate_open_models import (
    COLLAPSE,
    Answers,
    answers_of,
    evaluate,
    read,
    score,
)
from lt_course.web.released.open_models import PRETRAINED_ON, OpenModel, Towers

MIRROR = os.environ.get(MIRROR_VARIABLE)
needs_mirror = pytest.mark.skipif(not MIRROR, reason="LT_COURSE_MIRROR is not set")
NAMES = ("crane bird", "tench", "toilet paper", "lawn mower", "umbrella")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    paths, designs = list(factory._MODEL_CONFIG_PATHS), dict(factory._MODEL_CONFIGS)
    made = tiny.make(tmp_path_factory.mktemp("open") / "models")
    yield made
    factory._MODEL_CONFIG_PATHS[:] = paths
    factory._MODEL_CONFIGS = designs


@pytest.fixture
def listed(weights: Path, monkeypatch: pytest.MonkeyPatch):
    """open_clip lists the tiny models and nothing else."""
    monkeypatch.setattr(pretrained, "_PRETRAINED", tiny.listing(weights))
    open_models._by_weights.cache_clear()
    yield weights
    open_models._by_weights.cache_clear()


@pytest.fixture
def one_template(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand classes with 80 templates take long; what is tested here does not depend on it."""
    monkeypatch.setattr(evaluation, "prompts", lambda name: [f"a photo of a {name}."])


@pytest.fixture
def no_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)
    summary = web_frequencies.load(download=False)
    monkeypatch.setattr(web_frequencies, "load", lambda: summary)


def shown(labels: list[int], names: tuple[str, ...] = NAMES) -> ConceptSet:
    def picture(row: int) -> Image.Image:
        return (
            Image.fromarray(np.random.default_rng(row).integers(256, size=(26, 30, 3), dtype="u1"))
            if row % 2
            else Image.new("RGB", (40, 30), (37 * row % 256, 90 * labels[row] % 256, 128))
        )

    kept = [picture(row) for row in range(len(labels))]
    return ConceptSet("made-up", "imagenet", names, names, np.array(labels), kept.__getitem__)


# The list -------------------------------------------------------------------------------------


def test_every_tag_of_the_six_counted_sets_is_declared() -> None:
    tags = {tag for _, tag in open_clip.list_pretrained()}
    counted = {tag for tag in tags if tag.startswith(tuple(PRETRAINING_SETS))}
    assert counted == set(PRETRAINED_ON)
    assert all(
        key in PRETRAINING_SETS and tag.startswith(key) for tag, key in PRETRAINED_ON.items()
    )
    for tag in ("openai", "laion_aesthetic_s13b_b82k", "laion5b_s13b_b90k", "merged2b_s4b_b131k"):
        assert tag in tags
        assert OpenModel("ViT-B-32", tag).pretrained_on is None
    fine_tuned = OpenModel("coca_ViT-B-32", "mscoco_finetuned_laion2b_s13b_b90k")
    assert fine_tuned.pretrained_on is None


def test_each_checkpoint_stands_once_with_the_activation_it_was_trained_with() -> None:
    models = open_models.open_models()
    files = [pretrained.get_pretrained_cfg(m.name, m.tag) for m in models]
    places = [(each["hf_hub"], each["url"]) for each in files]
    assert len(set(places)) == len(places)
    every = {(c["hf_hub"], c["url"]) for m, t in open_clip.list_pretrained()
             for c in [pretrained.get_pretrained_cfg(m, t)]}  # fmt: skip
    assert set(places) == every
    other = {
        model.name
        for model, known in zip(models, files, strict=True)
        if (open_clip.get_model_config(model.name) or {}).get("quick_gelu", False)
        != known.get("quick_gelu", False)
    }
    assert other <= {"roberta-ViT-B-32"}  # which has no other name
    small = [str(m) for m in models if m.pretrained_on in ("cc12m", "yfcc15m")]
    assert sorted(small) == [
        "RN101-quickgelu/yfcc15m", "RN50-quickgelu/cc12m", "RN50-quickgelu/yfcc15m",
    ]  # fmt: skip


def test_models_are_chosen_by_name() -> None:
    counted = open_models.chosen(["counted"])
    assert all(model.pretrained_on for model in counted)
    assert {model.pretrained_on for model in counted} == set(PRETRAINING_SETS)
    assert set(counted) < set(open_models.chosen(["all"]))
    twice = open_models.chosen(["ViT-B-32/laion2b_e16", "ViT-B-32/laion2b_e16"])
    assert twice == [OpenModel("ViT-B-32", "laion2b_e16")]
    with pytest.raises(CourseError, match="weights of RN50-quickgelu/cc12m"):
        open_models.chosen(["RN50/cc12m"])
    with pytest.raises(CourseError, match="no model 'ViT-B-32/laion2b'; nearest: ViT-B-32/laion2b"):
        open_models.chosen(["ViT-B-32/laion2b"])
    assert OpenModel("EVA01-g-14", "laion400m_s11b_b41k").note
    assert not OpenModel("ViT-B-32", "laion2b_e16").note


def test_parameters_are_counted_without_making_them(listed: Path) -> None:
    weights = torch.load(listed / "tiny-a.pt", weights_only=True)
    assert open_models.parameters("tiny-a") == sum(map(torch.numel, weights.values()))


# Names and counts -----------------------------------------------------------------------------


class Counts:
    """Counts of the six sets, by name, in an order of their own."""

    complete = True

    def __init__(self, names: list[str]) -> None:
        columns = {title: np.arange(len(names)) + 10 * i
                   for i, title in enumerate(PRETRAINING_SETS.values())}  # fmt: skip
        self.table = pd.DataFrame(columns, index=names).sample(frac=1, random_state=1)

    def concept_set(self, _: str) -> pd.DataFrame:
        return self.table


def test_frequencies_are_joined_by_name() -> None:
    web = Counts(["crane bird", "Umbrella", "eft", "tench"])
    found = frequencies(web, "yfcc15m", "imagenet", ["tench", "umbrella", "eft"])
    assert found.tolist() == [13, 11, 12]
    assert frequencies(web, None, "imagenet", ["tench"]) is None
    with pytest.raises(CourseError, match=r"1 classes of ImageNet were not counted .*\(newt\)"):
        frequencies(web, "yfcc15m", "imagenet", ["tench", "newt"])
    summary = web_frequencies.load(download=False) if not MIRROR else None
    if summary is not None:
        assert frequencies(summary, "yfcc15m", "imagenet", ["tench"]) is None


@needs_mirror
def test_imagenets_names_lead_to_the_counts_of_their_line() -> None:
    """The released files are in the order of class numbers, which the join does not use."""
    web = web_frequencies.load()
    classes = imagenet_classes().values()
    names = [concept_sets.COUNTED_AS.get(each.wnid, each.name) for each in classes]
    assert sum(each.name != name for each, name in zip(classes, names, strict=True)) == 2
    for key in PRETRAINING_SETS:
        line_by_line = web.counts(f"{key}_imagenet_ori")
        assert frequencies(web, key, "imagenet", names).tolist() == line_by_line.to_list()


@needs_mirror
def test_the_names_of_the_other_sets_were_counted() -> None:
    from torchvision.datasets import Flowers102

    web = web_frequencies.load()
    names = [name.rstrip("?") for name in Flowers102.classes]
    flowers = [concept_sets.FLOWERS.get(name, name) for name in names]
    for concepts, names in (("flowers102", flowers), ("eurosat", concept_sets.EUROSAT.values())):
        found = frequencies(web, "laion2b", concepts, list(names))
        assert sorted(found) == sorted(web.counts(f"laion2b_{concepts}"))
    for concepts in ("pets", "food101", "dtd", "imagenet"):
        assert web.concept_set(concepts).index.str.casefold().is_unique


def test_where_the_files_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LT_COURSE_DATA", raising=False)
    with pytest.raises(CourseError, match="Give --source FOLDER, or let LT_COURSE_DATA name"):
        folder_of("dtd")
    monkeypatch.setenv("LT_COURSE_DATA", str(tmp_path))
    with pytest.raises(CourseError, match="dtd is not a folder"):
        folder_of("dtd")
    (tmp_path / "dtd").mkdir()
    assert folder_of("dtd") == tmp_path / "dtd"
    assert folder_of("dtd", tmp_path) == tmp_path
    with pytest.raises(CourseError, match=r"no set 'cub'.*imagenet-val, imagenet-v2, food101"):
        concept_set("cub", tmp_path)


def test_other_concept_sets_are_read_by_torchvision(tmp_path: Path) -> None:
    write_dtd(tmp_path)
    found = concept_set("dtd", tmp_path)
    assert (len(found), found.concepts) == (len(found.labels), "dtd")
    assert found.picture(0).mode == "RGB"
    for folder, name in concept_sets.EUROSAT.items():
        place = tmp_path / "eurosat" / "2750" / folder
        place.mkdir(parents=True)
        (place / f"{folder}_1.jpg").write_bytes(image(len(name)))
    found = concept_set("eurosat", tmp_path)
    assert found.names[2] == "brushland or shrubland"
    assert found.labels.tolist() == list(range(10))
    assert found.picture(9).mode == "RGB"
    (tmp_path / "eurosat" / "2750" / "River" / "River_1.jpg").unlink()
    (tmp_path / "eurosat" / "2750" / "River").rmdir()
    with pytest.raises(CourseError, match="ten folders"):
        concept_set("eurosat", tmp_path)
    with pytest.raises(CourseError, match="torchvision's EuroSAT downloads it"):
        concept_set("eurosat", tmp_path / "nowhere")


# Scoring --------------------------------------------------------------------------------------


def test_numbers_equal_an_independent_loop(listed: Path) -> None:
    pictures = shown([0, 0, 1, 1, 1, 2, 2, 3, 3, 4, 4, 0])
    model = OpenModel("tiny-a", "cc12m")
    found = answers_of(open_models.load(model), pictures, batch=5)

    clip, _, transform = open_clip.create_model_and_transforms("tiny-a", pretrained="cc12m")
    clip.eval()
    tokenise = open_clip.get_tokenizer("tiny-a")
    with torch.no_grad():
        heads = []
        for name in NAMES:
            said = clip.encode_text(
                tokenise([t(name) for t in open_clip.OPENAI_IMAGENET_TEMPLATES])
            )
            heads.append(F.normalize(F.normalize(said, dim=1).mean(0), dim=0))
        features = torch.cat(
            [clip.encode_image(transform(pictures.picture(i))[None]) for i in range(12)]
        )
    confusion = np.zeros((5, 5), dtype=int)
    for label, feature in zip(pictures.labels, features, strict=True):
        cosines = [float(feature @ head / feature.norm()) for head in heads]
        confusion[label, int(np.argmax(cosines))] += 1
    assert found.confusion.tolist() == confusion.tolist()
    assert (confusion.sum(0) > 0).sum() > 1, "the tiny model should give more than one answer"

    labels = torch.from_numpy(pictures.labels)
    assert found.collapse["nc1"].mean() == pytest.approx(nc1(features, labels, 5), rel=1e-3)
    means = class_means(features, labels, 5)
    assert found.collapse["nc2_means"].mean() == pytest.approx(nc2(means), rel=1e-4)
    of_heads = nc2(torch.stack(heads), centre=False)
    assert found.collapse["nc2_prototypes"].mean() == pytest.approx(of_heads, rel=1e-4)

    frequency = np.array([50, 3, 20, 9, 100])
    report = found.report(frequency)
    truth = np.repeat(np.arange(5), confusion.sum(1))
    said = np.concatenate([np.repeat(np.arange(5), row) for row in confusion])
    known = bias_report(frequency, truth, said)
    for name in ("accuracy", "spearman_accuracy", "spearman_predictions"):
        assert report[name] == pytest.approx(known[name], nan_ok=True)
    expected = spearman(frequency, found.collapse["nc1"])
    assert report["spearman_nc1_frequency"] == pytest.approx(expected)
    assert np.isnan(found.report()["spearman_accuracy"])
    assert found.report()["nc1"] == report["nc1"]


def oracle(names: tuple[str, ...]) -> Towers:
    """Its text feature of a name is one of random directions; a picture's is its class's."""
    directions = F.normalize(torch.randn(len(names), 64, generator=torch.manual_seed(0)), dim=1)

    def tokenise(texts: list[str]) -> torch.Tensor:
        return torch.tensor([[next(i for i, n in enumerate(names) if n in t)] for t in texts])

    return Towers(
        transform=lambda picture: torch.tensor([float(picture.getpixel((0, 0))[0])]),
        tokenise=tokenise,
        image_features=lambda batch: (
            7 * directions[batch[:, 0].long()]
            + 0.01 * torch.randn(len(batch), 64, generator=torch.manual_seed(1))
        ),
        text_features=lambda tokens: directions[tokens[:, 0]],
    )


def test_an_oracle_is_always_right_and_swapped_names_are_always_wrong() -> None:
    labels = [c for c in range(5) for _ in range(3)]
    kept = [Image.new("RGB", (4, 4), (label, 0, 0)) for label in labels]

    def asked(names: tuple[str, ...]) -> Answers:
        pictures = ConceptSet("o", "imagenet", names, names, np.array(labels), kept.__getitem__)
        return answers_of(oracle(NAMES), pictures)

    assert asked(NAMES).accuracy == 1
    swapped = asked((NAMES[1], NAMES[0], *NAMES[2:]))
    assert swapped.table()["accuracy"].tolist() == [0, 0, 1, 1, 1]
    assert swapped.table()["predictions"].tolist() == [3] * 5


def test_classes_without_pictures_are_left_out_of_what_needs_them() -> None:
    generator = torch.Generator().manual_seed(0)
    features, prototypes = torch.randn(9, 6, generator=generator), torch.eye(6)[:5]
    labels = torch.tensor([0, 0, 0, 1, 2, 2, 4, 4, 4])
    found = score(features, labels, prototypes, NAMES)
    assert found.table()["accuracy"].isna().tolist() == [False, False, False, True, False]
    known = [0, 2, 4]
    assert found.collapse.isna().any(axis=1).tolist() == [False, True, False, True, False]
    kept = features[labels != 1]
    again = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2])
    assert found.collapse["nc1"][known].mean() == pytest.approx(nc1(kept, again, 3))
    assert found.confusion.sum() == 9


# The command ----------------------------------------------------------------------------------


def command(tmp_path: Path, *names: str) -> list[str]:
    if not (tmp_path / "in").exists():
        validation(tmp_path / "in", "val")
    return ["models", "evaluate", *names, "--on", "imagenet-val", "--source", str(tmp_path / "in"),
            "--out", str(tmp_path / "out"), "--partial", "--workers", "0"]  # fmt: skip


def test_the_command_goes_through_the_list(
    tmp_path: Path, listed: Path, one_template: None, no_counts: None,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    assert cli.main(command(tmp_path, "all")) == 1
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].startswith("7 pictures of 1000 classes. The course's summary of the counts")
    assert [line.split(" | ")[0] for line in lines[1:]] == ["1/4", "2/4", "3/4", "4/4"]
    assert "tiny-gone/yfcc15m cannot be had" in lines[4]
    assert "1 of 4 models could not be evaluated" in err
    records = sorted((tmp_path / "out" / "imagenet-val").glob("*"))
    assert [path.name for path in records] == [
        "tiny-a--cc12m.npz", "tiny-b--laion2b_e16.npz", "tiny-c--unheard_of.npz",
    ]  # fmt: skip
    assert all(path.stat().st_size < 300_000 for path in records)

    table = pd.read_csv(tmp_path / "out" / "summary.csv")
    assert table["pretrained_on"].fillna("-").tolist() == ["cc12m", "laion2b", "-"]
    assert table["accuracy"].between(0, 1).all()
    assert table["spearman_accuracy"].isna().all()  # only a summary of the counts is at hand
    answers = read(records[0])
    assert (answers.confusion.sum(), answers.about["templates"]) == (7, 1)

    # What is there is read: nothing may be loaded any more.
    monkeypatch.setattr(evaluation, "load", lambda *_: pytest.fail("evaluated again"))
    assert cli.main(command(tmp_path, "tiny-a/cc12m", "tiny-b/laion2b_e16")) == 0
    assert capsys.readouterr().out.count(", read |") == 2


def test_blurred_pictures_under_the_same_names_are_not_answered_by_a_record(
    tmp_path: Path, listed: Path, one_template: None, no_counts: None,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert cli.main(command(tmp_path, "tiny-a/cc12m")) == 0
    for path in (tmp_path / "in").rglob("*.JPEG"):
        Image.open(path).convert("RGB").filter(ImageFilter.GaussianBlur(2)).save(path)
    capsys.readouterr()
    assert cli.main(command(tmp_path, "tiny-a/cc12m")) == 2
    assert "is of other pictures or class names than these" in capsys.readouterr().err
    fresh = [str(tmp_path / "new") if each.endswith("/out") else each
             for each in command(tmp_path, "tiny-a/cc12m")]  # fmt: skip
    assert cli.main(fresh) == 0


def test_each_model_is_judged_by_its_own_sets_counts(
    tmp_path: Path, listed: Path, one_template: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [concept_sets.COUNTED_AS.get(c.wnid, c.name) for c in imagenet_classes().values()]
    web = Counts(names)
    pictures = concept_set("imagenet-val", validation(tmp_path / "in", "val"), partial=True)
    models = open_models.chosen(["tiny-a/cc12m", "tiny-c/unheard_of"])
    done = list(evaluate(models, pictures, tmp_path / "out"))
    table = evaluation.summary(tmp_path / "out", web).set_index("name")
    known = done[0].answers.table(web.table.loc[names, PRETRAINING_SETS["cc12m"]].to_numpy())
    expected = spearman(known["frequency"], known["predictions"])
    assert table.loc["tiny-a", "spearman_predictions"] == pytest.approx(expected)
    assert np.isnan(table.loc["tiny-c", "spearman_predictions"])
    assert table.loc["tiny-c", "accuracy"] == done[1].answers.accuracy


KILLED = """
import os, signal, sys
from pathlib import Path
import tiny_open_models as tiny
from lt_course.web import cli
from lt_course.counting import web_frequencies
from lt_course.web.released import evaluate_open_models as evaluation
summary = web_frequencies.load(download=False)
web_frequencies.load = lambda: summary
tiny.register(Path(sys.argv[1]))
evaluation.prompts = lambda name: [f"a photo of a {name}."]
whole, written = evaluation.write_sealed, []
def dies(path, content):
    if written:
        path.with_name(path.name + ".tmp").write_bytes(content[: len(content) // 2])
        os.kill(os.getpid(), signal.SIGKILL)
    written.append(path)
    whole(path, content)
evaluation.write_sealed = dies
cli.main(sys.argv[2:])
"""


def test_a_killed_command_goes_on(
    tmp_path: Path, listed: Path, one_template: None, no_counts: None,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    asked = command(tmp_path, "tiny-a/cc12m", "tiny-b/laion2b_e16", "tiny-c/unheard_of")
    here = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", ""), *sys.path]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(here)}
    died = subprocess.run(
        [sys.executable, "-c", KILLED, str(listed), *asked], env=environment, capture_output=True
    )
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()[-500:]
    folder = tmp_path / "out" / "imagenet-val"
    assert sorted(path.suffix for path in folder.iterdir()) == [".npz", ".tmp"]
    first = (folder / "tiny-a--cc12m.npz").stat().st_mtime_ns

    assert cli.main(asked) == 0
    assert capsys.readouterr().out.count(", read |") == 1
    assert (folder / "tiny-a--cc12m.npz").stat().st_mtime_ns == first
    assert sorted(path.suffix for path in folder.iterdir()) == [".npz"] * 3
    pictures = concept_set("imagenet-val", tmp_path / "in", partial=True)
    model = OpenModel("tiny-b", "laion2b_e16")
    again = next(evaluate([model], pictures, tmp_path / "anew")).answers
    assert np.array_equal(again.confusion, read(evaluation.place(
        tmp_path / "out", "imagenet-val", model)).confusion)  # fmt: skip


def test_records_of_other_pictures_and_damaged_ones_are_refused(
    tmp_path: Path, listed: Path
) -> None:
    model = OpenModel("tiny-a", "cc12m")
    list(evaluate([model], shown([0, 0, 1, 1]), tmp_path))
    with pytest.raises(CourseError, match="of other pictures or class names"):
        list(evaluate([model], shown([0, 0, 1, 2]), tmp_path))
    others = replace(shown([0, 0, 1, 1]), picture=shown([0, 1, 0, 1]).picture)
    with pytest.raises(CourseError, match="of other pictures or class names"):
        list(evaluate([model], others, tmp_path))
    path = evaluation.place(tmp_path, "made-up", model)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(CourseError, match="is not the record of a model"):
        list(evaluate([model], shown([0, 0, 1, 1]), tmp_path))


def test_a_record_holds_everything(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(30) % 5
    found = score(torch.randn(30, 8, generator=generator), labels, torch.eye(8)[:5], NAMES)
    found = Answers(found.confusion, found.collapse, found.names, {"name": "x", "n": 3})
    evaluation.write(tmp_path / "a.npz", found)
    again = read(tmp_path / "a.npz")
    assert np.array_equal(again.confusion, found.confusion)
    pd.testing.assert_frame_equal(again.collapse, found.collapse)
    assert (again.names, again.about) == (found.names, found.about)
    assert list(again.collapse) == list(COLLAPSE)


def test_bad_input_to_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for asked, said in (
        (["RN50/cc12m"], "RN50-quickgelu/cc12m"),
        (["ViT-B-32/laion2b_e16", "--batch", "0"], "--batch is 0; give 1 or more"),
        (["ViT-B-32/laion2b_e16", "--device", "toaster"], "'toaster', which torch does not know"),
    ):
        assert cli.main(command(tmp_path, *asked)) == 2
        assert said in capsys.readouterr().err


def test_the_list_is_printed(listed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3  # one tag is of no counted set
    assert lines[0].split() == ["tiny-a/cc12m", "1", "M", "CC-12M", "cc12m_imagenet_ori"]
    assert cli.main(["models", "list", "--all", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    unheard = next(row for row in rows if row["model"] == "tiny-c/unheard_of")
    assert unheard["pretrained_on"] is None
    assert unheard["frequency_file"] is None
