"""Is our clock one to plan by? Asked of the providers before a run that nobody watches."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from strongroom.engine.engine import Engine, Source
from strongroom.engine.vaulttime import remember_time
from strongroom.model.clockcheck import Tolerance, check_skew
from strongroom.model.errors import StrongroomError, WorldError


def skews_of(sources: Mapping[str, Source]) -> dict[str, timedelta | None]:
    """Ask every provider for the time, and return what each one's is ahead of ours; None where it tells none.

    One that is out of reach, refuses or lacks a key tells none: its jobs say why.
    """
    found: dict[str, timedelta | None] = {}
    for name, source in sources.items():
        try:
            found[name] = source.provider.probe().clock_skew
        except StrongroomError:
            found[name] = None
    return found


def require_sane_clock(engine: Engine, tolerance: Tolerance | None = None) -> None:
    """Compare our clock with that of every provider that answers. Raises WorldError when one says something else.

    With a clock that is ahead, windows that have not ended would be exported as if they had, others counted as lost.
    """
    skews = skews_of(engine.sources)
    for name, skew in skews.items():
        verdict = check_skew(name, skew.total_seconds() if skew is not None else None, tolerance or Tolerance())
        if verdict.fault is not None:
            raise WorldError(verdict.words, hint="set the clock (timedatectl), then run again: nothing was planned")
    if any(skew is not None for skew in skews.values()):
        remember_time(engine.vault, engine.clock())
