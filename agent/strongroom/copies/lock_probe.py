"""Probes what the object locks of a bucket are worth, with objects that are made for it.

Each check judges by what is read afterwards, never by the answer: a server can refuse and do it, or agree and do
nothing. An error that says nothing about locks (no answer, SlowDown, no permission to read) ends the probe.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from msgspec import Struct

from strongroom.copies.port import CopyAway, ObjectAbsent
from strongroom.copies.s3_client import code_of, status_of, worded
from strongroom.model.locks import LOCKED_FOR, SKEW, LockCheck, LockFinding, LockMode
from strongroom.model.times import Chance, Clock

FOLDER = ".probe/"  # no object of a copy has such a name, so no listing of a copy shows it
_NO_LOCK = frozenset({"NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError", "InvalidRequest"})
_BUSY = frozenset({"SlowDown", "RequestTimeout", "RequestTimeTooSkewed", "OperationAborted", "429"})
_OLD, _NEW = b"canary, first version\n", b"canary, second version\n"


class Canary(Struct, frozen=True):
    """One version of an object that was made for a check."""

    key: str
    version: str


class ObjectLock(Struct, frozen=True):
    """A lock, as the server has it."""

    mode: str
    until: datetime


class LockProbe:
    """One probe of a bucket, below the prefix of one vault."""

    def __init__(self, client: Any, bucket: str, root: str, mode: LockMode, clock: Clock, chance: Chance) -> None:
        self._client, self._bucket, self._clock = client, bucket, clock
        self._folder = f"{root}{FOLDER}"
        self._run = f"{self._folder}{chance(8).hex()}/"
        self._mode = mode.value.upper()
        self._until = clock().replace(microsecond=0) + LOCKED_FOR

    def run(self) -> list[LockFinding]:
        """Try everything; return what failed. Raises CopyAway where the server cannot be asked.

        What is not locked is removed at the end. The rest is removed by a probe after its lock has ended.
        """
        self._clear()
        try:
            found = self._results(self._versioning, self._time, self._checksum, self._unlocked, self._retention)
            if all(each.check is not LockCheck.RETENTION for each in found):  # else there is no lock to try
                found += self._results(self._parts, self._overwrite, self._hide, self._delete, self._bypass)
                found += self._results(self._shorten, self._downgrade, self._extend, self._hold)
        finally:
            self._clear()
        return found

    @staticmethod
    def _results(*checks: Callable[[], Iterator[LockFinding]]) -> list[LockFinding]:
        return [found for check in checks for found in check()]

    def _versioning(self) -> Iterator[LockFinding]:
        state = self._call("get_bucket_versioning").get("Status") or "never turned on"
        if state != "Enabled":
            yield LockFinding(LockCheck.VERSIONING, f"expected versioning to be Enabled, found {state!r:.40}")

    def _time(self) -> Iterator[LockFinding]:
        answer, now = self._call("list_objects_v2", Prefix=self._run, MaxKeys=1), self._clock()
        said = str(answer["ResponseMetadata"]["HTTPHeaders"].get("date", ""))
        try:
            skew = abs(parsedate_to_datetime(said) - now)
        except (ValueError, TypeError):
            yield LockFinding(LockCheck.CLOCK, "the server does not say what time it has")
            return
        if skew > SKEW:
            minutes = round(skew.total_seconds() / 60)
            yield LockFinding(LockCheck.CLOCK, f"the clocks of the server and of this machine are {minutes} min apart")

    def _checksum(self) -> Iterator[LockFinding]:
        key = f"{self._run}checksum"
        self._refusal("put_object", Key=key, Body=_OLD, ChecksumSHA256=_sum(_NEW))
        if self._read(Key=key) is not None:
            yield LockFinding(LockCheck.CHECKSUM, "bytes that do not have the SHA-256 that was sent were stored")

    def _unlocked(self) -> Iterator[LockFinding]:
        canary = self._put("unlocked")
        lock = self._lock_of(canary)
        if lock is not None:
            message = f"an object that was sent without a lock is locked until {lock.until:%Y-%m-%d}"
            hint = "no key file could be removed; turn off the bucket's default retention"
            yield LockFinding(LockCheck.UNLOCKED, f"{message}: {hint}")
            return
        refused = self._remove(canary)
        if self._is_kept(canary):
            message = f"an object without a lock cannot be removed ({refused or 'accepted, but not done'})"
            yield LockFinding(LockCheck.UNLOCKED, f"{message}, so a refused removal shows nothing about locks")

    def _retention(self) -> Iterator[LockFinding]:
        key = f"{self._run}retention"
        refused = self._refusal("put_object", Key=key, Body=_OLD, ChecksumSHA256=_sum(_OLD), **self._terms)
        if refused:
            yield LockFinding(LockCheck.RETENTION, f"an object with a lock is refused: {refused}")
            return
        yield from self._compare(LockCheck.RETENTION, self._newest(key))

    def _parts(self) -> Iterator[LockFinding]:
        key = f"{self._run}parts"
        started = self._call("create_multipart_upload", Key=key, ChecksumAlgorithm="SHA256", **self._terms)
        upload = {"Key": key, "UploadId": started["UploadId"]}
        part = self._call("upload_part", **upload, PartNumber=1, Body=_OLD, ChecksumSHA256=_sum(_OLD))
        sent = {"PartNumber": 1, "ETag": part["ETag"], "ChecksumSHA256": _sum(_OLD)}
        self._call("complete_multipart_upload", **upload, MultipartUpload={"Parts": [sent]})
        yield from self._compare(LockCheck.PARTS, self._newest(key))

    def _overwrite(self) -> Iterator[LockFinding]:
        canary = self._put("overwrite", locked=True)
        self._refusal("put_object", Key=canary.key, Body=_NEW, ChecksumSHA256=_sum(_NEW))
        if not self._is_kept(canary):
            yield LockFinding(LockCheck.OVERWRITE, "a locked version was replaced by another object of its name")
        if self._read(Key=canary.key) != _NEW:
            yield LockFinding(LockCheck.READ, "what is read is not what was written last")

    def _hide(self) -> Iterator[LockFinding]:
        canary = self._put("hide", locked=True)
        self._refusal("delete_object", Key=canary.key)
        if not self._is_kept(canary):
            yield LockFinding(LockCheck.HIDE, "a removal without a version removed a locked version")

    def _delete(self) -> Iterator[LockFinding]:
        canary = self._put("delete", locked=True)
        self._remove(canary)
        if not self._is_kept(canary):
            yield LockFinding(LockCheck.DELETE, "a locked version was removed")

    def _bypass(self) -> Iterator[LockFinding]:
        canary = self._put("bypass", locked=True)
        self._remove(canary, BypassGovernanceRetention=True)
        if not self._is_kept(canary):
            yield LockFinding(LockCheck.BYPASS, "this access key can bypass a lock and remove a locked version")

    def _shorten(self) -> Iterator[LockFinding]:
        canary = self._put("shorten", locked=True)
        self._relock(canary, self._mode, self._until - LOCKED_FOR / 2)
        yield from self._compare(LockCheck.SHORTEN, canary)

    def _downgrade(self) -> Iterator[LockFinding]:
        if self._mode != LockMode.COMPLIANCE.value.upper():
            return
        canary = self._put("downgrade", locked=True)
        self._relock(canary, LockMode.GOVERNANCE.value.upper(), self._until)
        yield from self._compare(LockCheck.DOWNGRADE, canary)

    def _extend(self) -> Iterator[LockFinding]:
        canary, later = self._put("extend", locked=True), self._until + LOCKED_FOR / 2
        refused = self._relock(canary, self._mode, later)
        lock = self._lock_of(canary)
        if lock is None or lock.until < later:
            yield LockFinding(LockCheck.EXTEND, f"a lock cannot be extended ({refused or 'accepted, but not done'})")

    def _hold(self) -> Iterator[LockFinding]:
        canary = self._put("hold")
        refused = self._set_hold(canary, "ON")
        if refused:
            yield LockFinding(LockCheck.HOLD, f"a legal hold is refused: {refused}")
            return
        self._remove(canary)
        if not self._is_kept(canary):
            yield LockFinding(LockCheck.HOLD, "a version under a legal hold was removed")
            return
        self._set_hold(canary, "OFF")
        self._remove(canary)
        if self._is_kept(canary):
            yield LockFinding(LockCheck.HOLD, "a version cannot be removed after its legal hold was released")

    def _compare(self, check: LockCheck, canary: Canary) -> Iterator[LockFinding]:
        """Yield how the lock of a version differs from the one that it was given."""
        lock, expected = self._lock_of(canary), f"{self._mode} until {_instant(self._until)}"
        found = f"{lock.mode:.20} until {_instant(lock.until)}" if lock else "no lock"
        if found != expected:
            yield LockFinding(check, f"expected a lock {expected}, found {found}")

    @property
    def _terms(self) -> dict[str, object]:
        return {"ObjectLockMode": self._mode, "ObjectLockRetainUntilDate": self._until}

    def _put(self, name: str, *, locked: bool = False) -> Canary:
        key = f"{self._run}{name}"
        self._call("put_object", Key=key, Body=_OLD, ChecksumSHA256=_sum(_OLD), **(self._terms if locked else {}))
        return self._newest(key)

    def _newest(self, key: str) -> Canary:
        """Return the version that is read: the answer to a write is not believed for it."""
        return Canary(key, str(self._call("head_object", Key=key).get("VersionId", "null")))

    def _remove(self, canary: Canary, **more: object) -> str:
        return self._refusal("delete_object", Key=canary.key, VersionId=canary.version, **more)

    def _relock(self, canary: Canary, mode: str, until: datetime) -> str:
        retention = {"Mode": mode, "RetainUntilDate": until}
        return self._refusal("put_object_retention", Key=canary.key, VersionId=canary.version, Retention=retention)

    def _set_hold(self, canary: Canary, status: str) -> str:
        hold = {"Status": status}
        return self._refusal("put_object_legal_hold", Key=canary.key, VersionId=canary.version, LegalHold=hold)

    def _is_kept(self, canary: Canary) -> bool:
        return self._read(Key=canary.key, VersionId=canary.version) == _OLD

    def _read(self, **which: str) -> bytes | None:
        """Return what an object has; None where there is none, or a marker is in its place."""
        try:
            with worded("read", self._place):
                return bytes(self._client.get_object(Bucket=self._bucket, **which)["Body"].read(len(_NEW) + 1))
        except ObjectAbsent:
            return None
        except CopyAway as error:
            if code_of(error.__cause__) == "MethodNotAllowed":
                return None
            raise

    def _lock_of(self, canary: Canary) -> ObjectLock | None:
        try:
            answer = self._call("get_object_retention", Key=canary.key, VersionId=canary.version)
        except ObjectAbsent:
            return None
        except CopyAway as error:
            if code_of(error.__cause__) in _NO_LOCK:
                return None
            raise
        found = answer.get("Retention", {})
        return ObjectLock(str(found["Mode"]), found["RetainUntilDate"]) if "RetainUntilDate" in found else None

    @property
    def _place(self) -> str:
        return f"s3://{self._bucket}/{self._run.rstrip('/')}"

    def _call(self, act: str, **arguments: object) -> Any:
        with worded("probe", self._place):
            return getattr(self._client, act)(Bucket=self._bucket, **arguments)

    def _refusal(self, act: str, **arguments: object) -> str:
        """Try something; return the server's code where it refused, empty where it says that it was done."""
        try:
            self._call(act, **arguments)
        except (ObjectAbsent, CopyAway) as error:
            code, status = code_of(error.__cause__), status_of(error.__cause__)
            if code in _BUSY or not 400 <= status < 500:
                raise
            return code or str(status)
        return ""

    def _clear(self) -> None:
        """Remove what probes left, as far as locks have ended."""
        with worded("list", self._place):
            pages = self._client.get_paginator("list_object_versions").paginate(
                Bucket=self._bucket, Prefix=self._folder
            )
            found = [each for page in pages for kind in ("Versions", "DeleteMarkers") for each in page.get(kind, ())]
        for each in (Canary(str(each["Key"]), str(each["VersionId"])) for each in found):
            if each.key.startswith(self._folder):  # whatever the server lists
                self._release(each)
                self._remove(each)

    def _release(self, canary: Canary) -> None:
        """End the hold that a probe left which was interrupted."""
        if canary.key.endswith(f"/{LockCheck.HOLD.value}"):
            self._set_hold(canary, "OFF")


def _sum(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def _instant(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%S%z}"
