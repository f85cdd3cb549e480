"""Updating a copy of the vault: what the entries of the log name that it is missing, then the lines themselves.

What is done is recorded every few entries, so that a run that was interrupted resumes there. Objects have their names
before the lines that speak of them: at each moment the copy can become a vault, as of its last line.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from itertools import islice

from msgspec import Struct, field
from msgspec.structs import replace

from strongroom.copies.port import NewObject, ObjectLocked, SourceChanged, Throttle, digest_of
from strongroom.engine.copies.contents import (
    CopyObject,
    certificate_object,
    checkpoint_object,
    objects_of,
    stamp_object,
    tombstone_object,
)
from strongroom.engine.copies.findings import note_failure, note_finding
from strongroom.engine.copies.removal import remove_archive
from strongroom.engine.copies.targets import (
    CopyTarget,
    begin_copy,
    other_history,
    put_bytes,
    require_same_history,
)
from strongroom.evidence.line import GENESIS, digest
from strongroom.model.archive import Archive, Tombstone
from strongroom.model.copies import (
    BYTES_AT_ONCE,
    LINES_AT_ONCE,
    LONGEST_WAIT,
    REPLACED,
    Changes,
    changes_of,
    is_due,
    lines_name,
    object_prefix,
)
from strongroom.model.errors import Interrupted, StrongroomError, VaultError, VaultLocked
from strongroom.model.times import Chance, Clock
from strongroom.vault.archives import all_archive_ids, get_archive
from strongroom.vault.copies import (
    CopyFinding,
    backlog_after,
    copies_alone,
    copy_state,
    known_copies,
    oldest_after,
    put_copy_state,
)
from strongroom.vault.log import ENTRY, last_entry_number
from strongroom.vault.log_reader import LINES_AFTER, LogWalk, readable
from strongroom.vault.rows import RowUnreadable
from strongroom.vault.tombstones import get_tombstone, is_logged, unfinished_tombstones
from strongroom.vault.vault import Vault

STEP = 200  # entries between two saves
TOGETHER = 40  # archives at most that are written together, each with four files that are open at once
SMALL = 8 << 20  # bytes of them after which no further one is added


class CopyContext(Struct, frozen=True):
    """What copying needs besides the vault and the copy."""

    vault: Vault
    clock: Clock
    random_bytes: Chance = os.urandom
    stop: Callable[[], bool] = lambda: False
    throttle: Callable[[int], Throttle] = Throttle  # for a rate in bytes a second
    watch: Callable[[int], None] = lambda _entries: None  # called with the number of further entries done
    crash_point: Callable[[str], None] = lambda _where: None


class CopyReport(Struct):
    """What one run did."""

    name: str
    archives: int = 0  # brought up to date
    objects: int = 0  # stored
    entries: int = 0  # of the log that the copy has now
    complete: bool = False
    problems: list[str] = field(default_factory=list)  # objects that could not be copied, in words


def update_copy(context: CopyContext, target: CopyTarget) -> CopyReport:
    """Copy what is missing until nothing is. Raises CopyAway, VaultError, VaultLocked or Interrupted; progress is kept.

    A failure is recorded, and with it when the next try is due.
    """
    run = _Run(context, target)
    try:
        with _alone(context.vault):
            begin_copy(target, context.vault, context.clock(), context.random_bytes)
        run.work()
    except (VaultLocked, Interrupted):
        raise
    except StrongroomError as error:
        note_failure(context.vault, target.name, error.sentences, context.clock())
        raise
    return run.report


@contextmanager
def _alone(vault: Vault) -> Iterator[None]:
    with copies_alone(vault.layout) as mine:
        if not mine:
            raise VaultLocked("another process is writing to the copies of this vault", hint="wait for it")
        yield


class _Run:
    def __init__(self, context: CopyContext, target: CopyTarget) -> None:
        self._context, self._target, self._store = context, target, target.store
        self._catalogue = context.vault.catalogue
        self._throttle = context.throttle(target.settings.rate)
        self.report = CopyReport(target.name)

    def work(self) -> None:
        sent = require_same_history(self._context.vault, self._target)
        state = copy_state(self._catalogue, self._target.name)
        walk = self._walk_from(max(sent, min(state.entries, last_entry_number(self._catalogue))))
        begun, lines = walk.seq, walk.lines(self._catalogue)
        while page := list(islice(lines, STEP)):
            self._remove_destroyed()
            self._changes(_changes(page))
            self._save(walk.seq)
            self._context.watch(len(page))
            if walk.seq - sent >= LINES_AT_ONCE:
                sent = self._send_lines(sent, walk.seq)
        if begun == walk.seq:
            self._remove_destroyed()
        self._send_lines(sent, walk.seq)
        self._finish(walk.seq)

    def _walk_from(self, seq: int) -> LogWalk:
        row = self._catalogue.read_one(ENTRY, seq) if seq else None
        return LogWalk(seq, digest(bytes(row["line"])) if row else GENESIS)

    def _remove_destroyed(self) -> None:
        """Remove first what is being destroyed: it must not wait for what is still to be copied."""
        for each in unfinished_tombstones(self._catalogue):
            if is_logged(self._catalogue, each.tombstone):
                with _alone(self._context.vault):
                    self._remove(each.tombstone)

    def _changes(self, changes: Changes) -> None:
        vault = self._context.vault
        self._bring_all(changes.archives, changes.changed)
        self._bring_all(all_archive_ids(self._catalogue) if changes.everything else (), frozenset())
        beside = [checkpoint_object(vault, size) for size in changes.checkpoints]
        beside += [stamp_object(vault, size) for size in changes.stamps]
        beside += [certificate_object(vault, archive) for archive in changes.certificates]
        self._put([(each, "") for each in beside if each is not None])

    def _bring_all(self, archives: Iterable[str], changed: Collection[str]) -> None:
        """Bring archives up to date, as they are now: small ones together, since the disk flushes many as fast as one.

        An archive may be destroyed since the entry that names it. A destruction looks there before or after a group.
        """
        waiting = deque(archives)
        while waiting:
            if self._context.stop():
                raise Interrupted("copying was interrupted", hint="run it again: it resumes where it stopped")
            with _alone(self._context.vault):
                group: list[Archive] = []
                while waiting and len(group) < TOGETHER and sum(each.seal.sealed_size for each in group) < SMALL:
                    group += self._archive(waiting.popleft())
                self._copy(group, changed)

    def _archive(self, archive_id: str) -> list[Archive]:
        """Return the archive; none where it was destroyed, which is done in the copy, or its row cannot be read."""
        destroyed = get_tombstone(self._catalogue, archive_id)
        if destroyed is not None:
            self._remove(destroyed.tombstone)
            return []
        try:
            archive = get_archive(self._catalogue, archive_id)
        except RowUnreadable as error:
            self.report.problems.append(error.message)
            return []
        return [archive] if archive is not None else []

    def _copy(self, archives: Sequence[Archive], changed: Collection[str]) -> None:
        found = [(each, archive) for archive in archives for each in objects_of(self._context.vault, archive)]
        self._put([(each, archive.id) for each, archive in found])
        for each, archive in found:
            if archive.id in changed and each.part in REPLACED:
                self._drop_former(each, object_prefix(each.part, archive.id, archive.holding))
        self.report.archives += len(archives)

    def _put(self, objects: Sequence[tuple[CopyObject, str]]) -> None:
        """Store objects, each of an archive; what cannot be stored is noted, and the rest goes on."""
        new = [NewObject(each.name, each.sha256, partial(self._blocks, each)) for each, _archive in objects]
        for (each, archive), stored in zip(objects, self._store.put_many(new) if new else [], strict=True):
            if stored is True:
                self.report.objects += 1
            elif isinstance(stored, SourceChanged):
                self._note(each.name, archive, "missing", stored.message)
            elif digest_of(self._throttle.passed(self._store.read(each.name))) != each.sha256:
                message = f"expected SHA-256 {each.sha256[:16]}…, found another file under this name"
                self._note(each.name, archive, "changed", message)
            self._context.crash_point("copy: put object")

    def _blocks(self, each: CopyObject) -> Iterator[bytes]:
        self._context.crash_point("copy: writing object")
        return self._throttle.passed(each.blocks())

    def _drop_former(self, each: CopyObject, prefix: str) -> None:
        """Remove what the object replaces, once the new one is there."""
        found = [other.name for other in self._store.list(prefix)]
        ending = each.name[each.name.index(each.sha256) + len(each.sha256) :]
        if each.name in found:
            for other in found:
                if other != each.name and other.endswith(ending):
                    self._store.delete(other)

    def _remove(self, tombstone: Tombstone) -> None:
        with suppress(ObjectLocked):  # the destruction stays incomplete, and names the date; the rest is copied
            remove_archive(self._store, tombstone, self._context.crash_point)
        stone = tombstone_object(tombstone)
        if digest_of(self._store.read(stone.name)) != stone.sha256:
            message = "expected the tombstone that the log records, found another"
            self._note(stone.name, tombstone.archive, "changed", message)

    def _note(self, name: str, archive: str, code: str, message: str) -> None:
        finding = CopyFinding(self._target.name, name, archive, code, message, self._context.clock())
        note_finding(self._context.vault, finding)
        self.report.problems.append(f"{finding.object}: {finding.message}")

    def _send_lines(self, sent: int, upto: int) -> int:
        """Store the lines that the copy is missing, a few megabytes in each object."""
        while sent < upto:
            data, last = bytearray(), sent
            for row in self._catalogue.read(LINES_AFTER, sent, min(upto - sent, LINES_AT_ONCE)):
                data += bytes(row["line"]) + b"\n"
                last = int(row["seq"])
                if len(data) >= BYTES_AT_ONCE:
                    break
            if last == sent:
                raise VaultError(f"the catalogue has no entry {sent + 1} of the log", hint="see: strongroom recover")
            name = lines_name(sent + 1, last)
            if not put_bytes(self._store, name, bytes(data)) and digest_of(self._store.read(name)) != _sha256(data):
                raise other_history(self._target, sent + 1)
            self._context.crash_point("copy: sent lines")
            sent = last
        return sent

    def _save(self, entries: int) -> None:
        state = copy_state(self._catalogue, self._target.name)
        if entries > state.entries:
            with self._catalogue.transaction():
                put_copy_state(self._catalogue, replace(state, entries=entries))
        self._context.crash_point("copy: saved")

    def _finish(self, entries: int) -> None:
        state, now = copy_state(self._catalogue, self._target.name), self._context.clock()
        with self._catalogue.transaction():
            after = replace(state, entries=entries, complete_at=now, tries=0, next_at=None, failure="")
            put_copy_state(self._catalogue, after)
        self.report.entries, self.report.complete = entries, True


def _changes(page: list[bytes]) -> Changes:
    bodies = []
    for line in page:
        with readable(line):
            bodies.append(json.loads(line))
    return changes_of(bodies)


def _sha256(data: bytes | bytearray) -> str:
    return hashlib.sha256(data).hexdigest()


def entries_missing(vault: Vault, name: str) -> int:
    """Return how many entries of the log a copy is missing."""
    return max(0, last_entry_number(vault.catalogue) - copy_state(vault.catalogue, name).entries)


def is_behind(vault: Vault, name: str, now: datetime) -> bool:
    """Return whether a copy is missing something and may be tried now."""
    state = copy_state(vault.catalogue, name)
    if state.next_at is not None and now < state.next_at <= now + LONGEST_WAIT:
        return False
    if name not in known_copies(vault.catalogue) or unfinished_tombstones(vault.catalogue):
        return True
    return is_due(backlog_after(vault.catalogue, state.entries), oldest_after(vault.catalogue, state.entries), now)
