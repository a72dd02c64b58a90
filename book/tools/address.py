"""Where the course is published: the settings of ``book/address.toml``, and what follows from them.

Nothing in the course names an address of its own. README.md, CITATION.cff and the ``.ipynb`` carry
what follows from the settings; after a change of them this writes all three:

    python book/tools/address.py

The book's buttons and pages follow at its next build (``launch.py``).
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from lt_course.errors import CourseError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = ROOT / "book" / "address.toml"
FORMS = {
    "repository": (
        r"https://github\.com/[\w.-]+/[\w.-]+(?<!\.git)",
        "https://github.com/OWNER/NAME",
    ),
    "tag": (r"[\w.+/-]+", "v1.0"),
    "pages": (r"https?://\S+/", "https://OWNER.github.io/NAME/"),
}
START = "<!-- Written by book/tools/address.py. -->"
BLOCK = re.compile(rf"{START}\n.*?<!-- / -->\n", re.DOTALL)
FIRST = "notebooks/00_start_here.ipynb"
BADGES = {
    "Colab": "https://colab.research.google.com/assets/colab-badge.svg",
    "Kaggle": "https://kaggle.com/static/images/open-in-kaggle.svg",
    "Binder": "https://mybinder.org/badge_logo.svg",
}
BOOTSTRAP = """\
# Where the course is not installed, as on Colab and Kaggle, this installs it, once.
import importlib
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec

if find_spec("lt_course") is None:
    # These come with the service and fit its hardware: they stay as they are.
    there = filter(find_spec, ("torch", "torchvision", "numpy"))
    kept = [f"{name}=={version(name)}" for name in there]
    course = "git+{repository}@{tag}"
    pip = [sys.executable, "-m", "pip", "install", "-q", course, *kept]
    subprocess.run(pip, check=True)
    importlib.invalidate_caches()"""


class Address(NamedTuple):
    """A repository, a tag of it, and the address of the built pages ("" if there is none)."""

    repository: str
    tag: str
    pages: str = ""

    def bootstrap(self) -> str:
        """Return the code of the cell that installs this tag."""
        return BOOTSTRAP.replace("{repository}", self.repository).replace("{tag}", self.tag)

    def launchers(self, path: str) -> dict[str, str]:
        """Return where each service opens a notebook, named by its path in the repository."""
        name = self.repository.removeprefix("https://github.com/")
        tag = quote(self.tag, safe="")
        opened = f"{self.repository}/blob/{self.tag}/{path}"
        return {
            "Colab": f"https://colab.research.google.com/github/{name}/blob/{self.tag}/{path}",
            "Kaggle": f"https://kaggle.com/kernels/welcome?src={quote(opened, safe='')}",
            "Binder": f"https://mybinder.org/v2/gh/{name}/{tag}?urlpath=lab/tree/{path}",
        }


def read(path: Path = SETTINGS) -> Address | None:
    """Read the settings; None while no repository is named."""
    found = tomllib.loads(path.read_text(encoding="utf-8"))
    where = f"book/{path.name}"
    for name, (form, example) in FORMS.items():
        value = found.get(name)
        if not isinstance(value, str) or not (value == "" or re.fullmatch(form, value)):
            raise CourseError(f'{where}: {name} is {value!r}: write "{example}", or "".')
    if not any(found[name] for name in FORMS):
        return None
    for name in ("repository", "tag"):
        if not found[name]:
            raise CourseError(f"{where}: {name} is empty: set repository and tag, or nothing.")
    return Address(**{name: found[name] for name in FORMS})


def readme(text: str, address: Address | None) -> str:
    """Return README.md with the badges and the command that belong to an address, or none."""
    lines = [START]
    if address is not None:
        links = address.launchers(FIRST)
        badges = (f"[![Open lesson 00 on {n}]({BADGES[n]})]({links[n]})" for n in links)
        folder = address.repository.rpartition("/")[2]
        lines += [" ".join(badges), "", "```bash"]
        lines += [f"git clone --branch {address.tag} {address.repository}", f"cd {folder}", "```"]
    made, blocks = BLOCK.subn(lambda _: "\n".join([*lines, "<!-- / -->", ""]), text)
    if blocks != 1:
        raise CourseError(
            f"README.md has {blocks} blocks between {START!r} and '<!-- / -->', not 1."
        )
    return made


def citation(text: str, address: Address | None) -> str:
    """Return CITATION.cff with a line for the repository, or none."""
    rest = re.sub(r"^repository-code: .*\n", "", text, flags=re.MULTILINE)
    if address is None:
        return rest
    return rest.replace("license: ", f"repository-code: {address.repository}\nlicense: ", 1)


WRITTEN = {"README.md": readme, "CITATION.cff": citation}


def main() -> int:
    """Write what follows from the settings; return the exit status."""
    # Not above: notebooks.py reads the settings.
    import notebooks

    try:
        address = read()
        for name, make in WRITTEN.items():
            text = (ROOT / name).read_text(encoding="utf-8")
            (ROOT / name).write_text(make(text, address), encoding="utf-8")
        for source in notebooks.sources():
            notebooks.retell(source)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    named = f"{address.repository} at {address.tag}" if address else "no address"
    print(f"README.md, CITATION.cff and the notebooks name {named}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
