"""Reading a copy again: each object's bytes are hashed once in a period and compared with manifest, catalogue and log.

A pass goes through the archives in the order of their ids, a part at a time, and then through log, checkpoints and
certificates. Its progress is saved. What a destroyed archive has left, or got back, in the copy is removed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from strongroom.copies.port import CopyAway, ObjectAbsent, ObjectLocked, Throttle
from strongroom.engine.copies.contents import CopyObject, certificate_object, checkpoint_object, objects_of, of_bytes
from strongroom.engine.copies.copying import CopyContext
from strongroom.engine.copies.findings import clear_finding, note_finding
from strongroom.engine.copies.removal import remove_archive
from strongroom.engine.copies.targets import CopyTarget, require_known, require_same_history
from strongroom.model.copies import LINES, lines_name, lines_of
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import Interrupted, VaultLocked
from strongroom.vault.archives import get_archive
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.checkpoints import all_checkpoints
from strongroom.vault.copies import (
    CopyFinding,
    CopyState,
    copies_alone,
    copy_state,
    count_copy_findings,
    is_missing_after,
    log_copy,
    put_copy_state,
)
from strongroom.vault.layout import id_of
from strongroom.vault.log_reader import LINES_AFTER
from strongroom.vault.rows import RowUnreadable
from strongroom.vault.scrubs import next_archive_id
from strongroom.vault.tombstones import destroyed_ids, get_tombstone, unfinished_tombstones
from strongroom.vault.vault import Vault


class CopyPass(Struct):
    """What one call has done of a pass."""

    read: int = 0  # bytes
    checked: int = 0  # objects of the pass so far
    findings: int = 0  # objects that are damaged or missing now
    ended: bool = False


def is_pass_due(state: CopyState, every: timedelta, context: CopyContext) -> bool:
    """Return whether there is something to read: a pass in progress, or one that begins now."""
    if state.began_at is None:
        return state.complete_at is not None
    under_way = state.scrubbed_at is None or state.scrubbed_at < state.began_at
    return under_way or context.clock() >= state.began_at + every


def scrub_copy(context: CopyContext, target: CopyTarget, most: int, rate: int = 0) -> CopyPass:
    """Continue the pass in progress, or begin one, and read about `most` bytes, at most `rate` a second.

    Raises CopyAway where the copy cannot be reached, Interrupted; progress is kept.
    """
    require_known(target, context.vault)
    require_same_history(context.vault, target)
    return _Pass(context, target, context.throttle(rate)).work(most)


class _Pass:
    def __init__(self, context: CopyContext, target: CopyTarget, throttle: Throttle) -> None:
        self._context, self._target, self._throttle = context, target, throttle
        self._catalogue: Catalogue = context.vault.catalogue
        self.done = CopyPass()

    def work(self, most: int) -> CopyPass:
        state = self._begin()
        while self.done.read < most:
            if self._context.stop():
                raise Interrupted("reading the copy was interrupted", hint="run it again: it resumes where it stopped")
            archive = next_archive_id(self._catalogue, state.cursor)
            if archive is None:
                self._end(state)
                break
            before = self.done.checked
            self._check_archive(archive)
            state = replace(state, cursor=archive, checked=state.checked + self.done.checked - before)
            self._save(state)
            self._context.watch(1)
        self.done.checked, self.done.findings = state.checked, count_copy_findings(self._catalogue, self._target.name)
        return self.done

    def _begin(self) -> CopyState:
        state = copy_state(self._catalogue, self._target.name)
        under_way = state.began_at is not None and (state.scrubbed_at is None or state.scrubbed_at < state.began_at)
        if not under_way:
            state = replace(state, began_at=self._context.clock(), cursor="", checked=0)
            self._save(state)
        return state

    def _save(self, state: CopyState) -> None:
        now = copy_state(self._catalogue, self._target.name)
        fields = {name: getattr(state, name) for name in ("began_at", "cursor", "checked", "scrubbed_at")}
        with self._catalogue.transaction():
            put_copy_state(self._catalogue, replace(now, **fields))

    def _check_archive(self, archive_id: str) -> None:
        try:
            archive = get_archive(self._catalogue, archive_id)
        except RowUnreadable:
            return  # the scrub of the vault names it
        if archive is not None:
            for each in objects_of(self._context.vault, archive):
                self._check(each, archive_id)

    def _check(self, each: CopyObject, archive: str) -> None:
        """Compare one object; what the copy is to get anyway is not judged."""
        self.done.checked += 1
        code, message = self._judge(each)
        if not code:
            clear_finding(self._context.vault, self._target.name, each.name, self._context.clock())
        elif not (archive and is_missing_after(self._catalogue, archive, self._entries())):
            found = CopyFinding(self._target.name, each.name, archive, code, message, self._context.clock())
            note_finding(self._context.vault, found)

    def _entries(self) -> int:
        return copy_state(self._catalogue, self._target.name).entries

    def _judge(self, each: CopyObject) -> tuple[str, str]:
        found = hashlib.sha256()
        try:
            for block in self._throttle.passed(self._target.store.read(each.name)):
                found.update(block)
                self.done.read += len(block)
        except ObjectAbsent:
            return "missing", "expected the object to be there"
        except CopyAway as error:
            require_known(self._target, self._context.vault)  # otherwise the copy is away, and nothing is judged
            return "unreadable", error.message
        if found.hexdigest() != each.sha256:
            return "changed", f"expected SHA-256 {each.sha256[:16]}…, got {found.hexdigest()[:16]}…"
        return "", ""

    def _end(self, state: CopyState) -> None:
        for each in [*self._lines(), *self._beside()]:
            self._check(each, "")
        self._remove_returned()
        now, name = self._context.clock(), self._target.name
        state = replace(state, cursor="", scrubbed_at=now)
        self._save(state)
        with self._catalogue.transaction():
            count = count_copy_findings(self._catalogue, name)
            log_copy(self._catalogue, EntryKind.COPY_SCRUBBED, now, copy=name, objects=state.checked, findings=count)
        self._context.vault.write_log()
        self.done.ended = True

    def _lines(self) -> Iterator[CopyObject]:
        """Yield the objects of the log: those that are there, and one for each gap between them."""
        have = 0
        found = sorted(bounds for each in self._target.store.list(LINES) if (bounds := lines_of(each.name)) is not None)
        for first, last in found:
            if first > have + 1:
                yield lines_object(self._context.vault, have + 1, first - 1)
            yield lines_object(self._context.vault, first, last)
            have = max(have, last)
        if have < self._entries():
            yield lines_object(self._context.vault, have + 1, self._entries())

    def _beside(self) -> Iterator[CopyObject]:
        vault, entries = self._context.vault, self._entries()
        named = [
            checkpoint_object(vault, each.size) for each in all_checkpoints(self._catalogue) if each.size < entries
        ]
        named += [
            certificate_object(vault, each)
            for each in destroyed_ids(self._catalogue)
            if not is_missing_after(self._catalogue, each, entries)
        ]
        yield from (each for each in named if each is not None)

    def _remove_returned(self) -> None:
        """Remove what is there of destroyed archives: a copy of the copy may have been put back."""
        store, name = self._target.store, self._target.name
        unfinished = {each.tombstone.archive for each in unfinished_tombstones(self._catalogue)}
        for prefix in ("keys/", "archives/", "index/", "manifests/", "quarantine/"):
            for each in list(store.list(prefix)):
                archive = id_of(Path(each.name))
                destroyed = get_tombstone(self._catalogue, archive) if archive else None
                if archive is None or destroyed is None or archive in unfinished:
                    continue  # a destruction that is not finished is tried again by itself
                message, now = "an object of a destroyed archive had come back", self._context.clock()
                note_finding(self._context.vault, CopyFinding(name, each.name, archive, "returned", message, now))
                with copies_alone(self._context.vault.layout) as mine:
                    if not mine:
                        raise VaultLocked("another process is writing to the copies of this vault")
                    with suppress(ObjectLocked):  # the finding stays
                        remove_archive(store, destroyed.tombstone)
                        clear_finding(self._context.vault, name, each.name, now)


def lines_object(vault: Vault, first: int, last: int) -> CopyObject:
    """Return the object of these lines of the log."""
    rows = vault.catalogue.read(LINES_AFTER, first - 1, last - first + 1)
    return of_bytes(lines_name(first, last), b"".join(bytes(row["line"]) + b"\n" for row in rows))
