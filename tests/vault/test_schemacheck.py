"""A catalogue whose schema is another than the migrations' own is refused in words, at opening and while it is open."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from strongroom.model.errors import VaultError
from strongroom.vault import schema
from strongroom.vault.catalogue import create_catalogue, open_catalogue
from strongroom.vault.schema import SHIPPED, ForeignSchema, digest_of, digest_of_scripts, made_by

SWALLOW = "CREATE TRIGGER gone AFTER INSERT ON holds BEGIN DELETE FROM holds WHERE id = new.id; END"
CHANGES = {
    SWALLOW: "the trigger gone on holds",
    "CREATE TRIGGER late AFTER INSERT ON entries BEGIN DELETE FROM holds; END": "the trigger late on entries",
    "CREATE TRIGGER own AFTER INSERT ON _sqlite_migrations BEGIN DELETE FROM holds; END": "the trigger own",
    "CREATE VIEW hollow AS SELECT 1": "the view hollow,",
    "CREATE TABLE mine (a TEXT)": "the table mine,",
    "CREATE UNIQUE INDEX once ON holds (matter)": "the index once on holds",
    "DROP INDEX holds_standing": "the index holds_standing is not there",
    "ALTER TABLE holds ADD COLUMN more TEXT": "the table holds was changed",
    "ALTER TABLE holds RENAME TO other; CREATE VIEW holds AS SELECT * FROM other WHERE 0": "the table other",
}


def change(path: Path, statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements.split("; ") if "BEGIN" not in statements else [statements]:
            connection.execute(statement)


@pytest.mark.parametrize("statements", CHANGES)
def test_a_changed_schema_is_refused_and_named(tmp_path: Path, statements: str) -> None:
    path = tmp_path / "catalogue.sqlite"
    create_catalogue(path).close()
    change(path, statements)
    with pytest.raises(ForeignSchema) as told:
        open_catalogue(path)
    assert CHANGES[statements] in told.value.message
    assert "strongroom rebuild" in told.value.hint


def test_a_change_is_seen_by_who_has_it_open(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    with closing(create_catalogue(path)) as catalogue:
        change(path, SWALLOW)
        with pytest.raises(VaultError, match="trigger gone"), catalogue.transaction():
            pytest.fail("the transaction began")
        assert not catalogue.in_transaction
        change(path, "DROP TRIGGER gone")
        with catalogue.transaction():
            pass


def test_what_sqlite_makes_for_itself_is_no_change(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    create_catalogue(path).close()
    change(path, "ANALYZE; VACUUM; REINDEX")
    open_catalogue(path).close()


def test_the_digest_that_spares_the_work_is_of_the_schema_that_the_migrations_make() -> None:
    scripts = tuple(schema.scripts())
    if SHIPPED[0] == digest_of_scripts(scripts):  # otherwise it spares nothing, and nothing goes by it
        assert SHIPPED[1] == digest_of(made_by(scripts))
