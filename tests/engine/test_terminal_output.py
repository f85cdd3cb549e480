"""On a real terminal nothing from outside steers it, hides or reorders: in records, lists, differences and errors."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.corpora import BARE, array
from kit.sealed_vault import AT, DAY, House
from strongroom.evidence.line import Entry
from strongroom.model.archive import Archive
from strongroom.model.coverage import Cover, Interval
from strongroom.model.provider import Container
from strongroom.vault.coverage import put_interval
from strongroom.vault.log import add_entry

HOSTILE = "\x9b2J\x1b]0;title\x07\u202egnp\u2066\u200b\x85\x7f\u2028"
OURS = re.compile(r"\x1b\[\??[0-9;]*[A-Za-z]|\r")  # what the bars and colors of the program itself write
ROOTS = [str(Path(__file__).parents[2] / root) for root in ("agent", "tui")]
SOURCE = '\n[[source]]\nname = "test"\nprovider = "zavu"\napi_key = "env:NONE"\n'
STREAM = '[[stream]]\nname = "messages"\nsource = "test"\ndatasets = ["messages"]\nsince = 2026-01-01\n'


def text(number: int, name: str) -> str:
    spoken = HOSTILE.replace("\x1b", "\\u001b").replace("\x07", "\\u0007")
    return f'{{"id":"{name}{spoken}",\t"createdAt":"2026-03-01T10:00:00Z","{spoken}":{number},"half":"\\ud83d"}}'


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("house"))
    config = made.base / "strongroom.toml"
    config.write_text(config.read_text() + SOURCE + STREAM)
    yield made
    made.vault.close()


@pytest.fixture(scope="module")
def archives(house: House) -> list[Archive]:
    found = [
        house.seal(array(*records), (BARE,), Container.JSON_ARRAY, alone=False)
        for records in ([text(1, "a"), text(1, "b")], [text(2, "a"), text(1, "c")])
    ]
    with house.vault.catalogue.transaction():
        put_interval(house.vault.catalogue, Interval("messages", DAY, Cover.PROVEN, found[1].id))
        for each in found:
            add_entry(house.vault.catalogue, Entry("job.delayed", AT, each.job, each.id, "messages", {}, words=HOSTILE))
    return found


def on_a_terminal(house: House, *args: object) -> tuple[int, str]:
    """Run the program with all three descriptors on a terminal; return its code and everything that it wrote there."""
    ours, theirs = pty.openpty()
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(ROOTS), "TERM": "xterm", "NO_COLOR": "1"}
    words = [sys.executable, "-m", "strongroom", "--config", str(house.base / "strongroom.toml"), *map(str, args)]
    process = subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, env=env)
    os.close(theirs)
    found = b""
    try:
        while block := os.read(ours, 65_536):
            found += block
    except OSError:  # the other side has closed it
        pass
    os.close(ours)
    return process.wait(), OURS.sub("", found.decode())


@pytest.mark.slow
def test_nothing_from_outside_steers_a_terminal(house: House, archives: list[Archive]) -> None:
    older, newer = archives
    taken = house.base / f"taken{HOSTILE}"
    taken.touch()
    period = ("--from", "2026-03-01", "--to", "2026-03-02")
    for args, code, told in (
        (("records", "messages", *period), 0, "\\u009b2J"),
        (("archives", "show", older.id), 0, "\\x9b2J"),
        (("jobs", "show", older.job), 0, "\\x9b2J"),
        (("diff", older.id, newer.id), 1, "a\\x9b2J\\x1b]0;title\\x07\\u202egnp"),
        (("restore", older.id, "--to", taken), 2, "taken\\x9b2J"),
        (("--config", taken, "status"), 2, "taken\\x9b2J"),
        (("verify", HOSTILE), 2, "gnp"),
        (("verify", older.id, "--identity", taken), 2, "taken\\x9b2J"),
    ):
        found, shown = on_a_terminal(house, *args)
        assert [each for each in shown if not each.isprintable() and each not in "\n\t"] == [], (args, shown)
        assert (found, told in shown.replace("\n", "")) == (code, True), (args, found, shown)


@pytest.mark.slow
def test_a_record_on_a_terminal_is_still_the_record(house: House, archives: list[Archive]) -> None:
    _code, shown = on_a_terminal(house, "records", "messages", "--from", "2026-03-01", "--to", "2026-03-02")
    lines = [json.loads(line)["record"] for line in shown.splitlines() if line.startswith("{")]
    assert lines == [json.loads(text(2, "a")), json.loads(text(1, "c"))]
