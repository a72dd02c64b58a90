"""Lesson 10: the record of OpenAI's class vectors against the vectors, where they are at hand."""

import os

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lt_course.lessons import class_vectors
from lt_course.release import UnreachableError
from tools import record_class_vectors as recorder

needs_mirror = pytest.mark.skipif(
    not os.environ.get("LT_COURSE_MIRROR"), reason="LT_COURSE_MIRROR is not set"
)


def drawn(rows=9, columns=4, seed=0):
    return np.random.default_rng(seed).normal(1, 1, size=(rows, columns))


@needs_mirror
def test_the_record_is_what_the_vectors_say():
    head = class_vectors.released()
    now, recorded = recorder.measure(head), pd.read_csv(class_vectors.RECORD)
    where = ["table", "row", "column"]
    pd.testing.assert_frame_equal(now[where], recorded[where].astype(object), check_dtype=False)
    np.testing.assert_allclose(now["value"], recorded["value"], atol=2e-3)


@needs_mirror
def test_density_in_the_head_written_out():
    """With numpy and scipy alone, from the rows of the file."""
    head = class_vectors.released()
    captions = class_vectors.counts()["LAION-400M"]
    rows = head / np.sqrt((head**2).sum(1, keepdims=True))
    for row, v in (
        ("as they are", rows),
        ("mean of the directions off", rows - rows.mean(0)),
    ):
        v = v / np.sqrt((v**2).sum(1, keepdims=True))
        cosine = v @ v.T
        nc2 = (np.abs(cosine + 1 / 999).sum(1) - 1000 / 999) / 999
        expected = stats.spearmanr(captions, nc2).statistic
        found = class_vectors.recorded("centring").loc[row, "NC2"]
        assert found == pytest.approx(expected, abs=1e-4)


def test_without_the_vectors_the_record_is_shown_and_said_so(monkeypatch):
    def unreachable(*_):
        raise UnreachableError("The head is", "heads/x", OSError())

    monkeypatch.setattr(class_vectors, "released_prototypes", unreachable)
    head = class_vectors.released()
    assert head is None
    assert "recorded" in class_vectors.note(head)
    assert class_vectors.recorded("centring").loc["as they are", "NC2"] == pytest.approx(
        0.633, abs=5e-4
    )


def test_crowding_is_written_out():
    vectors = drawn()
    rows = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    found = class_vectors.crowding(vectors)
    for c in range(9):
        others = np.array([rows[c] @ rows[d] for d in range(9) if d != c])
        assert found["mean cosine"][c] == pytest.approx(others.mean())
        assert found["NC2"][c] == pytest.approx(np.abs(others + 1 / 8).mean())
        assert found["5 nearest"][c] == pytest.approx(np.sort(others)[3:].mean())


def test_readings_of_centring_differ_in_what_is_averaged():
    vectors = drawn() * np.arange(1, 10)[:, None]
    found = recorder.readings(vectors)
    rows = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for name, apart in (
        ("as they are", rows),
        ("mean of the directions off", rows - rows.mean(0)),
        ("mean of the raw vectors off", vectors - vectors.mean(0)),
    ):
        unit = apart / np.linalg.norm(apart, axis=1, keepdims=True)
        assert found[name] == pytest.approx(unit)
    last = found["mean of the directions off, five times"]
    assert np.linalg.norm(last.mean(0)) < np.linalg.norm(unit.mean(0)) / 5
    assert recorder.centred(vectors, share=0) == pytest.approx(rows)


def test_shared_names_are_the_same_names():
    from lt_course.data import icontail
    from lt_course.data.imagenet import imagenet_classes

    ours, theirs = class_vectors.shared_names()
    names = [each.name.lower() for each in imagenet_classes().values()]
    concepts = [each.name.lower() for each in icontail.load().concepts]
    assert [names[i] for i in ours] == [concepts[i] for i in theirs]
    assert len(ours) == len(set(names) & set(concepts))


def test_centring_is_drawn():
    tenths, shares = (class_vectors.recorded(name) for name in ("tenths", "shares"))
    left, right = class_vectors.plot_centring(tenths, shares).axes
    assert left.lines[1].get_ydata() == pytest.approx(tenths["mean off"])
    assert right.lines[1].get_ydata()[[0, -1]] == pytest.approx([0.633, 0.025], abs=5e-4)
    plt.close("all")
