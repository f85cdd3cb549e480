"""What the vault remembers by name: single values, in the table `vault`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from strongroom.vault.catalogue import Catalogue
from strongroom.vault.rows import UNREADABLE, RowUnreadable, readable, unreadable

PUT_FACT = "INSERT INTO vault (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
FACT = "SELECT value FROM vault WHERE name = ?"

Value = TypeVar("Value")


def read_fact(catalogue: Catalogue, name: str, parse: Callable[[str], Value]) -> Value | None:
    """Return what is remembered under a name, None where nothing is. Raises RowUnreadable."""

    def read(row: sqlite3.Row) -> Value:
        try:
            return parse(row["value"])
        except (RowUnreadable, *UNREADABLE) as error:
            raise unreadable("vault", name) from error

    return next(readable(catalogue.read(FACT, name), read), None)


def seconds(text: str) -> timedelta:
    """Read a duration as it is remembered."""
    return timedelta(seconds=float(text))
