"""What stands in for an adapter that is installed but cannot be had: it refuses everything, for one reason.

The refusal is AuthRefused, because its meaning is the one that is wanted: the source pauses until a person acts, and
nothing of it is counted as failed meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NoReturn

from strongroom.model.errors import AuthRefused
from strongroom.model.inspection import Expectation
from strongroom.model.provider import (
    Accepted,
    Ask,
    Capabilities,
    ExpiryBasis,
    Limits,
    Listed,
    Match,
    Observation,
    Part,
    Probe,
    Renewal,
)
from strongroom.model.stream import ExportSpec
from strongroom.providers.port import Sink, StopAsked


class Unavailable:
    """An adapter that is not there. `why` is a sentence without its full stop."""

    capabilities = Capabilities((), Match.NONE, Renewal.NEW_EXPORT, ExpiryBasis.UNKNOWN)
    limits = Limits(concurrent=None, per_hour=None)

    def __init__(self, why: str) -> None:
        self._why = why

    def ask(self, spec: ExportSpec) -> Ask:
        """Translate as if anything could be asked: plans are made with it, and nothing is ever sent."""
        return Ask(frozenset(spec.datasets), spec.window.start, spec.window.end)

    def expectation(self, spec: ExportSpec) -> Expectation:  # noqa: ARG002 - the port has it so, as in all below
        """Refuse."""
        self._refuse()

    def create(self, ask: Ask) -> Accepted:  # noqa: ARG002 - the port says so
        """Refuse."""
        self._refuse()

    def sweep(self, since: datetime) -> Iterator[Listed]:  # noqa: ARG002 - the port says so
        """Refuse."""
        self._refuse()

    def observe(self, refs: Sequence[str]) -> Mapping[str, Observation]:  # noqa: ARG002 - the port says so
        """Refuse."""
        self._refuse()

    def parts(self, ref: str) -> tuple[Part, ...]:  # noqa: ARG002 - the port says so
        """Refuse."""
        self._refuse()

    def download(self, part: Part, sink: Sink, stop: StopAsked) -> int:  # noqa: ARG002 - the port says so
        """Refuse."""
        self._refuse()

    def renew(self, ref: str) -> Observation:  # noqa: ARG002 - the port says so
        """Refuse."""
        self._refuse()

    def delete(self, ref: str) -> None:  # noqa: ARG002 - the port says so
        """Refuse."""
        self._refuse()

    def probe(self) -> Probe:
        """Refuse."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise AuthRefused(self._why, hint="install a version of it that fits this one, then restart")
