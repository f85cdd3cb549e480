"""A crowded vault, made straight in the catalogue: archives, jobs and coverage by the million, and a writer at work.

Rows are copied inside SQLite from a few that were written the usual way, so that every column is what the program
itself would have put there. Archives beyond the number of jobs name jobs that are not there any more.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from strongroom.config.load import load_config
from strongroom.config.schema import Config
from strongroom.evidence.line import Entry
from strongroom.model.archive import Archive, Holding, Seal
from strongroom.model.inspection import Expectation, Inspection, MemberReport
from strongroom.model.job import Job, State
from strongroom.model.plan import DatasetShape, ExportSpec
from strongroom.model.retention import Period, PeriodUnit, RetentionRule
from strongroom.model.window import Window
from strongroom.vault.archives import put_archive
from strongroom.vault.jobs import put_job
from strongroom.vault.log import add_entry
from strongroom.vault.vault import create_vault

DAY = timedelta(days=1)
PER_SOURCE = 10  # streams
_WRITER = """
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1], timeout=5, isolation_level=None)
number = 0
while True:
    number += 1
    database.execute("BEGIN IMMEDIATE")
    database.execute("UPDATE jobs SET changed_at = changed_at, polls = ? WHERE id = ?", (number, sys.argv[2]))
    database.execute(
        "INSERT INTO progress VALUES (?, 'download', ?, 1000000000, strftime('%Y-%m-%dT%H:%M:%S.000000Z')) "
        "ON CONFLICT (job) DO UPDATE SET done = excluded.done, at = excluded.at", (sys.argv[2], number * 1000))
    database.execute("COMMIT")
    time.sleep(0.1)
"""


@dataclass(frozen=True, slots=True)
class Crowd:
    """How much there is."""

    archives: int = 1_000_000
    jobs: int = 100_000
    streams: int = 200
    days: int = 3 * 365


def fill(folder: Path, crowd: Crowd, now: datetime) -> Config:
    """Make the vault and the configuration that names its streams."""
    config = _configure(folder, crowd, now)
    vault = create_vault(config.vault.path, "a crowded vault\n")
    try:
        job, archive = _patterns(now)
        with vault.catalogue.transaction():
            put_job(vault.catalogue, job)
            put_archive(vault.catalogue, archive, "0" * 64)
            for number in range(1_000):
                add_entry(vault.catalogue, Entry("job.planned", now - number * DAY / 1_000, job=job.id, stream="s0"))
    finally:
        vault.close()
    with sqlite3.connect(config.vault.path / "catalogue.sqlite") as database:
        _multiply(database, crowd, job, archive, now)
    database.close()
    return config


@contextmanager
def writing(config: Config) -> Iterator[None]:
    """Have another process commit ten times a second."""
    command = [sys.executable, "-c", _WRITER, str(config.vault.path / "catalogue.sqlite"), _id("j", 1)]
    with subprocess.Popen(command) as process:
        try:
            yield
        finally:
            process.terminate()


def _configure(folder: Path, crowd: Crowd, now: datetime) -> Config:
    key = folder / "key"
    key.write_text("a key that nobody asks for\n")
    key.chmod(0o600)
    file = folder / "strongroom.toml"
    lines = [f'[vault]\npath = {json.dumps(str(folder / "vault"))}\nrecipients = ["{_RECIPIENT}"]\n', _CLASS]
    sources = -(-crowd.streams // PER_SOURCE)
    lines += [f'[[source]]\nname = "a{n}"\nprovider = "zavu"\napi_key = "file:{key}"\n' for n in range(sources)]
    since = (now - crowd.days * DAY).date()
    lines += [
        f'[[stream]]\nname = "s{n}"\nsource = "a{n // PER_SOURCE}"\ndatasets = ["messages"]\nsince = {since}\n'
        for n in range(crowd.streams)
    ]
    file.write_text("\n".join(lines))
    return load_config(file)


_CLASS = '[retention.standard]\nperiod = "10y"\n'
_RECIPIENT = "age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z"  # the example of the age documents


def _patterns(now: datetime) -> tuple[Job, Archive]:
    window = Window(now - DAY, now)
    spec = ExportSpec(("messages",), window)
    job = Job(
        id=_id("j", 0), stream="s0", source="a0", spec=spec, state=State.ARCHIVED, created_at=now - DAY,
        changed_at=now, next_at=now, ref="exp_0", size=12_345_678,
    )  # fmt: skip
    shape = DatasetShape("messages", "messages.json", "id", "createdAt")
    report = MemberReport("messages.json", "messages", 50_000_000, 90_000, 90_000, 0, window.start, window.end)
    archive = Archive(
        id=_id("a", 0), holding=Holding.HELD, stream="s0", source="a0", provider="zavu", spec=spec, job=job.id,
        ref="exp_0", seal=Seal(12_345_678, 12_350_000, "ab" * 32, "cd" * 32, "export.zip"),
        expectation=Expectation(window, (shape,)), inspection=Inspection((report,)), recipients=(_RECIPIENT,),
        retention="standard", container="zip-of-json", durable_at=now, verified_at=now,
        rule=RetentionRule("standard", Period(10, PeriodUnit.YEARS), citation="company policy"),
    )  # fmt: skip
    return job, archive


def _id(kind: str, number: int) -> str:
    return f"01k{kind}{number:022d}"


def _multiply(database: sqlite3.Connection, crowd: Crowd, job: Job, archive: Archive, now: datetime) -> None:
    """Copy the patterns; without durability, for nothing here is worth it."""
    for pragma in ("synchronous = OFF", "foreign_keys = OFF", "cache_size = -200000", "temp_store = MEMORY"):
        database.execute(f"PRAGMA {pragma}")
    base = {"streams": crowd.streams, "days": crowd.days, "today": f"{now:%Y-%m-%d}", "per": PER_SOURCE}
    changes = {
        "id": "'01kj' || printf('%022d', n)", "stream": "'s' || (n % :streams)",
        "source": "'a' || (n % :streams / :per)", "window_start": _DATE.format("0 days"),
        "window_end": _DATE.format("1 days"), "ref": "'exp_' || n",
        "created_at": "strftime('%Y-%m-%dT%H:%M:%S.000000Z', :today, '-' || (n * 600) || ' seconds')",
        "state": "CASE WHEN n < 3 THEN 'fetching' WHEN n < 40 THEN 'waiting' WHEN n % 500 = 7 THEN 'failed' "
        "ELSE 'archived' END",
        "purpose": "'regenerate'",
    }  # fmt: skip
    _copy(database, "jobs", changes, {**base, "most": crowd.jobs - 1, "pattern": job.id})
    old = json.dumps(archive.id)
    changes = {
        "id": "'01ka' || printf('%022d', n)", "job": "'01kj' || printf('%022d', n)", "stream": changes["stream"],
        "source": changes["source"], "window_start": changes["window_start"], "window_end": changes["window_end"],
        "size": "size + n % 1000003", "sealed_size": "sealed_size + n % 1000003", "records": "records + n % 70001",
        "verified_at": "strftime('%Y-%m-%dT%H:%M:%S.000000Z', :today, '-' || (n * 60) || ' seconds')",
        "manifest": f"replace(replace(manifest, '{old}', '\"01ka' || printf('%022d', n) || '\"'), "
        "'\"stream\": \"s0\"', '\"stream\": \"s' || (n % :streams) || '\"')",
    }  # fmt: skip
    _copy(database, "archives", changes, {**base, "most": crowd.archives - 1, "pattern": archive.id})
    changes = {
        "archive": "'01ka' || printf('%022d', n)",
        "until": "strftime('%Y-%m-%dT%H:%M:%S.000000Z', :today, (n * 600 - 8640000) || ' seconds')",
    }
    _copy(database, "retained", changes, {**base, "most": crowd.archives - 1, "pattern": archive.id}, key="archive")
    database.execute(_COVERAGE, {**base, "most": crowd.streams * crowd.days - 1})
    database.execute(_STREAMS, {**base, "most": crowd.streams - 1})  # as the daemon keeps them
    database.commit()


_DATE = "strftime('%Y-%m-%dT%H:%M:%S.000000Z', date(:today, '-' || (n / :streams % :days + 1) || ' days', '{}'))"
_INSTANT = "strftime('%Y-%m-%dT%H:%M:%S.000000Z', date(:today, {}))"
_NUMBERS = "WITH RECURSIVE numbers (n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n < :most)"
_COVERAGE = f"""
{_NUMBERS.format(first=0)} INSERT INTO coverage
SELECT 's' || (n % :streams), {_DATE.format("0 days")}, {_DATE.format("1 days")},
    CASE WHEN n % 997 = 5 THEN 'lost' WHEN n % 97 = 3 THEN 'empty' ELSE 'proven' END, '', '', '' FROM numbers
"""


_STREAMS = f"""
{_NUMBERS.format(first=0)} INSERT INTO streams
SELECT 's' || n, {_INSTANT.format("'-' || :days || ' days'")}, {_INSTANT.format("'-' || :days || ' days'")},
    {_INSTANT.format("'0 days'")}, '' FROM numbers
"""


def _copy(
    database: sqlite3.Connection, table: str, changes: dict[str, str], values: dict[str, object], key: str = "id"
) -> None:
    names = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    chosen = ", ".join(changes.get(name, f"{table}.{name}") for name in names)
    database.execute(
        f"{_NUMBERS.format(first=1)} INSERT INTO {table} ({', '.join(names)}) "
        f"SELECT {chosen} FROM numbers, {table} WHERE {table}.{key} = :pattern",
        values,
    )


if __name__ == "__main__":
    fill(Path(sys.argv[1]), Crowd(), datetime.now(UTC))
