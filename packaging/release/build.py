"""Build everything that a release consists of, into one folder: `make dist`.

The same commit always gives the same bytes. What is built is the working tree; with a key it must be exactly a commit.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from release.bill import libraries, render_bill, render_licenses
from release.debian import NoDebian
from release.image import build_image
from release.signature import read_key
from release.system_package import KINDS, PYTHONS, Package, architecture, build_packages

ROOT = Path(__file__).parents[2]
VERIFIER = "agent/strongroom/evidence/verifier.py"
SUMS = "SHA256SUMS"
MAINTAINER = "Strongroom maintainers <maintainers@strongroom.invalid>"


class Release(NamedTuple):
    """What is built from where, and under which date."""

    root: Path
    out: Path
    version: str
    made: datetime
    pythons: tuple[str, ...] = PYTHONS
    kinds: tuple[str, ...] = KINDS
    maintainer: str = MAINTAINER

    def write(self, name: str, text: str) -> None:
        """Write a text file of the release."""
        (self.out / name).write_text(text, encoding="utf-8")


def open_release(root: Path, out: Path) -> Release:
    """Empty the folder and return what is to be built there."""
    if out.exists():
        shutil.rmtree(out)
    out.mkdir(parents=True)
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    return Release(root, out.resolve(), project["version"], datetime.fromtimestamp(commit_time(root), UTC))


def commit_time(root: Path) -> int:
    """Return the date of all files: SOURCE_DATE_EPOCH, or the last commit's; in seconds since 1970."""
    if stated := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(stated)
    return int(_git(root, "log", "-1", "--format=%ct") or 0)


def changed_files(root: Path) -> list[str]:
    """Return the files that are not as they were committed."""
    return _git(root, "status", "--porcelain").splitlines()


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def build_python(release: Release) -> None:
    """Build wheel and source package."""
    epoch = str(int(release.made.timestamp()))
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", str(release.out)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": epoch}
    subprocess.run(command, cwd=release.root, env=environment, check=True, stdout=subprocess.DEVNULL)


def copy_verifier(release: Release) -> None:
    """Add the verifier as the one file that it is, to hand to an auditor."""
    target = release.out / f"strongroom-verify-{release.version}.py"
    shutil.copyfile(release.root / VERIFIER, target)
    target.chmod(0o755)


def list_libraries(release: Release) -> None:
    """Add the bill of materials, and the licenses."""
    found = libraries(release.root / "requirements.lock")
    release.write(f"strongroom-{release.version}.cdx.json", render_bill(release.version, found, release.made))
    release.write("LICENSES.md", render_licenses(found))


def build_system_packages(release: Release) -> None:
    """Build the deb and the rpm around the wheel."""
    (wheel,) = release.out.glob("*.whl")
    package = Package(release.root, wheel, release.version, int(release.made.timestamp()), release.maintainer)
    with tempfile.TemporaryDirectory() as work:
        build_packages(package, release.out, release.pythons, release.kinds, Path(work))


def build_container(release: Release) -> None:
    """Build the image and its own bill of materials, or say why this machine cannot."""
    (wheel,) = release.out.glob("*.whl")
    package = Package(release.root, wheel, release.version, int(release.made.timestamp()), release.maintainer)
    try:
        with tempfile.TemporaryDirectory() as work:
            image = build_image(package, Path(work))
    except NoDebian as error:
        sys.stderr.write(f"image skipped: {error}\n")
        return
    name = f"strongroom-{release.version}-image-{architecture()}"
    (release.out / f"{name}.tar").write_bytes(image.file)
    found = libraries(release.root / "requirements.lock")
    release.write(f"{name}.cdx.json", render_bill(release.version, found, release.made, image.debian))
    sys.stdout.write(f"{image.unpacked:>12,}  {name}.tar unpacked\n")


STEPS: dict[str, Callable[[Release], None]] = {
    "python": build_python,
    "verifier": copy_verifier,
    "bill": list_libraries,
    "packages": build_system_packages,
    "image": build_container,
}


def sum_files(out: Path) -> str:
    """Return the digests of all files of a folder, as `sha256sum --check` reads them."""
    files = sorted(path for path in out.iterdir() if path.is_file() and not path.name.startswith(SUMS))
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)


def main() -> None:
    """Build what the command line asks for."""
    parser = ArgumentParser(description="Build everything that a release consists of.")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="the folder, which is emptied")
    parser.add_argument("--key", type=Path, help="the release key; without it the sums are not signed")
    parser.add_argument("--only", choices=STEPS, action="append", help="build this part only; may be repeated")
    parser.add_argument("--python", action="append", help="a version that deb and rpm can run on; may be repeated")
    parser.add_argument("--kind", choices=KINDS, action="append", help="of the packages, this one only")
    wanted = parser.parse_args()
    signer = read_key(wanted.key) if wanted.key else None
    if signer and (changed := changed_files(ROOT)):
        raise SystemExit(f"not signed: {len(changed)} files are not as committed, such as {changed[0]}")
    release = open_release(ROOT, wanted.out)
    release = release._replace(pythons=tuple(wanted.python or PYTHONS), kinds=tuple(wanted.kind or KINDS))
    for step in wanted.only or STEPS:
        STEPS[step](release)
    sums = sum_files(release.out)
    release.write(SUMS, sums)
    if signer:
        release.write(f"{SUMS}.note", signer.sign(sums))
    sys.stdout.write("".join(f"{path.stat().st_size:>12,}  {path.name}\n" for path in sorted(release.out.iterdir())))


if __name__ == "__main__":
    main()
