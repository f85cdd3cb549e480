"""The contract, held by the HookBridge adapter against the sandbox, with what is not documented taken both ways."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import ClassVar

import pytest
from msgspec.structs import fields, replace

from kit.csv_contracts import DAY, NOW, CsvWorld, csv_world
from kit.odd_faults import EMPTY
from strongroom.model.errors import (
    AuthRefused,
    ProviderError,
    QuotaExceeded,
    RequestRefused,
    Transient,
    UsageError,
)
from strongroom.model.plan import ExportSpec
from strongroom.model.provider import ExportStatus
from strongroom.model.times import parse_instant
from strongroom.model.window import Window
from strongroom.providers.contract import LONG_AGO, ProviderContract, Sink, never
from strongroom_sandbox.faults import FaultKind, InjectedFault
from strongroom_sandbox.options import (
    CsvStyle,
    DirectionShown,
    Download,
    ExpiredLook,
    HookBridgeOptions,
    LocationStyle,
    SlotBounds,
    TransferOptions,
    Unwanted,
)
from strongroom_sandbox.recorder import Operation

FREE = HookBridgeOptions(max_concurrent=None)
OTHER = HookBridgeOptions(
    max_concurrent=None,
    null_fields=True,
    echo_millis=True,
    newest_first=False,
    page_length=1,
    create_status=202,
    direction_shown=DirectionShown.ALWAYS,
    bare_endpoint_ids=False,
    location=LocationStyle.PATH,
    redirect_status=307,
    delete_status=200,
    sizes_given=False,
    expired=ExpiredLook.GONE,
    link_life=timedelta(hours=2),
    fresh_links=False,
    refusals_count=True,
    dead_link_status=404,
    not_ready_status=404,
    not_ready_code="NOT_FOUND",
    list_length=50,
    listed_for=timedelta(days=10),
    max_window=timedelta(days=31),
    rows_for=timedelta(days=60),
    bounds=SlotBounds.OPEN,
    misplaced_filter=Unwanted.ACCEPT,
)
SILENT = HookBridgeOptions(
    max_concurrent=None,
    direction_shown=DirectionShown.NEVER,
    count_header=True,
    limit_hint=True,
    csv=CsvStyle(delimiter=";", quote_all=True, bom=True),
    with_payload=True,
    page_length=1,
    location=LocationStyle.SCHEME_RELATIVE,
    bounds=SlotBounds.HALF_OPEN,
)
"""Each option that nothing documents, the other way in one of the two."""
WORLDS = {"as documented": FREE, "the other way": OTHER, "inbound": FREE, "no direction": SILENT}
ELSEWHERE = {
    "download": "a direct answer comes from the API's own host, which the contract takes for away",
    "transfer": "the contract wants broken downloads resumed; without ranges they are begun anew",
}
DOCUMENTED = {
    *("life", "max_concurrent", "max_per_hour", "failed_authentications", "retention_days", "plan"),
    *("pending_for", "processing_for", "pace", "spread"),
}


class TestHookBridge(ProviderContract):
    own_creates: ClassVar[dict[str, tuple[type[ProviderError], int]]] = {"429": (AuthRefused, 0)}

    @pytest.fixture(params=list(WORLDS))
    def world(self, request: pytest.FixtureRequest) -> Iterator[CsvWorld]:
        dataset = "inbound" if request.param == "inbound" else "outbound"
        own = {"missing_direction": "outbound"} if request.param == "no direction" else {}
        with csv_world(WORLDS[request.param], dataset, own=own) as world:
            yield world


def test_whatever_is_not_documented_is_taken_both_ways() -> None:
    for field in fields(HookBridgeOptions):
        if field.name not in DOCUMENTED | ELSEWHERE.keys():
            assert len({repr(getattr(options, field.name)) for options in WORLDS.values()}) > 1, field.name


def make(world: CsvWorld) -> str:
    accepted = world.provider.create(world.provider.ask(world.spec))
    assert accepted.observation is not None
    assert accepted.request_id
    return accepted.observation.ref


def fetch(world: CsvWorld, ref: str) -> bytes:
    (part,) = world.provider.parts(ref)
    sink = Sink()
    world.provider.download(part, sink, never)
    return sink.data


@pytest.mark.parametrize("location", LocationStyle)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_every_way_to_redirect_leads_to_the_file(location: LocationStyle, status: int) -> None:
    with csv_world(HookBridgeOptions(location=location, redirect_status=status), "outbound") as world:
        ref = make(world)
        world.finish()
        assert fetch(world, ref).startswith(b"message_id,")


@pytest.mark.parametrize("ranges", [True, False])
def test_the_api_may_serve_the_file_itself(ranges: bool) -> None:
    options = HookBridgeOptions(download=Download.DIRECT, transfer=TransferOptions(ranges=ranges))
    with csv_world(options, "outbound") as world:
        ref = make(world)
        world.finish()
        assert len(fetch(world, ref)) == world.provider.observe([ref])[ref].size
        assert world.sandbox.requests.at_storage == ()


@pytest.mark.parametrize("bounds", SlotBounds)
def test_no_record_of_the_window_is_missed_whatever_the_bounds(bounds: SlotBounds) -> None:
    """The window begins and ends exactly on records, where bounds differ."""
    with csv_world(HookBridgeOptions(bounds=bounds, max_concurrent=None), "outbound") as world:
        ref = make(world)
        world.finish()
        rows = sorted(dated(fetch(world, ref)))
        assert len(rows) >= 40
        window = Window(rows[5][0], rows[20][0])
        world.spec = ExportSpec(("outbound",), window)
        narrow = make(world)
        world.finish()
        assert {name for at, name in rows if window.start <= at < window.end} <= {
            name for _, name in dated(fetch(world, narrow))
        }


def dated(data: bytes) -> list[tuple[datetime, str]]:
    rows = csv.DictReader(io.StringIO(data.decode(), newline=""))
    return [(parse_instant(row["created_at"]), row["message_id"]) for row in rows]


def test_a_limit_on_exports_is_waited_for_and_a_limit_on_wrong_keys_stops() -> None:
    with csv_world(HookBridgeOptions(limit_hint=True), "outbound") as world:
        ref = world.sandbox.hookbridge.add_foreign_job(DAY.start, DAY.end)
        with pytest.raises(QuotaExceeded) as caught:
            make(world)
        assert (caught.value.code, caught.value.status) == ("EXPORT_LIMIT_EXCEEDED", 429)
        assert caught.value.retry_at is not None
        assert caught.value.request_id.startswith("req_")
        assert [entry.observation.ref for entry in world.provider.sweep(LONG_AGO)] == [ref]
        world.sandbox.faults.add(InjectedFault(FaultKind.ANSWER, Operation.LIST, status=429))
        with pytest.raises(AuthRefused, match="RATE_LIMITED"):
            list(world.provider.sweep(LONG_AGO))


@pytest.mark.parametrize("bare", [True, False])
def test_an_endpoint_is_the_same_in_every_spelling(bare: bool) -> None:
    with csv_world(HookBridgeOptions(bare_endpoint_ids=bare), "outbound") as world:
        endpoint = world.sandbox.hookbridge.endpoints[0]
        filters = (("endpoint_id", endpoint), ("status", "succeeded"))
        world.spec = ExportSpec(("outbound",), DAY, filters)
        make(world)
        (listed,) = world.provider.sweep(LONG_AGO)
        assert listed.ask == world.provider.ask(world.spec)
        (order,) = [job.order for job in world.sandbox.hookbridge.jobs]
        assert (order.endpoint_id, order.status) == (endpoint, "succeeded")


def test_an_inbound_endpoint_is_asked_for_and_recognised() -> None:
    with csv_world(HookBridgeOptions(direction_shown=DirectionShown.NEVER), "inbound") as world:
        endpoint = world.sandbox.hookbridge.inbound_endpoints[0]
        world.spec = ExportSpec(("inbound",), DAY, (("inbound_endpoint_id", endpoint),))
        make(world)
        (listed,) = world.provider.sweep(LONG_AGO)
        assert listed.ask == world.provider.ask(world.spec)


@pytest.mark.parametrize(
    ("datasets", "filters"),
    [
        (("outbound", "inbound"), ()),
        (("inbound",), (("endpoint_id", "ep_550e8400e29b41d4a716446655440000"),)),
        (("outbound",), (("inbound_endpoint_id", "x"),)),
        (("outbound",), (("status", "lost"),)),
        (("outbound",), (("colour", "red"),)),
    ],
)
def test_what_one_export_cannot_be_is_refused(datasets: tuple[str, ...], filters: tuple[tuple[str, str], ...]) -> None:
    with csv_world(FREE, "outbound") as world, pytest.raises(RequestRefused):
        world.provider.ask(ExportSpec(datasets, DAY, filters))


def test_an_unknown_endpoint_is_refused_by_the_provider() -> None:
    with csv_world(FREE, "outbound") as world:
        world.spec = ExportSpec(("outbound",), DAY, (("endpoint_id", "ep_550e8400e29b41d4a716446655440000"),))
        with pytest.raises(RequestRefused) as caught:
            make(world)
        assert caught.value.code == "ENDPOINT_NOT_FOUND"


@pytest.mark.parametrize("look", HookBridgeOptions.expired_looks)
def test_however_an_expired_export_looks_it_is_over(look: ExpiredLook) -> None:
    with csv_world(HookBridgeOptions(expired=look), "outbound") as world:
        ProviderContract().test_an_export_past_its_life_is_no_longer_ready(world)


def test_size_and_rows_are_announced() -> None:
    with csv_world(FREE, "outbound") as world:
        ref = make(world)
        world.finish()
        (part,) = world.provider.parts(ref)
        assert part.rows is not None
        assert part.rows >= 40
        assert part.size == len(fetch(world, ref))


def test_a_list_in_pages_is_read_to_its_end() -> None:
    with csv_world(HookBridgeOptions(page_length=7, max_concurrent=None), "outbound") as world:
        refs = {
            world.sandbox.hookbridge.add_foreign_job(
                DAY.start, DAY.end, created_at=NOW - timedelta(hours=hours), faults=[EMPTY]
            )
            for hours in range(30)
        }
        assert {entry.observation.ref for entry in world.provider.sweep(LONG_AGO)} == refs
        assert len(list(world.provider.sweep(NOW - timedelta(hours=9)))) == 10


@pytest.mark.parametrize("kind", [FaultKind.LIST_GROWS, FaultKind.LIST_SHUFFLED])
def test_a_list_that_moves_while_it_is_read_ends_and_yields_nothing_twice(kind: FaultKind) -> None:
    with csv_world(HookBridgeOptions(page_length=4, max_concurrent=None), "outbound") as world:
        refs = {world.sandbox.hookbridge.add_foreign_job(DAY.start, DAY.end, faults=[EMPTY]) for _ in range(20)}
        world.sandbox.faults.add(InjectedFault(kind, count=2, times=3))
        try:
            seen = [entry.observation.ref for entry in world.provider.sweep(LONG_AGO)]
        except Transient as error:
            assert kind is FaultKind.LIST_SHUFFLED and "repeat" in error.message
            return
        assert len(seen) == len(set(seen))
        assert set(seen) <= {job.id for job in world.sandbox.hookbridge.jobs}
        assert kind is FaultKind.LIST_SHUFFLED or refs <= set(seen)


def test_the_probe_reads_the_plan() -> None:
    with csv_world(HookBridgeOptions(retention_days=45), "outbound") as world:
        assert world.provider.probe().retention == timedelta(days=45)
        world.sandbox.faults.add(InjectedFault(FaultKind.ANSWER, Operation.PLAN, status=403))
        probe = world.provider.probe()
        assert probe.retention is None
        assert "retention_days" in probe.notes[0]


@pytest.mark.parametrize("own", [{}, {"missing_direction": "outbound"}])
def test_a_list_without_directions_confuses_none(own: dict[str, str]) -> None:
    """Of one window, both directions: what may be the other is adopted by nobody."""
    with csv_world(SILENT, "inbound", own=own) as world:
        for dataset in ("inbound", "outbound"):
            world.spec = ExportSpec((dataset,), DAY)
            make(world)
        asks = [listed.ask for listed in world.provider.sweep(LONG_AGO)]
        if own:
            assert {next(iter(ask.datasets)) for ask in asks if ask} == {"outbound"}
        else:
            assert asks == [None, None]


@pytest.mark.parametrize("shown", [DirectionShown.ALWAYS, DirectionShown.AFTER_CREATE])
def test_a_list_with_directions_tells_them_apart(shown: DirectionShown) -> None:
    with csv_world(HookBridgeOptions(direction_shown=shown, max_concurrent=None), "inbound") as world:
        specs = [ExportSpec((dataset,), DAY) for dataset in ("inbound", "outbound")]
        for spec in specs:
            world.spec = spec
            make(world)
        assert {listed.ask for listed in world.provider.sweep(LONG_AGO)} == {world.provider.ask(spec) for spec in specs}


@pytest.mark.parametrize("status", [200, 204])
def test_an_export_is_deleted_and_once_more_is_no_harm(status: int) -> None:
    with csv_world(replace(FREE, delete_status=status), "outbound") as world:
        ref = make(world)
        world.finish()
        assert world.provider.capabilities.deletes
        for _time in range(2):
            world.provider.delete(ref)
        assert world.provider.observe([ref])[ref].status is ExportStatus.GONE


@pytest.mark.parametrize(
    ("status", "error"), [(405, RequestRefused), (403, AuthRefused), (429, AuthRefused), (500, Transient)]
)
def test_a_refused_deletion_deletes_nothing(status: int, error: type[ProviderError]) -> None:
    with csv_world(FREE, "outbound") as world:
        ref = make(world)
        world.sandbox.faults.add(InjectedFault(FaultKind.ANSWER, Operation.DELETE, status=status))
        with pytest.raises(error):
            world.provider.delete(ref)
        assert world.provider.observe([ref])[ref].status is not ExportStatus.GONE
        assert len([seen for seen in world.sandbox.requests.all if seen.operation is Operation.DELETE]) == 1


def test_columns_are_named_by_the_options() -> None:
    own = {"outbound-id-column": "Id", "outbound-time-column": "", "outbound-columns": "Id, When"}
    with csv_world(FREE, "outbound", own=own) as world:
        (shape,) = world.provider.expectation(world.spec).datasets
        assert (shape.id_field, shape.time_field, shape.known) == ("Id", "", {"Id", "When"})
        (other,) = world.provider.expectation(ExportSpec(("inbound",), DAY)).datasets
        assert (other.id_field, other.time_field) == ("message_id", "received_at")


@pytest.mark.parametrize("own", [{"colour": "red"}, {"messages-id-column": "id"}, {"missing_direction": "inbound"}])
def test_options_that_mean_nothing_are_refused(own: dict[str, str]) -> None:
    with pytest.raises(UsageError), csv_world(FREE, "outbound", own=own):
        pass


def test_an_export_that_failed_there_says_why() -> None:
    with csv_world(FREE, "outbound") as world:
        world.sandbox.faults.add(InjectedFault(FaultKind.JOB_FAILS, message="no room"))
        ref = make(world)
        world.finish()
        seen = world.provider.observe([ref])[ref]
        assert (seen.status, seen.detail) == (ExportStatus.FAILED, "no room")
