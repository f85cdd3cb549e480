"""Killed at every place of a rotation: no archive is ever without a key, and the next run brings all to the new set."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from kit.forks import run_until_killed
from kit.key_rotation import Strongbox, identity, keys_of, open_strongbox
from strongroom.age.keys import X25519Identity
from strongroom.engine.access.fixity import check_small_files
from strongroom.engine.access.key_files import settle_rotation
from strongroom.engine.access.recipients import note_recipients

BATCH = (
    "flushed new keys",
    "announced swaps",
    "renamed key",
    "renamed key",
    "flushed folders",
    "committed swaps",
    "logged swaps",
)
PLACES = (*BATCH, *BATCH)  # two batches of two


def drive(box: Strongbox, base: Path, to: list[X25519Identity], die_at: int) -> tuple[int, list[str]]:
    places, keys = base / "places", base / "keys.txt"
    places.unlink(missing_ok=True)
    keys.write_text("\n".join([str(box.working), *keys_of(to)]))
    status = run_until_killed("rotation", box.vault.layout.root, die_at, places, keys)
    return status, places.read_text().splitlines() if places.exists() else []


@pytest.mark.slow
@pytest.mark.parametrize("die_at", range(1, len(PLACES) + 1), ids=lambda at: f"{at}-{PLACES[at - 1].replace(' ', '-')}")
def test_killed_at_each_place(tmp_path: Path, die_at: int) -> None:
    with open_strongbox(tmp_path, 4) as box:
        fresh = identity()
        to = [box.working, fresh]
        note_recipients(box.vault, keys_of(to), box.now, noticed="test")
        status, places = drive(box, tmp_path, to, die_at)
        assert status == -signal.SIGKILL
        assert places == list(PLACES[:die_at])
        for archive in box.made:
            assert box.opens(archive, box.working)  # the old file or the new one, never none

        settle_rotation(box.vault, box.clock)  # what a daemon does at its start, without any identity
        box.vault.write_log()
        assert [fault for archive in box.made for fault in check_small_files(box.vault, archive)] == []

        status, _ = drive(box, tmp_path, to, 0)
        assert status == 0
        for archive in box.made:
            assert (box.opens(archive, fresh), box.opens(archive, box.paper)) == (True, False)
            assert check_small_files(box.vault, archive) == []
        assert box.leftovers() == []
        resealed = [body["archive"] for body in box.bodies("key.resealed")]
        assert sorted(resealed) == sorted(archive.id for archive in box.made)  # each once
        assert box.kinds()[-1] == "key.resealed"


@pytest.mark.slow
def test_killed_again_and_again_without_anybody_settling(tmp_path: Path) -> None:
    with open_strongbox(tmp_path, 4) as box:
        fresh = identity()
        to = [box.working, fresh]
        for die_at in range(1, len(PLACES) + 1):
            drive(box, tmp_path, to, die_at)
        drive(box, tmp_path, to, 0)
        for archive in box.made:
            assert box.opens(archive, fresh)
            assert check_small_files(box.vault, archive) == []
        assert len(box.bodies("key.resealed")) == len(box.made)
