"""Each page of docs/recovery, its commands run on a vault that is really damaged."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result

from kit.cli_home import Home, Invoke
from strongroom.config.load import load_config
from strongroom.engine.bootstrap import open_engine
from strongroom.engine.core.sources import Dependencies, open_reading
from strongroom.engine.queries.lists import coverage_of, list_archives, list_jobs
from strongroom.engine.repair.findings import PAGES, ProblemKind, VaultProblem
from strongroom.engine.repair.restart import recover as settle
from strongroom.evidence.line import Entry, read_chain
from strongroom.model.archive import Holding
from strongroom.model.coverage import Cover
from strongroom.model.errors import VaultError
from strongroom.vault.log import add_entry
from strongroom.vault.sources import remember_retention
from strongroom.vault.vault import Vault, create_vault

DOCS = Path(__file__).parents[2] / "docs" / "recovery"
PAGE_NAMES = sorted(path.name for path in DOCS.glob("*.md"))
STREAM = "zavu-main-records"


NEXT_DAY = datetime(2026, 11, 22, tzinfo=UTC)


def commands(page: str) -> list[list[str]]:
    """Return the commands of a page, in order, as words after `strongroom`."""
    blocks = re.findall(r"^```sh\n(.*?)^```", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE)
    return [shlex.split(line)[1:] for block in blocks for line in block.splitlines()]


def follow(invoke: Invoke, home: Home, page: str, *, vault: str = "") -> list[Result]:
    """Run a page's commands one after another."""
    results = []
    for words in commands(page):
        named = [word.replace("$VAULT", vault) for word in words]
        results.append(invoke("--config", home.config, *named))
        assert results[-1].exit_code in (0, 1), results[-1].output
    return results


def kinds(invoke: Invoke, home: Home, *more: str) -> list[str]:
    result = invoke("--config", home.config, "recover", "--json", *more)
    assert result.exit_code in (0, 1), result.output
    return [each["kind"] for each in json.loads(result.output)["troubles"]]


@contextmanager
def opened(home: Home) -> Iterator[Vault]:
    with open_reading(load_config(home.config)) as vault:
        yield vault


def lines(home: Home) -> list[bytes]:
    return (home.vault / "log" / "log.jsonl").read_bytes().splitlines()


def logged(home: Home) -> list[str]:
    return [str(body["kind"]) for body in read_chain(lines(home))]


def everything(home: Home) -> dict[str, bytes]:
    return {
        str(path.relative_to(home.vault)): path.read_bytes()
        for path in home.vault.rglob("*")
        if path.is_file() and not path.name.startswith(("catalogue.sqlite-", "lock"))
    }


def checkpoint(home: Home) -> None:
    connection = sqlite3.connect(home.vault / "catalogue.sqlite")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def file_of(home: Home, folder: str, number: int = 0) -> Path:
    name = home.archives()[number]
    return next((home.vault / folder).glob(f"*/{name}.*"))


def covers(home: Home) -> list[tuple[Cover, str]]:
    with opened(home) as vault:
        (stream,) = {archive.stream for archive in list_archives(vault)}
        return [(each.cover, each.cause) for each in coverage_of(vault, stream)]


def test_a_sound_vault_has_nothing_to_mend(own_home: Home, invoke: Invoke) -> None:
    before = everything(own_home)
    assert kinds(invoke, own_home, "--deep") == []
    result = invoke("--config", own_home.config, "recover", "--apply")
    assert result.exit_code == 0
    assert everything(own_home) == before


@pytest.mark.parametrize("damage", ["gone", "garbage", "cut"])
def test_lost_catalogue(own_home: Home, invoke: Invoke, damage: str) -> None:
    with opened(own_home) as vault:
        before = list_archives(vault)
        jobs = [job.id for job in list_jobs(vault)]
    ledger = covers(own_home)
    checkpoint(own_home)
    catalogue = own_home.vault / "catalogue.sqlite"
    for path in own_home.vault.glob("catalogue.sqlite*"):
        path.unlink() if damage == "gone" or path != catalogue else None
    if damage == "garbage":
        catalogue.write_bytes(b"not a database at all, not even a little" * 100)
    elif damage == "cut":
        catalogue.write_bytes(catalogue.read_bytes()[:20_000])
    assert kinds(invoke, own_home) == ["lost-catalogue" if damage == "gone" else "damaged-catalogue"]
    follow(invoke, own_home, "lost-catalogue.md")
    with opened(own_home) as vault:
        assert list_archives(vault) == before
        assert [job.id for job in list_jobs(vault)] == jobs
    assert covers(own_home) == ledger
    assert logged(own_home)[-1] == "vault.rebuilt"
    aside = [path.name for path in own_home.vault.glob("catalogue-*.sqlite")]
    assert len(aside) == (0 if damage == "gone" else 1)
    assert invoke("--config", own_home.config, "verify").exit_code == 0


def test_damaged_payload_is_put_back_from_a_copy(own_home: Home, invoke: Invoke) -> None:
    path = file_of(own_home, "archives")
    whole = path.read_bytes()
    flip(path)
    assert kinds(invoke, own_home) == []  # its size is right: only reading tells
    assert kinds(invoke, own_home, "--deep") == ["damaged-payload"]
    assert invoke("--config", own_home.config, "scrub", "run").exit_code == 1
    assert kinds(invoke, own_home) == ["damaged-payload"]  # what the scrub found is known
    path.write_bytes(whole)
    assert invoke("--config", own_home.config, "scrub", "run").exit_code == 0
    assert kinds(invoke, own_home, "--deep") == []


@pytest.mark.parametrize("held", [True, False], ids=["the provider still has it", "nobody has it"])
def test_damaged_payload(own_home: Home, invoke: Invoke, held: bool) -> None:
    if not held:
        with opened(own_home) as vault, vault.catalogue.transaction():
            remember_retention(vault.catalogue, "zavu-main", timedelta(days=1))
    path, name = file_of(own_home, "archives"), own_home.archives()[0]
    flip(path)
    damaged = path.read_bytes()
    before = covers(own_home)
    follow(invoke, own_home, "damaged-payload.md")
    cover = Cover.OPEN if held else Cover.LOST
    assert covers(own_home)[0] == (cover, "" if held else "payload-damaged")
    assert covers(own_home)[1:] == before[1:]
    assert (own_home.vault / "quarantine" / f"{name}.age").read_bytes() == damaged
    assert not path.exists()
    assert "archive.damaged" in logged(own_home)
    with opened(own_home) as vault:
        archive = next(each for each in list_archives(vault) if each.id == name)
        assert archive.holding is Holding.QUARANTINED
        assert [job.spec.window for job in list_jobs(vault, state="planned")] == ([archive.spec.window] if held else [])
    assert kinds(invoke, own_home, "--deep") == []
    assert invoke("--config", own_home.config, "scrub", "run").exit_code == 0  # what was acted on is not found again
    check_rebuilt_alike(own_home, invoke)


def check_rebuilt_alike(home: Home, invoke: Invoke) -> None:
    """What recovery did is in the log: a catalogue made from it says the same."""
    ledger = covers(home)
    with opened(home) as vault:
        before = list_archives(vault)
    for path in home.vault.glob("catalogue.sqlite*"):
        path.unlink()
    result = invoke("--config", home.config, "rebuild", "--json")
    assert result.exit_code == 0, result.output
    assert covers(home) == ledger
    with opened(home) as vault:
        assert list_archives(vault) == before


@pytest.mark.parametrize("damage", ["gone", "flipped"])
def test_missing_key(own_home: Home, invoke: Invoke, damage: str) -> None:
    path, name = file_of(own_home, "keys"), own_home.archives()[0]
    path.unlink() if damage == "gone" else flip(path)
    payload = file_of(own_home, "archives").read_bytes()
    assert kinds(invoke, own_home) == ["missing-key"]
    with opened(own_home) as vault, vault.catalogue.transaction():
        remember_retention(vault.catalogue, "zavu-main", timedelta(days=1))
    follow(invoke, own_home, "missing-key.md")
    cause = "key-missing" if damage == "gone" else "key-damaged"
    assert covers(own_home)[0] == (Cover.LOST, cause)
    assert (own_home.vault / "quarantine" / f"{name}.age").read_bytes() == payload
    assert kinds(invoke, own_home, "--deep") == []
    check_rebuilt_alike(own_home, invoke)


def test_mending_a_second_time_does_nothing_more(own_home: Home, invoke: Invoke) -> None:
    file_of(own_home, "keys").unlink()
    invoke("--config", own_home.config, "recover", "--apply")
    before = everything(own_home)
    invoke("--config", own_home.config, "recover", "--apply")
    assert everything(own_home) == before


@pytest.mark.parametrize("damage", ["gone", "flipped"])
def test_damaged_manifest(own_home: Home, invoke: Invoke, damage: str) -> None:
    path = file_of(own_home, "manifests")
    whole = path.read_bytes()
    path.unlink() if damage == "gone" else flip(path)
    assert kinds(invoke, own_home) == ["damaged-manifest"]
    follow(invoke, own_home, "damaged-payload.md")
    assert path.read_bytes() == whole
    assert kinds(invoke, own_home, "--deep") == []
    assert len(list((own_home.vault / "quarantine").glob("*.json.aside"))) == (0 if damage == "gone" else 1)


@pytest.mark.parametrize("damage", ["torn", "gone"])
def test_torn_log(own_home: Home, invoke: Invoke, damage: str) -> None:
    log = own_home.vault / "log" / "log.jsonl"
    whole = log.read_bytes()
    if damage == "gone":
        log.unlink()
    else:
        log.write_bytes(whole[:-30])
    assert kinds(invoke, own_home)[0] == ("torn-log" if damage == "torn" else "lost-log")
    results = follow(invoke, own_home, "torn-log.md")
    assert log.read_bytes().startswith(whole)
    remade = b"log.remade" in log.read_bytes()
    assert (remade, log.read_bytes() == whole) == (damage == "gone", damage == "torn")
    notices = json.loads(invoke("--config", own_home.config, "notify", "list", "--json").stdout)["notices"]
    assert [each["severity"] for each in notices if each["key"].startswith("log remade ")] == ["critical"] * remade
    assert re.search(r"ok +log", results[-1].output)


def test_a_changed_line_is_never_repaired(own_home: Home, invoke: Invoke) -> None:
    log = own_home.vault / "log" / "log.jsonl"
    log.write_bytes(log.read_bytes().replace(b'"job.accepted"', b'"job.accepter"', 1))
    before = everything(own_home)
    assert kinds(invoke, own_home) == ["broken-log"]
    result = invoke("--config", own_home.config, "recover", "--apply")
    assert result.exit_code == 1
    assert everything(own_home) == before


def older_copy(home: Home, keep: int) -> None:
    """Put back a catalogue and files of an earlier day, when the log had so many lines. The log stays."""
    catalogue = home.vault / "catalogue.sqlite"
    checkpoint(home)
    connection = sqlite3.connect(catalogue)
    late = connection.execute(
        "SELECT archive FROM entries WHERE seq > ? AND kind IN ('job.proven', 'job.rejected')", (keep,)
    ).fetchall()
    begun = "SELECT job FROM entries WHERE seq > ? AND kind = 'job.planned'"
    connection.execute(f"DELETE FROM coverage WHERE job IN ({begun})", (keep,))
    connection.execute(f"DELETE FROM jobs WHERE id IN ({begun})", (keep,))
    told = "(SELECT json_extract(CAST(line AS TEXT), ?) AS fact FROM entries WHERE job = jobs.id AND seq <= ?"
    last = f"{told} AND fact IS NOT NULL ORDER BY seq DESC LIMIT 1)"
    connection.execute(  # jobs under way at that time
        f"UPDATE jobs SET state = {last}, ref = coalesce({last}, ''), archive = '' "
        "WHERE id IN (SELECT job FROM entries WHERE seq > ? AND kind LIKE 'job.%')",
        ("$.facts.to", keep, "$.facts.ref", keep, keep),
    )
    connection.execute("DELETE FROM entries WHERE seq > ?", (keep,))
    for (archive,) in late:
        connection.execute("DELETE FROM coverage WHERE archive = ?", (archive,))
        connection.execute("DELETE FROM archives WHERE id = ?", (archive,))
    connection.commit()
    connection.close()


def settled(home: Home) -> None:
    with open_engine(
        load_config(home.config), "a test", Dependencies(clock=lambda: datetime(2026, 11, 21, tzinfo=UTC))
    ) as e:
        settle(e)


def test_half_restored_an_older_catalogue(own_home: Home, invoke: Invoke) -> None:
    with opened(own_home) as vault:
        before = list_archives(vault)
    older_copy(own_home, 13)
    with pytest.raises(VaultError, match="is not entry") as told:
        settled(own_home)
    assert "strongroom recover" in told.value.hint
    assert kinds(invoke, own_home) == ["old-catalogue"]
    follow(invoke, own_home, "half-restored.md")
    assert kinds(invoke, own_home, "--deep") == []
    with opened(own_home) as vault:
        assert list_archives(vault) == before
    settled(own_home)


def test_half_restored_an_older_log(own_home: Home, invoke: Invoke) -> None:
    with opened(own_home) as vault:
        with vault.catalogue.transaction():
            add_entry(vault.catalogue, Entry("source.resumed", NEXT_DAY, facts={"source": "zavu-main"}))
        vault.write_log()
    whole = lines(own_home)
    log = own_home.vault / "log" / "log.jsonl"
    log.write_bytes(b"\n".join(whole[:5]) + b"\n")
    with pytest.raises(VaultError, match="ends with entry 5, the catalogue has") as told:
        settled(own_home)
    assert "strongroom recover" in told.value.hint
    assert lines(own_home) == whole[:5]  # refused before anything was changed
    assert kinds(invoke, own_home) == ["short-log"]
    follow(invoke, own_home, "half-restored.md")
    assert lines(own_home) == whole
    settled(own_home)


def test_half_restored_log_and_catalogue_older_than_the_files(own_home: Home, invoke: Invoke) -> None:
    with opened(own_home) as vault:
        before = {archive.id for archive in list_archives(vault)}
    older_copy(own_home, 13)
    log = own_home.vault / "log" / "log.jsonl"
    log.write_bytes(b"\n".join(lines(own_home)[:13]) + b"\n")
    found = kinds(invoke, own_home)
    assert set(found) == {"unknown-archive"}
    follow(invoke, own_home, "half-restored.md")
    assert kinds(invoke, own_home, "--deep") == []
    with opened(own_home) as vault:
        assert {archive.id for archive in list_archives(vault)} == before
    assert logged(own_home).count("archive.adopted") == len(found)
    check_rebuilt_alike(own_home, invoke)


@pytest.mark.parametrize("missing", ["archives", "keys"])
def test_an_archive_that_came_while_the_copy_was_made_and_is_not_whole(
    own_home: Home, invoke: Invoke, missing: str
) -> None:
    """As a copy leaves it that had walked past a folder when the archive was published."""
    name = "0" * 24 + "zz"
    held = own_home.archives()[0]
    for folder, ending in (("keys", ".key.age"), ("archives", ".age"), ("manifests", ".json")):
        path = own_home.vault / folder / "zz" / (name + ending)
        if folder != missing:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(next((own_home.vault / folder).glob(f"*/{held}.*")).read_bytes())
    assert kinds(invoke, own_home) == ["stray-files"]
    follow(invoke, own_home, "half-restored.md")
    assert kinds(invoke, own_home) == []
    assert len(list((own_home.vault / "quarantine").glob(f"{name}*.aside"))) == 2


def test_a_log_that_is_taken_away_is_told_by_whatever_is_done_next(own_home: Home, invoke: Invoke) -> None:
    (own_home.vault / "log" / "log.jsonl").rename(own_home.folder / "away")
    invoke("--config", own_home.config, "hold", "place", "--matter", "m", "--stream", STREAM, "--reason", "r")
    assert logged(own_home)[-1] == "log.remade"
    notices = json.loads(invoke("--config", own_home.config, "notify", "list", "--json").stdout)["notices"]
    assert [each["severity"] for each in notices if each["key"].startswith("log remade ")] == ["critical"]
    assert (
        "the log file was missing and was rewritten"
        in invoke("--config", own_home.config, "log", "--limit", "1").stdout
    )


def test_log_and_catalogue_that_went_on_apart_are_left_to_a_person(own_home: Home, invoke: Invoke) -> None:
    checkpoint(own_home)
    connection = sqlite3.connect(own_home.vault / "catalogue.sqlite")
    connection.execute("UPDATE entries SET line = CAST(line || ' ' AS BLOB) WHERE seq = 9")
    connection.commit()
    connection.close()
    before = everything(own_home)
    assert kinds(invoke, own_home) == ["forked-log"]
    assert invoke("--config", own_home.config, "recover", "--apply").exit_code == 1
    assert everything(own_home) == before


def test_parts_of_an_archive_without_a_manifest_go_to_quarantine(own_home: Home, invoke: Invoke) -> None:
    name = "0" * 24 + "zz"
    for folder, ending in (("keys", ".key.age"), ("archives", ".age")):
        path = own_home.vault / folder / "zz" / (name + ending)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")
    assert kinds(invoke, own_home) == ["stray-files"]
    follow(invoke, own_home, "half-restored.md")
    moved = sorted(path.name for path in (own_home.vault / "quarantine").glob(f"{name}*"))
    assert moved == [f"{name}.age.aside", f"{name}.key.age.aside"]
    assert kinds(invoke, own_home) == []


CRASHES: dict[str, Callable[[Path], None]] = {
    "folders only": lambda root: [path.unlink() for path in root.glob("*.*")] and None,
    "no format": lambda root: forget(root),
    "never configured": lambda root: None,
}


def forget(root: Path) -> None:
    connection = sqlite3.connect(root / "catalogue.sqlite")
    connection.execute("DELETE FROM vault")
    connection.commit()
    connection.close()


@pytest.mark.parametrize("crash", list(CRASHES))
def test_unfinished_init(tmp_path: Path, invoke: Invoke, crash: str) -> None:
    root = tmp_path / "vault"
    create_vault(root, "").close()
    CRASHES[crash](root)
    args = ("init", "--vault", root, "--config", tmp_path / "c.toml", "--identity", tmp_path / "i", "--no-passphrase")
    more = ("--recovery-file", tmp_path / "r")
    refused = invoke(*args, *more)
    assert refused.exit_code == 2
    assert "strongroom recover --vault" in refused.stderr.replace("\n", " ")
    results = follow(invoke, Home(tmp_path), "unfinished-init.md", vault=str(root))
    assert "unfinished-init" in results[0].output
    assert not root.exists()
    (aside,) = tmp_path.glob("vault-unfinished-*")
    assert aside.is_dir()
    again = invoke(*args, *more)
    assert again.exit_code == 0, again.output


def test_a_vault_that_holds_something_is_never_moved_aside(own_home: Home, invoke: Invoke) -> None:
    before = everything(own_home)
    for _ in range(2):
        invoke("recover", "--vault", own_home.vault, "--apply")
    assert everything(own_home) == before
    for path in own_home.vault.glob("catalogue.sqlite*"):
        path.unlink()
    shutil.rmtree(own_home.vault / "manifests")
    result = invoke("recover", "--vault", own_home.vault)
    assert "unfinished" not in result.output


def test_every_page_is_reachable_and_every_trouble_has_one() -> None:
    index = (DOCS / "README.md").read_text()
    pages = {VaultProblem(kind, "", "").page for kind in ProblemKind}
    assert {page.removeprefix(PAGES) for page in pages} == set(PAGE_NAMES)
    assert all(f"`{kind.value}`" in index for kind in ProblemKind)
    assert all(commands(name) for name in PAGE_NAMES)


def test_a_rebuild_from_the_command_line(own_home: Home, invoke: Invoke, tmp_path: Path) -> None:
    result = invoke("--config", own_home.config, "rebuild", "--to", tmp_path / "new.sqlite", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert told["archives"] == 4
    assert told["aside"] is None
    spoken = invoke("--config", own_home.config, "rebuild")
    assert spoken.exit_code == 0
    assert "archives" in spoken.stdout


def test_the_scrub_from_the_command_line(own_home: Home, invoke: Invoke) -> None:
    fresh = json.loads(invoke("--config", own_home.config, "scrub", "status", "--json").output)
    assert (fresh["lap"], fresh["scrubbed_at"], fresh["standing"]) == (None, None, [])
    assert invoke("--config", own_home.config, "scrub", "run").exit_code == 0
    told = json.loads(invoke("--config", own_home.config, "scrub", "status", "--json").output)
    assert told["lap"]["archives"] == 4
    assert told["lap"]["share"] == 1.0
    status = json.loads(invoke("--config", own_home.config, "status", "--json").output)
    assert status["scrub"]["scrubbed_at"] == told["scrubbed_at"]
    flip(file_of(own_home, "archives"))
    found = invoke("--config", own_home.config, "scrub", "run")
    assert found.exit_code == 1
    assert "expected SHA-256" in found.output.replace("\n", " ")


def test_a_new_catalogue_goes_to_a_bare_name_and_never_into_the_vault(
    own_home: Home, invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = invoke("--config", own_home.config, "rebuild", "--output", "bare.sqlite")
    assert made.exit_code == 0, made.stderr
    assert (tmp_path / "bare.sqlite").is_file()
    vault = load_config(own_home.config).vault.path
    refused = invoke("--config", own_home.config, "rebuild", "--output", vault / "tmp" / "other.sqlite")
    assert refused.exit_code == 2 and "is inside the vault" in refused.stderr
    assert not (vault / "tmp" / "other.sqlite").exists()
