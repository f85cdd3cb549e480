"""What is broken worse than a page of docs/recovery tells: no log folder, no history, hostile and torn manifests."""

from __future__ import annotations

import json
import resource
import shutil
import sqlite3
import stat
from pathlib import Path

import pytest

from kit.cli_home import Home, Invoke
from strongroom.config.load import load_config
from strongroom.engine.core.sources import open_reading
from strongroom.engine.destruction.log_consistency import archive_difference, read_on
from strongroom.engine.destruction.log_state import LogState
from strongroom.engine.repair.diagnosis import diagnose
from strongroom.model.errors import VaultError, WorldError
from strongroom.vault.archives import all_archive_ids
from strongroom.vault.connection import refusal

EVIL = "../../../../tmp/x\x1b[2J"


def lose_catalogue(home: Home) -> None:
    for path in home.vault.glob("catalogue.sqlite*"):
        path.unlink()


def a_manifest(home: Home) -> Path:
    return next((home.vault / "manifests").glob(f"*/{home.archives()[0]}.json"))


def standing(home: Home, invoke: Invoke) -> list[str]:
    told = json.loads(invoke("--config", home.config, "scrub", "status", "--json").output)
    return [each["archive"] for each in told["standing"]]


@pytest.mark.parametrize("words", ["rebuild --lose-history", "recover --apply", "scrub run"])
def test_a_log_folder_that_is_gone_is_made_again(own_home: Home, invoke: Invoke, words: str) -> None:
    shutil.rmtree(own_home.vault / "log")
    result = invoke("--config", own_home.config, *words.split())
    assert result.exit_code in (0, 1), result.output
    folder = own_home.vault / "log"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / "log.jsonl").read_bytes()


def test_a_rebuild_without_a_log_says_that_holds_are_unknown_and_destroys_nothing(
    own_home: Home, invoke: Invoke
) -> None:
    shutil.rmtree(own_home.vault / "log")
    lose_catalogue(own_home)
    (trouble,) = json.loads(invoke("--config", own_home.config, "recover", "--apply", "--json").output)["troubles"]
    assert (trouble["kind"], trouble["mendable"]) == ("lost-catalogue", False)
    assert not (own_home.vault / "catalogue.sqlite").exists()
    made = invoke("--config", own_home.config, "rebuild", "--lose-history")
    assert made.exit_code == 1
    assert "legal holds" in made.output
    told = json.loads(invoke("--config", own_home.config, "recover", "--json").output)["troubles"]
    assert [each["kind"] for each in told] == ["no-history"]
    assert invoke("--config", own_home.config, "recover", "--apply").exit_code == 1
    with open_reading(load_config(own_home.config)) as vault:
        archives = list(all_archive_ids(vault.catalogue))
        log_state = LogState((), archives)
        read_on(vault.catalogue, log_state)
        assert archives
        assert all(archive_difference(vault.catalogue, log_state.archives[each], each) for each in archives)


@pytest.mark.parametrize("emptied", [False, True])
def test_a_history_is_not_begun_anew_unasked(own_home: Home, invoke: Invoke, emptied: bool) -> None:
    log = own_home.vault / "log" / "log.jsonl"
    before = log.read_bytes()
    log.unlink()
    if emptied:
        log.touch()
    refused = invoke("--config", own_home.config, "rebuild")
    assert refused.exit_code == 2
    assert "legal holds" in " ".join(refused.stderr.split())
    assert "recover --apply" in " ".join(refused.stderr.split())
    assert invoke("--config", own_home.config, "recover", "--apply").exit_code == 0
    assert log.read_bytes().startswith(before)


def test_what_the_catalogue_alone_still_knows_is_not_forgotten_unasked(own_home: Home, invoke: Invoke) -> None:
    log = own_home.vault / "log" / "log.jsonl"
    hold = ("hold", "place", "--matter", "m", "--everything", "--reason", "r")
    assert invoke("--config", own_home.config, *hold).exit_code == 0
    whole = log.read_bytes()
    log.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    refused = invoke("--config", own_home.config, "rebuild")
    assert refused.exit_code == 2
    assert "lose the last 1" in " ".join(refused.stderr.split())
    assert invoke("--config", own_home.config, "recover", "--apply").exit_code == 0
    assert log.read_bytes() == whole
    assert invoke("--config", own_home.config, "rebuild").exit_code == 0
    assert len(json.loads(invoke("--config", own_home.config, "hold", "list", "--json").output)["holds"]) == 1


def test_a_lost_history_is_told_until_a_person_accepts_it(own_home: Home, invoke: Invoke) -> None:
    def checks() -> list[str]:
        told = json.loads(invoke("--config", own_home.config, "doctor", "--offline", "--json").output)
        return [each["name"] for each in told["checks"] if each["verdict"] != "ok"]

    accept = ("--config", own_home.config, "recover", "--accept-lost-history")
    assert invoke(*accept, "why").exit_code == 2  # nothing is lost
    assert "history" not in checks()
    shutil.rmtree(own_home.vault / "log")
    assert invoke("--config", own_home.config, "rebuild", "--lose-history").exit_code == 1
    assert "history" in checks()
    assert invoke(*accept, " ").exit_code == 2
    assert invoke(*accept, "holds are placed again").exit_code == 0
    assert "history" not in checks()
    lines = (own_home.vault / "log" / "log.jsonl").read_text()
    assert lines.count('"history.accepted"') == 1
    assert "placed again" not in lines
    assert invoke(*accept, "twice").exit_code == 2


def test_the_show_of_an_archive_says_what_is_other_on_the_disk(own_home: Home, invoke: Invoke) -> None:
    show = ("--config", own_home.config, "archives", "show", own_home.archives()[0])
    assert json.loads(invoke(*show, "--json").output)["faults"] == []
    assert "UNSOUND" not in invoke(*show).output
    path = a_manifest(own_home)
    path.write_text(path.read_text().replace("messages", "massages"))
    (fault,) = json.loads(invoke(*show, "--json").output)["faults"]
    assert fault["code"] == "manifest"
    assert "UNSOUND" in invoke(*show).output


def test_an_older_catalogue_brings_back_what_a_rebuild_without_a_log_lost(own_home: Home, invoke: Invoke) -> None:
    log = own_home.vault / "log" / "log.jsonl"
    before = log.read_bytes()
    log.unlink()
    aside = json.loads(invoke("--config", own_home.config, "rebuild", "--lose-history", "--json").output)["aside"]
    assert not log.read_bytes().startswith(before)
    lose_catalogue(own_home)
    log.unlink()
    Path(aside).rename(own_home.vault / "catalogue.sqlite")
    assert invoke("--config", own_home.config, "recover", "--apply").exit_code == 0
    assert log.read_bytes().startswith(before)


def test_a_manifest_with_a_path_for_an_id_is_named_and_the_rest_is_mended(own_home: Home, invoke: Invoke) -> None:
    path = a_manifest(own_home)
    body = json.loads(path.read_text())
    path.write_text(json.dumps({**body, "id": EVIL}))
    stray = own_home.vault / "keys" / "zz" / ("0" * 24 + "zz.key.age")
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"half")
    lose_catalogue(own_home)
    result = invoke("--config", own_home.config, "recover", "--apply", "--json")
    assert result.exit_code == 1, result.output
    told = json.loads(result.output)
    assert [(each["kind"], each["archive"]) for each in told["troubles"]] == [("lost-manifest", path.stem)]
    assert str(path.relative_to(own_home.vault)) in told["troubles"][0]["files"]
    assert not stray.exists()
    spoken = invoke("--config", own_home.config, "recover", "--apply")
    assert spoken.exit_code == 1
    assert "\x1b[2J" not in spoken.output


def test_an_archive_that_the_catalogue_lacks_is_found_by_the_scrub(own_home: Home, invoke: Invoke) -> None:
    path = a_manifest(own_home)
    whole = path.read_bytes()
    path.write_bytes(b"{")
    lose_catalogue(own_home)
    assert invoke("--config", own_home.config, "rebuild").exit_code == 1
    for _ in range(2):
        assert invoke("--config", own_home.config, "scrub", "run").exit_code == 1
        assert standing(own_home, invoke) == [path.stem]
    path.write_bytes(whole)
    invoke("--config", own_home.config, "recover", "--apply")
    assert invoke("--config", own_home.config, "scrub", "run").exit_code == 0
    assert standing(own_home, invoke) == []


def test_a_catalogue_that_is_not_to_be_had_is_not_called_damaged(own_home: Home, invoke: Invoke) -> None:
    lose_catalogue(own_home)
    (own_home.vault / "catalogue.sqlite").mkdir()
    result = invoke("--config", own_home.config, "recover")
    assert result.exit_code == 1
    assert "wrong-file-type" in result.output
    assert "rebuild" not in result.output
    assert "damaged" not in result.output


def test_a_full_disk_is_no_damage(own_home: Home) -> None:
    """Nothing may grow: SQLite cannot make the index of its write-ahead log, and it is read all the same."""
    for ending in ("-wal", "-shm"):
        (own_home.vault / f"catalogue.sqlite{ending}").unlink(missing_ok=True)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        assert diagnose(own_home.vault) == []
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("code", "family"),
    [
        (sqlite3.SQLITE_FULL, WorldError),
        (sqlite3.SQLITE_IOERR, WorldError),
        (sqlite3.SQLITE_CANTOPEN, WorldError),
        (sqlite3.SQLITE_READONLY, WorldError),
        (sqlite3.SQLITE_BUSY, VaultError),
        (sqlite3.SQLITE_NOMEM, VaultError),
        (sqlite3.SQLITE_CORRUPT, None),
        (sqlite3.SQLITE_NOTADB, None),
    ],
)
def test_what_counts_as_damage(tmp_path: Path, code: int, family: type[Exception] | None) -> None:
    error = sqlite3.OperationalError("what SQLite says")
    error.sqlite_errorcode = code
    told = refusal(tmp_path, error)
    assert told is None if family is None else isinstance(told, family)


def test_a_last_answer_names_the_older_catalogues_that_stay(own_home: Home, invoke: Invoke) -> None:
    older = own_home.vault / "catalogue-20260101T000000.sqlite"
    older.write_bytes(b"garbage")
    words = (
        "--subject",
        "jane@example.com",
        "--archive",
        own_home.archives()[0],
        "--ground",
        "GDPR 17(1)(b)",
        "--json",
    )
    asked = json.loads(invoke("--config", own_home.config, "erase", "request", *words).stdout)["erasure"]["id"]
    refused = ("erase", "answer", asked, "refused", "--ground", "GDPR 17(3)(b)")
    result = invoke("--config", own_home.config, *refused)
    assert result.exit_code == 0, result.output
    assert older.name in result.output.replace("\n", "")
    assert older.exists()
