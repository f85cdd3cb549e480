"""Sends the crash notice. It uses only the configuration, because the vault itself may be unavailable.

The dead man's switch gets /fail and every channel one message, in bounded time. systemd restarts the daemon every few
seconds, for ever: so what was said is marked by empty files in a folder of state, which even a full disk mostly takes.
The same notice is repeated after a day, another is sent at once. Where no mark can be kept, only the switch is used.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from strongroom.config.schema import Config
from strongroom.daemon.background_task import BackgroundTask
from strongroom.daemon.channels import Message, build_channels
from strongroom.daemon.logs import report
from strongroom.daemon.pinger import Pinger
from strongroom.engine.core.alert_store import REMIND
from strongroom.engine.core.outbound import Signal
from strongroom.model.alert import Level
from strongroom.model.errors import Interrupted, StrongroomError, VaultLocked
from strongroom.model.times import Clock

PATIENCE = 20.0  # seconds for all of it
PINGED = timedelta(minutes=5)  # between two signals to the switch: it remembers
CALM = 600.0  # seconds of work after which the next death is news
_NUMBERS = re.compile(r"\d+")


class CrashNotice:
    """Says that `who` ends, and why. `clock` gives the time that marks are compared with."""

    def __init__(
        self,
        config: Config,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
        env: Mapping[str, str] = os.environ,
        who: str = "the daemon",
    ) -> None:
        self._config = config
        self._who = who
        self._clock = clock
        self._monotonic = monotonic
        # Two daemons of one user know nothing of each other.
        mine = hashlib.sha256(os.fsencode(config.file)).hexdigest()[:12]
        self._marks = _Marks(_folders(env), mine, clock)
        self._begun = monotonic()
        self._calm = False

    def adopt(self, config: Config) -> None:
        """Go on with another configuration."""
        self._config = config

    def alive(self) -> None:
        """Hear that the daemon works. After a while what was said before is over, and is forgotten."""
        if not self._calm and self._monotonic() - self._begun >= CALM:
            self._calm = True
            self._marks.prepare()
            self.forget()

    def forget(self) -> None:
        """Take what was said before as over: the next death is news."""
        self._marks.forget()

    def say(self, error: BaseException, seconds: float = PATIENCE) -> None:
        """Say it, unless it was said lately; returns within the given time and never raises for a channel."""
        if isinstance(error, (VaultLocked, Interrupted)) or not isinstance(error, Exception):
            return  # another process works in the vault, or a person stopped us: nothing is wrong
        words = error.message if isinstance(error, StrongroomError) else f"it failed ({type(error).__name__})"
        attempts = [*self._ping(), *self._tell(type(error).__name__, words)]
        until = self._monotonic() + seconds
        for attempt in attempts:
            attempt.wait(max(0.0, until - self._monotonic()))
            if not attempt.over or attempt.failure:
                report("last-word-failed", logging.WARNING, words=attempt.failure or "there was no answer in time")

    def _ping(self) -> Iterable[BackgroundTask]:
        settings = self._config.notify.ping
        if settings is None or self._marks.fresh("ping", PINGED):
            return
        self._marks.put("ping")
        pinger = Pinger(settings, self._config.network, self._clock, self._monotonic)
        yield BackgroundTask(lambda: pinger.send(Signal.FAIL), "last ping")

    def _tell(self, kind: str, words: str) -> Iterable[BackgroundTask]:
        name = hashlib.sha256(f"{kind} {_NUMBERS.sub('#', words)}".encode()).hexdigest()[:12]
        channels = build_channels(self._config.notify)
        if not channels or self._marks.fresh(name, REMIND) or not self._marks.put(name):
            return
        message = _message(self._who, words)
        for channel in channels:
            yield BackgroundTask(lambda channel=channel: channel.send(message), f"crash notice to {channel.name}")  # type: ignore[misc]  # mypy infers no type for a default


def _message(who: str, words: str) -> Message:
    """Write the message. What leaves this machine does not repeat the words: they may name paths."""
    line = f"critical: {who} has failed and ended: nothing is archived"
    short = f"{line}. To see why: read what it printed, and run: strongroom doctor"
    return Message(Level.CRITICAL, f"Strongroom: {line}", short, f"{line}\n  {words}")


class _Marks:
    """Empty files whose age says when a notice was last sent; in the first folder that is writable.

    Only our own count: in a folder that others can write to, nobody can keep us quiet.
    """

    def __init__(self, folders: Iterable[Path], name: str, clock: Clock) -> None:
        self._folders = tuple(folders)
        self._prefix = f"last-word-{name}-"
        self._clock = clock

    def fresh(self, name: str, lasts: timedelta) -> bool:
        """Say whether this was marked no longer ago than that."""
        now = self._clock().timestamp()
        marked = [_marked_at(folder / f"{self._prefix}{name}") for folder in self._folders]
        return any(at is not None and abs(now - at) < lasts.total_seconds() for at in marked)

    def prepare(self) -> None:
        """Make the folder while there is room for one."""
        for folder in self._folders[:1]:
            with suppress(OSError):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(self, name: str) -> bool:
        """Mark it now; say whether that could be done."""
        self.prepare()
        now = self._clock().timestamp()
        for folder in self._folders:
            with suppress(OSError):
                mark = os.open(
                    folder / f"{self._prefix}{name}", os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
                )
                try:
                    os.utime(mark, (now, now))
                finally:
                    os.close(mark)
                return True
        return False

    def forget(self) -> None:
        """Take all marks away."""
        for folder in self._folders:
            with suppress(OSError):
                for path in folder.glob(f"{self._prefix}*"):
                    path.unlink(missing_ok=True)


def _marked_at(path: Path) -> float | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_mtime if found.st_uid == os.getuid() else None


def _folders(env: Mapping[str, str]) -> Iterable[Path]:
    """Yield the folders for marks: systemd's or the user's own, and where that is not writable the shared one."""
    systems = env.get("STATE_DIRECTORY", "").partition(":")[0]
    persons = env.get("XDG_STATE_HOME", "")
    if not Path(persons).is_absolute():
        persons = f"{env.get('HOME', '')}/.local/state"
    if Path(systems).is_absolute():
        yield Path(systems)
    elif Path(persons).is_absolute():
        yield Path(persons) / "strongroom"
    yield Path(tempfile.gettempdir())
