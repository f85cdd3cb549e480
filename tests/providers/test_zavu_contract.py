"""The contract, held by the Zavu adapter against the sandbox over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from kit.http_policies import KEY, TOKEN
from kit.odd_faults import BOUNDS, EMPTY, Ticking, odd_answers, odd_download, spoil_create
from strongroom.model.errors import QuotaExceeded
from strongroom.model.plan import ExportSpec
from strongroom.model.provider import ExportStatus
from strongroom.model.window import Window
from strongroom.providers.contract import ProviderContract
from strongroom.providers.registry import ProviderSettings, build
from strongroom_sandbox.clock import SandboxClock
from strongroom_sandbox.faults import BodyShape, FaultKind, InjectedFault, Length
from strongroom_sandbox.options import ExpiredLook, ZavuOptions
from strongroom_sandbox.recorder import Operation, SandboxOrigin
from strongroom_sandbox.server import Sandbox, SandboxSettings
from strongroom_sandbox.zavu_records import DataOptions

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
DAY = Window(datetime(2026, 10, 30, tzinfo=UTC), datetime(2026, 10, 31, tzinfo=UTC))
FEW = DataOptions(per_day={"messages": 40, "activities": 2})
CUT = InjectedFault(FaultKind.CUT, at=3000)


class ZavuWorld:
    def __init__(self, sandbox: Sandbox, clock: SandboxClock) -> None:
        self.sandbox = sandbox
        self.clock = clock
        self.ticking = Ticking(sandbox)
        settings = ProviderSettings(
            api_key=lambda: KEY,
            clock=clock,
            base_url=sandbox.api_url,
            bounds=BOUNDS,
            monotonic=self.ticking,
        )
        self.provider = build("zavu", settings)
        self.spec = ExportSpec(("messages", "activities"), DAY)
        self.canaries: tuple[str, ...] = (KEY, TOKEN)
        self.credential_headers: tuple[str, ...] = ("authorization",)

    def advance(self, by: timedelta) -> None:
        self.clock.advance(by)

    def finish(self) -> None:
        self.advance(timedelta(minutes=5))

    def expire(self) -> None:
        self.advance(timedelta(hours=24))

    def spoil_create(self, how: str) -> None:
        spoil_create(self, how)

    def spoil_download(self, how: str) -> None:
        bent = {
            "cut": [CUT],
            "cut and reset": [InjectedFault(FaultKind.CUT, at=3000, reset=True)],
            "cut, new etag": [CUT, InjectedFault(FaultKind.NEW_ETAG, nth=2)],
            "cut, wrong range": [CUT, InjectedFault(FaultKind.WRONG_RANGE, nth=2)],
            "cut without length": [InjectedFault(FaultKind.CUT, at=3000, length=Length.ABSENT)],
            "longer": [InjectedFault(FaultKind.CUT, length=Length.OVER)],
            "redirect": [InjectedFault(FaultKind.REDIRECT, hops=3)],
            "redirect across": [InjectedFault(FaultKind.REDIRECT, hops=4, across=True)],
            "too many redirects": [InjectedFault(FaultKind.REDIRECT, hops=6, across=True)],
            "403": [InjectedFault(FaultKind.ANSWER, Operation.DOWNLOAD, status=403)],
            "404": [InjectedFault(FaultKind.ANSWER, Operation.DOWNLOAD, status=404)],
            "500": [InjectedFault(FaultKind.ANSWER, Operation.DOWNLOAD, status=500)],
            "html": [InjectedFault(FaultKind.ANSWER, Operation.DOWNLOAD, status=200, body=BodyShape.HTML)],
            "xml": [InjectedFault(FaultKind.ANSWER, Operation.DOWNLOAD, status=200, body=BodyShape.XML)],
            "reset": [InjectedFault(FaultKind.RESET, Operation.DOWNLOAD)],
        }
        for fault in bent[how]:
            self.sandbox.faults.add(fault)

    def spoil_odd_download(self, how: str) -> None:
        odd_download(self.sandbox, how)

    def spoil_answers(self, how: str) -> bool:
        odd_answers(self.sandbox, self.ticking, how, Operation.GET, Operation.GET)
        return True

    def requests(self) -> int:
        return len(self.sandbox.requests)

    def creates(self) -> int:
        return len(self.sandbox.requests.creates)

    def exports(self) -> int:
        return len(self.sandbox.zavu.jobs)

    def away(self) -> Sequence[dict[str, str]]:
        return [dict(seen.headers) for seen in self.sandbox.requests.all if seen.origin is not SandboxOrigin.API]


def make_world(options: ZavuOptions | None = None) -> Iterator[ZavuWorld]:
    clock = SandboxClock.stopped_at(NOW)
    settings = SandboxSettings(api_key=KEY, token_prefix=TOKEN, zavu=options or ZavuOptions(), data=FEW)
    with Sandbox(settings, clock=clock) as sandbox:
        yield ZavuWorld(sandbox, clock)


class TestZavu(ProviderContract):
    @pytest.fixture(params=["as documented", "null fields, capitals, oldest first"])
    def world(self, request: pytest.FixtureRequest) -> Iterator[ZavuWorld]:
        other = ZavuOptions(null_fields=True, upper_case_status=True, newest_first=False)
        yield from make_world(None if request.param == "as documented" else other)


@pytest.mark.parametrize("look", ZavuOptions.expired_looks)
def test_every_look_of_an_expired_export_means_the_same(look: ExpiredLook) -> None:
    for world in make_world(ZavuOptions(expired=look)):
        contract = ProviderContract()
        contract.test_an_export_past_its_life_is_no_longer_ready(world)


@pytest.mark.parametrize("newest_first", [True, False])
def test_a_sweep_reads_every_page_in_any_order(newest_first: bool) -> None:
    options = ZavuOptions(newest_first=newest_first, page_max=7, page_default=7)
    for world in make_world(options):
        refs = {
            world.sandbox.zavu.add_foreign_job(["messages"], created_at=NOW - timedelta(hours=hours), faults=[EMPTY])
            for hours in range(30)
        }
        assert {entry.observation.ref for entry in world.provider.sweep(NOW - timedelta(days=30))} == refs
        since = NOW - timedelta(hours=9)
        recent = [entry.observation.created_at for entry in world.provider.sweep(since)]
        assert len(recent) == 10
        assert all(created is not None and created >= since for created in recent)


def test_an_export_over_the_quota_says_when_to_come_again() -> None:
    for world in make_world():
        for _ in range(3):
            world.provider.create(world.provider.ask(world.spec))
        with pytest.raises(QuotaExceeded) as caught:
            world.provider.create(world.provider.ask(world.spec))
        assert caught.value.retry_at is None or caught.value.retry_at > NOW
        assert (world.creates(), world.exports()) == (4, 3)


def test_an_export_that_failed_there_says_why() -> None:
    for world in make_world():
        world.sandbox.faults.add(InjectedFault(FaultKind.JOB_FAILS, message=f"broken \x1b[31m for {KEY}"))
        accepted = world.provider.create(world.provider.ask(world.spec))
        assert accepted.observation is not None
        world.finish()
        seen = world.provider.observe([accepted.observation.ref])[accepted.observation.ref]
        assert seen.status is ExportStatus.FAILED
        assert seen.detail == "broken [31m for [hidden]"


def test_the_provider_s_clock_decides_about_expiry() -> None:
    """Our clock is a day behind; the export is dead all the same."""
    for world in make_world():
        accepted = world.provider.create(world.provider.ask(world.spec))
        assert accepted.observation is not None
        ref = accepted.observation.ref
        world.expire()
        behind = build(
            "zavu",
            ProviderSettings(api_key=lambda: KEY, clock=lambda: NOW, base_url=world.sandbox.api_url),
        )
        assert behind.observe([ref])[ref].status is ExportStatus.EXPIRED
        assert behind.probe().clock_skew == timedelta(hours=24)
