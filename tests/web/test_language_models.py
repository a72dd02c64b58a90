"""Language models as text towers, against transformers and open_clip; nothing is fetched.

They are tiny ones with random weights and a tokenizer made here, written to disk as any is.
"""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from open_clip.model import CustomTextCLIP
from open_clip.tokenizer import HFTokenizer
from shard_files import image, write_tar
from torch import Tensor

from lt_course import study
from lt_course.data import tokenizer as tokens_module
from lt_course.data.imagenet import imagenet_classes
from lt_course.data.tokenizer import CLIP_TOKENIZER, tokenizer, tokens
from lt_course.errors import CourseError
from lt_course.study.execute import execute, weights
from lt_course.web import untrained
from lt_course.web.plan import plan
from lt_course.web.released.released_text import LANGUAGE_MODELS, LanguageTower, language_tower
from lt_course.web.shards import shard_index
from lt_course.web.shards.shard_pairs import class_prompts
from lt_course.web.shards.shard_scan import Fields

transformers = pytest.importorskip("transformers")
from tokenizers import Tokenizer, models, pre_tokenizers, processors  # noqa: E402

WORDS = "a an photo of the thing 0 1 2 3 4 5 6 7 kind odd even pair cat owl , . word".split()
TEXTS = ["a photo of the cat.", "owl", "", "the thing 3 , an odd   owl of the kind\nthing &amp; "]
WIDTH, D = 16, 12
FAMILIES = {  # start, padding, end, unknown
    "roberta": ("<s>", "<pad>", "</s>", "<unk>"),
    "bert": ("[CLS]", "[PAD]", "[SEP]", "[UNK]"),
}


def folder_of(family: str, folder: Path) -> str:
    """A language model of that family, as `save_pretrained` writes it."""
    start, padding, end, unknown = FAMILIES[family]
    # BERT's padding is 0, RoBERTa's is 1.
    special = [start, padding, end] if family == "roberta" else [padding, start, end]
    vocabulary = {word: n for n, word in enumerate([*special, unknown, *WORDS])}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token=unknown))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}", special_tokens=[(t, vocabulary[t]) for t in (start, end)]
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token=start, cls_token=start, eos_token=end, sep_token=end,
        pad_token=padding, unk_token=unknown, model_max_length=30,
    ).save_pretrained(folder)  # fmt: skip
    shape = {
        "vocab_size": len(vocabulary), "hidden_size": WIDTH, "num_hidden_layers": 2,
        "num_attention_heads": 2, "intermediate_size": 24, "max_position_embeddings": 40,
        "pad_token_id": vocabulary[padding], "bos_token_id": vocabulary[start],
        "eos_token_id": vocabulary[end],
    }  # fmt: skip
    torch.manual_seed(1)
    config = transformers.AutoConfig.for_model(family, **shape)
    model = transformers.AutoModel.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape))
    model.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session", params=FAMILIES)
def model(request, tmp_path_factory: pytest.TempPathFactory) -> str:
    return folder_of(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="session")
def roberta(tmp_path_factory: pytest.TempPathFactory) -> str:
    return folder_of("roberta", tmp_path_factory.mktemp("one"))


@pytest.fixture
def without_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    tokenizer.cache_clear()
    yield
    tokenizer.cache_clear()


# --- tokens ------------------------------------------------------------------------------------


@pytest.mark.parametrize("context", [5, 20])
def test_tokens_are_open_clips(model: str, context: int) -> None:
    """Start and end are there however short the text is cut, and padding is the model's own."""
    expected = HFTokenizer(model)(TEXTS, context_length=context)
    assert torch.equal(tokens(TEXTS, context, model), expected)
    padding = 1 if "roberta" in model else 0
    assert tokenizer(model).padding == padding
    assert (expected[1] == padding).sum() == context - 3


def test_clips_tokens_are_what_they_were() -> None:
    from open_clip import SimpleTokenizer

    assert torch.equal(tokens(TEXTS, 77), SimpleTokenizer()(TEXTS))
    assert tokens([], 9).shape == (0, 9)
    assert tokenizer(CLIP_TOKENIZER) is tokenizer(CLIP_TOKENIZER)


def test_class_prompts_by_another_tokenizer(roberta: str) -> None:
    classes = list(imagenet_classes().values())[:2]
    found = class_prompts(classes, 20, roberta)
    assert found.shape == (2, 80, 20)
    assert (found[..., 0] == tokenizer(roberta).start).all()


def test_an_index_tells_tokenizers_apart(model: str, tmp_path: Path) -> None:
    said = [text for text in TEXTS if text]
    samples = [
        (f"{n}.{field}", content)
        for n, text in enumerate(said)
        for field, content in (("jpg", image(n)), ("txt", text.encode()))
    ]
    write_tar(tmp_path / "0.tar", samples)
    for name in (CLIP_TOKENIZER, model, CLIP_TOKENIZER):
        index = shard_index.load(
            tmp_path / "0.tar", Fields(tokenizer=name), folder=tmp_path / "cache"
        )
        plain = [" ".join(text.split()) for text in said]
        for context in (6, 20):
            assert torch.equal(index.tokens(range(3), context), tokens(plain, context, name))
    assert len(list((tmp_path / "cache").glob("*.npz"))) == 2


def test_an_index_keeps_sixteen_bits(
    roberta: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dataclasses

    large = dataclasses.replace(tokenizer(roberta), vocabulary=250_002)
    monkeypatch.setattr("lt_course.web.shards.shard_scan.tokenizer", lambda name: large)
    write_tar(tmp_path / "0.tar", [("0.jpg", image(0)), ("0.txt", b"owl")])
    with pytest.raises(CourseError, match=r"knows 250,002 tokens, but an index keeps 16 bits"):
        shard_index.load(tmp_path / "0.tar", Fields(tokenizer=roberta), folder=tmp_path / "cache")


# --- the tower ---------------------------------------------------------------------------------


def test_features_by_hand(model: str) -> None:
    """The mean of the last layer's tokens, padding left out, through the MLP."""
    tower = language_tower(model, D)
    body = transformers.AutoModel.from_pretrained(model).eval()
    first, _, second = tower.encoder.proj
    assert (first.bias, second.bias) == (None, None)
    assert (first.weight.shape, second.weight.shape) == ((14, WIDTH), (D, 14))
    for text in TEXTS:
        alone = HFTokenizer(model).tokenizer(HFTokenizer(model).clean_fn(text), return_tensors="pt")
        with torch.no_grad():
            hidden = body(input_ids=alone.input_ids).last_hidden_state[0].mean(0)
            expected = second(F.gelu(first(hidden)))
            found = tower(tokens([text, TEXTS[3]], 20, model))[0]
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_features_are_open_clips(model: str) -> None:
    """As its configuration roberta-ViT-B-32 pairs them, and the study's roberta-RN50."""
    theirs = CustomTextCLIP(
        D,
        {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
        {"hf_model_name": model, "hf_pooler_type": "mean_pooler"},
    ).eval()
    tower = language_tower(model, D).eval()
    tower.encoder.proj.load_state_dict(theirs.text.proj.state_dict())
    ids = tokens(TEXTS, 20, model)
    with torch.no_grad():
        torch.testing.assert_close(tower(ids), theirs.encode_text(ids), rtol=1e-4, atol=1e-5)
    own, others = (sum(p.numel() for p in m.parameters()) for m in (tower, theirs.text))
    assert own == others


def test_the_body_is_frozen_and_without_dropout(model: str) -> None:
    tower = language_tower(model, D).train()
    assert not any(module.training for module in tower.encoder.transformer.modules())
    assert tower.encoder.proj.training
    learnt = {name for name, p in tower.named_parameters() if p.requires_grad}
    assert learnt == {"encoder.proj.0.weight", "encoder.proj.2.weight"}
    ids = tokens(TEXTS, 20, model)
    features = tower(ids)
    assert torch.equal(features, tower(ids))
    features.sum().backward()
    assert all(p.grad is None for p in tower.encoder.transformer.parameters())
    assert all(p.grad is not None for p in tower.encoder.proj.parameters())


# --- whole runs --------------------------------------------------------------------------------

SMALL = {
    "concepts": 5, "num_images": 100, "profile": "incaps", "batch_size": 25, "duration": "2 epochs",
    "embed_dim": D, "text_head": "language-model",
}  # fmt: skip


def tiny(name: str = "clip-title", **settings: object) -> study.RunConfig:
    return study.config(name, scale="tiny", **SMALL | settings)


def body_of(state: dict[str, Tensor]) -> dict[str, Tensor]:
    prefix = "text_tower.encoder.transformer."
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


@pytest.mark.parametrize("text", ["title", "template", "name", "title+tags"])
def test_clip_on_any_captions(small, model: str, tmp_path: Path, text: str) -> None:
    run = tiny(text=text, text_weights=model, duration="3 epochs")
    outcome = execute(run, tmp_path)
    body = transformers.AutoModel.from_pretrained(model, add_pooling_layer=False).state_dict()
    after = body_of(dict(weights(tmp_path)))
    assert after.keys() == body.keys()
    assert all(torch.equal(after[name], body[name]) for name in body)
    assert outcome.history[-1]["loss"] < outcome.history[0]["loss"]
    assert np.isfinite(outcome.arrays["prototypes"]).all()


def test_in_parts_and_resumed(small, roberta: str, tmp_path: Path) -> None:
    run = tiny(text_weights=roberta, batch_size=20, accumulate=2, checkpoint_every="2 steps")
    execute(run, tmp_path / "whole")

    def stop(step: int) -> None:
        if step == 5:
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        execute(run, tmp_path / "parts", stop)
    execute(run, tmp_path / "parts")
    before, after = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert all(torch.equal(after[name], before[name]) for name in before)


# --- plans -------------------------------------------------------------------------------------


def test_the_planned_model_is_the_one_that_is_trained(small, model: str, tmp_path: Path) -> None:
    run = tiny(text_weights=model, duration="1 step")
    execute(run, tmp_path)
    with torch.device("meta"):
        planned = untrained.builder(run)()
    shapes = {key: value.shape for key, value in planned.state_dict().items()}
    assert shapes == {key: value.shape for key, value in weights(tmp_path).items()}
    made = plan(run, "t4")
    learnt = sum(p.numel() for p in planned.parameters() if p.requires_grad)
    assert made.memory.gradients == 4 * learnt
    assert made.parameters == sum(p.numel() for p in planned.parameters())


@pytest.mark.parametrize(
    ("name", "body", "head"),
    [
        ("roberta-base", 124_055_040, 768 * 896 + 896 * 1024),
        ("sentence-transformers/all-MiniLM-L6-v2", 22_565_376, 384 * 704 + 704 * 1024),
    ],
)
def test_known_models_are_planned_before_they_are_fetched(
    name: str, body: int, head: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert name in LANGUAGE_MODELS
    run = study.config(
        "clip-full", scale="full", context=77, text_head="language-model", text_weights=name
    )
    made = plan(run, "a100", 8)
    image = 102_007_137 - 63_690_240
    assert made.parameters == image + body + head
    assert made.memory.gradients == 4 * (image + head)
    assert made.memory.optimizer == pytest.approx(8 * (image + head), rel=1e-4)


# --- what is refused ---------------------------------------------------------------------------


def test_without_transformers(small, without_transformers: None) -> None:
    sentence = r"needs the package transformers, which is not installed; run `pip install 'transf"
    with pytest.raises(CourseError, match=sentence):
        tokens(["a"], 9, "roberta-base")
    with pytest.raises(CourseError, match=sentence):
        language_tower("roberta-base", D)
    with pytest.raises(CourseError, match=sentence):
        execute(tiny(text_weights="roberta-base"))
    assert tokens(["a"], 9).shape == (1, 9), "CLIP's need nothing more"


def test_what_is_no_language_model(tmp_path: Path, roberta: str) -> None:
    (tmp_path / "empty").mkdir()
    for name in (str(tmp_path / "empty"), str(tmp_path / "none")):
        with pytest.raises(CourseError, match=r"not at hand \(.*\); give the name of a model"):
            language_tower(name, D)
        with pytest.raises(CourseError, match=r"tokenizer of the language model .* is not at hand"):
            tokens(["a"], 9, name)
    unnamed = "nobody/has-made-this"
    with pytest.raises(CourseError, match=r"'nobody/has-made-this' \(field .*\) is not at hand"):
        language_tower(unnamed, D, load=False)
    transformers.AutoConfig.for_model("gpt2").save_pretrained(tmp_path / "gpt2")
    with pytest.raises(CourseError, match="is a 'gpt2'; take one of the architectures bert, rob"):
        language_tower(str(tmp_path / "gpt2"), D)
    weightless = tmp_path / "weightless"
    weightless.mkdir()
    (weightless / "config.json").write_bytes((Path(roberta) / "config.json").read_bytes())
    with pytest.raises(CourseError, match="not at hand"):
        language_tower(str(weightless), D)
    assert isinstance(language_tower(str(weightless), D, load=False), LanguageTower)


def test_a_tokenizer_that_puts_nothing_around_a_text(tmp_path: Path) -> None:
    made = Tokenizer(models.WordLevel({"a": 0, "<unk>": 1}, unk_token="<unk>"))
    transformers.PreTrainedTokenizerFast(tokenizer_object=made).save_pretrained(tmp_path)
    with pytest.raises(CourseError, match="puts 0 ids around a text, and not one before"):
        tokenizer(str(tmp_path))


def test_a_classifier_reads_no_language_model(small, roberta: str) -> None:
    with pytest.raises(CourseError, match="which only CLIP can read"):
        tiny("sl", text_weights=roberta)


def test_words_are_forgotten_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens_module, "REMEMBERED_WORDS", 5)
    before = [tokenizer().encode(f"seldom{n} said") for n in range(8)]
    assert before == [tokenizer().encode(f"seldom{n} said") for n in range(8)]
    assert len(tokens_module._open_clips().cache) < 12
