"""Figures as text for Prometheus and its kin.

Everything is a gauge, also what only grows: so the text is valid both as OpenMetrics 1.0 and in the older format that
node_exporter's textfile collector reads, which disagree about how counters are named.

Figures over HTTP, for this very machine: one address, one document, prepared beforehand.

A page in a browser could reach a loopback port under a name of its own making, so a request must call us by a loopback
address or as localhost.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from strongroom.config.outgoing import Endpoint
from strongroom.engine.monitor.metrics_snapshot import MetricsSnapshot
from strongroom.model.errors import UsageError, WorldError

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
        yield _gauge("coverage_age_seconds", "Since the end of the newest held window.", "stream", found.coverage_age)
        yield _gauge("at_risk_seconds", "Not held yet, and to be destroyed by the provider.", "stream", found.at_risk)
        yield _gauge("lost_seconds", "Destroyed by the provider before it was held.", "stream", found.lost)

    def _of_archives(self) -> Iterator[Metric]:
        totals = self._figures.archives
        yield _gauge(
            "archives", "Archives in the vault.", "holding", {name: each.count for name, each in totals.items()}
        )
        delivered = {name: each.size for name, each in totals.items()}
        yield _gauge("delivered_bytes", "What the archives hold, as delivered.", "holding", delivered)
        sealed = {name: each.sealed_size for name, each in totals.items()}
        yield _gauge("sealed_bytes", "What the archives take on the disk.", "holding", sealed)

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
        yield _one("scrub_findings", "What stands against archives and log.", found.scrub_findings)
        yield _one("scrub_done_ratio", "How much of the lap under way is read.", found.scrub_share)
        yield _one("log_entries", "Entries of the evidence log.", found.log_entries)
        yield _one("log_bytes", "Size of the evidence log's file.", found.log_bytes)
        yield _one("disk_free_bytes", "Free on the vault's file system.", found.free_bytes)


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


OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PLAIN = "text/plain; version=0.0.4; charset=utf-8"
PATIENCE = 2.0  # seconds for a request to come; one is answered at a time


class MetricsServer:
    """Answers GET /metrics with the text it was last given. A context manager."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Begin to listen. Raises UsageError off loopback and WorldError where the port cannot be had."""
        if not ipaddress.ip_address(endpoint.host).is_loopback:
            raise UsageError(f"metrics are served on loopback alone, not on {endpoint.host}", hint="listen = 127.0.0.1")
        try:
            self._server = _Server(endpoint)
        except OSError as error:
            raise WorldError(f"the metrics cannot be served at {endpoint}: {error.strerror}") from None
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.25,), name="metrics", daemon=True)
        self._thread.start()

    def __enter__(self) -> MetricsServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def host(self) -> str:
        """The address that is listened to."""
        return str(self._server.server_address[0])

    @property
    def port(self) -> int:
        """The port that is listened to."""
        return int(self._server.server_address[1])

    def show(self, text: bytes) -> None:
        """Answer with this from now on."""
        self._server.text = text

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(HTTPServer):
    text = b"# EOF\n"

    def __init__(self, endpoint: Endpoint) -> None:
        self.address_family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
        super().__init__((endpoint.host, endpoint.port), _Handler)

    def server_bind(self) -> None:
        """Bind without the look-up of our own name that the standard library adds."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that goes away is not our trouble."""


class _Handler(BaseHTTPRequestHandler):
    timeout = PATIENCE
    server_version = "strongroom"
    sys_version = ""
    server: _Server

    def do_GET(self) -> None:
        """Answer the one question."""
        if not _names_loopback(self.headers.get("Host", "")):
            self._answer(HTTPStatus.MISDIRECTED_REQUEST, "text/plain", b"")
        elif urlsplit(self.path).path != "/metrics":
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"")
        else:
            openmetrics = "application/openmetrics-text" in self.headers.get("Accept", "")
            self._answer(HTTPStatus.OK, OPENMETRICS if openmetrics else PLAIN, self.server.text)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)


def _names_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
