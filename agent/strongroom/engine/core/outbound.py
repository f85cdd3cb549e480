"""Sending a few bytes out: to a web address under the HTTP policy, or to a program of the user, both with a limit.

A ping to a dead man's switch is one bare GET. If pings stop, the switch raises the alarm that this program no longer
can. Its address is a secret, because a person who knows it can keep the switch quiet: no message quotes it.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from msgspec import Struct

from strongroom import __version__
from strongroom.model.errors import UsageError, WorldError
from strongroom.model.times import Clock

LARGEST = 1 << 20  # bytes of a response


class Route(Struct, frozen=True):
    """How requests go through the network. Times in seconds."""

    allow_private: bool = False
    ca_file: str | None = None
    proxy: str | None = None
    connect: float = 10.0
    whole: float = 30.0


class HttpRequest(Struct, frozen=True):
    """What is sent."""

    method: str
    body: bytes | None = None  # without one the body of the response is not read
    kind: str = ""  # media type
    below: str | None = None  # replaces the slashes at the end of the address's path


class Signal(StrEnum):
    """What a ping says, in the form of healthchecks.io: the value replaces the slashes at the end of the path."""

    START = "/start"
    SUCCESS = ""
    FAIL = "/fail"
    LOG = "/log"  # noted by the switch without changing anything: for a test


def ping(url: str, signal: Signal, route: Route, clock: Clock) -> None:
    """Send one signal. Raises as `send_request`."""
    send_request(url, HttpRequest("GET", below=signal.value), route, clock)


def send_request(
    url: str, request: HttpRequest, route: Route, clock: Clock, monotonic: Callable[[], float] = time.monotonic
) -> bytes:
    """Send one request, follow no redirect, and return the response's body. The address is never quoted.

    Raises UsageError for an address that cannot be used, WorldError where the request was not accepted.
    """
    # The HTTP library is slow to import: only who sends pays for it.
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
        raise UsageError(f"the address is {error}", hint="it must be like https://example.com/…") from None
    path, mark, query = link.target.partition("?")
    target = link.target if request.below is None else f"{path.rstrip('/')}{request.below}{mark}{query}"
    reach = Reach(route.allow_private, is_loopback(link.origin.host))
    bounds = Bounds(connect=route.connect, read=route.whole, call=route.whole)
    wire = Wire(reach, resolve_by_system, clock, bounds, route.ca_file, route.proxy)
    headers = {"User-Agent": f"strongroom/{__version__}", "Accept": "*/*", "Connection": "close"}
    if request.body is not None:
        headers["Content-Type"] = request.kind
    try:
        reach.admit(link.origin)
        watch = Watch(monotonic, route.whole)
        with wire.exchange(request.method, Link(link.origin, target), headers, request.body, watch) as answer:
            body = bytearray()
            for chunk in answer.chunks() if request.body is not None else ():
                body += chunk
                if len(body) > LARGEST:
                    raise WorldError("the response is too large")
            status = answer.status
    except AddressRefused as error:
        raise WorldError(f"it was not sent: {error}", hint="allow_private_addresses permits it") from None
    except WireFailed as error:
        raise WorldError(f"it did not arrive: {error}", hint="check the network and the address") from None
    if not 200 <= status < 300:
        raise WorldError(f"the response was {status}", hint="check that the address still accepts it")
    return bytes(body)


def run_program(argv: Sequence[str], env: Mapping[str, str], data: bytes, seconds: float) -> None:
    """Run a program without a shell, with `data` as its input and its output discarded.

    Raises WorldError where it cannot be run, fails, or takes longer than `seconds`; its children are killed too.
    """
    import subprocess  # what only looks at deliveries runs none

    try:
        process = subprocess.Popen(
            argv,
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # so that its children can be killed with it
        )
    except OSError as error:
        raise WorldError(f"the program cannot be run: {error.strerror}", hint="check its path and mode") from None
    with process:
        try:
            process.communicate(data, timeout=seconds)
        except subprocess.TimeoutExpired:
            raise WorldError(f"the program took longer than {seconds:g} s and was stopped") from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode != 0:
        raise WorldError(f"the program ended with status {process.returncode}", hint="run it by hand to see why")
