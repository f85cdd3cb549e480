"""A stretch of time in a person's short words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from strongroom.model.window import read_stretch


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026-03", at(2026, 3, 1), at(2026, 4, 1)),
        ("2026-12", at(2026, 12, 1), at(2027, 1, 1)),
        ("2026-03-14", at(2026, 3, 14), at(2026, 3, 15)),
        ("2026-03-01..2026-04-15", at(2026, 3, 1), at(2026, 4, 16)),
        ("2025-11..2026-01-02", at(2025, 11, 1), at(2026, 1, 3)),
        ("2024-02-29", at(2024, 2, 29), at(2024, 3, 1)),
    ],
)
def test_months_days_and_what_lies_between(text: str, start: datetime, end: datetime) -> None:
    found = read_stretch(text)
    assert found is not None
    assert (found.start, found.end) == (start, end)


@pytest.mark.parametrize(
    "text", ["", "messages", "2026", "2026-3", "2026-03..", "..2026-03", "2026-03-01T00", "\uff12026-03"]
)
def test_what_is_no_stretch_is_left_to_others(text: str) -> None:
    assert read_stretch(text) is None


@pytest.mark.parametrize("text", ["2026-13", "2026-02-30", "2026-04..2026-03", "0001-01", "9999-12"])
def test_what_no_calendar_has_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_stretch(text)
