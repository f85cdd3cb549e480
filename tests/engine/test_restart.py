"""What a start makes of jobs that the last process left in the middle, before any work begins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from kit.watched_vault import NOW, House, days, open_house
from strongroom.engine.repair.restart import recover
from strongroom.model.archive import Archive, Holding
from strongroom.model.coverage import Cover
from strongroom.model.errors import VaultError
from strongroom.model.job import Cause, Job, State
from strongroom.model.plan import ExportSpec
from strongroom.vault.archives import get_archive
from strongroom.vault.copies import alone_in
from strongroom.vault.coverage import intervals_of
from strongroom.vault.jobs import get_job, put_job
from strongroom.vault.vault import Vault

NAME = "0" * 26


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        yield house


def left_behind(house: House, state: State, archive: str = "") -> Job:
    spec = ExportSpec(("messages",), days(2, 1))
    job = Job(NAME, "chats", "zavu", spec, state, NOW, NOW, NOW, ref="exp_1", archive=archive)
    with house.vault.catalogue.transaction():
        put_job(house.vault.catalogue, job)
    return job


def after(house: House) -> Job:
    job = get_job(house.vault.catalogue, NAME)
    assert job is not None
    return job


@pytest.mark.parametrize("state", [State.FETCHING, State.SEALED])
def test_a_job_without_an_archive_is_ready_again_before_anything_else_happens(house: House, state: State) -> None:
    left_behind(house, state)
    assert recover(house.engine()) == 1
    assert (after(house).state, after(house).cause) == (State.READY, Cause.RESTART)
    assert recover(house.engine()) == 0


def test_every_other_job_is_left_as_it_is(house: House) -> None:
    for state in State:
        if state not in (State.FETCHING, State.SEALED):
            left_behind(house, state)
            assert recover(house.engine()) == 0
            assert after(house).state is state


def published(house: House, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> Archive:
    """Let an archive lie published in the vault that the catalogue does not know."""
    archive = replace(house.archive(days(2, 1), 3), id="1" * 26, **{"job": NAME, **changes})
    found = {archive.id: archive}
    monkeypatch.setattr(Vault, "published_archive", lambda _self, name: found[name])
    monkeypatch.setattr(Vault, "key_sha256", lambda _self, _archive: "ab" * 32)
    left_behind(house, State.SEALED, archive.id)
    return archive


@pytest.mark.parametrize(
    ("holding", "state", "cause"),
    [
        (Holding.HELD, State.ARCHIVED, Cause.NONE),
        (Holding.QUARANTINED, State.READY, Cause.CONTENT),  # however whole its files are
    ],
)
def test_a_published_archive_is_entered_as_what_it_was_found_to_be(
    house: House, monkeypatch: pytest.MonkeyPatch, holding: Holding, state: State, cause: Cause
) -> None:
    archive = published(house, monkeypatch, holding=holding)
    assert recover(house.engine()) == 1
    assert (after(house).state, after(house).cause) == (state, cause)
    entered = get_archive(house.vault.catalogue, archive.id)
    assert entered is not None and entered.holding is holding
    covered = [each.cover for each in intervals_of(house.vault.catalogue, "chats")]
    assert covered == ([Cover.PROVEN] if holding is Holding.HELD else [])


def test_the_archive_of_another_job_is_neither_entered_nor_discarded(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = published(house, monkeypatch, job="another")
    with pytest.raises(VaultError, match="is complete and is not to be discarded"):
        recover(house.engine())
    assert get_archive(house.vault.catalogue, archive.id) is None
    assert after(house).state is State.SEALED


def test_unfinished_work_is_thrown_away_while_no_repair_can_be_fetching(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    def look(vault: Vault) -> None:
        with alone_in(vault.layout.root / "keys") as free:
            seen.append(not free)

    monkeypatch.setattr(Vault, "empty_tmp", look)
    recover(house.engine())
    assert seen == [True]
