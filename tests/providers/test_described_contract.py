"""The contract, met by manifests written from documents, each against a sandbox that is made from it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from kit.csv_contracts import DAY, bent_downloads
from kit.http_policies import KEY
from kit.http_policies import TOKEN as LINK_TOKEN
from kit.manifests import GALLERY, SHORTEST
from kit.odd_faults import BOUNDS, odd_answers, odd_download, spoil_create
from strongroom.config.manifest import load_manifest, parse_manifest
from strongroom.model.errors import Transient
from strongroom.model.manifest import Manifest
from strongroom.model.plan import ExportSpec
from strongroom.model.provider import ExportStatus
from strongroom.providers.contract import LONG_AGO, OVER, UNDER_WAY, ProviderContract, Sink, never
from strongroom.providers.manifest_provider import build_manifest
from strongroom.providers.manifest_request import make_ask, read_bound, write_create
from strongroom.providers.port import ProviderSettings
from strongroom_sandbox.clock import SandboxClock
from strongroom_sandbox.described import LIFE, TOKEN, DescribedSandbox
from strongroom_sandbox.faults import FaultKind, InjectedFault
from strongroom_sandbox.recorder import Operation, SandboxOrigin

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


class DescribedWorld:
    """The sandbox and the adapter of one manifest, on one clock."""

    def __init__(self, manifest: Manifest, sandbox: DescribedSandbox, clock: SandboxClock) -> None:
        self.manifest, self.sandbox, self.clock = manifest, sandbox, clock
        self.ticking = Seconds()
        secret = f"client:{KEY}" if manifest.auth.token_path else KEY
        settings = ProviderSettings(
            api_key=lambda: secret, clock=clock, base_url=sandbox.url, bounds=BOUNDS, monotonic=self.ticking
        )
        self.provider = build_manifest(manifest, settings)
        self.spec = ExportSpec((next(iter(manifest.datasets)),), DAY)
        self.canaries: tuple[str, ...] = (TOKEN if manifest.auth.token_path else KEY, LINK_TOKEN)
        self.credential_headers: tuple[str, ...] = ("authorization",)

    def finish(self) -> None:
        self.clock.advance(timedelta(minutes=1))

    def expire(self) -> None:
        self.clock.advance(LIFE)

    def spoil_create(self, how: str) -> None:
        spoil_create(self, how)  # type: ignore[arg-type]

    def spoil_download(self, how: str) -> None:
        for fault in bent_downloads(how):
            self.sandbox.faults.add(fault)

    def spoil_odd_download(self, how: str) -> None:
        odd_download(self.sandbox, how)  # type: ignore[arg-type]

    def spoil_answers(self, how: str) -> bool:
        if how.endswith(("page", "list")):
            return False  # its lists have one page
        link = Operation.LINK if self.manifest.download.path else Operation.GET
        if "link" in how and link is Operation.LINK:
            return False  # it redirects, and no answer has the link
        odd_answers(self.sandbox, self.ticking, how, link, Operation.GET)  # type: ignore[arg-type]
        return True

    def requests(self) -> int:
        return len(self.sandbox.requests)

    def creates(self) -> int:
        return len(self.sandbox.requests.creates)

    def exports(self) -> int:
        return len(self.sandbox.jobs)

    def away(self) -> Sequence[dict[str, str]]:
        return [dict(seen.headers) for seen in self.sandbox.requests.all if seen.origin is not SandboxOrigin.API]


class Seconds:
    """A monotonic clock that runs ahead of what hangs."""

    step = 0.0

    def __init__(self) -> None:
        self.hangs: Callable[[], bool] = lambda: False

    def __call__(self) -> float:
        return time.monotonic() + 1000 * self.hangs()


def open_world(manifest: Manifest) -> Iterator[DescribedWorld]:
    clock = SandboxClock.stopped_at(NOW)
    with DescribedSandbox(manifest, clock, KEY, DAY, LINK_TOKEN) as sandbox:
        yield DescribedWorld(manifest, sandbox, clock)


class TestFromDocuments(ProviderContract):
    @pytest.fixture(
        params=["customerio-deliveries", "loyaltylion-customers", "salesforce-bulk-query", "sendgrid-contacts"]
    )
    def world(self, request: pytest.FixtureRequest) -> Iterator[DescribedWorld]:
        yield from open_world(load_manifest(GALLERY / f"{request.param}.toml").manifest)


LIST = '[list]\npath = "/exports"\nentries = "items"\n'
SHAPES: dict[str, list[tuple[str, str]]] = {
    "as short as it can be": [],
    "a key in a header": [("[create]", '[auth]\nkind = "header"\nheader = "X-Acme-Key"\n[create]')],
    "a name and a password": [("[create]", '[auth]\nkind = "basic"\n[create]')],
    "a token that ends": [("[create]", '[auth]\nkind = "client-credentials"\ntoken_path = "/token"\n[create]')],
    "an id in a header": [('id = "id"\nbody', 'id_header = "Location"\nbody')],
    "the whole export in the answer": [('id = "id"\nbody', 'export = "data.export"\nbody')],
    "a list alone": [('path = "/exports/{id}"', 'by = "list"'), ("[download]", f"{LIST}complete = true\n[download]")],
    "a list in pages": [("[download]", f'{LIST}paging = "page"\npage_key = "page"\nsize_key = "n"\n[download]')],
    "the file is all there is": [
        ('path = "/exports/{id}"', 'by = "file"\nnot_ready = [425]'),
        ('link = "url"', 'by = "file"\npath = "/exports/{id}/file"'),
    ],
    "a link to ask for": [
        ('link = "url"', 'by = "ask"\npath = "/exports/{id}/link"\nlink = "data.url"\nexpired = [400]')
    ],
    "several files": [('link = "url"', 'parts = "files"\nlink = "href"\nsize = "bytes"\nrows = "count"')],
    "lines of JSON": [('container = "csv"', 'container = "ndjson"')],
    "one array of JSON": [('container = "csv"', 'container = "json-array"')],
    "a ZIP": [
        ('container = "csv"', 'container = "zip-of-json"'),
        ("[datasets.calls]", '[datasets.calls]\nmember = "c.json"'),
    ],
    "a documented life": [
        ('status = "state"', 'status = "state"\ncreated = "made"\nlife = "1d"\nlife_from = "created"')
    ],
    "dates": [("[create]", '[window]\ntime_format = "date"\ntime_zone = "Asia/Tokyo"\nends = "inclusive"\n[create]')],
    "Unix times in a query": [
        ("[create]", '[window]\ntime_format = "unix"\nends = "half-open"\n[create]'),
        ("body = {", 'method = "GET"\nquery = {'),
    ],
}


@pytest.mark.parametrize("name", list(SHAPES))
def test_every_shape_is_requested_watched_and_fetched(name: str) -> None:
    text = SHORTEST
    for old, new in SHAPES[name]:
        assert old in text
        text = text.replace(old, new, 1)
    for world in open_world(parse_manifest("m.toml", text)):
        accepted = world.provider.create(world.provider.ask(world.spec))
        assert accepted.observation is not None
        ref = accepted.observation.ref
        assert world.provider.observe([ref])[ref].status in UNDER_WAY
        world.finish()
        assert world.provider.observe([ref])[ref].status is ExportStatus.READY
        (part,) = world.provider.parts(ref)
        sink = Sink()
        assert world.provider.download(part, sink, never) == len(sink.data) > 4_000
        assert len(list(world.provider.sweep(LONG_AGO))) == ("[list]" in text)
        world.expire()
        assert world.provider.observe([ref])[ref].status in (*OVER, ExportStatus.RUNNING)


@pytest.mark.parametrize(
    ("window", "sent"),
    [
        ('ends = "inclusive"\ntime_format = "date"', ("2026-10-30", "2026-10-30")),
        ('ends = "half-open"\ntime_format = "date"', ("2026-10-30", "2026-10-31")),
        ('ends = "unknown"\ntime_format = "date"', ("2026-10-29", "2026-10-31")),
        ('ends = "inclusive"\ntime_format = "date"\ntime_zone = "Asia/Tokyo"', ("2026-10-30", "2026-10-31")),
        ('ends = "inclusive"\nprecision = "millisecond"', ("2026-10-30T00:00:00Z", "2026-10-31T00:00:00Z")),
        ('ends = "half-open"\ntime_zone = "Asia/Tokyo"', ("2026-10-30T09:00:00+09:00", "2026-10-31T09:00:00+09:00")),
        ('ends = "unknown"\ntime_format = "unix"', (1793318399, 1793404800)),
        ('ends = "half-open"\ntime_format = "unix-ms"', (1793318400000, 1793404800000)),
    ],
)
def test_a_range_is_written_as_the_manifest_says_and_misses_no_instant(
    window: str, sent: tuple[object, object]
) -> None:
    manifest = parse_manifest("m.toml", SHORTEST.replace("[create]", f"[window]\n{window}\n[create]"))
    ask = make_ask(manifest, ExportSpec(("calls",), DAY))
    body = write_create(manifest, ask).body
    assert isinstance(body, dict)
    assert (body["from"], body["to"]) == sent
    assert ask.lower is not None and ask.upper is not None
    assert ask.lower <= DAY.start and ask.upper >= DAY.end - timedelta(microseconds=1)
    for name, bound in (("from", ask.lower), ("to", ask.upper)):
        assert read_bound(body[name], manifest.window, upper=name == "to") == bound


def test_a_token_is_kept_until_it_ends_and_replaced_where_it_is_refused() -> None:
    text = SHORTEST.replace("[create]", '[auth]\nkind = "client-credentials"\ntoken_path = "/token"\n[create]')
    for world in open_world(parse_manifest("m.toml", text)):
        for _time in range(3):
            world.provider.observe(["exp_none"])
        tokens = [seen for seen in world.sandbox.requests.all if seen.path == "/token"]
        assert len(tokens) == 1 and tokens[0].header("content-type") == "application/x-www-form-urlencoded"
        world.sandbox.faults.add(InjectedFault(FaultKind.ANSWER, Operation.GET, status=401))
        with pytest.raises(Transient, match="a new one is requested"):
            world.provider.observe(["exp_none"])
        world.provider.observe(["exp_none"])
        world.clock.advance(timedelta(hours=2))
        world.provider.observe(["exp_none"])
        assert sum(seen.path == "/token" for seen in world.sandbox.requests.all) == 3
