"""Figures over HTTP, for this very machine: one address, one document, prepared beforehand.

A page in a browser could reach a loopback port under a name of its own making, so a request must call us by a loopback
address or as localhost.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import TracebackType
from urllib.parse import urlsplit

from strongroom.config.schema import Endpoint
from strongroom.model.errors import UsageError, WorldError

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
