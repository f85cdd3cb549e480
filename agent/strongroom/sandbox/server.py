"""The sandbox: simulated export APIs on loopback ports, started in a thread and stopped at once.

Three origins, each on its own port: the API, the storage host its download links point to, and a mirror of the
storage host where redirects can lead. Nothing else than loopback is ever listened on.
"""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import signal
import socket
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from strongroom.model.errors import UsageError, WorldError
from strongroom.model.instants import Chance, Clock
from strongroom.sandbox.archive import ArchiveRoom
from strongroom.sandbox.clock import as_clock
from strongroom.sandbox.control import Control
from strongroom.sandbox.faults import FaultBook
from strongroom.sandbox.recorder import Origin, Recorder, Recording, Requests
from strongroom.sandbox.records import DataOptions, RecordSource
from strongroom.sandbox.storage import Storage
from strongroom.sandbox.wire import Wire, WireProtocol
from strongroom.sandbox.zavu import Zavu
from strongroom.sandbox.zavu_options import ZavuOptions
from strongroom.sandbox.zavu_words import zavu_error

DEFAULT_KEY = "zv_test_sandbox"
"""The API key of a sandbox that was not told another one. It opens nothing else."""


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """How a sandbox is set up; a port of 0 means any free one."""

    api_key: str = DEFAULT_KEY
    token_prefix: str = ""  # put before the token of each download link
    zavu: ZavuOptions = field(default_factory=ZavuOptions)
    data: DataOptions = field(default_factory=DataOptions)
    host: str = "127.0.0.1"
    api_port: int = 0
    storage_port: int = 0
    mirror_port: int = 0


class Sandbox:
    """A running sandbox; use it as a context manager.

    `clock` may be any callable that gives an instant; it is followed, and can still be moved through `sandbox.clock`.
    `faults`, `zavu` and `clock` may be used from any thread. Raises UsageError for a host that is not loopback and
    WorldError when a port is taken.
    """

    def __init__(
        self,
        settings: SandboxSettings | None = None,
        *,
        clock: Clock | None = None,
        chance: Chance = secrets.token_bytes,
    ) -> None:
        self.settings = settings or SandboxSettings()
        self._host = require_loopback(self.settings.host)
        self.clock = as_clock(clock)
        self.faults = FaultBook()
        self._recorder = Recorder(self.clock)
        self._folder = tempfile.TemporaryDirectory(prefix="strongroom-sandbox-")
        self._room = ArchiveRoom(
            Path(self._folder.name), RecordSource(self.settings.data), self.settings.zavu.zip_habits
        )
        self._storage = Storage(self.faults, self.clock, chance, prefix=self.settings.token_prefix)
        self.zavu = Zavu(
            self.settings.zavu,
            self.settings.api_key,
            clock=self.clock,
            chance=chance,
            faults=self.faults,
            storage=self._storage,
            room=self._room,
        )
        self.api_url = ""
        self.storage_url = ""
        self.mirror_url = ""
        self._thread: _ServerThread | None = None

    @property
    def api_key(self) -> str:
        """The key the API accepts."""
        return self.settings.api_key

    @property
    def requests(self) -> Requests:
        """Everything that has arrived so far at any origin."""
        return self._recorder.snapshot()

    def forget_requests(self) -> None:
        """Start recording afresh."""
        self._recorder.clear()

    def start(self) -> Sandbox:
        """Listen, and return once every origin can be asked; a sandbox starts once."""
        wanted = (self.settings.api_port, self.settings.storage_port, self.settings.mirror_port)
        try:
            sockets = _listen(self._host, wanted)
        except WorldError:
            self.stop()
            raise
        self.api_url, self.storage_url, self.mirror_url = (_url(self._host, plug) for plug in sockets)
        self._storage.url, self._storage.mirror_url = self.storage_url, self.mirror_url
        self._thread = _ServerThread(list(zip(self._apps(), sockets, strict=True)))
        self._thread.start()
        return self

    def stop(self) -> None:
        """Drop every connection, end the thread and delete the files; calling it again does nothing."""
        self._room.stop()
        if self._thread is not None:
            self._thread.stop()
            self._thread = None
        self._folder.cleanup()

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _apps(self) -> list[ASGIApp]:
        control = Control(self.faults, self._recorder, self.clock, self.zavu)
        api = Starlette(
            routes=[*control.routes(), *self.zavu.routes()], exception_handlers={HTTPException: _zavu_problem}
        )
        storage = Starlette(routes=self._storage.routes())
        apps: dict[Origin, ASGIApp] = {Origin.API: api, Origin.STORAGE: storage, Origin.MIRROR: storage}
        return [Recording(app, origin, self._recorder, self.clock) for origin, app in apps.items()]


def serve(
    settings: SandboxSettings,
    announce: Callable[[Sandbox], None],
    *,
    clock: Clock | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Run a sandbox in the foreground until SIGINT, SIGTERM or `stop`; `announce` is told once it answers.

    Signals are only listened to in the main thread. Raises UsageError and WorldError as Sandbox does.
    """
    ended = stop or threading.Event()
    with Sandbox(settings, clock=clock) as sandbox, _Signals(ended):
        announce(sandbox)
        ended.wait()


def require_loopback(host: str) -> str:
    """Return the host as an address; raise UsageError when it is not a loopback address."""
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        address = None
    if address is None or not address.is_loopback:
        raise UsageError(
            f"the sandbox listens on loopback addresses only, got {host}",
            hint="it holds invented data, checks one fixed key and can be bent by anyone: use 127.0.0.1",
        )
    return str(address)


class _Signals:
    """Ends the wait on SIGINT and SIGTERM while it is entered, where signals can be listened to at all."""

    def __init__(self, ended: threading.Event) -> None:
        self._ended = ended
        self._former: dict[signal.Signals, object] = {}

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._former[number] = signal.signal(number, lambda *_: self._ended.set())

    def __exit__(self, *_: object) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)  # type: ignore[arg-type]


class _Server(uvicorn.Server):
    """uvicorn without its half-second habits: it wakes when told, and leaves no connection to finish."""

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
            wire: Wire | None = getattr(connection, "wire", None)
            if wire is not None:
                wire.abort()
        await asyncio.gather(*self.server_state.tasks, return_exceptions=True)


class _ServerThread:
    """One event loop in one thread, serving all origins."""

    def __init__(self, origins: list[tuple[ASGIApp, socket.socket]]) -> None:
        self._origins = origins
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._servers: list[_Server] = []
        self._thread = threading.Thread(target=self._run, name="sandbox", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
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


def _listen(host: str, ports: tuple[int, ...]) -> list[socket.socket]:
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


def _url(host: str, plug: socket.socket) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{plug.getsockname()[1]}"


async def _zavu_problem(_request: Request, problem: Exception) -> Response:
    return zavu_error(problem.status_code if isinstance(problem, HTTPException) else 500)
