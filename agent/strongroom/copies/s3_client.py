"""The client of an S3-compatible server: built from the configuration, and its errors in words.

The library is an extra (`s3`) and is imported only where a bucket is used. Where the configuration names no keys, the
library finds the role of the machine; it never takes an endpoint or a proxy from the environment. What a server says is
never repeated; only its error code is.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from strongroom.config.copies import BucketSettings
from strongroom.config.secrets import resolve
from strongroom.copies.port import CopyAway, ObjectAbsent
from strongroom.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

ATTEMPTS = 6  # of one request: after 503 SlowDown, a reset, or no answer in time
CONNECT = 10.0  # seconds
ABSENT = frozenset({"NoSuchKey", "NoSuchVersion", "404", "NotFound"})
TAKEN = frozenset({"PreconditionFailed", "412"})
_HINTS = {
    "NoSuchBucket": "make the bucket first, or check its name",
    "AccessDenied": "compare the policy with docs/copies.md",
    "403": "compare the policy with docs/copies.md",
    "InvalidAccessKeyId": "check access_key",
    "SignatureDoesNotMatch": "check secret_key and region",
    "RequestTimeTooSkewed": "set the clock of this machine, or of the server",
    "SlowDown": "the server asks for fewer requests; it is tried again later",
}
_FAILURES = {
    "SSLError": "the server's certificate is not accepted; is ca_file right?",
    "ProxyConnectionError": "is the proxy right?",
    "NoCredentialsError": "name access_key and secret_key",
}
_WORDS = {
    "ConnectTimeoutError": "no connection in time",
    "ConnectionClosedError": "the connection was closed",
    "EndpointConnectionError": "no connection to the server",
    "IncompleteReadError": "the answer broke off",
    "ProtocolError": "the answer broke off",
    "ReadTimeoutError": "no answer in time",
    "ResponseParserError": "the answer is not that of an S3 server",
    "ResponseStreamingError": "the answer broke off",
}


class ClientKeys(Struct, frozen=True):
    """What opens a bucket."""

    access: str
    secret: str


def connect(settings: BucketSettings) -> Any:
    """Return a client of the bucket's server. Raises UsageError where the library is missing or a secret is."""
    library, keys = session(), _keys(settings)
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT,
        read_timeout=settings.timeout.total_seconds(),
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        s3={"addressing_style": settings.addressing.value},
        proxies={"http": settings.proxy, "https": settings.proxy} if settings.proxy else {},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        ignore_configured_endpoint_urls=True,
        user_agent_extra="strongroom",
    )
    with _BUILDING:
        return library.client(
            "s3",
            region_name=settings.region,
            endpoint_url=settings.endpoint,
            verify=str(settings.ca_file) if settings.ca_file else None,
            aws_access_key_id=keys.access if keys else None,
            aws_secret_access_key=keys.secret if keys else None,
            config=config,
        )


_BUILDING = Lock()  # a session may build one client at a time


@cache
def session() -> Any:
    """Return what clients are built from: reading the library's description of the service takes a while."""
    try:
        from boto3.session import Session
    except ImportError as error:
        raise UsageError("the client for buckets is not installed", hint="pip install 'strongroom[s3]'") from error
    return Session()


def _keys(settings: BucketSettings) -> ClientKeys | None:
    if settings.access_key is None or settings.secret_key is None:
        return None  # the role of the machine
    return ClientKeys(resolve(settings.access_key).reveal(), resolve(settings.secret_key).reveal())


def code_of(error: BaseException | None) -> str:
    """Return the server's code for an error, empty where no server answered."""
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))[:60]


def status_of(error: BaseException | None) -> int:
    """Return the HTTP status of a server's error, 0 where no server answered."""
    response = getattr(error, "response", None) or {}
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


@contextmanager
def worded(act: str, what: str) -> Iterator[None]:
    """Turn an error of the library into ObjectAbsent, or CopyAway, which says what was tried."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError
    from botocore.response import URLLib3ProtocolError, URLLib3ReadTimeoutError

    # The library lets the others out where the answer to be read is that of an error.
    failures = (BotoCoreError, OSError, ResponseParserError, URLLib3ProtocolError, URLLib3ReadTimeoutError)
    try:
        yield
    except ClientError as error:
        code = code_of(error)
        if code in ABSENT:
            raise ObjectAbsent(f"there is no {what}") from error
        hint = _HINTS.get(code, "see docs/copies.md")
        raise CopyAway(f"cannot {act} {what}: the server answered {code or 'an error'}", hint=hint) from error
    except failures as error:
        name = type(error).__name__
        hint = _FAILURES.get(name, "are endpoint, network and proxy right?")
        words = f"{_WORDS[name]} ({name})" if name in _WORDS else name
        raise CopyAway(f"cannot {act} {what}: {words}", hint=hint) from error
