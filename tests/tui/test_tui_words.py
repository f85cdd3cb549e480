"""Cells and words are pure: exact widths, no control characters, no crash at the ends of time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len
from rich.text import Text

from kit.tui_bench import DAY, NOW, make_archive, make_job
from strongroom.engine.queries.lists import Running
from strongroom.model.job import Cause, State
from strongroom.model.text import clean
from strongroom.model.window import Window
from strongroom.text import times, units
from strongroom.text.layout import clip
from strongroom.text.states import JOBS
from strongroom_tui.screens.archives import ARCHIVE_COLUMNS, archive_row
from strongroom_tui.screens.detail_text import ProgressContext, doing, rate_of
from strongroom_tui.screens.evidence import LOG_COLUMNS
from strongroom_tui.screens.holds import HOLD_COLUMNS
from strongroom_tui.screens.jobs import JOB_COLUMNS, job_row
from strongroom_tui.screens.plans import PLAN_COLUMNS
from strongroom_tui.screens.retention import VERDICT_COLUMNS
from strongroom_tui.screens.schedules import SCHEDULE_COLUMNS
from strongroom_tui.screens.screen import LEAST_WIDTH
from strongroom_tui.widgets.table import Columns, fitted
from strongroom_tui.widgets.text import hang

STAGE = timedelta(seconds=40)


@given(st.text())
def test_cleaned_text_is_one_printable_line(text: str) -> None:
    assert clean(text).isprintable()


@given(st.text(max_size=200), st.integers(0, 90))
def test_clipped_text_fits(text: str, width: int) -> None:
    assert cell_len(clip(text, width)) <= width


@given(st.text(alphabet="abc[]/ äß中", max_size=30))
def test_text_that_is_plain_and_fits_is_left_alone(text: str) -> None:
    assert clip(text, 60) == text


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("a\nb\tc", "a\\nb\\tc"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("held\u202ederewsna", "held\\u202ederewsna"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("\ud800lone", "\\ud800lone"),
        ("c1\x9bX", "c1\\x9bX"),
    ],
)
def test_what_could_steer_a_terminal_is_escaped(raw: str, shown: str) -> None:
    assert clean(raw) == shown


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 KB"),
        (999_949, "999.9 KB"),
        (999_950, "1.0 MB"),
        (2_600_000_000, "2.6 GB"),
        (10**18, "1.0 EB"),
    ],
)
def test_sizes(count: int, words: str) -> None:
    assert units.size(count) == words


@pytest.mark.parametrize(
    ("seconds", "words", "short"),
    [
        (-5, "0 s", "0s"),
        (4, "4 s", "4s"),
        (99, "99 s", "1m"),
        (120, "2 min", "2m"),
        (3600, "60 min", "1h"),
        (12_000, "3 h 20 min", "3h"),
        (7 * 86_400, "7 d", "7d"),
        (7 * 86_400 + 3600, "7 d 1 h", "7d"),
        (729 * 86_400, "729 d", "729d"),
        (11_574 * 86_400, "32 years", "32y"),
    ],
)
def test_spans(seconds: int, words: str, short: str) -> None:
    assert (units.span(timedelta(seconds=seconds)), units.brief(timedelta(seconds=seconds))) == (words, short)


def test_times_are_local_and_carry_their_offset() -> None:
    assert times.local(NOW) == "2026-11-20 14:03:07+01:00"
    assert times.local(NOW - 180 * DAY) == "2026-05-24 15:03:07+02:00"


@pytest.mark.parametrize("instant", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_the_ends_of_time_are_shown_in_utc_where_the_zone_has_no_room(instant: datetime) -> None:
    for write in (times.local, times.local_minute):
        assert write(instant)


@pytest.mark.parametrize(
    ("width", "words"),
    [(24, "2026-11-20 01:00+01 1 d"), (20, "2026-11-20 01:00+01"), (16, "2026-11-20Z"), (10, "26-11-20Z")],
)
def test_a_window_says_as_much_as_fits(width: int, words: str) -> None:
    start = datetime(2026, 11, 20, tzinfo=UTC)
    assert times.window_words(Window(start, start + DAY), width) == words


@pytest.mark.parametrize(
    ("zone", "start", "words"),
    [
        ("America/New_York", datetime(2026, 11, 20, tzinfo=UTC), "2026-11-20Z"),  # else it read as the evening before
        ("America/New_York", datetime(2026, 11, 20, 5, tzinfo=UTC), "2026-11-20"),
        ("Asia/Kolkata", datetime(2026, 11, 20, 7, tzinfo=UTC), "11-20 07:00Z"),
        ("Europe/Berlin", datetime(2026, 11, 20, 7, tzinfo=UTC), "11-20 08:00+01"),
        ("UTC", datetime(2026, 11, 20, tzinfo=UTC), "2026-11-20"),
        ("Pacific/Auckland", datetime(2026, 11, 20, 11, tzinfo=UTC), "2026-11-21"),
    ],
)
def test_a_short_window_is_a_day_of_the_local_zone_or_says_which_zone(
    monkeypatch: pytest.MonkeyPatch, zone: str, start: datetime, words: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        assert times.window_words(Window(start, start + DAY), 14) == words
    time.tzset()


@pytest.mark.parametrize(
    ("zone", "words"), [("Europe/Berlin", "11-20 14:03+01"), ("Asia/Kolkata", "11-20 13:03Z"), ("UTC", "11-20 13:03Z")]
)
def test_a_minute_says_its_zone(monkeypatch: pytest.MonkeyPatch, zone: str, words: str) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        assert times.local_minute(NOW) == words
    time.tzset()


@pytest.mark.parametrize("width", [39, 59, 79, 119])
@pytest.mark.parametrize("columns", [JOB_COLUMNS, ARCHIVE_COLUMNS, VERDICT_COLUMNS, SCHEDULE_COLUMNS])
def test_the_stream_is_the_last_to_go(columns: Columns, width: int) -> None:
    widths = {column.name: column.width for column in fitted(columns, width)}
    assert widths["stream"] >= 8
    assert columns is SCHEDULE_COLUMNS or widths["window"] >= 11
    assert sum(widths.values()) + len(widths) <= width


@pytest.mark.parametrize("width", [39, 59, 79])
def test_an_entry_of_the_log_shows_its_facts_at_any_width(width: int) -> None:
    assert {column.name: column.width for column in fitted(LOG_COLUMNS, width)}["facts"] >= 8


@given(st.text(alphabet="ab 中\n  ", max_size=300), st.integers(8, 60))
def test_hung_text_fits_and_loses_no_letter(words: str, width: int) -> None:
    hung = hang(Text(words), width).plain
    assert all(cell_len(line) <= width for line in hung.split("\n"))
    assert "".join(hung.split()) == "".join(words.split())


@pytest.mark.parametrize(
    ("words", "hung"),
    [
        ("  sealed        one two three fours", "  sealed        one two three\n                fours"),
        ("  name  " + "a" * 40, f"  name  {'a' * 26}\n        {'a' * 14}"),
        ("          → a hint that is longer now", "          → a hint that is longer\n          now"),
        ("plain words that are longer than it", "plain words that are longer than\nit"),
        ("short", "short"),
    ],
)
def test_what_goes_on_stands_under_its_value(words: str, hung: str) -> None:
    assert hang(Text(words), 34).plain == hung


def test_hung_text_keeps_its_styles() -> None:
    hung = hang(Text.assemble("  label   ", ("strong words that go on", "bold")), 20)
    bold = "".join(hung.plain[each.start : each.end] for each in hung.spans if each.style == "bold")
    assert "".join(bold.split()) == "strongwordsthatgoon"


def test_every_state_has_a_look_of_its_own() -> None:
    assert set(JOBS) == set(State)
    assert len({mark.symbol for mark in JOBS.values()}) == len({mark.word for mark in JOBS.values()}) == len(State)
    assert all(cell_len(mark.symbol) == 1 for mark in JOBS.values())


@pytest.mark.parametrize(
    "of", [JOB_COLUMNS, ARCHIVE_COLUMNS, HOLD_COLUMNS, LOG_COLUMNS, PLAN_COLUMNS, SCHEDULE_COLUMNS, VERDICT_COLUMNS]
)
def test_columns_fill_every_width_and_never_pass_it(of: Columns) -> None:
    for width in range(-5, 251):
        taken = sum(column.width + 1 for column in fitted(of, width))
        assert taken == width or (width < LEAST_WIDTH - 2 and taken >= width), width


@given(st.integers(30, 200), st.sampled_from(State), st.sampled_from(Cause), st.text(max_size=80))
def test_cells_of_any_job_and_archive_fit_their_columns(width: int, state: State, cause: Cause, told: str) -> None:
    job = make_job(1, state, cause=cause, detail=told, stream=told, size=10**14)
    scene = ProgressContext(NOW, busy=True, running=Running(job.id, "download", 10**12, 10**14, NOW))
    for row, columns in (
        (job_row(job, scene, fitted(JOB_COLUMNS, width)), fitted(JOB_COLUMNS, width)),
        (
            archive_row(make_archive(1, job, stream=told), fitted(ARCHIVE_COLUMNS, width)),
            fitted(ARCHIVE_COLUMNS, width),
        ),
    ):
        assert all(cell_len(cell.plain) <= column.width for cell, column in zip(row.cells, columns, strict=True))
        assert all(cell.plain.isprintable() for cell in row.cells)


FETCHING = make_job(1, State.FETCHING, changed_at=NOW - STAGE)


def running(done: int, total: int | None, ago: int = 0) -> Running:
    return Running(FETCHING.id, "download", done, total, NOW - timedelta(seconds=ago))


@pytest.mark.parametrize(
    ("told", "busy", "width", "words"),
    [
        (running(400_000_000, 1_000_000_000), True, 70, "████░░░░░░░░ 40% 400.0 MB of 1.0 GB 10.0 MB/s 60 s left"),
        (running(400_000_000, 1_000_000_000), True, 50, "████░░░░░░ 40% 400.0 MB of 1.0 GB 10.0 MB/s"),
        (running(400_000_000, 1_000_000_000), True, 29, "██░░░ 40% 400.0 MB 10.0 MB/s"),
        (running(400_000_000, 1_000_000_000), True, 3, "40%"),
        (running(400_000_000, None), True, 50, "400.0 MB of unknown size 10.0 MB/s"),
        (running(0, 1_000_000_000), True, 70, "░░░░░░░░░░░░ 0% 0 B of 1.0 GB time left unknown"),
        (running(2_000_000_000, 1_000_000_000), True, 40, "█████ 100% 2.0 GB 50.0 MB/s"),
        (running(400_000_000, 1_000_000_000, ago=15), True, 45, "████░░░░░░ 40% 400.0 MB of 1.0 GB silent for 15 s"),
        (running(400_000_000, 1_000_000_000), False, 60, "████░░░░░░░░ 40% 400.0 MB of 1.0 GB interrupted"),
        (None, True, 60, "starting the download"),
    ],
)
def test_a_transfer_says_how_far_it_is(told: Running | None, busy: bool, width: int, words: str) -> None:
    shown = doing(FETCHING, ProgressContext(NOW, busy, told), width)
    assert shown == words or (cell_len(words) > width and cell_len(shown) <= width)


def test_no_rate_is_made_up_from_less_than_a_second() -> None:
    assert rate_of(replace(FETCHING, changed_at=NOW), running(5, 10)) is None


@pytest.mark.parametrize(
    ("job", "width", "words"),
    [
        (make_job(1), 60, "to be requested, next in 25 s"),
        (make_job(1, next_at=NOW), 60, "to be requested, now"),
        (make_job(1, cause=Cause.QUOTA, detail="used up"), 60, "waits for the export quota, next in 25 s: used up"),
        (make_job(1, cause=Cause.QUOTA, detail="used up"), 20, "waits for quota"),
        (make_job(1, State.FAILED, cause=Cause.AUTH, detail="401"), 60, "401"),
        (make_job(1, State.FAILED, cause=Cause.AUTH), 60, "auth-refused"),
        (make_job(1, State.ARCHIVED, size=1500), 60, "1.5 KB"),
        (make_job(1, State.REPLACED), 60, "replaced by a new job"),
    ],
)
def test_a_job_says_what_it_waits_for_or_how_it_ended(job: object, width: int, words: str) -> None:
    assert doing(job, ProgressContext(NOW, busy=True), width) == words  # type: ignore[arg-type]
