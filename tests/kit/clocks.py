"""The check of our clock as a command makes it before it plans."""

from __future__ import annotations

from strongroom.engine.core.engine import Engine
from strongroom.engine.core.trusted_clock import clock_refusal, judge_clock


def require_sane_clock(engine: Engine) -> None:
    """Raise ClockRefused where a provider, or without one the vault, contradicts our clock."""
    verdict = judge_clock(engine)
    if verdict.fault is not None:
        raise clock_refusal(verdict)
