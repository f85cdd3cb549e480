"""Evidence and health on the screen: the log live, checkpoints, an audit, a package; alarms and checks."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from textual.widgets import Input, Static

from kit.tui_bench import NOW, SIZES, Bench, Seat, Sit
from kit.tui_vault import Place, fill, until
from kit.tui_views import footer
from strongroom.engine.core.alert_store import reconcile
from strongroom.evidence.line import Entry, Fact
from strongroom.evidence.tree import leaf_hash
from strongroom.model.alert import Alert, AlertKind, Level
from strongroom.vault.checkpoints import newest_checkpoint, walk_lines


async def test_the_log_stands_there_and_grows(bench: Bench, sit: Sit) -> None:
    async with sit(bench, (200, 30), tab="evidence") as seat:
        for words in ("Log  1-3", "the provider asked to wait", "cause quota", "no signing key"):
            assert words in seat.text, words
        facts: dict[str, Fact] = {"hold": "x", "archives": [], "streams": {"account": ["standard", "long"], "b": []}}
        bench.write(Entry("hold.placed", NOW, facts=facts))
        await seat.press("r")
        assert "a legal hold was placed" in seat.text
        assert "hold x, streams account: standard, long" in seat.text
        await seat.press("slash", *"hold", "enter")
        assert "the provider asked to wait" not in seat.text
        await seat.press("enter")
        assert "A legal hold was placed  entry 4" in seat.text
        assert "kind          hold.placed" in seat.text


async def test_the_log_is_signed_verified_and_told(place: Place) -> None:
    async with place.sit() as seat:
        await seat.press("6")
        assert "no checkpoint yet" in seat.text
        await seat.press("Y")
        assert "there is no checkpoint yet" in seat.text
        await seat.press("c")
        await until(seat, "✓ checkpoint over")
        await seat.press("Y")
        newest = newest_checkpoint(place.house.vault.catalogue)
        assert newest is not None
        assert seat.app.clipboard == newest.note
        await seat.press("y")
        lines, seq = list(walk_lines(place.house.vault.catalogue)), int(seat.app.clipboard.split()[1])
        assert f"leaf sha256:{leaf_hash(lines[seq - 1]).hex()}" in seat.app.clipboard
        assert "copied (if your terminal allows it)" in seat.text
        await seat.press("v")
        await until(seat, "✓ no problem found")
        assert "Not proven" in seat.text
        await seat.press("escape", "V")
        await until(seat, "✓ no problem found")
        assert "they were not read" not in seat.text


async def test_a_changed_log_is_found(place: Place) -> None:
    async with place.sit() as seat:
        await seat.press("6", "c")
        await until(seat, "✓ checkpoint over")
        log = place.house.vault.layout.log
        log.chmod(0o600)
        log.write_bytes(log.read_bytes().replace(b"job.proven", b"job.forged"))
        await seat.press("v")
        await until(seat, "✗ the evidence is contradictory")


async def test_archives_are_handed_over(place: Place, tmp_path: Path) -> None:
    target = tmp_path / "package"
    async with place.sit() as seat:
        await seat.press("6", "h", "enter")
        assert "name at least one archive" in seat.text
        await fill(seat, "nonsense")
        await until(seat, "there is no archive")
        assert line(seat) == "nonsense"  # nothing of what was typed is lost
        await fill(seat, place.archive.id)
        await until(seat, "for which recipient")
        await fill(seat, "age1nonsense")
        assert "for which recipient" in seat.text
        assert line(seat) == "age1nonsense"
        await fill(seat, "")
        await until(seat, "Evidence package: into which folder?")
        await fill(seat, str(tmp_path))
        assert "exists and is never overwritten" in wrong(seat)
        await fill(seat, str(tmp_path / "none" / "package"))
        assert "there is no folder" in wrong(seat)
        assert newest_checkpoint(place.house.vault.catalogue) is None  # a refusal signs nothing
        await fill(seat, str(target))
        await until(seat, "✓ evidence package made")
    assert (target / "SHA256SUMS").exists()
    assert (target / "archives" / place.archive.id / "payload.age").exists()


async def test_archives_are_handed_over_from_their_list(place: Place, tmp_path: Path) -> None:
    async with place.sit() as seat:
        assert f"…{place.archive.id[-8:]}" in seat.text
        await seat.press("h")
        assert "What      1 archive · " in seat.text
        assert f"{place.archive.stream} …{place.archive.id[-8:]}" in seat.text
        await seat.press("escape", "slash", *"archived", "enter", "h")
        assert "The filter is: archived" in seat.text
        await seat.press("right", "enter")
        await until(seat, "for which recipient")
        assert "What      1 archive · " in seat.text
        await fill(seat, "")
        await fill(seat, str(tmp_path / "all"))
        await until(seat, "✓ evidence package made")
    async with place.sit(read_only=True) as seat:
        await seat.press("h")
        assert "for which recipient" not in seat.text


def line(seat: Seat) -> str:
    return seat.app.screen.query_one(Input).value


def wrong(seat: Seat) -> str:
    return str(seat.app.screen.query_one("#wrong", Static).content)


async def test_who_may_only_read_signs_nothing(place: Place) -> None:
    async with place.sit(read_only=True) as seat:
        await seat.press("6")
        assert not {"checkpoint", "package"} & footer(seat)
        assert "verify log" in footer(seat)


async def test_health_tells_alarms_and_checks(bench: Bench, sit: Sit) -> None:
    alarm = Alert(f"{AlertKind.FAILED} zavu:messages", Level.WARNING, "2 windows failed", "stream zavu:messages")
    reconcile(bench.vault, [alarm], NOW - timedelta(hours=2))
    async with sit(bench, (120, 40), tab="health") as seat:
        await until(seat, "Checks of this machine")
        for words in (
            "Alerts  1 active",
            "! warning",
            "2 windows failed",
            "2026-11-20 12:03+01, 2 h ago",
            "no channel is configured under [notify]",
            "✗ failed",
        ):
            assert words in seat.text, words


async def test_nothing_wrong_is_said_too(bench: Bench, sit: Sit) -> None:
    async with sit(bench, (120, 40), tab="health") as seat:
        assert "✓ no alert is active" in seat.text
        await seat.press("C")
        await until(seat, "Checks of this machine and every provider")


@pytest.mark.parametrize("tab", ["evidence", "health"])
async def test_it_fits(bench: Bench, sit: Sit, tab: str) -> None:
    async with sit(bench, tab=tab) as seat:
        for size in SIZES:
            await seat.resize(*size)
            assert "too small" not in seat.text
            assert "asking the" in seat.text or "Alerts" in seat.text, size
