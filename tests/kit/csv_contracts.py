"""The worlds of the two providers that deliver CSV, on one sandbox each."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from kit.http_policies import KEY, TOKEN
from kit.odd_faults import BOUNDS, Ticking, odd_answers, odd_download, spoil_create
from strongroom.model.plan import ExportSpec
from strongroom.model.window import Window
from strongroom.providers.hookbridge import build_hookbridge
from strongroom.providers.port import Provider as Adapter
from strongroom.providers.port import ProviderSettings
from strongroom.providers.qlara import build_qlara
from strongroom_sandbox.clock import SandboxClock
from strongroom_sandbox.faults import BodyShape, FaultKind, InjectedFault, Length
from strongroom_sandbox.options import Download, HookBridgeOptions, ListEnvelope, QlaraOptions
from strongroom_sandbox.recorder import Operation, ProviderName, SandboxOrigin
from strongroom_sandbox.records import RowOptions
from strongroom_sandbox.server import Sandbox, SandboxSettings

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
DAY = Window(datetime(2026, 10, 30, tzinfo=UTC), datetime(2026, 10, 31, tzinfo=UTC))
FEW = RowOptions(per_day={"outbound": 40, "inbound": 30, "api": 40, "campaign": 20, "console": 4, "contacts": 2})
LOGIN = ("canary_user_3", "canary_pass_6Yt1")
BASIC = base64.b64encode(":".join(LOGIN).encode()).decode()
Builder = Callable[[ProviderSettings], Adapter]
CUT = InjectedFault(FaultKind.CUT, at=3000)


def bent_downloads(how: str) -> list[InjectedFault]:
    """Return what makes the next download go wrong as the contract says."""
    bent = {
        "cut": [CUT],
        "cut and reset": [InjectedFault(FaultKind.CUT, at=3000, reset=True)],
        "cut, new etag": [CUT, InjectedFault(FaultKind.NEW_ETAG, nth=2)],
        "cut, wrong range": [CUT, InjectedFault(FaultKind.WRONG_RANGE, nth=2)],
        "cut without length": [InjectedFault(FaultKind.CUT, at=3000, length=Length.ABSENT)],
        "longer": [InjectedFault(FaultKind.CUT, length=Length.OVER)],
        "redirect": [InjectedFault(FaultKind.REDIRECT, Operation.DOWNLOAD, hops=3)],
        "redirect across": [InjectedFault(FaultKind.REDIRECT, Operation.DOWNLOAD, hops=3, across=True)],
        "too many redirects": [InjectedFault(FaultKind.REDIRECT, Operation.DOWNLOAD, hops=7, across=True)],
        "403": [InjectedFault(FaultKind.ANSWER, Operation.DOWNLOAD, status=403)],
        "404": [InjectedFault(FaultKind.ANSWER, Operation.DOWNLOAD, status=404)],
        "500": [InjectedFault(FaultKind.ANSWER, Operation.DOWNLOAD, status=500)],
        "html": [InjectedFault(FaultKind.ANSWER, Operation.DOWNLOAD, status=200, body=BodyShape.HTML)],
        "xml": [InjectedFault(FaultKind.ANSWER, Operation.DOWNLOAD, status=200, body=BodyShape.XML)],
        "reset": [InjectedFault(FaultKind.RESET, Operation.DOWNLOAD)],
    }
    return bent[how]


class CsvWorld:
    """One provider with one key, and its adapter."""

    def __init__(
        self,
        kind: ProviderName,
        sandbox: Sandbox,
        clock: SandboxClock,
        dataset: str,
        auth: str = "key",
        own: Mapping[str, str] | None = None,
        build: Builder | None = None,
    ) -> None:
        self.sandbox = sandbox
        self.clock = clock
        self.kind = kind
        self.home = SandboxOrigin.HOOKBRIDGE if kind is ProviderName.HOOKBRIDGE else SandboxOrigin.QLARA
        url = sandbox.hookbridge_url if kind is ProviderName.HOOKBRIDGE else sandbox.qlara_url
        secret = ":".join(LOGIN) if auth == "basic" else KEY
        self.ticking = Ticking(sandbox)
        settings = ProviderSettings(
            api_key=lambda: secret,
            clock=clock,
            base_url=url,
            bounds=BOUNDS,
            monotonic=self.ticking,
            options={**({"auth": auth} if kind is ProviderName.QLARA and not build else {}), **(own or {})},
        )
        self._settings = settings
        self._build = build or (build_hookbridge if kind is ProviderName.HOOKBRIDGE else build_qlara)
        self.provider = self.restarted()
        self.spec = ExportSpec((dataset,), DAY)
        self.canaries: tuple[str, ...] = (BASIC if auth == "basic" else KEY, TOKEN, LOGIN[1])
        self.credential_headers: tuple[str, ...] = ("authorization", "x-api-key")

    def restarted(self) -> Adapter:
        """Return an adapter that remembers nothing, as after a restart of our process."""
        return self._build(self._settings)

    def advance(self, by: timedelta) -> None:
        self.clock.advance(by)

    def finish(self) -> None:
        self.advance(timedelta(minutes=5))

    def expire(self) -> None:
        self.advance(timedelta(days=8))

    def spoil_create(self, how: str) -> None:
        spoil_create(self, how)

    def spoil_download(self, how: str) -> None:
        for fault in bent_downloads(how):
            self.sandbox.faults.add(fault)

    def spoil_odd_download(self, how: str) -> None:
        odd_download(self.sandbox, how)

    def spoil_answers(self, how: str) -> bool:
        hookbridge, qlara = self.sandbox.settings.hookbridge, self.sandbox.settings.qlara
        if "link" in how and hookbridge and hookbridge.download is Download.DIRECT:
            return False
        if how.endswith(("page", "list")) and qlara and qlara.envelope is not ListEnvelope.CONTENT:
            return False  # its list cannot say that it goes on
        shown = Operation.GET if hookbridge else Operation.LIST
        odd_answers(self.sandbox, self.ticking, how, Operation.LINK, shown)
        return True

    def requests(self) -> int:
        return len(self.sandbox.requests)

    def creates(self) -> int:
        return len(self.sandbox.requests.creates)

    def exports(self) -> int:
        return len(self._account.jobs)

    def away(self) -> Sequence[dict[str, str]]:
        return [dict(seen.headers) for seen in self.sandbox.requests.all if seen.origin is not self.home]

    def close(self) -> None:
        """Hold what must be true of every run: no credential went anywhere but home."""
        for secret in self.canaries:
            if secret != TOKEN:
                assert self.sandbox.requests.leaked(secret, self.home) == ()

    @property
    def _account(self):  # type: ignore[no-untyped-def]
        return self.sandbox.hookbridge if self.kind is ProviderName.HOOKBRIDGE else self.sandbox.qlara


@contextmanager
def csv_world(
    options: HookBridgeOptions | QlaraOptions,
    dataset: str,
    *,
    auth: str = "key",
    own: Mapping[str, str] | None = None,
    build: Builder | None = None,
) -> Iterator[CsvWorld]:
    """Start a sandbox of the provider whose options these are; `build` makes another adapter than the built-in one."""
    clock = SandboxClock.stopped_at(NOW)
    hook = isinstance(options, HookBridgeOptions)
    settings = SandboxSettings(
        hookbridge_key=KEY,
        qlara_key=KEY,
        qlara_login=LOGIN,
        token_prefix=TOKEN,
        hookbridge=options if isinstance(options, HookBridgeOptions) else None,
        qlara=options if isinstance(options, QlaraOptions) else None,
        rows=FEW,
    )
    with Sandbox(settings, clock=clock) as sandbox:
        kind = ProviderName.HOOKBRIDGE if hook else ProviderName.QLARA
        world = CsvWorld(kind, sandbox, clock, dataset, auth, own, build)
        yield world
        world.close()
