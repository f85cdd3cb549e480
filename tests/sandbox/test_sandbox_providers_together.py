"""Three providers at once: origins, faults aimed at one of them, lists that move, control from outside."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from kit.credential_leaks import Planted
from kit.sandbox_bench import NOW
from kit.sandbox_csv_bench import DAY, QDAY, HookBench, QlaraBench
from strongroom.model.errors import UsageError
from strongroom_sandbox.clock import SandboxClock
from strongroom_sandbox.options import HookBridgeOptions, QlaraOptions
from strongroom_sandbox.recorder import Operation, ProviderName, SandboxOrigin
from strongroom_sandbox.server import Sandbox, SandboxSettings

SETTINGS = SandboxSettings(hookbridge=HookBridgeOptions(), qlara=QlaraOptions())
HEADERS = {
    "zavu": {"Authorization": "Bearer zv_test_sandbox"},
    "hookbridge": {"Authorization": "Bearer hb_test_sandbox"},
    "qlara": {"X-Api-Key": "ql_test_sandbox"},
}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SETTINGS, clock=SandboxClock.stopped_at(NOW)) as running:
        yield running


@pytest.fixture
def plain() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=60, trust_env=False, verify=False) as client:
        yield client


def creation(sandbox: Sandbox, provider: str) -> tuple[str, dict[str, Any]]:
    wanted: dict[str, tuple[str, dict[str, Any]]] = {
        "zavu": (f"{sandbox.api_url}/v1/exports", {"dataTypes": ["messages"]}),
        "hookbridge": (f"{sandbox.hookbridge_url}/v1/exports", DAY),
        "qlara": (f"{sandbox.qlara_url}/exports/delivery-reports", QDAY),
    }
    return wanted[provider]


def create(plain: httpx.Client, sandbox: Sandbox, provider: str) -> httpx.Response:
    url, body = creation(sandbox, provider)
    return plain.post(url, json=body, headers=HEADERS[provider])


def test_each_api_has_an_origin_of_its_own_and_all_share_storage(sandbox: Sandbox, plain: httpx.Client) -> None:
    urls = [sandbox.api_url, sandbox.hookbridge_url, sandbox.qlara_url, sandbox.storage_url, sandbox.mirror_url]
    assert len({url.split("/")[2] for url in urls}) == 5
    assert sandbox.qlara_url.endswith("/api/partner-gateway/v1")
    assert [create(plain, sandbox, name).status_code for name in HEADERS] == [202, 201, 202]
    requests = sandbox.requests
    assert [r.origin for r in requests.creates] == [SandboxOrigin.API, SandboxOrigin.HOOKBRIDGE, SandboxOrigin.QLARA]
    assert [len(requests.to(provider)) for provider in ProviderName] == [1, 1, 1]


def test_a_key_for_one_provider_that_reaches_another_is_on_record(
    sandbox: Sandbox, plain: httpx.Client, planted_leaks: Planted
) -> None:
    plain.get(f"{sandbox.qlara_url}/exports", headers=HEADERS["zavu"])
    plain.get(f"{sandbox.mirror_url}/x?key=zv_test_sandbox")
    assert [r.origin for r in sandbox.requests.leaked("zv_test_sandbox", SandboxOrigin.API)] == [
        SandboxOrigin.QLARA,
        SandboxOrigin.MIRROR,
    ]
    assert sandbox.requests.leaked("hb_test_sandbox", SandboxOrigin.HOOKBRIDGE) == ()
    assert planted_leaks() == [
        "GET to qlara-api: it holds the credential of api",
        "GET to mirror: it holds the credential of api",
    ]


def test_a_provider_that_was_not_asked_for_is_not_there() -> None:
    with Sandbox() as alone:
        assert (alone.hookbridge_url, alone.qlara_url) == ("", "")
        with pytest.raises(UsageError, match="hookbridge"):
            _ = alone.hookbridge
        with pytest.raises(UsageError, match="qlara"):
            _ = alone.qlara


def test_a_fault_can_be_aimed_at_one_provider(sandbox: Sandbox, plain: httpx.Client) -> None:
    sandbox.faults.add("answer", on="create", status=503, provider="qlara", times=None)
    assert [create(plain, sandbox, name).status_code for name in HEADERS] == [202, 201, 503]


def test_a_fault_at_storage_can_be_aimed_at_one_provider(sandbox: Sandbox, plain: httpx.Client) -> None:
    hook_job = create(plain, sandbox, "hookbridge").json()["data"]["id"]
    qlara_job = create(plain, sandbox, "qlara").json()["id"]
    sandbox.clock.advance(timedelta(minutes=1))
    where = plain.get(f"{sandbox.hookbridge_url}/v1/exports/{hook_job}/download", headers=HEADERS["hookbridge"])
    link = plain.get(f"{sandbox.qlara_url}/exports/{qlara_job}", headers=HEADERS["qlara"]).json()["url"]
    sandbox.faults.add("answer", on="download", status=500, provider="qlara")
    assert plain.get(where.headers["location"]).status_code == 200
    assert plain.get(link).status_code == 500
    assert [r.provider for r in sandbox.requests.downloads] == [ProviderName.HOOKBRIDGE, ProviderName.QLARA]


CALLS: list[tuple[str, str, str, str]] = [
    ("hookbridge", "create", "POST", "/v1/exports"),
    ("hookbridge", "list", "GET", "/v1/exports"),
    ("hookbridge", "get", "GET", "/v1/exports/x"),
    ("hookbridge", "delete", "DELETE", "/v1/exports/x"),
    ("hookbridge", "link", "GET", "/v1/exports/x/download"),
    ("hookbridge", "plan", "GET", "/v1/billing/subscription"),
    ("qlara", "create", "POST", "/exports/contacts"),
    ("qlara", "create", "POST", "/messages/history/export"),
    ("qlara", "list", "GET", "/exports"),
    ("qlara", "link", "GET", "/exports/x"),
    ("qlara", "renew", "POST", "/exports/x"),
    ("qlara", "browse", "GET", "/messages/history"),
]


@pytest.mark.parametrize(("provider", "operation", "method", "path"), CALLS)
def test_any_operation_can_go_wrong(
    sandbox: Sandbox, plain: httpx.Client, provider: str, operation: str, method: str, path: str
) -> None:
    base = {"hookbridge": sandbox.hookbridge_url, "qlara": sandbox.qlara_url}[provider]
    sandbox.faults.add("answer", on=operation, status=429, hint="details", wait=77)
    sandbox.faults.add("answer", on=operation, status=502, body="html", nth=2)
    sandbox.faults.add("reset", on=operation, nth=3)
    answer = plain.request(method, base + path, headers=HEADERS[provider])
    assert answer.status_code == 429
    body = answer.json()
    assert (body if provider == "qlara" else body["error"]["details"])["retryAfter"] == 77
    assert plain.request(method, base + path, headers=HEADERS[provider]).status_code == 502
    with pytest.raises(httpx.TransportError):
        plain.request(method, base + path, headers=HEADERS[provider])
    assert [entry.operation for entry in sandbox.requests.all] == [Operation(operation)] * 3


def test_an_answer_lost_after_its_work_leaves_an_export_behind(sandbox: Sandbox, plain: httpx.Client) -> None:
    sandbox.faults.add("reset", on="create", after=True, times=None)
    for name in HEADERS:
        with pytest.raises(httpx.TransportError):
            create(plain, sandbox, name)
    assert [len(api.jobs) for api in (sandbox.zavu, sandbox.hookbridge, sandbox.qlara)] == [1, 1, 1]


def test_an_unsafe_link_can_be_handed_out(hook: HookBench, qlara: QlaraBench) -> None:
    for bench in (hook, qlara):
        bench.sandbox.faults.add("redirect", on="link", to="http://169.254.169.254/latest")
        bench.sandbox.faults.add("redirect", on="link", across=True, nth=2)
    job_id = hook.completed()
    assert hook.download(job_id).headers["location"] == "http://169.254.169.254/latest"
    across = hook.download(job_id).headers["location"]
    assert across.startswith(hook.sandbox.mirror_url)
    assert hook.fetch(across).status_code == 200
    qlara_job = qlara.completed(qlara.contacts())
    assert qlara.link(qlara_job).json()["url"] == "http://169.254.169.254/latest"
    across = qlara.link(qlara_job).json()["url"]
    assert across.startswith(qlara.sandbox.mirror_url)
    assert qlara.fetch(across).status_code == 200


def test_redirects_across_storage_hosts_record_what_they_receive(hook: HookBench, planted_leaks: Planted) -> None:
    url = hook.url()
    hook.sandbox.faults.add("redirect", hops=3, across=True)
    answer = hook.plain.get(url, follow_redirects=True, headers={"X-Api-Key": "leak"})
    assert (answer.status_code, len(answer.history)) == (200, 3)
    assert hook.sandbox.requests.headers_at_storage("x-api-key") == ("leak",) * 4
    assert {r.origin for r in hook.sandbox.requests.at_storage} == {SandboxOrigin.STORAGE, SandboxOrigin.MIRROR}
    assert {r.provider for r in hook.sandbox.requests.at_storage} == {ProviderName.HOOKBRIDGE}
    assert len(planted_leaks()) == 4


def test_a_list_grows_while_it_is_paged_so_that_entries_repeat(qlara: QlaraBench) -> None:
    for _ in range(15):
        qlara.contacts()
    qlara.sandbox.faults.add("list-grows", count=4, times=None)
    pages = [[entry["id"] for entry in qlara.listed(page=page)] for page in range(3)]
    assert [len(page) for page in pages] == [10, 9, 3]
    seen = [i for page in pages for i in page]
    assert len(set(seen)) < len(seen)
    assert {view.id for view in qlara.sandbox.qlara.jobs if not view.foreign} <= set(seen)
    assert len(qlara.sandbox.qlara.jobs) == 15 + 12


def test_a_list_is_shuffled_anew_each_time(qlara: QlaraBench, hook: HookBench) -> None:
    for _ in range(8):
        qlara.contacts()
        hook.sandbox.hookbridge.add_foreign_job(NOW - timedelta(days=1), NOW)
    for bench, read in (
        (qlara, lambda: [entry["id"] for entry in qlara.listed()]),
        (hook, hook.listed),
    ):
        usual = read()
        bench.sandbox.faults.add("list-shuffled", times=2)
        once, twice = read(), read()
        assert set(once) == set(twice) == set(usual)
        assert len({tuple(once), tuple(twice), tuple(usual)}) == 3
        assert read() == usual


def test_a_list_without_paging_grows_too(hook: HookBench) -> None:
    hook.sandbox.faults.add("list-grows", count=2)
    assert [len(hook.listed()) for _ in range(2)] == [0, 2]


def test_zavus_list_can_grow_and_be_shuffled(sandbox: Sandbox, plain: httpx.Client) -> None:
    url = f"{sandbox.api_url}/v1/exports"
    for _ in range(6):
        sandbox.zavu.add_foreign_job(["messages"])

    def read() -> list[str]:
        return [item["id"] for item in plain.get(url, headers=HEADERS["zavu"]).json()["items"]]

    usual = read()
    sandbox.faults.add("list-shuffled")
    sandbox.faults.add("list-grows")
    assert set(read()) == set(usual)
    assert read()[1:] == usual


@pytest.mark.parametrize("provider", ["hookbridge", "qlara"])
def test_exports_can_be_listed_late_vanish_be_stuck_slow_or_failed(
    sandbox: Sandbox, plain: httpx.Client, provider: str
) -> None:
    api: Any = getattr(sandbox, provider)

    def made(kind: str, **fields: Any) -> str:
        sandbox.faults.add(kind, **fields)
        assert create(plain, sandbox, provider).is_success
        sandbox.clock.advance(timedelta(minutes=1))
        return str(api.jobs[-1].status)

    assert made("job-fails", message="no") == "failed"
    assert made("job-slow", seconds=3600) == "processing"
    sandbox.clock.advance(timedelta(hours=1))
    assert api.jobs[-1].status == "completed"
    assert made("job-vanishes", seconds=5) == "completed"
    assert api.jobs[-1].gone
    made("job-listed-late", seconds=600)
    assert listed(plain, sandbox, provider) == 2
    sandbox.clock.advance(timedelta(minutes=10))
    assert listed(plain, sandbox, provider) == 3
    assert made("job-stuck") == "processing"


def listed(plain: httpx.Client, sandbox: Sandbox, provider: str) -> int:
    if provider == "qlara":
        return len(plain.get(f"{sandbox.qlara_url}/exports", headers=HEADERS[provider]).json()["content"])
    return len(plain.get(f"{sandbox.hookbridge_url}/v1/exports", headers=HEADERS[provider]).json()["data"])


def test_all_providers_can_be_controlled_from_outside(sandbox: Sandbox, plain: httpx.Client) -> None:
    control = f"{sandbox.api_url}/_sandbox/jobs"
    bodies = [
        {"provider": "hookbridge", **DAY, "createdAt": "2026-11-19T00:00:00Z", "faults": [{"kind": "job-fails"}]},
        {"provider": "qlara", "kind": "DELIVERY_REPORTS", **QDAY},
        {"dataTypes": ["messages"]},
    ]
    made = [plain.post(control, json=body).raise_for_status().json()["id"] for body in bodies]
    shown = [plain.get(control, params=p).json() for p in ({"provider": "hookbridge"}, {"provider": "qlara"}, {})]
    assert [[job["id"] for job in jobs] for jobs in shown] == [[job_id] for job_id in made]
    assert shown[0][0]["status"] == "failed"
    assert shown[1][0]["order"]["kind"] == "DELIVERY_REPORTS"
    assert {job["foreign"] for jobs in shown for job in jobs} == {True}
    assert len(sandbox.requests) == 0


@pytest.mark.parametrize(
    "body",
    [
        {"provider": "nobody"},
        {"provider": "hookbridge"},
        {"provider": "hookbridge", **DAY, "direction": "up"},
        {"provider": "qlara", **QDAY},
        {"provider": "qlara", "kind": "CONTACTS", "listIds": 5},
    ],
)
def test_control_refuses_what_it_cannot_read(sandbox: Sandbox, plain: httpx.Client, body: dict[str, Any]) -> None:
    assert plain.post(f"{sandbox.api_url}/_sandbox/jobs", json=body).status_code == 400
    assert (sandbox.hookbridge.jobs, sandbox.qlara.jobs) == ((), ())


def test_control_says_when_a_provider_is_not_there(plain: httpx.Client) -> None:
    with Sandbox() as alone:
        answer = plain.get(f"{alone.api_url}/_sandbox/jobs", params={"provider": "qlara"})
    assert answer.status_code == 400
    assert "qlara" in answer.json()["error"]


def test_ports_can_be_chosen() -> None:
    with Sandbox(SETTINGS) as first:
        hook, qlara = (int(url.split("/")[2].rpartition(":")[2]) for url in (first.hookbridge_url, first.qlara_url))
    with Sandbox(replace(SETTINGS, hookbridge_port=hook, qlara_port=qlara)) as second:
        assert second.hookbridge_url == first.hookbridge_url
        assert second.qlara_url == first.qlara_url


@pytest.mark.parametrize("provider", ["hookbridge", "qlara"])
def test_stopping_gives_up_a_file_that_is_being_built(provider: str, plain: httpx.Client) -> None:
    rates = {"outbound": 40_000_000, "api": 40_000_000}
    settings = replace(SETTINGS, rows=replace(SETTINGS.rows, per_day=rates))
    sandbox = Sandbox(settings, clock=SandboxClock.stopped_at(NOW)).start()
    create(plain, sandbox, provider)
    sandbox.clock.advance(timedelta(minutes=1))
    urls = {"hookbridge": f"{sandbox.hookbridge_url}/v1/exports", "qlara": f"{sandbox.qlara_url}/exports"}
    with pytest.raises(httpx.ReadTimeout):
        plain.get(urls[provider], headers=HEADERS[provider], timeout=0.3)
    started = time.monotonic()
    sandbox.stop()
    assert time.monotonic() - started < 20


def test_zavu_alone_does_not_load_the_others() -> None:
    code = (
        "import sys\nfrom strongroom_sandbox.server import Sandbox\nSandbox().start().stop()\n"
        "assert not {'strongroom_sandbox.qlara', 'strongroom_sandbox.hookbridge'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=120)
