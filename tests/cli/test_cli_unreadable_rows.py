"""Values in the catalogue that cannot be read: lists show the rest, name the row and the next step, and exit with 4."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from kit.cli_home import Home, Invoke
from strongroom.evidence.line import digest

COMMANDS = (
    ("status",),
    ("jobs",),
    ("archives",),
    ("coverage",),
    ("plan",),
    ("log",),
    ("audit", "verify"),
    ("scrub", "run"),
    ("run", "--once", "--patience", "0s"),
)
DAMAGES = (
    ("jobs", "cause", "nosuch"),
    ("jobs", "window_end", "2026-99-99"),
    ("coverage", "window_end", "soon"),
    ("entries", "line", b"{"),
    ("entries", "line", b"[]"),
    ("sources", "refused_cause", "nosuch"),
    ("sources", "clock_skew", -1e308),
    ("retained", "rule", "{"),
    ("classes", "rule", '{"CLASS": "standard"}'),
    ("archives", "manifest", '{"overlap": 1e999}'),
)
GOES_ON = (  # what is damaged, how the row is named, and what still shows the rest: words of another row
    (
        ("jobs", "cause", b"nosuch"),
        "of jobs",
        {("jobs",): "archived"},
    ),
    (
        ("jobs", "purpose", b"\xff\xfe"),
        "of jobs",
        {("jobs",): "archived", ("jobs", "--from", "2026-11-01"): "archived"},
    ),
    (
        ("archives", "manifest", b"{"),
        "of archives",
        {
            ("archives",): "zavu-main",
            ("archives", "--json"): "zavu",
            ("retention", "plan"): "2033",
            ("retention", "plan", "--all"): "zavu-main",
            ("retention", "plan", "--stream", "zavu-main-records"): "2033",
        },
    ),
    (
        ("archives", "manifest", b"\xff"),
        "of archives",
        {("archives", "--sort", "size"): "zavu-main"},
    ),
    (("coverage", "window_end", b"soon"), "of coverage", {("coverage",): "  · empty", ("plan",): "export"}),
    (
        ("coverage", "window_end", b"\xff"),
        "of coverage",
        {("coverage",): "  · empty", ("coverage", "--json"): "streams"},
    ),
    (
        ("holds", "archives", b"{"),
        "of holds",
        {
            ("hold", "list"): "zavu-main",
            ("retention", "plan"): "on hold",
            ("retention", "plan", "--all"): "no end date",
            ("destroy", "list"): "G1",
        },
    ),
    (
        ("retained", "until", b"x"),
        "of retained",
        {("retention", "plan"): "2033", ("retention", "plan", "--all"): "on hold"},
    ),
    (("proposals", "at", b"x"), "of proposals", {("destroy", "list"): "G1", ("erase", "list"): "G1"}),
    (("condemned", "changed_at", b"x"), "of condemned", {("destroy", "list", "--all"): "G1", ("erase", "list"): "G1"}),
    (("erasures", "at", b"x"), "of erasures", {("erase", "list"): "G1", ("erase", "list", "--json"): "G1"}),
    (("holds", "placed_at", b"9999-99"), "of holds", {("hold", "list", "--json"): "suit"}),
    (("entries", "line", b"{"), "of entries", {("log",): "2026-11"}),
    (("progress", "at", b"x"), "of progress", {("status",): "quarantined"}),
    (("notices", "raised_at", b"x"), "of notices", {("notify", "list"): "over"}),
    (("scrub_findings", "found_at", b"x"), "of scrub_findings", {("scrub", "status"): "key"}),
)


def key_of(table: str) -> str:
    known = {
        "coverage": "window_start",
        "entries": "seq",
        "retained": "archive",
        "condemned": "proposal",
        "sources": "name",
        "classes": "name",
        "progress": "job",
    }
    return {"notices": "key", "scrub_findings": "archive", **known}.get(table, "id")


def damage(home: Home, table: str, column: str, value: object, sign: str = "?") -> None:
    key = key_of(table)
    with closing(sqlite3.connect(home.vault / "catalogue.sqlite")) as connection, connection:
        changed = connection.execute(
            f"UPDATE {table} SET {column} = {sign} WHERE {key} = (SELECT max({key}) FROM {table})", (value,)
        )
        assert changed.rowcount


@pytest.mark.slow
@pytest.mark.parametrize(("table", "column", "value"), DAMAGES, ids=[f"{one}-{two}" for one, two, _ in DAMAGES])
def test_no_command_takes_a_row_for_its_own_fault(
    own_home: Home, invoke: Invoke, table: str, column: str, value: object
) -> None:
    damage(own_home, table, column, value)
    for command in COMMANDS:
        result = invoke("--config", own_home.config, *command)
        assert result.exit_code in (0, 1, 4, 6), (command, result.output)
        assert "should not have been possible" not in result.output


def fill(home: Home, invoke: Invoke) -> None:
    """Put two rows into each table that a list shows and the home has none in."""
    for matter in ("Doe", "Other"):
        placed = ("hold", "place", "--matter", matter, "--stream", "zavu-main-records", "--reason", "suit")
        assert invoke("--config", home.config, *placed).exit_code == 0
    for number, archive in enumerate(home.archives()[:2], 1):
        asked = ("erase", "request", "--subject", f"S{number}", "--archive", archive, "--ground", f"G{number}")
        assert invoke("--config", home.config, *asked).exit_code == 0
    at = "2026-11-20T12:00:00.000000Z"
    with closing(sqlite3.connect(home.vault / "catalogue.sqlite")) as connection, connection:
        jobs = [row[0] for row in connection.execute("SELECT id FROM jobs ORDER BY id LIMIT 2")]
        connection.executemany("INSERT INTO progress VALUES (?, 'download', 1, 2, ?)", [(job, at) for job in jobs])
        notices = [(key, "warning", key, "", at, at, at) for key in ("a", "b")]
        connection.executemany("INSERT INTO notices VALUES (?, ?, ?, ?, ?, ?, ?)", notices)
        found = [(archive, "key", "damaged", "key: other bytes", at) for archive in ("", "nosuch")]
        connection.executemany("INSERT INTO scrub_findings VALUES (?, ?, ?, ?, ?, NULL, NULL)", found)


@pytest.mark.slow
def test_a_list_shows_the_rest_names_the_row_and_exits_with_4(own_home: Home, invoke: Invoke) -> None:
    fill(own_home, invoke)
    catalogue = own_home.vault / "catalogue.sqlite"
    with closing(sqlite3.connect(catalogue)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole, wrong = catalogue.read_bytes(), []
    for (table, column, value), named, commands in GOES_ON:
        damage(own_home, table, column, value, "?" if column == "line" else "CAST(? AS TEXT)")
        for command, rest in commands.items():
            result = invoke("--config", own_home.config, *command)
            told = result.exit_code == 4 and named in result.stderr and "strongroom recover" in result.stderr
            if not told or rest not in result.stdout:
                wrong.append((table, column, command, result.exit_code, result.output))
        for path in own_home.vault.glob("catalogue.sqlite-*"):
            path.unlink()
        catalogue.write_bytes(whole)
    assert wrong == []
    assert invoke("--config", own_home.config, "archives").exit_code == 0


def test_doctor_and_recover_go_on_past_a_check_that_cannot_be_finished(own_home: Home, invoke: Invoke) -> None:
    placed = ("hold", "place", "--matter", "Doe", "--stream", "zavu-main-records", "--reason", "suit")
    assert invoke("--config", own_home.config, *placed).exit_code == 0
    damage(own_home, "holds", "placed_at", b"9999-99", "CAST(? AS TEXT)")
    result = invoke("--config", own_home.config, "doctor", "--offline", "--json")
    assert result.exit_code == 1, result.output
    checks = {each["name"]: each for each in json.loads(result.stdout)["checks"]}
    assert "of holds in the catalogue cannot be read" in checks["holds"]["message"]
    assert {"permissions", "log", "lock", "keys"} <= set(checks)
    result = invoke("--config", own_home.config, "recover", "--json")
    assert result.exit_code == 1, result.output
    problems = json.loads(result.stdout)["troubles"]
    assert any("of holds in the catalogue cannot be read" in each["words"] for each in problems), problems
    assert not any(each["mendable"] for each in problems)


def test_a_letter_changed_in_the_log_is_one_finding_and_no_file_is_called_unknown(
    own_home: Home, invoke: Invoke
) -> None:
    log = own_home.vault / "log" / "log.jsonl"
    text = log.read_text()
    place = text.index('"job":"') + 9
    log.write_text(f"{text[:place]}{'a' if text[place] != 'a' else 'b'}{text[place + 1 :]}")
    result = invoke("--config", own_home.config, "audit", "verify", "--skip-payloads")
    assert result.exit_code == 1
    assert "chain" in result.output
    assert "the log records no such file" not in result.output.replace("\n            ", " ")
    assert "does not list" not in result.output
    assert "not be read to its end" in result.output.replace("\n            ", " ")
    scrubbed = invoke("--config", own_home.config, "scrub", "run")
    assert scrubbed.exit_code == 1
    assert "log/log.jsonl: entry 4" in scrubbed.output


ENTRIES: dict[str, dict[str, object]] = {
    "a time that is none": {"at": "soon"},
    "a kind that is no text": {"kind": 5},
    "half a character": {"facts": {"hold": "\ud800"}},
    "recipients that are no list": {"kind": "recipients.changed", "facts": {"new": 5}},
}


def append_entry(home: Home, changes: dict[str, object]) -> None:
    """Append an entry to rows and file that follows the one before it."""
    log = home.vault / "log" / "log.jsonl"
    lines = log.read_bytes().splitlines()
    body = {"at": "2026-11-20T12:30:00Z", "facts": {}, "kind": "hold.placed", "v": 1, **changes}
    body |= {"seq": len(lines) + 1, "prev": digest(lines[-1])}
    line = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    log.write_bytes(b"\n".join([*lines, line]) + b"\n")
    with closing(sqlite3.connect(home.vault / "catalogue.sqlite")) as connection, connection:
        row = (body["seq"], "2026-11-20T12:30:00.000000Z", str(body["kind"]), line)
        connection.execute("INSERT INTO entries VALUES (?, ?, ?, '', '', '', ?, '')", row)


@pytest.mark.slow
@pytest.mark.parametrize("name", ENTRIES)
def test_no_command_takes_an_entry_of_the_chain_for_its_own_fault(own_home: Home, invoke: Invoke, name: str) -> None:
    append_entry(own_home, ENTRIES[name])
    commands = ("log", "audit verify", "key list", "run --once --patience 0s", "rebuild")
    found = {words: invoke("--config", own_home.config, *words.split()) for words in commands}
    for words, result in found.items():
        assert result.exit_code in (0, 1, 4, 6), (words, result.output)
    assert found["audit verify"].exit_code == 1
    assert found["rebuild"].exit_code == 4
    assert "entry" in found["rebuild"].output or "line" in found["rebuild"].output
