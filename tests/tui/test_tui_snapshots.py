"""How it looks, to be reviewed by eye: pictures of the screen at a fixed hour, disk and path."""

from __future__ import annotations

import shutil
from collections import namedtuple
from collections.abc import Callable

import pytest
from textual.pilot import Pilot
from tui_bench import Bench, Seat

from strongroom_tui.app import StrongroomApp

SIZES = [(120, 40), (80, 24), (60, 20)]
Usage = namedtuple("Usage", "total used free")
Compare = Callable[..., bool]
Stage = Callable[[Bench], StrongroomApp]


@pytest.fixture
def staged(make: Callable[[Bench], StrongroomApp], monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10**12, 6 * 10**11, 4 * 10**11))

    def made(of: Bench) -> StrongroomApp:
        return make(of)

    return made


def after(*keys: str) -> Callable[[Pilot[None]], object]:
    async def play(pilot: Pilot[None]) -> None:
        assert isinstance(pilot.app, StrongroomApp)
        seat = Seat(pilot.app, pilot)
        await seat.settle()
        await seat.press(*keys)

    return play


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_picture_of_the_jobs(bench: Bench, staged: Stage, snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(staged(bench), terminal_size=size, run_before=after("3"))


def test_picture_without_colour(
    bench: Bench, staged: Stage, snap_compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(staged(bench), terminal_size=(80, 24), run_before=after("4", "j"))


def test_picture_of_an_empty_vault(empty: Bench, staged: Stage, snap_compare: Compare) -> None:
    assert snap_compare(staged(empty), terminal_size=(80, 24), run_before=after())


@pytest.mark.parametrize(
    "keys",
    [("3", "j", "enter"), ("4", "enter"), ("3", "question_mark"), ("3", "slash", "c")],
    ids=["job", "archive", "help", "filter"],
)
def test_picture_of_the_other_screens(
    bench: Bench, staged: Stage, snap_compare: Compare, keys: tuple[str, ...]
) -> None:
    assert snap_compare(staged(bench), terminal_size=(80, 24), run_before=after(*keys))


def test_picture_of_too_little_room(bench: Bench, staged: Stage, snap_compare: Compare) -> None:
    assert snap_compare(staged(bench), terminal_size=(36, 10), run_before=after())
