"""A time stamp (RFC 3161): an authority's word that these bytes were there at a time, which is not our clock's word.

The library is an extra (`timestamps`) and is imported only where a stamp is requested or checked.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from strongroom.model.errors import UsageError, WorldError

if TYPE_CHECKING:
    from rfc3161_client import VerifierBuilder

REQUEST_TYPE = "application/timestamp-query"

Ask = Callable[[bytes], bytes]
"""Sends a request to the authority and returns its answer. Raises UsageError or WorldError."""


class Stamp(Struct, frozen=True):
    """An answer that was checked."""

    data: bytes  # as it came, in DER: what `openssl ts -verify -in` takes
    at: datetime  # by the authority's clock


def get_stamp(data: bytes, authorities: bytes, ask: Ask) -> Stamp:
    """Have bytes stamped, and check the answer. `authorities` are the certificates that are trusted, in PEM.

    Raises UsageError where the extra is missing or the certificates cannot be read, WorldError where the answer is not
    a stamp of these bytes by one of them.
    """
    try:
        from rfc3161_client import HashAlgorithm, TimestampRequestBuilder, VerifierBuilder
    except ImportError:
        raise _missing() from None
    request = TimestampRequestBuilder().data(data).hash_algorithm(HashAlgorithm.SHA256).build()
    return _check(ask(request.as_bytes()), data, authorities, VerifierBuilder.from_request(request))


def check_stamp(answer: bytes, data: bytes, authorities: bytes) -> Stamp:
    """Check a stamp that was kept. Raises as get_stamp does."""
    try:
        from rfc3161_client import VerifierBuilder
    except ImportError:
        raise _missing() from None
    return _check(answer, data, authorities, VerifierBuilder())


def _check(answer: bytes, data: bytes, authorities: bytes, builder: VerifierBuilder) -> Stamp:
    from cryptography.x509 import load_pem_x509_certificates
    from rfc3161_client import VerificationError, decode_timestamp_response

    try:
        certificates = load_pem_x509_certificates(authorities)
    except ValueError:
        raise UsageError("the authority's certificates cannot be read", hint="timestamp_ca names a PEM file") from None
    for certificate in certificates:
        builder = builder.add_root_certificate(certificate)
    try:
        response = decode_timestamp_response(answer)
        builder.build().verify_message(response, data)
        return Stamp(answer, response.tst_info.gen_time.astimezone(UTC))
    except (VerificationError, ValueError) as error:
        raise WorldError("the authority's answer is not a time stamp that can be believed") from error


def _missing() -> UsageError:
    return UsageError("the time-stamp client is not installed", hint="pip install 'strongroom[timestamps]'")
