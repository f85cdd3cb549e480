"""Figures as text for Prometheus and its kin.

Everything is a gauge, also what only grows: so the text is valid both as OpenMetrics 1.0 and in the older format that
node_exporter's textfile collector reads, which disagree about how counters are named.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from strongroom.engine.monitor.metrics_snapshot import MetricsSnapshot
from strongroom.model.errors import WorldError

if TYPE_CHECKING:
    from prometheus_client.core import Metric


class _Gauges:
    """The figures in the shape that the library writes out."""

    def __init__(self, snapshot: MetricsSnapshot) -> None:
        self._figures = snapshot

    def collect(self) -> Iterator[Metric]:
        """Yield every gauge."""
        yield from self._of_streams()
        yield from self._of_archives()
        yield from self._of_work()
        yield from self._of_the_house()

    def _of_streams(self) -> Iterator[Metric]:
        found = self._figures
        yield _gauge("coverage_age_seconds", "Age of the newest archived window.", "stream", found.coverage_age)
        yield _gauge("at_risk_seconds", "Not archived yet, and soon to be deleted.", "stream", found.at_risk)
        yield _gauge("lost_seconds", "Deleted by the provider before it was archived.", "stream", found.lost)

    def _of_archives(self) -> Iterator[Metric]:
        totals = self._figures.archives
        yield _gauge(
            "archives", "Archives in the vault.", "holding", {name: each.count for name, each in totals.items()}
        )
        delivered = {name: each.size for name, each in totals.items()}
        yield _gauge("delivered_bytes", "Size of the archives, as delivered.", "holding", delivered)
        sealed = {name: each.sealed_size for name, each in totals.items()}
        yield _gauge("sealed_bytes", "Size of the archives on the disk.", "holding", sealed)

    def _of_work(self) -> Iterator[Metric]:
        budgets = self._figures.budgets
        yield _gauge("jobs", "Export jobs.", "state", self._figures.jobs)
        hourly = {name: each.hourly for name, each in budgets.items() if each.hourly is not None}
        yield _gauge("budget_hourly_left", "Exports that the quota still allows in this hour.", "source", hourly)
        concurrent = {name: each.concurrent for name, each in budgets.items() if each.concurrent is not None}
        yield _gauge("budget_concurrent_left", "Exports that the quota still allows at once.", "source", concurrent)

    def _of_the_house(self) -> Iterator[Metric]:
        found = self._figures
        yield _gauge("notices_standing", "Alarms that stand.", "severity", found.alert_records)
        yield _one("heartbeat_timestamp_seconds", "When these figures were taken.", found.at.timestamp())
        if found.scrubbed_at is not None:
            yield _one("scrub_timestamp_seconds", "When the last scrub ended.", found.scrubbed_at.timestamp())
        yield _one("scrub_findings", "Active findings about archives and log.", found.scrub_findings)
        yield _one("scrub_done_ratio", "How much of the current pass is done.", found.scrub_share)
        yield from self._of_copies()
        yield _one("log_entries", "Entries of the evidence log.", found.log_entries)
        yield _one("log_bytes", "Size of the evidence log's file.", found.log_bytes)
        yield _one("disk_free_bytes", "Free space on the vault's file system.", found.free_bytes)

    def _of_copies(self) -> Iterator[Metric]:
        copies = self._figures.copies
        if not copies:
            return
        behind = {name: float(each.backlog.archives) for name, each in copies.items()}
        yield _gauge("copy_behind_archives", "Archives that are missing in a copy of the vault.", "copy", behind)
        complete = {name: each.state.complete_at.timestamp() for name, each in copies.items() if each.state.complete_at}
        yield _gauge("copy_complete_timestamp_seconds", "When a copy of the vault was last complete.", "copy", complete)
        findings = {name: float(each.findings) for name, each in copies.items()}
        yield _gauge("copy_findings", "Objects of a copy that are damaged or missing.", "copy", findings)


def render(snapshot: MetricsSnapshot) -> bytes:
    """Return the figures as text."""
    from prometheus_client.openmetrics.exposition import generate_latest  # only those who measure pay for it

    text: bytes = generate_latest(_Gauges(snapshot))  # type: ignore[no-untyped-call]  # theirs has no types
    return text


def write_textfile(path: Path, text: bytes) -> None:
    """Replace the file as a whole, readable by all: a reader sees the old one or the new one. Raises WorldError."""
    temporary = path.with_name(f".{path.name[:40]}.{os.getpid()}")
    try:
        temporary.unlink(missing_ok=True)
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(text)
            os.fchmod(file.fileno(), 0o644)
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise WorldError(f"the metrics cannot be written to {path}: {error.strerror}") from None


def _gauge(name: str, help_text: str, label: str, values: Mapping[str, float]) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(f"strongroom_{name}", help_text, labels=[label])
    for key, value in sorted(values.items()):
        family.add_metric([key], float(value))
    return family


def _one(name: str, help_text: str, value: float) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    return GaugeMetricFamily(f"strongroom_{name}", help_text, value=float(value))
