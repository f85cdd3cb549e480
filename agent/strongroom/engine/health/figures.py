"""The vault in numbers, for whoever draws curves of it. Names from the configuration and counts; never a secret."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from strongroom.engine.coverage.sights import Sight
from strongroom.engine.engine import Engine
from strongroom.model.alarm import Level
from strongroom.model.budget import HOUR
from strongroom.model.job import State
from strongroom.model.provider import Limits
from strongroom.vault.archives import Totals, archive_totals
from strongroom.vault.jobs import jobs_by_state
from strongroom.vault.notices import standing_notices
from strongroom.vault.scrubs import count_findings, last_lap
from strongroom.vault.sources import usage_of
from strongroom.vault.vault import Vault
from strongroom.vault.vaultfiles import file_size, is_file
from strongroom.vault.watching import last_entry_number, scrubbed_at


@dataclass(frozen=True, slots=True)
class Budget:
    """What a source's quota still allows; None where there is no limit."""

    hourly: int | None
    concurrent: int | None


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that is measured, at one instant."""

    at: datetime
    coverage_age: Mapping[str, float]  # seconds since the end of the newest held window; a stream without one is absent
    at_risk: Mapping[str, float]  # seconds of each stream that are not held and will be destroyed
    lost: Mapping[str, float]  # seconds of each stream that the provider destroyed before they were held
    jobs: Mapping[str, int]  # by state, every state
    archives: Mapping[str, Totals]  # by holding
    budgets: Mapping[str, Budget]
    notices: Mapping[str, int]  # standing, by severity, every severity
    scrubbed_at: datetime | None
    scrub_findings: int  # what stands
    scrub_share: float  # of the lap under way, or 1
    log_entries: int
    log_bytes: int
    free_bytes: int


def limits_of(engine: Engine) -> Mapping[str, Limits]:
    """Return what each source's provider allows."""
    return {name: source.provider.limits for name, source in engine.sources.items()}


def figures_of(vault: Vault, sights: Sequence[Sight], limits: Mapping[str, Limits], now: datetime) -> Figures:
    """Measure the vault."""
    catalogue, log = vault.catalogue, vault.layout.log
    jobs, standing = jobs_by_state(catalogue), Counter(notice.severity for notice in standing_notices(catalogue))
    return Figures(
        at=now,
        coverage_age={
            sight.stream: (now - sight.held_until).total_seconds() for sight in sights if sight.held_until is not None
        },
        at_risk={sight.stream: sight.risk.amount.total_seconds() if sight.risk else 0.0 for sight in sights},
        lost={sight.stream: sum(window.length.total_seconds() for window in sight.lost) for sight in sights},
        jobs={state.value: jobs.get(state, 0) for state in State},
        archives=archive_totals(catalogue),
        budgets={source: _budget(vault, source, allowed, now) for source, allowed in limits.items()},
        notices={level.value: standing[level.value] for level in Level},
        scrubbed_at=scrubbed_at(catalogue),
        scrub_findings=count_findings(catalogue),
        scrub_share=lap.share if (lap := last_lap(catalogue)) else 0.0,
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
