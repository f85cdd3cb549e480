"""The vault's own notion of time: it never runs backwards, and it is not believed merely because a clock says so.

The high-water mark is the newest instant that something besides our clock spoke for: a provider's `Date`, or a step
from the mark that is no longer than the tolerance. A new vault begins with the time it is made at; one whose catalogue
was made again has no mark, until a provider speaks. Our own log cannot speak for our clock: an entry written by a wrong
one never moves the mark, and stops destructions until a right one follows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from strongroom.model.alarm import Alarm, Kind, Level
from strongroom.model.clockcheck import check_trust
from strongroom.model.durations import rough_duration
from strongroom.model.errors import WorldError
from strongroom.model.instants import Clock
from strongroom.vault import queries
from strongroom.vault.catalogue import Catalogue, to_instant, to_text
from strongroom.vault.retained import last_entry_at
from strongroom.vault.vault import Vault

MARK = "time"  # the high-water mark, as a fact of the vault
TOLERANCE = timedelta(days=1)
STEP = timedelta(minutes=10)  # the mark is written anew no more often than this


def vault_now(vault: Vault, clock: Clock) -> datetime:
    """Return the present by our clock, or the high-water mark where the clock is behind it."""
    mark = _mark(vault.catalogue)
    now = clock()
    return now if mark is None else max(now, mark)


def require_trustworthy_time(
    vault: Vault, clock: Clock, skews: Mapping[str, timedelta | None], tolerance: timedelta = TOLERANCE
) -> None:
    """Raise WorldError unless our clock is one to destroy by; else remember the time.

    `skews` is what each source's `Date` is ahead of our clock, None where one did not answer. A clock past the mark by
    more than the tolerance, as after weeks switched off, needs a provider that says the same.
    """
    now, mark, last = clock(), _mark(vault.catalogue), last_entry_at(vault.catalogue)
    verdict = check_trust(now, mark, last, skews, tolerance)
    if verdict.fault is not None:
        raise WorldError(
            f"nothing is destroyed by this clock: {verdict.words}",
            hint="set the clock (timedatectl), or see that a provider can be asked: strongroom doctor",
        )
    remember_time(vault, now)


def remember_time(vault: Vault, now: datetime) -> None:
    """Raise the mark: somebody else spoke for this time. It is never lowered."""
    mark = _mark(vault.catalogue)
    if mark is not None and now < mark + STEP:
        return
    with vault.catalogue.transaction():
        again = _mark(vault.catalogue)
        if again is None or now > again:
            vault.catalogue.write(queries.PUT_FACT, MARK, to_text(now))


def keep_time(vault: Vault, now: datetime, tolerance: timedelta = TOLERANCE) -> None:
    """Let the mark follow our clock as long as it takes no leap. Called often by whoever runs all the time."""
    mark = _mark(vault.catalogue)
    if mark is not None and now - mark <= tolerance:
        remember_time(vault, now)


def time_alarms(vault: Vault, now: datetime, tolerance: timedelta = TOLERANCE) -> list[Alarm]:
    """Return the alarm for a time that nobody has spoken for: as long as it stands, nothing is destroyed."""
    mark = _mark(vault.catalogue)
    if mark is None or abs(now - mark) <= tolerance:
        return []
    side = "past" if now > mark else "behind"
    body = f"our clock is {rough_duration(abs(now - mark))} {side} the time that the vault last was sure of"
    title = "nobody confirms the time of this machine: nothing is destroyed until a provider does"
    return [Alarm(f"{Kind.CLOCK} unconfirmed", Level.WARNING, title, body)]


def time_mark(catalogue: Catalogue) -> datetime | None:
    """Return the newest time that something besides our clock spoke for, None where nothing ever did."""
    return _mark(catalogue)


def _mark(catalogue: Catalogue) -> datetime | None:
    row = catalogue.read_one(queries.FACT, MARK)
    return to_instant(row["value"]) if row else None
