"""Following jobs from the catalogue, as any process could: what they are now, and what happened since the last look.

The daemon's watcher for one run that ends: what a run finds gone is told to the same ears, by the same words.

Without it a run from cron that wrote off fifty days would end as quietly as one that had nothing to do.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct
from msgspec.structs import replace

from strongroom.cli.terminal import tell
from strongroom.daemon.channels import build_channels
from strongroom.daemon.crash_notice import CrashNotice
from strongroom.daemon.watcher import Watcher
from strongroom.engine.access.inventory import find_job
from strongroom.engine.core.alert_store import due_alerts
from strongroom.engine.core.moments import Moment, newest_moments
from strongroom.engine.core.sources import plans_of, system_clock
from strongroom.engine.core.trusted_clock import ClockRefused
from strongroom.engine.monitor.stream_status import Losses, losses_since, lost_of
from strongroom.engine.queries.lists import Running, Vault, list_live_jobs, running
from strongroom.model.clock_check import ClockVerdict
from strongroom.model.job import Cause, Job
from strongroom.model.waiting import WaitGroup, group_waits

if TYPE_CHECKING:
    from types import TracebackType

    from strongroom.config.schema import Config
    from strongroom.engine.core.engine import Engine


EVERY = 0.2
"""Seconds between two looks."""


class Family:
    """Jobs that were chosen, and whatever comes to replace them."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self.ids = {job.id for job in jobs}

    def take_in(self, jobs: Iterable[Job]) -> list[Job]:
        """Add jobs that were entered on the way, and return them."""
        joined = list(jobs)
        self.ids.update(job.id for job in joined)
        return joined

    def __contains__(self, job: Job) -> bool:
        if job.id not in self.ids and job.parent and job.parent in self.ids:
            self.ids.add(job.id)
        return job.id in self.ids


class JobSnapshot(Struct, frozen=True):
    """What one look found."""

    jobs: Mapping[str, Job]  # all of the family, finished ones included
    running: Mapping[str, Running]  # by job
    moments: tuple[Moment, ...]  # since the last look, oldest first
    waits: tuple[WaitGroup, ...] = ()  # what jobs have come to wait for since the last look, each once


class Display(Protocol):
    """Something that shows glances."""

    def show(self, glance: JobSnapshot) -> None:
        """Show what is new."""
        ...

    def close(self) -> None:
        """Leave the screen as it should stay."""
        ...


class Follower:
    """Looks at one family of jobs again and again."""

    def __init__(self, vault: Vault, family: Family) -> None:
        self._vault = vault
        self._family = family
        self._jobs: dict[str, Job] = {}
        self._waits: dict[tuple[str, Cause], int] = {}
        self._told: dict[tuple[str, Cause], int] = {}
        self._seq = newest[0].seq if (newest := newest_moments(vault, 1)) else 0

    def look(self) -> JobSnapshot:
        """Look once."""
        moments = tuple(self._new_moments())
        live = {job.id: job for job in list_live_jobs(self._vault) if job in self._family}
        left = [job_id for job_id, job in self._jobs.items() if not job.finished and job_id not in live]
        unseen = [job_id for job_id in tuple(self._family.ids) if job_id not in self._jobs and job_id not in live]
        self._jobs |= live
        self._jobs |= {job_id: find_job(self._vault, job_id) for job_id in (*left, *unseen)}
        transfers = {each.job: each for each in running(self._vault) if each.job in live}
        return JobSnapshot(dict(self._jobs), transfers, moments, tuple(self._new_waits()))

    def _new_waits(self) -> Iterator[WaitGroup]:
        """Yield what jobs wait for once their number has settled: twelve that come one after the other are one line."""
        now = datetime.now(UTC)
        groups = {(group.source, group.wait.cause): group for group in group_waits(self._jobs.values(), now)}
        for key, group in groups.items():
            if self._waits.get(key) == group.jobs and group.jobs > self._told.get(key, 0):
                self._told[key] = group.jobs
                yield group
        self._told = {key: count for key, count in self._told.items() if key in groups}
        self._waits = {key: group.jobs for key, group in groups.items()}

    def _new_moments(self) -> list[Moment]:
        most, found = 64, newest_moments(self._vault, 64)
        while len(found) == most and found[-1].seq > self._seq + 1:
            most *= 4
            found = newest_moments(self._vault, most)
        fresh = [moment for moment in reversed(found) if moment.seq > self._seq]
        self._seq = max((moment.seq for moment in fresh), default=self._seq)
        return [moment for moment in fresh if moment.job in self._family.ids]


class Following:
    """While entered, a thread shows what happens to a family of jobs. A display that fails ends the showing alone."""

    def __init__(self, vault: Vault, family: Family, display: Display) -> None:
        self._follower = Follower(vault, family)
        self._display = display
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="display", daemon=True)

    def __enter__(self) -> Following:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            ended = False
            while not ended:
                ended = self._done.wait(EVERY)
                self._display.show(self._follower.look())
        except (OSError, ValueError):
            return  # nobody can see it any more: the work goes on
        finally:
            self._display.close()


PATIENCE = 25.0  # seconds for channels and the dead man's switch; a channel takes 20 at the most
HASTE = 2.0  # the same, where a person wants us to stop, also while we wait
SLICE = 0.25  # seconds until a wish to stop is heard


@contextmanager
def last_word(config: Config) -> Iterator[None]:
    """Tell by the configuration alone why a run cannot go on, as the daemon does; the vault may be what is gone."""
    logging.getLogger("strongroom").addHandler(logging.NullHandler())  # the daemon's journal is none of a terminal
    word = CrashNotice(config, system_clock, who="a run")
    try:
        yield
    except ClockRefused:
        raise  # was told as an alarm
    except Exception as error:  # whatever it is, it goes on up once it was told
        word.say(error)
        raise
    word.forget()


class RunWatcher:
    """Watches over one run. The vault must be open, and its lock held. `asked` says whether a person wants to stop."""

    def __init__(self, config: Config, engine: Engine, asked: Callable[[], bool]) -> None:
        # A port that is open for some seconds an hour is of use to nobody.
        self._watcher = Watcher(replace(config, metrics=replace(config.metrics, listen=None)), engine.clock)
        self._engine = engine
        self._plans = plans_of(config)
        self._asked = asked
        self._unheard = None if build_channels(config.notify) else engine.clock()
        self._lost = lost_of(engine.vault, self._plans)

    @property
    def telling(self) -> bool:
        """Say whether somebody is still being told something."""
        return self._watcher.busy

    def begin(self) -> None:
        """Tell the dead man's switch that a run begins."""
        self._watcher.begin()

    def end(self, verdict: ClockVerdict | None = None) -> Losses:
        """Look at everything once, tell what is new, wait until it is told, and return what is gone.

        `verdict` is what speaks against our clock, if anything does: nothing else is then judged by it.
        """
        vault = self._engine.vault
        self._wait()  # that it began must have arrived before how it ended is said
        self._watcher.look(self._engine, self._plans, verdict or ClockVerdict())
        losses = losses_since(vault, self._plans, self._lost, self._unheard)
        self._wait()
        if any(alert.cleared_at is None for alert in due_alerts(vault, self._engine.clock())):
            tell("nobody could be told about the alerts; see: strongroom notify test")
        return losses

    def _wait(self) -> None:
        begun = time.monotonic()
        while self.telling and time.monotonic() - begun < (HASTE if self._asked() else PATIENCE):
            self._watcher.finish(self._engine, SLICE)
