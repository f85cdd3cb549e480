"""Records collected by paging: from a list that never holds still, and with every fault of one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from kit.manifests import GALLERY
from kit.moving_list import EPOCH, MovingList, read_page
from strongroom.config.manifest import ManifestRefused, load_manifest, parse_manifest
from strongroom.model.errors import Interrupted, LinkDead, QuotaExceeded, RequestRefused, Transient
from strongroom.model.plan import ExportSpec
from strongroom.model.provider import Container, ExportStatus
from strongroom.model.walk import ListedRecord, Walk
from strongroom.model.window import Window
from strongroom.providers.manifest_provider import build_manifest
from strongroom.providers.paged_accounts import PAGED
from strongroom.providers.paging import PagingProvider
from strongroom.providers.port import ProviderSettings
from strongroom_sandbox.clock import SandboxClock

COUNT = int(os.environ.get("STRONGROOM_WALK", "1500"))
"""Messages of the long walk; 200000 takes some minutes."""
DAYS = 4 if COUNT < 10_000 else 16


def provider_of(served: MovingList, stop: Callable[[], bool] = lambda: False) -> PagingProvider:
    own = PAGED["zavu"]
    collect = own.collect
    assert collect is not None
    quick = replace(own, collect=replace(collect, path="/messages", per_minute=100_000))
    clock = SandboxClock.stopped_at(EPOCH + timedelta(days=DAYS))
    settings = ProviderSettings(api_key=lambda: "key", clock=clock, base_url=served.url, stop=stop)
    found = build_manifest(quick, settings)
    assert isinstance(found, PagingProvider)
    return found


@pytest.fixture
def served() -> Iterator[MovingList]:
    with MovingList(COUNT, DAYS, seed=19) as found:
        yield found


def day(number: int) -> ExportSpec:
    start = EPOCH + timedelta(days=number)
    return ExportSpec(("messages",), Window(start, start + timedelta(days=1)))


def reach(provider: PagingProvider, spec: ExportSpec, key: str = "job") -> str:
    accepted = provider.create_once(provider.ask(spec), key).observation
    assert accepted is not None
    seen = provider.observe([accepted.ref])[accepted.ref]
    while seen.status is ExportStatus.RUNNING:
        seen = provider.observe([seen.ref])[seen.ref]
    assert seen.status is ExportStatus.READY
    return seen.ref


def collect(provider: PagingProvider, ref: str) -> list[bytes]:
    pages: list[bytes] = []
    for part in provider.parts(ref):
        assert part.container is Container.JSON_PAGE
        assert provider.download(part, pages.append, lambda: False) == part.size
        assert part.rows == len(read_page(pages[-1]))
    return pages


def names_within(pages: list[bytes], window: Window) -> list[str]:
    listed = {each["id"]: each["createdAt"] for page in pages for each in read_page(page)}
    return [name for name, at in listed.items() if window.holds(datetime.fromisoformat(at))]


def test_no_message_is_missing_and_none_is_of_two_windows_while_the_list_moves(served: MovingList) -> None:
    provider, found = provider_of(served), list[str]()
    for number in range(DAYS):
        spec = day(number)
        pages = collect(provider, reach(provider, spec, f"job{number}"))
        within = names_within(pages, spec.window)
        assert set(within) == served.names(spec.window.start, spec.window.end)
        found += within
    assert len(found) == len(set(found)) == len(served.names(EPOCH, EPOCH + timedelta(days=DAYS)))


def test_a_walk_resumes_from_its_last_page_in_another_process_and_after_every_refusal(served: MovingList) -> None:
    spec, first = day(0), provider_of(served)
    accepted = first.create_once(first.ask(spec), "job").observation
    assert accepted is not None
    assert served.requests == 0  # nothing is asked of the provider before the first look
    killed = first.observe([accepted.ref])[accepted.ref].ref if COUNT > 10_000 else accepted.ref
    ref = reach(provider_of(served), spec) if killed == accepted.ref else killed
    before, second = served.requests, provider_of(served)
    seen = second.observe([ref])[ref]
    assert served.requests <= before + 50
    assert seen.status in (ExportStatus.READY, ExportStatus.RUNNING)
    ready = ref if seen.status is ExportStatus.READY else reach(second, spec)
    served.refusals = [429]
    with pytest.raises(QuotaExceeded) as caught:
        second.parts(ready)
    assert caught.value.retry_at is not None
    served.refusals = [503]
    with pytest.raises(Transient):
        second.parts(ready)
    pages = collect(second, ready)
    assert set(names_within(pages, spec.window)) == served.names(spec.window.start, spec.window.end)
    with pytest.raises(LinkDead):  # they are in memory once
        second.download(second.parts(ready)[0], lambda _chunk: (_ for _ in ()).throw(LinkDead("")), lambda: False)


def test_a_window_before_the_oldest_message_and_one_after_the_newest_have_only_neighbors(served: MovingList) -> None:
    provider = provider_of(served)
    for number in (-3, DAYS + 40):
        spec = day(number)
        pages = collect(provider, reach(provider, spec))
        assert pages
        assert not names_within(pages, spec.window)


def test_a_person_can_stop_a_walk_and_no_name_leads_elsewhere(served: MovingList) -> None:
    wish: list[bool] = []
    provider = provider_of(served, lambda: bool(wish))
    ref = reach(provider, day(1))
    wish.append(True)
    with pytest.raises(Interrupted):
        provider.parts(ref)
    for name in ("walk-0-", "walk-x", "exp_1", "walk-0-bm90aGluZw=="):
        with pytest.raises(RequestRefused):
            provider.observe([name])
    with pytest.raises(RequestRefused):
        provider.ask(ExportSpec(("conversations",), day(1).window))


def record(name: str, second: float) -> ListedRecord:
    return ListedRecord(name, datetime(2026, 11, 2, tzinfo=UTC) + timedelta(seconds=second))


WINDOW = Window(datetime(2026, 11, 2, tzinfo=UTC), datetime(2026, 11, 2, 0, 1, tzinfo=UTC))


def test_a_torn_second_is_not_complete_before_one_page_shows_it_whole() -> None:
    walk = Walk(WINDOW, bounded=False)
    for _pass in range(2):
        walk.begin()
        walk.take([record("new", 70), record("b", 30.2)])
        walk.take([record("c", 30.7), record("old", -5)])
        assert walk.torn == record("", 30).at
        assert walk.past_start
        walk.end()
    assert not walk.complete
    assert walk.bridge([record("x", 40), record("b", 30.2), record("lost", 30.4), record("c", 30.7), record("old", -5)])
    assert walk.torn is None
    assert not walk.complete  # what it showed is new: the list is walked once more
    walk.begin()
    walk.take([record("new", 70), record("b", 30.2), record("lost", 30.4), record("c", 30.7), record("old", -5)])
    walk.end()
    assert walk.complete


def test_a_list_out_of_order_is_refused_and_one_with_a_range_may_have_any_order() -> None:
    shuffled = [record("a", 10), record("b", 50)]
    with pytest.raises(RequestRefused, match="not in order"):
        Walk(WINDOW, bounded=False).take(shuffled)
    bounded = Walk(WINDOW, bounded=True)
    assert bounded.take(shuffled)
    assert not bounded.past_start
    bounded.end()
    bounded.begin()
    assert not bounded.take(list(reversed(shuffled)))
    bounded.end()
    assert bounded.complete


def test_the_end_of_a_window_inside_a_second_is_passed_only_with_another_second() -> None:
    walk = Walk(Window(WINDOW.start + timedelta(milliseconds=500), WINDOW.end), bounded=False)
    walk.take([record("new", 70), record("in", 0.7), record("before", 0.1)])
    assert not walk.past_start  # a record of the same second may follow
    walk.take([record("late", 0.9), record("old", -1)])
    assert walk.past_start


@pytest.mark.parametrize(("name", "file"), [("zavu", "zavu-messages"), ("qlara", "qlara-history")])
def test_the_manifests_of_the_gallery_are_what_the_option_does(name: str, file: str) -> None:
    written = load_manifest(GALLERY / f"{file}-by-paging.toml").manifest
    built_in = PAGED[name]
    for field in ("auth", "collect", "window", "limits", "errors", "filters"):
        assert getattr(written, field) == getattr(built_in, field), field
    shapes = {key: (each.id, each.time, each.always) for key, each in written.datasets.items()}
    assert shapes == {key: (each.id, each.time, each.always) for key, each in built_in.datasets.items()}


PAGING_FAULTS = {
    "exports as well": ("[errors]", '[create]\npath = "/exports"\n[errors]', r"create: expected no \[create\]"),
    "a list for exports": ("[errors]", '[list]\npath = "/x"\nentries = "x"\n[errors]', r"list: expected no \[list\]"),
    "one end of a range": ("size = 100", 'size = 100\nquery = { from = "{lower}" }', r"collect\.query: expected both"),
    "pages without an end": ('"cursor"\nnext', '"none"\nnext', r"collect\.paging: expected a list with several pages"),
    "no cursor": ('next = "nextCursor"\n', "", r"collect\.next: expected next for paging"),
    "numbered pages of a list without a range": (
        'paging = "cursor"\nnext = "nextCursor"',
        'paging = "page"',
        r"collect\.size_key: expected a cursor or offset, and a size_key",
    ),
    "records found by a condition": ('"items"', '"items[?to]"', r"collect\.records: expected names with dots"),
    "a record without a name": ('id = "id"\n', "", r"datasets\.messages\.id: expected the field with the id"),
    "a snapshot": ('id = "id"\n', 'id = "id"\nsnapshot = true\n', r"datasets\.messages\.snapshot: expected no"),
    "several datasets in one walk": (
        "size = 100",
        'size = 100\nquery = { kinds = "{datasets}" }',
        r"collect\.query: expected \{dataset\}",
    ),
    "a credential in the query": (
        "size = 100",
        'size = 100\nquery = { api_key = "x" }',
        r"collect\.query\.api_key: expected no credential",
    ),
}


@pytest.mark.parametrize("name", list(PAGING_FAULTS))
def test_a_wrong_manifest_of_a_list_is_refused_with_its_place(name: str) -> None:
    old, new, words = PAGING_FAULTS[name]
    text = (GALLERY / "zavu-messages-by-paging.toml").read_text()
    assert old in text
    with pytest.raises(ManifestRefused, match=words):
        parse_manifest("m.toml", text.replace(old, new, 1))
