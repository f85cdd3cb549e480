"""Opening archives on the screen: restore, verify, compare and browse, with a real identity and real sealed files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from textual.widgets import Input

from kit.sealed_vault import AT, as_zip
from kit.tui_vault import CANARY, Place, fill, records, until
from strongroom.engine.core.identities import identity_file, make_identity
from strongroom.model.provider import Container
from strongroom.vault.requests import waiting_requests
from strongroom_tui.dialogs.background_work import BackgroundWork
from strongroom_tui.keyring import IDLE, Keyring
from strongroom_tui.screens.browse import BrowseScreen


async def test_a_file_is_restored_with_its_digest_and_never_over_another(place: Place, tmp_path: Path) -> None:
    target = tmp_path / "out.zip"
    async with place.sit() as seat:
        await seat.press("R")
        assert f"Restore archive {place.archive.id}" in seat.text
        await seat.press("enter")  # as delivered
        assert f"Restore archive {place.archive.id} to" in seat.text
        await fill(seat, str(target))
        await until(seat, "✓ restored")
        assert hashlib.sha256(target.read_bytes()).hexdigest() in seat.text
        before = target.read_bytes()
        await seat.press("escape", "R", "enter")
        await fill(seat, str(target))
        await until(seat, "exists and is never overwritten")
        await until(seat, "Undo      Delete the file")  # asked again, with what was typed
        assert seat.app.screen.query_one(Input).value == str(target)
        assert target.read_bytes() == before
        assert list(tmp_path.glob(".*.part")) == []


async def test_the_members_go_into_a_folder_that_was_not_there(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "messages-2026-03-01").mkdir()
    async with place.sit() as seat:
        await seat.press("R", "right", "enter")
        suggested = Path(seat.app.screen.query_one(Input).value)
        assert suggested == tmp_path / "messages-2026-03-01-2"
        await seat.press("enter")
        await until(seat, "✓ restored")
        assert [path.name for path in suggested.iterdir()] == ["messages.json"]
        await seat.press("escape", "R", "escape")
        assert list(tmp_path.glob("messages-*-3")) == []


async def test_another_identity_file_is_chosen_although_one_is_configured(place: Place, tmp_path: Path) -> None:
    other, sealed = tmp_path / "other.age", place.base / "identity.age"
    secret = sealed.read_text()
    other.write_text(secret)
    other.chmod(0o600)
    key = next(line for line in secret.splitlines() if line.startswith("AGE-SECRET-KEY"))
    sealed.write_bytes(identity_file(type(make_identity(os.urandom))("", key), "open sesame", os.urandom))
    async with place.sit() as seat:
        await seat.press("o")
        await until(seat, "Another file")
        await seat.press("tab", "tab", "enter")
        await until(seat, "Which identity file?")
        await fill(seat, str(other))
        await until(seat, f"{CANARY} 0")
    async with place.sit() as seat:
        await seat.press("I")
        await fill(seat, str(tmp_path / "none.age"))
        await until(seat, "cannot read the identity file")
        assert seat.app.screen.query_one(Input).value == str(tmp_path / "none.age")
        await fill(seat, str(other))
        await until(seat, "this identity opens archives now")
        await seat.press("o")
        await until(seat, f"{CANARY} 0")


async def test_a_sealed_identity_asks_for_its_passphrase(place: Place, tmp_path: Path) -> None:
    secret = (place.base / "identity.age").read_text()
    key = next(line for line in secret.splitlines() if line.startswith("AGE-SECRET-KEY"))
    identity = type(make_identity(os.urandom))("", key)
    (place.base / "identity.age").write_bytes(identity_file(identity, "open sesame", os.urandom))
    async with place.sit() as seat:
        target = tmp_path / "out.zip"
        await seat.press("R", "enter")
        await fill(seat, str(target))
        await until(seat, "Passphrase of the identity")
        await fill(seat, "wrong")
        await until(seat, "that is not the passphrase of")
        await fill(seat, "open sesame")  # what it is wanted for, and where to, was not lost
        await until(seat, "✓ restored")
        assert target.exists()
        await seat.press("escape", "o")
        await until(seat, f"{CANARY} 0")
        assert "open sesame" not in seat.text


async def test_records_are_browsed_searched_and_jumped_to(place: Place) -> None:
    async with place.sit() as seat:
        await seat.press("o")
        await until(seat, f"{CANARY} 0")
        assert "messages  2026-03-01" in seat.text
        assert "1-200 of 450" in seat.text
        await seat.press("n")
        await until(seat, "201-400 of 450")
        await seat.press("p")
        await until(seat, "1-200 of 450")
        await seat.press("slash")
        await fill(seat, f"{CANARY} 44")
        await until(seat, "filter:")
        assert "m44" in seat.text
        assert "m449" in seat.text
        assert "m45 " not in seat.text
        await seat.press("escape")
        await until(seat, "1-200 of 450")
        await seat.press("colon", *"999", "enter")
        assert "Go to which record?" in seat.text  # what was typed stays
        assert "in this list" in seat.text
        await seat.press("escape", "colon")
        await fill(seat, "401")
        await until(seat, "401-450 of 450")
        assert "m400" in seat.text
        await seat.press("escape")
        assert not isinstance(seat.app.screen, BrowseScreen)


async def test_the_chosen_record_stands_there_in_full(place: Place) -> None:
    async with place.sit() as seat:
        await seat.press("o")
        await until(seat, f"{CANARY} 0")
        await seat.press("j", "j")
        lines = [line.rstrip() for line in seat.text.splitlines()]
        assert any(line.endswith(f"{CANARY} 2") for line in lines)


async def test_browsing_leaves_no_clear_text_on_the_disk(place: Place) -> None:
    async with place.sit() as seat:
        await seat.press("o")
        await until(seat, f"{CANARY} 0")
        for path in place.base.rglob("*"):
            if path.is_file():
                assert CANARY.encode() not in path.read_bytes(), path


async def test_idleness_locks_and_takes_the_records_away(place: Place) -> None:
    now = [0.0]
    async with place.sit() as seat:
        seat.app.keyring = Keyring(lambda: now[0])
        await seat.press("o")
        await until(seat, f"{CANARY} 0")
        now[0] = IDLE.total_seconds() + 1
        seat.app._lock_if_idle()
        await seat.settle()
        assert not seat.app.keyring.open
        assert CANARY not in seat.text
        assert not isinstance(seat.app.screen, BrowseScreen)


async def test_a_key_locks_at_once(place: Place) -> None:
    async with place.sit() as seat:
        await seat.press("o")
        await until(seat, f"{CANARY} 0")
        await seat.press("L")
        assert not seat.app.keyring.open
        assert CANARY not in seat.text


async def test_verify_reads_the_bytes_and_after_unlocking_the_records(place: Place) -> None:
    async with place.sit() as seat:
        await seat.press("v")
        await until(seat, "✓ verified")
        assert "every sealed byte read again" in seat.text
        await seat.press("escape", "o")
        await until(seat, f"{CANARY} 0")
        await seat.press("escape", "v")
        await until(seat, "every sealed byte and every record read again")


async def test_damage_is_told_with_the_file(place: Place) -> None:
    path = place.house.vault.payload_path(place.archive)
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)
    async with place.sit() as seat:
        await seat.press("v")
        await until(seat, "✗ fault")
        assert path.name in seat.text
        await seat.press("escape", "o")
        await until(seat, "does not")
        assert CANARY not in seat.text


async def test_two_versions_are_compared_record_by_record(place: Place) -> None:
    newer = records(449, CANARY)
    newer[3]["text"] = "another"
    newer.append({"id": "new", "at": "2026-03-01T00:00:01Z", "text": "x"})
    later = AT + timedelta(hours=1)
    place.house.seal(as_zip(messages=newer), place.archive.expectation.datasets, Container.ZIP_OF_JSON, at=later)
    async with place.sit() as seat:
        await seat.press("d")
        await until(seat, "! the records differ")
        for words in ("added            1  new", "changed          1  m3", "vanished         1  m449", "text (1)"):
            assert words in seat.text, words


async def test_nothing_before_is_said(place: Place) -> None:
    async with place.sit() as seat:
        await seat.press("d")
        await until(seat, "there is no earlier archive")


async def test_a_window_is_exported_afresh(place: Place) -> None:
    async with place.sit() as seat:
        await seat.press("e")
        assert place.archive.stream in seat.text
        assert f"{place.archive.source}: " in seat.text
        await seat.press("enter")
        assert waiting_requests(place.house.vault.catalogue) == []
        await seat.press("e", "tab", "enter")
        (asked,) = waiting_requests(place.house.vault.catalogue)
        assert (asked.wish.value, asked.subject) == ("regenerate", place.archive.id)


async def test_who_may_only_read_is_offered_no_acts(place: Place) -> None:
    async with place.sit(read_only=True) as seat:
        await seat.press("e")
        assert waiting_requests(place.house.vault.catalogue) == []
        await seat.press("v")
        await until(seat, "✓ verified")


async def test_work_is_stopped_by_a_person(place: Place) -> None:
    heard: list[object] = []
    seconds = [0.0]

    def work(_vault: object, watch: Callable[[int], None]) -> None:
        while True:
            watch(1)

    async with place.sit() as seat:
        long = BackgroundWork("Something long", 1 << 60, work, ticking=lambda: seconds[0])
        seat.app.push_screen(long, heard.append)
        await seat.pilot.pause()
        assert "Something long" in seat.text
        assert "time left unknown" in seat.text
        seconds[0] = 10.0
        while "more than a year left" not in seat.text:
            await seat.pilot.pause(0.05)
        await seat.pilot.press("escape")
        await seat.settle()
        assert [str(each) for each in heard] == ["stopped: Something long; nothing was left behind"]


async def test_the_id_is_copied_and_shown(place: Place) -> None:
    async with place.sit() as seat:
        await seat.press("y")
        assert place.archive.id in (seat.app.clipboard or "")
        assert "copied" in seat.text


async def test_a_message_stands_in_the_table_at_80_columns_and_hits_are_counted(place: Place) -> None:
    async with place.sit((80, 24)) as seat:
        await seat.press("o")
        await until(seat, "1-200 of 450")
        header, row = seat.text.splitlines()[4:6]
        assert header.split()[:3] == ["#", "at", "text"]
        assert f"{CANARY} 0" in row
        await seat.press("slash")
        assert "text to find in any field" in seat.text
        await seat.press(*"CANARY", "enter")
        await until(seat, "1-200 of 450  filter: CANARY")
        await seat.press("slash", *([*["backspace"] * 6]), *"message 44", "enter")
        await until(seat, "1-11 of 11  filter: message 44")
