"""What an object lock of a server must do before it is believed, and what was found instead."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from msgspec import Struct

LOCKED_FOR = timedelta(hours=1)
"""How long the objects of a probe are locked: longer than a probe takes, and gone by the next one."""

SKEW = timedelta(minutes=5)
"""How far the clock of a server may be from ours: it decides when a lock ends."""


class LockMode(StrEnum):
    """The kinds of object lock of the S3 protocol."""

    GOVERNANCE = "governance"  # an account with a special permission can remove it
    COMPLIANCE = "compliance"  # nobody can remove it before its time


class LockCheck(StrEnum):
    """What a probe tries."""

    VERSIONING = "versioning"  # the bucket keeps versions
    CLOCK = "clock"  # the server has the right time
    CHECKSUM = "checksum"  # bytes that are not those of their SHA-256 are refused
    UNLOCKED = "unlocked"  # an object without a lock has none, and can be removed
    RETENTION = "retention"  # a lock is kept as it was given
    PARTS = "parts"  # also for an object that is sent in parts
    OVERWRITE = "overwrite"  # another object of the same name leaves the locked version as it was
    READ = "read"  # and is what is read then
    HIDE = "hide"  # a removal without a version leaves the locked version as it was
    DELETE = "delete"  # a locked version cannot be removed
    BYPASS = "bypass"  # not even by asking to bypass the lock
    SHORTEN = "shorten"  # a lock cannot end earlier
    DOWNGRADE = "downgrade"  # a compliance lock does not become a governance lock
    EXTEND = "extend"  # a lock can end later
    HOLD = "hold"  # a legal hold keeps a version until the hold is released


class LockFinding(Struct, frozen=True):
    """One check that a bucket failed."""

    check: LockCheck
    message: str
