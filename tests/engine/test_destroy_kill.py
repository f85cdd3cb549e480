"""Killed at any place of a destruction and started again: destroyed once, one certificate, one entry, or untouched."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.destruction import HELD, SIGNER, House, make_house
from kit.forks import run_until_killed
from strongroom.engine.destruction.destroy import carry_out
from strongroom.engine.destruction.redestroy import redestroy_returned
from strongroom.evidence.note import open_note
from strongroom.model.archive import Archive, Holding
from strongroom.vault.shred import copies_of
from strongroom.vault.tombstones import is_tombstone

PLACES = (
    "committed begun",
    "logged begun",
    "put tombstone",
    "shredded key",
    "removed copy",
    "certified",
    "committed destroyed",
    "logged destroyed",
    "compacted",
)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = make_house(tmp_path)
    yield made
    made.vault.close()


def drive(house: House, die_at: int) -> tuple[int, list[str]]:
    """Run the driver; return its status and the places it passed."""
    places = house.vault.layout.root.parent / "places"
    places.unlink(missing_ok=True)
    status = run_until_killed("destruction", house.vault.layout.root, die_at, places, house.now.isoformat())
    return status, places.read_text().splitlines() if places.exists() else []


def check_destroyed(house: House, doomed: Archive, key: bytes) -> None:
    layout, kinds = house.vault.layout, house.kinds()
    assert [path.name for path in copies_of(layout, doomed.id)] == [f"{doomed.id}.json"]
    assert kinds.count("destruction.begun") == kinds.count("archive.destroyed") == 1
    assert [path.name for path in layout.certificate(doomed.id).parent.iterdir()] == [f"{doomed.id}.note"]
    open_note(layout.certificate(doomed.id).read_text(), SIGNER.verifier)
    assert house.find(key, b"secretfield", b"mallory") == []
    assert list(layout.tmp.iterdir()) == []


@pytest.mark.parametrize("holding", [Holding.HELD, Holding.QUARANTINED])
@pytest.mark.parametrize("die_at", range(1, len(PLACES) + 1), ids=[place.replace(" ", "-") for place in PLACES])
@pytest.mark.slow
def test_killed_at_each_place_and_started_again(house: House, die_at: int, holding: Holding) -> None:
    (doomed,) = house.add(holding=holding)
    key = house.vault.key_path(doomed).read_bytes()
    house.approve_and_cool(doomed)
    status, places = drive(house, die_at)
    assert status == -signal.SIGKILL
    assert places == list(PLACES[:die_at])
    assert redestroy_returned(house.vault, house.context().clock) == []  # nothing of it has come back
    status, _ = drive(house, 0)
    assert status == 0
    check_destroyed(house, doomed, key)


@pytest.mark.slow
def test_killed_again_and_again(house: House) -> None:
    (doomed,) = house.add()
    key = house.vault.key_path(doomed).read_bytes()
    house.approve_and_cool(doomed)
    for die_at in range(1, 7):
        drive(house, die_at)
    assert drive(house, 0)[0] == 0
    check_destroyed(house, doomed, key)


def test_what_has_begun_ends_even_when_the_time_cannot_be_trusted_and_a_hold_comes_too_late(house: House) -> None:
    first, second = house.add(2)
    house.approve_and_cool(first, second)

    class Stopped(Exception):
        """Stands in for a process that dies."""

    def stop(place: str) -> None:
        if place == "shredded key":
            raise Stopped

    with pytest.raises(Stopped):
        carry_out(house.context(crash_point=stop))
    house.verdicts = {first.id: HELD, second.id: HELD}
    begun, kept = (
        (first, second) if is_tombstone(house.vault.layout.manifest(first.id).read_bytes()) else (second, first)
    )
    carried = carry_out(house.context())
    assert [each.archive for each in carried.destroyed] == [begun.id]
    assert house.is_whole(kept)
    assert house.kinds().count("archive.destroyed") == 1
