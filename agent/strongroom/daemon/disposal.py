"""What the daemon does about destructions: it proposes what a class says is destroyed at its end, carries out what was
approved and has cooled off, and buries what a restored backup brought back. It approves nothing.

The work is done in a thread of its own with a vault of its own: providers are asked for the time before anything is
destroyed, and the catalogue is written anew after it; neither may hold up an export.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from strongroom.config.schema import Config
from strongroom.daemon.attempt import Attempt
from strongroom.daemon.logs import tell
from strongroom.engine.assembly import Doors, open_reading
from strongroom.engine.destruction.bury import bury_resurrected
from strongroom.engine.destruction.crosscheck import Contradiction, LastDocket
from strongroom.engine.destruction.desk import Desk
from strongroom.engine.destruction.destroy import Carried, carry_out
from strongroom.engine.destruction.grave import settle_begun
from strongroom.engine.destruction.office import desk_of, propose_by_rule

LOOK = 30.0  # seconds between two looks at what has cooled off
REST = 600.0  # seconds after a failure
RULE = 6 * 3600.0  # seconds between two looks through all archives for what is due by its class
BATCH = 50  # archives at once


class Disposal:
    """Call `tend` often, while the clock is believed; it never waits and never raises. The caller holds the lock."""

    def __init__(self, config: Config, doors: Doors, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._config = config
        self._doors = doors
        self._monotonic = monotonic
        self._under: Attempt | None = None
        self._next = self._next_rule = monotonic()
        self._more = False
        self._tended = False  # since the batch under way began
        self._said = ""
        self._broken: set[str] = set()

    def adopt(self, config: Config) -> None:
        """Go on with another configuration."""
        self._config, self._tended = config, False
        self._next = self._next_rule = self._monotonic()

    def begin(self) -> None:
        """Bury what came back while nobody looked, and end what had begun; at the start, before anything is read."""
        self._under = Attempt(self._clear, "disposal")

    def tend(self) -> None:
        """Hear what became of the last look, and begin the next one if it is time."""
        if self._under is not None:
            if not self._under.over:
                self._tended = True
                return
            self._judge(self._under.failure)
            self._under = None
        if self._monotonic() >= self._next:
            self._under = Attempt(self._work, "disposal")

    def finish(self, seconds: float) -> None:
        """Wait at most so long for what is under way; what is cut off is ended after the next start."""
        self._tended = False
        if self._under is not None:
            self._under.wait(seconds)

    def _clear(self) -> None:
        with open_reading(self._config) as vault:
            desk = desk_of(self._config, vault, self._doors)
            signer = desk.signer()
            verifier = signer.verifier if signer is not None else None
            approvers = desk.rules.approvers
            back = bury_resurrected(
                vault, self._doors.clock, thorough=False, verifier=verifier, approvers=approvers, refused=self._refuse
            )
            for archive in back:
                tell("buried", logging.WARNING, archive=archive)
            for tombstone in settle_begun(desk):
                tell("destroyed", archive=tombstone.archive)

    def _refuse(self, refusal: Contradiction) -> None:
        tell("destruction-refused", logging.CRITICAL, words=refusal.message)

    def _work(self) -> None:
        with open_reading(self._config) as vault:
            desk = desk_of(self._config, vault, self._doors)
            self._carry_out(desk)
            if self._monotonic() >= self._next_rule:
                self._next_rule = self._monotonic() + RULE
                plan = propose_by_rule(desk)
                if plan is not None:
                    tell("destruction-proposed", proposal=plan.proposal.id, archives=len(plan.condemned))

    def _carry_out(self, desk: Desk) -> None:
        """Destroy one batch after the other, each only if somebody still tended when it began."""
        last, self._more = LastDocket(), True
        while self._more:
            self._tended = False
            carried = carry_out(desk, BATCH, last)
            self._more = carried.more
            self._say(carried)
            if not self._tended:
                break

    def _say(self, carried: Carried) -> None:
        for tombstone in carried.destroyed:
            tell("destroyed", archive=tombstone.archive)
        for spared in carried.spared:
            tell("spared", archive=spared.archive)
        for words in sorted(set(carried.broken) - self._broken):
            tell("destruction-refused", logging.CRITICAL, words=words)
        self._broken = set(carried.broken)

    def _judge(self, failure: str) -> None:
        self._next = self._monotonic() + (REST if failure else 0.0 if self._more else LOOK)
        self._more = False
        if failure and failure != self._said:
            tell("destruction-failed", logging.ERROR, words=failure)
        self._said = failure
