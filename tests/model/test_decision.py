from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.model_objects import ASK, NOW, listed, make_job
from strongroom.model.decision import Act, RetryPolicy, Situation, Step, absent, next_step, recognise
from strongroom.model.job import TERMINAL, Cause, Job, State
from strongroom.model.provider import Ask, ExportStatus, Listed, Match

PATIENCE = RetryPolicy()
MINUTE = timedelta(minutes=1)
HERE = Situation(NOW, surveyed_at=NOW, budget_at=NOW)


def decide(job: Job, situation: Situation = HERE) -> Step:
    return next_step(job, situation, PATIENCE)


@pytest.mark.parametrize(
    ("state", "act"),
    [
        (State.PLANNED, Act.INTEND),
        (State.UNCERTAIN, Act.LOOK),
        (State.WAITING, Act.OBSERVE),
        (State.READY, Act.OPEN),
        (State.FETCHING, Act.RESTART),
        (State.SEALED, Act.RESTART),
        (State.DEAD, Act.SUCCEED),
        (State.ARCHIVED, Act.NOTHING),
        (State.REPLACED, Act.NOTHING),
        (State.FAILED, Act.NOTHING),
        (State.CANCELLED, Act.NOTHING),
    ],
)
def test_a_job_found_in_a_state(state: State, act: Act) -> None:
    assert decide(make_job(state)).act is act


@pytest.mark.parametrize(
    ("state", "act"), [(State.UNCERTAIN, Act.ASK), (State.FETCHING, Act.TAKE), (State.SEALED, Act.PROVE)]
)
@pytest.mark.parametrize("paused", ["", "the key was refused"])
def test_what_is_in_hand_goes_on_whatever_else_is_true(state: State, act: Act, paused: str) -> None:
    assert decide(make_job(state), Situation(NOW, in_hand=True, paused=paused)).act is act


@pytest.mark.parametrize("state", [state for state in State if state is not State.UNCERTAIN])
@pytest.mark.parametrize("in_hand", [True, False])
def test_only_an_intent_in_hand_is_ever_sent(state: State, in_hand: bool) -> None:
    assert decide(make_job(state), Situation(NOW, in_hand, surveyed_at=NOW)).act is not Act.ASK
    assert decide(make_job(State.UNCERTAIN)).act is Act.LOOK


@pytest.mark.parametrize("state", [State.PLANNED, State.UNCERTAIN, State.WAITING, State.READY, State.DEAD])
def test_nothing_is_done_before_it_is_due(state: State) -> None:
    job = make_job(state, next_at=NOW + MINUTE, cause=Cause.TRANSIENT, detail="status 503")
    assert decide(job) == Step(Act.WAIT, Cause.TRANSIENT, "status 503", until=NOW + MINUTE)


@pytest.mark.parametrize("state", [State.PLANNED, State.UNCERTAIN, State.WAITING, State.READY])
def test_a_paused_source_is_left_alone(state: State) -> None:
    step = decide(make_job(state), Situation(NOW, paused="the key was refused"))
    assert (step.act, step.cause, step.reason) == (Act.WAIT, Cause.AUTH, "the key was refused")
    assert step.until is not None
    assert step.until > NOW
    assert step.lasting
    assert decide(make_job(state), Situation(NOW, paused="paused by ann on 2026-11-01")).cause is Cause.PAUSED


@pytest.mark.parametrize("state", [State.FETCHING, State.SEALED, State.DEAD])
def test_a_pause_holds_up_nothing_that_needs_no_provider(state: State) -> None:
    assert decide(make_job(state), Situation(NOW, paused="the key was refused")).act is not Act.WAIT


@pytest.mark.parametrize("state", sorted(TERMINAL))
@pytest.mark.parametrize("in_hand", [True, False])
def test_a_finished_job_is_never_touched(state: State, in_hand: bool) -> None:
    job = make_job(state, next_at=NOW - MINUTE)
    assert decide(job, Situation(NOW, in_hand, paused="no")).act is Act.NOTHING


@pytest.mark.parametrize(
    ("surveyed", "act"),
    [
        (None, Act.SURVEY),
        (-PATIENCE.survey_age - timedelta(seconds=1), Act.SURVEY),
        (-PATIENCE.survey_age, Act.INTEND),
        (timedelta(0), Act.INTEND),
        (timedelta(seconds=2), Act.INTEND),  # another worker has just been there
        (timedelta(days=1), Act.SURVEY),  # the clock was set back: the view is of no known age
    ],
)
def test_asking_needs_a_fresh_view_of_what_others_do(surveyed: timedelta | None, act: Act) -> None:
    at = None if surveyed is None else NOW + surveyed
    assert decide(make_job(), Situation(NOW, surveyed_at=at)).act is act


def test_a_used_up_quota_is_waited_for() -> None:
    step = decide(make_job(), Situation(NOW, surveyed_at=NOW, budget_at=NOW + MINUTE))
    assert (step.act, step.cause, step.until) == (Act.WAIT, Cause.QUOTA, NOW + MINUTE)


@pytest.mark.parametrize(
    ("since", "act"), [(PATIENCE.overdue, Act.OBSERVE), (PATIENCE.overdue + timedelta(seconds=1), Act.ABANDON)]
)
def test_an_export_that_never_ends_is_buried(since: timedelta, act: Act) -> None:
    step = decide(make_job(State.WAITING, accepted_at=NOW - since, changed_at=NOW))
    assert step.act is act
    assert act is Act.OBSERVE or (step.cause, "24 hours" in step.reason) == (Cause.OVERDUE, True)


def test_without_a_date_of_acceptance_the_change_counts() -> None:
    assert decide(make_job(State.WAITING, changed_at=NOW - timedelta(hours=25))).act is Act.ABANDON


@pytest.mark.parametrize(
    ("cause", "most"),
    [
        (Cause.CONTENT, PATIENCE.rejections),
        (Cause.TRANSFER, PATIENCE.transfers),
        (Cause.LINK, PATIENCE.links),
        (Cause.WORKER, PATIENCE.workers),
    ],
)
def test_the_tries_of_one_export_are_bounded(cause: Cause, most: int) -> None:
    assert decide(make_job(State.READY, attempts={cause.value: most - 1})).act is Act.OPEN
    step = decide(make_job(State.READY, attempts={cause.value: most}))
    assert (step.act, step.cause) == (Act.ABANDON, cause)


@pytest.mark.parametrize("cause", [Cause.DISK, Cause.RESTART, Cause.TRANSIENT, Cause.QUOTA])
def test_trouble_that_is_not_the_exports_own_never_buries_it(cause: Cause) -> None:
    assert decide(make_job(State.READY, attempts={cause.value: 10_000})).act is Act.OPEN


@pytest.mark.parametrize(
    ("generation", "act"), [(0, Act.SUCCEED), (1, Act.SUCCEED), (2, Act.GIVE_UP), (9, Act.GIVE_UP)]
)
def test_the_exports_of_one_window_are_bounded(generation: int, act: Act) -> None:
    step = decide(make_job(State.DEAD, generation=generation, cause=Cause.EXPIRED, detail="it expired"))
    assert (step.act, step.cause) == (act, Cause.EXPIRED)
    assert step.reason.startswith("it expired")


def found(entries: list[Listed], match: Match = Match.EXACT, known: frozenset[str] = frozenset()) -> tuple[str, str]:
    result = recognise(make_job(State.UNCERTAIN), ASK, entries, known, match)
    return result.matches.name.lower(), result.observation.ref if result.observation else ""


OTHER = Ask(ASK.datasets, ASK.lower, NOW)


@pytest.mark.parametrize("match", Match)
def test_an_empty_list_holds_nothing(match: Match) -> None:
    assert found([], match) == ("none", "")


def test_of_equal_asks_the_first_made_is_taken() -> None:
    assert found([listed("late", 5), listed("early", 1), listed("middle", 3)]) == ("one", "early")
    assert found([listed("b", 1), listed("a", 1)]) == ("one", "a")


def test_where_filters_are_repeated_another_ask_is_not_ours() -> None:
    assert found([listed("theirs", 0, ask=OTHER), listed("ours", 1)]) == ("one", "ours")
    assert found([listed("theirs", 0, ask=OTHER), listed("mute", 0, ask=None)]) == ("none", "")


def test_where_nothing_is_repeated_one_may_be_taken_and_of_two_nobody_guesses() -> None:
    one, two = listed("a", ask=None), listed("b", ask=None)
    assert found([one], Match.HEURISTIC) == ("one", "a")
    assert found([one, two], Match.HEURISTIC) == ("several", "")
    assert found([one, two], Match.HEURISTIC, frozenset({"b"})) == ("one", "a")


def test_where_nothing_can_be_recognised_nobody_guesses_at_all() -> None:
    assert found([listed("a", ask=None)], Match.NONE) == ("several", "")


@pytest.mark.parametrize("match", Match)
def test_exports_of_other_jobs_are_not_taken(match: Match) -> None:
    assert found([listed("a"), listed("b")], match, frozenset({"a", "b"})) == ("none", "")


@pytest.mark.parametrize("match", Match)
@pytest.mark.parametrize("status", [ExportStatus.FAILED, ExportStatus.EXPIRED, ExportStatus.GONE])
def test_exports_beyond_use_are_not_taken(match: Match, status: ExportStatus) -> None:
    assert found([listed("a", status=status)], match) == ("none", "")


@pytest.mark.parametrize(
    "status", [ExportStatus.QUEUED, ExportStatus.RUNNING, ExportStatus.READY, ExportStatus.UNKNOWN]
)
def test_exports_in_use_are(status: ExportStatus) -> None:
    assert found([listed("a", None, status)]) == ("one", "a")


@pytest.mark.parametrize(
    ("looks", "seconds", "proven"), [(1, 90, False), (2, 89, False), (2, 90, True), (9, 10, False), (0, 9_000, False)]
)
def test_absence_needs_both_looks_and_time(looks: int, seconds: int, proven: bool) -> None:
    job = make_job(State.UNCERTAIN, looks=looks, asked_at=NOW)
    assert absent(job, NOW + timedelta(seconds=seconds), PATIENCE) is proven


def test_a_clock_that_was_set_back_proves_no_absence() -> None:
    job = make_job(State.UNCERTAIN, looks=99, asked_at=NOW)
    assert not absent(job, NOW - timedelta(days=1), PATIENCE)


JOBS = st.builds(
    make_job,
    st.sampled_from(State),
    next_at=st.sampled_from([NOW - MINUTE, NOW, NOW + MINUTE]),
    generation=st.integers(0, 4),
    attempts=st.dictionaries(st.sampled_from([cause.value for cause in Cause if cause]), st.integers(0, 9), max_size=3),
)
SITUATIONS = st.builds(
    Situation,
    st.just(NOW),
    st.booleans(),
    st.sampled_from(["", "paused"]),
    st.none() | st.sampled_from([NOW - timedelta(hours=1), NOW]),
    st.none() | st.sampled_from([NOW - MINUTE, NOW, NOW + MINUTE]),
)


@given(JOBS, SITUATIONS)
def test_every_situation_has_a_step_and_waiting_has_an_end(job: Job, situation: Situation) -> None:
    step = decide(job, situation)
    assert step == decide(job, situation)
    assert (step.until is not None) == (step.act is Act.WAIT)
    assert step.until is None or step.until > NOW
    assert (step.act is Act.NOTHING) == job.finished


@pytest.mark.parametrize(
    ("since", "cause", "looks", "act"),
    [
        (PATIENCE.blind + MINUTE, Cause.TRANSIENT, PATIENCE.blind_looks, Act.GIVE_UP),
        (PATIENCE.blind + MINUTE, Cause.QUOTA, PATIENCE.blind_looks, Act.GIVE_UP),
        (PATIENCE.blind, Cause.TRANSIENT, PATIENCE.blind_looks, Act.LOOK),
        (PATIENCE.blind + MINUTE, Cause.TRANSIENT, PATIENCE.blind_looks - 1, Act.LOOK),  # the machine was off
        (PATIENCE.blind + MINUTE, Cause.UNANSWERED, PATIENCE.blind_looks, Act.LOOK),  # the last look could be had
        (PATIENCE.blind + MINUTE, Cause.AUTH, PATIENCE.blind_looks, Act.LOOK),  # a person has just ended the pause
    ],
)
def test_a_list_that_stays_shut_is_not_asked_for_ever(since: timedelta, cause: Cause, looks: int, act: Act) -> None:
    job = make_job(State.UNCERTAIN, asked_at=NOW - since, cause=cause, attempts={cause.value: looks})
    assert decide(job).act is act
