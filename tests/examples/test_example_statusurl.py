"""The example as somebody else would use it: built, installed, named in a configuration, archived from, restored."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from strongroom.config.load import load_config
from strongroom.config.schema import Config
from strongroom.config.template import FreshSource
from strongroom.engine.access.content import check_content
from strongroom.engine.access.fixity import check_fixity
from strongroom.engine.access.restore import restore_members
from strongroom.engine.bootstrap import open_engine
from strongroom.engine.core.identities import load_identities, make_identity
from strongroom.engine.core.sources import Dependencies, open_reading
from strongroom.engine.ingest.planning import enter_window
from strongroom.engine.ingest.runner import Runner
from strongroom.engine.queries.initialize import NewVault, initialize
from strongroom.engine.queries.lists import coverage_of, list_archives
from strongroom.engine.repair.restart import recover
from strongroom.model.archive import Archive
from strongroom.model.coverage import Cover
from strongroom.model.plan import Stream
from strongroom.model.window import Window
from strongroom_sandbox.clock import SandboxClock
from strongroom_sandbox.faults import FaultKind, InjectedFault
from strongroom_sandbox.recorder import Operation

EXAMPLE = Path(__file__).parents[2] / "examples" / "statusurl"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = Window(datetime(2026, 11, 18, tzinfo=UTC), datetime(2026, 11, 19, tzinfo=UTC))
STREAM = Stream("trail", "records", ("AuditEvent", "Communication"))
KEY = "example-canary-key"
LONGEST = 150


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The example's wheel, built from a copy and unpacked where Python looks."""
    tree, out, site = (tmp_path_factory.mktemp(name) for name in ("tree", "out", "site"))
    for path in EXAMPLE.iterdir():
        if path.is_file():
            shutil.copy2(path, tree)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(command, cwd=tree, check=True, capture_output=True)
    (wheel,) = out.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        assert [name for name in packed.namelist() if "/" not in name] == ["statusurl.py"]
        packed.extractall(site)
    shutil.copy2(EXAMPLE / "statusurl_sandbox.py", site)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        yield site


@dataclass
class Bench:
    base: Path
    config: Config
    sandbox: object
    clock: SandboxClock

    def export(self) -> Archive:
        with open_engine(self.config, "tests", Dependencies(clock=self.clock)) as engine:
            recover(engine)
            enter_window(engine, STREAM, DAY, "standard")
            runner = Runner(engine, lambda seconds: self.clock.advance(timedelta(seconds=seconds)) and None, 1)
            assert runner.run(self.clock() + timedelta(hours=24)) == []
        with open_reading(self.config) as vault:
            (archive,) = list_archives(vault, holding="held")
        return archive


@pytest.fixture
def bench(tmp_path: Path, installed: Path) -> Iterator[Bench]:
    from statusurl_sandbox import StatusUrlSandbox

    clock = SandboxClock.stopped_at(NOON)
    with StatusUrlSandbox(clock, KEY) as sandbox:
        os.environ["STRONGROOM_TEST_EXAMPLE_KEY"] = KEY
        source = FreshSource(
            "records",
            "statusurl",
            "env:STRONGROOM_TEST_EXAMPLE_KEY",
            STREAM.datasets,
            since="2026-11-18",
            base_url=sandbox.url,
            allow_private_addresses=True,
        )
        wanted = NewVault(tmp_path / "vault", tmp_path / "strongroom.toml", tmp_path / "identity.age", None, source)
        initialize(wanted, make_identity(os.urandom), Dependencies(clock=clock))
        yield Bench(tmp_path, load_config(wanted.config), sandbox, clock)


def test_a_window_of_several_files_is_archived_verified_and_restored(bench: Bench, tmp_path: Path) -> None:
    archive = bench.export()
    assert (archive.container, archive.provider) == ("bundle", "statusurl")
    assert archive.inspection.sound
    assert [member.dataset for member in archive.inspection.members] == ["AuditEvent"] * 2 + ["Communication"] * 2
    assert archive.inspection.in_window == archive.inspection.records == 240
    identities = load_identities(bench.base / "identity.age", lambda: "")
    with open_reading(bench.config) as vault:
        assert [each.cover for each in coverage_of(vault, STREAM.name)] == [Cover.PROVEN]
        assert check_fixity(vault, archive) == []
        assert check_content(vault, archive, identities) == []
        paths = restore_members(vault, archive, identities, tmp_path / "out").paths
    delivered = Path(bench.sandbox._folder.name)  # type: ignore[attr-defined]
    kept = {path.read_bytes() for path in delivered.iterdir()}
    assert len(paths) == 4
    assert {path.read_bytes() for path in paths} == kept


@pytest.mark.parametrize(
    "faults",
    [
        [InjectedFault(FaultKind.CUT, at=900)],
        [InjectedFault(FaultKind.ANSWER, Operation.DOWNLOAD, nth=3, status=403)],
        [InjectedFault(FaultKind.ANSWER, Operation.GET, status=500, times=3)],
        [InjectedFault(FaultKind.ANSWER, Operation.CREATE, status=503)],
        [InjectedFault(FaultKind.REDIRECT, hops=3, across=True, times=None)],
    ],
    ids=["cut", "link dead", "status fails", "create fails", "redirects"],
)
def test_trouble_on_the_way_is_the_engine_s_business(bench: Bench, faults: list[InjectedFault]) -> None:
    for fault in faults:
        bench.sandbox.faults.add(fault)  # type: ignore[attr-defined]
    archive = bench.export()
    assert archive.inspection.records == 240


def test_the_example_stays_an_example() -> None:
    assert len((EXAMPLE / "statusurl.py").read_text().splitlines()) < LONGEST
