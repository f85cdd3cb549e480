"""An API that was known by its one page alone: from the questions about it to an archive that is verified."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kit.csv_engine_bench import archives
from kit.described_bench import MORNING, VARIABLE, make_house
from kit.engine_bench import DAY, Bench
from kit.engine_kill import check_house
from kit.ninth_api import TOKEN, serve
from strongroom.cli.main import cli
from strongroom.config.manifest import load_manifest
from strongroom.engine.core.sources import plans_of
from strongroom_sandbox.clock import SandboxClock

WRITTEN = Path(__file__).parents[1] / "providers" / "parcelwise.toml"
"""What was written from the page by `source new`, and completed by hand where its comments suggest it."""

ANSWERS = """\
Parcelwise
https://api.parcelwise.example/v3
ninth_api.md
header
Parcelwise-Token
/orders
period.since
period.before
what
half-open
unix
order.number
get
/orders/{id}
order
/orders
orders
number
phase
WAITING, PACKING
PACKED
SPOILED
file
/orders/{id}/file
ndjson
events, depots
event
happened
"""


def run(*words: str, text: str = "") -> Result:
    return CliRunner().invoke(cli, words, input=text, catch_exceptions=False)


def test_the_answers_to_the_questions_make_a_manifest_that_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "parcelwise.toml"
    assert run("source", "new", str(file), text=ANSWERS).exit_code == 0
    own, whole = load_manifest(file).manifest, load_manifest(WRITTEN).manifest
    assert (own.create, own.observe, own.list, own.download) == (
        whole.create,
        whole.observe,
        whole.list,
        whole.download,
    )
    monkeypatch.setenv(VARIABLE, TOKEN)
    with serve(lambda: datetime.now(UTC)) as account:
        line = ["--base-url", account.url, "--allow-private-addresses", "--key", f"env:{VARIABLE}", "--yes", "--json"]
        tried = json.loads(run("source", "try", str(file), *line).stdout)
        assert [step["name"] for step in tried["steps"]] == ["account", "create", "state", "files", "content", "list"]
        assert tried["good"]
        # An id that is right in one answer and not on the list would stop the stream after a lost answer: it is shown.
        file.write_text(file.read_text().replace('id = "number"\n', ""))
        tried = json.loads(run("source", "try", str(file), *line).stdout)
        assert not tried["good"]


def test_a_window_of_it_becomes_a_verified_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SandboxClock.stopped_at(MORNING)
    with serve(clock) as account:
        config = make_house(tmp_path, WRITTEN, account.url, clock)
        monkeypatch.setenv(VARIABLE, TOKEN)
        bench = Bench(tmp_path, account, clock, config)  # type: ignore[arg-type]
        bench.export(stream=plans_of(config)[0].stream, window=DAY)
        check_house(bench)
        (archive,) = archives(bench)
        assert (archive.inspection.records, archive.inspection.in_window) == (48, 48)
        assert account.requests.count("POST /v3/orders") == len(account.orders) == 1
