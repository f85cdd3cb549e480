"""The catalogue made again from log and manifests is the one that was lost."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from kit.engine_bench import DAY, STREAM, Bench, open_bench
from strongroom.engine.access.fixity import check_fixity
from strongroom.engine.access.restore import restore
from strongroom.engine.ingest.planning import enter_window
from strongroom.engine.queries.lists import list_archives
from strongroom.engine.repair.rebuild import GONE, Rebuild, rebuild
from strongroom.evidence.line import read_chain
from strongroom.model.errors import Interrupted, VaultError, VaultLocked
from strongroom.model.window import Window
from strongroom.vault import old_catalogues as rebuilding
from strongroom.vault.layout import Layout
from strongroom.vault.lock import hold
from strongroom.vault.vault import open_vault
from strongroom_sandbox.faults import FaultKind, InjectedFault
from strongroom_sandbox.options import ZavuOptions
from strongroom_sandbox.recorder import Operation

LIKE = {
    "archives": "SELECT * FROM archives ORDER BY id",
    "coverage": "SELECT * FROM coverage ORDER BY stream, window_start, window_end",
    "entries": "SELECT seq, at, kind, job, archive, stream, line FROM entries ORDER BY seq",
    "recipients": "SELECT key, since, proven_at, retired_at FROM recipients ORDER BY key",
    "resealed": "SELECT * FROM resealed ORDER BY archive",
    "drills": "SELECT * FROM drills ORDER BY at",
    # What a provider said (detail), its word for the end of an export, and how often it was looked at are in no line.
    "jobs": """SELECT id, stream, source, window_start, window_end, datasets, filters, state, created_at, changed_at,
        purpose, retention, priority, ref, asked_at, accepted_at, cause, parent, generation, archive
        FROM jobs ORDER BY id""",
}


def window(days: int) -> Window:
    return Window(DAY.start - timedelta(days=days), DAY.end - timedelta(days=days))


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A vault that has seen some life: archives, a second export of one window, a quarantine, a failure, a job."""
    with open_bench(tmp_path_factory.mktemp("lived"), zavu=ZavuOptions(pace=0)) as bench:
        bench.export()
        bench.export(again=True)
        bench.sandbox.faults.add(InjectedFault(FaultKind.BAD_CRC, on=Operation.DOWNLOAD))
        bench.export(window=window(1))
        bench.sandbox.faults.add(InjectedFault(FaultKind.ANSWER, on=Operation.CREATE, status=400, times=2))
        bench.export(window=window(2))
        with bench.engine() as engine:
            enter_window(engine, STREAM, window(3), "standard")
        yield bench


@pytest.fixture
def house(lived: Bench, tmp_path: Path) -> Layout:
    shutil.copytree(lived.base / "vault", tmp_path / "vault")
    return Layout(tmp_path / "vault")


def order(house: Layout, lived: Bench, **changes: object) -> Rebuild:
    streams = {STREAM.name: STREAM}
    return replace(Rebuild(house.root, lived.clock, streams), **changes)  # type: ignore[arg-type]


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def same(made: Path, lost: Path) -> None:
    for name, query in LIKE.items():
        if name == "recipients" and not rows(lost, query):
            continue  # nothing has looked at who they are yet; the log knows them from the beginning
        found = [row for row in rows(made, query) if not (name == "entries" and row[2] == "vault.rebuilt")]
        assert found == rows(lost, query), name


def lose(house: Layout, tmp_path: Path) -> Path:
    """Lose the catalogue; return a copy of it to compare with."""
    connection = sqlite3.connect(house.catalogue)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    lost = tmp_path / "lost.sqlite"
    house.catalogue.rename(lost)
    return lost


def test_what_is_made_again_is_what_was_lost(house: Layout, lived: Bench, tmp_path: Path) -> None:
    lost = lose(house, tmp_path)
    done = rebuild(order(house, lived))
    same(house.catalogue, lost)
    assert (done.archives, done.faults, done.aside) == (4, [], None)
    assert done.entries == len(rows(lost, LIKE["entries"]))
    bodies = list(read_chain(house.log.read_bytes().splitlines()))
    assert bodies[-1]["kind"] == "vault.rebuilt"
    vault = open_vault(house.root)
    try:
        for archive in list_archives(vault):
            assert check_fixity(vault, archive) == []
        held = list_archives(vault, holding="held")[0]
        assert restore(vault, held, lived.identities(), tmp_path / "out").size == held.seal.size
    finally:
        vault.close()


def test_the_catalogue_that_was_there_is_kept_aside(house: Layout, lived: Bench) -> None:
    before = rows(house.catalogue, LIKE["entries"])
    done = rebuild(order(house, lived))
    assert done.aside is not None
    assert rows(done.aside, LIKE["entries"]) == before
    same(house.catalogue, done.aside)


def test_made_elsewhere_it_leaves_the_vault_alone(house: Layout, lived: Bench, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in house.root.rglob("*") if path.name != "lock"}
    rebuild(order(house, lived, to=tmp_path / "other.sqlite"))
    same(tmp_path / "other.sqlite", house.catalogue)
    after = {path: path.stat().st_mtime_ns for path in before if not path.name.endswith(("-wal", "-shm"))}
    assert {path for path, at in after.items() if before[path] != at} <= {house.root}
    with pytest.raises(VaultError, match="never overwritten"):
        rebuild(order(house, lived, to=tmp_path / "other.sqlite"))


@pytest.mark.parametrize("after", range(1, 12))
def test_interrupted_anywhere_it_goes_on_and_comes_to_the_same(
    house: Layout, lived: Bench, tmp_path: Path, after: int
) -> None:
    lost = lose(house, tmp_path)
    asked, read = [0], {"log": 0, "manifests": 0}

    def stop() -> bool:
        asked[0] += 1
        return asked[0] == after

    def watch(what: str, count: int) -> None:
        read[what] += count

    with pytest.raises(Interrupted):
        rebuild(order(house, lived, batch=3, stop=stop, watch=watch))
    assert not house.catalogue.exists()
    rebuild(order(house, lived, batch=3, watch=watch))
    same(house.catalogue, lost)
    assert read["log"] == len(rows(lost, LIKE["entries"]))  # no line was read twice
    assert sorted(path.name for path in house.root.glob("*.sqlite*")) == ["catalogue.sqlite"]


def test_what_an_interrupted_one_left_of_another_log_is_thrown_away(
    house: Layout, lived: Bench, tmp_path: Path
) -> None:
    lost = lose(house, tmp_path)
    asked = iter([False, False, True])
    with pytest.raises(Interrupted):
        rebuild(order(house, lived, batch=2, stop=lambda: next(asked)))
    other = sqlite3.connect(house.root / "rebuilding.sqlite")
    other.execute("UPDATE entries SET line = CAST(line || ' ' AS BLOB) WHERE seq = (SELECT max(seq) FROM entries)")
    other.commit()
    other.close()
    rebuild(order(house, lived))
    same(house.catalogue, lost)


def test_a_half_line_at_the_end_is_nobodys(house: Layout, lived: Bench, tmp_path: Path) -> None:
    lost = lose(house, tmp_path)
    with house.log.open("ab") as file:
        file.write(b'{"at":"2026')
    rebuild(order(house, lived))
    same(house.catalogue, lost)
    assert list(read_chain(house.log.read_bytes().splitlines()))[-1]["kind"] == "vault.rebuilt"


def test_a_broken_chain_is_no_source(house: Layout, lived: Bench) -> None:
    house.log.write_bytes(house.log.read_bytes().replace(b'"job.accepted"', b'"job.accepter"', 1))
    with pytest.raises(VaultError, match=r"line \d+ of log/log.jsonl does not follow"):
        rebuild(order(house, lived))
    assert house.catalogue.exists()


def manifest(house: Layout) -> Path:
    return min((house.root / "manifests").glob("*/*.json"), key=lambda path: path.stem)  # of the first export


def test_a_manifest_that_the_log_contradicts_is_not_entered(house: Layout, lived: Bench, tmp_path: Path) -> None:
    lose(house, tmp_path)
    path = manifest(house)
    body = json.loads(path.read_text())
    body["counts"]["records"] += 1
    path.write_text(json.dumps(body, indent=2, sort_keys=True) + "\n")
    done = rebuild(order(house, lived))
    assert done.archives == 3
    assert any("from the log, found another manifest" in fault for fault in done.faults)


@pytest.mark.parametrize("number", range(4), ids=lambda number: f"archive {number}")
def test_an_archive_whose_manifest_is_gone_is_told_and_not_proven(
    house: Layout, lived: Bench, number: int, tmp_path: Path
) -> None:
    path = sorted(
        [*house.root.glob("manifests/*/*.json"), *house.root.glob("quarantine/*.json")], key=lambda p: p.name
    )[number]
    covering = f"SELECT stream, window_start FROM coverage WHERE archive = '{path.stem}'"
    before = rows(house.catalogue, covering)
    path.unlink()
    lose(house, tmp_path)
    done = rebuild(order(house, lived))
    assert sum(path.stem in fault for fault in done.faults) == 1
    found = rows(
        house.catalogue, f"SELECT stream, window_start FROM coverage WHERE cover = 'missing' AND cause = '{GONE}'"
    )
    assert found == before


@pytest.mark.parametrize("step", ["before the old one is moved", "between the two"])
def test_a_rebuild_that_ends_while_the_new_one_takes_its_place_is_done_again(
    house: Layout, lived: Bench, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    before = {name: rows(house.catalogue, query) for name, query in LIKE.items()}
    name = "set_aside" if step.startswith("before") else "take_place"

    def die(*_args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(rebuilding, name, die)
    with pytest.raises(KeyboardInterrupt):
        rebuild(order(house, lived))
    monkeypatch.undo()
    assert house.catalogue.exists() is (name == "set_aside")
    rebuild(order(house, lived))
    for table in ("archives", "coverage", "jobs"):
        assert rows(house.catalogue, LIKE[table]) == before[table]
    kinds = [body["kind"] for body in read_chain(house.log.read_bytes().splitlines())]
    assert kinds.count("vault.rebuilt") == 1
    assert not (house.root / "rebuilding.sqlite").exists()


def test_an_archive_that_the_log_does_not_know_is_entered_and_told(house: Layout, lived: Bench, tmp_path: Path) -> None:
    lines = house.log.read_bytes().splitlines(keepends=True)
    proven = next(n for n, line in enumerate(lines) if b'"job.proven"' in line)
    house.log.write_bytes(b"".join(lines[:proven]))
    done = rebuild(order(house, lived, lose_history=True))
    assert done.archives == 4
    assert sum("the log has no entry about it" in fault for fault in done.faults) == 4


def test_nothing_is_made_while_somebody_works(house: Layout, lived: Bench) -> None:
    with hold(house.lock, "a test"), pytest.raises(VaultLocked):
        rebuild(order(house, lived))


def test_there_must_be_a_vault(lived: Bench, tmp_path: Path) -> None:
    with pytest.raises(VaultError, match="there is no vault"):
        rebuild(order(Layout(tmp_path / "nothing"), lived))
