"""A pytest plugin: a test fails when any sandbox it started, in whatever process, was sent a credential elsewhere.

The sandboxes write what they see into one file of this test process, whose name every child inherits with the
environment. Tests that plant a leak take the fixture `planted_strays`, and hold what it returns.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

VARIABLE = "STRONGROOM_SANDBOX_STRAYS"
Planted = Callable[[], list[str]]
"""Returns what was told so far, which is then not held against the test."""
_FOLDER = pytest.StashKey[tempfile.TemporaryDirectory[str]]()


def report() -> Path:
    return Path(os.environ[VARIABLE])


def take() -> list[str]:
    """Return what was told since the last time."""
    lines = report().read_text().splitlines() if report().exists() else []
    report().unlink(missing_ok=True)
    return lines


def pytest_configure(config: pytest.Config) -> None:
    if _FOLDER in config.stash:  # asked for by more than one conftest
        return
    folder = tempfile.TemporaryDirectory(prefix="strongroom-strays-")
    config.stash[_FOLDER] = folder
    os.environ[VARIABLE] = str(Path(folder.name) / "strays")


def pytest_unconfigure(config: pytest.Config) -> None:
    if _FOLDER in config.stash:
        config.stash[_FOLDER].cleanup()
        del config.stash[_FOLDER]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown() -> Iterator[None]:
    """Look once every fixture of the test is closed, those of the whole session at the last test."""
    yield
    strays = take()
    if strays:
        pytest.fail("credentials went where they do not belong:\n" + "\n".join(strays), pytrace=False)


@pytest.fixture
def planted_strays() -> Planted:
    return take
