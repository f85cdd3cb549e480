"""A vault restored from a copy alone: whole, resumable, and without what was destroyed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from kit.copies import CopiedHouse, make_copied_house, reseal
from kit.destruction import SIGNER
from strongroom.engine.copies.targets import stores_in
from strongroom.engine.destruction.destroy import carry_out
from strongroom.engine.proof.audit import audit_vault
from strongroom.engine.proof.checkpoints import sign_log
from strongroom.engine.repair.copy_rehearsal import Rehearsal, RehearsalOrder, rehearse
from strongroom.engine.repair.copy_restore import MARKER, CopyRestore, Restored, restore_vault
from strongroom.model.archive import Archive, Holding
from strongroom.model.errors import UsageError, VaultError
from strongroom.vault.archives import all_archive_ids
from strongroom.vault.copies import copy_state
from strongroom.vault.files import read_file
from strongroom.vault.tombstones import destroyed_ids
from strongroom.vault.vault import open_vault


@pytest.fixture
def copied(tmp_path: Path) -> Iterator[CopiedHouse]:
    made = make_copied_house(tmp_path)
    yield made
    made.house.vault.close()


def restore(copied: CopiedHouse, to: Path, **changes: object) -> Restored:
    ((_identity, store),) = stores_in(copied.config.copies[0].path)
    return restore_vault(CopyRestore(store, to, lambda: copied.now, **changes))  # type: ignore[arg-type]


def files(root: Path, archives: list[Archive]) -> dict[str, bytes]:
    """Return every file of these archives, by its name in the vault."""
    found = (path for path in root.rglob("*") if path.is_file() and any(each.id in path.name for each in archives))
    return {str(path.relative_to(root)): read_file(path) for path in found}


def lose(copied: CopiedHouse) -> Path:
    """Lose the vault and everything but the copy; return where it was."""
    root = copied.house.vault.layout.root
    copied.house.vault.close()
    root.rename(root.with_name("lost"))
    return root.with_name("lost")


def test_a_whole_vault_comes_back_from_the_copy_alone(copied: CopiedHouse, tmp_path: Path) -> None:
    kept = [*copied.house.add(4), *copied.house.add(1, holding=Holding.QUARANTINED)]
    (doomed,) = copied.house.add()
    reseal(copied.house, kept[0])
    copied.copy()
    copied.house.approve_and_cool(doomed)
    carry_out(copied.house.context(remove_from_copies=copied.remove))
    sign_log(copied.house.vault, SIGNER, lambda: copied.now)
    copied.copy()
    entries = copied.house.log()
    lost = lose(copied)
    done = restore(copied, tmp_path / "new" / "vault")
    assert (done.faults, done.archives, done.tombstones, done.at) == ([], 5, 1, copied.now)
    vault = open_vault(tmp_path / "new" / "vault")
    assert files(vault.layout.root, [*kept, doomed]) == files(lost, [*kept, doomed])
    assert sorted(all_archive_ids(vault.catalogue)) == sorted(each.id for each in kept)
    assert destroyed_ids(vault.catalogue) == [doomed.id]
    lines = vault.layout.log.read_bytes().splitlines()
    assert len(lines) == len(entries) + 2  # rebuilt, restored
    report = audit_vault(vault, [str(SIGNER.verifier)], [])
    assert [each.message for each in report.findings] == []
    assert not (vault.layout.root / MARKER).exists()
    vault.close()
    with pytest.raises(UsageError, match="not an empty folder"):
        restore(copied, tmp_path / "new" / "vault")


@pytest.mark.parametrize("die_at", [1, 3, 6, 7, 9, 12])
def test_a_restore_that_stops_anywhere_resumes(copied: CopiedHouse, tmp_path: Path, die_at: int) -> None:
    class Killed(Exception):
        """Stands in for a process that dies."""

    kept = copied.house.add(5)
    copied.copy()
    lost, count = lose(copied), 0

    def die(_where: str) -> None:
        nonlocal count
        count += 1
        if count == die_at:
            raise Killed

    with pytest.raises(Killed):
        restore(copied, tmp_path / "new", crash_point=die)
    done = restore(copied, tmp_path / "new")
    assert (done.faults, done.archives) == ([], 5)
    assert files(tmp_path / "new", kept) == files(lost, kept)


def test_what_is_damaged_or_missing_in_the_copy_is_named_and_the_rest_is_restored(
    copied: CopiedHouse, tmp_path: Path
) -> None:
    archives = copied.house.add(6)
    copied.copy()
    payload, key, manifest = ([path for path in copied.files() if each.id in path.name] for each in archives[:3])
    damaged = next(path for path in payload if path.parent.parent.name == "archives")
    damaged.write_bytes(damaged.read_bytes()[:-9])
    next(path for path in key if path.name.endswith(".key.age")).write_bytes(b"no key")
    next(path for path in manifest if path.suffix == ".json").unlink()
    lose(copied)
    done = restore(copied, tmp_path / "new")
    assert done.archives == 3
    for each in archives[:3]:
        assert any(each.id in words for words in done.faults)
    for each in archives[3:]:
        assert not any(each.id in words for words in done.faults)


def test_what_the_log_in_the_copy_destroyed_is_not_restored_although_the_copy_has_it(
    copied: CopiedHouse, tmp_path: Path
) -> None:
    (doomed,) = copied.house.add()
    key = copied.house.vault.key_path(doomed).read_bytes()
    copied.copy()
    before = tmp_path / "before"
    shutil.copytree(copied.root(), before)
    copied.house.approve_and_cool(doomed)
    carry_out(copied.house.context(remove_from_copies=copied.remove))
    copied.copy()
    shutil.copytree(before, copied.root(), dirs_exist_ok=True)  # somebody puts the copy's old files back
    lose(copied)
    restore(copied, tmp_path / "new")
    assert not [path for path in (tmp_path / "new").rglob("*") if path.is_file() and key in path.read_bytes()]
    vault = open_vault(tmp_path / "new")
    assert all_archive_ids(vault.catalogue) == []
    vault.close()


def test_a_log_with_a_hole_or_a_changed_line_is_refused(copied: CopiedHouse, tmp_path: Path) -> None:
    copied.house.add(2)
    copied.copy()
    copied.house.add(2)
    copied.copy()
    copied.house.add(2)
    copied.copy()
    first, second, _third = sorted((copied.root() / "log" / "lines").iterdir())
    kept = second.read_bytes()
    second.unlink()
    with pytest.raises(VaultError, match=r"lacks .* of the log"):
        restore(copied, tmp_path / "one")
    second.write_bytes(kept.replace(b'"records":3', b'"records":4'))
    with pytest.raises(VaultError, match="does not follow"):
        restore(copied, tmp_path / "two")
    assert first.exists()


def test_a_rehearsal_restores_measures_logs_and_leaves_nothing(copied: CopiedHouse, tmp_path: Path) -> None:
    copied.house.add(4)
    copied.copy()
    copied.house.add(2)
    copied.house.now += timedelta(hours=5)
    left = f"rehearsal-{copied.root().name}-killed"  # the copy's folder has the digits of the vault
    (copied.house.vault.layout.tmp / left / "archives").mkdir(parents=True)
    seconds = iter((10.0, 73.5))
    found = rehearsed(copied, monotonic=lambda: next(seconds))
    assert (found.archives, found.lost, found.seconds, found.faults) == (4, 2, 63.5, ())
    assert found.behind > timedelta(hours=5)
    assert list(copied.house.vault.layout.tmp.iterdir()) == []
    assert copied.house.log()[-1]["facts"] == {
        "archives": 4, "behind_seconds": int(found.behind.total_seconds()), "copy": "disk", "faults": 0, "lost": 2,
        "seconds": 64,
    }  # fmt: skip
    assert copy_state(copied.house.vault.catalogue, "disk").rehearsed_at == copied.now
    key = next(path for path in copied.files() if path.name.endswith(".key.age"))
    key.write_bytes(b"no key")
    found = rehearsed(copied)
    assert len(found.faults) == 1 and "key file" in found.faults[0]


def test_a_rehearsal_never_writes_a_key_file(copied: CopiedHouse) -> None:
    copied.house.add(2)
    copied.copy()
    seen: list[str] = []

    def look(_count: int) -> None:
        seen.extend(path.name for path in copied.house.vault.layout.tmp.rglob("*") if path.is_file())

    assert rehearsed(copied, watch=look).faults == ()
    assert seen and not [name for name in seen if ".key." in name]


def rehearsed(copied: CopiedHouse, **changes: object) -> Rehearsal:
    order = RehearsalOrder(copied.house.vault, copied.target(), lambda: copied.now, os.urandom, **changes)  # type: ignore[arg-type]
    return rehearse(order)
