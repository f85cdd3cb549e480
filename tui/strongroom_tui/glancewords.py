"""The words of the overview: what is at risk, what runs now, and what the vault is. Pure: an answer in, lines out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from rich.text import Text

from strongroom.engine.glance import Glance, Quota
from strongroom.engine.readings import Running, Status
from strongroom.model.heat import Heat
from strongroom.model.horizon import AtRisk
from strongroom.model.job import Job
from strongroom_tui.amounts import first_that_fits, local_day_minute, number, size, span, window_words
from strongroom_tui.asked import request_lines
from strongroom_tui.marks import STATES
from strongroom_tui.plain import clip
from strongroom_tui.progress import Scene, doing
from strongroom_tui.strips import HEATS, Spot

_SOON = timedelta(days=14)
COPIES: Mapping[Heat, str] = MappingProxyType(
    {
        Heat.HELD: "a copy is archived",
        Heat.EMPTY: "an empty copy is archived",
        Heat.OPEN: "a copy is being taken",
        Heat.DUE: "a copy is pending",
        Heat.RISK: "a copy is pending",
        Heat.MISSING: "no copy could be taken",
        Heat.LOST: "no copy was taken",
    }
)
"""What a cell of a stream without time windows says: one copy of all there was."""


def risk_lines(glance: Glance, now: datetime, width: int, most: int = 1) -> Text:
    """Return the `most` urgent risks in words with their dates, and what is missing or lost."""
    lines = [_risk(glance, now, most, width), *(_risk_of(each, now, width) for each in glance.risks[1:most])]
    if glance.lost or glance.missing:
        parts = [number(glance.missing, "window") + " failed"] if glance.missing else []
        parts += [number(glance.lost, "period") + " lost"] if glance.lost else []
        lines.append((f"! {' and '.join(parts)}: select one to see why", "bold red"))
    if glance.unknown:
        names = ", ".join(glance.unknown[:3])
        unsaid = f"? it is not known how long {names} keeps records"
        ways = [f"{unsaid}: set retention_days, or start the daemon", f"{unsaid}: set retention_days", unsaid]
        lines.append((first_that_fits([*ways, f"? unknown how long {names} keeps records"], width), "yellow"))
    return Text("\n").join(Text(clip(words, width), style) for words, style in lines)


def _risk(glance: Glance, now: datetime, most: int, width: int) -> tuple[str, str]:
    if not glance.risks:
        return _calm(glance)
    rest = len(glance.risks) - most
    return _risk_of(glance.risks[0], now, width, f"; {number(rest, 'more stream')} not complete" if rest > 0 else "")


def _calm(glance: Glance) -> tuple[str, str]:
    """Return what is said where nothing that is known is at risk: no more than is known."""
    if not glance.streams:
        return "", ""
    if glance.unknown:
        return "? it is not known yet what is at risk", "yellow"
    if glance.missing or glance.lost:
        return "✓ nothing else is at risk", "green"
    return "✓ nothing is at risk: everything that has settled is archived", "green"


def _risk_of(first: AtRisk, now: datetime, width: int, more: str = "") -> tuple[str, str]:
    """Return one risk in the longest words that fit whole, so that none is read half."""
    days = first.first_loss - now
    when = f"in {span(days)}" if days > timedelta(0) else "now"
    lost_from = local_day_minute(first.first_loss)
    urgent = days < _SOON
    start = f"{'▲' if urgent else '○'} {first.stream}: {span(first.amount)} not archived"
    dated = f"{start}; deleted from {lost_from}"
    ways = [f"{dated}, {when}{more}", f"{dated}, {when}", dated, f"{start}; deleted {when}", start]
    return first_that_fits(ways, width), "bold yellow" if urgent else ""


def spot_words(spot: Spot | None, width: int) -> Text:
    """Return one cell in words."""
    if spot is None:
        return Text()
    mark = HEATS[spot.heat]
    cause = f" ({spot.cause})" if spot.cause else ""
    word = COPIES.get(spot.heat, mark.word) if spot.snapshot else mark.word
    words = f"{mark.symbol} {word}{cause}  {spot.stream}  {window_words(spot.window, max(16, width // 2))}"
    lines = [Text(clip(words, width), mark.style)]
    if spot.blind:
        lines.append(Text(clip(f"◐ it leaves out {'; '.join(spot.blind)}", width)))
    return Text("\n").join(lines)


def work_lines(glance: Glance, status: Status, now: datetime, width: int, most: int) -> Text:
    """Return what runs now with live progress, one line each, and below it which requests wait."""
    running = {each.job: each for each in status.running}
    jobs = sorted(glance.at_work, key=lambda job: job.id not in running)
    asked = request_lines(status.waiting, now, width, most // 2)
    most = max(1, most - len(asked))
    shown = jobs if len(jobs) <= most else jobs[: most - 1]
    lines = [_job_line(job, status, running, now, width) for job in shown]
    if len(jobs) > len(shown):
        lines.append(Text(clip(f"  and {number(len(jobs) - len(shown), 'more job')}: 3", width)))
    if not jobs:
        planned = status.jobs.get("planned", 0)
        words = f"nothing is in progress; {number(planned, 'job')} planned" if planned else "nothing is in progress"
        lines.append(Text(clip(words, width)))
    return Text("\n").join([*lines, *asked])


def _job_line(job: Job, status: Status, running: Mapping[str, Running], now: datetime, width: int) -> Text:
    mark = STATES[job.state]
    name = clip(job.stream, max(8, width // 4))
    window = window_words(job.spec.window, 10)
    head = f"{mark.symbol} {mark.word:<9} {name:<{max(8, width // 4)}} {window} "
    room = max(0, width - len(head))
    scene = Scene(now, bool(status.worked_on_by), running.get(job.id))
    return Text.assemble((clip(head, width), mark.style), doing(job, scene, room), no_wrap=True)


def vault_lines(glance: Glance, status: Status, now: datetime, width: int) -> Text:
    """Return what the vault holds and how it grows, the quotas, and how old the last proofs are."""
    parts = [_holdings(glance, status, width), _quotas(glance, width), _joined(list(_proofs(glance, now)), width)]
    return Text("\n").join(Text(clip(part, width)) for part in parts if part)


def _joined(parts: list[str], width: int) -> str:
    """Put as many facts on a line as fit whole, so that none is read half; one at least."""
    fitting = [" · ".join(parts[:many]) for many in range(len(parts), 0, -1)]
    return first_that_fits(fitting, width) if fitting else ""


def _quotas(glance: Glance, width: int) -> str:
    """Tell each quota; where not all fit, the first ones, and how many more there are and where."""
    told, count = list(map(quota_words, glance.quotas)), len(glance.quotas)
    fitting = [" · ".join([*told[:many], f"{count - many} more: 7"]) for many in range(count - 1, 0, -1)]
    least = [*told[:1], f"{number(count, 'quota')}: 7"]
    return first_that_fits([" · ".join(told), *fitting, *least], width) if told else ""


def _holdings(glance: Glance, status: Status, width: int) -> str:
    held, quarantined = status.archives.get("held"), status.archives.get("quarantined")
    parts = [number(held.count, "archive") if held else "no archives"]
    if held:
        parts += [number(held.records, "record"), f"{size(held.sealed_size)} sealed, +{size(glance.grown)} this week"]
    if quarantined:
        parts.insert(1, f"✗ {number(quarantined.count)} in quarantine")
    return _joined([*parts, f"{size(status.free_bytes)} free"], width)


def quota_words(quota: Quota) -> str:
    """Say what is left of a source's quota; where its limits are not known, what was used."""
    left = f"{max(0, quota.per_hour - quota.created)} of {quota.per_hour}" if quota.per_hour else ""
    words = f"quota {left} left this hour" if left else f"{number(quota.created, 'export')} this hour"
    under_way = f"{quota.running} of {quota.concurrent}" if quota.concurrent else str(quota.running)
    return f"{quota.source}: {words}, {under_way} in progress"


def _proofs(glance: Glance, now: datetime) -> Iterator[str]:
    scrub = glance.scrub
    if scrub.findings:
        yield f"✗ {number(scrub.findings, 'file')} not as archived"
    late = " (late)" if scrub.behind else ""
    if glance.heartbeat is not None and not glance.heartbeat.fresh(now):
        yield f"daemon silent for {span(now - glance.heartbeat.at)}"  # before what may have no room
    yield (f"scrubbed {span(now - scrub.scrubbed_at)} ago" if scrub.scrubbed_at else "never scrubbed") + late
    yield f"drilled {span(now - glance.drilled_at)} ago" if glance.drilled_at else "no recovery drill yet"
    yield f"log signed {span(now - glance.signed_at)} ago" if glance.signed_at else "log not signed yet"
    if glance.heartbeat is None:
        yield "no daemon ever ran"
