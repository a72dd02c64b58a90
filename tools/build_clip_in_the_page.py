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
CONVOLUTIONS, STRIDES, LINEAR = 5, (2, 2, 1, 2, 1), "layers.7.weight"
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
    for number in range(CONVOLUTIONS):
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


def main() -> None:
    """Train or load the runs; write both files."""
    SMALL[TOWER] = CHANNELS  # known to this process alone
    results = {k: train_or_load(config(n, seed=0, image_tower=TOWER)) for k, n in RUNS.items()}
    states = {name: weights(result.folder / "checkpoint") for name, result in results.items()}
    data, split_ = icontail.load(), training_set(results["clip"].run)
    classes = len(split_.frequency)
    text = {
        name: tensor
        for name, tensor in states["clip"].items()
        if name.startswith("text_tower.") and name != "text_tower.vocabulary"
    }
    parts = half(
        {f"{name}.{k}": t for name, state in states.items() for k, t in folded(state).items()}
        | {name.replace("_tower", ""): tensor for name, tensor in text.items()}
        | {"sl.head": states["sl"]["head.weight"]}
    )
    scales = {
        "sl": states["sl"]["head.temperature.log_scale"].exp().item(),
        "clip": states["clip"]["temperature.log_scale"].exp().item(),
    }
    known = states["clip"]["text_tower.vocabulary"].tolist()
    prompts = [usual_name(data, concept) for concept in range(classes)]

    tests = results["sl"].arrays["test"]
    drawn = np.random.default_rng(0).permutation(tests)
    shown = drawn[np.unique(data.concept[drawn], return_index=True)[1]]
    shown = shown[np.argsort(-split_.frequency, kind="stable")]
    start, end = tokenizer().start, tokenizer().end
    table = words([data.titles[i] for i in split_.image_ids] + prompts, known)
    content = {
        "runs": {name: described(result) for name, result in results.items()},
        "scales": scales,
        "context": len(states["clip"]["text_tower.positions"]),
        "ends": [known.index(start), known.index(end)],
        "words": table,
        "concepts": [
            {"name": data.concepts[c].name, "prompt": prompts[c], "frequency": int(n)}
            for c, n in enumerate(split_.frequency)
        ],
        "sets": {
            data.sets[s].prefix: [data.sets[s].name, data.sets[s].author, data.sets[s].licence]
            for s in sorted({*data.set[shown]})
        },
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
        "weights": base64.b64encode(
            torch.cat([tensor.flatten() for tensor in parts.values()]).half().numpy().tobytes()
        ).decode(),
    }
    WEIGHTS.write_text(f"window.clipInThePage = {json.dumps(content, separators=(',', ':'))};\n")

    # What PyTorch makes of the same numbers.
    towers = {
        name: {k.removeprefix(f"{name}."): t for k, t in parts.items() if k.startswith(f"{name}.")}
        for name in RUNS
    }
    context = content["context"]
    tower = SmallTransformer(torch.tensor(known), context, parts["sl.head"].shape[1])
    tower.load_state_dict(
        {k.removeprefix("text."): t for k, t in parts.items() if k.startswith("text.")}
        | {"vocabulary": torch.tensor(known)}
    )
    with torch.no_grad():
        heads = {
            "sl": F.normalize(parts["sl.head"], dim=1),
            "clip": F.normalize(tower(tokens(prompts, context)), dim=1),
        }
        everything = standardize(torch.tensor(data.pictures[tests]))
        for name, result in results.items():
            logits = image_features(towers[name], everything) @ heads[name].T
            same = float((logits.argmax(1).numpy() == result.arrays["predictions"]).mean())
            print(f"{name}: {same:.2%} of the test drawings are answered as by the recorded run")
            if same < 0.98:
                raise CourseError(f"Half precision changes run {name!r} too much; look at it.")
        chosen = list(range(0, len(shown), 3))
        examples = np.stack([rasterize(strokes) for strokes in EXAMPLES.values()])
        pictures = torch.cat(
            [
                standardize(torch.tensor(data.pictures[shown[chosen]])),
                2 * torch.tensor(examples, dtype=torch.float32)[:, None],
            ]
        )
        images = {name: image_features(towers[name], pictures) for name in RUNS}
        read = F.normalize(tower(tokens(CAPTIONS, context)), dim=1)
        reference = {
            "drawings": chosen,
            "examples": list(EXAMPLES),
            "captions": CAPTIONS,
            "similarities": rounded(images["clip"] @ read.T),
            "logits": {n: rounded(scales[n] * images[n] @ heads[n].T) for n in RUNS},
        }
    REFERENCE.write_text(json.dumps(reference) + "\n")
    print(f"{WEIGHTS.stat().st_size / 1e6:.2f} MB, {len(table)} words, {len(known)} tokens")


def rounded(values: Tensor) -> list[list[float]]:
    """Rows of numbers with five decimals."""
    return [[round(value, 5) for value in row] for row in values.tolist()]


if __name__ == "__main__":
    main()
