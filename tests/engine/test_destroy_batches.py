"""Destroying in batches: the log is read once and then only what is new, the catalogue is written anew at the end."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kit.destruction import ALICE, CAROL, House, make_house
from strongroom.engine.core.old_catalogues import is_owed
from strongroom.engine.destruction import destroy
from strongroom.engine.destruction.context import DestructionRules
from strongroom.engine.destruction.destroy import ExecutionReport, carry_out
from strongroom.engine.destruction.log_consistency import Contradiction, LastLogState
from strongroom.engine.destruction.propose import undo
from strongroom.engine.retention.holds import place
from strongroom.model.archive import Archive
from strongroom.model.errors import WorldError
from strongroom.model.hold import HoldRule
from strongroom.vault.vault import open_vault


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = make_house(tmp_path)
    yield made
    made.vault.close()


class Batches:
    """Batches of two out of five, one after the other."""

    def __init__(self, house: House) -> None:
        self.house, self.last, self.told = house, LastLogState(), list[str]()
        self.archives: list[Archive] = house.add(5)
        house.approve_and_cool(*self.archives)

    def next(self, **changes: Any) -> ExecutionReport:
        return carry_out(self.house.context(crash_point=self.told.append, **changes), 2, self.last)

    @property
    def whole(self) -> int:
        return sum(self.house.is_whole(each) for each in self.archives)


def change_from_outside(house: House, *statements: str) -> None:
    with closing(sqlite3.connect(house.vault.layout.catalogue)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def test_it_reads_on_and_compacts_once_at_the_end(house: House) -> None:
    batches = Batches(house)
    first = batches.next()
    log_state = batches.last.log_state
    assert (len(first.destroyed), first.more, first.compacted) == (2, True, False)
    assert is_owed(house.vault.catalogue)
    assert (batches.next().more, batches.last.log_state is log_state) == (True, True)
    third = batches.next()
    assert (len(third.destroyed), third.more, third.compacted) == (1, False, True)
    assert batches.last.log_state is log_state
    assert batches.told.count("compacted") == 1
    assert house.find(b"mallory", b"secretfield") == []


def test_after_an_interruption_it_is_compacted_by_whoever_comes_next(house: House) -> None:
    batches = Batches(house)
    batches.next()
    house.vault.close()
    house.vault = open_vault(house.vault.layout.root)
    assert carry_out(house.context()).compacted
    assert not is_owed(house.vault.catalogue)


def test_a_batch_that_fails_does_not_leave_what_the_one_before_it_deleted(house: House) -> None:
    batches = Batches(house)
    batches.next()

    def doubt() -> None:
        raise WorldError("the time cannot be trusted")

    with pytest.raises(WorldError):
        batches.next(require_time=doubt)
    assert not is_owed(house.vault.catalogue)
    assert batches.whole == 3


def test_a_hold_between_two_batches_keeps_the_rest(house: House) -> None:
    batches = Batches(house)
    batches.next()
    with closing(open_vault(house.vault.layout.root)) as other:
        rule = HoldRule(stream=batches.archives[0].stream)
        place(other, "acme", rule, ALICE, "a letter", house.now, os.urandom)
    assert batches.next().destroyed == []
    assert batches.whole == 3


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET line = CAST(replace(CAST(line AS TEXT), '1001', '1009') AS BLOB) WHERE seq < 40",
        "UPDATE entries SET line = CAST(replace(CAST(line AS TEXT), 'zavu', 'uvaz') AS BLOB) WHERE seq = 2",
        "DELETE FROM entries WHERE seq = 3",
        "UPDATE approvals SET uid = 7",
    ],
)
def test_what_was_changed_below_is_found_by_the_next_batch(house: House, statement: str) -> None:
    batches = Batches(house)
    batches.next()
    change_from_outside(house, statement)
    with pytest.raises(Contradiction):
        batches.next()
    assert batches.whole == 3


def test_a_plan_is_read_once_for_all_batches(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    batches, read = Batches(house), list[str]()
    items_of_plan = destroy.items_of_plan
    monkeypatch.setattr(destroy, "items_of_plan", lambda *told: read.append(told[1]) or items_of_plan(*told))
    assert [len(batches.next().destroyed) for _ in range(3)] == [2, 2, 1]
    assert len(read) == 1


def test_a_plan_that_is_not_what_was_approved_is_named_by_every_batch(house: House) -> None:
    other = house.approve_and_cool(*house.add(1))
    batches = Batches(house)
    change_from_outside(house, f"UPDATE condemned SET rule = 'none' WHERE proposal = '{other.proposal.id}'")
    assert [len(batches.next().broken) for _ in range(3)] == [1, 1, 1]
    assert batches.whole == 0


def test_what_was_undone_or_became_stricter_between_two_batches_stays(house: House) -> None:
    batches = Batches(house)
    batches.next()
    undo(house.context(), batches.archives[2].id, CAROL, "look again")
    assert batches.next(rules=DestructionRules(cooling_off=timedelta(days=30))).destroyed == []
    assert batches.whole == 3
    assert [each.archive for each in carry_out(house.context()).destroyed] == [each.id for each in batches.archives[3:]]


def test_a_rule_that_is_changed_while_the_batch_is_read_destroys_nothing(house: House) -> None:
    batches = Batches(house)
    change = "UPDATE condemned SET rule = 'standard: 1d'"
    assert batches.next(require_time=lambda: change_from_outside(house, change)).destroyed == []
    (words,) = batches.next().broken
    assert "is not the one that was proposed" in words
    assert batches.whole == 5
