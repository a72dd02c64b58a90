"""Sphinx extension: what a page does not need does not keep it from being drawn.

On each page

- scripts wait until the page is parsed;
- MathJax is loaded where there is a formula, sphinx-design's files where it is used;
- the state of the widgets stands at the end (``book/_static/widgets.js`` loads their code).

When all pages are written, style sheets keep only the rules whose classes some page or script
names, and the icon fonts only the icons that are left: of 500 kB a third remains.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from fontTools import subset  # type: ignore[import-untyped]
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]
from offline import WIDGET_STATE
from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder

# An inline script of the theme sets fields of what this one defines.
AT_ONCE = "documentation_options.js"
# What is loaded only where its mark stands in the page's text.
MARKS = {"mathjax": 'class="math', "design-tabs": "sd-", "sphinx-design": "sd-"}
# Scripts in which no class is named, and one that names every icon and has its own styles for them.
UNREAD = ("fontawesome.js", "mathjax", "searchindex.js")
WIDGETS = "embed-amd.js"
ICONS = ("solid-900", "regular-400", "brands-400")

TOKEN = re.compile(
    r"""/\*.*?\*/ | "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' | url\([^"')]*\)
        | \\. | [{};] | [^{};"'/\\u]+ | .""",
    re.DOTALL | re.VERBOSE,
)
# The theme offers each icon font in two formats; the pages get a third.
FORMATS = re.compile(
    r"""url\(([^()]*/fa-[\w-]+)\.woff2\)\ format\("woff2"\),
        url\([^()]*\)\ format\("truetype"\)""",
    re.VERBOSE,
)
# Rules hold others inside these; what stands in another one, such as @keyframes, is not selectors.
NESTING = ("@media", "@supports", "@layer", "@container")
NEGATIVE = re.compile(r":(?:not|is|where|has)\((?:[^()]|\([^()]*\))*\)")
CLASS = re.compile(r"\.((?:\\.|[\w-])+)")
WORD = re.compile(r"[A-Za-z_][\w-]*")
ESCAPED = re.compile(r"\\([0-9a-f]{4})\b")


def lighten(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Reorder and drop what a page loads."""
    body = context.get("body", "")
    for key in ("script_files", "css_files"):
        context[key] = [file for file in context[key] if _is_used(file, body)]
    if doctree is None:
        # The search page's own inline script needs its scripts at once.
        return
    states = [file for file in context["script_files"] if _type(file) == WIDGET_STATE]
    for state in states:
        context["script_files"].remove(state)
        text = state.attributes["body"]
        context["body"] += f'\n<script type="{WIDGET_STATE}">{text}</script>\n'
    context["script_files"] = [_patient(file) for file in context["script_files"]]


def _patient(file: Any) -> Any:
    """Return a script that waits for the page, unless it must not; scripts are shared by pages."""
    name, attributes = str(getattr(file, "filename", "")), getattr(file, "attributes", {})
    if not name.endswith(".js") or name.endswith(AT_ONCE) or "async" in attributes:
        return file
    return type(file)(name, priority=file.priority, **{**attributes, "defer": "defer"})


def _type(file: object) -> str | None:
    kind: str | None = getattr(file, "attributes", {}).get("type")
    return kind


def _is_used(file: object, body: str) -> bool:
    name = str(getattr(file, "filename", file))
    return all(mark in body for word, mark in MARKS.items() if word in name)


def pruned(css: str, words: set[str]) -> str:
    """Return a style sheet without the rules for classes that are none of `words`.

    A selector stays if each class that it requires is a word. Comments go, but for licenses.
    """
    return "".join(_rules(iter(TOKEN.findall(css)), words))


def _rules(tokens: Iterator[str], words: set[str]) -> Iterator[str]:
    """Yield what is kept up to the brace that closes the present block, or to the end."""
    head = ""
    for token in tokens:
        if token.startswith("/*"):
            yield token if token.startswith("/*!") else ""
        elif token == "}":
            break
        elif token == ";":
            yield f"{head};"
            head = ""
        elif token != "{":
            head += token
        elif head.lstrip().startswith(NESTING):
            inner = "".join(_rules(tokens, words))
            yield f"{head}{{{inner}}}" if inner.strip() else ""
            head = ""
        else:
            block = _block(tokens)
            at_rule = head.lstrip().startswith("@")
            kept = head if at_rule else ",".join(s for s in _split(head) if _needed(s, words))
            yield f"{kept}{{{block}}}" if kept.strip() else ""
            head = ""
    yield head


def _block(tokens: Iterator[str]) -> str:
    """Return a block's text up to its closing brace, blocks inside it and all."""
    depth, text = 1, ""
    for token in tokens:
        depth += (token == "{") - (token == "}")
        if not depth:
            break
        text += "" if token.startswith("/*") else token
    return text


def _split(selectors: str) -> Iterator[str]:
    """Yield the selectors of a list; commas inside parentheses and brackets do not part them."""
    depth, start = 0, 0
    for place, letter in enumerate(selectors):
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and not depth:
            yield selectors[start:place]
            start = place + 1
    yield selectors[start:]


def _needed(selector: str, words: set[str]) -> bool:
    required = CLASS.findall(re.sub(r"\[[^\]]*\]", "", NEGATIVE.sub("", selector)))
    return all(name.replace("\\", "") in words or "\\" in name for name in required)


def words(output: Path) -> set[str]:
    """Return all words of the pages and scripts in a folder of HTML, which may name classes."""
    found: set[str] = set()
    for path in output.rglob("*.*"):
        if path.suffix in (".html", ".js") and not any(part in str(path) for part in UNREAD):
            text = path.read_text(encoding="utf-8")
            # A picture in a widget's state is base64, of which each piece looks like a word.
            named = WORD.findall(re.sub(r"base64,[\w+/=]+", "", text))
            found.update(w for w in named if path.name != WIDGETS or not w.startswith("fa-"))
    return found


def trim(app: Sphinx, error: Exception | None) -> None:
    """Prune the style sheets and the icon fonts of the finished HTML."""
    if error is not None or not isinstance(app.builder, StandaloneHTMLBuilder):
        return
    output = Path(app.outdir)
    static = output / "_static"
    used = words(output)
    icons: set[int] = set()
    for path in sorted([*static.glob("*.css"), *static.glob("styles/*.css")]):
        css = pruned(path.read_text(encoding="utf-8"), used)
        css = FORMATS.sub(r'url(\1.woff) format("woff")', css)
        path.write_text(css, encoding="utf-8")
        icons.update(int(code, 16) for code in ESCAPED.findall(css))
    for name in ICONS:
        for path in (static / "vendor" / "fontawesome" / "webfonts").glob(f"fa-{name}.ttf"):
            shrink_font(path, path.with_suffix(".woff"), icons)


def shrink_font(source: Path, target: Path, icons: set[int]) -> None:
    """Write a font with the named code points alone, as WOFF, which needs no other package."""
    with TTFont(source) as font:
        worker = subset.Subsetter(subset.Options(layout_features=[]))
        worker.populate(unicodes=icons)
        worker.subset(font)
        font.flavor = "woff"
        font.save(target)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect after all others that add files."""
    app.connect("html-page-context", lighten, priority=950)
    app.connect("build-finished", trim, priority=950)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
