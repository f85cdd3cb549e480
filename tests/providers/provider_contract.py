"""What every adapter promises, as tests: subclass `ProviderContract` and give it a `world` fixture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Protocol

import pytest
from policy_maker import leaks, taped

from strongroom.model.errors import (
    AuthRefused,
    ExportGone,
    Interrupted,
    LinkDead,
    NotOffered,
    ProviderError,
    QuotaExceeded,
    RequestRefused,
    StrongroomError,
    TransferError,
    Transient,
    Unanswered,
)
from strongroom.model.provider import Match, Standing
from strongroom.model.stream import ExportSpec
from strongroom.model.window import Window
from strongroom.providers.port import Provider


class World(Protocol):
    """One provider, simulated, and the adapter that talks to it."""

    provider: Provider
    spec: ExportSpec
    canaries: tuple[str, ...]  # the API key and what every link token begins with
    credential_headers: tuple[str, ...]  # lower case

    def advance(self, by: timedelta) -> None:
        """Move the time of both sides."""

    def finish(self) -> None:
        """Let everything that was asked for be ready."""

    def expire(self) -> None:
        """Let every export reach the end of its life."""

    def spoil_create(self, how: str) -> None:
        """Make the next create go wrong: a key of CREATES."""

    def spoil_download(self, how: str) -> None:
        """Make the next download go wrong: a key of DOWNLOADS."""

    def creates(self) -> int:
        """Count the create requests that arrived."""

    def exports(self) -> int:
        """Count the exports that exist at the provider."""

    def away(self) -> Sequence[dict[str, str]]:
        """Return the headers of every request that reached another host than the API."""


LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

CREATES: dict[str, tuple[type[ProviderError], int]] = {
    "400": (RequestRefused, 0),
    "401": (AuthRefused, 0),
    "402": (RequestRefused, 0),
    "403": (AuthRefused, 0),
    "404": (NotOffered, 0),
    "408": (Unanswered, 0),
    "409": (RequestRefused, 0),
    "410": (NotOffered, 0),
    "422": (RequestRefused, 0),
    "429": (QuotaExceeded, 0),
    "500": (Unanswered, 0),
    "501": (NotOffered, 0),
    "502": (Unanswered, 0),
    "503": (Unanswered, 0),
    "500 after": (Unanswered, 1),
    "503 after": (Unanswered, 1),
    "reset": (Unanswered, 0),
    "reset after": (Unanswered, 1),
    "hang": (Unanswered, 0),
    "hang after": (Unanswered, 1),
}
"""How a create goes wrong: the error, and how many exports exist afterwards."""

DOWNLOADS: dict[str, type[StrongroomError] | None] = {
    "cut": None,
    "cut and reset": None,
    "cut, new etag": TransferError,
    "cut, wrong range": TransferError,
    "cut without length": None,
    "longer": TransferError,
    "redirect": None,
    "redirect across": None,
    "too many redirects": Transient,
    "403": LinkDead,
    "404": LinkDead,
    "500": Transient,
    "html": TransferError,
    "xml": LinkDead,
    "reset": Transient,
}
"""How a download goes wrong: the error, or None where it must come out whole all the same."""


@dataclass
class Sink:
    """Takes bytes."""

    data: bytes = b""

    def __call__(self, chunk: bytes) -> None:
        self.data += chunk


def never() -> bool:
    return False


class ProviderContract:
    """The promises of port.py, against a simulated provider."""

    own_creates: ClassVar[dict[str, tuple[type[ProviderError], int]]] = {}
    """Where this provider's create means something else than CREATES says."""

    def _make(self, world: World) -> str:
        accepted = world.provider.create(world.provider.ask(world.spec))
        assert accepted.observation is not None
        return accepted.observation.ref

    def _ready(self, world: World) -> str:
        ref = self._make(world)
        world.finish()
        return ref

    def test_an_export_is_asked_for_found_watched_and_fetched(self, world: World) -> None:
        provider = world.provider
        ask = provider.ask(world.spec)
        ref = self._make(world)
        assert provider.observe([ref])[ref].standing in (Standing.QUEUED, Standing.RUNNING)
        with pytest.raises(Transient):
            provider.parts(ref)
        world.finish()
        (listed,) = provider.sweep(LONG_AGO)
        assert listed.ask == (ask if provider.capabilities.match is Match.EXACT else None)
        assert listed.observation.ref == ref
        seen = provider.observe([ref])[ref]
        assert (seen.standing, listed.observation.standing) == (Standing.READY, Standing.READY)
        (part,) = provider.parts(ref)
        sink = Sink()
        assert part.size == seen.size
        assert provider.download(part, sink, never) == len(sink.data) == (part.size or len(sink.data))
        assert world.creates() == world.exports() == 1

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
        assert world.provider.observe(["exp_none"])["exp_none"].standing is Standing.GONE
        with pytest.raises(ExportGone):
            world.provider.parts("exp_none")
        assert world.provider.observe([]) == {}

    def test_an_export_past_its_life_is_no_longer_ready(self, world: World) -> None:
        ref = self._ready(world)
        (part,) = world.provider.parts(ref)
        world.expire()
        assert world.provider.observe([ref])[ref].standing in (Standing.EXPIRED, Standing.GONE)
        with pytest.raises(ExportGone):
            world.provider.parts(ref)
        with pytest.raises(LinkDead):
            world.provider.download(part, Sink(), never)

    @pytest.mark.parametrize("how", DOWNLOADS)
    def test_a_download_is_whole_or_refused(self, world: World, how: str) -> None:
        (part,) = world.provider.parts(self._ready(world))
        whole, bent = Sink(), Sink()
        world.provider.download(part, whole, never)
        world.spoil_download(how)
        error = DOWNLOADS[how]
        if how == "cut without length" and part.size is None:
            # Nobody has announced anything: only reading the content can show the loss.
            assert world.provider.download(part, bent, never) < len(whole.data)
            assert whole.data.startswith(bent.data)
            return
        if error is None:
            assert world.provider.download(part, bent, never) == len(whole.data)
            assert bent.data == whole.data
            return
        with pytest.raises(StrongroomError) as caught:
            world.provider.download(part, bent, never)
        assert type(caught.value) is error
        assert not leaks(caught.value, *world.canaries)

    def test_a_stop_ends_a_download(self, world: World) -> None:
        (part,) = world.provider.parts(self._ready(world))
        with pytest.raises(Interrupted):
            world.provider.download(part, Sink(), lambda: True)

    @pytest.mark.parametrize("how", ["redirect", "redirect across", "cut", "403"])
    def test_no_credential_reaches_another_host(self, world: World, how: str) -> None:
        (part,) = world.provider.parts(self._ready(world))
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
        assert world.provider.probe().listed == 1
        assert (world.creates(), world.exports()) == (1, 1)

    def test_neither_key_nor_link_shows(self, world: World) -> None:
        with taped() as tape:
            ref = self._ready(world)
            (part,) = world.provider.parts(ref)
            shown = [repr(part), repr(world.provider.observe([ref])), repr(list(world.provider.sweep(LONG_AGO)))]
            world.provider.download(part, Sink(), never)
        held = any(canary in part.locator for canary in world.canaries)
        assert held or part.authenticated, "the canary is where it belongs"
        for canary in world.canaries:
            assert canary not in "".join(shown)
            assert canary not in tape.text
