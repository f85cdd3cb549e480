"""Rehearses a restore from each copy whose `rehearse` says so. It needs no identity: the daemon has none."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from strongroom.config.copies import CopySettings
from strongroom.config.schema import Config
from strongroom.daemon.background_task import failure_of
from strongroom.daemon.logs import report
from strongroom.engine.core.sources import Dependencies, open_reading
from strongroom.model.errors import Interrupted

if TYPE_CHECKING:
    from strongroom.engine.queries.lists import Vault

LOOK = 600.0  # seconds


class RehearsalTask:
    """A task of its own, since a rehearsal takes as long as a restore: copies go on meanwhile."""

    name = "rehearsals"
    every = LOOK

    def __init__(self, config: Config, dependencies: Dependencies, may_act: Callable[[], bool]) -> None:
        self._config = config
        self._doors = dependencies
        self._may_act = may_act
        self._said: dict[str, str] = {}

    def adopt(self, config: Config) -> None:
        """Continue with another configuration."""
        self._config = config

    def run(self) -> float:
        """Look at each copy once. A failure is logged once."""
        config = self._config
        if any(each.rehearse for each in config.copies) and self._may_act():
            self._say("", failure_of(partial(self._work, config)))
        return LOOK

    def _work(self, config: Config) -> None:
        with open_reading(config) as vault:
            for settings in config.copies:
                if self._goes_on(config):
                    self._say(settings.name, failure_of(partial(self._rehearse, config, vault, settings)))

    def _rehearse(self, config: Config, vault: Vault, settings: CopySettings) -> None:
        from strongroom.engine.copies.targets import open_target  # once one is due: most daemons rehearse nothing
        from strongroom.engine.repair.copy_rehearsal import RehearsalOrder, is_rehearsal_pending, rehearse

        if not is_rehearsal_pending(vault, settings.name, settings.rehearse, self._doors.clock()):
            return
        order = RehearsalOrder(
            vault,
            open_target(settings, vault),
            self._doors.clock,
            self._doors.random_bytes,
            settings.rehearse_in,
            rate=settings.rate,
            stop=lambda: not self._goes_on(config),
            monotonic=self._doors.monotonic,
            crash_point=self._doors.crash_point,
        )
        try:
            found = rehearse(order)
        except Interrupted:
            return  # the daemon ends, or has another configuration: it begins anew
        level = logging.ERROR if found.faults else logging.INFO
        report("rehearsed", level, copy=settings.name, archives=found.archives, faults=len(found.faults))

    def _goes_on(self, config: Config) -> bool:
        return self._may_act() and self._config is config

    def _say(self, name: str, failure: str) -> None:
        if failure and failure != self._said.get(name, ""):
            report("rehearsal", logging.ERROR, copy=name, words=failure)
        self._said[name] = failure
