"""What the daemon does at every wake-up: answer requests, look at the clock, enter what is due, keep the crew busy.

Nothing here waits: the daemon's loop calls `turn` again and again, and a test can call it with a clock of its own.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from msgspec import Struct, field
from msgspec.structs import replace

from strongroom.config.schema import Config
from strongroom.daemon.background_task import BackgroundTask
from strongroom.daemon.logs import report
from strongroom.engine.bootstrap import take_over
from strongroom.engine.core.engine import Engine, SourceAccount
from strongroom.engine.core.heartbeat import beat
from strongroom.engine.core.sources import Dependencies, plans_of
from strongroom.engine.core.trusted_clock import (
    clock_vote,
    confirm,
    is_confirmation_due,
    keep_time,
    last_judged_at,
    remember_time,
)
from strongroom.engine.ingest.job_lineage import retry_failed
from strongroom.engine.ingest.planning import enter_due
from strongroom.engine.ingest.runner import Supply, WorkerPool
from strongroom.engine.monitor.stream_status import condition_of
from strongroom.engine.queries.lists import list_live_jobs
from strongroom.engine.queries.requests import asked, serve
from strongroom.engine.repair.scrub import Scrub
from strongroom.engine.repair.scrub_report import pace_of, scrub_state
from strongroom.model.alert import Condition, condition_words
from strongroom.model.clock_check import (
    ClockFault,
    ClockReading,
    ClockVerdict,
    ClockVote,
    Tolerance,
    check_beat,
    check_skew,
    check_start,
    check_votes,
)
from strongroom.model.errors import StrongroomError, Transient
from strongroom.model.job import Job
from strongroom.model.plan import Plan
from strongroom.model.times import format_instant
from strongroom.model.waiting import group_waits

BEAT = timedelta(seconds=30)
PROMPT = 2.0  # seconds that the loop may wait for providers' answers; far below the 10 s within which it must stop

Watch = Callable[[Engine, list[Plan], ClockVerdict], None]
"""Looks at coverage, disk and clock, and raises or clears alarms."""


class ClockAnswers(Struct, frozen=True):
    """What one provider said: its clock minus ours, None where it did not say; or why it could not be asked."""

    source: str
    skew: timedelta | None = None
    failure: str = ""
    out_of_reach: bool = False  # the failure is the network's or the provider's: asking again may help


class ClockPoll:
    """One round through the providers. Begins at once."""

    def __init__(self, sources: Mapping[str, SourceAccount]) -> None:
        self._sources = dict(sources)
        self._told: list[ClockAnswers] = []
        self._attempt = BackgroundTask(self._ask, "ask-time")

    def answers(self, seconds: float) -> list[ClockAnswers] | None:
        """Return what was said, or None where the round takes longer than so many seconds from now."""
        self._attempt.wait(seconds)
        return self._told if self._attempt.over else None

    def _ask(self) -> None:
        for name, source in self._sources.items():
            try:
                self._told.append(ClockAnswers(name, source.provider.probe().clock_skew))
            except Transient as error:
                self._told.append(ClockAnswers(name, failure=error.message, out_of_reach=True))
            except StrongroomError as error:
                self._told.append(ClockAnswers(name, failure=error.message))


class Intervals(Struct, frozen=True):
    """How often the daemon does what."""

    beat: timedelta = BEAT  # planning, watching and the heartbeat
    tolerance: Tolerance = field(default_factory=Tolerance)


class Service:
    """The daemon's work between two waits."""

    def __init__(
        self,
        engine: Engine,
        config: Config,
        pool: WorkerPool,
        boot: Callable[[], float],
        watch: Watch,
        intervals: Intervals,
    ) -> None:
        self.engine = engine
        self._plans = plans_of(config)
        self._pace = pace_of(config)
        self.scrub = Scrub(engine.vault, engine.clock, self._pace)
        self._scrub_trouble = ""
        self.pool = pool
        self._supply = Supply()
        self._boot = boot
        self._watch = watch
        self._intervals = intervals
        self._last: ClockReading | None = None
        self._condition = Condition()
        self._refused = False
        self._waiting: frozenset[tuple[str, str, int]] = frozenset()
        self._version: tuple[int, int] | None = None  # of the catalogue, before the last turn that read it
        self._due: datetime | None = None  # when the next step of a job is due, by that turn
        self._words = ""  # as of that turn; empty: to be put together
        self._asking: ClockPoll | None = None
        self._ask_from = datetime.min.replace(tzinfo=UTC)
        self.clock = self._check_start()

    def adopt(self, config: Config, dependencies: Dependencies) -> None:
        """Go on with another configuration; jobs in hand end with the old one.

        Raises StrongroomError, with nothing changed, where it cannot: an adapter is missing, or a locked vault refuses.
        """
        former = self.engine
        fresh = take_over(config, former.vault, dependencies, former.launcher, former.retry_policy)
        self.engine = replace(fresh, polls=former.polls)  # what jobs in hand have seen stays seen
        self.pool.adopt(self.engine, config.daemon.workers)
        self._plans = plans_of(config)
        self._pace = pace_of(config)
        self.scrub.adopt(self._pace)
        self._last, self._refused = None, False

    def turn(self) -> datetime | None:
        """Do everything that can be done now; return when the next step of a job is due, if it is known."""
        now, version = self.engine.clock(), self.engine.vault.catalogue.version()
        if not self._is_quiet(now, version):
            self._version, self._words = version, ""  # what is written from here on is seen by the next turn
            self._due = self._take_turn(now)
        return self._due

    def _is_quiet(self, now: datetime, version: tuple[int, int]) -> bool:
        """Say whether a turn would find nothing: no time has come, and nobody has written to the catalogue."""
        last = self._last.wall if self._last is not None else None
        if last is None or self.pool.busy or self.scrub.has_work(now) or version != self._version:
            return False
        return last <= now < last + self._intervals.beat and (self._due is None or now < self._due)

    def _take_turn(self, now: datetime) -> datetime | None:
        self.pool.collect(0)
        beats = self._last is None or now - self._last.wall >= self._intervals.beat or now < self._last.wall
        if beats:
            self._look_at_clock()
        if self.clock.fault is None and asked(self.engine.vault):
            # By a wrong clock they wait: what it plans and logs would stay when the clock is right again.
            self._answer()
            beats = True
        if beats:
            self._beat()
        if self.clock.fault is not None:
            return None
        live = self._live()
        if self._supply.ran_dry(self.engine.sources, live) and not beats:
            self._plan()
            live = self._live()
        self.pool.start(live)
        self._scrub()
        return min((due for job in live if (due := self.pool.due(job)) > now), default=None)

    def leave(self) -> None:
        """Write down how far the scrub has come; never fails, since what was not written is read again."""
        with suppress(StrongroomError):
            self.scrub.finish()

    def words(self) -> str:
        """Return the condition in one line."""
        self._words = self._words or self._put_together()
        return self._words

    def _put_together(self) -> str:
        clock = self.clock.words if self.clock.fault is not None else ""
        live, now = self._live(), self.engine.clock()
        waits = tuple(group_waits(live, now))
        condition = replace(self._condition, clock=clock, refused=self._refused, waits=waits, jobs=len(live))
        return condition_words(condition)

    def refuse(self) -> None:
        """Remember that the configuration file says what cannot be taken over; adopting a valid one ends it."""
        self._refused, self._last = True, None

    def _answer(self) -> None:
        for request in serve(self.engine):
            report("request", wish=request.wish.value, subject=request.subject, by=request.by)
        self.pool.hurry()

    def _look_at_clock(self) -> None:
        now = ClockReading(self.engine.clock(), self._boot())
        if self._last is not None and self.clock.fault in (None, ClockFault.UNPROVEN):
            self._suspect(check_beat(self._last, now, self._intervals.tolerance))
        if self.clock.fault is not None or self._asking is not None or self._is_time_to_ask(now.wall):
            self._ask_providers()
        self._last = now

    def _is_time_to_ask(self, now: datetime) -> bool:
        """Return whether the log needs a new confirmation of our clock: destruction relies on it."""
        tolerance = self.engine.clock_tolerance
        due = is_confirmation_due(self.engine.vault, now, tolerance) and now >= self._ask_from
        if due:
            self._ask_from = now + tolerance / 24
        return due and bool(self.engine.sources)

    def _beat(self) -> None:
        now = self.engine.clock()
        self.engine.launcher.rest()
        if self.clock.fault is None:
            keep_time(self.engine.vault, now, self.engine.clock_tolerance)
            self._plan(retry_failed(self.engine))
        unproven = self.clock.fault is ClockFault.UNPROVEN
        self._watch(self.engine, self._plans, ClockVerdict() if unproven else self.clock)
        self._condition = condition_of(self.engine, self._plans)
        self._tell_waits()
        beat(self.engine.vault, now, os.getpid(), self._put_together())

    def _plan(self, retried: Iterable[Job] = ()) -> None:
        for job in [*retried, *enter_due(self.engine, self._plans)]:
            report("planned", job=job.id, stream=job.stream, window=job.spec.window)

    def _tell_waits(self) -> None:
        """Log what jobs have come to wait for, each cause in one line with its count; again when the count changes."""
        groups = group_waits(self._live(), self.engine.clock())
        for group in groups:
            if (group.source, group.wait.cause.value, group.jobs) not in self._waiting:
                until = format_instant(group.wait.until) if group.wait.until else ""
                facts = {"source": group.source, "cause": group.wait.cause.value, "jobs": group.jobs, "until": until}
                report("waiting", logging.WARNING, **facts)
        self._waiting = frozenset((group.source, group.wait.cause.value, group.jobs) for group in groups)

    def _scrub(self) -> None:
        """Read a little of what is due to be read again; while jobs are in hand only when that has come to be late."""
        try:
            if not self.pool.busy or scrub_state(self.engine.vault, self.engine.clock(), self._pace).behind:
                self.scrub.tend()
            self._scrub_trouble = ""
        except StrongroomError as error:
            if error.message != self._scrub_trouble:
                report("scrub-failed", logging.ERROR, words=error.message)
            self._scrub_trouble = error.message

    def _check_start(self) -> ClockVerdict:
        verdict = check_start(self.engine.clock(), last_judged_at(self.engine.vault), self._intervals.tolerance)
        self._tell(verdict)
        if verdict.fault is None and self.engine.sources:
            # A clock that is wrong from the start would export windows that have not ended, and count others as lost.
            return ClockVerdict(ClockFault.UNPROVEN, "no provider has been asked for the time yet")
        return verdict

    def _suspect(self, verdict: ClockVerdict) -> None:
        self._tell(verdict)
        if verdict.fault is not None:
            self.clock = verdict

    def _tell(self, verdict: ClockVerdict) -> None:
        if verdict.fault is not None:
            report(verdict.fault.value, logging.CRITICAL, words=verdict.words)

    def _ask_providers(self) -> None:
        """Accept the clock again once a provider's clock agrees; wait while no provider can be reached.

        Slow answers are read in a later round.
        """
        self._asking = self._asking or ClockPoll(self.engine.sources)
        answers = self._asking.answers(PROMPT)
        if answers is None:
            return
        self._asking = None
        for told in answers:
            if told.failure and self.clock.fault is not None:
                report("clock-unproven", logging.WARNING, source=told.source, words=told.failure)
        sources = self.engine.sources
        self._believe([clock_vote(sources[each.source], each.skew) for each in answers if each.source in sources])
        if self.clock.fault is ClockFault.UNPROVEN and not any(told.out_of_reach for told in answers):
            self.clock = ClockVerdict()  # an answer without a time cannot contradict ours

    def _believe(self, voices: list[ClockVote]) -> None:
        """Check our clock against the providers' times: accept it where at least as many agree as contradict alike."""
        told = [voice for voice in voices if voice.skew is not None]
        if not told:
            return
        verdict = check_votes(told, self._intervals.tolerance)
        if verdict.fault is not None:
            self._suspect(verdict)
            return
        for voice in told:
            seconds = None if voice.skew is None else voice.skew.total_seconds()
            dissent = check_skew(voice.source, seconds, self._intervals.tolerance)
            if dissent.fault is not None:
                report("clock-dissent", logging.WARNING, source=voice.source, words=dissent.words)
        if self.clock.fault is not None:
            report("clock-believed", source=" ".join(voice.source for voice in told))
            self.clock = ClockVerdict()
        now = self.engine.clock()
        remember_time(self.engine.vault, now)
        confirm(self.engine.vault, now, told, self.engine.clock_tolerance)

    def _live(self) -> list[Job]:
        return [job for job in list_live_jobs(self.engine.vault) if job.source in self.engine.sources]


def no_watch(_engine: Engine, _plans: Iterable[Plan], _clock: ClockVerdict) -> None:
    """Watch nothing."""
