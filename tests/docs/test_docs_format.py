"""docs/format.md says what the vault is: its fields and tables are compared, its commands are run on a real vault."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from strongroom.config.load import load_config
from strongroom.engine.core.identities import make_identity
from strongroom.engine.core.sources import Dependencies, open_reading
from strongroom.engine.queries.initialize import NewVault, initialize
from strongroom.engine.worker.client import WorkerClient
from strongroom.engine.worker.launcher import Launcher
from strongroom.engine.worker.protocol import SealRequest
from strongroom.evidence.line import Entry
from strongroom.model.archive import Archive, Holding, Seal
from strongroom.model.entry_kind import EntryKind
from strongroom.model.inspection import Caps, Expectation, Finding, Inspection, MemberReport, Severity
from strongroom.model.job import Event
from strongroom.model.names import make_id
from strongroom.model.plan import DatasetShape, ExportSpec
from strongroom.model.retention import Period, RetentionRule
from strongroom.model.window import Window
from strongroom.vault.catalogue import create_catalogue
from strongroom.vault.durable import make_folder
from strongroom.vault.files import rename
from strongroom.vault.log import add_entry
from strongroom.vault.manifest import write_manifest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "format.md").read_text()
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = Window(NOW - timedelta(days=1), NOW)
EXPECTED = Expectation(DAY, (DatasetShape("messages", "messages.json", "id", "createdAt"),), True, ("metadata.json",))


def section(title: str) -> str:
    """Return the text under a heading, up to the next one of any level."""
    found = re.search(rf"^#+ {re.escape(title)}.*?\n(.*?)(?=^#|\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert found, f"docs/format.md has no section {title}"
    return found[1]


def first_column(text: str) -> set[str]:
    return set(re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE))


def command(name: str) -> str:
    found = re.search(rf"<!-- tested: {name} -->\n```bash\n(.*?)```", PAGE, re.DOTALL)
    assert found, f"docs/format.md has no command marked {name}"
    return found[1]


def delivered() -> bytes:
    """Return a small sound export."""
    records = [{"id": f"m{number}", "createdAt": "2026-11-19T18:00:00Z"} for number in range(500)]
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("messages.json", json.dumps(records))
        archive.writestr("metadata.json", "{}")
    return whole.getvalue()


@dataclass(frozen=True)
class Made:
    vault: Path
    identity: Path
    archive: Archive
    content: bytes


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Make a vault with one archive, through the sealer and the write protocol."""
    base, content = tmp_path_factory.mktemp("format"), delivered()
    wanted = NewVault(base / "vault", base / "strongroom.toml", base / "identity.txt", None)
    initialize(wanted, make_identity(os.urandom), Dependencies(clock=lambda: NOW))
    config = load_config(base / "strongroom.toml")
    with open_reading(config) as vault:
        name, layout = make_id(NOW, os.urandom), vault.layout
        order = SealRequest(
            archive=name,
            key_path=str(layout.temporary(name, ".key.age")),
            payload_path=str(layout.temporary(name, ".age")),
            recipients=config.vault.recipients,
            delivered_name="export.zip",
            expectation=EXPECTED,
            caps=Caps(),
            segment_path=str(layout.temporary(name, ".idx.age")),
        )
        with closing(Launcher()) as launcher, WorkerClient(launcher) as airlock:
            airlock.begin(order)
            airlock.feed(content)
            seal = airlock.finish().seal
            verified = airlock.verdict(lambda _progress: None)
            indexed = airlock.segment()
        assert indexed is not None
        assert not indexed.fault
        archive = replace(
            sample(name),
            seal=seal,
            inspection=verified.inspection,
            recipients=config.vault.recipients,
        )
        vault.publish_archive(archive)
        make_folder(layout.segment(name).parent)
        rename(layout.temporary(name, ".idx.age"), layout.segment(name))
        with vault.catalogue.transaction():
            add_entry(vault.catalogue, Entry("job.proven", NOW, archive=name, facts={"records": 500}))
        vault.write_log()
    return Made(base / "vault", base / "identity.txt", archive, content)


def sample(name: str) -> Archive:
    """Return an archive with something in every field."""
    report = MemberReport("messages.json", "messages", 9, 3, 2, 1, DAY.start, DAY.end, ("extra",), ("gone",))
    finding = Finding(Severity.NOTE, "field-unknown", "an unknown field: extra", "messages.json")
    return Archive(
        id=name,
        holding=Holding.HELD,
        stream="records",
        source="zavu-main",
        provider="zavu",
        spec=ExportSpec(("messages",), DAY, (("channel", "sms"),)),
        job=make_id(NOW, os.urandom),
        ref="exp_1",
        seal=Seal(1, 2, "ab" * 32, "cd" * 32, "export.zip"),
        expectation=EXPECTED,
        inspection=Inspection((report,), (finding,)),
        recipients=("age1example",),
        retention="standard",
        rule=RetentionRule("standard", Period.parse("7y")),
        container="zip-of-json",
        durable_at=NOW,
        verified_at=NOW,
    )


def leaves(value: object, path: str = "") -> Iterator[str]:
    """Yield the path of every field that holds no object itself: `delivered.size`, `members[].records`."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        yield from leaves(value[0], f"{path}[]")
    else:
        yield path


def run(made: Made, name: str) -> str:
    for tool in ("age", "openssl", "sha256sum", "bash"):
        if tool in command(name) + "bash" and shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed here")
    variables = {**os.environ, "IDENTITY": str(made.identity), "ID": made.archive.id, "LC_ALL": "C"}
    script = ["bash", "-euo", "pipefail", "-c", command(name)]
    done = subprocess.run(script, cwd=made.vault, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_field_of_a_manifest_is_told_and_no_other() -> None:
    told = first_column(section("The manifest"))
    written = set(leaves(json.loads(write_manifest(sample(make_id(NOW, os.urandom))))))
    assert written <= told
    files = (ROOT / "agent" / "strongroom" / "vault" / name for name in ("manifest.py", "manifest_schema.py"))
    code = "".join(file.read_text() for file in files)
    assert {field for field in told - written if f'"{field.rpartition(".")[2]}"' not in code} == set()


def test_every_table_of_the_catalogue_is_told_and_no_other(tmp_path: Path) -> None:
    catalogue = create_catalogue(tmp_path / "catalogue.sqlite")
    try:
        rows = catalogue.read(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
        )
        tables = {row["name"] for row in rows}
    finally:
        catalogue.close()
    assert first_column(section("The catalogue")) == tables


def test_every_key_of_a_log_line_is_told(made: Made) -> None:
    keys = {key for line in (made.vault / "log" / "log.jsonl").read_bytes().splitlines() for key in json.loads(line)}
    words = set(re.findall(r"`([a-z]+)`", section("The evidence log")))
    assert keys <= words


def test_every_kind_of_entry_is_told() -> None:
    moves = {f"job.{event}" for event in Event}  # told together, as the moves of the job table
    assert set(EntryKind) - moves <= set(re.findall(r"`([a-z]+\.[a-z-]+)`", section("The evidence log")))


def test_every_finding_that_is_told_exists() -> None:
    told = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", section("Findings")))
    code = "".join(path.read_text() for path in (ROOT / "agent" / "strongroom" / "formats").glob("*.py"))
    assert len(told) > 30
    assert {finding for finding in told if f'"{finding}"' not in code} == set()


def test_every_folder_and_file_of_a_vault_is_told(made: Made) -> None:
    shard = made.archive.id[-2:]
    layout = section("Layout").replace("ab/ID", f"{shard}/{made.archive.id}")
    names = {str(path.relative_to(made.vault)) for path in made.vault.rglob("*") if path.is_file()}
    names = {name for name in names if not name.endswith(("-wal", "-shm"))}
    assert {name for name in names if name not in layout} == set()
    assert {path.stat().st_mode & 0o777 for path in made.vault.rglob("*") if path.is_dir()} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in made.vault.rglob("*") if path.is_file()} == {0o600}


def test_the_stock_tool_gives_the_delivered_bytes(made: Made) -> None:
    run(made, "open")
    assert (made.vault / "delivered-file").read_bytes() == made.content
    (made.vault / "delivered-file").unlink()


def test_the_stock_tools_give_the_columns_of_the_segment(made: Made) -> None:
    first, head, body = run(made, "segment").split("\n", 2)
    assert json.loads(first) == {"archive": made.archive.id, "search-segment": 1}
    told = json.loads(head)
    assert (told["rows"], told["dataset"]) == (500, "messages")
    assert len(body.encode()) == sum(size for group in told["groups"] for size in group["sizes"])
    assert first_column(section("The search segment")) >= {*told} - {"odd", "groups", "id_field", "time_field"}


def test_the_sealed_file_is_checked_without_a_key(made: Made) -> None:
    assert run(made, "fixity").endswith(": OK\n")


def test_the_salted_digest_is_checked_with_openssl(made: Made) -> None:
    (made.vault / "delivered-file").write_bytes(made.content)
    try:
        ours, theirs = run(made, "digest").split()
    finally:
        (made.vault / "delivered-file").unlink()
    assert ours == theirs == made.archive.seal.digest


def test_the_chain_is_checked_in_bash_and_a_changed_line_is_found(made: Made) -> None:
    assert run(made, "chain") == "whole\n"
    log = made.vault / "log" / "log.jsonl"
    whole = log.read_bytes()
    try:
        log.write_bytes(whole.replace(b'"vault.created"', b'"vault.creates"'))
        assert run(made, "chain").startswith("broken before: ")
    finally:
        log.write_bytes(whole)
