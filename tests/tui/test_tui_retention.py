"""Verdicts, holds and plans of destruction: what decides is told, and what destroys wants a name typed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace
from textual.widgets import Button, Input

from kit.tui_bench import DAY, NOW, SIZES, Bench, Seat, Sit, make_archive, make_job, tell
from kit.tui_views import footer
from strongroom.config.schema import DestructionSettings
from strongroom.engine.core import people
from strongroom.model.destruction import Person
from strongroom.model.job import State
from strongroom.model.retention import Period, PeriodUnit, RetentionRule
from strongroom.vault.destructions import live_proposals
from strongroom.vault.holds import holds
from strongroom_tui.screens import archive_actions, plans

RULE = RetentionRule("standard", Period(30, PeriodUnit.DAYS), citation="company policy")


@pytest.fixture
def kept(empty: Bench) -> Bench:
    """Ten archives of which the period of the older ones is over."""
    jobs = [make_job(n, State.ARCHIVED) for n in range(0, 100, 10)]
    archives = [make_archive(n, job, rule=RULE) for n, job in zip(range(0, 100, 10), jobs, strict=True)]
    empty.write(*jobs, *archives)
    tell(empty, archives)
    return empty


async def fill(seat: Seat, text: str) -> None:
    seat.app.screen.query_one(Input).value = text
    await seat.press("enter")


def as_person(monkeypatch: pytest.MonkeyPatch, uid: int) -> None:
    for module in (plans, archive_actions, people):
        monkeypatch.setattr(module, "acting_person", lambda: Person(uid, f"person{uid}", login=uid))


async def test_verdicts_tell_date_and_reason(kept: Bench, sit: Sit) -> None:
    async with sit(kept, (140, 30), tab="retention") as seat:
        for words in (
            "7 of 10 archives are past their retention period",
            "○ eligible",
            "✓ retained",
            "2026-09-",
            "no active hold",
        ):
            assert words in seat.text, words


async def test_another_date_is_judged(kept: Bench, sit: Sit) -> None:
    async with sit(kept, (140, 30), tab="retention") as seat:
        await seat.press("t")
        await fill(seat, "2030-01-01")
        assert "as of 2030-01-01: 10 of 10 archives are past their retention period" in seat.text
        assert "✓ retained" not in seat.text
        await seat.press("t")
        await fill(seat, "soon")
        assert "that is not a date: write it as 2033-11-20" in seat.text
        assert seat.app.screen.query_one(Input).value == "soon"  # the question stays, and what was typed
        await fill(seat, "")
        assert "now: 7 of 10" in seat.text


async def test_a_hold_is_placed_wins_and_is_released(kept: Bench, sit: Sit) -> None:
    async with sit(kept, (140, 30), tab="retention") as seat:
        await seat.press("l", "a")
        await fill(seat, "zavu:messages")
        assert "Legal hold: for which matter?" in seat.text
        await fill(seat, "Smith v. Jones")
        await fill(seat, "a lawsuit")
        assert "■ active" in seat.text
        (placed,) = holds(kept.vault.catalogue)
        assert (placed.matter, placed.rule.stream, placed.reason) == ("Smith v. Jones", "zavu:messages", "a lawsuit")
        await seat.press("enter")
        assert "4 archives now, and what comes later" in seat.text
        await seat.press("escape", "escape")
        assert "■ on hold" in seat.text
        assert "1 hold of 1 matter" in seat.text
        await seat.press("l", "x")
        for words in ("Smith v. Jones, stream zavu:messages", "4 archives now, and what comes later", "a lawsuit"):
            assert words in seat.text, words
        await seat.press("enter")
        assert "a reason is needed" in seat.text
        await fill(seat, "settled")
        assert "← released" in seat.text
        assert holds(kept.vault.catalogue) == []


async def test_one_archive_is_held_from_its_own_screen(kept: Bench, sit: Sit) -> None:
    async with sit(kept, (140, 40), tab="archives") as seat:
        await seat.press("enter", "H", "enter")
        assert "a hold needs a matter" in seat.text
        await fill(seat, "matter")
        await fill(seat, "reason")
        assert "on hold: 1 archive" in seat.text
        assert "what comes later" not in seat.text
        (placed,) = holds(kept.vault.catalogue)
        assert len(placed.rule.archives) == 1


async def test_a_plan_takes_two_people_and_the_typed_count(
    kept: Bench, sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_person(monkeypatch, 1001)
    async with sit(kept, (99, 40), tab="retention") as seat:
        await seat.press("u")
        assert "Nothing is to be destroyed" in seat.text
        await seat.press("D")
        assert "7 archives · 84,420 records · 8.6 MB as delivered" in seat.text
        await seat.press("enter")
        assert "○ proposed" in seat.text
        await seat.press("a")  # its own proposer cannot approve, and is told so at once
        assert "Approve the destruction" not in seat.text
        assert "the person who proposed cannot approve" in seat.text
        as_person(monkeypatch, 1002)
        await seat.press("a")
        assert "Approve the destruction of 7 archives?" in seat.text
        for words in (
            "by person1001 (uid 1001) at",
            "7 archives · 84,420 records · 8.6 MB as delivered",
            "zavu:messages (3 windows)",
            "Cooling-off period of 7 d. On 2026-11-27",
            "the keys are destroyed: it is final.",
            "Anyone can undo it with u until 2026-11-27",
        ):
            assert words in " ".join(seat.text.replace("│", " ").split()), words
        await seat.press("enter")
        assert "Approve the destruction" not in seat.text
        await seat.press("a")
        act = seat.app.screen.query_one("#act", Button)
        assert act.disabled
        seat.app.screen.query_one(Input).value = "6"
        await seat.settle()
        assert act.disabled
        seat.app.screen.query_one(Input).value = "7"
        await seat.settle()
        assert not act.disabled
        await seat.pilot.click("#act")
        await seat.settle()
        assert "! approved" in seat.text
        await seat.press("enter")
        assert "from 2026-11-27" in seat.text


async def test_a_plan_is_taken_back(kept: Bench, sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    as_person(monkeypatch, 1001)
    async with sit(kept, (140, 40), tab="retention") as seat:
        await seat.press("u", "D", "enter", "enter")
        assert "7 still to be approved" in seat.text
        assert seat.text.count("company policy") == 1  # the rule stands over all that it allows
        assert "as of now     7 of 7 may be destroyed" in seat.text
        assert "12,040 records, 1.2 MB, archive 01kaj" in seat.text
        await seat.press("u")
        assert "7 archives · 84,420 records" in seat.text
        await fill(seat, "  ")
        assert "a reason is needed" in seat.text
        await fill(seat, "a mistake")
        assert live_proposals(kept.vault.catalogue) == []


async def test_what_is_not_due_cannot_be_proposed(kept: Bench, sit: Sit) -> None:
    async with sit(kept, (140, 40), tab="retention") as seat:
        await seat.press("home", "D")
        line = seat.app.screen.query_one("#line", Input)
        assert line.value == "the retention period is over"
        await seat.press("escape", "end", "D")
        assert not seat.app.screen.query("#line")  # nobody is asked for a reason that cannot be
        assert "may not be" in seat.text
        assert live_proposals(kept.vault.catalogue) == []


async def test_under_a_hold_nothing_can_be_proposed(kept: Bench, sit: Sit) -> None:
    async with sit(kept, (140, 40), tab="retention") as seat:
        await seat.press("l", "a")
        await fill(seat, "")
        await fill(seat, "everything")
        await fill(seat, "an order")
        await seat.press("escape", "u", "D")
        assert "nothing is eligible" in seat.text
        await seat.press("escape", "home", "D")
        assert not seat.app.screen.query("#line")
        assert "may not be" in seat.text
        assert live_proposals(kept.vault.catalogue) == []


async def test_who_may_only_read_is_offered_nothing(kept: Bench, sit: Sit) -> None:
    async with sit(kept, (140, 40), tab="retention") as seat:
        seat.app.read_only = True
        await seat.press("l")
        assert not {"place", "release"} & footer(seat)
        await seat.press("escape", "u")
        assert not {"approve", "undo", "propose all"} & footer(seat)


async def test_it_fits(kept: Bench, sit: Sit) -> None:
    async with sit(kept, tab="retention") as seat:
        for size in SIZES:
            await seat.resize(*size)
            assert "○ eligible" in seat.text, size
            await seat.press("l")
            assert "Holds" in seat.text, size
            await seat.press("escape", "u")
            assert "Plans" in seat.text, size
            await seat.press("escape")


def test_the_rules_of_the_bench_are_those_of_the_house() -> None:
    assert replace(DestructionSettings()).people == 2
    assert datetime(2026, 11, 20, tzinfo=UTC) - timedelta(days=30) > NOW - 100 * DAY


@pytest.mark.parametrize(("key", "act"), [("l", "Press a to place one"), ("u", "D proposes")])
async def test_who_only_looks_on_is_told_of_no_key_that_does_nothing(kept: Bench, sit: Sit, key: str, act: str) -> None:
    async with sit(kept, (100, 30), tab="retention") as seat:
        await seat.press(key)
        assert act in seat.text
        await seat.press("escape")
        seat.app.read_only = True
        await seat.press(key)
        assert act not in seat.text
