"""What a missing key means to a daemon: a fault of one source, reported and retried, never the end of all work.

On the command line a person is there to fix it; there the same failure ends the command.

The daemon's log: one line an event, for journald and for people. Ids and causes, never a secret or a record's text.

Under systemd a line begins with its priority as journald reads it (<6>), elsewhere with the time.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime

from strongroom.config.secrets import SecretRef, resolve
from strongroom.engine.core.engine import StepResult
from strongroom.model.errors import AuthRefused, Transient, UsageError, WorldError
from strongroom.model.job import Cause, Job
from strongroom.model.provider import shown_ref
from strongroom.model.times import format_instant


def patient_secret(ref: SecretRef) -> str:
    """Fetch a key.

    Raises AuthRefused, which pauses the source until a person acts, where it is missing or unsafe to believe, and
    Transient where a keyring or a command failed and may answer later.
    """
    try:
        return resolve(ref).reveal()
    except UsageError as error:
        raise AuthRefused(error.message, hint=error.hint) from None
    except WorldError as error:
        raise Transient(error.message, hint=error.hint) from None


_PRIORITY = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}

log = logging.getLogger("strongroom")


class _Line(logging.Formatter):
    def __init__(self, *, journal: bool) -> None:
        super().__init__()
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        message = " ".join(record.getMessage().split())
        if self._journal:
            return f"<{_PRIORITY.get(record.levelno, 5)}>{message}"
        at = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return f"{at} {record.levelname.lower()} {message}"


def start_logging(level: str, env: Mapping[str, str] = os.environ) -> None:
    """Send the log to standard error. `level` is debug, info, warning or error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line(journal="JOURNAL_STREAM" in env))
    log.handlers[:] = [handler]
    set_level(level)
    log.propagate = False


def set_level(level: str) -> None:
    """Log from now on what matters as much as this level, or more."""
    log.setLevel(level.upper())


def report(event: str, level: int = logging.INFO, **facts: object) -> None:
    """Log one event with its facts as key=value, values with spaces in quotes."""
    words = [event]
    for name, value in facts.items():
        text = str(value)
        if text:
            words.append(f'{name}="{text}"' if " " in text else f"{name}={text}")
    log.log(level, "%s", " ".join(words))


def report_transition(before: Job, after: Job, happening: StepResult) -> None:
    """Log one transition of a job: ids, states and the cause; what a provider said stays in the catalogue."""
    facts = happening.facts
    level = logging.WARNING if facts.cause is not Cause.NONE else logging.INFO
    report(
        happening.event.value,
        level,
        job=after.id,
        stream=after.stream,
        window=after.spec.window,
        state=f"{before.state.value}>{after.state.value}",
        cause=facts.cause.value,
        until=format_instant(facts.next_at) if facts.cause is not Cause.NONE and facts.next_at else "",
        ref=shown_ref(facts.ref),
        size=facts.size if facts.size is not None else "",
        archive=happening.archive.id if happening.archive else "",
        successor=happening.successor.id if happening.successor else "",
    )
