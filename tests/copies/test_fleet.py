"""The vaults under one folder, from their copies alone: names, coverage, age, checkpoints; and what is wrong."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from click.testing import CliRunner

from kit.copies import make_copied_house
from kit.destruction import SIGNER
from strongroom.cli.main import cli
from strongroom.engine.copies.fleet import FleetVault, read_fleet
from strongroom.engine.copies.targets import stores_in
from strongroom.engine.proof.checkpoints import sign_log
from strongroom.evidence.line import Entry
from strongroom.evidence.note import Signer
from strongroom.model.copies import LINES
from strongroom.model.entry_kind import EntryKind
from strongroom.vault.log import add_entry

DAY = timedelta(days=1)
FIRST = datetime(2026, 3, 1, tzinfo=UTC)


def fleet(folder: Path, *keys: str) -> list[FleetVault]:
    return sorted(read_fleet(stores_in(folder), keys), key=lambda each: each.archives)


def test_the_vaults_of_a_folder_and_what_is_wrong_with_one(tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    houses = []
    for place, count in enumerate((1, 3)):
        folder = tmp_path / f"host{place}"
        folder.mkdir()
        copied = make_copied_house(folder)
        copied.house.add(count)
        with copied.house.vault.catalogue.transaction():
            for day in (0, 1, 3):  # one is missing between them
                window = [f"{FIRST + (day + extra) * DAY:%Y-%m-%dT%H:%M:%SZ}" for extra in (0, 1)]
                job, archive = f"job{day}", f"archive{day}"
                for kind, facts in (
                    (EntryKind.JOB_PLANNED, {"window": window}),
                    (EntryKind.JOB_PROVEN, {"holding": "held"}),
                ):
                    entry = Entry(
                        kind, copied.now, job, archive if kind == EntryKind.JOB_PROVEN else "", "records", facts
                    )
                    add_entry(copied.house.vault.catalogue, entry)
        sign_log(copied.house.vault, SIGNER, lambda at=copied.now: at)
        copied.copy()
        copied.root().rename(tmp_path / "all" / copied.root().name)
        houses.append(copied)
    one, two = fleet(tmp_path / "all", str(SIGNER.verifier))
    assert [one.problems, two.problems] == [(), ()]
    assert (one.archives, two.archives, one.name, one.at) == (4, 6, SIGNER.name, houses[0].now)
    (stream,) = (each for each in two.streams if each.stream == "records")
    assert (stream.start, stream.end, stream.gaps) == (FIRST, FIRST + 4 * DAY, 1)
    assert (two.checkpoints, two.signed_at) == (1, houses[1].now)
    stranger = str(Signer.generate("stranger", lambda count: b"7" * count).verifier)
    assert "not signed by stranger" in fleet(tmp_path / "all", stranger)[0].problems[0]
    before = {path: path.read_bytes() for path in (tmp_path / "all").rglob("*") if path.is_file()}
    result = CliRunner().invoke(cli, ["fleet", str(tmp_path / "all"), "--json", "--public-key", str(SIGNER.verifier)])
    assert (result.exit_code, len(json.loads(result.stdout)["vaults"])) == (0, 2), result.output
    shown = CliRunner().invoke(cli, ["fleet", str(tmp_path / "all"), "--public-key", str(SIGNER.verifier)]).stdout
    assert shown.splitlines()[0].split() == ["VAULT", "NAME", "ARCHIVES", "COVERED", "LAST", "ENTRY", "CHECKPOINTS"]
    assert before == {path: path.read_bytes() for path in (tmp_path / "all").rglob("*") if path.is_file()}
    root = tmp_path / "all" / one.vault[:16]
    lines = next((root / LINES).iterdir())
    lines.write_bytes(lines.read_bytes().replace(b'"holding":"held"', b'"holding":"hold"', 1))
    shutil.move(tmp_path / "all" / two.vault[:16], tmp_path / "all" / "renamed")
    (note,) = (tmp_path / "all" / "renamed" / "log" / "checkpoints").glob("*.note")
    note.write_text(note.read_text().replace("\n", "\nA", 1))
    broken, moved = fleet(tmp_path / "all", str(SIGNER.verifier))
    assert "does not follow" in broken.problems[0]
    assert "not named after this vault" in moved.problems[-1] and len(moved.problems) == 2
    for copied in houses:
        copied.house.vault.close()
