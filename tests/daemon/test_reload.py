"""What a reload takes over: a daemon that read a configuration again works by what one started with it works by."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.daemon_service import serving
from kit.engine_bench import Bench, open_bench
from strongroom.daemon.daemon import identity_of, require_same
from strongroom.engine.queries.lists import list_jobs
from strongroom.engine.queries.requests import RequestKind, ask
from strongroom.model.clock_check import ClockFault, ClockVerdict
from strongroom.model.errors import VaultError


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as bench:
        yield bench


def test_requests_wait_while_the_clock_is_wrong_and_are_served_when_it_is_right(bench: Bench) -> None:
    with serving(bench) as (service, engine, _boot):
        service.turn()
        job = list_jobs(engine.vault)[0]
        request = ask(engine.vault, RequestKind.CANCEL, job.id, "operator", bench.clock, engine.random_bytes)
        service.clock = ClockVerdict(ClockFault.SKEWED, "another time")
        while service.pool.busy:
            service.pool.collect(20)
        service.turn()
        assert request.id in {each.id for each in waiting(engine)}
        service.clock = ClockVerdict()
        # A clock is found right in a turn that has work anyway; this one has it because something was written.
        ask(engine.vault, RequestKind.CANCEL, job.id, "operator", bench.clock, engine.random_bytes)
        service.turn()
        assert not waiting(engine)


def waiting(engine):  # type: ignore[no-untyped-def]
    from strongroom.vault.requests import waiting_requests

    return waiting_requests(engine.vault.catalogue)


def test_a_catalogue_that_is_deleted_or_replaced_ends_the_daemon_in_words(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    path.write_bytes(b"one")
    opened = identity_of(path)
    require_same(path, opened)
    (tmp_path / "other").write_bytes(b"two")
    (tmp_path / "other").replace(path)
    with pytest.raises(VaultError, match="was replaced by another file"):
        require_same(path, opened)
    path.unlink()
    with pytest.raises(VaultError, match="was deleted while the daemon was running"):
        require_same(path, opened)
