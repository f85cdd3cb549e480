"""The wheel, built offline from this tree: it holds the three packages with their data files, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import strongroom

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "strongroom": ROOT / "agent" / "strongroom",
    "strongroom_sandbox": ROOT / "agent" / "strongroom_sandbox",
    "strongroom_tui": ROOT / "tui" / "strongroom_tui",
}
BUILT_FROM = ("agent", "tui", "packaging", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Build from a copy, so that nothing of the build stays in the tree."""
    tree, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("wheel")
    ignore = shutil.ignore_patterns("__pycache__")
    for name in BUILT_FROM:
        source = ROOT / name
        shutil.copytree(source, tree / name, ignore=ignore) if source.is_dir() else shutil.copy2(source, tree / name)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(command, cwd=tree, check=True, capture_output=True)
    (path,) = out.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.mark.slow
def test_the_wheel_holds_the_three_packages_and_its_own_records(wheel: zipfile.ZipFile) -> None:
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert tops == {*PACKAGES, f"strongroom-{strongroom.__version__}.dist-info"}


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_packages(wheel: zipfile.ZipFile) -> None:
    wanted = {
        f"{package}/{path.relative_to(folder)}"
        for package, folder in PACKAGES.items()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    held = {name for name in wheel.namelist() if not name.partition("/")[0].endswith(".dist-info")}
    assert held == wanted
    assert "strongroom/vault/migrations/0001_catalogue.sql" in held
    assert any(name.endswith(".tcss") for name in held)
    assert {f"{package}/py.typed" for package in PACKAGES} <= held


@pytest.mark.slow
def test_the_wheel_says_what_it_is(wheel: zipfile.ZipFile) -> None:
    records = f"strongroom-{strongroom.__version__}.dist-info"
    told = Parser().parsestr(wheel.read(f"{records}/METADATA").decode())
    assert told["Version"] == strongroom.__version__
    assert told["Requires-Python"] == ">=3.11"
    assert told["License-Expression"] == "Apache-2.0"
    assert b"strongroom = strongroom.cli.start:main" in wheel.read(f"{records}/entry_points.txt")
    assert b"strongroom-verify = strongroom.evidence.verifier:main" in wheel.read(f"{records}/entry_points.txt")
    assert f"{records}/licenses/LICENSE" in wheel.namelist()
    wanted = [text for text in told.get_all("Requires-Dist", []) if "extra" not in text]
    assert len(wanted) > 10
    assert not [text for text in wanted if text.startswith(("starlette", "uvicorn", "pytest"))]
    assert {"adapter-tests", "demo", "notify", "s3", "timestamps"} <= set(told.get_all("Provides-Extra", []))
