"""Photographs in the training loop: real steps on a miniature ImageNet-Captions."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from lt_course.data import captions
from lt_course.data.batch import Batch
from lt_course.data.tokenizer import tokens
from lt_course.errors import CourseError
from lt_course.models.heads import Prototypes
from lt_course.objectives.classify import Supervised, SupervisedConfig
from lt_course.objectives.contrast import CLIP, CLIPConfig
from lt_course.training.loop import Interrupted, fit
from lt_course.training.options import Training
from lt_course.web.datasets import imagenet_shards
from lt_course.web.datasets.photograph_sets import Photographs, Selection, open_set, select
from lt_course.web.shards import shard_index, shard_pairs
from lt_course.web.shards.shard_pairs import Loader, Said, class_prompts, synonyms
from lt_course.web.shards.shard_scan import Fields

pytestmark = pytest.mark.filterwarnings("ignore:The image decoding and encoding capabilities")

COLOURS = {"n01440764": (200, 40, 40), "n02012849": (40, 200, 40), "n03126707": (40, 40, 200)}
EACH = 12
FULL = Fields(caption="json:name+title+tags+description", label="cls")


def photograph(wnid: str, number: int) -> bytes:
    generator = np.random.default_rng([int(wnid[1:]), number])
    level = np.array(COLOURS[wnid]) + generator.normal(0, 25, (40, 50, 3))
    file = io.BytesIO()
    Image.fromarray(level.clip(0, 255).astype(np.uint8)).save(file, "JPEG")
    return file.getvalue()


def prepared(folder: Path, damaged: int = 0) -> Path:
    """ImageNet-Captions of three classes as shards; the first pictures are cut short."""
    records = []
    for wnid in COLOURS:
        (folder / "train" / wnid).mkdir(parents=True)
        for number in range(EACH):
            name = f"{wnid}_{number}.JPEG"
            whole = photograph(wnid, number)
            cut = damaged and wnid == "n01440764" and number < damaged
            (folder / "train" / wnid / name).write_bytes(whole[:-200] if cut else whole)
            records.append(
                {
                    "filename": name,
                    "wnid": wnid,
                    "title": f"picture of a {wnid}" if number else "",
                    "tags": ["one", "two"],
                    "description": f"number {number}",
                }
            )
    (folder / "imagenet_captions.json").write_text(json.dumps(records))
    imagenet_shards.prepare(
        "imagenet-captions", folder, folder / "shards", per_shard=10, partial=True
    )
    return folder / "shards"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LT_COURSE_SHARDS", str(tmp_path / "cache"))


@pytest.fixture
def three(tmp_path: Path) -> Photographs:
    text = "name+title+tags+description"
    return renumbered(open_set("imagenet-captions", prepared(tmp_path / "source"), text=text).index)


def renumbered(index: shard_index.Index) -> Photographs:
    """All pairs, with the three classes as 0, 1 and 2."""
    chosen = select(index)
    present = np.flatnonzero(chosen.frequency)
    return Photographs(
        index,
        tuple(chosen.classes[number] for number in present),
        chosen.rows,
        np.searchsorted(present, chosen.labels),
        chosen.frequency[present],
        chosen.trimmed[present],
    )


def read(load: Loader, steps: int) -> list[Batch]:
    return [load(load.order.rows(step), step) for step in range(steps)]


def same(one: Batch, other: Batch) -> bool:
    pairs = ((one.pictures, other.pictures), (one.labels, other.labels), (one.tokens, other.tokens))
    return all(a is not None and b is not None and torch.equal(a, b) for a, b in pairs)


def test_a_batch_holds_what_the_objectives_want(three: Photographs) -> None:
    with Loader(three.pairs(seed=3, size=32, context=20), batch=9) as load:
        rows = load.order.rows(0)
        batch = load(rows, 0)
    assert batch.pictures.shape == (9, 3, 32, 32)
    assert batch.pictures.dtype == torch.float32
    assert batch.labels.tolist() == three.labels[rows].tolist()
    assert three.frequency.tolist() == [EACH] * 3
    # The strongest colour of each picture tells its class: pictures and labels belong together.
    assert batch.pictures.mean((2, 3)).argmax(1).tolist() == batch.labels.tolist()
    said = {
        wnid: f"{known.name} picture of a {wnid} one two number"
        for known in three.classes
        for wnid in [known.wnid]
    }
    assert batch.tokens is not None
    for label, ids in zip(batch.labels.tolist(), batch.tokens, strict=True):
        known = three.classes[label]
        expected = {
            tuple(tokens([f"{said[known.wnid]} {n}"], 20)[0].tolist()) for n in range(1, EACH)
        } | {tuple(tokens([f"{known.name} one two number 0"], 20)[0].tolist())}
        assert tuple(ids.tolist()) in expected


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_are_a_function_of_seed_and_step(three: Photographs, workers: int) -> None:
    def steps(seed: int, wanted: list[int], workers: int = 0) -> list[Batch]:
        with Loader(three.pairs(seed=seed, size=32), batch=9, workers=workers) as load:
            return [load(load.order.rows(step), step) for step in wanted]

    first = steps(3, list(range(9)))
    assert all(map(same, first[5:], steps(3, list(range(5, 9)), workers)))
    assert all(map(same, [first[7], first[2]], steps(3, [7, 2], workers)))
    assert not same(first[0], steps(4, [0])[0])
    again = np.intersect1d(*(three.pairs(seed=3).order(9).rows(step) for step in (0, 4)))
    assert len(again), "the two epochs share no row in these steps"


def test_shares_of_processes_make_up_the_batch(three: Photographs) -> None:
    with Loader(three.pairs(size=32), batch=8) as load:
        whole = load(load.order.rows(1), 1)
    parts = []
    for rank in range(2):
        with Loader(three.pairs(size=32), batch=8, rank=rank, ranks=2) as load:
            parts.append(load(load.order.rows(1), 1))
    assert torch.equal(torch.cat([part.pictures for part in parts]), whole.pictures)


@pytest.mark.parametrize("kind", ["template", "synset"])
def test_class_templates_stand_in_for_captions(three: Photographs, kind: str) -> None:
    texts = [
        synonyms(known) if kind == "synset" else captions.prompts(known.name)
        for known in three.classes
    ]
    said = Said.of(texts, context=20)
    prompts = [said.ids[said.first[label] : said.first[label + 1]] for label in range(3)]
    if kind == "template":
        assert torch.equal(torch.stack(prompts), class_prompts(three.classes, context=20))
    else:
        words = [len(known.lemmas) for known in three.classes]
        assert len(set(words)) > 1, "this test needs classes of several sizes"
        assert [len(of) for of in prompts] == [80 * number for number in words]
    with Loader(three.pairs(size=32), batch=12, said=said) as load:
        whole = read(load, 4)
    of = [{tuple(ids.tolist()) for ids in prompts[label]} for label in range(3)]
    shown = [[] for _ in of]  # type: ignore[var-annotated]
    for batch in whole:
        assert batch.tokens is not None
        for label, ids in zip(batch.labels.tolist(), batch.tokens.tolist(), strict=True):
            assert tuple(ids) in of[label]
            shown[label].append(tuple(ids))
    assert all(len(set(each)) > 5 for each in shown)
    parts = []
    for rank in range(2):
        pairs = three.pairs(size=32)
        with Loader(pairs, batch=12, said=said, rank=rank, ranks=2) as load:
            parts.append(load(load.order.rows(3), 3).tokens)
    assert torch.equal(torch.cat(parts), whole[3].tokens)  # type: ignore[arg-type]


def test_all_texts_of_a_class_are_equally_likely() -> None:
    said = Said.of([["a", "b"], ["c"], ["d", "e", "f", "g", "h"]], context=4)
    labels = torch.arange(3).repeat_interleave(1_000)
    chosen = said.choose(labels, ((torch.arange(1_000) + 0.5) / 1_000).repeat(3))
    times = torch.tensor([500, 500, 1_000, 200, 200, 200, 200, 200])
    assert torch.equal(chosen, said.ids.repeat_interleave(times, 0))


def test_rows_of_another_order_are_refused(three: Photographs) -> None:
    with Loader(three.pairs(size=32), batch=9) as load, pytest.raises(CourseError, match="step 1"):
        load(load.order.rows(0), 1)


class Tower(nn.Module):
    """Mean colour and a linear map."""

    def __init__(self) -> None:
        super().__init__()
        self.map = nn.Linear(3, 8)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.map(pictures.mean((2, 3)))


class Words(nn.Module):
    """Mean of word vectors."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.EmbeddingBag(49_408, 8)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.words(ids)


OPTIONS = Training(
    duration="6 epochs",
    batch_size=12,
    learning_rate=0.05,
    weight_decay=0.0,
    precision="float32",
    checkpoint_every="3 steps",
)


def objective(kind: str, frequency: np.ndarray) -> Supervised | CLIP:
    torch.manual_seed(0)
    if kind == "classify":
        options = SupervisedConfig(vocabulary=2, vocabulary_group=4)
        return Supervised(options, Tower(), Prototypes(3, 8), torch.from_numpy(frequency))
    return CLIP(CLIPConfig(), Tower(), Words())


@pytest.mark.parametrize("kind", ["classify", "contrast"])
def test_real_steps_learn_and_resume_bit_by_bit(
    three: Photographs, kind: str, tmp_path: Path
) -> None:
    def train(
        folder: Path | None = None, stop: int | None = None, workers: int = 0
    ) -> tuple[nn.Module, list[dict[str, float]]]:
        model = objective(kind, three.frequency)

        def before(step: int) -> None:
            if step == stop:
                raise KeyboardInterrupt

        with Loader(three.pairs(seed=1, size=32, context=12), batch=12, workers=workers) as load:
            history = fit(model, load, load.order, OPTIONS, folder=folder, before_step=before)
        return model, history

    model, history = train()
    assert len(history) == 6
    assert history[-1]["loss"] < 0.7 * history[0]["loss"]
    with pytest.raises((KeyboardInterrupt, Interrupted)):
        train(tmp_path / "run", stop=10)
    resumed, _ = train(tmp_path / "run", workers=1)
    for name, value in model.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_damaged_pictures_are_replaced_within_the_choice_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    index = shard_index.load(prepared(tmp_path / "source", damaged=3), FULL)
    photographs = renumbered(index)
    with Loader(photographs.pairs(size=32), batch=12, max_bad_fraction=0.1) as load:
        seen = read(load, 3)
    assert sum("cannot be decoded" in record.getMessage() for record in caplog.records) == 3
    for batch in seen:
        assert batch.pictures.mean((2, 3)).argmax(1).tolist() == batch.labels.tolist()
    with (
        Loader(photographs.pairs(size=32), batch=12, max_bad_fraction=0.05) as load,
        pytest.raises(CourseError, match="undecodable"),
    ):
        read(load, 3)


def test_too_many_damaged_pictures_of_a_small_choice_fail_the_run(tmp_path: Path) -> None:
    index = shard_index.load(prepared(tmp_path / "source", damaged=2), FULL)
    whole = select(index)
    rows = whole.rows[whole.labels == 0]
    few = Photographs(
        index, whole.classes, rows, np.zeros(len(rows), np.int64), whole.frequency, whole.trimmed
    )
    with (
        Loader(few.pairs(size=32), batch=4, max_bad_fraction=0.1) as load,
        pytest.raises(CourseError, match=r"2 of the 12 chosen pictures"),
    ):
        read(load, 3)


def test_a_variant_of_the_captions_is_a_choice_and_empty_ones_count(tmp_path: Path) -> None:
    folder = prepared(tmp_path / "source")
    with pytest.raises(CourseError, match="3 empty caption"):
        shard_index.load(folder, Fields("jpg", "json:title", "cls"))
    titles = shard_index.load(folder, Fields("jpg", "json:title", "cls"), max_bad_fraction=0.1)
    assert len(select(titles)) == 3 * (EACH - 1)
    # The sample is of the pictures, whatever variant is read.
    full = shard_index.load(folder, FULL)
    named = []
    for index in (titles, full):
        chosen = select(index, Selection(num_images=20))
        named.append({index.name(int(row)) for row in chosen.rows})
    empty = named[1] - named[0]
    assert named[0] <= named[1]
    assert len(named[1]) == 20
    assert empty == {(fault.shard, fault.key) for fault in titles.faults()} & named[1]


def test_pairs_without_a_choice_are_all(three: Photographs) -> None:
    plain = shard_pairs.ShardDataset(three.index, seed=2, size=16)
    chosen = shard_pairs.ShardDataset(three.index, torch.arange(len(three.index)), seed=2, size=16)
    part = shard_pairs.Part(1, np.array([4, 20, 7]))
    assert torch.equal(plain[part].pictures, chosen[part].pictures)
    assert plain[part].labels.tolist() == chosen[part].labels.tolist()
