"""The power goes out after any step of a rotation or a destruction, with what was not flushed there or not.

Of a rotation nothing may be left but archives with their old key file or their new one. Of a destruction: nothing is
destroyed before the intent is on the disk, and what was said to be destroyed is on it no more, under no name and bare.
Each flush is then left out once, and the model must notice.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from kit.destruction import House, make_house
from kit.key_rotation import Strongbox, identity, keys_of, open_strongbox
from kit.power_loss import Disk, State, Vary, states
from strongroom.age.keys import X25519Identity
from strongroom.engine.access.fixity import check_small_files
from strongroom.engine.access.key_files import Rotation, rotate, settle_rotation
from strongroom.engine.access.recipients import note_recipients
from strongroom.engine.destruction.destroy import carry_out
from strongroom.evidence.line import read_chain
from strongroom.model.archive import Archive
from strongroom.model.errors import VaultError
from strongroom.vault.archives import get_archive
from strongroom.vault.shred import copies_of
from strongroom.vault.tombstones import DestroyedArchive, get_tombstone, write_tombstone
from strongroom.vault.vault import Vault, open_vault


class Violation(AssertionError):
    """A state that no crash may leave."""


def laid_out(state: State, root: Path) -> Vault:
    vault = open_vault(state.lay_out(root))
    vault.catalogue._connection.execute("PRAGMA synchronous = OFF")  # this one need not last
    return vault


def kinds(vault: Vault) -> list[str]:
    try:
        vault.write_log()
        return [str(body["kind"]) for body in read_chain(vault.layout.log.read_bytes().splitlines())]
    except VaultError as error:
        raise Violation(f"the log cannot be brought level: {error.message}") from error


@dataclass
class Turned:
    """A rotation that was recorded."""

    box: Strongbox
    fresh: X25519Identity
    disk: Disk
    at_first: bytes

    def check(self, folder: Path, *, last_first: bool = False) -> int:
        count = 0
        for count, state in enumerate(states(self.disk, self.at_first, last_first=last_first), start=1):
            vault = laid_out(state, folder / f"state{count}")
            try:
                self._check(vault, state)
            finally:
                vault.close()
        return count

    def _check(self, vault: Vault, state: State) -> None:
        box = replace(self.box, vault=vault)
        for archive in box.made:
            path = vault.key_path(archive)
            if not path.exists() or not self._opens(box, archive):
                raise Violation(f"archive {archive.id} has no key file that opens it")
        lines = vault.layout.log.read_bytes().count(b"key.resealed")
        if state.after == "logged swaps" and lines != len(box.made):
            raise Violation("the log was said to have what it has not")
        settle_rotation(vault, box.clock)
        if kinds(vault).count("key.resealed") not in (0, len(box.made)) and not _is_mixed(vault, box, self.fresh):
            raise Violation("the log and the key files say different things")
        faults = [fault for archive in box.made for fault in check_small_files(vault, archive)]
        if faults:
            raise Violation(f"catalogue and files differ: {faults[0].message}")

    def _opens(self, box: Strongbox, archive: Archive) -> bool:
        try:
            return box.opens(archive, box.working)
        except VaultError:
            return False


def _is_mixed(vault: Vault, box: Strongbox, fresh: X25519Identity) -> bool:
    """Say whether as many archives are sealed anew as the log has lines."""
    anew = sum(replace(box, vault=vault).opens(archive, fresh) for archive in box.made)
    return kinds(vault).count("key.resealed") == anew


def turn(folder: Path, box: Strongbox, vary: Vary | None = None) -> Turned:
    fresh = identity()
    keys = keys_of([box.working, fresh])
    note_recipients(box.vault, keys, box.now, noticed="test")
    at_first = box.vault.catalogue._connection.serialize()
    disk = Disk(box.vault.layout.root)
    with disk.recording(vary):
        rotate(Rotation(box.vault, keys, [box.working], box.clock, os.urandom, crash_point=disk.mark))
    return Turned(box, fresh, disk, at_first)


@pytest.mark.slow
def test_no_power_loss_in_a_rotation_leaves_an_archive_without_its_key(tmp_path: Path) -> None:
    with open_strongbox(tmp_path, 2) as box:
        turned = turn(tmp_path, box)
        assert turned.check(tmp_path) > 20
        shards = sorted({f"keys/{archive.id[-2:]}" for archive in box.made})
        news = sorted(f"keys/{archive.id}.key.age.new" for archive in box.made)
        assert sorted(turned.disk.flushed[:2]) == news
        assert turned.disk.flushed[2:] == ["keys", *shards, "log/log.jsonl"]


@pytest.mark.slow
@pytest.mark.parametrize("which", ["new key", "shard", "log"])
def test_a_flush_left_out_of_a_rotation_is_noticed(tmp_path: Path, which: str) -> None:
    def vary(name: str, _number: int) -> bool:
        told = {"new key": name.endswith(".new"), "shard": name.startswith("keys/") and len(name) == 7}
        return told.get(which, name.startswith("log/"))

    with open_strongbox(tmp_path, 2) as box:
        turned = turn(tmp_path, box, vary)
        with pytest.raises(Violation):
            turned.check(tmp_path, last_first=which != "new key")


@dataclass
class ExecutionReport:
    """A destruction that was recorded."""

    house: House
    doomed: Archive
    key: bytes
    disk: Disk
    at_first: bytes

    def check(self, folder: Path, *, last_first: bool = False) -> int:
        count = 0
        for count, state in enumerate(states(self.disk, self.at_first, last_first=last_first), start=1):
            vault = laid_out(state, folder / f"state{count}")
            try:
                self._check(vault, state)
            finally:
                vault.close()
        return count

    def _check(self, vault: Vault, state: State) -> None:
        house = replace(self.house, vault=vault, marks=[])
        if get_archive(vault.catalogue, self.doomed.id) is not None and not house.is_whole(self.doomed):
            raise Violation("something was destroyed before the intent was on the disk")
        buried = get_tombstone(vault.catalogue, self.doomed.id)
        if buried is not None and buried.certificate_sha256:
            self._require_gone(vault, state, buried)
        if (
            state.after in ("logged destroyed", "compacted")
            and b"archive.destroyed" not in vault.layout.log.read_bytes()
        ):
            raise Violation("the log was said to have what it has not")
        kinds(vault)
        vault.empty_tmp()  # as every start does
        carry_out(house.context())
        told = kinds(vault)
        if (told.count("destruction.begun"), told.count("archive.destroyed")) != (1, 1):
            raise Violation("it was not destroyed once")
        if [path.name for path in copies_of(vault.layout, self.doomed.id)] != [f"{self.doomed.id}.json"]:
            raise Violation("something is left after it was carried to its end")

    def _require_gone(self, vault: Vault, state: State, buried: DestroyedArchive) -> None:
        """What has a certificate is gone from the disk, and the certificate is there."""
        left = [path.name for path in copies_of(vault.layout, self.doomed.id) if path.suffix == ".age"]
        if left:
            raise Violation(f"it was certified and is there: {left}")
        stone = vault.layout.manifest(self.doomed.id)
        if not stone.exists() or stone.read_bytes() != write_tombstone(buried.tombstone):
            raise Violation("it was certified and its tombstone does not stand")
        if any(self.key in data for data in [*state.residue, *state.files.values()]):
            raise Violation("it was certified and its key lies on the bare disk")
        if any(b"export-of-mallory" in data for data in [*state.residue, *state.files.values()]):
            raise Violation("it was certified and its manifest lies on the bare disk")
        certificate = vault.layout.certificate(self.doomed.id)
        data = certificate.read_bytes() if certificate.exists() else b""
        if hashlib.sha256(data).hexdigest() != buried.certificate_sha256:
            raise Violation("it was certified and the certificate is not there, or not whole")


def carry(folder: Path, vary: Vary | None = None) -> ExecutionReport:
    house = make_house(folder)
    (doomed,) = house.add()
    key = house.vault.key_path(doomed).read_bytes()
    house.approve_and_cool(doomed)
    house.now += timedelta(days=1)
    house.vault.write_log()
    at_first = house.vault.catalogue._connection.serialize()
    disk = Disk(house.vault.layout.root)
    with disk.recording(vary):
        carried = carry_out(house.context(crash_point=disk.mark))
    assert [tombstone.archive for tombstone in carried.destroyed] == [doomed.id]
    house.vault.close()
    return ExecutionReport(house, doomed, key, disk, at_first)


@pytest.mark.slow
def test_no_power_loss_in_a_destruction_leaves_half_of_it(tmp_path: Path) -> None:
    assert carry(tmp_path).check(tmp_path) > 20


FLUSHED = (
    "log",
    "stone",
    "manifests",
    "manifest",
    "key",
    "keys",
    "archives",
    "note",
    "folder",
    "certificates",
    "log again",
)


@pytest.mark.slow
def test_every_flush_of_a_destruction_is_known(tmp_path: Path) -> None:
    carried = carry(tmp_path)
    name, shard = carried.doomed.id, carried.doomed.id[-2:]
    assert carried.disk.flushed == [
        "log/log.jsonl",
        f"tmp/{name}.tombstone",
        f"manifests/{shard}",
        f"manifests/{shard}/{name}.json",
        f"keys/{shard}/{name}.key.age",
        f"keys/{shard}",
        f"archives/{shard}",
        f"tmp/{name}.note",
        "log",
        "log/certificates",
        "log/log.jsonl",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(1, len(FLUSHED) + 1), ids=FLUSHED)
def test_a_flush_left_out_of_a_destruction_is_noticed(tmp_path: Path, number: int) -> None:
    carried = carry(tmp_path, lambda _name, count: count == number)
    with pytest.raises(Violation):
        carried.check(tmp_path, last_first=True)  # what was never flushed is loose to the end
