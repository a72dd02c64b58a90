"""Small sources in the layouts that the sets of photographs are published in."""

from __future__ import annotations

import csv
import gzip
import io
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lt_course.data.photographs import fashion_products, tiny_imagenet

TYPES = {"Tshirts": 90, "Watches": 70, "Heels": 65, "Caps": 12, "Free Gifts": 8}
"""Products of each type; three are tested, one is only trained on, one is dropped."""

BRANDS = ("Nike", "United Colors of Benetton", "Puma", "Arrow")
COLUMNS = (
    "id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,"
    "productDisplayName"
).split(",")


def jpeg(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "JPEG", quality=95)
    return file.getvalue()


def noise(seed: int, size: tuple[int, ...]) -> np.ndarray:
    """Blocks of eight pixels: what JPEG keeps, and no two alike."""
    height, width, *channels = size
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (-(-height // 8), -(-width // 8), *channels), np.uint8)
    return blocks.repeat(8, 0).repeat(8, 1)[:height, :width]


def tiny_imagenet_folder(root: Path, each: int = 6, tested: int = 2) -> Path:
    """Tiny ImageNet with fewer photographs; the first of each class is grey."""
    root = root / tiny_imagenet.FOLDER
    wnids = [row["wnid"] for row in tiny_imagenet._classes()]
    (root / "val" / "images").mkdir(parents=True)
    notes = []
    for label, wnid in enumerate(wnids):
        folder = root / "train" / wnid / "images"
        folder.mkdir(parents=True)
        for n in range(each):
            size = (64, 64) if n == 0 else (64, 64, 3)
            (folder / f"{wnid}_{n}.JPEG").write_bytes(jpeg(noise(1_000 * label + n, size)))
        for n in range(tested):
            name = f"val_{n * len(wnids) + label}.JPEG"
            content = jpeg(noise(1_000 * label + 500 + n, (64, 64, 3)))
            (root / "val" / "images" / name).write_bytes(content)
            notes.append(f"{name}\t{wnid}\t0\t0\t9\t9\n")
    (root / "val" / "val_annotations.txt").write_text("".join(notes))
    return root.parent


def products() -> list[tuple[dict[str, str], bytes]]:
    """Rows with all columns, and a picture each: some share their title or their bytes."""
    made = []
    for label, (name, count) in enumerate(TYPES.items()):
        for n in range(count):
            number = 1_000 * (label + 1) + n
            brand = BRANDS[n % len(BRANDS)]
            # Of ten products two have one title, two others one picture.
            title = f"{brand} {name} model {number - (n % 10 == 1)}, cut {number}"
            if n % 10 in (0, 1):
                title = f"{brand if n % 10 else BRANDS[n % 4]} {name} twin {n // 10}"
            picture = number - (n % 10 == 3)
            row = {
                "id": str(number),
                "gender": "Men",
                "masterCategory": "Apparel",
                "subCategory": "Topwear",
                "articleType": name,
                "baseColour": "Navy Blue" if n % 2 else "NA",
                "season": "Fall",
                "year": "2011",
                "usage": "Casual",
                "productDisplayName": title,
                "brandName": brand,
                "description": f"<p>A {name.lower()} &amp; more</p> " + "word " * 60,
            }
            made.append((row, jpeg(noise(picture, (80, 60, 3)))))
    return made


def fashion_zip(root: Path) -> Path:
    folder = root / fashion_products.FOLDER
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        for row, picture in products():
            archive.writestr(f"data/images/{row['id']}.jpg", picture)
    with gzip.open(folder / "texts.csv.gz", "wt", newline="", encoding="utf-8") as file:
        names = [*COLUMNS, "brandName", "description"]
        table = csv.DictWriter(file, names)
        table.writeheader()
        table.writerows(row for row, _ in products())
    return root


def fashion_parquet(root: Path) -> Path:
    import pyarrow as pa
    from pyarrow import parquet

    folder = root / fashion_products.FOLDER / "data"
    folder.mkdir(parents=True)
    rows = [
        {"id": int(row["id"])}
        | {name: row[name] for name in COLUMNS[1:]}
        | {"image": {"bytes": picture, "path": None}}
        for row, picture in products()
    ]
    half = len(rows) // 2
    for part, name in ((rows[:half], "train-0.parquet"), (rows[half:], "train-1.parquet")):
        parquet.write_table(pa.Table.from_pylist(part), folder / name)
    return root


def fashion_kaggle(root: Path, styles: bool) -> Path:
    """As Kaggle has it: commas in titles are not quoted."""
    folder = root / fashion_products.FOLDER
    (folder / "images").mkdir(parents=True)
    lines = [",".join(COLUMNS)]
    for row, picture in products():
        (folder / "images" / f"{row['id']}.jpg").write_bytes(picture)
        lines.append(",".join(row[name] for name in COLUMNS))
        if styles:
            (folder / "styles").mkdir(exist_ok=True)
            data = {
                "brandName": row["brandName"],
                "productDescriptors": {"description": {"value": row["description"]}},
            }
            (folder / "styles" / f"{row['id']}.json").write_text(json.dumps({"data": data}))
    lines.append(",".join([*["9"] * (len(COLUMNS) - 1), "without a picture"]))
    (folder / "styles.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


def accept_cifar(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let torchvision take files of other sums."""
    from torchvision.datasets import CIFAR100

    monkeypatch.setattr(CIFAR100, "train_list", [["train", None]])
    monkeypatch.setattr(CIFAR100, "test_list", [["test", None]])
    monkeypatch.setattr(CIFAR100, "meta", CIFAR100.meta | {"md5": None})


def cifar_folder(root: Path, each: int = 20) -> Path:
    """CIFAR-100, each photograph as bright as its class's number says."""
    folder = root / "cifar-100-python"
    folder.mkdir(exist_ok=True)
    for name, count in (("train", each), ("test", 2)):
        fine = np.tile(np.arange(100), count)
        entry = {
            "data": np.repeat(2 * fine[:, None], 3_072, 1).astype(np.uint8),
            "fine_labels": fine.tolist(),
            "coarse_labels": (fine % 20).tolist(),
            "filenames": [f"{name}_{i}.png" for i in range(len(fine))],
        }
        (folder / name).write_bytes(pickle.dumps(entry))
    names = {
        "fine_label_names": [f"thing_{i}" for i in range(100)],
        "coarse_label_names": [f"super_things_{i}" for i in range(20)],
    }
    (folder / "meta").write_bytes(pickle.dumps(names))
    return root
