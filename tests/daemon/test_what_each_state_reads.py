"""What a person reads in each state of a job, a window and a source, on every surface, against the state itself.

One table for each noun: its rows are states, its columns the words of the command line, `--json`, the journal, the
status line that the heartbeat keeps, and the cells of the screen. A state that is added without a row fails.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from kit.daemon_service import serving
from kit.engine_bench import NOON, STREAM, Bench, open_bench
from kit.model_objects import make_job
from strongroom.cli.coverage import _document, _lines
from strongroom.cli.documents import job_document
from strongroom.cli.jobs import _row
from strongroom.cli.main import cli
from strongroom.engine.core.heartbeat import last_heartbeat
from strongroom.engine.core.sources import plans_of
from strongroom.engine.monitor.alert_rules import alarms
from strongroom.engine.monitor.stream_status import condition_of, keeps_of
from strongroom.engine.monitor.system_status import read_system_status
from strongroom.engine.proof.checkpoints import Issuer
from strongroom.engine.queries.coverage_report import StreamCoverage
from strongroom.engine.queries.coverage_statement import _stream
from strongroom.model.alert import ALL_WELL, condition_words
from strongroom.model.clock_check import ClockVerdict
from strongroom.model.coverage import Cover, Interval
from strongroom.model.coverage_strip import Heat, Horizon, heat
from strongroom.model.horizon import BEYOND
from strongroom.model.job import BY_PERSON, Cause, Job, State, Wait
from strongroom.model.second_look import Doubt, SecondLook, SecondLookOutcome
from strongroom.model.waiting import wait_words
from strongroom.model.window import Window
from strongroom.text.states import COVERS, JOBS
from strongroom.text.states import WINDOWS as MARKS
from strongroom.vault.coverage import put_interval
from strongroom.vault.jobs import put_job
from strongroom.vault.sources import SourceState, put_source
from strongroom.vault.streams import StreamState, put_stream
from strongroom_tui.screens.detail_text import ProgressContext, doing
from strongroom_tui.screens.health import status_lines
from strongroom_tui.screens.overview import cell_words
from strongroom_tui.widgets.heatmap import Cell

DAY = timedelta(days=1)
WINDOW = Window(NOON.replace(day=18, hour=0), NOON.replace(day=19, hour=0))
SOON = NOON + timedelta(minutes=30)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with open_bench(tmp_path_factory.mktemp("house")) as bench:
        yield bench


def invoke(bench: Bench, *words: str) -> str:
    result = CliRunner().invoke(cli, ["--config", str(bench.config.file), *words], env={"COLUMNS": "200"})
    assert result.exit_code in (0, 1), result.output
    return result.stdout


# A job: its state, what it waits for, and what is read of it.
WAITS = {
    Cause.DISK: "space on the disk",
    Cause.QUOTA: "the export quota",
    Cause.AUTH: "a key that the provider accepts",
    Cause.PAUSED: "its source to be resumed",
    Cause.TRANSIENT: "the provider to work again",
    Cause.TURN: "another export of the source to be found first",
    Cause.REFUSED: "the provider to accept the request",
    Cause.LINK_REFUSED: "the host of its link to be allowed",
    Cause.CODING: "the provider to serve exports in a coding that can be undone",
}
FREE = {  # state -> words of `jobs`, words of the screen, where nothing holds it up
    State.PLANNED: ("-", "to be requested, now"),
    State.UNCERTAIN: ("-", "looking for it on the provider's list, now"),
    State.WAITING: ("the provider is preparing the export", "the provider is preparing it, now"),
    State.READY: ("-", "ready to download, now"),
    State.FETCHING: ("-", "starting the download"),
    State.SEALED: ("-", "starting verification"),
    State.DEAD: ("-", "a new export will be requested, now"),
    State.ARCHIVED: ("aaaaaaaa", "1.5 KB"),
    State.REPLACED: ("-", "replaced by a new job"),
    State.FAILED: ("it was damaged", "it was damaged"),
    State.CANCELLED: ("-", "cancelled by a person"),
}


def a_job(state: State, **changes: Any) -> Job:
    more: dict[str, Any] = {"stream": STREAM.name, "source": "zavu", "next_at": NOON}
    if state is State.FAILED:
        more |= {"cause": Cause.CONTENT, "detail": "it was damaged"}
    if state is State.ARCHIVED:
        more |= {"size": 1500, "archive": "01" + "a" * 24}
    return replace(make_job(state), **{**more, **changes})


@pytest.mark.parametrize("state", State)
def test_a_job_that_nothing_holds_up(state: State) -> None:
    told = a_job(state)
    listed, shown = FREE[state]
    row, document = _row(told, NOON), job_document(told, NOON)
    assert (row[3], row[5]) == (state.value, listed)
    assert (document["state"], document["cause"]) == (state.value, told.cause.value)
    assert document["waits_for"] is None or state is State.WAITING
    assert doing(told, ProgressContext(NOON, busy=True), 100) == shown
    assert JOBS[state].word == state.value


@pytest.mark.parametrize("cause", WAITS)
@pytest.mark.parametrize("state", [State.PLANNED, State.UNCERTAIN, State.WAITING, State.READY])
def test_a_job_that_waits_says_for_what_and_until_when(state: State, cause: Cause) -> None:
    wait = Wait(cause, "and why", SOON)
    for told in (a_job(state, wait=wait), a_job(state, cause=cause, detail="and why", next_at=SOON)):
        assert _row(told, NOON)[5] == f"waits for {WAITS[cause]} until 2026-11-20 12:30:00Z: and why"
        assert job_document(told, NOON)["waits_for"] == Wait(cause, "and why", SOON)
        assert (
            doing(told, ProgressContext(NOON, busy=True), 120) == f"waits for {WAITS[cause]}, next in 30 min: and why"
        )
        for narrow in range(12, 60):
            assert doing(told, ProgressContext(NOON, busy=True), narrow)  # never nothing


@pytest.mark.parametrize("cause", WAITS)
def test_waiting_jobs_on_every_surface_of_the_running_program(
    house: Bench, cause: Cause, caplog: pytest.LogCaptureFixture
) -> None:
    """`jobs`, `jobs show`, `status`, their --json, the journal, the status line and the heartbeat agree."""
    wait = Wait(cause, "and why", NOON + 9000 * DAY)  # `status` looks at the system's clock
    caplog.set_level(logging.INFO, "strongroom")
    logging.getLogger("strongroom").propagate = True
    with serving(house) as (service, engine, _boot):
        told = a_job(State.PLANNED, id="01" + "b" * 24, wait=wait)
        with engine.vault.catalogue.transaction():
            put_job(engine.vault.catalogue, told)
        words = f"1 job waits for {WAITS[cause]}" if cause is Cause.DISK else f"1 job of zavu waits for {WAITS[cause]}"
        assert words in service.words()
        service._tell_waits()
        assert "waiting" in caplog.text and f"cause={cause.value} jobs=1 until=" in caplog.text
        assert words in " ".join(invoke(house, "status").split())
        assert words in " ".join(invoke(house, "jobs").split())
        assert WAITS[cause] in " ".join(invoke(house, "jobs", "show", told.id).split())
        (group,) = json.loads(invoke(house, "status", "--json"))["waiting"]
        assert (group["cause"], group["jobs"], group["words"]) == (cause.value, 1, "and why")
        (document,) = json.loads(invoke(house, "jobs", "--json"))["jobs"]
        assert document["waits_for"]["cause"] == cause.value
        service.clock = ClockVerdict()
        service._beat()
        beat = last_heartbeat(engine.vault)
        assert beat is not None
        assert words in beat.words
        with engine.vault.catalogue.transaction():
            for each in ("jobs", "coverage"):
                engine.vault.catalogue.write(f"DELETE FROM {each}")


# A window: how it is covered, and what is read of it.
WINDOWS = {
    # cover: symbol, line of `coverage`, line of the statement, status line, words of the screen
    "proven": ("█", "", "archived", ALL_WELL, "archived"),
    "empty": ("·", "", "archived", ALL_WELL, "empty"),
    "open": ("▒", "", "gap", ALL_WELL, "in progress"),
    "missing": (
        "!",
        "! failed: {} (content-refused: the delivered file was not valid)",
        "gap",
        "1 window failed",
        "failed (content-refused)",
    ),
    "lost": ("x", f"x lost: {{}} ({BEYOND})", "gap", "1 period lost", f"lost ({BEYOND})"),
    "destroyed": ("†", "† destroyed: {}", "destroyed", ALL_WELL, "destroyed"),
}
CAUSES = {"missing": "content-refused", "lost": BEYOND}
SPAN = "2026-11-18T00:00:00Z to 2026-11-19T00:00:00Z"


def covered(cover: str) -> StreamCoverage:
    interval = Interval(STREAM.name, WINDOW, Cover(cover), cause=CAUSES.get(cover, ""))
    unheld = () if cover in ("proven", "empty", "destroyed") else (interval,)
    return StreamCoverage(STREAM.name, "zavu", WINDOW.start, 90 * DAY, "", (interval,), unheld, (), None)


def test_every_way_to_be_covered_has_its_row() -> None:
    assert set(WINDOWS) == {each.value for each in Cover} == {*COVERS} - {"due"}
    assert {*MARKS} == {*Heat}


@pytest.mark.parametrize("cover", WINDOWS)
def test_a_window(house: Bench, cover: str) -> None:
    symbol, line, stated, status, shown = WINDOWS[cover]
    told = covered(cover)
    lines = [" ".join(each.split()) for each in _lines(told, NOON)]
    assert symbol in lines[1]
    assert not line or line.format(SPAN) in " ".join(lines)
    (window,) = _document(told)["windows"]  # type: ignore[misc]
    assert window == {"start": WINDOW.start, "end": WINDOW.end, "cover": cover}
    statement = list(_stream(told, WINDOW, Issuer()))
    assert any(each.startswith(f"{stated} {STREAM.name} 2026-11-18T00:00:00Z") for each in statement)
    assert ("no gap" in statement[0]) is (stated != "gap")
    (cell,) = heat((WINDOW,), list(told.intervals), Horizon(WINDOW, 90 * DAY, NOON))
    spot = cell_words(Cell(STREAM.name, WINDOW, cell, CAUSES.get(cover, "")), 100).plain
    assert spot.startswith(f"{symbol} {shown}  ")
    assert MARKS[cell].symbol == COVERS[cover].symbol == symbol
    with house.engine() as engine:
        plans = [replace(plan, since=WINDOW.start) for plan in plans_of(house.config)]
        with engine.vault.catalogue.transaction():
            put_interval(engine.vault.catalogue, told.intervals[0])
        assert status in condition_words(condition_of(engine, plans))
        with engine.vault.catalogue.transaction():
            engine.vault.catalogue.write("DELETE FROM coverage")


@pytest.mark.parametrize("outcome", SecondLookOutcome)
def test_an_empty_window_that_was_doubted(outcome: SecondLookOutcome) -> None:
    look = SecondLook(STREAM.name, WINDOW, "a", Doubt.STREAM, NOON, outcome, NOON)
    cover = "proven" if outcome is SecondLookOutcome.REFUTED else "empty"
    told = replace(covered(cover), looks=(look,))
    text = " ".join(" ".join(_lines(told, NOON)).split())
    assert (
        f"? {'was empty' if outcome is SecondLookOutcome.REFUTED else 'empty'}: {SPAN}: the stream was never empty"
        in text
    )
    (document,) = _document(told)["second_looks"]  # type: ignore[misc]
    assert document["outcome"] == outcome.value
    unsure = any(line.startswith("unconfirmed") for line in _stream(told, WINDOW, Issuer()))
    assert unsure is (outcome in (SecondLookOutcome.PENDING, SecondLookOutcome.UNCONFIRMED))


def test_a_window_that_is_due_or_at_risk(house: Bench) -> None:
    told = replace(covered("proven"), intervals=(), due=(WINDOW,))
    assert "○" in " ".join(_lines(told, NOON))
    assert [each["cover"] for each in _document(told)["windows"]] == ["due"]  # type: ignore[attr-defined]
    assert "gap" in next(iter(_stream(told, WINDOW, Issuer())))
    for keeps, cell in ((90 * DAY, Heat.DUE), (10 * DAY, Heat.RISK)):
        assert heat((WINDOW,), [], Horizon(WINDOW, keeps, NOON)) == (cell,)
    unknown = replace(told, keeps=None, since=None)
    assert "not known yet" in " ".join(_lines(unknown, NOON))


# A source: its state in the catalogue, and what is read of it.
KEY = "the provider refused the key"
SOURCES: list[tuple[str, dict[str, Any], str, str, str, str]] = [
    # name, state, words of `status`, words of the status line, words of the screen, key of the alert
    ("well", {}, "", ALL_WELL, "not known yet until the next answer of zavu", ""),
    ("key", {"paused": KEY}, f"paused zavu: {KEY}", "paused: zavu", f"paused: {KEY}", "critical"),
    (
        "person",
        {"paused": f"{BY_PERSON}ann"},
        "paused zavu: paused by ann",
        "paused: zavu",
        "paused: paused by ann",
        "warning",
    ),
    (
        "quota",
        {"refused_until": NOON + 9000 * DAY, "refused_cause": Cause.QUOTA, "refused_words": "come back later"},
        "source zavu waits for the export quota until",
        ALL_WELL,
        "come back later",
        "",
    ),
    (
        "trouble",
        {"refused_until": NOON + 9000 * DAY, "refused_cause": Cause.TRANSIENT, "refused_words": "status 503"},
        "source zavu waits for the provider to work again until",
        ALL_WELL,
        "status 503",
        "",
    ),
    ("clock", {"clock_skew": 90.0}, "", ALL_WELL, "its clock is +90.0 s from ours", ""),
]


@pytest.mark.parametrize(
    ("state", "cli_words", "line", "screen", "alert"), [row[1:] for row in SOURCES], ids=[row[0] for row in SOURCES]
)
def test_a_source(house: Bench, state: dict[str, Any], cli_words: str, line: str, screen: str, alert: str) -> None:
    with house.engine() as engine:
        catalogue = engine.vault.catalogue
        with catalogue.transaction():
            put_source(catalogue, SourceState("zavu", **state))
        assert cli_words in " ".join(invoke(house, "status").split())
        document = json.loads(invoke(house, "status", "--json"))
        assert {each["name"]: each["paused"] for each in document["sources"]} == {"zavu": state.get("paused", "")}
        (quota,) = document["quotas"]
        assert (quota["refused_until"] is not None) is ("refused_until" in state)
        assert state.get("refused_words", "") in quota["refused"]
        assert condition_words(condition_of(engine, plans_of(house.config))) == line
        shown = "\n".join(status_lines(read_system_status(engine.vault, house.config, {}, NOON), NOON))
        assert screen in shown
        found = alarms(engine.vault, plans_of(house.config), keeps_of(engine), NOON)
        told = [alarm.severity.value for alarm in found if alarm.key == "source-paused zavu"]
        assert told == ([alert] if alert else [])
        with catalogue.transaction():
            put_source(catalogue, SourceState("zavu"))


def test_a_stream_that_is_paused(house: Bench) -> None:
    with house.engine() as engine:
        catalogue = engine.vault.catalogue
        with catalogue.transaction():
            put_stream(catalogue, StreamState(STREAM.name, paused="ann at noon"))
        assert f"paused stream {STREAM.name}: paused by ann at noon" in " ".join(invoke(house, "status").split())
        assert json.loads(invoke(house, "status", "--json"))["paused_streams"] == {STREAM.name: "ann at noon"}
        assert condition_words(condition_of(engine, plans_of(house.config))) == f"paused: {STREAM.name}"
        assert "paused: ann at noon" in invoke(house, "coverage")
        with catalogue.transaction():
            put_stream(catalogue, StreamState(STREAM.name))


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause])
def test_every_cause_reads_alike_everywhere(cause: Cause) -> None:
    wait = Wait(cause, "", SOON)
    brief = wait_words(replace(wait, until=None))
    told = a_job(State.PLANNED, wait=wait)
    assert brief in _row(told, NOON)[5]
    assert doing(told, ProgressContext(NOON, busy=True), 120).startswith(brief)
