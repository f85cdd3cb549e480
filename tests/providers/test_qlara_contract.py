"""The contract, held by the Qlara adapter against the sandbox, with what is not documented taken both ways."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from msgspec.structs import fields, replace

from kit.csv_contracts import BASIC, DAY, KEY, NOW, CsvWorld, csv_world
from kit.odd_faults import EMPTY
from strongroom.model.errors import AuthRefused, ExportGone, QuotaExceeded, RequestRefused, Transient, UsageError
from strongroom.model.plan import ExportSpec
from strongroom.model.provider import ExportStatus, Renewal
from strongroom.providers.contract import LONG_AGO, ProviderContract, Sink, never
from strongroom.providers.port import ProviderSettings
from strongroom.providers.qlara import build_qlara
from strongroom_sandbox.faults import FaultKind, InjectedFault
from strongroom_sandbox.options import (
    CreateAnswer,
    CsvStyle,
    EntryField,
    ExpiredLook,
    LinkShape,
    ListEnvelope,
    QlaraOptions,
    SlotBounds,
    Unwanted,
)
from strongroom_sandbox.options import LinkRenewal as Again
from strongroom_sandbox.recorder import Operation

OTHER = QlaraOptions(
    create_answer=CreateAnswer.LOCATION,
    envelope=ListEnvelope.ARRAY,
    newest_first=False,
    entry_id_name="exportId",
    entry_fields=frozenset(),
    page_max=10,
    processing_word="CRUNCHING",
    expired=ExpiredLook.AS_BEFORE,
    link_shape=LinkShape.PLAIN,
    early_status=404,
    retry_after_header=True,
    numeric_ids=True,
    bounds=SlotBounds.OPEN,
    both_scopes=Unwanted.ACCEPT,
    unknown_campaign=Unwanted.REFUSE,
    empty_ids=Unwanted.REFUSE,
    sender_name="from",
    recipient_name="to",
    guide_filters=True,
    listed_for=timedelta(days=30),
    flag_lag=timedelta(seconds=30),
    failed_word="ERROR",
    link_life=timedelta(minutes=20),
    fresh_links=False,
    dead_link_status=410,
    csv=CsvStyle(delimiter=";", decimal_comma=True),
    retention=timedelta(days=30),
    history_object=True,
    refusals_count=True,
)
ODD = QlaraOptions(
    create_answer=CreateAnswer.NESTED,
    id_name="exportId",
    link_name="downloadUrl",
    early_renewal_status=409,
    renewal=Again.NEW_ENTRY,
    renews_link_alone=True,
    entry_fields=frozenset(EntryField) - {EntryField.FILTERS},
)
"""Each option that nothing documents, the other way in one of the two."""
ELSEWHERE = {
    "transfer": "the contract wants broken downloads resumed; without ranges they are begun anew",
    "list_lag": "the contract wants an export on the list as soon as it is made",
    "entry_ids": "the contract wants every export to be named",
    "expiry_lead": "the contract moves past every life; test_qlara_renewal.py stops in between",
}
DOCUMENTED = {
    *("life", "requests_per_minute", "requests_per_second", "allowed_ips", "forbidden"),
    *("max_concurrent", "max_per_hour", "pending_for", "processing_for", "pace", "spread"),
}


class TestQlara(ProviderContract):
    @pytest.fixture(params=["delivery-reports", "message-history", "basic", "odd"])
    def world(self, request: pytest.FixtureRequest) -> Iterator[CsvWorld]:
        basic = request.param == "basic"
        dataset = "message-history" if basic or request.param == "odd" else request.param
        options = ODD if request.param == "odd" else QlaraOptions()
        with csv_world(options, dataset, auth="basic" if basic else "key") as world:
            yield world


class TestQlaraTheOtherWay(ProviderContract):
    @pytest.fixture
    def world(self) -> Iterator[CsvWorld]:
        with csv_world(OTHER, "delivery-reports") as world:
            yield world

    def test_an_export_is_asked_for_found_watched_and_fetched(self, world: CsvWorld) -> None:
        """A status that nothing documents is unknown, and so not "queued or running"."""
        ref = self._make(world)
        assert world.provider.observe([ref])[ref].status is ExportStatus.RUNNING
        world.advance(timedelta(seconds=1.5))
        assert world.provider.observe([ref])[ref].status is ExportStatus.UNKNOWN
        world.finish()
        assert world.provider.observe([ref])[ref].status is ExportStatus.READY


def test_whatever_is_not_documented_is_taken_both_ways() -> None:
    for field in fields(QlaraOptions):
        if field.name not in DOCUMENTED | ELSEWHERE.keys():
            assert len({repr(getattr(options, field.name)) for options in (QlaraOptions(), OTHER, ODD)}) > 1, field.name


def create(world: CsvWorld) -> str:
    accepted = world.provider.create(world.provider.ask(world.spec))
    return accepted.observation.ref if accepted.observation else ""


def fetch(world: CsvWorld, ref: str) -> bytes:
    (part,) = world.provider.parts(ref)
    sink = Sink()
    world.provider.download(part, sink, never)
    return sink.data


@pytest.mark.parametrize("answer", CreateAnswer)
@pytest.mark.parametrize("id_name", ["id", "exportId"])
def test_an_id_is_found_where_there_is_one(answer: CreateAnswer, id_name: str) -> None:
    options = QlaraOptions(create_answer=answer, numeric_ids=answer is CreateAnswer.NUMBER, id_name=id_name)
    with csv_world(options, "message-history") as world:
        made = create(world)
        (job,) = world.sandbox.qlara.jobs
        none = answer in (CreateAnswer.NOTE, CreateAnswer.NOTHING)
        assert made == ("" if none else job.id)


@pytest.mark.parametrize("envelope", ListEnvelope)
@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("page_max", [7, 100])
def test_the_list_is_read_to_its_end_in_every_shape(envelope: ListEnvelope, newest_first: bool, page_max: int) -> None:
    with csv_world(QlaraOptions(envelope=envelope, newest_first=newest_first, page_max=page_max), "contacts") as world:
        refs = {
            world.sandbox.qlara.add_foreign_job("CONTACTS", created_at=NOW - timedelta(hours=hours), faults=[EMPTY])
            for hours in range(30)
        }
        if page_max == 7:  # asked for 100 a page and given 7, it goes on by the page's number alone
            assert {entry.observation.ref for entry in world.provider.sweep(LONG_AGO)} == refs
        assert len(list(world.provider.sweep(NOW - timedelta(hours=9)))) == 10


def test_fifty_exports_cost_one_sweep() -> None:
    with csv_world(QlaraOptions(), "contacts") as world:
        refs = [world.sandbox.qlara.add_foreign_job("CONTACTS", faults=[EMPTY]) for _ in range(50)]
        before = len(world.sandbox.requests)
        assert len(world.provider.observe(refs)) == 50
        assert len(world.sandbox.requests) == before + 1


def test_a_list_that_grows_while_it_is_read_loses_nothing() -> None:
    with csv_world(QlaraOptions(page_max=5), "contacts") as world:
        refs = [world.sandbox.qlara.add_foreign_job("CONTACTS", faults=[EMPTY]) for _ in range(20)]
        world.sandbox.faults.add(InjectedFault(FaultKind.LIST_GROWS, count=3, times=3))
        world.finish()
        assert {seen.status for seen in world.provider.observe(refs).values()} == {ExportStatus.READY}


@pytest.mark.parametrize("newest_first", [True, False])
def test_a_list_that_is_reordered_while_it_is_read_loses_nothing(newest_first: bool) -> None:
    with csv_world(QlaraOptions(page_max=5, newest_first=newest_first), "contacts") as world:
        refs = [world.sandbox.qlara.add_foreign_job("CONTACTS", faults=[EMPTY]) for _ in range(20)]
        world.sandbox.faults.add(InjectedFault(FaultKind.LIST_SHUFFLED, times=None))
        world.finish()
        assert {seen.status for seen in world.provider.observe(refs).values()} == {ExportStatus.READY}


def test_an_export_that_the_list_does_not_show_yet_is_not_gone() -> None:
    with csv_world(QlaraOptions(list_lag=timedelta(seconds=30)), "message-history") as world:
        ref = create(world)
        assert world.provider.observe([ref])[ref].status is ExportStatus.UNKNOWN
        world.finish()
        assert world.provider.observe([ref])[ref].status is ExportStatus.READY


@pytest.mark.parametrize("look", QlaraOptions.expired_looks)
@pytest.mark.parametrize("early", [400, 404])
def test_a_refused_link_means_expired_or_not_yet(look: ExpiredLook, early: int) -> None:
    with csv_world(QlaraOptions(expired=look, early_status=early), "message-history") as world:
        ref = create(world)
        with pytest.raises(Transient):
            world.provider.parts(ref)
        world.finish()
        assert fetch(world, ref)
        world.expire()
        with pytest.raises(ExportGone):
            world.provider.parts(ref)


@pytest.mark.parametrize("shape", LinkShape)
@pytest.mark.parametrize("name", ["url", "downloadUrl", "presigned"])
def test_a_link_is_found_in_every_shape(shape: LinkShape, name: str) -> None:
    with csv_world(QlaraOptions(link_shape=shape, link_name=name), "delivery-reports") as world:
        ref = create(world)
        world.finish()
        assert fetch(world, ref).startswith(b"messageId,")


@pytest.mark.parametrize(
    "fields",
    [
        frozenset(),
        frozenset({EntryField.TYPE}),
        frozenset(EntryField),
        frozenset(EntryField) - {EntryField.NESTED},
    ],
)
def test_an_entry_says_what_it_says(fields: frozenset[EntryField]) -> None:
    with csv_world(QlaraOptions(entry_fields=fields), "delivery-reports") as world:
        create(world)
        (entry,) = world.provider.sweep(LONG_AGO)
        assert entry.ask == (world.provider.ask(world.spec) if EntryField.FILTERS in fields else None)
        assert entry.datasets == (frozenset({"delivery-reports"}) if EntryField.TYPE in fields else None)
        assert (entry.observation.created_at is not None) == (EntryField.CREATED_AT in fields)


def test_contacts_are_asked_for_whole_by_list_and_by_id() -> None:
    with csv_world(QlaraOptions(), "contacts") as world:
        for filters in ((), (("listIds", "87"),), (("listIds", "lst_88, 89"),)):
            world.spec = replace(world.spec, filters=filters)
            assert create(world)
        bodies = [seen.json for seen in world.sandbox.requests.creates]
        assert bodies == [{}, {"listIds": [87]}, {"listIds": [89, "lst_88"]}]
        assert world.provider.ask(world.spec).lower is None
        world.spec = replace(world.spec, filters=(("contactIds", "a"), ("listIds", "87")))
        with pytest.raises(RequestRefused):
            create(world)


def test_delivery_reports_are_asked_for_by_campaign_or_by_dates() -> None:
    with csv_world(QlaraOptions(), "delivery-reports") as world:
        create(world)
        campaign = world.sandbox.qlara.campaigns[0]
        world.spec = replace(world.spec, filters=(("campaignId", campaign),))
        create(world)
        first, second = [seen.json for seen in world.sandbox.requests.creates]
        assert first == {"startDateTime": "2026-10-29T23:59:59Z", "endDateTime": "2026-10-31T00:00:00Z"}
        assert second == {"campaignId": campaign}


def test_the_wait_stands_in_the_body() -> None:
    with csv_world(QlaraOptions(requests_per_second=1), "message-history") as world:
        create(world)
        with pytest.raises(QuotaExceeded) as caught:
            create(world)
        assert caught.value.retry_at == NOW + timedelta(seconds=1)


def test_an_address_that_is_not_allowed_stops_the_source() -> None:
    with csv_world(QlaraOptions(allowed_ips=()), "message-history") as world:
        for act in (lambda: create(world), lambda: list(world.provider.sweep(LONG_AGO)), world.provider.probe):
            with pytest.raises(AuthRefused):
                act()


def test_a_key_without_permission_for_exports_stops_the_source() -> None:
    options = QlaraOptions(forbidden=frozenset({Operation.CREATE}))
    with csv_world(options, "message-history") as world, pytest.raises(AuthRefused):
        create(world)


def test_either_way_to_prove_who_we_are_goes_in_its_own_header() -> None:
    for auth, name, value in (("key", "x-api-key", KEY), ("basic", "authorization", f"Basic {BASIC}")):
        with csv_world(QlaraOptions(), "contacts", auth=auth) as world:
            create(world)
            (seen,) = world.sandbox.requests.creates
            other = {"x-api-key", "authorization"} - {name}
            assert (seen.header(name), [seen.header(each) for each in other]) == (value, [None])


@pytest.mark.parametrize("options", [{"auth": "digest"}, {"colour": "red"}])
def test_options_that_mean_nothing_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        build_qlara(ProviderSettings(api_key=lambda: KEY, clock=lambda: NOW, options=options))


@pytest.mark.parametrize(
    ("datasets", "filters"),
    [
        (("contacts", "delivery-reports"), ()),
        (("message-history",), (("channel", "SMS"),)),
        (("contacts",), (("campaignId", "x"),)),
    ],
)
def test_what_one_export_cannot_be_is_refused(datasets: tuple[str, ...], filters: tuple[tuple[str, str], ...]) -> None:
    with csv_world(QlaraOptions(), "contacts") as world, pytest.raises(RequestRefused):
        world.provider.ask(ExportSpec(datasets, DAY, filters))


def test_it_says_how_a_dead_export_is_had_again() -> None:
    with csv_world(QlaraOptions(), "contacts") as world:
        assert world.provider.capabilities.renewal is Renewal.SAME_EXPORT
