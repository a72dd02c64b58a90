"""The page with a CLIP in it: what its script computes is what PyTorch computes."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import CHROMIUM, Tab, browser, served

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
    pairs = zip(sum(found, []), sum(wanted, []), strict=True)
    return max(abs(a - b) for a, b in pairs)


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


def test_every_control_has_a_name(clip: Tab) -> None:
    clip.call("Accessibility.enable")
    nodes = clip.call("Accessibility.getFullAXTree")["nodes"]
    controls = [
        node
        for node in nodes
        if node.get("role", {}).get("value") in ("button", "textbox", "slider", "combobox")
    ]
    assert len(controls) > 60
    assert not [node for node in controls if not node["name"]["value"].strip()]
