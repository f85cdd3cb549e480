"""Jobs, coverage, pauses, retention and holds, made again from the lines of the log.

Each line of a job is an event of the job table, so the table itself makes the jobs again. What a provider said, and
counted attempts that equal the one before, are in no line and are lost with the catalogue. So are the matters and
reasons of holds in lines of earlier versions; newer lines have them sealed, and an identity opens them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from strongroom.engine.destruction.log_state import FORGOTTEN, read_hold
from strongroom.engine.retention.rules import LOCKED
from strongroom.model.archive import Holding
from strongroom.model.coverage import Cover, Interval
from strongroom.model.entry_kind import EntryKind
from strongroom.model.horizon import split_settled
from strongroom.model.job import BY_PERSON, Cause, Event, Job, State
from strongroom.model.job_table import Facts, IllegalMove, advance
from strongroom.model.plan import ExportSpec, Stream
from strongroom.model.times import format_instant, parse_instant
from strongroom.model.window import Window, subtract
from strongroom.vault.archives import get_archive
from strongroom.vault.catalogue import PUT_FACT, Catalogue
from strongroom.vault.coverage import claim, drop_open, interval_at, put_interval, take_back_lost
from strongroom.vault.destruction_replay import replay_destructions
from strongroom.vault.holds import put_hold, release_hold
from strongroom.vault.jobs import get_job, put_job
from strongroom.vault.log import said_of_unfinished
from strongroom.vault.log_reader import readable
from strongroom.vault.manifest_schema import read_rule
from strongroom.vault.recipients import replay_recipients, replay_resealed
from strongroom.vault.retention_records import lengthen, put_class, put_stream_class, retention_entries
from strongroom.vault.rows import to_text
from strongroom.vault.scrubs import replay_settled
from strongroom.vault.sources import (
    forget_ask,
    get_source,
    put_source,
    remember_ask,
    remember_counts_header,
    store_reported_retention,
)
from strongroom.vault.streams import get_stream, move_source, move_stream, put_stream

Body = dict[str, Any]
_PAUSED = "paused before the catalogue was made again from the log"


class Replay:
    """Feed it every line in order, inside transactions; `flush` before each commit.

    `streams` are the configured ones: only they have the filters and, for entries of older versions, the source.
    """

    def __init__(self, catalogue: Catalogue, streams: Mapping[str, Stream]) -> None:
        self._catalogue = catalogue
        self._streams = streams
        self._jobs: dict[str, Job] = {}
        self._lost: dict[str, list[tuple[Window, str]]] = {}  # by job, until it has ended
        self._unsettled: dict[str, Window] = {}  # by job, until it has ended
        self._kinds: dict[str, Callable[[Body, datetime], None]] = {
            EntryKind.JOB_PLANNED: self._planned,
            EntryKind.COVERAGE_LOST: self._lost_window,
            EntryKind.COVERAGE_RECONSIDERED: self._reconsidered,
            EntryKind.COVERAGE_UNSETTLED: self._note_unsettled,
            EntryKind.EMPTY_REFUTED: self._empty_refuted,
            EntryKind.STREAM_RENAMED: self._renamed,
            EntryKind.SOURCE_RENAMED: self._source_renamed,
            EntryKind.SOURCE_PAUSED: lambda body, _at: self._pause_source(body["facts"]["source"], _PAUSED),
            EntryKind.SOURCE_RESUMED: lambda body, _at: self._pause_source(body["facts"]["source"], ""),
            EntryKind.SOURCE_RETENTION_TOLD: self._learned_retention,
            EntryKind.SOURCE_HEADER_LEARNED: self._header_learned,
            EntryKind.REQUEST_ANSWERED: self._answered,
            EntryKind.ARCHIVE_DAMAGED: self._damaged,
            EntryKind.ARCHIVE_MISSING: self._damaged,
            EntryKind.ARCHIVE_ADOPTED: self._adopted,
        }

    def feed(self, body: Body) -> None:
        """Apply one entry."""
        kind = str(body["kind"])
        live = self._kinds.get(kind)
        if live is not None:
            live(body, parse_instant(body["at"]))
        elif kind.startswith("job."):
            self._moved(body, kind.removeprefix("job."), parse_instant(body["at"]))

    def take_up(self) -> None:
        """Read what was logged before an interruption about jobs that end after it."""
        for said in said_of_unfinished(self._catalogue):
            self.feed(said.body)

    def flush(self) -> None:
        """Write the unfinished jobs."""
        for job in self._jobs.values():
            put_job(self._catalogue, job)
        self._jobs.clear()

    def _planned(self, body: Body, at: datetime) -> None:
        facts, name = body["facts"], str(body.get("stream", ""))
        stream = self._streams.get(name)
        window = _window(facts)
        job = Job(
            id=body["job"],
            stream=name,
            source=facts.get("source") or (stream.source if stream else ""),  # else a manifest of the stream has it
            spec=ExportSpec(tuple(facts["datasets"]), window, stream.filters if stream else ()),
            state=State.PLANNED,
            created_at=at,
            changed_at=at,
            next_at=at,
            purpose=facts.get("purpose", "coverage"),
            retention=facts.get("retention", "standard"),
            priority=facts.get("priority", 0),
            ref=facts.get("ref", ""),
            parent=facts.get("parent", ""),
            generation=facts.get("generation", 0),
        )
        self._jobs[job.id] = job
        put_job(self._catalogue, job)  # an entry of the ledger may be about it before the batch ends
        if not job.beside:
            put_interval(self._catalogue, Interval(name, window, Cover.OPEN, job=job.id))

    def _moved(self, body: Body, word: str, at: datetime) -> None:
        job = self._jobs.get(body["job"]) or get_job(self._catalogue, body["job"])
        if job is None:
            return
        facts, event = body["facts"], Event(word)
        logged = Facts(
            next_at=parse_instant(facts["next"]) if "next" in facts else None,
            cause=Cause(facts.get("cause", "")),
            ref=facts.get("ref", ""),
            size=facts.get("size"),
            archive=str(body.get("archive", "")),
        )
        try:
            moved = advance(job, event, at, logged)
        except IllegalMove:  # a version whose table was another: where it led to is what counts
            moved = replace(job, state=State(facts["to"]), changed_at=at)
        self._jobs[job.id] = moved
        self._quota(job, moved, event, at)
        if moved.finished:
            put_job(self._catalogue, self._jobs.pop(job.id))  # now: what follows it may take up the same window
            self._cover(moved, event, facts)

    def _quota(self, before: Job, after: Job, event: Event, at: datetime) -> None:
        if event is Event.INTENDED:
            remember_ask(self._catalogue, after, at)
        elif event is Event.POSTPONED:
            forget_ask(self._catalogue, before)

    def _cover(self, job: Job, event: Event, facts: Body) -> None:
        window, lost, unsettled = job.spec.window, self._lost.pop(job.id, []), self._unsettled.pop(job.id, None)
        if job.beside:
            return
        if job.state is State.CANCELLED or (job.state is State.FAILED and unsettled is not None):
            drop_open(self._catalogue, job.stream, window)
        elif job.state is State.FAILED:
            missing = Interval(job.stream, window, Cover.MISSING, job=job.id, cause=job.cause.value)
            put_interval(self._catalogue, missing)
        elif event is Event.PROVEN:
            cover = Cover.PROVEN if facts.get("records") else Cover.EMPTY
            drop_open(self._catalogue, job.stream, window)
            without = [each for each, _ in lost] + ([unsettled] if unsettled else [])
            for part in subtract(window, without):
                asked_at = job.asked_at or job.created_at  # older versions did not record what had not settled
                if (proven := split_settled(part, asked_at)[0]) is not None:
                    claim(self._catalogue, Interval(job.stream, proven, cover, job.archive, job.id), asked_at)
            for part, cause in lost:
                self._put_lost(job.stream, part, job.id, cause)

    def _lost_window(self, body: Body, _at: datetime) -> None:
        window, job, cause = _window(body["facts"]), str(body.get("job", "")), str(body["facts"].get("cause", ""))
        if job:
            self._lost.setdefault(job, []).append((window, cause))  # its archive's line comes next
        else:
            self._put_lost(str(body["stream"]), window, "", cause)

    def _note_unsettled(self, body: Body, _at: datetime) -> None:
        self._unsettled[str(body["job"])] = _window(body["facts"])  # the line that ends its job comes next

    def _empty_refuted(self, body: Body, _at: datetime) -> None:
        """A later export found records in an empty window: its archive now covers the window."""
        newer, job = str(body["facts"]["newer"]), str(body["job"])
        put_interval(self._catalogue, Interval(str(body["stream"]), _window(body["facts"]), Cover.PROVEN, newer, job))

    def _reconsidered(self, body: Body, _at: datetime) -> None:
        take_back_lost(self._catalogue, str(body["stream"]), _window(body["facts"]), str(body["facts"]["cause"]))

    def _put_lost(self, stream: str, window: Window, job: str, cause: str) -> None:
        put_interval(self._catalogue, Interval(stream, window, Cover.LOST, job=job, cause=cause))

    def _damaged(self, body: Body, _at: datetime) -> None:
        """An archive is damaged or has no manifest: missing if it can be exported again, lost otherwise."""
        for start, end, cover in body["facts"].get("uncovered", []):
            window, cause = Window(parse_instant(start), parse_instant(end)), str(body["facts"]["cause"])
            interval = Interval(str(body["stream"]), window, Cover(cover), job=str(body.get("job", "")), cause=cause)
            put_interval(self._catalogue, interval)

    def _adopted(self, body: Body, _at: datetime) -> None:
        """An archive without entries was found and entered: its job is finished."""
        facts, held = body["facts"], body["facts"]["holding"] == Holding.HELD
        job = self._jobs.pop(body["job"], None) or get_job(self._catalogue, body["job"])
        if job is not None and not job.finished and held:
            put_job(self._catalogue, replace(job, state=State.ARCHIVED, archive=str(body["archive"])))
        if held:
            ids = (str(body["archive"]), str(body["job"]))
            window, unsettled = _window(facts), self._unsettled.pop(str(body["job"]), None)
            part = split_settled(window, unsettled.start)[0] if unsettled else window
            cover_adopted(self._catalogue, str(body["stream"]), window, part, *ids, records=facts["records"])

    def _renamed(self, body: Body, _at: datetime) -> None:
        self.flush()  # jobs that are not written yet go by the new name, too
        move_stream(self._catalogue, str(body["facts"]["from"]), str(body["facts"]["to"]))

    def _source_renamed(self, body: Body, _at: datetime) -> None:
        self.flush()
        move_source(self._catalogue, str(body["facts"]["from"]), str(body["facts"]["to"]))

    def _pause_source(self, name: str, paused: str) -> None:
        put_source(self._catalogue, replace(get_source(self._catalogue, name), paused=paused))

    def _learned_retention(self, body: Body, _at: datetime) -> None:
        store_reported_retention(self._catalogue, body["facts"]["source"], timedelta(days=body["facts"]["days"]))

    def _header_learned(self, body: Body, _at: datetime) -> None:
        facts = body["facts"]
        remember_counts_header(self._catalogue, facts["source"], counts=bool(facts["counted"]))

    def _answered(self, body: Body, at: datetime) -> None:
        """A person paused or resumed a stream or a source; the configuration says which."""
        facts = body["facts"]
        if facts.get("wish") not in ("pause", "resume") or not facts.get("accepted"):
            return
        paused = f"{facts.get('by', '')} at {format_instant(at)}" if facts["wish"] == "pause" else ""
        name = facts.get("subject", "")
        if name in self._streams:
            put_stream(self._catalogue, replace(get_stream(self._catalogue, name), paused=paused))
        else:
            self._pause_source(name, paused and BY_PERSON + paused)


def cover_adopted(
    catalogue: Catalogue, stream: str, window: Window, part: Window | None, archive: str, job: str, *, records: int
) -> None:
    """Enter the coverage of an archive that was found, unless another covers it; inside a transaction.

    `part` is the part of its window that had settled when it was requested; None for none.
    """
    held = interval_at(catalogue, stream, window)
    if held is None or held.cover in (Cover.OPEN, Cover.MISSING, Cover.LOST):
        cover = Cover.PROVEN if records else Cover.EMPTY
        drop_open(catalogue, stream, window)
        if part is not None:
            put_interval(catalogue, Interval(stream, part, cover, archive, job))


def _window(facts: Body) -> Window:
    return Window(parse_instant(facts["window"][0]), parse_instant(facts["window"][1]))


KEEP_DESTROYED = """
UPDATE coverage SET cover = 'destroyed' WHERE cover IN ('proven', 'empty')
    AND archive IN (SELECT archive FROM entries WHERE kind = 'archive.destroyed')
    AND archive NOT IN (SELECT id FROM archives)
"""


SET_SOURCES = """
UPDATE jobs SET source = coalesce(
    (SELECT source FROM archives WHERE archives.stream = jobs.stream LIMIT 1), substr(stream, 1, instr(stream, ':') - 1)
) WHERE source = ''
"""


PUT_LINE = "INSERT INTO entries (seq, at, kind, job, archive, stream, line, words) VALUES (?, ?, ?, ?, ?, ?, ?, '')"


def put_line(catalogue: Catalogue, body: Body, line: bytes) -> None:
    """Enter one line of the log; inside a transaction. Raises ValueError, KeyError, TypeError where it is none."""
    if not isinstance(body["kind"], str) or not isinstance(body["facts"], dict):
        raise TypeError(body["kind"])
    about = (str(body.get(name, "")) for name in ("job", "archive", "stream"))
    at = to_text(parse_instant(str(body["at"])))
    catalogue.write(PUT_LINE, body["seq"], at, body["kind"], *about, line)


def replay_ends(catalogue: Catalogue) -> None:
    """Enter what follows from all lines together; inside a transaction."""
    catalogue.write(SET_SOURCES)
    for replay in (
        replay_recipients,
        replay_resealed,
        replay_retention,
        replay_destructions,
        replay_settled,
    ):
        replay(catalogue)
    catalogue.write(KEEP_DESTROYED)  # else what was destroyed would be exported again


def replay_retention(catalogue: Catalogue) -> None:
    """Enter retention and holds from the log, once the archives are there; inside a transaction."""
    for line in retention_entries(catalogue):
        with readable(line):
            body: Body = json.loads(line)
            _KINDS[str(body["kind"])](catalogue, body, parse_instant(body["at"]))


def _locked(catalogue: Catalogue, _body: Body, at: datetime) -> None:
    catalogue.write(PUT_FACT, LOCKED, format_instant(at))


def _changed(catalogue: Catalogue, body: Body, at: datetime) -> None:
    for rule in body["facts"].get("now", {}).values():
        put_class(catalogue, read_rule(rule), at)
    for stream, names in body["facts"].get("streams", {}).items():
        for name in names:
            put_stream_class(catalogue, stream, name)


def _extended(catalogue: Catalogue, body: Body, _at: datetime) -> None:
    archive = get_archive(catalogue, str(body["archive"]))
    if archive is not None:  # else it was destroyed since
        lengthen(catalogue, archive, read_rule(body["facts"]["rule"]))


def _placed(catalogue: Catalogue, body: Body, at: datetime) -> None:
    put_hold(catalogue, read_hold(body["facts"], at))


def _released(catalogue: Catalogue, body: Body, at: datetime) -> None:
    release_hold(catalogue, body["facts"]["hold"], at, body["facts"].get("by", ""), FORGOTTEN)


_KINDS: Mapping[str, Callable[[Catalogue, Body, datetime], None]] = {
    EntryKind.VAULT_LOCKED: _locked,
    EntryKind.RETENTION_CHANGED: _changed,
    EntryKind.RETENTION_EXTENDED: _extended,
    EntryKind.HOLD_PLACED: _placed,
    EntryKind.HOLD_RELEASED: _released,
}
