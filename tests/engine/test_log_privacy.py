"""No personal data in the lines of the log: whatever people and providers say stays beside them.

A line is signed, sent away and kept for ever, so what stands in one can never be erased. Every act that takes a word
of a person, or hears one of a provider, is done here with a canary in each word; then the file and every leaf is
searched. Kinds that take no such word are listed with the reason.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.destruction import WEEK, House, make_house
from kit.sealed_vault import AT
from kit.sealed_vault import House as SealedHouse
from strongroom.engine.access.recipients import note_recipients
from strongroom.engine.destruction import approve as approving
from strongroom.engine.destruction.destroy import carry_out
from strongroom.engine.destruction.erasure import answer_erasure, request_erasure
from strongroom.engine.destruction.propose import propose, undo
from strongroom.engine.proof.audit import audit_vault
from strongroom.engine.proof.checkpoints import sign_log
from strongroom.engine.retention.holds import place, release
from strongroom.evidence.line import Entry
from strongroom.evidence.note import Signer
from strongroom.model.destruction import Person
from strongroom.model.entry_kind import EntryKind
from strongroom.model.erasure import ErasureAnswer
from strongroom.model.hold import HoldRule
from strongroom.vault.log import add_entry

CANARY = "mallory"
ONE, OTHER = Person(1000, f"{CANARY} one"), Person(1001, f"{CANARY} other")
SIGNER = Signer("vault", bytes(range(32)))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = make_house(tmp_path)
    yield made
    made.vault.close()


def lines_of(house: House) -> bytes:
    house.vault.write_log()
    return house.vault.layout.log.read_bytes()


def test_a_destruction_from_its_proposal_to_its_certificate(house: House) -> None:
    first, second, third = house.add(3)
    plan = propose(house.context(), [first, second], ONE, f"because {CANARY} says so")
    undo(house.context(), second.id, ONE, f"{CANARY} changed his mind")
    approving.approve(house.context(), plan.proposal.id, OTHER, house.plan_now(plan).digest)
    house.now += WEEK
    carry_out(house.context())
    told = lines_of(house)
    kinds = set(house.kinds())
    assert {"destruction.proposed", "destruction.approved", "destruction.undone", "archive.destroyed"} <= kinds
    assert CANARY.encode() not in told
    assert third.id.encode() in told


def test_a_destruction_that_was_really_done_is_what_the_audit_finds(house: House) -> None:
    held, gone = house.add(2)
    house.approve_and_cool(gone)
    carry_out(house.context())
    sign_log(house.vault, SIGNER, lambda: house.now)
    report = audit_vault(house.vault, [str(SIGNER.verifier)], [])
    assert [(each.code, each.where) for each in report.findings] == []
    house.vault.layout.certificate(gone.id).unlink()
    report = audit_vault(house.vault, [str(SIGNER.verifier)], [])
    assert [each.code for each in report.findings] == ["missing"]
    assert held.id


def test_a_request_of_a_person_to_be_erased(house: House) -> None:
    archives = house.add(2)
    asked = request_erasure(house.context(), f"customer-{CANARY}", archives, ONE, "GDPR 17(1)(b)")
    answer_erasure(house.context(), asked.erasure.id, ErasureAnswer.REFUSED, "GDPR 17(3)(b)", ONE)
    assert {"erasure.requested", "erasure.answered"} <= set(house.kinds())
    assert CANARY.encode() not in lines_of(house)


def test_a_hold_and_its_release(house: House) -> None:
    (archive,) = house.add(1)
    caught = place(
        house.vault, f"{CANARY} v. all", HoldRule(archives=(archive.id,)), ONE, f"{CANARY} sued", house.now, os.urandom
    )
    release(house.vault, caught.hold.id, ONE, f"{CANARY} settled", house.now)
    assert {"hold.placed", "hold.released"} <= set(house.kinds())
    assert CANARY.encode() not in lines_of(house)


def test_recipients_and_their_labels(tmp_path: Path) -> None:
    house = SealedHouse(tmp_path)
    try:
        (key,) = (str(identity.recipient) for identity in house.identities)
        words = {"label": f"key of {CANARY}", "reason": f"{CANARY} has left"}
        assert note_recipients(house.vault, [key], AT, **words) is not None
        told = house.vault.layout.log.read_bytes()
        assert b"recipients.changed" in told
        assert CANARY.encode() not in told
    finally:
        house.vault.close()


def test_words_stay_beside_the_line(house: House) -> None:
    with house.vault.catalogue.transaction():
        add_entry(house.vault.catalogue, Entry("job.refused", house.now, words=f"{CANARY} said no"))
    told = lines_of(house)
    assert b"job.refused" in told
    assert CANARY.encode() not in told


ELSEWHERE = {
    # kinds whose facts are ids, digests, counts, times and names of the configuration alone, or canaried elsewhere
    "job": "moves of a job; test_engine_canary searches them for what providers said",
    "vault": "made by the program",
    "copy": "names of the configuration, objects and digests; a reason is kept outside the line",
    "coverage": "windows and causes",
    "empty": "windows and counts",
    "clock": "sources of the configuration and numbers of users; a reason stands beside the line",
    "history": "a user's number; the reason stands beside the line",
    "snapshot": "counts",
    "source": "names of the configuration",
    "stream": "names of the configuration",
    "export": "ids",
    "scrub": "files and digests",
    "file": "a file's name and digest",
    "files": "names and digests",
    "log": "counts",
    "manifest": "a file's name",
    "archive": "ids, digests, windows, counts",
    "checkpoint": "counts, digests and names of the configuration",
    "retention": "classes of the configuration",
    "request": "wanted and ids; who wished stands beside the line",
    "key": "digests and public keys",
    "keys": "ids and public keys; what was noted about it stands beside the line",
    "drill": "public keys and counts",
    "recipient": "public keys",
    "recipients": "public keys; above",
    "destruction": "above",
    "erasure": "above",
    "hold": "above; its matter is sealed to the recipients",
    "case": "ids and a user's number; all else is sealed to the recipients, and test_cases looks for it",
    "reconcile": "names from the configuration, days and counts; test_reconcile looks for an id",
    "subject": "ids, days and a user's number; all else is sealed to the recipients, and test_subject looks for it",
    "search": "a user's number, counts and a salted digest; test_search looks for the query",
    "index": "digests and counts",
    "production": "a user's number, counts and a digest; test_production looks for the query and the prefix",
    "report": "a user's number, an audience of a fixed list, times and digests",
    "handover": "test_package looks for the person's name and the matter's",
}


def test_no_kind_of_entry_was_forgotten() -> None:
    kinds = {kind.partition(".")[0] for kind in EntryKind}
    assert kinds == set(ELSEWHERE), "a new kind of entry: may a line of it hold a word of a person?"
