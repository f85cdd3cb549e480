"""A restore that is rehearsed by itself: when it is due, what it shows without an identity, and what it says."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from kit.copies import CopiedHouse, make_copied_house
from strongroom.age.keys import X25519Identity
from strongroom.copies.port import CopyAway
from strongroom.daemon.rehearsal_task import RehearsalTask
from strongroom.engine.copies.copy_status import copy_alarms, copy_statuses, rehearsal_periods, rehearsal_words
from strongroom.engine.copies.targets import vault_digest
from strongroom.engine.core.sources import Dependencies
from strongroom.engine.repair.copy_rehearsal import RehearsalOrder, rehearse
from strongroom.model.copies import is_rehearsal_due, is_rehearsal_overdue
from strongroom.model.errors import VaultLocked, WorldError
from strongroom.vault.copies import alone_in, copy_state
from strongroom.vault.vault import open_vault

DAY = timedelta(days=1)
EVERY = 30 * DAY


@pytest.fixture
def copied(tmp_path: Path) -> Iterator[CopiedHouse]:
    made = make_copied_house(tmp_path)
    settings = replace(made.config.copies[0], rehearse=EVERY, rehearse_in=tmp_path / "scratch")
    made.config = replace(made.config, copies=(settings,))
    (tmp_path / "scratch").mkdir()
    yield made
    made.house.vault.close()


def task_of(copied: CopiedHouse, may_act: bool = True) -> RehearsalTask:
    return RehearsalTask(copied.config, Dependencies(clock=lambda: copied.now), lambda: may_act)


def rehearsals(copied: CopiedHouse) -> list[dict[str, object]]:
    return [each["facts"] for each in copied.house.log() if each["kind"] == "copy.rehearsed"]


def test_when_a_rehearsal_is_due(copied: CopiedHouse) -> None:
    now = copied.now
    assert is_rehearsal_due(EVERY, None, None, now)
    assert not is_rehearsal_due(EVERY, now - 29 * DAY, now - 29 * DAY, now)
    assert is_rehearsal_due(EVERY, now - 30 * DAY, now - 30 * DAY, now)
    assert not is_rehearsal_due(EVERY, now - 40 * DAY, now - timedelta(hours=1), now)  # it failed an hour ago
    assert is_rehearsal_due(EVERY, now - 40 * DAY, now - DAY, now)
    assert is_rehearsal_due(EVERY, now - 40 * DAY, now + DAY, now)  # the clock was set back
    assert not is_rehearsal_overdue(EVERY, None, now - 30 * DAY, now)
    assert is_rehearsal_overdue(EVERY, None, now - 31 * DAY, now)
    assert not is_rehearsal_overdue(EVERY, now - 30 * DAY, now - 99 * DAY, now)


def test_the_daemon_rehearses_in_time_and_says_when_it_could_not(copied: CopiedHouse, tmp_path: Path) -> None:
    copied.house.add(3)
    assert task_of(copied).run() > 0
    assert rehearsals(copied) == []  # nothing was copied yet
    copied.copy()
    task_of(copied, may_act=False).run()
    assert rehearsals(copied) == []
    task_of(copied).run()
    task_of(copied).run()
    (facts,) = rehearsals(copied)
    assert (facts["archives"], facts["faults"], "opened" in facts) == (3, 0, False)
    assert list((tmp_path / "scratch").iterdir()) == list(copied.house.vault.layout.tmp.iterdir()) == []
    began = copied.now
    damaged = next(path for path in copied.files() if path.parent.parent.name == "archives")
    kept = damaged.read_bytes()
    damaged.write_bytes(b"noise")
    copied.house.now += EVERY
    for _look in range(2):  # the second one waits: it would only read the same again
        task_of(copied).run()
    assert [each["faults"] for each in rehearsals(copied)] == [0, 1]
    state = copy_state(copied.house.vault.catalogue, "disk")
    assert (state.rehearsed_at, state.rehearsal_at) == (began, copied.now)
    assert "rehearsed 30 days ago; the last try: 1 fault: archive" in rehearsal_words(state, copied.now)
    copied.house.now += 2 * DAY
    (tmp_path / "scratch").rmdir()
    task_of(copied).run()
    (alarm,) = copy_alarms(copied.house.vault, copied.now, rehearsal_periods(copied.config))
    assert alarm.key == "copy-rehearsal disk" and "scratch cannot be used" in alarm.body
    (tmp_path / "scratch").mkdir()
    damaged.write_bytes(kept)
    copied.house.now += DAY
    task_of(copied).run()
    (status,) = copy_statuses(copied.house.vault, copied.config)
    assert (status.state.rehearsed_at, status.state.rehearsal_problem) == (copied.now, "")
    assert list(copy_alarms(copied.house.vault, copied.now, rehearsal_periods(copied.config))) == []


def test_an_identity_shows_that_it_opens_every_archive(copied: CopiedHouse) -> None:
    copied.house.add(3)
    copied.copy()
    order = RehearsalOrder(copied.house.vault, copied.target(), lambda: copied.now, os.urandom)
    found = rehearse(replace(order, identities=[copied.house.master]))
    assert (found.opened, found.faults) == (3, ())
    other = rehearse(replace(order, identities=[X25519Identity.generate(os.urandom)]))
    assert other.opened == 0 and len(other.faults) == 3 and "not opened by this identity" in other.faults[0]
    assert [each["opened"] for each in rehearsals(copied)] == [3, 0]


def test_two_at_once_and_what_cannot_be_reached(copied: CopiedHouse, tmp_path: Path) -> None:
    copied.house.add(1)
    copied.copy()
    order = RehearsalOrder(copied.house.vault, copied.target(), lambda: copied.now, os.urandom, tmp_path / "scratch")
    with alone_in(copied.house.vault.layout.tmp) as mine, pytest.raises(VaultLocked):
        assert mine
        rehearse(order)
    with pytest.raises(WorldError, match="cannot be used"):
        rehearse(replace(order, scratch=tmp_path / "nowhere"))
    shutil.move(copied.root().parent, tmp_path / "away")
    with pytest.raises(CopyAway):
        rehearse(order)
    state = copy_state(copied.house.vault.catalogue, "disk")
    assert state.rehearsed_at is None and "is not in" in state.rehearsal_problem


def test_a_rehearsal_in_progress_is_left_alone_by_a_start_and_by_a_restored_vault(
    copied: CopiedHouse, tmp_path: Path
) -> None:
    copied.house.add(2)
    copied.copy()
    shutil.copytree(copied.house.vault.layout.root, tmp_path / "twin")
    twin = open_vault(tmp_path / "twin")
    (tmp_path / "scratch" / f"rehearsal-{vault_digest(twin)[:16]}-killed").mkdir()
    target, clock = copied.target(), lambda: copied.now
    other = RehearsalOrder(twin, target, clock, os.urandom, tmp_path / "scratch")

    def meanwhile(_where: str) -> None:
        copied.house.vault.empty_tmp()
        assert rehearse(other).faults == ()

    for scratch in (None, tmp_path / "scratch"):
        order = RehearsalOrder(copied.house.vault, target, clock, os.urandom, scratch, crash_point=meanwhile)
        assert rehearse(order).faults == ()
    assert list((tmp_path / "scratch").iterdir()) == list(copied.house.vault.layout.tmp.iterdir()) == []
    twin.close()
