"""The way of an archive to its destruction: every step of the table, and every other step refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.model.destruction import (
    LIVE,
    PROGRAM,
    STEPS,
    Approval,
    DestructionStep,
    Ground,
    Person,
    PlanItem,
    Proposal,
    Stage,
    StepRefused,
    is_approved,
    move,
    plan_digest,
    require_other,
    ripe_at,
)
from strongroom.model.erasure import ANSWERS, PENDING, Erasure, ErasureAnswer, ErasureState, reply, subject_hash

NOW = datetime(2030, 1, 1, tzinfo=UTC)
WEEK = timedelta(days=7)
ALICE, BOB = Person(1000, "alice"), Person(1001, "bob")


def items(stage: Stage = Stage.PROPOSED, archive: str = "a") -> PlanItem:
    return PlanItem(archive, "p", stage, NOW, "7y", "the law")


def proposal(by: Person = ALICE, people: int = 2) -> Proposal:
    return Proposal("p", NOW, by, Ground.RETENTION, "why", people, WEEK, "digest")


def approval(by: Person, at: datetime = NOW, plan: str = "digest") -> Approval:
    return Approval("p", at, by, plan)


@pytest.mark.parametrize(("stage", "step"), list(product(Stage, DestructionStep)))
def test_every_step_leads_where_the_table_says_or_is_refused(stage: Stage, step: DestructionStep) -> None:
    before = items(stage)
    if (stage, step) in STEPS:
        after = move(before, step, NOW + WEEK, "because")
        assert (after.stage, after.changed_at, after.reason) == (STEPS[stage, step], NOW + WEEK, "because")
        assert (after.archive, after.proposal, after.rule) == (before.archive, before.proposal, before.rule)
    else:
        with pytest.raises(StepRefused, match="archive a "):
            move(before, step, NOW)


def test_only_approval_leads_to_destruction_and_nothing_leads_back() -> None:
    assert {stage for (stage, _step), to in STEPS.items() if to is Stage.DESTROYING} == {Stage.APPROVED}
    assert {stage for (stage, _step), to in STEPS.items() if to is Stage.DESTROYED} == {Stage.DESTROYING}
    assert {to for (stage, _step), to in STEPS.items() if stage is Stage.DESTROYING} == {Stage.DESTROYED}
    assert {stage for stage, _step in STEPS} == set(LIVE)


@given(st.lists(st.sampled_from(DestructionStep), max_size=12))
def test_no_run_of_steps_destroys_without_an_approval_before_it(steps: list[DestructionStep]) -> None:
    now, taken = items(), []
    for step in steps:
        try:
            now = move(now, step, NOW)
            taken.append(step)
        except StepRefused:
            continue
    if now.stage is Stage.DESTROYED:
        assert taken == [DestructionStep.APPROVED, DestructionStep.BEGUN, DestructionStep.FINISHED]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (ALICE, BOB, False),
        (ALICE, ALICE, True),
        (ALICE, Person(0, "alice", sudo=1000), True),  # the same one through sudo
        (ALICE, Person(0, "alice", login=1000), True),  # the same one, who left no SUDO_UID
        (Person(1000, "alice", sudo=7), Person(1000, "alice", sudo=8), True),  # a made-up SUDO_UID keeps nobody apart
        (Person(500, "s", login=1000), Person(500, "s", login=1001), False),  # two who logged in, as one service user
        (Person(500, "s", login=1000), Person(500, "s"), True),  # it cannot be told
        (Person(500, "s", sudo=1000), Person(500, "s", sudo=1001), True),
        (Person(0, "bob", login=1001, sudo=1000), ALICE, False),  # the kernel knows better than the environment
    ],
)
def test_who_may_be_the_same_person(one: Person, other: Person, same: bool) -> None:
    assert one.may_be(other) is same
    assert other.may_be(one) is same


def test_who_proposes_does_not_approve() -> None:
    with pytest.raises(StepRefused, match="two people"):
        require_other(proposal(), [], ALICE)
    require_other(proposal(), [], BOB)
    require_other(proposal(people=1), [], ALICE)
    with pytest.raises(StepRefused, match="already"):
        require_other(proposal(), [approval(BOB)], BOB)
    with pytest.raises(StepRefused, match="program"):
        require_other(proposal(), [], PROGRAM)


@pytest.mark.parametrize(
    ("told", "given", "today", "enough"),
    [
        (proposal(), [], 2, False),
        (proposal(), [approval(BOB)], 2, True),
        (proposal(), [approval(ALICE)], 2, False),
        (proposal(people=1), [approval(ALICE)], 1, True),
        (proposal(people=1), [approval(ALICE)], 2, False),  # the rule became stricter: it holds
        (proposal(people=1), [approval(BOB)], 2, True),
        (proposal(), [approval(BOB)], 1, True),  # it became laxer: the plan keeps its own
        (proposal(people=3), [approval(BOB)], 2, False),
        (proposal(people=3), [approval(BOB), approval(BOB)], 2, False),
        (proposal(people=3), [approval(BOB), approval(Person(3, "c"))], 2, True),
        (proposal(by=PROGRAM), [approval(BOB)], 2, False),  # the program is nobody: it takes two people besides
        (proposal(by=PROGRAM), [approval(BOB), approval(ALICE)], 2, True),
        (proposal(by=PROGRAM, people=1), [approval(ALICE)], 1, True),
        (proposal(), [approval(BOB, plan="another")], 2, False),
        (proposal(), [approval(PROGRAM)], 2, False),
    ],
)
def test_how_many_it_takes(told: Proposal, given: list[Approval], today: int, enough: bool) -> None:
    assert is_approved(told, given, today) is enough


def test_the_longer_cooling_off_holds_and_the_last_approval_counts() -> None:
    assert ripe_at(proposal(), [], WEEK) is None
    given = [approval(BOB), approval(Person(3, "c"), NOW + WEEK)]
    assert ripe_at(proposal(), given, timedelta(0)) == NOW + 2 * WEEK
    assert ripe_at(proposal(), given, 2 * WEEK) == NOW + 3 * WEEK


def test_a_plan_digest_is_of_archives_rules_and_proposal_in_any_order() -> None:
    one, two = items(archive="a"), items(archive="b")
    assert plan_digest("p", [one, two]) == plan_digest("p", [two, one])
    digests = {plan_digest("p", [one]), plan_digest("p", [one, two]), plan_digest("q", [one])}
    assert len(digests | {plan_digest("p", [PlanItem("a", "p", Stage.PROPOSED, NOW, "6y", "the law")])}) == 4


def erasure(state: ErasureState = ErasureState.OPEN) -> Erasure:
    return Erasure("e", NOW, state, "GDPR 17(1)(b)", "customer-7", "00" * 32, "hash", ("a",))


@pytest.mark.parametrize(("state", "answer"), list(product(ErasureState, ErasureAnswer)))
def test_every_answer_leads_where_the_table_says_or_is_refused(state: ErasureState, answer: ErasureAnswer) -> None:
    if (state, answer) not in ANSWERS:
        assert state not in PENDING
        with pytest.raises(StepRefused, match="final answer"):
            reply(erasure(state), answer, NOW, "why")
        return
    told = reply(erasure(state), answer, NOW, "why")
    assert (told.state, told.answer, told.answered_at) == (ANSWERS[state, answer], "why", NOW)
    assert (told.subject == "" and told.salt == "") is (told.state not in PENDING)


def test_a_person_is_answered_within_a_month_and_has_a_pseudonym_that_needs_the_salt() -> None:
    assert erasure().answer_by == datetime(2030, 2, 1, tzinfo=UTC)
    assert subject_hash(b"\0" * 32, "customer-7") != subject_hash(b"\1" * 32, "customer-7")
