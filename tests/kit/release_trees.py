"""Copies of what is in the repository, as two people would have it, and a release that is built once for all tests."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kit.systemd_units import ROOT
from release.system_package import UNFETCHED

EPOCH = "1764500000"
PARTS = ("python", "verifier", "bill", "packages")
SMALL = ("--python", f"3.{sys.version_info[1]}", "--kind", "deb", *(f"--only={part}" for part in PARTS))
"""Of the packages one, for one Python, and no image: the whole matrix belongs to `make test-dist`."""
HOME_URL = "https://forge.example/strongroom"


def copy_tree(target: Path) -> Path:
    """Copy every file that is, or would be, committed. Skips the test where git or its folder is not here."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is not a clone: nobody says which files belong to it")
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target / name)
            shutil.copymode(ROOT / name, target / name)
    return target


def build(tree: Path, out: Path, *arguments: str, umask: int = 0o022) -> Path:
    """Build a release from a tree. Skips the test where no package index can be reached."""
    environment = {**os.environ, "PYTHONPATH": str(tree / "packaging"), "SOURCE_DATE_EPOCH": EPOCH}
    environment |= {"HOME_URL": HOME_URL, "TZ": "Asia/Tokyo" if umask == 0o077 else "UTC"}
    command = [sys.executable, "-m", "release.build", "--out", str(out), *arguments]
    done = subprocess.run(command, cwd=tree, env=environment, umask=umask, capture_output=True, text=True, check=False)
    if UNFETCHED in done.stderr and "DO NOT MATCH THE HASHES" not in done.stderr:
        pytest.skip(done.stderr.strip()[-300:])
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.fixture(scope="session")
def built_release(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A release of this tree, built once, whichever worker comes first."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    with (shared / "release.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "release" / "SHA256SUMS").exists():
            tree = copy_tree(shared / "release-tree")
            build(tree, shared / "release", *SMALL)
    return shared / "release"
