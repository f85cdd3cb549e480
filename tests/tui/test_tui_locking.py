"""An identity that is open is in sight, and forgotten at a key in every tab; who looks on is offered no work."""

from __future__ import annotations

from pathlib import Path

from kit.tui_bench import Seat
from kit.tui_vault import CANARY, Place, until
from kit.tui_views import toasts
from strongroom_tui.dialogs.help import usable
from strongroom_tui.keyring import IDLE, Keyring
from strongroom_tui.screens.archives import ArchivesTab
from strongroom_tui.screens.browse import BrowseScreen
from strongroom_tui.screens.overview import OverviewTab


def offered(seat: Seat) -> set[str]:
    """Return what footer, help and palette offer now."""
    return {each.binding.description for each in usable(seat.app.screen)}


def test_a_keyring_tells_how_long_it_stays_open() -> None:
    now = [0.0]
    keyring, forgotten = Keyring(lambda: now[0]), list[str]()
    assert keyring.words == ""
    keyring.put(["an identity"])  # type: ignore[list-item]  # whatever it is, it is kept
    back = keyring.heed(lambda: forgotten.append("again"))
    for seconds, words in ((0, "5 min"), (1, "4 min"), (181, "1 min"), (241, "less than 1 min")):
        now[0] = seconds
        assert keyring.words == f"unlocked, {words} left"
    now[0] = IDLE.total_seconds() + 1
    assert keyring.lock_if_idle()
    assert (keyring.words, forgotten) == ("", ["again"])
    back()
    keyring.lock()
    assert forgotten == ["again"]


async def test_what_is_open_is_told_and_locked_in_every_tab(tmp_path: Path) -> None:
    place, now = Place(tmp_path), [0.0]
    async with place.sit((80, 24)) as seat:
        seat.app.keyring = Keyring(lambda: now[0])
        assert "lock" not in offered(seat)
        await seat.press("o")
        await until(seat, f"{CANARY} 0")
        assert "unlocked, 5 min left" in seat.text
        browsing = seat.app.screen
        await seat.press("1")
        assert isinstance(seat.app.screen, OverviewTab)
        now[0] = 61.0
        seat.app._lock_if_idle()
        await seat.settle()
        assert "unlocked, 3 min left" in seat.text
        assert "lock" in offered(seat)
        assert "Lock" in {command.title for command in seat.app.get_system_commands(seat.app.screen)}
        await seat.press("L")
        assert "locked: the identity is forgotten" in toasts(seat)
        assert "unlocked" not in seat.text
        assert "lock" not in offered(seat)
        assert not seat.app.keyring.open
        assert isinstance(browsing, BrowseScreen)
        browsing._thread.submit(lambda: None).result()  # by then it has let go of the file
        assert (browsing._shelf, browsing._browser, browsing._identities) == (None, None, [])
        await seat.press("4")
        assert isinstance(seat.app.screen, ArchivesTab)  # what it had opened is left
        assert CANARY not in seat.text
    place.house.vault.close()


async def test_who_looks_on_is_told_so_and_offered_no_work(tmp_path: Path) -> None:
    place = Place(tmp_path)
    async with place.sit((80, 24), read_only=True) as seat:
        never = {"pause", "run now", "edit", "cancel", "retry", "re-export", "hold", "destroy", "checkpoint"}
        never |= {"package", "check all", "place", "release", "approve", "undo", "propose"}
        for keys in ("1", "2", "3", "4", "5", "5l", "5u", "6", "7"):
            await seat.press(*keys)
            assert "read-only" in seat.text.splitlines()[1], keys
            assert "start with" not in seat.text, keys
            assert "strongroom run" not in seat.text, keys
            assert not offered(seat) & never, keys
            if keys == "4":
                assert {"browse", "restore", "verify"} <= offered(seat)
            if len(keys) > 1:
                await seat.press("escape")
        await seat.press("question_mark")
        assert "daemon\n" not in seat.text
        assert "To start the daemon" not in seat.text
        await seat.resize(40, 12)
        assert seat.text.splitlines()[2].strip() == "read-only"
    place.house.vault.close()
