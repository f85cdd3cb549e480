"""What the world does to the screen: each time a sentence says what is wrong and what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from kit.tui_bench import NOW, Bench, Sit
from kit.tui_views import toasts
from strongroom.engine.core.heartbeat import beat
from strongroom.model.errors import ExitCode, VaultError
from strongroom.vault import catalogue as catalogue_module
from strongroom.vault.requests import waiting_requests
from strongroom_tui.app import run
from strongroom_tui.reader import VaultSession
from strongroom_tui.widgets.header import TABS, Tab


@contextmanager
def locked(bench: Bench) -> Iterator[None]:
    """Hold the catalogue as a backup program or another writer may."""
    other = sqlite3.connect(bench.config.vault.path / "catalogue.sqlite", isolation_level=None)
    try:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")
    finally:
        other.close()


def flat(text: str) -> str:
    return " ".join(text.split())


async def test_a_daemon_that_was_killed_is_told_with_how_to_start_it(bench: Bench, sit: Sit) -> None:
    beat(bench.vault, NOW - timedelta(hours=2), 4711, "daemon")
    async with sit(bench, (120, 40), tab="overview") as seat:
        assert "no daemon is running" in seat.text
        assert "start one with  strongroom" in seat.text
        await seat.press("3")
        assert "interrupted" in seat.text  # and not that something is still being fetched


async def test_a_locked_catalogue_can_be_read_and_says_so_when_asked(
    bench: Bench, sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = catalogue_module.connect

    def impatient(path: object) -> sqlite3.Connection:
        connection = connect(path)  # type: ignore[arg-type]  # a path, as everywhere
        connection.execute("PRAGMA busy_timeout = 50")
        return connection

    monkeypatch.setattr(catalogue_module, "connect", impatient)
    async with sit(bench, (120, 40)) as seat:
        with locked(bench):
            await seat.press("r", "4", "3")
            assert "fetching" in seat.text
            await seat.press("x", "tab", "enter")
            assert "the catalogue stayed locked" in toasts(seat)
            assert "Another program may be holding it open" in toasts(seat)
        await seat.press("x", "tab", "enter")
        assert "requested: cancel" in toasts(seat)


async def test_a_full_disk_is_told_and_nothing_is_half_written(bench: Bench, sit: Sit) -> None:
    async with sit(bench, (120, 40)) as seat:
        await seat.app.reader.do(fill_up)
        await seat.press("x", "tab", "enter")
        assert "the disk is full" in toasts(seat)
        assert "Free space" in toasts(seat)
        assert waiting_requests(bench.vault.catalogue) == []


def fill_up(session: VaultSession) -> None:
    """Let the catalogue grow no further, and use up what is free in it."""
    connection = session.vault.catalogue._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    for length in (1_000, 30, 1):  # great rows while they fit, then small ones
        wish = f"INSERT INTO requests VALUES (hex(randomblob(16)), '', '', hex(zeroblob({length})), '', '', 1, '')"
        failed = 0
        while failed < 200:  # one page may be full and another not
            try:
                connection.execute(wish)
                connection.commit()
            except sqlite3.OperationalError:
                connection.rollback()
                failed += 1


def test_a_newer_vault_is_refused_before_the_screen_opens(bench: Bench) -> None:
    path = bench.config.vault.path / "catalogue.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(VaultError) as refused:
        run(bench.config)
    assert "schema 99" in refused.value.message
    assert "newer strongroom" in refused.value.hint
    assert refused.value.exit_code == ExitCode.VAULT == 4


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.mode)
async def test_each_tab_is_of_use_at_forty_by_twelve(bench: Bench, sit: Sit, tab: Tab) -> None:
    async with sit(bench, (40, 12), tab=tab.mode) as seat:
        assert "too small" not in seat.text
        body = [line for line in seat.text.splitlines()[2:-1] if line.strip()]
        assert len(body) >= 5


async def test_what_is_smaller_says_what_it_needs(bench: Bench, sit: Sit) -> None:
    async with sit(bench, (39, 11), tab="overview") as seat:
        assert "needs 40x12; q quits" in flat(seat.text)


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.mode)
async def test_without_a_mouse_and_colour_the_words_are_the_same(
    bench: Bench, sit: Sit, monkeypatch: pytest.MonkeyPatch, tab: Tab
) -> None:
    texts = []
    for colour in ("", "1"):
        if colour:
            monkeypatch.setenv("NO_COLOR", colour)
        async with sit(bench, (100, 30), tab=tab.mode) as seat:
            texts.append(seat.text)
    assert texts[0] == texts[1]
