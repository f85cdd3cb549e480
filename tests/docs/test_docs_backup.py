"""The backup and the way back that docs/systemd.md tells, line by line, while somebody works in the vault."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from strongroom.config.load import load_config
from strongroom.engine.bootstrap import open_engine
from strongroom.engine.core.identities import make_identity
from strongroom.engine.core.sources import Dependencies
from strongroom.engine.queries.initialize import NewVault, initialize
from strongroom.engine.repair.restart import recover
from strongroom.model.archive import Holding
from strongroom.vault.archives import all_archive_ids
from strongroom.vault.vault import Vault, open_vault

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "systemd.md").read_text()
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)

WRITER = f"""#!{sys.executable}
# Stands in front of a tool: writes into the vault first, so that something lies between each two steps.
import os, sys
from pathlib import Path
sys.path[:0] = [str(Path({str(ROOT)!r}) / each) for each in ("agent", "tests")]
from kit import backups
if __name__ == "__main__":
    if os.environ["LIVE"]:
        backups.work(Path(os.environ["LIVE"]))
    tool, path = Path(sys.argv[0]).name, os.environ["PATH"].partition(os.pathsep)[2]
    found = [each for each in (Path(folder) / tool for folder in path.split(os.pathsep)) if each.exists()]
    if found:
        os.execve(found[0], sys.argv, os.environ)
    backups.rsync(sys.argv[1:])
"""


def block(name: str) -> list[str]:
    found = re.search(rf"<!-- copied: {name} -->\n```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1].splitlines()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "var").mkdir()
    (tmp_path / "bin").mkdir()
    (tmp_path / "host" / "strongroom").mkdir(parents=True)
    for tool in ("cp", "sqlite3", "rsync"):
        if tool != "rsync" and shutil.which(tool) is None:
            pytest.skip(f"{tool} is not on this machine")
        path = tmp_path / "bin" / tool
        path.write_text(WRITER)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    program = tmp_path / "bin" / "strongroom"
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH={ROOT / "agent"}:{ROOT / "tui"} exec {sys.executable} -m strongroom "$@"\n'
    )
    program.chmod(0o755)
    dependencies = Dependencies(clock=lambda: NOW)
    wanted = NewVault(tmp_path / "var" / "vault", tmp_path / "var" / "strongroom.toml", tmp_path / "identity.age", None)
    initialize(wanted, make_identity(os.urandom), dependencies)
    return tmp_path


def follow(place: Path, name: str) -> str:
    """Run a block as it stands, with other folders for the machine's own and without another user."""
    said = []
    for line in block(name):
        if "chown" in line:  # there is no such user here
            continue
        words = line.replace("sudo -u strongroom ", "").replace("sudo ", "")
        words = words.replace("/var/lib/strongroom", str(place / "var")).replace("backup-host:", f"{place}/host/")
        words = words.replace("/opt/strongroom/bin", str(place / "bin"))
        words = words.replace("/etc/strongroom/config.toml", str(place / "var" / "strongroom.toml"))
        env = {**os.environ, "PATH": f"{place / 'bin'}:{os.environ['PATH']}", "LIVE": str(place / "var" / "vault")}
        env |= {"LIVE": "" if name == "restore" else env["LIVE"]}
        done = subprocess.run(["/bin/sh", "-euc", words], env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        said.append(done.stdout + done.stderr)
    return "".join(said)


@pytest.fixture
def restored(place: Path) -> Iterator[tuple[Vault, str]]:
    """The vault as it comes back after the old one is gone, and what was said on the way."""
    follow(place, "backup")
    (place / "var" / "vault").rename(place / "gone")
    shutil.rmtree(place / "var" / "copy")
    said = follow(place, "restore")
    vault = open_vault(place / "var" / "vault")
    yield vault, said
    vault.close()


@pytest.mark.slow
def test_what_the_documented_steps_bring_back_starts(place: Path, restored: tuple[Vault, str]) -> None:
    vault, said = restored
    assert "nothing is wrong" in said
    before = {path.stem for path in (place / "gone" / "manifests").glob("*/*.json")}
    held = set(all_archive_ids(vault.catalogue))
    assert len(before) >= 4  # an archive came in between each two steps
    assert held <= before
    copied = {path.stem for path in (place / "host" / "strongroom" / "vault" / "manifests").glob("*/*.json")}
    assert held == copied  # those that the files have, not only those that the catalogue had
    with open_engine(load_config(place / "var" / "strongroom.toml"), "test", Dependencies(clock=lambda: NOW)) as engine:
        recover(engine)  # what raised "last line is not entry" where the catalogue was the older one
        assert engine.vault.layout.tmp.is_dir()
    lines = vault.layout.log.read_bytes().splitlines()
    assert lines == [row["line"] for row in vault.catalogue.read("SELECT line FROM entries ORDER BY seq")]
    assert {row["holding"] for row in vault.catalogue.read("SELECT holding FROM archives")} == {Holding.HELD.value}


@pytest.mark.slow
def test_a_vault_without_its_folder_for_unfinished_work_starts(place: Path) -> None:
    shutil.rmtree(place / "var" / "vault" / "tmp")
    with open_engine(load_config(place / "var" / "strongroom.toml"), "test", Dependencies(clock=lambda: NOW)) as engine:
        recover(engine)
        assert stat.S_IMODE(engine.vault.layout.tmp.stat().st_mode) == 0o700


def test_nothing_that_counts_is_left_out_of_the_copy() -> None:
    (line,) = (each for each in block("backup") if "--exclude" in each)
    assert re.findall(r"--exclude='?([^ ']+)", line) == ["/tmp/", "/log/", "/catalogue*", "/lock"]
    assert line.split()[-2].endswith("/vault/")  # what the excluded paths begin at
