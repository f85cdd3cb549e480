"""A plan is edited through a form: judged as the loader judges, told what it means, written with its comments."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input, Select

from kit.tui_bench import Bench, Seat, Sit
from kit.tui_views import footer
from strongroom.config.load import load_config
from strongroom.model.bech32 import encode_bech32
from strongroom_tui.app import StrongroomApp
from strongroom_tui.dialogs.plan_form import EditScreen
from strongroom_tui.reader import VaultReader

TEXT = f"""[vault]
path = "vault"
recipients = ["{encode_bech32("age", b"q" * 32)}"]

[[source]]
name = "zavu"
provider = "zavu"
api_key = "env:NONE"

# what people wrote
[[stream]]
name = "messages"
source = "zavu"
datasets = ["messages"]
since = 2026-11-18  # when it began
settle = "1h"

[retention.standard]
period = "7y"
"""


@pytest.fixture
def written(empty: Bench) -> Bench:
    empty.config.file.write_text(TEXT)
    empty.config = load_config(empty.config.file)
    return empty


async def type_in(seat: Seat, name: str, text: str) -> None:
    seat.app.screen.query_one(f"#field-{name}", Select if name in ("window", "paused") else Input).value = text
    await seat.press("ctrl+s")


@pytest.mark.parametrize("way", [["E"], ["enter", "E"]])
async def test_a_field_is_written_and_comments_stay(written: Bench, sit: Sit, way: list[str]) -> None:
    async with sit(written, (120, 40), tab="schedules") as seat:
        assert "edit" in footer(seat)
        await seat.press(*way)
        assert isinstance(seat.app.screen, EditScreen)
        assert "2026-11-18" in seat.text
        await type_in(seat, "settle", "3h")
        assert not isinstance(seat.app.screen, EditScreen)
        assert "saved: the plan of messages" in seat.text
        text = written.config.file.read_text()
        assert text == TEXT.replace('settle = "1h"', 'settle = "3h"')
        await seat.press("enter") if way == ["E"] else await seat.press("r")
        assert "settles      3 h after the end of a window" in seat.text


async def test_the_loaders_own_words_stand_in_the_form(written: Bench, sit: Sit) -> None:
    async with sit(written, (120, 40), tab="schedules") as seat:
        await seat.press("E")
        await type_in(seat, "time_zone", "Berlin")
        assert isinstance(seat.app.screen, EditScreen)
        assert 'did you mean "Europe/Berlin"?' in seat.text
        line = next(n for n, text in enumerate(seat.text.splitlines()) if "Time zone of the windows" in text)
        assert "✗ expected" in seat.text.splitlines()[line + 2]  # beside its field
        assert str(written.config.file) not in seat.text
        await type_in(seat, "time_zone", "UTC")
        assert "did you mean" not in seat.text
        assert "nothing was changed" in seat.text
        assert written.config.file.read_text() == TEXT


async def test_a_backfill_is_told_before_it_is_written(written: Bench, sit: Sit) -> None:
    async with sit(written, (120, 40), tab="schedules") as seat:
        await seat.press("E")
        await type_in(seat, "since", "2026-10-01")
        assert "Change the plan of messages?" in seat.text
        assert "50 exports pending with the change, 2 pending now" in seat.text
        assert "an hour; all archived by" in seat.text
        assert "0 of them would be exported after the provider begins" in seat.text
        await seat.press("enter")  # the safe button
        assert written.config.file.read_text() == TEXT
        await seat.press("ctrl+s", "tab", "enter")
        assert "since = 2026-10-01  # when it began" in written.config.file.read_text()


async def test_what_the_provider_has_no_more_is_told_as_lost(written: Bench, sit: Sit) -> None:
    async with sit(written, (120, 40), tab="schedules") as seat:
        await seat.press("E")
        await type_in(seat, "since", "2026-01-01")
        assert "would be lost at once: the provider no longer has them" in seat.text


async def test_shorter_windows_want_a_confirmation(written: Bench, sit: Sit) -> None:
    async with sit(written, (120, 40), tab="schedules") as seat:
        await seat.press("E")
        await type_in(seat, "window", "hour")
        assert "Change the plan of messages?" in seat.text
        assert "60 exports pending with the change" in seat.text
        await seat.press("escape", "escape", "tab", "enter")
        assert written.config.file.read_text() == TEXT


async def test_a_file_that_may_not_be_written_leads_to_the_lines(
    written: Bench, sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("strongroom.config.edit.Path.replace", refuse)
    async with sit(written, (120, 40), tab="schedules") as seat:
        await seat.press("E")
        await type_in(seat, "settle", "3h")
        for words in ("cannot be changed from here", "[[stream]]", 'name = "messages"', 'settle = "3h"'):
            assert words in seat.text, words
        assert written.config.file.read_text() == TEXT


async def test_a_screen_that_only_looks_edits_nothing(written: Bench) -> None:
    reader = VaultReader(written.config)
    try:
        app = StrongroomApp(reader, reader._session.clock, read_only=True)
        async with app.run_test(size=(120, 40)) as pilot:
            app.action_go("schedules")
            seat = Seat(app, pilot)
            await seat.settle()
            await seat.press("E")
            assert not isinstance(app.screen, EditScreen)
    finally:
        reader.close()


async def test_the_configuration_is_read_anew_and_a_refused_one_is_told(written: Bench, sit: Sit) -> None:
    file: Path = written.config.file
    async with sit(written, (120, 40), tab="schedules") as seat:
        file.write_text(TEXT.replace('"messages"\nsource', '"letters"\nsource'))
        await seat.press("r")
        assert "letters" in seat.text
        file.write_text(TEXT.replace('"1h"', '"soon"'))
        await seat.press("r")
        assert "the changed configuration is invalid, so the old one stays in force" in seat.text
        assert "letters" in seat.text
        file.write_text(TEXT)
        await seat.press("r")
        assert "refused" not in seat.text
        assert "letters" not in seat.text


async def test_what_a_change_means_is_shown_while_it_is_typed(written: Bench, sit: Sit) -> None:
    async with sit(written, (120, 40), tab="schedules") as seat:
        await seat.press("E")
        assert "What changes: nothing yet" in " ".join(seat.text.split())
        seat.app.screen.query_one("#field-since", Input).value = "2026-10-01"
        await seat.settle()
        assert "50 exports pending with the change" in seat.text
        assert "5 hours of the quota of zavu" in " ".join(seat.text.split())
        seat.app.screen.query_one("#field-since", Input).value = "some day"
        await seat.settle()
        assert "Correct the marked field" in seat.text
        assert written.config.file.read_text() == TEXT


async def test_what_was_typed_is_kept_or_asked_about(written: Bench, sit: Sit) -> None:
    async with sit(written, (80, 24), tab="schedules") as seat:
        await seat.press("E")
        seat.app.screen.query_one("#field-settle", Input).value = "3h"
        await seat.resize(40, 12)
        await seat.press("escape")
        assert "Discard your changes?" in seat.text
        await seat.press("enter")  # the safe button
        assert seat.app.screen.query_one("#field-settle", Input).value == "3h"
        await seat.press("escape", "tab", "enter")
        assert not isinstance(seat.app.screen, EditScreen)
        await seat.press("E", "escape")  # nothing was changed, so nothing is asked
        assert not isinstance(seat.app.screen, EditScreen)
        assert written.config.file.read_text() == TEXT


@pytest.mark.parametrize("size", [(40, 12), (80, 24)])
async def test_it_fits(written: Bench, sit: Sit, size: tuple[int, int]) -> None:
    async with sit(written, size, tab="schedules") as seat:
        await seat.press("E")
        assert "The plan of messages" in seat.text
        assert "Window length" in seat.text
        assert "Check and save" in seat.text
        assert await seat.pilot.click("#back")
        await seat.settle()
        assert not isinstance(seat.app.screen, EditScreen)
