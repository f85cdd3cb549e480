"""Ctrl-C and SIGTERM while work is under way: the first asks to stop and everything is parked, the second ends at once.

What cannot be parked within seconds is given up, as by the second.

Ending at once is safe: whatever was half done is settled when the program next starts.

Doing the work that was entered, with a display beside it: shared by `run`, `export` and `demo`.
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

from strongroom.cli.follow import Family, Following
from strongroom.cli.progress import choose_display
from strongroom.cli.summary import RunOutcome, outcome_of, put_outcome, say_outcome
from strongroom.cli.terminal import tell
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
    from strongroom.cli.follow import RunWatcher
    from strongroom.config.schema import Config
    from strongroom.engine.core.engine import Engine
    from strongroom.engine.worker.client import Prestart


_SLICE = 0.25
_NUMBERS = (signal.SIGINT, signal.SIGTERM)

Handler = Callable[[int, FrameType | None], Any] | int | signal.Handlers | None
"""What the interpreter gives back when a handler is replaced."""


class Stopping:
    """While entered, in the main thread, it takes both signals."""

    def __init__(self) -> None:
        self._asked = False
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

    def asked(self) -> bool:
        """Say whether to stop."""
        return self._asked

    def pause(self, seconds: float) -> None:
        """Let a little time pass, at most the given seconds; short, so that a wish to stop is heard soon."""
        time.sleep(min(seconds, _SLICE))

    def _heard(self, _number: int, _frame: FrameType | None) -> None:
        if self._asked:
            os.write(2, b"\x1b[?25h\nended at once; the next run settles what was half done\n")
            os._exit(ExitCode.INTERRUPTED)
        self._asked = True
        self._limit.begin()
        tell("stopping: the work in progress is parked (press again to end at once)")


def say_given_up() -> None:
    """Say on standard error that the process ends although something was under way; waits for no lock."""
    os.write(2, b"\x1b[?25h\nended: something under way did not stop in time; the next run settles it\n")


Enter = Callable[["Engine"], Iterable[Job]]
"""Enters jobs, or names those that are there, and returns what is to be worked on."""


class RunOptions(Struct, frozen=True):
    """How a run is to be done."""

    holder: str  # how the lock names us to others
    patience: timedelta  # how long to wait for quotas and retries before leaving the rest to the next run
    workers: int
    as_json: bool = False
    watched: bool = False  # nobody is there who reads what is printed: what is wrong is told by [notify]


def nothing_more(_engine: Engine) -> Iterable[Job]:
    """Enter no further jobs."""
    return ()


def work(
    config: Config, enter: Enter, manner: RunOptions, refill: Enter = nothing_more, prestart: Prestart | None = None
) -> RunOutcome:
    """Take the vault's lock, settle what was left, do the work, and tell what it came to.

    `refill` enters what becomes due, or finds room, on the way; it is asked when nothing else can move. `prestart` may
    hold a sealer that was started early. Raises WorldError, with nothing touched, where our clock cannot be trusted,
    and Interrupted when a person asked to stop, after everything was parked and the summary was told.
    """
    with (
        Stopping() as stopping,
        _last_word(config, manner),
        open_engine(config, manner.holder, _doors(stopping, prestart)) as engine,
    ):
        watcher = _overseer(config, engine, stopping) if manner.watched else None
        _require_sane_clock(engine, watcher)
        until = engine.clock() + manner.patience
        settled = recover(engine)
        if settled:
            tell(f"{settled} interrupted jobs were resumed")
        for name in resume_sources(engine):
            tell(f"source {name} resumes: the provider accepts the key again")
        look_again(engine)
        family = Family(enter(engine))
        with Following(engine.vault, family, choose_display(as_json=manner.as_json)):
            runner = Runner(engine, stopping.pause, manner.workers)
            runner.run(until, family.__contains__, lambda: family.take_in(refill(engine)))
        outcome = outcome_of(engine.vault, family, engine.clock())
        if watcher is not None:
            outcome = replace(outcome, losses=watcher.end())
    (put_outcome if manner.as_json else say_outcome)(outcome)
    if stopping.asked() and not outcome.complete:
        raise Interrupted("stopped before the end", hint="run again: everything resumes where it stopped")
    return outcome


def _last_word(config: Config, manner: RunOptions) -> AbstractContextManager[None]:
    if not manner.watched:
        return nullcontext()
    from strongroom.cli.follow import last_word

    return last_word(config)


def _overseer(config: Config, engine: Engine, stopping: Stopping) -> RunWatcher:
    from strongroom.cli.follow import RunWatcher  # with it the channels are imported: only a run that is watched pays

    watcher = RunWatcher(config, engine, stopping.asked)
    watcher.begin()
    return watcher


def _require_sane_clock(engine: Engine, watcher: RunWatcher | None) -> None:
    """Refuse a wrong clock before anything is written by it: an entry of the log would then speak for that clock."""
    verdict = judge_clock(engine)
    if verdict.fault is None:
        return
    if watcher is not None:
        watcher.end(verdict)
    raise clock_refusal(verdict)


def _doors(stopping: Stopping, prestart: Prestart | None) -> Dependencies:
    dependencies = Dependencies(stop=stopping.asked)
    return replace(dependencies, prestart=lambda: prestart) if prestart else dependencies
