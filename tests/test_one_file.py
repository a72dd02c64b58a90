"""One file does what the package does: the same data, first losses, and numbers at the end."""

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from slow import mostly_slow

from lt_course import study
from lt_course.data import icontail
from lt_course.data.tokenizer import tokens
from lt_course.statistics import spearman
from lt_course.study.execute import execute, training_set

PATH = Path(__file__).parents[1] / "one_file.py"
DATA = icontail.RESOURCES / icontail.DATA_FILE
METHODS = {"sl": "SL", "sl-vocab": "SL-vocab", "clip-title": "CLIP"}


def settings(**further) -> dict:
    """Of the package: the one file computes in float32."""
    return {"scale": "tiny", "seed": 0, "precision": "float32"} | further


@pytest.fixture(scope="module")
def one_file() -> ModuleType:
    spec = importlib.util.spec_from_file_location("one_file", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_is_short_and_needs_torch_numpy_and_matplotlib_alone() -> None:
    text = PATH.read_text()
    assert len(text.splitlines()) <= 400
    imported = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add(str(node.module).split(".")[0])
    assert imported - set(sys.stdlib_module_names) == {"torch", "numpy", "matplotlib"}


def test_it_draws_the_same_training_sets(one_file: ModuleType) -> None:
    data = one_file.load(DATA)
    for seed in range(3):
        drawn, frequency = one_file.draw(data, seed)
        expected = training_set(study.config("sl", **settings(seed=seed)))
        assert np.array_equal(drawn, expected.image_ids)
        assert np.array_equal(frequency, expected.frequency)


def test_its_tokens_are_those_of_clip_in_the_same_order(one_file: ModuleType) -> None:
    """Of every title that any seed can draw, not only of those that one seed does."""
    data = one_file.load(DATA)
    rows = np.flatnonzero((data.labels < one_file.CLASSES) & ~data.test)
    titles = sorted({data.titles[row] for row in rows})
    theirs = tokens(titles, one_file.CONTEXT).numpy()
    own = np.array([one_file.tokenize(title) for title in titles])
    known = np.unique(theirs)
    assert len(known) == len(one_file.TOKENS) + 3  # start, end and padding
    assert np.array_equal(np.searchsorted(known, theirs), own)


def test_ties_share_the_mean_of_their_ranks(one_file: ModuleType) -> None:
    chance = np.random.default_rng(0)
    for _ in range(20):
        x, y = chance.integers(6, size=(2, 30))
        assert one_file.spearman(x, y) == pytest.approx(spearman(x, y))


@pytest.mark.parametrize("name", METHODS)
def test_the_first_step_has_the_same_loss(one_file: ModuleType, name: str) -> None:
    expected = execute(study.config(name, **settings(duration="1 steps"))).metrics["loss"]
    *_, losses = one_file.train(METHODS[name], one_file.load(DATA), 0, 1)
    assert losses == pytest.approx([expected], abs=1e-5)


@pytest.mark.parametrize("name", mostly_slow(METHODS, "sl"))
def test_the_numbers_are_those_of_the_package(one_file: ModuleType, name: str, store) -> None:
    expected = study.train_or_load(study.config(name, **settings())).metrics
    data = one_file.load(DATA)
    _, frequency = one_file.draw(data, 0)
    tower, vectors, _ = one_file.train(METHODS[name], data, 0)
    accuracy, predictions = one_file.test(tower, vectors, data)
    found = {
        "accuracy": accuracy.mean(),
        "spearman_accuracy": one_file.spearman(frequency, accuracy),
        "spearman_predictions": one_file.spearman(frequency, predictions),
    }
    thirds = one_file.thirds(frequency, accuracy)
    found |= dict(zip(("accuracy_head", "accuracy_mid", "accuracy_tail"), thirds, strict=True))
    for key in ("accuracy", "spearman_accuracy", "spearman_predictions"):
        assert found[key] == pytest.approx(expected[key], abs=0.02), key
    for key in ("accuracy_head", "accuracy_mid", "accuracy_tail"):
        assert found[key] == pytest.approx(expected[key], abs=0.05), key


def test_another_file_is_refused_by_name(one_file: ModuleType, tmp_path: Path) -> None:
    other = tmp_path / "icontail.npz"
    for content in (b"not the drawings", DATA.read_bytes()[:-1]):
        other.write_bytes(content)
        with pytest.raises(SystemExit) as refused:
            one_file.load(other)
        said = str(refused.value)
        assert said.startswith(str(other))
        assert said.endswith(".")
        assert "\n" not in said


def test_without_a_file_it_asks_for_one(
    one_file: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_file, "URL", None)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    with pytest.raises(SystemExit, match="--data"):
        one_file.load(None)


def test_a_file_is_downloaded_once(
    one_file: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_file, "URL", DATA.as_uri())
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    first = one_file.load(None)
    monkeypatch.setattr(one_file, "URL", "https://nowhere.invalid/icontail.npz")
    assert np.array_equal(one_file.load(None).pictures, first.pictures)
    assert not list(tmp_path.rglob("*.part"))
