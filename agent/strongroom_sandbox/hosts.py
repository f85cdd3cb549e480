"""The listening side: all origins in one event loop in one thread, which stops at once whatever is going on.

ASGI cannot reset a connection, so each request carries its own connection.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Sequence
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from strongroom.model.errors import WorldError


class SandboxConnection:
    """One client connection; request handlers find it at `request.state.wire`."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._gone = asyncio.Event()

    def lost(self) -> None:
        """Note that the connection has ended."""
        self._gone.set()

    async def close(self) -> None:
        """Send what is buffered, then end the stream, whatever was promised in the headers."""
        self._transport.close()
        await self._gone.wait()

    async def reset(self) -> None:
        """Drop the connection with a TCP reset; bytes still buffered are lost."""
        self.abort()
        await self._gone.wait()

    def abort(self) -> None:
        """Drop the connection without waiting for it."""
        plug = self._transport.get_extra_info("socket")
        if plug is not None and not self._gone.is_set():
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    async def linger(self, seconds: float) -> None:
        """Wait until the client goes away, at most this long in real time."""
        try:
            await asyncio.wait_for(self._gone.wait(), seconds)
        except TimeoutError:
            return


class WireProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 with the connection handed to the application in `scope["state"]`."""

    wire: SandboxConnection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Hand the connection to every request that comes over it."""
        super().connection_made(transport)
        # asyncio does this for sockets that name TCP as their protocol; listening sockets made elsewhere do not, and
        # each answer would then wait some 40 ms for the client's delayed acknowledgement.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.wire = SandboxConnection(transport)
        self.app_state: dict[str, Any] = {**self.app_state, "wire": self.wire}

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake what waits on the connection."""
        super().connection_lost(exc)
        self.wire.lost()


class _Server(uvicorn.Server):
    """uvicorn without its half-second polling: it stops at once, and leaves no connection to finish."""

    def __init__(self, app: ASGIApp) -> None:
        # Answers are dated by the sandbox's clock, not by uvicorn's.
        config = uvicorn.Config(
            app,
            http=WireProtocol,
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            date_header=False,
            timeout_keep_alive=75,  # as real servers do: clients keep idle connections and expect them to live
            server_header=False,
        )
        super().__init__(config)
        self.leave = asyncio.Event()

    async def main_loop(self) -> None:
        await self.leave.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listener in self.servers:
            listener.close()
        for plug in sockets or ():
            plug.close()
        for connection in list(self.server_state.connections):
            wire: SandboxConnection | None = getattr(connection, "wire", None)
            if wire is not None:
                wire.abort()
        await asyncio.gather(*self.server_state.tasks, return_exceptions=True)


class HostThread:
    """One event loop in one thread, serving all origins."""

    def __init__(self, origins: list[tuple[ASGIApp, socket.socket]]) -> None:
        self._origins = origins
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._servers: list[_Server] = []
        self._thread = threading.Thread(target=self._run, name="sandbox", daemon=True)

    def start(self) -> None:
        """Return once every origin can be asked."""
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """Drop every connection and end the thread."""
        if self._loop is not None:
            for server in self._servers:
                self._loop.call_soon_threadsafe(server.leave.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._servers = [_Server(app) for app, _ in self._origins]
        plugs = [plug for _, plug in self._origins]
        self._ready.set()
        await asyncio.gather(*(s.serve(sockets=[p]) for s, p in zip(self._servers, plugs, strict=True)))


def listen(host: str, ports: Sequence[int]) -> list[socket.socket]:
    """Return a listening socket for each port, 0 being any free one; raise WorldError, and leave none open."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sockets: list[socket.socket] = []
    for port in ports:
        try:
            # Listening from here on: a request sent before the loop runs waits instead of being refused.
            sockets.append(socket.create_server((host, port), family=family, backlog=256))
        except OSError as problem:
            for plug in sockets:
                plug.close()
            raise WorldError(
                f"the sandbox cannot listen on {host} port {port}: {problem.strerror}",
                hint="choose another port, or 0 for any free one",
            ) from problem
    return sockets


def url_of(host: str, plug: socket.socket) -> str:
    """Return the address of a listening socket as a URL."""
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{plug.getsockname()[1]}"
