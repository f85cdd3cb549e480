"""Problems of the catalogue and of the log's file, found by reading alone.

A catalogue may be damaged, have another schema, or have log rows that Strongroom did not write.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from strongroom.engine.proof.log_continuity import has_lines
from strongroom.engine.repair.findings import ProblemKind, VaultProblem
from strongroom.evidence.line import GENESIS, digest
from strongroom.model.errors import VaultError, WorldError
from strongroom.model.text import counted
from strongroom.vault.catalogue import Catalogue, is_writable, open_catalogue, open_to_read
from strongroom.vault.connection import has_write_ahead, refusal
from strongroom.vault.files import file_size, is_there, open_file, open_lines
from strongroom.vault.layout import Layout
from strongroom.vault.log import ENTRY, LAST_ENTRY
from strongroom.vault.log_reader import LogWalk
from strongroom.vault.schema import ForeignSchema
from strongroom.vault.vault import Vault


def integrity(path: Path) -> str:
    """Return what SQLite finds wrong with the file, or an empty text. Includes the write-ahead log; writes nothing.

    Raises WorldError where the file cannot be read: that is no damage, and a rebuild would not help.
    """
    if file_size(path) == 0 and not has_write_ahead(path):
        return "the file is empty (0 bytes)"
    if not is_writable(path):
        return _integrity_read_only(path)
    try:
        connection = sqlite3.connect(path, timeout=5)
        try:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            connection.execute("SELECT count(*) FROM vault").fetchone()
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            known = pages * connection.execute("PRAGMA page_size").fetchone()[0]
        finally:
            connection.close()
    except sqlite3.Error as error:
        refused = refusal(path, error)
        if refused is None:
            return str(error)
        if isinstance(refused, WorldError):  # a full disk: it can still be read
            return _integrity_read_only(path)
        raise refused from error
    if verdict == "ok" and not has_write_ahead(path) and file_size(path) > known:
        return f"the file has {file_size(path)} bytes, but SQLite uses only {known}"
    return "" if verdict == "ok" else str(verdict).splitlines()[0]


def _integrity_read_only(path: Path) -> str:
    try:
        catalogue = open_to_read(path, checked=False)
        try:
            (verdict,) = catalogue.read("PRAGMA quick_check(1)")[0]
        finally:
            catalogue.close()
    except VaultError as error:
        if not isinstance(error.__cause__, sqlite3.Error) or refusal(path, error.__cause__) is not None:
            raise
        return error.message
    return "" if verdict == "ok" else str(verdict).splitlines()[0]


ENTRIES_AFTER = "SELECT seq, line FROM entries WHERE seq > ? ORDER BY seq"
ENTRY_BEFORE_ALL = "SELECT seq FROM entries WHERE seq < 1 ORDER BY seq LIMIT 1"


def foreign_schema(path: Path) -> str:
    """Return how the schema of a catalogue differs from the program's own, or an empty text.

    Raises VaultError or WorldError where it cannot be opened for another reason.
    """
    try:
        open_catalogue(path).close()
    except ForeignSchema as error:
        return error.message
    return ""


def is_foreign(path: Path) -> bool:
    """Return whether there is a readable catalogue whose schema is not the program's own."""
    try:
        return is_there(path) and bool(foreign_schema(path))
    except VaultError:
        return False


def unchained_row(catalogue: Catalogue, seq: int, prev: str) -> int | None:
    """Return the number of a row that does not follow what the log's file ends with; None where all do."""
    odd = catalogue.read_one(ENTRY_BEFORE_ALL)
    if odd is not None:
        return int(odd["seq"])
    walk = LogWalk(seq, prev)
    for row in catalogue.read(ENTRIES_AFTER, seq):
        try:
            walk.follow(bytes(row["line"]))
        except (VaultError, TypeError):
            return int(row["seq"])
    return None


WITHOUT_LOG = (
    "restore log/log.jsonl or catalogue.sqlite from a copy; only if both are lost for good: strongroom rebuild"
    " --lose-history, which knows no earlier legal holds, extended periods or erasures"
)


def catalogue_problems(layout: Layout) -> Iterator[VaultProblem]:
    """Yield that the catalogue is lost or damaged."""
    has_log = has_lines(layout.log)
    remedy = "rebuild the catalogue from log and manifests (strongroom rebuild)" if has_log else WITHOUT_LOG
    if not is_there(layout.catalogue):
        words = f"the catalogue is missing; {'log and manifests exist' if has_log else 'so is the log'}"
        yield VaultProblem(ProblemKind.NO_CATALOGUE, words, remedy, mendable=has_log, files=("catalogue.sqlite",))
        return
    fault = integrity(layout.catalogue) or foreign_schema(layout.catalogue)
    if fault:
        words = f"the catalogue is damaged: {fault}" + ("" if has_log else "; the log is missing as well")
        kept = f"{remedy}; the damaged one is kept"
        yield VaultProblem(ProblemKind.BAD_CATALOGUE, words, kept, mendable=has_log, files=("catalogue.sqlite",))


def log_problems(vault: Vault) -> Iterator[VaultProblem]:
    """Compare every line of the log's file with its row, and with the line before it."""
    log, catalogue = vault.layout.log, vault.catalogue
    row = catalogue.read_one(LAST_ENTRY)
    last = int(row["seq"]) if row else 0
    name = ("log/log.jsonl",)
    if not is_there(log):
        if last:
            words = f"the log file is missing; the catalogue has its {counted(last, 'entry')}"
            yield VaultProblem(ProblemKind.NO_LOG, words, "write it again from the catalogue", files=name)
        return
    try:
        open_file(log).close()
    except OSError as error:
        remedy = "check its type and owner, and restore the file from a copy; nothing is appended to it until then"
        words = f"log/log.jsonl cannot be read: {error.strerror}"
        yield VaultProblem(ProblemKind.UNREADABLE_LOG, words, remedy, mendable=False, files=name)
        return
    seq, prev, torn, forked = 0, GENESIS, False, 0
    with open_lines(log) as file:
        for line in file:
            if not line.endswith(b"\n"):
                torn = True
                break
            seq, line = seq + 1, line[:-1]  # noqa: PLW2901 - the line without its end is the line
            if not _follows(line, seq, prev):
                words = f"line {seq} of the log does not follow the line before it: it was changed"
                yield VaultProblem(
                    ProblemKind.BROKEN_LOG, words, "restore log/log.jsonl from a copy", mendable=False, files=name
                )
                return
            prev = digest(line)
            known = catalogue.read_one(ENTRY, seq) if seq <= last else None
            if known is not None and known["line"] != line:
                forked = forked or seq
    if not forked and (stray := unchained_row(catalogue, seq, prev)) is not None:
        words = f"the catalogue is damaged: its row {stray} of the log breaks the chain, so Strongroom did not write it"
        remedy = "rebuild the catalogue from log and manifests (strongroom rebuild); the damaged one is kept"
        yield VaultProblem(ProblemKind.BAD_CATALOGUE, words, remedy, files=("catalogue.sqlite",))
        return
    yield from _judge_log(seq, last, forked, torn=torn)


def _follows(line: bytes, seq: int, prev: str) -> bool:
    try:
        body = json.loads(line)
        return bool(body["seq"] == seq and body["prev"] == prev)
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def _judge_log(seq: int, last: int, forked: int, *, torn: bool) -> Iterator[VaultProblem]:
    name = ("log/log.jsonl",)
    if torn:
        remedy = "remove it and append the whole line, if the catalogue has it"
        yield VaultProblem(
            ProblemKind.TORN_LOG, "the last line of the log is incomplete: a crash while writing", remedy, files=name
        )
    if forked:
        words = f"log and catalogue differ from entry {forked} on: each has lines that the other lacks"
        remedy = "one of them is from another copy of this vault; restore a log and a catalogue that belong together"
        yield VaultProblem(ProblemKind.FORKED_LOG, words, remedy, mendable=False, files=("catalogue.sqlite", *name))
    elif seq > last:
        words = f"the log has {counted(seq, 'entry')}, the catalogue {last}: the catalogue is an older copy"
        remedy = "rebuild it from log and manifests (strongroom rebuild); the older one is kept"
        yield VaultProblem(ProblemKind.OLD_CATALOGUE, words, remedy, files=("catalogue.sqlite",))
    elif seq < last:
        words = f"the log file has {counted(seq, 'entry')}, the catalogue {last}: a crash, or the file is an older copy"
        yield VaultProblem(ProblemKind.SHORT_LOG, words, "append what is missing from the catalogue", files=name)
