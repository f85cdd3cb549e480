"""What `doctor` says of the disk, in numbers that mean something to a person."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from strongroom.engine.monitor import doctor


@pytest.mark.parametrize(
    ("lasts", "per_day", "words"),
    [
        (None, 0.0, "reserve is 2.0 GB"),
        (timedelta(days=11_574), 1_000.0, "at the present rate it is not reached within a year"),
        (timedelta(days=40), 12_340_000.0, "at 12.3 MB a day it is reached in 40 days"),
    ],
)
def test_it_says_when_the_disk_is_full_only_where_that_is_within_a_year(
    monkeypatch: pytest.MonkeyPatch, lasts: timedelta | None, per_day: float, words: str
) -> None:
    found: Any = SimpleNamespace(free=30 * 10**9, reserve=2 * 10**9, per_day=per_day, lasts=lasts)
    monkeypatch.setattr(doctor, "disk_forecast", lambda *_: found)
    config: Any = SimpleNamespace(streams=(), vault=SimpleNamespace(min_free=2, path=Path("/v")))
    vault: Any = None
    check = doctor._room(config, vault)
    assert check.message.endswith(words)
    assert check.verdict is doctor.CheckResult.OK
