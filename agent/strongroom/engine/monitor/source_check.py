"""Looking at one source before it is relied on, with requests that only read; and saying what cannot be seen so.

What no read-only request can show is reported as unknown, never passed over: a person reads what is missing here as
if it were in order.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct, field

from strongroom.config.manifest import find_manifests
from strongroom.config.schema import Config
from strongroom.config.secrets import resolve
from strongroom.engine.core.check import Check, CheckResult
from strongroom.engine.core.sources import Dependencies, build_source, open_reading
from strongroom.model.clock_check import Tolerance, check_skew
from strongroom.model.errors import AuthRefused, ExitCode, ProviderError, StrongroomError
from strongroom.model.horizon import asked_after
from strongroom.model.plan import Plan
from strongroom.model.provider import PAGEABLE, ExportStatus, Limits, Listed, Match, Probe
from strongroom.model.quota import HOUR
from strongroom.model.text import counted, noun_of
from strongroom.providers.port import Provider
from strongroom.vault.sources import note_checked_retention

if TYPE_CHECKING:
    from strongroom.providers.registry import Offer

SKEW = timedelta(minutes=2)
DAY = timedelta(days=1)


class SourceReport(Struct):
    """What was found out about one source, in the order in which it was asked."""

    name: str
    provider: str
    checks: list[Check] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)  # what could not be found out, and why
    unanswered: bool = False  # the provider refused or did not answer

    @property
    def exit_code(self) -> ExitCode:
        """Return 0 when nothing failed, 3 when the provider refused or did not answer, 1 otherwise."""
        if self.unanswered:
            return ExitCode.PROVIDER
        failed = any(check.verdict is CheckResult.FAIL for check in self.checks)
        return ExitCode.FINDINGS if failed else ExitCode.OK

    def ok(self, name: str, message: str) -> None:
        """Note what is in order."""
        self.checks.append(Check(name, CheckResult.OK, message))

    def failed(self, name: str, error: StrongroomError) -> None:
        """Note an error."""
        self.unanswered = self.unanswered or isinstance(error, ProviderError)
        self.checks.append(Check(name, CheckResult.FAIL, error.message, error.hint))


def look_at_source(config: Config, name: str, dependencies: Dependencies) -> SourceReport:
    """Check a source. Raises UsageError for a name that is not configured; everything else is in the report."""
    source = config.source(name)
    report = SourceReport(name, source.provider)
    try:
        resolve(source.api_key)
        report.ok("key", f"found ({source.api_key})")
    except StrongroomError as error:
        report.failed("key", error)
        report.unknown.append("everything that the provider would say: without the key it is not contacted")
        return report
    try:
        provider = build_source(source, config, dependencies).provider
        probe = provider.probe()
    except StrongroomError as error:
        report.failed("permission" if isinstance(error, AuthRefused) else "answer", error)
        report.unknown.append("everything else: no more requests were sent")
        return report
    store_reported(config, name, probe)
    _tell(report, provider, probe, source.retention_days)
    if probe.offered is not False:
        _quota(report, provider, probe, dependencies.clock())
    return report


def store_reported(config: Config, name: str, probe: Probe) -> None:
    """Let plans and coverage know how long the source keeps records before any run has asked it."""
    if probe.retention is None:
        return
    with suppress(StrongroomError), open_reading(config) as vault:  # a check is worth its answer without a vault too
        note_checked_retention(vault.catalogue, name, probe.retention)


def check_offer(label: str, probe: Probe, provider: str, *, paged: bool) -> Check:
    """Say whether exports are offered, or records by paging; `provider` is the name of the adapter."""
    if probe.offered is False:
        what = "a list of records" if paged else "exports"
        hint = "ask the provider's support"
        if provider in PAGEABLE and not paged:
            hint += f', or collect {PAGEABLE[provider]} by paging: options = {{ collect = "paging" }} in its [[source]]'
        return Check(label, CheckResult.FAIL, f"this account's API does not offer {what}", hint)
    if paged:
        return Check(label, CheckResult.OK, "reachable, the key is accepted, its list of records can be read")
    return Check(
        label, CheckResult.OK, f"reachable, the key is accepted, {counted(probe.listed, 'export')} on its list"
    )


def check_clock(name: str, probe: Probe) -> Check | None:
    """Report how far the provider's clock is from ours; fail where no run would begin; None where it gives no time."""
    if probe.clock_skew is None:
        return None
    seconds = probe.clock_skew.total_seconds()
    verdict = check_skew(name, seconds, Tolerance(skew=SKEW))
    if verdict.fault is None:
        return Check("clock", CheckResult.OK, f"{round(seconds):+d} s from ours, within a second or two of measuring")
    if check_skew(name, seconds, Tolerance()).fault is None:
        return Check("clock", CheckResult.WARN, verdict.words, "check time synchronization")
    words = f"{verdict.words}: nothing is planned or destroyed by such a clock"
    return Check("clock", CheckResult.FAIL, words, "set the clock (timedatectl)")


def notes_of(probe: Probe, configured: int | None) -> list[str]:
    """Return what a look at the provider noted, without advice to set retention_days where it is set."""
    return [note for note in probe.notes if not (configured and note.endswith("set retention_days"))]


def check_retention(label: str, configured: int | None, probe: Probe) -> Iterator[Check]:
    """Tell how long the account's plan keeps records, and where the configuration says something else."""
    reported = probe.retention
    if reported is None:
        return
    days = reported // DAY
    words = f"its plan keeps records for {counted(days, 'day')}"
    if configured is None or configured == days:
        yield Check(label, CheckResult.OK, words)
        return
    hint = "the configured value counts; remove retention_days to use the plan's"
    yield Check(label, CheckResult.WARN, f"{words}, the configuration says {configured}", hint)


def check_settling(plan: Plan, kept: timedelta | None) -> Iterator[Check]:
    """Tell where a stream asks for its windows only when the provider has destroyed what is in them."""
    if kept is None:
        return
    label, words = f"stream {plan.stream.name}", f"records are kept for {kept // DAY} days"
    if asked_after(plan.span, plan.settle) >= kept:
        hint = "shorten settle, or window"
        yield Check(label, CheckResult.FAIL, f"{words}: every window is lost before it settles", hint)
    elif plan.settled_pass is not None and asked_after(plan.span, plan.settled_pass) >= kept:
        yield Check(label, CheckResult.FAIL, f"{words}: the second pass comes too late", "shorten settled_pass")


def _tell(report: SourceReport, provider: Provider, probe: Probe, configured: int | None) -> None:
    """Record the result of the request to the source."""
    paged = provider.capabilities.paged
    report.checks.append(check_offer("records" if paged else "exports", probe, report.provider, paged=paged))
    if probe.offered is None and not paged:
        report.unknown.append("whether exports are offered: the provider does not say before one is requested")
    if probe.offered is not False and not paged:
        report.unknown.append("whether the key may also request and download exports: only the first export shows it")
    clock = check_clock(report.name, probe)
    if clock is None:
        report.unknown.append("the clock: the provider's answers have no Date")
    else:
        report.checks.append(clock)
    report.checks += [Check("note", CheckResult.WARN, note) for note in notes_of(probe, configured)]
    kept = list(check_retention("retention", configured, probe))
    report.checks += kept
    if not kept and provider.limits.retention is not None:
        whose = "configured" if configured else "documented"
        report.ok("retention", f"records are kept for {provider.limits.retention // DAY} days ({whose}, not asked)")
    elif not kept:
        report.unknown.append("how long records are kept: set retention_days for this source")


def _quota(report: SourceReport, provider: Provider, probe: Probe, now: datetime) -> None:
    """Note how much of the quotas is used, by anybody, as the provider's list shows it."""
    limits = provider.limits
    if provider.capabilities.paged:
        report.unknown.append("how many pages may be read in a minute: the provider shows it when it refuses")
        return
    if probe.requests_left is not None:
        report.ok("quota", f"{probe.requests_left} more requests are allowed for now")
    try:
        listed = list(provider.sweep(now - DAY))
    except ProviderError as error:
        report.failed("quota", error)
        return
    if provider.capabilities.match is Match.NONE and not listed:
        report.unknown.append("what counts against the quota: the provider has no list of exports")
        return
    for words, full in _used(limits, listed, now):
        report.checks.append(Check("quota", CheckResult.WARN if full else CheckResult.OK, words, _WAIT if full else ""))
    if limits.concurrent is None and limits.per_hour is None:
        report.unknown.append("how many exports are allowed: the provider documents no quota")
    if any(entry.observation.created_at is None for entry in listed):
        report.unknown.append("how many exports were requested in the last hour: its list does not date all")


_WAIT = "nothing is wrong: exports wait for their turn"


def _used(limits: Limits, listed: list[Listed], now: datetime) -> Iterator[tuple[str, bool]]:
    """Yield each quota in words, and whether it is used up."""
    under_way = sum(entry.observation.status in (ExportStatus.QUEUED, ExportStatus.RUNNING) for entry in listed)
    if limits.concurrent is not None:
        words = f"{under_way} of at most {counted(limits.concurrent, 'export')} {noun_of(under_way, 'is', 'are')}"
        yield f"{words} in progress", under_way >= limits.concurrent
    recent = sum((entry.observation.created_at or now - 2 * HOUR) > now - HOUR for entry in listed)
    if limits.per_hour is not None:
        words = f"{recent} of at most {counted(limits.per_hour, 'export')} {noun_of(recent, 'was', 'were')} requested"
        yield f"{words} in the last hour", recent >= limits.per_hour


def adapters(config: Config) -> list[Offer]:
    """Return every adapter, ours first and those that manifests describe last."""
    # The HTTP library is slow to import: doctor, which lives beside this, may be asked about other things.
    from strongroom.providers.registry import Offer, offers

    described = find_manifests(config.provider.directories)
    return [*offers(), *(Offer(name, f"manifest {path}") for name, path in described.items())]


def brought_by(provider: str, known: list[Offer]) -> str:
    """Return who brings the adapter of this name: "built in", a distribution, or empty for nobody."""
    found = [offer for offer in known if offer.name == provider and not offer.refused]
    return (found[0].distribution or "built in") if found else ""
