"""The plans: what comes next, what is due, and what can be asked of a stream."""

from __future__ import annotations

import os
from datetime import timedelta

from msgspec.structs import replace

from kit.tui_bench import DAY, NOW, SIZES, STREAMS, Bench, Sit
from kit.tui_views import configure, footer, hold, requested
from strongroom.engine.queries.requests import RequestKind, ask
from strongroom.vault.streams import StreamState, put_stream


def held(bench: Bench) -> Bench:
    configure(bench)
    hold(bench, STREAMS[0], range(1, 201))
    hold(bench, STREAMS[1], range(5, 201))
    return bench


async def test_every_plan_says_what_is_due_and_what_comes(bench: Bench, sit: Sit) -> None:
    async with sit(held(bench), (99, 30), tab="schedules") as seat:
        lines = {name: next(line for line in seat.text.splitlines() if name in line) for name in STREAMS}
        assert "✓ waiting" in lines[STREAMS[0]]
        assert "○ pending" in lines[STREAMS[1]]
        assert " 4 " in lines[STREAMS[1]]
        assert "▲ late" in lines[STREAMS[2]]
        assert "in 16 h 56 min" in lines[STREAMS[0]]
        for state, name in (("waiting", STREAMS[0]), ("pending", STREAMS[1]), ("late", STREAMS[2])):
            await seat.press("slash", *state, "enter")
            assert [each for each in STREAMS if f" {each} " in seat.text] == [name], state
            await seat.press("escape")
        await seat.press("slash", *"paused", "enter")
        assert not any(f" {each} " in seat.text for each in STREAMS)


async def test_enter_tells_a_plan_at_length(bench: Bench, sit: Sit) -> None:
    async with sit(held(bench), (120, 40), tab="schedules") as seat:
        await seat.press("j", "enter")
        for words in (
            "○ pending  zavu:contacts",
            "one for each day, in the zone UTC",
            "4 exports, done by",
            "exported 2026-11-21 07:00:00+01:00, in 16 h 56 min",
            "Pending, the oldest first",
            "deleted from 2027-02-14",
        ):
            assert words in seat.text, words


async def test_a_stream_is_paused_and_resumed(bench: Bench, sit: Sit) -> None:
    async with sit(held(bench), (120, 30), tab="schedules") as seat:
        assert "pause" in footer(seat)
        assert "resume" not in footer(seat)
        await seat.press("s")
        assert requested(bench) == [("pause", STREAMS[0])]
        with bench.vault.catalogue.transaction():
            put_stream(bench.vault.catalogue, StreamState(STREAMS[0], paused="ana at 2026-11-20T13:00:00Z"))
        await seat.press("r")
        assert "‖ paused" in seat.text
        assert {"resume"} <= footer(seat)
        await seat.press("S")
        assert sorted(requested(bench)) == [("pause", STREAMS[0]), ("resume", STREAMS[0])]


async def test_a_pause_that_nobody_has_answered_is_taken_back(bench: Bench, sit: Sit) -> None:
    async with sit(held(bench), (120, 30), tab="schedules") as seat:
        await seat.press("s", "r")
        assert "resume" in footer(seat) and "pause" not in footer(seat)
        await seat.press("S")
        assert sorted(requested(bench)) == [("pause", STREAMS[0]), ("resume", STREAMS[0])]
        ask(bench.vault, RequestKind.RESUME, STREAMS[0], "ana", lambda: NOW + timedelta(seconds=1), os.urandom)
        await seat.press("r")
        assert "pause" in footer(seat) and "resume" not in footer(seat)
        await seat.press("j", "r")
        assert "pause" in footer(seat)


async def test_run_now_asks_for_one_stream(bench: Bench, sit: Sit) -> None:
    async with sit(held(bench), (120, 30), tab="schedules") as seat:
        await seat.press("j", "enter", "w")
        assert requested(bench) == [("run-now", STREAMS[1])]


async def test_what_the_configuration_pauses_the_configuration_resumes(bench: Bench, sit: Sit) -> None:
    configure(bench)
    bench.config = replace(bench.config, streams=tuple(replace(each, paused=True) for each in bench.config.streams))
    async with sit(bench, (120, 30), tab="schedules") as seat:
        await seat.press("S")
        assert "this stream is paused in" in seat.text
        assert requested(bench) == []


async def test_a_filter_shows_one_plan(bench: Bench, sit: Sit) -> None:
    async with sit(held(bench), (120, 30), tab="schedules") as seat:
        await seat.press("slash", *"calls", "enter")
        assert "Schedules  1-1" in seat.text


async def test_it_fits(bench: Bench, sit: Sit) -> None:
    async with sit(held(bench), tab="schedules") as seat:
        for size in SIZES:
            await seat.resize(*size)
            assert "zavu:calls" in seat.text, size


async def test_nothing_configured_says_what_to_do(empty: Bench, sit: Sit) -> None:
    async with sit(empty, (80, 24), tab="schedules") as seat:
        assert "Add a [[stream]]" in seat.text
        await seat.press("s", "w", "enter")
        assert requested(empty) == []


async def test_an_open_plan_begins_where_it_was_first_seen(bench: Bench, sit: Sit) -> None:
    configure(bench)
    bench.config = replace(bench.config, streams=tuple(replace(each, since=None) for each in bench.config.streams))
    with bench.vault.catalogue.transaction():
        put_stream(bench.vault.catalogue, StreamState(STREAMS[0], floor=NOW - 30 * DAY))
    async with sit(bench, (120, 40), tab="schedules") as seat:
        await seat.press("enter")
        assert "since        2026-10-21" in seat.text
        await seat.press("escape", "j", "enter")
        assert "as far back as the provider keeps records" in seat.text
