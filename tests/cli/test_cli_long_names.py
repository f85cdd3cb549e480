"""Names as long as a file system takes, for everything that is written and read by name; an identity with a mark."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kit.cli_home import Home, Invoke
from strongroom.vault.layout import beside

PERIOD = ("--from", "2026-11-01", "--to", "2026-11-02")


def named(folder: Path, letter: str, length: int, ending: str = "") -> Path:
    """Return a path whose name has so many bytes, two of them a letter."""
    return folder / (
        letter + "\u00fc" * ((length - len(ending) - 1) // 2) + "x" * ((length - len(ending) - 1) % 2) + ending
    )


@pytest.mark.parametrize("length", [243, 255])
def test_long_names_of_what_is_written(length: int, own_home: Home, invoke: Invoke, tmp_path: Path) -> None:
    archive, key = own_home.archives()[0], named(tmp_path, "i", length)
    key.write_bytes(b"\xef\xbb\xbf" + own_home.identity.read_bytes())
    key.chmod(0o600)
    opened = ("--identity", key)
    for letter, args in {
        "o": ("records", "zavu-main-records", *PERIOD, *opened, "--output"),
        "r": ("restore", archive, *opened, "--to"),
        "h": ("handover", "--archives", archive, *opened, "--to"),
        "b": ("rebuild", "--to"),
        "k": ("key", "export", "--archives", archive, *opened, "--plain", "--to"),
    }.items():
        target = named(tmp_path, letter, length)
        done = invoke("--config", own_home.config, *args, target)
        assert done.exit_code == 0, (args, done.output)
        assert target.exists(), args
    assert sorted(path.name[0] for path in tmp_path.iterdir()) == ["b", "c", "h", "i", "k", "o", "r"]


@pytest.mark.parametrize("length", [243, 255])
def test_a_vault_under_long_names(length: int, invoke: Invoke, tmp_path: Path) -> None:
    config, vault = named(tmp_path, "c", length, ".toml"), named(tmp_path, "v", length)
    identity, paper = named(tmp_path, "i", length), named(tmp_path, "p", length)
    made = invoke(
        *("init", "--config", config, "--vault", vault, "--identity", identity, "--no-passphrase"),
        *("--recovery-file", paper, "--source", "zavu-main", "--api-key", "env:NONE", "--dataset", "messages"),
    )
    assert made.exit_code == 0, made.output
    for args in (
        ("audit", "checkpoint"),
        ("audit", "verify"),
        ("plan", "edit", "zavu-main-records", "--priority", "2"),
    ):
        done = invoke("--config", config, *args)
        assert done.exit_code == 0, (args, done.output)
    assert list(tmp_path.glob("*.note"))
    assert json.loads(invoke("--config", config, "status", "--json").stdout)


def test_a_name_beside_another_fits_and_is_found_again() -> None:
    for length in (1, 200, 240, 255):
        path = named(Path("/x"), "n", length)
        found = beside(path, ".part")
        assert found == beside(path, ".part") != beside(named(Path("/x"), "m", length), ".part")
        assert len(found.name.encode()) <= 245
        assert found.name.endswith(".part")
