"""Who may ask Qlara, and how often: a key or a user with a password, listed addresses, permissions, two rates."""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from strongroom.sandbox.qlara_answers import qlara_error
from strongroom.sandbox.qlara_options import QlaraOptions
from strongroom.sandbox.quota import FixedWindow, Reading
from strongroom.sandbox.recorder import Operation


@dataclass(frozen=True, slots=True)
class Pass:
    """What the rates say to one request."""

    minute: Reading
    second: Reading
    at: datetime

    @property
    def wait(self) -> int | None:
        """The seconds until another request fits, None when this one does."""
        full = [reading for reading in (self.minute, self.second) if not reading.allowed]
        return max((reading.wait(self.at) for reading in full), default=None)

    def headers(self) -> dict[str, str]:
        """Return what every answer says of the rate."""
        return {"X-RateLimit-Limit": str(self.minute.limit), "X-RateLimit-Remaining": str(self.minute.remaining)}


class QlaraGate:
    """Checks requests before anything is done for them."""

    def __init__(self, options: QlaraOptions, api_key: str, user: str, password: str) -> None:
        self._options = options
        self._key = api_key.encode()
        self._basic = b"Basic " + base64.b64encode(f"{user}:{password}".encode())
        self._minute = FixedWindow(options.requests_per_minute, timedelta(minutes=1))
        self._second = FixedWindow(options.requests_per_second, timedelta(seconds=1))

    def count(self, now: datetime) -> Pass:
        """Count one request against both rates."""
        return Pass(self._minute.count(now), self._second.count(now), now)

    def refusal(self, request: Request, operation: Operation, reading: Pass) -> Response | None:
        """Return the refusal of this request, or None when it may go on."""
        address = request.client.host if request.client else ""
        allowed = self._options.allowed_ips
        if allowed is not None and address not in allowed:
            return qlara_error(403, message="Address not allowed")
        if not self._knows(request):
            return qlara_error(401)
        if operation in self._options.forbidden:
            return qlara_error(403, message="The API key has no permission for this")
        return None if reading.wait is None else self.too_many(reading.wait)

    def too_many(self, wait: int | None, message: str = "") -> Response:
        """Return a 429 that says how long to wait, where that is known."""
        response = qlara_error(429, message=message, details=None if wait is None else {"retryAfter": wait})
        if self._options.retry_after_header and wait is not None:
            response.headers["Retry-After"] = str(wait)
        return response

    def _knows(self, request: Request) -> bool:
        key = request.headers.get("x-api-key", "").encode()
        basic = request.headers.get("authorization", "").encode()
        return hmac.compare_digest(key, self._key) or hmac.compare_digest(basic, self._basic)
