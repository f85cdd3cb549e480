"""The line: sockets under HTTP. It connects only to addresses it is given, and every wait asks the watch first."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable
from typing import Any

import httpcore

from strongroom.providers.watch import Watch


class Line(httpcore.NetworkBackend):
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
"""Bytes asked for at once while a file runs: a third of the CPU time that httpcore's own 64 KiB take."""


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
