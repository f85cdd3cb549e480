"""The vault in numbers, for monitoring. It contains names from the configuration and counts; never a secret."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from strongroom.engine.copies.copy_status import CopyStatus, known_statuses
from strongroom.engine.core.engine import Engine
from strongroom.engine.monitor.stream_status import StreamStatus
from strongroom.model.alert import Level
from strongroom.model.job import State
from strongroom.model.provider import Limits
from strongroom.model.quota import HOUR
from strongroom.vault.alerts import open_alerts
from strongroom.vault.archives import Totals, archive_totals
from strongroom.vault.files import file_size, is_file
from strongroom.vault.jobs import jobs_by_state
from strongroom.vault.log import last_entry_number
from strongroom.vault.scrubs import count_findings, last_lap, scrubbed_at
from strongroom.vault.sources import usage_of
from strongroom.vault.vault import Vault


class Budget(Struct, frozen=True):
    """What a source's quota still allows; None where there is no limit."""

    hourly: int | None
    concurrent: int | None


class MetricsSnapshot(Struct, frozen=True):
    """Everything that is measured, at one instant."""

    at: datetime
    coverage_age: Mapping[str, float]  # seconds since the end of the newest archived window; absent without one
    at_risk: Mapping[str, float]  # seconds of each stream that are not held and will be destroyed
    lost: Mapping[str, float]  # seconds of each stream that the provider destroyed before they were held
    jobs: Mapping[str, int]  # by state, every state
    archives: Mapping[str, Totals]  # by holding
    budgets: Mapping[str, Budget]
    alert_records: Mapping[str, int]  # standing, by severity, every severity
    scrubbed_at: datetime | None
    scrub_findings: int  # open ones
    scrub_share: float  # of the lap under way, or 1
    copies: Mapping[str, CopyStatus]  # as the log has them
    log_entries: int
    log_bytes: int
    free_bytes: int


def limits_of(engine: Engine) -> Mapping[str, Limits]:
    """Return what each source's provider allows."""
    return {name: source.provider.limits for name, source in engine.sources.items()}


def take_snapshot(
    vault: Vault, stream_statuses: Sequence[StreamStatus], limits: Mapping[str, Limits], now: datetime
) -> MetricsSnapshot:
    """Measure the vault."""
    catalogue, log = vault.catalogue, vault.layout.log
    jobs, standing = jobs_by_state(catalogue), Counter(alert.severity for alert in open_alerts(catalogue))
    return MetricsSnapshot(
        at=now,
        coverage_age={
            stream_status.stream: (now - stream_status.held_until).total_seconds()
            for stream_status in stream_statuses
            if stream_status.held_until is not None
        },
        at_risk={
            stream_status.stream: stream_status.risk.amount.total_seconds() if stream_status.risk else 0.0
            for stream_status in stream_statuses
        },
        lost={
            stream_status.stream: sum(window.length.total_seconds() for window in stream_status.lost)
            for stream_status in stream_statuses
        },
        jobs={state.value: jobs.get(state, 0) for state in State},
        archives=archive_totals(catalogue),
        budgets={source: _budget(vault, source, allowed, now) for source, allowed in limits.items()},
        alert_records={level.value: standing[level.value] for level in Level},
        scrubbed_at=scrubbed_at(catalogue),
        scrub_findings=count_findings(catalogue),
        scrub_share=lap.share if (lap := last_lap(catalogue)) else 0.0,
        copies=known_statuses(vault),
        log_entries=last_entry_number(catalogue),
        log_bytes=file_size(log) if is_file(log) else 0,
        free_bytes=vault.free_bytes(),
    )


def _budget(vault: Vault, source: str, limits: Limits, now: datetime) -> Budget:
    usage = usage_of(vault.catalogue, source, now)
    created = sum(at > now - HOUR for at in usage.created)
    return Budget(_left(limits.per_hour, created), _left(limits.concurrent, usage.running))


def _left(limit: int | None, used: int) -> int | None:
    return None if limit is None else max(0, limit - used)
