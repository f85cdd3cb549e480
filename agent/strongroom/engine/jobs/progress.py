"""Live progress of one transfer, written for other processes to see, at most twice a second."""

from __future__ import annotations

from datetime import datetime, timedelta

from strongroom.engine.engine import Engine
from strongroom.vault import queries
from strongroom.vault.catalogue import to_text

EVERY = timedelta(milliseconds=500)


class Meter:
    """Counts bytes of one stage of one job. `total` is None where it is not known."""

    def __init__(self, engine: Engine, job: str, stage: str, total: int | None) -> None:
        self._engine, self._job, self._stage, self._total = engine, job, stage, total
        self._done = 0
        self._told: datetime | None = None

    def add(self, count: int) -> None:
        """Count more bytes."""
        self.set(self._done + count, self._total)

    def set(self, done: int, total: int | None) -> None:
        """Say how far it has come; written down only now and then."""
        self._done, self._total = done, total
        now = self._engine.clock()
        if self._told is None or now - self._told >= EVERY:
            self._told = now
            self._write(now)

    def _write(self, now: datetime) -> None:
        catalogue = self._engine.vault.catalogue
        with catalogue.transaction():
            catalogue.write(queries.PUT_PROGRESS, self._job, self._stage, self._done, self._total, to_text(now))
