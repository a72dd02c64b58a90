"""What the book's extension takes off the pages, and what it must leave."""

import sys
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parents[1] / "book" / "tools"))
import offline


def script(name: str | None, **attributes: str) -> SimpleNamespace:
    return SimpleNamespace(filename=name, attributes=attributes)


def test_thebe_goes_and_all_else_stays() -> None:
    own, style = script("_static/widgets.js"), script("_static/style.css")
    inline = script(None, body="const THEBE_JS_URL = 'x'")
    context = {
        "script_files": [own, script("_static/sphinx-thebe.js"), inline],
        "css_files": [style, script("_static/thebe.css")],
    }
    offline.drop_thebe(None, "page", "page.html", context, None)
    assert context == {"script_files": [own], "css_files": [style]}


def test_a_widgets_state_stays_whatever_its_base64_spells() -> None:
    state = script(None, type=offline.WIDGET_STATE, body='{"png": "aGtHeBE9"}')
    context = {"script_files": [state], "css_files": []}
    offline.drop_thebe(None, "page", "page.html", context, None)
    assert context["script_files"] == [state]
