"""The dead man's switch: one bare GET that says "I live". Whoever misses it raises the alarm that we no longer can.

The address is a secret: who knows it can keep the switch quiet. It goes into no message, a redirect is not followed,
and nothing is sent but the request line; what became of a run is told by the end of the path alone, in the form of
healthchecks.io: /start, /fail, /log, and nothing for success.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct

from strongroom import __version__
from strongroom.model.errors import UsageError, WorldError
from strongroom.model.times import Clock


class Signal(StrEnum):
    """What a ping says; the value is what ends the path."""

    START = "/start"
    SUCCESS = ""
    FAIL = "/fail"
    LOG = "/log"  # noted by the switch without changing anything: for a test


class Ways(Struct, frozen=True):
    """How pings go through the network. Times in seconds."""

    allow_private: bool = False  # a switch on the company's own network
    ca_file: str | None = None
    proxy: str | None = None
    connect: float = 10.0
    whole: float = 20.0


def ping(url: str, signal: Signal, ways: Ways, clock: Clock, monotonic: Callable[[], float] = time.monotonic) -> None:
    """Send one signal. Raises UsageError for an address that cannot be used, WorldError when it is not accepted."""
    # The HTTP library is slow to import: only who pings pays for it.
    from strongroom.providers.addresses import (
        AddressRefused,
        BadLink,
        Link,
        Reach,
        is_loopback,
        parse_link,
        resolve_by_system,
    )
    from strongroom.providers.exchange import WireFailed
    from strongroom.providers.limits import Bounds, Watch
    from strongroom.providers.wire import Wire

    try:
        link = parse_link(url.strip())
    except BadLink as error:
        raise UsageError(f"the ping address is {error}", hint="it must be like https://hc-ping.com/…") from None
    path, mark, query = link.target.partition("?")
    reach = Reach(ways.allow_private, is_loopback(link.origin.host))
    bounds = Bounds(connect=ways.connect, read=ways.whole, call=ways.whole)
    wire = Wire(reach, resolve_by_system, clock, bounds, ways.ca_file, ways.proxy)
    headers = {"User-Agent": f"strongroom/{__version__}", "Accept": "*/*", "Connection": "close"}
    try:
        reach.admit(link.origin)
        target = Link(link.origin, path.rstrip("/") + signal + mark + query)
        with wire.exchange("GET", target, headers, None, Watch(monotonic, ways.whole)) as answer:
            status = answer.status
    except AddressRefused as error:
        raise WorldError(f"the ping was not sent: {error}", hint="allow_private_addresses permits it") from None
    except WireFailed as error:
        raise WorldError(f"the ping did not arrive: {error}", hint="check the network and the address") from None
    if not 200 <= status < 300:
        raise WorldError(f"the ping was answered {status}", hint="check that the switch still has this address")
