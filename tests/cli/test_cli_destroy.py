"""`destroy` and `erase` on the command line: two people, typed confirmations, JSON, and what is said afterwards."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from kit.cli_home import Home, Invoke
from strongroom.cli import terminal
from strongroom.engine.core import people
from strongroom.evidence.line import Entry, Fact
from strongroom.evidence.note import Signer
from strongroom.model.destruction import Person
from strongroom.model.errors import ExitCode
from strongroom.model.retention import Period, RetentionRule
from strongroom.vault.alerts import AlertRecord, put_alert
from strongroom.vault.archives import get_archive
from strongroom.vault.catalogue import PUT_FACT
from strongroom.vault.log import add_entry
from strongroom.vault.manifest import write_manifest
from strongroom.vault.retention_records import put_retained
from strongroom.vault.rows import to_text
from strongroom.vault.vault import Vault, open_vault

ALICE, BOB = Person(1000, "alice"), Person(1001, "bob")


class Stage:
    """A vault on which some archives are due, and who types."""

    def __init__(self, home: Home, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home, self._invoke, self._patch = home, invoke, monkeypatch
        self.first, self.second, *_ = self.all = home.archives()

    def make_due(self, *archives: str) -> None:
        """Let these archives have come with a period of a day, and our clock be one that was confirmed just now."""
        with closing(open_vault(self.home.vault)) as vault, vault.catalogue.transaction():
            for archive in archives:
                shorten(vault, archive)
            now = datetime.now(UTC)
            vault.catalogue.write(PUT_FACT, "time", to_text(now))
            sources: list[Fact] = [{"source": "zavu", "address": "", "ahead_seconds": 0}]
            add_entry(vault.catalogue, Entry("clock.confirmed", now, facts={"sources": sources}))

    def run(self, *args: str, by: Person = ALICE, code: int = ExitCode.OK, text: str | None = None) -> str:
        """Run a command line as a person; return what it printed."""
        self._patch.setattr(people, "acting_person", lambda: by)
        result = self._invoke("--config", self.home.config, *args, text=text)
        assert result.exit_code == code, result.output
        return result.output

    def document(self, *args: str, by: Person = ALICE) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.run(*args, "--json", by=by))
        return found


def shorten(vault: Vault, archive_id: str) -> None:
    """Make an archive anew as if its class had been one of a day: manifest, row and log say so alike."""
    archive = get_archive(vault.catalogue, archive_id)
    assert archive is not None
    made = replace(archive, rule=RetentionRule("standard", Period.parse("1d")))
    data = write_manifest(made)
    vault.layout.manifest(archive_id).write_bytes(data)
    vault.catalogue.write("UPDATE archives SET manifest = ? WHERE id = ?", data.decode(), archive_id)
    put_retained(vault.catalogue, made)
    facts: dict[str, Fact] = {"manifest_sha256": hashlib.sha256(data).hexdigest()}
    add_entry(vault.catalogue, Entry("archive.adopted", datetime.now(UTC), archive=archive_id, facts=facts))


@pytest.fixture
def stage(own_home: Home, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    config = own_home.config.read_text()
    own_home.config.write_text(f'{config}\n[destruction]\ncooling_off = "0s"\n')
    yield Stage(own_home, invoke, monkeypatch)


def test_a_plan_tells_its_time_to_think_as_the_configuration_writes_it(stage: Stage) -> None:
    stage.make_due(stage.first)
    assert "then 0s to cool off" in " ".join(stage.run("destroy", "propose", "--due").split())


def test_from_the_proposal_to_the_certificate(stage: Stage) -> None:
    stage.make_due(stage.first)
    plan = stage.document("destroy", "propose", "--due")
    (archive,) = plan["archives"]  # type: ignore[misc]
    assert archive["archive"] == stage.first
    assert archive["verdict"] == "due"
    proposal = str(plan["id"])
    assert "two people" in stage.run(*approval(proposal), by=ALICE, code=ExitCode.USAGE)
    assert stage.document(*approval(proposal), by=BOB)["enough"] is True
    assert stage.document("destroy", "carry-out")["destroyed"] == [stage.first]
    told = stage.run("destroy", "certificate", stage.first[-8:])
    assert told.startswith("strongroom certificate of destruction 1\n")
    assert f"{chr(8212)} strongroom " in told
    assert stage.document("destroy", "certificate", stage.first)["certificate"]["signed"] is True  # type: ignore[index]
    (gone,) = stage.document("destroy", "list")["destroyed"]  # type: ignore[misc]
    assert gone["id"] == stage.first
    assert stage.home.archives() == stage.all  # manifests and a tombstone


def approval(proposal: str, count: int = 1) -> tuple[str, ...]:
    return ("destroy", "approve", proposal, "--yes", "--count", str(count))


def destroy(stage: Stage, archive: str) -> None:
    stage.make_due(archive)
    proposal = str(stage.document("destroy", "propose", "--archive", archive)["id"])
    stage.run(*approval(proposal), by=BOB)
    stage.run("destroy", "carry-out")


@pytest.mark.parametrize(
    "command",
    [
        ("restore", "{}", "--to", "elsewhere"),
        ("verify", "{}"),
        ("archives", "show", "{}"),
        ("regenerate", "{}"),
        ("diff", "{}", "{}"),
    ],
    ids=lambda words: words[0],
)
def test_every_command_says_what_became_of_it(stage: Stage, command: tuple[str, ...]) -> None:
    destroy(stage, stage.first)
    told = " ".join(stage.run(*(word.format(stage.first) for word in command), code=ExitCode.USAGE).split())
    assert "was destroyed at" in told
    assert "strongroom destroy certificate" in told


def test_lists_and_coverage_say_it_and_verify_finds_nothing_wrong(stage: Stage) -> None:
    destroy(stage, stage.first)
    assert "Not listed: 1 that were destroyed" in stage.run("archives")
    assert stage.first[-8:] in stage.run("archives", "--holding", "destroyed")
    (gone,) = stage.document("archives", "--holding", "destroyed")["archives"]  # type: ignore[misc]
    assert gone["destroyed"]["ground"] == "retention"
    assert "destroyed: 2026-11-01" in stage.run("coverage", code=ExitCode.FINDINGS)
    stage.run("verify", stage.second)
    assert "destroyed, with a certificate" in " ".join(stage.run("log").split())


def test_what_is_not_due_is_refused_with_the_reason(stage: Stage) -> None:
    told = stage.run("destroy", "propose", "--archive", stage.first, code=ExitCode.USAGE)
    assert "may not be destroyed: retained until 2033" in " ".join(told.split())
    stage.run("destroy", "propose", "--due", code=ExitCode.USAGE)
    stage.run("destroy", "propose", code=ExitCode.USAGE)
    assert "Nothing is proposed" in stage.run("destroy", "list")


def test_a_hold_that_comes_after_the_approval_keeps_it(stage: Stage) -> None:
    stage.make_due(stage.first, stage.second)
    proposal = str(stage.document("destroy", "propose", "--due")["id"])
    stage.run(*approval(proposal, 2), by=BOB)
    stage.run("hold", "place", "--matter", "acme", "--archive", stage.first, "--reason", "a letter")
    carried = stage.document("destroy", "carry-out")
    assert carried["destroyed"] == [stage.second]
    assert carried["spared"] == []  # off its plan since the hold was placed


@pytest.mark.parametrize("args", [(), ("--yes",), ("--yes", "--count", "2"), ("--count", "1")])
def test_nothing_is_approved_unless_the_count_is_told(stage: Stage, args: tuple[str, ...]) -> None:
    stage.make_due(stage.first)
    proposal = str(stage.document("destroy", "propose", "--due")["id"])
    told = stage.run("destroy", "approve", proposal, *args, by=BOB, code=ExitCode.USAGE)
    wrong = "--count" in args and args[-1] != "1"
    assert ("would destroy 1 archive, not 2" if wrong else "add --yes --count 1") in " ".join(told.split())
    assert "proposal" not in told.partition("error")[0]  # the plan is not printed over the refusal


@pytest.mark.parametrize(("typed", "code"), [("{}\n1\n", 0), ("{}\n2\n", 2), ("z\n1\n", 2)])
def test_a_person_types_what_is_destroyed(stage: Stage, monkeypatch: pytest.MonkeyPatch, typed: str, code: int) -> None:
    stage.make_due(stage.first)
    proposal = str(stage.document("destroy", "propose", "--due")["id"])
    monkeypatch.setattr(terminal, "can_ask", lambda: True)
    stage.run("destroy", "approve", proposal, by=BOB, code=code, text=typed.format(proposal[-8:]))


def test_a_signed_approval_and_an_undo(stage: Stage, tmp_path: Path) -> None:
    stage.make_due(stage.first)
    key = tmp_path / "bob.key"
    key.touch(mode=0o600)
    key.write_text(Signer("bob", b"b" * 32).reveal() + "\n")
    proposal = str(stage.document("destroy", "propose", "--due")["id"])
    stage.run(*approval(proposal), "--sign-with", str(key), by=BOB)
    log = (stage.home.vault / "log" / "log.jsonl").read_text()
    assert '"signer":"bob+' in log
    assert b"b" * 32 not in log.encode()
    assert stage.document("destroy", "undo", proposal, "--reason", "wait")["archives"] == [stage.first]
    assert stage.document("destroy", "carry-out")["destroyed"] == []
    assert "1 withdrawn" in stage.run("destroy", "show", proposal)


def test_a_request_for_erasure_from_the_first_word_to_the_last(stage: Stage) -> None:
    stage.make_due(stage.first)
    words = ("erase", "request", "--subject", "crm-4711", "--from", "2026-11-01", "--to", "2026-11-03")
    asked = stage.document(*words, "--ground", "GDPR 17(1)(b)")
    erasure, plan = str(asked["erasure"]["id"]), asked["proposal"]  # type: ignore[index]
    assert {each["verdict"] for each in plan["archives"]} == {"due", "keep"}  # type: ignore[index]
    count = len(plan["archives"])  # type: ignore[index]
    stage.run(*approval(plan["id"], count), by=BOB)  # type: ignore[index]
    assert stage.document("destroy", "carry-out")["destroyed"] == [stage.first]
    stage.run("erase", "answer", erasure, "done", code=ExitCode.USAGE)
    stage.run("erase", "answer", erasure, "deferred", "--ground", "GDPR 17(3)(b)")
    (told,) = stage.document("erase", "list")["erasures"]  # type: ignore[misc]
    assert (told["state"], told["subject"]) == ("deferred", "crm-4711")
    assert "is approved and waits: retained until" in " ".join(stage.run("erase", "list").split())
    stage.make_due(stage.second)
    stage.run("destroy", "carry-out")
    (told,) = stage.document("erase", "list")["erasures"]  # type: ignore[misc]
    assert (told["state"], told["subject"]) == ("done", "") or {each["verdict"] for each in told["held"]} == {"keep"}
    assert "crm-4711" not in (stage.home.vault / "log" / "log.jsonl").read_text()


def test_a_request_by_dates_names_what_is_in_quarantine(stage: Stage) -> None:
    (unsound,) = stage.document("archives", "--holding", "quarantined")["archives"]  # type: ignore[misc]
    words = ("erase", "request", "--subject", "crm-2", "--from", "2026-11-03", "--to", "2026-11-04", "--ground", "x")
    assert unsound["id"] in stage.document(*words)["quarantined"]  # type: ignore[operator]
    told = " ".join(stage.run(*words).split())
    assert f"{unsound['id'][-8:]} is in quarantine: its file is not valid" in told


def test_refused_and_proposed_again(stage: Stage) -> None:
    words = ("erase", "request", "--subject", "crm-1", "--archive", stage.first, "--ground", "GDPR 17(1)(a)")
    asked = stage.document(*words)
    erasure = str(asked["erasure"]["id"])  # type: ignore[index]
    stage.run("destroy", "undo", stage.first, "--reason", "look again")
    assert "retained until" in " ".join(stage.run("erase", "propose", erasure).split())
    stage.run("erase", "answer", erasure, "refused", code=ExitCode.USAGE)
    assert "refused" in stage.run("erase", "answer", erasure, "refused", "--ground", "GDPR 17(3)(b)")
    assert stage.document("destroy", "list")["proposals"] == []


@pytest.mark.parametrize("alarm", ["mark", "notice"])
def test_nothing_is_approved_or_destroyed_while_nobody_confirms_the_time(stage: Stage, alarm: str) -> None:
    stage.make_due(stage.first)
    proposal = str(stage.document("destroy", "propose", "--due")["id"])
    config = stage.home.config.read_text()
    with closing(open_vault(stage.home.vault)) as vault, vault.catalogue.transaction():
        if alarm == "mark":
            vault.catalogue.write(PUT_FACT, "time", to_text(datetime.now(UTC) - timedelta(days=40)))
        else:
            put_alert(
                vault.catalogue, AlertRecord("clock", "critical", "the clock", "it leapt ahead", datetime.now(UTC))
            )
    stage.home.config.write_text(re.sub(r'base_url = "[^"]*"', 'base_url = "http://127.0.0.1:9"', config))
    told = stage.run(*approval(proposal), by=BOB, code=ExitCode.WORLD)
    assert "nothing can be proposed or approved while the clock is in doubt" in " ".join(told.split())
    with closing(open_vault(stage.home.vault)) as vault, vault.catalogue.transaction():
        vault.catalogue.write("DELETE FROM notices")
        vault.catalogue.write(PUT_FACT, "time", to_text(datetime.now(UTC)))
    stage.run(*approval(proposal), by=BOB)


def test_a_hold_that_was_deleted_from_the_catalogue_still_holds(stage: Stage) -> None:
    """Two holds, their rows deleted; a made-up approval: neither makes anything go."""
    stage.make_due(stage.first)
    stage.run("hold", "place", "--matter", "acme", "--archive", stage.first, "--reason", "notice")
    with closing(sqlite3.connect(stage.home.vault / "catalogue.sqlite")) as forged, forged:
        forged.execute("DELETE FROM holds")
    for command in ("propose", "--archive", stage.first), ("propose", "--due"):
        told = stage.run("destroy", *command, code=ExitCode.VAULT)
        assert "the log has hold" in " ".join(told.split())
    assert "the log has hold" in " ".join(stage.run("doctor", "--offline", code=ExitCode.FINDINGS).split())
    assert "changed-holds" in stage.run("recover", code=ExitCode.FINDINGS)
    assert "destruction.refused" in stage.run("log", "--json")
    assert "row" in stage.run("audit", "verify", code=ExitCode.FINDINGS)
