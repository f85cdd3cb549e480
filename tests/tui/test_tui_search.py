"""Searching on the screen: with a real identity, real sealed archives and their segments."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest
from textual.widgets import Input

from kit.sealed_vault import AT
from kit.tui_bench import Bench, Seat, Sit
from kit.tui_vault import CANARY, Place, fill, until
from strongroom.engine.access import segments
from strongroom.engine.access.cases import open_cases
from strongroom.engine.access.index import IndexProgress, build_segments
from strongroom.engine.access.opened_segments import OpenedSegments
from strongroom.engine.access.search import SearchProgress, choose_archives, search
from strongroom.engine.retention.verdicts import list_holds
from strongroom.model.case import Mark
from strongroom.model.provider import Container
from strongroom.search.chunk import Chunk
from strongroom.search.query import parse_query
from strongroom.search.terms import Operator
from strongroom_tui import search_run
from strongroom_tui.keyring import IDLE
from strongroom_tui.screens.search import SearchTab
from strongroom_tui.screens.search_record import RecordScreen
from strongroom_tui.widgets.query_line import complete, query_note


def index(place: Place) -> None:
    list(build_segments(place.house.vault, [place.archive], place.house.identities, lambda: AT, IndexProgress()))


async def look_for(seat: Seat, query: str) -> SearchTab:
    seat.app.action_go("search")
    await seat.settle()
    tab = seat.app.screen
    assert isinstance(tab, SearchTab)
    await seat.press("slash")
    await fill(seat, query)
    return tab


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("fr", "from:"),
        ("refund -st", "refund -stream:"),
        ("stream:sup", "stream:support-messages"),
        ("(source:my", "(source:my-account"),
        ("from:ada", None),
        ('"a fr', None),
        ("from:", None),
        ("fr ", None),
    ],
)
def test_operators_and_known_names_are_completed(typed: str, shown: str | None) -> None:
    known = {Operator.STREAM: ["support-messages"], Operator.SOURCE: ["my account", "my-account"]}
    assert complete(typed, known) == shown


def test_what_is_typed_is_explained_or_refused_beside_it() -> None:
    assert query_note("refund after:") == (
        "after: from this time on, in UTC: 2026, 2026-03, 2026-03-31 or 2026-03-31T14:00",
        False,
    )
    words, wrong = query_note("refund on:tomorrow")
    assert wrong
    assert "'tomorrow' is not a date" in words
    assert query_note("refund from:+14155551234") == ("Enter searches; dates are in UTC.", False)


async def test_a_record_is_found_read_marked_saved_held_and_produced(place: Place, tmp_path: Path) -> None:
    index(place)
    vault, target = place.house.vault, tmp_path / "made"
    async with place.sit((120, 40)) as seat:
        await look_for(seat, "on:yesterday")
        await until(seat, "'yesterday' is not a date")
        await fill(seat, f'"{CANARY} 44"')
        await until(seat, "11 hits; searched 450 records in 1 archive")
        await until(seat, f"  {CANARY} 44")  # the record beside the list
        await seat.press("enter")
        await until(seat, "m44")
        assert isinstance(seat.app.screen, RecordScreen)
        await seat.press("a")
        await until(seat, place.archive.id)
        await seat.press("escape", "escape", "m")
        await until(seat, "There is no case yet.")
        await fill(seat, "Smith v. Acme")
        await until(seat, "Begin the case Smith v. Acme?")
        await seat.press("tab", "enter")
        await until(seat, "Mark this record as")
        await seat.press("tab", "enter")
        await until(seat, "marked as privileged in Smith v. Acme")
        await until(seat, "§")
        await seat.press("down", "space", "space", "m")
        await until(seat, "Mark these 2 records as")
        await seat.press("enter")
        await until(seat, "2 records marked as relevant in Smith v. Acme")
        await seat.press("escape", "H")
        await until(seat, "11 hits")
        await seat.press("enter")
        await until(seat, "Legal hold: why?")
        await fill(seat, "a claim was made")
        await until(seat, "1 hold placed for Smith v. Acme")
        await seat.press("P")
        await until(seat, "Produce the records that match")
        seat.app.screen.query_one("#field-folder", Input).value = str(place.base)
        await seat.press("tab")
        await seat.press("enter")
        await until(seat, "exists")
        seat.app.screen.query_one("#field-folder", Input).value = str(target)
        await seat.press("enter")
        await until(seat, "✓ production made")
    (case,) = open_cases(vault, place.house.identities)
    mark, *others = case.marks
    assert (mark.archive, mark.record, mark.mark) == (place.archive.id, "m440", Mark.PRIVILEGED)
    assert [each.mark for each in others] == [Mark.RELEVANT] * 2
    assert len({each.record for each in case.marks}) == 3
    assert [query.text for query in case.queries] == [f'"{CANARY} 44"']
    assert [hold.matter for hold in list_holds(vault)] == ["Smith v. Acme"]
    assert len((target / "records.jsonl").read_text().splitlines()) == 10
    assert '"m440"' not in (target / "records.jsonl").read_text()  # privileged: withheld
    assert case.next_number("P") == 11
    logged = vault.layout.log.read_text()
    assert '"search.made"' in logged
    assert CANARY not in logged


async def test_hits_come_while_the_screen_is_used_and_esc_stops(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    index(place)
    second = place.house.seal_records([{"id": "late", "at": "2026-03-01T00:00:00Z", "text": CANARY}], Container.CSV)
    held, going = threading.Event(), threading.Event()
    opened = segments.open_chunks

    def slow(*args: object) -> Iterator[Chunk]:
        going.set()
        held.wait(60)
        return opened(*args)  # type: ignore[arg-type]

    monkeypatch.setattr("strongroom.engine.access.search.open_chunks", slow)
    monkeypatch.setattr(search_run, "REST", 0)
    async with place.sit((80, 24)) as seat:
        seat.app.action_go("search")
        await seat.pilot.pause()
        tab = seat.app.screen
        assert isinstance(tab, SearchTab)
        tab.line.value = CANARY
        await tab.line.action_submit()
        assert await asyncio.to_thread(going.wait, 60)
        await seat.pilot.press("question_mark")  # the screen is used as ever
        await seat.pilot.press("escape")
        run = tab.searched.run
        assert run is not None
        assert not run.done
        assert not tab.line.has_focus
        await seat.pilot.press("escape")
        held.set()
        await until(seat, "stopped after")
        assert run.progress.stopped
        assert second.id != place.archive.id
        await seat.press("H")
        await until(seat, "the search did not come to its end")


async def test_everything_is_forgotten_with_the_identity(place: Place) -> None:
    index(place)
    async with place.sit((120, 40)) as seat:
        tab = await look_for(seat, f'"{CANARY} 44"')
        await until(seat, "11 hits")
        assert list(tab._opened) == [place.archive.id]
        clear = [weakref.ref(each) for _segment, chunks, _size in tab._opened._kept.values() for each in chunks]
        await seat.press("enter")
        await until(seat, "m44")
        await seat.press("L")
        await until(seat, "Nothing was searched yet")
        assert isinstance(seat.app.screen, SearchTab)
        assert CANARY not in seat.text
        assert tab.line.value == ""
        assert list(tab._opened) == []
        gc.collect()
        assert clear
        assert not [each for each in clear if each() is not None]
        await look_for(seat, CANARY)
        await until(seat, "450 hits")
        await seat.press("n")
        await until(seat, "201-400 of 450")
        seat.app.keyring._used -= IDLE.total_seconds() + 1
        await until(seat, "Nothing was searched yet")


def test_what_was_opened_once_is_searched_in_memory_and_a_destroyed_archive_is_not(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    index(place)
    vault, identities, opened = place.house.vault, place.house.identities, OpenedSegments()
    query = parse_query(f'"{CANARY} 44"', UTC)

    def hits(progress: SearchProgress) -> list[str]:
        archives = choose_archives(vault, query)
        return [each.entry.id for each in search(vault, archives, query, identities, progress, {}, opened)]

    cold = hits(SearchProgress())
    vault.layout.segment(place.archive.id).write_bytes(b"no segment")  # it is not read again
    warm = SearchProgress()
    assert hits(warm) == cold
    assert len(cold) == 11
    assert (warm.read, warm.unusable) == (0, {})
    monkeypatch.setattr("strongroom.engine.access.search.get_tombstone", lambda _catalogue, archive: archive)
    list(search(vault, [], query, identities, SearchProgress(), {}, opened))  # it was destroyed meanwhile
    assert list(opened) == []
    damaged = SearchProgress()
    assert hits(damaged) == cold
    assert list(damaged.unusable) == [place.archive.id]
    small = OpenedSegments(most=10)
    assert list(search(vault, choose_archives(vault, query), query, identities, SearchProgress(), {}, small))
    assert list(small) == []


async def test_it_works_at_each_size(place: Place) -> None:
    index(place)
    async with place.sit((40, 12)) as seat:
        tab = await look_for(seat, f'"{CANARY} 44"')
        await until(seat, "11 hits")
        await seat.press("c")
        await until(seat, "Which case?")
        await fill(seat, "A matter")
        await until(seat, "Begin the case A matter?")
        await seat.press("tab", "enter")
        await until(seat, "case: A matter")
        for width, height in ((40, 12), (80, 24), (120, 40), (200, 60)):
            await seat.resize(width, height)
            await until(seat, CANARY)
            assert (tab.query_one("Preview").display is True) == (width >= 100)
            if width < 100:  # where there is little room for a form
                await seat.press("P")
                await until(seat, "Format")
                await until(seat, "Go back")
                await seat.press("escape")


async def test_a_mistake_in_the_query_is_said_below_it(empty: Bench, sit: Sit) -> None:
    async with sit(empty, (80, 24), tab="search") as seat:
        await seat.press("slash", *"on:x", "enter")
        await until(seat, "is not a date")
