"""The catalogue as log and manifests alone make it, in memory, and how the vault's own differs from it.

Rows are an index. What is reported, signed or decided by them is held against this; nothing is written to a disk.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager

from msgspec import Struct, field

from strongroom.engine.proof.manifests import enter_archive, enter_tombstone
from strongroom.engine.proof.replay import Replay, put_line, replay_ends
from strongroom.evidence.verifier import Wrong as Wrong  # the command line names it from here
from strongroom.model.coverage import Cover
from strongroom.model.errors import VaultError
from strongroom.model.plan import Stream
from strongroom.model.window import Window, subtract
from strongroom.vault import derived as queries
from strongroom.vault.catalogue import Catalogue, create_in_memory
from strongroom.vault.coverage import intervals_of
from strongroom.vault.derived import TABLES, Row, Table
from strongroom.vault.log_reader import LogWalk
from strongroom.vault.manifest import read_manifest
from strongroom.vault.rows import UNREADABLE, RowUnreadable, to_instant, to_text
from strongroom.vault.second_looks import second_looks
from strongroom.vault.tombstones import read_tombstone, tombstone_path
from strongroom.vault.vault import Vault

_SETTLED = (Cover.PROVEN, Cover.EMPTY, Cover.LOST, Cover.DESTROYED)
_UNREADABLE = (VaultError, sqlite3.Error, *UNREADABLE)
PAGE = 2_000  # rows read at once


class Derived(Struct):
    """What log and manifests give, and which parts of them could not be read."""

    catalogue: Catalogue
    unread: list[Wrong] = field(default_factory=list)
    jobs: frozenset[str] | None = None  # that a line plans, once they were asked for

    def planned(self) -> frozenset[str]:
        """Return every job that a line plans."""
        if self.jobs is None:
            self.jobs = frozenset(row["job"] for row in self.catalogue.read(queries.PLANNED))
        return self.jobs

    def attempt(self, where: str, work: Callable[[], object]) -> None:
        """Do one part; keep that it could not be read, and let the rest go on."""
        try:
            work()
        except _UNREADABLE as error:
            words = error.message if isinstance(error, VaultError) else "it has another form than it should"
            self.unread.append(
                Wrong("unread", where, f"it cannot be read, so what follows from it is unknown: {words}")
            )


@contextmanager
def derive(vault: Vault, streams: Mapping[str, Stream] | None = None) -> Iterator[Derived]:
    """Make the catalogue again in memory, from the chained lines and the manifests and tombstones at hand.

    Call it inside a snapshot of the vault's catalogue. What cannot be read is in `unread`; nothing raises for it.
    """
    with closing(create_in_memory()) as made:
        derived = Derived(made)
        with made.transaction():
            _read_lines(vault, derived, Replay(made, streams or {}))
        _read_rows(vault, derived)
        with made.transaction():
            derived.attempt("log.jsonl", lambda: replay_ends(made))
        derived.attempt("log.jsonl", lambda: second_looks(made))
        yield derived


def _read_lines(vault: Vault, derived: Derived, replay: Replay) -> None:
    seq = 0

    def feed(line: bytes) -> None:
        body = json.loads(line)
        put_line(derived.catalogue, body, line)
        replay.feed(body)

    def walk() -> None:
        nonlocal seq
        for line in LogWalk().lines(vault.catalogue):
            seq += 1
            derived.attempt(f"line {seq}", lambda line=line: feed(line))  # type: ignore[misc]

    derived.attempt("entries", walk)
    replay.flush()


def _read_rows(vault: Vault, derived: Derived) -> None:
    """Enter archives and tombstones by the texts that the rows hold, as far as the log confirms them."""
    made, layout = derived.catalogue, vault.layout

    def enter(text: str, archive_id: str) -> None:
        with made.transaction():
            archive = read_manifest(text)
            if archive.id != archive_id:
                raise ValueError("the manifest of another archive")
            enter_archive(layout, made, archive, text.encode(), archive_id)

    def redestroy(text: str) -> None:
        with made.transaction():
            enter_tombstone(made, tombstone_path(layout, read_tombstone(text)), text.encode())

    for row in vault.catalogue.read(queries.WITH_MANIFESTS):
        derived.attempt(row["id"], lambda row=row: enter(row["manifest"], row["id"]))  # type: ignore[misc]
    for row in vault.catalogue.read(queries.TOMBSTONE_TEXTS):
        derived.attempt(row["archive"], lambda row=row: redestroy(row["tombstone"]))  # type: ignore[misc]


def row_differences(vault: Vault, streams: Mapping[str, Stream] | None = None) -> list[Wrong]:
    """Compare every table that anything is decided by with what log and manifests give. Writes nothing."""
    catalogue = vault.catalogue
    with catalogue.snapshot(), derive(vault, streams) as derived:
        found: list[Wrong] = []
        derived.attempt("entries", lambda: found.extend(_columns_of_entries(catalogue)))
        for table in TABLES:
            derived.attempt(table.name, lambda table=table: found.extend(_compare(table, catalogue, derived)))  # type: ignore[misc]
        derived.attempt("streams", lambda: found.extend(_edges(catalogue)))
        return [*found, *derived.unread]


def coverage_differences(vault: Vault, streams: Mapping[str, Stream] | None = None) -> list[Wrong]:
    """Compare the coverage ledger, and the archives it stands on, with what log and manifests give."""
    catalogue = vault.catalogue
    with catalogue.snapshot(), derive(vault, streams) as derived:
        found: list[Wrong] = []
        for table in (each for each in TABLES if each.name in ("coverage", "archives", "tombstones")):
            derived.attempt(table.name, lambda table=table: found.extend(_compare(table, catalogue, derived)))  # type: ignore[misc]
        return [*found, *derived.unread]


def unbacked_coverage(vault: Vault) -> list[Wrong]:
    """Return what the ledger has as archived or destroyed without an archive or tombstone; reads no log, so is fast."""
    words = "the catalogue has this as archived, and has no archive of it"
    return [
        Wrong("row", f"coverage {row['stream']} {row['window_start']} {row['window_end']}", words)
        for row in vault.catalogue.read(queries.UNBACKED)
    ]


def _compare(table: Table, catalogue: Catalogue, derived: Derived) -> Iterator[Wrong]:
    ours, theirs = _rows(table, catalogue), _rows(table, derived.catalogue)
    planned = derived.planned()
    for key in sorted({*ours, *theirs}, key=str):
        row, told = ours.get(key), theirs.get(key)
        where = f"{table.name} {' '.join(map(str, key))}"
        if _is_untold(table, {**(row or told or {})}, planned, derived.catalogue):
            continue
        if told is None:
            yield Wrong("row", where, "the log does not confirm this row of the catalogue")
        elif row is None:
            if table.complete and not (table.name == "retained" and not told["rule"]):
                yield Wrong("row", where, "the log records it, and the catalogue has no such row")
        elif other := [name for name in table.columns if row[name] != told[name]]:
            yield Wrong("row", where, f"the log gives another value than the row: {', '.join(other)}")


def _is_untold(table: Table, row: Row, planned: Collection[str], derived: Catalogue) -> bool:
    """Say whether the log need not tell of a row: that of an archive whose job is in no line, or that decides nothing.

    An archive that was found and entered may have come by a job that no line tells of; its own manifest then decides.
    """
    if table.name == "jobs":
        return row["id"] not in planned
    if table.name == "retained":
        return not derived.read(queries.HAS_ARCHIVE, row["archive"])
    if table.name != "coverage" or row["job"] in planned:
        return False
    about = (row["archive"], row["job"], row["stream"], row["window_start"], row["window_end"], row["cover"])
    return bool(derived.read(queries.BACKED, *about))


def _rows(table: Table, catalogue: Catalogue) -> dict[tuple[object, ...], Row]:
    return {tuple(row[name] for name in table.key): dict(row) for row in catalogue.read(table.query)}


def _columns_of_entries(catalogue: Catalogue) -> Iterator[Wrong]:
    """Yield each entry whose columns are not those of its line: lists and look-ups go by them."""
    last = -(1 << 63)
    while rows := catalogue.read(queries.ENTRY_COLUMNS, last, PAGE):
        for row in rows:
            last = row["seq"]
            if last < 1:
                yield Wrong("row", f"entries {last}", "the log has no entry of this number")
                continue
            try:
                body = json.loads(row["line"])
                told = {name: str(body.get(name, "")) for name in ("kind", "job", "archive", "stream")}
                told["at"] = to_text(to_instant(str(body["at"])))
            except (RowUnreadable, *UNREADABLE):
                continue  # named where the lines are read
            if other := [name for name in told if row[name] != told[name]]:
                yield Wrong("row", f"entries {last}", f"other than its line: {', '.join(other)}")


def _edges(catalogue: Catalogue) -> Iterator[Wrong]:
    """Yield each stream that claims more to be settled than its coverage says: what lies there is never planned."""
    for row in catalogue.read(queries.EDGES):
        start, end = to_instant(row["since"]), to_instant(row["edge"])
        settled = [each.window for each in intervals_of(catalogue, row["name"]) if each.cover in _SETTLED]
        if start < end and subtract(Window(start, end), settled):
            yield Wrong("row", f"streams {row['name']}", "it says that more is covered than the coverage does")
