"""Released CLIPs in miniature: open_clip's own format, with random weights from files."""

from __future__ import annotations

import json
from pathlib import Path

import open_clip
import torch
from open_clip import factory, pretrained

DESIGN = {
    "embed_dim": 12,
    "vision_cfg": {
        "image_size": 24,
        "layers": 1,
        "width": 32,
        "head_width": 16,
        "patch_size": 8,
    },
    "text_cfg": {
        "context_length": 16,
        "vocab_size": 49408,
        "width": 16,
        "heads": 2,
        "layers": 1,
    },
}
LISTED = {
    "tiny-a": "cc12m",
    "tiny-b": "laion2b_e16",
    "tiny-c": "unheard_of",
    "tiny-gone": "yfcc15m",
}
"""Names and tags; the weights of the last are missing."""


def make(folder: Path) -> Path:
    """Designs and weights, in a folder."""
    folder.mkdir(parents=True)
    for number, name in enumerate(LISTED):
        (folder / f"{name}.json").write_text(json.dumps(DESIGN))
        factory.add_model_config(folder / f"{name}.json")
        torch.manual_seed(number)
        weights = folder / f"{name}.pt"
        model = open_clip.create_model(name)
        with torch.no_grad():  # as released, towers tell inputs apart
            for parameter in model.parameters():
                parameter.mul_(3).add_(0.1 * torch.randn_like(parameter))
        torch.save(model.state_dict(), weights)
    weights.unlink()
    return folder


def listing(folder: Path) -> dict[str, dict[str, dict[str, object]]]:
    """What open_clip's own table of checkpoints would say of them."""
    return {
        name: {tag: pretrained._pcfg(file=str(folder / f"{name}.pt"))}
        for name, tag in LISTED.items()
    }


def register(folder: Path) -> None:
    """Make open_clip list them, and nothing else; for a process that ends soon."""
    for name in LISTED:
        factory.add_model_config(folder / f"{name}.json")
    pretrained._PRETRAINED = listing(folder)
