"""Rows of the catalogue that were changed by hand: which command finds it, and what is never signed by them."""

from __future__ import annotations

import json
import random
import sqlite3
from contextlib import closing

import pytest

from kit.cli_home import Home, Invoke
from strongroom.vault.derived import NOT_DERIVED, TABLES

PERIOD = ("--from", "2026-11-01", "--to", "2026-11-05")


def run_sql(home: Home, *statements: str) -> None:
    with closing(sqlite3.connect(home.vault / "catalogue.sqlite")) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def findings(invoke: Invoke, home: Home) -> list[str]:
    result = invoke("--config", home.config, "audit", "verify", "--json", "--skip-payloads")
    assert result.exit_code in (0, 1), result.output
    found = [f"{each['code']} {each['where']}" for each in json.loads(result.output)["findings"]]
    assert bool(found) == (result.exit_code == 1)
    return found


def test_coverage_that_one_statement_made_whole_is_neither_signed_nor_reported(own_home: Home, invoke: Invoke) -> None:
    run_sql(own_home, "UPDATE coverage SET cover = 'proven'")
    signed = invoke("--config", own_home.config, "coverage", "statement", *PERIOD)
    assert signed.exit_code == 4
    assert "no gap" not in signed.output
    report = invoke("--config", own_home.config, "coverage")
    assert report.exit_code == 1
    assert report.output.startswith("NOT CONFIRMED")
    assert any(each.startswith("row coverage") for each in findings(invoke, own_home))


def test_a_statement_is_signed_where_the_log_confirms_the_coverage(own_home: Home, invoke: Invoke) -> None:
    signed = invoke("--config", own_home.config, "coverage", "statement", *PERIOD)
    assert signed.exit_code == 1
    assert "gap" in signed.output
    assert findings(invoke, own_home) == []


@pytest.mark.parametrize("value", ["{", "{}", "[]", '"x"', '{"name": 1}'])
def test_a_rule_that_cannot_be_read_hides_no_deleted_hold(own_home: Home, invoke: Invoke, value: str) -> None:
    placed = ("hold", "place", "--matter", "Doe", "--reason", "suit", "--stream", "zavu-main-records")
    assert invoke("--config", own_home.config, *placed).exit_code == 0
    run_sql(own_home, "DELETE FROM holds", f"UPDATE retained SET rule = '{value}'")
    found = findings(invoke, own_home)
    assert any("holds" in each for each in found), found
    assert any(each.startswith("row retained") for each in found), found


@pytest.mark.slow
def test_every_changed_column_is_found_or_said_not_to_be_decided_by(own_home: Home, invoke: Invoke) -> None:
    """Change one column of one row of every table at a time; the audit names it, whatever the value."""
    random_bytes, missed = random.Random(11), []
    catalogue = own_home.vault / "catalogue.sqlite"
    with closing(sqlite3.connect(catalogue)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    known = {table.name for table in TABLES} | set(NOT_DERIVED)
    assert {name for name in names if not name.startswith(("sqlite_", "_sqlite"))} <= known
    whole = catalogue.read_bytes()
    for table in TABLES:
        for column in table.columns:
            with closing(sqlite3.connect(catalogue)) as connection, connection:
                keys = connection.execute(f"SELECT {', '.join(table.key)} FROM {table.name}").fetchall()
                where = " AND ".join(f"{name} = ?" for name in table.key)
                if not keys:
                    continue
                key = random_bytes.choice(keys)
                old = connection.execute(f"SELECT {column} FROM {table.name} WHERE {where}", key).fetchone()[0]
                fresh = old + 1 if isinstance(old, int) else _other(column, old)
                connection.execute("PRAGMA foreign_keys = OFF")
                connection.execute("PRAGMA ignore_check_constraints = ON")
                connection.execute(f"UPDATE {table.name} SET {column} = ? WHERE {where}", (fresh, *key))
            if not findings(invoke, own_home):
                missed.append(f"{table.name}.{column}")
            for path in own_home.vault.glob("catalogue.sqlite-*"):
                path.unlink()
            catalogue.write_bytes(whole)
    assert missed == []


def _other(column: str, old: str | None) -> str:
    if column in ("at", "since", "until", "earliest", "latest") or column.endswith(("_at", "_start", "_end")):
        return "2031-01-01T00:00:00.000000Z"
    return f"{old or ''}x"


@pytest.mark.parametrize("words", [("recover",), ("recover", "--apply")])
def test_an_empty_catalogue_is_diagnosed_and_made_again(own_home: Home, invoke: Invoke, words: tuple[str, ...]) -> None:
    for path in own_home.vault.glob("catalogue.sqlite-*"):
        path.unlink()
    (own_home.vault / "catalogue.sqlite").write_bytes(b"")
    result = invoke("--config", own_home.config, *words)
    assert result.exit_code == (1 if len(words) == 1 else 0), result.output
    if len(words) == 1:
        assert "0 bytes" in result.output
    else:
        assert findings(invoke, own_home) == []
