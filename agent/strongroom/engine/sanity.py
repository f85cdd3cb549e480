"""Is our clock one to plan by? Asked of the providers before a run that nobody watches."""

from __future__ import annotations

from strongroom.engine.engine import Engine
from strongroom.model.clockcheck import Tolerance, check_skew
from strongroom.model.errors import StrongroomError, WorldError


def require_sane_clock(engine: Engine, tolerance: Tolerance | None = None) -> None:
    """Compare our clock with that of every provider that answers. Raises WorldError when one says something else.

    With a clock that is ahead, windows that have not ended would be exported as if they had, others counted as lost.
    """
    for name, source in engine.sources.items():
        try:
            skew = source.provider.probe().clock_skew
        except StrongroomError:
            continue  # out of reach, refused or without a key: nothing can be exported from it now, and its jobs say so
        verdict = check_skew(name, skew.total_seconds() if skew is not None else None, tolerance or Tolerance())
        if verdict.fault is not None:
            raise WorldError(verdict.words, hint="set the clock (timedatectl), then run again: nothing was planned")
