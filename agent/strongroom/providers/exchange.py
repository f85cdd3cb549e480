"""One exchange over the wire, as the rest of an adapter sees it: an answer, or that it broke. Needs no HTTP library."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime


class WireFailed(Exception):
    """The exchange broke. `sent` is False only when it is certain that the request did not leave."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


@dataclass(frozen=True, slots=True)
class WireResponse:
    """An answer whose body has not been read."""

    status: int
    headers: Mapping[str, str] = field(repr=False)  # names in lower case, repeated ones joined by ", "
    at: datetime  # when its headers had come, by our clock
    chunks: Callable[[], Iterator[bytes]] = field(repr=False)
    """Yields the body exactly as it came over the wire; raises WireFailed when it breaks, Interrupted on a stop."""
    authenticated: bool = False  # whether the credential went along
