"""Links and special files in a vault: named by every command, never followed, never waited for."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kit.cli_home import Home, Invoke

pytestmark = pytest.mark.slow

FOLDERS = ("tmp", "archives", "keys", "manifests", "quarantine", "log", "log/checkpoints")


@pytest.fixture
def neighbor(tmp_path: Path) -> Iterator[Path]:
    """Give somebody else's folder, which stays as it is."""
    folder = tmp_path / "neighbor"
    folder.mkdir()
    (folder / "precious.txt").write_text("somebody else's")
    yield folder
    assert [path.name for path in folder.iterdir()] == ["precious.txt"]
    assert (folder / "precious.txt").read_text() == "somebody else's"


def unfolded(output: str) -> str:
    """Return what was printed without the breaks between words."""
    return " ".join(output.split())


def files_of(home: Home, name: str) -> dict[str, Path]:
    shard = name[-2:]
    return {
        "payload": home.vault / "archives" / shard / f"{name}.age",
        "key": home.vault / "keys" / shard / f"{name}.key.age",
        "manifest": home.vault / "manifests" / shard / f"{name}.json",
    }


def as_link(path: Path, aside: Path) -> None:
    path.rename(aside)
    path.symlink_to(aside)


def as_pipe(path: Path, _aside: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def as_folder(path: Path, _aside: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def as_socket(path: Path, _aside: Path) -> None:
    path.unlink(missing_ok=True)
    before = Path.cwd()
    os.chdir(path.parent)  # a socket's path is short
    try:
        with closing(socket.socket(socket.AF_UNIX)) as server:
            server.bind(path.name)
    finally:
        os.chdir(before)


def as_far_link(path: Path, aside: Path) -> None:
    """Put a link in the place of the folder that the file is in: the file itself looks as it was."""
    path.parent.rename(aside)
    path.parent.symlink_to(aside, target_is_directory=True)


WAYS: dict[str, Callable[[Path, Path], None]] = {
    "link": as_link,
    "pipe": as_pipe,
    "folder": as_folder,
    "socket": as_socket,
    "link above": as_far_link,
}
COMMANDS = (
    ("verify",),
    ("scrub", "run"),
    ("audit", "verify"),
    ("recover",),
)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("part", ["payload", "key", "manifest"])
def test_a_link_or_special_file_in_place_of_an_archives_file_is_not_sound(
    part: str, way: str, own_home: Home, invoke: Invoke, tmp_path: Path
) -> None:
    name = own_home.archives()[0]
    WAYS[way](files_of(own_home, name)[part], tmp_path / "aside")
    commands = COMMANDS if way == "pipe" else COMMANDS[:1]
    for command in commands:
        result = invoke("--config", own_home.config, *command)
        assert result.exit_code not in (0, 70), (command, result.output)
        assert name in result.output, (command, result.output)
    if part in ("payload", "key") and way in ("link", "pipe"):
        for command in (("records", name), ("restore", name, "--to", tmp_path / "out")):
            result = invoke("--config", own_home.config, *command, "--identity", own_home.identity)
            assert result.exit_code not in (0, 70), (command, result.output)
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_of_the_vault_that_is_a_link_is_refused_by_every_command(
    folder: str, own_home: Home, invoke: Invoke, neighbor: Path
) -> None:
    shutil.rmtree(own_home.vault / folder)
    (own_home.vault / folder).symlink_to(neighbor, target_is_directory=True)
    every = (("status",), ("doctor", "--offline"), ("rebuild",), ("audit", "verify"), ("run", "--once"))
    for command in ((*every, ("destroy", "propose", "--due")) if folder == "tmp" else ()) or (("recover", "--apply"),):
        result = invoke("--config", own_home.config, *command)
        assert result.exit_code not in (0, 70), (command, result.output)
        assert "symbolic link" in unfolded(result.output), (command, result.output)


@pytest.mark.parametrize("way", ["link", "pipe", "folder"])
@pytest.mark.parametrize("file", ["catalogue.sqlite", "catalogue.sqlite-wal", "log/log.jsonl", "lock"])
def test_a_link_or_special_file_in_place_of_the_vaults_own_is_told_in_words(
    file: str, way: str, own_home: Home, invoke: Invoke, tmp_path: Path
) -> None:
    path = own_home.vault / file
    if not path.exists():
        path.touch()
    before = path.read_bytes()
    WAYS[way](path, tmp_path / "aside")
    looking = (("doctor", "--offline"), ("recover",), ("recover", "--apply"))
    working = (("run", "--once"),)
    for command in (*looking, *working):
        result = invoke("--config", own_home.config, *command)
        assert result.exit_code not in (0, 70), (command, result.output)
        told = unfolded(result.output)
        named = "symbolic link" in told or "instead of a file" in told or "pipe, socket" in told
        assert named or "folder where only files belong" in told, (command, told)
    if way == "link":
        assert (tmp_path / "aside").read_bytes() == before


def test_the_vault_itself_may_be_reached_through_a_link(own_home: Home, invoke: Invoke, tmp_path: Path) -> None:
    own_home.vault.rename(tmp_path / "elsewhere")
    own_home.vault.symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    for command in (("verify",), ("status",), ("audit", "verify", "--skip-payloads")):
        result = invoke("--config", own_home.config, *command)
        assert result.exit_code == (command == ("status",)), (command, result.output)  # a job of it failed
