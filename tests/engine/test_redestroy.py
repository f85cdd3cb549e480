"""What was destroyed does not come back, whatever a backup brings; and nothing else is buried with it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.destruction import House, make_house
from strongroom.engine.destruction.destroy import carry_out
from strongroom.engine.destruction.redestroy import ids_destroyed_by_log, known_tombstone, redestroy_returned
from strongroom.evidence.line import Entry, format_line
from strongroom.model.archive import Archive, Holding
from strongroom.model.errors import VaultError
from strongroom.vault.archives import get_archive, put_archive
from strongroom.vault.shred import copies_of
from strongroom.vault.tombstones import get_tombstone, is_tombstone


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = make_house(tmp_path)
    yield made
    made.vault.close()


def destroy_with_backup(house: House, archive: Archive) -> Path:
    """Destroy an archive after a backup of the vault's files was taken; return the backup."""
    backup = house.vault.layout.root.parent / "backup"
    shutil.copytree(house.vault.layout.root, backup)
    house.approve_and_cool(archive)
    carry_out(house.context())
    return backup


def restore(house: House, backup: Path, *folders: str) -> None:
    for folder in folders:
        shutil.copytree(backup / folder, house.vault.layout.root / folder, dirs_exist_ok=True)


@pytest.mark.parametrize("holding", [Holding.HELD, Holding.QUARANTINED])
@pytest.mark.parametrize(
    "folders",
    [("keys",), ("archives",), ("keys", "archives", "manifests"), ("manifests",), ("quarantine",)],
    ids="-".join,
)
def test_files_from_a_backup_are_destroyed_again(house: House, folders: tuple[str, ...], holding: Holding) -> None:
    (doomed,) = house.add(holding=holding)
    (other,) = house.add()
    key = house.vault.key_path(doomed).read_bytes()
    stone = house.vault.layout.manifest(doomed.id) if holding is Holding.HELD else None
    backup = destroy_with_backup(house, doomed)
    restore(house, backup, *folders)
    brought = ("quarantine" in folders) == (holding is Holding.QUARANTINED)
    assert redestroy_returned(house.vault, house.context().clock) == ([doomed.id] if brought else [])
    assert redestroy_returned(house.vault, house.context().clock) == []
    assert len(copies_of(house.vault.layout, doomed.id)) == 1
    assert stone is None or is_tombstone(stone.read_bytes())
    assert house.find(key) == []
    assert house.is_whole(other)
    assert house.kinds().count("archive.buried") == (1 if brought else 0)


def test_a_row_that_came_back_is_buried_too(house: House) -> None:
    (doomed,) = house.add()
    destroy_with_backup(house, doomed)
    with house.vault.catalogue.transaction():
        put_archive(house.vault.catalogue, doomed, "00" * 32)
    assert redestroy_returned(house.vault, house.context().clock) == [doomed.id]
    assert get_archive(house.vault.catalogue, doomed.id) is None


def test_the_log_file_is_believed_where_the_catalogue_knows_nothing(house: House) -> None:
    (doomed,) = house.add()
    backup = destroy_with_backup(house, doomed)
    with house.vault.catalogue.transaction():
        house.vault.catalogue.write("DELETE FROM tombstones")
        house.vault.catalogue.write("DELETE FROM entries WHERE kind = 'archive.destroyed'")
    restore(house, backup, "keys", "archives", "manifests")
    assert known_tombstone(house.vault, doomed.id) is not None  # its certificate has it
    assert redestroy_returned(house.vault, house.context().clock, thorough=False) == []
    known = [body["archive"] for body in house.log() if body["kind"] == "archive.destroyed"]
    assert ids_destroyed_by_log(house.vault.layout) == set(known) == {doomed.id}
    with pytest.raises(VaultError, match="not entry"):
        redestroy_returned(
            house.vault, house.context().clock
        )  # it is buried; whose log this is, recovery must find out
    assert is_tombstone(house.vault.layout.manifest(doomed.id).read_bytes())
    assert not house.vault.layout.key(doomed.id).exists()


def test_entries_alone_are_enough(house: House) -> None:
    (doomed,) = house.add()
    backup = destroy_with_backup(house, doomed)
    with house.vault.catalogue.transaction():
        house.vault.catalogue.write("DELETE FROM tombstones")
    restore(house, backup, "keys", "archives", "manifests")
    assert redestroy_returned(house.vault, house.context().clock, thorough=False) == [doomed.id]
    assert is_tombstone(house.vault.layout.manifest(doomed.id).read_bytes())
    buried = get_tombstone(house.vault.catalogue, doomed.id)
    assert buried is not None
    assert buried.certificate_sha256 != ""


def test_a_line_that_was_slipped_into_the_log_file_has_nothing_destroyed(house: House) -> None:
    (kept,) = house.add()
    entry = Entry("archive.destroyed", house.now, archive=kept.id, facts={})
    with house.vault.layout.log.open("ab") as file:
        file.write(format_line(entry, 2, "0" * 64) + b"\n")
    assert redestroy_returned(house.vault, house.context().clock) == []
    assert house.is_whole(kept)


@pytest.mark.parametrize("place", ["certificate", "manifest"])
def test_a_file_alone_has_nothing_destroyed(house: House, place: str) -> None:
    kept, doomed = house.add(2)
    house.approve_and_cool(doomed)
    carry_out(house.context())
    layout = house.vault.layout
    told = json.loads(layout.manifest(doomed.id).read_bytes())
    forged = json.dumps({**told, "id": kept.id}).encode()
    if place == "certificate":
        layout.certificate(kept.id).write_bytes(layout.certificate(doomed.id).read_bytes())
    else:
        layout.manifest(kept.id).write_bytes(forged)
    assert redestroy_returned(house.vault, house.context().clock) == []
    assert house.is_whole(kept)
    assert get_tombstone(house.vault.catalogue, kept.id) is None
