"""The wire: one request over one fresh connection to a checked address. The only file that uses httpx and httpcore.

There is no `httpx.Client` here on purpose: a client brings default headers, cookies, redirects, environment proxies,
content decoding, connection reuse and log lines with whole addresses, and each of these can leak a credential or a
link. A fresh connection for each request also means that a request never fails on a stale connection, so "certainly
not sent" can be told apart from "possibly sent". Every wait asks the watch first how long it may take.

The libraries' exceptions hold requests and quote headers, so none of them leaves this file, not even as a context.
"""

from __future__ import annotations

import logging
import os
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, partial
from importlib.abc import MetaPathFinder
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import httpcore

from strongroom.model.errors import UsageError
from strongroom.model.times import Clock
from strongroom.providers.addresses import Link, Origin, Reach, Resolver, is_loopback
from strongroom.providers.exchange import WireFailed, WireResponse
from strongroom.providers.limits import Bounds, OutOfTime, Watch


class _WithoutCommandLine(MetaPathFinder):
    """Hides click and pygments from this thread while httpx is imported: its command line would bring them and rich.

    They are a third of httpx's import time and 5 MiB. httpx runs without them: its extra `cli` is optional.
    """

    def __init__(self) -> None:
        self._thread = threading.get_ident()

    def find_spec(self, name: str, _path: object, _target: object = None) -> None:
        if name.partition(".")[0] in ("click", "pygments") and threading.get_ident() == self._thread:
            raise ModuleNotFoundError(f"{name} is not needed here", name=name)


_finder = _WithoutCommandLine()
sys.meta_path.insert(0, _finder)
try:
    import httpx
finally:
    sys.meta_path.remove(_finder)


class Connection(httpcore.NetworkBackend):
    """Connects to the addresses that `find(host, port)` gives, in order, until one of them answers."""

    def __init__(self, watch: Watch, find: Callable[[str, int], list[str]]) -> None:
        self._watch = watch
        self._find = find
        self._dial = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect. The host is looked up here and nowhere else; its name still goes into TLS and the Host header."""
        failure: Exception = httpcore.ConnectError()
        for address in self._find(host, port):
            self._watch.obey()
            left = self._watch.left(timeout, self._watch.now())
            try:
                stream = self._dial.connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                failure = exc
            else:
                return _Stream(stream, self._watch)
        raise failure


_GULP = 256 << 10
"""Bytes read at once during a download: a third of the CPU time that httpcore's own 64 KiB take."""


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, watch: Watch) -> None:
        self._stream = stream
        self._watch = watch

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        since = self._watch.now()
        size = max(max_bytes, _GULP) if self._watch.lifted else max_bytes
        while True:
            began = self._watch.now()
            got = self._wait(size, self._watch.look(timeout, since))
            self._watch.count(self._watch.now() - began, len(got or b""))
            if got is not None:
                return got

    def _wait(self, max_bytes: int, seconds: float) -> bytes | None:
        try:
            return self._stream.read(max_bytes, seconds)
        except httpcore.ReadTimeout:
            return None

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        left = self._watch.left(timeout, self._watch.now())
        self._watch.sent = self._watch.sent or bool(buffer)
        self._stream.write(buffer, left)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._watch.left(timeout, self._watch.now())
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left), self._watch)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


_T = TypeVar("_T")
_TALKERS = ("httpx", *(f"httpcore.{name}" for name in ("connection", "http11", "http2", "proxy", "socks")))


def _chunks(response: httpx.Response, watch: Watch) -> Iterator[bytes]:
    chunks = response.iter_raw()
    while (chunk := _guarded(watch, lambda: next(chunks, None))) is not None:
        yield chunk


class Wire:
    """Sends requests. Keeps no connection and no state between two of them, so threads may share it."""

    def __init__(
        self, reach: Reach, resolve: Resolver, clock: Clock, bounds: Bounds, ca_file: str | None, proxy: str | None
    ) -> None:
        """`ca_file` replaces the built-in roots of trust; `proxy` is used for all but loopback.

        Raises UsageError when either cannot be used.
        """
        _silence()
        self._reach = reach
        self._resolve = resolve
        self._clock = clock
        self._timeouts = {"connect": bounds.connect, "read": bounds.read, "write": bounds.read, "pool": bounds.connect}
        self._ca_file = ca_file
        self._proxy = proxy
        if ca_file is not None:
            _ = self._trust
        if proxy is not None and not (urlsplit(proxy).scheme in ("http", "https") and urlsplit(proxy).hostname):
            raise UsageError("the proxy must be an http or https address", hint="write it like http://proxy:3128")

    @contextmanager
    def exchange(
        self, method: str, link: Link, headers: Mapping[str, str], body: bytes | None, watch: Watch
    ) -> Iterator[WireResponse]:
        """Send one request and give its answer, connection closed at the end.

        Raises WireFailed, AddressRefused, or Interrupted.
        """
        request = httpx.Request(
            method,
            f"{link.origin}/",
            headers=dict(headers),
            content=body,
            extensions={"timeout": self._timeouts},
        )
        with self._pool(link.origin, watch) as pool:
            transport = _Transport(pool, link.target)
            response = _guarded(watch, lambda: transport.handle_request(request))
            try:
                yield WireResponse(
                    response.status_code, dict(response.headers), self._clock(), partial(_chunks, response, watch)
                )
            finally:
                response.close()

    def _pool(self, origin: Origin, watch: Watch) -> httpcore.ConnectionPool:
        trust = self._trust if origin.scheme == "https" else None
        if self._proxy is None or is_loopback(origin.host):
            line = Connection(watch, lambda host, port: self._checked(origin, host, port))
            return httpcore.ConnectionPool(ssl_context=trust, network_backend=line, max_keepalive_connections=0)
        address = urlsplit(self._proxy)
        return httpcore.HTTPProxy(
            proxy_url=f"{address.scheme}://{address.netloc.rpartition('@')[2]}",
            proxy_auth=(unquote(address.username), unquote(address.password or "")) if address.username else None,
            ssl_context=trust,
            proxy_ssl_context=self._trust if address.scheme == "https" else None,
            network_backend=Connection(watch, lambda host, _port: [host]),
            max_keepalive_connections=0,
        )

    def _checked(self, origin: Origin, host: str, port: int) -> list[str]:
        addresses = list(self._resolve(host, port))
        if not addresses:
            raise OSError(f"{host} has no address")
        self._reach.check(origin, addresses)
        return addresses

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        if self._ca_file is None:
            return httpx.create_ssl_context(trust_env=False)
        try:
            return ssl.create_default_context(cafile=self._ca_file)
        except OSError as exc:
            raise UsageError(
                f"ca_file {self._ca_file} holds no certificates that can be read ({exc.strerror or 'not PEM'})",
                hint="it must be a PEM file of the authorities to trust",
            ) from None


class _Transport(httpx.BaseTransport):
    """httpx's requests and answers over a pool of httpcore, where the network itself can be ours."""

    def __init__(self, pool: httpcore.ConnectionPool, target: str) -> None:
        self._pool = pool
        self._target = target.encode("ascii")  # not through httpx, which would quote it anew

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        address = request.url
        answer = self._pool.handle_request(
            httpcore.Request(
                request.method,
                httpcore.URL(scheme=address.raw_scheme, host=address.raw_host, port=address.port, target=self._target),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer), request=request)


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


def _guarded(watch: Watch, work: Callable[[], _T]) -> _T:
    """Do the work; turn a library's failure into ours outside of its `except`, so that it is not even the context."""
    try:
        return work()
    except httpcore.ProxyError:
        failure = WireFailed("the proxy refused to connect", sent=False)
    except (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout) as exc:
        failure = WireFailed(_connect_words(exc), sent=False)
    except (OutOfTime, httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError) as exc:
        failure = WireFailed(_words(exc), sent=watch.sent)
    raise failure


def _connect_words(exc: Exception) -> str:
    """Say why there is no connection; httpcore keeps the system's own error as the argument."""
    cause = exc.args[0] if exc.args else exc
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its TLS certificate is not trusted ({cause.verify_message})"
    if isinstance(cause, ssl.SSLError):
        return "the TLS handshake failed"
    if isinstance(exc, httpcore.ConnectTimeout) or isinstance(cause, TimeoutError):
        return "the connection was not made in time"
    if isinstance(cause, OSError) and cause.errno is not None:
        return f"no connection ({os.strerror(cause.errno).lower()})"
    return "no connection"


def _words(exc: Exception) -> str:
    if isinstance(exc, OutOfTime):
        return str(exc)
    if isinstance(exc, socket.gaierror):
        return "its name could not be resolved"
    if isinstance(exc, httpcore.LocalProtocolError):
        return "the request could not be written as HTTP"
    if isinstance(exc, httpcore.ProtocolError):
        return "the connection ended in the middle, or what came was not HTTP"
    if isinstance(exc, httpcore.TimeoutException):
        return "the connection was idle for too long"
    return "the connection broke"


def _silence() -> None:
    """Keep the libraries from logging: at DEBUG they write redirect targets, which hold tokens."""
    for name in _TALKERS:
        logger = logging.getLogger(name)
        if _drop not in logger.filters:
            logger.addFilter(_drop)


def _drop(_record: logging.LogRecord) -> bool:
    return False
