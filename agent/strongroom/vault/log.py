"""The evidence log on disk: first a row in the same transaction as what happened, then a line in the file.

The row is the promise, the file is its copy that leaves the host. A crash between the two leaves the file short by
some lines; `write_out` brings it level again from the rows, and a half-written last line is cut off first. A line that
differs from its row is never repaired: that is not a crash, and a person must look. A file that is gone or emptied
after it once had lines is no crash either: it is written anew, but never without an entry that says so and an alarm.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from msgspec import Struct

from strongroom.evidence.line import GENESIS, Entry, Fact, digest, format_line
from strongroom.model.alert import LOG_REMADE, Level
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import VaultError
from strongroom.model.text import counted
from strongroom.model.times import format_instant
from strongroom.vault.alerts import AlertRecord, put_alert
from strongroom.vault.catalogue import FACT, PUT_FACT, Catalogue
from strongroom.vault.durable import flush_folder, in_words, write_all
from strongroom.vault.files import NEVER_OURS, open_descriptor
from strongroom.vault.log_reader import LogWalk, is_in_chain, is_line, read_line
from strongroom.vault.rows import readable, to_instant, to_text


def select_entries(rest: str = "") -> str:
    """Return a query for entries with their columns and neighbours, by which `chainwalk.is_in_chain` judges each."""
    return f"""
SELECT seq, kind, job, archive, stream, line, words,
    (SELECT line FROM entries AS earlier WHERE earlier.seq = entries.seq - 1) AS before,
    (SELECT line FROM entries AS later WHERE later.seq = entries.seq + 1) AS after
FROM entries
{rest}"""


# What the lines read so far say of windows whose jobs have not ended.
SAID_OF_UNFINISHED = f"""
{select_entries()} WHERE kind IN ('coverage.lost', 'coverage.unsettled') AND job IN (
    SELECT id FROM jobs WHERE state NOT IN ('archived', 'replaced', 'failed', 'cancelled')) ORDER BY seq
"""
# What was said of empty windows.
ABOUT_EMPTY = f"""
{select_entries()} WHERE kind IN ('empty.doubted', 'empty.confirmed', 'empty.refuted', 'empty.unconfirmed') ORDER BY seq
"""
OF_RENAMES = f"{select_entries()} WHERE kind IN ('stream.renamed', 'source.renamed') ORDER BY seq"
LAST_ENTRY = "SELECT seq, line FROM entries WHERE seq > 0 ORDER BY seq DESC LIMIT 1"
LAST_ENTRIES = "SELECT seq, line FROM entries WHERE seq > 0 ORDER BY seq DESC LIMIT 2"
PUT_ENTRY = "INSERT INTO entries (seq, at, kind, job, archive, stream, line, words) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
ENTRY = "SELECT seq, line FROM entries WHERE seq = ?"
WHOLE_ENTRY = "SELECT seq, at, kind, job, archive, stream, line FROM entries WHERE seq = ?"
ENTRY_TIME = "SELECT seq, at FROM entries WHERE seq = ?"
LAST_ENTRY_TIME = "SELECT seq, at FROM entries ORDER BY seq DESC LIMIT 1"
ENTRIES_OF_JOB = f"{select_entries()} WHERE job = ? AND job <> '' AND seq > 0 ORDER BY seq"
ENTRIES_OF_ARCHIVE = f"{select_entries()} WHERE archive = ? AND archive <> '' AND seq > 0 ORDER BY seq"
ENTRIES_BEFORE = f"""
{select_entries()}
WHERE seq > 0 AND seq < ?1 AND (?2 = '' OR stream = ?2) AND (?3 = '' OR kind BETWEEN ?3 || '.' AND ?3 || '/')
ORDER BY seq DESC LIMIT ?4
"""
ENTRIES_NEWEST = f"{select_entries()} WHERE seq > 0 ORDER BY seq DESC LIMIT ?"

BEGUN = "log-begun"
"""The catalogue's fact that the file has had lines once: from then on it is never a new one."""


class Logged(Struct, frozen=True):
    """One entry as it is in the log."""

    seq: int
    body: dict[str, Fact]
    words: str = ""  # beside the line, for people


def add_entry(catalogue: Catalogue, entry: Entry) -> None:
    """Give the entry its place in the chain, and read it back; inside the transaction of what happened.

    Raises VaultError where the newest row is none of the chain, or the log's file has entries that the catalogue lacks:
    nothing may be built on it.
    """
    require_current(catalogue)
    walk = _newest(catalogue)
    line = format_line(entry, walk.seq + 1, walk.prev)
    row = (walk.seq + 1, to_text(entry.at), entry.kind, entry.job, entry.archive, entry.stream, line)
    catalogue.write(PUT_ENTRY, *row, entry.words)
    catalogue.confirm(WHOLE_ENTRY, row[0], expected=row)


def require_current(catalogue: Catalogue, path: Path | None = None) -> None:
    """Raise VaultError where the log's file ends with an entry that the catalogue lacks, as an older copy does.

    What would be entered there would part from the log. A last line that cannot be read is judged by `write_out`.
    Without a path it is checked where the vault is set to refuse such a catalogue.
    """
    path = path or catalogue.log
    newest = 0 if path is None else _newest_in(path)
    row = catalogue.read_one(LAST_ENTRY) if newest else None
    last = int(row["seq"]) if row else 0
    if newest > last:
        raise VaultError(
            f"the log has {counted(newest, 'entry')}, the catalogue {last:,}: the catalogue is an older copy",
            hint="nothing was changed; see what would be done: strongroom recover",
        )


def _newest_in(path: Path) -> int:
    """Return the number of the file's last whole line, 0 where there is none or it cannot be read."""
    with suppress(OSError, VaultError, ValueError, LookupError, TypeError, OverflowError, RecursionError):
        fd = open_log(path, os.O_RDONLY)
        try:
            end = _last_newline(fd, os.fstat(fd).st_size)
            start = _last_newline(fd, end) + 1
            return int(json.loads(os.pread(fd, max(0, end - start), start))["seq"])
        finally:
            os.close(fd)
    return 0


def _newest(catalogue: Catalogue) -> LogWalk:
    """Return where the chain has come to, by its newest two rows."""
    rows = catalogue.read(LAST_ENTRIES)
    if not rows:
        return LogWalk()
    before = rows[1] if len(rows) > 1 else None
    seq, prev = (before["seq"], digest(before["line"])) if before else (0, GENESIS)
    walk = LogWalk(seq, prev)
    if rows[0]["seq"] > seq + 1:
        raise VaultError(f"the catalogue has no entry {seq + 1} of the log", hint="see: strongroom recover")
    walk.follow(bytes(rows[0]["line"]))
    return walk


def write_out(catalogue: Catalogue, path: Path, now: datetime | None = None) -> None:
    """Append every entry that the file does not have yet, and flush it.

    A file without a line that had some before was removed or emptied by somebody: it is written anew, with an entry
    `log.remade` at its end and a critical notice, both in the catalogue before the file has a line. `now` dates them;
    without it the newest entry does, which is that of the act that came upon it.

    Raises VaultError when the file's last line is not the line that the catalogue has under its number, and inside a
    transaction: a line of something that is rolled back later could never be taken back from the file.
    """
    if catalogue.in_transaction:
        raise VaultError("writing the log inside a transaction of the catalogue was refused")
    try:
        fd = open_log(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
    except OSError as error:
        raise in_words(error) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        _cut_torn_line(fd)
        seq = _last_seq(fd, catalogue)
        begun = catalogue.read_one(FACT, BEGUN) is not None
        if begun and not seq:
            _enter_remade(catalogue, now)
        behind = _following(catalogue, seq)
        if behind:
            _append(fd, behind)
        if behind and not seq:
            flush_folder(path.parent)  # the file may be new: its name must last as well
        if not begun and (behind or seq):
            with catalogue.transaction():
                catalogue.write(PUT_FACT, BEGUN, "yes")
    finally:
        os.close(fd)


def _enter_remade(catalogue: Catalogue, now: datetime | None) -> None:
    """Enter and raise the alarm that the file is gone; first, so that no crash lets it come back in silence."""
    with catalogue.transaction():
        last = catalogue.read_one(LAST_ENTRY_TIME)
        if last is None:
            return
        at, count = now or to_instant(last["at"]), int(last["seq"])
        add_entry(catalogue, Entry(EntryKind.LOG_REMADE, at, facts={"entries": count}))
        title = "the evidence log's file was removed or emptied, and was written again"
        came = f"all {counted(count, 'entry')} came from the catalogue"
        body = f"{came}; compare with a copy of the log: strongroom audit verify"
        key = f"{LOG_REMADE} {format_instant(at)}"
        put_alert(catalogue, AlertRecord(key, Level.CRITICAL.value, title, body, raised_at=at))


def open_log(path: Path, flags: int) -> int:
    """Open the log's file. Raises VaultError where a link, a pipe, a device or a folder has its name."""
    try:
        return open_descriptor(path, flags)
    except OSError as error:
        if error.strerror not in NEVER_OURS:
            raise
        words = f"log/log.jsonl is not a file: {error.strerror}"
        raise VaultError(words, hint="restore log/log.jsonl from a copy: strongroom recover") from error


def require_level(catalogue: Catalogue, path: Path, span: timedelta = timedelta(minutes=10)) -> None:
    """Raise VaultError where the file lacks entries of more than `span`: no crash leaves that, an older copy does.

    Looks at the file only; one that is missing altogether is reported by `write_out`.
    """
    try:
        fd = open_log(path, os.O_RDONLY)
    except FileNotFoundError:
        return
    except OSError as error:
        raise in_words(error) from error
    try:
        size = os.fstat(fd).st_size
        whole = _last_newline(fd, size) + 1
        seq = _seq_of(fd, whole, catalogue)
    finally:
        os.close(fd)
    first, last = catalogue.read_one(ENTRY_TIME, seq + 1), catalogue.read_one(LAST_ENTRY_TIME)
    if first is None or last is None or to_instant(last["at"]) - to_instant(first["at"]) <= span:
        return
    raise VaultError(
        f"the log's file ends with entry {seq}, the catalogue has {last['seq']}: one of them is an older copy",
        hint="see what would be done: strongroom recover",
    )


def _following(catalogue: Catalogue, seq: int) -> bytes:
    """Return the lines after that of this number, each with its end. Raises VaultError where one does not follow."""
    last = catalogue.read_one(ENTRY, seq) if seq else None
    walk = LogWalk(seq, digest(last["line"]) if last else GENESIS)
    return b"".join(line + b"\n" for line in walk.lines(catalogue))


def _append(fd: int, lines: bytes) -> None:
    start = os.fstat(fd).st_size
    write_all(fd, lines)
    _flush(fd)
    if os.pread(fd, len(lines) + 1, start) != lines:
        raise VaultError("log/log.jsonl read back is not what was written", hint="check the disk; strongroom recover")


def _flush(fd: int) -> None:
    try:
        os.fsync(fd)
    except OSError as error:
        raise in_words(error) from error


def _cut_torn_line(fd: int) -> None:
    size = os.fstat(fd).st_size
    if size == 0 or os.pread(fd, 1, size - 1) == b"\n":
        return
    os.ftruncate(fd, _last_newline(fd, size) + 1)


def _last_seq(fd: int, catalogue: Catalogue) -> int:
    """Return the number of the file's last line, after comparing the line with its row."""
    return _seq_of(fd, os.fstat(fd).st_size, catalogue)


def _seq_of(fd: int, size: int, catalogue: Catalogue) -> int:
    if size == 0:
        return 0
    start = _last_newline(fd, size - 1) + 1
    line = os.pread(fd, size - start, start).removesuffix(b"\n")
    try:
        seq = int(json.loads(line)["seq"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        seq = -1
    row = catalogue.read_one(ENTRY, seq if 0 < seq < 1 << 63 else -1)
    if row is None or row["line"] != line:
        what = f"entry {seq} of the catalogue" if seq > 0 else "an entry of the log: it cannot be read as one"
        raise VaultError(
            f"the last line of {Path('log') / 'log.jsonl'} is not {what}",
            hint="the log or the catalogue was changed or replaced by an older copy; see: strongroom recover",
        )
    return seq


def _last_newline(fd: int, end: int) -> int:
    """Return the offset of the last newline before `end`, or -1."""
    step = 64 * 1024
    while end > 0:
        start = max(0, end - step)
        found = os.pread(fd, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found
        end = start
    return -1


def entries_of_job(catalogue: Catalogue, job_id: str) -> list[Logged]:
    """Return everything that happened to a job, oldest first."""
    return _all_logged(catalogue.read(ENTRIES_OF_JOB, job_id))


def said_of_unfinished(catalogue: Catalogue) -> list[Logged]:
    """Return what was written down of windows whose jobs have not ended, oldest first."""
    return _all_logged(catalogue.read(SAID_OF_UNFINISHED))


def entries_about_empty(catalogue: Catalogue) -> list[Logged]:
    """Return what was said of windows whose exports came unusually empty, oldest first."""
    return _all_logged(catalogue.read(ABOUT_EMPTY))


def entries_of_renames(catalogue: Catalogue) -> list[Logged]:
    """Return what was said of streams and sources that were renamed, oldest first."""
    return _all_logged(catalogue.read(OF_RENAMES))


def entries_of_archive(catalogue: Catalogue, archive_id: str) -> list[Logged]:
    """Return everything that happened to an archive, oldest first."""
    return _all_logged(catalogue.read(ENTRIES_OF_ARCHIVE, archive_id))


def chained(catalogue: Catalogue, query: str, *values: object) -> list[Logged]:
    """Return the entries that a query made with `select_entries` finds, those alone that are of the chain."""
    return _all_logged(catalogue.read(query, *values))


def entries_before(catalogue: Catalogue, seq: int, most: int, *, stream: str = "", family: str = "") -> list[Logged]:
    """Return what was written before an entry, newest first; a family is the part before the dot of its kinds."""
    return _all_logged(catalogue.read(ENTRIES_BEFORE, seq, stream, family, most))


def newest_entries(catalogue: Catalogue, most: int) -> list[Logged]:
    """Return the newest entries, newest first."""
    return _all_logged(catalogue.read(ENTRIES_NEWEST, most))


def _all_logged(rows: list[sqlite3.Row]) -> list[Logged]:
    """Leave out what is not one of the chain: the audit names it, and nobody believes it."""
    return list(readable((row for row in rows if _is_chained(row)), _logged))


def _is_chained(row: sqlite3.Row) -> bool:
    """Say whether a row is one of the chain, or one whose line cannot even be read: that one is named."""
    return is_in_chain(row) or not is_line(row["line"])


def _logged(row: sqlite3.Row) -> Logged:
    return Logged(row["seq"], read_line(row["seq"], row["line"]), row["words"])


def last_entry_number(catalogue: Catalogue) -> int:
    """Return how many entries the evidence log has."""
    row = catalogue.read_one(LAST_ENTRY)
    return int(row["seq"]) if row else 0
