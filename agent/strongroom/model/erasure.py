"""A request of one person to be erased (GDPR Article 17), as one table: state x answer -> state.

Records are in archives, and an archive is the smallest unit that can be destroyed: its bytes never change. A request
therefore names archives; it is done when each of them is destroyed, deferred while a hold or a retention period keeps
one, refused with its ground. A deferred request needs no second asking: it is done when its last archive is gone.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from strongroom.model.destruction import StepRefused
from strongroom.model.retention import Period, PeriodUnit

ANSWER_WITHIN = Period(1, PeriodUnit.MONTHS)
"""Within this period a person must be informed of what was done (GDPR Article 12(3)), or two months later."""


class ErasureState(StrEnum):
    """The state of a request."""

    OPEN = "open"  # recorded, not answered
    DEFERRED = "deferred"  # answered: not yet, because a hold or a retention period prevents it
    DONE = "done"  # every archive that it names is destroyed
    REFUSED = "refused"  # answered: no, on a ground


class ErasureAnswer(StrEnum):
    """What a request is answered with."""

    DEFERRED = "deferred"
    DONE = "done"
    REFUSED = "refused"


ANSWERS: Mapping[tuple[ErasureState, ErasureAnswer], ErasureState] = MappingProxyType(
    {
        (ErasureState.OPEN, ErasureAnswer.DEFERRED): ErasureState.DEFERRED,
        (ErasureState.OPEN, ErasureAnswer.DONE): ErasureState.DONE,
        (ErasureState.OPEN, ErasureAnswer.REFUSED): ErasureState.REFUSED,
        (ErasureState.DEFERRED, ErasureAnswer.DEFERRED): ErasureState.DEFERRED,
        (ErasureState.DEFERRED, ErasureAnswer.DONE): ErasureState.DONE,
        (ErasureState.DEFERRED, ErasureAnswer.REFUSED): ErasureState.REFUSED,
    }
)

PENDING = frozenset({ErasureState.OPEN, ErasureState.DEFERRED})


class Erasure(Struct, frozen=True):
    """One request. `subject` and `salt` are shredded when it ends: after that nothing here identifies the person."""

    id: str
    at: datetime
    state: ErasureState
    ground: str  # on which the person asks, such as "GDPR 17(1)(b)"
    subject: str  # the person's reference as it was given; never in the log
    salt: str  # hex, 32 random bytes
    subject_hash: str  # HMAC-SHA256(salt, subject): what the log has; nobody can check a guess without the salt
    archives: tuple[str, ...]
    overrides: bool = False  # the ground is said to outweigh the retention duty
    answered_at: datetime | None = None
    answer: str = ""  # the ground of the answer, in words

    @property
    def pending(self) -> bool:
        """Say whether it still waits for its end."""
        return self.state in PENDING

    @property
    def answer_by(self) -> datetime:
        """Return until when the person must be answered."""
        return ANSWER_WITHIN.add_to(self.at)


def subject_hash(salt: bytes, subject: str) -> str:
    """Return the pseudonym of a person's reference, in hexadecimal."""
    return hmac.new(salt, subject.encode(), hashlib.sha256).hexdigest()


def reply(erasure: Erasure, answer: ErasureAnswer, at: datetime, ground: str) -> Erasure:
    """Return the request after an answer; what names the person goes with its end. Raises StepRefused."""
    state = ANSWERS.get((erasure.state, answer))
    if state is None:
        raise StepRefused(f"the request {erasure.id} is {erasure.state}: it already has its final answer")
    answered = replace(erasure, state=state, answered_at=at, answer=ground)
    return answered if state in PENDING else replace(answered, subject="", salt="")
