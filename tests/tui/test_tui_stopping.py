"""A person stops what is under way: it stops in the middle, leaves nothing, and the screen says so.

The real work is held in the middle on an event, so that the stop comes then, however fast the machine is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kit.tui_bench import Seat
from kit.tui_vault import CANARY, Place, until
from strongroom.engine.access.browse import Browser
from strongroom.model.errors import Interrupted
from strongroom_tui.dialogs import restore as restoring
from strongroom_tui.dialogs.background_work import BackgroundWork
from strongroom_tui.screens import archive_actions
from strongroom_tui.screens.browse import BrowseScreen

PATIENCE = 60.0  # seconds
Watch = Callable[[int], None]


class Held:
    """Work that is held once, at the first step at which `when` is true, until it is let go."""

    def __init__(self, when: Callable[[], bool] = lambda: True) -> None:
        self._when = when
        self.inside, self.go_on, self.over = threading.Event(), threading.Event(), threading.Event()
        self.ended: list[type[BaseException] | None] = []  # how each piece of work ended

    def around(self, work: Callable[..., Any], watch_at: int) -> Callable[..., Any]:
        """Return the same work with its watch, the argument at that place, held."""

        def held(*given: Any, **named: Any) -> Any:
            arguments = list(given)
            arguments[watch_at] = self._holding(given[watch_at])
            try:
                answer = work(*arguments, **named)
            except BaseException as error:
                self.ended.append(type(error))
                raise
            else:
                self.ended.append(None)
                return answer
            finally:
                self.over.set()

        return held

    def _holding(self, watch: Watch) -> Watch:
        def step(count: int) -> None:
            if not self.inside.is_set() and self._when():
                self.inside.set()
                assert self.go_on.wait(PATIENCE)
            watch(count)

        return step

    async def until_inside(self, seat: Seat) -> None:
        end = time.monotonic() + PATIENCE
        while not self.inside.is_set():
            assert time.monotonic() < end, seat.text
            await seat.pilot.pause(0.01)


@pytest.fixture
def letting_go() -> Iterator[list[Held]]:
    made: list[Held] = []
    yield made
    for held in made:
        held.go_on.set()


def files(place: Place) -> dict[Path, int]:
    return {path: path.stat().st_size for path in place.base.rglob("*") if path.is_file()}


def in_the_clear(place: Place) -> list[Path]:
    """Return the files with the delivered bytes or a record in them: a ZIP tells its member's name."""
    marks = (CANARY.encode(), b"messages.json")
    kept = ("catalogue.sqlite", "manifests")  # what is known of an archive names its members, and no record
    found = [path for path in files(place) if not any(part.startswith(kept) for part in path.parts)]
    return [path for path in found if any(mark in path.read_bytes() for mark in marks)]


def told(seat: Seat) -> str:
    return " ".join(each.message for each in seat.app._notifications)


async def unlock(seat: Seat) -> None:
    await seat.press("o")
    await until(seat, f"{CANARY} 0")
    await seat.press("escape")


async def begin_restore(seat: Seat, target: Path, *, members: bool = False) -> None:
    await seat.press("R", *["right"] * members, "enter")
    seat.app.screen.query_one("#line").value = str(target)  # type: ignore[attr-defined]  # an Input
    await seat.pilot.press("enter")


async def stop(seat: Seat, held: Held, key: str, title: str) -> None:
    """Ask to stop while the work is held in the middle; let it go on, and hear that it stopped."""
    assert isinstance(seat.app.screen, BackgroundWork)
    await seat.pilot.press(key)
    assert "stopping …" in seat.text
    held.go_on.set()
    await until(seat, "nothing was left behind")
    assert held.ended[-1] is Interrupted
    assert f"stopped: {title}" in told(seat)
    assert not isinstance(seat.app.screen, BackgroundWork)


@pytest.mark.parametrize("key", ["escape", "enter"])  # enter is on the button Stop
async def test_a_restore_stopped_in_the_middle_leaves_no_file(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, letting_go: list[Held], key: str
) -> None:
    held, before = Held(), files(place)
    letting_go.append(held)
    monkeypatch.setattr(restoring, "restore", held.around(restoring.restore, 4))
    async with place.sit() as seat:
        await begin_restore(seat, tmp_path / "out.zip")
        await held.until_inside(seat)
        (part,) = in_the_clear(place)  # it was stopped in the middle indeed
        assert part.name.endswith(".part")
        assert part.stat().st_mode & 0o077 == 0
        await stop(seat, held, key, f"Restore archive {place.archive.id}")
    assert in_the_clear(place) == []
    assert set(files(place)) == set(before)


async def test_members_stopped_while_they_are_taken_out_leave_no_folder(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, letting_go: list[Held]
) -> None:
    target = tmp_path / "members"
    held, before = Held(lambda: (target / "messages.json").exists()), files(place)
    letting_go.append(held)
    monkeypatch.setattr(restoring, "restore_members", held.around(restoring.restore_members, 4))
    async with place.sit() as seat:
        await begin_restore(seat, target, members=True)
        await held.until_inside(seat)
        await stop(seat, held, "escape", f"Restore archive {place.archive.id}")
    assert not target.exists()
    assert set(files(place)) == set(before)


@pytest.mark.parametrize(("part", "place_of_watch"), [("check_fixity", 2), ("check_content", 3)])
async def test_a_verification_stops(
    place: Place, monkeypatch: pytest.MonkeyPatch, letting_go: list[Held], part: str, place_of_watch: int
) -> None:
    held, before = Held(), files(place)
    letting_go.append(held)
    monkeypatch.setattr(archive_actions, part, held.around(getattr(archive_actions, part), place_of_watch))
    async with place.sit() as seat:
        if part == "check_content":
            await unlock(seat)
        await seat.pilot.press("v")
        await held.until_inside(seat)
        await stop(seat, held, "escape", f"Verify archive {place.archive.id}")
        assert "verified" not in told(seat)
    assert set(files(place)) == set(before)


async def test_records_stopped_while_they_are_inspected(
    place: Place, monkeypatch: pytest.MonkeyPatch, letting_go: list[Held]
) -> None:
    passed = [0]  # bytes that were read for the digest: after all of them comes the inspection

    def inspecting() -> bool:
        return passed[0] >= place.archive.seal.size

    held = Held(inspecting)
    letting_go.append(held)
    check = held.around(archive_actions.check_content, 3)

    def counting(vault: Any, archive: Any, identities: Any, watch: Watch) -> Any:
        def count(more: int) -> None:
            watch(more)
            passed[0] += more

        return check(vault, archive, identities, count)

    monkeypatch.setattr(archive_actions, "check_content", counting)
    async with place.sit() as seat:
        await unlock(seat)
        await seat.pilot.press("v")
        await held.until_inside(seat)
        await stop(seat, held, "escape", f"Verify archive {place.archive.id}")


async def test_leaving_the_screen_stops_what_is_under_way(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, letting_go: list[Held]
) -> None:
    held, before = Held(), files(place)
    letting_go.append(held)
    monkeypatch.setattr(restoring, "restore", held.around(restoring.restore, 4))
    async with place.sit() as seat:
        await begin_restore(seat, tmp_path / "out.zip")
        await held.until_inside(seat)
        await seat.pilot.press("ctrl+q")
    held.go_on.set()
    assert held.over.wait(PATIENCE)
    assert held.ended == [Interrupted]
    assert set(files(place)) == set(before)


async def test_leaving_a_reading_stops_it_and_shows_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch, letting_go: list[Held]
) -> None:
    held, before = Held(), files(place)
    letting_go.append(held)
    monkeypatch.setattr(Browser, "read", held.around(Browser.read, 4))
    async with place.sit() as seat:
        await seat.pilot.press("o")
        await held.until_inside(seat)
        assert isinstance(seat.app.screen, BrowseScreen)
        assert "reading …" in seat.text
        await seat.pilot.press("escape")
        await seat.pilot.pause()
        assert not isinstance(seat.app.screen, BrowseScreen)
        held.go_on.set()
        assert held.over.wait(PATIENCE)
        assert held.ended == [Interrupted]
        await seat.settle()
        assert CANARY not in seat.text
        assert in_the_clear(place) == []
        assert set(files(place)) == set(before)
        await seat.press("o")  # and again, as if nothing had been
        await until(seat, f"{CANARY} 0")


async def test_another_page_gives_up_the_one_that_is_being_read(
    place: Place, monkeypatch: pytest.MonkeyPatch, letting_go: list[Held]
) -> None:
    held = Held()
    letting_go.append(held)
    monkeypatch.setattr(Browser, "read", held.around(Browser.read, 4))
    async with place.sit() as seat:
        await seat.pilot.press("o")
        await held.until_inside(seat)
        await seat.pilot.press("colon")
        seat.app.screen.query_one("#line").value = "401"  # type: ignore[attr-defined]  # an Input
        await seat.pilot.press("enter")
        await seat.pilot.pause()
        held.go_on.set()
        await until(seat, "401-450 of 450")
        assert held.ended == [Interrupted, None]
        assert "there is no such record" not in told(seat)
