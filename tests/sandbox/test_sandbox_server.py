"""The process side: origins, stopping, the foreground command, control from outside, the clock, the record."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from kit.sandbox_bench import NOW, Bench, data
from strongroom.model.errors import UsageError, WorldError
from strongroom_sandbox.clock import SandboxClock, as_clock
from strongroom_sandbox.jobs import FixedWindow, rolling_free_at, seconds_until
from strongroom_sandbox.recorder import SandboxOrigin
from strongroom_sandbox.server import Sandbox, SandboxSettings, require_loopback, serve

Open = Callable[..., Bench]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com", "", "127.0.0.1.example.com"])
def test_only_loopback_is_served(host: str) -> None:
    with pytest.raises(UsageError, match="loopback"):
        Sandbox(SandboxSettings(host=host))
    with pytest.raises(UsageError, match="loopback"):
        serve(SandboxSettings(host=host), lambda _sandbox: pytest.fail("it must not start"))


@pytest.mark.parametrize(("host", "address"), [("localhost", "127.0.0.1"), ("127.0.0.9", "127.0.0.9"), ("::1", "::1")])
def test_loopback_hosts_are_accepted(host: str, address: str) -> None:
    assert require_loopback(host) == address


def test_a_taken_port_is_said_and_nothing_stays_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(WorldError, match=str(port)), Sandbox(SandboxSettings(storage_port=port)):
            pytest.fail("it must not start")


def test_origins_differ_and_are_gone_afterwards() -> None:
    with Sandbox() as sandbox:
        urls = [sandbox.api_url, sandbox.storage_url, sandbox.mirror_url]
        assert len(set(urls)) == 3
        assert {httpx.get(url, trust_env=False).status_code for url in urls} == {404, 403}
    for url in urls:
        with pytest.raises(httpx.ConnectError):
            httpx.get(url, trust_env=False)


def quick_answers(bench: Bench) -> int:
    """Ask fifty times; return how many answers came sooner than an acknowledgement that is held back, after 40 ms."""
    quick = 0
    for _ in range(50):
        started = time.monotonic()
        bench.api.get("/v1/exports")
        quick += time.monotonic() - started < 0.03
    return quick


def test_an_answer_does_not_wait_for_delayed_acknowledgements(bench: Bench) -> None:
    bench.api.get("/v1/exports")
    assert any(quick_answers(bench) > 12 for _ in range(5))  # on a busy machine not in the first round


def test_stopping_is_prompt_with_hanging_slow_and_idle_connections(open_bench: Open) -> None:
    bench = open_bench()
    bench.sandbox.faults.add("hang", on="create", seconds=60)
    errors: list[Exception] = []

    def ask() -> None:
        try:
            bench.create()
        except httpx.HTTPError as error:
            errors.append(error)

    asker = threading.Thread(target=ask)
    asker.start()
    while not bench.sandbox.requests.creates:
        time.sleep(0.005)
    started = time.monotonic()
    bench.sandbox.stop()
    asker.join(60)
    assert time.monotonic() - started < 20
    assert len(errors) == 1


def test_stopping_gives_up_a_file_that_is_being_built() -> None:
    bench = Bench(**data(target_bytes=1 << 31))
    job_id = bench.create().json()["export"]["id"]
    bench.advance(minutes=1)
    bench.api.timeout = httpx.Timeout(0.2)
    with pytest.raises(httpx.ReadTimeout):
        bench.api.get(f"/v1/exports/{job_id}")
    started = time.monotonic()
    bench.close()
    assert time.monotonic() - started < 20


def test_a_sandbox_may_be_stopped_before_it_served_anything() -> None:
    Sandbox().start().stop()
    sandbox = Sandbox()
    sandbox.stop()
    sandbox.stop()


def test_serve_announces_itself_and_ends_on_request() -> None:
    stop, seen = threading.Event(), []

    def announce(sandbox: Sandbox) -> None:
        seen.append(httpx.get(f"{sandbox.api_url}/v1/exports", trust_env=False).status_code)
        stop.set()

    serve(SandboxSettings(), announce, stop=stop)
    assert seen == [401]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_served_sandbox_ends_on_a_signal_and_leaves_no_file(number: signal.Signals, tmp_path: Path) -> None:
    code = (
        "from strongroom_sandbox.server import *\n"
        "serve(SandboxSettings(), lambda s: print(s.api_url, s.storage_url, flush=True))\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        api, _storage = process.stdout.readline().decode().split()
        assert httpx.get(f"{api}/v1/exports", trust_env=False).status_code == 401
        process.send_signal(number)
        _out, words = process.communicate(timeout=60)
    assert (process.returncode, words) == (0, b"")
    assert list(tmp_path.iterdir()) == []


def test_faults_clock_jobs_and_record_can_be_reached_from_outside(bench: Bench) -> None:
    control = httpx.Client(base_url=f"{bench.sandbox.api_url}/_sandbox", trust_env=False)
    with control:
        added = control.post("/faults", json=[{"kind": "answer", "on": "list", "status": 502}, {"kind": "job-fails"}])
        assert len(added.json()["added"]) == 2
        assert bench.api.get("/v1/exports").status_code == 502
        assert [fault["hits"] for fault in control.get("/faults").json()] == [1, 0]
        control.delete("/faults")
        assert control.get("/faults").json() == []
        made = control.post("/jobs", json={"dataTypes": ["messages"], "dateFrom": "2026-11-01T00:00:00Z"}).json()["id"]
        assert [(job["id"], job["foreign"]) for job in control.get("/jobs").json()] == [(made, True)]
        assert control.post("/clock", json={"advanceSeconds": 60}).json()["now"] == "2026-11-20T12:01:00Z"
        assert bench.get(made)["status"] == "completed"
        assert control.post("/clock", json={"set": "2027-01-01T00:00:00Z"}).json() == control.get("/clock").json()
        requests = control.get("/requests").json()
        assert [(entry["method"], entry["status"]) for entry in requests] == [("GET", 502), ("GET", 200)]
        control.delete("/requests")
        assert control.get("/requests").json() == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/faults", b"{"),
        ("/faults", b"5"),
        ("/faults", b'{"kind": "nonsense"}'),
        ("/faults", b'{"kind": "reset", "on": "list", "colour": 1}'),
        ("/jobs", b"{}"),
        ("/jobs", b'{"dataTypes": ["nothing"]}'),
        ("/clock", b"{}"),
        ("/clock", b'{"set": "yesterday"}'),
    ],
)
def test_control_refuses_what_it_cannot_read(bench: Bench, path: str, body: bytes) -> None:
    answer = bench.plain.post(f"{bench.sandbox.api_url}/_sandbox{path}", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert bench.sandbox.faults.active() == {}


def test_everything_about_a_request_is_kept(bench: Bench) -> None:
    bench.api.post("/v1/exports?trace=1", json={"dataTypes": ["messages"]}, headers={b"X-Probe": "ü".encode("latin-1")})
    bench.fetch(f"{bench.sandbox.mirror_url}/exports/none.zip?token=a%26b")
    first, second = bench.sandbox.requests.all
    assert (first.number, first.at, first.origin, first.method, first.path) == (
        1,
        NOW,
        SandboxOrigin.API,
        "POST",
        "/v1/exports",
    )
    assert first.param("trace") == "1"
    assert first.json == {"dataTypes": ["messages"]}
    assert first.header("X-PROBE") == "ü"
    assert first.header("authorization") == "Bearer zv_test_sandbox"
    assert (first.status, second.status) == (202, 403)
    assert (second.origin, second.param("token"), second.json) == (SandboxOrigin.MIRROR, "a&b", None)
    assert second.sent > 0
    bench.sandbox.forget_requests()
    assert len(bench.sandbox.requests) == 0


def test_a_body_that_is_too_large_is_refused(bench: Bench) -> None:
    assert bench.api.post("/v1/exports", content=b"x" * (2 << 20)).status_code == 413


def test_a_clock_follows_its_source_and_can_be_moved() -> None:
    times = [NOW]
    clock = as_clock(lambda: times[0])
    assert clock() == NOW
    assert clock.advance(timedelta(hours=1)) == NOW + timedelta(hours=1)
    times[0] += timedelta(seconds=5)
    assert clock() == NOW + timedelta(hours=1, seconds=5)
    assert clock.set(NOW) == clock() == NOW
    assert as_clock(clock) is clock
    assert abs(as_clock(None)() - datetime.now(UTC)) < timedelta(seconds=5)
    with pytest.raises(ValueError, match="zone"):
        clock.set(NOW.replace(tzinfo=None))
    with pytest.raises(ValueError, match="zone"):
        SandboxClock.stopped_at(NOW.replace(tzinfo=None))


def test_a_fixed_window_starts_afresh_on_the_minute() -> None:
    window = FixedWindow(2, timedelta(minutes=1))
    at = NOW + timedelta(seconds=59)
    readings = [window.count(at) for _ in range(3)]
    assert [(r.allowed, r.remaining) for r in readings] == [(True, 1), (True, 0), (False, 0)]
    assert readings[2].reset_at == NOW + timedelta(minutes=1)
    assert readings[2].wait(at) == 1
    assert window.count(at + timedelta(seconds=1)).allowed


@pytest.mark.parametrize(
    ("ages", "free_in"), [([], None), ([59, 1], None), ([59, 30, 1], 1), ([60, 30, 1], None), ([50, 40, 30, 20], 20)]
)
def test_a_rolling_window_is_free_when_enough_have_left_it(ages: list[int], free_in: int | None) -> None:
    past = [NOW - timedelta(minutes=age) for age in ages]
    free_at = rolling_free_at(past, 3, timedelta(hours=1), NOW)
    assert free_at == (None if free_in is None else NOW + timedelta(minutes=free_in))


def test_waits_are_rounded_up_and_never_nothing() -> None:
    waits = [seconds_until(NOW + timedelta(seconds=s), NOW) for s in (-5, 0, 0.2, 1, 1.001, 30)]
    assert waits == [1, 1, 1, 1, 2, 30]
