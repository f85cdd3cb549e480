"""Whole runs against the simulated provider, as a person would type them, in processes of their own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from kit.cli_home import API_KEY, LINK, TEXT, Home, Invoke, make_home, sandbox_settings
from kit.forks import run_program
from strongroom_sandbox.faults import FaultKind, InjectedFault
from strongroom_sandbox.options import TransferOptions
from strongroom_sandbox.recorder import Operation
from strongroom_sandbox.server import Sandbox

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def fresh(sandbox: Sandbox, tmp_path: Path) -> Home:
    return make_home(tmp_path / "fresh", sandbox.api_url)


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    def run(home: Home, *args: str | Path) -> subprocess.CompletedProcess[str]:
        return run_program(["--config", home.config, *args], environment)

    return run


def test_run_wants_to_know_how_long(home: Home, invoke: Invoke) -> None:
    result = invoke("--config", home.config, "run")
    assert result.exit_code == 2
    assert "--once" in result.stderr


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--from", "2026-11-02", "--to", "2026-11-02"], "--to must be later than --from"),
        (["--from", "2026-11-02T00:00", "--to", "2026-11-03"], "2026-11-01T06:00Z"),
        (["--from", "2026-11-02"], "--to"),
        (["--from", "2026-11-02", "--to", "2026-11-03", "--patience", "soon"], "a duration is"),
    ],
)
def test_a_window_that_is_none_is_refused(args: list[str], words: str, home: Home, invoke: Invoke) -> None:
    result = invoke("--config", home.config, "export", "zavu-main", *args)
    assert result.exit_code == 2
    assert words in result.stderr


def test_an_unknown_source_gets_a_suggestion(home: Home, invoke: Invoke) -> None:
    result = invoke("--config", home.config, "export", "zavu-mian", "--from", "2026-11-02", "--to", "2026-11-03")
    assert result.exit_code == 2
    assert 'did you mean "zavu-main"?' in result.stderr


def test_a_window_that_is_held_is_not_exported_twice(own_home: Home, invoke: Invoke) -> None:
    args = ["export", "zavu-main", "--from", "2026-11-01", "--to", "2026-11-02"]
    result = invoke("--config", own_home.config, *args)
    assert result.exit_code == 2
    assert "already archived" in result.stderr
    assert "--again" in result.stderr


def test_a_vault_in_use_is_told_with_its_holder(own_home: Home, invoke: Invoke) -> None:
    from strongroom.config.load import load_config
    from strongroom.engine.bootstrap import open_engine

    with open_engine(load_config(own_home.config), "the other one"):
        result = invoke("--config", own_home.config, "run", "--once")
        status = invoke("--config", own_home.config, "status")
    assert result.exit_code == 5
    assert "the other one" in result.stderr
    assert "the other one" in status.stdout


@pytest.mark.slow
def test_export_verify_restore(fresh: Home, run: Run, tmp_path: Path) -> None:
    exported = run(fresh, "export", "zavu-main", "--from", "2026-11-01", "--to", "2026-11-02")
    assert exported.returncode == 0, exported.stderr
    assert "1 archived, 50 records" in exported.stdout
    assert exported.stderr.count("verified: read back and counted") == 1
    (archive,) = json.loads(run(fresh, "archives", "--json").stdout)["archives"]
    assert run(fresh, "verify").returncode == 0
    assert run(fresh, "verify", archive["id"][-8:], "--content").returncode == 0
    restored = run(fresh, "restore", archive["id"], "--to", tmp_path / "a.zip")
    assert restored.returncode == 0, restored.stderr
    assert (tmp_path / "a.zip").stat().st_size == archive["size"]
    extracted = run(fresh, "restore", archive["id"], "--to", tmp_path / "a", "--extract")
    assert extracted.returncode == 0, extracted.stderr
    assert TEXT in (tmp_path / "a" / "messages.json").read_text()
    for each in (exported, restored, extracted):
        for canary in (API_KEY, TEXT, LINK):
            assert canary not in each.stdout + each.stderr


@pytest.mark.slow
def test_run_once_as_json_ends_in_a_summary(fresh: Home, run: Run, sandbox: Sandbox) -> None:
    text = fresh.config.read_text()
    yesterday = sandbox.clock().strftime("%Y-%m-%d")
    fresh.config.write_text(text.replace("since = 2026-11-01", f'since = {yesterday}T00:00:00Z\nsettle = "0s"'))
    fresh.config.write_text(fresh.config.read_text().replace('window = "day"', 'window = "hour"'))
    done = run(fresh, "run", "--once", "--patience", "10s", "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[-1]["event"] == "summary"
    assert lines[-1]["complete"] is (done.returncode == 0)
    assert {line["event"] for line in lines} <= {"moment", "progress", "waiting", "summary"}
    assert len(lines[-1]["archived"]) == len([line for line in lines if line.get("kind") == "job.proven"])
    again = run(fresh, "status", "--json")
    assert json.loads(again.stdout)["worked_on_by"] == ""


@pytest.mark.slow
def test_a_run_that_waits_for_the_quota_alone_has_an_exit_code_of_its_own(
    fresh: Home, invoke: Invoke, sandbox: Sandbox
) -> None:
    first = (sandbox.clock() - timedelta(days=4)).date()
    text = fresh.config.read_text().replace("since = 2026-11-01", f'since = {first}\nsettle = "0s"')
    fresh.config.write_text(text.replace("[[stream]]", "[source.limits]\nper_hour = 1\n\n[[stream]]", 1))
    waited = invoke("--config", fresh.config, "run", "--once", "--patience", "2s")
    assert waited.exit_code == 75, waited.output
    assert "waits for the export quota until" in waited.output.replace("wait for", "waits for")
    for command, words in (
        ("status", "the export quota until"),
        ("jobs", "3 jobs of zavu-main waits for the export quota until"),
    ):
        assert words in " ".join(invoke("--config", fresh.config, command).output.split()).replace(
            "wait for", "waits for"
        )
    again = invoke("--config", fresh.config, "run", "--once", "--patience", "1s", "--json")
    summary = json.loads(again.stdout.splitlines()[-1])
    assert (again.exit_code, summary["complete"]) == (75, False)
    fresh.config.write_text(fresh.config.read_text().replace("[vault]", '[vault]\nmin_free = "9000 TB"'))
    full = invoke("--config", fresh.config, "run", "--once", "--patience", "1s")
    assert full.exit_code == 1, full.output  # another cause beside the quota
    assert "space on the disk" in full.output


@pytest.mark.slow
def test_a_refused_key_ends_the_run_soon_and_a_mended_one_resumes(fresh: Home, run: Run) -> None:
    key = fresh.folder / "key"
    key.write_text("zv_live_not_the_right_one")
    args = ["export", "zavu-main", "--from", "2026-11-01", "--to", "2026-11-02"]
    began = time.monotonic()
    refused = run(fresh, *args)
    assert refused.returncode == 1
    assert time.monotonic() - began < 90
    assert "refused the API key" in " ".join(refused.stdout.split())
    assert "strongroom doctor" in refused.stdout
    assert "zv_live_not_the_right_one" not in refused.stdout + refused.stderr
    assert "paused" in run(fresh, "status").stdout
    assert run(fresh, "run", "--once", "--patience", "0s").returncode == 1
    key.write_text(API_KEY)
    open_already = run(fresh, *args)
    assert open_already.returncode == 2
    assert "run --once" in open_already.stderr
    mended = run(fresh, "run", "--once", "--patience", "8s", "--json")
    assert "resumes: the provider accepts the key again" in open_already.stderr
    assert json.loads(mended.stdout.splitlines()[-1])["archived"], mended.stderr


@pytest.mark.slow
def test_a_refused_request_is_a_finding_with_its_reason(fresh: Home, run: Run, sandbox: Sandbox) -> None:
    sandbox.faults.add(InjectedFault(FaultKind.ANSWER, on=Operation.CREATE, status=501, times=None))
    done = run(fresh, "export", "zavu-main", "--from", "2026-11-01", "--to", "2026-11-02", "--patience", "3s")
    assert done.returncode == 1
    told = " ".join(done.stdout.split())
    assert "does not offer exports" in told
    assert "ask the provider to enable exports" in told


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_parks_its_work_and_the_next_one_ends_it(
    number: signal.Signals, run: Run, environment: dict[str, str], tmp_path: Path
) -> None:
    settings = sandbox_settings(pace=0.1, transfer=TransferOptions(rate=1_500))
    args = ["export", "zavu-main", "--from", "2026-11-01", "--to", "2026-11-02"]
    with Sandbox(settings) as sandbox:
        home = make_home(tmp_path / "slow", sandbox.api_url)
        command = [sys.executable, "-m", "strongroom", "--config", str(home.config), *args]
        with subprocess.Popen(
            command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as job:
            assert job.stderr is not None
            for line in job.stderr:
                if "downloading" in line:
                    job.send_signal(number)
                    break
            out, err = job.communicate(timeout=60)
        assert job.returncode == 130
        assert "parked" in err
        assert "run again" in out
        assert list((home.vault / "tmp").iterdir()) == []
    (parked,) = json.loads(run(home, "jobs", "--json").stdout)["jobs"]
    assert parked["state"] == "ready"
    assert parked["attempts"].keys() <= {"restart"}


@pytest.mark.slow
def test_the_sandbox_serves_until_it_is_told_to_end(environment: dict[str, str]) -> None:
    wanted = ["--provider", "hookbridge", "--provider", "qlara"]
    command = [sys.executable, "-m", "strongroom", "sandbox", *wanted, "--port", "0", "--json"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        told = ""
        while not told.endswith("\n}\n"):
            told += server.stdout.readline()
        found = json.loads(told)
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=60) == 0
    assert set(found) == {"provider", "api_url", "api_key", "storage_url", "control_url", "providers"}
    assert [each["provider"] for each in found["providers"]] == ["hookbridge", "qlara"]
    assert found["providers"][0] == {name: found[name] for name in ("provider", "api_url", "api_key")}
    assert found["api_url"].startswith("http://127.0.0.1:")
    assert found["control_url"].endswith("/_sandbox")
    assert len({each["api_url"] for each in found["providers"]} | {found["control_url"]}) == 3
