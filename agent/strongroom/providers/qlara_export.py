"""What Qlara says about exports, read in every shape that its documents leave open; what cannot be read is told.

The documents name the statuses, `status` and `isAvailableForDownload`, and the download link, and no other field. So
ids, times and links are looked for under a few likely names, and nothing here depends on more than one being there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from strongroom.model.provider import Observation, Standing
from strongroom.providers.account import read_expiry, read_moment, require_items
from strongroom.providers.answers import Problem, Reply, Unusable

_STANDINGS: Mapping[str, Standing] = MappingProxyType(
    {
        "pending": Standing.RUNNING,  # documented as: the export is being generated
        "queued": Standing.QUEUED,
        "processing": Standing.RUNNING,
        "running": Standing.RUNNING,
        "in_progress": Standing.RUNNING,
        "failed": Standing.FAILED,
        "error": Standing.FAILED,
        "expired": Standing.EXPIRED,
    }
)
_COMPLETED = "completed"
_IDS = ("id", "exportId", "export_id", "exportID", "jobId", "uuid")
_HOLDERS = ("data", "export", "job", "result")
_LISTS = ("content", "items", "data", "exports", "results")
_LINKS = ("url", "downloadUrl", "download_url", "downloadLink", "link")
_CREATED = ("createdAt", "creationDate", "created_at", "createdDate", "requestedAt")
_COMPLETED_AT = ("completedAt", "completed_at", "completionDate")
_EXPIRES = ("expiresAt", "expires_at", "expirationDate", "expiryDate")
_KINDS = ("type", "exportType", "kind")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:~-]{0,199}")


def read_accepted(reply: Reply) -> str:
    """Return the id that the answer to a create names in its body or its Location, or empty: it may name none."""
    try:
        value = reply.value()
    except Unusable:
        value = None
    for holder in [value, *_inner(value)]:
        if isinstance(holder, dict) and (ref := _find_id(holder)):
            return ref
    # A bare word could be a remark such as "queued"; what has no digit in it is not taken for an id.
    if (ref := _read_id(value)) and re.search("[0-9]", ref):
        return ref
    place = re.search(r"/exports/([^/?#]+)/?(?:[?#].*)?$", reply.headers.get("location", ""))
    return _read_id(place[1]) if place else ""


def read_page(reply: Reply) -> tuple[list[dict[str, object]], bool | None]:
    """Return the entries of one page, and whether it says that it is the last, None if neither; raises Unusable."""
    value = reply.value()
    found = [value] if isinstance(value, list) else []
    if isinstance(value, dict):
        found = [value[name] for name in _LISTS if isinstance(value.get(name), list)]
    if len(found) != 1:
        raise Unusable("it has no list of exports, or more than one")
    last = value.get("last") if isinstance(value, dict) else None
    return require_items(found[0]), last if isinstance(last, bool) else None


def read_name(entry: Mapping[str, object]) -> str:
    """Return the id of an entry, or empty."""
    return _find_id(entry)


def read_entry(entry: Mapping[str, object], reply: Reply, *, was_ready: bool = False) -> Observation:
    """Say where an export stands; its `ref` is empty where the entry has no id.

    Completed but not available means "not yet" or "no longer"; `was_ready` says that it has been available before, and
    is_doubtful whether the entry leaves it open.
    """
    raw = reply.words(entry.get("status"), 60)
    standing = _STANDINGS.get(raw.lower(), Standing.UNKNOWN)
    created = _read_first_time(entry, _CREATED)
    expires = next((at for name in _EXPIRES if (at := read_expiry(entry.get(name), created))), None)
    if entry.get("isAvailableForDownload") is True and standing not in (Standing.FAILED, Standing.EXPIRED):
        standing = Standing.READY
    elif raw.lower() == _COMPLETED:
        over = was_ready or (expires is not None and expires <= reply.now)
        standing = Standing.EXPIRED if over else Standing.RUNNING
    return Observation(
        _find_id(entry),
        standing,
        raw,
        created_at=created,
        completed_at=_read_first_time(entry, _COMPLETED_AT),
        expires_at=expires,
        detail=reply.words(entry.get("message", entry.get("errorMessage"))),
        request_id=reply.request_id,
        retry_at=reply.retry_at,
    )


def is_doubtful(seen: Observation) -> bool:
    """Say whether the list alone leaves open if the export can not yet be downloaded, or no longer."""
    return seen.standing is Standing.RUNNING and seen.raw_status.lower() == _COMPLETED


def read_kind(entry: Mapping[str, object]) -> str:
    """Return which dataset an entry says it holds, in our words; empty where it does not say."""
    word = next((value for name in _KINDS if isinstance(value := entry.get(name), str)), "").lower()
    words = (("contact", "contacts"), ("report", "delivery-reports"), ("history", "message-history"))
    return next((dataset for part, dataset in words if part in word), "")


def read_link(reply: Reply) -> str:
    """Return the download link; raises Unusable where there is none, or where it is not clear which one it is."""
    value = reply.value()
    if isinstance(value, str) and _is_link(value):
        return value
    for holder in [value, *_inner(value)]:
        if not isinstance(holder, dict):
            continue
        named = [holder[name] for name in _LINKS if _is_link(holder.get(name))]
        links = {link for link in named or holder.values() if isinstance(link, str) and _is_link(link)}
        if len(links) == 1:
            return links.pop()
        if links:
            raise Unusable("it has several links and does not say which is the file's")
    raise Unusable("it has no download link")


def read_problem(reply: Reply) -> Problem:
    """Return what an error says."""
    content = reply.loose_content()
    return Problem(reply.words(content.get("error"), 60), reply.words(content.get("message")))


def _inner(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from (value[name] for name in _HOLDERS if name in value)


def _find_id(holder: Mapping[str, object]) -> str:
    return next((ref for name in _IDS if (ref := _read_id(holder.get(name)))), "")


def _read_id(value: object) -> str:
    text = str(value) if type(value) is int and value >= 0 else value
    return text if isinstance(text, str) and _ID.fullmatch(text) else ""


def _is_link(value: object) -> bool:
    return isinstance(value, str) and re.match("https?://", value, re.IGNORECASE) is not None


def _read_first_time(entry: Mapping[str, object], names: Sequence[str]) -> datetime | None:
    return next((time for name in names if (time := read_moment(entry.get(name)))), None)
