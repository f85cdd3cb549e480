"""Figures as text, as a file and over HTTP."""

from __future__ import annotations

import http.client
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_plain

from kit.watched_vault import KEEPS, NOW, House, days, open_house, plan
from strongroom.config.outgoing import Endpoint
from strongroom.daemon import metrics_http as endpoint
from strongroom.daemon.metrics_http import MetricsServer, answer_to
from strongroom.daemon.metrics_text import render, write_textfile
from strongroom.engine.core.alert_store import reconcile
from strongroom.engine.monitor.metrics_snapshot import MetricsSnapshot, limits_of, take_snapshot
from strongroom.engine.monitor.stream_status import stream_statuses_of
from strongroom.model.alert import Alert, Level
from strongroom.model.archive import Holding
from strongroom.model.coverage import Cover
from strongroom.model.errors import UsageError, WorldError
from strongroom.vault.catalogue import PUT_FACT


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        yield house


def snapshot(house: House) -> MetricsSnapshot:
    plans = [plan(), plan("calls")]
    stream_statuses = stream_statuses_of(house.vault, plans, KEEPS, house.now)
    return take_snapshot(house.vault, stream_statuses, limits_of(house.engine()), house.now)


def samples(text: bytes) -> dict[tuple[str, ...], float]:
    """Parse as OpenMetrics, which must be what the older format makes of it as well."""
    new, old = (
        {
            (sample.name, *sample.labels.values()): sample.value
            for family in parse(text.decode())
            for sample in family.samples
        }
        for parse in (parse_openmetrics, parse_plain)
    )
    assert new == old
    return new


def test_everything_is_measured(house: House) -> None:
    house.cover(days(60, 10))
    house.cover(days(10, 8), Cover.EMPTY)
    house.cover(days(400, 399), Cover.LOST)
    house.archive(days(60, 59), 7)
    house.archive(days(59, 58), 7, holding=Holding.QUARANTINED)
    reconcile(house.vault, [Alert("disk", Level.CRITICAL, "t", "b")], house.now)
    found = samples(render(snapshot(house)))
    assert found["strongroom_coverage_age_seconds", "chats"] == timedelta(days=8.5).total_seconds()
    assert ("strongroom_coverage_age_seconds", "calls") not in found
    assert found["strongroom_at_risk_seconds", "chats"] == timedelta(days=8).total_seconds()
    assert found["strongroom_at_risk_seconds", "calls"] == timedelta(days=60).total_seconds()
    assert found["strongroom_lost_seconds", "chats"] == timedelta(days=1).total_seconds()
    assert found["strongroom_jobs", "archived"] == 2
    assert found["strongroom_jobs", "failed"] == 0
    assert found["strongroom_archives", "held"] == found["strongroom_archives", "quarantined"] == 1
    assert found["strongroom_sealed_bytes", "held"] == found["strongroom_delivered_bytes", "held"] == 1000
    assert found["strongroom_budget_hourly_left", "zavu"] == 10
    assert found["strongroom_budget_concurrent_left", "zavu"] == 3
    assert found["strongroom_notices_standing", "critical"] == 1
    assert found["strongroom_notices_standing", "warning"] == 0
    assert found[("strongroom_heartbeat_timestamp_seconds",)] == NOW.timestamp()
    assert found[("strongroom_log_entries",)] == 1
    assert found[("strongroom_log_bytes",)] == house.vault.layout.log.stat().st_size
    assert found[("strongroom_disk_free_bytes",)] > 0


def test_a_scrub_is_there_once_there_was_one(house: House) -> None:
    assert ("strongroom_scrub_timestamp_seconds",) not in samples(render(snapshot(house)))
    with house.vault.catalogue.transaction():
        house.vault.catalogue.write(PUT_FACT, "scrubbed-at", "2026-11-20T12:00:00Z")
    assert samples(render(snapshot(house)))[("strongroom_scrub_timestamp_seconds",)] == NOW.timestamp()


def test_an_empty_vault_without_plans_is_measured_too(house: House) -> None:
    found = samples(render(take_snapshot(house.vault, [], {}, house.now)))
    assert found[("strongroom_log_entries",)] == 1


def test_a_textfile_is_replaced_whole_and_readable_by_all(tmp_path: Path) -> None:
    path = tmp_path / "strongroom.prom"
    former = os.umask(0o077)
    try:
        write_textfile(path, b"one\n")
        with path.open("rb") as open_before:
            write_textfile(path, b"two\n")
            assert open_before.read() == b"one\n"
    finally:
        os.umask(former)
    assert path.read_bytes() == b"two\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [each.name for each in tmp_path.iterdir()] == ["strongroom.prom"]


def test_a_textfile_follows_no_link_and_clears_what_a_crash_left(tmp_path: Path) -> None:
    path, victim = tmp_path / "strongroom.prom", tmp_path / "victim"
    victim.write_text("mine")
    tmp_path.joinpath(f".strongroom.prom.{os.getpid()}").symlink_to(victim)
    write_textfile(path, b"one\n")
    assert victim.read_text() == "mine"
    path.unlink()
    path.symlink_to(victim)
    write_textfile(path, b"two\n")
    assert victim.read_text() == "mine"
    assert not path.is_symlink()


def test_a_textfile_that_cannot_be_written_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match="cannot be written"):
        write_textfile(tmp_path / "none" / "strongroom.prom", b"")
    (tmp_path / "strongroom.prom").mkdir()
    with pytest.raises(WorldError, match="cannot be written"):
        write_textfile(tmp_path / "strongroom.prom", b"")
    assert [each.name for each in tmp_path.iterdir()] == ["strongroom.prom"]


@pytest.fixture(params=["127.0.0.1", "::1"])
def server(request: pytest.FixtureRequest) -> Iterator[MetricsServer]:
    try:
        made = MetricsServer(Endpoint(request.param, 0))
    except WorldError:
        pytest.skip(f"no {request.param} here")
    with made:
        made.show(b"# TYPE x gauge\nx 1.0\n# EOF\n")
        yield made


def ask(
    server: MetricsServer, path: str = "/metrics", *, method: str = "GET", **headers: str
) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
    connection.putrequest(method, path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    answer.read_all = answer.read()  # type: ignore[attr-defined]
    connection.close()
    return answer


def test_the_endpoint_answers_one_question(server: MetricsServer) -> None:
    plain, modern = ask(server), ask(server, Accept="application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert plain.status == modern.status == 200
    assert plain.read_all == modern.read_all == b"# TYPE x gauge\nx 1.0\n# EOF\n"  # type: ignore[attr-defined]
    assert plain.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert modern.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert [ask(server, path).status for path in ("/", "/metrics/x", "/../metrics", "/etc/passwd")] == [404] * 4
    assert [ask(server, method=method).status for method in ("POST", "DELETE", "OPTIONS")] == [501] * 3


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "[", "10.0.0.1"])
def test_a_page_under_another_name_gets_nothing(server: MetricsServer, host: str) -> None:
    answer = ask(server, Host=host)
    assert (answer.status, answer.read_all) == (421, b"")  # type: ignore[attr-defined]


def test_a_name_of_this_machine_is_right(server: MetricsServer) -> None:
    assert [ask(server, Host=host).status for host in ("localhost:9", "127.0.0.1", "[::1]:80")] == [200] * 3


@pytest.mark.parametrize("said", [b"", b"GET /metr", b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n"])
def test_clients_that_say_nothing_keep_nobody_waiting(
    server: MetricsServer, said: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    with ExitStack() as silent:
        for _ in range(5):
            silent.enter_context(socket.create_connection((server.host, server.port))).sendall(said)
        assert [ask(server).status for _ in range(3)] == [200] * 3
    assert capfd.readouterr() == ("", "")


def test_silent_clients_are_sent_away_so_that_even_a_full_house_lets_others_in(
    server: MetricsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "PATIENCE", 0.1)
    with ExitStack() as silent:
        links = [
            silent.enter_context(socket.create_connection((server.host, server.port), 60))
            for _ in range(endpoint.MOST + 3)
        ]
        assert ask(server).status == 200
        assert [link.recv(1) for link in links] == [b""] * len(links)


def test_an_answer_that_a_client_does_not_take_ends_with_its_time(
    server: MetricsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "PATIENCE", 0.1)
    server.show(b"x" * (64 << 20))
    with socket.create_connection((server.host, server.port), 60) as slow:
        slow.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert ask(server, "/").status == 404
        while slow.recv(1 << 20):  # what the system took before
            pass


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n", 200),
        (b"GET /metrics?a=/b HTTP/1.1\r\nHOST:localhost:80\r\n\r\n", 200),
        (b"GET /metrics HTTP/1.1\r\n\r\n", 421),
        (b"GET /metrics HTTP/2\r\nHost: localhost\r\n\r\n", 400),
        (b"\x16\x03\x01\r\n\r\n", 400),
        (b"get /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nX: " + b"y" * 9000, 431),
    ],
)
def test_a_request_has_its_answer(request_: bytes, status: int) -> None:
    found = answer_to(request_, b"x 1\n# EOF\n")
    assert found is not None
    assert found.startswith(b"HTTP/1.1 %d " % status)
    assert (b"x 1" in found) == (status == 200)


def test_a_request_that_is_not_complete_has_none() -> None:
    whole = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert [answer_to(whole[:end], b"") for end in range(len(whole))] == [None] * len(whole)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "8.8.8.8"])
def test_it_listens_on_loopback_alone(host: str) -> None:
    with pytest.raises(UsageError, match="loopback alone"):
        MetricsServer(Endpoint(host, 0))


def test_a_port_that_is_taken_is_said() -> None:
    with (
        MetricsServer(Endpoint("127.0.0.1", 0)) as first,
        pytest.raises(WorldError, match="cannot be served at 127"),
    ):
        MetricsServer(Endpoint("127.0.0.1", first.port))
