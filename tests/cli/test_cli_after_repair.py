"""After `recover --apply` repaired something every other check agrees; what it cannot move it goes past."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kit.agreement import flip, require_agreement
from kit.cli_home import Home, Invoke


def a_file(home: Home, folder: str) -> Path:
    return next((home.vault / folder).glob(f"*/{home.archives()[0]}.*"))


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["archives", "keys", "manifests"])
def test_after_a_repair_every_check_agrees(own_home: Home, invoke: Invoke, folder: str) -> None:
    flip(a_file(own_home, folder))
    invoke("--config", own_home.config, "recover", "--deep", "--apply")
    require_agreement(own_home, invoke)


@pytest.mark.slow
def test_a_changed_row_is_named_by_recover_and_a_rebuild_ends_it(own_home: Home, invoke: Invoke) -> None:
    with closing(sqlite3.connect(own_home.vault / "catalogue.sqlite")) as connection, connection:
        connection.execute("UPDATE coverage SET cover = 'lost'")
    told = json.loads(invoke("--config", own_home.config, "recover", "--apply", "--json").output)["troubles"]
    assert [(each["kind"], each["mendable"]) for each in told] == [("changed-rows", False)]
    assert "strongroom rebuild" in told[0]["remedy"]
    assert invoke("--config", own_home.config, "rebuild").exit_code == 0
    require_agreement(own_home, invoke)


def test_recover_goes_past_a_folder_that_it_cannot_move(own_home: Home, invoke: Invoke) -> None:
    (own_home.vault / "keys" / "00" / ("0" * 26 + ".key.age")).mkdir(parents=True)
    (own_home.vault / "manifests" / "11" / ("1" * 26 + ".json")).mkdir(parents=True)
    whole = a_file(own_home, "manifests")
    flip(whole)
    before = whole.read_bytes()
    result = invoke("--config", own_home.config, "recover", "--apply", "--json")
    assert result.exit_code == 1, result.output
    done = json.loads(result.output)["done"]
    assert any(each.startswith("did not change keys/00") for each in done)
    assert whole.read_bytes() != before


def test_recover_goes_past_a_log_that_cannot_be_read(own_home: Home, invoke: Invoke) -> None:
    log = own_home.vault / "log" / "log.jsonl"
    log.unlink()
    log.mkdir()
    flip(a_file(own_home, "manifests"))
    told = json.loads(invoke("--config", own_home.config, "recover", "--json").output)["troubles"]
    assert [each["kind"] for each in told] == ["unreadable-log", "damaged-manifest"]
    result = invoke("--config", own_home.config, "recover", "--apply", "--json")
    assert result.exit_code == 1, result.output
    assert [each["kind"] for each in json.loads(result.output)["troubles"]] == ["unreadable-log"]
