"""An ExportRecord of HookBridge, read with care: absent and null are alike, and a bad detail spoils only itself."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from strongroom.model.errors import AuthRefused
from strongroom.model.instants import parse_instant
from strongroom.model.provider import Ask, Observation, Standing
from strongroom.model.stream import DatasetShape
from strongroom.providers.answers import Problem, Reply, Unusable

OUTBOUND, INBOUND = "outbound", "inbound"

# The vendor documents no columns. These are the names that its published SDKs give the same facts; a file with others
# is told of as drift and as undated, and kept all the same.
SHAPES: Mapping[str, DatasetShape] = MappingProxyType(
    {
        OUTBOUND: DatasetShape(OUTBOUND, "", "message_id", "created_at"),
        INBOUND: DatasetShape(INBOUND, "", "message_id", "received_at"),
    }
)
"""By the provider's word for the direction."""

STATUSES = ("queued", "delivering", "succeeded", "pending_retry", "failed_permanent")
FILTERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {OUTBOUND: ("status", "endpoint_id"), INBOUND: ("status", "inbound_endpoint_id")}
)
"""Which filters each direction takes, in the words of the request."""

_STANDINGS: Mapping[str, Standing] = MappingProxyType(
    {
        "pending": Standing.QUEUED,
        "processing": Standing.RUNNING,
        "completed": Standing.READY,
        "failed": Standing.FAILED,
        "expired": Standing.EXPIRED,
    }
)
_LARGEST = (1 << 63) - 1


def read_export(value: object, reply: Reply) -> Observation:
    """Say where an export stands; raises Unusable when it has no usable name."""
    if not isinstance(value, dict):
        raise Unusable("it has no export in it")
    ref = value.get("id")
    if not isinstance(ref, str) or not ref or len(ref) > 500 or not ref.isprintable():
        raise Unusable("it has an export without a usable id")
    raw = reply.words(value.get("status"), 60)
    standing = _STANDINGS.get(raw.lower(), Standing.UNKNOWN)
    expires = _read_time(value.get("expires_at"))
    if standing is Standing.READY and expires is not None and expires <= reply.now:
        standing = Standing.EXPIRED
    return Observation(
        ref,
        standing,
        raw,
        created_at=_read_time(value.get("created_at")),
        completed_at=_read_time(value.get("completed_at")),
        expires_at=expires,
        size=_read_count(value.get("file_size_bytes")),
        rows=_read_count(value.get("row_count")),
        detail=reply.words(value.get("error_message")),
        request_id=reply.request_id,
    )


def read_ask(export: Mapping[str, object]) -> Ask | None:
    """Return the request that an export repeats; None when it cannot be read whole: then it equals no request.

    Without a direction it is outbound, the documented default, unless it is filtered by an inbound endpoint.
    """
    times = [_read_time(export.get(name)) for name in ("filter_start_time", "filter_end_time")]
    given = {name: export.get(f"filter_{name}") for name in ("status", "endpoint_id", "inbound_endpoint_id")}
    direction = export.get("direction") or (INBOUND if given["inbound_endpoint_id"] else OUTBOUND)
    if None in times or not isinstance(direction, str):
        return None
    if any(value is not None and not isinstance(value, str) for value in given.values()):
        return None
    filters = ((name, value) for name, value in given.items() if isinstance(value, str) and value)
    return Ask(frozenset({direction.lower()}), times[0], times[1], frozenset(map(same_filter, filters)))


def same_filter(pair: tuple[str, str]) -> tuple[str, str]:
    """Return the filter in one spelling: an endpoint given as `ep_` and 32 digits is repeated as a bare UUID."""
    name, value = pair
    if not name.endswith("endpoint_id"):
        return name, value
    found = _read_uuid(value)
    return name, str(found) if found else value


def sent_filter(name: str, value: str) -> str:
    """Return a filter's value as a request spells it."""
    found = _read_uuid(value) if name == "endpoint_id" else None
    return f"ep_{found.hex}" if found else value


def read_problem(reply: Reply) -> Problem:
    """Return what an error's envelope says."""
    error = reply.loose_content().get("error")
    inner = error if isinstance(error, dict) else {}
    return Problem(reply.words(inner.get("code"), 60), reply.words(inner.get("message")))


def refuse_key(reply: Reply) -> AuthRefused | None:
    """Return the error for a 429 that is about failed authentications and not about exports."""
    problem = read_problem(reply)
    if reply.status != 429 or problem.code != "RATE_LIMITED":
        return None
    return AuthRefused(
        "HookBridge refuses every request for a while: a wrong API key was tried too often (429 RATE_LIMITED)",
        hint="check that the API key is current and belongs to this project, then resume the source",
        status=reply.status,
        code=problem.code,
        request_id=reply.request_id,
    )


def read_retention(reply: Reply) -> timedelta | None:
    """Return how long the account's plan keeps payloads, by the subscription; None where it does not say."""
    data = reply.loose_content().get("data")
    limits = data.get("limits") if isinstance(data, dict) else None
    days = limits.get("retention_days") if isinstance(limits, dict) else None
    return timedelta(days=days) if type(days) is int and 0 < days < 100_000 else None


def _read_uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text.removeprefix("ep_"))
    except ValueError:
        return None


def _read_time(value: object) -> datetime | None:
    try:
        return parse_instant(value) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def _read_count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= _LARGEST else None
