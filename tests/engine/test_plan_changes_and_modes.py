"""What a change of a plan reaches for, and which modes let others write where keys and configuration lie."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from strongroom.engine.core.check import CheckResult
from strongroom.engine.monitor.config_check import _judge
from strongroom.engine.queries.change_preview import wants_more
from strongroom.model.plan import Plan, Span, Stream

EARLY, LATE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)


def plan(since: datetime | None, span: Span) -> Plan:
    return Plan(Stream("s", "zavu", ("messages",)), since, span)


@pytest.mark.parametrize(
    ("before", "after", "more"),
    [
        (plan(LATE, Span.DAY), plan(LATE, Span.DAY), False),
        (plan(LATE, Span.DAY), plan(EARLY, Span.DAY), True),
        (plan(EARLY, Span.DAY), plan(LATE, Span.DAY), False),
        (plan(LATE, Span.DAY), plan(None, Span.DAY), True),
        (plan(None, Span.DAY), plan(EARLY, Span.DAY), False),
        (plan(LATE, Span.MONTH), plan(LATE, Span.DAY), True),
        (plan(LATE, Span.DAY), plan(LATE, Span.MONTH), False),
        (plan(LATE, Span.MONTH), plan(EARLY, Span.DAY), True),
    ],
)
def test_a_change_that_reaches_further_back_or_cuts_finer_may_be_a_backfill(
    before: Plan, after: Plan, more: bool
) -> None:
    assert wants_more(before, after) is more


@pytest.mark.parametrize(
    ("mode", "verdict"),
    [
        (0o700, None),
        (0o755, None),
        (0o770, CheckResult.WARN),
        (0o777, CheckResult.FAIL),
        (0o702, CheckResult.FAIL),
        (0o1777, None),
    ],
)
def test_a_folder_that_others_may_write_is_told(tmp_path: Path, mode: int, verdict: CheckResult | None) -> None:
    folder = tmp_path / "keys"
    folder.mkdir()
    folder.chmod(mode)
    found = _judge(folder, "the folder", "put another file in its place")
    assert (found.verdict if found else None) is verdict


def test_a_file_with_the_sticky_bit_is_judged_like_any_other(tmp_path: Path) -> None:
    file = tmp_path / "strongroom.toml"
    file.touch()
    file.chmod(0o1666)
    found = _judge(file, "the configuration", "add a recipient")
    assert found is not None
    assert found.verdict is CheckResult.FAIL
    assert "chmod go-w" in found.hint
