"""Doing the work that was entered, with a display beside it: shared by `run`, `export` and `demo`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from strongroom.cli.displays import choose_display
from strongroom.cli.follow import Family, Following
from strongroom.cli.stopping import Stopping
from strongroom.cli.summary import Outcome, outcome_of, put_outcome, say_outcome
from strongroom.cli.terminal import tell
from strongroom.engine.assembly import Doors, open_engine
from strongroom.engine.health.sanity import judge_clock, refusal
from strongroom.engine.jobs.restart import recover
from strongroom.engine.jobs.resume import look_again, resume_sources
from strongroom.engine.jobs.runner import Runner
from strongroom.model.errors import Interrupted
from strongroom.model.job import Job

if TYPE_CHECKING:
    from strongroom.cli.overseer import Overseer
    from strongroom.config.schema import Config
    from strongroom.engine.airlock.anteroom import Anteroom
    from strongroom.engine.engine import Engine

Enter = Callable[["Engine"], Iterable[Job]]
"""Enters jobs, or names those that are there, and returns what is to be worked on."""


@dataclass(frozen=True, slots=True)
class Manner:
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
    config: Config, enter: Enter, manner: Manner, refill: Enter = nothing_more, anteroom: Anteroom | None = None
) -> Outcome:
    """Take the vault's lock, settle what was left, do the work, and tell what it came to.

    `refill` enters what becomes due, or finds room, on the way; it is asked when nothing else can move. `anteroom` may
    hold a sealer that was started early. Raises WorldError, with nothing touched, where our clock cannot be trusted,
    and Interrupted when a person asked to stop, after everything was parked and the summary was told.
    """
    with (
        Stopping() as stopping,
        _last_word(config, manner),
        open_engine(config, manner.holder, _doors(stopping, anteroom)) as engine,
    ):
        overseer = _overseer(config, engine, stopping) if manner.watched else None
        _require_sane_clock(engine, overseer)
        until = engine.clock() + manner.patience
        settled = recover(engine)
        if settled:
            tell(f"{settled} interrupted jobs were settled")
        for name in resume_sources(engine):
            tell(f"source {name} resumes: the provider accepts the key again")
        look_again(engine)
        family = Family(enter(engine))
        with Following(engine.vault, family, choose_display(as_json=manner.as_json)):
            runner = Runner(engine, stopping.pause, manner.workers)
            runner.run(until, family.__contains__, lambda: family.take_in(refill(engine)))
        outcome = outcome_of(engine.vault, family, engine.clock())
        if overseer is not None:
            outcome = replace(outcome, losses=overseer.end())
    (put_outcome if manner.as_json else say_outcome)(outcome)
    if stopping.asked() and not outcome.complete:
        raise Interrupted("stopped before the end", hint="run again: everything goes on where it is")
    return outcome


def _last_word(config: Config, manner: Manner) -> AbstractContextManager[None]:
    if not manner.watched:
        return nullcontext()
    from strongroom.cli.overseer import last_word

    return last_word(config)


def _overseer(config: Config, engine: Engine, stopping: Stopping) -> Overseer:
    from strongroom.cli.overseer import Overseer  # with it the channels are imported: only a run that is watched pays

    overseer = Overseer(config, engine, stopping.asked)
    overseer.begin()
    return overseer


def _require_sane_clock(engine: Engine, overseer: Overseer | None) -> None:
    """Refuse a wrong clock before anything is written by it: an entry of the log would then speak for that clock."""
    verdict = judge_clock(engine)
    if verdict.fault is None:
        return
    if overseer is not None:
        overseer.end(verdict)
    raise refusal(verdict)


def _doors(stopping: Stopping, anteroom: Anteroom | None) -> Doors:
    doors = Doors(stop=stopping.asked)
    return replace(doors, anteroom=lambda: anteroom) if anteroom else doors
