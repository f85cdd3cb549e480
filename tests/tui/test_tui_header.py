"""The top line: who works in the vault, how to begin, and what is special about this screen."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from rich.cells import cell_len

from kit.tui_bench import NOW, Bench, Sit
from strongroom.engine.core.heartbeat import STALE, beat
from strongroom.engine.queries.lists import Status, heartbeat_of_holder, status_of
from strongroom.vault.lock import hold
from strongroom_tui.widgets.header import DEMO, READ_ONLY, Beside, commands_for, start_with, state

LATE = timedelta(minutes=2, seconds=5)
BADGES = ("read-only", "unlocked, 4 min left")


def first_line(status: Status, width: int, beside: Beside | None = None) -> str:
    text = state(status, "", NOW, width, beside or Beside(start_with("strongroom").lines))
    assert all(cell_len(line) <= width for line in text.plain.splitlines())
    return text.plain.splitlines()[0]


def at_work(bench: Bench, ago: timedelta, pid: int | None = None) -> Status:
    beat(bench.vault, NOW - ago, pid or os.getpid(), "waiting")
    with hold(bench.vault.layout.lock, "strongroom daemon"):
        return replace(status_of(bench.vault), last_entry=NOW - timedelta(minutes=17))


def test_a_daemon_that_does_not_answer_is_trouble_at_every_width(empty: Bench) -> None:
    status = at_work(empty, LATE)
    assert status.silence(NOW) == LATE
    for width in (78, 98, 198):
        assert first_line(status, width).startswith("✗ the daemon does not answer: silent for 2 min ")
    assert first_line(status, 38).startswith("✗ daemon silent for 2 min ")
    assert "red" in str(state(status, "", NOW, 78, Beside(())).spans[0].style)


def test_an_idle_daemon_that_lives_is_at_work(empty: Bench) -> None:
    status = at_work(empty, STALE - timedelta(seconds=1))
    assert status.silence(NOW) is None
    beside = Beside((), vault="acme-vault", next_export=NOW + timedelta(minutes=4))
    assert first_line(status, 118, beside).startswith(
        "acme-vault  ● daemon running · next export in 4 min, last entry 17 min ago "
    )
    assert first_line(status, 60, beside).startswith("● daemon running · next export in 4 min ")
    assert first_line(status, 38, beside).startswith("● daemon running ")
    assert first_line(status, 22).startswith("● running ")


def test_the_heartbeat_of_a_daemon_that_is_gone_is_nobodys(empty: Bench) -> None:
    """A single run holds the vault, and the daemon before it fell silent long ago."""
    assert at_work(empty, LATE, pid=os.getpid() + 1).silence(NOW) is None
    assert heartbeat_of_holder(empty.vault) is None


def test_the_configuration_is_named_in_the_shortest_form_that_fits(tmp_path: Path) -> None:
    home = tmp_path / "home"
    usual, other = home / ".config" / "strongroom" / "config.toml", home / "night" / "two.toml"
    for file in (usual, other):
        file.parent.mkdir(parents=True)
        file.touch()
    env = {"HOME": str(home)}
    assert commands_for(usual, env) == ("strongroom",)
    ways = (f"strongroom --config {other}", "strongroom --config ~/night/two.toml")
    assert commands_for(other, env) == ways
    assert commands_for(usual, {**env, "STRONGROOM_CONFIG": str(other)})[0] == f"strongroom --config {usual}"
    spaced = home / "a b.toml"
    assert commands_for(spaced, env) == (f"strongroom --config '{spaced}'",)
    start = start_with(*ways)
    assert f"{ways[0]} run --once" in start.help
    assert start.lines[0] == f"○ no daemon is running: start one with  {ways[0]} daemon"


def test_where_no_command_fits_none_is_cut(empty: Bench) -> None:
    status = status_of(empty.vault)
    long = Beside(start_with("strongroom --config /a/very/long/path/to/a/configuration.toml").lines)
    assert "/a/very/long/path/to/a/configuration.toml daemon " in first_line(status, 118, long)
    assert first_line(status, 60, long).startswith("○ no daemon: ? shows how to start one")
    assert first_line(status, 38, long).startswith("○ no daemon ")


@pytest.mark.parametrize("start", [DEMO, READ_ONLY], ids=["demo", "read-only"])
def test_who_cannot_start_anything_is_told_no_command(empty: Bench, start: object) -> None:
    for width in (38, 78, 118):
        line = first_line(status_of(empty.vault), width, Beside(start.lines))  # type: ignore[attr-defined]  # a Start
        assert line.startswith("○ ")
        assert "strongroom" not in line
    assert start.help == ""  # type: ignore[attr-defined]  # a Start


def test_badges_stand_beside_the_work_or_under_it(empty: Bench) -> None:
    status = at_work(empty, timedelta())
    assert " · ".join(BADGES) in first_line(status, 78, Beside((), BADGES))
    narrow = state(status, "", NOW, 38, Beside((), BADGES)).plain.splitlines()
    assert narrow[0].startswith("● daemon running")
    assert narrow[1] == " · ".join(BADGES)
    silent = at_work(empty, LATE)
    assert "daemon silent for 2 min" in first_line(silent, 78, Beside((), BADGES))


async def test_a_frozen_daemon_is_told_in_every_tab(bench: Bench, sit: Sit) -> None:
    beat(bench.vault, NOW - LATE, os.getpid(), "waiting")
    with hold(bench.vault.layout.lock, "strongroom daemon"):
        async with sit(bench, (80, 24), tab="jobs") as seat:
            assert "✗ the daemon does not answer: silent for 2 min" in seat.text
            await seat.press("slash", *"failed", "enter", "t", "tab", "enter")
            assert "the daemon does not answer, so it waits" in " ".join(
                each.message for each in seat.app._notifications
            )
            beat(bench.vault, NOW, os.getpid(), "waiting")
            await seat.press("r")
            assert "● daemon running" in seat.text


@pytest.mark.parametrize(
    ("zone", "told"), [("UTC", "13:03:07Z"), ("Europe/Berlin", "14:03:07+01"), ("Asia/Kolkata", "18:33:07+05:30")]
)
@pytest.mark.parametrize("width", [38, 58, 78])
def test_the_time_keeps_its_offset_where_it_is_narrow(
    empty: Bench, monkeypatch: pytest.MonkeyPatch, zone: str, told: str, width: int
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        for beside in (None, Beside(("○ idle",), BADGES)):
            assert first_line(status_of(empty.vault), width, beside).endswith(f" {told}")
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_last_entry_is_told_before_the_number_of_the_process(empty: Bench) -> None:
    status = at_work(empty, timedelta(seconds=1))
    assert first_line(status, 68).startswith("● daemon running, last entry 17 min ago ")
