"""`strongroom export` of time that is not over: refused before it begins, not counted where it has not settled."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kit.cli_home import Home, Invoke, make_home
from strongroom.cli.run import _unsettled_words
from strongroom.model.times import format_instant, parse_instant
from strongroom.model.window import Window
from strongroom_sandbox.server import Sandbox

SETTLE = timedelta(hours=6)  # as `init` configures it


def test_a_window_that_has_not_begun_is_refused(own_home: Home, invoke: Invoke) -> None:
    args = ["export", "zavu-main", "--from", "2999-01-01", "--to", "2999-01-02"]
    result = invoke("--config", own_home.config, *args)
    assert result.exit_code == 2
    told = " ".join(result.stderr.split())
    assert "2999-01-01T00:00:00Z, which is in the future" in told and "choose a window that has ended" in told
    assert "2999" not in invoke("--config", own_home.config, "coverage", "--json").stdout


def test_what_has_not_settled_is_told_and_not_counted(sandbox: Sandbox, invoke: Invoke, tmp_path: Path) -> None:
    home, before = make_home(tmp_path / "fresh", sandbox.api_url), datetime.now(UTC)
    start = (before - timedelta(days=2)).replace(hour=0, minute=0, second=0, microsecond=0)
    end = start + timedelta(days=4)
    args = ["--from", f"{start:%Y-%m-%d}", "--to", f"{end:%Y-%m-%d}"]
    result = invoke("--config", home.config, "export", "zavu-main", *args)
    assert result.exit_code == 0, result.output
    told = " ".join(result.stderr.split())
    assert f"to {format_instant(end)} has not ended and settled yet and will not count as archived" in told
    assert "it stays pending and is exported again then" in told
    (stream,) = json.loads(invoke("--config", home.config, "coverage", "--json").stdout)["streams"]
    (held,) = [each for each in stream["windows"] if each["cover"] in ("proven", "empty")]
    assert before - SETTLE <= parse_instant(held["end"]) <= datetime.now(UTC) - SETTLE
    statement = invoke("--config", home.config, "coverage", "statement", *args)
    assert statement.exit_code == 1
    gap = f"gap {stream['stream']} {format_instant(parse_instant(held['end']))} {format_instant(end)} not held"
    assert gap in statement.stdout


def test_without_a_plan_a_person_is_to_export_it_again() -> None:
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    words = _unsettled_words(Window(now, now + timedelta(hours=1)), planned=False)
    assert words.startswith("2026-11-21T12:00:00Z to 2026-11-21T13:00:00Z ")
    assert words.endswith("no plan covers it: export it again then")
