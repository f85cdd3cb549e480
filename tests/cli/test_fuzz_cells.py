"""Whatever a cell of the catalogue holds: no command takes it for a fault of its own."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kit.cli_home import Home
from kit.hostile_input import CELLS, SEED, Faults, rounds, run_program

COMMANDS: tuple[tuple[str, ...], ...] = (
    *(
        ("status",),
        ("jobs",),
        ("archives",),
        ("coverage",),
        ("plan",),
        ("log",),
        ("source", "list"),
        ("doctor", "--offline"),
    ),
    *(("audit",), ("audit", "verify"), ("audit", "log"), ("audit", "key"), ("audit", "checkpoint"), ("scrub", "run")),
    *(("scrub", "status"), ("notify", "list"), ("hold", "list", "--all"), ("retention", "plan", "--all"), ("verify",)),
    *(("destroy", "list", "--all"), ("erase", "list"), ("key", "list"), ("key", "drill"), ("destroy", "carry-out")),
    *(("archives", "--holding", "destroyed"), ("archives", "--from", "2026-11-01"), ("jobs", "--from", "2026-11-01")),
    *(
        ("run", "--once", "--patience", "0s"),
        ("recover",),
        ("recover", "--deep"),
        ("rebuild",),
        ("wake",),
        ("status", "--json"),
    ),
    *(
        ("coverage", "statement", "--from", "2026-11-01", "--to", "2026-11-05"),
        ("report", "--period", "2026-11", "--json"),
        ("pause", "zavu-main"),
        ("config", "check"),
    ),
    *(("hold", "place", "--matter", "B", "--everything", "--reason", "x"), ("key", "rotate"), ("resume", "zavu-main")),
    *(("destroy", "propose", "--due"), ("records", "zavu-main-records", "--from", "2026-11-01", "--to", "2026-11-05")),
)
FILLING: tuple[tuple[str, ...], ...] = (
    ("hold", "place", "--matter", "Doe", "--stream", "zavu-main-records", "--from", "2026-11-01", "--reason", "suit"),
    (
        "erase",
        "request",
        "--subject",
        "canary",
        "--stream",
        "zavu-main-records",
        "--from",
        "2026-11-01",
        "--to",
        "2026-11-02",
        "--ground",
        "asked",
    ),
    *(("audit", "checkpoint"), ("key", "drill"), ("scrub", "run"), ("wake",), ("run", "--once", "--patience", "0s")),
)


def loosen(catalogue: Path, statements: list[tuple[str, tuple[object, ...]]]) -> None:
    """Run statements on a catalogue that takes any value in any column while they run."""
    with closing(sqlite3.connect(catalogue, isolation_level=None)) as connection:
        kept = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND sql > ''").fetchall()
        connection.execute("PRAGMA writable_schema = ON")
        for name, sql in kept:
            loose = sql.replace(") STRICT, WITHOUT", ") WITHOUT").replace(") STRICT", ")").replace(" NOT NULL", "")
            connection.execute("UPDATE sqlite_schema SET sql = ? WHERE type = 'table' AND name = ?", (loose, name))
    with closing(sqlite3.connect(catalogue, isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for statement, values in statements:
            try:
                connection.execute(statement, values)
            except (sqlite3.IntegrityError, OverflowError, UnicodeEncodeError):
                continue
        connection.execute("PRAGMA writable_schema = ON")
        for name, sql in kept:
            connection.execute("UPDATE sqlite_schema SET sql = ? WHERE type = 'table' AND name = ?", (sql, name))


def columns(catalogue: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(catalogue)) as connection:
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        found = [name for (name,) in names.fetchall()]
        return [(name, row[1]) for name in found for row in connection.execute(f"PRAGMA table_info({name})")]


def spoil(
    table: str, column: str, others: list[str], random_bytes: random.Random
) -> list[tuple[str, tuple[object, ...]]]:
    """Return statements that put nonsense into a column of a table: of one row or all, or of a row that is new."""
    value = random_bytes.choice(CELLS)
    bound: object = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    sign = "CAST(? AS TEXT)" if isinstance(value, str) else "?"
    key = others[0]
    one = f" WHERE {key} = (SELECT {key} FROM {table} ORDER BY random() LIMIT 1)" if random_bytes.random() < 0.7 else ""
    fresh = ", ".join(sign if name == column else "'2026-11-02T00:00:00.000000Z'" for name in others)
    return [
        (f"UPDATE {table} SET {column} = {sign}{one}", (bound,)),
        (f"INSERT INTO {table} SELECT {fresh} WHERE NOT EXISTS (SELECT 1 FROM {table})", (bound,)),
    ]


@pytest.mark.slow
def test_whatever_a_cell_holds_a_command_ends_in_words(own_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRONGROOM_DEBUG", "1")
    monkeypatch.chdir(own_home.folder)
    for words in FILLING:
        assert run_program("--config", own_home.config, *words).code in (0, 1, 6), words
    random_bytes, found, catalogue = random.Random(f"{SEED} cells"), Faults(), own_home.vault / "catalogue.sqlite"
    with closing(sqlite3.connect(catalogue)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = own_home.folder.parent / "whole"
    shutil.copytree(own_home.vault, whole)
    cells = columns(catalogue)
    order = random_bytes.sample(cells, len(cells))
    for number in rounds(6):
        table, column = order[number % len(order)]
        shutil.rmtree(own_home.vault)
        shutil.copytree(whole, own_home.vault)
        statements = spoil(table, column, [name for other, name in cells if other == table], random_bytes)
        loosen(catalogue, statements)
        for words in random_bytes.sample(COMMANDS, 6):
            found.add((*words, statements), run_program("--config", own_home.config, *words))
    assert not found, found
