"""How long the package is: all lines and lines of code, by part; `make size` fails above limits."""

from __future__ import annotations

import io
import sys
import tokenize
from collections import Counter
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "lt_course"
CORE = ("", "data", "models", "objectives", "training", "evaluation", "study")
NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
WITHIN = {"core": 9_180, "package": 23_110, "longest module": 400}
"""What may not be exceeded; lowered with each step towards 5,000, 17,000 and 400."""

CONTENT = "exercises"
"""Answers, typical mistakes and what is said of them: text of the lessons, and not counted."""


def code_lines(text: str) -> int:
    """Lines that hold more than a comment or a docstring."""
    lines: set[int] = set()
    last = tokenize.NEWLINE
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        begins = last in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
        docstring = token.type == tokenize.STRING and begins
        if token.type not in NO_CODE and not docstring and token.type != tokenize.ENDMARKER:
            lines.update(range(token.start[0], token.end[0] + 1))
        if token.type not in (tokenize.NL, tokenize.COMMENT):
            last = token.type
    return len(lines)


def main() -> int:
    """Print a table; return 1 if a limit is exceeded."""
    plain, code, longest = Counter[str](), Counter[str](), (0, "")
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text()
        parts = path.relative_to(PACKAGE).parts
        part = CONTENT if CONTENT in parts else parts[0] if len(parts) > 1 else ""
        length = len(text.splitlines())
        plain[part] += length
        code[part] += code_lines(text)
        longest = max(longest, (length, "/".join(parts)))
    for part in sorted(plain, key=lambda part: (part not in CORE, part)):
        print(f"{part or 'root':<12} {plain[part]:>7,} lines {code[part]:>7,} of code")
    found = {
        "core": sum(plain[part] for part in CORE),
        "package": sum(plain.values()) - plain[CONTENT],
        "longest module": longest[0],
    }
    of_core = sum(code[part] for part in CORE)
    print(f"{'core':<12} {found['core']:>7,} lines {of_core:>7,} of code")
    of_package = sum(code.values()) - code[CONTENT]
    print(f"{'package':<12} {found['package']:>7,} lines {of_package:>7,} of code")
    print(f"longest module: {longest[1]}, {longest[0]} lines")
    above = [name for name, limit in WITHIN.items() if found[name] > limit]
    for name in above:
        print(f"Too long: {name} has {found[name]:,} lines, more than {WITHIN[name]:,}.")
    return int(bool(above))


if __name__ == "__main__":
    sys.exit(main())
