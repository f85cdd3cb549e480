"""From a ready export to a published archive: open, take, prove; and what to do after an error or a crash."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from strongroom.engine.core.engine import Engine, JobContext, StepResult
from strongroom.engine.ingest.delivery import Delivery, fetch, plan_delivery, with_header
from strongroom.engine.retention.rules import with_rule
from strongroom.engine.worker.client import WorkerClient
from strongroom.engine.worker.launcher import WorkerDied
from strongroom.engine.worker.protocol import Durable, SealRequest
from strongroom.model.archive import Archive, Holding
from strongroom.model.decision import Step, next_room, next_try
from strongroom.model.errors import (
    AuthRefused,
    CodingRefused,
    ExportGone,
    Interrupted,
    LinkDead,
    LinkRefused,
    NotOffered,
    ProviderError,
    QuotaExceeded,
    RequestRefused,
    SealError,
    TransferError,
    Transient,
    VaultError,
    WorldError,
)
from strongroom.model.inspection import Inspection, Severity
from strongroom.model.job import Cause, Event, Job, State
from strongroom.model.job_table import Facts
from strongroom.model.names import make_id
from strongroom.model.times import Clock
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.durable import in_words
from strongroom.vault.rows import to_text
from strongroom.vault.segments import SEGMENT, note_no_segment, publish_segment

PUT_PROGRESS = """
INSERT INTO progress (job, stage, done, total, at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (job) DO UPDATE SET stage = excluded.stage, done = excluded.done, total = excluded.total, at = excluded.at
"""
EVERY = timedelta(milliseconds=500)


class Meter:
    """Counts bytes of one stage of a job and records them for other processes. `total` is None where it is unknown."""

    def __init__(self, catalogue: Catalogue, clock: Clock, job: str, stage: str, total: int | None) -> None:
        self._catalogue, self._clock = catalogue, clock
        self._job, self._stage, self._total = job, stage, total
        self._done = 0
        self._recorded_at: datetime | None = None

    def add(self, count: int) -> None:
        """Count more bytes."""
        self.set(self._done + count, self._total)

    def set(self, done: int, total: int | None) -> None:
        """Take the present count; it is recorded at most twice a second."""
        self._done, self._total = done, total
        now = self._clock()
        if self._recorded_at is None or now - self._recorded_at >= EVERY:
            self._recorded_at = now
            with self._catalogue.transaction():
                self._catalogue.write(PUT_PROGRESS, self._job, self._stage, done, total, to_text(now))


def result_of(engine: Engine, job: Job, error: ProviderError) -> StepResult:
    """Return what a provider's error means for a job whose step can be repeated without harm."""
    detail = error.message
    if isinstance(error, ExportGone):
        return StepResult(Event.DIED, Facts(cause=Cause.GONE, detail=detail))
    if isinstance(error, NotOffered) and job.state is State.PLANNED:
        if not job.tries(Cause.NOT_OFFERED):  # the first may be a mistake
            later = engine.clock() + engine.retry_policy.refused_again
            return StepResult(Event.DELAYED, Facts(later, Cause.NOT_OFFERED, detail, request_id=error.request_id))
        return StepResult(Event.REFUSED, Facts(cause=Cause.NOT_OFFERED, detail=detail, request_id=error.request_id))
    if isinstance(error, AuthRefused):
        later = engine.clock() + timedelta(minutes=1)
        facts = Facts(later, Cause.AUTH, detail, request_id=error.request_id)
        return StepResult(Event.DELAYED, facts, pause=error.sentences)
    cause = Cause.QUOTA if isinstance(error, QuotaExceeded) else Cause.TRANSIENT
    if job.state is State.WAITING and isinstance(error, RequestRefused | NotOffered):
        # A refused poll is counted: the export is given up where that stays the answer.
        cause = Cause.REFUSED if isinstance(error, RequestRefused) else Cause.NOT_OFFERED
    not_before = error.retry_at if isinstance(error, (QuotaExceeded, Transient)) else None
    later = next_try(engine.retry_policy, job.tries(cause), engine.clock(), engine.jitter(), not_before)
    return StepResult(Event.DELAYED, Facts(later, cause, detail, request_id=error.request_id))


def open_transfer(engine: Engine, job: Job, _step: Step, context: JobContext) -> StepResult:
    """Start a sealing process and choose the archive's id, so that a crash leaves a name to clean up under."""
    full = without_room(engine, job)
    if full is not None:
        return full
    try:
        context.worker = WorkerClient(engine.launcher)
    except WorkerDied as error:
        later = _later(engine, job, Cause.WORKER)
        return StepResult(Event.DELAYED, Facts(later, Cause.WORKER, error.sentences))
    return StepResult(Event.OPENED, Facts(archive=make_id(engine.clock(), engine.random_bytes)))


def without_room(engine: Engine, job: Job) -> StepResult | None:
    """Return a delay while less than the reserve is free on the disk: no export is requested or downloaded then."""
    try:
        _require_room(engine, 0)
    except WorldError as error:
        return _our_fault(engine, job, error)
    return None


def room_lacking(engine: Engine, job: Job) -> str:
    """Return what the disk lacks for this job's file and the reserve, or an empty string."""
    try:
        _require_room(engine, job.size or 0)
    except WorldError as error:
        return error.sentences
    return ""


def take(engine: Engine, job: Job, _step: Step, context: JobContext) -> StepResult:
    """Download and seal, until the sealed file is flushed to the disk."""
    try:
        return _take(engine, job, context)
    except (LinkDead, ExportGone, RequestRefused) as error:
        causes = {LinkDead: Cause.LINK, RequestRefused: Cause.REFUSED}
        cause = causes.get(type(error), Cause.GONE)
        event = Event.LINK_DIED if isinstance(error, LinkDead) else Event.DIED
        return _undone(engine, job, context, StepResult(event, Facts(_later(engine, job, cause), cause, error.message)))
    except (LinkRefused, CodingRefused) as error:
        cause = Cause.LINK_REFUSED if isinstance(error, LinkRefused) else Cause.CODING
        return _undone(engine, job, context, StepResult(Event.DIED, Facts(cause=cause, detail=error.sentences)))
    except ProviderError as error:
        return _undone(engine, job, context, result_of(engine, job, error))
    except TransferError as error:
        cause = Cause.TRANSFER
        facts = Facts(_later(engine, job, cause), cause, error.message)
        return _undone(engine, job, context, StepResult(Event.BROKEN, facts))
    except (WorldError, SealError, WorkerDied) as error:
        return _undone(engine, job, context, _our_fault(engine, job, error))
    except Interrupted as error:
        facts = Facts(cause=Cause.RESTART, detail=error.message)
        return _undone(engine, job, context, StepResult(Event.RESTARTED, facts))


def _take(engine: Engine, job: Job, context: JobContext) -> StepResult:
    worker, provider = context.worker, engine.sources[job.source].provider
    if worker is None:
        raise WorkerDied("the sealing process was not started", hint="the job is retried automatically")
    delivery = plan_delivery(job.ref, provider.parts(job.ref), provider.expectation(job.spec), engine.caps)
    delivery = replace(delivery, expectation=with_header(engine.vault.catalogue, job, delivery.expectation))
    _require_room(engine, sum(part.size or 0 for part in delivery.parts))
    worker.begin(_request(engine, job, delivery), engine.stop)
    meter = Meter(engine.vault.catalogue, engine.clock, job.id, "download", delivery.size)

    def sink(chunk: bytes) -> None:
        worker.feed(chunk)
        meter.add(len(chunk))

    size = fetch(provider, job.ref, delivery, sink, engine.stop)
    engine.crash_point("downloaded")
    durable = worker.finish()
    context.archive = _archive(engine, job, delivery, durable)
    facts = Facts(size=size, archive=job.archive)
    return StepResult(Event.DURABLE, facts, log_facts={"sealed_sha256": durable.seal.sealed_sha256})


def prove(engine: Engine, job: Job, _step: Step, context: JobContext) -> StepResult:
    """Wait for the verification, then publish the archive, or move a faulty file to quarantine."""
    worker, archive = context.worker, context.archive
    if worker is None or archive is None:
        return _undone(engine, job, context, StepResult(Event.BROKEN, Facts(cause=Cause.WORKER)))
    meter = Meter(engine.vault.catalogue, engine.clock, job.id, "verify", None)
    try:
        verified = worker.verdict(lambda progress: meter.set(progress.done, progress.total))
        archive = _judged(replace(archive, seal=verified.seal), verified.inspection, engine.clock())
        archive = with_rule(engine.vault.catalogue, archive, engine.zones.get(job.stream, "UTC"))
        engine.crash_point("before publish")
        engine.vault.publish_archive(archive, engine.crash_point)
        engine.crash_point("after publish")
    except (WorldError, SealError, VaultError) as error:
        return _undone(engine, job, context, _our_fault(engine, job, error))
    except Interrupted as error:
        facts = Facts(cause=Cause.RESTART, detail=error.message)
        return _undone(engine, job, context, StepResult(Event.RESTARTED, facts))
    if archive.holding is Holding.QUARANTINED:
        context.release()
        return StepResult(Event.REJECTED, _rejection(engine, job, archive), archive=archive)
    return StepResult(Event.PROVEN, Facts(archive=archive.id), archive=archive)


def seal_segment(engine: Engine, context: JobContext) -> None:
    """Wait for the search segment of an archive that is recorded, and publish it; the archive stands without one."""
    worker, archive = context.worker, context.archive
    if worker is None or archive is None:
        return
    try:
        indexed = worker.segment()
        if indexed is None:
            return
        engine.crash_point("before segment")
        if indexed.segment is not None:
            publish_segment(engine.vault, archive, indexed.segment, engine.clock(), engine.crash_point)
            return
        why = indexed.fault
    except (WorldError, SealError, VaultError, Interrupted) as error:
        why = error.message
    except OSError as error:
        why = in_words(error).message
    finally:
        context.release()
    note_no_segment(engine.vault, archive, why, engine.clock())


def restart(engine: Engine, job: Job, _step: Step, _context: JobContext) -> StepResult:
    """Resume after a crash: a complete archive is recorded, anything less is removed and downloaded again."""
    archive = engine.vault.published_archive(job.archive) if job.archive else None
    if archive is not None and archive.job == job.id:
        if archive.holding is Holding.QUARANTINED:
            return StepResult(Event.REJECTED, _rejection(engine, job, archive), archive=archive)
        return StepResult(Event.PROVEN, Facts(archive=archive.id), archive=archive)
    if job.archive:
        engine.vault.discard_unfinished(job.archive)
    facts = Facts(
        cause=Cause.RESTART, detail="the program ended during the download; the file will be downloaded again"
    )
    return StepResult(Event.RESTARTED, facts)


def _undone(engine: Engine, job: Job, context: JobContext, result: StepResult) -> StepResult:
    context.release()
    if job.archive:
        engine.vault.discard_unfinished(job.archive)
    return result


def _our_fault(engine: Engine, job: Job, error: WorldError | VaultError) -> StepResult:
    cause = Cause.DISK if isinstance(error, WorldError) else Cause.WORKER
    event = Event.DELAYED if cause is Cause.DISK else Event.BROKEN
    return StepResult(event, Facts(_later(engine, job, cause), cause, error.sentences))


def _later(engine: Engine, job: Job, cause: Cause) -> datetime:
    if cause is Cause.DISK:
        return next_room(engine.retry_policy, job.tries(cause), engine.clock(), engine.jitter())
    return next_try(engine.retry_policy, job.tries(cause), engine.clock(), engine.jitter(), None)


def _require_room(engine: Engine, size: int) -> None:
    free, needed = engine.vault.free_bytes(), size + engine.min_free
    if free < needed:
        purpose = "this export and the reserve" if size else "the reserve"
        raise WorldError(
            f"the disk has {free} bytes free; {needed} are needed for {purpose}",
            hint="free space, or lower [vault] min_free; the job resumes automatically",
        )


def _request(engine: Engine, job: Job, delivery: Delivery) -> SealRequest:
    layout = engine.vault.layout
    return SealRequest(
        archive=job.archive,
        key_path=str(layout.temporary(job.archive, ".key.age")),
        payload_path=str(layout.temporary(job.archive, ".age")),
        segment_path="" if job.stream in engine.unindexed else str(layout.temporary(job.archive, SEGMENT)),
        recipients=engine.recipients,
        delivered_name=delivery.name,
        expectation=delivery.expectation,
        caps=engine.caps,
    )


def _archive(engine: Engine, job: Job, delivery: Delivery, durable: Durable) -> Archive:
    now = engine.clock()
    return Archive(
        id=job.archive,
        holding=Holding.HELD,
        stream=job.stream,
        source=job.source,
        provider=engine.sources[job.source].kind,
        spec=job.spec,
        job=job.id,
        ref=job.ref,
        seal=durable.seal,
        expectation=delivery.expectation,
        inspection=Inspection(),
        recipients=engine.recipients,
        retention=job.retention,
        container=delivery.expectation.container.value,
        durable_at=now,
        verified_at=now,
    )


def _judged(archive: Archive, inspection: Inspection, at: datetime) -> Archive:
    holding = Holding.HELD if inspection.sound else Holding.QUARANTINED
    return replace(archive, holding=holding, inspection=inspection, verified_at=at)


def _rejection(engine: Engine, job: Job, archive: Archive) -> Facts:
    faults = [finding for finding in archive.inspection.findings if finding.severity is Severity.FAULT]
    words = "; ".join(finding.message for finding in faults[:3])
    later = _later(engine, job, Cause.CONTENT)
    return Facts(
        later, Cause.CONTENT, f"the delivered file is faulty and was moved to quarantine: {words}", archive=archive.id
    )
