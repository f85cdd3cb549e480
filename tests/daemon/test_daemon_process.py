"""The daemon as a process: signals, one a vault, a reload that is refused, an idle that costs nothing."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from kit.daemon_process import PATIENCE, Running, daemon
from kit.engine_bench import Bench, open_bench
from kit.listeners import script
from strongroom.engine.core.sources import open_reading
from strongroom.engine.queries.lists import list_archives, worked_on_by
from strongroom_sandbox.options import ZavuOptions


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Bench]:
    """A house on the real clock: the daemon is a process of its own."""
    with open_bench(tmp_path, zavu=ZavuOptions(pace=0), real=True) as bench:
        yield bench


@pytest.mark.slow
def test_it_covers_leaves_on_sigterm_and_is_alone(house: Bench) -> None:
    with daemon(house) as running, open_reading(house.config) as vault:
        running.wait_for(lambda: len(list_archives(vault)) >= 2)
        assert "strongroom daemon" in worked_on_by(vault)
        second = Running(house)
        assert second.process.wait(PATIENCE) == 5
        assert second.said("in use by strongroom daemon")
        began = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(PATIENCE) == 0
        assert time.monotonic() - began < 30
        assert running.said("stopped")
        assert worked_on_by(vault) == ""
    assert house.sandbox.api_key not in running.log.read_text()


@pytest.mark.slow
def test_an_invalid_configuration_is_refused_on_sighup_and_a_valid_one_taken(house: Bench) -> None:
    good = house.config.file.read_text()
    with daemon(house) as running:
        house.config.file.write_text(good + '\n[daemon]\nworkers = "many"\n')
        running.process.send_signal(signal.SIGHUP)
        running.wait_for(lambda: running.said("the previous one stays active"))
        house.config.file.write_text(good + "\n[daemon]\nworkers = 3\n")
        running.process.send_signal(signal.SIGHUP)
        running.wait_for(lambda: running.said("configuration read again"))


@pytest.mark.slow
def test_killed_again_and_again_it_still_makes_one_archive_a_window(house: Bench) -> None:
    with open_reading(house.config) as vault:
        for delay in (0.1, 1.0, 5.5):
            with daemon(house):
                time.sleep(delay)
        with daemon(house) as running:
            running.wait_for(lambda: len(list_archives(vault)) >= 2)
        windows = [archive.spec.window for archive in list_archives(vault)]
        assert len(windows) == len(set(windows))
    asked = [(job.order.date_from, job.order.date_to) for job in house.sandbox.zavu.jobs]
    assert len(asked) == len(set(asked)) >= len(windows)


@pytest.mark.slow
def test_a_daemon_whose_vault_is_taken_away_tells_somebody(house: Bench) -> None:
    told = house.base / "told.jsonl"
    tell = script(house.base, "tell", f"open({str(told)!r}, 'ab').write(sys.stdin.buffer.read())")
    house.config.file.write_text(house.config.file.read_text() + f'\n[notify]\ncommand = ["{tell}"]\n')
    os.environ["STATE_DIRECTORY"] = str(house.base / "state")
    try:
        with daemon(house) as running:
            (house.base / "vault").rename(house.base / "away")
            running.process.wait(PATIENCE)
            assert running.process.returncode not in (0, 2)
        assert "the daemon has failed" in told.read_text()
        again = Running(house)
        assert again.process.wait(PATIENCE) == 4, again.log.read_text()
    finally:
        del os.environ["STATE_DIRECTORY"]


@pytest.mark.slow
@pytest.mark.parametrize("how", ["was deleted", "was replaced by another file"])
def test_a_catalogue_that_is_taken_away_ends_the_daemon_and_tells_somebody(
    house: Bench, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = house.base / "told.jsonl"
    tell = script(house.base, "tell", f"open({str(told)!r}, 'ab').write(sys.stdin.buffer.read())")
    house.config.file.write_text(house.config.file.read_text() + f'\n[notify]\ncommand = ["{tell}"]\n')
    catalogue = house.base / "vault" / "catalogue.sqlite"
    monkeypatch.setenv("STATE_DIRECTORY", str(house.base / "state"))
    with listening(monkeypatch) as status:
        with daemon(house) as running:
            running.wait_for(at_rest(catalogue))  # taken away during a write it is damaged: another refusal
            if how == "was deleted":
                catalogue.unlink()
            else:
                other = house.base / "other"
                other.write_bytes(catalogue.read_bytes())
                other.replace(catalogue)
            assert running.process.wait(PATIENCE) == 4, running.log.read_text()
            assert running.said(how)
        assert "the daemon has failed" in told.read_text()
        assert how in status()  # what `systemctl status` shows from then on
        assert "strongroom recover" in status()


def at_rest(catalogue: Path) -> Callable[[], bool]:
    """Return what says whether nothing was written to a catalogue between its last ten calls."""
    seen: list[tuple[bytes, bytes]] = []

    def look() -> bool:
        wal = catalogue.with_name(f"{catalogue.name}-wal")
        seen.append((catalogue.read_bytes(), wal.read_bytes() if wal.exists() else b""))
        return len(seen) >= 10 and all(each == seen[-1] for each in seen[-10:])

    return look


@contextmanager
def listening(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """Be systemd: give what returns the newest status line that was told."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as plug:
        plug.bind(f"{folder}/notify")
        plug.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", f"{folder}/notify")
        lines = [""]

        def newest() -> str:
            with suppress(BlockingIOError):
                while True:
                    told = plug.recv(65536).decode()
                    lines.extend(line for line in told.splitlines() if line.startswith("STATUS="))
            return lines[-1]

        yield newest
