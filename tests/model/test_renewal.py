"""Exports that are made again in place, and creates whose export comes back without a name."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from kit.model_objects import ASK, DAY, NOW, listed, make_job
from strongroom.model.decision import Act, RetryPolicy, Situation, Step, next_step, recognise
from strongroom.model.job import Cause, Event, Job, State
from strongroom.model.job_table import Facts, advance
from strongroom.model.provider import Ask, Listed, Match, Renewal
from strongroom.model.quota import RECHECK

PATIENCE = RetryPolicy()
SECOND = timedelta(seconds=1)
SAME = Situation(NOW, surveyed_at=NOW, budget_at=NOW, renewal=Renewal.SAME_EXPORT)
NEW = replace(SAME, renewal=Renewal.NEW_EXPORT)
EXPIRED = make_job(State.DEAD, ref="exp_1", cause=Cause.EXPIRED, detail="it expired", attempts={"expired": 1})


def decide(job: Job, situation: Situation = SAME) -> Step:
    return next_step(job, situation, PATIENCE)


@pytest.mark.parametrize("cause", [Cause.EXPIRED, Cause.GONE, Cause.LINK])
def test_an_export_that_is_over_is_renewed_where_that_can_be_done(cause: Cause) -> None:
    job = replace(EXPIRED, cause=cause)
    assert decide(job) == Step(Act.RENEW, cause, "it expired")
    assert decide(job, NEW).act is Act.SUCCEED


@pytest.mark.parametrize(
    "cause",
    [Cause.PROVIDER_FAILED, Cause.OVERDUE, Cause.CONTENT, Cause.TRANSFER, Cause.WORKER, Cause.REFUSED],
)
def test_what_making_it_again_does_not_mend_is_not_renewed(cause: Cause) -> None:
    assert decide(replace(EXPIRED, cause=cause)).act is Act.SUCCEED


@pytest.mark.parametrize("cause", [Cause.TRANSIENT, Cause.QUOTA, Cause.AUTH])
def test_a_renewal_that_was_delayed_is_tried_again(cause: Cause) -> None:
    delayed = advance(EXPIRED, Event.DELAYED, NOW, Facts(NOW + SECOND, cause))
    assert delayed.state is State.DEAD
    assert decide(delayed).act is Act.WAIT
    assert decide(replace(delayed, next_at=NOW)).act is Act.RENEW


def test_a_paused_source_is_not_asked_to_renew() -> None:
    step = decide(EXPIRED, replace(SAME, paused="the key was refused"))
    assert (step.act, step.cause) == (Act.WAIT, Cause.AUTH)


def test_renewals_are_bounded_and_one_refusal_ends_them() -> None:
    job, renewals = EXPIRED, 0
    while decide(job).act is Act.RENEW:
        job = advance(job, Event.RENEWED, NOW, Facts(cause=Cause.RENEWAL))
        assert (job.state, job.asked_at, job.accepted_at, job.polls) == (State.WAITING, NOW, NOW, 0)
        job, renewals = advance(job, Event.DIED, NOW, Facts(cause=Cause.EXPIRED)), renewals + 1
    assert renewals == PATIENCE.renewals
    assert decide(job).act is Act.SUCCEED
    lapsed = advance(EXPIRED, Event.LAPSED, NOW, Facts(cause=Cause.LAPSED))
    assert (lapsed.state, lapsed.ref) == (State.DEAD, "exp_1")
    assert decide(lapsed).act is Act.SUCCEED
    assert decide(replace(EXPIRED, ref="")).act is Act.SUCCEED


def test_a_file_that_was_made_again_has_its_tries_anew() -> None:
    tired = make_job(State.READY, attempts={"link-dead": PATIENCE.links})
    assert decide(tired).act is Act.ABANDON
    assert decide(replace(tired, attempts={**tired.attempts, "renewal": 1})).act is Act.OPEN


def test_a_job_with_the_name_of_an_export_begins_by_renewing_it() -> None:
    wish = make_job(State.PLANNED, ref="exp_1", purpose="regenerate")
    unsurveyed = replace(SAME, surveyed_at=None, budget_at=NOW + timedelta(hours=1))
    assert decide(wish, unsurveyed).act is Act.RENEW
    assert decide(wish, replace(SAME, refused_until=NOW + SECOND)).act is Act.WAIT
    assert decide(wish, replace(SAME, paused="by a person")).act is Act.WAIT
    lapsed = advance(wish, Event.LAPSED, NOW, Facts(cause=Cause.LAPSED))
    assert lapsed.state is State.PLANNED
    assert decide(lapsed).act is Act.INTEND
    delayed = advance(lapsed, Event.DELAYED, NOW, Facts(cause=Cause.QUOTA))
    assert decide(delayed).act is Act.INTEND


@pytest.mark.parametrize("match", [Match.HEURISTIC, Match.NONE])
def test_a_create_without_a_name_needs_the_list_as_it_is_now(match: Match) -> None:
    fresh = replace(SAME, match=match)
    assert decide(make_job(), fresh).act is Act.SURVEY
    assert decide(make_job(), replace(fresh, list_in_hand=True)).act is Act.INTEND
    waiting = replace(fresh, list_in_hand=True, budget_at=NOW + timedelta(hours=1))
    assert decide(make_job(), waiting).act is Act.WAIT


def test_a_create_without_a_name_waits_for_the_one_before_it() -> None:
    step = decide(make_job(), replace(SAME, match=Match.HEURISTIC, list_in_hand=True, other_uncertain=True))
    assert (step.act, step.cause, step.until) == (Act.WAIT, Cause.TURN, NOW + PATIENCE.turn)
    assert decide(make_job(), replace(SAME, other_uncertain=True)).act is Act.INTEND


@pytest.mark.parametrize(
    ("budget", "age", "act"),
    [
        (RECHECK, PATIENCE.crowded_age, Act.WAIT),
        (RECHECK, PATIENCE.crowded_age + SECOND, Act.SURVEY),
        (timedelta(hours=1), PATIENCE.crowded_age + SECOND, Act.WAIT),
        (timedelta(hours=1), PATIENCE.survey_age + SECOND, Act.SURVEY),
    ],
)
def test_while_somebody_s_exports_fill_the_quota_the_list_is_read_more_often(
    budget: timedelta, age: timedelta, act: Act
) -> None:
    situation = Situation(NOW, surveyed_at=NOW - age, budget_at=NOW + budget)
    assert decide(make_job(), situation).act is act


@pytest.mark.parametrize("cause", [Cause.REFUSED, Cause.NOT_OFFERED])
def test_a_status_that_is_refused_for_good_ends_the_export(cause: Cause) -> None:
    job = make_job(State.WAITING, ref="exp_1", accepted_at=NOW, attempts={cause.value: PATIENCE.refusals - 1})
    assert decide(job).act is Act.OBSERVE
    assert decide(replace(job, attempts={cause.value: PATIENCE.refusals})).act is Act.ABANDON


def found(entries: list[Listed], match: Match, before: frozenset[str] = frozenset()) -> tuple[str, str]:
    result = recognise(make_job(State.UNCERTAIN), ASK, entries, frozenset(), match, before)
    return result.matches.name.lower(), result.observation.ref if result.observation else ""


def holding(ref: str, *datasets: str, ask: Ask | None = None) -> Listed:
    return replace(listed(ref, None, ask=ask), datasets=frozenset(datasets) or None)


def test_what_was_there_before_is_not_ours() -> None:
    entries = [holding("stranger"), holding("ours")]
    assert found(entries, Match.HEURISTIC) == ("several", "")
    assert found(entries, Match.HEURISTIC, frozenset({"stranger"})) == ("one", "ours")
    assert found(entries, Match.HEURISTIC, frozenset({"stranger", "ours"})) == ("none", "")
    assert found(entries, Match.NONE, frozenset({"stranger", "ours"})) == ("none", "")


def test_an_export_of_another_dataset_is_not_ours() -> None:
    assert found([holding("a", "contacts"), holding("b", "messages")], Match.HEURISTIC) == ("one", "b")
    assert found([holding("a", "contacts"), holding("b")], Match.HEURISTIC) == ("one", "b")
    assert found([holding("a", "contacts")], Match.HEURISTIC) == ("none", "")


def test_a_list_that_happens_to_repeat_the_request_is_believed() -> None:
    other = Ask(ASK.datasets, DAY.start, NOW)
    assert found([holding("a", ask=other), holding("b")], Match.HEURISTIC) == ("one", "b")
    assert found([holding("a"), holding("b", ask=ASK)], Match.HEURISTIC) == ("one", "b")
    assert found([holding("b", ask=ASK), holding("a", ask=ASK)], Match.HEURISTIC) == ("one", "a")


def test_an_equal_export_of_another_client_may_be_taken_where_its_time_is_told() -> None:
    before = frozenset({"theirs"})
    assert found([listed("theirs", 0)], Match.EXACT, before) == ("one", "theirs")
    assert found([listed("theirs", None)], Match.EXACT, before) == ("none", "")
