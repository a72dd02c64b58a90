"""Photographs in memory: the layouts they are published in, what is tested, what is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import photograph_miniatures as miniatures
import pytest
import torch
from PIL import Image
from scipy.stats import spearmanr
from torchvision.transforms.v2 import functional as V

from lt_course import study
from lt_course.data.augment import mirror, standardize_photographs
from lt_course.data.captions import prompts
from lt_course.data.class_profiles import TrainSplit, profile_counts
from lt_course.data.imagenet import imagenet_classes
from lt_course.data.photographs import cache, fashion_products, tiny_imagenet
from lt_course.data.photographs.photograph_set import PhotographSet, near_duplicate_groups
from lt_course.data.photographs.reading import Found, square
from lt_course.errors import AbsentDataError, CourseError
from lt_course.statistics import gini
from lt_course.study.dataset import load_dataset
from lt_course.study.execute import execute
from lt_course.study.photograph_dataset import InMemoryPhotographs, PhotographData
from lt_course.study.store import train_or_load

LAYOUTS = {
    "zip": miniatures.fashion_zip,
    "parquet": miniatures.fashion_parquet,
    "kaggle": lambda root: miniatures.fashion_kaggle(root, styles=False),
    "kaggle with styles": lambda root: miniatures.fashion_kaggle(root, styles=True),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    miniatures.tiny_imagenet_folder(root)
    miniatures.fashion_zip(root)
    return miniatures.cifar_folder(root)


@pytest.fixture
def there(data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    miniatures.accept_cifar(monkeypatch)
    look_at(data, monkeypatch)
    return data


def look_at(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LT_COURSE_DATA", str(root))
    monkeypatch.setenv("LT_COURSE_PHOTOGRAPHS", str(root / "cache"))
    cache.load.cache_clear()


# --- reading ------------------------------------------------------------------------------------


def test_tiny_imagenet_is_read_as_published(there: Path) -> None:
    photographs = cache.load("tiny-imagenet", 64)
    assert photographs.images.shape == (200 * 8, 64, 64, 3)
    assert photographs.tested == 200
    assert np.bincount(photographs.labels[photographs.test]).tolist() == [2] * 200
    assert photographs.available.tolist() == [6] * 200
    goldfish = photographs.keys.index("n01443537")
    assert photographs.names[goldfish] == "goldfish"
    rows = np.flatnonzero((photographs.labels == goldfish) & photographs.test)
    for n, row in enumerate(rows):
        file = there / tiny_imagenet.FOLDER / "val" / "images" / f"val_{n * 200 + goldfish}.JPEG"
        expected = np.asarray(Image.open(file).convert("RGB"))
        assert np.array_equal(photographs.images[row], expected)
    first = photographs.images[np.flatnonzero((photographs.labels == 0) & ~photographs.test)[0]]
    assert (first[..., :1] == first).all(), "a grey picture has three equal channels"


def test_smaller_images_are_means_of_their_pixels(there: Path) -> None:
    large, small = (cache.load("tiny-imagenet", size).images[:50] for size in (64, 32))
    blocks = large.reshape(50, 32, 2, 32, 2, 3).astype(float).mean((2, 4))
    assert np.abs(blocks - small).max() <= 1, "Pillow rounds twice, rows and columns"


def test_the_table_of_classes_is_wordnets(there: Path) -> None:
    known = imagenet_classes()
    for row in tiny_imagenet._classes():
        assert row["name"] == known[row["wnid"]].name
        assert tuple(row["synonyms"].split("; ")) == known[row["wnid"]].lemmas
        assert known[row["wnid"]].definition.startswith(row["gloss"][:20])
    assert len({row["name"] for row in tiny_imagenet._classes()}) == 200


@pytest.mark.parametrize("layout", LAYOUTS)
def test_products_are_the_same_in_every_layout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    look_at(LAYOUTS[layout](tmp_path), monkeypatch)
    photographs = cache.load("fashion-products", 32)
    assert photographs.tested == 3
    assert list(photographs.names) == ["tshirts", "watches", "heels", "caps"]
    assert np.bincount(photographs.labels[photographs.test]).tolist() == [20] * 3
    titles = photographs.of_image["title"]
    rows = {
        row["productDisplayName"]: (row, picture)
        for row, picture in miniatures.products()
        if "twin" not in row["productDisplayName"]
    }
    seen = 0
    for i, title in enumerate(titles):
        if title not in rows:
            continue
        row, _ = rows[title]
        seen += 1
        assert row["articleType"].lower() == photographs.names[photographs.labels[i]]
        colored = "navy blue " if row["baseColour"] == "Navy Blue" else ""
        attributes = f"a photo of {colored}{row['articleType'].lower()}, for men."
        assert photographs.of_image["attributes"][i] == attributes
        without = photographs.of_image["title-without-brand"][i]
        assert without == title.removeprefix(row["brandName"]).strip()
        if "description" in photographs.of_image:
            words = photographs.of_image["description"][i].split()
            kind = row["articleType"].lower()
            assert words[:4] == ["A", kind, "&", "more"]
            assert len(words) == fashion_products.WORDS
    assert seen > 100
    assert ("description" in photographs.kinds) == (layout in ("zip", "kaggle with styles"))


def test_no_group_of_products_crosses_into_the_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_at(miniatures.fashion_zip(tmp_path), monkeypatch)
    photographs = cache.load("fashion-products", 32)
    assert photographs.group is not None
    trained = photographs.group[~photographs.test]
    tested = photographs.group[photographs.test]
    assert not set(tested) & set(trained)
    assert len(set(tested)) == len(tested), "what is nearly the same is tested once"
    titles = np.array(photographs.of_image["title"])
    assert not set(titles[photographs.test]) & set(titles[~photographs.test])
    shown = {image.tobytes() for image in photographs.images[~photographs.test]}
    assert not any(image.tobytes() in shown for image in photographs.images[photographs.test])
    # Titles and pictures that two products share are one group wherever they stay.
    for title in {t for t in titles if "twin" in t}:
        assert len(set(photographs.group[titles == title])) == 1


def test_near_duplicates_are_joined_and_others_are_not() -> None:
    images = np.stack([miniatures.noise(seed, (64, 64, 3)) for seed in range(30)])
    images[7] = np.clip(images[3].astype(int) + 2, 0, 255)  # another JPEG of the same picture
    images[9] = np.clip(images[7].astype(int) + 2, 0, 255)  # by a chain
    titles = [None] * 28 + ["one", "one"]
    group = near_duplicate_groups(images, [titles])
    assert group[3] == group[7] == group[9]
    assert group[28] == group[29]
    assert len(set(group)) == 30 - 3
    assert len(set(near_duplicate_groups(images[:7]))) == 7


def test_brands_are_found_in_titles_where_no_column_has_them() -> None:
    others = [f"Maker{n}" for n in range(21)]  # "Men" follows upon many first words
    names = [*miniatures.BRANDS, "French Connection", *others]
    titles = [f"{brand} Men Shirt {n}" for n in range(6) for brand in names]
    brands = fashion_products.leading_brands([*titles, "Unheard Of Cap"])
    assert brands == [*(names * 6), ""]


def test_a_picture_of_another_shape_stands_on_white() -> None:
    seen = square(Image.new("RGB", (60, 80), (10, 20, 30)), 80)
    assert (seen[:, :10] == 255).all()
    assert (seen[:, -10:] == 255).all()
    assert (seen[:, 10:-10] == (10, 20, 30)).all()
    assert square(Image.new("CMYK", (40, 40)), 32).shape == (32, 32, 3)
    assert square(Image.new("L", (16, 8), 7), 32).shape == (32, 32, 3)


def test_what_was_read_is_kept_until_a_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_at(miniatures.fashion_kaggle(tmp_path, styles=False), monkeypatch)
    reads = []
    real = fashion_products.read
    monkeypatch.setattr(
        fashion_products, "read", lambda found, size: reads.append(size) or real(found, size)
    )
    first = cache.load("fashion-products", 32)
    images = np.array(first.images)  # in memory, for the file is damaged below
    cache.load.cache_clear()
    again = cache.load("fashion-products", 32)
    assert reads == [32]
    assert np.array_equal(images, again.images)
    assert again.names == list(first.names)
    kept = next((tmp_path / "cache").iterdir()) / "images.npy"
    damaged = bytearray(kept.read_bytes())
    damaged[-1] ^= 1
    kept.write_bytes(damaged)
    cache.load.cache_clear()
    assert np.array_equal(cache.load("fashion-products", 32).images, images)
    assert reads == [32, 32], "a flipped bit is found, and the set read again"
    (tmp_path / fashion_products.FOLDER / "images" / "1005.jpg").write_bytes(
        miniatures.jpeg(miniatures.noise(77_777, (80, 60, 3)))
    )
    cache.load.cache_clear()
    assert not np.array_equal(cache.load("fashion-products", 32).images, images)
    assert reads == [32, 32, 32]


def test_two_processes_may_read_a_new_set_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_at(miniatures.fashion_kaggle(tmp_path, styles=False), monkeypatch)
    real, inner = fashion_products.read, []

    def read(found: Found, size: int) -> PhotographSet:
        if not inner:  # another process begins later and ends first
            inner.append(True)
            with monkeypatch.context() as patch:
                patch.setattr(cache.os, "getpid", lambda: 1)
                cache.load.__wrapped__("fashion-products", size)
        return real(found, size)

    monkeypatch.setattr(fashion_products, "read", read)
    photographs = cache.load("fashion-products", 32)
    assert photographs.tested == 3
    (kept,) = (tmp_path / "cache").iterdir()
    assert sorted(path.name for path in kept.iterdir()) == sorted([*cache.FILES, "SHA256SUMS"])


def test_bad_sources_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LT_COURSE_DATA", raising=False)
    cache.load.cache_clear()
    for name in cache.SETS:
        with pytest.raises(AbsentDataError, match=r"LT_COURSE_DATA is not set; .*http"):
            cache.load(name, 32)
    look_at(tmp_path, monkeypatch)
    for name in cache.SETS:
        with pytest.raises(CourseError, match=r"lacks: .*http"):
            cache.load(name, 32)
    root = miniatures.tiny_imagenet_folder(tmp_path) / tiny_imagenet.FOLDER
    stray = root / "train" / "n00000001" / "images"
    stray.mkdir(parents=True)
    (stray / "a.JPEG").write_bytes(b"")
    with pytest.raises(CourseError, match=r"a\.JPEG is of the class n00000001, which is none of"):
        cache.load("tiny-imagenet", 32)
    (stray / "a.JPEG").unlink()
    first = next((root / "train").glob("n0*/images/*"))
    first.write_bytes(first.read_bytes()[:200])
    with pytest.raises(CourseError, match=rf"{first.name} of tiny-imagenet is no picture"):
        cache.load("tiny-imagenet", 32)
    assert not list((tmp_path / "cache").glob("*/SHA256SUMS"))


def test_cifar_has_names_of_classes_and_superclasses(there: Path) -> None:
    photographs = cache.load("cifar100", 32)
    assert photographs.names[21] == "thing 21"
    assert photographs.say_of_class(21, "class") == ["a photo of a thing 21"]
    assert photographs.say_of_class(21, "superclass") == ["a photo of super things 1"]
    assert photographs.say_of_class(21, "class+superclass") == [
        "a photo of a thing 21, super things 1"
    ]
    assert (photographs.images[:, 0, 0, 0] == 2 * photographs.labels).all()
    assert cache.load("cifar100", 64).images.shape[1:] == (64, 64, 3)


# --- profiles -----------------------------------------------------------------------------------


def test_profiles_that_say_their_counts() -> None:
    counts = profile_counts("exponential(500,2)", 200, None)
    expected = [round(500 * (2 / 500) ** (i / 199)) for i in range(200)]
    assert counts.tolist() == expected
    assert counts.sum() == 18_198
    assert gini(counts) == pytest.approx(0.65, abs=0.005)
    published = np.floor(500 * 0.01 ** (np.arange(100) / 99))
    assert profile_counts("cifar-lt(100)", 100, None).tolist() == published.tolist()
    assert profile_counts("cifar-lt(100)", 100, 10_847).sum() == 10_847
    assert profile_counts("exponential(5,5)", 3, None).tolist() == [5, 5, 5]
    with pytest.raises(CourseError, match=r"'num_images' is 99, but the profile .* has 18198"):
        profile_counts("exponential(500,2)", 200, 99)
    for bad in ("exponential(2,500)", "exponential(5,0)", "cifar-lt(1000)", "cifar-lt(0.5)"):
        with pytest.raises(CourseError, match=r"the larger number first|at least 1"):
            profile_counts(bad, 100, None)
    with pytest.raises(CourseError, match="'num_images' must be set"):
        profile_counts("flat", 3, None)


def small_set(each: int = 40, concepts: int = 8, tested: int = 6) -> PhotographSet:
    labels = np.repeat(np.arange(concepts), each + 2)
    test = np.tile(np.arange(each + 2) < 2, concepts) & (labels < tested)
    names = [f"thing {i}" for i in range(concepts)]
    return PhotographSet(
        "small", names, names, np.zeros((len(labels), 1, 1, 3), np.uint8), labels, test
    )


def test_a_seed_deals_frequencies_anew_and_a_fraction_is_a_part() -> None:
    photographs = small_set()
    whole = photographs.sample(6, profile="exponential(40,2)", permutation=1)
    other = photographs.sample(6, profile="exponential(40,2)", permutation=2)
    assert sorted(whole.frequency) == sorted(other.frequency)
    assert whole.frequency.tolist() != other.frequency.tolist()
    assert not photographs.test[whole.image_ids].any()
    assert (photographs.labels[whole.image_ids] == whole.labels).all()
    half = photographs.sample(6, profile="exponential(40,2)", permutation=1, fraction=0.5)
    assert set(half.image_ids) < set(whole.image_ids)
    cut = photographs.sample(
        6, profile="exponential(40,2)", permutation=1, tail_classes=2, tail_shots=1
    )
    assert cut.frequency[cut.trimmed].tolist() == [1, 1]
    assert set(cut.image_ids) <= set(whole.image_ids)
    beside = photographs.sample(6, profile="flat", num_images=60, distractors=30)
    assert (beside.labels == 6).sum() == 30
    assert set(photographs.labels[beside.image_ids[beside.labels == 6]]) == {6, 7}
    one = photographs.sample(
        6, profile="flat", num_images=60, distractors=30, distractor_concepts=1
    )
    assert len(set(photographs.labels[one.image_ids[one.labels == 6]])) == 1
    with pytest.raises(CourseError, match=r"'concepts' is 7, but of small .* only 6 are tested"):
        photographs.sample(7, profile="natural")
    with pytest.raises(CourseError, match="asks for 41 pictures"):
        photographs.sample(6, profile="exponential(41,2)")


# --- runs ---------------------------------------------------------------------------------------

QUICK = {"scale": "cpu", "batch_size": 64, "duration": "6 steps", "crop": 0.6, "mirror": True}
TINY = QUICK | {"dataset": "tiny-imagenet", "profile": "exponential(6,1)"}
SHOP_SL = QUICK | {"dataset": "fashion-products", "concepts": 3}
SHOP = QUICK | {"dataset": "fashion-products", "concepts": 3, "context": 24}


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("sl", TINY),
        ("sl", TINY | {"vocabulary": 20, "image_tower": "small-cnn-48"}),
        ("clip-template", TINY),
        ("clip-template", TINY | {"text": "synset"}),
        ("clip-template", TINY | {"text": "gloss", "context": 40}),
        ("clip-template", TINY | {"text": "template|hypernyms", "concepts": 90, "distractors": 50}),
        ("clip-title", SHOP),
        ("clip-title", SHOP | {"text": "title+description"}),
        ("clip-title", SHOP | {"text": "template|attributes", "prompts": "template"}),
        ("clip-template", QUICK | {"dataset": "cifar100", "text": "superclass"}),
        ("siglip-title", SHOP),
    ],
)  # fmt: skip
def test_every_kind_trains_and_is_measured(there: Path, name: str, settings: dict) -> None:
    run = study.config(name, **settings)
    done = execute(run)
    table, metrics = done.per_class, done.metrics
    dataset = load_dataset(run)
    assert isinstance(dataset, InMemoryPhotographs)
    assert len(table) == run.data.concepts
    assert table["frequency"].sum() == (dataset.labels < run.data.concepts).sum()
    labels, predictions = done.arrays["labels"], done.arrays["predictions"]
    assert np.array_equal(labels, dataset.photographs.labels[done.arrays["test"]])
    assert metrics["accuracy"] == pytest.approx((labels == predictions).mean())
    rarer = np.argsort(-dataset.frequency, kind="stable")[10:]
    without = spearmanr(dataset.frequency[rarer], table["predictions"].to_numpy()[rarer])
    assert metrics["spearman_predictions_without_top"] == pytest.approx(
        without.statistic, nan_ok=True
    )
    ways = {"class_means"}
    if not name.startswith("sl"):
        first = run.objective.text.split("|")[0]
        own = first not in ("template", "synset") and run.objective.prompts != "template"
        ways |= {"template"} if own else set()
        matching = "title" in run.objective.text and run.objective.prompts == "matching"
        ways |= set() if matching else {"captions"}
    found = {key.removeprefix("accuracy_by_") for key in metrics if key.startswith("accuracy_by_")}
    assert found == ways
    assert 0 <= metrics["accuracy_train"] <= 1
    assert done.fingerprint is not None
    assert done.fingerprint.training == len(dataset.labels)


def test_self_distillation_learns_from_photographs(there: Path) -> None:
    run = study.config(
        "dino", scale="tiny", dataset="tiny-imagenet", photometric=True, redrawn=0.0, crop=0.9,
        duration="3 steps", batch_size=16, num_images=None, concepts=200,
    )  # fmt: skip
    done = execute(run)
    assert {"accuracy", "spearman_predictions", "prototypes_used"} <= done.metrics.keys()


def test_bias_against_natural_counts_is_a_placebo(there: Path) -> None:
    flat = execute(
        study.config(
            "sl", **QUICK, dataset="fashion-products", profile="flat", concepts=3, num_images=90
        )
    )
    natural = load_dataset(study.config("sl", **QUICK, dataset="fashion-products", concepts=3))
    assert np.isnan(flat.metrics["spearman_predictions"])
    counts = natural.frequency
    for name in ("accuracy", "predictions"):
        expected = spearmanr(counts, flat.per_class[name]).statistic
        found = flat.metrics[f"natural_spearman_{name}"]
        assert found == pytest.approx(expected, nan_ok=True)


def test_the_same_run_gives_the_same_again_and_remembers_its_data(
    there: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LT_COURSE_STORE", str(tmp_path))
    run = study.config("clip-title", **SHOP)
    first, again = train_or_load(run), execute(run)
    assert first.metrics == pytest.approx(again.metrics, nan_ok=True)
    assert study.config("clip-title", **SHOP, seed=1).address != run.address


def test_captions_of_a_class_are_written_once_and_mixtures_weigh_alike(there: Path) -> None:
    photographs = cache.load("tiny-imagenet", 64)
    images = np.flatnonzero(~photographs.test)[:30]
    captions = photographs.captions(images, "template")
    for row, image in enumerate(images):
        assert captions.of(row) == prompts(photographs.names[photographs.labels[image]])
    synonyms = photographs.captions(images, "synset")
    name, label = photographs.names, photographs.labels
    assert set(prompts(name[label[images[0]]])) <= set(synonyms.of(0))
    mixed = photographs.captions(images, "template|gloss")
    said = mixed.of(0)
    gloss = photographs.of_class["gloss"][label[images[0]]][0]
    assert said.count(gloss) == len(said) / 2


def test_prompts_of_titles_are_titles_of_their_class(there: Path) -> None:
    dataset = load_dataset(study.config("clip-title", **SHOP))
    assert isinstance(dataset, InMemoryPhotographs)
    asked, known = dataset.texts.prompts, dataset._caption_ids
    assert asked.shape[:2] == (3, 80)
    for label in range(3):
        own = known[
            torch.from_numpy(
                dataset._captions.choices[dataset._captions.first[dataset.labels == label]]
            )
        ]
        for ids in asked[label]:
            assert (own == ids).all(1).any()


def test_half_of_the_images_are_mirrored_and_nothing_else_changes() -> None:
    images = torch.randn(2_000, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    turned = mirror(images, torch.Generator().manual_seed(1))
    same = (turned == images).flatten(1).all(1)
    other = (turned == V.horizontal_flip(images)).flatten(1).all(1)
    assert (same ^ other).all()
    assert abs(int(same.sum()) - 1_000) < 100
    assert torch.equal(turned, mirror(images, torch.Generator().manual_seed(1)))


def test_standardised_photographs_have_clips_mean_and_deviation() -> None:
    from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD

    images = torch.randint(256, (5, 8, 9, 3), dtype=torch.uint8)
    expected = V.normalize(
        images.permute(0, 3, 1, 2).float() / 255,
        list(OPENAI_DATASET_MEAN),
        list(OPENAI_DATASET_STD),
    )
    torch.testing.assert_close(standardize_photographs(images), expected)
    torch.testing.assert_close(standardize_photographs(images.permute(0, 3, 1, 2)), expected)


# --- released class vectors, and diversity ------------------------------------------------------

TABLE = {"text_head": "released", "text_weights": "in1k_clip_rn50_wit400m_a+cname.pt"}


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> torch.Tensor:
    """A table of ImageNet's classes that stands in for the released one."""
    made = torch.randn(1_000, 16, generator=torch.Generator().manual_seed(0))
    torch.save(made, tmp_path / "table.pt")
    monkeypatch.setitem(TABLE, "text_weights", str(tmp_path / "table.pt"))
    known = list(imagenet_classes())
    return made[[known.index(row["wnid"]) for row in tiny_imagenet._classes()]]


@pytest.mark.parametrize("frozen", [True, False])
def test_class_vectors_of_a_released_table_are_those_of_the_classes(
    there: Path, tmp_path: Path, table: torch.Tensor, frozen: bool
) -> None:
    """A classifier starts from them, and CLIP reads them in the place of captions."""
    for name in ("sl", "clip-template"):
        text = {} if name == "sl" else {"text": "name"}
        settings = TINY | TABLE | text | {"embed_dim": 16, "frozen": frozen}
        run = study.config(name, **settings, tail_classes=50)
        before, after = (
            execute(study.override(run, duration=f"{n} steps"), tmp_path / name / str(n))
            for n in (1, 3)
        )
        directions = torch.nn.functional.normalize(table, dim=1).numpy()
        vectors = torch.nn.functional.normalize(torch.from_numpy(after.arrays["prototypes"]), dim=1)
        moved = np.abs(vectors.numpy() - directions).max()
        assert (moved < 1e-5) == frozen
        assert after.metrics["loss"] != before.metrics["loss"], "the image tower learns"
        assert after.per_class["trimmed"].sum() == 50
        assert np.isfinite(after.metrics["accuracy_trimmed"])
        assert "accuracy_by_class_means" not in after.metrics, "absent classes have no mean"


def test_a_table_reads_no_text(there: Path, table: torch.Tensor) -> None:
    settings = TINY | TABLE | {"embed_dim": 16}
    with pytest.raises(CourseError, match="reads no text; use text 'name'"):
        study.config("clip-template", **settings)
    with pytest.raises(CourseError, match="has no row for images of others"):
        study.config("clip-template", **settings, text="name", distractors=5, concepts=100)
    with pytest.raises(CourseError, match="a table of ImageNet's classes, but these are 3"):
        execute(study.config("sl", **SHOP_SL, **TABLE, embed_dim=16))


def test_a_neighborhood_holds_the_images_that_look_alike() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 42)
    test = np.tile(np.arange(42) < 2, 3)
    images = rng.integers(0, 256, (len(labels), 32, 32, 3), np.uint8)
    names = ["a", "b", "c"]
    photographs = PhotographSet("small", names, names, images, labels, test)
    fields = {"profile": "exponential(10,4)", "permutation": 3}
    near, all_ = (photographs.sample(3, **fields, neighborhood=n) for n in (0.25, 1.0))
    assert near.frequency.tolist() == all_.frequency.tolist(), "frequencies are matched"
    small = images.reshape(len(labels), 16, 2, 16, 2, 3).mean((2, 4)).reshape(len(labels), -1)

    def spread(split: TrainSplit) -> float:
        rows = (split.image_ids[split.labels == label] for label in range(3))
        return float(np.mean([small[each].std(0).mean() for each in rows]))

    assert spread(near) < spread(all_)
    for label in range(3):
        pool = all_.image_ids[all_.labels == label]
        drawn = near.image_ids[near.labels == label]
        assert drawn[0] == pool[0], "the one that others are near to is the first of all"
        everything = np.flatnonzero((labels == label) & ~test)
        distance = np.linalg.norm(small[everything] - small[pool[0]], axis=1)
        assert set(drawn) <= set(everything[np.argsort(distance)[:10]])


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"concepts": 201}, "'concepts' is 201; it must be at least 2 and at most 200"),
        ({"tail_shots": 1}, "no effect beside 'tail_classes' 0"),
        ({"distractor_concepts": 3}, "no effect beside 'distractors' 0"),
        ({"distractors": 5}, "no prototype for images of others"),
        ({"text_head": "open-world"}, "made from drawings"),
        ({"style": "line"}, "no field of sl 'style'"),
        ({"image_size": 8}, "'image_size' is 8; it must be at least 16"),
    ],
)
def test_fields_without_a_meaning_are_refused(settings: dict, sentence: str) -> None:
    with pytest.raises(CourseError, match=sentence):
        study.config("sl", scale="cpu", dataset="tiny-imagenet", **settings)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"text": "title"}, "caption kind 'title' that does not exist"),
        ({"text": "glos"}, r"'glos' that does not exist \(did you mean 'gloss'"),
        ({"prompts": "usual-name"}, "'usual-name', which drawings alone have"),
    ],
)
def test_captions_that_a_set_lacks_are_refused_by_name(
    there: Path, settings: dict, sentence: str
) -> None:
    with pytest.raises(CourseError, match=sentence):
        execute(study.config("clip-template", **TINY, **settings))


def test_a_layout_without_descriptions_refuses_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_at(miniatures.fashion_parquet(tmp_path), monkeypatch)
    with pytest.raises(CourseError, match="'description' that does not exist"):
        execute(study.config("clip-title", **SHOP | {"text": "description"}))


def test_plan_knows_how_many_there_are_without_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LT_COURSE_DATA", raising=False)
    cache.load.cache_clear()
    expected = InMemoryPhotographs.expected
    tail = {"scale": "cpu", "dataset": "tiny-imagenet", "profile": "exponential(500,2)"}
    assert expected(study.config("sl", **tail)) == 18_198
    assert expected(study.config("sl", scale="cpu", dataset="tiny-imagenet")) is None
    assert expected(study.config("sl", scale="cpu", dataset="fashion-products", num_images=9)) == 9
    assert PhotographData("cifar100").concepts == 100


# --- the sets themselves, where they are ----------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tiny-imagenet", "fashion-products"])
def test_the_sets_as_published(name: str) -> None:
    try:
        cache.load.cache_clear()
        photographs = cache.load(name, 32)
    except CourseError as error:
        pytest.skip(f"photographs are not here: {error}")
    assert photographs.tested == {"tiny-imagenet": 200, "fashion-products": 62}[name]
    if name == "tiny-imagenet":
        assert photographs.available.tolist() == [500] * 200
        assert np.bincount(photographs.labels[photographs.test]).tolist() == [50] * 200
        return
    assert photographs.group is not None
    assert not set(photographs.group[photographs.test]) & set(photographs.group[~photographs.test])
    counts = photographs.available[:62]
    assert counts[:40].min() >= 200
    kept = spearmanr(
        counts, [len(set(photographs.group[photographs.labels == c])) for c in range(62)]
    )
    assert kept.statistic > 0.9
    brands = fashion_products.leading_brands(photographs.of_image["title"])
    shorter = photographs.of_image["title-without-brand"]
    derived = fashion_products._without_brand(photographs.of_image["title"], brands)
    assert np.mean([a == b for a, b in zip(shorter, derived, strict=True)]) > 0.5
