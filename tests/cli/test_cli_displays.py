"""Following jobs from the catalogue, and showing them as bars, lines or JSON lines."""

from __future__ import annotations

import io
import json
import threading
from datetime import timedelta

import pytest
from msgspec.structs import replace
from rich.console import Console

from kit.cli_home import FIRST, Home
from strongroom.cli.run_display import (
    Bars,
    Family,
    Follower,
    Following,
    JobSnapshot,
    JsonLines,
    PlainLines,
    choose_display,
)
from strongroom.cli.summary import outcome_of, put_outcome, say_outcome
from strongroom.config.load import load_config
from strongroom.engine.core.moments import Moment
from strongroom.engine.core.sources import open_reading
from strongroom.engine.queries.lists import Running, job_life, list_jobs
from strongroom.model.job import Cause, Job, State
from strongroom.model.plan import ExportSpec
from strongroom.model.window import Window

SPEC = ExportSpec(("messages",), Window(FIRST, FIRST + timedelta(days=1)))
JOB = Job("0" * 18 + "abcdefgh", "messages", "zavu-main", SPEC, State.FETCHING, FIRST, FIRST, FIRST)


def moment(kind: str, words: str = "", **facts: str | int) -> Moment:
    return Moment(1, FIRST, kind, JOB.id, "", dict(facts), words)


def glance(job: Job = JOB, *moments: Moment, running: Running | None = None) -> JobSnapshot:
    return JobSnapshot({job.id: job}, {running.job: running} if running else {}, moments)


def test_a_family_takes_in_successors_and_nobody_else() -> None:
    family = Family([JOB])
    successor = replace(JOB, id="1" * 26, parent=JOB.id)
    grandchild = replace(JOB, id="2" * 26, parent=successor.id)
    assert JOB in family
    assert successor in family
    assert grandchild in family
    assert replace(JOB, id="3" * 26) not in family
    assert replace(JOB, id="4" * 26, parent="5" * 26) not in family


def test_plain_lines_tell_each_transition_once_and_clean(capsys: pytest.CaptureFixture[str]) -> None:
    lines = PlainLines()
    lines.show(
        glance(JOB, moment("job.accepted", ref="exp_1"), moment("job.delayed", "\x1b[2Jtoo many", cause="quota"))
    )
    lines.show(glance(JOB))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "00:00:00 abcdefgh messages 2026-11-01 +1d: the provider is preparing it (export exp_1)",
        "00:00:00 abcdefgh messages 2026-11-01 +1d: delayed (cause quota, \\x1b[2Jtoo many)",
    ]


def test_json_lines_tell_moments_and_bytes_once(capsys: pytest.CaptureFixture[str]) -> None:
    lines = JsonLines()
    running = Running(JOB.id, "download", 10, 20, FIRST)
    lines.show(glance(JOB, moment("job.opened"), running=running))
    lines.show(glance(JOB, running=running))
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["event"] for each in found] == ["moment", "progress"]
    assert found[1] == {
        "event": "progress",
        "job": JOB.id,
        "stage": "download",
        "done": 10,
        "total": 20,
        "at": "2026-11-01T00:00:00Z",
    }


def test_a_finished_job_scrolls_by_and_is_counted() -> None:
    screen = io.StringIO()
    bars = Bars(Console(file=screen, force_terminal=True, width=80, markup=False, highlight=False))
    bars.show(glance(JOB))
    bars.show(glance(replace(JOB, state=State.ARCHIVED), moment("job.proven", records=7)))
    lines = still_picture(bars)
    bars.close()
    assert "verified: read back and counted (7 records)" in screen.getvalue().replace("\n", " ")
    assert len(lines) == 1
    assert lines[0].startswith("1 of 1 done")


def still_picture(bars: Bars) -> list[str]:
    console = Console(file=(still := io.StringIO()), width=80)
    console.print(bars._progress.get_renderable())
    return still.getvalue().splitlines()


def test_bars_name_what_is_under_way() -> None:
    screen = io.StringIO()
    bars = Bars(Console(file=screen, force_terminal=True, width=80, markup=False, highlight=False))
    long = replace(JOB, stream="messages-of-a-stream-with-a-long-name")
    for second in range(2):
        running = Running(JOB.id, "download", second * 1_000_000, 4_000_000, FIRST + timedelta(seconds=second))
        bars.show(glance(long, running=running))
    lines = still_picture(bars)
    bars.close()
    assert all(len(line) <= 80 for line in lines)
    (row,) = [line for line in lines if "messages" in line]
    assert "download" in row
    assert "1.0 MB 1.0 MB/s" in row


def test_lines_where_there_is_no_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(choose_display(as_json=False), PlainLines)
    assert isinstance(choose_display(as_json=True), JsonLines)


def test_a_follower_reads_each_moment_once(home: Home) -> None:
    config = load_config(home.config)
    with open_reading(config) as vault:
        jobs = list_jobs(vault)
        follower = Follower(vault, Family(jobs[:1]))
        follower._seq = 0
        first, second = follower.look(), follower.look()
        told = job_life(vault, jobs[0]).moments
    assert set(first.jobs) == {jobs[0].id}
    assert first.moments == told
    assert second.moments == ()


def test_a_display_that_breaks_does_not_break_the_work(home: Home) -> None:
    class Broken:
        closed = threading.Event()

        def show(self, glance: JobSnapshot) -> None:
            raise BrokenPipeError

        def close(self) -> None:
            self.closed.set()

    with open_reading(load_config(home.config)) as vault, Following(vault, Family(list_jobs(vault)), Broken()):
        assert Broken.closed.wait(60)


def test_the_summary_tells_what_was_archived_and_why_the_rest_was_not(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_reading(load_config(home.config)) as vault:
        outcome = outcome_of(vault, Family(list_jobs(vault)), FIRST)
    assert (len(outcome.archived), len(outcome.others), outcome.exit_code) == (3, 1, 1)
    say_outcome(outcome)
    shown = capsys.readouterr().out
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert shown.count("2026-11-0") == 4
    assert "-> check datasets and window" in shown
    assert shown.endswith("1 not\n")
    put_outcome(outcome)
    document = json.loads(capsys.readouterr().out)
    assert (document["event"], document["complete"], len(document["archived"])) == ("summary", False, 3)
    assert document["unfinished"][0]["next_step"]


@pytest.mark.parametrize("cause", list(Cause))
@pytest.mark.parametrize("state", [State.FAILED, State.PLANNED])
def test_there_is_a_next_step_for_every_cause(cause: Cause, state: State) -> None:
    from strongroom.text.sentences import next_step

    assert next_step(replace(JOB, cause=cause, state=state))
