"""Where class vectors come from: learnt, started from an open-world CLIP, frozen, a language model.

The open world of these tests is small: all that the stand-in has of five concepts, and pictures of
three more.
"""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lt_course import scale as scales
from lt_course import study
from lt_course.data import icontail
from lt_course.data.captions import prompts
from lt_course.data.tokenizer import tokens
from lt_course.errors import CourseError
from lt_course.evidence.experiments import all_experiments
from lt_course.models.text_encoders import LanguageModel, SmallTransformer, pretrained_text_tower
from lt_course.scale import OpenWorld
from lt_course.study import store as store_module
from lt_course.study.execute import execute, training_set, weights
from lt_course.study.run_config import RunConfig, open_world_clip
from lt_course.study.text_heads import OpenWorld as OpenWorldHead
from lt_course.study.text_heads import Scratch

SMALL = {
    "concepts": 5, "num_images": 100, "profile": "incaps", "batch_size": 25, "duration": "2 epochs",
}  # fmt: skip
HEADS = {
    "scratch": {"text_head": "scratch"},
    "frozen": {"text_head": "open-world"},
    "initialised": {"text_head": "open-world", "frozen": False},
    "language-model": {"text_head": "language-model"},
}
CLASSES = 5


@pytest.fixture(autouse=True)
def small_world(small, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scale tiny whose open world the stand-in can fill; two steps."""
    tiny = dataclasses.replace(scales.SCALES["tiny"], open_world=OpenWorld(60, 1))
    monkeypatch.setitem(scales.SCALES, "tiny", tiny)


def small_run(name: str = "sl", text_head: str = "frozen", **settings: object) -> RunConfig:
    return study.config(name, scale="tiny", **(SMALL | HEADS[text_head] | settings))


@pytest.fixture(scope="module")
def teacher_folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("teacher")


@pytest.fixture
def teacher(teacher_folder: Path) -> dict[str, torch.Tensor]:
    """The weights of the open-world CLIP, trained once for all tests here."""
    if not any(teacher_folder.iterdir()):
        execute(open_world_clip(small_run()), teacher_folder)
    return dict(weights(teacher_folder))


def text_weights(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value for name, value in state.items() if name.startswith("text_tower.")}


def differ(state: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> set[str]:
    """Names of the text tower's weights that differ."""
    ours, theirs = text_weights(state), text_weights(other)
    assert ours.keys() == theirs.keys()
    return {name for name in ours if not torch.equal(ours[name], theirs[name])}


# --- the open-world CLIP


def test_one_open_world_clip_for_all_students_of_a_scale_and_its_concepts() -> None:
    for scale in ("tiny", "cpu"):
        taught = [
            run
            for factor in all_experiments()
            for seed in range(3)
            for run in factor.runs(scale, seed).values()
            if isinstance(run.text_head, OpenWorldHead)
        ]
        assert len(taught) > 30
        for concepts in {run.data.concepts for run in taught}:
            of_them = [run for run in taught if run.data.concepts == concepts]
            assert len({open_world_clip(run).address for run in of_them}) == 1


def test_the_open_world_clip_follows_concepts_and_dimension_and_nothing_else() -> None:
    plain = open_world_clip(small_run())
    other = small_run(
        "clip-title", "initialised", seed=9, profile="flat", tail_classes=2, learning_rate=0.1,
        duration="3 steps", fraction=0.5, style="line", authors=1,
    )  # fmt: skip
    assert open_world_clip(other) == plain
    assert open_world_clip(small_run(concepts=4)) != plain
    assert open_world_clip(small_run(embed_dim=64)).model.embed_dim == 64
    assert plain.text_head == Scratch("small-transformer")
    assert plain.data.profile == "natural"
    assert plain.data.distractors == 60


def test_it_sees_every_training_picture_and_no_test_picture(small) -> None:
    drawn = training_set(open_world_clip(small_run()))
    ours = np.flatnonzero(~small.test & (small.concept < CLASSES))
    assert set(ours) < set(drawn.image_ids)
    assert not small.test[drawn.image_ids].any()
    assert (drawn.labels == CLASSES).sum() == 60


def test_it_knows_every_word_of_its_students(small, teacher) -> None:
    known = set(teacher["text_tower.vocabulary"].tolist())
    titles = [small.titles[i] for i in np.flatnonzero(~small.test & (small.concept < CLASSES))]
    assert set(tokens(titles, 16).flatten().tolist()) <= known
    names = [prompt for concept in small.concepts[:CLASSES] for prompt in prompts(concept.name)]
    assert set(tokens(names, 16).flatten().tolist()) <= known


# --- CLIP


CLIPS = pytest.mark.parametrize("text", ["template", "title", "name", "title+tags"])


@CLIPS
def test_clip_initialised_starts_from_the_open_world_clip_and_moves(
    teacher, tmp_path: Path, text: str
) -> None:
    still = small_run("clip-title", "initialised", text=text, learning_rate=0.0)
    execute(still, tmp_path / "still", pretrained=lambda _: teacher)
    assert not differ(weights(tmp_path / "still"), teacher)
    moving = small_run("clip-title", "initialised", text=text)
    execute(moving, tmp_path / "moving", pretrained=lambda _: teacher)
    moved = differ(weights(tmp_path / "moving"), teacher)
    assert moved == text_weights(teacher).keys() - {"text_tower.vocabulary"}


@CLIPS
def test_clip_frozen_never_moves_but_its_image_tower_does(
    teacher, tmp_path: Path, text: str
) -> None:
    run = small_run("clip-title", "frozen", text=text)
    execute(run, tmp_path, pretrained=lambda _: teacher)
    after = weights(tmp_path)
    assert not differ(after, teacher)
    images = [name for name in after if name.startswith("image_tower.")]
    assert all(not torch.equal(after[name], teacher[name]) for name in images)


def test_clip_from_scratch_asks_for_no_teacher(tmp_path: Path) -> None:
    def never(run: RunConfig) -> dict:
        raise AssertionError("no teacher is needed")

    for name in ("sl", "clip-title"):
        execute(small_run(name, "scratch", duration="1 step"), pretrained=never)


def test_the_image_tower_starts_alike_for_every_head(teacher, tmp_path: Path) -> None:
    """Runs of a factor with the same seed differ in their head, not in their luck."""
    starts = []
    for head in ("scratch", "initialised", "frozen"):
        for name in ("sl", "clip-title"):
            folder = tmp_path / f"{name} {head}"
            run = small_run(name, head, learning_rate=0.0, duration="1 step")
            execute(run, folder, pretrained=lambda _: teacher)
            starts.append(weights(folder)["image_tower.layers.0.0.weight"])
    assert all(torch.equal(start, starts[0]) for start in starts)


# --- classifiers


def teachers_prototypes(teacher: dict[str, torch.Tensor], small) -> torch.Tensor:
    """Concept by concept: the direction of the mean of its prompts' directions."""
    context = len(teacher["text_tower.positions"])
    tower = SmallTransformer(teacher["text_tower.vocabulary"], context, embedding=128)
    tower.load_state_dict(
        {name.removeprefix("text_tower."): v for name, v in text_weights(teacher).items()}
    )
    found = []
    with torch.no_grad():
        for concept in small.concepts[:CLASSES]:
            features = [tower(tokens([prompt], context))[0] for prompt in prompts(concept.name)]
            mean = sum(feature / feature.norm() for feature in features) / len(features)
            found.append(mean / mean.norm())
    return torch.stack(found)


def test_sl_frozen_keeps_the_open_world_clips_class_vectors(teacher, small, tmp_path: Path) -> None:
    outcome = execute(small_run("sl", "frozen"), tmp_path, pretrained=lambda _: teacher)
    expected = teachers_prototypes(teacher, small)
    kept = torch.from_numpy(outcome.arrays["prototypes"])
    torch.testing.assert_close(kept, expected, rtol=1e-4, atol=1e-5)
    assert torch.equal(weights(tmp_path)["head.weight"], kept)
    assert weights(tmp_path)["head.temperature.log_scale"] != np.log(1 / 0.07)


def test_sl_initialised_starts_from_them_and_moves(teacher, small) -> None:
    expected = teachers_prototypes(teacher, small)
    for rate, moves in ((0.0, False), (2e-3, True)):
        run = small_run("sl", "initialised", learning_rate=rate)
        outcome = execute(run, pretrained=lambda _: teacher)
        ended = torch.from_numpy(outcome.arrays["prototypes"])
        assert torch.allclose(ended, expected, rtol=1e-4, atol=1e-5) != moves


@pytest.mark.parametrize("seed", [0, 1])
def test_frozen_prototypes_are_the_same_for_every_seed(teacher, small, seed: int) -> None:
    run = small_run("sl", "frozen", seed=seed, duration="1 step")
    outcome = execute(run, pretrained=lambda _: teacher)
    torch.testing.assert_close(
        torch.from_numpy(outcome.arrays["prototypes"]),
        teachers_prototypes(teacher, small),
        rtol=1e-4,
        atol=1e-5,
    )


@pytest.mark.parametrize("head", ["initialised", "frozen"])
@pytest.mark.parametrize("name", ["sl", "clip-title"])
def test_a_stopped_run_goes_on_to_the_same_end(
    teacher, tmp_path: Path, name: str, head: str
) -> None:
    run = small_run(name, head, checkpoint_every="2 steps")
    whole = execute(run, tmp_path / "whole", pretrained=lambda _: teacher)

    def stop(step: int) -> None:
        if step == 5:
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        execute(run, tmp_path / "parts", stop, lambda _: teacher)
    resumed = execute(run, tmp_path / "parts", pretrained=lambda _: teacher)
    before, after = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert all(torch.equal(after[weight], before[weight]) for weight in before)
    assert resumed.metrics == pytest.approx(whole.metrics, nan_ok=True)


# --- what cannot be read


@pytest.mark.parametrize("head", ["initialised", "frozen"])
def test_a_context_longer_than_the_open_world_clips_is_refused(teacher, head: str) -> None:
    run = small_run("clip-title", head, context=17)
    with pytest.raises(CourseError, match=r"^Field 'context' is 17, .*reads 16 tokens; set it"):
        execute(run, pretrained=lambda _: teacher)


def test_a_shorter_context_is_read(teacher) -> None:
    texts = tokens(["a photo of a thing 0."], 16)
    tower = pretrained_text_tower(teacher, texts)
    torch.testing.assert_close(tower(texts), tower(tokens(["a photo of a thing 0."], 9)))


@pytest.mark.parametrize("head", ["initialised", "frozen"])
def test_captions_with_words_it_has_never_read_are_refused(
    teacher, small, monkeypatch: pytest.MonkeyPatch, head: str
) -> None:
    concepts = tuple(
        dataclasses.replace(concept, gloss="an umbrella zeppelin") for concept in small.concepts
    )
    strange = dataclasses.replace(small, concepts=concepts)
    monkeypatch.setattr(icontail, "load", lambda: strange)
    run = small_run("clip-title", head, text="gloss")
    with pytest.raises(CourseError, match=r"^Field 'text' gives captions with \d tokens that"):
        execute(run, pretrained=lambda _: teacher)


def test_the_number_of_unknown_tokens_counts_each_once(teacher) -> None:
    known = teacher["text_tower.vocabulary"]
    strange = [t for t in range(1, 400) if t not in set(known.tolist())][:2]
    texts = torch.tensor([[int(known[1]), strange[0], strange[0]], [strange[1], 0, 0]])
    with pytest.raises(CourseError, match="captions with 2 tokens"):
        pretrained_text_tower(teacher, texts)


# --- the language model


@pytest.fixture
def table(small, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Embeddings of the stand-in's names."""
    generator = np.random.default_rng(0)
    made = generator.normal(size=(len(small.concepts), 12)).astype(np.float32)
    monkeypatch.setattr(icontail, "text_embeddings", lambda: made)
    return made


def test_a_language_model_is_a_table_behind_a_head() -> None:
    table = torch.randn(6, 12, generator=torch.Generator().manual_seed(0))
    model = LanguageModel(table, 8)
    first, _, second = model.head
    numbers = torch.tensor([[3], [0], [3]])
    hidden = F.gelu(table[[3, 0, 3]] @ first.weight.T)
    torch.testing.assert_close(model(numbers), hidden @ second.weight.T)
    assert (first.bias, second.bias) == (None, None)
    assert {tuple(p.shape) for p in model.parameters()} == {(10, 12), (8, 10)}


def test_clip_behind_a_language_model(table: np.ndarray, tmp_path: Path) -> None:
    before = table.copy()
    run = small_run("clip-template", "language-model", text="name")
    outcome = execute(run, tmp_path)
    state = weights(tmp_path)
    hidden = F.gelu(torch.tensor(table[:CLASSES]) @ state["text_tower.head.0.weight"].T)
    expected = F.normalize(hidden @ state["text_tower.head.2.weight"].T, dim=1)
    prototypes = torch.from_numpy(outcome.arrays["prototypes"])
    torch.testing.assert_close(prototypes, expected, rtol=1e-4, atol=1e-5)
    assert np.array_equal(table, before)
    assert "text_tower.table" not in state
    assert outcome.history[-1]["loss"] < outcome.history[0]["loss"]


def test_each_picture_is_told_its_own_concepts_name(table: np.ndarray, tmp_path: Path) -> None:
    """With pictures of other concepts among them, which have names, but no class."""
    run = small_run("clip-template", "language-model", text="name", distractors=40)
    assert execute(run).per_class["predictions"].sum() == 6 * CLASSES


@pytest.mark.parametrize("text", ["template", "title", "name+title", "name|title", "gloss"])
def test_the_language_model_has_names_alone(table: np.ndarray, text: str) -> None:
    with pytest.raises(CourseError, match=r"^Field 'text' is .*; use text 'name' and"):
        small_run("clip-template", "language-model", text=text)


def test_a_classifier_cannot_read_the_language_model(table: np.ndarray) -> None:
    with pytest.raises(CourseError, match="'text_head' is 'language-model', which only CLIP"):
        small_run("sl", "language-model")


def test_an_unknown_head_is_refused() -> None:
    with pytest.raises(CourseError, match="There is no text head 'fixed'"):
        study.config("sl", text_head="fixed")


# --- the store


def test_the_store_trains_the_open_world_clip_once(store: Path, monkeypatch) -> None:
    trained = []

    def noting(run: RunConfig, *rest: object):
        trained.append(run.name)
        return execute(run, *rest)

    monkeypatch.setattr(store_module, "execute", noting)
    for name in ("sl", "clip-title"):
        for head in ("frozen", "initialised"):
            study.train_or_load(small_run(name, head))
            study.train_or_load(small_run(name, head))  # read
    study.train_or_load(small_run("sl", "frozen", seed=1))
    study.train_or_load(small_run("sl", "scratch"))
    assert trained.count("clip-open-world") == 1
    assert trained[0] == "clip-open-world"
    assert len(trained) == 1 + 4 + 2
    states = [(row["name"], row["state"]) for row in study.records()]
    assert states.count(("clip-open-world", "finished")) == 1


def test_with_the_store_and_without_it_the_same_is_learnt(store: Path) -> None:
    run = small_run("sl", "frozen", duration="3 steps")
    record, outcome = study.train_or_load(run), execute(run)
    assert record.metrics == pytest.approx(outcome.metrics, nan_ok=True)
    assert np.array_equal(record.arrays["predictions"], outcome.arrays["predictions"])


def test_a_teacher_whose_checkpoints_are_gone_is_named(store: Path) -> None:
    record = study.train_or_load(open_world_clip(small_run()))
    for path in (record.folder / "checkpoint").iterdir():
        path.unlink()
    with pytest.raises(CourseError, match=f"no checkpoint in {record.folder}"):
        study.train_or_load(small_run())


def test_a_teacher_is_no_part_of_its_students_costs(store: Path) -> None:
    """Every run's environment counts its own steps: 8 of these, whatever the teacher took."""
    record = study.train_or_load(small_run())
    assert record.environment["first_step"] == 0
    assert len(record.history) == 2
    assert record.history["step"].iloc[-1] == 8


@pytest.mark.parametrize("name", ["sl", "clip-template"])
def test_a_frozen_head_trains_in_parts_too(name: str, teacher, tmp_path: Path) -> None:
    run = small_run(name, batch_size=20, accumulate=2)
    execute(run, tmp_path, pretrained=lambda _: teacher)
    after = weights(tmp_path)
    own = {k for k in after if k.startswith("text_tower.") or k == "head.weight"}
    assert own
    if name == "clip-template":
        assert not differ({k: teacher[k] for k in own}, {k: after[k] for k in own})


@pytest.mark.parametrize(
    ("name", "fields", "sentence"),
    [
        (
            "clip-title",
            {"distractor_concepts": 2},
            "'distractor_concepts' is 2, which has no effect",
        ),
        ("clip-title", {"text_tower": "RN50"}, "no field of clip-title 'text_tower'"),
        ("clip-title", {"text_head": "language-model"}, "'text' is 'title'"),
        ("sl", {"distractors": 3}, "'distractors' is 3"),
        ("sl", {"sampling": "in-batch"}, "'vocabulary_group' is 32"),
        ("sl", {"text_head": "language-model"}, "which only CLIP can read"),
    ],
)
def test_what_does_not_go_together_is_refused_before_a_teacher_is_trained(
    store: Path, name: str, fields: dict, sentence: str
) -> None:
    with pytest.raises(CourseError, match=sentence):
        study.train_or_load(small_run(name, **fields))
    assert not list(store.glob("*/*/environment.json")), "nothing was trained"


def test_a_teacher_with_another_tower_is_refused(teacher) -> None:
    renamed = {k.replace("vocabulary", "token_embedding.bias"): v for k, v in teacher.items()}
    with pytest.raises(CourseError, match="not a 'small-transformer'"):
        pretrained_text_tower(renamed, tokens(["a"], 16))
