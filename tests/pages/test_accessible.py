"""No page breaks a rule of axe-core; what can be used is reached and used by keyboard alone.

Every page is looked at in one setting, and in four in ``make full``. Folds are opened and sliders
drawn before, so that nothing is left out.
"""

import os
from pathlib import Path
from typing import Any

import pytest
import test_pages
import test_sliders
from browser import CHROMIUM, Tab

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH")

AXE = Path(__file__).with_name("vendor") / "axe-core" / "axe.min.js"
EVERY = [(1280, False), (1280, True), (390, False), (390, True)]
SETTINGS = EVERY if os.environ.get("LT_COURSE_FULL") else EVERY[:1]
PAGES = [*test_pages.EXPECTED, "search", "genindex"]

# What is opened fades in, and would be measured half transparent.
UNFOLD = """document.querySelectorAll('details').forEach(fold => { fold.open = true; });
  document.getAnimations().forEach(each => {
    if (each.effect.getComputedTiming().endTime !== Infinity) each.finish(); })"""
FINDINGS = """axe.run(document, {resultTypes: ['violations']}).then(({violations}) =>
  violations.flatMap(({id, nodes}) =>
    nodes.map(({target, html}) => `${id}: ${target.join(' ')}: ${html.slice(0, 160)}`)))"""


@pytest.mark.parametrize("name", PAGES)
def test_no_rule_of_axe_is_broken(tab: Tab, address: str, name: str) -> None:
    script, found = AXE.read_text(encoding="utf-8"), {}
    for width, dark in SETTINGS:
        tab.open(f"{address}/{name}.html", width=width, dark=dark)
        tab.evaluate(UNFOLD)
        tab.evaluate(test_sliders.DRAWN)
        tab.evaluate(script)
        found[width, dark] = tab.evaluate(FINDINGS)
    assert found == {setting: [] for setting in SETTINGS}


def test_axe_finds_what_is_wrong(tab: Tab, address: str) -> None:
    """The oracle itself: an image without a text, and grey letters on grey."""
    tab.open(f"{address}/genindex.html")
    tab.evaluate(
        "document.querySelector('article').insertAdjacentHTML('beforeend',"
        '\'<img src="data:,"><p style="color: #999; background: #888">grey</p>\')'
    )
    tab.evaluate(AXE.read_text(encoding="utf-8"))
    rules = {finding.partition(":")[0] for finding in tab.evaluate(FINDINGS)}
    assert rules == {"image-alt", "color-contrast"}


# One page of each kind: cards and folds, slider and quiz, recorded tables, models, menus, a form.
KINDS = [
    "book/index",
    "notebooks/00_start_here",
    "book/results",
    "book/clip_in_the_page",
    "book/explorer",
    "search",
]
READY = "window.clipReady || window.explorerReady || 1"

# What a keyboard should stop at: of a group of radio buttons one, of a closed fold its summary.
WANTED = """(window.wanted = [...document.querySelectorAll(
    'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]')]
  .filter(element => element.tabIndex >= 0 && !element.disabled && element.checkVisibility({
    contentVisibilityAuto: true, opacityProperty: true, visibilityProperty: true})
    && !element.closest('dialog:not([open])'))
  .filter((element, i, all) => element.type !== 'radio'
    || all.findIndex(other => other.name === element.name) === i)).length"""

# How an element looks, and whether it has a ring: a card has it over its whole face, the fold of a
# list around the mark inside, a field for the search around its form, a box around its title.
LOOK = """window.look = element =>
  [[element], [element, '::after'], [element.firstElementChild || element],
   [element.closest('form') || element],
   [element.closest('.admonition')?.querySelector('.admonition-title') || element, '::before'],
  ].map(each => {
    const style = getComputedStyle(...each);
    const outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1;
    return (outlined ? `ring ${style.outline} ` : '')
      + (style.boxShadow !== 'none' ? `ring ${style.boxShadow}` : ''); }).join(';'); 1"""

# Where the focus is among the wanted, and whether it is shown there by a ring.
STOP = """(() => { const element = document.activeElement;
  if (element === document.body) return null;
  const focused = look(element);
  element.blur();
  const shown = focused.includes('ring') && look(element) !== focused;
  element.focus({preventScroll: true, focusVisible: true});
  return {place: wanted.indexOf(element), shown, html: element.outerHTML.slice(0, 140)}; })()"""


def press(tab: Tab, key: str) -> None:
    """Press and release a key, as a keyboard does."""
    codes = {"Tab": 9, "Enter": 13, " ": 32, "ArrowLeft": 37, "ArrowRight": 39, "ArrowDown": 40}
    text = {"Enter": "\r", " ": " "}.get(key)
    for kind in ("keyDown", "keyUp"):
        typed = {"text": text} if text and kind == "keyDown" else {}
        tab.call(
            "Input.dispatchKeyEvent",
            type=kind, key=key, code=key, windowsVirtualKeyCode=codes[key], **typed,
        )  # fmt: skip


def stops(tab: Tab) -> list[dict[str, Any]]:
    """Press Tab until the focus has been round the page; return where it was."""
    found: list[dict[str, Any]] = []
    for _ in range(1_000):
        press(tab, "Tab")
        stop = tab.evaluate(STOP)
        if found and stop == found[0]:
            return found
        if stop is not None:  # between the last and the first it is nowhere
            found.append(stop)
    raise AssertionError("the focus goes on and on")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", KINDS)
def test_all_is_reached_by_tab_and_the_focus_is_seen(
    tab: Tab, address: str, name: str, dark: bool
) -> None:
    tab.open(f"{address}/{name}.html", dark=dark)
    tab.evaluate(f"Promise.resolve({READY}).then(() => 1)")
    tab.evaluate(test_sliders.DRAWN)
    tab.evaluate("scrollTo(0, 0)")
    tab.evaluate(LOOK)
    wanted = tab.evaluate(WANTED)
    found = stops(tab)
    missed = sorted(set(range(wanted)) - {stop["place"] for stop in found})
    names = [tab.evaluate(f"wanted[{place}].outerHTML.slice(0, 140)") for place in missed]
    assert names == []
    assert [stop["html"] for stop in found if not stop["shown"]] == []


def test_a_slider_is_moved_by_keys(tab: Tab, address: str) -> None:
    tab.open(f"{address}/notebooks/00_start_here.html")
    if tab.evaluate(test_sliders.DRAWN) == 0:
        pytest.skip("no slider on this page")
    before = tab.evaluate(test_sliders.SEEN)
    tab.evaluate("document.querySelector('.noUi-handle').focus()")
    press(tab, "ArrowRight")
    assert tab.evaluate(test_sliders.SEEN) != before
    press(tab, "ArrowLeft")
    assert tab.evaluate(test_sliders.SEEN) == before


def test_a_question_is_answered_by_keys(tab: Tab, address: str) -> None:
    tab.open(f"{address}/notebooks/00_start_here.html")
    tab.evaluate("document.querySelector('.quiz input').focus()")
    press(tab, " ")
    chosen = "[...document.querySelectorAll('.quiz input:checked')].map(input => input.id)"
    first = tab.evaluate(chosen)
    assert len(first) == 1
    press(tab, "ArrowDown")
    assert len(tab.evaluate(chosen)) == 1
    assert tab.evaluate(chosen) != first
    tab.evaluate("document.querySelector('.quiz-reset').focus()")
    press(tab, "Enter")
    assert tab.evaluate(chosen) == []


def test_the_explorer_is_used_by_keys(tab: Tab, address: str) -> None:
    tab.open(f"{address}/book/explorer.html")
    tab.evaluate("explorerReady.then(() => 1)")
    name = "document.getElementById('explorer-name').textContent"
    first = tab.evaluate(name)
    tab.evaluate("document.querySelector('.explorer-panel svg').focus()")
    press(tab, "ArrowLeft")
    assert tab.evaluate(name) != first
    press(tab, "ArrowRight")
    assert tab.evaluate(name) == first
    tab.evaluate("document.getElementById('explorer-measure').focus()")
    press(tab, "ArrowDown")
    press(tab, "Enter")
    label = tab.evaluate("document.querySelector('.explorer-panel svg').ariaLabel")
    assert label.startswith("accuracy")


def test_clip_in_the_page_is_used_by_keys(tab: Tab, address: str) -> None:
    tab.open(f"{address}/book/clip_in_the_page.html")
    tab.evaluate("clipReady.then(() => 1)")
    source = "document.getElementById('clip-source').textContent"
    first = tab.evaluate(source)
    tab.evaluate("document.querySelectorAll('#clip-drawings button')[7].focus()")
    press(tab, "Enter")
    second = tab.evaluate(source)
    assert second != first
    tab.evaluate("document.querySelector('#clip-examples button').focus()")
    press(tab, " ")
    assert tab.evaluate(source) != second
    tab.evaluate("document.getElementById('clip-share').focus()")
    press(tab, "ArrowRight")
    assert tab.evaluate("document.getElementById('clip-share-value').textContent") == "0.05"


MOVING = """[...document.querySelectorAll('*')].flatMap(element =>
  ['', '::before', '::after'].filter(part => { const style = getComputedStyle(element, part);
    const lasts = times => times.split(',').some(time => parseFloat(time) > 0.001);
    return lasts(style.transitionDuration) || style.scrollBehavior === 'smooth'
      || style.animationName !== 'none' && lasts(style.animationDuration);
  }).map(part => element.outerHTML.slice(0, 80) + part))"""


@pytest.mark.parametrize("name", KINDS)
def test_nothing_moves_for_those_who_ask_for_rest(tab: Tab, address: str, name: str) -> None:
    tab.open(f"{address}/{name}.html", calm=True)
    tab.evaluate(test_sliders.DRAWN)
    assert tab.evaluate("matchMedia('(prefers-reduced-motion: reduce)').matches")
    assert tab.evaluate(MOVING) == []
