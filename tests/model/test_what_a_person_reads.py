"""What a person reads of each state, against the state: words of jobs, groups of jobs, and the daemon's one line."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from kit.model_objects import NOW, make_job
from strongroom.cli.documents import job_document, wait_group_document
from strongroom.model.alert import ALL_WELL, Condition, condition_words
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import UsageError
from strongroom.model.job import Cause, Job, State, Wait
from strongroom.model.plan import Span, oldest_whole
from strongroom.model.text import clause
from strongroom.model.waiting import (
    WaitGroup,
    brief_wait,
    code_words,
    described_cause,
    group_waits,
    group_words,
    is_recorded,
    job_words,
    wait_of,
    wait_words,
    waits_for_quota_alone,
)
from strongroom.text.events import KINDS

MINUTE = timedelta(minutes=1)
SOON = NOW + MINUTE
UNTIL = f"{SOON:%Y-%m-%d %H:%M:%SZ}"
FULL = Wait(Cause.DISK, "the disk has 5 bytes free", SOON)
QUOTA = Wait(Cause.QUOTA, "the provider's export quota is used up", SOON)
KEY = Wait(Cause.AUTH, "the key was refused")


def job(state: State = State.PLANNED, **changes: object) -> Job:
    return replace(make_job(state), next_at=NOW, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (job(), ""),
        (job(wait=FULL), f"waits for space on the disk until {UNTIL}: the disk has 5 bytes free"),
        (job(wait=QUOTA), f"waits for the export quota until {UNTIL}: the provider's export quota is used up"),
        (job(State.WAITING, wait=KEY), "waits for a key that the provider accepts: the key was refused"),
        (
            job(State.UNCERTAIN, cause=Cause.TRANSIENT, detail="status 503"),
            "status 503",
        ),
        (job(State.READY, wait=FULL), f"waits for space on the disk until {UNTIL}: the disk has 5 bytes free"),
        (job(State.FETCHING, wait=FULL), ""),
        (job(State.SEALED), ""),
        (job(State.WAITING), "the provider is preparing the export"),
        (job(State.FAILED, cause=Cause.CONTENT, detail="damaged"), "damaged"),
        (job(State.ARCHIVED), ""),
    ],
)
def test_a_job_says_what_it_waits_for_and_until_when(told: Job, words: str) -> None:
    assert job_words(told, NOW) == words
    document, wait = job_document(told, NOW)["waits_for"], wait_of(told, NOW)
    assert document == wait


@pytest.mark.parametrize("state", [State.PLANNED, State.UNCERTAIN, State.WAITING, State.READY, State.DEAD])
@pytest.mark.parametrize("cause", [cause for cause in Cause if cause])
def test_every_cause_of_every_state_that_can_wait_has_words(state: State, cause: Cause) -> None:
    told = replace(make_job(state), next_at=SOON, cause=cause, detail="why")
    assert wait_of(told, NOW) == Wait(cause, "why", SOON)
    assert job_words(told, NOW).endswith(f"until {UNTIL}: why")
    assert wait_words(Wait(cause)).startswith("waits for ")
    assert len(brief_wait(cause)) <= 24


@pytest.mark.parametrize("state", [state for state in State if make_job(state).finished])
def test_what_is_finished_waits_for_nothing(state: State) -> None:
    assert wait_of(job(state, wait=FULL), NOW) is None


def test_twelve_jobs_with_one_cause_are_one_line_with_a_count() -> None:
    jobs = [job(id=f"{number:026}", wait=replace(QUOTA, until=SOON + number * MINUTE)) for number in range(12)]
    (group,) = group_waits(jobs, NOW)
    source = jobs[0].source
    assert group == WaitGroup(source, QUOTA, 12)
    assert group_words(group) == f"12 jobs of {source} wait for the export quota until {UNTIL}: {QUOTA.words}"
    assert wait_group_document(group)["jobs"] == 12


def test_the_disk_is_one_cause_for_all_sources_and_a_key_is_of_one() -> None:
    both = [job(source=name, wait=wait) for name in ("a", "b") for wait in (FULL, KEY)]
    assert [(group.source, group.wait.cause, group.jobs) for group in group_waits(both, NOW)] == [
        ("", Cause.DISK, 2),
        ("a", Cause.AUTH, 1),
        ("b", Cause.AUTH, 1),
    ]
    assert group_words(WaitGroup("", FULL, 1)).startswith("1 job waits for space on the disk")


@pytest.mark.parametrize(
    ("jobs", "alone"),
    [
        ([job(wait=QUOTA)], True),
        ([job(wait=QUOTA), job(State.WAITING)], True),
        ([job(State.WAITING)], False),  # no quota: the export itself is slow
        ([job(wait=QUOTA), job(wait=FULL)], False),
        ([job(wait=QUOTA), job(State.READY)], False),
        ([job(wait=QUOTA), job(wait=KEY)], False),
        ([], False),
    ],
)
def test_waiting_for_the_quota_alone(jobs: list[Job], alone: bool) -> None:
    assert waits_for_quota_alone(jobs, NOW) is alone


def test_a_row_is_written_again_only_where_a_person_would_read_something_else() -> None:
    assert is_recorded(job(wait=QUOTA), replace(QUOTA, until=SOON + timedelta(seconds=10)), NOW)
    assert not is_recorded(job(wait=QUOTA), replace(QUOTA, until=SOON + 10 * MINUTE), NOW)
    assert not is_recorded(job(wait=QUOTA), FULL, NOW)
    assert not is_recorded(job(), QUOTA, NOW)
    assert not is_recorded(job(wait=KEY), None, NOW)


GROUP = WaitGroup("zavu", QUOTA, 3)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (Condition(), ALL_WELL),
        (Condition(clock="the clock leapt"), "standing by: the clock leapt"),
        (Condition(refused=True), "the changed configuration is refused"),
        (Condition(failed=1), "1 window failed"),
        (Condition(failed=2), "2 windows failed"),
        (Condition(lost=1), "1 period lost"),
        (Condition(doubted=1), "1 empty window to be exported again"),
        (Condition(paused=("zavu",)), "paused: zavu"),
        (Condition(unknown=("calls",)), "the first day is not known yet: calls"),
        (Condition(waits=(GROUP,), jobs=3), "3 jobs of zavu wait for the export quota"),
        (Condition(waits=(GROUP,), jobs=4), "1 job in progress"),
        (Condition(jobs=2), "2 jobs in progress"),
    ],
)
def test_the_status_line_says_what_is_wrong_and_never_more(condition: Condition, words: str) -> None:
    told = condition_words(condition)
    assert words in told
    assert (told == ALL_WELL) is condition.all_well


@pytest.mark.parametrize(
    ("span", "hours", "start"),
    [(Span.DAY, 24, "00:00"), (Span.WEEK, 7 * 24, "00:00"), (Span.HOUR, 1, ":00"), (Span.MONTH, 31 * 24, "00:00")],
)
def test_an_open_plan_begins_with_a_whole_window_that_can_still_be_asked_for(
    span: Span, hours: int, start: str
) -> None:
    for second in range(0, 90_000, 977):
        horizon = NOW + timedelta(seconds=second, microseconds=7)
        begin = oldest_whole(span, "UTC", horizon)
        assert timedelta(minutes=10) <= begin - horizon <= timedelta(hours=hours + 1)
        assert f"{begin:%H:%M}".endswith(start)


def test_every_cause_of_a_failed_window_has_words() -> None:
    codes = [cause for cause in Cause if cause]
    assert [code for code in codes if not code_words(code)] == []
    assert described_cause("coding-refused").startswith("coding-refused: the file comes in a content coding")
    assert described_cause("older than the provider keeps") == "older than the provider keeps"


def test_an_error_is_told_in_whole_sentences() -> None:
    assert UsageError("it is full", hint="free space").sentences == "it is full. Free space"
    assert UsageError("it is full.", hint="free space").sentences == "it is full. Free space"
    assert UsageError("it is full").sentences == "it is full"


def test_noun_and_verb_agree_with_the_count() -> None:
    assert [clause(n, "time has", "times have") for n in (1, 2, 1_000)] == [
        "1 time has",
        "2 times have",
        "1,000 times have",
    ]


def test_every_kind_of_log_entry_has_words() -> None:
    page = (Path(__file__).parents[2] / "docs" / "format.md").read_text()
    table = page[page.index("| `vault.created` |") :].partition("\n\n")[0]
    kinds = {kind for row in table.splitlines() for kind in re.findall(r"`([a-z]+\.[a-z-]+)`", row.split(" | ")[0])}
    assert len(kinds) > 60
    assert kinds <= set(EntryKind) == set(KINDS)
