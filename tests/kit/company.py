"""The demo company, built once for all tests of a run, and copies of it."""

from __future__ import annotations

import fcntl
import os
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from strongroom.cli.demo_company import NOW, CompanyFolder
from strongroom.cli.demo_history import build_company
from strongroom.cli.demo_live import copy_company
from strongroom.cli.main import cli
from strongroom.config.load import load_config
from strongroom.engine.core import sources
from strongroom.engine.core.sources import Dependencies

SEED = 13
OPENED = NOW + timedelta(minutes=30)
"""When tests look at the company: its clock stands still."""

CopyCompany = Callable[[], CompanyFolder]


@pytest.fixture(scope="session")
def built_company(tmp_path_factory: pytest.TempPathFactory, _shared_templates: None) -> CompanyFolder:
    """Return the company; nobody may change it. Of several test processes one builds it.

    STRONGROOM_TEST_COMPANY names a folder with a company that was built before, to try a test again and again.
    """
    if made := os.environ.get("STRONGROOM_TEST_COMPANY"):
        return CompanyFolder(Path(made))
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base
    folder = CompanyFolder(shared / "company")
    with (shared / "company.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "company.done").exists():
            build_company(folder, Dependencies(random_bytes=random.Random(SEED).randbytes))
            (shared / "company.done").touch()
    return folder


@pytest.fixture
def company(built_company: CompanyFolder, tmp_path: Path) -> CompanyFolder:
    """Return a copy of the company that a test may change."""
    return copied(built_company, tmp_path / "company")


def copied(built: CompanyFolder, to: Path) -> CompanyFolder:
    """Copy the company; its configuration names the copy."""
    folder = copy_company(built.root, to)
    text = folder.config.read_text()
    folder.config.write_text(text.replace(str(built.root), str(to)))
    return folder


@pytest.fixture
def company_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let commands in this process see the company's time."""

    class StoppedClock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime(*OPENED.timetuple()[:6], tzinfo=UTC)

    with monkeypatch.context() as patch:
        patch.setattr(sources, "datetime", StoppedClock)
        yield


def ask(folder: CompanyFolder, *line: str) -> Result:
    """Run a command on the company, in this process."""
    assert load_config(folder.config).vault.path == folder.vault
    return CliRunner().invoke(cli, ["--config", str(folder.config), *line])
