"""Whoever can write to the catalogue's file destroys nothing by it: the chained log is what a destruction goes by."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from kit import destruction
from kit.destruction import ALICE, BOB, WEEK, House, make_house
from kit.evidence_chain import codes
from strongroom.engine.destruction.approve import approve
from strongroom.engine.destruction.context import DestructionContext
from strongroom.engine.destruction.destroy import carry_out
from strongroom.engine.destruction.erasure import answer_erasure, request_erasure
from strongroom.engine.destruction.execute import settle_begun
from strongroom.engine.destruction.log_consistency import Contradiction
from strongroom.engine.destruction.propose import DestructionPlan, propose, read_plan, undo
from strongroom.engine.destruction.redestroy import redestroy_returned
from strongroom.engine.proof.audit import audit_vault
from strongroom.engine.repair.diagnosis import diagnose
from strongroom.engine.repair.findings import ProblemKind
from strongroom.engine.retention.holds import place, release
from strongroom.engine.retention.rules import Policy, adopt_policy, extend
from strongroom.engine.retention.verdicts import judge_anew
from strongroom.evidence.line import Entry, format_line
from strongroom.model.archive import Archive
from strongroom.model.erasure import ErasureAnswer
from strongroom.model.errors import VaultError, WorldError
from strongroom.model.hold import HoldRule
from strongroom.model.retention import Period, RetentionRule
from strongroom.model.times import parse_instant
from strongroom.vault.alerts import open_alerts
from strongroom.vault.log import add_entry, entries_of_archive

RULE = RetentionRule("standard", Period.parse("7y"), citation="SEC 17a-4")
OVER = timedelta(days=8 * 366)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    plain = destruction.archive_of
    monkeypatch.setattr(destruction, "archive_of", lambda *told: replace(plain(*told), rule=RULE))
    made = make_house(tmp_path)
    yield made
    made.vault.close()


def context(house: House) -> DestructionContext:
    """Return a desk that judges by rules and holds, as the real one does."""
    return house.context(judge=judge_anew)


def forge(house: House, *statements: str) -> None:
    """Do what somebody with sqlite3 and the file can do."""
    with closing(sqlite3.connect(house.vault.layout.catalogue)) as other, other:
        for statement in statements:
            other.execute(statement)


def tombstone_for(archive: Archive, certificate: str) -> str:
    """Return what makes a tombstone's row for an archive, from that of another."""
    columns = f"'{archive.id}', stream, window_start, window_end, destroyed_at, '{certificate}'"
    return f"INSERT INTO tombstones SELECT {columns}, replace(tombstone, archive, '{archive.id}') FROM tombstones"


def due(house: House) -> Archive:
    (archive,) = house.add()
    house.now = archive.spec.window.end + OVER
    return archive


def agreed(house: House, archive: Archive) -> DestructionPlan:
    plan = propose(context(house), [archive], ALICE, "over")
    approve(context(house), plan.proposal.id, BOB, plan.digest)
    house.now += WEEK
    return plan


def hold(house: House, **rule: str) -> str:
    found = place(house.vault, "acme", HoldRule(**rule), ALICE, "notice", house.now, lambda size: b"h" * size)  # type: ignore[arg-type]
    return found.hold.id


def refused(house: House, work: Callable[[], object], archive: Archive, code: str) -> None:
    """Check that this is stopped, told aloud and written down once, and that nothing was destroyed."""
    for _ in range(2):
        with pytest.raises(Contradiction) as told:
            work()
        assert told.value.code == code
    assert house.is_whole(archive)
    assert not house.vault.layout.certificate(archive.id).exists()
    entries = [body for body in house.log() if body["kind"] == "destruction.refused"]
    assert [body["facts"]["code"] for body in entries] == [code]
    (alert,) = open_alerts(house.vault.catalogue)
    assert alert.severity == "critical"
    assert alert.key.startswith("log contradicts ")


def audit(house: House) -> list[str]:
    return codes(audit_vault(house.vault, [], []))


BACK_ON_THE_PLAN = "UPDATE condemned SET stage = 'approved'"
"""Takes back that a hold takes what it catches off its plan."""


def test_what_is_agreed_goes_and_the_audit_finds_nothing(house: House) -> None:
    archive = due(house)
    name = hold(house, stream=archive.stream)
    release(house.vault, name, ALICE, "over", house.now)
    agreed(house, archive)
    assert len(carry_out(context(house)).destroyed) == 1
    told = audit_vault(house.vault, [], [])
    assert [each for each in told.findings if each.code not in ("signature", "certificate")] == []
    assert any("each of 1 destruction was approved" in each for each in told.proven)


def test_a_hold_whose_row_is_gone_still_holds(house: House) -> None:
    archive = due(house)
    plan = agreed(house, archive)
    hold(house, stream=archive.stream)
    forge(house, "DELETE FROM holds", BACK_ON_THE_PLAN)
    refused(house, lambda: carry_out(context(house)), archive, "hold")
    assert "row" in audit(house)
    kinds = [each.kind for each in diagnose(house.vault.layout.root)]
    assert kinds == [ProblemKind.HOLDS, ProblemKind.FILE]  # README.txt of this vault is no text of the program's
    with pytest.raises(Contradiction):
        propose(context(house), house.add(), ALICE, "over")
    assert plan.items


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE holds SET released_at = '2030-01-01T00:00:00.000000Z'",
        "UPDATE holds SET stream = 'another'",
        "UPDATE holds SET range_start = '2040-01-01T00:00:00.000000Z'",
    ],
)
def test_a_hold_that_was_changed_stops_it(house: House, statement: str) -> None:
    archive = due(house)
    agreed(house, archive)
    hold(house, stream=archive.stream)
    forge(house, statement, BACK_ON_THE_PLAN, "UPDATE entries SET kind = 'nothing' WHERE kind LIKE 'hold%'")
    refused(house, lambda: carry_out(context(house)), archive, "hold")


def test_an_approval_that_nobody_gave_destroys_nothing(house: House) -> None:
    archive = due(house)
    plan = propose(context(house), [archive], ALICE, "over")
    forged = f"'{plan.proposal.id}', '2026-01-01T00:00:00.000000Z', 1001, 'bob', NULL, NULL"
    forge(
        house,
        f"INSERT INTO approvals (proposal, at, uid, name, login, sudo, plan_sha256, note, signer)"
        f" VALUES ({forged}, '{plan.proposal.plan_sha256}', '', '')",
        "UPDATE condemned SET stage = 'approved'",
    )
    refused(house, lambda: carry_out(context(house)), archive, "approval")
    assert "row" in audit(house)


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE approvals SET at = '2026-01-01T00:00:00.000000Z'", "approval"),  # the cooling-off, cut short
        ("UPDATE approvals SET uid = 7", "approval"),
        ("UPDATE proposals SET cooling_off = 0", "plan"),
        ("UPDATE proposals SET uid = 7", "plan"),
        ("UPDATE proposals SET overrides = 1, ground = 'erasure'", "plan"),
        ("UPDATE archives SET stream = 'another'", "retention"),
        ("UPDATE archives SET manifest = replace(manifest, '\"7y\"', '\"1y\"')", "retention"),
    ],
)
def test_rows_that_are_not_what_was_agreed_stop_it(house: House, statement: str, code: str) -> None:
    archive = due(house)
    agreed(house, archive)
    forge(house, statement)
    refused(house, lambda: carry_out(context(house)), archive, code)


def test_what_was_taken_back_stays(house: House) -> None:
    archive = due(house)
    plan = agreed(house, archive)
    undo(context(house), plan.proposal.id, ALICE, "the auditor called")
    forge(house, "UPDATE condemned SET stage = 'approved'")
    refused(house, lambda: carry_out(context(house)), archive, "approval")


def test_a_request_that_was_refused_destroys_nothing(house: House) -> None:
    archive = due(house)
    asked = request_erasure(context(house), "crm-1", [archive], ALICE, "GDPR 17(1)(b)")
    assert asked.plan is not None
    approve(context(house), asked.plan.proposal.id, BOB, asked.plan.digest)
    answer_erasure(context(house), asked.erasure.id, ErasureAnswer.REFUSED, "GDPR 17(3)(b)", ALICE)
    house.now += WEEK
    forge(house, "UPDATE condemned SET stage = 'approved'")
    refused(house, lambda: carry_out(context(house)), archive, "approval")


def test_a_log_that_was_changed_in_the_catalogue_stops_it(house: House) -> None:
    archive = due(house)
    hold(house, stream=archive.stream)
    line = "CAST(replace(CAST(line AS TEXT), 'hold.placed', 'hold.caught') AS BLOB)"
    house.add()  # what comes later is chained to it
    forge(house, f"UPDATE entries SET line = {line}", "DELETE FROM holds")
    with pytest.raises(Contradiction, match="does not follow"):
        propose(context(house), [archive], ALICE, "over")
    assert house.is_whole(archive)


def test_a_log_that_was_chained_anew_in_the_catalogue_stops_it(house: House) -> None:
    archive = due(house)
    hold(house, stream=archive.stream)
    line = "CAST(replace(CAST(line AS TEXT), 'hold.placed', 'hold.caught') AS BLOB)"
    forge(house, f"UPDATE entries SET line = {line}", "DELETE FROM holds")
    with pytest.raises(Contradiction, match="last line"):
        propose(context(house), [archive], ALICE, "over")
    (alert,) = open_alerts(house.vault.catalogue)
    assert alert.key == "log contradicts log"


def test_a_destruction_that_never_began_is_not_carried_to_an_end(house: House) -> None:
    archive, other = due(house), house.add()[0]
    house.now = other.spec.window.end + OVER
    agreed(house, archive)
    carry_out(context(house))
    forge(
        house,
        tombstone_for(other, ""),
    )
    with pytest.raises(Contradiction, match="has no beginning"):
        settle_begun(context(house))
    assert house.is_whole(other)


def test_a_tombstone_s_row_alone_buries_nothing(house: House) -> None:
    archive, other = due(house), house.add()[0]
    house.now = other.spec.window.end + OVER
    agreed(house, archive)
    carry_out(context(house))
    forge(
        house,
        tombstone_for(other, "ff"),
        f"UPDATE entries SET kind = 'archive.destroyed' WHERE archive = '{other.id}'",
    )
    for thorough in (True, False):
        redestroy_returned(house.vault, lambda: house.now, thorough=thorough)
    assert house.is_whole(other)


def test_a_period_that_was_cut_in_the_catalogue_ends_when_its_rule_says(house: House) -> None:
    (archive,) = house.add()
    house.now = archive.spec.window.end + WEEK
    forge(house, "UPDATE retained SET until = '2026-01-03T00:00:00.000000Z'")
    refused(house, lambda: propose(context(house), [archive], ALICE, "over"), archive, "retention")
    assert "row" in audit(house)


def test_it_is_seen_at_the_approval_and_at_the_end_too(house: House) -> None:
    archive = due(house)
    extended = RetentionRule("long", Period.parse("20y"))
    adopt_policy(house.vault, Policy((RULE, extended), ()), house.now)
    plan = propose(context(house), [archive], ALICE, "over")
    extend(house.vault, [archive], "long", ALICE, "the regulator asks", house.now)
    forge(
        house,
        "UPDATE retained SET until = '2033-01-02T00:00:00.000000Z'",
        "UPDATE retained SET rule = replace(replace(rule, '20y', '7y'), 'long', 'standard')",
        "UPDATE entries SET archive = '' WHERE kind = 'retention.extended'",
    )
    now = read_plan(context(house), plan.proposal.id)
    refused(house, lambda: approve(context(house), plan.proposal.id, BOB, now.digest), archive, "retention")


def test_an_extension_whose_row_was_put_back_is_seen_at_the_end(house: House) -> None:
    archive = due(house)
    extended = RetentionRule("long", Period.parse("20y"))
    adopt_policy(house.vault, Policy((RULE, extended), ()), house.now)
    agreed(house, archive)
    before = house.vault.catalogue.read("SELECT rule, until FROM retained")[0]
    extend(house.vault, [archive], "long", ALICE, "the regulator asks", house.now)
    forge(house, f"UPDATE retained SET until = '{before['until']}', rule = '{before['rule']}'")
    refused(house, lambda: carry_out(context(house)), archive, "retention")


def test_nothing_is_approved_while_an_alarm_about_the_time_stands(house: House) -> None:
    archive = due(house)
    plan = propose(context(house), [archive], ALICE, "over")

    def alarmed() -> None:
        raise WorldError("nobody confirms the time")

    with pytest.raises(WorldError):
        approve(house.context(require_calm=alarmed), plan.proposal.id, BOB, plan.digest)
    assert "destruction.approved" not in house.kinds()


@pytest.mark.parametrize(
    ("left_out", "code"), [("destruction.approved", "approval"), ("destruction.begun", "approval"), ("", "hold")]
)
def test_the_audit_asks_of_every_destruction_whether_it_was_allowed(house: House, left_out: str, code: str) -> None:
    archive = due(house)
    agreed(house, archive)
    carry_out(context(house))
    bodies = [body for body in house.log() if body["kind"] != left_out]
    if not left_out:
        start = next(place for place, body in enumerate(bodies) if body["kind"] == "destruction.begun")
        bodies.insert(start, {**bodies[start], "kind": "hold.placed", "facts": {"hold": "h", "by": "uid:1"}})
        forge(
            house,
            "INSERT INTO holds VALUES ('h','m','','','',NULL,NULL,'[]','2030-01-01T00:00:00.000000Z','','',NULL,'','')",
        )
    with house.vault.catalogue.transaction():
        house.vault.catalogue.write("DELETE FROM entries")
        for body in bodies:
            about = (str(body.get("archive", "")), str(body.get("stream", "")), body["facts"])
            at = parse_instant(body["at"])
            add_entry(house.vault.catalogue, Entry(body["kind"], at, str(body.get("job", "")), *about))
    assert code in audit(house)


def test_the_audit_tells_of_time_that_runs_backwards(house: House) -> None:
    due(house)
    with house.vault.catalogue.transaction():
        for hours in (0, 960, 1, 0):
            add_entry(house.vault.catalogue, Entry("vault.locked", house.now + timedelta(hours=hours)))
    house.vault.write_log()
    told = audit_vault(house.vault, [], [])
    assert [(each.code, each.where) for each in told.findings if each.code == "time"] == [("time", "line 4")]


@pytest.mark.parametrize("thorough", [True, False])
@pytest.mark.parametrize("way", ["a row of number -1", "a row without fields", "a row in the chain"])
def test_an_entry_without_its_plan_has_nothing_destroyed(house: House, way: str, thorough: bool) -> None:
    (archive,) = house.add()
    hold(house, stream=archive.stream)
    house.vault.write_log()
    entry = Entry("archive.destroyed", house.now, archive=archive.id, facts={})
    if way == "a row in the chain":
        with house.vault.catalogue.transaction():
            add_entry(house.vault.catalogue, entry)
    else:
        line = format_line(entry, -1, "0" * 64).hex() if way == "a row of number -1" else b"{}".hex()
        columns = f"-1, '2026-01-01T00:00:00.000000Z', 'archive.destroyed', '', '{archive.id}', '', x'{line}', ''"
        forge(house, f"INSERT INTO entries (seq, at, kind, job, archive, stream, line, words) VALUES ({columns})")
    for _ in range(2):
        assert redestroy_returned(house.vault, lambda: house.now, thorough=thorough) == []
    assert house.is_whole(archive)
    (alert,) = open_alerts(house.vault.catalogue)
    assert alert.severity == "critical"
    assert archive.id in alert.body


def test_what_came_back_under_a_hold_stays_until_it_is_released(house: House) -> None:
    archive = due(house)
    backup = house.vault.layout.root.parent / "backup"
    shutil.copytree(house.vault.layout.root, backup)
    agreed(house, archive)
    carry_out(context(house))
    shutil.copytree(backup / "keys", house.vault.layout.root / "keys", dirs_exist_ok=True)
    name = hold(house, stream=archive.stream)
    assert redestroy_returned(house.vault, lambda: house.now) == []
    assert house.vault.layout.key(archive.id).exists()
    release(house.vault, name, ALICE, "over", house.now)
    assert redestroy_returned(house.vault, lambda: house.now) == [archive.id]
    assert not house.vault.layout.key(archive.id).exists()


def test_a_row_beyond_the_log_that_does_not_follow_it_is_written_out_by_nobody(house: House) -> None:
    archive = due(house)
    house.vault.write_log()
    before = house.vault.layout.log.read_bytes()
    line = format_line(Entry("archive.destroyed", house.now, archive=archive.id), 9_000, "0" * 64)
    columns = f"9000, '', 'archive.destroyed', '', '{archive.id}', '', x'{line.hex()}', ''"
    forge(house, f"INSERT INTO entries VALUES ({columns})")
    with pytest.raises(VaultError, match="entry"):
        house.vault.write_log()
    with pytest.raises(VaultError, match="entry"):
        place(house.vault, "m", HoldRule(), ALICE, "r", house.now, os.urandom)
    assert house.vault.layout.log.read_bytes() == before
    assert all(
        entry.body["kind"] != "archive.destroyed" for entry in entries_of_archive(house.vault.catalogue, archive.id)
    )
    (trouble,) = diagnose(house.vault.layout.root)
    assert trouble.kind is ProblemKind.BAD_CATALOGUE
    assert "row 9000" in trouble.words


def test_a_column_that_is_not_what_its_line_says_is_not_believed(house: House) -> None:
    (archive,) = house.add()
    house.vault.write_log()
    before = entries_of_archive(house.vault.catalogue, archive.id)
    forge(house, "UPDATE entries SET kind = 'archive.destroyed'")
    assert before
    assert entries_of_archive(house.vault.catalogue, archive.id) == []


def test_a_hold_that_a_trigger_swallows_is_not_said_to_be_placed(house: House) -> None:
    swallow = "CREATE TEMP TRIGGER gone AFTER INSERT ON holds BEGIN DELETE FROM holds WHERE id = new.id; END"
    house.vault.catalogue.read(swallow)  # in this connection alone, which no look at the schema sees
    before = house.vault.layout.log.read_bytes() if house.vault.layout.log.exists() else b""
    with pytest.raises(VaultError, match="read back"):
        place(house.vault, "m", HoldRule(), ALICE, "r", house.now, os.urandom)
    house.vault.write_log()
    assert b"hold.placed" not in house.vault.layout.log.read_bytes().removeprefix(before)
