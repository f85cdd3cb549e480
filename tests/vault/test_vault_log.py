from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from kit.vault_objects import NOW, end, let_go, start
from strongroom.evidence.line import Entry, read_chain
from strongroom.model.alert import happens_once
from strongroom.model.errors import VaultError, WorldError
from strongroom.vault.alerts import open_alerts
from strongroom.vault.catalogue import Catalogue, create_catalogue
from strongroom.vault.log import add_entry, entries_of_archive, entries_of_job, newest_entries, write_out
from strongroom.vault.vault import Vault

WRITE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from strongroom.evidence.line import Entry
from strongroom.vault.log import add_entry
from strongroom.vault.vault import open_vault
vault = open_vault(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.read()
for number in range(int(sys.argv[3])):
    with vault.catalogue.transaction():
        add_entry(vault.catalogue, Entry("job.moved", datetime(2026, 1, 1, tzinfo=UTC), job=sys.argv[2]))
    vault.write_log()
vault.close()
"""


def add(vault: Vault, *kinds: str) -> None:
    with vault.catalogue.transaction():
        for number, kind in enumerate(kinds):
            at = NOW + timedelta(seconds=number)
            add_entry(vault.catalogue, Entry(kind, at, job="j1", archive="a1", facts={"é": number}, words="said"))


def lines(vault: Vault) -> list[bytes]:
    data = vault.layout.log.read_bytes()
    assert data == b"" or data.endswith(b"\n")
    return data.splitlines()


def rows(vault: Vault) -> list[bytes]:
    return [row["line"] for row in vault.catalogue.read("SELECT line FROM entries ORDER BY seq")]


def test_rows_become_lines_and_the_lines_are_a_chain(vault: Vault) -> None:
    add(vault, "one", "two")
    vault.write_log()
    add(vault, "three")
    vault.write_log()
    assert [body["kind"] for body in read_chain(lines(vault))] == ["one", "two", "three"]
    assert lines(vault) == rows(vault)
    assert stat.S_IMODE(vault.layout.log.stat().st_mode) == 0o600


def test_writing_out_again_writes_nothing(vault: Vault) -> None:
    vault.write_log()
    assert lines(vault) == []
    add(vault, "one", "two")
    vault.write_log()
    before = vault.layout.log.stat()
    vault.write_log()
    after = vault.layout.log.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def test_an_entry_needs_a_transaction_and_goes_with_it(vault: Vault) -> None:
    with pytest.raises(VaultError, match="outside a transaction"):
        add_entry(vault.catalogue, Entry("alone", NOW))
    with pytest.raises(KeyError), vault.catalogue.transaction():
        add_entry(vault.catalogue, Entry("undone", NOW))
        raise KeyError
    add(vault, "kept")
    vault.write_log()
    assert [body["kind"] for body in read_chain(lines(vault))] == ["kept"]


@pytest.mark.parametrize("size", [1, 40, -1])
@pytest.mark.parametrize("whole", [1, 2])
def test_a_torn_last_line_is_cut_and_written_anew(vault: Vault, whole: int, size: int) -> None:
    add(vault, "one", "two", "three")
    vault.write_log()
    sound = vault.layout.log.read_bytes()
    kept = b"".join(line + b"\n" for line in lines(vault)[:whole])
    vault.layout.log.write_bytes(kept + lines(vault)[whole][:size])
    vault.write_log()
    assert vault.layout.log.read_bytes() == sound


@pytest.mark.parametrize("kept", [1, 2])
def test_a_file_that_is_short_is_caught_up(vault: Vault, kept: int) -> None:
    add(vault, "one", "two", "three")
    vault.write_log()
    sound = vault.layout.log.read_bytes()
    vault.layout.log.write_bytes(b"".join(line + b"\n" for line in lines(vault)[:kept]))
    vault.write_log()
    assert vault.layout.log.read_bytes() == sound
    assert open_alerts(vault.catalogue) == []


@pytest.mark.parametrize("gone", [Path.unlink, lambda path: path.write_bytes(b""), lambda path: path.write_bytes(b"{")])
@pytest.mark.parametrize("when", [None, NOW + timedelta(days=3)])
def test_a_file_that_is_gone_comes_back_with_an_entry_and_an_alarm(
    vault: Vault, gone: Callable[[Path], object], when: datetime | None
) -> None:
    add(vault, "one", "two")
    vault.write_log()
    sound = lines(vault)
    gone(vault.layout.log)
    add(vault, "three")
    vault.write_log(when)
    assert lines(vault)[:2] == sound
    assert lines(vault) == rows(vault)
    (*_, last) = read_chain(lines(vault))
    assert (last["kind"], last["facts"]) == ("log.remade", {"entries": 3})
    (told,) = open_alerts(vault.catalogue)
    assert (told.severity, told.told_at, told.raised_at) == ("critical", None, when or NOW)
    assert told.key.startswith("log remade ")
    assert happens_once(told.key)  # a look that finds all well does not take it back before anybody heard of it
    vault.write_log()
    assert len(lines(vault)) == 4


def test_the_alarm_is_there_before_the_file_is(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    add(vault, "one")
    vault.write_log()
    vault.layout.log.unlink()

    def fail(_fd: int) -> None:
        raise OSError(errno.EIO, "as of a failing disk")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(WorldError):
        vault.write_log()
    assert [each.severity for each in open_alerts(vault.catalogue)] == ["critical"]


def edited(**changes: object) -> Callable[[bytes], bytes]:
    return lambda line: json.dumps({**json.loads(line), **changes}, sort_keys=True, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    "edit",
    [
        edited(kind="forged"),
        edited(seq=1),
        edited(seq=3),
        edited(seq=0),
        edited(seq=-1),
        edited(seq=10**30),
        edited(seq="2"),
        edited(seq=None),
        edited(seq=[]),
        edited(seq=float("inf")),
        lambda line: line + b" ",
        lambda line: b"garbage",
        lambda line: b"",
        lambda line: b"[]",
        pytest.param(lambda line: b"[" * 100_000, id="nested"),
        lambda line: b"\xff" * 100_000,
    ],
)
def test_a_last_line_that_was_changed_is_never_repaired(vault: Vault, edit: Callable[[bytes], bytes]) -> None:
    add(vault, "one", "two")
    vault.write_log()
    first, second = lines(vault)
    changed = first + b"\n" + edit(second) + b"\n"
    vault.layout.log.write_bytes(changed)
    add(vault, "three")
    with pytest.raises(VaultError, match=r"is not (entry \d+ of the catalogue|an entry of the log)") as told:
        vault.write_log()
    assert "strongroom recover" in told.value.hint
    assert vault.layout.log.read_bytes() == changed


def test_an_older_catalogue_is_noticed_and_the_file_is_left_alone(vault: Vault, tmp_path: Path) -> None:
    add(vault, "one", "two", "three")
    vault.write_log()
    before = vault.layout.log.read_bytes()
    with vault.catalogue.transaction():
        vault.catalogue.write("DELETE FROM entries WHERE seq > 1")
    with pytest.raises(VaultError, match=r"the last line of log/log\.jsonl is not entry 3 of the catalogue"):
        vault.write_log()
    add(vault, "another two", "another three", "four")
    with pytest.raises(VaultError, match="is not entry 3"):
        vault.write_log()
    assert vault.layout.log.read_bytes() == before
    empty = create_catalogue(tmp_path / "empty.sqlite")
    with pytest.raises(VaultError, match="is not entry 3"):
        write_out(empty, vault.layout.log)
    empty.close()


def test_lines_longer_than_a_step_of_reading_backwards(vault: Vault) -> None:
    with vault.catalogue.transaction():
        for size in (10, 64 * 1024, 200_000, 1):
            add_entry(vault.catalogue, Entry("large", NOW, facts={"x": "é" * size}))
    vault.write_log()
    whole = vault.layout.log.read_bytes()
    for cut in (1, 100_000, 300_000, 500_000):
        vault.layout.log.write_bytes(whole[:-cut])
        vault.write_log()
        assert vault.layout.log.read_bytes() == whole


def test_two_processes_at_once_make_one_clean_chain(vault: Vault) -> None:
    processes = [start(WRITE, vault.layout.root, name, 40) for name in ("first", "second")]
    let_go(*processes)
    end(*processes)
    bodies = list(read_chain(lines(vault)))
    assert lines(vault) == rows(vault)
    assert [[body["job"] for body in bodies].count(name) for name in ("first", "second")] == [40, 40]


def test_a_disk_that_fills_up_leaves_a_torn_line_that_heals(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    add(vault, "one")
    vault.write_log()
    add(vault, "two", "three")
    write = os.write

    def full(fd: int, data: memoryview) -> int:
        if len(data) < 100:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(fd, data[:-50])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(WorldError, match="the disk is full"):
        vault.write_log()
    monkeypatch.undo()
    assert not vault.layout.log.read_bytes().endswith(b"\n")
    vault.write_log()
    assert [body["kind"] for body in read_chain(lines(vault))] == ["one", "two", "three"]


def test_a_link_in_place_of_the_log_is_refused(vault: Vault, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"kept")
    vault.layout.log.symlink_to(target)
    add(vault, "one")
    with pytest.raises(VaultError, match="a symbolic link, which is not followed"):
        vault.write_log()
    assert target.read_bytes() == b"kept"


def test_entries_are_found_by_what_they_are_about(vault: Vault) -> None:
    catalogue: Catalogue = vault.catalogue
    with catalogue.transaction():
        add_entry(catalogue, Entry("one", NOW, job="j1", words="the provider said so"))
        add_entry(catalogue, Entry("two", NOW, job="j2", archive="a1"))
        add_entry(catalogue, Entry("three", NOW))
    assert [(entry.seq, entry.words) for entry in entries_of_job(catalogue, "j1")] == [(1, "the provider said so")]
    assert [entry.body["kind"] for entry in entries_of_archive(catalogue, "a1")] == ["two"]
    assert [entry.seq for entry in newest_entries(catalogue, 2)] == [3, 2]
    assert entries_of_job(catalogue, "") == entries_of_archive(catalogue, "") == []


def test_words_for_people_never_reach_the_file(vault: Vault) -> None:
    add(vault, "one")
    vault.write_log()
    assert b"said" not in vault.layout.log.read_bytes()
