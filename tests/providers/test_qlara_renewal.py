"""Qlara's exports after their end: regenerated in place or anew, two 400s that mean opposites, and doubtful flags."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from kit.csv_contracts import DAY, CsvWorld, csv_world
from strongroom.model.errors import ExportGone, ProviderError, QuotaExceeded, Transient, Unanswered
from strongroom.model.plan import ExportSpec
from strongroom.model.provider import ExportStatus
from strongroom.providers.contract import LONG_AGO, Sink, never
from strongroom_sandbox.faults import FaultKind, InjectedFault
from strongroom_sandbox.options import CreateAnswer, EntryField, EntryIds, ExpiredLook, LinkRenewal, QlaraOptions
from strongroom_sandbox.recorder import Operation

HOUR = timedelta(hours=1)


def make(world: CsvWorld) -> str:
    """Return the name of a fresh export, whether or not the answer names it."""
    accepted = world.provider.create(world.provider.ask(world.spec))
    return accepted.observation.ref if accepted.observation else world.sandbox.qlara.jobs[-1].id


def status(world: CsvWorld, ref: str) -> ExportStatus:
    return world.provider.observe([ref])[ref].status


def fetch(world: CsvWorld, ref: str) -> bytes:
    (part,) = world.provider.parts(ref)
    sink = Sink()
    world.provider.download(part, sink, never)
    return sink.data


def expired(world: CsvWorld) -> str:
    """Return an export that was fetched once and is over by now."""
    ref = make(world)
    world.finish()
    assert status(world, ref) is ExportStatus.READY
    assert fetch(world, ref)
    world.expire()
    assert status(world, ref) is ExportStatus.EXPIRED
    return ref


@pytest.mark.parametrize("renewal", LinkRenewal)
@pytest.mark.parametrize(
    "answer", [CreateAnswer.OBJECT, CreateAnswer.LOCATION, CreateAnswer.NOTE, CreateAnswer.NOTHING]
)
@pytest.mark.parametrize("look", [ExpiredLook.STATUS, ExpiredLook.AS_BEFORE])
def test_an_expired_export_is_made_again(renewal: LinkRenewal, answer: CreateAnswer, look: ExpiredLook) -> None:
    options = QlaraOptions(renewal=renewal, create_answer=answer, expired=look)
    with csv_world(options, "message-history") as world:
        ref = expired(world)
        again = world.provider.renew(ref)
        assert again.status is ExportStatus.QUEUED
        assert (again.ref == ref) == (renewal is LinkRenewal.IN_PLACE)
        assert status(world, again.ref) in (ExportStatus.QUEUED, ExportStatus.RUNNING)
        world.finish()
        assert status(world, again.ref) is ExportStatus.READY
        assert fetch(world, again.ref)


@pytest.mark.parametrize("status", [400, 409])
def test_a_second_regeneration_does_no_harm(status: int) -> None:
    with csv_world(QlaraOptions(early_renewal_status=status), "message-history") as world:
        ref = expired(world)
        world.provider.renew(ref)
        again = world.restarted().renew(ref)
        assert (again.ref, again.status) == (ref, ExportStatus.RUNNING)
        assert world.exports() == 1


def test_two_new_entries_that_look_alike_are_not_guessed_between() -> None:
    options = QlaraOptions(renewal=LinkRenewal.NEW_ENTRY, create_answer=CreateAnswer.NOTHING, entry_fields=frozenset())
    with csv_world(options, "contacts") as world:
        ref = expired(world)
        world.sandbox.faults.add(InjectedFault(FaultKind.LIST_GROWS, count=1))
        assert world.provider.renew(ref).ref == ref
        assert world.exports() == 3


def test_a_new_entry_of_another_kind_is_not_taken_for_ours() -> None:
    options = QlaraOptions(renewal=LinkRenewal.NEW_ENTRY, create_answer=CreateAnswer.NOTHING)
    with csv_world(options, "message-history") as world:
        ref = expired(world)
        world.sandbox.faults.add(InjectedFault(FaultKind.LIST_GROWS, count=2))  # contacts
        fresh = world.provider.renew(ref).ref
        (ours,) = [job for job in world.sandbox.qlara.jobs if job.id == fresh]
        assert (fresh != ref, ours.foreign) == (True, False)


def test_what_is_still_available_is_not_made_again() -> None:
    """The 400 of a regeneration says the opposite of the 400 of a link."""
    with csv_world(QlaraOptions(), "message-history") as world:
        ref = make(world)
        world.finish()
        assert world.provider.renew(ref).status is ExportStatus.READY
        assert fetch(world, ref)


def test_a_list_that_is_ahead_of_both_endpoints_sends_back_to_the_link() -> None:
    options = QlaraOptions(expiry_lead=HOUR, life=timedelta(days=2))
    with csv_world(options, "message-history") as world:
        ref = make(world)
        world.advance(timedelta(days=2, minutes=-30))
        assert status(world, ref) is ExportStatus.EXPIRED
        assert world.provider.renew(ref).status is ExportStatus.READY
        assert fetch(world, ref)


def test_what_failed_or_is_unknown_cannot_be_made_again() -> None:
    with csv_world(QlaraOptions(), "message-history") as world:
        world.sandbox.faults.add(InjectedFault(FaultKind.JOB_FAILS))
        ref = make(world)
        world.finish()
        for name in (ref, "no-such-export"):
            with pytest.raises(ExportGone):
                world.provider.renew(name)


@pytest.mark.parametrize(("status", "error"), [(500, Unanswered), (503, Unanswered), (429, QuotaExceeded)])
def test_a_regeneration_that_is_not_answered_is_sent_once(status: int, error: type[ProviderError]) -> None:
    with csv_world(QlaraOptions(), "message-history") as world:
        ref = expired(world)
        world.sandbox.faults.add(InjectedFault(FaultKind.ANSWER, Operation.RENEW, status=status))
        with pytest.raises(error):
            world.provider.renew(ref)
        assert len([seen for seen in world.sandbox.requests.all if seen.operation is Operation.RENEW]) == 1


@pytest.mark.parametrize("timed", [True, False])
def test_after_a_restart_link_and_time_distinguish_no_longer_from_not_yet(timed: bool) -> None:
    """An entry that stays COMPLETED says only that it is not available; our new process has never seen it so."""
    fields = frozenset({EntryField.COMPLETED_AT} if timed else set())
    options = QlaraOptions(expired=ExpiredLook.AS_BEFORE, entry_fields=fields)
    with csv_world(options, "message-history") as world:
        ref = make(world)
        world.expire()
        world.provider = world.restarted()
        assert status(world, ref) is (ExportStatus.EXPIRED if timed else ExportStatus.RUNNING)
        world.advance(HOUR)
        assert status(world, ref) is ExportStatus.EXPIRED


@pytest.mark.parametrize("early", [400, 404, 409])
def test_a_flag_that_lags_behind_is_waited_for(early: int) -> None:
    options = QlaraOptions(flag_lag=timedelta(minutes=20), early_status=400 if early == 409 else early)
    with csv_world(options, "message-history") as world:
        ref = make(world)
        world.advance(timedelta(minutes=5))
        if early == 409:
            world.sandbox.faults.add(InjectedFault(FaultKind.ANSWER, Operation.LINK, status=409))
            with pytest.raises(ProviderError):
                world.provider.observe([ref])
        seen = status(world, ref)
        assert seen is not ExportStatus.READY
        world.advance(timedelta(minutes=20))
        assert status(world, ref) is ExportStatus.READY
        assert fetch(world, ref)


@pytest.mark.parametrize("ids", [EntryIds.FINISHED, EntryIds.NONE])
def test_exports_without_an_id_hold_up_the_list_and_not_those_that_have_one(ids: EntryIds) -> None:
    with csv_world(QlaraOptions(entry_ids=ids), "message-history") as world:
        ref = make(world)
        with pytest.raises(Transient, match="without an id"):
            list(world.provider.sweep(LONG_AGO))
        assert status(world, ref) is ExportStatus.UNKNOWN
        world.finish()
        assert status(world, ref) is ExportStatus.READY
        assert fetch(world, ref)
        if ids is EntryIds.FINISHED:
            assert [entry.observation.ref for entry in world.provider.sweep(LONG_AGO)] == [ref]


@pytest.mark.parametrize(
    ("dataset", "filters"),
    [
        ("message-history", ()),
        ("message-history", (("sender", "ACME"),)),
        ("contacts", (("listIds", "89, 87"),)),
        ("delivery-reports", ()),
    ],
)
def test_repeated_filters_are_read_back_as_the_request(dataset: str, filters: tuple[tuple[str, str], ...]) -> None:
    fields = frozenset({EntryField.TYPE, EntryField.FILTERS})
    with csv_world(QlaraOptions(entry_fields=fields), dataset) as world:
        world.spec = ExportSpec((dataset,), DAY, filters)
        make(world)
        (listed,) = world.provider.sweep(LONG_AGO)
        assert listed.ask == world.provider.ask(world.spec)
        other = replace(world.spec, filters=(*filters, ("recipient", "x"))) if dataset == "message-history" else None
        assert other is None or listed.ask != world.provider.ask(other)


def test_contacts_without_a_filter_are_not_taken_for_all_of_them() -> None:
    """An entry that shows no filter may be of a list that shows none."""
    with csv_world(QlaraOptions(entry_fields=frozenset(EntryField)), "contacts") as world:
        make(world)
        (listed,) = world.provider.sweep(LONG_AGO)
        assert (listed.ask, listed.datasets) == (None, {"contacts"})


def test_filters_are_spelled_as_the_options_say() -> None:
    own = {"sender_filter": "from", "recipient_filter": "to"}
    with csv_world(QlaraOptions(sender_name="from", recipient_name="to"), "message-history", own=own) as world:
        world.spec = replace(world.spec, filters=(("recipient", "+39"), ("sender", "ACME")))
        make(world)
        (order,) = [job.order for job in world.sandbox.qlara.jobs]
        assert (order.sender, order.recipient) == ("ACME", "+39")


def test_what_has_no_window_is_held_against_none() -> None:
    with csv_world(QlaraOptions(), "delivery-reports", own={"delivery-reports-id-column": "Ref"}) as world:
        (dated,) = world.provider.expectation(world.spec).datasets
        (undated,) = world.provider.expectation(replace(world.spec, filters=(("campaignId", "c"),))).datasets
        assert (dated.id_field, dated.time_field, undated.time_field) == ("Ref", "sendDate", "")
        caps = world.provider.capabilities
        assert caps.snapshots == {"contacts"}
        assert [(spot.dataset, spot.closed_by) for spot in caps.blind_spots] == [
            ("message-history", "delivery-reports")
        ]
