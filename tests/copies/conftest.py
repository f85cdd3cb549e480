"""A server of buckets for all tests of copies in one process."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from kit.buckets import ACCESS, CANARY, SECRET, BucketServer, serving_buckets


@pytest.fixture(scope="session")
def bucket_server() -> Iterator[BucketServer]:
    os.environ.update({ACCESS: "any", SECRET: CANARY})
    with serving_buckets() as server:
        yield server
    del os.environ[ACCESS], os.environ[SECRET]
