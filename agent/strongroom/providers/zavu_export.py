"""What is published about the records in a Zavu export.

The guide shows one message; the other fields are those of the records in the REST API, which an export may or may not
follow. So a field is called `always` there only where the guide's example and the API agree, or where no record of the
API is without it and it names or dates the record; everything else is merely known.

A DataExport of Zavu's API, read with care: absent and null are alike, and a bad detail spoils only itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from strongroom.model.plan import DatasetShape
from strongroom.model.provider import Ask, Observation, Standing
from strongroom.providers.account import Page, read_count, read_expiry, read_moment, read_ref, read_time, require_items
from strongroom.providers.answers import ApiResponse, Unusable

COMPANIONS = ("metadata.json",)


def _shape(name: str, known: str = "", always: str = "") -> DatasetShape:
    return DatasetShape(name, f"{name}.json", "id", "createdAt", frozenset(known.split()), frozenset(always.split()))


_SHAPES = (
    _shape(
        "messages",
        "id to from channel status text createdAt messageType content cost costProvider costTotal errorCode"
        " errorMessage metadata providerMessageId senderId updatedAt",
        "id to channel status createdAt",
    ),
    _shape(
        "conversations",
        "id channels contactIdentifier createdAt lastMessage messageCount unreadCount updatedAt contactId email"
        " senderId group whatsapp",
        "id createdAt",
    ),
    _shape("webhookDeliveries"),
    _shape(
        "agentExecutions",
        "id agentId cost createdAt inputTokens outputTokens latencyMs status errorMessage inboundMessageId"
        " knowledgeChunksUsed responseMessageId responseText toolCalls",
        "id createdAt",
    ),
    _shape("activities"),
)

SHAPES: Mapping[str, DatasetShape] = MappingProxyType({shape.name: shape for shape in _SHAPES})
"""By the provider's own word. Nothing is known of webhookDeliveries and activities: no drift is judged there."""


_STANDINGS: Mapping[str, Standing] = MappingProxyType(
    {
        "pending": Standing.QUEUED,
        "processing": Standing.RUNNING,
        "completed": Standing.READY,
        "failed": Standing.FAILED,
        "expired": Standing.EXPIRED,  # not documented; the word leaves no doubt
    }
)
_MILLISECOND = timedelta(milliseconds=1)


def read_export(reply: ApiResponse) -> dict[str, object]:
    """Return the object under `export`; raises Unusable."""
    export = reply.content().get("export")
    if not isinstance(export, dict):
        raise Unusable("it has no export in it")
    return export


def read_page(reply: ApiResponse) -> Page:
    """Return the entries of one page of the list and the cursor to the next, empty at the end; raises Unusable."""
    content = reply.content()
    items, cursor = require_items(content.get("items")), content.get("nextCursor")
    if cursor is not None and not (isinstance(cursor, str) and cursor.isprintable()):
        raise Unusable("its cursor is not a text")
    return items, cursor or ""


def read_observation(export: Mapping[str, object], reply: ApiResponse) -> Observation:
    """Say where an export stands; raises Unusable when it has no usable name."""
    ref = read_ref(export.get("id"))
    raw = reply.words(export.get("status"), 60)
    standing = _STANDINGS.get(raw.lower(), Standing.UNKNOWN)
    created = read_moment(export.get("createdAt"))
    expires = read_expiry(export.get("expiresAt"), created)
    if standing is Standing.READY and expires is not None and expires <= reply.now:
        standing = Standing.EXPIRED
    return Observation(
        ref,
        standing,
        raw,
        created_at=created,
        completed_at=read_moment(export.get("completedAt")),
        expires_at=expires,
        size=read_count(export.get("fileSize")),
        detail=reply.words(export.get("errorMessage")),
        request_id=reply.request_id,
        retry_at=reply.retry_at,
    )


def read_ask(export: Mapping[str, object]) -> Ask | None:
    """Return the request that an export repeats; None when it cannot be read whole: then it equals no request."""
    types = export.get("dataTypes")
    if not isinstance(types, list) or not all(isinstance(name, str) for name in types):
        return None
    bounds = [export.get("dateFrom"), export.get("dateTo")]
    times = [read_time(bound) for bound in bounds]
    if any(time is None and bound is not None for time, bound in zip(times, bounds, strict=True)):
        return None
    return Ask(frozenset(types), times[0], times[1])


def whole_millisecond(instant: datetime, *, up: bool = False) -> datetime:
    """Return the instant cut to a whole millisecond, the precision in which the API repeats it; or raised to one."""
    spare = timedelta(microseconds=instant.microsecond % 1000)
    if up and spare:
        return instant - spare + _MILLISECOND
    return instant - spare
