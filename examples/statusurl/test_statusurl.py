"""The contract that Strongroom ships, held by the adapter against its sandbox, and what is its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from statusurl import StatusUrl, build, read_parts
from statusurl_sandbox import LIFE, StatusUrlSandbox

from strongroom.model.errors import AuthRefused, RequestRefused, Unanswered
from strongroom.model.plan import ExportSpec
from strongroom.model.provider import ExportStatus
from strongroom.model.window import Window
from strongroom.providers.answers import Unusable
from strongroom.providers.contract import ProviderContract, Sink, never
from strongroom.providers.limits import Bounds
from strongroom.providers.port import ProviderSettings
from strongroom_sandbox.clock import SandboxClock
from strongroom_sandbox.faults import BodyShape, FaultKind, InjectedFault, Length
from strongroom_sandbox.recorder import Operation, SandboxOrigin

KEY, TOKEN = "canary-key-4411", "canary-token-"
DAY = Window(datetime(2026, 10, 30, tzinfo=UTC), datetime(2026, 10, 31, tzinfo=UTC))
CUT = InjectedFault(FaultKind.CUT, at=3000)
FILE = Operation.DOWNLOAD
DOWNLOADS = {
    "cut": [CUT],
    "cut and reset": [InjectedFault(FaultKind.CUT, at=3000, reset=True)],
    "cut, new etag": [CUT, InjectedFault(FaultKind.NEW_ETAG, nth=2)],
    "cut, wrong range": [CUT, InjectedFault(FaultKind.WRONG_RANGE, nth=2)],
    "cut without length": [InjectedFault(FaultKind.CUT, at=3000, length=Length.ABSENT)],
    "longer": [InjectedFault(FaultKind.CUT, length=Length.OVER)],
    "redirect": [InjectedFault(FaultKind.REDIRECT, hops=3)],
    "redirect across": [InjectedFault(FaultKind.REDIRECT, hops=3, across=True)],
    "too many redirects": [InjectedFault(FaultKind.REDIRECT, hops=7, across=True)],
    "html": [InjectedFault(FaultKind.ANSWER, FILE, status=200, body=BodyShape.HTML)],
    "xml": [InjectedFault(FaultKind.ANSWER, FILE, status=200, body=BodyShape.XML)],
    "reset": [InjectedFault(FaultKind.RESET, FILE)],
}
ODD = {
    "label identity": [InjectedFault(FaultKind.LABEL, name="identity")],
    "label aws-chunked": [InjectedFault(FaultKind.LABEL, name="aws-chunked")],
    "label UTF-8": [InjectedFault(FaultKind.LABEL, name="UTF-8")],
    "empty label": [InjectedFault(FaultKind.LABEL, name="")],
    "label gzip": [InjectedFault(FaultKind.LABEL, name="gzip")],
    "coded": [InjectedFault(FaultKind.CODED)],
    "coded in two members": [InjectedFault(FaultKind.CODED, count=2)],
    "coded without label": [InjectedFault(FaultKind.CODED), InjectedFault(FaultKind.LABEL, name="none")],
    "coded, label aws-chunked": [InjectedFault(FaultKind.CODED), InjectedFault(FaultKind.LABEL, name="aws-chunked")],
    "coded and cut": [InjectedFault(FaultKind.CODED, times=2), InjectedFault(FaultKind.CUT, at=100)],
    "type of a web page": [InjectedFault(FaultKind.MEDIA_TYPE, name="text/html")],
    "type of a document": [InjectedFault(FaultKind.MEDIA_TYPE, name="application/xml")],
    "no type": [InjectedFault(FaultKind.MEDIA_TYPE)],
}


class StatusUrlWorld:
    """The sandbox and the adapter, on one clock."""

    def __init__(self, sandbox: StatusUrlSandbox) -> None:
        self.sandbox = sandbox
        self._hangs: Callable[[], bool] = lambda: False
        self.provider: StatusUrl = build(
            ProviderSettings(
                api_key=lambda: KEY,
                clock=sandbox.clock,
                base_url=sandbox.url,
                bounds=Bounds(read=60, call=60),
                monotonic=self._seconds,
            )
        )
        self.spec = ExportSpec(("AuditEvent", "Communication"), DAY)
        self.canaries: tuple[str, ...] = (KEY, TOKEN)
        self.credential_headers: tuple[str, ...] = ("authorization",)

    def _seconds(self) -> float:
        """Return a monotonic clock's seconds, far ahead as soon as a create that hangs has arrived."""
        return time.monotonic() + 1000 * self._hangs()

    def finish(self) -> None:
        self.sandbox.clock.advance(timedelta(minutes=1))

    def expire(self) -> None:
        self.sandbox.clock.advance(LIFE)

    def spoil_create(self, how: str) -> None:
        word, after = how.split()[0], how.endswith("after")
        kind = {"reset": FaultKind.RESET, "hang": FaultKind.HANG}.get(word, FaultKind.ANSWER)
        status = int(word) if word.isdecimal() else 503
        if kind is FaultKind.HANG:
            done = self.exports if after else self.creates
            before = done()
            self._hangs = lambda: done() > before
        self.sandbox.faults.add(InjectedFault(kind, Operation.CREATE, after=after, status=status, seconds=60))

    def spoil_download(self, how: str) -> None:
        refused = [InjectedFault(FaultKind.ANSWER, FILE, status=int(how))] if how.isdecimal() else []
        for fault in refused or DOWNLOADS[how]:
            self.sandbox.faults.add(fault)

    def spoil_odd_download(self, how: str) -> None:
        self.sandbox.faults.clear()
        for fault in ODD[how]:
            self.sandbox.faults.add(fault)

    def spoil_answers(self, how: str) -> bool:
        return False  # its answers have neither such links nor pages

    def requests(self) -> int:
        return len(self.sandbox.requests)

    def creates(self) -> int:
        return len(self.sandbox.requests.creates)

    def exports(self) -> int:
        return len(self.sandbox.jobs)

    def away(self) -> Sequence[dict[str, str]]:
        return [dict(seen.headers) for seen in self.sandbox.requests.all if seen.origin is not SandboxOrigin.API]


@pytest.fixture
def world() -> Iterator[StatusUrlWorld]:
    clock = SandboxClock.stopped_at(datetime(2026, 11, 1, 12, tzinfo=UTC))
    with StatusUrlSandbox(clock, KEY, TOKEN) as sandbox:
        yield StatusUrlWorld(sandbox)


class TestStatusUrl(ProviderContract):
    """Everything that Strongroom wants of an adapter."""


def make(world: StatusUrlWorld) -> str:
    accepted = world.provider.create(world.provider.ask(world.spec))
    assert accepted.observation is not None
    return accepted.observation.ref


def test_the_manifest_s_files_are_all_there_in_their_order(world: StatusUrlWorld) -> None:
    ref = make(world)
    assert world.provider.observe([ref])[ref].raw_status == "half of it"
    world.finish()
    parts = world.provider.parts(ref)
    assert [part.dataset for part in parts] == ["AuditEvent"] * 2 + ["Communication"] * 2
    for part in parts:
        sink = Sink()
        world.provider.download(part, sink, never)
        assert sink.data.count(b"\n") == part.rows == 60


@pytest.mark.parametrize("base", ["https://elsewhere.example/fhir", "", "{url}/other"])
def test_a_status_url_elsewhere_is_not_followed(world: StatusUrlWorld, base: str) -> None:
    world.sandbox.status_base = base.format(url=world.sandbox.url)
    with pytest.raises(Unanswered, match="status URL"):
        make(world)
    assert {seen.origin for seen in world.sandbox.requests.all} == {SandboxOrigin.API}


def test_a_manifest_that_names_errors_is_no_whole_export(world: StatusUrlWorld) -> None:
    ref = make(world)
    world.finish()
    world.sandbox.jobs[ref].broken = True
    assert world.provider.observe([ref])[ref].status is ExportStatus.FAILED


@pytest.mark.parametrize(
    "manifest",
    [{}, {"output": [{"type": "Patient", "url": "https://x.example/1"}]}, {"output": [{"type": "AuditEvent"}]}],
)
def test_a_file_of_unknown_kind_is_not_passed_over(manifest: dict[str, object]) -> None:
    with pytest.raises(Unusable):
        list(read_parts(manifest))


def test_a_wrong_key_is_reported_by_the_probe(world: StatusUrlWorld) -> None:
    settings = ProviderSettings(api_key=lambda: "wrong", clock=world.sandbox.clock, base_url=world.sandbox.url)
    with pytest.raises(AuthRefused):
        build(settings).probe()


def test_filters_are_refused(world: StatusUrlWorld) -> None:
    with pytest.raises(RequestRefused):
        world.provider.ask(ExportSpec(("AuditEvent",), DAY, (("patient", "1"),)))
