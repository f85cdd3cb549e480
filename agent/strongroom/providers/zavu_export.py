"""A DataExport of Zavu's API, read with care: absent and null are alike, and a bad detail spoils only itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from strongroom.model.instants import parse_instant
from strongroom.model.provider import Ask, Observation, Standing
from strongroom.providers.answers import Reply, Unusable

_STANDINGS: Mapping[str, Standing] = MappingProxyType(
    {
        "pending": Standing.QUEUED,
        "processing": Standing.RUNNING,
        "completed": Standing.READY,
        "failed": Standing.FAILED,
        "expired": Standing.EXPIRED,  # not documented; the word leaves no doubt
    }
)
_LARGEST = (1 << 63) - 1
_MILLISECOND = timedelta(milliseconds=1)


def read_export(reply: Reply) -> dict[str, object]:
    """Return the object under `export`; raises Unusable."""
    export = reply.content().get("export")
    if not isinstance(export, dict):
        raise Unusable("it has no export in it")
    return export


def read_page(reply: Reply) -> tuple[list[dict[str, object]], str]:
    """Return the entries of one page of the list and the cursor to the next, empty at the end; raises Unusable."""
    content = reply.content()
    items, cursor = content.get("items"), content.get("nextCursor")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Unusable("it has no list of exports")
    if cursor is not None and not (isinstance(cursor, str) and cursor.isprintable()):
        raise Unusable("its cursor is not a text")
    return items, cursor or ""


def read_observation(export: Mapping[str, object], reply: Reply) -> Observation:
    """Say where an export stands; raises Unusable when it has no usable name."""
    ref = export.get("id")
    if not isinstance(ref, str) or not ref or len(ref) > 500 or not ref.isprintable():
        raise Unusable("it has an export without a usable id")
    raw = reply.words(export.get("status"), 60)
    standing = _STANDINGS.get(raw.lower(), Standing.UNKNOWN)
    expires = _read_time(export.get("expiresAt"))
    if standing is Standing.READY and expires is not None and expires <= reply.now:
        standing = Standing.EXPIRED
    return Observation(
        ref,
        standing,
        raw,
        created_at=_read_time(export.get("createdAt")),
        completed_at=_read_time(export.get("completedAt")),
        expires_at=expires,
        size=_read_size(export.get("fileSize")),
        detail=reply.words(export.get("errorMessage")),
        request_id=reply.request_id,
    )


def read_ask(export: Mapping[str, object]) -> Ask | None:
    """Return the request that an export repeats; None when it cannot be read whole: then it equals no request."""
    types = export.get("dataTypes")
    if not isinstance(types, list) or not all(isinstance(name, str) for name in types):
        return None
    bounds = [export.get("dateFrom"), export.get("dateTo")]
    times = [_read_time(bound) for bound in bounds]
    if any(time is None and bound is not None for time, bound in zip(times, bounds, strict=True)):
        return None
    return Ask(frozenset(types), times[0], times[1])


def whole_millisecond(instant: datetime, *, up: bool = False) -> datetime:
    """Return the instant cut to a whole millisecond, the precision in which the API repeats it; or raised to one."""
    spare = timedelta(microseconds=instant.microsecond % 1000)
    if up and spare:
        return instant - spare + _MILLISECOND
    return instant - spare


def _read_time(value: object) -> datetime | None:
    try:
        return parse_instant(value) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def _read_size(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= _LARGEST else None
