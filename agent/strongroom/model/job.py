"""An export job: one attempt to have one window exported, from the first intent to a sealed archive or a reason."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from msgspec import Struct, field

from strongroom.model.plan import ExportSpec


class State(StrEnum):
    """The state of a job. The transitions are the table in job_table.py, and nowhere else."""

    PLANNED = "planned"  # planned; nothing was requested yet
    UNCERTAIN = "uncertain"  # a create may have reached the provider
    WAITING = "waiting"  # the provider has accepted and is preparing the file
    READY = "ready"  # the file can be fetched
    FETCHING = "fetching"  # bytes are being taken and sealed
    SEALED = "sealed"  # sealed and flushed to disk, not yet proven
    DEAD = "dead"  # this export cannot deliver any more; a successor or a failure follows
    ARCHIVED = "archived"  # verified and published
    REPLACED = "replaced"  # a successor has taken over
    FAILED = "failed"  # given up, with the cause; a person may retry
    CANCELLED = "cancelled"  # a person said stop


class Purpose(StrEnum):
    """Why a job was planned."""

    COVERAGE = "coverage"  # the plan requires its window
    MANUAL = "manual"  # a person requested its window
    REGENERATE = "regenerate"  # a person requested a re-export
    SETTLED = "settled"  # the second pass of a plan
    SECOND_LOOK = "second-look"  # its window came unusually empty
    RETRY = "retry"  # its window had failed


BESIDE = frozenset({Purpose.REGENERATE, Purpose.SETTLED, Purpose.SECOND_LOOK})
"""Purposes whose archive is additional to the one that covers the window: the coverage ledger is not changed."""

BY_PERSON = "paused by "
"""How the reason of a pause begins that a person requested; otherwise the key was refused."""

TERMINAL = frozenset({State.ARCHIVED, State.REPLACED, State.FAILED, State.CANCELLED})


class Event(StrEnum):
    """What happened to a job. Performing a step returns one; only the table says where it leads."""

    INTENDED = "intended"  # the intent is on disk: the request may leave now
    ACCEPTED = "accepted"  # the provider answered with an export
    POSTPONED = "postponed"  # a definite "not now": nothing was created
    REFUSED = "refused"  # a definite "no": nothing was created, asking again is useless
    UNANSWERED = "unanswered"  # no definite answer: an export may exist
    ADOPTED = "adopted"  # our export was found on the provider's list
    UNSEEN = "unseen"  # not on the list yet; it may still appear
    ABSENT = "absent"  # the list proves that no export was created
    INDISTINCT = "indistinct"  # several exports on the list could be ours: a person must say
    PROGRESSED = "progressed"  # looked; still being prepared
    COMPLETED = "completed"  # the provider says that the file is ready
    OPENED = "opened"  # the download begins
    LINK_DIED = "link-died"  # the link died, the export may live
    BROKEN = "broken"  # the transfer failed
    DURABLE = "durable"  # sealed, flushed and entered
    PROVEN = "proven"  # read back, inspected and published
    REJECTED = "rejected"  # read back and found unsound; kept in quarantine
    RESTARTED = "restarted"  # the process ended in the middle
    DELAYED = "delayed"  # the step could not be done now; it will be tried again
    DIED = "died"  # the export is beyond use: expired, gone, failed there, never ending, unsound
    RENEWED = "renewed"  # the provider makes the file of the same export again, or still has it
    LAPSED = "lapsed"  # the provider will not make it again: only a new export can help
    SUCCEEDED = "succeeded"  # a successor job was made
    GIVEN_UP = "given-up"  # the attempts are used up
    RETRIED = "retried"  # a person requested another attempt
    CANCELLED = "cancelled"  # a person asked to stop


class Cause(StrEnum):
    """Why something went wrong; stable words for filters, counters and the log."""

    NONE = ""
    NOT_OFFERED = "not-offered"
    AUTH = "auth-refused"
    REFUSED = "request-refused"
    QUOTA = "quota"
    TRANSIENT = "provider-trouble"
    UNANSWERED = "no-answer"
    INDISTINCT = "indistinct"
    EXPIRED = "expired"
    GONE = "gone"
    PROVIDER_FAILED = "provider-failed"
    OVERDUE = "overdue"
    LINK = "link-dead"
    LINK_REFUSED = "link-refused"  # our own rules forbid following the link to its host
    CODING = "coding-refused"  # the file comes with a content coding that no reader undoes
    TRANSFER = "transfer-broken"
    CONTENT = "content-refused"
    DISK = "disk"
    WORKER = "worker-died"
    PAUSED = "source-paused"
    RESTART = "restart"
    PERSON = "person"
    TURN = "not-its-turn"  # another export of the source must be found on the list before this one is requested
    RENEWAL = "renewal"  # an export that was over is made again
    LAPSED = "not-renewable"


class Wait(Struct, frozen=True):
    """What a job waits for."""

    cause: Cause
    words: str = ""  # for a person; never a secret
    until: datetime | None = None  # None: until a person acts


class Job(Struct, frozen=True):
    """One export job. Times are UTC; `attempts` counts what went wrong by cause since the job was made."""

    id: str
    stream: str
    source: str
    spec: ExportSpec
    state: State
    created_at: datetime
    changed_at: datetime
    next_at: datetime  # the next step is not due before this
    purpose: str = Purpose.COVERAGE  # a `Purpose`
    retention: str = "standard"  # the retention class that its archive will get
    priority: int = 0
    ref: str = ""  # the provider's name for the export; one that was never requested is to be renewed
    asked_at: datetime | None = None  # when the last create was intended, or the last renewal taken
    accepted_at: datetime | None = None
    expires_at: datetime | None = None  # the provider's word for the end of the export
    size: int | None = None  # bytes announced
    polls: int = 0  # looks since it was accepted
    looks: int = 0  # sweeps since it became uncertain
    attempts: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    cause: Cause = Cause.NONE  # of the last trouble
    detail: str = ""  # words for a person about it; never a secret
    parent: str = ""  # the job that this one replaces
    generation: int = 0  # how many came before it
    archive: str = ""  # its archive, once published
    wait: Wait | None = None  # what it waits for besides its own `next_at`; any move ends it

    @property
    def finished(self) -> bool:
        """Say whether nothing will happen to it any more by itself."""
        return self.state in TERMINAL

    @property
    def beside(self) -> bool:
        """Return whether its archive will be additional to the one that covers the window."""
        return self.purpose in BESIDE

    def tries(self, cause: Cause) -> int:
        """Count what went wrong so far for one cause."""
        return self.attempts.get(cause, 0)
