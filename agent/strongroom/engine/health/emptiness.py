"""Alarms about windows that came unusually empty, and about what their second looks found."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from strongroom.model.alarm import Alarm, Kind, Level
from strongroom.model.instants import format_instant
from strongroom.model.secondlook import Outcome, SecondLook, words_of
from strongroom.model.window import Window
from strongroom.vault.secondlooks import second_looks
from strongroom.vault.vault import Vault

RECENT = timedelta(days=30)  # an outcome is told for so long to whoever did not hear of it
_SEE = "see: strongroom coverage --stream"


def doubted_windows(vault: Vault) -> frozenset[tuple[str, Window]]:
    """Return the windows, with their streams, of which this is told and nothing else needs to be."""
    return frozenset((look.stream, look.window) for look in second_looks(vault.catalogue))


def empty_alarms(vault: Vault, streams: Collection[str], now: datetime) -> Iterator[Alarm]:
    """Yield what is to be told of the empty windows of these streams.

    A pending second look stands until it is made. One that found records, or could not be made, is told once.
    """
    for look in second_looks(vault.catalogue):
        if look.stream in streams and (look.outcome is Outcome.PENDING or abs(now - look.at) <= RECENT):
            alarm = _alarm(look)
            if alarm is not None:
                yield alarm


def _alarm(look: SecondLook) -> Alarm | None:
    span = f"{format_instant(look.window.start)} to {format_instant(look.window.end)}"
    body = f"stream {look.stream}: {span}: {words_of(look)}; {_SEE} {look.stream}"
    about = f"{look.stream} {format_instant(look.window.start)}"
    match look.outcome:
        case Outcome.PENDING:
            title = f"one window of one stream came unusually empty: it is exported again on {look.due:%Y-%m-%d}"
            return Alarm(f"{Kind.EMPTY} {about}", Level.WARNING, title, body)
        case Outcome.REFUTED:
            title = "one window of one stream was not empty: a later export found records, which are archived now"
            return Alarm(f"{Kind.EMPTY_REFUTED} {about}", Level.WARNING, title, body)
        case Outcome.UNCONFIRMED:
            title = "one window of one stream came unusually empty, and no second look could be made"
            return Alarm(f"{Kind.EMPTY_UNCONFIRMED} {about}", Level.WARNING, title, body)
        case Outcome.CONFIRMED:
            return None
