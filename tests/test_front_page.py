"""The front page's figure and sentence, and what the explorer loads, say what is recorded."""

import json
import re
from pathlib import Path

import explorer
import front_page
import matplotlib.pyplot as plt
import numpy as np
import pytest
from bs4 import BeautifulSoup
from PIL import Image
from scipy import stats

from lt_course.data import icontail
from lt_course.evidence import experiment, load_per_class, load_results
from lt_course.evidence.claims import verdicts

ROOT = Path(front_page.__file__).parents[2]
FILES = sorted(path for path in explorer.DATA.glob("*.js") if path.stem != "index")


def loaded(path: Path) -> dict:
    head, _, text = path.read_text().partition(" = ")
    assert head == f'(window.explorerData ||= {{}})["{path.stem}"]'
    return json.loads(text.removesuffix(";\n"))


def test_the_sentence_gives_the_recorded_means() -> None:
    text = front_page.SENTENCE.read_text().replace("−", "-")
    first, last = map(int, re.search(r"seeds \((\d) to (\d)\)", text).groups())
    found = load_results("tiny_imagenet_gap", seeds=range(first, last + 1))
    sl, clip = (found.loc[m, "spearman_predictions"].to_numpy() for m in ("sl", "clip-template"))
    assert len(sl) == len(clip) == last - first + 1
    for values in (sl, clip, sl - clip):
        half = stats.sem(values) * stats.t.ppf(0.975, len(values) - 1)
        mean = values.mean()
        assert f"{mean:.2f} [{mean - half:.2f}, {mean + half:.2f}]" in text
    for method in ("sl", "clip-template"):
        assert f"{100 * found.loc[method, 'accuracy'].mean():.0f} %" in text


def test_the_sentence_rests_on_a_claim_that_holds() -> None:
    (verdict,) = (
        v
        for v in verdicts("clip_against_supervised")
        if v.claim.id == "photographs-gap-predictions"
    )
    assert verdict.verdict == "supported"


def test_the_data_of_the_figure_are_those_that_it_shows() -> None:
    text = front_page.DATA.read_text()
    assert text == f"```{{raw}} html\n{front_page.data(front_page.metrics())}\n```\n"
    rows = [row.select("th, td") for row in BeautifulSoup(text, "html.parser").select("tbody tr")]
    shown = {row[0].get_text(): [int(cell.get_text()) for cell in row[1:]] for row in rows}
    seed = front_page.metrics().index[0][1]
    tables = [load_per_class("tiny_imagenet_gap", m, seed) for m in front_page.METHODS]
    both = zip(*(table.itertuples() for table in tables), strict=True)
    assert shown == {sl.name: [sl.frequency, sl.predictions, clip.predictions] for sl, clip in both}


def test_the_figure_shows_every_class() -> None:
    figure = front_page.draw(front_page.metrics())
    for axes, method in zip(figure.axes, front_page.METHODS, strict=True):
        seed = front_page.metrics().index[0][1]
        table = load_per_class("tiny_imagenet_gap", method, seed)
        x, y = axes.lines[0].get_data()
        np.testing.assert_array_equal(x, table["frequency"])
        np.testing.assert_array_equal(y, table["predictions"])
    plt.close(figure)


def test_the_alt_text_is_true_of_the_runs() -> None:
    seed = front_page.metrics().index[0][1]
    table = load_per_class("tiny_imagenet_gap", "sl", seed)
    few = table["frequency"] <= 20
    assert (table["predictions"][few] <= 10).all()
    assert (table["predictions"][few] == 0).mean() > 0.5
    assert table["predictions"][table["frequency"] >= 200].median() >= 100


def test_readme_and_front_page_show_the_figure_alike() -> None:
    readme, index = (ROOT / "README.md").read_text(), (ROOT / "book" / "index.md").read_text()
    alt = re.search(r":alt: (.*)", index).group(1)
    assert f"![{alt}](book/_static/first_result.png)" in readme
    assert index.count("{include} first_result.txt") == 2
    assert len(front_page.SENTENCE.read_text().splitlines()) == 3


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_explorer_shows_what_is_recorded(path: Path) -> None:
    content = loaded(path)
    for label, seeds in content["runs"].items():
        metrics = load_results(path.stem, seeds=map(int, seeds))
        for seed, run in seeds.items():
            table = load_per_class(path.stem, label, int(seed))
            assert content["names"] == table["name"].tolist()
            assert content["frequencies"][run["frequency"]] == table["frequency"].tolist()
            assert run["predictions"] == table["predictions"].tolist()
            np.testing.assert_allclose(
                np.array(run["hits"]) / content["tests"], table["accuracy"], atol=1e-6
            )
            for value, of in zip(run["spearman"], ("accuracy", "predictions"), strict=True):
                recorded = metrics.loc[(label, int(seed)), f"spearman_{of}"]
                assert np.isnan(recorded) if value is None else abs(value - recorded) < 6e-4


def test_the_index_names_the_files() -> None:
    index = loaded(explorer.DATA / "index.js")
    assert sorted(name for name, _ in index["experiments"]) == [path.stem for path in FILES]
    assert all(experiment(name).title == title for name, title in index["experiments"])
    assert all(
        path.stat().st_size < 150_000 for path in explorer.DATA.iterdir() if path.suffix == ".js"
    )


def test_drawings_are_the_concepts_own_and_photographs_have_none() -> None:
    data, index = icontail.load(), loaded(explorer.DATA / "index.js")
    with Image.open(explorer.DATA / "drawings.png") as image:
        sheet = np.asarray(image.convert("L"))
    core = sum(concept.core for concept in data.concepts)
    assert sheet.shape == (32 * core, 32 * 4)
    for concept in (0, 60, core - 1):
        own = np.flatnonzero((data.concept == concept) & ~data.test)
        for column, number in enumerate(index["sets"][concept]):
            shown = sheet[32 * concept : 32 * concept + 32, 32 * column : 32 * column + 32]
            (same,) = np.nonzero((np.abs(data.pictures[own].astype(int) - shown) <= 8).all((1, 2)))
            assert number in data.set[own[same]]
            assert index["credits"][number].startswith(data.sets[number].name)
    for path in FILES:
        content = loaded(path)
        assert (content["rows"] is None) == (content["dataset"] != "drawings")
        if content["rows"] is not None:
            assert [data.concepts[row].name for row in content["rows"]] == content["names"]
