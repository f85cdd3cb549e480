"""New catalogues, copied from one that the migrations made instead of made anew for each of thousands of vaults."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from functools import cache

import pytest

from strongroom.vault import catalogue, schema
from strongroom.vault.schema import Scripts, scripts

_BUILD = schema.build
_TABLES = "SELECT count(*) FROM sqlite_schema"


@cache
def _made_by(_scripts: Scripts) -> bytes:
    made = sqlite3.connect(":memory:", isolation_level=None)
    try:
        _BUILD(made)
        return made.serialize()
    finally:
        made.close()


def build(connection: sqlite3.Connection) -> None:
    """Do what `schema.build` does; an empty catalogue gets the pages of one that they made."""
    if connection.execute(_TABLES).fetchone()[0]:
        _BUILD(connection)
        return
    made = sqlite3.connect(":memory:", isolation_level=None)
    try:
        made.deserialize(_made_by(tuple(scripts())))
        made.backup(connection)
    finally:
        made.close()


@pytest.fixture(scope="session", autouse=True)
def _copied_catalogues() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (schema, catalogue):
            patch.setattr(module, "build", build)
        yield
