"""A catalogue that is made anew knows every destruction, every plan and every deferred request for erasure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.destruction import ALICE, BOB, CAROL, HELD, KEEP, WEEK, House, make_house
from strongroom.engine.destruction.approve import approve
from strongroom.engine.destruction.destroy import carry_out
from strongroom.engine.destruction.erasure import answer_erasure, request_erasure
from strongroom.engine.destruction.propose import undo
from strongroom.engine.destruction.redestroy import redestroy_returned
from strongroom.engine.repair.rebuild import Rebuild, rebuild
from strongroom.evidence.note import Signer
from strongroom.model.coverage import Cover
from strongroom.model.destruction import Stage
from strongroom.model.erasure import ErasureAnswer, ErasureState
from strongroom.vault.archives import get_archive
from strongroom.vault.coverage import intervals_of
from strongroom.vault.destructions import approvals_of, get_erasure, items_of_plan
from strongroom.vault.tombstones import get_tombstone
from strongroom.vault.vault import open_vault


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = make_house(tmp_path)
    yield made
    made.vault.close()


def lose_the_catalogue(house: House) -> None:
    """Close the vault, lose its catalogue, make it again from the rest, and open it."""
    layout = house.vault.layout
    house.vault.close()
    for name in ("catalogue.sqlite", "catalogue.sqlite-wal", "catalogue.sqlite-shm"):
        (layout.root / name).unlink(missing_ok=True)
    rebuild(Rebuild(layout.root, lambda: house.now))
    house.vault = open_vault(layout.root)


def test_what_was_destroyed_stays_destroyed(house: House) -> None:
    doomed, other = house.add(2)
    house.approve_and_cool(doomed)
    carry_out(house.context())
    before = get_tombstone(house.vault.catalogue, doomed.id)
    lose_the_catalogue(house)
    assert get_tombstone(house.vault.catalogue, doomed.id) == before
    assert get_archive(house.vault.catalogue, doomed.id) is None
    assert get_archive(house.vault.catalogue, other.id) is not None
    assert redestroy_returned(house.vault, house.context().clock) == []
    covers = {each.archive: each.cover for each in intervals_of(house.vault.catalogue, doomed.stream)}
    assert covers.get(doomed.id, Cover.DESTROYED) is Cover.DESTROYED
    assert carry_out(house.context()).destroyed == []
    assert house.kinds().count("archive.destroyed") == 1


def test_files_that_came_back_before_the_catalogue_was_made_anew_are_buried(house: House) -> None:
    (doomed,) = house.add()
    layout = house.vault.layout
    kept = {
        path: path.read_bytes()
        for path in (layout.key(doomed.id), layout.archive(doomed.id), layout.manifest(doomed.id))
    }
    house.approve_and_cool(doomed)
    carry_out(house.context())
    for path, data in kept.items():
        path.write_bytes(data)
    lose_the_catalogue(house)
    assert get_archive(house.vault.catalogue, doomed.id) is None
    assert redestroy_returned(house.vault, house.context().clock, thorough=False) == [doomed.id]
    assert house.find(kept[layout.key(doomed.id)]) == []


def test_a_signed_approval_survives_and_the_plan_is_carried_out(house: House) -> None:
    first, second, third = house.add(3)
    plan = house.plan(first, second, third)
    undo(house.context(), second.id, CAROL, "still needed")
    seen = house.plan_now(plan).digest
    approve(house.context(), plan.proposal.id, BOB, seen, Signer("bob", b"b" * 32))
    before = approvals_of(house.vault.catalogue, plan.proposal.id)
    lose_the_catalogue(house)
    (after,) = approvals_of(house.vault.catalogue, plan.proposal.id)
    assert (after.at, after.note, after.signer, after.by.uid) == (before[0].at, before[0].note, before[0].signer, 1001)
    stages = [each.stage for each in items_of_plan(house.vault.catalogue, plan.proposal.id)]
    assert sorted(stages) == [Stage.APPROVED, Stage.APPROVED, Stage.WITHDRAWN]
    assert carry_out(house.context()).destroyed == []
    house.now += WEEK
    assert {each.archive for each in carry_out(house.context()).destroyed} == {first.id, third.id}
    assert house.is_whole(second)


def test_a_deferred_erasure_is_not_forgotten_and_a_refused_one_not_revived(house: House) -> None:
    held, refused = house.add(2)
    house.verdicts = {held.id: HELD, refused.id: KEEP}
    asked = request_erasure(house.context(), "crm-1", [held], ALICE, "GDPR 17(1)(b)")
    other = request_erasure(house.context(), "crm-2", [refused], ALICE, "GDPR 17(1)(b)")
    for each in (asked, other):
        assert each.plan is not None
        house.agree(each.plan)
    answer_erasure(house.context(), asked.erasure.id, ErasureAnswer.DEFERRED, "GDPR 17(3)(e)", BOB)
    answer_erasure(house.context(), other.erasure.id, ErasureAnswer.REFUSED, "GDPR 17(3)(b)", BOB)
    lose_the_catalogue(house)
    found = get_erasure(house.vault.catalogue, asked.erasure.id)
    assert found is not None
    assert (found.state, found.subject, found.archives) == (ErasureState.DEFERRED, "", (held.id,))
    house.now += WEEK
    house.verdicts = {}
    assert [each.archive for each in carry_out(house.context()).destroyed] == [held.id]
    done = get_erasure(house.vault.catalogue, asked.erasure.id)
    assert done is not None
    assert done.state is ErasureState.DONE
    assert house.is_whole(refused)


class Stopped(Exception):
    """Stands in for a process that dies."""


@pytest.mark.parametrize("place", ["logged begun", "put tombstone", "shredded key", "certified", "committed destroyed"])
def test_the_catalogue_is_lost_in_the_middle_of_a_destruction(house: House, place: str) -> None:
    (doomed,) = house.add()
    house.approve_and_cool(doomed)

    def stop(now: str) -> None:
        if now == place:
            raise Stopped

    with pytest.raises(Stopped):
        carry_out(house.context(crash_point=stop))
    lose_the_catalogue(house)
    assert (get_archive(house.vault.catalogue, doomed.id) is not None) is (place == "logged begun")
    carried = carry_out(house.context())
    assert len(carried.destroyed) == (place != "committed destroyed") or house.kinds().count("archive.destroyed") == 1
    assert house.kinds().count("archive.destroyed") == 1
    assert not house.vault.layout.key(doomed.id).exists()
    assert get_tombstone(house.vault.catalogue, doomed.id) is not None
