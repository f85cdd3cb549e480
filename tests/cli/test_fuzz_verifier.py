"""Whatever a package or a vault holds: the verifier says what is wrong, and never ends with a traceback."""

from __future__ import annotations

import json
import random
import sys
import traceback
from contextlib import suppress
from pathlib import Path

import pytest

from kit.cli_home import Home
from kit.hostile_input import SEED, Faults, bend, mutate, rounds, run_program
from strongroom.evidence.verifier import main


def spoilt(data: bytes, random_bytes: random.Random) -> bytes:
    """Return the file with other values in it where it is JSON, or with nonsense among its bytes."""
    if random_bytes.random() < 0.6:
        with suppress(ValueError):
            return json.dumps(bend(json.loads(data), random_bytes)).encode()
    return mutate(data, random_bytes)


def verify(monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> object:
    monkeypatch.setattr(sys, "argv", ["strongroom-verify", *map(str, words)])
    return main()


@pytest.mark.slow
def test_whatever_a_package_or_a_vault_holds_is_told_in_words(
    own_home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    package = own_home.folder / "package"
    assert run_program("--config", own_home.config, "audit", "checkpoint").code == 0
    made = run_program("--config", own_home.config, "handover", "--archives", own_home.archives()[0], "--to", package)
    assert made.code == 0, made
    statement = own_home.folder / "statement"
    period = ("--from", "2026-11-01", "--to", "2026-11-05")
    statement.write_text(run_program("--config", own_home.config, "coverage", "statement", *period).stdout)
    key = run_program("--config", own_home.config, "audit", "key").stdout.strip().splitlines()[-1].split()[-1]
    parts = [path for path in sorted(package.rglob("*")) if path.is_file() and path.suffix not in (".age", ".py")]
    log = own_home.vault / "log" / "log.jsonl"
    random_bytes, found = random.Random(f"{SEED} verifier"), Faults()
    for _ in rounds(2):
        path, asked = random_bytes.choice(
            [*((part, package) for part in parts), (log, own_home.vault), (statement, statement)]
        )
        kept = path.read_bytes()
        path.write_bytes(spoilt(kept, random_bytes))
        try:
            assert verify(monkeypatch, asked, "--key", key, "--log", log) in (0, 1, 3)
        except (Exception, SystemExit):  # noqa: BLE001 - whatever else comes is what is looked for
            found.keep((path.name, path.read_bytes()[:300]), traceback.format_exc())
        path.write_bytes(kept)
        capsys.readouterr()
    assert not found, found
