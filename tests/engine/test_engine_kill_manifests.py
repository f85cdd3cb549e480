"""Killed at any place over providers that are described by a manifest, and over a list with a range in its query."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pytest

from kit.csv_engine_bench import describe, open_csv_bench
from kit.described_bench import open_described_bench
from kit.engine_bench import Bench
from kit.engine_kill import PLACES, UNINDEXED, check_house, drive
from kit.manifests import GALLERY
from strongroom.config.load import load_config
from strongroom_sandbox.options import HookBridgeOptions, QlaraOptions

World = Callable[[Path], AbstractContextManager[Bench]]


@contextmanager
def simulated(options: HookBridgeOptions | QlaraOptions, name: str, base: Path):  # type: ignore[no-untyped-def]
    """Over the simulation of a provider, by its manifest instead of the built-in adapter."""
    with open_csv_bench(base, options) as bench:
        describe(bench, name)
        yield bench


@contextmanager
def paged(base: Path):  # type: ignore[no-untyped-def]
    """Over Qlara's history, whose list takes a range."""
    with open_csv_bench(base, QlaraOptions()) as bench:
        file = bench.config.file
        text = file.read_text().replace('provider = "qlara"', 'provider = "qlara"\noptions = { collect = "paging" }')
        file.write_text(text.replace("[[stream]]", '[[stream]]\nfilters = { channel = "SMS" }'))
        bench.config = load_config(file)
        yield bench


def from_documents(name: str) -> World:
    """Over the sandbox that is made from a manifest of the gallery."""
    return lambda base: open_described_bench(base, GALLERY / f"{name}.toml")


WORLDS: dict[str, World] = {
    "hookbridge-manifest": partial(simulated, HookBridgeOptions(pace=0), "hookbridge"),
    "qlara-manifest": partial(simulated, QlaraOptions(pace=0), "qlara"),
    **{
        name: from_documents(name)
        for name in ("customerio-deliveries", "loyaltylion-customers", "salesforce-bulk-query", "sendgrid-contacts")
    },
    "qlara-paged": paged,
}
DEATHS = [(name, number) for name in WORLDS for number in range(1, len(PLACES) + 1)]
FEW = 12
"""Deaths in every run, drawn by a seed; STRONGROOM_KILL_EVERYWHERE=1 dies all of them."""
DRAWN = DEATHS if "STRONGROOM_KILL_EVERYWHERE" in os.environ else random.Random(19).sample(DEATHS, FEW)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "die_at"), DRAWN, ids=[f"{name}-{PLACES[at - 1]}".replace(" ", "-") for name, at in DRAWN]
)
def test_killed_at_each_place_and_started_again(tmp_path: Path, name: str, die_at: int) -> None:
    with WORLDS[name](tmp_path) as bench:
        status, places = drive(bench, die_at)
        assert (status, places) == (-signal.SIGKILL, list(PLACES[:die_at]))
        assert drive(bench, 0)[0] == 0
        check_house(bench, unindexed=places[-1] in UNINDEXED)
        assert len(bench.sandbox.requests.creates) == (name != "qlara-paged")
