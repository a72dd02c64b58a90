"""Text towers with released weights, against open_clip's own; nothing is fetched.

The released CLIP of these tests is a tiny one with random weights, written to disk.
"""

import json
from collections.abc import Callable
from pathlib import Path

import open_clip
import pytest
import torch
import torch.nn.functional as F
from open_clip.model import convert_to_custom_text_state_dict
from open_clip.pretrained import _PRETRAINED
from safetensors.torch import save_file
from torch import Tensor, nn

from lt_course import study
from lt_course.data.batch import Batch
from lt_course.data.captions import prompts
from lt_course.data.tokenizer import tokens
from lt_course.errors import CourseError
from lt_course.models.image_encoders import SmallCNN
from lt_course.objectives.contrast import CLIP, CLIPConfig
from lt_course.study.execute import execute, weights
from lt_course.training import loop
from lt_course.training.options import Training
from lt_course.web import untrained
from lt_course.web.plan import plan
from lt_course.web.released import released_text
from lt_course.web.released.released_text import Frozen, released_text_tower

D = 16
TEXTS = ["a photo of a cat.", "dog", "an owl at night, with a long story to it"]
VISION = {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16}
TEXT = {"context_length": 77, "vocab_size": 49_408, "width": 16, "heads": 2, "layers": 2}


@pytest.fixture(scope="session", autouse=True)
def architectures(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("architectures")
    plain = {"embed_dim": D, "vision_cfg": VISION, "text_cfg": TEXT}
    known = {
        "tiny-clip": plain,
        "tiny-clip-quickgelu": plain | {"quick_gelu": True},
        "tiny-clip-deeper": plain | {"text_cfg": TEXT | {"layers": 3}},
        "tiny-clip-wider": plain | {"text_cfg": TEXT | {"width": 32}},
        "tiny-clip-8": plain | {"embed_dim": 8},
    }
    for name, config in known.items():
        (folder / f"{name}.json").write_text(json.dumps(config))
    open_clip.add_model_config(folder)


@pytest.fixture(scope="session")
def theirs(architectures: None) -> open_clip.CLIP:
    """Open_clip's own model, whose weights are far from where they start."""
    torch.manual_seed(3)
    model = open_clip.create_model("tiny-clip").eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape))
    return model


@pytest.fixture(scope="session")
def file(theirs: open_clip.CLIP, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("weights") / "tiny.pt"
    torch.save(theirs.state_dict(), path)
    return str(path)


def features(tower: nn.Module, context: int = 77) -> Tensor:
    with torch.no_grad():
        return tower(tokens(TEXTS, context))


def in_module(state: dict[str, Tensor]) -> dict[str, object]:
    """As open_clip's trainings save it."""
    return {"epoch": 3, "state_dict": {f"module.{key}": value for key, value in state.items()}}


# --- CLIP's towers -----------------------------------------------------------------------------


@pytest.mark.parametrize("context", [14, 77])
@pytest.mark.parametrize("frozen", [True, False])
def test_features_are_open_clips(theirs, file: str, context: int, frozen: bool) -> None:
    """A tower for shorter texts leaves out positions, and does not stretch them."""
    tower = released_text_tower("tiny-clip", file, context, D, frozen=frozen)
    with torch.no_grad():
        expected = theirs.encode_text(open_clip.SimpleTokenizer()(TEXTS))
    torch.testing.assert_close(features(tower, context), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.safetensors", lambda state, path: save_file(state, path)),
        ("a.pt", lambda state, path: torch.save(in_module(state), path)),
        ("a.bin", lambda state, path: torch.save(convert_to_custom_text_state_dict(state), path)),
        ("half", lambda state, path: torch.save({k: v.half() for k, v in state.items()}, path)),
    ],
)
def test_every_way_to_write_weights(
    theirs, file: str, tmp_path: Path, name: str, write: Callable
) -> None:
    state = {key: value.contiguous() for key, value in theirs.state_dict().items()}
    write(state, tmp_path / name)
    found = released_text_tower("tiny-clip", str(tmp_path / name), 77, D, frozen=True)
    expected = released_text_tower("tiny-clip", file, 77, D, frozen=True)
    assert all(value.dtype == torch.float32 for value in found.parameters())
    close = 0.05 if name == "half" else 0
    torch.testing.assert_close(features(found), features(expected), rtol=close, atol=close)


def test_the_activation_is_that_of_the_weights(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tags = {"quick": {"file": file, "quick_gelu": True}, "plain": {"file": file}}
    for name in ("tiny-clip", "tiny-clip-quickgelu"):
        monkeypatch.setitem(_PRETRAINED, name, tags)
    quick = open_clip.create_model("tiny-clip", pretrained=file, force_quick_gelu=True).eval()
    plain = open_clip.create_model("tiny-clip", pretrained=file).eval()
    ids = open_clip.SimpleTokenizer()(TEXTS)
    with torch.no_grad():
        quick_features, plain_features = quick.encode_text(ids), plain.encode_text(ids)
    assert not torch.allclose(quick_features, plain_features, rtol=5e-4, atol=5e-4)
    for name, source, expected in (
        ("tiny-clip", "quick", quick_features),
        ("tiny-clip-quickgelu", "quick", quick_features),
        ("tiny-clip", "plain", plain_features),
        ("tiny-clip-quickgelu", "plain", plain_features),
        ("tiny-clip", file, plain_features),
        ("tiny-clip-quickgelu", file, quick_features),
    ):
        found = features(released_text_tower(name, source, 77, D, frozen=True))
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "weights", "quick"),
    [
        ("RN50", "openai", True),
        ("ViT-B-32", "openai", True),
        ("ViT-B-32", "laion400m_e32", True),
        ("ViT-B-32", "laion2b_s34b_b79k", False),
        ("RN50", "epoch_32.pt", False),
        ("RN50-quickgelu", "epoch_32.pt", True),
    ],
)
def test_the_activation_of_known_weights(name: str, weights: str, quick: bool) -> None:
    """OpenAI's and LAION's first ones were trained with QuickGELU, under any name."""
    with torch.device("meta"):
        tower = released_text_tower(
            name, weights, 77, 1024 if name.startswith("RN") else 512, frozen=True, load=False
        )
    kinds = {type(module).__name__ for module in tower.modules()}
    assert ("QuickGELU" in kinds, "GELU" in kinds) == (quick, not quick)
    assert sum(p.numel() for p in tower.parameters()) in (63_690_240, 63_428_096)


def test_frozen_is_frozen(file: str) -> None:
    tower = released_text_tower("tiny-clip", file, 77, D, frozen=True).train()
    assert isinstance(tower, Frozen)
    assert not any(module.training for module in tower.modules())
    assert not any(parameter.requires_grad for parameter in tower.parameters())
    assert not tower(tokens(TEXTS, 77)).requires_grad
    learnt = released_text_tower("tiny-clip", file, 77, D, frozen=False).train()
    assert all(parameter.requires_grad for parameter in learnt.parameters())


def test_a_frozen_tower_makes_no_graph(file: str) -> None:
    """The image tower, the temperature and nothing else: with parts and without them."""
    batch = Batch(torch.randn(12, 1, 32, 32), torch.zeros(12, dtype=torch.long), tokens(
        [f"number {n}" for n in range(12)], 16
    ))  # fmt: skip
    found = []
    for parts in (1, 3):
        torch.manual_seed(0)
        tower = released_text_tower("tiny-clip", file, 16, D, frozen=True)
        image = nn.Sequential(nn.Flatten(), nn.Linear(1024, D))
        with torch.no_grad():
            image[1].weight.copy_(torch.linspace(-1, 1, 1024 * D).view(D, 1024).sin())
            image[1].bias.zero_()
        objective = CLIP(CLIPConfig(), image, tower).train()
        assert [r.requires_grad for r in objective.encode(batch)] == [True, False]
        options = Training(accumulate=parts, precision="float32")
        encoded = loop.encode(objective, batch, options)
        loss, _ = objective.loss(encoded, batch, torch.Generator())
        loss.backward()
        named = {k: p.grad for k, p in objective.named_parameters() if p.grad is not None}
        assert set(named) == {"image_tower.1.weight", "image_tower.1.bias", "temperature.log_scale"}
        found.append(named | {"loss": loss.detach()})
    for name, value in found[0].items():
        torch.testing.assert_close(found[1][name], value, rtol=1e-4, atol=1e-6)


# --- what is refused ---------------------------------------------------------------------------


def script(path: Path) -> None:
    torch.jit.script(nn.Linear(2, 2)).save(path)


@pytest.mark.parametrize(
    ("name", "embedding", "sentence"),
    [
        ("tiny-clip-deeper", D, r"'transformer.resblocks.2.attn.in_proj_bias' should be 48 and is "
         "absent; name the architecture"),
        ("tiny-clip-wider", D, r"not those of a 'tiny-clip-wider' .*: 'ln_final.bias' should be 32 "
         "and is 16"),
        ("tiny-clip-8", 8, "'text_projection' should be 16 x 8 and is 16 x 16"),
        ("tiny-clip-8", 16, "have 8 dimensions, but field 'embed_dim' is 16"),
        ("tiny-clap", 16, "is 'tiny-clap', which is neither"),
        ("roberta-ViT-B-32", 512, "whose text tower is not of CLIP's kind"),
        ("ViT-B-16-SigLIP", 768, "whose text tower is not of CLIP's kind"),
        ("coca_ViT-B-32", 512, "whose text tower is not of CLIP's kind"),
    ],
)  # fmt: skip
def test_weights_of_another_architecture(
    file: str, name: str, embedding: int, sentence: str
) -> None:
    with pytest.raises(CourseError, match=sentence):
        released_text_tower(name, file, 77, embedding, frozen=True)


def test_weights_of_a_deeper_tower_are_not_cut(tmp_path: Path) -> None:
    path = tmp_path / "deep.pt"
    torch.save(open_clip.create_model("tiny-clip-deeper").state_dict(), path)
    with pytest.raises(CourseError, match=r"resblocks.2.* should be absent and is 48"):
        released_text_tower("tiny-clip", str(path), 77, D, frozen=True)


@pytest.mark.parametrize(
    ("name", "write", "sentence"),
    [
        ("none.pt", lambda path: None, "names the file .*none.pt, which does not exist"),
        ("page.pt", lambda path: path.write_text("<html>"), "holds no tensors that could be read"),
        ("page.safetensors", lambda path: path.write_text("<html>"), "holds no tensors that could"),
        ("empty.pt", lambda path: path.touch(), "holds no tensors that could be read"),
        ("jit.pt", script, "archives are programs: take the tag 'openai'"),
        ("a.pt", lambda path: torch.save(torch.ones(3), path), "'ln_final.bias' .* is absent"),
        ("b.pt", lambda path: torch.save({"x": Path()}, path), "holds no tensors that could"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*torch.jit", "ignore:.*TorchScript")
def test_files_that_hold_no_weights(
    tmp_path: Path, name: str, write: Callable[[Path], object], sentence: str
) -> None:
    write(tmp_path / name)
    with pytest.raises(CourseError, match=sentence):
        released_text_tower("tiny-clip", str(tmp_path / name), 77, D, frozen=True)


def test_a_cut_file(file: str, tmp_path: Path) -> None:
    content = Path(file).read_bytes()
    (tmp_path / "cut.pt").write_bytes(content[: len(content) // 2])
    with pytest.raises(CourseError, match="holds no tensors that could be read"):
        released_text_tower("tiny-clip", str(tmp_path / "cut.pt"), 77, D, frozen=True)


@pytest.mark.parametrize("error", [OSError("no route\nto host"), RuntimeError("SHA256")])
def test_weights_that_cannot_be_fetched(monkeypatch: pytest.MonkeyPatch, error, tmp_path) -> None:
    def fail(described: dict) -> str:
        raise error

    monkeypatch.setattr(open_clip, "download_pretrained", fail)
    monkeypatch.setattr(released_text.pooch, "os_cache", lambda name: tmp_path)
    monkeypatch.setitem(_PRETRAINED, "tiny-clip", {"far": {"url": "https://example.org/far.pt"}})
    sentence = r"'far' of 'tiny-clip' could not be fetched \((no route|SHA256)\); connect to"
    with pytest.raises(CourseError, match=sentence):
        released_text_tower("tiny-clip", "far", 77, D, frozen=True)


SMALL = {
    "concepts": 5,
    "num_images": 100,
    "profile": "incaps",
    "batch_size": 25,
    "duration": "2 epochs",
}
RELEASED = {
    "frozen": {"text_head": "released"},
    "initialised": {"text_head": "released", "frozen": False},
}
WORDS = {"embed_dim": D, "context": 16}


def tiny(name: str = "clip-title", **settings: object) -> study.RunConfig:
    words = {"embed_dim": D} if name == "sl" else WORDS
    return study.config(name, scale="tiny", **SMALL | words | settings)


@pytest.mark.parametrize(
    ("name", "settings", "sentence"),
    [
        ("clip-title", {"text_weights": "openai"}, "no field of clip-title 'text_weights'"),
        ("clip-title", {"text_head": "open-world", "text_tower": "RN50", "embed_dim": 1024},
         "no field of clip-title 'text_tower'"),
        ("clip-title", {"text_weights": "openai", "text_head": "released"},
         "a table of classes, which field 'text_weights' names, reads no text"),
        ("clip-title", {"text_weights": "openia", "text_head": "released", "text_tower": "RN50",
         "embed_dim": 1024}, "no tag that open_clip has for 'RN50'; it has openai, yfcc15m, cc12m"),
        ("clip-title", {"text_weights": "openai", "text_head": "released", "text_tower": "RN50"},
         "have 1024 dimensions, but field 'embed_dim' is 16"),
        ("sl", {"text_weights": "openai", "text_head": "released", "text_tower": "ViT-B-32"},
         "have 512 dimensions, but field 'embed_dim' is 16"),
    ],
)  # fmt: skip
def test_fields_that_do_not_go_together(small, name: str, settings: dict, sentence: str) -> None:
    with pytest.raises(CourseError, match=sentence):
        execute(tiny(name, **settings))


# --- whole runs --------------------------------------------------------------------------------


def never(run: study.RunConfig) -> dict:
    raise AssertionError("no CLIP of the course's own is needed")


def text_of(state: dict[str, Tensor]) -> dict[str, Tensor]:
    plain = {k.removeprefix("text_tower."): v for k, v in state.items() if "text_tower." in k}
    return {key.removeprefix("tower."): value for key, value in plain.items()}


@pytest.mark.parametrize("head", ["frozen", "initialised"])
def test_clip_with_a_released_text_tower(
    small, theirs, file: str, tmp_path: Path, head: str
) -> None:
    """Only the text tower is taken; frozen it stays as it is, and otherwise all of it moves."""
    run = tiny(text_tower="tiny-clip", text_weights=file, **RELEASED[head])
    outcome = execute(run, tmp_path, pretrained=never)
    after = weights(tmp_path)
    before = convert_to_custom_text_state_dict(theirs.state_dict())
    moved = set()
    for name, value in text_of(dict(after)).items():
        start = before[f"text.{name}"]
        if not torch.equal(value, start[: len(value)] if name == "positional_embedding" else start):
            moved.add(name)
    assert moved == (set() if head == "frozen" else set(text_of(dict(after))))
    assert float(after["temperature.log_scale"]) != float(before["logit_scale"])
    assert outcome.history[-1]["loss"] < outcome.history[0]["loss"] or head == "initialised"
    assert outcome.per_class["predictions"].sum() == 6 * 5


def test_the_image_tower_starts_as_from_scratch(small, file: str, tmp_path: Path) -> None:
    still = {"learning_rate": 0.0, "duration": "1 step"}
    execute(tiny(**still), tmp_path / "scratch")
    released = {"text_head": "released", "text_tower": "tiny-clip", "text_weights": file}
    execute(tiny(**still, **released), tmp_path / "frozen")
    starts = [weights(tmp_path / name) for name in ("scratch", "frozen")]
    name = "image_tower.layers.0.0.weight"
    assert torch.equal(starts[0][name], starts[1][name])


def test_a_classifiers_prototypes_are_what_the_tower_makes_of_templates(
    small, theirs, file: str
) -> None:
    with torch.no_grad():
        expected = torch.stack([
            F.normalize(
                theirs.encode_text(open_clip.SimpleTokenizer()(prompts(c.name)), normalize=True)
                .mean(0), dim=0
            )
            for c in small.concepts[:5]
        ])  # fmt: skip
    for head, moves in (("frozen", False), ("initialised", True)):
        run = tiny("sl", text_tower="tiny-clip", text_weights=file, **RELEASED[head])
        found = torch.from_numpy(execute(run, pretrained=never).arrays["prototypes"])
        assert torch.allclose(found, expected, rtol=1e-3, atol=1e-4) != moves


def test_a_stopped_run_goes_on_to_the_same_end(small, file: str, tmp_path: Path) -> None:
    run = tiny(
        text_head="released", text_tower="tiny-clip", text_weights=file, checkpoint_every="2 steps"
    )
    execute(run, tmp_path / "whole")

    def stop(step: int) -> None:
        if step == 5:
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        execute(run, tmp_path / "parts", stop)
    execute(run, tmp_path / "parts")
    before, after = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert all(torch.equal(after[name], before[name]) for name in before)


# --- specification and plan --------------------------------------------------------------------


def test_the_default_moves_no_address() -> None:
    run = study.config("clip-title", scale="tiny", text_head="open-world")
    assert run.address == study.override(run, frozen=True).address
    assert run.address != study.override(run, frozen=False).address
    released = {"text_head": "released", "text_tower": "RN50"}
    assert run.address != study.override(run, **released).address


@pytest.mark.parametrize("head", ["frozen", "initialised"])
def test_the_planned_tower_is_the_one_that_is_trained(
    small, file: str, tmp_path: Path, head: str
) -> None:
    run = tiny(text_tower="tiny-clip", text_weights=file, duration="1 step", **RELEASED[head])
    execute(run, tmp_path)
    with torch.device("meta"):
        planned = untrained.builder(run)()
    shapes = {key: value.shape for key, value in planned.state_dict().items()}
    assert shapes == {key: value.shape for key, value in weights(tmp_path).items()}


def test_plan_needs_no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """RN50 with OpenAI's text tower: as many numbers as ever, those of the text not adapted."""

    def refuse(*arguments: object) -> str:
        raise AssertionError("nothing is fetched")

    monkeypatch.setattr(open_clip, "download_pretrained", refuse)
    made = {}
    for head in ("initialised", "frozen"):
        run = study.config(
            "clip-full", scale="full", context=77, text_weights="openai", **RELEASED[head]
        )
        made[head] = plan(run, "a100", 8)
        assert made[head].parameters == 102_007_137
        assert not any("another training" in said for said in made[head].assumptions())
    image = 102_007_137 - 63_690_240
    assert made["initialised"].memory.optimizer == pytest.approx(8 * 102_007_137, rel=1e-4)
    assert made["frozen"].memory.optimizer == pytest.approx(8 * image, rel=1e-4)
    assert made["frozen"].memory.gradients == 4 * image
    loss = 8 * 3 * 2 * 1_024 * 1_024  # each of 8 processes compares a picture with 1,024 texts
    assert made["initialised"].flops - loss == pytest.approx(54.5e9, abs=0.05e9)
    assert made["frozen"].forward_flops == made["initialised"].forward_flops
    saved = made["initialised"].memory.activations - made["frozen"].memory.activations
    assert saved > 3 * 2**30, "the text's activations are a large part of a step"


def test_an_image_tower_is_no_part_of_it(file: str) -> None:
    """A CLIP of the course's small image tower takes a released text tower as well."""
    tower = released_text_tower("tiny-clip", file, 16, D, frozen=True)
    assert not any("visual" in name for name in tower.state_dict())
    both = CLIP(CLIPConfig(), SmallCNN(D), tower)
    image, text = both.encode(
        Batch(torch.randn(3, 1, 32, 32), torch.zeros(3, dtype=torch.long), tokens(TEXTS, 16))
    )
    assert image.shape == text.shape == (3, D)
