"""How long to wait and how often to try: one frozen noun, so that a test or a person can see all of it."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from strongroom.model.provider import Limits

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
    refusals: int = 5  # definite refusals to say how one export stands
    renewals: int = 2  # times that one export is made again, before a new one is asked for
    deletions: int = 20  # tries to delete an archived export at the provider, before it is left there
    generations: int = 3  # exports tried for one window before it is given up
    delay_first: timedelta = timedelta(seconds=5)
    delay_longest: timedelta = timedelta(minutes=15)
    room: timedelta = timedelta(seconds=30)  # between looks whether the disk has room for the next file
    full_disk: timedelta = timedelta(seconds=40)  # after a write that failed; longer where it goes on failing
    survey_age: timedelta = timedelta(minutes=5)  # how old the view of others' exports may be when asking
    crowded_age: timedelta = timedelta(minutes=1)  # the same, while as many exports run as the provider allows
    turn: timedelta = timedelta(seconds=5)  # between looks whether another export of the source has been found


def grown(first: timedelta, longest: timedelta, count: int, jitter: float) -> timedelta:
    """Return first x 1.5^count, never over `longest`, spread by jitter (0 to 1) over +-20 %."""
    grown_by = first * 1.5 ** min(count, 40)
    return min(grown_by, longest) * (0.8 + 0.4 * jitter)


def next_poll(limits: Limits, polls: int, now: datetime, jitter: float, not_before: datetime | None = None) -> datetime:
    """Say when to look at a waiting export again: at once densely, later rarely, never before we are told to come.

    What is told is obeyed for an hour at most: a file that is ready meanwhile would live and die unseen.
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
