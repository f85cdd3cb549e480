"""The sandbox: simulated export APIs on loopback ports, started in a thread and stopped at once.

Each API is an origin on a port of its own: Zavu's always, those of HookBridge and Qlara where the settings have them.
All share the storage host that their download links point to, and a mirror of it where redirects can lead. A sandbox
listens only on loopback.
"""

from __future__ import annotations

import secrets
import signal
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from strongroom.model.errors import UsageError, WorldError
from strongroom.model.times import Chance, Clock
from strongroom_sandbox.api import ProviderApi, Services
from strongroom_sandbox.clock import as_clock
from strongroom_sandbox.control import Control
from strongroom_sandbox.faults import FaultBook
from strongroom_sandbox.hosts import HostThread, listen, url_of
from strongroom_sandbox.recorder import LeakedCredentials, Recorder, Recording, Requests, SandboxOrigin
from strongroom_sandbox.settings import DEFAULT_KEY as DEFAULT_KEY
from strongroom_sandbox.settings import QLARA_PATH
from strongroom_sandbox.settings import SandboxSettings as SandboxSettings
from strongroom_sandbox.settings import require_loopback as require_loopback
from strongroom_sandbox.storage import Storage
from strongroom_sandbox.zavu import ZavuApi

if TYPE_CHECKING:
    from strongroom_sandbox.hookbridge import HookBridgeApi
    from strongroom_sandbox.qlara import QlaraApi

ApiT = TypeVar("ApiT")


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
        random_bytes: Chance = secrets.token_bytes,
    ) -> None:
        self.settings = settings or SandboxSettings()
        self._host = require_loopback(self.settings.host)
        self.clock = as_clock(clock)
        self.faults = FaultBook()
        self._recorder = Recorder(self.clock, LeakedCredentials(self.settings.homes))
        self._folder = tempfile.TemporaryDirectory(prefix="strongroom-sandbox-")
        self._storage = Storage(self.faults, self.clock, random_bytes, prefix=self.settings.token_prefix)
        services = Services(self.clock, random_bytes, self.faults, self._storage, Path(self._folder.name))
        self.zavu = ZavuApi(self.settings.zavu, self.settings.data, self.settings.api_key, services)
        self._hookbridge = _open_hookbridge(self.settings, services)
        self._qlara = _open_qlara(self.settings, services)
        self._urls: dict[SandboxOrigin, str] = {}
        self._thread: HostThread | None = None

    @property
    def hookbridge(self) -> HookBridgeApi:
        """HookBridge's project; raise UsageError when the settings have none."""
        return _required(self._hookbridge, "hookbridge")

    @property
    def qlara(self) -> QlaraApi:
        """Qlara's account; raise UsageError when the settings have none."""
        return _required(self._qlara, "qlara")

    @property
    def api_url(self) -> str:
        """Where Zavu's API answers; empty before the start, like all of these."""
        return self._urls.get(SandboxOrigin.API, "")

    @property
    def hookbridge_url(self) -> str:
        """Where HookBridge's API answers."""
        return self._urls.get(SandboxOrigin.HOOKBRIDGE, "")

    @property
    def qlara_url(self) -> str:
        """Where Qlara's API answers, with the base path of its exports."""
        return self._urls[SandboxOrigin.QLARA] + QLARA_PATH if SandboxOrigin.QLARA in self._urls else ""

    @property
    def storage_url(self) -> str:
        """Where the links of all providers lead."""
        return self._urls.get(SandboxOrigin.STORAGE, "")

    @property
    def mirror_url(self) -> str:
        """Where redirects from storage can lead."""
        return self._urls.get(SandboxOrigin.MIRROR, "")

    @property
    def api_key(self) -> str:
        """The key the API accepts."""
        return self.settings.api_key

    @property
    def requests(self) -> Requests:
        """Everything that has arrived so far at any origin."""
        return self._recorder.snapshot()

    def forget_requests(self) -> None:
        """Forget the recorded requests."""
        self._recorder.clear()

    def start(self) -> Sandbox:
        """Listen, and return once every origin can be asked; a sandbox starts once."""
        apps = self._apps()
        try:
            sockets = listen(self._host, [self.settings.ports[origin] for origin in apps])
        except WorldError:
            self.stop()
            raise
        self._urls = {origin: url_of(self._host, plug) for origin, plug in zip(apps, sockets, strict=True)}
        self._storage.url, self._storage.mirror_url = self.storage_url, self.mirror_url
        self._thread = HostThread(list(zip(apps.values(), sockets, strict=True)))
        self._thread.start()
        return self

    def stop(self) -> None:
        """Drop every connection, end the thread and delete the files; calling it again does nothing."""
        for api in self._apis.values():
            api.stop()
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

    @property
    def _apis(self) -> dict[SandboxOrigin, ProviderApi[Any]]:
        apis = {
            SandboxOrigin.API: self.zavu,
            SandboxOrigin.HOOKBRIDGE: self._hookbridge,
            SandboxOrigin.QLARA: self._qlara,
        }
        return {origin: api for origin, api in apis.items() if api is not None}

    def _apps(self) -> dict[SandboxOrigin, ASGIApp]:
        apis = self._apis
        control = Control(self.faults, self._recorder, self.clock, {api.provider: api for api in apis.values()})
        routes = {origin: api.routes() for origin, api in apis.items()}
        routes[SandboxOrigin.API] += control.routes()
        storage = Starlette(routes=self._storage.routes())
        apps: dict[SandboxOrigin, ASGIApp] = {
            **{origin: _app(routes[origin], api.refuse) for origin, api in apis.items()},
            SandboxOrigin.STORAGE: storage,
            SandboxOrigin.MIRROR: storage,
        }
        return {origin: Recording(app, origin, self._recorder, self.clock) for origin, app in apps.items()}


def _open_hookbridge(settings: SandboxSettings, services: Services) -> HookBridgeApi | None:
    if settings.hookbridge is None:
        return None
    # Imported only where it is used, like Qlara: a sandbox with only Zavu starts sooner without them.
    from strongroom_sandbox.hookbridge import HookBridgeApi

    return HookBridgeApi(settings.hookbridge, settings.rows, settings.hookbridge_key, services)


def _open_qlara(settings: SandboxSettings, services: Services) -> QlaraApi | None:
    if settings.qlara is None:
        return None
    from strongroom_sandbox.qlara import QlaraApi

    return QlaraApi(settings.qlara, settings.rows, settings.qlara_key, settings.qlara_login, services)


def serve(
    settings: SandboxSettings,
    announce: Callable[[Sandbox], None],
    *,
    clock: Clock | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Run a sandbox in the foreground until SIGINT, SIGTERM or `stop`; `announce` is called once it answers.

    Signals are only listened to in the main thread. Raises UsageError and WorldError as Sandbox does.
    """
    ended = stop or threading.Event()
    with Sandbox(settings, clock=clock) as sandbox, _Signals(ended):
        announce(sandbox)
        ended.wait()


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


def _app(routes: list[Route], refuse: Callable[[int], Response]) -> Starlette:
    async def problem(_request: Request, problem: Exception) -> Response:
        return refuse(problem.status_code if isinstance(problem, HTTPException) else 500)

    return Starlette(routes=routes, exception_handlers={HTTPException: problem})


def _required(api: ApiT | None, name: str) -> ApiT:
    if api is None:
        raise UsageError(f"this sandbox has no {name}", hint=f"give its settings options for {name}")
    return api
