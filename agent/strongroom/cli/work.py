"""Ctrl-C and SIGTERM during work: the first requests a stop and everything is parked, the second ends at once.

What cannot be parked within seconds is abandoned, as by the second.

Ending at once is safe: interrupted work is resumed at the next start.

The work itself, with a display beside it: shared by `run`, `export` and `demo`.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from strongroom.cli.run_display import Family, Following, choose_display
from strongroom.cli.summary import RunOutcome, outcome_of, put_outcome, say_outcome
from strongroom.cli.terminal import report
from strongroom.engine.bootstrap import open_engine
from strongroom.engine.core.sources import Dependencies
from strongroom.engine.core.trusted_clock import clock_refusal, judge_clock
from strongroom.engine.ingest.runner import Runner
from strongroom.engine.ingest.source_upkeep import look_again, resume_sources
from strongroom.engine.repair.restart import recover
from strongroom.engine.worker.lifetime import EndingLimit
from strongroom.model.errors import ExitCode, Interrupted
from strongroom.model.job import Job

if TYPE_CHECKING:
    from strongroom.cli.run_watcher import RunWatcher
    from strongroom.config.schema import Config
    from strongroom.engine.core.engine import Engine
    from strongroom.engine.worker.launcher import Launcher


_SLICE = 0.25
_NUMBERS = (signal.SIGINT, signal.SIGTERM)

Handler = Callable[[int, FrameType | None], Any] | int | signal.Handlers | None
"""What the interpreter gives back when a handler is replaced."""


class Stopping:
    """While entered, in the main thread, it takes both signals."""

    def __init__(self) -> None:
        self._requested = False
        self._limit = EndingLimit(ExitCode.INTERRUPTED, say_given_up)
        self._former: dict[signal.Signals, Handler] = {}

    def __enter__(self) -> Stopping:
        for number in _NUMBERS:
            self._former[number] = signal.signal(number, self._heard)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._limit.cancel()
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def requested(self) -> bool:
        """Return whether a stop was requested."""
        return self._requested

    def pause(self, seconds: float) -> None:
        """Let a little time pass, at most the given seconds; short, so that a request to stop is seen soon."""
        time.sleep(min(seconds, _SLICE))

    def _heard(self, _number: int, _frame: FrameType | None) -> None:
        if self._requested:
            os.write(2, b"\x1b[?25h\nended at once; the next run resumes what was interrupted\n")
            os._exit(ExitCode.INTERRUPTED)
        self._requested = True
        self._limit.begin()
        report("stopping: the work in progress is parked (press again to end at once)")


def say_given_up() -> None:
    """Say on standard error that the process ends although work was in progress; waits for no lock."""
    os.write(2, b"\x1b[?25h\nended: something under way did not stop in time; the next run resumes it\n")


Enter = Callable[["Engine"], Iterable[Job]]
"""Enters jobs, or names existing ones, and returns those to process."""


class RunOptions(Struct, frozen=True):
    """The options of a run."""

    holder: str  # how the lock names us to others
    patience: timedelta  # how long to wait for quotas and retries before leaving the rest to the next run
    workers: int
    as_json: bool = False
    watched: bool = False  # nobody reads what is printed: what is wrong is sent through [notify]


def nothing_more(_engine: Engine) -> Iterable[Job]:
    """Enter no further jobs."""
    return ()


def work(
    config: Config, enter: Enter, options: RunOptions, refill: Enter = nothing_more, launcher: Launcher | None = None
) -> RunOutcome:
    """Take the vault's lock, resume interrupted work, do the work, and print the result.

    `refill` enters jobs whose windows become pending, or find room, during the run; it is called when more jobs fit.
    `launcher` may have been prepared early. Raises WorldError, with nothing changed, if our clock cannot be
    trusted, and Interrupted after a request to stop, when everything is parked and the summary is printed.
    """
    with (
        Stopping() as stopping,
        _crash_notice(config, options),
        open_engine(config, options.holder, _dependencies(stopping, launcher)) as engine,
    ):
        watcher = _watcher(config, engine, stopping) if options.watched else None
        _require_sane_clock(engine, watcher)
        until = engine.clock() + options.patience
        settled = recover(engine)
        if settled:
            report(f"{settled} interrupted jobs were resumed")
        for name in resume_sources(engine):
            report(f"source {name} resumes: the provider accepts the key again")
        look_again(engine)
        family = Family(enter(engine))
        with Following(engine.vault, family, choose_display(as_json=options.as_json)):
            runner = Runner(engine, stopping.pause, options.workers)
            runner.run(until, family.__contains__, lambda: family.take_in(refill(engine)))
        outcome = outcome_of(engine.vault, family, engine.clock())
        if watcher is not None:
            outcome = replace(outcome, losses=watcher.end())
    (put_outcome if options.as_json else say_outcome)(outcome)
    if stopping.requested() and not outcome.complete:
        raise Interrupted("stopped before the end", hint="run again: everything resumes where it stopped")
    return outcome


def _crash_notice(config: Config, options: RunOptions) -> AbstractContextManager[None]:
    if not options.watched:
        return nullcontext()
    from strongroom.cli.run_watcher import crash_notice_on_error

    return crash_notice_on_error(config)


def _watcher(config: Config, engine: Engine, stopping: Stopping) -> RunWatcher:
    # with it the channels are imported: only a run that is watched pays
    from strongroom.cli.run_watcher import RunWatcher

    watcher = RunWatcher(config, engine, stopping.requested)
    watcher.begin()
    return watcher


def _require_sane_clock(engine: Engine, watcher: RunWatcher | None) -> None:
    """Refuse a wrong clock before anything is written with it: an entry of the log would confirm that clock."""
    verdict = judge_clock(engine)
    if verdict.fault is None:
        return
    if watcher is not None:
        watcher.end(verdict)
    raise clock_refusal(verdict)


def _dependencies(stopping: Stopping, launcher: Launcher | None) -> Dependencies:
    dependencies = Dependencies(stop=stopping.requested)
    return replace(dependencies, launcher=lambda: launcher) if launcher else dependencies
