"""What a bucket alone must do: faults of the network, versions, parts, agents that share it, and no secret anywhere."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import sys
from datetime import timedelta
from typing import Any

import pytest

from kit.buckets import CANARY, VAULT, BucketServer
from strongroom.copies import s3_client
from strongroom.copies.port import CopyAway, digest_of, read_whole
from strongroom.copies.s3 import S3Store
from strongroom.copies.s3_client import connect
from strongroom.model.errors import UsageError

KEY = f"keys/ab/{'0' * 24}ab.{'f' * 64}.key.age"
PAYLOAD = f"archives/ab/{'0' * 24}ab.age"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def put(store: S3Store, name: str, data: bytes) -> bool:
    return store.put(name, (data,), sha(data))


class Faults:
    """Makes requests of a client fail, or answers of it break off."""

    def __init__(self, client: Any) -> None:
        self.client, self.left, self.sent = client, 0, 0
        client.meta.events.register("before-send.s3", self.refuse)

    def refuse(self, request: Any, **_more: Any) -> Any:
        from botocore.awsrequest import AWSResponse

        self.sent += 1
        if self.left <= 0:
            return None
        self.left -= 1
        body = b"<Error><Code>SlowDown</Code><Message>reduce your rate</Message></Error>"
        return AWSResponse(request.url, 503, {"content-type": "application/xml"}, _Raw(body))


class _Raw:
    def __init__(self, body: bytes) -> None:
        self.body = body

    def stream(self, *_arguments: Any, **_more: Any) -> Any:
        yield self.body

    def read(self, *_arguments: Any, **_more: Any) -> bytes:
        return self.body


@pytest.fixture
def no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)


@pytest.fixture
def bucket(bucket_server: BucketServer) -> str:
    return bucket_server.make_bucket(versioned=True)


@pytest.mark.usefixtures("no_rest")
def test_a_server_that_asks_for_rest_is_asked_again_and_one_that_never_stops_is_away(
    bucket_server: BucketServer, bucket: str
) -> None:
    faults = Faults(bucket_server.client())
    store = bucket_server.store(bucket, client=lambda: faults.client)
    faults.left = 3
    assert put(store, PAYLOAD, b"payload")
    faults.left = 1000
    with pytest.raises(CopyAway, match="the server answered SlowDown"):
        put(store, KEY, b"key")
    assert faults.sent < 30


def test_an_answer_that_breaks_off_is_resumed_and_never_taken_for_the_whole(
    bucket_server: BucketServer, bucket: str
) -> None:
    client = bucket_server.client()
    store = bucket_server.store(bucket, client=lambda: client)
    data = os.urandom(3 << 20)
    assert put(store, PAYLOAD, data)
    ranges: list[str] = []

    def cut(parsed: dict[str, Any], **_more: Any) -> None:
        ranges.append(parsed.get("ContentRange", ""))
        parsed["Body"] = _Cut(parsed["Body"], 1 << 20)

    client.meta.events.register("after-call.s3.GetObject", cut)
    assert digest_of(store.read(PAYLOAD)) == sha(data)
    assert len(ranges) > 2 and ranges[1].startswith("bytes 1048576-")


class _Cut:
    """A body of which one block arrives."""

    def __init__(self, body: Any, most: int) -> None:
        self._body, self._most = body, most

    def iter_chunks(self, size: int) -> Any:
        from botocore.exceptions import ReadTimeoutError

        yield self._body.read(min(size, self._most))
        if self._body.read(1):
            self._body.close()
            raise ReadTimeoutError(endpoint_url="http://secret.example")


def test_a_large_object_goes_in_parts_and_one_that_fails_leaves_none(
    bucket_server: BucketServer, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("strongroom.copies.s3.PART", 5 << 20)
    store, client = bucket_server.store(bucket), bucket_server.client()
    block = os.urandom(4 << 20)
    assert store.put(PAYLOAD, (block, block, b"end"), sha(block + block + b"end"))
    assert client.head_object(Bucket=bucket, Key=f"strongroom/{VAULT}/{PAYLOAD}")["ETag"].endswith('-2"')
    with pytest.raises(Exception, match="not those that were archived"):
        store.put("archives/ab/other.age", (block, block), sha(b"expected"))
    client.create_multipart_upload(Bucket=bucket, Key=f"strongroom/{VAULT}/archives/ab/killed.age")
    theirs = client.create_multipart_upload(Bucket=bucket, Key="strongroom/fedcba9876543210/archives/ab/theirs.age")
    store.begin()
    left = client.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert [each["UploadId"] for each in left] == [theirs["UploadId"]]


def test_what_is_removed_is_gone_in_every_version_and_unfinished_upload(
    bucket_server: BucketServer, bucket: str
) -> None:
    store, client, key = bucket_server.store(bucket), bucket_server.client(), f"strongroom/{VAULT}/{KEY}"
    assert put(store, KEY, b"first")
    client.put_object(Bucket=bucket, Key=key, Body=b"second")
    client.delete_object(Bucket=bucket, Key=key)
    upload = client.create_multipart_upload(Bucket=bucket, Key=key)
    client.upload_part(Bucket=bucket, Key=key, UploadId=upload["UploadId"], PartNumber=1, Body=b"part of a key")
    client.put_object(Bucket=bucket, Key=f"{key}.other", Body=b"of somebody")
    assert list(store.list(KEY)) == [] or [each.name for each in store.list(KEY)] == [f"{KEY}.other"]
    assert {each.name for each in store.remnants(KEY)} == {KEY, f"{KEY}.other"}
    assert store.delete(KEY)
    versions = client.list_object_versions(Bucket=bucket, Prefix=key)
    assert [each["Key"] for each in versions["Versions"]] == [f"{key}.other"]
    assert "DeleteMarkers" not in versions
    assert "Uploads" not in client.list_multipart_uploads(Bucket=bucket, Prefix=key)


def test_what_the_server_changed_or_kept_old_is_not_taken_for_stored(bucket_server: BucketServer, bucket: str) -> None:
    client = bucket_server.client()
    store = bucket_server.store(bucket, client=lambda: client)

    def other(parsed: dict[str, Any], **_more: Any) -> None:
        parsed["Body"] = _Cut(io.BytesIO(b"old bytes"), 1 << 20)

    client.meta.events.register("after-call.s3.GetObject", other)
    with pytest.raises(CopyAway, match="read back"):
        put(store, PAYLOAD, b"new bytes")
    assert list(bucket_server.store(bucket).remnants(PAYLOAD)) == []


@pytest.mark.usefixtures("no_rest")
def test_errors_say_what_to_do_and_nothing_secret(
    bucket_server: BucketServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(CopyAway, match="there is no bucket nowhere"):
        bucket_server.store("nowhere").begin()
    away = S3Store(bucket_server.settings("any", port=1, timeout=timedelta(seconds=1)), VAULT)
    with pytest.raises(CopyAway, match=r"cannot read README\.txt .* no connection to the server") as caught:
        read_whole(away, "README.txt")
    assert caught.value.hint == "are endpoint, network and proxy right?"
    assert CANARY not in caplog.text + str(caught.value)


def test_without_the_library_a_sentence_says_how_to_install_it(
    bucket_server: BucketServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "boto3.session", None)
    s3_client.session.cache_clear()
    with pytest.raises(UsageError) as caught:
        connect(bucket_server.settings("any"))
    assert caught.value.hint == "pip install 'strongroom[s3]'"
