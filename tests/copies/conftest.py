"""A server of buckets for all tests of copies in one process, and vaults whose copy is in a folder or a bucket."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.buckets import ACCESS, CANARY, SECRET, BucketServer, serving_buckets
from kit.copies import CopiedHouse, make_copied_house


@pytest.fixture(scope="session")
def bucket_server() -> Iterator[BucketServer]:
    os.environ.update({ACCESS: "any", SECRET: CANARY})
    with serving_buckets() as server:
        yield server
    del os.environ[ACCESS], os.environ[SECRET]


@pytest.fixture(params=["folder", "bucket"])
def copied_anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CopiedHouse]:
    """Make a vault with one copy, `disk`: in a folder, or in a bucket that keeps versions."""
    if request.param == "folder":
        made = make_copied_house(tmp_path)
    else:
        server: BucketServer = request.getfixturevalue("bucket_server")
        made = make_copied_house(tmp_path, copies=(server.copy(server.make_bucket(versioned=True), "disk"),))
    yield made
    made.house.vault.close()
