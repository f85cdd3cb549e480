"""Jobs, archives and fresh processes for the tests of the vault."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from kit.drivers import environment
from strongroom.model.archive import Archive, Holding, Seal
from strongroom.model.inspection import Expectation, Finding, Inspection, MemberReport, Severity
from strongroom.model.job import Job, State
from strongroom.model.names import make_id
from strongroom.model.plan import DatasetShape, ExportSpec
from strongroom.model.window import Window

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def day(number: int) -> Window:
    return Window(FIRST + timedelta(days=number), FIRST + timedelta(days=number + 1))


def id_number(number: int, at: datetime = NOW) -> str:
    return make_id(at, lambda count: number.to_bytes(count, "big"))


def make_job(number: int = 1, **changes: Any) -> Job:
    """Return job `number`, for the day of that number."""
    job = Job(
        id=id_number(number),
        stream="zavu-messages",
        source="zavu",
        spec=ExportSpec(("messages", "templates"), day(number), (("channel", "sms"),)),
        state=State.PLANNED,
        created_at=NOW,
        changed_at=NOW,
        next_at=NOW,
    )
    return replace(job, **changes)


def make_archive(job: Job, number: int = 1, **changes: Any) -> Archive:
    window = job.spec.window
    report = MemberReport("messages.json", "messages", 120, 3, 2, 1, window.start, window.end, ("extra",), ("gone",))
    archive = Archive(
        id=id_number(number, NOW + timedelta(seconds=1)),
        holding=Holding.HELD,
        stream=job.stream,
        source=job.source,
        provider="zavu",
        spec=job.spec,
        job=job.id,
        ref="exp_1",
        seal=Seal(100, 300, "ab" * 32, "cd" * 32, "export.zip"),
        expectation=Expectation(window, (DatasetShape("messages", "messages.json", "id", "createdAt"),)),
        inspection=Inspection((report,), (Finding(Severity.NOTE, "field-unknown", "a field: extra", "messages.json"),)),
        recipients=("age1example",),
        retention="standard",
        container="zip-of-json",
        durable_at=NOW,
        verified_at=NOW + timedelta(minutes=number),
    )
    return replace(archive, **changes)


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a fresh process that sees the same modules as this one."""
    command = [sys.executable, "-c", script, *(str(argument) for argument in arguments)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    )


def end(*processes: subprocess.Popen[str]) -> list[str]:
    """Wait for processes that must all succeed; return what each printed."""
    told = []
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        told.append(out)
    return told


def let_go(*processes: subprocess.Popen[str]) -> None:
    """Wait until all have said "ready", then close what they read from."""
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
