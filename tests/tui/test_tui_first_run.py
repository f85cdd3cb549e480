"""The first run leads to a vault, makes nothing before the paper is copied, and touches nothing that exists."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Button, Input, Select

from strongroom.config.load import load_config
from strongroom.config.template import FreshSource, default_since
from strongroom.engine.core.identities import load_identities
from strongroom.engine.core.sources import system_clock
from strongroom.engine.queries import setup_answers
from strongroom.providers import hookbridge, qlara, zavu
from strongroom_sandbox.server import Sandbox, SandboxSettings
from strongroom_tui.screens import first_run as running
from strongroom_tui.screens.first_run import FirstRun, SetupScreen
from strongroom_tui.screens.first_vault import FirstVault

STRONG = "five words that nobody guesses"


def text_of(app: FirstRun) -> str:
    return "\n".join(line.text for line in app.screen._compositor.render_strips())


async def fill(app: FirstRun, pilot: Pilot[FirstVault | None], *, steps: int = 3, **answers: str) -> None:
    """Fill in lines of any step, then continue through so many steps."""
    for name, value in answers.items():
        app.screen.query_one(f"#field-{name}", Select if name in ("provider", "class") else Input).value = value
    await pilot.pause()
    for _step in range(steps):
        if isinstance(app.screen, SetupScreen):
            app.screen.query_one("#go", Button).active_effect_duration = 0  # a button is deaf while it looks pressed
            await pilot.click("#go")
            await pilot.pause()


def first_run(tmp_path: Path) -> FirstRun:
    return FirstRun(tmp_path / "config.toml", tmp_path / "data")


async def test_a_person_is_led_to_a_vault(tmp_path: Path) -> None:
    app = first_run(tmp_path)
    async with app.run_test(size=(90, 40)) as pilot:
        assert "There is no vault here yet" in text_of(app)
        first = app.screen.query_one("#field-since", Input).value
        assert first == default_since("zavu", system_clock())
        assert timedelta(days=80) < system_clock().date() - date.fromisoformat(first) < timedelta(days=90)
        await fill(app, pilot, passphrase=STRONG, again=STRONG, account="zavu-main", key="env:ZAVU_KEY")
        shown = text_of(app)
        assert "RECOVERY IDENTITY" in shown
        assert not (tmp_path / "config.toml").exists()
        secret = "".join(re.findall(r"^\|     ((?:[A-Z0-9]{1,4} ?)+)", shown, re.MULTILINE)).replace(" ", "")
        await pilot.press(*secret[-8:].lower(), "enter")
        await pilot.pause()
        ready = "".join(text_of(app).split())  # long paths are wrapped
        for words in (f"vault{tmp_path / 'data' / 'vault'}", f"configuration{tmp_path / 'config.toml'}"):
            assert words in ready, words
        assert f"identity{tmp_path / 'identity.age'},protected" in ready
        assert "Start archiving" in text_of(app)
        await pilot.press("enter")
        await pilot.pause()
    assert app.return_value == FirstVault(tmp_path / "config.toml", start=True)
    config = load_config(tmp_path / "config.toml")
    assert config.source("zavu-main").provider == "zavu"
    assert {stream.since for stream in config.streams} == {datetime.fromisoformat(f"{first}T00:00:00+00:00")}
    assert len(load_identities(tmp_path / "identity.age", lambda: STRONG)) == 1


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({"passphrase": "", "again": ""}, "needs a passphrase"),
        ({"passphrase": "a", "again": "b"}, "not the same"),
        ({"passphrase": STRONG, "again": STRONG, "account": "Wrong Name", "key": "env:X"}, "small letters"),
        ({"passphrase": STRONG, "again": STRONG, "account": "zavu", "key": "sk_live_secret"}, "reference"),
        ({"passphrase": STRONG, "again": STRONG, "account": "z", "key": "env:X", "since": "some day"}, "date"),
        ({"passphrase": STRONG, "again": STRONG, "account": "z", "key": "env:X", "datasets": ","}, "one dataset"),
    ],
)
async def test_what_is_wrong_is_told_and_nothing_is_made(tmp_path: Path, answers: dict[str, str], told: str) -> None:
    app = first_run(tmp_path)
    async with app.run_test(size=(90, 60)) as pilot:
        await fill(app, pilot, **answers)
        assert told in text_of(app)
        assert "sk_live_secret" not in text_of(app).replace(answers.get("key", ""), "", 1)
    assert list(tmp_path.iterdir()) == []


async def test_what_exists_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("mine")
    app = first_run(tmp_path)
    async with app.run_test(size=(90, 60)) as pilot:
        await fill(app, pilot, passphrase=STRONG, again=STRONG)
        assert "already" in text_of(app)
    assert (tmp_path / "config.toml").read_text() == "mine"


async def test_a_paper_that_was_not_copied_makes_nothing(tmp_path: Path) -> None:
    app = first_run(tmp_path)
    async with app.run_test(size=(90, 40)) as pilot:
        await fill(app, pilot, passphrase=STRONG, again=STRONG)
        for _try in range(3):
            app.screen.query_one("#copied", Input).value = "WRONGONE"
            await pilot.press("enter")
            await pilot.pause()
    assert app.return_value is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [(60, 20), (80, 24)])
async def test_small_terminals_can_do_it_too(tmp_path: Path, size: tuple[int, int]) -> None:
    app = first_run(tmp_path)
    async with app.run_test(size=size) as pilot:
        await fill(app, pilot, passphrase=STRONG, again=STRONG)
        assert "Type the last 8 characters" in text_of(app)
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen.query_one("#field-passphrase", Input).value == STRONG  # what was typed is still there
    assert list(tmp_path.iterdir()) == []


async def test_a_weak_passphrase_is_warned_of_and_taken_when_it_is_meant(tmp_path: Path) -> None:
    app = first_run(tmp_path)
    async with app.run_test(size=(90, 60)) as pilot:
        await fill(app, pilot, passphrase="short", again="short")
        assert "this passphrase is short" in text_of(app)
        await fill(app, pilot, steps=1, passphrase="abababababababab", again="abababababababab")
        assert "repeats a few characters" in text_of(app)
        await fill(app, pilot, steps=1)
        assert "RECOVERY IDENTITY" in text_of(app)


async def test_the_smallest_terminal_shows_the_line_that_is_filled_in(tmp_path: Path) -> None:
    app = first_run(tmp_path)
    async with app.run_test(size=(40, 12)) as pilot:
        await pilot.pause()
        assert "Name of the account" in text_of(app)
        assert "Continue" in text_of(app)
        await fill(app, pilot, steps=2)
        assert "New folder for the vault" in text_of(app)
        assert "Continue" in text_of(app)
        for _line in range(2):
            await pilot.press("tab")
        await pilot.press(*"typed")
        await pilot.pause()
        assert "•" * len("typed") in text_of(app)


async def test_what_is_typed_ahead_of_the_screen_goes_into_its_own_line(tmp_path: Path) -> None:
    """On a slow line a tab and the letters after it arrive together."""
    app = first_run(tmp_path)
    async with app.run_test(size=(90, 40)) as pilot:
        await fill(app, pilot, steps=2)
        app.screen.query_one("#field-passphrase", Input).focus()
        await pilot.pause()
        for key in ("a", "b", "tab", "c", "d"):
            app.post_message(Key(key, key if len(key) == 1 else "\t"))
        await pilot.pause()
        values = [app.screen.query_one(f"#field-{name}", Input).value for name in ("passphrase", "again")]
        assert values == ["ab", "cd"]


async def until(app: FirstRun, pilot: Pilot[FirstVault | None], words: str) -> None:
    await app.workers.wait_for_complete()
    await pilot.pause()
    assert words in text_of(app)


async def test_a_key_is_checked_live_and_a_wrong_one_is_told_with_its_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = Sandbox(SandboxSettings()).start()
    local = partial(FreshSource, base_url=sandbox.api_url, allow_private_addresses=True)
    monkeypatch.setattr(setup_answers, "FreshSource", local)
    monkeypatch.setenv("ZAVU_KEY", sandbox.api_key)
    app = FirstRun(tmp_path / "config.toml", tmp_path / "data")
    try:
        async with app.run_test(size=(100, 50)) as pilot:
            await fill(app, pilot, steps=0, account="zavu-main", key="env:ZAVU_KEY")
            await pilot.press("ctrl+t")
            await until(app, pilot, "the key is accepted")
            await fill(app, pilot, steps=0, key="env:NOT_SET")
            await pilot.click("#check")
            await until(app, pilot, "NOT_SET")
            assert "the key is accepted" not in text_of(app)
            sandbox.stop()
            await fill(app, pilot, steps=0, key="env:ZAVU_KEY")
            await pilot.press("ctrl+t")
            await until(app, pilot, "✗")
            assert sandbox.api_key not in text_of(app)
    finally:
        sandbox.stop()
    assert list(tmp_path.iterdir()) == []


async def test_several_accounts_and_a_class_by_regulation_are_written(tmp_path: Path) -> None:
    app = first_run(tmp_path)
    async with app.run_test(size=(100, 40)) as pilot:
        await fill(app, pilot, steps=0, account="zavu-main", key="env:ZAVU_KEY")
        await pilot.press("ctrl+n")
        assert "✓ zavu-main" in text_of(app)
        await fill(app, pilot, steps=0, account="zavu-main", key="env:X")
        await pilot.click("#another")
        assert "an account named zavu-main already" in text_of(app)
        await fill(app, pilot, steps=0, account="hooks", provider="hookbridge", datasets="outbound, inbound")
        await fill(app, pilot, **{"class": "finra-4511"}, passphrase=STRONG, again=STRONG)
        wanted = app.screen._new_vault  # type: ignore[attr-defined]  # the paper's
    config = running.would_be(wanted)
    assert [each.name for each in config.sources] == ["hooks", "zavu-main"]
    assert [each.name for each in config.streams] == ["hooks-outbound", "hooks-inbound", "zavu-main-records"]
    assert {each.retention for each in config.streams} == {"finra-4511"}


async def test_what_was_typed_is_kept_going_back_and_asked_about_leaving(tmp_path: Path) -> None:
    app = first_run(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await fill(app, pilot, steps=2, account="zavu-main", key="env:ZAVU_KEY", passphrase=STRONG)
        await pilot.resize_terminal(40, 12)
        await pilot.press("escape", "escape")
        await pilot.pause()
        assert app.screen.query_one("#field-account", Input).value == "zavu-main"
        await pilot.press("escape")
        await pilot.pause()
        assert "Quit the first run?" in text_of(app)
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, SetupScreen)
        await pilot.press("escape", "tab", "enter")
        await pilot.pause()
    assert app.return_value is None
    assert list(tmp_path.iterdir()) == []


def test_the_datasets_that_are_named_are_those_of_the_adapters() -> None:
    shapes = {"zavu": zavu.SHAPES, "hookbridge": hookbridge.SHAPES, "qlara": qlara.SHAPES}
    assert {name: set(found) for name, found in setup_answers.DATASETS.items()} == {
        name: set(found) for name, found in shapes.items()
    }
