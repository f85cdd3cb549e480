"""The port that every provider implements, and the settings that an adapter is built from, which reads no file itself.

Calls block; each may be made from any thread, one at a time per adapter object. Every method raises only the
`ProviderError` family, and `Interrupted` where a person wants us to stop (after a request that changes something left,
it is `Unanswered` instead). None of them retries: the engine owns every second try, because only the engine knows what
a second try may cost.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Protocol, Self, runtime_checkable

from msgspec import Struct
from msgspec.structs import replace

from strongroom.model.errors import RequestRefused
from strongroom.model.inspection import Expectation
from strongroom.model.plan import ExportSpec
from strongroom.model.provider import Accepted, Ask, Capabilities, Exchange, Limits, Listed, Observation, Part, Probe
from strongroom.model.times import Clock
from strongroom.providers.addresses import Resolver, resolve_by_system
from strongroom.providers.limits import Bounds, Monotonic, Paths


class LimitOverrides(Struct, frozen=True):
    """Limits that a person set for this source; None leaves the provider's own."""

    concurrent: int | None = None
    per_hour: int | None = None
    poll_first: timedelta | None = None
    poll_longest: timedelta | None = None
    retention: timedelta | None = None

    def apply(self, limits: Limits) -> Limits:
        """Return the limits with what is set here in place."""
        own = {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not None}
        return replace(limits, **own)


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """One source. `api_key` is called for each request and may ask a keyring; nothing keeps what it returns."""

    api_key: Callable[[], str] = field(repr=False)
    clock: Clock
    base_url: str = ""  # empty: the provider's public API
    bounds: Bounds = field(default_factory=Bounds)
    paths: Paths = field(default_factory=Paths)
    limits: LimitOverrides = field(default_factory=LimitOverrides)
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # of one provider only
    monotonic: Monotonic = time.monotonic
    resolve: Resolver = resolve_by_system
    stop: Callable[[], bool] = lambda: False  # says whether a person wants us to stop
    trace: Callable[[Exchange], None] | None = None  # gets each request and its answer, without secrets


Sink = Callable[[bytes], None]
"""Takes the next bytes of a download, in order."""


class Received(int):
    """The bytes that a download delivered; `announced` says whether its host said beforehand how many they are."""

    announced: bool

    def __new__(cls, size: int, *, announced: bool) -> Self:
        """Return the size with that knowledge."""
        self = super().__new__(cls, size)
        self.announced = announced
        return self


StopAsked = Callable[[], bool]
"""Says whether the download should be given up at the next chunk."""


class Provider(Protocol):
    """One account at one provider."""

    @property
    def capabilities(self) -> Capabilities:
        """What this adapter can do; constant."""
        ...

    @property
    def limits(self) -> Limits:
        """What the account allows; configuration may have lowered it."""
        ...

    def ask(self, spec: ExportSpec) -> Ask:
        """Translate one window into the provider's terms so that no instant of it is missed. Pure."""
        ...

    def expectation(self, spec: ExportSpec) -> Expectation:
        """Say what the delivered file should hold. Pure."""
        ...

    def create(self, ask: Ask) -> Accepted:
        """Request an export: exactly one request leaves, never a second.

        Raises NotOffered, AuthRefused, RequestRefused, QuotaExceeded or Transient only when it is certain that
        nothing was created, and Unanswered whenever it is not.
        """
        ...

    def sweep(self, since: datetime) -> Iterator[Listed]:
        """Walk the provider's list, every page of it, leaving out what is known to be created before `since`."""
        ...

    def observe(self, refs: Sequence[str]) -> Mapping[str, Observation]:
        """Return the state of each export; GONE for one that is no longer known. May be called at any time."""
        ...

    def parts(self, ref: str) -> tuple[Part, ...]:
        """Return fresh locators for a ready export, in a lasting order. Raises ExportGone when it expired or vanished.

        One part may be of any container. Several parts are bare files (CSV, NDJSON or a JSON array), each naming its
        `dataset`, and become one archive together. No part at all means that the export has no record.
        """
        ...

    def download(self, part: Part, sink: Sink, stop: StopAsked) -> int:
        """Stream one part into the sink in order, resuming where that is provably safe; return its bytes.

        A `Received` says whether the host announced them; a plain number counts as not announced. A CSV or NDJSON whose
        size was not announced is downloaded twice, and both must agree.

        Raises LinkDead when the link died, LinkRefused when it leads where we may not connect, CodingRefused for a
        content coding that no reader undoes, TransferError when the bytes are not what was announced (the sink may
        have taken some: throw them away), Interrupted when `stop` says so.
        """
        ...

    def renew(self, ref: str) -> Observation:
        """Ask the provider to make the file of the same export again; called only for Renewal.SAME_EXPORT.

        A second renewal of the same export must do no harm: after a crash nobody knows whether the first arrived.
        Returns READY where the provider says that the file is still there, QUEUED or RUNNING where it took the
        request; `ref` of the answer is the name to watch from now on. Raises ExportGone when the provider no longer
        knows the export, RequestRefused when it will not, Transient or QuotaExceeded to be asked later; Unanswered
        counts as taken, and watching the export shows the result.
        """
        ...

    def delete(self, ref: str) -> None:
        """Delete the export at the provider; called only where `capabilities.deletes`, after the archive is proven.

        Deleting what is gone already is a success. Raises RequestRefused when the provider will not.
        """
        ...

    def probe(self) -> Probe:
        """Look without changing anything: key, reachability, whether exports are offered, clock difference."""
        ...


@runtime_checkable
class TakesKeys(Protocol):
    """A provider whose creates take an idempotency key: the same key never makes a second export.

    An adapter that has this method is given a key with each create, the job's ID; the promises of `create` hold. Where
    the provider ignores the key, nothing is different. An answer that a key was used before (409) counts as accepted
    if it has the original export, and as Unanswered otherwise.
    """

    def create_once(self, ask: Ask, key: str) -> Accepted:
        """Request an export, once for this key."""
        ...


class Plain:
    """What an adapter inherits for a provider that can neither renew nor delete: both are refused, and never asked."""

    def renew(self, ref: str) -> Observation:
        """Refuse: the capabilities say Renewal.NEW_EXPORT."""
        raise RequestRefused(f"this provider cannot make the file of export {ref} again", hint="ask for a new export")

    def delete(self, ref: str) -> None:
        """Refuse: the capabilities say nothing of deleting."""
        raise RequestRefused(f"this provider cannot delete export {ref}", hint="it removes exports by itself")
