"""Runs that nobody watches: a clock that nobody confirms writes nothing off, and what is lost is told to somebody."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from msgspec.structs import replace

from kit.cli_home import API_KEY, Invoke, sandbox_settings
from strongroom.cli import run_watcher as watcher
from strongroom.cli.run_watcher import RunWatcher
from strongroom.config.load import load_config
from strongroom.config.template import FreshSource
from strongroom.engine.bootstrap import open_engine
from strongroom.engine.core.identities import make_identity
from strongroom.engine.core.moments import newest_moments
from strongroom.engine.core.sources import Dependencies, open_reading, plans_of
from strongroom.engine.core.trusted_clock import remember_time
from strongroom.engine.ingest.planning import enter_due
from strongroom.engine.queries.initialize import NewVault, initialize
from strongroom.engine.queries.lists import list_jobs
from strongroom.evidence.line import Entry
from strongroom.vault.log import add_entry
from strongroom.vault.sources import get_source, put_source
from strongroom_sandbox.server import Sandbox

DAY = timedelta(days=1)
NOBODY = "http://127.0.0.1:9"  # the port of discard: nothing listens there


@dataclass
class Rested:
    """A vault that was made some days ago and left alone since."""

    folder: Path
    age: timedelta
    base_url: str
    made: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.made = datetime.now(UTC) - self.age
        key = self.folder / "key"
        key.touch(mode=0o600)
        key.write_text(API_KEY)
        source = FreshSource(
            "zavu",
            "zavu",
            f"file:{key}",
            ("messages",),
            since=f"{self.made - DAY:%Y-%m-%d}",
            base_url=self.base_url,
            allow_private_addresses=True,
        )
        wanted = NewVault(self.folder / "vault", self.config, self.folder / "identity.age", None, source)
        initialize(wanted, make_identity(os.urandom), Dependencies(clock=lambda: self.made))

    @property
    def config(self) -> Path:
        return self.folder / "strongroom.toml"

    @property
    def told(self) -> list[str]:
        file = self.folder / "told.jsonl"
        lines = file.read_text().splitlines() if file.exists() else []
        return [key["key"].split()[0] for line in lines for key in json.loads(line)["notices"]]

    def change(self, old: str, new: str) -> None:
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new, 1))

    def hears(self, *, works: bool = True) -> None:
        """Let a program be told of alarms."""
        program = self.folder / "tell"
        body = f"open({str(self.folder / 'told.jsonl')!r}, 'ab').write(sys.stdin.buffer.read())" if works else "exit(1)"
        program.write_text(f"#!{sys.executable}\nimport sys\n{body}\n")
        program.chmod(0o700)
        self.config.write_text(f'{self.config.read_text()}\n[notify]\ncommand = ["{program}"]\n')

    def moved(self) -> tuple[int, int]:
        """Return how many jobs there are, and how many windows were written off."""
        with open_reading(load_config(self.config)) as vault:
            lost = [each for each in newest_moments(vault, 10_000) if each.kind == "coverage.lost"]
            return len(list_jobs(vault)), len(lost)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(sandbox_settings()) as sandbox:
        yield sandbox


RUN = ("run", "--once", "--patience", "0s")


@pytest.mark.parametrize("days", [400, -3])
@pytest.mark.parametrize("command", ["run", "export"])
def test_a_clock_far_from_the_log_that_nobody_confirms_plans_nothing(
    days: int, command: str, tmp_path: Path, invoke: Invoke
) -> None:
    home = Rested(tmp_path, days * DAY, NOBODY)
    home.hears()
    window = ("export", "zavu", "--from", "2026-01-01", "--to", "2026-01-02", "--patience", "0s")
    for _ in range(2):  # the first must leave nothing behind by which the second believes the clock
        done = invoke("--config", home.config, *(RUN if command == "run" else window))
        assert done.exit_code == 6, done.output
        assert "no provider reported the time" in done.stderr
        assert "nothing was planned" in done.stderr
    assert home.moved() == (0, 0)
    assert home.told == (["clock"] if command == "run" else [])


def test_an_entry_that_the_wrong_clock_itself_wrote_proves_nothing(tmp_path: Path, invoke: Invoke) -> None:
    home = Rested(tmp_path, 400 * DAY, NOBODY)
    with open_reading(load_config(home.config)) as vault:
        with vault.catalogue.transaction():
            add_entry(vault.catalogue, Entry("request.answered", datetime.now(UTC)))
        vault.write_log()
    assert invoke("--config", home.config, *RUN).exit_code == 6
    assert home.moved() == (0, 0)
    with open_reading(load_config(home.config)) as vault:
        remember_time(vault, datetime.now(UTC) - DAY)
    assert invoke("--config", home.config, *RUN).exit_code == 1  # an outage: it waits for its provider
    assert home.moved()[0] > 0


@contextmanager
def refusing() -> Iterator[str]:
    """Listen as a provider that refuses every key and tells no time."""

    class Refusal(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(401)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with serving(Refusal) as url:
        yield url


@pytest.mark.parametrize("days", [400, -3])
def test_a_changed_configuration_does_not_speak_for_the_clock(days: int, tmp_path: Path, invoke: Invoke) -> None:
    with refusing() as url:
        home = Rested(tmp_path, days * DAY, url)
        home.config.write_text(f'{home.config.read_text()}\n[retention.longer]\nperiod = "9y"\n')
        for _ in range(2):
            done = invoke("--config", home.config, *RUN)
            assert done.exit_code == 6, done.output
    assert home.moved() == (0, 0)


def test_a_vault_that_rested_goes_on_once_a_provider_confirms_the_date(
    sandbox: Sandbox, tmp_path: Path, invoke: Invoke
) -> None:
    home = Rested(tmp_path, 400 * DAY, sandbox.api_url)
    done = invoke("--config", home.config, *RUN)
    assert done.exit_code == 1, done.output
    jobs, lost = home.moved()
    assert jobs > 0 and lost > 0


def test_lost_days_are_told_and_leave_with_one_although_nothing_is_due(
    sandbox: Sandbox, tmp_path: Path, invoke: Invoke
) -> None:
    home = Rested(tmp_path, 143 * DAY, sandbox.api_url)
    home.change('source = "zavu"\n', 'source = "zavu"\npaused = true\n')
    home.hears()
    done = invoke("--config", home.config, *RUN)
    assert done.exit_code == 1, done.output
    assert "Nothing is pending." in done.stdout
    assert "of 1 stream are lost, found by this run" in done.stdout
    assert "lost" in home.told
    lines = home.config.read_text().splitlines(keepends=True)
    (since,) = [line for line in lines if line.startswith("since")]
    home.change(since, f"since = {datetime.now(UTC) - DAY:%Y-%m-%d}\n")  # from here on nothing more is lost
    again = invoke("--config", home.config, *RUN)
    assert again.exit_code == 0, again.output  # it was told, and nothing is new
    assert home.told.count("lost") == 1


def test_a_loss_that_nobody_took_stands_until_somebody_does(sandbox: Sandbox, tmp_path: Path, invoke: Invoke) -> None:
    home = Rested(tmp_path, 143 * DAY, sandbox.api_url)
    home.change('source = "zavu"\n', 'source = "zavu"\npaused = true\n')
    home.hears(works=False)
    for _ in range(2):
        done = invoke("--config", home.config, *RUN, "--json")
        assert done.exit_code == 1, done.output
        summary = json.loads(done.stdout.splitlines()[-1])
        assert [alert["key"].split()[0] for alert in summary["standing"]] == ["lost"]
        assert "the alerts could not be sent" in done.stderr
    assert summary["newly_lost_seconds"] < DAY.total_seconds()


def test_a_run_that_finds_nothing_wrong_is_as_quiet_as_before(sandbox: Sandbox, tmp_path: Path, invoke: Invoke) -> None:
    home = Rested(tmp_path, DAY, sandbox.api_url)
    home.change('source = "zavu"\n', 'source = "zavu"\npaused = true\n')
    home.hears()
    done = invoke("--config", home.config, *RUN)
    assert (done.exit_code, done.stdout, done.stderr, home.told) == (0, "Nothing is pending.\n", "", [])


@contextmanager
def switch() -> Iterator[tuple[str, list[str]]]:
    """Listen as a dead man's switch; yields its address, and the paths that were asked for."""
    paths: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Print nothing."""

    with serving(Answer) as url:
        yield f"{url}/switch", paths


@contextmanager
def serving(answers: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def pings(home: Rested, url: str) -> None:
    file = home.folder / "ping"
    file.touch(mode=0o600)
    file.write_text(url)
    text = home.config.read_text()
    header = "" if "[notify]" in text else "[notify]\n"
    home.config.write_text(f'{text}\n{header}[notify.ping]\nurl = "file:{file}"\n')


def test_a_run_that_cannot_open_its_vault_says_so_once(
    tmp_path: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    home = Rested(tmp_path, DAY, NOBODY)
    shutil.rmtree(home.folder / "vault")
    home.hears()
    with switch() as (url, paths):
        pings(home, url)
        codes = {invoke("--config", home.config, *RUN).exit_code for _ in range(2)}
    assert codes == {4}
    assert paths == ["/switch/fail"]
    (line,) = (home.folder / "told.jsonl").read_text().splitlines()
    assert "a run has failed" in json.loads(line)["text"]


def lose_something(home: Rested) -> None:
    """Enter what is lost, as a run that was ended before it could tell."""
    home.change('source = "zavu"\n', 'source = "zavu"\npaused = true\n')
    config = load_config(home.config)
    with open_engine(config, "a run that dies") as engine:
        enter_due(engine, plans_of(config))
    lines = home.config.read_text().splitlines(keepends=True)
    (since,) = [line for line in lines if line.startswith("since")]
    home.change(since, f"since = {datetime.now(UTC) - DAY:%Y-%m-%d}\n")


def test_where_nobody_listens_a_loss_of_a_run_that_died_still_leaves_with_one(
    sandbox: Sandbox, tmp_path: Path, invoke: Invoke
) -> None:
    home = Rested(tmp_path, 143 * DAY, sandbox.api_url)
    lose_something(home)
    assert [invoke("--config", home.config, *RUN).exit_code for _ in range(2)] == [1, 0]


def test_a_switch_without_a_channel_hears_of_a_loss(sandbox: Sandbox, tmp_path: Path, invoke: Invoke) -> None:
    home = Rested(tmp_path, 143 * DAY, sandbox.api_url)
    lose_something(home)
    with switch() as (url, paths):
        pings(home, url)
        for _ in range(2):
            invoke("--config", home.config, *RUN)
    assert paths == ["/switch/start", "/switch/fail", "/switch/start", "/switch"]


def test_a_wish_to_stop_is_heard_while_a_channel_hangs(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Rested(tmp_path, 143 * DAY, sandbox.api_url)
    lose_something(home)
    program = home.folder / "hang"
    program.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(15)\n")
    program.chmod(0o700)
    home.config.write_text(f'{home.config.read_text()}\n[notify]\ncommand = ["{program}"]\n')
    monkeypatch.setattr(watcher, "HASTE", 0.0)
    asked = iter([False, False])  # the wish comes during the wait
    with open_engine(load_config(home.config), "test") as engine:
        watching = RunWatcher(load_config(home.config), engine, lambda: next(asked, True))
        losses = watching.end()
        assert watching.sending  # waiting on would have ended with the program
        assert losses.any


def test_a_paused_source_without_its_key_ends_no_run(sandbox: Sandbox, tmp_path: Path, invoke: Invoke) -> None:
    home = Rested(tmp_path, DAY, sandbox.api_url)
    with open_reading(load_config(home.config)) as vault, vault.catalogue.transaction():
        put_source(vault.catalogue, replace(get_source(vault.catalogue, "zavu"), paused="the key was refused"))
    (home.folder / "key").unlink()
    done = invoke("--config", home.config, *RUN)
    assert done.exit_code == 1, done.output
    assert "the key was refused" in " ".join(done.stdout.split())
