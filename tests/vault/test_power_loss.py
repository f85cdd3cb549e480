"""The power goes out after any step of an ingest, with each effect that was not flushed there or not.

What must hold of every state that can be left: no row points at nothing; nothing is an archive that is not whole;
what settling an interrupted job makes of it is one archive or none; and the log's file has what it was said to have.
Then the protocol itself is spoiled, one flush left out or one step moved at a time, and the model must notice.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kit.power_loss import Disk, State, Vary, states
from kit.vault_objects import NOW, make_archive, make_job
from strongroom.evidence.line import Entry, read_chain
from strongroom.model.archive import Archive, Seal
from strongroom.model.errors import StrongroomError, VaultError, WorldError
from strongroom.model.job import State as JobState
from strongroom.vault import vault as vault_module
from strongroom.vault.archives import get_archive, put_archive
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.durable import flush, in_words, write_all
from strongroom.vault.jobs import put_job
from strongroom.vault.log import add_entry
from strongroom.vault.manifest import write_manifest
from strongroom.vault.vault import Vault, create_vault, open_vault

KEY, PAYLOAD = b"the sealed key of this archive" * 3, b"the sealed payload of this archive" * 50
JOB = make_job(state=JobState.SEALED, archive=make_archive(make_job()).id)
ARCHIVE: Archive = make_archive(JOB, seal=Seal(100, len(PAYLOAD), "ab" * 32, "cd" * 32, "export.zip"))


class Violation(AssertionError):
    """A state that no crash may leave."""


def begin(root: Path) -> Vault:
    """Make a vault whose one job is being sealed."""
    vault = create_vault(root, "how to open it\n")
    with vault.catalogue.transaction():
        put_job(vault.catalogue, JOB)
        add_entry(vault.catalogue, Entry("job.opened", NOW, JOB.id, ARCHIVE.id, JOB.stream))
    return vault


def seal(vault: Vault) -> None:
    """Leave a sealed pair in tmp, written, flushed and read back as the sealing process does."""
    for suffix, data in ((".key.age", KEY), (".age", PAYLOAD)):
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            fd = os.open(vault.layout.temporary(ARCHIVE.id, suffix), flags, 0o600)
        except OSError as error:
            raise in_words(error) from error
        try:
            write_all(fd, data)
            flush(fd)
        finally:
            os.close(fd)


def commit(vault: Vault) -> None:
    with vault.catalogue.transaction():
        put_job(vault.catalogue, make_job(state=JobState.ARCHIVED, archive=ARCHIVE.id))
        put_archive(vault.catalogue, ARCHIVE, "ef" * 32)
        add_entry(vault.catalogue, Entry("job.proven", NOW, JOB.id, ARCHIVE.id, JOB.stream))


def ingest(vault: Vault, mark: Callable[[str], None]) -> None:
    """The order of docs/format.md."""
    seal(vault)
    vault.publish_archive(ARCHIVE)
    mark("published")
    commit(vault)
    mark("committed")
    vault.write_log()
    mark("logged")


@dataclass
class ChannelTest:
    """One recorded ingest and what it left to check."""

    disk: Disk
    at_first: bytes

    def check(self, folder: Path, *, last_first: bool = False) -> int:
        """Look at every state; return how many there were. Raises Violation."""
        count = 0
        for count, state in enumerate(states(self.disk, self.at_first, last_first=last_first), start=1):
            check_state(state, folder / str(count))
        return count


def record(
    folder: Path, act: Callable[[Vault, Callable[[str], None]], None] = ingest, vary: Vary | None = None
) -> ChannelTest:
    vault = begin(folder / "vault")
    try:
        at_first = vault.catalogue._connection.serialize()
        disk = Disk(vault.layout.root)
        with disk.recording(vary):
            act(vault, disk.mark)
    finally:
        vault.close()
    return ChannelTest(disk, at_first)


def check_state(state: State, root: Path) -> None:
    """Lay the state out, settle it as a start does, and check what must hold before and after."""
    vault = open_vault(state.lay_out(root))
    vault.catalogue._connection.execute("PRAGMA synchronous = OFF")  # this one need not last
    try:
        try:
            found = vault.published_archive(ARCHIVE.id)
        except VaultError as error:
            raise Violation(f"a manifest that cannot be read has a name: {error.message}") from error
        entered = get_archive(vault.catalogue, ARCHIVE.id)
        if entered is not None or found is not None:
            _require_whole(vault, "entered" if entered else "found")
        _require_log(vault, state)
        _settle(vault, entered, found)
        if get_archive(vault.catalogue, ARCHIVE.id) is None:
            left = [path for path in vault.layout.root.rglob(f"*{ARCHIVE.id}*") if path.is_file()]
            if left:
                raise Violation(f"something is left of what is to be fetched again: {left}")
    finally:
        vault.close()


def _require_whole(vault: Vault, how: str) -> None:
    layout = vault.layout
    whole = {
        layout.key(ARCHIVE.id): KEY,
        layout.archive(ARCHIVE.id): PAYLOAD,
        layout.manifest(ARCHIVE.id): write_manifest(ARCHIVE),
    }
    for path, data in whole.items():
        if not path.exists() or path.read_bytes() != data:
            raise Violation(f"the archive is {how} and {path.name} is not whole")


def _require_log(vault: Vault, state: State) -> None:
    if state.after == "logged":
        lines = vault.layout.log.read_bytes().splitlines() if vault.layout.log.exists() else []
        if [body["kind"] for body in _chain(lines)] != ["job.opened", "job.proven"]:
            raise Violation("the log's file was said to be level and is not")
    try:
        vault.write_log()
    except VaultError as error:
        raise Violation(f"the log cannot be brought level: {error.message}") from error


def _chain(lines: list[bytes]) -> list[dict[str, Any]]:
    try:
        return list(read_chain(lines))
    except VaultError:
        return []


def _settle(vault: Vault, entered: Archive | None, found: Archive | None) -> None:
    """Do as a start does with a job that was interrupted while its file was sealed."""
    if entered is not None:
        vault.empty_tmp()
        return
    if found is not None:
        commit(vault)
    else:
        vault.discard_unfinished(ARCHIVE.id)
    vault.empty_tmp()


@pytest.mark.slow
def test_no_power_loss_leaves_a_row_without_a_file_or_half_an_archive(tmp_path: Path) -> None:
    trial = record(tmp_path)
    assert trial.check(tmp_path) > 100
    assert [each.path for each in trial.disk.effects if each.what == "mark"] == ["published", "committed", "logged"]


def flushes(folder: Path) -> list[str]:
    return record(folder).disk.flushed


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return flushes(tmp_path_factory.mktemp("flushes"))


FLUSHES = 11
"""How many an ingest into a fresh vault has; the test below holds this to be so."""


def test_every_flush_is_known(names: list[str]) -> None:
    shard = ARCHIVE.id[-2:]
    assert len(names) == FLUSHES
    assert names == [
        f"tmp/{ARCHIVE.id}.key.age",
        f"tmp/{ARCHIVE.id}.age",
        "keys",
        f"keys/{shard}",
        "archives",
        f"archives/{shard}",
        f"tmp/{ARCHIVE.id}.json",
        "manifests",
        f"manifests/{shard}",
        "log/log.jsonl",
        "log",
    ]


@pytest.mark.parametrize("number", range(1, FLUSHES + 1))
def test_a_flush_that_is_left_out_is_noticed(tmp_path: Path, number: int, names: list[str]) -> None:
    trial = record(tmp_path, vary=lambda _name, count: count == number)
    with pytest.raises(Violation):
        trial.check(tmp_path, last_first=True)  # what was never flushed is loose to the end


def payload_after_manifest(vault: Vault, archive: Archive) -> None:
    layout, name = vault.layout, archive.id
    vault_module.publish(layout.temporary(name, ".key.age"), layout.key(name))
    vault_module.write_new(layout.manifest(name), layout.temporary(name, ".json"), write_manifest(archive))
    vault_module.publish(layout.temporary(name, ".age"), layout.archive(name))


def key_after_manifest(vault: Vault, archive: Archive) -> None:
    layout, name = vault.layout, archive.id
    vault_module.publish(layout.temporary(name, ".age"), layout.archive(name))
    vault_module.write_new(layout.manifest(name), layout.temporary(name, ".json"), write_manifest(archive))
    vault_module.publish(layout.temporary(name, ".key.age"), layout.key(name))


def manifest_in_place(vault: Vault, archive: Archive) -> None:
    layout, name = vault.layout, archive.id
    vault_module.publish(layout.temporary(name, ".key.age"), layout.key(name))
    vault_module.publish(layout.temporary(name, ".age"), layout.archive(name))
    vault_module.make_folder(layout.manifest(name).parent)
    fd = os.open(layout.manifest(name), os.O_WRONLY | os.O_CREAT, 0o600)
    write_all(fd, write_manifest(archive))
    flush(fd)
    os.close(fd)


def renamed_before_flush(vault: Vault, archive: Archive) -> None:
    """Give names first and flush the folders when all have theirs: quicker, and wrong."""
    layout, name = vault.layout, archive.id
    for suffix, path in ((".key.age", layout.key(name)), (".age", layout.archive(name))):
        vault_module.make_folder(path.parent)
        layout.temporary(name, suffix).rename(path)
    vault_module.write_new(layout.manifest(name), layout.temporary(name, ".json"), write_manifest(archive))


@pytest.mark.parametrize(
    "publishing", [payload_after_manifest, key_after_manifest, manifest_in_place, renamed_before_flush]
)
def test_a_step_at_another_place_is_noticed(tmp_path: Path, publishing: Callable[[Vault, Archive], None]) -> None:
    def spoiled(vault: Vault, mark: Callable[[str], None]) -> None:
        seal(vault)
        publishing(vault, ARCHIVE)
        commit(vault)
        vault.write_log()
        mark("logged")

    with pytest.raises(Violation):
        record(tmp_path, spoiled).check(tmp_path)


def test_a_commit_before_the_files_is_noticed(tmp_path: Path) -> None:
    def spoiled(vault: Vault, _mark: Callable[[str], None]) -> None:
        seal(vault)
        commit(vault)
        vault.publish_archive(ARCHIVE)

    with pytest.raises(Violation, match="the archive is entered and"):
        record(tmp_path, spoiled).check(tmp_path)


def test_a_log_line_before_the_commit_is_noticed(tmp_path: Path) -> None:
    def spoiled(vault: Vault, _mark: Callable[[str], None]) -> None:
        vault.write_log()
        with vault.catalogue.transaction():
            add_entry(vault.catalogue, Entry("job.proven", NOW, JOB.id, ARCHIVE.id, JOB.stream))
            row = vault.catalogue.read_one("SELECT line FROM entries WHERE seq = 2")
            assert row is not None
            fd = os.open(vault.layout.log, os.O_WRONLY | os.O_APPEND)
            write_all(fd, row["line"] + b"\n")
            os.fsync(fd)
            os.close(fd)

    with pytest.raises(Violation, match="the log cannot be brought level"):
        record(tmp_path, spoiled).check(tmp_path)


CALLS = ("open", "write", "fsync", "link", "mkdir", "unlink")


class Breaking:
    """Lets the n-th call of one kind fail, as a full or a dying disk does."""

    def __init__(self, call: str, at: int, number: int, *, short: bool = False) -> None:
        self.call, self.at, self.number, self.short, self.count = call, at, number, short, 0
        self._real = getattr(os, call)

    def __call__(self, *args: Any, **more: Any) -> Any:
        if self.call == "open" and args[1] & os.O_PATH:
            return self._real(*args, **more)  # passes through a folder and reads nothing
        self.count += 1
        if self.count != self.at:
            return self._real(*args, **more)
        if self.short:
            return self._real(args[0], bytes(args[1])[: max(1, len(args[1]) // 3)])
        raise OSError(self.number, os.strerror(self.number), "a file")


def attempt(vault: Vault, breaking: Breaking) -> str:
    """Ingest while something breaks; return the words of what was raised, or an empty text."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, breaking.call, breaking)
        try:
            ingest(vault, lambda _name: None)
        except StrongroomError as error:
            assert isinstance(error, WorldError), error
            assert error.hint
            return error.message
    return ""


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO], ids=["ENOSPC", "EIO"])
@pytest.mark.parametrize("call", CALLS)
def test_a_disk_that_fails_at_any_call_leaves_nothing_that_is_believed(tmp_path: Path, call: str, number: int) -> None:
    failed = 0
    for at in range(1, 200):
        vault = begin(tmp_path / f"{call}{at}")
        try:
            breaking = Breaking(call, at, number)
            words = attempt(vault, breaking)
            if breaking.count < at:
                break
            failed += 1
            told = "the disk is full" if number == errno.ENOSPC else "the disk reports an error"
            assert words.startswith(told) or (call == "unlink" and not words)  # what stays in tmp is removed later
            entered, found = get_archive(vault.catalogue, ARCHIVE.id), vault.published_archive(ARCHIVE.id)
            if entered is not None or found is not None:
                _require_whole(vault, "entered" if entered else "found")
            vault.write_log()
            _settle(vault, entered, found)
        finally:
            vault.close()
    assert failed


def test_short_writes_at_any_place_change_nothing(tmp_path: Path) -> None:
    for at in range(1, 200):
        vault = begin(tmp_path / str(at))
        try:
            breaking = Breaking("write", at, 0, short=True)
            assert attempt(vault, breaking) == ""
            if breaking.count < at:
                break
            _require_whole(vault, "entered")
            assert len(_chain(vault.layout.log.read_bytes().splitlines())) == 2
        finally:
            vault.close()
    assert at > 4


def test_the_catalogue_is_told_as_it_was_committed(tmp_path: Path) -> None:
    vault = begin(tmp_path / "vault")
    (tmp_path / "copy.sqlite").write_bytes(vault.catalogue._connection.serialize())
    vault.close()
    from strongroom.vault.catalogue import open_catalogue

    copy: Catalogue = open_catalogue(tmp_path / "copy.sqlite")
    assert copy.read("SELECT id FROM jobs")[0]["id"] == JOB.id
    copy.close()
