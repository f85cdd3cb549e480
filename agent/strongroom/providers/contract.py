"""What every adapter promises, as tests. Authors of adapters run them against a simulated provider of their own:

    from strongroom.providers.contract import ProviderContract, World

    class TestMine(ProviderContract):
        @pytest.fixture
        def world(self): ...   # yields a World

Needs pytest: the extra `adapter-tests`. What is tested is port.py's words; where a provider cannot do a thing, its
capabilities say so and the test expects the refusal instead.
"""

from __future__ import annotations

import gzip
from datetime import timedelta
from typing import ClassVar

import pytest

from strongroom.model.errors import (
    ExportGone,
    Interrupted,
    LinkDead,
    LinkRefused,
    ProviderError,
    RequestRefused,
    StrongroomError,
    Transient,
)
from strongroom.model.plan import ExportSpec
from strongroom.model.provider import Ask, Container, ExportStatus, Match, Part, Renewal
from strongroom.model.window import Window
from strongroom.providers.contract_fixture import (
    CREATES,
    DOWNLOADS,
    LONG_AGO,
    ODD_ANSWERS,
    ODD_DOWNLOADS,
    Sink,
    World,
    leaks,
    never,
    taped,
)

__all__ = [
    "CREATES",
    "DOWNLOADS",
    "LONG_AGO",
    "ODD_ANSWERS",
    "ODD_DOWNLOADS",
    "ProviderContract",
    "Sink",
    "World",
    "never",
]


UNDER_WAY = (ExportStatus.QUEUED, ExportStatus.RUNNING)
OVER = (ExportStatus.EXPIRED, ExportStatus.GONE)


class ProviderContract:
    """The promises of port.py, against a simulated provider. Subclass it and give it a `world` fixture."""

    own_creates: ClassVar[dict[str, tuple[type[ProviderError], int]]] = {}
    """Where this provider's create means something else than CREATES says."""

    def _make(self, world: World) -> str:
        accepted = world.provider.create(world.provider.ask(world.spec))
        assert accepted.observation is not None, "the contract wants a world whose creates name the export"
        return accepted.observation.ref

    def _ready(self, world: World) -> str:
        ref = self._make(world)
        world.finish()
        return ref

    def _first(self, world: World) -> Part:
        return world.provider.parts(self._ready(world))[0]

    def test_an_export_is_asked_for_found_watched_and_fetched(self, world: World) -> None:
        provider = world.provider
        ask = provider.ask(world.spec)
        ref = self._make(world)
        assert provider.observe([ref])[ref].status in UNDER_WAY
        with pytest.raises(Transient):
            provider.parts(ref)
        world.finish()
        seen = provider.observe([ref])[ref]
        assert seen.status is ExportStatus.READY
        self._is_listed(world, ref, ask)
        parts = provider.parts(ref)
        sizes = [part.size for part in parts]
        assert seen.size == (None if None in sizes else sum(size or 0 for size in sizes))
        for part in parts:
            sink = Sink()
            assert provider.download(part, sink, never) == len(sink.data) == (part.size or len(sink.data))
        assert world.creates() == world.exports() == 1

    def _is_listed(self, world: World, ref: str, ask: Ask) -> None:
        listed, match = list(world.provider.sweep(LONG_AGO)), world.provider.capabilities.match
        if match is Match.NONE and not listed:
            return
        assert [entry.ask for entry in listed] == [ask if match is Match.EXACT else None]
        assert [entry.observation.ref for entry in listed] == [ref]
        assert [entry.observation.status for entry in listed] == [ExportStatus.READY]

    def test_parts_come_in_a_lasting_order_and_say_whose_they_are(self, world: World) -> None:
        ref = self._ready(world)
        first, again = world.provider.parts(ref), world.provider.parts(ref)
        assert [part.name for part in first] == [part.name for part in again]
        assert first, "the contract wants a window with records"
        if len(first) > 1:
            assert {part.dataset for part in first} <= set(world.spec.datasets)
            assert {part.container for part in first} <= {Container.CSV, Container.NDJSON, Container.JSON_ARRAY}
        for part in first:
            assert "/" not in part.name and part.name.isprintable()

    def test_any_number_of_exports_is_observed_at_once(self, world: World) -> None:
        refs = [self._ready(world)]
        world.spec = ExportSpec(
            world.spec.datasets, Window(world.spec.window.start, world.spec.window.start + timedelta(hours=2))
        )
        refs += [self._make(world), "exp_none"]
        before = world.requests()
        seen = world.provider.observe(refs)
        together = world.requests() - before
        assert list(seen) == refs
        assert [each.ref for each in seen.values()] == refs
        assert seen[refs[0]].status is ExportStatus.READY
        assert seen[refs[1]].status in UNDER_WAY
        assert seen[refs[2]].status is ExportStatus.GONE
        if world.provider.capabilities.by_list:
            before = world.requests()
            world.provider.observe(refs[:1])
            assert together <= world.requests() - before + 2, "a page of the list, or two, for all of them"

    def test_the_request_misses_no_instant_of_the_window(self, world: World) -> None:
        for start, length in ((0, 86_400_000_000), (1, 1), (999, 1), (500, 1_000_500)):
            at = world.spec.window.start + timedelta(microseconds=start)
            window = Window(at, at + timedelta(microseconds=length))
            ask = world.provider.ask(ExportSpec(world.spec.datasets, window))
            assert ask.lower is None or ask.lower <= window.start
            assert ask.upper is None or ask.upper >= window.end - timedelta(microseconds=1)

    def test_the_expectation_names_what_was_asked_for(self, world: World) -> None:
        expected = world.provider.expectation(world.spec)
        assert expected.window == world.spec.window
        assert tuple(shape.name for shape in expected.datasets) == world.spec.datasets
        assert set(world.spec.datasets) <= set(world.provider.capabilities.datasets)

    def test_what_is_declared_is_of_one_piece(self, world: World) -> None:
        capabilities, window = world.provider.capabilities, world.spec.window
        named = {name for spot in capabilities.blind_spots for name in (spot.dataset, spot.closed_by)}
        assert (named | capabilities.snapshots) <= set(capabilities.datasets)
        for name in sorted(capabilities.snapshots):
            ask = world.provider.ask(ExportSpec((name,), window))
            assert (ask.lower, ask.upper) == (None, None), "a copy of all there is has no range"
            assert ask == world.provider.ask(
                ExportSpec((name,), Window(window.start, window.start + window.length * 2))
            )

    def test_what_it_does_not_export_is_refused_before_it_is_asked(self, world: World) -> None:
        for spec in (ExportSpec(("no-such",), world.spec.window), ExportSpec((), world.spec.window)):
            with pytest.raises(RequestRefused):
                world.provider.ask(spec)

    @pytest.mark.parametrize("how", CREATES)
    def test_a_create_is_one_request_and_its_trouble_has_one_name(self, world: World, how: str) -> None:
        error, exports = {**CREATES, **self.own_creates}[how]
        world.spoil_create(how)
        with pytest.raises(ProviderError) as caught:
            self._make(world)
        assert type(caught.value) is error
        assert (world.creates(), world.exports()) == (1, exports)
        assert caught.value.message
        assert not leaks(caught.value, *world.canaries)

    def test_an_export_that_nobody_knows_is_gone(self, world: World) -> None:
        assert world.provider.observe(["exp_none"])["exp_none"].status is ExportStatus.GONE
        with pytest.raises(ExportGone):
            world.provider.parts("exp_none")
        assert world.provider.observe([]) == {}

    def test_an_export_past_its_life_is_no_longer_ready(self, world: World) -> None:
        ref = self._ready(world)
        part = world.provider.parts(ref)[0]
        world.expire()
        assert world.provider.observe([ref])[ref].status in OVER
        with pytest.raises(ExportGone):
            world.provider.parts(ref)
        with pytest.raises(LinkDead):
            world.provider.download(part, Sink(), never)

    def test_an_export_past_its_life_is_made_again_or_plainly_not(self, world: World) -> None:
        ref = self._ready(world)
        if world.provider.capabilities.renewal is not Renewal.SAME_EXPORT:
            with pytest.raises(RequestRefused):
                world.provider.renew(ref)
            return
        assert world.provider.observe([ref])[ref].status is ExportStatus.READY
        assert world.provider.renew(ref).status is ExportStatus.READY, "its file is still there"
        world.expire()
        assert world.provider.observe([ref])[ref].status is ExportStatus.EXPIRED
        again = world.provider.renew(ref)
        assert again.status in UNDER_WAY
        world.finish()
        assert world.provider.observe([again.ref])[again.ref].status is ExportStatus.READY
        assert world.provider.download(world.provider.parts(again.ref)[0], Sink(), never)
        with pytest.raises(ExportGone):
            world.provider.renew("exp_none")

    def test_an_export_is_deleted_once_and_for_all_or_plainly_not(self, world: World) -> None:
        ref = self._ready(world)
        if not world.provider.capabilities.deletes:
            with pytest.raises(RequestRefused):
                world.provider.delete(ref)
            assert world.provider.observe([ref])[ref].status is ExportStatus.READY
            return
        world.provider.delete(ref)
        assert world.provider.observe([ref])[ref].status in OVER
        with pytest.raises(ExportGone):
            world.provider.parts(ref)
        world.provider.delete(ref)
        world.provider.delete("exp_none")

    @pytest.mark.parametrize("how", DOWNLOADS)
    def test_a_download_is_whole_or_refused(self, world: World, how: str) -> None:
        part = self._first(world)
        whole, faulty = Sink(), Sink()
        world.provider.download(part, whole, never)
        world.spoil_download(how)
        error = DOWNLOADS[how]
        if how == "cut without length" and part.size is None:
            # Nobody has announced anything: only reading the content can show the loss.
            assert world.provider.download(part, faulty, never) < len(whole.data)
            assert whole.data.startswith(faulty.data)
            return
        if error is None:
            assert world.provider.download(part, faulty, never) == len(whole.data)
            assert faulty.data == whole.data
            return
        with pytest.raises(StrongroomError) as caught:
            world.provider.download(part, faulty, never)
        assert type(caught.value) is error
        assert not leaks(caught.value, *world.canaries)

    def test_a_sound_file_with_odd_headers_comes_whole(self, world: World) -> None:
        part, whole = self._first(world), Sink()
        world.provider.download(part, whole, never)
        for how, coded in ODD_DOWNLOADS.items():
            world.spoil_odd_download(how)
            odd = Sink()
            assert world.provider.download(part, odd, never) == len(odd.data), how
            assert (gzip.decompress(odd.data) if coded else odd.data) == whole.data, how

    @pytest.mark.parametrize("how", ["400", "404", "410", "501"])
    def test_a_refusal_that_was_a_stray_answer_is_over_with_the_next_create(self, world: World, how: str) -> None:
        world.spoil_create(how)
        with pytest.raises(ProviderError):
            self._make(world)
        assert self._ready(world)
        assert (world.creates(), world.exports()) == (2, 1)

    def test_a_time_of_zero_is_no_end(self, world: World) -> None:
        ref = self._ready(world)
        if world.spoil_answers("zero times"):
            seen = world.provider.observe([ref])[ref]
            assert (seen.status, seen.expires_at) == (ExportStatus.READY, None)
            assert world.provider.download(world.provider.parts(ref)[0], Sink(), never)

    def test_a_raw_link_is_followed(self, world: World) -> None:
        ref = self._ready(world)
        if world.spoil_answers("raw link"):
            assert world.provider.download(world.provider.parts(ref)[0], Sink(), never)

    def test_a_link_to_a_place_that_is_not_allowed_is_refused_as_that(self, world: World) -> None:
        ref = self._ready(world)
        if world.spoil_answers("foreign link"):
            with pytest.raises(LinkRefused) as caught:
                world.provider.download(world.provider.parts(ref)[0], Sink(), never)
            assert not leaks(caught.value, *world.canaries)

    def test_an_empty_page_that_leads_on_is_not_the_end(self, world: World) -> None:
        ref = self._ready(world)
        if world.spoil_answers("empty page"):
            listed = 0 if world.provider.capabilities.match is Match.NONE else 1
            assert len(list(world.provider.sweep(LONG_AGO))) == listed
            assert world.provider.observe([ref])[ref].status is ExportStatus.READY

    @pytest.mark.parametrize("how", ["endless list", "slow endless list"])
    def test_a_list_without_end_is_given_up(self, world: World, how: str) -> None:
        self._ready(world)
        before = world.requests()
        if world.spoil_answers(how):
            with pytest.raises(Transient, match="does not end"):
                list(world.provider.sweep(LONG_AGO))
            assert world.requests() - before <= (50 if how == "endless list" else 100)

    def test_a_stop_ends_a_download(self, world: World) -> None:
        part = self._first(world)
        with pytest.raises(Interrupted):
            world.provider.download(part, Sink(), lambda: True)

    @pytest.mark.parametrize("how", ["redirect", "redirect across", "cut", "403"])
    def test_no_credential_reaches_another_host(self, world: World, how: str) -> None:
        part = self._first(world)
        world.spoil_download(how)
        try:
            world.provider.download(part, Sink(), never)
        except LinkDead:
            assert how == "403"
        away = world.away()
        assert away
        for headers in away:
            assert set(world.credential_headers).isdisjoint(headers)
            assert world.canaries[0] not in repr(headers)
            assert headers["accept-encoding"] == "identity"

    def test_the_probe_changes_nothing(self, world: World) -> None:
        before = world.provider.probe()
        assert (before.offered, before.listed) == (True, 0)
        self._make(world)
        listed = 0 if world.provider.capabilities.match is Match.NONE else 1
        assert world.provider.probe().listed == listed
        assert (world.creates(), world.exports()) == (1, 1)

    def test_neither_key_nor_link_shows(self, world: World) -> None:
        with taped() as tape:
            ref = self._ready(world)
            part = world.provider.parts(ref)[0]
            shown = [repr(part), repr(world.provider.observe([ref])), repr(list(world.provider.sweep(LONG_AGO)))]
            world.provider.download(part, Sink(), never)
        held = any(canary in part.locator for canary in world.canaries)
        assert held or part.authenticated, "the canary is where it belongs"
        for canary in world.canaries:
            assert canary not in "".join(shown)
            assert canary not in tape.text
