"""A sound archive outlives its manifest: a rebuild asks older catalogues, and believes what the log confirms."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kit.agreement import flip, require_agreement
from kit.cli_home import Home, Invoke


def manifest_of(home: Home) -> Path:
    return next((home.vault / "manifests").glob(f"*/{home.archives()[0]}.json"))


def whole(home: Home, archive: str) -> bool:
    places = (f"archives/{archive[-2:]}/{archive}.age", f"keys/{archive[-2:]}/{archive}.key.age")
    return all((home.vault / place).is_file() for place in places)


def lose_catalogue(home: Home) -> None:
    for path in home.vault.glob("catalogue.sqlite*"):
        path.unlink()


def change(home: Home, statement: str) -> None:
    with closing(sqlite3.connect(home.vault / "catalogue.sqlite")) as connection:
        connection.executescript(statement)


def problems(home: Home, invoke: Invoke, *more: str) -> list[tuple[str, bool]]:
    told = json.loads(invoke("--config", home.config, "recover", "--json", *more).output)["troubles"]
    return [(each["kind"], each["mendable"]) for each in told]


@pytest.mark.slow
@pytest.mark.parametrize("command", ["rebuild", "recover"])
def test_a_rebuild_takes_a_lost_manifest_from_the_catalogue_that_was_there(
    own_home: Home, invoke: Invoke, command: str
) -> None:
    path = manifest_of(own_home)
    before = path.read_bytes()
    path.unlink()
    if command == "rebuild":
        made = json.loads(invoke("--config", own_home.config, "rebuild", "--json").output)
        assert made["faults"] == []
        assert [each.partition(":")[0] for each in made["restored"]] == [str(path.relative_to(own_home.vault))]
    else:  # an earlier rebuild moved the one that knows it aside
        invoke("--config", own_home.config, "rebuild")
        lose_catalogue(own_home)
        flip(path)
        assert problems(own_home, invoke, "--apply") == []
    assert path.read_bytes() == before
    assert b'"manifest.rewritten"' in (own_home.vault / "log" / "log.jsonl").read_bytes()
    require_agreement(own_home, invoke)


LIES = {
    "another text": "UPDATE archives SET manifest = replace(manifest, 'messages', 'massages');",
    "a view": """
        PRAGMA foreign_keys = OFF; ALTER TABLE archives RENAME TO kept;
        CREATE VIEW archives AS SELECT * FROM kept;
    """,
}


@pytest.mark.parametrize("lie", LIES)
def test_what_the_log_does_not_confirm_is_not_taken_and_the_archive_stays(
    own_home: Home, invoke: Invoke, lie: str
) -> None:
    path = manifest_of(own_home)
    before = path.read_bytes()
    path.unlink()
    change(own_home, LIES[lie])
    made = json.loads(invoke("--config", own_home.config, "rebuild", "--json").output)
    assert made["restored"] == []
    assert any(path.stem in each for each in made["faults"])
    for _ in range(2):
        assert ("lost-manifest", False) in problems(own_home, invoke, "--apply")
        assert whole(own_home, path.stem)
    path.write_bytes(before)
    assert problems(own_home, invoke, "--apply") == []


@pytest.mark.slow
def test_a_payload_with_its_key_stays_where_it_is_and_is_named(own_home: Home, invoke: Invoke) -> None:
    path = manifest_of(own_home)
    before = path.read_bytes()
    path.unlink()
    lose_catalogue(own_home)
    assert problems(own_home, invoke, "--apply") == [("lost-manifest", False)]
    assert whole(own_home, path.stem)
    told = json.loads(invoke("--config", own_home.config, "recover", "--json").output)["troubles"]
    assert path.name in told[0]["remedy"] + told[0]["words"]
    for command in ("scrub run", "audit verify"):
        result = invoke("--config", own_home.config, *command.split(), "--json")
        assert result.exit_code == 1, command
        assert path.stem in result.output, command
    path.write_bytes(before)
    assert problems(own_home, invoke, "--apply") == []
    require_agreement(own_home, invoke)


def test_a_changed_manifest_is_not_entered_as_if_nobody_knew_better(own_home: Home, invoke: Invoke) -> None:
    path = manifest_of(own_home)
    path.write_text(path.read_text().replace('"records": 50', '"records": 51'))
    lose_catalogue(own_home)
    assert problems(own_home, invoke, "--apply") == [("lost-manifest", False)]
    assert b"archive.adopted" not in (own_home.vault / "log" / "log.jsonl").read_bytes()


def test_a_payload_that_nothing_proves_goes_to_quarantine(own_home: Home, invoke: Invoke) -> None:
    path = manifest_of(own_home)
    path.unlink()
    flip(own_home.vault / "archives" / path.stem[-2:] / f"{path.stem}.age")
    lose_catalogue(own_home)
    assert problems(own_home, invoke, "--apply") == []
    assert not whole(own_home, path.stem)
