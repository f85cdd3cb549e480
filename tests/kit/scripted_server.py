"""A server on 127.0.0.1 that plays one script for each connection: it sees every byte and may answer with any."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]  # lower case
    body: bytes
    raw: bytes


Script = Callable[[Seen, socket.socket], None]


@dataclass
class Server:
    """Answers with `script` until the block ends."""

    script: Script
    seen: list[Seen] = field(default_factory=list)
    greeting: bytes = b""  # said before anything is read
    tls: ssl.SSLContext | None = None

    def __enter__(self) -> Server:
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            for plug in self._open:
                _end(plug)
        for thread in self._threads:
            thread.join(5)

    def _start(self, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                plug, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._open.append(plug)
            self._start(self._serve, plug)

    def _serve(self, plug: socket.socket) -> None:
        try:
            if self.tls is not None:
                plug = self.tls.wrap_socket(plug, server_side=True)
            plug.sendall(self.greeting)
            seen = _read(plug)
            if seen is not None:
                self.seen.append(seen)
                self.script(seen, plug)
        except OSError:
            pass
        finally:
            _end(plug)


def answer(status: int, body: bytes = b"", length: int | None = -1, **headers: str) -> bytes:
    """Write an answer; `length` None leaves Content-Length out, -1 tells the truth. Header names take _ for -."""
    lines = [f"HTTP/1.1 {status} Words"]
    if length is not None:
        lines.append(f"Content-Length: {len(body) if length == -1 else length}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join([*lines, "Connection: close", "", ""])).encode("latin-1") + body


def always(status: int, body: bytes = b"", length: int | None = -1, **headers: str) -> Script:
    """Answer every request alike."""
    return lambda _seen, plug: plug.sendall(answer(status, body, length, **headers))


def redirect(location: Callable[[], str] | str, status: int = 302) -> Script:
    """Answer every request with a redirect; a function is asked at the time."""
    return lambda _seen, plug: plug.sendall(
        answer(status, Location=location if isinstance(location, str) else location())
    )


def reset(plug: socket.socket) -> None:
    """End the connection with a TCP reset."""
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    plug.close()


def hang(_seen: Seen, plug: socket.socket) -> None:
    """Say nothing until the client goes away."""
    plug.recv(1)


def _read(plug: socket.socket) -> Seen | None:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = plug.recv(65536)
        if not chunk:
            return None
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += plug.recv(65536)
    method, target, _ = first.split(" ")
    return Seen(method, target, headers, body, data)


def _end(plug: socket.socket) -> None:
    try:
        plug.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    finally:
        plug.close()
