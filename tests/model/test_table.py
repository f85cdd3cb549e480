from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from kit.model_objects import NOW, make_job
from strongroom.model.job import TERMINAL, Cause, Event, Job, State
from strongroom.model.job_table import MOVES, QUIET, Facts, IllegalMove, advance

PAIRS = [(state, event) for state in State for event in Event]


def walks(start: State, follow: Callable[[State, Event], bool]) -> set[State]:
    """Return every state that is reached from `start` over moves that `follow` allows."""
    found, open_ends = {start}, [start]
    while open_ends:
        here = open_ends.pop()
        for (state, event), target in MOVES.items():
            if state is here and follow(state, event) and target not in found:
                found.add(target)
                open_ends.append(target)
    return found


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_every_pair_moves_by_the_table_or_is_refused(state: State, event: Event) -> None:
    job = make_job(state)
    before = replace(job)
    if (state, event) in MOVES:
        assert advance(job, event, NOW).state is MOVES[state, event]
    else:
        with pytest.raises(IllegalMove, match=f"is {state}: {event} cannot happen there"):
            advance(job, event, NOW, Facts(cause=Cause.LINK, ref="other", size=1))
    assert job == before


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        MOVES[State.FAILED, Event.INTENDED] = State.UNCERTAIN  # type: ignore[index]


def test_a_second_request_needs_a_proof_that_the_first_made_nothing() -> None:
    asking = [state for (state, event) in MOVES if event is Event.INTENDED]
    assert asking == [State.PLANNED]
    freed = {Event.ABSENT, Event.POSTPONED}
    assert State.PLANNED not in walks(State.UNCERTAIN, lambda _state, event: event not in freed)
    assert {
        event for (state, event), target in MOVES.items() if target is State.PLANNED and state is not target
    } == freed


def test_a_request_is_answered_only_while_it_is_uncertain() -> None:
    answers = {Event.ACCEPTED, Event.ADOPTED, Event.UNANSWERED, Event.ABSENT, Event.UNSEEN, Event.INDISTINCT}
    assert {state for (state, event) in MOVES if event in answers} == {State.UNCERTAIN}


def test_only_a_sealed_file_is_proven_and_nothing_else_is_an_archive() -> None:
    assert [move for move in MOVES.items() if move[1] is State.ARCHIVED] == [
        ((State.SEALED, Event.PROVEN), State.ARCHIVED)
    ]
    assert [state for (state, event) in MOVES if event is Event.PROVEN] == [State.SEALED]
    assert [state for (state, _), target in MOVES.items() if target is State.SEALED] == [State.FETCHING]


@pytest.mark.parametrize("state", [state for state in State if state not in TERMINAL])
def test_every_state_can_end_and_not_only_by_a_person(state: State) -> None:
    assert walks(state, lambda _state, event: event is not Event.CANCELLED) & TERMINAL
    assert MOVES[state, Event.CANCELLED] is State.CANCELLED


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_the_end_is_the_end(state: State) -> None:
    moves = {event: target for (start, event), target in MOVES.items() if start is state}
    assert moves == ({Event.RETRIED: State.REPLACED} if state is State.FAILED else {})


def test_every_state_is_reached_and_every_event_is_used() -> None:
    assert walks(State.PLANNED, lambda _state, _event: True) == set(State)
    assert {event for _, event in MOVES} == set(Event)


def test_quiet_events_never_change_the_state() -> None:
    assert all(target is state for (state, event), target in MOVES.items() if event in QUIET)


def test_a_new_intent_starts_its_looks_afresh() -> None:
    job = advance(make_job(looks=5), Event.INTENDED, NOW)
    assert (job.asked_at, job.looks) == (NOW, 0)
    assert advance(job, Event.UNSEEN, NOW).looks == 1


@pytest.mark.parametrize("event", [Event.ACCEPTED, Event.ADOPTED])
def test_acceptance_is_dated_and_polls_start_afresh(event: Event) -> None:
    job = advance(make_job(State.UNCERTAIN, polls=7), event, NOW, Facts(ref="exp_1"))
    assert (job.accepted_at, job.polls, job.ref) == (NOW, 0, "exp_1")
    assert advance(job, Event.PROGRESSED, NOW).polls == 1


def test_facts_that_say_nothing_leave_what_is_known() -> None:
    known = make_job(State.WAITING, ref="exp_1", size=10, expires_at=NOW, archive="kept")
    after = advance(known, Event.PROGRESSED, NOW, Facts())
    assert (after.ref, after.size, after.expires_at, after.archive) == ("exp_1", 10, NOW, "kept")
    assert advance(known, Event.COMPLETED, NOW, Facts(size=0)).size == 0


def test_a_job_is_due_at_once_unless_told_otherwise() -> None:
    later = NOW + timedelta(hours=1)
    assert advance(make_job(), Event.DELAYED, NOW).next_at == NOW
    assert advance(make_job(), Event.DELAYED, NOW, Facts(later)).next_at == later


FACTS = st.builds(
    Facts,
    next_at=st.none() | st.datetimes().map(lambda at: NOW),
    cause=st.sampled_from(Cause),
    ref=st.sampled_from(["", "exp_1", "exp_2"]),
    size=st.none() | st.integers(0, 9),
    archive=st.sampled_from(["", "one", "two"]),
)


@settings(deadline=None)
@given(st.data())
def test_random_lives_keep_what_must_be_kept(data: st.DataObject) -> None:
    job, at, free_to_ask = make_job(attempts={}), NOW, True
    for _ in range(data.draw(st.integers(1, 25))):
        events = [event for (state, event) in MOVES if state is job.state]
        if not events:
            break
        event, facts = data.draw(st.sampled_from(events)), data.draw(FACTS)
        at += timedelta(seconds=data.draw(st.integers(0, 100)))
        after = advance(job, event, at, facts)
        check_step(job, after, event, at)
        if event is Event.INTENDED:
            assert free_to_ask
        free_to_ask = event in (Event.ABSENT, Event.POSTPONED) or (free_to_ask and event is not Event.INTENDED)
        job = after


def check_step(before: Job, after: Job, event: Event, at: object) -> None:
    assert all(after.attempts.get(cause, 0) >= count for cause, count in before.attempts.items())
    counted = after.cause is not Cause.NONE and event not in QUIET
    assert sum(after.attempts.values()) - sum(before.attempts.values()) == counted
    assert after.ref or not before.ref
    assert after.archive or not before.archive
    assert after.changed_at == (at if after.state is not before.state else before.changed_at)
    kept = ("id", "stream", "source", "spec", "created_at", "purpose", "retention", "parent", "generation", "priority")
    assert all(getattr(after, name) == getattr(before, name) for name in kept)
    assert event not in QUIET or after.state is before.state
