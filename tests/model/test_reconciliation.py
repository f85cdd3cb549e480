"""Two streams over a year: each planted omission is found, none invented, in memory that does not grow."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

import pytest

from strongroom.model.reconciliation import ReconciledDay, Reconciliation, Side, field_value
from strongroom.model.window import Window

DAY = timedelta(days=1)
YEAR = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
WITHIN = timedelta(hours=30)
WHOLE = [Window(YEAR.start - 3 * DAY, YEAR.end + 3 * DAY)]
A_DAY = 120  # messages


def messages(chance: random.Random) -> Iterator[tuple[str, datetime, datetime]]:
    """Yield an id, when the message was sent, and when the webhook about it was delivered: up to 29 hours later."""
    at, number = YEAR.start - 2 * DAY, 0
    while at < YEAR.end + 2 * DAY:
        at += timedelta(seconds=chance.uniform(1, 2 * DAY.total_seconds() / A_DAY))
        number += 1
        yield f"m{number}", at, at + timedelta(seconds=chance.choice((1, 60, 3_600, 29 * 3_600)) * chance.random())


def compare(
    left: list[tuple[str, datetime]], right: list[tuple[str, datetime]], covered: dict[Side, list[Window]], zone: str
) -> tuple[list[ReconciledDay], int]:
    """Take in both sides by archives of a day each, in any order within one, as archives are read."""
    found, most, days = Reconciliation(YEAR, zone, WITHIN, covered), 0, list[ReconciledDay]()
    archives = [
        (day, side, list(rows))
        for side, ids in ((Side.LEFT, left), (Side.RIGHT, right))
        for day, rows in groupby(sorted(ids, key=lambda each: each[1]), key=lambda each: each[1].date())
    ]
    for day, side, rows in sorted(archives, key=lambda each: each[:2]):
        days += found.settle(datetime.combine(day, datetime.min.time(), UTC))
        random.Random(1).shuffle(rows)
        for key, at in rows:
            if found.reach.holds(at):
                found.put(side, key, at)
                found.put(side, key, at)  # a second pass has it again
        most = max(most, found.held)
    days += found.settle(None)
    return days, most


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland"])
def test_each_of_a_hundred_omissions_is_found_and_none_invented(zone: str) -> None:
    chance = random.Random(20261201)
    every = list(messages(chance))
    inside = [each for each in every if YEAR.holds(each[1]) and YEAR.holds(each[2])]
    planted = chance.sample(inside, 100)
    no_webhook, no_message = {each[0] for each in planted[:50]}, {each[0] for each in planted[50:]}
    left = [(key, at) for key, _sent, at in every if key not in no_webhook]
    right = [(key, at) for key, at, _delivered in every if key not in no_message]
    days, most = compare(left, right, {Side.LEFT: WHOLE, Side.RIGHT: WHOLE}, zone)
    assert {key for day in days for key in day.right_only} == no_webhook
    assert {key for day in days for key in day.left_only} == no_message
    assert sum(day.undecided for day in days) == 0
    assert [day.day for day in days] == sorted(day.day for day in days)
    assert sum(day.right for day in days) == sum(YEAR.holds(at) for _key, at in right)
    assert most < 2 * 9 * 1.3 * A_DAY, "a few days of both sides, of a year with 44,000 ids"


def test_where_the_other_side_is_not_archived_nothing_is_said_to_be_missing() -> None:
    every = list(messages(random.Random(7)))
    gap = Window(datetime(2026, 5, 3, tzinfo=UTC), datetime(2026, 5, 6, tzinfo=UTC))
    left = [(key, at) for key, _sent, at in every if not gap.holds(at)]
    right = [(key, at) for key, at, _delivered in every]
    covered = [Window(WHOLE[0].start, gap.start), Window(gap.end, WHOLE[0].end)]
    days, _most = compare(left, right, {Side.LEFT: covered, Side.RIGHT: WHOLE}, "UTC")
    assert [day for day in days if not day.is_even] == []
    assert {day.day for day in days if day.undecided} <= {date(2026, 5, number) for number in range(1, 8)}
    assert sum(day.undecided for day in days) > A_DAY


def test_the_newest_ids_are_undecided_until_their_partners_can_have_come() -> None:
    at = YEAR.start + 5 * DAY
    found = Reconciliation(YEAR, "UTC", WITHIN, {Side.LEFT: WHOLE, Side.RIGHT: [Window(YEAR.start, at + DAY)]})
    found.put(Side.LEFT, "m1", at)
    [day] = found.settle(None)
    assert (day.undecided, day.left_only) == (1, ())


def test_a_field_is_found_by_its_path_also_in_json_in_a_text() -> None:
    record = {"a.b": "whole", "a": {"b": "inner", "n": 7}, "payload": '{"data": {"id": "m1"}}', "t": True, "x": None}
    paths = ("a.b", "a.n", "payload.data.id", "payload.data", "payload.none", "t", "x", "t.x", "nothing")
    found = [field_value(record, path, json.loads) for path in paths]
    assert found == ["whole", "7", "m1", "", "", "true", "", "", ""]
