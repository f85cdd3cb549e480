"""The bell that wakes the daemon's loop. It may be rung anywhere, in a signal handler too.

An Event may not: its lock cannot be taken twice, and a handler that interrupts the loop while it holds that lock would
wait for itself. SimpleQueue is documented to be safe there.

The alarm clock: APScheduler wakes the daemon, and that is all it does.

What is due is worked out from plans and ledger at every wake-up. A missed, late or doubled alarm loses nothing, and a
job store that forgets has nothing to forget.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from types import TracebackType

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger


class Wakeup:
    """Rung any number of times, it wakes once."""

    def __init__(self) -> None:
        self._rings: SimpleQueue[None] = SimpleQueue()

    def ring(self) -> None:
        """Wake whoever waits, or whoever waits next."""
        self._rings.put(None)

    def wait(self, seconds: float) -> bool:
        """Wait until it rings, at most so long; say whether it rang."""
        try:
            self._rings.get(timeout=seconds)
        except Empty:
            return False
        with suppress(Empty):
            while True:
                self._rings.get_nowait()
        return True


BEAT = timedelta(seconds=30)


class AlarmClock:
    """Rings a bell every beat, and once at an instant that was asked for. A context manager."""

    def __init__(self, wakeup: Wakeup, beat: timedelta = BEAT) -> None:
        self._bell = wakeup
        self._scheduler = BackgroundScheduler(timezone="UTC", daemon=True)
        trigger = IntervalTrigger(seconds=int(beat.total_seconds()) or 1, timezone="UTC")
        self._scheduler.add_job(
            wakeup.ring, trigger, id="beat", coalesce=True, max_instances=1, misfire_grace_time=None
        )

    def __enter__(self) -> AlarmClock:
        self._scheduler.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._scheduler.shutdown(wait=False)

    def wake_at(self, instant: datetime) -> None:
        """Wake once at an instant as well; a later call replaces an earlier one."""
        self._scheduler.add_job(
            self._bell.ring,
            DateTrigger(run_date=instant, timezone="UTC"),
            id="due",
            replace_existing=True,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
