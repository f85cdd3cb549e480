"""What a provider told of an account: how long its plan keeps records, when that was last asked, and its clock."""

from __future__ import annotations

from datetime import datetime, timedelta

from strongroom.vault import queries
from strongroom.vault.catalogue import Catalogue, to_instant, to_text
from strongroom.vault.facts import read_fact, seconds


def told_retention(catalogue: Catalogue, source: str) -> timedelta | None:
    """Return how long a source last said that it keeps records, to a run or to a check; None where it never did."""
    return logged_retention(catalogue, source) or _retention(catalogue, _checked(source))


def logged_retention(catalogue: Catalogue, source: str) -> timedelta | None:
    """Return how long a source last told a run that it keeps records, as the log says, or None."""
    return _retention(catalogue, _told(source))


def note_checked_retention(catalogue: Catalogue, source: str, keeps: timedelta) -> None:
    """Remember what a source told a check, before any run asked it. Raises StrongroomError where it cannot be written.

    The log is the worker's to write, so it is told by the next run.
    """
    with catalogue.transaction():
        catalogue.write(queries.PUT_FACT, _checked(source), str(keeps.total_seconds()))


def remember_told_retention(catalogue: Catalogue, source: str, keeps: timedelta) -> None:
    """Remember how long a source says that it keeps records; inside a transaction."""
    catalogue.write(queries.PUT_FACT, _told(source), str(keeps.total_seconds()))


def ask_again_at(catalogue: Catalogue, source: str) -> datetime | None:
    """Return before when a source need not be asked again, or None when it never was."""
    return read_fact(catalogue, _asked(source), to_instant)


def put_ask_again_at(catalogue: Catalogue, source: str, at: datetime) -> None:
    """Remember when a source is to be asked again; inside a transaction."""
    catalogue.write(queries.PUT_FACT, _asked(source), to_text(at))


def lag_of(catalogue: Catalogue, source: str) -> timedelta:
    """Return by how much a source's clock is taken as behind ours."""
    return read_fact(catalogue, _lag(source), seconds) or timedelta(0)


def remember_lag(catalogue: Catalogue, source: str, lag: timedelta) -> None:
    """Remember by how much a source's clock is behind ours; inside a transaction."""
    catalogue.write(queries.PUT_FACT, _lag(source), str(lag.total_seconds()))


def counts_header(catalogue: Catalogue, source: str) -> bool | None:
    """Return whether a source's announced rows count the header of a CSV, None while that is not known."""
    row = catalogue.read_one(queries.FACT, _header(source))
    return row["value"] == "yes" if row else None


def remember_counts_header(catalogue: Catalogue, source: str, *, counts: bool) -> None:
    """Remember whether a source's announced rows count the header; inside a transaction."""
    catalogue.write(queries.PUT_FACT, _header(source), "yes" if counts else "no")


def _header(source: str) -> str:
    return f"rows announced by {source} count the header"


def _lag(source: str) -> str:
    return f"clock of {source} is behind"


def _retention(catalogue: Catalogue, name: str) -> timedelta | None:
    return read_fact(catalogue, name, seconds)


def _checked(source: str) -> str:
    return f"retention of {source} as checked"


def _told(source: str) -> str:
    return f"retention told by {source}"


def _asked(source: str) -> str:
    return f"retention of {source} is asked again"
