"""Archives and jobs in short, for the pane beside a list."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from strongroom.engine.core.moments import Moment
from strongroom.model.archive import Archive
from strongroom.model.job import Job
from strongroom.model.text import clean
from strongroom.model.waiting import cause_words
from strongroom.text.events import kind_words
from strongroom.text.sentences import beside_detail
from strongroom.text.states import JOBS, verification
from strongroom.text.times import local_day_minute, window_words
from strongroom.text.units import number, short, size, span
from strongroom_tui.screens.detail import ArchiveDetail, JobDetail
from strongroom_tui.screens.detail_text import (
    INDENT,
    facts_text,
    finding_text,
    heading,
    paragraphs,
    retention_facts,
    section,
)

_LABEL = 11  # cells of a name

_LAST = 6  # moments of a job's life


def archive_preview(found: ArchiveDetail) -> Text:
    """Return an archive in short: how sound it is, how much, how long it is retained, and what proves it."""
    archive = found.life.archive
    head = heading(verification(archive), clean(archive.stream))
    keeping = retention_facts(found.verdict, found.holds, found.life.moments, found.signed)
    facts = facts_text([*_archive_facts(archive), *keeping, *_places(found)], _LABEL)
    findings = [finding_text(each) for each in archive.inspection.findings]
    return paragraphs(head, facts, section("Findings", findings))


def _archive_facts(archive: Archive) -> Iterator[tuple[str, str]]:
    seal, inspection = archive.seal, archive.inspection
    yield "window", window_words(archive.spec.window, 40)
    yield "records", number(inspection.records)
    if inspection.earliest and inspection.latest:
        yield "from, to", f"{local_day_minute(inspection.earliest)}, {local_day_minute(inspection.latest)}"
    files = number(len(inspection.members), "file")
    yield "size", f"{size(seal.size)} as delivered, {files} inside"
    later = span(archive.verified_at - archive.durable_at)
    yield "verified", f"{local_day_minute(archive.verified_at)}, after {later}"
    yield "class", archive.retention


def _places(found: ArchiveDetail) -> Iterator[tuple[str, str]]:
    archive, versions = found.life.archive, found.versions
    yield "archive", f"…{short(archive.id)}"
    yield "job", f"…{short(archive.job)}"
    yield "older", f"…{short(versions.older)}" if versions.older else ""
    yield "newer", f"…{short(versions.newer)}" if versions.newer else ""


def job_preview(found: JobDetail, now_doing: str) -> Text:
    """Return a job in short: what it does or waits for, and the last things that happened to it."""
    job = found.life.job
    moments = [_moment(each) for each in found.life.moments[-_LAST:]]
    older = len(found.life.moments) - len(moments)
    title = f"Last {len(moments)} of {number(older + len(moments))} events" if older else "Timeline"
    facts = facts_text([("now", now_doing), *_job_facts(found, job)], _LABEL)
    return paragraphs(heading(JOBS[job.state], clean(job.stream)), facts, section(title, moments))


def _job_facts(found: JobDetail, job: Job) -> Iterator[tuple[str, str]]:
    yield "window", window_words(job.spec.window, 40)
    yield "waits for", beside_detail(job, job.wait)
    yield "cause", cause_words(job.cause, job.detail)
    yield "detail", job.detail
    yield "next step", "" if job.finished else f"not before {local_day_minute(job.next_at)}"
    yield "size", size(job.size) if job.size is not None else ""
    yield "purpose", job.purpose
    yield "class", job.retention
    yield "changed", local_day_minute(job.changed_at)
    yield "archive", short(found.kin.archive.id) if found.kin.archive else ""
    yield "came from", ", ".join(short(each.id) for each in found.kin.before)
    yield "led to", ", ".join(short(each.id) for each in found.kin.after)
    yield "job", short(job.id)


def _moment(moment: Moment) -> Text:
    return Text.assemble(" " * INDENT, f"{local_day_minute(moment.at)}  ", (clean(kind_words(moment.kind)), "bold"))
