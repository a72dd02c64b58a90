"""Lessons 00 and 01: their CLIP is the run's own, and their drawing of the towers is in step."""

from pathlib import Path

import draw_towers
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lt_course import study
from lt_course.data import icontail
from lt_course.data.augment import standardize
from lt_course.data.captions import usual_name
from lt_course.lessons import start


def test_the_trained_clip_predicts_what_the_record_says(store) -> None:
    record = study.train_or_load(study.config("clip-title", scale="tiny", duration="20 steps"))
    before, after = start.untrained_and_trained(record)
    pictures = icontail.load().pictures[record.arrays["test"]]
    with torch.no_grad():
        features = after.image_features(standardize(torch.tensor(pictures)))
    said = (features @ torch.from_numpy(record.arrays["prototypes"]).T).argmax(1)
    assert np.mean(said.numpy() == record.arrays["predictions"]) > 0.99  # rounding aside
    assert not any(
        torch.equal(a, b) for a, b in zip(before.parameters(), after.parameters(), strict=True)
    )
    assert not before.training
    assert not after.training


def test_a_class_is_asked_for_by_its_commonest_titles(store) -> None:
    record = study.train_or_load(study.config("clip-title", scale="tiny", duration="20 steps"))
    split, titles = study.training_set(record.run), icontail.load().titles
    label = int(split.frequency.argmax())
    own = [titles[row] for row in split.image_ids[split.labels == label]]
    names = start.names_in(split, label, 3)
    assert [own.count(name) for name in names] == sorted(map(own.count, set(own)))[:-4:-1]
    rare = int(split.frequency.argmin())
    assert start.names_in(split, rare, 2) == [titles[split.image_ids[split.labels == rare][0]]] * 2


def test_asking_by_the_usual_names_gives_the_record(store, monkeypatch) -> None:
    record = study.train_or_load(study.config("clip-title", scale="tiny", duration="20 steps"))
    data = icontail.load()
    monkeypatch.setattr(start, "names_in", lambda split, label, most: [usual_name(data, label)])
    (row,) = start.asked_by_names([record], (1,)).to_dict("records")
    assert row["accuracy"] == pytest.approx(record.metrics["accuracy"], abs=0.01)
    assert row["S(p)"] == pytest.approx(record.metrics["spearman_predictions"], abs=0.05)
    top = record.per_class.nlargest(5, "frequency").accuracy.mean()
    assert row["accuracy, five most frequent"] == pytest.approx(top, abs=0.05)


def test_cosines_are_drawn_in_their_places() -> None:
    a = F.normalize(torch.randn(3, 5, generator=torch.Generator().manual_seed(0)), dim=1)
    figure = start.cosines({"one": a @ a.T, "two": -a @ a.T}, ["bell", "key", "cog"])
    for axes, matrix in zip(figure.axes, (a @ a.T, -a @ a.T), strict=True):
        shown = np.array([float(text.get_text()) for text in axes.texts]).reshape(3, 3)
        np.testing.assert_allclose(shown, matrix.numpy(), atol=0.051)
        assert [label.get_text() for label in axes.get_xticklabels()] == ["bell", "key", "cog"]


def test_the_drawing_of_the_towers_shows_titles_that_authors_gave() -> None:
    pictures, titles = draw_towers.pairs()
    data = icontail.load()
    for picture, title, key in zip(pictures, titles, draw_towers.SHOWN, strict=True):
        rows = [i for i, given in enumerate(data.titles) if given == title and not data.test[i]]
        same = [i for i in rows if np.array_equal(data.pictures[i], picture)]
        assert key in {data.concepts[data.concept[i]].key for i in same}


def test_the_towers_are_drawn_alike_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []
    for name in ("a.svg", "b.svg"):
        monkeypatch.setattr(draw_towers, "DRAWING", tmp_path / name)
        draw_towers.main()
        drawn.append((tmp_path / name).read_bytes())
    assert drawn[0] == drawn[1]
