"""What was asked for and waits is in sight, and what became of it is told."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace
from rich.cells import cell_len

from kit.tui_bench import NOW, STREAMS, Bench, Sit
from kit.tui_views import configure, toasts
from strongroom.engine.core.people import acting_person
from strongroom.engine.queries.lists import Request, RequestKind
from strongroom.vault.requests import answer_request, put_request, waiting_requests
from strongroom_tui.requests import Answers, pending_of, request_lines


def request(number: int, wish: RequestKind = RequestKind.PAUSE, subject: str = "a:b", by: str = "ana") -> Request:
    return Request(f"01kr{number:022d}", NOW - timedelta(minutes=10 - number), wish, subject, by)


def answer(bench: Bench, each: Request, *, accepted: bool, words: str) -> None:
    with bench.vault.catalogue.transaction():
        answer_request(bench.vault.catalogue, each, NOW, accepted=accepted, answer=words)


def test_requests_are_counted_and_named_newest_first() -> None:
    waiting = [request(9, RequestKind.RUN_NOW, ""), request(8), request(7, RequestKind.RETRY, "x"), request(6)]
    lines = [line.plain for line in request_lines(waiting, NOW, 70, 2)]
    assert lines == [
        "» 4 requests wait: run now every stream, requested 60 s ago",
        "» pause a:b, requested 2 min ago; 2 more",
    ]
    assert [line.plain for line in request_lines(waiting[1:2], NOW, 70, 0)] == [
        "» 1 request waits: pause a:b, requested 2 min ago"
    ]
    assert request_lines([], NOW, 70, 3) == []
    assert all(cell_len(line.plain) <= 20 for line in request_lines(waiting, NOW, 20, 4))


def test_a_plan_is_meant_by_its_stream_its_source_or_all(bench: Bench) -> None:
    plan = configure(bench).config.streams[0].plan()
    for each in (request(1, subject=STREAMS[0]), request(1, subject="zavu"), request(1, RequestKind.RUN_NOW, "")):
        assert pending_of(plan, [each]) == each
    assert pending_of(plan, [request(1, subject=STREAMS[1]), request(1, RequestKind.RETRY, STREAMS[0])]) is None


def test_answers_are_missed_once_and_only_ones_own() -> None:
    answers, mine, other = Answers(lambda: "ana"), request(1), request(2, by="ben")
    answers.expect(request(3))
    assert answers.missing([request(3), mine, other]) == []
    assert answers.missing([]) == [mine, request(3)]
    answers.forget(mine)
    assert answers.missing([]) == [request(3)]


async def test_a_request_is_in_sight_until_it_is_answered(bench: Bench, sit: Sit) -> None:
    configure(bench)
    before = replace(request(1, subject="zavu:calls"), by=acting_person().name)
    with bench.vault.catalogue.transaction():
        put_request(bench.vault.catalogue, before)
    async with sit(bench, (120, 30), tab="schedules") as seat:
        lines = {name: next(line for line in seat.text.splitlines() if name in line) for name in STREAMS}
        assert "» pause sent" in lines["zavu:calls"]
        assert "»" not in lines[STREAMS[0]]
        await seat.press("w")
        assert (
            "requested: run now zavu:messages; no daemon is running, so it waits for the daemon or the next run"
            in toasts(seat)
        )
        assert "» run now sent" in seat.text
        await seat.press("enter")
        assert f"» run now sent 0 s ago by {acting_person().name}; not answered yet" in seat.text
        await seat.press("escape", "1")
        assert "» 2 requests wait: run now zavu:messages, requested 0 s ago" in seat.text
        await seat.resize(120, 45)  # where there is room, each has a line
        assert "» pause zavu:calls, requested 9 min ago" in seat.text
        wanted = next(each for each in waiting_requests(bench.vault.catalogue) if each.wish is RequestKind.RUN_NOW)
        answer(bench, wanted, accepted=True, words="looking for what is due")
        answer(bench, before, accepted=False, words="there is no job or archive 7. see: strongroom jobs")
        await seat.press("r")
        assert "looking for what is due" in toasts(seat)
        assert "there is no job or archive 7. see the jobs: 3" in toasts(seat)
        assert [each.severity for each in seat.app._notifications] == ["error", "information"]
        assert "»" not in seat.text
        seat.app.clear_notifications()
        await seat.press("r")
        assert toasts(seat) == ""
