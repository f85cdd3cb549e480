"""Archives are read from a copy where the vault's own files are missing or damaged, and the commands say so."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kit.sealed_vault import CSV_SHAPE, House
from strongroom.cli.main import cli
from strongroom.config.load import load_config
from strongroom.engine.access.browse import Browser
from strongroom.engine.access.content import check_content
from strongroom.engine.access.inventory import each_archive
from strongroom.engine.access.records import records_of
from strongroom.engine.copies.reading import open_with_copies
from strongroom.model.archive import Archive

LINES = 9_000  # several chunks of sealed bytes, which do not compress


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    for number in range(2):
        rows = "".join(
            f"{number}-{at},2026-03-01T05:00:00Z,{os.urandom(8).hex()}\n" for at in range(LINES * number + 2)
        )
        made.seal(f"id,at,text\n{rows}".encode(), alone=False)
    made.vault.write_log()
    (tmp_path / "disk").mkdir()
    with (tmp_path / "strongroom.toml").open("a") as file:
        file.write(f'\n[[copy]]\nname = "disk"\npath = "{tmp_path}/disk"\n')
    assert run(made, "index", "build", "--identity", f"{tmp_path}/identity.age").exit_code == 0
    assert run(made, "copy", "run").exit_code == 0
    yield made
    made.vault.close()


def run(house: House, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--config", f"{house.base}/strongroom.toml", *words])


def archives(house: House) -> list[Archive]:
    return sorted(
        (each for each in each_archive(house.vault) if isinstance(each, Archive)), key=lambda each: each.seal.size
    )


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


DAMAGES: dict[str, Callable[[Path], None]] = {
    "missing": Path.unlink,
    "in the header": lambda path: flip(path, 40),
    "in the middle": lambda path: flip(path, path.stat().st_size // 2),
    "cut": cut,
}


def files(house: House) -> dict[Path, bytes]:
    return {
        path: path.read_bytes()
        for folder in ("archives", "keys", "index", "manifests", "tmp")
        for path in (house.base / "vault" / folder).rglob("*")
        if path.is_file()
    }


def read(house: House, archive: Archive) -> list[bytes]:
    with open_with_copies(load_config(house.base / "strongroom.toml"), lambda _words: None) as vault:
        return [each.line for each in records_of(vault, archive, CSV_SHAPE, house.identities)]


def test_each_damage_is_read_past_and_named(house: House) -> None:
    identity = ("--identity", f"{house.base}/identity.age")
    big = archives(house)[1]
    payload, key = house.vault.payload_path(big), house.vault.key_path(big)
    wanted = read(house, big)
    assert len(wanted) == LINES + 2
    sound = {path: path.read_bytes() for path in (payload, key)}
    for number, (name, damage) in enumerate(DAMAGES.items()):
        for path in (payload, key):
            path.write_bytes(sound[path])
        damage(payload)
        if number % 2:
            damage(key)
        before = files(house)
        to = house.base / f"restored{number}.csv"
        restored = run(house, "restore", big.id, "--to", str(to), *identity)
        assert (name, restored.exit_code) == (name, 0), restored.output
        assert (
            f"the file of archive {big.id} is missing or damaged in the vault; read from copy disk" in restored.stderr
        )
        assert ("the key file of archive" in restored.stderr) == bool(number % 2)
        assert read(house, big) == wanted
        assert files(house) == before  # reading repairs nothing
        assert run(house, "verify", big.id).exit_code == 1  # and hides nothing
    payload.unlink(missing_ok=True)
    with open_with_copies(load_config(house.base / "strongroom.toml"), lambda _words: None) as vault:
        assert check_content(vault, big, house.identities) == []
        with Browser(vault, big, house.identities) as browser:
            assert len(browser.read(LINES - 1, 10).records) == 3


def test_a_search_reads_segments_from_a_copy(house: House) -> None:
    identity = ("--identity", f"{house.base}/identity.age")
    for archive in archives(house):
        house.vault.layout.segment(archive.id).unlink()
    found = run(house, "search", "id:1-7", *identity)
    assert (found.exit_code, found.stderr.count("the search segment of archive")) == (0, 2), found.output
    assert "1-7" in found.output


def test_what_is_damaged_everywhere_or_destroyed_is_not_read(house: House) -> None:
    identity = ("--identity", f"{house.base}/identity.age")
    big = archives(house)[1]
    house.vault.payload_path(big).unlink()
    (copied,) = (house.base / "disk").rglob(f"{big.id}.age")
    flip(copied, 5000)
    to = house.base / "restored.csv"
    restored = run(house, "restore", big.id, "--to", str(to), *identity)
    assert (restored.exit_code != 0, to.exists()) == (True, False)
    (house.base / "disk").rename(house.base / "away")
    restored = run(house, "restore", big.id, "--to", str(to), *identity)
    assert "the copy disk is not in" in restored.stderr
