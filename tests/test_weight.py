"""What is taken off a page's weight, and what must stay."""

from pathlib import Path

import matplotlib
import pytest
import weight
from fontTools.ttLib import TTFont
from offline import WIDGET_STATE
from sphinx.builders.html._assets import _JavaScript

WORDS = {"a", "b", "fa-bars"}


@pytest.mark.parametrize(
    ("css", "kept"),
    [
        (".a{x:1}.gone{x:2}", ".a{x:1}"),
        (".a .gone,.b>p{x:1}", ".b>p{x:1}"),
        ("p{x:1}#id{x:2}", "p{x:1}#id{x:2}"),
        (".a:not(.gone){x:1}", ".a:not(.gone){x:1}"),
        (":is(.a,.gone) p{x:1}", ":is(.a,.gone) p{x:1}"),
        ('[class*=".gone"]{x:1}', '[class*=".gone"]{x:1}'),
        ("@media print{.gone{x:1}}p{x:2}", "p{x:2}"),
        ("@media print{.gone{x:1}.a{x:2}}", "@media print{.a{x:2}}"),
        ("@keyframes k{from{x:1}to{x:2}}", "@keyframes k{from{x:1}to{x:2}}"),
        ('@import "x.css";.a{x:1}', '@import "x.css";.a{x:1}'),
        (".a{y:url(data:image/svg+xml;utf8,<svg>)}", ".a{y:url(data:image/svg+xml;utf8,<svg>)}"),
        ('.a:after{content:"}"}.gone{x:1}', '.a:after{content:"}"}'),
        ("/* a */.a{/* b */x:1}/*! license */", ".a{x:1}/*! license */"),
        (".col\\:1{x:1}", ".col\\:1{x:1}"),
        ('.fa-bars:before{content:"\\f0c9"}', '.fa-bars:before{content:"\\f0c9"}'),
    ],
)
def test_rules_stay_where_their_classes_are_words(css: str, kept: str) -> None:
    assert weight.pruned(css, WORDS) == kept


def test_our_own_style_sheet_is_read_whole() -> None:
    css = (Path(weight.__file__).parents[1] / "_static" / "course.css").read_text()
    every = set(weight.WORD.findall(css))
    bare = weight.re.sub(r"/\*.*?\*/|\s", "", css, flags=weight.re.DOTALL)
    assert weight.re.sub(r"\s", "", weight.pruned(css, every)) == bare


def test_words_of_pictures_and_of_icon_lists_are_no_classes(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text('<p class="seen-1">data:image/png;base64,hidden/x+y=</p>')
    (tmp_path / "fontawesome.js").write_text("'unread'")
    (tmp_path / "embed-amd.js").write_text("'noUi-handle fa-fish'")
    found = weight.words(tmp_path)
    assert {"seen-1", "noUi-handle"} <= found
    assert not {"hidden", "x", "unread", "fa-fish"} & found


def test_a_font_keeps_the_icons_that_are_named(tmp_path: Path) -> None:
    source = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
    target = tmp_path / "icons.woff"
    weight.shrink_font(source, target, {0x2190, 0x2192})
    assert target.stat().st_size < 10_000
    with TTFont(target) as font:
        assert set(font.getBestCmap()) == {0x2190, 0x2192}


def script(name: str | None, **attributes: str) -> _JavaScript:
    return _JavaScript(name, priority=500, **attributes)


def page(body: str, *scripts: _JavaScript) -> dict:
    context = {"body": body, "script_files": list(scripts), "css_files": []}
    weight.lighten(None, "page", "page.html", context, object())
    return context


def test_scripts_wait_but_for_the_one_that_defines() -> None:
    first, second = script("_static/documentation_options.js"), script("_static/doctools.js")
    inline, early = script(None, body="x = 1"), script("_static/early.js", **{"async": "async"})
    found = page("", first, second, inline, early)["script_files"]
    assert [file.filename for file in found] == [
        "_static/documentation_options.js",
        "_static/doctools.js",
        None,
        "_static/early.js",
    ]
    assert [dict(file.attributes) for file in found] == [
        {},
        {"defer": "defer"},
        {"body": "x = 1"},
        {"async": "async"},
    ]
    # The search page shares the script and needs it at once.
    assert dict(second.attributes) == {}


@pytest.mark.parametrize(("body", "loaded"), [('<span class="math">', 1), ("<p>", 0)])
def test_mathjax_comes_with_a_formula(body: str, loaded: int) -> None:
    found = page(body, script("_static/vendor/mathjax/tex-chtml.js"))
    assert len(found["script_files"]) == loaded


def test_the_widgets_state_stands_at_the_end() -> None:
    found = page("<p>Text</p>", script(None, type=WIDGET_STATE, body='{"state": {}}'))
    assert found["script_files"] == []
    assert (
        found["body"] == f'<p>Text</p>\n<script type="{WIDGET_STATE}">{{"state": {{}}}}</script>\n'
    )
