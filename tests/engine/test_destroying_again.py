"""A log that says that an archive was destroyed, when nobody who may has agreed or its period is not over: files stay.

Who writes here can append well-chained lines and change every row: a plan, approvals of two people, the beginning with
the tombstone's digest, and the end. What he cannot do is to sign as an approver, or to change a manifest in the log.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from kit.destruction import ALICE, BOB, DUE, WEEK, House, make_house
from strongroom.engine.destruction.commands import overview
from strongroom.engine.destruction.context import DestructionRules
from strongroom.engine.destruction.destroy import carry_out
from strongroom.engine.destruction.execute import settle_begun
from strongroom.engine.destruction.log_consistency import Contradiction
from strongroom.engine.destruction.redestroy import redestroy_returned
from strongroom.engine.retention.verdicts import count_destroyed, refuse_destroyed, refuse_return
from strongroom.evidence.line import Entry, Fact
from strongroom.evidence.note import Signer
from strongroom.model.archive import Archive
from strongroom.model.destruction import Ground, PlanItem, Proposal, Stage, plan_digest
from strongroom.vault.alerts import open_alerts
from strongroom.vault.log import add_entry
from strongroom.vault.tombstones import PUT_TOMBSTONE, carve, get_tombstone, put_tombstone, write_tombstone

APPROVER = Signer.generate("bob", os.urandom)
DAY = timedelta(days=1)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = make_house(tmp_path)
    yield made
    made.vault.close()


def forge_destruction(house: House, archive: Archive, at: datetime, *, end: bool = True, **terms: Fact) -> None:
    """Append what a destruction leaves in the log, chained as it must be, and put the tombstone's row beside it."""
    plan = f"01plan{archive.id}"
    items = PlanItem(archive.id, plan, Stage.APPROVED, at, DUE.rule)
    digest = plan_digest(plan, [items])
    proposal = Proposal(plan, at - WEEK, ALICE, Ground.RETENTION, "over", 2, timedelta(0), digest)
    stone = carve(archive, items, proposal, ("00" * 32, "11" * 32), at)
    sha256 = hashlib.sha256(write_tombstone(stone)).hexdigest()
    rules: list[Fact] = [{"rule": DUE.rule, "citation": "", "archives": [archive.id]}]
    about: dict[str, Fact] = {"proposal": plan, "plan_sha256": digest}
    steps: list[tuple[str, str, dict[str, Fact]]] = [
        (
            "destruction.proposed",
            "",
            {
                **about,
                "by": ALICE.token,
                "ground": "retention",
                "people": 2,
                "cooling_off_seconds": 0,
                "rules": rules,
                **terms,
            },
        ),
        ("destruction.approved", "", {**about, "by": BOB.token, "archives": 1, "enough": True}),
        ("destruction.begun", archive.id, {"proposal": plan, "tombstone_sha256": sha256}),
    ]
    if end:
        ended: dict[str, Fact] = {"proposal": plan, "manifest_sha256": sha256, "certificate_sha256": "22" * 32}
        steps.append(("archive.destroyed", archive.id, ended))
    with house.vault.catalogue.transaction():
        for kind, name, facts in steps:
            add_entry(house.vault.catalogue, Entry(kind, at, archive=name, facts=facts))
        put_tombstone(house.vault.catalogue, stone, "22" * 32 if end else "")
    house.vault.write_log()


def kept(house: House, words: str, **terms: object) -> None:
    """Check that nothing is destroyed again, and that a critical alert and a caller hear why."""
    told: list[Contradiction] = []
    for thorough in (True, False):
        found = redestroy_returned(house.vault, lambda: house.now, thorough=thorough, refused=told.append, **terms)  # type: ignore[arg-type]
        assert found == []
    assert words in told[0].message
    (alert,) = open_alerts(house.vault.catalogue)
    assert alert.severity == "critical"
    assert words in alert.body


def test_well_chained_lines_destroy_nothing_before_its_period_is_over(house: House) -> None:
    (archive,) = house.add()
    house.now = archive.spec.window.end + DAY
    forge_destruction(house, archive, house.now)
    kept(house, "its retention period ends 2033-01-02")
    assert house.is_whole(archive)


def test_lines_of_a_time_that_has_not_come_destroy_nothing(house: House) -> None:
    (archive,) = house.add()
    house.now = archive.spec.window.end + DAY
    forge_destruction(house, archive, house.now + 8 * 366 * DAY)
    kept(house, "its retention period ends 2033-01-02")
    assert house.is_whole(archive)


def test_a_ground_that_outweighs_a_period_does_not_in_lock_mode(house: House) -> None:
    (archive,) = house.add()
    house.now = archive.spec.window.end + DAY
    with house.vault.catalogue.transaction():
        add_entry(house.vault.catalogue, Entry("vault.locked", house.now))
    forge_destruction(house, archive, house.now, ground="erasure", overrides_retention=True)
    kept(house, "its retention period ends 2033-01-02")
    assert house.is_whole(archive)


def test_where_approvals_are_signed_lines_without_a_signature_destroy_nothing(house: House) -> None:
    (archive,) = house.add()
    forge_destruction(house, archive, house.now)
    kept(house, "signed by a key of [destruction] approvers", approvers=(str(APPROVER.verifier),))
    assert house.is_whole(archive)


def test_a_begun_destruction_is_not_carried_on_by_unsigned_lines_or_before_its_time(house: House) -> None:
    early, old = house.add(2)
    rules = DestructionRules(approvers=(str(APPROVER.verifier),))
    forge_destruction(house, old, house.now, end=False)
    with pytest.raises(Contradiction, match="not approved"):
        settle_begun(house.context(rules=rules))
    with house.vault.catalogue.transaction():
        house.vault.catalogue.write("DELETE FROM tombstones")
    house.now = early.spec.window.end + DAY
    forge_destruction(house, early, house.now, end=False)
    with pytest.raises(Contradiction, match="its retention period ends 2033-01-02"):
        settle_begun(house.context())
    assert house.is_whole(early)
    assert house.is_whole(old)


@pytest.mark.parametrize("changed", [False, True])
def test_what_came_back_of_a_signed_destruction_goes_as_long_as_the_key_is_one_of_the_approvers(
    house: House, changed: bool
) -> None:
    (archive,) = house.add()
    backup = house.vault.layout.root.parent / "backup"
    shutil.copytree(house.vault.layout.root, backup)
    rules = DestructionRules(approvers=(str(APPROVER.verifier),))
    plan = house.plan(archive)
    from strongroom.engine.destruction.approve import approve

    approve(house.context(rules=rules), plan.proposal.id, BOB, plan.digest, APPROVER)
    house.now += WEEK
    assert len(carry_out(house.context(rules=rules)).destroyed) == 1
    for folder in ("keys", "manifests"):
        shutil.copytree(backup / folder, house.vault.layout.root / folder, dirs_exist_ok=True)
    approvers = (str(Signer.generate("carol", os.urandom).verifier),) if changed else rules.approvers
    expected = [] if changed else [archive.id]
    assert redestroy_returned(house.vault, lambda: house.now, approvers=approvers) == expected
    assert house.vault.layout.key(archive.id).exists() is changed


def test_a_tombstone_that_the_log_does_not_tell_of_is_no_destruction_anywhere(house: House) -> None:
    doomed, living = house.add(2)
    house.approve_and_cool(doomed)
    carry_out(house.context())
    stone = get_tombstone(house.vault.catalogue, doomed.id)
    assert stone is not None
    with house.vault.catalogue.transaction():
        for name in (living.id, "0123456789abcdefghjkmnpqrs"):
            text = write_tombstone(stone.tombstone).decode().replace(doomed.id, name)
            at = "2099-01-01T00:00:00.000000Z"
            row = (name, doomed.stream, "2026-01-02T00:00:00.000000Z", at, at, "ff", text)
            house.vault.catalogue.write(PUT_TOMBSTONE, *row)
    assert [each.tombstone.archive for each in overview(house.context(), 1).destroyed] == [doomed.id]
    assert count_destroyed(house.vault) == 1
    assert get_tombstone(house.vault.catalogue, living.id) is None
    refuse_destroyed(house.vault.catalogue, living.id)
    refuse_return(house.vault.catalogue, "zavu", ("messages",), living.spec.window)
    assert house.is_whole(living)
