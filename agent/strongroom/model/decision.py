"""How long to wait and how often to try: one frozen noun, so that a test or a person can see all of it.

What a job should do next: a pure decision from the job and its situation. Steps are values: printed, tested, shown.

next_step decides, the engine performs, the table advances. Nothing here touches the world, and nothing there decides.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum, StrEnum

from msgspec import Struct

from strongroom.model.job import BY_PERSON, Cause, Job, State
from strongroom.model.provider import Ask, ExportStatus, Limits, Listed, Match, Observation, Renewal
from strongroom.model.quota import RECHECK, USED_UP

LONGEST_TOLD = timedelta(hours=1)
"""How long a provider's own word puts off a look at an export that is being prepared."""


class RetryPolicy(Struct, frozen=True):
    """Bounds on waiting and trying. Counts are per job, generations per window."""

    looks: int = 3  # sweeps that must all miss an uncertain export before it counts as absent
    look_after: timedelta = timedelta(seconds=5)  # between the request and the first look
    look_for: timedelta = timedelta(seconds=90)  # a request can still be taking effect until this long after it
    blind: timedelta = timedelta(days=7)  # from the request, while its list cannot be read: an export is over by then
    blind_looks: int = 40  # failed looks that must have been made in that time
    overdue: timedelta = timedelta(hours=24)  # an export that has not finished by then never will
    creates: int = 8  # creates of one job that got no answer and proved never to have been made
    refused_again: timedelta = timedelta(minutes=1)  # before a refused create is tried a second, and last, time
    transfers: int = 6  # broken transfers of one export
    links: int = 6  # dead links of one export
    rejections: int = 2  # unsound files from one export
    workers: int = 3  # sealing workers that died on one export
    refusals: int = 5  # definite refusals to report the status of one export
    renewals: int = 2  # times that one export is made again, before a new one is requested
    deletions: int = 20  # tries to delete an archived export at the provider, before it is left there
    generations: int = 3  # exports tried for one window before it is given up
    delay_first: timedelta = timedelta(seconds=5)
    delay_longest: timedelta = timedelta(minutes=15)
    room: timedelta = timedelta(seconds=30)  # between looks whether the disk has room for the next file
    full_disk: timedelta = timedelta(seconds=40)  # after a failed write; longer where writes keep failing
    survey_age: timedelta = timedelta(minutes=5)  # how old the view of others' exports may be when asking
    crowded_age: timedelta = timedelta(minutes=1)  # the same, while as many exports run as the provider allows
    turn: timedelta = timedelta(seconds=5)  # between looks whether another export of the source has been found


def grown(first: timedelta, longest: timedelta, count: int, jitter: float) -> timedelta:
    """Return first x 1.5^count, never over `longest`, spread by jitter (0 to 1) over +-20 %."""
    grown_by = first * 1.5 ** min(count, 40)
    return min(grown_by, longest) * (0.8 + 0.4 * jitter)


def next_poll(limits: Limits, polls: int, now: datetime, jitter: float, not_before: datetime | None = None) -> datetime:
    """Say when to look at a waiting export again: at once densely, later rarely, and not before `not_before`.

    That time is respected for an hour at most: a file that is ready meanwhile would live and die unseen.
    """
    own = now + poll_pause(limits, polls, jitter)
    return max(own, min(not_before, now + LONGEST_TOLD)) if not_before else own


def poll_pause(limits: Limits, polls: int, jitter: float = 0.5) -> timedelta:
    """Return how long to wait between two looks at an export."""
    return grown(limits.poll_first, limits.poll_longest, max(polls - 3, 0), jitter)


def next_room(retry_policy: RetryPolicy, tries: int, now: datetime, jitter: float) -> datetime:
    """Say when to write to the disk again after it failed: within a minute, and less often once that has not helped."""
    return now + grown(retry_policy.full_disk, retry_policy.delay_longest, max(0, tries - 20), jitter)


def next_try(
    retry_policy: RetryPolicy, tries: int, now: datetime, jitter: float, not_before: datetime | None
) -> datetime:
    """Say when to try again after trouble; the provider's own word wins when it is later."""
    own = now + grown(retry_policy.delay_first, retry_policy.delay_longest, tries * 2, jitter)
    return max(own, not_before) if not_before else own


class Act(StrEnum):
    """The kinds of step."""

    WAIT = "wait"  # nothing until `until`
    SURVEY = "survey"  # read the provider's list to know what others use of the budget
    INTEND = "intend"  # write down that a create is about to leave
    ASK = "ask"  # send the create that was just written down
    LOOK = "look"  # find our export on the provider's list
    OBSERVE = "observe"  # request the status of the export
    OPEN = "open"  # write down that bytes will be taken
    TAKE = "take"  # download and seal until it is durable
    PROVE = "prove"  # read back, inspect, publish
    RESTART = "restart"  # a process ended in the middle: settle what it left
    ABANDON = "abandon"  # this export is beyond use
    RENEW = "renew"  # have the file of the same export made again
    SUCCEED = "succeed"  # make a successor job
    GIVE_UP = "give-up"
    NOTHING = "nothing"  # finished


class Step(Struct, frozen=True):
    """One step and why. `until` is set for WAIT."""

    act: Act
    cause: Cause = Cause.NONE
    reason: str = ""
    until: datetime | None = None
    lasting: bool = False  # a WAIT that a person ends: `until` is only when it is looked at again


class Situation(Struct, frozen=True):
    """All that a decision may know besides the job."""

    now: datetime
    in_hand: bool = False  # this very worker wrote the last event down and still holds what belongs to it
    paused: str = ""  # why the source is paused, or empty
    refused_until: datetime | None = None  # nothing is to be asked of the source before: its own word, or an outage
    refused_cause: Cause = Cause.NONE  # why
    refused_words: str = ""
    no_room: str = ""  # what the disk lacks for the next file, or empty
    surveyed_at: datetime | None = None  # when the provider's list was last read
    budget_at: datetime | None = None  # when the budget allows the next create; None means not known
    budget_words: str = USED_UP  # why not before
    match: Match = Match.EXACT  # how surely an export is recognised on the source's list
    renewal: Renewal = Renewal.NEW_EXPORT
    list_in_hand: bool = False  # this worker has read the list since it took up the job, and waited for nothing since
    other_uncertain: bool = False  # another job of the source may have an export there that has no name yet


def next_step(job: Job, situation: Situation, retry_policy: RetryPolicy) -> Step:
    """Decide the next step of a job."""
    if job.finished:
        return Step(Act.NOTHING, reason=f"the job is {job.state}")
    if situation.in_hand and job.state in _IN_HAND:
        return Step(_IN_HAND[job.state])
    if job.state in (State.FETCHING, State.SEALED):
        return Step(Act.RESTART, Cause.RESTART, "a process ended in the middle")
    if job.next_at > situation.now:
        return Step(Act.WAIT, job.cause, job.detail, until=job.next_at)
    if situation.paused and job.state is not State.DEAD:
        return _paused(situation)
    if situation.no_room and job.state in (State.PLANNED, State.READY):
        return Step(Act.WAIT, Cause.DISK, situation.no_room, until=situation.now + retry_policy.room)
    return _DECIDE[job.state](job, situation, retry_policy)


def _paused(situation: Situation) -> Step:
    """Wait for a person: by name where a person paused the source, for the key where the provider refused it."""
    cause = Cause.PAUSED if situation.paused.startswith(BY_PERSON) else Cause.AUTH
    return Step(Act.WAIT, cause, situation.paused, until=situation.now + timedelta(minutes=1), lasting=True)


def _planned(job: Job, situation: Situation, retry_policy: RetryPolicy) -> Step:
    now, surveyed = situation.now, situation.surveyed_at
    if job.tries(Cause.UNANSWERED) >= retry_policy.creates:
        return Step(Act.GIVE_UP, Cause.UNANSWERED, f"{retry_policy.creates} requests got no answer and made no export")
    if situation.refused_until is not None and situation.refused_until > now:
        cause = situation.refused_cause or Cause.QUOTA
        words = situation.refused_words or "the provider is not to be asked before"
        return Step(Act.WAIT, cause, words, until=situation.refused_until)
    if job.ref and not job.tries(Cause.LAPSED):
        return Step(Act.RENEW, reason="the provider can make the file of this export again")
    crowded = situation.budget_at is not None and now < situation.budget_at <= now + RECHECK
    age = retry_policy.crowded_age if crowded else retry_policy.survey_age
    if surveyed is None or abs(now - surveyed) > age:  # abs: the clock may have been set back
        return Step(Act.SURVEY, reason="others may be using the same budget")
    if situation.budget_at is not None and situation.budget_at > now:
        return Step(Act.WAIT, Cause.QUOTA, situation.budget_words, until=situation.budget_at)
    return Step(Act.INTEND) if situation.match is Match.EXACT else _nameless(situation, retry_policy)


def _nameless(situation: Situation, retry_policy: RetryPolicy) -> Step:
    """Decide before a create whose export can only be recognised as the one that was not on the list before."""
    if situation.other_uncertain:
        words = "another export of this source must be found on the list first"
        return Step(Act.WAIT, Cause.TURN, words, until=situation.now + retry_policy.turn)
    if not situation.list_in_hand:
        return Step(Act.SURVEY, reason="what is on the list before is not ours")
    return Step(Act.INTEND)


def _uncertain(job: Job, situation: Situation, retry_policy: RetryPolicy) -> Step:
    """Look at the list, unless it has refused to be read for so long that what it could show is over."""
    blind = situation.now - (job.asked_at or job.changed_at) > retry_policy.blind
    if blind and job.cause in _BLIND and sum(map(job.tries, _BLIND)) >= retry_policy.blind_looks:
        words = f"the provider's list could not be read for {retry_policy.blind.days} days, so it is not known whether"
        return Step(Act.GIVE_UP, Cause.INDISTINCT, f"{words} this export was made: {job.detail}")
    return Step(Act.LOOK, reason="a create may have reached the provider: look before asking again")


def _waiting(job: Job, situation: Situation, retry_policy: RetryPolicy) -> Step:
    since = job.accepted_at or job.changed_at
    if situation.now - since > retry_policy.overdue:
        hours = retry_policy.overdue.total_seconds() / 3600
        words = f"the export was not ready after {hours:.0f} hours" + (f": {job.detail}" if job.detail else "")
        return Step(Act.ABANDON, Cause.OVERDUE, words)
    for cause in (Cause.REFUSED, Cause.NOT_OFFERED):
        if job.tries(cause) >= retry_policy.refusals:
            return Step(Act.ABANDON, cause, f"the provider does not report the state of the export: {job.detail}")
    return Step(Act.OBSERVE)


def _ready(job: Job, _situation: Situation, retry_policy: RetryPolicy) -> Step:
    bounds = (
        (Cause.CONTENT, retry_policy.rejections, "the delivered file was not valid, every time"),
        (Cause.TRANSFER, retry_policy.transfers, "the download broke every time"),
        (Cause.LINK, retry_policy.links, "every link was dead"),
        (Cause.WORKER, retry_policy.workers, f"the sealing process failed every time, last: {job.detail}"),
    )
    files = 1 + job.tries(Cause.RENEWAL)
    for cause, most, reason in bounds:
        if job.tries(cause) >= most * files:
            return Step(Act.ABANDON, cause, f"{reason} ({most} tries)")
    return Step(Act.OPEN)


def _dead(job: Job, situation: Situation, retry_policy: RetryPolicy) -> Step:
    if job.cause in (Cause.LINK_REFUSED, Cause.CODING):  # a new export would come from the same host
        return Step(Act.GIVE_UP, job.cause, job.detail)
    if _may_be_renewed(job, situation, retry_policy):
        if situation.paused:
            return _paused(situation)
        return Step(Act.RENEW, job.cause, job.detail)
    if job.generation + 1 >= retry_policy.generations:
        return Step(Act.GIVE_UP, job.cause, f"{job.detail} ({retry_policy.generations} exports were tried)")
    return Step(Act.SUCCEED, job.cause, job.detail)


def _may_be_renewed(job: Job, situation: Situation, retry_policy: RetryPolicy) -> bool:
    lives = job.ref != "" and job.cause not in _NOT_BY_RENEWAL and not job.tries(Cause.LAPSED)
    left = retry_policy.renewals - job.tries(Cause.RENEWAL)
    return situation.renewal is Renewal.SAME_EXPORT and lives and left > 0


_NOT_BY_RENEWAL = frozenset(
    {Cause.PROVIDER_FAILED, Cause.OVERDUE, Cause.CONTENT, Cause.TRANSFER, Cause.WORKER, Cause.REFUSED}
)
"""Failures that creating the same file again does not fix; only an export that was ready and expired can be renewed."""

_BLIND = (Cause.TRANSIENT, Cause.QUOTA)
"""Why a requested list was not read. A refused key or a paused source is left to a person."""

_IN_HAND = {State.UNCERTAIN: Act.ASK, State.FETCHING: Act.TAKE, State.SEALED: Act.PROVE}
"""What follows an event that this worker has just written down, before anything else may happen."""

_DECIDE = {
    State.PLANNED: _planned,
    State.UNCERTAIN: _uncertain,
    State.WAITING: _waiting,
    State.READY: _ready,
    State.DEAD: _dead,
}


class Matches(Enum):
    """How many exports on the provider's list may be the one that an uncertain create made."""

    NONE = 0
    ONE = 1
    SEVERAL = 2


class Found(Struct, frozen=True):
    """What a look at the provider's list says about an uncertain create."""

    matches: Matches
    observation: Observation | None = None


def recognise(
    job: Job,
    ask: Ask,
    listed: list[Listed],
    known: frozenset[str],
    match: Match,
    before: frozenset[str] = frozenset(),
) -> Found:
    """Find the export that an uncertain create may have made.

    `known` are refs that belong to other jobs of ours, `before` those that were on the list before the create left.
    Where the list repeats every filter, equal exports are equal in worth and the first one made is taken, were it made
    by another client; where it does not, what was there before is not ours, and of two candidates nobody guesses.
    An entry that does not repeat all of the request but agrees with it so far is no proof that ours was never made.
    Where nothing can be recognised at all, a single candidate is as doubtful as two.
    """
    candidates = [entry for entry in listed if entry.observation.ref not in known and _may_be(entry, ask)]
    marked = [entry for entry in candidates if entry.ask == ask]
    if match is Match.EXACT:
        vague = any(ask in entry.perhaps and entry.observation.ref not in before for entry in candidates)
        if vague and not marked:
            return Found(Matches.SEVERAL)
        candidates = [each for each in marked if each.observation.created_at or each.observation.ref not in before]
    else:
        candidates = [each for each in marked or candidates if each.observation.ref not in before]
    if not candidates:
        return Found(Matches.NONE)
    if match is Match.NONE or (match is Match.HEURISTIC and not marked and len(candidates) > 1):
        return Found(Matches.SEVERAL)
    first = min(candidates, key=lambda entry: (entry.observation.created_at or job.created_at, entry.observation.ref))
    return Found(Matches.ONE, first.observation)


def _may_be(entry: Listed, ask: Ask) -> bool:
    """Return whether nothing in the entry contradicts it."""
    agrees = entry.datasets in (None, ask.datasets) and (entry.ask in (None, ask) or ask in entry.perhaps)
    return agrees and entry.observation.status not in (ExportStatus.FAILED, ExportStatus.EXPIRED, ExportStatus.GONE)


def absent(job: Job, now: datetime, retry_policy: RetryPolicy) -> bool:
    """Say whether enough looks, late enough, have missed the export to prove that it was never created."""
    asked = job.asked_at or job.changed_at
    return job.looks + 1 >= retry_policy.looks and now - asked >= retry_policy.look_for
