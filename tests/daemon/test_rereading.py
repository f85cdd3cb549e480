"""A living daemon takes over a changed configuration by itself; a broken one is refused in words, the old one works.

No signal is sent here: the file alone is changed, as an editor or another command changes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.daemon_process import Running, daemon
from kit.engine_bench import Bench, open_bench
from strongroom.config.edit import rewrite_recipients, rewrite_stream
from strongroom.engine.core.identities import make_identity
from strongroom.engine.core.sources import open_reading
from strongroom.engine.queries.lists import Vault, list_archives
from strongroom_sandbox.options import ZavuOptions

SECOND = """
[[stream]]
name = "second"
source = "zavu"
datasets = ["contacts"]
since = {since}
"""
REFUSED, TAKEN = "the previous one stays active", "configuration read again"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path, zavu=ZavuOptions(pace=0), real=True) as bench:
        yield bench


def put(path: Path, text: str) -> None:
    """Change the file as an editor does: a whole new one takes its name."""
    fresh = path.with_name("fresh")
    fresh.write_text(text)
    fresh.chmod(0o600)
    fresh.replace(path)


def random_bytes(count: int) -> bytes:
    return bytes(range(count))


def told(running: Running, words: str) -> int:
    return str(running.log.read_text()).count(words)


def sealed_to(vault: Vault, recipient: str) -> int:
    return sum(recipient in archive.recipients for archive in list_archives(vault))


@pytest.mark.slow
def test_a_living_daemon_follows_its_file_and_keeps_the_old_one_over_a_broken_one(house: Bench) -> None:
    file, stream = house.config.file, house.config.streams[0]
    good, old, new = file.read_text(), house.config.vault.recipients[0], make_identity(random_bytes).recipient
    with daemon(house) as running, open_reading(house.config) as vault:
        put(file, good.replace(old, new) + "\n[daemon]\nworkers = 'many'\n")
        running.wait_for(lambda: running.said(REFUSED))
        assert "workers: expected" in next(line for line in running.log.read_text().splitlines() if REFUSED in line)
        running.wait_for(lambda: len(list_archives(vault)) > 0)
        assert sealed_to(vault, old) == len(list_archives(vault))
        assert told(running, REFUSED) == 1  # not at every look
        assert told(running, TAKEN) == 0

        put(file, good + SECOND.format(since=f"{stream.since:%Y-%m-%d}"))
        running.wait_for(lambda: "stream=second" in planned(running))
        rewrite_recipients(file, (old, new), "another")  # as `strongroom key add` does
        running.wait_for(lambda: sealed_to(vault, new) > 0)
        rewrite_stream(file, "second", {"paused": "true"})  # as `strongroom plan edit` does
        running.wait_for(lambda: told(running, TAKEN) == 3)
        assert told(running, REFUSED) == 1


def planned(running: Running) -> str:
    return "".join(line for line in running.log.read_text().splitlines() if " planned " in line)


def test_a_shorter_class_in_a_locked_vault_is_refused_and_the_daemon_lives(house: Bench) -> None:
    file = house.config.file
    put(file, file.read_text().replace("[vault]\n", "[vault]\nlock = true\n"))
    with daemon(house) as running:
        put(file, file.read_text().replace('period = "7y"', 'period = "1y"'))
        running.wait_for(lambda: running.said(REFUSED))
        assert "shorter" in next(line for line in running.log.read_text().splitlines() if REFUSED in line)
        running.wait_for(lambda: running.said("accepted"))  # it works on
