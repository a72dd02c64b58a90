"""Train the two models of the page with a CLIP in it, and write what the page loads.

    LT_SCALE=tiny python -m tools.build_clip_in_the_page

``book/_static/clip/weights.js`` holds a classifier and a CLIP on titles with 22 channels in place
of 32, so that both fit into 1.5 MB; otherwise they are the runs ``sl`` and ``clip-title`` of the
first lesson. Batch norm is folded into the convolutions, and the weights are rounded to half
precision. ``tests/clip_in_the_page.json`` holds what PyTorch computes from the rounded weights.
"""

from __future__ import annotations

import base64
import json
import math
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from lt_course.data import icontail
from lt_course.data.augment import standardize
from lt_course.data.captions import usual_name
from lt_course.data.tokenizer import tokenizer, tokens
from lt_course.errors import CourseError
from lt_course.models.image_encoders import SMALL
from lt_course.models.text_encoders import SmallTransformer
from lt_course.study import RunResult, config, train_or_load
from lt_course.study.execute import training_set, weights

ROOT = Path(__file__).resolve().parents[1]
WEIGHTS = ROOT / "book" / "_static" / "clip" / "weights.js"
REFERENCE = ROOT / "tests" / "clip_in_the_page.json"

TOWER, CHANNELS = "small-cnn-22", 22
RUNS = {"sl": "sl", "clip": "clip-title"}
STRIDES, LINEAR, VOCABULARY = (2, 2, 1, 2, 1), "layers.7.weight", "text_tower.vocabulary"
PEN, LONGER_SIDE = 2.5, 28
"""Pixels: width of a pen's line, and of what is drawn, as in the data set."""

CIRCLE = [(50 + 45 * math.cos(t / 20 * math.tau), 50 + 45 * math.sin(t / 20 * math.tau))
          for t in range(21)]  # fmt: skip
EXAMPLES: dict[str, list[list[tuple[float, float]]]] = {
    "envelope": [[(5, 20), (95, 20), (95, 80), (5, 80), (5, 20), (50, 55), (95, 20)]],
    "house": [[(5, 50), (50, 8), (95, 50)], [(18, 40), (18, 92), (82, 92), (82, 40)],
              [(42, 92), (42, 62), (58, 62), (58, 92)]],
    "flag": [[(20, 95), (20, 5), (85, 28), (20, 52)]],
    "clock": [CIRCLE, [(50, 20), (50, 50), (70, 62)]],
    "bar chart": [[(5, 5), (5, 95), (95, 95)], [(25, 95), (25, 60)], [(50, 95), (50, 25)],
                  [(75, 95), (75, 45)]],
}  # fmt: skip
"""Drawn by hand for the page: strokes, each a list of points (x, y)."""

CAPTIONS = ["envelope", "broken heart", "a key", "light bulb off", "chart"]


def rasterize(strokes: list[list[tuple[float, float]]]) -> NDArray[np.float64]:
    """Strokes as ink 0 … 1, float [32, 32]: scaled to 28 pixels, centred, with an even pen."""
    points = np.concatenate([np.asarray(stroke, dtype=float) for stroke in strokes])
    low, high = points.min(0), points.max(0)
    scale = (LONGER_SIDE - PEN) / max(float((high - low).max()), 1e-9)
    y, x = np.mgrid[: icontail.SIDE, : icontail.SIDE] + 0.5
    nearest = np.full(x.shape, np.inf)
    for stroke in strokes:
        at = (np.asarray(stroke, dtype=float) - (low + high) / 2) * scale + icontail.SIDE / 2
        for (ax, ay), (bx, by) in zip(at, at[1:] if len(at) > 1 else at, strict=False):
            length = (bx - ax) ** 2 + (by - ay) ** 2
            along = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / max(length, 1e-9)
            t = np.clip(along, 0, 1)
            nearest = np.minimum(nearest, np.hypot(x - ax - t * (bx - ax), y - ay - t * (by - ay)))
    return np.clip(PEN / 2 + 0.5 - nearest, 0, 1)


def folded(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """An image tower's convolutions with their batch norm in them, and its linear layer."""
    found = {}
    for number in range(len(STRIDES)):
        name = f"image_tower.layers.{number}"
        norm = {k: state[f"{name}.1.{k}"] for k in ("weight", "bias", "running_mean")}
        scale = norm["weight"] / (state[f"{name}.1.running_var"] + 1e-5).sqrt()
        found[f"{number}.weight"] = state[f"{name}.0.weight"] * scale[:, None, None, None]
        found[f"{number}.bias"] = norm["bias"] - norm["running_mean"] * scale
    return found | {"linear.weight": state[f"image_tower.{LINEAR}"]}


def image_features(tower: Mapping[str, Tensor], pictures: Tensor) -> Tensor:
    """Normalised features [B, D] of standardised pictures [B, 1, 32, 32]."""
    x = pictures
    for number, stride in enumerate(STRIDES):
        weight, bias = tower[f"{number}.weight"], tower[f"{number}.bias"]
        x = F.relu(F.conv2d(x, weight, bias, stride, weight.shape[-1] // 2))
    return F.normalize(F.adaptive_max_pool2d(x, 2).flatten(1) @ tower["linear.weight"].T, dim=1)


def words(titles: list[str], known: list[int]) -> dict[str, list[Any]]:
    """What the text tower can read: each word with its rows of the table, and how often it is read.

    A word is known if it was in a caption.
    """
    encode, row = tokenizer().encode, {token: i for i, token in enumerate(known)}
    pieces = Counter(piece for title in titles for piece in set(split(title)))
    return {p: [[row[t] for t in encode(p)], pieces[p]] for p in sorted(pieces)}


@cache
def pattern() -> Any:
    """What the byte-pair encoding takes for a word."""
    from open_clip.tokenizer import SimpleTokenizer

    return SimpleTokenizer().pat


def split(text: str) -> list[str]:
    """A caption's words, as the byte-pair encoding takes them apart."""
    return list(pattern().findall(text.lower()))


def half(parts: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors rounded to half precision, in float32."""
    return {name: tensor.half().float() for name, tensor in parts.items()}


def four_bits(pictures: NDArray[np.uint8]) -> str:
    """Drawings of sixteen grey levels in base64, two pixels a byte."""
    levels = pictures.reshape(-1, 2) // 17
    return base64.b64encode((levels[:, 0] << 4 | levels[:, 1]).tobytes()).decode()


def described(result: RunResult) -> dict[str, Any]:
    """What the page says of a run."""
    named = ("accuracy", "spearman_accuracy", "spearman_predictions")
    return {"address": result.run.address} | {k: round(result.metrics[k], 3) for k in named}


def rounded_weights(states: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """All that the page computes with, by name."""
    text = {
        name.replace("_tower", ""): tensor
        for name, tensor in states["clip"].items()
        if name.startswith("text_tower.") and name != VOCABULARY
    }
    images = {f"{n}.{k}": tensor for n in RUNS for k, tensor in folded(states[n]).items()}
    return half(images | text | {"sl.head": states["sl"]["head.weight"]})


def part(parts: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """Those whose name begins so, without that beginning."""
    return {k.removeprefix(name): t for k, t in parts.items() if k.startswith(name)}


def shown_drawings(tests: NDArray[np.int64], frequency: NDArray[np.int64]) -> NDArray[np.int64]:
    """A test drawing of each concept, drawn by lot, frequent concepts first."""
    concept = icontail.load().concept
    lot = np.random.default_rng(0).permutation(tests)
    first = lot[np.unique(concept[lot], return_index=True)[1]]
    return first[np.argsort(-frequency, kind="stable")]


def content(
    results: Mapping[str, RunResult],
    states: Mapping[str, Mapping[str, Tensor]],
    parts: Mapping[str, Tensor],
) -> dict[str, Any]:
    """What the page loads."""
    data, split_ = icontail.load(), training_set(results["clip"].run)
    known = states["clip"][VOCABULARY].tolist()
    prompts = [usual_name(data, concept) for concept in range(len(split_.frequency))]
    shown = shown_drawings(results["sl"].arrays["test"], split_.frequency)
    sets = [data.sets[s] for s in sorted({*data.set[shown]})]
    numbers = torch.cat([tensor.flatten() for tensor in parts.values()]).half().numpy()
    temperature = "temperature.log_scale"
    return {
        "runs": {name: described(result) for name, result in results.items()},
        "scales": {
            "sl": states["sl"][f"head.{temperature}"].exp().item(),
            "clip": states["clip"][temperature].exp().item(),
        },
        "context": len(parts["text.positions"]),
        "ends": [known.index(tokenizer().start), known.index(tokenizer().end)],
        "words": words([data.titles[i] for i in split_.image_ids] + prompts, known),
        "concepts": [
            {"name": data.concepts[c].name, "prompt": prompts[c], "frequency": int(n)}
            for c, n in enumerate(split_.frequency)
        ],
        "sets": {s.prefix: [s.name, s.author, s.licence] for s in sets},
        "drawings": [
            {
                "concept": int(data.concept[i]),
                "title": data.titles[i],
                "set": data.sets[data.set[i]].prefix,
            }
            for i in shown
        ],
        "pixels": four_bits(data.pictures[shown]),
        "pen": PEN,
        "examples": EXAMPLES,
        "layout": {name: list(tensor.shape) for name, tensor in parts.items()},
        "weights": base64.b64encode(numbers.tobytes()).decode(),
    }


@torch.no_grad()
def reference(
    results: Mapping[str, RunResult],
    known: Tensor,
    parts: Mapping[str, Tensor],
    loaded: Mapping[str, Any],
) -> dict[str, Any]:
    """What PyTorch makes of the same numbers.

    Raises:
        CourseError: if half precision changes more than 2 % of a run's answers.
    """
    data, tests = icontail.load(), results["sl"].arrays["test"]
    tower = SmallTransformer(known, loaded["context"], parts["sl.head"].shape[1])
    tower.load_state_dict(part(parts, "text.") | {"vocabulary": known})

    def read(captions: list[str]) -> Tensor:
        return F.normalize(tower(tokens(captions, loaded["context"])), dim=1)

    heads = {
        "sl": F.normalize(parts["sl.head"], dim=1),
        "clip": read([concept["prompt"] for concept in loaded["concepts"]]),
    }
    everything = standardize(torch.tensor(data.pictures[tests]))
    for name, result in results.items():
        answers = (image_features(part(parts, f"{name}."), everything) @ heads[name].T).argmax(1)
        same = float((answers.numpy() == result.arrays["predictions"]).mean())
        print(f"{name}: {same:.2%} of the test drawings are answered as by the recorded run")
        if same < 0.98:
            raise CourseError(f"Half precision changes the answers of {name!r}; look at it.")

    shown = shown_drawings(tests, training_set(results["clip"].run).frequency)
    chosen = list(range(0, len(shown), 3))
    drawn = np.stack([rasterize(strokes) for strokes in EXAMPLES.values()])
    pictures = torch.cat(
        [
            standardize(torch.tensor(data.pictures[shown[chosen]])),
            2 * torch.tensor(drawn, dtype=torch.float32)[:, None],
        ]
    )
    images = {name: image_features(part(parts, f"{name}."), pictures) for name in RUNS}
    return {
        "drawings": chosen,
        "examples": list(EXAMPLES),
        "captions": CAPTIONS,
        "similarities": rounded(images["clip"] @ read(CAPTIONS).T),
        "logits": {n: rounded(loaded["scales"][n] * images[n] @ heads[n].T) for n in RUNS},
    }


def main() -> None:
    """Train or load the runs; write both files."""
    SMALL[TOWER] = CHANNELS  # known to this process alone
    results = {k: train_or_load(config(n, seed=0, image_tower=TOWER)) for k, n in RUNS.items()}
    states = {name: weights(result.folder / "checkpoint") for name, result in results.items()}
    parts = rounded_weights(states)
    loaded = content(results, states, parts)
    text = json.dumps(loaded, separators=(",", ":"))
    WEIGHTS.write_text(f"window.clipInThePage = {text};\n")
    known = states["clip"][VOCABULARY]
    REFERENCE.write_text(json.dumps(reference(results, known, parts, loaded)) + "\n")
    print(f"{WEIGHTS.stat().st_size / 1e6:.2f} MB, {len(loaded['words'])} words")


def rounded(values: Tensor) -> list[list[float]]:
    """Rows of numbers with five decimals."""
    return [[round(value, 5) for value in row] for row in values.tolist()]


if __name__ == "__main__":
    main()
