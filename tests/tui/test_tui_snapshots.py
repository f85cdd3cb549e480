"""How it looks, to be reviewed by eye: pictures of the screen at a fixed hour, disk, person and path.

One sitting takes several pictures: most of the time goes into starting. After `pytest --snapshot-update`, look at each.
"""

from __future__ import annotations

import shutil
from collections import namedtuple
from collections.abc import Callable
from datetime import timedelta

import pytest
from pytest_textual_snapshot import SVGImageExtension  # type: ignore[import-untyped]  # it comes without types
from syrupy.assertion import SnapshotAssertion
from textual.widgets import Input

from kit.tui_bench import NOW, STREAMS, Bench, Seat, Sit, furnish, make_archive, make_job, tell
from kit.tui_views import configure, hold
from strongroom.engine.core import people
from strongroom.engine.core.alert_store import reconcile
from strongroom.engine.destruction import propose
from strongroom.engine.monitor.doctor import Check, CheckResult
from strongroom.model.alert import Alert, AlertKind, Level
from strongroom.model.coverage import Cover
from strongroom.model.destruction import Person
from strongroom.model.job import State
from strongroom.model.retention import Period, PeriodUnit, RetentionRule
from strongroom_tui.screens import archive_actions, health, plans

SIZES = [(40, 12), (80, 24), (120, 40), (200, 60)]
TABS = {
    "1": "overview",
    "2": "schedules",
    "3": "jobs",
    "4": "archives",
    "5": "retention",
    "6": "evidence",
    "7": "health",
    "8": "search",
}
THEMES = ("strongroom-light", "high-contrast", "monochrome", "ansi-dark", "ansi-light")
RULE = RetentionRule("standard", Period(30, PeriodUnit.DAYS), citation="company policy")
CHECKS = (
    Check("vault", CheckResult.OK, "readable, and on this format"),
    Check("source zavu key", CheckResult.FAIL, "the environment variable ZAVU_KEY is not set", "set it, or use a file"),
    Check("clock", CheckResult.WARN, "nothing keeps it right", "turn on time synchronisation"),
)
Usage = namedtuple("Usage", "total used free")
Compare = Callable[[Seat, str], None]


@pytest.fixture(autouse=True)
def fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fix what differs between machines, and hold the cursor still."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10**12, 6 * 10**11, 4 * 10**11))
    monkeypatch.setattr(Input, "_restart_blink", Input._pause_blink)
    for module in (plans, archive_actions, people):
        monkeypatch.setattr(module, "acting_person", lambda: Person(1001, "ana", login=1001))
    monkeypatch.setattr(propose, "make_id", lambda _at, _chance: "01kp" + 22 * "0")
    monkeypatch.setattr(health, "examine", lambda *_args, **_more: CHECKS)
    monkeypatch.chdir("/")  # where files are offered to be put


@pytest.fixture
def house(empty: Bench) -> Bench:
    """A vault with something to see in each tab."""
    furnish(configure(empty))
    done = [make_job(n, State.ARCHIVED) for n in range(3000, 3100, 10)]
    over = [make_archive(n, job, rule=RULE) for n, job in zip(range(3000, 3100, 10), done, strict=True)]
    empty.write(*done, *over)
    tell(empty, over)
    for stream, gap in zip(STREAMS, ((90, 90), (20, 29), (60, 61)), strict=True):
        hold(empty, stream, range(1, gap[0]))
        hold(empty, stream, range(gap[1], 200))
    hold(empty, STREAMS[2], range(60, 61), Cover.MISSING, "not-offered")
    alarms = [
        Alert(f"{AlertKind.FAILED} {STREAMS[0]}", Level.WARNING, "2 windows failed", f"stream {STREAMS[0]}"),
        Alert(f"{AlertKind.FAILED} {STREAMS[1]}", Level.CRITICAL, "9 windows failed", f"stream {STREAMS[1]}"),
    ]
    reconcile(empty.vault, alarms, NOW - timedelta(hours=2))
    return empty


@pytest.fixture
def compare(snapshot: SnapshotAssertion) -> Compare:
    pictures = snapshot.use_extension(SVGImageExtension)

    def same(seat: Seat, name: str) -> None:
        assert seat.app.export_screenshot(title="strongroom") == pictures(name=name), name

    return same


async def play(seat: Seat, keys: tuple[str, ...]) -> None:
    """Press keys, each after the answer to the one before; what is told in passing is left out of pictures."""
    for key in keys:
        await seat.press(key)
        seat.app.clear_notifications()
        await seat.settle()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
async def test_each_tab_at_each_size(house: Bench, sit: Sit, compare: Compare, size: tuple[int, int]) -> None:
    async with sit(house, size, tab="overview") as seat:
        for key, name in TABS.items():
            await seat.press(key)
            compare(seat, name)


async def test_each_tab_in_each_theme(house: Bench, sit: Sit, compare: Compare) -> None:
    async with sit(house, (100, 30), tab="overview") as seat:
        for key, name in TABS.items():
            await seat.press(key)
            for theme in THEMES:
                seat.app.theme = theme
                await seat.settle()
                compare(seat, f"{name}-{theme}")


async def test_what_opens_over_a_tab(house: Bench, sit: Sit, compare: Compare) -> None:
    async with sit(house, (80, 24), tab="jobs") as seat:
        for keys, name in (
            (("3", "j", "enter"), "job"),
            (("4", "enter"), "archive"),
            (("3", "question_mark"), "help"),
            (("3", "slash", "c"), "filter"),
        ):
            await play(seat, keys)
            compare(seat, name)
            await seat.press("escape")


async def test_what_is_asked(house: Bench, sit: Sit, compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    async with sit(house, (80, 24), tab="archives") as seat:
        for keys, name in (
            (("2", "E"), "edit-a-plan"),
            (("4", "R", "enter"), "restore"),
            (("4", "enter", "H"), "hold"),
        ):
            await play(seat, keys)
            compare(seat, name)
            while len(seat.app.screen_stack) > 1:
                await seat.press("escape")
        await play(seat, ("5", "u", "D", "enter"))
        monkeypatch.setattr(plans, "acting_person", lambda: Person(1002, "ben", login=1002))
        await play(seat, ("a",))
        compare(seat, "destroy")


async def test_without_colour(house: Bench, sit: Sit, compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with sit(house, (80, 24), tab="overview") as seat:
        compare(seat, "overview")
        await seat.press("4", "j")
        compare(seat, "archives")


async def test_an_empty_vault(empty: Bench, sit: Sit, compare: Compare) -> None:
    async with sit(empty, (80, 24), tab="overview") as seat:
        compare(seat, "overview")
