"""`strongroom-verify VAULT`: every file of an archive against the log, by the file that stands alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.destruction import WEEK, House, make_house
from strongroom.engine.destruction.destroy import carry_out
from strongroom.evidence import verifier
from strongroom.model.archive import Archive, Holding
from strongroom.vault.layout import Layout

SCRIPT = Path(verifier.__file__)
Damage = Callable[[Layout, Archive, Archive], None]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Archive, Archive, Archive]:
    """A vault with two archives, one in quarantine, and one that was destroyed."""
    house: House = make_house(tmp_path_factory.mktemp("verified"))
    first, second, doomed = house.add(3)
    house.add(holding=Holding.QUARANTINED)
    plan = house.plan(doomed)
    house.agree(plan)
    house.now += WEEK
    assert len(carry_out(house.context()).destroyed) == 1
    house.vault.close()
    return house.vault.layout.root, first, second, doomed


def verify(*args: object) -> tuple[int, str]:
    words = [sys.executable, "-I", str(SCRIPT), *map(str, args)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_a_sound_vault_is_compared_file_by_file(built: tuple[Path, Archive, Archive, Archive]) -> None:
    code, told = verify(built[0])
    assert code == 3, told  # nothing is wrong, and no given key signed it
    assert told.startswith("CHECKED     the log, and the files of every archive in it")
    assert "the files of 3 archives are the ones recorded in the log" in told


def test_a_log_alone_says_first_that_no_file_was_looked_at(built: tuple[Path, Archive, Archive, Archive]) -> None:
    for path in (built[0] / "log", built[0] / "log" / "log.jsonl"):
        _code, told = verify(path)
        assert told.startswith("CHECKED     the log alone; no file of an archive was looked at")


def swap(layout: Layout, first: Archive, second: Archive) -> None:
    one, other = layout.archive(first.id), layout.archive(second.id)
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)


def link(path: Path) -> None:
    kept = path.with_name("elsewhere")
    path.rename(kept)
    path.symlink_to(kept)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGES: dict[str, tuple[Damage, str]] = {
    "payload gone": (lambda layout, first, _: layout.archive(first.id).unlink(), "missing: archives/"),
    "key gone": (lambda layout, first, _: layout.key(first.id).unlink(), "missing: keys/"),
    "manifest gone": (lambda layout, first, _: layout.manifest(first.id).unlink(), "missing: manifests/"),
    "payload changed": (lambda layout, first, _: flip(layout.archive(first.id)), "sealed: archives/"),
    "key changed": (lambda layout, first, _: flip(layout.key(first.id)), "key: keys/"),
    "manifest changed": (lambda layout, first, _: flip(layout.manifest(first.id)), "manifest: manifests/"),
    "payloads swapped": (swap, "sealed: archives/"),
    "payload is a link": (lambda layout, first, _: link(layout.archive(first.id)), "WRONG"),
    "payload is a pipe": (
        lambda layout, first, _: pipe(layout.archive(first.id)),
        "expected a file, found something else",
    ),
    "an archive of nobody": (
        lambda layout, first, _: shutil.copy(layout.archive(first.id), layout.root / "archives" / ("0" * 26 + ".age")),
        "stray: archives/",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_what_is_wrong_with_a_file_is_found(
    built: tuple[Path, Archive, Archive, Archive], tmp_path: Path, name: str
) -> None:
    root, first, second, _doomed = built
    copied = tmp_path / "vault"
    shutil.copytree(root, copied)
    damage, words = DAMAGES[name]
    damage(Layout(copied), first, second)
    code, told = verify(copied)
    assert code == 1, told
    assert words in told


def test_a_destroyed_archive_that_is_there_again_is_found(
    built: tuple[Path, Archive, Archive, Archive], tmp_path: Path
) -> None:
    root, first, _second, doomed = built
    copied = tmp_path / "vault"
    shutil.copytree(root, copied)
    layout = Layout(copied)
    layout.key(doomed.id).parent.mkdir(exist_ok=True)
    shutil.copy(layout.key(first.id), layout.key(doomed.id))
    code, told = verify(copied)
    assert code == 1
    assert "not-destroyed: keys/" in told


def test_huge_lines_and_files_are_answered_in_bounded_memory(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    with log.open("wb") as file:
        file.truncate(6 << 30)  # one line without an end, and no block on the disk
    code, told = verify(log)
    assert code == 1
    assert "line 1" in told
    package = tmp_path / "package"
    package.mkdir()
    with (package / "package.json").open("wb") as file:
        file.truncate(20 << 30)
    code, told = verify(package)
    assert code == 1
    assert "expected at most" in told
