"""What a source tells before anything is asked of it, and what it does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from kit.cli_home import API_KEY, Home, Invoke, make_home, sandbox_settings
from strongroom_sandbox.clock import SandboxClock
from strongroom_sandbox.faults import FaultKind, InjectedFault
from strongroom_sandbox.options import HookBridgeOptions, QlaraOptions
from strongroom_sandbox.recorder import Operation
from strongroom_sandbox.server import Sandbox, SandboxSettings

MORE = """
[[source]]
name = "hooks"
provider = "hookbridge"
api_key = "file:{key}"
base_url = "{hookbridge}"
allow_private_addresses = true

[[source]]
name = "texts"
provider = "qlara"
api_key = "file:{key}"
base_url = "{qlara}"
allow_private_addresses = true

[[source]]
name = "keyless"
provider = "zavu"
api_key = "file:{key}-that-is-not-there"

[[source]]
name = "deaf"
provider = "zavu"
api_key = "file:{key}"
base_url = "http://127.0.0.1:9"
allow_private_addresses = true
"""


@pytest.fixture
def three(tmp_path: Path) -> Iterator[tuple[Home, Sandbox]]:
    """One account at each provider, one without its key, and one that nobody answers for."""
    settings = SandboxSettings(
        api_key=API_KEY,
        hookbridge_key=API_KEY,
        qlara_key=API_KEY,
        zavu=sandbox_settings().zavu,
        hookbridge=HookBridgeOptions(),
        qlara=QlaraOptions(),
    )
    with Sandbox(settings, clock=SandboxClock()) as sandbox:
        home = make_home(tmp_path / "home", sandbox.api_url)
        urls = {"hookbridge": sandbox.hookbridge_url, "qlara": sandbox.qlara_url}
        with home.config.open("a") as file:
            file.write(MORE.format(key=home.folder / "key", **urls))
        yield home, sandbox


def look(invoke: Invoke, home: Home, name: str, code: int) -> dict[str, list[str]]:
    """Check a source; return its messages by the name of the check, and what is unknown."""
    result = invoke("--config", home.config, "source", "check", name, "--json")
    assert result.exit_code == code, result.output
    assert API_KEY not in result.output
    told = json.loads(result.stdout)
    assert told["healthy"] is (code == 0)
    found: dict[str, list[str]] = {"unknown": told["unknown"]}
    for each in told["checks"]:
        found.setdefault(each["name"], []).append(f"{each['verdict']}: {each['message']}")
    return found


def test_what_zavu_tells(three: tuple[Home, Sandbox], invoke: Invoke) -> None:
    home, sandbox = three
    sandbox.zavu.add_foreign_job(["messages"])
    found = look(invoke, home, "zavu-main", 0)
    assert found["exports"] == ["ok: reachable, the key is accepted, 1 export on its list"]
    assert "ok: 1 of at most 3 exports is in progress" in found["quota"]
    assert "ok: 1 of at most 10 exports was requested in the last hour" in found["quota"]
    assert found["retention"] == ["ok: records are kept for 90 days (documented, not asked)"]
    assert found["clock"][0].startswith("ok: ")
    assert any("only the first export shows it" in words for words in found["unknown"])
    assert {request.method for request in sandbox.requests.all} == {"GET"}


def test_what_hookbridge_tells(three: tuple[Home, Sandbox], invoke: Invoke) -> None:
    home, sandbox = three
    now = sandbox.clock()
    sandbox.hookbridge.add_foreign_job(now - timedelta(days=2), now - timedelta(days=1))
    found = look(invoke, home, "hooks", 0)
    assert found["quota"] == ["warn: 1 of at most 1 export is in progress"]
    assert found["retention"] == ["ok: its plan keeps records for 30 days"]
    assert {request.method for request in sandbox.requests.all} == {"GET"}


def test_what_qlara_does_not_tell(three: tuple[Home, Sandbox], invoke: Invoke) -> None:
    home, sandbox = three
    found = look(invoke, home, "texts", 0)
    assert "how many exports are allowed: the provider documents no quota" in found["unknown"]
    assert {request.method for request in sandbox.requests.all} == {"GET"}


@pytest.mark.parametrize(("name", "code", "where"), [("keyless", 1, "key"), ("deaf", 3, "answer")])
def test_what_stops_the_look_is_told_and_so_is_the_rest(
    three: tuple[Home, Sandbox], invoke: Invoke, name: str, code: int, where: str
) -> None:
    found = look(invoke, three[0], name, code)
    assert found[where][0].startswith("fail: ")
    assert found["unknown"][0].startswith("everything")


def test_a_refused_key_is_about_permission(three: tuple[Home, Sandbox], invoke: Invoke) -> None:
    home, sandbox = three
    sandbox.faults.add(InjectedFault(FaultKind.ANSWER, Operation.LIST, status=401, times=None))
    found = look(invoke, home, "zavu-main", 3)
    assert "refused the API key" in found["permission"][0]


def test_an_account_without_exports_is_a_finding(three: tuple[Home, Sandbox], invoke: Invoke) -> None:
    home, sandbox = three
    sandbox.faults.add(InjectedFault(FaultKind.ANSWER, Operation.LIST, status=404, times=None))
    found = look(invoke, home, "zavu-main", 1)
    assert found["exports"] == ["fail: this account's API does not offer exports"]
    assert "quota" not in found


def test_a_list_that_breaks_off_leaves_the_rest_told(three: tuple[Home, Sandbox], invoke: Invoke) -> None:
    home, sandbox = three
    sandbox.faults.add(InjectedFault(FaultKind.ANSWER, Operation.LIST, nth=2, status=500, times=None))
    found = look(invoke, home, "zavu-main", 3)
    assert found["quota"][-1].startswith("fail: ")
    assert found["clock"]


def test_a_wrong_clock_is_told(three: tuple[Home, Sandbox], invoke: Invoke) -> None:
    home, sandbox = three
    sandbox.clock.advance(timedelta(minutes=10))
    found = look(invoke, home, "zavu-main", 0)
    assert found["clock"][0].startswith("warn: our clock is 9 minutes behind zavu-main's")
    sandbox.clock.advance(timedelta(days=400))
    found = look(invoke, home, "zavu-main", 1)
    assert found["clock"][0].startswith("fail: our clock is 400 days behind zavu-main's: nothing is planned")


@pytest.mark.parametrize("name", ["zavu-main", "hooks", "texts", "keyless", "deaf"])
def test_its_words_fit_a_terminal(three: tuple[Home, Sandbox], invoke: Invoke, name: str) -> None:
    home, _sandbox = three
    for args in (["source", "check", name], ["source", "list"]):
        result = invoke("--config", home.config, *args)
        assert all(len(line) <= 80 for line in result.stdout.splitlines() if str(home.folder) not in line), (
            result.stdout
        )
        assert API_KEY not in result.output
    assert "zavu (built in)" in result.stdout


def test_an_unknown_source_is_a_mistake_of_ours(three: tuple[Home, Sandbox], invoke: Invoke) -> None:
    assert invoke("--config", three[0].config, "source", "check", "zavu-mian").exit_code == 2


def test_the_list_names_what_is_installed(three: tuple[Home, Sandbox], invoke: Invoke) -> None:
    home, sandbox = three
    told = json.loads(invoke("--config", home.config, "source", "list", "--json").stdout)
    assert [(each["name"], each["adapter"]) for each in told["sources"][:2]] == [
        ("zavu-main", "built in"),
        ("hooks", "built in"),
    ]
    assert [each["name"] for each in told["adapters"][:3]] == ["hookbridge", "qlara", "zavu"]
    assert len(sandbox.requests) == 0
