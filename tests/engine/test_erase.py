"""Requests for erasure: under a pseudonym, on a plan, deferred without being forgotten, and done by themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from kit.destruction import ALICE, BOB, DUE, HELD, KEEP, LOCKED, WEEK, House, make_house
from strongroom.engine.destruction.context import DestructionRules
from strongroom.engine.destruction.destroy import carry_out
from strongroom.engine.destruction.erasure import (
    Requested,
    answer_erasure,
    archives_within,
    pending_by_archive,
    propose_again,
    request_erasure,
)
from strongroom.engine.destruction.propose import read_plan, undo
from strongroom.model.archive import Archive
from strongroom.model.destruction import StepRefused
from strongroom.model.erasure import Erasure, ErasureAnswer, ErasureState
from strongroom.model.errors import UsageError, WorldError
from strongroom.model.window import Window
from strongroom.vault.destructions import get_erasure, pending_erasures, proposals_of_erasure

SUBJECT = "customer-4711"
GROUND = "GDPR 17(1)(b)"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = make_house(tmp_path)
    yield made
    made.vault.close()


def ask(house: House, *archives: Archive, overrides: bool = False, people: int = 2) -> Requested:
    context = house.context(rules=DestructionRules(people=people))
    return request_erasure(context, SUBJECT, archives, ALICE, GROUND, overrides=overrides)


def state(house: House, erasure: Erasure) -> Erasure:
    found = get_erasure(house.vault.catalogue, erasure.id)
    assert found is not None
    return found


def approve_it(house: House, asked: Requested) -> None:
    assert asked.plan is not None
    assert house.agree(asked.plan).enough
    house.now += WEEK


def test_what_is_due_is_destroyed_and_the_request_is_done_by_itself(house: House) -> None:
    first, second, other = house.add(3)
    asked = ask(house, first, second)
    approve_it(house, asked)
    assert len(carry_out(house.context()).destroyed) == 2
    done = state(house, asked.erasure)
    assert (done.state, done.subject, done.salt) == (ErasureState.DONE, "", "")
    assert house.is_whole(other)
    assert house.kinds()[3:] == [
        *("erasure.requested", "destruction.proposed", "destruction.approved"),
        *("destruction.begun", "archive.destroyed") * 2,
        "erasure.answered",
    ]


def test_the_person_is_never_in_the_log_and_nowhere_once_it_is_done(house: House) -> None:
    (doomed,) = house.add()
    asked = ask(house, doomed)
    assert SUBJECT not in json.dumps(house.log())
    assert asked.erasure.subject_hash in json.dumps(house.log())
    salt = asked.erasure.salt.encode()
    assert house.find(SUBJECT.encode())
    assert house.find(salt)
    approve_it(house, asked)
    carry_out(house.context())
    assert house.find(SUBJECT.encode(), salt) == []


@pytest.mark.parametrize("verdict", [HELD, KEEP])
def test_a_deferred_request_waits_and_completes_by_itself(house: House, verdict: object) -> None:
    free, kept = house.add(2)
    house.verdicts[kept.id] = verdict  # type: ignore[assignment]
    asked = ask(house, free, kept)
    approve_it(house, asked)
    carried = carry_out(house.context())
    assert [each.archive for each in carried.destroyed] == [free.id]
    assert [each.archive for each in carried.waiting] == [kept.id]
    answer_erasure(house.context(), asked.erasure.id, ErasureAnswer.DEFERRED, "GDPR 17(3)(e)", BOB)
    assert state(house, asked.erasure).state is ErasureState.DEFERRED
    assert pending_by_archive(house.context(), state(house, asked.erasure)).keys() == {kept.id}
    for _ in range(3):
        house.now += 50 * WEEK
        assert carry_out(house.context()).destroyed == []
    assert house.is_whole(kept)
    before = house.kinds()
    del house.verdicts[kept.id]
    assert [each.archive for each in carry_out(house.context()).destroyed] == [kept.id]
    assert state(house, asked.erasure).state is ErasureState.DONE
    assert house.kinds()[len(before) :] == ["destruction.begun", "archive.destroyed", "erasure.answered"]


def test_it_takes_approval_and_cooling_off_like_any_destruction(house: House) -> None:
    (doomed,) = house.add()
    asked = ask(house, doomed)
    house.now += 10 * WEEK
    assert carry_out(house.context()).destroyed == []
    assert asked.plan is not None
    with pytest.raises(StepRefused, match="two people"):
        house.agree(asked.plan, ALICE)
    house.agree(asked.plan)
    assert carry_out(house.context()).destroyed == []
    assert house.is_whole(doomed)


def test_a_ground_may_outweigh_a_running_period_with_two_people_and_never_a_hold_or_a_lock(house: House) -> None:
    kept, held, locked = house.add(3)
    house.verdicts = {kept.id: KEEP, held.id: HELD, locked.id: LOCKED}
    asked = ask(house, kept, held, locked, overrides=True, people=1)
    assert asked.plan is not None
    assert asked.plan.proposal.people == 2
    with pytest.raises(StepRefused, match="two people"):
        house.agree(asked.plan, ALICE, rules=DestructionRules(people=1))
    approve_it(house, asked)
    assert [each.archive for each in carry_out(house.context()).destroyed] == [kept.id]
    assert house.is_whole(held)
    assert house.is_whole(locked)
    certificate = house.vault.layout.certificate(kept.id).read_text()
    assert '"overrides_retention": true' in certificate
    assert SUBJECT not in certificate


def test_a_refusal_has_its_ground_and_takes_everything_off_the_plan(house: House) -> None:
    (kept,) = house.add()
    asked = ask(house, kept)
    approve_it(house, asked)
    with pytest.raises(UsageError, match="requires a ground"):
        answer_erasure(house.context(), asked.erasure.id, ErasureAnswer.REFUSED, "", BOB)
    answer_erasure(house.context(), asked.erasure.id, ErasureAnswer.REFUSED, "GDPR 17(3)(b)", BOB)
    assert carry_out(house.context()).destroyed == []
    assert house.is_whole(kept)
    told = state(house, asked.erasure)
    assert (told.state, told.answer, told.subject) == (ErasureState.REFUSED, "GDPR 17(3)(b)", "")
    with pytest.raises(StepRefused, match="final answer"):
        answer_erasure(house.context(), asked.erasure.id, ErasureAnswer.DONE, "", BOB)
    assert house.find(SUBJECT.encode()) == []


def test_done_is_not_believed_before_it_is_true(house: House) -> None:
    (kept,) = house.add()
    asked = ask(house, kept)
    with pytest.raises(StepRefused, match="1 of 1 archive not destroyed"):
        answer_erasure(house.context(), asked.erasure.id, ErasureAnswer.DONE, "", BOB)
    empty = ask(house)
    assert empty.plan is None
    assert answer_erasure(house.context(), empty.erasure.id, ErasureAnswer.DONE, "", BOB).state is ErasureState.DONE


def test_it_takes_over_what_waits_on_another_plan_and_comes_back_after_an_undo(house: House) -> None:
    (doomed,) = house.add()
    plan = house.plan(doomed)
    asked = ask(house, doomed)
    with pytest.raises(StepRefused, match="waiting for approval"):
        house.agree(plan)  # it must be approved on the plan that it is on now
    undo(house.context(), doomed.id, BOB, "look again")
    house.now += WEEK
    assert carry_out(house.context()).destroyed == []
    again = propose_again(house.context(), asked.erasure.id, ALICE)
    assert again.proposal.erasure == asked.erasure.id != plan.proposal.id
    with pytest.raises(UsageError, match="removed from its plan"):
        propose_again(house.context(), asked.erasure.id, ALICE)
    house.agree(again)
    house.now += WEEK
    assert len(carry_out(house.context()).destroyed) == 1
    assert state(house, asked.erasure).state is ErasureState.DONE


@pytest.mark.parametrize("ground", [f"asked by {SUBJECT.upper()}", "x" * 201, "two\nlines"])
def test_words_for_the_log_do_not_tell_the_person(house: House, ground: str) -> None:
    with pytest.raises(UsageError):
        request_erasure(house.context(), SUBJECT, [], ALICE, ground)
    with pytest.raises(UsageError, match="no reference for the person"):
        request_erasure(house.context(), " ", [], ALICE, GROUND)
    assert house.kinds() == []


def test_a_period_means_every_archive_that_touches_it(house: House) -> None:
    first, second, third = house.add(3)
    (other,) = house.add(stream="another")
    assert second.id in {each.id for each in archives_within(house.vault, first.stream, second.spec.window)}
    window = Window(second.spec.window.start + timedelta(seconds=1), second.spec.window.end - timedelta(seconds=1))
    assert archives_within(house.vault, first.stream, window) == [second]
    wide = Window(first.spec.window.end - timedelta(seconds=1), other.spec.window.end)
    assert {each.id for each in archives_within(house.vault, "", wide)} == {
        *(first.id, second.id, third.id, other.id),
    }
    assert DUE.locked is False


def test_a_second_request_leaves_the_first_ones_approval_and_is_done_with_it(house: House) -> None:
    (doomed,) = house.add()
    first = ask(house, doomed)
    approve_it(house, first)  # the cooling-off is over, too
    second = ask(house, doomed)
    assert second.plan is None
    waits = pending_by_archive(house.context(), state(house, second.erasure))[doomed.id]
    assert waits.by_erasure == first.erasure.id
    assert f"of request {first.erasure.id} is approved" in waits.words
    assert [each.archive for each in carry_out(house.context()).destroyed] == [doomed.id]
    assert {state(house, each.erasure).state for each in (first, second)} == {ErasureState.DONE}


def test_a_request_leaves_what_a_retention_plan_was_approved_for(house: House) -> None:
    (doomed,) = house.add()
    house.approve_and_cool(doomed)
    asked = ask(house, doomed)
    assert asked.plan is None
    assert len(carry_out(house.context()).destroyed) == 1
    assert state(house, asked.erasure).state is ErasureState.DONE


def test_what_a_refused_request_lets_go_is_planned_for_the_other_request(house: House) -> None:
    (doomed,) = house.add()
    first, second = ask(house, doomed), ask(house, doomed)
    answer_erasure(house.context(), first.erasure.id, ErasureAnswer.REFUSED, "GDPR 17(3)(b)", BOB)
    waits = pending_by_archive(house.context(), state(house, second.erasure))[doomed.id]
    assert waits.by_erasure == ""
    assert "waits for approval" in waits.words
    (proposal,) = proposals_of_erasure(house.vault.catalogue, second.erasure.id)
    assert house.agree(read_plan(house.context(), proposal.id), ALICE).enough  # BOB, who refused, proposed it
    house.now += WEEK
    assert len(carry_out(house.context()).destroyed) == 1


def test_each_request_says_what_it_waits_for(house: House) -> None:
    (doomed,) = house.add()
    asked = ask(house, doomed)

    def words() -> str:
        return pending_by_archive(house.context(), state(house, asked.erasure))[doomed.id].words

    assert "waits for approval" in words()
    assert asked.plan is not None
    house.agree(asked.plan)
    assert "is approved, cooling off until" in words()
    undo(house.context(), doomed.id, BOB, "look again")
    assert "on no plan" in words()


def test_a_request_is_not_recorded_by_a_wrong_clock(house: House) -> None:
    def alarmed() -> None:
        raise WorldError("our clock is 10 days ahead")

    (doomed,) = house.add()
    with pytest.raises(WorldError, match="10 days ahead"):
        request_erasure(house.context(refuse_wrong_clock=alarmed), "C-1", [doomed], ALICE, "GDPR 17(1)(b)")
    assert [*pending_erasures(house.vault.catalogue)] == []


def test_a_plan_says_what_it_takes_by_the_rules_in_force(house: House) -> None:
    (doomed,) = house.add()
    plan = house.plan(doomed)
    assert (plan.terms.people, plan.terms.lacking) == (2, 1)
    house.agree(plan)
    approved = house.plan_now(plan)
    assert (approved.terms.lacking, approved.terms.ripe_at, approved.reopened) == (0, house.now + WEEK, False)
    context = house.context(rules=DestructionRules(3, WEEK))
    stricter = read_plan(context, plan.proposal.id)
    assert (stricter.terms.people, stricter.terms.lacking, stricter.terms.ripe_at) == (3, 1, None)
    assert stricter.reopened
