"""Text from outside neither crashes the screen nor makes it say what is not so."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kit.tui_bench import NOW, Bench, Sit, make_archive, make_job
from strongroom.evidence.line import Entry
from strongroom.model.inspection import Finding, Inspection, MemberReport, Severity
from strongroom.model.job import Cause, State
from strongroom.vault.sources import SourceState

HOSTILE = {
    "markup": "[/oops]",
    "actions": "[bold red]archived[/] [@click=app.quit]x[/]",
    "escapes": "\x1b[2J\x1b[1;1HARCHIVED\x1b]0;x\x07",
    "lines": "line one\nline two\r\x08\x08",
    "directions": "\u202egnp.exe\u2066 \u200b\ufeff",
    "long": "very long " * 5_000,
    "wide": "中文" * 300,
    "stacked": "e" + "\u0301" * 500,
    "formats": "\\[x] {0} %s $accent",
}


TOGETHER = {
    "meaning": HOSTILE["markup"] + HOSTILE["actions"] + HOSTILE["formats"],
    "control": HOSTILE["escapes"] + HOSTILE["lines"] + HOSTILE["directions"],
    "wide": HOSTILE["wide"] + HOSTILE["stacked"],
    "long": HOSTILE["long"],
}


@pytest.mark.parametrize("text", TOGETHER.values(), ids=TOGETHER)
async def test_hostile_text_is_only_letters(empty: Bench, sit: Sit, text: str) -> None:
    job = make_job(1, State.FAILED, stream=text, detail=text, cause=Cause.REFUSED, source=text, ref=text)
    old, new = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    report = MemberReport(text, text, 5, 1, 1, 0, old, new, (text,), (text,))
    finding = Finding(Severity.WARNING, "field-unknown", text, text)
    archive = make_archive(1, job, stream=text, source=text, inspection=Inspection((report,), (finding,)))
    entry = Entry("job.refused", NOW, job=job.id, facts={"cause": text, "list": [text]}, words=text)
    empty.write(job, archive, entry, SourceState(text, paused=text))
    async with sit(empty, (80, 24)) as seat:
        for keys in (
            [],
            ["enter"],
            ["end"],
            ["escape", "4", "enter"],
            ["end"],
            ["escape", "question_mark"],
            ["escape", "3"],
        ):
            await seat.press(*keys)
            shown = seat.text
            assert all(line.isprintable() for line in shown.splitlines())
            assert len(shown.splitlines()) == 24
        assert "✗ failed" in seat.text
        assert "✓ archived" not in seat.text


async def test_markup_stands_there_as_it_was_written(empty: Bench, sit: Sit) -> None:
    empty.write(make_job(1, State.FAILED, stream="[red]s[/red]", detail="[/oops]", cause=Cause.REFUSED))
    async with sit(empty) as seat:
        assert "[red]s[/red]" in seat.text
        assert "[/oops]" in seat.text
        await seat.press("slash", *"[red]s", "enter")
        assert "filter: [red]s[/red]" in seat.text
