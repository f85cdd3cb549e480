"""The API of tests/providers/ninth_api.md, which is no provider's: a server on loopback, made from that page alone."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from strongroom.model.times import Clock, format_instant

TOKEN = "canary-parcelwise-token"
EVERY = 1800  # seconds between two events


@dataclass
class Parcelwise:
    """One account: its orders by number, and each request as method and path."""

    clock: Clock
    orders: dict[str, dict[str, object]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    url: str = ""

    def answer(self, method: str, path: str, token: str, body: bytes) -> tuple[int, bytes]:
        """Return the status and the body for a request."""
        self.requests.append(f"{method} {path}")
        match method, path.removeprefix("/v3").strip("/").split("/"):
            case _ if token != TOKEN:
                return refusal(401, "BAD_TOKEN")
            case "POST", ["orders"]:
                return self._order(json.loads(body))
            case "GET", ["orders"]:
                return 200, json.dumps({"orders": list(reversed(self.orders.values()))}).encode()
            case "GET", ["orders", number] if number in self.orders:
                return 200, json.dumps({"order": self.orders[number]}).encode()
            case "GET", ["orders", number, "file"] if number in self.orders:
                return 200, self._file(self.orders[number])
        return refusal(404, "UNKNOWN")

    def _order(self, asked: dict[str, object]) -> tuple[int, bytes]:
        period = asked.get("period")
        good = isinstance(period, dict) and all(isinstance(period.get(each), int) for each in ("since", "before"))
        if asked.get("what") not in ("events", "depots") or not isinstance(period, dict) or not good:
            return refusal(422, "NOT_AN_ORDER")
        now, number = self.clock(), f"PW-{secrets.token_hex(4)}"
        self.orders[number] = {"number": number, "phase": "PACKED", "what": asked["what"], **period}
        self.orders[number] |= {"ordered": format_instant(now), "keptUntil": format_instant(now + timedelta(days=2))}
        self.orders[number]["lines"] = len(times(self.orders[number]))
        return 202, json.dumps({"order": {"number": number, "phase": "WAITING"}}).encode()

    def _file(self, order: dict[str, object]) -> bytes:
        events = [
            {
                "event": f"E{at}",
                "happened": format_instant(datetime.fromtimestamp(at, UTC)),
                "depot": "Hamburg",
                "consignee": "+4915000001",
                "note": "left with a neighbor",
            }
            for at in times(order)
        ]
        return b"".join(json.dumps(each).encode() + b"\n" for each in events)


def times(order: dict[str, object]) -> range:
    """Return the times of the events that an order holds."""
    since, before = int(str(order["since"])), int(str(order["before"]))
    return range(-(-since // EVERY) * EVERY, before, EVERY)


def refusal(status: int, code: str) -> tuple[int, bytes]:
    """Return a refusal as the page shows it."""
    return status, json.dumps({"error": {"code": code, "text": "It cannot be done."}}).encode()


@contextmanager
def serve(clock: Clock) -> Iterator[Parcelwise]:
    """Serve an account on loopback."""
    account = Parcelwise(clock)

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            token = self.headers.get("parcelwise-token", "")
            status, content = account.answer(self.command, self.path, token, body)
            self.send_response(status)
            self.send_header("content-type", "application/json" if not self.path.endswith("file") else "text/plain")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = answer  # noqa: N815  (names of the base class)

        def date_time_string(self, timestamp: float | None = None) -> str:
            """Return the time of the account's clock for the Date header, by which an expiry is judged."""
            return formatdate(clock().timestamp(), usegmt=True)

        def log_message(self, *_words: object) -> None:
            """Write nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        account.url = f"http://127.0.0.1:{server.server_address[1]}/v3"
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield account
        server.shutdown()
