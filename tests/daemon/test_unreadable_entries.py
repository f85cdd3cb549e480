"""An entry of the log in the catalogue that cannot be read: a start and a reload name it, and the next step."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kit.daemon_service import serving, turns
from kit.engine_bench import Bench, open_bench
from strongroom.engine.core.sources import Dependencies
from strongroom.model.errors import ExitCode, StrongroomError

BAD = (b"{", b"[]", b"\xff", b'{"seq":1}', b'{"at":1,"facts":[],"kind":3,"seq":"x"}')


@pytest.mark.slow
def test_a_start_and_a_reload_over_an_entry_that_cannot_be_read_name_it(tmp_path: Path) -> None:
    with open_bench(tmp_path) as bench:
        with serving(bench) as (service, engine, _boot):
            turns(bench, service)
            path = engine.vault.layout.catalogue
            lines = entries_of(path)
            for seq, bad in zip(sorted(lines)[:-1:5], BAD, strict=False):
                put(path, seq, bad)
                told = failure(lambda: service.adopt(bench.config, Dependencies(clock=bench.clock)))
                assert told is None or f"{seq} of entries" in told.message, (seq, bad, told)
                put(path, seq, lines[seq])
            service.adopt(bench.config, Dependencies(clock=bench.clock))
        for seq, bad in zip(sorted(lines)[:-1:5], BAD, strict=False):
            put(path, seq, bad)
            told = failure(lambda: start(bench))
            assert told is not None and told.exit_code == ExitCode.VAULT
            assert f"the row {seq} of entries" in told.message
            assert "strongroom recover" in told.hint
            put(path, seq, lines[seq])
        start(bench)


def start(bench: Bench) -> None:
    with serving(bench) as (service, _engine, _boot):
        service.turn()


def failure(work: object) -> StrongroomError | None:
    """Return what it raises; another error than one in words is raised here as well."""
    try:
        work()  # type: ignore[operator]
    except StrongroomError as error:
        return error
    return None


def entries_of(path: Path) -> dict[int, bytes]:
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT seq, line FROM entries"))


def put(path: Path, seq: int, line: bytes) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE entries SET line = ? WHERE seq = ?", (line, seq))
