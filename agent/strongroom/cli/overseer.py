"""The daemon's watcher for one run that ends: what a run finds gone is told to the same ears, by the same words.

Without it a run from cron that wrote off fifty days would end as quietly as one that had nothing to do.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from strongroom.cli.terminal import tell
from strongroom.daemon.watcher import Watcher
from strongroom.engine.assembly import plans_of
from strongroom.engine.losses import Losses, losses_since, lost_of
from strongroom.engine.notices import due_notices
from strongroom.model.clockcheck import ClockVerdict

if TYPE_CHECKING:
    from strongroom.config.schema import Config
    from strongroom.engine.engine import Engine

PATIENCE = 25.0  # seconds for channels and the dead man's switch; a channel takes 20 at the most
HASTE = 2.0  # the same, where a person wants us to stop


class Overseer:
    """Watches over one run. The vault must be open, and its lock held."""

    def __init__(self, config: Config, engine: Engine) -> None:
        logging.getLogger("strongroom").addHandler(logging.NullHandler())  # the daemon's journal is none of a terminal
        # A port that is open for some seconds an hour is of use to nobody.
        self._watcher = Watcher(replace(config, metrics=replace(config.metrics, listen=None)), engine.clock)
        self._engine = engine
        self._plans = plans_of(config)
        self._lost = lost_of(engine.vault, self._plans)

    def begin(self) -> None:
        """Tell the dead man's switch that a run begins."""
        self._watcher.begin()

    def end(self, verdict: ClockVerdict | None = None, *, hasty: bool = False) -> Losses:
        """Look at everything once, tell what is new, wait until it is told, and return what is gone.

        `verdict` is what speaks against our clock, if anything does: nothing else is then judged by it.
        """
        vault, seconds = self._engine.vault, HASTE if hasty else PATIENCE
        self._watcher.conclude(self._engine, self._plans, verdict or ClockVerdict(), seconds)
        losses = losses_since(vault, self._plans, self._lost)
        self._watcher.finish(self._engine, seconds)
        if any(notice.cleared_at is None for notice in due_notices(vault, self._engine.clock())):
            tell("nobody could be told of what is wrong; see: strongroom notify test")
        return losses
