"""The vaults that have a copy in one place, as their copies alone tell: read-only, and without any vault or catalogue.

A log is read whole: each line must follow the one before it, and each checkpoint in the copy must be the one of its
lines. Coverage is what the log says was archived. Whether the objects are there is for `copy scrub`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from strongroom.copies.port import CopyStore, read_whole
from strongroom.engine.copies.copied_log import copied_lines
from strongroom.engine.copies.targets import CopyIdentity
from strongroom.evidence.checkpoint import Checkpoint, open_checkpoint, origin_of, read_unchecked
from strongroom.evidence.line import digest
from strongroom.evidence.note import Verifier
from strongroom.evidence.tree import Tree, leaf_hash
from strongroom.model.archive import Holding
from strongroom.model.copies import PREFIX_DIGITS
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import StrongroomError, VaultError
from strongroom.model.times import parse_instant
from strongroom.model.window import Window, subtract
from strongroom.vault.log_reader import LogWalk, readable

CHECKPOINTS = "log/checkpoints/"


class FleetStream(Struct, frozen=True):
    """What a stream has in the archives of a vault, by its log."""

    stream: str
    start: datetime
    end: datetime
    gaps: int  # periods between start and end that no archive covers


class FleetVault(Struct, frozen=True):
    """One vault, as its copy has it."""

    vault: str  # SHA-256 of the first line of its log
    copy: str
    place: str
    name: str = ""  # under which its checkpoints are signed
    entries: int = 0  # of the log
    at: datetime | None = None  # of the last of them
    archives: int = 0  # archived and not destroyed
    destroyed: int = 0
    streams: tuple[FleetStream, ...] = ()
    checkpoints: int = 0  # that agree with the log and are signed with its key
    signed_at: datetime | None = None  # the newest of them
    problems: tuple[str, ...] = ()


def read_fleet(found: Iterable[tuple[CopyIdentity, CopyStore]], keys: Sequence[str] = ()) -> Iterator[FleetVault]:
    """Yield each vault. What is wrong with one is named, and the others are read.

    `keys` are public keys that are known from elsewhere; without them a log's own key is believed.
    """
    trusted = [Verifier.parse(each) for each in keys]
    for identity, store in found:
        reading = _Reading(store, trusted)
        try:
            reading.read(identity.vault)
        except StrongroomError as error:
            reading.problems.append(error.message)
        if not store.place.rstrip("/").endswith(identity.vault[:PREFIX_DIGITS]):
            reading.problems.append("the folder is not named after this vault: was the copy moved?")
        yield reading.result(identity, store.place)


class _Reading:
    """One pass over the log of a copy."""

    def __init__(self, store: CopyStore, trusted: Sequence[Verifier]) -> None:
        self._store, self._trusted = store, list(trusted)
        self._walk, self._tree, self._log = LogWalk(), Tree(), _LogCoverage()
        self._notes: dict[int, str] = {}
        self._first = b""
        self._at: datetime | None = None
        self._sound: list[Checkpoint] = []
        self.problems: list[str] = []

    def read(self, vault: str) -> None:
        self._read_notes()
        for line in copied_lines(self._store):
            if not self._walk.seq and digest(line) != vault:
                raise VaultError("the log in the copy is another vault's")
            self._first = self._first or line
            self._walk.follow(line)
            self._tree.append(leaf_hash(line))
            with readable(line):
                body = json.loads(line)
                self._take(body)
            if self._walk.seq in self._notes:
                self._check(self._notes.pop(self._walk.seq))
        if not self._walk.seq:
            raise VaultError("the copy has no log yet")
        for size in sorted(self._notes):
            self.problems.append(f"checkpoint {size}: the copy has only {self._walk.seq:,} of its entries")

    def _read_notes(self) -> None:
        for each in self._store.list(CHECKPOINTS):
            if each.name.endswith(".note"):
                try:
                    note = read_whole(self._store, each.name, 1 << 20).decode()
                    self._notes[read_unchecked(note).size] = note
                except (StrongroomError, ValueError):
                    self.problems.append(f"{Path(each.name).name} cannot be read as a checkpoint")

    def _take(self, body: dict[str, Any]) -> None:
        self._at = parse_instant(str(body["at"]))
        if self._walk.seq == 1 and not self._trusted and body["facts"].get("verifier"):
            self._trusted = [Verifier.parse(str(body["facts"]["verifier"]))]
        self._log.take(body)

    def _check(self, note: str) -> None:
        try:
            checkpoint = open_checkpoint(note, *self._trusted)
        except StrongroomError as error:
            self.problems.append(f"checkpoint {self._walk.seq}: {error.message}")
            return
        name = checkpoint.origin.rpartition("/")[0]
        if checkpoint.root != self._tree.root() or checkpoint.origin != origin_of(name, self._first):
            self.problems.append(f"checkpoint {checkpoint.size} contradicts the log: one of the two was changed")
        else:
            self._sound.append(checkpoint)

    def result(self, identity: CopyIdentity, place: str) -> FleetVault:
        newest = self._sound[-1] if self._sound else None
        return FleetVault(
            identity.vault,
            identity.place,
            place,
            newest.origin.rpartition("/")[0] if newest else "",
            self._walk.seq,
            self._at,
            len(self._log.archives),
            self._log.destroyed,
            tuple(self._log.streams()),
            len(self._sound),
            newest.at if newest else None,
            tuple(self.problems),
        )


class _LogCoverage(Struct):
    """What the lines of a log say was archived."""

    archives: set[str] = field(default_factory=set)
    destroyed: int = 0
    _windows: dict[str, Window] = field(default_factory=dict)  # by job, until it has ended
    _unsettled: dict[str, Window] = field(default_factory=dict)
    _covered: dict[str, list[Window]] = field(default_factory=dict)  # by stream

    def take(self, body: dict[str, Any]) -> None:
        kind, job, facts = body["kind"], str(body.get("job", "")), body["facts"]
        if kind == EntryKind.JOB_PLANNED:
            self._windows[job] = _window(facts)
        elif kind == EntryKind.COVERAGE_UNSETTLED:
            self._unsettled[job] = _window(facts)
        elif kind in (EntryKind.JOB_PROVEN, EntryKind.ARCHIVE_ADOPTED):
            self._archived(body, job)
        elif kind == EntryKind.ARCHIVE_DESTROYED:
            self.archives.discard(str(body.get("archive", "")))
            self.destroyed += 1

    def _archived(self, body: dict[str, Any], job: str) -> None:
        facts, window = body["facts"], self._windows.pop(job, None)
        window, unsettled = (_window(facts) if "window" in facts else window), self._unsettled.pop(job, None)
        if facts.get("holding", Holding.HELD) != Holding.HELD:
            return
        self.archives.add(str(body.get("archive", "")))
        if window is not None:
            settled = subtract(window, [unsettled] if unsettled else [])
            self._covered.setdefault(str(body.get("stream", "")), []).extend(settled)

    def streams(self) -> Iterator[FleetStream]:
        for stream, windows in sorted(self._covered.items()):
            whole = Window(min(each.start for each in windows), max(each.end for each in windows))
            yield FleetStream(stream, whole.start, whole.end, len(subtract(whole, windows)))


def _window(facts: dict[str, Any]) -> Window:
    return Window(parse_instant(facts["window"][0]), parse_instant(facts["window"][1]))
