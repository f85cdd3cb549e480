"""A vault that can only be read: who looks is served, who writes is refused as the machine's doing."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping

import pytest

from kit.cli_home import Home
from kit.forks import run_program

LOOKING = [
    ["status"],
    ["coverage"],
    ["jobs"],
    ["archives"],
    ["log"],
    ["verify"],
    ["verify", "--content"],
    ["audit", "verify"],
    ["notify", "list"],
    ["key", "list"],
    ["plan"],
    ["hold", "list"],
    ["retention", "plan"],
    ["scrub", "status"],
    ["recover"],
]
WRITING = [["run", "--once"], ["pause", "zavu-main"], ["key", "rotate"], ["scrub", "run"], ["audit", "checkpoint"]]


@pytest.fixture
def still(own_home: Home) -> Iterator[Home]:
    """A vault without a right to write anywhere in it."""
    everything = [own_home.vault, *own_home.vault.rglob("*")]
    for path in everything:
        path.chmod(0o500 if path.is_dir() else 0o400)
    yield own_home
    for path in everything:
        if path.exists():
            path.chmod(0o700 if path.is_dir() else 0o600)


def run(home: Home, environment: Mapping[str, str], *args: str) -> subprocess.CompletedProcess[str]:
    env = {**environment, "HOME": str(home.folder)}
    return run_program(["--config", home.config, *args], env, powerless=True)


@pytest.mark.slow
def test_who_looks_is_served_and_told_so(still: Home, home: Home, environment: dict[str, str]) -> None:
    for args in LOOKING:
        done = run(still, environment, *args)
        usual = run(home, environment, *args)
        assert (done.returncode, "error:" in done.stderr) == (usual.returncode, False), (args, done.stderr)
        assert done.stderr.count("cannot be written here; it is only read") == 1, args
    archive = still.archives()[0]
    done = run(still, environment, "restore", archive, "--to", str(still.folder / "out"))
    assert done.returncode == 0, done.stderr
    doctor = run(still, environment, "doctor", "--offline")
    assert doctor.returncode == 1
    assert "cannot be written by this user" in " ".join(doctor.stdout.split())
    assert "unable to open" not in doctor.stdout


@pytest.mark.slow
def test_who_writes_is_refused_as_the_machines_doing(still: Home, environment: dict[str, str]) -> None:
    for args in WRITING:
        done = run(still, environment, *args)
        assert done.returncode == 6, (args, done.stderr)


@pytest.mark.slow
def test_entries_that_cannot_be_read_are_never_left_out(still: Home, environment: dict[str, str]) -> None:
    still.vault.chmod(0o700)
    shutil.copy(still.vault / "README.txt", still.vault / "catalogue.sqlite-wal")
    still.vault.chmod(0o500)
    done = run(still, environment, "status")
    assert done.returncode == 6
    assert "copy the vault" in done.stderr
