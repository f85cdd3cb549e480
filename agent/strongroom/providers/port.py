"""The port that a provider meets: small on purpose, its promises in words.

Calls block; each may be made from any thread, one at a time per adapter object. Every method raises only the
`ProviderError` family (and `Interrupted` from `download`). None of them retries: the engine owns every second try,
because only the engine knows what a second try may cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from strongroom.model.inspection import Expectation
from strongroom.model.provider import Accepted, Ask, Capabilities, Limits, Listed, Observation, Part, Probe
from strongroom.model.stream import ExportSpec

Sink = Callable[[bytes], None]
"""Takes the next bytes of a download, in order."""

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
        """Say where each export stands; one that is no longer known comes back as GONE. May be called at any time."""
        ...

    def parts(self, ref: str) -> tuple[Part, ...]:
        """Return fresh locators for a ready export. Raises ExportGone when it has expired or vanished."""
        ...

    def download(self, part: Part, sink: Sink, stop: StopAsked) -> int:
        """Stream one part into the sink in order, resuming where that is provably safe; return its bytes.

        Raises LinkDead when the link died, TransferError when the bytes are not what was announced (the sink may
        have taken some: throw them away), Interrupted when `stop` says so.
        """
        ...

    def probe(self) -> Probe:
        """Look without changing anything: key, reachability, whether exports are offered, clock difference."""
        ...
