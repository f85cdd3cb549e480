"""An S3-compatible bucket as a store. Objects have the names of the copy, below a prefix of the vault's own.

An object is written under the condition that its name is free, with its SHA-256, and its bytes are read back; an ETag
is never taken for a digest. A large one is sent in parts, a few of which are in memory. What is removed is removed in
every version. Two agents in one bucket never touch each other: every name begins with the prefix of the vault.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

from msgspec import Struct

from strongroom.config.copies import BucketSettings
from strongroom.copies.port import (
    BLOCK,
    CopyAway,
    NewObject,
    ObjectAbsent,
    ObjectLocked,
    SourceChanged,
    Stored,
    StoredObject,
    digest_of,
    put_each,
)
from strongroom.copies.s3_client import TAKEN, code_of, connect, status_of, worded
from strongroom.model.copies import is_object_name
from strongroom.model.errors import StrongroomError, VaultError

PART = 8 << 20  # bytes of the first parts
AT_ONCE = 8  # objects that are sent at the same time: the library keeps ten connections
_DOUBLED_AFTER = 2000  # parts: a server takes 10,000 of them, so this reaches 496 GB
_RESUMES = 5  # of one object that is read


class Version(Struct, frozen=True):
    """One version of an object; a marker says that the object was removed."""

    key: str
    id: str
    size: int = 0
    marker: bool = False


class S3Store:
    """One copy in a bucket. Nothing is looked up, and no secret fetched, before the first act."""

    def __init__(self, settings: BucketSettings, vault: str, client: Callable[[], Any] | None = None) -> None:
        self._settings = settings
        self._root = f"{settings.prefix}/{vault}/"
        self._connect = client or (lambda: connect(settings))
        self._client: Any = None

    @property
    def place(self) -> str:
        """Bucket and prefix."""
        return f"s3://{self._settings.bucket}/{self._root.rstrip('/')}"

    @property
    def if_missing(self) -> str:
        """What to look at where the copy is not there."""
        return "are endpoint, bucket and prefix right?"

    def begin(self) -> None:
        """Look whether the bucket is there, and end what an interrupted transfer left."""
        try:
            self._call("list_objects_v2", "reach", Prefix=self._root, MaxKeys=1)  # a HEAD would not say what is wrong
        except CopyAway as error:
            if code_of(error.__cause__) != "NoSuchBucket":
                raise
            raise CopyAway(f"there is no bucket {self._settings.bucket}", hint=error.hint) from None
        self._abort_uploads(self._root)

    def put(self, name: str, blocks: Iterable[bytes], sha256: str) -> bool:
        """Send an object, and read it back."""
        key = self._key(name)
        if self._is_there(key, name):
            return False
        if not self._send(key, name, blocks, sha256):
            return False
        if self._digest(name) != sha256:
            with suppress(StrongroomError):  # otherwise the next reading of the copy finds it
                self.delete(name)
            raise CopyAway(
                f"{name} read back from {self.place} is not what was written", hint="do not trust this store"
            )
        return True

    def _digest(self, name: str) -> str:
        """Return the SHA-256 of an object, empty where the server says that there is none."""
        try:
            return digest_of(self.read(name))
        except ObjectAbsent:
            return ""

    def put_many(self, objects: Sequence[NewObject]) -> Sequence[Stored]:
        """Send several at the same time."""
        self._client = self._s3  # connected once
        return put_each(self, objects, AT_ONCE)

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the bytes; what breaks off is resumed, of the same object only."""
        key, offset, tag = self._key(name), 0, ""
        for attempt in range(_RESUMES + 1):
            try:
                with worded("read", f"{name} in {self.place}"):
                    found = self._opened(key, offset, tag)
                    tag = found["ETag"]
                    for block in found["Body"].iter_chunks(BLOCK):
                        offset += len(block)
                        yield block
                return
            except CopyAway:
                if attempt == _RESUMES or not tag:
                    raise

    def _opened(self, key: str, offset: int, tag: str) -> Any:
        resumed = {"Range": f"bytes={offset}-", "IfMatch": tag} if offset else {}
        return self._s3.get_object(Bucket=self._settings.bucket, Key=key, **resumed)

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield the objects; what was not made by us is left out."""
        for page in self._pages("list_objects_v2", prefix):
            for each in page.get("Contents", ()):
                name = str(each["Key"]).removeprefix(self._root)
                if is_object_name(name):
                    yield StoredObject(name, int(each["Size"]))

    def remnants(self, prefix: str) -> Iterator[StoredObject]:
        """Yield what versions and unfinished uploads have under such a name, and what hides it."""
        for each in self._versions(self._root + prefix):
            yield StoredObject(each.key.removeprefix(self._root), each.size)
        for key, _upload in self._uploads(self._root + prefix):
            yield StoredObject(key.removeprefix(self._root), 0)

    def delete(self, name: str) -> bool:
        """Remove every version of an object, markers and unfinished uploads, and look again."""
        key = self._key(name)
        found = [each for each in self._versions(key) if each.key == key]
        removed = [self._remove(each, name) for each in sorted(found, key=lambda version: version.marker)]
        self._abort_uploads(key)
        for locked in filter(None, removed):
            raise locked
        if any(each.key == key for each in self._versions(key)):
            raise CopyAway(f"{name} is still in {self.place} after it was removed", hint="check who may delete there")
        return bool(found)

    def _remove(self, version: Version, name: str) -> ObjectLocked | None:
        """Remove a version; return why the bucket keeps it, if it is locked."""
        which = {"Key": version.key, "VersionId": version.id}
        try:
            self._call("delete_object", "remove", name, **which)
        except CopyAway as error:
            words = self._lock_words(which) if 400 <= status_of(error.__cause__) < 500 else ""
            if not words:
                raise
            return ObjectLocked(f"{name} in {self.place} is {words}", hint="it is removed after that")
        return None

    def _lock_words(self, which: dict[str, str]) -> str:
        """Return what keeps a version, empty where nothing does or this key may not ask."""
        with suppress(StrongroomError):
            hold = self._call("get_object_legal_hold", "read the hold of", **which)
            if hold.get("LegalHold", {}).get("Status") == "ON":
                return "under a legal hold of the bucket"
        with suppress(StrongroomError):
            until = self._call("get_object_retention", "read the lock of", **which)["Retention"]["RetainUntilDate"]
            return f"locked by the bucket until {until:%Y-%m-%d}"
        return ""

    @property
    def _s3(self) -> Any:
        if self._client is None:
            self._client = self._connect()
        return self._client

    def _call(self, act: str, verb: str, what: str = "", **arguments: Any) -> Any:
        client = self._s3
        with worded(verb, f"{what} in {self.place}" if what else self.place):
            return getattr(client, act)(Bucket=self._settings.bucket, **arguments)

    def _pages(self, act: str, prefix: str) -> Iterator[Any]:
        pages = self._s3.get_paginator(act).paginate(Bucket=self._settings.bucket, Prefix=self._root + prefix)
        try:
            with worded("list", self.place):
                yield from pages
        except ObjectAbsent as error:
            raise CopyAway(f"cannot list {self.place}", hint="check the bucket") from error

    def _is_there(self, key: str, name: str) -> bool:
        try:
            self._call("head_object", "look for", name, Key=key)
        except ObjectAbsent:
            return False
        return True

    def _send(self, key: str, name: str, blocks: Iterable[bytes], sha256: str) -> bool:
        parts = _parts(blocks)
        first, second = next(parts, b""), next(parts, None)
        try:
            if second is None:
                _require(hashlib.sha256(first).hexdigest() == sha256, name)
                self._write("put_object", name, Key=key, Body=first, IfNoneMatch="*", ChecksumSHA256=_sum(first))
            else:
                self._send_parts(key, name, chain((first, second), parts), sha256)
        except _Taken:
            return False
        return True

    def _write(self, act: str, name: str, **arguments: Any) -> Any:
        """Call what takes a free name only."""
        from botocore.exceptions import ClientError

        client = self._s3
        with worded("write", f"{name} in {self.place}"):
            try:
                return getattr(client, act)(Bucket=self._settings.bucket, **arguments)
            except ClientError as error:
                if code_of(error) in TAKEN:
                    raise _Taken from None
                raise

    def _send_parts(self, key: str, name: str, parts: Iterable[bytes], sha256: str) -> None:
        found, sent = hashlib.sha256(), []
        started = self._call("create_multipart_upload", "write", name, Key=key, ChecksumAlgorithm="SHA256")
        upload = {"Key": key, "UploadId": started["UploadId"]}
        try:
            for number, part in enumerate(parts, 1):
                found.update(part)
                done = self._call(
                    "upload_part", "write", name, **upload, PartNumber=number, Body=part, ChecksumSHA256=_sum(part)
                )
                sent.append({"PartNumber": number, "ETag": done["ETag"], "ChecksumSHA256": _sum(part)})
            _require(found.hexdigest() == sha256, name)
            self._write("complete_multipart_upload", name, **upload, MultipartUpload={"Parts": sent}, IfNoneMatch="*")
        except (StrongroomError, _Taken):
            with suppress(StrongroomError):  # the next run ends it
                self._call("abort_multipart_upload", "end", name, **upload)
            raise

    def _versions(self, prefix: str) -> tuple[Version, ...]:
        """Return every version of what begins so. A server that knows no versions has what it lists."""
        try:
            pages = tuple(self._pages("list_object_versions", prefix.removeprefix(self._root)))
        except CopyAway as error:
            if code_of(error.__cause__) not in ("NotImplemented", "501"):
                raise
            listed = self.list(prefix.removeprefix(self._root))
            return tuple(Version(self._root + each.name, "null", each.size) for each in listed)
        return tuple(
            Version(str(each["Key"]), str(each["VersionId"]), int(each.get("Size", 0)), kind == "DeleteMarkers")
            for page in pages
            for kind in ("Versions", "DeleteMarkers")
            for each in page.get(kind, ())
        )

    def _uploads(self, prefix: str) -> tuple[tuple[str, str], ...]:
        pages = self._pages("list_multipart_uploads", prefix.removeprefix(self._root))
        return tuple((str(each["Key"]), str(each["UploadId"])) for page in pages for each in page.get("Uploads", ()))

    def _abort_uploads(self, prefix: str) -> None:
        for key, upload in self._uploads(prefix):
            with suppress(ObjectAbsent):
                self._call("abort_multipart_upload", "end", Key=key, UploadId=upload)

    def _key(self, name: str) -> str:
        if not is_object_name(name) or name.startswith("tmp/"):
            raise VaultError(f"{name!r:.80} is not the name of an object in a copy")
        return self._root + name


class _Taken(Exception):
    """Another object has the name."""


def _require(same: bool, name: str) -> None:
    if not same:
        raise SourceChanged(f"{name} was not copied: the bytes in the vault are not those that were archived")


def _sum(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def _parts(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Join blocks to parts, which grow so that there are never too many."""
    buffer, number = bytearray(), 0
    for block in blocks:
        buffer += block
        size = PART << (number // _DOUBLED_AFTER)
        while len(buffer) >= size:
            yield bytes(buffer[:size])
            del buffer[:size]
            number += 1
    if buffer:
        yield bytes(buffer)


def list_vaults(settings: BucketSettings) -> list[str]:
    """Return what comes after the prefix, sorted: each may be a copy of a vault. Raises CopyAway."""
    client, prefix = connect(settings), f"{settings.prefix}/"
    with worded("list", settings.place):
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=settings.bucket, Prefix=prefix, Delimiter="/")
        found = [str(each["Prefix"]) for page in pages for each in page.get("CommonPrefixes", ())]
    return sorted(each.removeprefix(prefix).rstrip("/") for each in found)
