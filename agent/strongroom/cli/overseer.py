"""The daemon's watcher for one run that ends: what a run finds gone is told to the same ears, by the same words.

Without it a run from cron that wrote off fifty days would end as quietly as one that had nothing to do.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from strongroom.cli.terminal import tell
from strongroom.daemon.channels import build_channels
from strongroom.daemon.lastword import LastWord
from strongroom.daemon.watcher import Watcher
from strongroom.engine.assembly import plans_of, system_clock
from strongroom.engine.coverage.losses import Losses, losses_since, lost_of
from strongroom.engine.health.notices import due_notices
from strongroom.engine.health.sanity import ClockRefused
from strongroom.model.clockcheck import ClockVerdict

if TYPE_CHECKING:
    from strongroom.config.schema import Config
    from strongroom.engine.engine import Engine

PATIENCE = 25.0  # seconds for channels and the dead man's switch; a channel takes 20 at the most
HASTE = 2.0  # the same, where a person wants us to stop, also while we wait
SLICE = 0.25  # seconds until a wish to stop is heard


@contextmanager
def last_word(config: Config) -> Iterator[None]:
    """Tell by the configuration alone why a run cannot go on, as the daemon does; the vault may be what is gone."""
    logging.getLogger("strongroom").addHandler(logging.NullHandler())  # the daemon's journal is none of a terminal
    word = LastWord(config, system_clock, who="a run")
    try:
        yield
    except ClockRefused:
        raise  # was told as an alarm
    except Exception as error:  # whatever it is, it goes on up once it was told
        word.say(error)
        raise
    word.forget()


class Overseer:
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
        if any(notice.cleared_at is None for notice in due_notices(vault, self._engine.clock())):
            tell("nobody could be told of what is wrong; see: strongroom notify test")
        return losses

    def _wait(self) -> None:
        begun = time.monotonic()
        while self.telling and time.monotonic() - begun < (HASTE if self._asked() else PATIENCE):
            self._watcher.finish(self._engine, SLICE)
