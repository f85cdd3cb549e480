"""Below HTTP: how a connection ends. ASGI has no word for a reset, so each request carries its own connection."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol


class Wire:
    """One client connection; request handlers find it at `request.state.wire`."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._gone = asyncio.Event()

    def lost(self) -> None:
        """Note that the connection is no more."""
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

    wire: Wire

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give the connection to every request that comes over it."""
        super().connection_made(transport)
        # asyncio does this for sockets that name TCP as their protocol; listening sockets made elsewhere do not, and
        # each answer would then wait some 40 ms for the client's delayed acknowledgement.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.wire = Wire(transport)
        self.app_state: dict[str, Any] = {**self.app_state, "wire": self.wire}

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits on the connection."""
        super().connection_lost(exc)
        self.wire.lost()


class Silence(Response):
    """No answer at all: the client waits up to `seconds` of real time, then the connection is reset."""

    def __init__(self, seconds: float = 0) -> None:
        super().__init__()
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  (ASGI's signature)
        """Say nothing, then drop the connection."""
        wire: Wire = scope["state"]["wire"]
        await wire.linger(self._seconds)
        await wire.reset()
