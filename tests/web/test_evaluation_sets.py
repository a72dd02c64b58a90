"""Sets to evaluate on, in the forms that they are kept in."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat
from shard_files import image, tar_bytes
from torch.utils.data import DataLoader

from lt_course.data.imagenet import classes_of, imagenet_classes
from lt_course.errors import CourseError
from lt_course.web.datasets.evaluation_sets import KIT, V2_FOLDER, VALIDATION_TAR, evaluation_set

pytestmark = pytest.mark.filterwarnings("ignore:The image decoding and encoding capabilities")

WNIDS = ("n02012849", "n01440764", "n15075141")
"""Crane (bird), tench, toilet paper: numbers 134, 0 and 999."""
PICTURES = {f"ILSVRC2012_val_{number:08d}.JPEG": WNIDS[number % 3] for number in range(1, 8)}


def write_kit(path: Path) -> None:
    """A development kit: the table of synsets, leaves first and one inner node, and the truth."""
    kind = [("ILSVRC2012_ID", "i4"), ("WNID", "O"), ("words", "O"), ("gloss", "O"),
            ("num_children", "i4")]  # fmt: skip
    numbers = {wnid: 490 - at for at, wnid in enumerate(WNIDS)}
    rows = [(number, wnid, "words, more", "gloss", 0) for wnid, number in numbers.items()]
    synsets = np.array([*rows, (1_001, "n00001740", "entity", "", 9)], dtype=kind)
    table = io.BytesIO()
    savemat(table, {"synsets": synsets})
    truth = "".join(f"{numbers[wnid]}\n" for wnid in PICTURES.values())
    folder = "ILSVRC2012_devkit_t12/data/"
    content = tar_bytes(
        [
            (folder + "meta.mat", table.getvalue()),
            (folder + "ILSVRC2012_validation_ground_truth.txt", truth.encode()),
        ]
    )
    with tarfile.open(fileobj=io.BytesIO(content)) as plain, tarfile.open(path, "w:gz") as packed:
        for member in plain:
            packed.addfile(member, plain.extractfile(member))


def validation(folder: Path, form: str) -> Path:
    folder.mkdir()
    files = [(name, image(number)) for number, name in enumerate(PICTURES)]
    if form == "tar":
        (folder / VALIDATION_TAR).write_bytes(tar_bytes(files[::-1]))
        write_kit(folder / KIT)
        return folder
    for name, content in files:
        place = folder / ("val" if form == "val" else ".") / PICTURES[name]
        place.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("form", ["val", "folders", "tar"])
def test_validation_pictures_are_joined_by_wordnet_id(tmp_path: Path, form: str) -> None:
    found = evaluation_set("imagenet-val", validation(tmp_path / "in", form), partial=True, size=24)
    assert found.labels.tolist() == [0, 0, 0, 134, 134, 999, 999]
    assert len(found.classes) == 1_000
    order = sorted(PICTURES, key=lambda name: (imagenet_classes()[PICTURES[name]].label, name))
    for row, name in enumerate(order):
        path, offset, size = found.places[row]
        content = path.read_bytes()[offset:] if size < 0 else path.read_bytes()[offset:][:size]
        assert content == image(list(PICTURES).index(name))
    batches = list(DataLoader(found, batch_size=4))
    assert [tuple(pictures.shape) for pictures, _ in batches] == [(4, 3, 24, 24), (3, 3, 24, 24)]
    assert torch.cat([labels for _, labels in batches]).tolist() == found.labels.tolist()


def test_imagenet_v2s_folders_are_numbers_and_not_ranks(tmp_path: Path) -> None:
    for number in (2, 10, 134, 999):
        folder = tmp_path / V2_FOLDER / str(number)
        folder.mkdir(parents=True)
        (folder / f"{number:040d}.jpeg").write_bytes(image(number % 7))
    found = evaluation_set("imagenet-v2", tmp_path, partial=True)
    assert found.labels.tolist() == [2, 10, 134, 999]
    assert found.classes[134].wnid == "n02012849"


def test_a_hundred_classes_are_numbered_anew(tmp_path: Path) -> None:
    try:
        hundred = classes_of("imagenet-100")
    except CourseError:
        pytest.skip("the list of ImageNet-100 is not at hand")
    for known in (hundred[0], hundred[57]):
        folder = tmp_path / "val" / known.wnid
        folder.mkdir(parents=True)
        (folder / "a.JPEG").write_bytes(image(1))
    (tmp_path / "val" / "n01440764").mkdir()
    found = evaluation_set("imagenet-val", tmp_path, "imagenet-100", partial=True)
    assert found.labels.tolist() == [0, 57]
    assert found.classes == hundred


def test_what_is_missing_is_named_with_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"lacks: the folder val.*image-net\.org.*6\.3 GB.*regis"):
        evaluation_set("imagenet-val", tmp_path)
    with pytest.raises(CourseError, match=r"matched-frequency.*huggingface.*1\.26 GB; MIT"):
        evaluation_set("imagenet-v2", tmp_path)
    with pytest.raises(CourseError, match=r"no set 'in'"):
        evaluation_set("in", tmp_path)  # type: ignore[arg-type]
    source = validation(tmp_path / "in", "val")
    with pytest.raises(CourseError, match=r"7 pictures .* instead of 50,000, and none of n014"):
        evaluation_set("imagenet-val", source)


def test_damaged_files_are_named(tmp_path: Path) -> None:
    source = validation(tmp_path / "in", "tar")
    kit = (source / KIT).read_bytes()
    (source / KIT).write_bytes(kit[: len(kit) // 2])
    with pytest.raises(CourseError, match="not ImageNet's development kit"):
        evaluation_set("imagenet-val", source, partial=True)
    (source / KIT).write_bytes(kit)
    (source / VALIDATION_TAR).write_bytes(tar_bytes([("ILSVRC2012_val_00000099.JPEG", b"")]))
    with pytest.raises(CourseError, match=r"val_00000099\.JPEG, which"):
        evaluation_set("imagenet-val", source, partial=True)
    source = validation(tmp_path / "folders", "val")
    first = next((source / "val" / "n01440764").iterdir())
    first.write_bytes(b"no picture")
    found = evaluation_set("imagenet-val", source, partial=True)
    with pytest.raises(CourseError, match=f"{first.name} at byte 0, cannot be decoded"):
        list(DataLoader(found))
