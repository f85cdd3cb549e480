"""Ctrl-C and SIGTERM in the middle of a long command: it ends soon, and what it leaves on disk is whole or absent."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from kit.cli_home import Home, Invoke

STRUCK = (
    "import os, signal, sys\n"
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # what this was started from may ignore it
    "number, event, part, *args = sys.argv[1:]\n"
    "own, struck = os.getpid(), []\n"
    "def strike(name, about):\n"
    "    if name == event and part in str(about) and os.getpid() == own and not struck:\n"
    "        struck.append(name)\n"
    "        os.write(2, b'struck\\n')\n"
    "        os.kill(own, int(number))\n"
    "sys.addaudithook(strike)\n"
    "sys.argv = ['strongroom', *args]\n"
    "from strongroom.cli.main import main\n"
    "main()\n"
)
"""The program, which gets a signal when it first does what the event and a part of its arguments name."""

RESTORE = ["restore", "{archive}", "--to", "{out}/whole"]
RECORDS = ["records", "{stream}", "--from", "2026-11-01", "--to", "2026-11-02", "--output", "{out}/whole"]
INT, TERM = signal.SIGINT, signal.SIGTERM
TABLE = {
    "verify": (["verify"], [(INT, "open", "{archive}"), (TERM, "open", "{archive}")]),
    "restore": (RESTORE, [(INT, "open", ".part"), (TERM, "open", ".part"), (TERM, "os.link", "whole")]),
    "scrub": (["scrub", "run"], [(INT, "open", "{archive}"), (TERM, "open", "{archive}")]),
    "records": (RECORDS, [(INT, "open", "{archive}"), (TERM, "open", "{archive}")]),
    "rebuild": (["rebuild"], [(INT, "open", "{archive}"), (TERM, "os.rename", "rebuilding.sqlite")]),
}
"""What is interrupted, and where."""


@pytest.fixture(scope="module")
def shared_home(kept_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A vault on which every command of the table is interrupted, one after the other."""
    copy = Home(tmp_path_factory.mktemp("interrupted") / "copy")
    shutil.copytree(kept_home.folder, copy.folder)
    copy.config.write_text(kept_home.config.read_text().replace(str(kept_home.folder), str(copy.folder)))
    copy.config.chmod(0o600)
    return copy


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLE)
def test_a_command_that_is_interrupted_ends_soon_and_leaves_nothing_half_done(
    name: str, shared_home: Home, environment: dict[str, str], invoke: Invoke, tmp_path: Path
) -> None:
    args, strikes = TABLE[name]
    names = {"archive": shared_home.archives()[0], "stream": "zavu-main-records", "out": tmp_path}
    filled = ["--config", str(shared_home.config), *(each.format(**names) for each in args)]
    left: set[bytes] = set()
    for number, event, part in strikes:
        command = [sys.executable, "-c", STRUCK, str(number.value), event, part.format(**names), *filled]
        began = time.monotonic()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
        assert time.monotonic() - began < 60
        told = done.stderr.splitlines()
        assert (done.returncode, "struck" in told, told[-1]) == (130, True, "error: interrupted")
        left |= {path.read_bytes() for path in tmp_path.iterdir()}
        (tmp_path / "whole").unlink(missing_ok=True)  # it came to its name in the last moment
        assert not list(tmp_path.iterdir())
        with closing(sqlite3.connect(shared_home.vault / "catalogue.sqlite")) as catalogue:
            assert catalogue.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    again = invoke(*filled)
    assert again.exit_code == 0, again.output
    assert left <= {path.read_bytes() for path in tmp_path.iterdir()}
    assert invoke("--config", shared_home.config, "audit", "verify").exit_code == 0
