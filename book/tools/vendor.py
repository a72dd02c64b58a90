"""Fetch the front-end files that the book ships, so that its pages ask no other host.

    python book/tools/vendor.py           remake both folders from the npm registry
    python book/tools/vendor.py --check   compare the committed files with SHA256SUMS

``book/_static/vendor`` is part of the book; ``tests/pages/vendor`` is what its tests need and no
reader is given: axe-core, the rules of accessibility, unchanged and under its own licence
(MPL-2.0). Each package is pinned by version and by the registry's own sha512; only the files that
are needed are kept, beside their licence. A folder's ``SHA256SUMS`` lists what came out.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import shutil
import sys
import tarfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENDOR, TESTS = ROOT / "book" / "_static" / "vendor", ROOT / "tests" / "pages" / "vendor"
SUMS = "SHA256SUMS"
REGISTRY = "https://registry.npmjs.org"
EXTENSIONS = "bbox boldsymbol braket cancel color enclose html textmacros unicode upgreek verb"
ICONS = "1551f4f60c37af51121f 7a3337626410ca2f4071 d878b0a6a1144760244f"

# Its tarball carries no licence file; require.js names the holder and the MIT licence.
REQUIREJS_NOTICE = "RequireJS. Copyright jQuery Foundation and other contributors.\n\n"


@dataclass(frozen=True)
class Package:
    """One npm package and, of its files, those that are kept (source path -> our path)."""

    name: str
    version: str
    sha512: str
    keep: dict[str, str]

    @property
    def url(self) -> str:
        """Return the tarball's address."""
        stem = self.name.rpartition("/")[2]
        return f"{REGISTRY}/{self.name}/-/{stem}-{self.version}.tgz"


PACKAGES = (
    Package(
        "mathjax",
        "3.2.2",
        "Bt+SSVU8eBG27zChVewOicYs7Xsdt40qm4+UpHyX7k0/O9NliPc+x77k1/FEsPsjKPZGJvtRZM1vO+geW0OhGw==",
        {
            "LICENSE": "mathjax/LICENSE",
            "es5/tex-chtml.js": "mathjax/tex-chtml.js",
            "es5/output/chtml/fonts/woff-v2/": "mathjax/output/chtml/fonts/woff-v2/",
            **{
                f"es5/input/tex/extensions/{name}.js": f"mathjax/input/tex/extensions/{name}.js"
                for name in EXTENSIONS.split()
            },
        },
    ),
    Package(
        "requirejs",
        "2.3.7",
        "DouTG8T1WanGok6Qjg2SXuCMzszOo0eHeH9hDZ5Y4x8Je+9JB38HdTLT4/VA8OaUhBa0JPVHJ0pyBkM1z+pDsw==",
        {"require.js": "requirejs/require.js"},
    ),
    Package(
        "@jupyter-widgets/html-manager",
        "1.0.14",
        "wglgQQ+VMj+MBKkTttdeoMtOah/H2A1w5GU1OAVXmDQqZYTK6C+oHZjQMxcNezIpiqUjC1YHKOo5XdP3ENvBng==",
        {
            "LICENSE": "html-manager/LICENSE",
            "dist/embed-amd.js": "html-manager/embed-amd.js",
            **{f"dist/{name}.woff2": f"html-manager/{name}.woff2" for name in ICONS.split()},
        },
    ),
    Package(
        "reveal.js",
        "5.2.1",
        "r7//6mIM5p34hFiDMvYfXgyjXqGRta+/psd9YtytsgRlrpRzFv4RbH76TXd2qD+7ZPZEbpBDhdRhJaFgfQ7zNQ==",
        {
            "LICENSE": "reveal/LICENSE",
            "dist/reveal.js": "reveal/reveal.js",
            "dist/reveal.css": "reveal/reveal.css",
            "plugin/notes/notes.js": "reveal/notes.js",
        },
    ),
)
FOR_TESTS = (
    Package(
        "axe-core",
        "4.14.1",
        "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
        {
            "LICENSE": "axe-core/LICENSE",
            "LICENSE-3RD-PARTY.txt": "axe-core/LICENSE-3RD-PARTY.txt",
            "axe.min.js": "axe-core/axe.min.js",
        },
    ),
)


def fetch(package: Package, folder: Path) -> None:
    """Download one package, check it, and unpack the files that are kept."""
    with urllib.request.urlopen(package.url) as answer:
        tarball = answer.read()
    found = base64.b64encode(hashlib.sha512(tarball).digest()).decode()
    if found != package.sha512:
        raise SystemExit(f"{package.url}: sha512 is {found}, expected {package.sha512}.")
    kept = 0
    with tarfile.open(fileobj=io.BytesIO(tarball), mode="r:gz") as archive:
        for member in archive.getmembers():
            path = member.name.removeprefix("package/")
            for source, target in package.keep.items():
                if path == source or (source.endswith("/") and path.startswith(source)):
                    file = archive.extractfile(member)
                    if file is None:
                        continue
                    destination = folder / (target + path.removeprefix(source))
                    destination.parent.mkdir(parents=True, exist_ok=True)
                    destination.write_bytes(file.read())
                    kept += 1
    if kept < len(package.keep):
        raise SystemExit(f"{package.name} {package.version}: a file to keep is not there.")


def sums(folder: Path) -> str:
    """Return the checksum list of all files in a folder, in ``sha256sum``'s format."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SUMS)
    digests = (hashlib.sha256(path.read_bytes()).hexdigest() for path in files)
    names = (path.relative_to(folder).as_posix() for path in files)
    return "".join(f"{digest}  {name}\n" for digest, name in zip(digests, names, strict=True))


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare only, change nothing")
    if parser.parse_args().check:
        changed = [f for f in (VENDOR, TESTS) if sums(f) != (f / SUMS).read_text()]
        for folder in (VENDOR, TESTS):
            name = folder.relative_to(ROOT)
            if folder in changed:
                print(f"{name} differs from its {SUMS}: run book/tools/vendor.py.")
            else:
                print(f"{name} is as recorded.")
        return int(bool(changed))
    for folder, packages in ((VENDOR, PACKAGES), (TESTS, FOR_TESTS)):
        shutil.rmtree(folder, ignore_errors=True)
        for package in packages:
            fetch(package, folder)
    licence = (ROOT / "LICENSE").read_text()
    permission = licence[licence.index("Permission is hereby granted") :]
    (VENDOR / "requirejs" / "LICENSE").write_text(REQUIREJS_NOTICE + permission)
    for folder in (VENDOR, TESTS):
        (folder / SUMS).write_text(sums(folder))
        number = len((folder / SUMS).read_text().splitlines())
        print(f"wrote {folder.relative_to(ROOT)} ({number} files)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
