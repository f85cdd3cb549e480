"""What jobs wait for, and until when: the only source for every table, document, log line and screen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from strongroom.model.job import Cause, Job, State, Wait
from strongroom.model.text import counted

_PREPARING = "the provider is preparing the export"
_CLOSE = timedelta(seconds=30)  # instants closer than this are shown as one


class WaitGroup(Struct, frozen=True):
    """Jobs of one source that wait for one thing."""

    source: str  # empty for what all of them share: the disk
    wait: Wait  # until the earliest of them
    jobs: int


def cause_words(cause: Cause, detail: str = "") -> str:
    """Return a cause as a person reads it; the stored code `disk` is said where it is a full one."""
    if cause is not Cause.DISK:
        return cause.value
    return "full disk" if "disk is full" in detail or "bytes free" in detail else cause.value


def code_words(code: str) -> str:
    """Return what a stored cause means, as a sentence's part; nothing for what is no code but words already."""
    return _BECAUSE.get(code, "")


def described_cause(code: str) -> str:
    """Return a stored cause with what it means: "coding-refused: the file comes in a content coding ..."."""
    return f"{code}: {words}" if (words := code_words(code)) else code


def wait_of(job: Job, now: datetime) -> Wait | None:
    """Return what a job waits for now, or None where it is finished or its next step can be taken."""
    if job.finished or job.state in (State.FETCHING, State.SEALED):
        return None
    if job.wait is not None:
        return job.wait
    if job.state is State.WAITING and not job.cause:
        return Wait(Cause.NONE, _PREPARING, job.next_at)
    if job.next_at <= now or not job.cause:
        return None
    return Wait(job.cause, job.detail, job.next_at)


def group_waits(jobs: Iterable[Job], now: datetime) -> list[WaitGroup]:
    """Return jobs that wait for the same thing as one, those of the most jobs first."""
    found: dict[tuple[str, Cause], WaitGroup] = {}
    for job in jobs:
        wait, key = wait_of(job, now), group_key(job, now)
        if wait is not None and key is not None:
            one = found.get(key)
            found[key] = WaitGroup(key[0], _earlier(one.wait, wait) if one else wait, one.jobs + 1 if one else 1)
    return sorted(found.values(), key=lambda group: (-group.jobs, group.source, group.wait.cause))


def group_key(job: Job, now: datetime) -> tuple[str, Cause] | None:
    """Return what a job waits for and where, or None for nothing: jobs with the same key are shown as one."""
    wait = wait_of(job, now)
    if wait is None or not wait.cause:
        return None
    return ("" if wait.cause is Cause.DISK else job.source, wait.cause)


def _earlier(one: Wait, other: Wait) -> Wait:
    until = min((at for at in (one.until, other.until) if at is not None), default=None)
    return replace(one, until=until)


def wait_words(wait: Wait) -> str:
    """Say what is waited for and until when: "waits for the export quota until 2026-11-30 06:20:00Z"."""
    if not wait.cause:
        return wait.words
    until = f" until {wait.until:%Y-%m-%d %H:%M:%SZ}" if wait.until else ""
    return f"waits for {_FOR[wait.cause]}{until}"


def brief_wait(cause: Cause) -> str:
    """Say in at most 24 cells, for a narrow column, who or what a job waits for: "waits for the provider"."""
    return f"waits for {_WHOM[cause]}"


def job_words(job: Job, now: datetime) -> str:
    """Say what holds a job up, or held it up last: "waits for space on the disk until …: the disk has …"."""
    wait = wait_of(job, now)
    if wait is None or not wait.cause:
        return job.detail or (wait.words if wait else "")
    return wait_words(wait) + (f": {wait.words}" if wait.words else "")


def group_words(group: WaitGroup) -> str:
    """Say it of all of them in one line."""
    count = counted(group.jobs, "job")
    words = wait_words(group.wait).replace("waits", "waits" if group.jobs == 1 else "wait", 1)
    of = f" of {group.source}" if group.source else ""
    return f"{count}{of} {words}" + (f": {group.wait.words}" if group.wait.words else "")


def is_recorded(job: Job, wait: Wait | None, now: datetime) -> bool:
    """Return whether the job's row has this wait already, as exactly as a person needs it."""
    known = job.wait
    if known is None or wait is None:
        return known is wait
    if (known.cause, known.words) != (wait.cause, wait.words) or (known.until is None) is not (wait.until is None):
        return False
    return known.until is None or wait.until is None or (known.until > now and abs(known.until - wait.until) < _CLOSE)


def waits_for_quota_alone(jobs: Iterable[Job], now: datetime) -> bool:
    """Say whether nothing is wrong with unfinished jobs: some wait for the quota, others are being exported."""
    waits = [(job.state, wait_of(job, now)) for job in jobs if not job.finished]
    causes = {wait.cause for _state, wait in waits if wait is not None}
    idle = [state for state, wait in waits if wait is None]
    return not idle and Cause.QUOTA in causes and causes <= {Cause.QUOTA, Cause.TURN, Cause.NONE}


_FOR = {
    Cause.NONE: "its turn",
    Cause.NOT_OFFERED: "exports to be offered for this account",
    Cause.AUTH: "a key that the provider accepts",
    Cause.REFUSED: "the provider to accept the request",
    Cause.QUOTA: "the export quota",
    Cause.TRANSIENT: "the provider to work again",
    Cause.UNANSWERED: "the provider's list to show whether the export was made",
    Cause.INDISTINCT: "a person to compare with the provider's list",
    Cause.EXPIRED: "another export",
    Cause.GONE: "another export",
    Cause.PROVIDER_FAILED: "another export",
    Cause.OVERDUE: "another export",
    Cause.LINK_REFUSED: "the host of its link to be allowed",
    Cause.CODING: "the provider to serve exports in a coding that can be undone",
    Cause.LINK: "a download link that works",
    Cause.TRANSFER: "another download",
    Cause.CONTENT: "another download of a file that arrived damaged",
    Cause.DISK: "space on the disk",
    Cause.WORKER: "another try of the sealing process",
    Cause.PAUSED: "its source to be resumed",
    Cause.RESTART: "another try after an interruption",
    Cause.PERSON: "a person",
    Cause.TURN: "another export of the source to be found first",
    Cause.RENEWAL: "the provider to make the file again",
    Cause.LAPSED: "another export",
}

_WHOM = {
    Cause.NONE: "its turn",
    Cause.NOT_OFFERED: "the provider",
    Cause.AUTH: "a valid key",
    Cause.REFUSED: "the provider",
    Cause.QUOTA: "quota",
    Cause.TRANSIENT: "the provider",
    Cause.UNANSWERED: "the provider",
    Cause.INDISTINCT: "a person",
    Cause.EXPIRED: "a new export",
    Cause.GONE: "a new export",
    Cause.PROVIDER_FAILED: "a new export",
    Cause.OVERDUE: "a new export",
    Cause.LINK_REFUSED: "a person",
    Cause.CODING: "the provider",
    Cause.LINK: "a new link",
    Cause.TRANSFER: "a new try",
    Cause.CONTENT: "a new try",
    Cause.DISK: "disk space",
    Cause.WORKER: "a new try",
    Cause.PAUSED: "its source",
    Cause.RESTART: "a new try",
    Cause.PERSON: "a person",
    Cause.TURN: "its turn",
    Cause.RENEWAL: "a new export",
    Cause.LAPSED: "a new export",
}

_BECAUSE: Mapping[str, str] = {
    Cause.NOT_OFFERED: "the provider does not offer exports for this account",
    Cause.AUTH: "the provider refused the key",
    Cause.REFUSED: "the provider refused the request",
    Cause.QUOTA: "the export quota was used up",
    Cause.TRANSIENT: "the provider did not work",
    Cause.UNANSWERED: "the provider did not answer",
    Cause.INDISTINCT: "several exports on the provider's list could be ours",
    Cause.EXPIRED: "the export expired before it was downloaded",
    Cause.GONE: "the provider no longer has the export",
    Cause.PROVIDER_FAILED: "the provider could not make the export",
    Cause.OVERDUE: "the provider did not finish the export in time",
    Cause.LINK: "the download link did not work",
    Cause.LINK_REFUSED: "the download link leads to a host that is not allowed",
    Cause.CODING: "the file comes in a content coding that Strongroom cannot undo",
    Cause.TRANSFER: "the download broke off or was not what was announced",
    Cause.CONTENT: "the delivered file was not valid",
    Cause.DISK: "the disk was full or failed",
    Cause.WORKER: "the sealing process ended early",
    Cause.PAUSED: "the source was paused",
    Cause.RESTART: "the program was interrupted",
    Cause.PERSON: "a person stopped it",
    Cause.TURN: "another export of the source had to be found first",
    Cause.RENEWAL: "the provider made the file again",
    Cause.LAPSED: "the provider would not make the file again",
}
