"""What a person reads before approving or taking back a plan of destruction: what is gone, how much, from when on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from kit.tui_bench import NOW, window
from strongroom.cli.destruction_plans import approval_step, plan_document, plan_lines, plan_state
from strongroom.engine.destruction.approve import ApprovalStatus
from strongroom.engine.destruction.propose import DestructionPlan, PlanContent, PlanTerms
from strongroom.engine.retention.rules import Fate
from strongroom.engine.retention.verdicts import Judgement
from strongroom.model.destruction import Ground, Person, PlanItem, Proposal, Stage
from strongroom.text.times import utc
from strongroom_tui.screens.plan_text import approval_words, plan_text, undo_words

WEEK = timedelta(days=7)
RULE = "standard: 30 days"


def plan(streams: int, each: int, held: int = 0, stage: Stage = Stage.PROPOSED) -> DestructionPlan:
    """A plan of so many streams with so many archives each, of which the first are held."""
    proposal = Proposal("01plan", NOW, Person(1001, "ana"), Ground.RETENTION, "its time is \x1b[31mover", 2, WEEK, "00")
    names = {
        f"a{stream}-{number}": PlanContent(f"s{stream}", window(100 - number), 1_000, 2_000_000)
        for stream in range(streams)
        for number in range(each)
    }
    items = tuple(PlanItem(name, proposal.id, stage, NOW, RULE, "law") for name in names)
    fates = [Fate.HELD] * held + [Fate.DUE] * (len(names) - held)
    judgements = {name: Judgement(fate, RULE, "law", f"{fate}, so") for name, fate in zip(names, fates, strict=True)}
    return DestructionPlan(proposal, items, judgements, names)


def test_a_plan_takes_what_the_rules_ask_for_now() -> None:
    stricter = replace(plan(1, 1, stage=Stage.APPROVED), reopened=True, read_terms=PlanTerms(3, 2, WEEK, 1))
    told = plan_text(stricter, None, NOW).plain
    assert "takes         2 approvals" in told
    assert "1 still to be approved: the rules became stricter after it was approved" in told
    assert plan_state(stricter) == "needs 1 more approval: [destruction] became stricter after it was approved"
    assert "takes 3 people (2 to approve)" in "".join(plan_lines(stricter))
    assert plan_document(stricter)["approvals_missing"] == 1


def test_a_plan_says_who_approves_it_and_when_it_is_carried_out() -> None:
    alone = replace(plan(1, 1), read_terms=PlanTerms(1, 1, WEEK, 1))
    assert "takes 1 person (1 to approve)" in "".join(plan_lines(alone))
    assert approval_step(alone).startswith("one person is enough")
    assert approval_step(plan(1, 1)).startswith("another person must approve it")
    approved = replace(plan(1, 1, stage=Stage.APPROVED), read_terms=PlanTerms(2, 1, WEEK, 0, NOW + WEEK))
    assert plan_state(approved) == f"scheduled for destruction on {utc(NOW + WEEK)}"
    assert "".join(plan_lines(plan(1, 1))).count(RULE) <= 1


def test_streams_and_windows_are_named_the_first_few_and_how_many_more() -> None:
    words = approval_words(ApprovalStatus(plan(6, 5, held=2), 0, WEEK, NOW + WEEK))
    assert "Proposed  plan 01plan, by ana (uid 1001) at 2026-11-20 14:03+01: its time" in words
    assert "What      30 archives · 30,000 records · 60.0 MB as delivered" in words
    assert "Period    2026-08-12Z … 2026-" in words
    assert "Streams   s0 (5 windows), s1 (5 windows)" in words
    assert "s3 (5 windows), and 2 more streams" in words
    assert "s4" not in words
    assert "As of now, 2 of them would be kept" in words
    assert "Anyone can undo it with u until 2026-11-27 14:03+01." in words


@pytest.mark.parametrize(
    ("outlook", "told"),
    [
        (
            ApprovalStatus(plan(1, 1), 1, WEEK, None),
            "After yours it takes 1 more approval; the cooling-off period of 7 d begins",
        ),
        (
            ApprovalStatus(plan(1, 1), 0, timedelta(0), NOW),
            "There is no cooling-off period: the keys are destroyed at once. It is final.",
        ),
    ],
)
def test_when_it_becomes_final(outlook: ApprovalStatus, told: str) -> None:
    assert told in approval_words(outlook)
    assert "1 archive · 1,000 records" in approval_words(outlook)


def test_a_plan_at_length_tells_the_rule_once_and_what_keeps_an_archive() -> None:
    words = plan_text(plan(2, 2, held=1), NOW + WEEK, NOW).plain
    assert words.count(f"Rule  {RULE}, law") == words.count(RULE) == 1
    assert words.count("○ proposed") == words.count("1,000 records, 2.0 MB, archive a") == 4
    assert words.count("as of now: held, so") == 1
    assert "as of now     3 of 4 may be destroyed" in words
    assert "final         from 2026-11-27 14:03:07+01:00 on, in 7 d" in words
    assert "\x1b" not in words


def test_taking_back_counts_only_what_can_be_taken_back() -> None:
    assert "What      4 archives · 4,000 records" in undo_words(plan(2, 2, stage=Stage.APPROVED))
    assert "What      0 archives · 0 records" in undo_words(plan(2, 2, stage=Stage.DESTROYING))
