"""A pytest plugin: a test fails when any sandbox it started, in whatever process, was sent a credential elsewhere.

The sandboxes write what they see into one file of this test process, whose name every child inherits with the
environment. Tests that plant a leak take the fixture `planted_leaks`, and check what it returns.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from strongroom_sandbox.recorder import VARIABLE

Planted = Callable[[], list[str]]
"""Returns what was reported so far, which then does not fail the test."""
_FOLDER = pytest.StashKey[Path]()


def report() -> Path:
    return Path(os.environ[VARIABLE])


def take() -> list[str]:
    """Return what was reported since the last time."""
    lines = report().read_text().splitlines() if report().exists() else []
    report().unlink(missing_ok=True)
    return lines


def pytest_configure(config: pytest.Config) -> None:
    if _FOLDER in config.stash:  # more than one conftest imports this hook
        return
    # Not a TemporaryDirectory: a forked child that ends would delete it, and warn about that.
    folder = config.stash[_FOLDER] = Path(tempfile.mkdtemp(prefix="strongroom-leaks-"))
    os.environ[VARIABLE] = str(folder / "leaks")
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown() -> Iterator[None]:
    """Look once every fixture of the test is closed, those of the whole session at the last test."""
    yield
    if leaks := take():
        pytest.fail("credentials went where they do not belong:\n" + "\n".join(leaks), pytrace=False)


@pytest.fixture
def planted_leaks() -> Planted:
    return take
