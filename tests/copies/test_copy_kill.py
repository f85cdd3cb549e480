"""Killed by SIGKILL while copying, restoring, rehearsing, repairing, destroying, and started again: nothing is lost.

A seeded sample of the places; STRONGROOM_COPY_KILLS=whole takes all of them.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from kit.copies import CopiedHouse, make_copied_house
from kit.forks import run_until_killed
from strongroom.copies.port import digest_of
from strongroom.engine.copies.contents import objects_of
from strongroom.model.archive import Archive
from strongroom.vault.vault import open_vault

PLACES = {
    "copy": 32,
    "restore": 8,
    "rehearse": 9,
    "repair": 4,
    "destroy": 13,
}  # crash points with 3 archives
SAMPLE = 8


def chosen() -> list[tuple[str, int]]:
    whole = [(act, place) for act, count in PLACES.items() for place in range(1, count + 1)]
    if os.environ.get("STRONGROOM_COPY_KILLS") == "whole":
        return whole
    chance = random.Random(os.environ.get("STRONGROOM_COPY_SEED", "1"))
    firsts = [chance.choice([each for each in whole if each[0] == act]) for act in PLACES]
    return sorted({*firsts, *chance.sample(whole, SAMPLE - len(firsts))})


def drive(copied: CopiedHouse, act: str, die_at: int) -> int:
    base = copied.house.vault.layout.root.parent
    return run_until_killed("copies", act, base, die_at, base / "places", copied.now.isoformat())


def assert_named_is_whole(copied: CopiedHouse, archives: Sequence[Archive]) -> None:
    """What has its name is whole, also where others of its group have none."""
    named = {each.name: each.sha256 for archive in archives for each in objects_of(copied.house.vault, archive)}
    store = copied.target().store
    assert all(digest_of(store.read(each.name)) == named[each.name] for each in store.list() if each.name in named)


def assert_act_is_done(copied: CopiedHouse, act: str, key: bytes) -> None:
    """Each act is done once, and leaves nothing of what it must not."""
    vault, base = copied.house.vault, copied.house.vault.layout.root.parent
    if act == "destroy":
        assert copied.house.kinds().count("archive.destroyed") == 1
        assert not [path for path in base.rglob("*") if path.is_file() and key in path.read_bytes()]
    if act == "repair":
        assert copied.house.kinds().count("copy.repaired") == 2
    if act == "rehearse":
        assert copied.house.kinds().count("copy.rehearsed") == 1
        assert list(vault.layout.tmp.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(("act", "die_at"), chosen())
def test_killed_anywhere_and_started_again(tmp_path: Path, act: str, die_at: int) -> None:
    copied = make_copied_house(tmp_path)
    archives = copied.house.add(3)
    vault = copied.house.vault
    if act != "copy":
        copied.copy()
    doomed, key = archives[0], vault.key_path(archives[0]).read_bytes()
    if act == "destroy":
        copied.house.approve_and_cool(doomed)
        archives = archives[1:]
    if act == "repair":
        vault.payload_path(doomed).write_bytes(b"noise")
        vault.key_path(archives[1]).unlink()
    status = drive(copied, act, die_at)
    assert status == -signal.SIGKILL
    if act == "copy":
        assert_named_is_whole(copied, archives)
    assert act != "rehearse" or not list(vault.layout.tmp.rglob("*.key.age"))  # what is left opens nothing
    assert drive(copied, act, 0) == 0
    restored = open_vault(tmp_path / "new") if act == "restore" else vault
    store = copied.target().store
    for archive in archives:
        for each in objects_of(restored, archive):
            assert each.path is not None
            assert digest_of(store.read(each.name)) == each.sha256
            assert digest_of(iter([each.path.read_bytes()])) == each.sha256
    assert_act_is_done(copied, act, key)
    if act == "restore":
        restored.close()
    vault.close()
