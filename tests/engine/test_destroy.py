"""Destroying archives: in steps that no one takes alone, judged once more at the end, and gone afterwards."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from kit.destruction import ALICE, BOB, CAROL, DUE, HELD, KEEP, SIGNER, WEEK, House, make_house
from strongroom.age.identity_file import parse_archive_key
from strongroom.age.writer import open_bytes
from strongroom.engine.access.inventory import find_archive
from strongroom.engine.destruction.approve import approve
from strongroom.engine.destruction.context import DestructionRules
from strongroom.engine.destruction.destroy import carry_out
from strongroom.engine.destruction.execute import read_certificate
from strongroom.engine.destruction.propose import propose, read_plan, undo
from strongroom.engine.ingest.planning import due_windows
from strongroom.engine.retention.holds import place, release
from strongroom.engine.retention.verdicts import Destroyed, refuse_return
from strongroom.evidence.note import NoteRefused, Signer, open_note
from strongroom.model.archive import Holding
from strongroom.model.coverage import Cover
from strongroom.model.destruction import PROGRAM, Person, Stage, StepRefused
from strongroom.model.errors import UsageError, WorldError
from strongroom.model.hold import HoldRule
from strongroom.model.plan import Plan, Stream
from strongroom.vault.archives import get_archive
from strongroom.vault.coverage import intervals_of
from strongroom.vault.destructions import items_of_plan
from strongroom.vault.tombstones import get_tombstone, read_tombstone, write_tombstone

BOBS_KEY = Signer("bob", b"b" * 32)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = make_house(tmp_path)
    yield made
    made.vault.close()


@pytest.mark.parametrize("holding", [Holding.HELD, Holding.QUARANTINED])
def test_approved_and_cooled_off_it_is_destroyed_and_the_rest_is_not(house: House, holding: Holding) -> None:
    (doomed,) = house.add(holding=holding)
    (other,) = house.add()
    plan = house.plan(doomed)
    assert house.agree(plan).enough
    house.now += WEEK - timedelta(seconds=1)
    assert carry_out(house.context()).destroyed == []
    assert house.is_whole(doomed)
    house.now += timedelta(seconds=1)
    carried = carry_out(house.context())
    assert [each.archive for each in carried.destroyed] == [doomed.id]
    assert carried.compacted
    assert get_archive(house.vault.catalogue, doomed.id) is None
    names = [path.name for path in house.vault.layout.root.rglob(f"*{doomed.id}*")]
    assert sorted(names) == [f"{doomed.id}.json", f"{doomed.id}.note"]
    assert house.is_whole(other)
    assert house.kinds()[2:] == [
        *("destruction.proposed", "destruction.approved", "destruction.begun", "archive.destroyed"),
    ]
    assert carry_out(house.context()).destroyed == []
    assert house.kinds().count("archive.destroyed") == 1


def test_nothing_of_it_is_left_in_any_byte_of_the_vault(house: House) -> None:
    (doomed,) = house.add()
    layout = house.vault.layout
    key, payload = layout.key(doomed.id).read_bytes(), layout.archive(doomed.id).read_bytes()
    salt = parse_archive_key(open_bytes(key, [house.master])).salt
    strays = [layout.temporary(doomed.id, ".key.age"), layout.root / "keys" / f"{doomed.id}.key.age.old"]
    for stray in strays:
        stray.write_bytes(key)
    (layout.quarantined(doomed.id, ".age")).write_bytes(payload)
    needles = [key, key[-64:], payload[-64:], salt, salt.hex().encode(), b"secretfield", b"mallory"]
    assert all(house.find(needle) for needle in (*needles[:3], *needles[5:]))
    house.approve_and_cool(doomed)
    carry_out(house.context())
    house.vault.catalogue.read("SELECT count(*) FROM archives")
    assert {needle: house.find(needle) for needle in needles} == {needle: [] for needle in needles}
    pages = sqlite3.connect(layout.catalogue)
    assert pages.execute("PRAGMA freelist_count").fetchone()[0] == 0
    pages.close()
    assert not any(path.exists() for path in strays)


def test_a_second_name_of_the_key_file_holds_zeros(house: House, tmp_path: Path) -> None:
    (doomed,) = house.add()
    elsewhere = tmp_path / "second-name"
    elsewhere.hardlink_to(house.vault.layout.key(doomed.id))
    size = elsewhere.stat().st_size
    house.approve_and_cool(doomed)
    carry_out(house.context())
    assert elsewhere.read_bytes() == bytes(size)


def test_the_certificate_tells_all_and_is_signed_and_logged(house: House) -> None:
    (doomed,) = house.add()
    plan = house.plan(doomed)
    now = read_plan(house.context(), plan.proposal.id)
    approve(house.context(), plan.proposal.id, BOB, now.digest, BOBS_KEY)
    house.now += WEEK
    carry_out(house.context())
    note = house.vault.layout.certificate(doomed.id).read_bytes()
    open_note(note.decode(), SIGNER.verifier)
    with pytest.raises(NoteRefused):
        open_note(note.decode().replace("alice", "carol"), SIGNER.verifier)
    told = read_certificate(note)
    (approval,) = told["approvals"]
    assert open_note(approval["note"], BOBS_KEY.verifier).splitlines()[2] == f"plan {plan.proposal.plan_sha256}"
    assert told["proposal"]["by"] == {"uid": 1000, "name": "alice"}
    assert told["archive"]["destroyed"]["rule"] == DUE.rule
    entry = next(body for body in house.log() if body["kind"] == "archive.destroyed")
    stone = house.vault.layout.manifest(doomed.id).read_bytes()
    assert entry["facts"] == {
        "proposal": plan.proposal.id,
        "ground": "retention",
        "certificate_sha256": hashlib.sha256(note).hexdigest(),
        "manifest_sha256": hashlib.sha256(stone).hexdigest(),
        "sealed_sha256": doomed.seal.sealed_sha256,
    }
    assert "alice" not in json.dumps(house.log())
    assert "bob+" in json.dumps(house.log())  # a public key, not a word about a person beside it


def test_without_a_signing_key_it_is_logged_and_says_so(house: House) -> None:
    (doomed,) = house.add()
    house.signer = None
    house.approve_and_cool(doomed)
    carry_out(house.context())
    note = house.vault.layout.certificate(doomed.id).read_text()
    assert note.endswith("\nunsigned: the vault has no signing key\n")
    assert read_certificate(note.encode())["signed"] is False
    assert house.kinds()[-1] == "archive.destroyed"


def test_the_tombstone_says_what_and_why_and_nothing_that_the_records_said(house: House) -> None:
    (doomed,) = house.add()
    house.approve_and_cool(doomed)
    carry_out(house.context())
    data = house.vault.layout.manifest(doomed.id).read_bytes()
    stone = read_tombstone(data)
    assert (stone.archive, stone.window, stone.records) == (doomed.id, doomed.spec.window, 3)
    assert (stone.sealed_sha256, stone.digest) == (doomed.seal.sealed_sha256, doomed.seal.digest)
    assert write_tombstone(stone) == data
    assert not {b"secretfield", b"mallory", b"findings", b"members", b"earliest"} & set(data.split(b'"'))
    buried = get_tombstone(house.vault.catalogue, doomed.id)
    assert buried is not None
    assert buried.tombstone == stone


def test_whoever_asks_for_it_is_told_what_became_of_it(house: House) -> None:
    (doomed,) = house.add()
    house.approve_and_cool(doomed)
    carry_out(house.context())
    for part in (doomed.id, doomed.id[-8:]):
        with pytest.raises(Destroyed, match=rf"{doomed.id} .* was destroyed at .* under standard: 7y"):
            find_archive(house.vault, part)


def test_its_window_is_covered_as_destroyed_and_never_fetched_again(house: House) -> None:
    doomed, other = house.add(2)
    house.approve_and_cool(doomed)
    carry_out(house.context())
    first, second = intervals_of(house.vault.catalogue, doomed.stream)
    assert (first.cover, first.archive) == (Cover.DESTROYED, doomed.id)
    assert first.cause == f"destroyed under {DUE.rule}"
    assert second.cover is Cover.PROVEN
    plan = Plan(Stream(doomed.stream, "zavu", ("messages",)), doomed.spec.window.start)
    assert due_windows(plan, [first, second], other.spec.window.end + timedelta(hours=2)) == []
    with pytest.raises(Destroyed, match="not exported again"):
        refuse_return(house.vault.catalogue, "zavu", ("messages", "calls"), doomed.spec.window)
    refuse_return(house.vault.catalogue, "zavu", ("messages",), other.spec.window)
    refuse_return(house.vault.catalogue, "another", ("messages",), doomed.spec.window)


def test_only_what_is_due_can_be_proposed_and_once(house: House) -> None:
    due, kept, held = house.add(3)
    house.verdicts = {kept.id: KEEP, held.id: HELD}
    for archive, why in ((kept, "not over"), (held, "matter acme")):
        with pytest.raises(StepRefused, match=why):
            house.plan(due, archive)
    with pytest.raises(UsageError, match="nothing to propose"):
        house.plan()
    house.plan(due)
    with pytest.raises(StepRefused, match="already"):
        house.plan(due)
    assert house.kinds().count("destruction.proposed") == 1


def test_a_hold_between_approval_and_destruction_wins_and_the_rest_goes_on(house: House) -> None:
    held, doomed = house.add(2)
    plan = house.approve_and_cool(held, doomed)
    house.verdicts[held.id] = HELD
    carried = carry_out(house.context())
    assert [each.archive for each in carried.destroyed] == [doomed.id]
    assert [(each.archive, each.reason) for each in carried.excluded] == [(held.id, HELD.words)]
    assert house.is_whole(held)
    house.verdicts.clear()
    assert carry_out(house.context()).destroyed == []  # off the plan: it must be proposed and approved anew
    stages = {each.archive: each.stage for each in items_of_plan(house.vault.catalogue, plan.proposal.id)}
    assert stages == {held.id: Stage.SPARED, doomed.id: Stage.DESTROYED}
    assert house.kinds().count("destruction.spared") == 1


def test_a_hold_takes_archives_off_their_plan_for_good_even_if_it_is_released_before_the_plan_runs(
    house: House,
) -> None:
    held, doomed = house.add(2)
    plan = house.plan(held, doomed)
    house.agree(plan)
    rule = HoldRule(archives=(held.id,))
    placed = place(house.vault, "acme", rule, ALICE, "a letter", house.now, os.urandom)
    release(house.vault, placed.hold.id, ALICE, "settled", house.now)
    house.now += WEEK
    assert [each.archive for each in carry_out(house.context()).destroyed] == [doomed.id]
    assert house.is_whole(held)
    assert house.plan(held).items[0].stage is Stage.PROPOSED  # it can be proposed anew


def test_a_proposal_is_refused_while_the_time_is_in_doubt_and_leaves_no_line(house: House) -> None:
    (doomed,) = house.add()

    def doubt() -> None:
        raise WorldError("the clock cannot be trusted")

    with pytest.raises(WorldError, match="clock"):
        propose(house.context(require_calm=doubt), [doomed], ALICE, "over")
    assert "destruction.proposed" not in house.kinds()


def test_more_people_after_an_approval_asks_for_the_one_that_is_missing(house: House) -> None:
    (doomed,) = house.add()
    plan = house.approve_and_cool(doomed)
    strict = {"rules": DestructionRules(people=3)}
    assert [each.archive for each in carry_out(house.context(**strict)).waiting] == [doomed.id]
    now = read_plan(house.context(**strict), plan.proposal.id)
    assert [each.archive for each in now.waiting] == [doomed.id]
    with pytest.raises(StepRefused, match="approved this plan already"):
        approve(house.context(**strict), plan.proposal.id, BOB, now.digest)
    assert approve(house.context(**strict), plan.proposal.id, CAROL, now.digest).enough
    assert carry_out(house.context(**strict)).destroyed == []  # the cooling-off runs from the last approval
    house.now += WEEK
    assert len(carry_out(house.context(**strict)).destroyed) == 1


def test_nothing_begins_while_the_time_cannot_be_trusted(house: House) -> None:
    (doomed,) = house.add()
    house.approve_and_cool(doomed)
    house.trusted = False
    house.now += 1000 * WEEK
    with pytest.raises(WorldError, match="clock"):
        carry_out(house.context())
    assert house.is_whole(doomed)
    house.trusted = True
    assert len(carry_out(house.context()).destroyed) == 1


def test_the_same_person_cannot_approve_however_they_come(house: House) -> None:
    (doomed,) = house.add()
    plan = house.plan(doomed)
    for forged in (
        ALICE,
        Person(1000, "bob"),
        Person(1000, "alice", sudo=1001),
        Person(0, "root", sudo=1000),
        Person(0, "alice", login=1000),
        PROGRAM,
    ):
        with pytest.raises(StepRefused):
            house.agree(plan, forged)
    assert house.kinds().count("destruction.approved") == 0
    house.now += 100 * WEEK
    assert carry_out(house.context()).destroyed == []


def test_three_people_are_three(house: House) -> None:
    (doomed,) = house.add()
    rules = DestructionRules(people=3)
    plan = propose(house.context(rules=rules), [doomed], ALICE, "why")
    assert not house.agree(plan, rules=rules).enough
    with pytest.raises(StepRefused, match="already"):
        house.agree(plan, rules=rules)
    house.now += 2 * WEEK
    assert carry_out(house.context(rules=rules)).destroyed == []
    assert house.agree(plan, CAROL, rules=rules).enough
    house.now += WEEK
    assert len(carry_out(house.context(rules=rules)).destroyed) == 1


def test_a_rule_that_became_stricter_after_the_approval_holds(house: House) -> None:
    (doomed,) = house.add()
    laxly = DestructionRules(people=1, cooling_off=timedelta(0))
    plan = propose(house.context(rules=laxly), [doomed], ALICE, "why")
    assert house.agree(plan, ALICE, rules=laxly).enough
    carried = carry_out(house.context())
    assert (carried.destroyed, carried.waiting) == ([], [])  # a week has not passed
    house.now += WEEK
    carried = carry_out(house.context())
    assert carried.destroyed == []
    assert "stricter" in carried.waiting[0].reason
    assert house.is_whole(doomed)


def test_a_plan_that_changed_since_it_was_shown_is_not_approved(house: House) -> None:
    first, second = house.add(2)
    plan = house.plan(first, second)
    undo(house.context(), first.id, CAROL, "still needed")
    with pytest.raises(StepRefused, match="has changed since it was shown to you"):
        approve(house.context(), plan.proposal.id, BOB, plan.digest)
    assert house.agree(plan).enough
    house.now += WEEK
    assert [each.archive for each in carry_out(house.context()).destroyed] == [second.id]
    assert house.is_whole(first)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE condemned SET archive = :other WHERE archive = :doomed",
        "UPDATE condemned SET rule = 'another rule'",
        "INSERT INTO condemned SELECT :other, proposal, stage, changed_at, rule, citation, reason FROM condemned",
        "UPDATE approvals SET plan_sha256 = 'another'",
        "UPDATE approvals SET uid = 1000",
        "UPDATE approvals SET signer = 'bob+00000000+AAAA'",
    ],
)
def test_a_plan_that_was_changed_in_the_catalogue_destroys_nothing(house: House, change: str) -> None:
    doomed, other = house.add(2)
    house.approve_and_cool(doomed)
    with house.vault.catalogue.transaction():
        house.vault.catalogue._connection.execute(change, {"other": other.id, "doomed": doomed.id})
    assert carry_out(house.context()).destroyed == []
    assert house.is_whole(doomed)
    assert house.is_whole(other)


def test_an_approval_with_a_key_must_be_that_key_s(house: House) -> None:
    (doomed,) = house.add()
    rules = DestructionRules(approvers=(str(BOBS_KEY.verifier),))
    plan = propose(house.context(rules=rules), [doomed], ALICE, "why")
    context, seen = house.context(rules=rules), plan.digest
    with pytest.raises(UsageError, match="signed"):
        approve(context, plan.proposal.id, BOB, seen)
    with pytest.raises(UsageError, match="is not listed"):
        approve(context, plan.proposal.id, BOB, seen, Signer("bob", b"x" * 32))
    assert approve(context, plan.proposal.id, BOB, seen, BOBS_KEY).enough
    house.now += WEEK
    assert len(carry_out(context).destroyed) == 1


@pytest.mark.parametrize("by", [ALICE, BOB, CAROL])
def test_undone_until_it_begins_also_after_the_cooling_off(house: House, by: Person) -> None:
    first, second = house.add(2)
    plan = house.approve_and_cool(first, second)
    assert [each.stage for each in undo(house.context(), plan.proposal.id, by, "a mistake")] == [Stage.WITHDRAWN] * 2
    assert carry_out(house.context()).destroyed == []
    assert house.is_whole(first)
    assert house.is_whole(second)
    with pytest.raises(StepRefused, match="removed from the plan"):
        undo(house.context(), plan.proposal.id, by, "again")
    assert house.kinds().count("destruction.undone") == 1


def test_nothing_is_undone_after_it_was_destroyed(house: House) -> None:
    (doomed,) = house.add()
    plan = house.approve_and_cool(doomed)
    carry_out(house.context())
    for subject in (doomed.id, plan.proposal.id):
        with pytest.raises(StepRefused, match="destroyed and cannot be restored"):
            undo(house.context(), subject, ALICE, "a mistake")
    with pytest.raises(StepRefused, match="waiting for approval"):
        house.agree(plan, CAROL)


def test_the_program_s_own_proposal_takes_two_people(house: House) -> None:
    (doomed,) = house.add()
    plan = propose(house.context(), [doomed], PROGRAM, "the class says so")
    assert not house.agree(plan, ALICE).enough
    assert house.agree(plan, BOB).enough
    house.now += WEEK
    assert len(carry_out(house.context()).destroyed) == 1


def test_a_reader_in_the_way_delays_the_compaction_and_nothing_else(house: House) -> None:
    (doomed,) = house.add()
    house.approve_and_cool(doomed)
    reader = sqlite3.connect(house.vault.layout.catalogue)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM entries").fetchone()
    house.vault.catalogue._connection.execute("PRAGMA busy_timeout = 50")
    carried = carry_out(house.context())
    assert len(carried.destroyed) == 1
    assert not carried.compacted
    reader.rollback()
    reader.close()
    assert carry_out(house.context()).compacted
    assert house.find(b"mallory", b"secretfield") == []


def test_a_forged_certificate_beforehand_is_replaced(house: House) -> None:
    (doomed,) = house.add()
    path = house.vault.layout.certificate(doomed.id)
    path.parent.mkdir()
    path.write_text(replace(SIGNER, seed=b"x" * 32).sign("strongroom certificate of destruction 1\n{}\n"))
    house.approve_and_cool(doomed)
    carry_out(house.context())
    open_note(path.read_text(), SIGNER.verifier)


def test_a_batch_ends_and_the_next_goes_on(house: House) -> None:
    house.approve_and_cool(*house.add(5))
    assert [len(carry_out(house.context(), most=2).destroyed) for _ in range(4)] == [2, 2, 1, 0]
