"""What the shipped data set promises, proved from the shipped files themselves."""

from __future__ import annotations

import io
import os
import random
import re
from collections import Counter
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch

from lt_course.data import icontail
from lt_course.data.icontail import IconTail
from lt_course.errors import CourseError
from tools.icontail_build import audit, duplicates, pack, split, summary
from tools.icontail_build.naming import CuratedConcept, Namer, curated_concepts, tags, title
from tools.icontail_build.sources import LICENCES, Drawing, checked
from tools.icontail_build.wordnet import Nouns

RESOURCES = Path(str(files("lt_course.data") / "resources"))
CARD = Path(__file__).parents[2] / "book" / "data_card_numbers.txt"


@pytest.fixture(scope="module")
def data() -> IconTail:
    return icontail.load()


@pytest.fixture(scope="module")
def core(data: IconTail) -> np.ndarray:
    return np.array([concept.core for concept in data.concepts])


# --- what is shipped -----------------------------------------------------------------------


def test_files_are_small():
    size = {path.name: path.stat().st_size for path in RESOURCES.iterdir()}
    assert size[icontail.DATA_FILE] <= 16_000_000
    assert sum(size.values()) <= 18_000_000


def test_schema(data):
    n = len(data)
    assert data.pictures.shape == (n, 32, 32)
    assert data.pictures.dtype == np.uint8
    assert len(data.titles) == len(data.tags) == n
    for field, top in (
        (data.concept, len(data.concepts)),
        (data.family, len(data.families)),
        (data.set, len(data.sets)),
    ):
        assert field.shape == (n,)
        assert field.dtype == np.int32
        assert np.array_equal(np.unique(field), np.arange(top)), "every entry is used"
    assert data.test.shape == (n,)
    assert data.test.dtype == np.bool_
    assert all(t and t == " ".join(t.split()) for t in data.titles)
    assert not data.pictures.flags.writeable
    assert icontail.load() is data


def test_pictures_hold_ink_on_paper(data):
    assert (data.pictures.reshape(len(data), -1).min(1) == 0).all(), "full contrast"
    frame = np.ones((32, 32), bool)
    frame[2:-2, 2:-2] = False
    assert (data.pictures[:, frame] == 255).all(), "two pixels of paper all round"


def test_concepts_are_named_and_ordered(data, core):
    keys = [concept.key for concept in data.concepts]
    assert len(set(keys)) == len(keys)
    assert all(re.fullmatch(r"[a-z0-9'.-]+", key) for key in keys)
    names = [concept.name for concept in data.concepts if concept.core]
    assert len(set(names)) == len(names)
    assert all(concept.gloss for concept in data.concepts)
    assert all(concept.core for concept in data.concepts if concept.tiny)
    role = [0 if c.tiny else 1 if c.core else 2 for c in data.concepts]
    train = np.bincount(data.concept[~data.test], minlength=len(keys))
    assert list(zip(role, -train, strict=True)) == sorted(zip(role, -train, strict=True))
    assert train.min() >= 1


def test_enough_concepts(data, core):
    assert 190 <= core.sum() <= 210
    assert sum(concept.tiny for concept in data.concepts) == 60
    assert (~core).sum() >= 2000


def test_tiny_has_a_long_enough_head(data):
    train = np.bincount(data.concept[~data.test])[:60]
    assert train.min() >= 100
    assert (train >= 500).sum() >= 10


# --- the split -----------------------------------------------------------------------------


def test_authors_are_disjoint(data):
    tested = set(data.family[data.test].tolist())
    trained = set(data.family[~data.test].tolist())
    assert tested
    assert not tested & trained


def test_a_set_has_one_family_and_an_author_too(data):
    family = {}
    for one, its in zip(data.set.tolist(), data.family.tolist(), strict=True):
        assert family.setdefault(one, its) == its
    by_author: dict[str, set[int]] = {}
    for index, entry in enumerate(data.sets):
        by_author.setdefault(entry.author, set()).add(family[index])
    assert all(len(families) == 1 for families in by_author.values())


def test_test_is_balanced(data, core):
    count = np.bincount(data.concept[data.test], minlength=len(core))
    assert set(count[core].tolist()) == {split.TEST_PICTURES}
    assert split.TEST_PICTURES >= 20
    assert not count[~core].any()


def test_no_test_picture_is_a_near_duplicate_of_a_training_picture(data):
    """Plain cosine of ink (255 minus grey), every test picture against every training one."""
    vectors = torch.from_numpy(255.0 - data.pictures.reshape(len(data), -1).astype(np.float32))
    vectors = torch.nn.functional.normalize(vectors, dim=1)
    test, train = vectors[torch.tensor(data.test)], vectors[torch.tensor(~data.test)]
    closest = max(float((part @ train.T).max()) for part in test.split(256))
    assert closest <= 0.95 + 1e-4


def test_no_training_picture_is_there_twice(data):
    rows = np.column_stack([data.concept, data.pictures.reshape(len(data), -1)])[~data.test]
    assert len({row.tobytes() for row in rows}) == len(rows)


def test_several_authors_draw_each_test_concept(data, core):
    for concept in np.flatnonzero(core):
        assert len(np.unique(data.family[data.test & (data.concept == concept)])) >= 3


# --- rights --------------------------------------------------------------------------------


def test_licences_are_free_ones(data):
    assert {entry.licence for entry in data.sets} <= LICENCES
    assert not {entry.prefix for entry in data.sets} & {
        "logos",
        "simple-icons",
        "flag",
        "fa6-brands",
    }


def test_attribution_names_every_set(data):
    notice = (RESOURCES / "ATTRIBUTION").read_text(encoding="utf-8")
    count = np.bincount(data.set)
    for index, entry in enumerate(data.sets):
        assert entry.pictures == count[index]
        assert entry.url.startswith("https://")
        assert (
            f"\n{entry.name} ({entry.prefix}), {entry.pictures} pictures\n"
            f"    author: {entry.author}\n"
            f"    licence: {entry.licence}\n"
            f"    url: {entry.url}\n"
        ) in notice
        assert pack.LICENCE_URLS[entry.licence] in notice
    assert "Princeton University" in notice
    assert "all-MiniLM-L6-v2" in notice


# --- labels --------------------------------------------------------------------------------


def test_audit_is_of_the_shipped_pictures_and_passes(data):
    rows, indices = audit.record(), audit.sample(data)
    assert len(rows) == len(indices) == 400
    for row, index in zip(rows, indices, strict=True):
        assert int(row["index"]) == index
        assert row["fingerprint"] == audit.fingerprint(data.pictures[index])
        assert row["title"] == data.titles[index]
        assert row["set"] == data.sets[data.set[index]].prefix
        assert row["concept"] == data.concepts[data.concept[index]].key
        assert row["verdict"] in {"right", "wrong"}
        assert bool(row["why"]) == (row["verdict"] == "wrong")
    wrong = sum(row["verdict"] == "wrong" for row in rows)
    assert wrong / len(rows) <= 0.03


def test_data_card_quotes_the_shipped_numbers(data):
    assert CARD.read_text(encoding="utf-8") == summary.markdown(data)


def test_curated_list_is_the_shipped_core(data):
    listed = {c.key: c.role for c in curated_concepts() if c.role != "open"}
    shipped = {c.key: "tiny" if c.tiny else "core" for c in data.concepts if c.core}
    assert listed == shipped


# --- the text table ------------------------------------------------------------------------


def test_text_embeddings(data):
    table = icontail.text_embeddings()
    assert table.shape == (len(data.concepts), 384)
    assert table.dtype == np.float32
    assert np.abs(table.mean(axis=0)).max() < 1e-3
    unit = table / np.linalg.norm(table, axis=1, keepdims=True)
    place = {concept.key: i for i, concept in enumerate(data.concepts)}

    def near(one: str, other: str) -> float:
        return float(unit[place[one]] @ unit[place[other]])

    for one, kin, stranger in (
        ("dog", "cat", "hammer"),
        ("truck", "bus", "pizza"),
        ("hammer", "wrench", "rabbit"),
        ("cake", "bread", "laptop"),
        ("moon", "sun", "wallet"),
    ):
        assert near(one, kin) > near(one, stranger) + 0.1


# --- the builder's parts -------------------------------------------------------------------


def _drawing(name: str, source: str = "any") -> Drawing:
    return Drawing(source, name, tuple(name.split("-")), (), (), "", "<svg/>")


INDEX = """\
  1 A licence text
cat n 1 0 1 1 00000000
apple n 1 0 1 1 00000000
idea n 1 0 1 0 00000100
"""
CAT = b'00000000 05 n 02 cat 0 true_cat 0 001 @ 00000100 n 0000 | feline mammal; "a cat sat"  \n'
IDEA = b"00000100 09 n 01 idea 0 000 | the content of cognition  \n"


@pytest.fixture
def namer() -> Namer:
    nouns = Nouns(INDEX, CAT.ljust(99) + b"\n" + IDEA)
    shared = {"also": frozenset({"pulse"}), "without": frozenset({"rate"})}
    heart = CuratedConcept(
        "heart", "heart", "idea#1", "core", False, (("heart",), ("love", "sign")),
        not_in=frozenset({"cards", "games:heart"}), **shared,
    )  # fmt: skip
    page = CuratedConcept(
        "page", "page", "idea#1", "core", True, (("page",),),
        also=frozenset(), without=frozenset(), not_in=frozenset(),
    )  # fmt: skip
    return Namer((heart, page), nouns)


@pytest.mark.parametrize(
    ("name", "source", "meant"),
    [
        ("heart", "any", "heart"),
        ("heart-off-2-filled", "any", "heart"),
        ("heart-pulse", "any", "heart"),
        ("love-sign", "any", "heart"),
        ("heart-rate", "any", None),
        ("heart-broker", "any", None),
        ("heart", "cards", None),
        ("heart", "games", None),
        ("page-heart", "any", "page"),
        ("heart-page", "any", None),
        ("cat", "any", "cat"),
        ("cats-outline", "any", "cat"),
        ("idea", "any", None),
        ("apple", "any", None),
        ("cat-logo", "any", None),
    ],
)
def test_names_are_read(namer, name, source, meant):
    label = namer.label(_drawing(name, source))
    found = label and (label.curated.key if label.curated else label.lemma)
    assert found == meant


def test_wordnet_entry_is_read(namer):
    (cat,) = namer.nouns.senses("cat")
    assert cat.physical
    assert cat.lemmas == ("cat", "true_cat")
    assert cat.gloss == "feline mammal"
    assert namer.nouns.hypernyms(cat) == ("idea",)
    assert namer.nouns.licence == "A licence text"
    with pytest.raises(CourseError, match="cat#2"):
        namer.nouns.sense("cat#2")


def test_title_and_tags():
    drawing = Drawing(
        "any", "cat-face-24-filled", ("cat", "face", "24", "filled"), ("two-tone",),
        ("kitty-face",), "Animals & Nature", "<svg/>",
    )  # fmt: skip
    assert title(drawing) == "cat face"
    assert tags(drawing) == ("kitty face", "animals & nature", "filled", "two-tone")


def test_thinning_keeps_the_first_and_spares_other_authors():
    random = np.random.default_rng(0)
    one = np.where(random.random((32, 32)) < 0.3, 0, 255).astype(np.uint8)
    near = one.copy()
    near[:4] = 255 - (255 - near[:4]) // 2  # paler, cosine about .985
    cosine = float(duplicates.ink(one[None])[0] @ duplicates.ink(near[None])[0])
    assert 0.98 < cosine < 0.99
    other = np.where(random.random((32, 32)) < 0.3, 0, 255).astype(np.uint8)
    stack = np.stack([one, near, other, one])
    assert duplicates.thin(stack, np.array([0, 0, 0, 1])).tolist() == [0, 2]
    assert duplicates.thin(stack, np.array([0, 1, 0, 1])).tolist() == [0, 1, 2]
    nearest = duplicates.nearest(stack[1:], stack[:1], chunk=2)
    assert nearest[0] == pytest.approx(cosine, abs=1e-6)
    assert nearest[2] == pytest.approx(1, abs=1e-6)


def test_list_of_test_drawings_must_be_balanced(monkeypatch):
    row = {"set": "any", "concept": "cat"}
    rows = [{**row, "name": f"cat-{i}"} for i in range(split.TEST_PICTURES)]
    monkeypatch.setattr(split, "resource_rows", lambda name: rows)
    listed = split.test_drawings(["cat"])
    assert listed[("any", "cat-3")] == "cat"
    assert len(listed) == split.TEST_PICTURES
    with pytest.raises(CourseError, match="lines for dog"):
        split.test_drawings(["cat", "dog"])
    with pytest.raises(CourseError, match="lines for cat"):
        split.test_drawings([])
    rows.pop()
    with pytest.raises(CourseError, match="lines for cat"):
        split.test_drawings(["cat"])


def test_every_listed_test_drawing_is_shipped(data, core):
    keys = {data.concepts[i].key for i in np.flatnonzero(core)}
    listed = Counter(
        (concept, prefix) for (prefix, _), concept in split.test_drawings(keys).items()
    )
    shipped = Counter(
        (data.concepts[data.concept[i]].key, data.sets[data.set[i]].prefix)
        for i in np.flatnonzero(data.test)
    )
    assert listed == shipped


def test_packing_depends_on_nothing_but_the_arrays(tmp_path):
    arrays = {"numbers": np.arange(12).reshape(3, 4), "words": pack.text("ä\nb")}
    for name in ("one", "two"):
        pack.save(tmp_path / name, arrays)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    with np.load(io.BytesIO((tmp_path / "one").read_bytes()), allow_pickle=False) as archive:
        assert np.array_equal(archive["numbers"], arrays["numbers"])
        assert archive["words"].tobytes().decode() == "ä\nb"


def test_wrong_source_file_is_refused(tmp_path):
    with pytest.raises(CourseError, match="does not exist"):
        checked(tmp_path / "none.tgz", "0" * 64, "the release")
    (tmp_path / "other.tgz").write_bytes(b"something else")
    with pytest.raises(CourseError, match="is not the release"):
        checked(tmp_path / "other.tgz", "0" * 64, "the release")


def test_damaged_data_file_is_refused(tmp_path, monkeypatch):
    (tmp_path / "broken.npz").write_bytes(b"PK")
    monkeypatch.setattr(icontail, "RESOURCES", tmp_path)
    for name in ("broken.npz", "absent.npz"):
        with pytest.raises(CourseError, match=name):
            icontail.read(name)


def test_every_flipped_bit_of_a_shipped_file_is_found(tmp_path, monkeypatch):
    for name in ("icontail.npz", "icontail_text.npz"):
        assert icontail.read(name)
    (tmp_path / "SHA256SUMS").write_bytes((icontail.RESOURCES / "SHA256SUMS").read_bytes())
    whole = (icontail.RESOURCES / "icontail_text.npz").read_bytes()
    monkeypatch.setattr(icontail, "RESOURCES", tmp_path)
    generator = random.Random(0)
    for _ in range(500):
        flipped = bytearray(whole)
        flipped[generator.randrange(len(whole))] ^= 1 << generator.randrange(8)
        (tmp_path / "icontail_text.npz").write_bytes(flipped)
        with pytest.raises(CourseError, match=r"icontail_text\.npz is missing or damaged"):
            icontail.read("icontail_text.npz")


def test_rebuilding_a_slice_gives_the_shipped_pictures(data):
    """From the release itself: one set's drawings render to the very pictures shipped."""
    release = os.environ.get("LT_COURSE_ICONIFY")
    if not release:
        pytest.skip("LT_COURSE_ICONIFY names no copy of the @iconify/json release")
    render = pytest.importorskip("tools.icontail_build.render")
    from tools.icontail_build import sources

    _, drawings = sources.read(sources.fetch(Path(release)))
    prefix = "gravity-ui"
    made = {
        picture.tobytes()
        for drawing in drawings
        if drawing.source == prefix
        for picture in [render.render(drawing.svg)]
        if picture is not None
    }
    index = [entry.prefix for entry in data.sets].index(prefix)
    shipped = {picture.tobytes() for picture in data.pictures[data.set == index]}
    assert len(shipped) > 100
    assert shipped <= made
