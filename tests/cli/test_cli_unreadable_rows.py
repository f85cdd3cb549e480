"""Values in the catalogue that cannot be read: each command names the row, and none takes it for its own fault."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from cli_home import Home, Invoke

COMMANDS = (
    ("status",),
    ("jobs",),
    ("archives",),
    ("coverage",),
    ("plan",),
    ("log",),
    ("audit", "verify"),
    ("scrub", "run"),
    ("run", "--once", "--patience", "1s"),
)
DAMAGES = (
    ("jobs", "cause", "nosuch"),
    ("jobs", "window_end", "2026-99-99"),
    ("coverage", "window_end", "soon"),
    ("entries", "line", b"{"),
    ("entries", "line", b"[]"),
    ("sources", "refused_cause", "nosuch"),
    ("retained", "rule", "{"),
    ("archives", "manifest", '{"overlap": 1e999}'),
)


@pytest.mark.slow
@pytest.mark.parametrize(("table", "column", "value"), DAMAGES, ids=[f"{one}-{two}" for one, two, _ in DAMAGES])
def test_no_command_takes_a_row_for_its_own_fault(
    own_home: Home, invoke: Invoke, table: str, column: str, value: object
) -> None:
    with closing(sqlite3.connect(own_home.vault / "catalogue.sqlite")) as connection, connection:
        key = {"coverage": "window_start", "entries": "seq", "retained": "archive", "sources": "name"}.get(table, "id")
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = (SELECT max({key}) FROM {table})", (value,))
    for command in COMMANDS:
        result = invoke("--config", own_home.config, *command)
        assert result.exit_code in (0, 1, 4), (command, result.output)
        assert "should not have been possible" not in result.output
