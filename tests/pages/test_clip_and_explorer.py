"""The page with a CLIP in it computes what PyTorch does; the explorer shows what is recorded."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import CHROMIUM, Tab, browser, served

from lt_course.evidence import load_per_class, load_results

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH")

BOOK = Path(__file__).resolve().parents[2] / "book"
REFERENCE = json.loads((BOOK.parent / "tests" / "clip_in_the_page.json").read_text())

COMPUTED = """clipReady.then(({model, content}) => {
  const reference = %s;
  const pictures = [...reference.drawings.map(model.ink),
                    ...reference.examples.map(name => model.rasterize(content.examples[name]))];
  const read = reference.captions.map(model.textFeatures);
  const images = name => pictures.map(ink => model.imageFeatures(name, ink));
  const logits = name => images(name).map(features => model.logits(name, features));
  return {
    similarities: images('clip').map(image => read.map(text => model.dot(image, text))),
    sl: logits('sl'), clip: logits('clip'),
  };
})"""


def page(name: str) -> str:
    """Return the page's own HTML, without the book around it."""
    text = (BOOK / f"{name}.md").read_text()
    parts = re.findall(r"^```\{raw\} html\n(.*?)^```", text, re.M | re.S)
    return "<!doctype html><meta charset=utf-8><title>Page</title><link rel=icon href=data:,>" + (
        "".join(parts)
    )


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    (folder / "_static").symlink_to(BOOK / "_static")
    (folder / "book").mkdir()
    for name in ("clip_in_the_page", "explorer"):
        (folder / "book" / f"{name}.html").write_text(page(name))
    return folder


@pytest.fixture(params=["http", "file"])
def clip(tab: Tab, site: Path, request: pytest.FixtureRequest) -> Iterator[Tab]:
    with served(site) as address:
        start = address if request.param == "http" else site.as_uri()
        tab.open(f"{start}/book/clip_in_the_page.html")
        tab.evaluate("clipReady.then(() => 1)")
        assert tab.errors() == []
        yield tab


def texts(tab: Tab, selector: str) -> list[str]:
    found: list[str] = tab.evaluate(
        f"[...document.querySelectorAll({selector!r})].map(element => element.textContent)"
    )
    return found


def type_in(tab: Tab, selector: str, value: str) -> None:
    tab.evaluate(
        f"(() => {{ const field = document.querySelector({selector!r}); field.value = {value!r};"
        "field.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )


def difference(found: Any, wanted: Any) -> float:
    return float(np.abs(np.array(found) - np.array(wanted)).max())


def test_script_and_pytorch_agree(clip: Tab) -> None:
    found = clip.evaluate(COMPUTED % json.dumps(REFERENCE))
    assert len(REFERENCE["examples"]) == 5
    assert len(REFERENCE["drawings"]) == 20
    assert difference(found["similarities"], REFERENCE["similarities"]) < 1e-3
    for name in ("sl", "clip"):
        assert difference(found[name], REFERENCE["logits"][name]) < 1e-3


def test_an_unknown_word_is_struck_out_and_changes_nothing(clip: Tab) -> None:
    field, row = "#clip-captions input", "#clip-captions .clip-caption:first-child"
    type_in(clip, field, "bell")
    alone = texts(clip, f"{row} .clip-similarity")
    type_in(clip, field, "quokka bell")
    assert texts(clip, f"{row} .clip-read s") == ["quokka"]
    assert texts(clip, f"{row} .clip-read span") == ["bell"]
    assert texts(clip, f"{row} .clip-similarity") == alone
    type_in(clip, field, "quokka")
    assert texts(clip, f"{row} .clip-similarity") == ["nothing to compare"]


def answers(tab: Tab) -> list[list[int]]:
    """Return a row for each third of concepts: drawings, answers of the classifier and of CLIP."""
    cells = list(map(int, texts(tab, "#clip-thirds td")))
    return [cells[i : i + 3] for i in (0, 3, 6)]


def test_prior_and_vocabulary_move_predictions(clip: Tab) -> None:
    before, best = answers(clip), texts(clip, "#clip-sl li")
    assert [row[0] for row in before] == [20, 20, 20]
    assert sum(row[1] for row in before) == sum(row[2] for row in before) == 60
    type_in(clip, "#clip-share", "1")
    after = answers(clip)
    assert after[2][1] > before[2][1], "the rare third gains"
    assert after[0][1] < before[0][1]
    assert [row[2] for row in after] == [row[2] for row in before], "CLIP's are left alone"
    assert texts(clip, "#clip-sl li") != best
    type_in(clip, "#clip-share", "0")
    assert answers(clip) == before
    type_in(clip, "#clip-vocabulary", "12")
    assert texts(clip, "#clip-sl li") != best
    assert answers(clip) != before


def test_a_chosen_and_a_drawn_icon_are_read(clip: Tab) -> None:
    clip.evaluate("document.querySelector('#clip-drawings button[aria-label=key]').click()")
    assert "“key”" in texts(clip, "#clip-source")[0]
    box = clip.evaluate(
        "(() => { const pad = document.querySelector('#clip-pad'); pad.scrollIntoView();"
        "const box = pad.getBoundingClientRect(); return [box.left, box.top]; })()"
    )
    path = [(30, 60), (190, 60), (190, 160), (30, 160), (30, 60), (110, 110), (190, 60)]
    kinds = ["mousePressed", *["mouseMoved"] * (len(path) - 2), "mouseReleased"]
    for kind, (x, y) in zip(kinds, path, strict=True):
        clip.call(
            "Input.dispatchMouseEvent",
            type=kind, x=box[0] + x, y=box[1] + y, button="left", buttons=1, clickCount=1,
        )  # fmt: skip
    assert texts(clip, "#clip-source")[0].startswith("Drawn with a pen")
    assert texts(clip, "#clip-sl li")[0].startswith("envelope")


def names(tab: Tab) -> list[str]:
    """Return what a screen reader calls each control."""
    tab.call("Accessibility.enable")
    nodes = tab.call("Accessibility.getFullAXTree")["nodes"]
    roles = ("button", "textbox", "slider", "combobox")
    controls = [node for node in nodes if node.get("role", {}).get("value") in roles]
    return [node["name"]["value"].strip() for node in controls]


def test_every_control_has_a_name(clip: Tab) -> None:
    found = names(clip)
    assert len(found) > 60
    assert all(found)


@pytest.fixture(params=["http", "file"])
def shown(tab: Tab, site: Path, request: pytest.FixtureRequest) -> Iterator[Tab]:
    with served(site) as address:
        start = address if request.param == "http" else site.as_uri()
        tab.open(f"{start}/book/explorer.html")
        tab.evaluate("explorerReady.then(() => 1)")
        assert tab.errors() == []
        yield tab


def choose(tab: Tab, select: str, value: str) -> None:
    """Choose in a menu of the explorer, and wait until what it asks for is loaded and drawn."""
    tab.evaluate(
        f"(() => {{ const menu = document.getElementById('explorer-{select}');"
        f"menu.value = {value!r}; menu.dispatchEvent(new Event('change'));"
        "return new Promise(done => setTimeout(done, 500)); })()"
    )


def test_the_explorer_shows_names_values_and_drawings(shown: Tab) -> None:
    table = load_per_class("the_gap", "sl", 0).set_index("name")
    choose(shown, "concept", "clock")
    values = table.loc["clock"]
    wanted = (
        f"sl, seed 0: {values.frequency} training pictures, accuracy {values.accuracy:.2f}, "
        f"predicted {values.predictions} times"
    )
    assert texts(shown, "#explorer-name") == ["clock"]
    assert texts(shown, "#explorer-values li")[0] == wanted
    assert len(texts(shown, ".explorer-drawing")) == 4
    assert len(texts(shown, ".explorer-chosen")) == 2
    spearman = load_results("the_gap", seeds=[0]).loc[("sl", 0), "spearman_predictions"]
    assert f"S(p) = {spearman:.2f};" in texts(shown, ".explorer-panel p")[0]


def test_a_dot_is_found_by_pointing_and_by_arrow_keys(shown: Tab) -> None:
    place = shown.evaluate(
        "(() => { document.querySelector('.explorer-panel svg').scrollIntoView();"
        "const box = document.querySelectorAll('.explorer-panel circle')[7]"
        ".getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; })()"
    )
    shown.call("Input.dispatchMouseEvent", type="mouseMoved", x=place[0], y=place[1])
    pointed = texts(shown, "#explorer-name")
    assert pointed[0] in set(load_per_class("the_gap", "sl", 0)["name"])
    rarest = load_per_class("the_gap", "sl", 0)["frequency"].min()
    shown.evaluate("document.querySelector('.explorer-panel svg').focus()")
    press = """for (let i = 0; i < 200; i++) document.activeElement.dispatchEvent(
      new KeyboardEvent('keydown', {key: 'ArrowLeft', bubbles: true}))"""
    shown.evaluate(press)
    assert f"seed 0: {rarest} training pictures" in texts(shown, "#explorer-values li")[0]


def test_photographs_go_by_name_alone(shown: Tab) -> None:
    choose(shown, "experiment-0", "tiny_imagenet_gap")
    choose(shown, "experiment-1", "tiny_imagenet_gap")
    choose(shown, "concept", "maypole")
    assert texts(shown, "#explorer-name") == ["maypole"]
    assert len(texts(shown, "#explorer-values li")) == 2
    assert texts(shown, ".explorer-drawing") == []
    assert "200 concepts, 50 test pictures" in texts(shown, ".explorer-panel p")[0]


def test_accuracy_and_other_runs_can_be_chosen(shown: Tab) -> None:
    choose(shown, "run-1", "clip-template")
    choose(shown, "measure", "accuracy")
    labels = shown.evaluate(
        "[...document.querySelectorAll('.explorer-panel svg')].map(svg => svg.ariaLabel)"
    )
    assert labels[0].startswith("accuracy against training pictures, one dot a concept: sl, seed 0")
    assert "clip-template, seed 0" in labels[1]
    assert all(names(shown))


def test_the_front_page_says_it_above_the_fold(tab: Tab, address: str) -> None:
    tab.open(f"{address}/book/index.html")
    ends = tab.evaluate(
        "[...document.querySelectorAll('article figure img, article .sd-card')]"
        ".map(element => element.getBoundingClientRect().bottom)"
    )
    assert len(ends) == 4
    assert max(ends) <= 900
