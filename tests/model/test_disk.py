"""How long the disk lasts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from strongroom.model.backlog_forecast import Growth, forecast_disk

DAY = timedelta(days=1)


def test_it_lasts_as_long_as_the_pace_of_the_records_leaves_room() -> None:
    found = forecast_disk(1_000, 100, [Growth(70, 7 * DAY), Growth(20, DAY)])
    assert (found.per_day, found.lasts) == (30, 30 * DAY)


def test_what_is_owed_is_taken_first() -> None:
    assert forecast_disk(1_000, 100, [Growth(10, DAY, owed=60 * DAY)]).lasts == 30 * DAY
    assert forecast_disk(1_000, 100, [Growth(10, DAY, owed=600 * DAY)]).lasts == timedelta(0)


@pytest.mark.parametrize("growths", [[], [Growth(0, DAY)], [Growth(0, timedelta(0))]])
def test_what_does_not_grow_lasts_for_no_known_time(growths: list[Growth]) -> None:
    assert forecast_disk(1_000, 100, growths).lasts is None


def test_below_the_reserve_no_time_is_left_and_nobody_plans_for_ever() -> None:
    assert forecast_disk(50, 100, [Growth(1, DAY)]).lasts == timedelta(0)
    assert forecast_disk(10**18, 0, [Growth(1, 1000 * DAY)]).lasts == timedelta(seconds=1e9)
