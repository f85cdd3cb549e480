from __future__ import annotations

import shutil
import sqlite3
import stat
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.vault_objects import day, end, let_go, make_job, start
from strongroom.model.errors import StrongroomError, VaultError, WorldError
from strongroom.model.job import State
from strongroom.vault import catalogue as room
from strongroom.vault import schema
from strongroom.vault.catalogue import FACT, PUT_FACT, Catalogue, create_catalogue, open_catalogue, open_to_read
from strongroom.vault.jobs import put_job
from strongroom.vault.rows import to_instant, to_text

ADD_ONE = """
import sys
from pathlib import Path
from strongroom.vault.catalogue import open_catalogue
from strongroom.vault.catalogue import FACT, PUT_FACT
catalogue = open_catalogue(Path(sys.argv[1]))
for _ in range(int(sys.argv[2])):
    with catalogue.transaction():
        row = catalogue.read_one(FACT, "sum")
        catalogue.write(PUT_FACT, "sum", str(int(row["value"]) + 1))
catalogue.close()
"""
CREATE_OR_OPEN = """
import sys
from pathlib import Path
from strongroom.model.errors import VaultError
from strongroom.vault.catalogue import create_catalogue, open_catalogue
from strongroom.vault.catalogue import PUT_FACT
print("ready", flush=True)
sys.stdin.read()
path = Path(sys.argv[1])
try:
    catalogue = create_catalogue(path)
    print("created")
except VaultError as error:
    assert "there is a catalogue at" in error.message, error
    catalogue = open_catalogue(path)
    print("opened")
with catalogue.transaction():
    catalogue.write(PUT_FACT, sys.argv[2], "here")
catalogue.close()
"""


def put_fact(catalogue: Catalogue, name: str, value: str = "here") -> None:
    catalogue.write(PUT_FACT, name, value)


def fact(catalogue: Catalogue, name: str) -> str | None:
    row = catalogue.read_one(FACT, name)
    return str(row["value"]) if row else None


def path_of(catalogue: Catalogue) -> Path:
    return Path(catalogue.read("PRAGMA database_list")[0]["file"])


def test_two_processes_that_read_and_then_write_lose_nothing(catalogue: Catalogue) -> None:
    with catalogue.transaction():
        put_fact(catalogue, "sum", "0")
    end(*(start(ADD_ONE, path_of(catalogue), 200) for _ in range(2)))
    assert fact(catalogue, "sum") == "400"


def test_two_threads_that_read_and_then_write_lose_nothing(catalogue: Catalogue) -> None:
    with catalogue.transaction():
        put_fact(catalogue, "sum", "0")

    def add() -> None:
        mine = open_catalogue(path_of(catalogue))
        for _ in range(50):
            with mine.transaction():
                put_fact(mine, "sum", str(int(fact(mine, "sum") or "0") + 1))
        mine.close()

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert fact(catalogue, "sum") == "200"


def test_an_error_in_a_transaction_undoes_all_of_it(catalogue: Catalogue) -> None:
    with pytest.raises(KeyboardInterrupt), catalogue.transaction():
        put_fact(catalogue, "half")
        raise KeyboardInterrupt
    assert fact(catalogue, "half") is None
    with catalogue.transaction():
        put_fact(catalogue, "whole")
    assert fact(catalogue, "whole") == "here"


def test_a_write_outside_a_transaction_is_refused(catalogue: Catalogue) -> None:
    with pytest.raises(VaultError, match="outside a transaction was refused"):
        put_fact(catalogue, "alone")
    assert fact(catalogue, "alone") is None


def test_a_transaction_in_a_transaction_is_refused_and_takes_nothing_down(catalogue: Catalogue) -> None:
    with catalogue.transaction():
        put_fact(catalogue, "outer")
        with pytest.raises(VaultError, match="inside another was refused"), catalogue.transaction():
            pytest.fail("the inner transaction began")
        put_fact(catalogue, "after")
    assert (fact(catalogue, "outer"), fact(catalogue, "after")) == ("here", "here")


def test_a_lock_that_lasts_is_told_in_words(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "BUSY_SECONDS", 0.05)
    second = open_catalogue(path_of(catalogue))
    with catalogue.transaction():
        assert fact(second, "any") is None  # reading goes on beside a writer
        with pytest.raises(VaultError, match="stayed locked"), second.transaction():
            pytest.fail("two writers at once")
    with second.transaction():
        put_fact(second, "later")
    second.close()
    assert fact(catalogue, "later") == "here"


def test_a_full_disk_is_told_in_words_and_leaves_what_was(catalogue: Catalogue) -> None:
    (pages,) = catalogue.read_one("PRAGMA page_count") or (0,)
    catalogue.read(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(WorldError, match="the disk is full"), catalogue.transaction():
        put_fact(catalogue, "large", "x" * 100_000)
    catalogue.read("PRAGMA max_page_count = 1000000")
    with catalogue.transaction():
        put_fact(catalogue, "small")
    assert (fact(catalogue, "large"), fact(catalogue, "small")) == (None, "here")


@pytest.mark.parametrize(
    ("code", "family", "words"),
    [
        (sqlite3.SQLITE_IOERR_WRITE, WorldError, "the disk reports an error"),
        (sqlite3.SQLITE_IOERR, WorldError, "the disk reports an error"),
        (sqlite3.SQLITE_FULL, WorldError, "the disk is full"),
        (sqlite3.SQLITE_READONLY_DBMOVED, WorldError, "cannot be written"),
        (sqlite3.SQLITE_CANTOPEN_ISDIR, WorldError, "cannot be opened by this user"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, VaultError, "stayed locked"),
        (sqlite3.SQLITE_CORRUPT, VaultError, "refused"),
    ],
)
def test_what_the_machine_does_is_told_as_the_machines_doing(
    catalogue: Catalogue, code: int, family: type[StrongroomError], words: str
) -> None:
    def fail() -> None:
        error = sqlite3.OperationalError("as SQLite would say")
        error.sqlite_errorcode = code
        raise error

    with pytest.raises(family, match=words) as told, catalogue.transaction():
        fail()
    assert told.value.hint


def test_a_folder_in_place_of_the_catalogue_is_refused(tmp_path: Path) -> None:
    (tmp_path / "catalogue.sqlite").mkdir()
    with pytest.raises(VaultError, match="a folder, pipe, socket or device instead of a file"):
        open_catalogue(tmp_path / "catalogue.sqlite")


def test_a_catalogue_opened_to_read_reads_and_refuses_to_write(catalogue: Catalogue, tmp_path: Path) -> None:
    path = Path(catalogue.read("PRAGMA database_list")[0]["file"])
    with catalogue.transaction():
        put_job(catalogue, make_job())
    reading = open_to_read(path)
    assert [row["id"] for row in reading.read("SELECT id FROM jobs")] == [make_job().id]
    with pytest.raises(WorldError, match="can only be read here"), reading.transaction():
        pass
    reading.close()
    catalogue.close()
    (tmp_path / "copy with ? and #").mkdir()
    copy = Path(shutil.copy(path, tmp_path / "copy with ? and #" / "c.sqlite"))
    reading = open_to_read(copy)
    assert len(reading.read("SELECT id FROM jobs")) == 1
    reading.close()


def test_a_damaged_page_is_told_in_words(catalogue: Catalogue) -> None:
    path = path_of(catalogue)
    with catalogue.transaction():
        for number in range(1000):
            put_job(catalogue, make_job(number))
    catalogue.read("PRAGMA wal_checkpoint(TRUNCATE)")
    catalogue.close()
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = b"\xaa" * (len(data) - len(data) // 2)
    path.write_bytes(data)
    damaged = open_catalogue(path)
    with pytest.raises(VaultError, match="the catalogue refused: database disk image is malformed"):
        damaged.read("SELECT * FROM jobs")
    damaged.close()


@pytest.mark.parametrize(
    ("column", "value"), [("priority", "high"), ("size", "12 MB"), ("polls", 1.5), ("state", None), ("ref", b"bytes")]
)
def test_values_of_another_type_are_refused(catalogue: Catalogue, column: str, value: object) -> None:
    with catalogue.transaction():
        put_job(catalogue, make_job())
    with pytest.raises(sqlite3.IntegrityError), catalogue.transaction():
        catalogue.write(f"UPDATE jobs SET {column} = ?", value)


def test_an_archive_belongs_to_a_job_that_exists(catalogue: Catalogue) -> None:
    columns = "'a', 'held', 's', 's', '', '', 'no such job', 1, 1, 1, 0, 'r', '', '', '', ''"
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"), catalogue.transaction():
        catalogue.write(f"INSERT INTO archives VALUES ({columns})")


LIVE = [state for state in State if state not in ("archived", "replaced", "failed", "cancelled")]
ENDED = [state for state in State if state not in LIVE]


@pytest.mark.parametrize("first", LIVE)
@pytest.mark.parametrize("purposes", [("coverage", "coverage"), ("manual", "coverage"), ("retry", "manual")])
def test_one_live_job_for_a_window(catalogue: Catalogue, first: State, purposes: tuple[str, str]) -> None:
    one, two = (make_job(number, spec=make_job(1).spec, purpose=purposes[number]) for number in (0, 1))
    with catalogue.transaction():
        put_job(catalogue, make_job(0, spec=one.spec, purpose=purposes[0], state=first))
    with pytest.raises(sqlite3.IntegrityError), catalogue.transaction():
        put_job(catalogue, two)


@pytest.mark.parametrize("ended", ENDED)
def test_an_ended_job_frees_its_window(catalogue: Catalogue, ended: State) -> None:
    with catalogue.transaction():
        put_job(catalogue, make_job(1, state=ended))
        put_job(catalogue, make_job(2, spec=make_job(1).spec))
        put_job(catalogue, make_job(3, spec=make_job(1).spec, purpose="regenerate"))
    with pytest.raises(sqlite3.IntegrityError), catalogue.transaction():
        put_job(catalogue, make_job(4, spec=make_job(1).spec))


def test_two_live_jobs_never_have_the_same_export(catalogue: Catalogue) -> None:
    with catalogue.transaction():
        put_job(catalogue, make_job(1, ref="exp_1"))
        put_job(catalogue, make_job(2, ref="exp_1", state=State.REPLACED))
        put_job(catalogue, make_job(3, ref="exp_1", source="other"))
    with pytest.raises(sqlite3.IntegrityError), catalogue.transaction():
        put_job(catalogue, make_job(4, ref="exp_1", purpose="regenerate"))


def test_every_connection_writes_durably_and_erases_what_it_deletes(catalogue: Catalogue) -> None:
    settings = ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
    assert [catalogue.read(f"PRAGMA {name}")[0][0] for name in settings] == ["wal", 2, 1, 1]
    with catalogue.transaction():
        put_fact(catalogue, "any")
    files = sorted(path_of(catalogue).parent.iterdir())
    assert [path.name for path in files] == ["catalogue.sqlite", "catalogue.sqlite-shm", "catalogue.sqlite-wal"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_the_change_count_moves_when_another_has_written(catalogue: Catalogue) -> None:
    other = open_catalogue(path_of(catalogue))
    before = catalogue.change_count()
    assert catalogue.change_count() == before
    with other.transaction():
        put_fact(other, "any")
    other.close()
    assert catalogue.change_count() != before


def test_a_catalogue_is_made_once(catalogue: Catalogue) -> None:
    with pytest.raises(VaultError, match="there is a catalogue at"):
        create_catalogue(path_of(catalogue))


def test_a_catalogue_that_is_not_there_is_not_made_by_opening(tmp_path: Path) -> None:
    with pytest.raises(VaultError, match="there is no catalogue at"):
        open_catalogue(tmp_path / "none.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_catalogue_is_told_in_words(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    path.write_bytes(b"this is not a database at all " * 100)
    with pytest.raises(VaultError, match="cannot be opened as a catalogue"):
        open_catalogue(path)


def test_a_newer_schema_is_refused_in_words(catalogue: Catalogue) -> None:
    catalogue.read(f"PRAGMA user_version = {schema.SCHEMA + 1}")
    with pytest.raises(VaultError, match=f"has schema {schema.SCHEMA + 1}.*up to {schema.SCHEMA}") as told:
        open_catalogue(path_of(catalogue))
    assert told.value.hint == "install a newer strongroom and start that one"


def test_a_newer_schema_that_comes_later_is_neither_followed_nor_written_to(catalogue: Catalogue) -> None:
    other = sqlite3.connect(path_of(catalogue))
    other.execute(f"PRAGMA user_version = {schema.SCHEMA + 1}")
    other.close()
    with pytest.raises(VaultError, match="this program knows up to"), catalogue.transaction():
        pytest.fail("the transaction began")
    assert not catalogue.in_transaction
    with pytest.raises(VaultError, match="this program knows up to"):
        catalogue.change_count()


def test_processes_that_make_a_catalogue_at_once_make_one(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    processes = [start(CREATE_OR_OPEN, path, name) for name in ("a", "b", "c")]
    let_go(*processes)
    assert sorted(line.strip() for line in end(*processes)) == ["created", "opened", "opened"]
    catalogue = open_catalogue(path)
    assert [fact(catalogue, name) for name in ("a", "b", "c")] == ["here"] * 3
    assert catalogue.read("SELECT count(*) FROM _sqlite_migrations")[0][0] == schema.SCHEMA
    catalogue.close()


def shape_of(path: Path) -> tuple[int, list[str]]:
    connection = sqlite3.connect(path)
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    rows = connection.execute("SELECT sql FROM sqlite_master WHERE name NOT LIKE '%sqlite%' ORDER BY name").fetchall()
    connection.close()
    return version, [row[0] for row in rows]


@pytest.mark.parametrize(
    "bad",
    [
        "ALTER TABLE jobs ADD COLUMN extra TEXT;\nDROP TABLE progress;\nCREATE TABEL broken;\n",
        "DELETE FROM vault;\nDROP INDEX jobs_due;\nSELECT no_such_function();\n",
        "DROP TABLE progress;\nCREATE TABLE unfinished (",
    ],
)
def test_a_migration_that_fails_leaves_everything_as_it_was(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, bad: str
) -> None:
    path = path_of(catalogue)
    with catalogue.transaction():
        put_fact(catalogue, "kept")
    before, scripts = shape_of(path), schema.scripts()
    monkeypatch.setattr(schema, "scripts", lambda: [*scripts, ("9999_next", bad)])
    for module in (schema, room):
        monkeypatch.setattr(module, "SCHEMA", schema.SCHEMA + 1)
    with pytest.raises(VaultError, match="the catalogue refused"):
        open_catalogue(path)
    assert shape_of(path) == before
    assert fact(catalogue, "kept") == "here"
    good = "-- a comment; with a semicolon\nCREATE TABLE next (\n  a TEXT -- why;\n) STRICT;\nDROP TABLE progress"
    monkeypatch.setattr(schema, "scripts", lambda: [*scripts, ("9999_next", good)])
    open_catalogue(path).close()
    version, statements = shape_of(path)
    assert version == before[0] + 1
    assert any("CREATE TABLE next" in statement for statement in statements)
    assert not any("progress" in statement for statement in statements)


def test_the_schema_number_is_the_number_of_the_last_migration() -> None:
    names = [name for name, _ in schema.scripts()]
    assert [int(name.split("_")[0]) for name in names] == list(range(1, schema.SCHEMA + 1))


INSTANTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001


@given(INSTANTS, INSTANTS)
def test_the_order_of_text_is_the_order_of_time(one: datetime, other: datetime) -> None:
    assert to_instant(to_text(one)) == one
    assert (to_text(one) < to_text(other)) == (one < other)


def test_an_instant_is_written_with_all_its_digits() -> None:
    assert to_text(day(0).start) == "2026-01-01T00:00:00.000000Z"


def test_text_that_is_not_utf_8_comes_as_bytes_and_any_other_refusal_is_raised(catalogue: Catalogue) -> None:
    query = "SELECT CAST(x'61ff' AS TEXT) AS bad, 'good' AS good"
    rows = [*catalogue.read(query), catalogue.read_one(query)]
    assert [tuple(row) for row in rows if row] == [(b"a\xff", "good")] * 2
    for read in (catalogue.read, catalogue.read_one):
        with pytest.raises(StrongroomError, match="no such table"):
            read("SELECT 1 FROM nowhere")
