"""With no byte free on the vault's disk everything that only reads works, and what writes is refused as a full disk."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from kit.cli_home import Home, Invoke
from kit.tui_bench import Seat
from kit.tui_vault import until
from strongroom.config.load import load_config
from strongroom.engine.core.sources import system_clock
from strongroom_tui.app import StrongroomApp
from strongroom_tui.reader import VaultReader

READING = (
    "status",
    "coverage",
    "jobs",
    "archives",
    "log",
    "plan",
    "verify",
    "verify --content",
    "records zavu-main-records --from 2026-11-01 --to 2026-11-02",
    "audit verify",
    "hold list",
    "retention plan",
    "scrub status",
    "key list",
    "recover",
)
WRITING = ("scrub run", "hold place --matter m --everything --reason r", "recover --accept-lost-history w")


def move_to(home: Home, folder: Path) -> Home:
    """Copy a vault, with a write-ahead log that has something in it and no index beside it."""
    with closing(sqlite3.connect(home.vault / "catalogue.sqlite")) as connection:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("INSERT INTO vault VALUES ('of the write-ahead log', 'newest')")
        connection.commit()
        copy = Home(folder)
        shutil.copytree(home.folder, copy.folder)
    copy.config.write_text(home.config.read_text().replace(str(home.folder), str(copy.folder)))
    (copy.vault / "catalogue.sqlite-shm").unlink()
    assert (copy.vault / "catalogue.sqlite-wal").stat().st_size
    return copy


def is_ours(path: Path) -> bool:
    """Say whether a file is one that SQLite may finish by itself: its log goes into the catalogue, byte for byte."""
    return path.name.startswith("catalogue.sqlite")


def fill(folder: Path) -> None:
    """Leave no byte on the file system that holds a folder."""
    fd = os.open(folder / "fill", os.O_WRONLY | os.O_CREAT)
    with suppress(OSError):
        while True:
            os.write(fd, bytes(4096))
    os.close(fd)


@pytest.fixture
def full(own_home: Home, tmp_path: Path) -> Iterator[Home]:
    """A vault on a full disk: a real one where it may be mounted, else a process that may not write."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)]
    if os.geteuid() == 0 and subprocess.run(mount, check=False, capture_output=True).returncode == 0:
        try:
            home = move_to(own_home, disk / "home")
            fill(disk)
            yield home
        finally:
            subprocess.run(["umount", "--lazy", str(disk)], check=True)
        return
    home = move_to(own_home, disk / "home")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield home
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.slow
def test_what_only_reads_works_on_a_full_disk(full: Home, invoke: Invoke, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in full.vault.rglob("*") if path.is_file() and not is_ours(path)}
    for words in READING:
        result = invoke("--config", full.config, *words.split())
        assert result.exit_code == (words in ("status", "coverage")), (words, result.output)
        assert "error:" not in result.output, words
    doctor = invoke("--config", full.config, "doctor", "--offline")
    assert doctor.exit_code == 1
    told = " ".join(doctor.output.split())
    assert "nothing can be written into the vault" in told
    assert "every one follows the one before it" in told
    archive = full.archives()[0]
    if resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 0:
        restored = invoke("--config", full.config, "restore", archive, "--to", tmp_path / "elsewhere")
        assert restored.exit_code == 0, restored.output
    for path, data in before.items():
        assert not path.exists() or path.read_bytes() == data, path


@pytest.mark.slow
def test_what_writes_is_refused_as_a_full_disk(full: Home, invoke: Invoke) -> None:
    for words in WRITING:
        result = invoke("--config", full.config, *words.split())
        assert result.exit_code in (2, 6), (words, result.output)
        assert result.exit_code == 2 or "full" in result.output, (words, result.output)
    assert invoke("--config", full.config, "verify").exit_code == 0


TABS = {
    "1": "3 archives",
    "2": "Schedules  1-1",
    "3": "Jobs  1-4 of 4",
    "4": "Archives  1-4 of 4",
    "5": "Verdicts  1-4",
    "6": "Evidence",
    "7": "No space left on device",
}


@pytest.mark.slow
async def test_the_screen_shows_every_tab_and_every_detail_on_a_full_disk(full: Home) -> None:
    reader = VaultReader(load_config(full.config))
    app = StrongroomApp(reader, system_clock)
    try:
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            seat = Seat(app, pilot)
            for key, shown in TABS.items():
                await seat.press(key)
                assert shown in seat.text, seat.text
                await seat.press(*(("enter", "escape") if key in "2345" else ("r",)))
            await seat.press("4", "o")
            await until(seat, "1-50")
            assert not app._notifications
            await seat.press("escape", "3", "t", "tab", "enter")
            assert "the disk is full" in " ".join(each.message for each in app._notifications)
    finally:
        reader.close()
