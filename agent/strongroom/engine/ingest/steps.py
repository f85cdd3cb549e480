"""Performing a step: with transfer.py the only place that touches the world for a job. It never decides.

model/decision.py decides which step it is, and model/job_table.py where its event leads.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from msgspec.structs import replace

from strongroom.engine.core.engine import Engine, JobContext, StepResult
from strongroom.engine.ingest import transfer
from strongroom.engine.ingest.job_lineage import succeed
from strongroom.engine.ingest.transfer import result_of
from strongroom.model.decision import Act, Matches, Step, absent, next_poll, next_try, poll_pause, recognise
from strongroom.model.errors import (
    ExportGone,
    NotOffered,
    ProviderError,
    QuotaExceeded,
    RequestRefused,
    Unanswered,
)
from strongroom.model.job import Cause, Event, Job
from strongroom.model.job_table import Facts
from strongroom.model.provider import Accepted, ExportStatus, Listed, Observation
from strongroom.providers.port import Provider, TakesKeys
from strongroom.vault.jobs import known_refs, waiting_refs
from strongroom.vault.sources import get_source, put_source, remember_list, seen_before

SKEW = timedelta(minutes=5)  # how far the provider's clock may be behind ours in a search of its list


def perform(engine: Engine, job: Job, step: Step, context: JobContext) -> StepResult | None:
    """Do one step. None means that something was read and the job did not move."""
    try:
        return _PERFORM[step.act](engine, job, step, context)
    except ProviderError as error:
        result = result_of(engine, job, error)
        if step.act is Act.SURVEY:
            # One job could not reach the provider: the others need not try before that one does.
            return replace(result, refused_until=result.facts.next_at)
        return result


def _survey(engine: Engine, job: Job, _step: Step, context: JobContext) -> None:
    """Read the provider's list: other programs' exports count against the quota, and what is there now is not ours."""
    _read_list(engine, job)
    context.listed = True


def _intend(engine: Engine, job: Job, _step: Step, context: JobContext) -> StepResult:
    """Record the intent to send a create; not while the disk has no room for its file."""
    full = transfer.without_room(engine, job)
    if full is not None:
        return full
    context.intent, context.listed = True, False
    return StepResult(Event.INTENDED)


def _ask(engine: Engine, job: Job, _step: Step, context: JobContext) -> StepResult:
    """Send the create of the recorded intent."""
    context.intent = False
    provider = engine.sources[job.source].provider
    engine.crash_point("before create")
    try:
        accepted = _create(provider, job)
    except (NotOffered, RequestRefused) as error:
        return _refused(engine, job, error)
    except Unanswered as error:
        look_at = engine.clock() + engine.retry_policy.look_after
        facts = Facts(look_at, Cause.UNANSWERED, error.message, request_id=error.request_id)
        return StepResult(Event.UNANSWERED, facts)
    except ProviderError as error:
        delayed = result_of(engine, job, error)
        refused = delayed.facts.next_at if isinstance(error, QuotaExceeded) else None
        return replace(delayed, event=Event.POSTPONED, refused_until=refused)
    engine.crash_point("after create")
    if accepted.observation is None:
        return StepResult(Event.UNANSWERED, Facts(engine.clock(), request_id=accepted.request_id))
    return StepResult(Event.ACCEPTED, _seen(engine, job, accepted.observation))


def _create(provider: Provider, job: Job) -> Accepted:
    """Send the create. Where the provider takes a key it is the ID of the job, which is recorded with the intent."""
    ask = provider.ask(job.spec)
    return provider.create_once(ask, job.id) if isinstance(provider, TakesKeys) else provider.create(ask)


def _refused(engine: Engine, job: Job, error: NotOffered | RequestRefused) -> StepResult:
    """Return what a refused create means: the provider's first refusal may be a mistake, its second is final."""
    cause = Cause.NOT_OFFERED if isinstance(error, NotOffered) else Cause.REFUSED
    facts = Facts(cause=cause, detail=error.message, request_id=error.request_id)
    if error.status is None or job.tries(Cause.NOT_OFFERED) + job.tries(Cause.REFUSED):
        return StepResult(Event.REFUSED, facts)
    words = f"{error.message}; it will be retried once, in case the provider was mistaken"
    later = engine.clock() + engine.retry_policy.refused_again
    return StepResult(Event.POSTPONED, replace(facts, next_at=later, detail=words))


def _look(engine: Engine, job: Job, _step: Step, _context: JobContext) -> StepResult:
    """Look at the provider's list to see whether the create took effect."""
    provider = engine.sources[job.source].provider
    listed = _read_list(engine, job)
    since = (job.asked_at or job.created_at) - SKEW
    recent = [entry for entry in listed if (entry.observation.created_at or since) >= since]
    catalogue = engine.vault.catalogue
    known, before = known_refs(catalogue, job), seen_before(catalogue, job)
    found = recognise(job, provider.ask(job.spec), recent, known, provider.capabilities.match, before)
    if found.observation is not None:
        return StepResult(Event.ADOPTED, _seen(engine, job, found.observation))
    if found.matches is Matches.SEVERAL:
        detail = "several exports on the provider's list could be this one, and nothing distinguishes them"
        return StepResult(Event.INDISTINCT, Facts(cause=Cause.INDISTINCT, detail=detail))
    now = engine.clock()
    if absent(job, now, engine.retry_policy):
        later = next_try(engine.retry_policy, job.tries(Cause.UNANSWERED), now, engine.jitter(), None)
        # An acceptance that named no export is counted here: otherwise such a provider would be asked forever.
        cause = Cause.NONE if job.cause is Cause.UNANSWERED else Cause.UNANSWERED
        return StepResult(Event.ABSENT, Facts(later, cause, "the provider's list shows that it was never created"))
    asked = job.asked_at or now
    share = (job.looks + 2) / engine.retry_policy.looks
    next_at = max(now + engine.retry_policy.look_after, asked + engine.retry_policy.look_for * min(share, 1.0))
    return StepResult(Event.UNSEEN, Facts(next_at, job.cause, job.detail))


def _observe(engine: Engine, job: Job, _step: Step, _context: JobContext) -> StepResult:
    """Ask for the state of the export."""
    seen = _state_at_provider(engine, job)
    facts = _seen(engine, job, seen)
    if seen.status is ExportStatus.READY:
        return StepResult(Event.COMPLETED, replace(facts, next_at=None))
    deaths = {
        ExportStatus.FAILED: Cause.PROVIDER_FAILED,
        ExportStatus.EXPIRED: Cause.EXPIRED,
        ExportStatus.GONE: Cause.GONE,
    }
    if seen.status in deaths:
        words = f"the provider reports {seen.raw_status or seen.status}" + (f": {seen.detail}" if seen.detail else "")
        return StepResult(Event.DIED, replace(facts, next_at=None, cause=deaths[seen.status], detail=words))
    if seen.status is ExportStatus.UNKNOWN:
        facts = replace(facts, detail=_unknown(seen))
    return StepResult(Event.PROGRESSED, facts)


def _unknown(seen: Observation) -> str:
    """Return what was not understood: the job waits for such an export, and a person may need to know why."""
    if not seen.raw_status:
        return "the provider does not report the state of the export; it is treated as in progress"
    return f"the provider reports {seen.raw_status!r}, an unknown status; it is treated as in progress"


def _state_at_provider(engine: Engine, job: Job) -> Observation:
    provider, catalogue = engine.sources[job.source].provider, engine.vault.catalogue
    if not provider.capabilities.by_list:
        return provider.observe([job.ref])[job.ref]
    return engine.polls.of(job.source).look(
        job.ref,
        since=job.changed_at,
        age=poll_pause(provider.limits, job.polls) / 2,
        clock=engine.clock,
        others=lambda: waiting_refs(catalogue, job.source),
        ask=provider.observe,
    )


def _renew(engine: Engine, job: Job, _step: Step, _context: JobContext) -> StepResult:
    """Ask the provider to recreate the same export; the port promises that repeating this does no harm."""
    provider = engine.sources[job.source].provider
    engine.crash_point("before renew")
    try:
        seen = provider.renew(job.ref)
    except (ExportGone, RequestRefused, NotOffered) as error:
        words = f"a new export is needed: {error.message}"
        return StepResult(Event.LAPSED, Facts(cause=Cause.LAPSED, detail=words, request_id=error.request_id))
    except Unanswered as error:
        seen = Observation(job.ref, ExportStatus.UNKNOWN, "", request_id=error.request_id)
    engine.crash_point("after renew")
    words = "; ".join(part for part in (job.detail, "the provider is recreating the file") if part)
    return StepResult(Event.RENEWED, replace(_seen(engine, job, seen), cause=Cause.RENEWAL, detail=words))


def _abandon(_engine: Engine, _job: Job, step: Step, _context: JobContext) -> StepResult:
    return StepResult(Event.DIED, Facts(cause=step.cause, detail=step.reason))


def _succeed(engine: Engine, job: Job, step: Step, _context: JobContext) -> StepResult:
    facts = Facts(cause=step.cause, detail=step.reason)
    return StepResult(Event.SUCCEEDED, facts, successor=succeed(engine, job))


def _give_up(_engine: Engine, _job: Job, step: Step, _context: JobContext) -> StepResult:
    return StepResult(Event.GIVEN_UP, Facts(cause=step.cause, detail=step.reason))


def _read_list(engine: Engine, job: Job) -> list[Listed]:
    now = engine.clock()
    since = min(job.asked_at or now, now - timedelta(hours=25)) - SKEW
    listed = list(engine.sources[job.source].provider.sweep(since))
    catalogue = engine.vault.catalogue
    with catalogue.transaction():
        remember_list(catalogue, job.source, listed, now)
        put_source(catalogue, replace(get_source(catalogue, job.source), surveyed_at=now))
    return listed


def _seen(engine: Engine, job: Job, seen: Observation) -> Facts:
    limits = engine.sources[job.source].provider.limits
    return Facts(
        next_at=next_poll(limits, job.polls, engine.clock(), engine.jitter(), seen.retry_at),
        ref=seen.ref,
        expires_at=seen.expires_at,
        size=seen.size,
        request_id=seen.request_id,
        made_at=seen.created_at,
    )


_PERFORM: dict[Act, Callable[[Engine, Job, Step, JobContext], StepResult | None]] = {
    Act.SURVEY: _survey,
    Act.INTEND: _intend,
    Act.ASK: _ask,
    Act.LOOK: _look,
    Act.OBSERVE: _observe,
    Act.OPEN: transfer.open_transfer,
    Act.TAKE: transfer.take,
    Act.PROVE: transfer.prove,
    Act.RESTART: transfer.restart,
    Act.RENEW: _renew,
    Act.ABANDON: _abandon,
    Act.SUCCEED: _succeed,
    Act.GIVE_UP: _give_up,
}
