"""An ExportRecord of HookBridge, read with care: absent and null are alike, and a bad detail spoils only itself."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from strongroom.model.errors import AuthRefused, RequestRefused
from strongroom.model.plan import DatasetShape, ExportSpec
from strongroom.model.provider import Ask
from strongroom.providers.account import ExportKeys, Page, read_time, require_items
from strongroom.providers.answers import ApiResponse, ProviderProblem, Unusable

OUTBOUND, INBOUND = "outbound", "inbound"

# The vendor documents no columns. These are the names that its published SDKs give the same facts; a file with others
# is reported as drift and as undated, and kept all the same.
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

KEYS = ExportKeys("created_at", "completed_at", "expires_at", "file_size_bytes", "error_message", rows="row_count")


def read_page(reply: ApiResponse) -> Page:
    """Return the entries of one page and the cursor to the next, empty at the end; raises Unusable."""
    content = reply.content()
    items, meta = _read_items(content), content.get("meta")
    page = meta if isinstance(meta, dict) else {}
    cursor = page.get("next_cursor")
    if page.get("has_more") and not (isinstance(cursor, str) and cursor):
        raise Unusable("its list goes on, but does not say how")
    return items, cursor if isinstance(cursor, str) else ""


def shows_direction(export: Mapping[str, object]) -> bool:
    """Say whether an export names its direction."""
    return bool(export.get("direction"))


def read_ask(export: Mapping[str, object], *, absent: str = OUTBOUND) -> Ask | None:
    """Return the request that an export repeats; None when it cannot be read whole: then it equals no request.

    Without a direction its endpoint shows which it has; otherwise it is `absent`, where empty means unknown.
    """
    times = [read_time(export.get(name)) for name in ("filter_start_time", "filter_end_time")]
    given = {name: export.get(f"filter_{name}") for name in ("status", "endpoint_id", "inbound_endpoint_id")}
    implied = INBOUND if given["inbound_endpoint_id"] else OUTBOUND if given["endpoint_id"] else absent
    direction = export.get("direction") or implied
    if None in times or not isinstance(direction, str) or not direction:
        return None
    if any(value is not None and not isinstance(value, str) for value in given.values()):
        return None
    filters = ((name, value) for name, value in given.items() if isinstance(value, str) and value)
    return Ask(frozenset({direction.lower()}), times[0], times[1], frozenset(map(same_filter, filters)))


def read_possible_asks(export: Mapping[str, object]) -> list[Ask]:
    """Return the requests that an export without a direction may repeat; none where it or its endpoint is known."""
    known = any(export.get(name) for name in ("direction", "filter_endpoint_id", "filter_inbound_endpoint_id"))
    return [] if known else [ask for absent in SHAPES if (ask := read_ask(export, absent=absent)) is not None]


def take_filters(spec: ExportSpec) -> str:
    """Return the requested direction; raises RequestRefused for what one export cannot have."""
    direction, filters = spec.datasets[0] if len(spec.datasets) == 1 else "", dict(spec.filters)
    if direction not in SHAPES:
        words = f"the datasets {', '.join(spec.datasets)} in one file" if spec.datasets else "no datasets"
        raise RequestRefused(f"HookBridge cannot export {words}", hint=f"one export is one of {', '.join(SHAPES)}")
    unknown = sorted(filters.keys() - FILTERS[direction])
    if unknown or filters.get("status", STATUSES[0]) not in STATUSES:
        what = f"the filters {', '.join(unknown)}" if unknown else "this status"
        hint = f"filters of {direction} are {', '.join(FILTERS[direction])}; statuses: {', '.join(STATUSES)}"
        raise RequestRefused(f"HookBridge has no export of {direction} with {what}", hint=hint)
    return direction


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


def read_problem(reply: ApiResponse) -> ProviderProblem:
    """Return what an error's envelope says."""
    error = reply.loose_content().get("error")
    inner = error if isinstance(error, dict) else {}
    return ProviderProblem(reply.words(inner.get("code"), 60), reply.words(inner.get("message")))


def refuse_key(reply: ApiResponse) -> AuthRefused | None:
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


def read_retention(reply: ApiResponse) -> timedelta | None:
    """Return how long the account's plan keeps payloads, by the subscription; None where it does not say."""
    data = reply.loose_content().get("data")
    limits = data.get("limits") if isinstance(data, dict) else None
    days = limits.get("retention_days") if isinstance(limits, dict) else None
    return timedelta(days=days) if type(days) is int and 0 < days < 100_000 else None


def _read_items(content: Mapping[str, object]) -> list[dict[str, object]]:
    """Return the list. Null is an empty one: otherwise a project without exports could never request its first."""
    empty = "data" in content and content["data"] is None and not content.get("error")
    return [] if empty else require_items(content.get("data"))


def _read_uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text.removeprefix("ep_"))
    except ValueError:
        return None
