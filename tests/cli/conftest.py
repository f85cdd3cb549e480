from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kit import credential_leaks
from kit.cli_home import DAY, FIRST, Home, Invoke, make_home, sandbox_settings
from kit.company import built_company, company, company_time  # noqa: F401 - fixtures are found by their names
from strongroom.cli.main import cli
from strongroom.config.load import load_config
from strongroom.engine.bootstrap import open_engine
from strongroom.engine.core import sources
from strongroom.engine.core.sources import Dependencies, stream_for
from strongroom.engine.ingest.planning import enter_window
from strongroom.engine.ingest.runner import Runner
from strongroom.engine.queries.lists import list_archives, list_jobs
from strongroom.engine.repair.restart import recover
from strongroom.model.archive import Holding
from strongroom.model.job import State
from strongroom.model.window import Window
from strongroom_sandbox.clock import SandboxClock
from strongroom_sandbox.faults import FaultKind, InjectedFault
from strongroom_sandbox.recorder import Operation
from strongroom_sandbox.server import Sandbox


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No configuration of the machine's own, no colours, and a home that nobody else uses."""
    for name in ("STRONGROOM_CONFIG", "STRONGROOM_DEBUG", "STRONGROOM_PASSPHRASE_FILE", "NO_COLOR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path_factory.getbasetemp()))
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def invoke() -> Invoke:
    """Run a command line in this process, as the console entry does."""

    def run(*args: str | Path, text: str | None = None) -> Result:
        return CliRunner().invoke(cli, [str(arg) for arg in args], input=text)

    return run


@pytest.fixture(scope="session")
def kept_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A vault with two archives, one of them with drift, one quarantined file and one failed job. Never changed."""
    clock = SandboxClock(lambda: datetime(2026, 11, 20, 12, tzinfo=UTC))
    with Sandbox(sandbox_settings(), clock=clock) as sandbox:
        with pytest.MonkeyPatch.context() as patch:  # else its log would begin today, and go back to that day
            patch.setattr(sources, "Dependencies", partial(Dependencies, clock=clock))
            home = make_home(tmp_path_factory.mktemp("home") / "here", sandbox.api_url)
        config = load_config(home.config)
        with open_engine(config, "test", Dependencies(clock=clock)) as engine:
            recover(engine)
            runner = Runner(engine, lambda seconds: clock.advance(timedelta(seconds=seconds)) and None)
            stream, retention = stream_for(config, "zavu-main", ("messages",))
            faults = (
                None,
                InjectedFault(FaultKind.UNKNOWN_FIELD, name="surprise"),
                InjectedFault(FaultKind.BAD_CRC, on=Operation.DOWNLOAD),
                InjectedFault(FaultKind.ANSWER, on=Operation.CREATE, status=400, times=2),
            )
            for number, fault in enumerate(faults):
                sandbox.faults.clear()
                if fault is not None:
                    sandbox.faults.add(fault)
                start = FIRST + number * DAY
                enter_window(engine, stream, Window(start, start + DAY), retention)
                assert runner.run(clock() + timedelta(hours=3)) == []
            assert len(list_archives(engine.vault, holding=Holding.QUARANTINED)) == 1
            assert len(list_jobs(engine.vault, state=State.FAILED)) == 1
    return home


@pytest.fixture
def home(kept_home: Home) -> Home:
    """The vault that is only looked at."""
    return kept_home


@pytest.fixture
def own_home(kept_home: Home, tmp_path: Path) -> Home:
    """A copy of the vault that may be changed, with a configuration that names it."""
    copy = Home(tmp_path / "copy")
    shutil.copytree(kept_home.folder, copy.folder)
    copy.config.write_text(kept_home.config.read_text().replace(str(kept_home.folder), str(copy.folder)))
    copy.config.chmod(0o600)
    return copy


@pytest.fixture
def environment() -> dict[str, str]:
    """What a process of its own needs to run the program."""
    roots = [str(Path(__file__).parents[2] / root) for root in ("agent", "tui")]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", credential_leaks.VARIABLE) if name in os.environ}
    return {**kept, "PYTHONPATH": os.pathsep.join(roots), "TERM": "dumb", "COLUMNS": "80", "LANG": "C.UTF-8"}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A provider in real time."""
    with Sandbox(sandbox_settings(pace=0.1)) as running:
        yield running
