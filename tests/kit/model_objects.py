"""Jobs, plans and observations for the tests of the model."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from strongroom.model.job import Job, State
from strongroom.model.plan import ExportSpec, Stream
from strongroom.model.provider import Ask, ExportStatus, Listed, Observation
from strongroom.model.window import Window

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = Window(datetime(2026, 3, 8, tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC))
STREAM = Stream("zavu-messages", "zavu", ("messages",))
ASK = Ask(frozenset({"messages"}), DAY.start, DAY.end)


def make_job(state: State = State.PLANNED, **changes: Any) -> Job:
    job = Job(
        id="01" + "a" * 24,
        stream=STREAM.name,
        source=STREAM.source,
        spec=ExportSpec(STREAM.datasets, DAY),
        state=state,
        created_at=NOW - timedelta(hours=1),
        changed_at=NOW - timedelta(minutes=10),
        next_at=NOW,
    )
    return replace(job, **changes)


def listed(
    ref: str, minutes: int | None = 0, status: ExportStatus = ExportStatus.RUNNING, ask: Ask | None = ASK
) -> Listed:
    created = None if minutes is None else NOW + timedelta(minutes=minutes)
    return Listed(ask, Observation(ref, status, status.value, created_at=created))
