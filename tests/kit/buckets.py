"""A server of buckets on loopback, for the tests of copies: MiniStack, in a process that ends with this one.

It differs from AWS: it takes a retain-until date in the past, loses the lock of an object that is sent in parts, and
lets versioning be suspended where objects are locked. No permissions are checked.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from kit.drivers import command, environment
from strongroom.config.copies import Addressing, BucketSettings, CopySettings
from strongroom.config.secrets import Scheme, SecretRef
from strongroom.copies.s3 import S3Store
from strongroom.copies.s3_client import connect

VAULT = "0123456789abcdef"
ACCESS, SECRET = "STRONGROOM_TEST_BUCKET_ACCESS", "STRONGROOM_TEST_BUCKET_SECRET"
CANARY = "canary-of-the-bucket-key"


@dataclass
class BucketServer:
    """A running server."""

    port: int
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def settings(self, bucket: str, port: int = 0, **changes: Any) -> BucketSettings:
        given = {
            "endpoint": f"http://127.0.0.1:{port or self.port}", "addressing": Addressing.PATH,
            "access_key": SecretRef(Scheme.ENV, ACCESS), "secret_key": SecretRef(Scheme.ENV, SECRET),
        }  # fmt: skip
        return BucketSettings(bucket, **{**given, **changes})

    def client(self) -> Any:
        """Return a client that may do anything, as another program would."""
        return connect(self.settings("any"))

    def make_bucket(self, *, versioned: bool = False, locked: bool = False) -> str:
        name, client = f"records-{next(self.numbers)}", self.client()
        client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=locked)
        if versioned:
            client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    def all_bytes(self, bucket: str) -> bytes:
        """Return every version of every object, one after another."""
        client, found = self.client(), bytearray()
        for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for each in page.get("Versions", ()):
                body = client.get_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])["Body"]
                found += body.read()
        return bytes(found)

    def store(self, bucket: str, vault: str = VAULT, client: Callable[[], Any] | None = None) -> S3Store:
        return S3Store(self.settings(bucket), vault, client)

    def copy(self, bucket: str, name: str = "offsite", **changes: Any) -> CopySettings:
        return CopySettings(name, s3=self.settings(bucket, **changes))


@contextmanager
def serving_buckets() -> Iterator[BucketServer]:
    """Start a server, and end it."""
    process = subprocess.Popen(
        command("bucket_server"), env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin and process.stdout
    try:
        yield BucketServer(int(process.stdout.readline()))
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()
