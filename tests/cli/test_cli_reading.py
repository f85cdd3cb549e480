"""Looking at a vault: tables that fit, documents that parse, ids that may be short."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from kit.cli_home import API_KEY, LINK, TEXT, Home, Invoke
from strongroom.config.load import load_config
from strongroom.engine.core.heartbeat import beat
from strongroom.model.bech32 import encode_bech32
from strongroom.vault.lock import hold
from strongroom.vault.vault import open_vault

LISTS = [["jobs"], ["archives"], ["status"], ["log"]]


def ids_of(home: Home, invoke: Invoke, what: str) -> list[str]:
    document = json.loads(invoke("--config", home.config, what, "--json").stdout)
    return [each["id"] for each in document[what]]


@pytest.mark.parametrize("args", [*LISTS, ["doctor", "--offline"], ["verify"], ["verify", "--content"]])
@pytest.mark.parametrize("columns", [80, 100])
def test_output_fits_the_columns_there_are(
    args: list[str], columns: int, home: Home, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    result = invoke("--config", home.config, *args)
    assert result.exit_code == (args == ["status"]), result.output  # a window of it failed
    assert result.stdout
    # A path that does not fit stays whole, so that it can be copied.
    assert all(len(line) <= columns or "/" in line.split()[-1] for line in result.stdout.splitlines())


@pytest.mark.parametrize("what", ["jobs", "archives"])
def test_what_is_shown_of_one_fits_but_for_paths_and_digests(what: str, home: Home, invoke: Invoke) -> None:
    for each in ids_of(home, invoke, what):
        result = invoke("--config", home.config, what, "show", each)
        assert result.exit_code == 0, result.output
        longest = [line for line in result.stdout.splitlines() if len(line) > 80]
        assert all(len(max(line.split(), key=len)) > 60 or line.startswith("age -d") for line in longest)


@pytest.mark.parametrize("args", [["jobs"], ["archives"], ["status"], ["log"], ["doctor", "--offline"]])
def test_json_is_one_document(args: list[str], home: Home, invoke: Invoke) -> None:
    assert isinstance(json.loads(invoke("--config", home.config, *args, "--json").stdout), dict)


def test_the_life_of_a_job_has_every_transition(home: Home, invoke: Invoke) -> None:
    (archived, *_) = [each for each in ids_of(home, invoke, "jobs") if "archived" in show_job(home, invoke, each)]
    document = json.loads(invoke("--config", home.config, "jobs", "show", archived, "--json").stdout)
    kinds = [moment["kind"] for moment in document["moments"]]
    assert kinds[0] == "job.planned"
    assert kinds[1:3] == ["job.intended", "job.accepted"]
    assert kinds[-2:] == ["job.durable", "job.proven"]
    shown = show_job(home, invoke, archived)
    assert len(re.findall(r"^2026-11-20 \d\d:\d\d:\d\dZ  ", shown, re.MULTILINE)) == len(kinds)


def test_the_custody_of_an_archive_has_no_gap(home: Home, invoke: Invoke) -> None:
    archive = ids_of(home, invoke, "archives")[0]
    document = json.loads(invoke("--config", home.config, "archives", "show", archive, "--json").stdout)
    *moves, indexed = document["moments"]
    states = [(moment["facts"]["from"], moment["facts"]["to"]) for moment in moves]
    assert states == [("ready", "fetching"), ("fetching", "sealed"), ("sealed", "archived")]
    assert indexed["kind"] == "index.sealed"


def show_job(home: Home, invoke: Invoke, job: str) -> str:
    return invoke("--config", home.config, "jobs", "show", job).stdout


def test_a_failed_job_says_why_and_what_next(home: Home, invoke: Invoke) -> None:
    document = json.loads(invoke("--config", home.config, "jobs", "--state", "failed", "--json").stdout)
    (job,) = document["jobs"]
    assert job["cause"] == "request-refused"
    assert job["archive"] == ""
    shown = show_job(home, invoke, job["id"])
    assert job["detail"][:20] in shown
    assert "jobs retry" in shown


def test_lists_can_be_narrowed(home: Home, invoke: Invoke) -> None:
    everything = ids_of(home, invoke, "jobs")
    some = json.loads(invoke("--config", home.config, "jobs", "--limit", "1", "--json").stdout)["jobs"]
    assert [each["id"] for each in some] == everything[:1]
    cut = invoke("--config", home.config, "jobs", "--limit", "1")
    assert cut.stderr == f"1 of {len(everything)} jobs shown; for more: --limit N\n"
    assert invoke("--config", home.config, "archives").stderr.endswith(" archives\n")
    none = invoke("--config", home.config, "jobs", "--to", "2020-01-01")
    assert (none.exit_code, none.stdout, none.stderr) == (0, "", "There are no such jobs.\n")
    quarantined = json.loads(invoke("--config", home.config, "archives", "--holding", "quarantined", "--json").stdout)
    assert len(quarantined["archives"]) == 1
    assert invoke("--config", home.config, "jobs", "--state", "lost").exit_code == 2


@pytest.mark.parametrize("what", ["jobs", "archives"])
def test_an_id_may_be_short_but_not_unknown(what: str, home: Home, invoke: Invoke) -> None:
    whole = ids_of(home, invoke, what)[0]
    for part in (whole, whole[-8:], whole[-8:].upper()):
        shown = invoke("--config", home.config, what, "show", part, "--json")
        assert whole in shown.stdout
    for wrong in ("zzzzzzzz", "", "%", "--", "../../etc"):
        result = invoke("--config", home.config, what, "show", "--", wrong)
        assert result.exit_code == 2, wrong
        assert f"strongroom {what}" in result.stderr
    several = invoke("--config", home.config, what, "show", "0")
    assert several.exit_code == 2
    assert "matches several" in several.stderr


def test_an_archive_is_told_whole(home: Home, invoke: Invoke) -> None:
    document = json.loads(invoke("--config", home.config, "archives", "show", home.archives()[0], "--json").stdout)
    manifest = document["archive"]
    assert manifest["counts"] == {"in_window": 50, "records": 50}
    assert manifest["durable_at"].endswith("Z")
    assert manifest["verified_at"] >= manifest["durable_at"]
    shown = invoke("--config", home.config, "archives", "show", home.archives()[0]).stdout
    assert document["open_with"] in shown
    assert f"> {manifest['delivered']['name']}" in document["open_with"]
    for word in ("stored", "verified", "messages.json", "50"):
        assert word in shown


def test_drift_is_shown_as_a_finding(home: Home, invoke: Invoke) -> None:
    shown = invoke("--config", home.config, "archives", "show", home.archives()[1]).stdout
    assert "surprise" in shown
    assert "field-unknown" in shown


def test_status_counts_what_is_there(home: Home, invoke: Invoke) -> None:
    status = json.loads(invoke("--config", home.config, "status", "--json").stdout)
    assert status["jobs"] == {"archived": 3, "failed": 1}
    assert status["archives"]["held"]["count"] == 3
    assert status["archives"]["held"]["records"] == 150
    assert status["archives"]["quarantined"]["count"] == 1
    assert status["worked_on_by"] == ""
    assert status["free_bytes"] > 0


def test_status_tells_what_was_asked_for_and_that_the_daemon_is_silent(own_home: Home, invoke: Invoke) -> None:
    assert invoke("--config", own_home.config, "pause", "zavu-main").exit_code == 0
    with closing(open_vault(own_home.vault)) as vault, hold(vault.layout.lock, "strongroom daemon"):
        beat(vault, datetime.now(UTC) - timedelta(minutes=5), os.getpid(), "waiting")
        told = json.loads(invoke("--config", own_home.config, "status", "--json").stdout)
        shown = " ".join(invoke("--config", own_home.config, "status").stdout.split())
        beat(vault, datetime.now(UTC), os.getpid(), "waiting")
        alive = json.loads(invoke("--config", own_home.config, "status", "--json").stdout)
    (asked,) = told["requests"]
    assert (asked["wish"], asked["subject"]) == ("pause", "zavu-main")
    assert "waiting pause zavu-main: requested by " in shown
    assert told["silent_seconds"] >= 300
    assert "the daemon does not answer: silent for " in shown
    assert alive["silent_seconds"] is None
    assert alive["heartbeat"] > told["heartbeat"]


def test_doctor_finds_what_is_wrong(own_home: Home, invoke: Invoke) -> None:
    (own_home.folder / "key").chmod(0o644)
    result = invoke("--config", own_home.config, "doctor", "--offline")
    assert result.exit_code == 1
    assert "chmod 600" in result.stdout
    document = json.loads(invoke("--config", own_home.config, "doctor", "--offline", "--json").stdout)
    assert document["healthy"] is False
    assert {check["verdict"] for check in document["checks"]} == {"ok", "warn", "fail"}


def test_a_key_with_a_wrong_character_is_found_before_anything_is_sealed(own_home: Home, invoke: Invoke) -> None:
    text = own_home.config.read_text()
    key = load_config(own_home.config).vault.recipients[0]
    wrong = key[:30] + ("p" if key[30] == "q" else "q") + key[31:]
    own_home.config.write_text(text.replace(key, wrong))
    assert invoke("--config", own_home.config, "config", "check").exit_code == 2
    refused = invoke("--config", own_home.config, "doctor", "--offline")
    assert (refused.exit_code, "checksum does not match" in refused.stderr) == (2, True)
    of_low_order = encode_bech32("age", bytes(32))  # its checksum is sound: only sealing a probe shows it
    own_home.config.write_text(text.replace(key, of_low_order))
    document = json.loads(invoke("--config", own_home.config, "doctor", "--offline", "--json").stdout)
    (told,) = (each for each in document["checks"] if each["name"] == "keys")
    assert (told["verdict"], "low order" in told["message"]) == ("fail", True)


def test_no_canary_in_any_output(home: Home, invoke: Invoke) -> None:
    jobs = [["jobs", "show", each] for each in ids_of(home, invoke, "jobs")]
    archives = [["archives", "show", each] for each in ids_of(home, invoke, "archives")]
    checks = [["doctor", "--offline"], ["verify", "--content"], ["config", "show"]]
    for args in [*LISTS, *jobs, *archives, *checks]:
        for as_json in ([], ["--json"]):
            output = invoke("--config", home.config, *args, *as_json).output
            for canary in (API_KEY, TEXT, LINK, "AGE-SECRET-KEY-1"):
                assert canary not in output, args


def test_the_screen_refuses_without_a_terminal(home: Home, invoke: Invoke) -> None:
    result = invoke("--config", home.config, "tui")
    assert result.exit_code == 2
    assert "strongroom status" in result.stderr


def test_the_screen_refuses_a_dumb_terminal(home: Home, environment: dict[str, str]) -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "strongroom", "--config", str(home.config), "tui"]
    done = subprocess.run(
        command, env=environment, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 2
    assert "needs a terminal" in done.stderr


def test_a_vault_that_is_not_there_is_a_vault_error(own_home: Home, invoke: Invoke) -> None:
    own_home.vault.rename(own_home.folder / "elsewhere")
    result = invoke("--config", own_home.config, "status")
    assert result.exit_code == 4
    assert "there is no vault" in result.stderr


def test_a_catalogue_that_is_none_is_a_vault_error(own_home: Home, invoke: Invoke) -> None:
    for path in own_home.vault.glob("catalogue.sqlite*"):
        path.unlink()
    (own_home.vault / "catalogue.sqlite").write_bytes(b"this is no database" * 100)
    result = invoke("--config", own_home.config, "status")
    assert result.exit_code == 4
    assert "Traceback" not in result.output
