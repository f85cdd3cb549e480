"""Rotation: key files are sealed to the new set and to nobody else, each once, and nothing is lost on the way."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.key_rotation import Strongbox, identity, keys_of, open_strongbox, reopen
from strongroom.engine.access.fixity import check_fixity, check_small_files
from strongroom.engine.access.key_files import settle_rotation
from strongroom.engine.access.recipients import count_stale
from strongroom.model.errors import StrongroomError, UsageError, WorldError
from strongroom.vault import key_rotation as rekeying
from strongroom.vault.durable import remove, write_all
from strongroom.vault.key_rotation import keys_alone
from strongroom.vault.recipients import all_recipients, replay_recipients, replay_resealed, sealed_sets, sealed_to


def faults(box: Strongbox) -> list[object]:
    return [fault for archive in box.made for fault in check_fixity(box.vault, archive)]


def test_a_retired_identity_opens_nothing_after_a_rotation_but_what_was_copied_before(tmp_path: Path) -> None:
    with open_strongbox(tmp_path, 5) as box:
        copies = {archive.id: box.vault.key_path(archive).read_bytes() for archive in box.made}
        payloads = {archive.id: box.vault.payload_path(archive).read_bytes() for archive in box.made}
        fresh = identity()
        done = box.rotate([box.working, fresh])
        assert (done.resealed, done.refused, done.stopped) == (5, [], False)
        late = box.put(keys_of([box.working, fresh]))
        for archive in box.made:
            assert (box.opens(archive, box.working), box.opens(archive, fresh)) == (True, True)
            assert not box.opens(archive, box.paper)
            assert sealed_to(box.vault.catalogue, archive) == (
                archive.recipients if archive is late else tuple(sorted(keys_of([box.working, fresh])))
            )
        assert faults(box) == []
        assert payloads == {each: box.vault.layout.archive(each).read_bytes() for each in payloads}
        # What rotation does not undo: an old key file in a backup opens its archive for the retired identity.
        first = box.made[0]
        box.vault.key_path(first).write_bytes(copies[first.id])
        assert box.opens(first, box.paper)
        assert [fault.code for fault in check_small_files(box.vault, first)] == ["key"]


def test_each_archive_is_in_the_log_once_with_both_digests(tmp_path: Path) -> None:
    with open_strongbox(tmp_path, 3) as box:
        before = {archive.id: box.vault.key_sha256(archive) for archive in box.made}
        box.rotate([box.working])
        told = {body["archive"]: body["facts"] for body in box.bodies("key.resealed")}
        assert told == {
            archive.id: {
                "was": before[archive.id],
                "key_sha256": box.vault.key_sha256(archive),
                "recipients": keys_of([box.working]),
            }
            for archive in box.made
        }
        assert box.rotate([box.working]).resealed == 0
        assert len(box.bodies("key.resealed")) == 3


def test_it_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    with open_strongbox(tmp_path, 7) as box:
        asked = iter([False, False, True])
        done = box.rotate([box.working], stop=lambda: next(asked), batch=2)
        assert (done.resealed, done.stopped) == (4, True)
        assert count_stale(box.vault, keys_of([box.working])) == 3
        assert faults(box) == []
        assert box.rotate([box.working]).resealed == 3


def test_archives_that_come_while_it_works_are_taken_in(tmp_path: Path) -> None:
    """A daemon that has not read its configuration again seals to the old set; nobody waits for anybody."""
    with open_strongbox(tmp_path, 4) as box:
        other = reopen(box)
        coming = iter(range(3))

        def ingest(_done: int, _total: int) -> None:
            if next(coming, None) is not None:
                thread = threading.Thread(target=other.put)
                thread.start()
                thread.join(30)

        done = box.rotate([box.working], watch=ingest, batch=2)
        other.vault.close()
        assert len(box.made) == 7
        assert done.resealed == 7
        assert not any(box.opens(archive, box.paper) for archive in box.made)
        assert faults(box) == []


def test_a_daemon_that_ingests_in_another_thread_all_the_while(tmp_path: Path) -> None:
    with open_strongbox(tmp_path, 20) as box:
        other = reopen(box)
        thread = threading.Thread(target=lambda: [other.put() for _ in range(20)])
        thread.start()
        box.rotate([box.working], batch=3)
        thread.join(60)
        other.vault.close()
        box.rotate([box.working])
        assert len(box.made) == 40
        assert not any(box.opens(archive, box.paper) for archive in box.made)
        assert faults(box) == []
        assert len(box.bodies("key.resealed")) == 40


def test_an_archive_destroyed_meanwhile_is_not_brought_back(tmp_path: Path) -> None:
    with open_strongbox(tmp_path, 2) as box:
        gone = box.made[0]
        with keys_alone(box.vault.layout):
            remove(box.vault.key_path(gone))
        done = box.rotate([box.working])
        assert done.resealed == 1
        assert [fault.archive for fault in done.refused] == [gone.id]
        assert not box.vault.key_path(gone).exists()
        assert box.leftovers() == []


def test_a_key_that_vanishes_in_the_middle_of_a_batch_stays_away(tmp_path: Path) -> None:
    with open_strongbox(tmp_path, 2) as box:
        gone = box.made[0]

        def crash_point(place: str) -> None:
            if place == "announced swaps":
                box.vault.key_path(gone).unlink(missing_ok=True)

        with pytest.raises(StrongroomError, match="vanished"):
            box.rotate([box.working], crash_point=crash_point)
        settle_rotation(box.vault, box.clock)
        assert not box.vault.key_path(gone).exists()
        assert box.leftovers() == []
        box.rotate([box.working])
        other = box.made[1]
        assert (box.opens(other, box.working), box.opens(other, box.paper)) == (True, False)
        assert not box.vault.key_path(gone).exists()
        assert [body["archive"] for body in box.bodies("key.resealed")] == [other.id]


@pytest.mark.parametrize("which", ["swapped for another archive's", "an attacker's own pair"])
def test_a_key_file_that_is_not_the_archives_is_left_and_told(tmp_path: Path, which: str) -> None:
    with open_strongbox(tmp_path, 2) as box:
        first, second = box.made
        if which.startswith("swapped"):
            forged = box.vault.key_path(second).read_bytes()
        else:
            _, forged, payload = box._seal(50, box.recipients)
            forged = box_key_for(box, first.id)
            box.vault.payload_path(first).write_bytes(payload)
        box.vault.key_path(first).write_bytes(forged)
        done = box.rotate([box.working])
        assert [fault.archive for fault in done.refused] == [first.id]
        assert box.vault.key_path(first).read_bytes() == forged
        assert [body["archive"] for body in box.bodies("key.resealed")] == [second.id]


def box_key_for(box: Strongbox, archive_id: str) -> bytes:
    """Forge a key file for an archive: the right id, an identity of the attacker's, sealed to the true recipients."""
    from strongroom.age.identity_file import ArchiveKey, write_archive_key
    from strongroom.age.writer import seal_bytes

    text = write_archive_key(ArchiveKey(archive_id, os.urandom(32), identity()))
    return seal_bytes(text, [box.working.recipient, box.paper.recipient], os.urandom)


def test_a_row_changed_along_with_the_file_does_not_pass_the_log(tmp_path: Path) -> None:
    with open_strongbox(tmp_path, 1) as box:
        (archive,) = box.made
        forged = box_key_for(box, archive.id)
        box.vault.key_path(archive).write_bytes(forged)
        with box.vault.catalogue.transaction():
            digest = hashlib.sha256(forged).hexdigest()
            box.vault.catalogue.write("UPDATE archives SET key_sha256 = ?", digest)
        done = box.rotate([box.working])
        assert "log" in done.refused[0].message
        assert "log" in [fault.code for fault in check_small_files(box.vault, archive)]


def test_a_key_file_from_an_older_copy_is_proven_by_the_payload_and_told(tmp_path: Path) -> None:
    with open_strongbox(tmp_path, 1) as box:
        (archive,) = box.made
        old = box.vault.key_path(archive).read_bytes()
        fresh = identity()
        box.rotate([box.working, fresh])
        expected = box.vault.key_sha256(archive)
        box.vault.key_path(archive).write_bytes(old)
        box.rotate([box.working])
        facts = box.bodies("key.resealed")[-1]["facts"]
        assert isinstance(facts, dict)
        assert (facts["was"], facts["found"]) == (expected, hashlib.sha256(old).hexdigest())
        assert faults(box) == []


def test_nobody_is_locked_out(tmp_path: Path) -> None:
    with open_strongbox(tmp_path, 1) as box:
        with pytest.raises(UsageError, match="none of these recipients has been proven"):
            box.rotate([identity()])
        with pytest.raises(UsageError, match="no recipients"):
            box.rotate([])
        assert box.opens(box.made[0], box.working)
        box.rotate([box.paper], by=[box.paper])
        assert (box.opens(box.made[0], box.paper), box.opens(box.made[0], box.working)) == (True, False)
        done = box.rotate([box.working, box.paper], by=[box.working])  # the working identity opens none of them now
        assert [fault.code for fault in done.refused] == ["key"]


Break = Callable[[pytest.MonkeyPatch], None]


def full_disk(patch: pytest.MonkeyPatch) -> None:
    def refuse(_fd: int, _data: bytes) -> None:
        raise WorldError("the disk is full while writing the vault")

    patch.setattr(rekeying, "write_all", refuse)


def failing_flush(patch: pytest.MonkeyPatch) -> None:
    real, count = os.fsync, iter(range(100))

    def sometimes(fd: int) -> None:
        if next(count) == 2:
            raise OSError(errno.EIO, "Input/output error")
        real(fd)

    patch.setattr(os, "fsync", sometimes)


def failing_folder(patch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path) -> None:
        raise WorldError("the disk reports an error at keys")

    patch.setattr(rekeying, "flush_folder", refuse)


def bit_rot(patch: pytest.MonkeyPatch) -> None:
    real = write_all
    patch.setattr(rekeying, "write_all", lambda fd, data: real(fd, bytes(data)[:-1] + bytes([data[-1] ^ 1])))


@pytest.mark.parametrize("fault", [full_disk, failing_flush, failing_folder, bit_rot])
def test_a_disk_that_fails_costs_no_key(tmp_path: Path, fault: Break) -> None:
    with open_strongbox(tmp_path, 4) as box:
        with pytest.MonkeyPatch.context() as patch:
            fault(patch)
            with pytest.raises(StrongroomError):
                box.rotate([box.working])
        assert all(box.opens(archive, box.working) for archive in box.made)
        assert box.leftovers() == []
        settle_rotation(box.vault, box.clock)
        assert faults(box) == []
        box.rotate([box.working])
        assert faults(box) == []
        assert not any(box.opens(archive, box.paper) for archive in box.made)
        assert len(box.bodies("key.resealed")) == 4


def test_what_is_known_of_keys_can_be_made_again_from_the_log(tmp_path: Path) -> None:
    with open_strongbox(tmp_path, 3) as box:
        fresh = identity()
        box.rotate([box.working, fresh])
        catalogue = box.vault.catalogue
        recipients = [(each.key, each.since, each.retired_at) for each in all_recipients(catalogue)]
        sets = sealed_sets(catalogue)
        with catalogue.transaction():
            for table in ("recipients", "resealed", "drills"):
                catalogue.write(f"DELETE FROM {table}")
            replay_recipients(catalogue)
            replay_resealed(catalogue)
        assert [(each.key, each.since, each.retired_at) for each in all_recipients(catalogue)] == recipients
        assert sealed_sets(catalogue) == sets
