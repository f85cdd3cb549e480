"""Vault and copy read again, and each repaired from the other: everything that is sound somewhere comes back.

STRONGROOM_COPY_ARCHIVES=1000 takes so many archives instead of a few; STRONGROOM_COPY_SEED chooses other damage.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from kit.copies import CopiedHouse, make_copied_house
from strongroom.config.copies import CopyRepair
from strongroom.copies.port import read_whole
from strongroom.daemon.tasks import CopyTask
from strongroom.engine.copies.contents import CopyObject, objects_of
from strongroom.engine.copies.copy_scrub import CopyPass, is_pass_due, scrub_copy
from strongroom.engine.copies.copy_status import copy_alarms
from strongroom.engine.core.sources import Dependencies
from strongroom.engine.destruction.destroy import carry_out
from strongroom.engine.repair.copy_repair import (
    VAULT,
    RepairReport,
    apply_repair,
    open_repair,
    plan_repair,
    repair_unattended,
)
from strongroom.engine.repair.scrub import Scrub
from strongroom.model.archive import Archive
from strongroom.model.copies import Part
from strongroom.model.scrub import ScrubPace
from strongroom.vault.copies import copy_findings, copy_state
from strongroom.vault.scrubs import open_findings

COUNT = int(os.environ.get("STRONGROOM_COPY_ARCHIVES", "40"))
BUCKET_COUNT = int(os.environ.get("STRONGROOM_COPY_ARCHIVES", "16"))
SEED = os.environ.get("STRONGROOM_COPY_SEED", "1")
EVERY = timedelta(days=30)


@pytest.fixture
def copied(tmp_path: Path) -> Iterator[CopiedHouse]:
    made = make_copied_house(tmp_path)
    yield made
    made.house.vault.close()


def read_copy(copied: CopiedHouse, name: str = "disk") -> CopyPass:
    return scrub_copy(copied.context(), copied.target(name), 1 << 62)


def read_vault(copied: CopiedHouse) -> None:
    scrub = Scrub(copied.house.vault, lambda: copied.now, ScrubPace())
    scrub.begin()
    while scrub.run(1 << 30, begin=False):
        pass
    scrub.finish()


def repair(copied: CopiedHouse, *names: str, deep: bool = False) -> RepairReport:
    order = open_repair(copied.context(), [copied.target(name) for name in names or ("disk",)])
    return apply_repair(order, plan_repair(order, deep=deep))


def damaged(copied: CopiedHouse) -> set[str]:
    return {each.archive for each in open_findings(copied.house.vault.catalogue) if each.archive}


def damage(data: bytes, chance: random.Random, others: list[bytes]) -> bytes | None:
    """Flip a bit, cut the end off, remove the file, or put another one in its place."""
    damaged = bytearray(data)
    way = chance.choice(("flip", "cut", "remove", "swap"))
    if way == "flip":
        damaged[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    elif way == "cut":
        del damaged[chance.randrange(len(data)) :]
    elif way == "swap":
        damaged = bytearray(chance.choice([each for each in others if each != data]))
    return None if way == "remove" else bytes(damaged)


def parts(copied: CopiedHouse, archive: Archive) -> list[tuple[Path, Path]]:
    """Return key file, payload and manifest of an archive in the vault, each with its object in the copy."""
    layout, root = copied.house.vault.layout, copied.root()
    shards = [copied.root() / name / archive.id[-2:] for name in ("keys", "archives", "manifests")]
    objects = {shard.parent.name: path for shard in shards for path in shard.glob(f"{archive.id}.*")}
    assert set(objects) == {"keys", "archives", "manifests"} and root.exists()
    return [
        (layout.key(archive.id), objects["keys"]), (layout.archive(archive.id), objects["archives"]),
        (layout.manifest(archive.id), objects["manifests"]),
    ]  # fmt: skip


@pytest.mark.slow
def test_random_damage_on_both_sides_is_repaired_whole_and_what_overlaps_is_named(copied_anywhere: CopiedHouse) -> None:
    copied, chance = copied_anywhere, random.Random(SEED)
    count = BUCKET_COUNT if copied.config.copies[0].s3 else COUNT
    archives = copied.house.add(count)
    copied.copy()
    pairs = [each for archive in archives for each in objects_of(copied.house.vault, archive)]
    originals = {each.name: each.path.read_bytes() for each in pairs if each.path}
    chance.shuffle(pairs)
    here, there, both = pairs[: count // 2], pairs[count // 2 : count], pairs[count : count + 3]
    both = [each for each in both if each.part is not Part.MANIFEST]  # a manifest is in the catalogue as well
    assert len(originals) == 3 * count and both

    def damaged_bytes(each: CopyObject) -> bytes | None:
        others = [originals[other.name] for other in pairs[:40] if other.part is each.part]
        return damage(originals[each.name], chance, others)

    for each in [*here, *both]:
        assert each.path is not None
        each.path.unlink()
        if (data := damaged_bytes(each)) is not None:
            each.path.write_bytes(data)
    for each in [*there, *both]:
        copied.replace_object(each.name, damaged_bytes(each))
    read_vault(copied)
    assert read_copy(copied).findings == len(there) + len(both)
    assert any("damaged or missing" in each.title for each in copy_alarms(copied.house.vault, copied.now))
    done = repair(copied)
    assert (len(done.done), done.failed) == (len(here) + len(there), ())
    root = copied.house.vault.layout.root
    assert {(each.where, each.file) for each in done.lost} == {
        (VAULT, str(each.path.relative_to(root))) for each in both if each.path
    } | {("disk", each.name) for each in both}
    for each in [*here, *there]:
        assert each.path is not None
        assert each.path.read_bytes() == read_whole(copied.target().store, each.name) == originals[each.name]
    lost = {Path(each.name).name.partition(".")[0] for each in both}
    assert damaged(copied) == lost
    assert len(copy_findings(copied.house.vault.catalogue, "disk")) == len(both)
    assert copied.house.kinds().count("copy.repaired") == len(done.done)
    read_vault(copied)
    assert damaged(copied) == lost
    assert read_copy(copied).findings == len(both)


def test_what_is_lost_in_one_copy_comes_from_another(tmp_path: Path) -> None:
    copied = make_copied_house(tmp_path, "disk", "usb")
    (archive,) = copied.house.add()
    copied.copy("disk"), copied.copy("usb")
    path = copied.house.vault.payload_path(archive)
    kept = path.read_bytes()
    found = next(each for each in copied.files("disk") if each.parent.parent.name == "archives")
    path.unlink(), found.write_bytes(b"noise")
    read_vault(copied), read_copy(copied), read_copy(copied, "usb")
    done = repair(copied, "disk", "usb")
    assert sorted((each.where, each.source) for each in done.done) == [("disk", "usb"), (VAULT, "usb")]
    assert path.read_bytes() == found.read_bytes() == kept
    copied.house.vault.close()


def test_a_pass_goes_on_where_it_stopped_and_is_due_once_in_a_period(copied: CopiedHouse) -> None:
    copied.house.add(6)
    context = copied.context()
    assert not is_pass_due(copy_state(copied.house.vault.catalogue, "disk"), EVERY, context)
    copied.copy()
    assert is_pass_due(copy_state(copied.house.vault.catalogue, "disk"), EVERY, context)
    steps = [scrub_copy(context, copied.target(), 1)]
    while not steps[-1].ended:
        steps.append(scrub_copy(context, copied.target(), 1))
        assert len(steps) < 20
    assert len(steps) == 7
    state = copy_state(copied.house.vault.catalogue, "disk")
    assert (state.scrubbed_at, state.checked >= 18) == (copied.now, True)
    assert not is_pass_due(state, EVERY, context)
    copied.house.now += EVERY
    assert is_pass_due(state, EVERY, context)


def test_a_missing_piece_of_the_log_is_noticed_and_sent_again(copied: CopiedHouse) -> None:
    copied.house.add(2)
    copied.copy()
    copied.house.add(2)
    copied.copy()
    first = sorted((copied.root() / "log" / "lines").iterdir())[0]
    kept = first.read_bytes()
    first.unlink()
    assert read_copy(copied).findings == 1
    assert len(repair(copied).done) == 1
    assert first.read_bytes() == kept
    assert read_copy(copied).findings == 0


def test_what_came_back_of_a_destroyed_archive_is_removed_and_never_repaired(copied: CopiedHouse) -> None:
    (doomed,) = copied.house.add()
    copied.copy()
    backup = copied.root().with_name("backup")
    shutil.copytree(copied.root(), backup)
    path = copied.house.vault.payload_path(doomed)
    key = copied.house.vault.key_path(doomed).read_bytes()
    copied.house.approve_and_cool(doomed)
    carry_out(copied.house.context(remove_from_copies=copied.remove))
    copied.copy()
    shutil.copytree(backup, copied.root(), dirs_exist_ok=True)
    assert repair(copied, deep=True).done == ()
    assert not path.exists()
    read_copy(copied)
    assert not [each for each in copied.files() if key in each.read_bytes()]
    assert "copy.found" in copied.house.kinds()
    assert copy_findings(copied.house.vault.catalogue, "disk") == []


@pytest.mark.parametrize("place", ["set aside", "deleted object", "repaired"])
def test_a_repair_that_stops_anywhere_is_completed_by_the_next(copied: CopiedHouse, place: str) -> None:
    class Killed(Exception):
        """Stands in for a process that dies."""

    here, there = copied.house.add(2)
    copied.copy()
    (path, _), (found, _) = parts(copied, here)[1], parts(copied, there)[1][::-1]
    kept = path.read_bytes(), found.read_bytes()
    path.write_bytes(b"noise"), found.write_bytes(b"noise")
    read_vault(copied), read_copy(copied)

    def die(where: str) -> None:
        if where == place:
            raise Killed

    copied.crash_point = die
    with pytest.raises(Killed):
        repair(copied)
    copied.crash_point = lambda _where: None
    repair(copied)
    assert (path.read_bytes(), found.read_bytes()) == kept
    assert damaged(copied) == set()
    assert copy_findings(copied.house.vault.catalogue, "disk") == []


def test_a_rotten_disk_is_repaired_unattended_only_where_that_is_asked_for(copied: CopiedHouse) -> None:
    (archive,) = copied.house.add()
    copied.copy()
    found = parts(copied, archive)[1][1]
    kept = found.read_bytes()
    found.write_bytes(b"noise")
    read_copy(copied)
    tried: dict[str, frozenset[str]] = {}
    assert repair_unattended(copied.context(), copied.target(), tried) != []
    assert found.read_bytes() == kept
    assert repair_unattended(copied.context(), copied.target(), tried) == []


@pytest.mark.parametrize("way", list(CopyRepair))
def test_the_daemon_copies_reads_again_and_repairs(copied: CopiedHouse, way: CopyRepair) -> None:
    from msgspec.structs import replace

    copied.config = replace(copied.config, copies=(replace(copied.config.copies[0], repair=way),))
    task = CopyTask(copied.config, Dependencies(clock=lambda: copied.now), lambda: True)
    (archive,) = copied.house.add()
    task.run()
    state = copy_state(copied.house.vault.catalogue, "disk")
    assert state.complete_at is not None and state.scrubbed_at is not None
    found = parts(copied, archive)[1][1]
    kept = found.read_bytes()
    found.write_bytes(b"noise")
    copied.house.now += EVERY
    task.run()
    assert (found.read_bytes() == kept) is (way is CopyRepair.AUTO)
    assert CopyTask(copied.config, Dependencies(clock=lambda: copied.now), lambda: False).run() > 0
