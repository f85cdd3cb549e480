"""The catalogue as derived from log and manifests alone, in memory, and how the vault's own differs from it.

Rows are an index. What is reported, signed or decided by them is compared with this; nothing is written to disk.
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
    """The derived catalogue, and which parts of log and manifests could not be read."""

    catalogue: Catalogue
    unread: list[Wrong] = field(default_factory=list)
    jobs: frozenset[str] | None = None  # planned by an entry; read on the first request

    def planned(self) -> frozenset[str]:
        """Return every job that an entry plans."""
        if self.jobs is None:
            self.jobs = frozenset(row["job"] for row in self.catalogue.read(queries.PLANNED))
        return self.jobs

    def attempt(self, where: str, work: Callable[[], object]) -> None:
        """Do one part; if it cannot be read, record that and continue."""
        try:
            work()
        except _UNREADABLE as error:
            words = error.message if isinstance(error, VaultError) else "it is malformed"
            self.unread.append(Wrong("unread", where, f"it cannot be read, so what depends on it is unknown: {words}"))


@contextmanager
def derive(vault: Vault, streams: Mapping[str, Stream] | None = None) -> Iterator[Derived]:
    """Derive the catalogue in memory, from the chained lines, the manifests and the tombstones.

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

    def enter_stone(text: str) -> None:
        with made.transaction():
            enter_tombstone(made, tombstone_path(layout, read_tombstone(text)), text.encode())

    for row in vault.catalogue.read(queries.WITH_MANIFESTS):
        derived.attempt(row["id"], lambda row=row: enter(row["manifest"], row["id"]))  # type: ignore[misc]
    for row in vault.catalogue.read(queries.TOMBSTONE_TEXTS):
        derived.attempt(row["archive"], lambda row=row: enter_stone(row["tombstone"]))  # type: ignore[misc]


def row_differences(vault: Vault, streams: Mapping[str, Stream] | None = None) -> list[Wrong]:
    """Compare every table that a decision depends on with the derived catalogue. Writes nothing."""
    catalogue = vault.catalogue
    with catalogue.snapshot(), derive(vault, streams) as derived:
        found: list[Wrong] = []
        derived.attempt("entries", lambda: found.extend(_columns_of_entries(catalogue)))
        for table in TABLES:
            derived.attempt(table.name, lambda table=table: found.extend(_compare(table, catalogue, derived)))  # type: ignore[misc]
        derived.attempt("streams", lambda: found.extend(_edges(catalogue)))
        derived.attempt("totals", lambda: found.extend(_totals(catalogue)))
        return [*found, *derived.unread]


def coverage_differences(vault: Vault, streams: Mapping[str, Stream] | None = None) -> list[Wrong]:
    """Compare coverage, and the archives behind it, with the derived catalogue."""
    catalogue = vault.catalogue
    with catalogue.snapshot(), derive(vault, streams) as derived:
        found: list[Wrong] = []
        for table in (each for each in TABLES if each.name in ("coverage", "archives", "tombstones")):
            derived.attempt(table.name, lambda table=table: found.extend(_compare(table, catalogue, derived)))  # type: ignore[misc]
        return [*found, *derived.unread]


def _compare(table: Table, catalogue: Catalogue, derived: Derived) -> Iterator[Wrong]:
    ours, theirs = _rows(table, catalogue), _rows(table, derived.catalogue)
    planned = derived.planned()
    for key in sorted({*ours, *theirs}, key=str):
        row, expected = ours.get(key), theirs.get(key)
        where = f"{table.name} {' '.join(map(str, key))}"
        if _needs_no_entry(table, {**(row or expected or {})}, planned, derived.catalogue):
            continue
        if expected is None:
            yield Wrong("row", where, "the log does not confirm this row of the catalogue")
        elif row is None:
            if table.complete and not (table.name == "retained" and not expected["rule"]):
                yield Wrong("row", where, "the log records it, but the catalogue has no such row")
        elif other := [name for name in table.columns if row[name] != expected[name]]:
            yield Wrong("row", where, f"the row differs from the log in: {', '.join(other)}")


def _needs_no_entry(table: Table, row: Row, planned: Collection[str], derived: Catalogue) -> bool:
    """Return whether a row may have no entry: its archive's job is in no entry, or nothing depends on it.

    An archive that was found and entered may come from a job without entries; its own manifest then decides.
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
    """Yield each entry whose columns differ from its line: lists and look-ups use them."""
    last = -(1 << 63)
    while rows := catalogue.read(queries.ENTRY_COLUMNS, last, PAGE):
        for row in rows:
            last = row["seq"]
            if last < 1:
                yield Wrong("row", f"entries {last}", "the log has no entry of this number")
                continue
            try:
                body = json.loads(row["line"])
                expected = {name: str(body.get(name, "")) for name in ("kind", "job", "archive", "stream")}
                expected["at"] = to_text(to_instant(str(body["at"])))
            except (RowUnreadable, *UNREADABLE):
                continue  # reported where the lines are read
            if other := [name for name in expected if row[name] != expected[name]]:
                yield Wrong("row", f"entries {last}", f"columns differ from the line: {', '.join(other)}")


def _edges(catalogue: Catalogue) -> Iterator[Wrong]:
    """Yield each stream that claims more than its coverage shows: those windows would never be planned."""
    for row in catalogue.read(queries.EDGES):
        start, end = to_instant(row["since"]), to_instant(row["edge"])
        settled = [each.window for each in intervals_of(catalogue, row["name"]) if each.cover in _SETTLED]
        if start < end and subtract(Window(start, end), settled):
            yield Wrong("row", f"streams {row['name']}", "it claims more coverage than the catalogue shows")


def _totals(catalogue: Catalogue) -> Iterator[Wrong]:
    """Yield each total that differs from the rows it counts: lists, `status` and reports show it."""
    for row in catalogue.read(queries.WRONG_TOTALS):
        yield Wrong("row", row["total"], "the total differs from the rows that it counts")
