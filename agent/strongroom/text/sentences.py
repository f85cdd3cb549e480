"""Sentences that the command line and the screen share: what something waits for, its state, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from strongroom.model.case import CaseStep, HoldAdded, NoteAdded, Opened, Produced, QueryAdded, RecordMarked
from strongroom.model.hold import HoldRule
from strongroom.model.job import Cause, Job, State, Wait
from strongroom.model.retention import Verdict
from strongroom.model.text import counted, noun_of
from strongroom.model.waiting import wait_words
from strongroom.text.times import utc, utc_day
from strongroom.text.units import number, short, size, span

if TYPE_CHECKING:
    from strongroom.engine.monitor.system_status import AlertDelivery, Quota
    from strongroom.engine.queries.requests import Request
    from strongroom.engine.repair.scrub_report import ScrubState
    from strongroom.model.backlog_forecast import DiskForecast

NO_DAEMON = "no daemon is running"
NO_CHANNEL = "no channel is configured under [notify], so alerts reach nobody"
NOTHING_PENDING = "nothing is pending"
NO_ALERT = "no alert is active"

_STEPS: Mapping[Cause, str] = {
    Cause.QUOTA: "run again later: quota becomes available within the hour",
    Cause.AUTH: "fix the key and check it with: strongroom doctor; then run again",
    Cause.PAUSED: "a person paused it; to resume it: strongroom plan resume SOURCE",
    Cause.NOT_OFFERED: "ask the provider to enable exports for this account",
    Cause.REFUSED: "check datasets and window against what the provider offers",
    Cause.LINK_REFUSED: "if the host of the link belongs to the provider, allow it in the configuration",
    Cause.CODING: "ask the provider to serve exports without Content-Encoding, or with gzip or deflate",
    Cause.TRANSIENT: "run again later: the provider has a problem",
    Cause.UNANSWERED: "run again: the provider's list shows whether the export was made",
    Cause.INDISTINCT: "compare with the provider's own list of exports",
    Cause.CONTENT: "see what is wrong with the file: strongroom archives --holding quarantined",
    Cause.DISK: "free space or fix the disk, then run again",
}

_FAILURES = frozenset(
    {Cause.NOT_OFFERED, Cause.REFUSED, Cause.INDISTINCT, Cause.CONTENT, Cause.LINK_REFUSED, Cause.CODING}
)
"""Causes that a person should look into before trying again."""


def next_step(job: Job) -> str:
    """Say what a person can do about a job that has not archived its window."""
    if job.state is State.FAILED:
        again = f"strongroom jobs retry {short(job.id)}"
        return f"{_STEPS[job.cause]}; then {again}" if job.cause in _FAILURES else f"try again: {again}"
    return waiting_step(job.wait.cause if job.wait else job.cause)


def waiting_step(cause: Cause) -> str:
    """Say what a person can do about a job that waits for this."""
    return _STEPS.get(cause, "run again: it resumes where it stopped")


def beside_detail(job: Job, wait: Wait | None) -> str:
    """Say what a job waits for, beside the line that shows its own detail: without the words that both would have."""
    if wait is None or job.finished:
        return ""
    more = f": {wait.words}" if wait.cause and wait.words not in ("", job.detail) else ""
    return wait_words(wait).removeprefix("waits for ") + more


def unknown_words(source: str) -> str:
    """Say that it is not known yet how long a provider keeps records, and how to find out."""
    return (
        f"not known yet, because {source} has not said how long it keeps records: "
        f"run strongroom source check {source}, or set retention_days for the source"
    )


_DAEMON = "strongroom daemon"


def holder_words(holder: str) -> str:
    """Say who works in the vault: `holder` is a program as the lock names it, or empty."""
    if not holder:
        return NO_DAEMON
    return "daemon running" if holder.partition(" (")[0] == _DAEMON else f"in use by {holder}"


def silent_words(silence: timedelta) -> str:
    """Say that the daemon at work has stopped sending its heartbeat."""
    return f"the daemon does not answer: silent for {span(silence)}"


def named_title(title: str, subject: str) -> str:
    """Return the title of an alert, which names nothing, as a sentence that names its stream or source."""
    for unnamed in ("one stream", "one source", "a provider"):
        if subject and unnamed in title:
            title = title.replace(unnamed, subject, 1)
            break
    return title[:1].upper() + title[1:] if title[:1].islower() and not title.startswith(subject or " ") else title


def attention_words(problems: int, approvals: int) -> str:
    """Say how many problems and destruction plans wait for a person."""
    parts = [f"{number(problems, 'problem')} {noun_of(problems, 'needs', 'need')} your attention"] if problems else []
    if approvals:
        parts.append(f"{number(approvals, 'destruction plan')} {noun_of(approvals, 'waits', 'wait')} for approval")
    return ", ".join(parts)


def calm_words(signed_at: datetime | None, now: datetime) -> str:
    """Say that nothing is wrong, and how old the last checkpoint is."""
    checkpoint = f"Last checkpoint {span(now - signed_at)} ago." if signed_at else "No checkpoint yet."
    return f"Covered. Nothing is at risk. {checkpoint}"


def request_words(request: Request) -> str:
    """Say what was requested: "pause zavu:messages"."""
    return f"{request.wish.value.replace('-', ' ')} {request.subject or 'every stream'}"


def request_wait(holder: str, standing_by: str, silence: timedelta | None = None) -> str:
    """Say what a request that has no answer yet waits for: `holder` works in the vault, `standing_by` is its reason."""
    if not holder:
        return f"{NO_DAEMON}, so it waits for the daemon or the next run"
    if standing_by:
        return "the clock is wrong, so it waits until the clock is right"
    return "the daemon does not answer, so it waits" if silence is not None else ""


def quota_words(quota: Quota) -> str:
    """Say how much of a source's export quota is used; without a known limit, the numbers alone."""
    created = f"{quota.created} of {quota.per_hour} exports" if quota.per_hour else number(quota.created, "export")
    running = f"{quota.running} of {quota.concurrent}" if quota.concurrent else number(quota.running)
    return f"{created} created in the last hour, {running} in progress"


def quota_left(quota: Quota) -> str:
    """Say what is left of a source's quota; without a known limit, what was used."""
    left = f"{max(0, quota.per_hour - quota.created)} of {quota.per_hour}" if quota.per_hour else ""
    words = f"quota {left} left this hour" if left else f"{number(quota.created, 'export')} this hour"
    under_way = f"{quota.running} of {quota.concurrent}" if quota.concurrent else str(quota.running)
    return f"{quota.source}: {words}, {under_way} in progress"


def disk_words(disk: DiskForecast) -> str:
    """Say how much room the disk has, and how long it lasts."""
    words = f"{size(disk.free)} free, the reserve is {size(disk.reserve)}"
    return words if disk.lasts is None else f"{words}, reached in {span(disk.lasts)} at {size(disk.per_day)} a day"


def delivery_words(delivery: AlertDelivery, last: str) -> str:
    """Say how many alerts were sent; `last` is when the last one was, in the words of the caller."""
    if not delivery.channels:
        return NO_CHANNEL
    sent = f"{number(delivery.sent)} sent, the last {last}" if delivery.last else "none sent yet"
    return f"to {', '.join(delivery.channels)}; {sent}; {number(delivery.waiting)} waiting"


def scrub_words(state: ScrubState) -> str:
    """Say the state of the scrub on one line."""
    ended = f"everything was read by {utc(state.scrubbed_at)}" if state.scrubbed_at else "no pass is complete yet"
    lap = state.lap
    share = f"; {lap.share:.0%} of the next pass is done" if lap is not None and lap.ended_at is None else ""
    late = "; it is behind" if state.behind else ""
    count = state.findings
    found = f"; {counted(count, 'finding')} {noun_of(count, 'is', 'are')} open" if count else ""
    return f"{ended}{share}{late}{found}"


def drill_words(drilled_at: datetime | None, now: datetime) -> str:
    """Say when the last recovery drill was."""
    if drilled_at is None:
        return "never: strongroom key drill"
    return f"{utc_day(drilled_at)}, {counted((now - drilled_at).days, 'day')} ago"


def reason_beside_date(verdict: Verdict) -> str:
    """Return the reason of a verdict without the date, for a row that has a column for it."""
    date, comma, rule = verdict.reason.partition(", ")
    return rule if comma and verdict.until and date.endswith(utc_day(verdict.until)) else verdict.reason


def hold_scope(rule: HoldRule) -> str:
    """Say what a hold covers."""
    return ", ".join(_hold_scope(rule))


def _hold_scope(rule: HoldRule) -> Iterator[str]:
    if rule.everything:
        yield "the whole vault"
    for noun, name in (("source", rule.source), ("stream", rule.stream), ("dataset", rule.dataset)):
        if name:
            yield f"{noun} {name}"
    if rule.start:
        yield f"from {_day_or_time(rule.start)}"
    if rule.end:
        yield f"before {_day_or_time(rule.end)}"
    if len(rule.archives) == 1:
        yield f"archive {short(rule.archives[0])}"
    elif rule.archives:
        yield counted(len(rule.archives), "archive")


def _day_or_time(at: datetime) -> str:
    return utc_day(at) if utc(at).endswith(" 00:00:00Z") else utc(at)


def case_step(step: CaseStep) -> str:
    """Say what was added to a case."""
    match step.change:
        case Opened():
            return f"case created: {step.change.name}"
        case QueryAdded():
            return f"query: {step.change.text}"
        case NoteAdded():
            return f"note: {step.change.text}"
        case RecordMarked():
            return f"{step.change.mark}: record {step.change.record} of archive {short(step.change.archive)}"
        case HoldAdded():
            return f"hold: {short(step.change.hold)}, on what query {step.change.query} found"
        case Produced():
            made, records = step.change, counted(step.change.records, "record")
            return f"production: {records} from {made.prefix}{made.start}, {made.withheld} withheld"
