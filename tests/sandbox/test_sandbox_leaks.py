"""No credential reaches a place where it does not belong: that every test is held to it, shown by tests that leak."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit import credential_leaks
from strongroom_sandbox.recorder import LeakedCredentials, RecordedRequest, SandboxOrigin
from strongroom_sandbox.settings import SandboxSettings

LEAK = """
import base64, subprocess, sys, urllib.request
from datetime import timedelta
import pytest
from strongroom_sandbox.faults import FaultKind, InjectedFault
from strongroom_sandbox.server import Sandbox, SandboxSettings
from strongroom_sandbox.options import QlaraOptions

BASIC = "Basic " + base64.b64encode(b"sandbox:ql_test_password").decode()

def leak(url, name, value):
    urllib.request.urlopen(urllib.request.Request(url, headers={name: value})).read()

@pytest.mark.parametrize(("name", "value"), [
    ("Authorization", "Bearer zv_test_sandbox"), ("X-Api-Key", "ql_test_sandbox"), ("Authorization", BASIC),
    ("X-Api-Key", "another"), ("Cookie", "session=1"), ("X-Odd", "see ql_test_sandbox"),
])
def test_leaks_over_a_chain(name, value):
    with Sandbox(SandboxSettings(qlara=QlaraOptions())) as sandbox:
        sandbox.zavu.add_foreign_job(["messages"])
        sandbox.clock.advance(timedelta(minutes=5))
        (job,) = sandbox.zavu.jobs
        listed = urllib.request.Request(
            f"{sandbox.api_url}/v1/exports/{job.id}", headers={"Authorization": "Bearer zv_test_sandbox"})
        import json
        link = json.load(urllib.request.urlopen(listed))["export"]["downloadUrl"]
        sandbox.faults.add(InjectedFault(FaultKind.REDIRECT, hops=3, across=True))
        leak(link, name, value)
        sandbox.forget_requests()

def test_leaks_in_another_process():
    code = '''
import os, signal, urllib.request
from strongroom_sandbox.server import Sandbox
sandbox = Sandbox().start()
request = urllib.request.Request(sandbox.storage_url, headers={"X-Api-Key": "k"})
try:
    urllib.request.urlopen(request)
except OSError:
    pass
os.kill(os.getpid(), signal.SIGKILL)
'''
    subprocess.run([sys.executable, "-c", code])

@pytest.fixture(scope="session")
def late():
    with Sandbox() as sandbox:
        yield
        try:
            leak(sandbox.mirror_url, "X-Api-Key", "k")
        except OSError:
            pass

def test_is_careful(late):
    with Sandbox() as sandbox:
        request = urllib.request.Request(
            f"{sandbox.api_url}/v1/exports", headers={"Authorization": "Bearer zv_test_sandbox"})
        urllib.request.urlopen(request).read()

def test_is_the_last_and_pays_for_the_session(late):
    pass
"""


def test_a_leak_fails_the_test_wherever_it_happens(tmp_path: Path) -> None:
    (tmp_path / "test_leaky.py").write_text(LEAK)
    roots = [Path(__file__).parents[2] / root for root in ("agent", "tui", "tests")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, roots)), "PYTHONDONTWRITEBYTECODE": "1"}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    plugins = ("-p", "kit.credential_leaks", "-p", "no:cacheprovider")
    command = [sys.executable, "-m", "pytest", "-q", *plugins, "--rootdir", "."]
    done = subprocess.run(
        [*command, "test_leaky.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    summary = [line for line in done.stdout.splitlines() if line.startswith("ERROR ")]
    assert [line.split("::")[1].split("[")[0].split(" ")[0] for line in summary] == [
        *["test_leaks_over_a_chain"] * 6,
        "test_leaks_in_another_process",
        "test_is_the_last_and_pays_for_the_session",
    ], done.stdout
    assert "GET to mirror: it has the header authorization" in done.stdout
    assert "GET to mirror: it has the header x-api-key" in done.stdout
    assert "GET to mirror: it holds the credential of qlara-api" in done.stdout
    assert "test_is_careful" not in "".join(summary)


def asked(origin: SandboxOrigin, **headers: str) -> RecordedRequest:
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return RecordedRequest(1, None, origin, "GET", "/", (), pairs, b"", None)  # type: ignore[arg-type]


@pytest.fixture
def leaks() -> Iterator[LeakedCredentials]:
    yield LeakedCredentials(SandboxSettings(hookbridge_key="same", qlara_key="same").homes)


def test_a_credential_at_home_is_none(leaks: LeakedCredentials) -> None:
    assert list(leaks.find(asked(SandboxOrigin.API, authorization="Bearer zv_test_sandbox"))) == []
    assert list(leaks.find(asked(SandboxOrigin.HOOKBRIDGE, authorization="Bearer same"))) == []
    assert list(leaks.find(asked(SandboxOrigin.QLARA, x_api_key="same"))) == []
    assert list(leaks.find(asked(SandboxOrigin.STORAGE, accept="*/*"))) == []
    assert list(leaks.find(asked(SandboxOrigin.API, x_api_key="same"))) == [
        "it holds the credential of hookbridge-api and qlara-api"
    ]


def test_nothing_is_reported_where_nobody_asked(leaks: LeakedCredentials, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(credential_leaks.VARIABLE)
    leaks.check(asked(SandboxOrigin.STORAGE, cookie="a=b"))
