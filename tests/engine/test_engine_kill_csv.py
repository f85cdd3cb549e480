"""Killed at any place over the providers that deliver CSV: without a name, while renewing, while deleting."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from kit.csv_engine_bench import HISTORY, describe, open_csv_bench
from kit.engine_bench import DAY, Bench
from kit.engine_kill import UNINDEXED, check_house, drive
from strongroom.engine.ingest.planning import enter_window
from strongroom_sandbox.faults import FaultKind
from strongroom_sandbox.jobs import JobView
from strongroom_sandbox.options import CreateAnswer, HookBridgeOptions, QlaraOptions

ASKED = ("committed intended", "recorded intended", "before create", "after create")
NAMED = (*ASKED, "committed accepted", "recorded accepted")
NAMELESS = (
    *ASKED,
    "committed unanswered",
    "recorded unanswered",
    "committed adopted",
    "recorded adopted",
)
FETCHED = (
    "committed completed",
    "recorded completed",
    "committed opened",
    "recorded opened",
    "downloaded",
    "committed durable",
    "recorded durable",
    "before publish",
    "published key",
    "published payload",
    "after publish",
    "committed proven",
    "recorded proven",
)
INDEXED = ("before segment", "published segment", "committed segment")
RENEWED = (
    "committed opened",
    "recorded opened",
    "committed died",
    "recorded died",
    "before renew",
    "after renew",
    "committed renewed",
    "recorded renewed",
    *FETCHED,
    *INDEXED,
)
DELETED = ("before delete", "after delete", "committed delete")


@contextmanager
def named(base: Path) -> Iterator[Bench]:
    with open_csv_bench(base, QlaraOptions(pace=0)) as bench:
        yield bench


@contextmanager
def nameless(base: Path) -> Iterator[Bench]:
    options = QlaraOptions(pace=0, create_answer=CreateAnswer.NOTHING, entry_fields=frozenset())
    with open_csv_bench(base, options) as bench:
        bench.sandbox.qlara.add_foreign_job("MESSAGE_HISTORY", DAY.start, DAY.end)
        yield bench


@contextmanager
def expired(base: Path) -> Iterator[Bench]:
    """Leave a job whose export was ready, could not be fetched, and has expired since."""
    with open_csv_bench(base, QlaraOptions(pace=0)) as bench:
        bench.sandbox.faults.add(FaultKind.ANSWER, on="download", status=500, times=None)
        with bench.engine() as engine:
            enter_window(engine, HISTORY, DAY, "standard")
            bench.run(engine, hours=0.01)
        bench.sandbox.faults.clear()
        bench.clock.advance(timedelta(days=5))
        yield bench


@contextmanager
def deleting(base: Path) -> Iterator[Bench]:
    with open_csv_bench(base, HookBridgeOptions(pace=0), "delete_after_archive = true") as bench:
        yield bench


@contextmanager
def described(base: Path) -> Iterator[Bench]:
    """The provider of "named", by a manifest instead of the built-in adapter."""
    with open_csv_bench(base, QlaraOptions(pace=0)) as bench:
        describe(bench, "qlara")
        yield bench


LIVES = {
    "named": (named, (*NAMED, *FETCHED, *INDEXED)),
    "nameless": (nameless, (*NAMELESS, *FETCHED, *INDEXED)),
    "expired": (expired, RENEWED),
    "deleting": (deleting, (*NAMED, *FETCHED, *INDEXED, *DELETED)),
    "described": (described, (*NAMED, *FETCHED, *INDEXED)),
}
ALIKE = dict.fromkeys(("nameless", "expired"), len(FETCHED) + len(INDEXED))  # last places, which are those of "named"
EVERYWHERE = "STRONGROOM_KILL_EVERYWHERE" in os.environ
SAMPLED = ("after create",)  # of "described": the engine is the same, and its places those of "named"
DEATHS = [
    (name, number)
    for name, (_, places) in LIVES.items()
    for number in range(1, len(places) + 1 - ALIKE.get(name, 0))
    if EVERYWHERE or name != "described" or places[number - 1] in SAMPLED
]


def jobs_of(bench: Bench) -> Sequence[JobView | JobView]:
    return bench.sandbox.qlara.jobs if bench.sandbox.settings.qlara else bench.sandbox.hookbridge.jobs


def ours(bench: Bench) -> int:
    return sum(not job.foreign for job in jobs_of(bench))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "die_at"), DEATHS, ids=[f"{name}-{LIVES[name][1][at - 1].replace(' ', '-')}" for name, at in DEATHS]
)
def test_killed_at_each_place_and_started_again(tmp_path: Path, name: str, die_at: int) -> None:
    world, places = LIVES[name]
    with world(tmp_path) as bench:
        status, passed = drive(bench, die_at)
        assert passed == list(places[:die_at])
        assert status == -signal.SIGKILL
        status, _ = drive(bench, 0)
        assert status == 0
        check_house(bench, unindexed=places[die_at - 1] in UNINDEXED)
        assert (ours(bench), len(bench.sandbox.requests.creates)) == (1, 1)
        # An export that was only found on the list, and not answered with, may be somebody else's: it stays.
        deleted = name == "deleting" and places[die_at - 1] != "after create"
        assert any(request.method == "DELETE" for request in bench.sandbox.requests.all) is deleted
        assert [job.gone for job in jobs_of(bench) if not job.foreign] == [deleted]
