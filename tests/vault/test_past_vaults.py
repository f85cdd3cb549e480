"""A vault that each past schema's program made is opened, brought up to date, verified, restored and made again."""

from __future__ import annotations

import json
import shutil
import tarfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from strongroom.engine.access.content import check_content
from strongroom.engine.access.fixity import check_fixity
from strongroom.engine.access.restore import restore
from strongroom.engine.core.identities import load_identities
from strongroom.engine.queries.lists import list_archives
from strongroom.engine.repair.diagnosis import diagnose
from strongroom.engine.repair.rebuild import Rebuild, rebuild
from strongroom.model.archive import Holding
from strongroom.vault.holds import holds
from strongroom.vault.schema import SCHEMA
from strongroom.vault.tombstones import newest_tombstones
from strongroom.vault.vault import open_vault

PAST = sorted(Path(__file__).with_name("past").glob("schema-*.tar.xz"))


@dataclass(frozen=True)
class Old:
    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "vault"

    @property
    def expected(self) -> dict[str, dict[str, object]]:
        archives: dict[str, dict[str, object]] = self.facts["archives"]
        return archives

    @property
    def facts(self) -> dict[str, Any]:
        """What the old program said of its vault when it was done."""
        facts: dict[str, Any] = json.loads((self.folder / "expected.json").read_text())
        return facts


@pytest.fixture(params=PAST, ids=lambda path: path.name.split(".")[0])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Old:
    with tarfile.open(request.param) as packed:
        packed.extractall(tmp_path, filter="data")
    (tmp_path / "identity.age").chmod(0o600)
    return Old(tmp_path)


def test_there_is_one_of_each_released_schema_and_none_is_large() -> None:
    assert [path.name for path in PAST] == ["schema-2.tar.xz", "schema-7.tar.xz"]  # 0.1 and 0.2; 0.3
    assert all(path.stat().st_size < 200_000 for path in PAST)


def test_it_opens_is_brought_up_to_date_and_is_sound(old: Old, tmp_path: Path) -> None:
    identities = load_identities(old.folder / "identity.age", lambda: "")
    vault = open_vault(old.root)
    try:
        row = vault.catalogue.read_one("PRAGMA user_version")
        assert row is not None
        assert row[0] == SCHEMA
        archives = list_archives(vault)
        assert {archive.id for archive in archives} == set(old.expected)
        for archive in archives:
            told = old.expected[archive.id]
            assert (archive.holding.value, archive.inspection.records) == (told["holding"], told["records"])
            assert check_fixity(vault, archive) == []
            if archive.holding is Holding.HELD:
                assert check_content(vault, archive, identities) == []
                restored = restore(vault, archive, identities, tmp_path / archive.id)
                assert (restored.sha256, restored.size) == (told["sha256"], told["size"])
        assert len(holds(vault.catalogue)) == old.facts.get("holds", 0)
        assert {each.tombstone.archive for each in newest_tombstones(vault.catalogue)} == set(
            old.facts.get("destroyed", ())
        )
        vault.write_log()
    finally:
        vault.close()
    assert diagnose(old.root, deep=True) == []


def test_its_catalogue_is_made_again(old: Old) -> None:
    vault = open_vault(old.root)
    before = list_archives(vault)
    vault.close()
    shutil.move(old.root / "catalogue.sqlite", old.folder / "lost.sqlite")
    done = rebuild(Rebuild(old.root, lambda: datetime(2026, 11, 21, tzinfo=UTC)))
    assert (done.archives, done.faults) == (len(before), [])
    vault = open_vault(old.root)
    try:
        assert list_archives(vault) == before
        assert {job.source for job in vault_jobs(vault)} == set(old.facts.get("sources", ["zavu"]))
    finally:
        vault.close()


def vault_jobs(vault):  # type: ignore[no-untyped-def]  # rows for one comparison
    from strongroom.engine.queries.lists import list_jobs

    return list_jobs(vault)
