"""What the page with a CLIP in it loads, read by numpy alone, gives the reference values."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import erf

from lt_course.data import icontail
from tools import build_clip_in_the_page as builder

Array = NDArray[np.float64]

TEXT = builder.WEIGHTS.read_text()
CONTENT = json.loads(TEXT.removeprefix("window.clipInThePage = ").removesuffix(";\n"))
REFERENCE = json.loads(builder.REFERENCE.read_text())
STATIC = builder.WEIGHTS.parent


def tensors() -> dict[str, Array]:
    halves = np.frombuffer(base64.b64decode(CONTENT["weights"]), np.float16).astype(np.float64)
    found, start = {}, 0
    for name, shape in CONTENT["layout"].items():
        found[name] = halves[start : start + np.prod(shape)].reshape(shape)
        start += int(np.prod(shape))
    assert start == len(halves)
    return found


W = tensors()


def unit(x: Array) -> Array:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def image_features(name: str, ink: Array) -> Array:
    x = 2 * ink[None]
    for number, stride in enumerate((2, 2, 1, 2, 1)):
        weight = W[f"{name}.{number}.weight"]
        size = weight.shape[-1]
        around = np.pad(x, ((0, 0), (size // 2,) * 2, (size // 2,) * 2))
        windows = np.lib.stride_tricks.sliding_window_view(around, (size, size), (1, 2))
        y = np.einsum("cijkl,ockl->oij", windows[:, ::stride, ::stride], weight)
        x = np.maximum(y + W[f"{name}.{number}.bias"][:, None, None], 0)
    quarters = x.reshape(len(x), 2, 2, 2, 2).max((2, 4))
    return unit(W[f"{name}.linear.weight"] @ quarters.ravel())


def norm(x: Array, name: str) -> Array:
    centered = x - x.mean(-1, keepdims=True)
    scaled = centered / np.sqrt((centered**2).mean(-1, keepdims=True) + 1e-5)
    return scaled * W[f"{name}.weight"] + W[f"{name}.bias"]


def layer(x: Array, name: str) -> Array:
    return x @ W[f"{name}.weight"].T + W[f"{name}.bias"]


def text_features(caption: str) -> Array:
    rows = [row for word in builder.split(caption) for row in CONTENT["words"][word][0]]
    start, end = CONTENT["ends"]
    x = W["text.token_embedding.weight"][[start, *rows, end]]
    x = x + W["text.positions"][: len(x)]
    hidden = np.triu(np.full((len(x), len(x)), -np.inf), 1)
    for number in range(2):
        block = f"text.blocks.{number}"
        parts = layer(norm(x, f"{block}.norm_attention"), f"{block}.queries_keys_values")
        q, k, v = parts.reshape(len(x), 3, 2, 32).transpose(1, 2, 0, 3)
        logits = q @ k.transpose(0, 2, 1) / np.sqrt(32) + hidden
        share = np.exp(logits - logits.max(-1, keepdims=True))
        share /= share.sum(-1, keepdims=True)
        x = x + layer((share @ v).transpose(1, 0, 2).reshape(len(x), 64), f"{block}.mix")
        wide = layer(norm(x, f"{block}.norm_mlp"), f"{block}.mlp.0")
        x = x + layer(wide * (1 + erf(wide / np.sqrt(2))) / 2, f"{block}.mlp.2")
    return unit(norm(x[-1], "text.norm") @ W["text.projection.weight"].T)


@pytest.fixture(scope="module")
def pictures() -> list[Array]:
    levels = np.frombuffer(base64.b64decode(CONTENT["pixels"]), np.uint8)
    ink = 1 - np.stack([levels >> 4, levels & 15], 1).reshape(-1, 32, 32) / 15
    drawn = [builder.rasterize(CONTENT["examples"][name]) for name in REFERENCE["examples"]]
    return [*ink[REFERENCE["drawings"]], *drawn]


def test_numpy_and_the_reference_agree(pictures: list[Array]) -> None:
    read = np.stack([text_features(caption) for caption in REFERENCE["captions"]])
    asked = np.stack([text_features(concept["prompt"]) for concept in CONTENT["concepts"]])
    vectors = {"sl": unit(W["sl.head"]), "clip": asked}
    images = {name: np.stack([image_features(name, p) for p in pictures]) for name in vectors}
    np.testing.assert_allclose(images["clip"] @ read.T, REFERENCE["similarities"], atol=1e-4)
    for name, wanted in REFERENCE["logits"].items():
        found = CONTENT["scales"][name] * images[name] @ vectors[name].T
        np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_what_is_loaded_is_small() -> None:
    assert builder.WEIGHTS.stat().st_size <= 1_500_000
    for name in ("model.js", "page.js"):
        assert len((STATIC / name).read_text().splitlines()) < 400


def test_nothing_is_asked_of_another_host() -> None:
    for path in STATIC.iterdir():
        assert not re.search(r"https?:|fetch\(|XMLHttp|WebSocket|import\(", path.read_text()), path


def test_drawings_are_test_drawings_with_their_authors(pictures: list[Array]) -> None:
    data = icontail.load()
    tests = {data.pictures[i].tobytes() for i in np.flatnonzero(data.test)}
    for ink in pictures[: len(REFERENCE["drawings"])]:
        assert np.round(255 * (1 - ink)).astype(np.uint8).tobytes() in tests
    known = {s.prefix: [s.name, s.author, s.licence] for s in data.sets}
    for drawing in CONTENT["drawings"]:
        assert CONTENT["sets"][drawing["set"]] == known[drawing["set"]]
    frequency = [CONTENT["concepts"][d["concept"]]["frequency"] for d in CONTENT["drawings"]]
    assert frequency == sorted(frequency, reverse=True)
    assert len({d["concept"] for d in CONTENT["drawings"]}) == len(CONTENT["concepts"]) == 60


@pytest.mark.parametrize("text", ["broken heart", "it's 24 lock-open!", "Trash"])
def test_words_are_taken_apart_as_by_the_tokenizer(text: str) -> None:
    encode: Any = builder.tokenizer().encode
    assert [t for piece in builder.split(text) for t in encode(piece)] == encode(text)


def test_a_pen_is_even_and_the_drawing_centered() -> None:
    ink = builder.rasterize([[(0, 0), (10, 0)]])
    assert ink.sum(0).max() == pytest.approx(builder.PEN, abs=0.51)
    np.testing.assert_allclose(ink, ink[::-1, ::-1], atol=1e-9)
    np.testing.assert_array_equal(ink, builder.rasterize([[(5, 7), (505, 7)]]))
    assert builder.rasterize([[(3, 3)]]).sum() > 0


def test_the_page_is_in_the_book() -> None:
    page = Path(builder.ROOT / "book" / "clip_in_the_page.md").read_text()
    ids = set(re.findall(r'id="clip-([\w-]+)"', page))
    script = (STATIC / "page.js").read_text()
    assert set(re.findall(r'\bat\("([\w-]+)"\)', script)) <= ids
