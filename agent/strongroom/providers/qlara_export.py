"""What Qlara says about exports, read in every shape that its documents leave open; what cannot be read is reported.

The documents name the statuses, `status` and `isAvailableForDownload`, and the download link, and no other field. So
ids, times and links are looked for under a few likely names, and nothing here depends on more than one being there.

Qlara's list of exports, the only place that shows their state, and what must be remembered to read it rightly.

`isAvailableForDownload` false means "not yet" or "no longer". What this process has seen available is no longer so;
else the link endpoint is asked. Its 400 is documented to mean "expired", but may be the answer to a link that comes too
early as well: it is believed once the export has been complete for longer than any flag lags behind.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

from msgspec.structs import replace

from strongroom.model.provider import ExportStatus, Observation
from strongroom.providers.account import DEAD, paced, read_expiry, read_moment, require_items, usable
from strongroom.providers.answers import ApiResponse, ProviderProblem, Unusable, refuse_read
from strongroom.providers.policy import HttpPolicy
from strongroom.providers.qlara_request import read_ask

_EXPORT_STATUSES: Mapping[str, ExportStatus] = MappingProxyType(
    {
        "pending": ExportStatus.RUNNING,  # documented as: the export is being generated
        "queued": ExportStatus.QUEUED,
        "processing": ExportStatus.RUNNING,
        "running": ExportStatus.RUNNING,
        "in_progress": ExportStatus.RUNNING,
        "failed": ExportStatus.FAILED,
        "error": ExportStatus.FAILED,
        "expired": ExportStatus.EXPIRED,
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


def read_accepted(reply: ApiResponse) -> str:
    """Return the id that the answer to a create names in its body or its Location, or empty if it names none."""
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


def read_page(reply: ApiResponse) -> tuple[list[dict[str, object]], bool | None]:
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


def read_entry(entry: Mapping[str, object], reply: ApiResponse, *, was_ready: bool = False) -> Observation:
    """Return the state of an export; its `ref` is empty where the entry has no id.

    Completed but not available means "not yet" or "no longer"; `was_ready` says that it has been available before, and
    is_doubtful whether the entry leaves it open.
    """
    raw = reply.words(entry.get("status"), 60)
    status = _EXPORT_STATUSES.get(raw.lower(), ExportStatus.UNKNOWN)
    created = _read_first_time(entry, _CREATED)
    expires = next((at for name in _EXPIRES if (at := read_expiry(entry.get(name), created))), None)
    if entry.get("isAvailableForDownload") is True and status not in (ExportStatus.FAILED, ExportStatus.EXPIRED):
        status = ExportStatus.READY
    elif raw.lower() == _COMPLETED:
        over = was_ready or (expires is not None and expires <= reply.now)
        status = ExportStatus.EXPIRED if over else ExportStatus.RUNNING
    return Observation(
        _find_id(entry),
        status,
        raw,
        created_at=created,
        completed_at=_read_first_time(entry, _COMPLETED_AT),
        expires_at=expires,
        detail=reply.words(entry.get("message", entry.get("errorMessage"))),
        request_id=reply.request_id,
        retry_at=reply.retry_at,
    )


def is_doubtful(seen: Observation) -> bool:
    """Say whether the list leaves open if the export cannot be downloaded yet, or no longer."""
    return seen.status is ExportStatus.RUNNING and seen.raw_status.lower() == _COMPLETED


def read_kind(entry: Mapping[str, object]) -> str:
    """Return the dataset of an entry, by our name; empty where it does not say."""
    word = next((value for name in _KINDS if isinstance(value := entry.get(name), str)), "").lower()
    words = (("contact", "contacts"), ("report", "delivery-reports"), ("history", "message-history"))
    return next((dataset for part, dataset in words if part in word), "")


def read_link(reply: ApiResponse) -> str:
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


def read_problem(reply: ApiResponse) -> ProviderProblem:
    """Return what an error says."""
    content = reply.loose_content()
    return ProviderProblem(reply.words(content.get("error"), 60), reply.words(content.get("message")))


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


Entry = tuple[dict[str, object], Observation]

LAG = timedelta(hours=1)
"""How long a completed export may be unavailable before the refusal of its link is believed to mean its end."""

_PAGE = 100


class QlaraList:
    """The list of one account."""

    def __init__(self, policy: HttpPolicy) -> None:
        self._policy = policy
        self._were_ready: set[str] = set()  # exports that this process has seen available
        self._doubted_since: dict[str, datetime] = {}  # complete, unavailable and without a link, by their own clock

    def entries(self, was_ready: str = "") -> Iterator[Entry]:
        """Yield every entry once, and every one that has no id; `was_ready` is known to have been available."""
        seen: set[str] = set()
        for reply, entries in self._pages():
            for entry in entries:
                found = read_entry(entry, reply)
                if found.ref and (found.ref == was_ready or found.ref in self._were_ready):
                    found = read_entry(entry, reply, was_ready=True)
                if not found.ref or found.ref not in seen:
                    seen.add(found.ref)
                    yield entry, found

    def by_name(self) -> dict[str, Entry]:
        """Return every entry that has an id."""
        return {entry[1].ref: entry for entry in self.entries() if entry[1].ref}

    def find(self, ref: str, *, was_ready: bool = False) -> Observation | None:
        """Return the state of one export by the list, or None where it lacks it."""
        known = ref if was_ready else ""
        return next((seen for _, seen in self.entries(known) if seen.ref == ref), None)

    def successor(self, ref: str, before: Mapping[str, Entry]) -> str:
        """Return what to watch after a regeneration that names no export: what is new on the list, if one thing is.

        Several that are alike cannot be distinguished: then it is the old name, and its export stays as it is.
        """
        after = self.by_name()
        if ref not in before or (ref in after and not _is_over(after[ref][1])):
            return ref
        old = before[ref][0]
        fresh = [name for name, (entry, _) in after.items() if name not in before and _is_like(entry, old)]
        return fresh[0] if len(fresh) == 1 else ref

    def remember_ready(self, ref: str) -> None:
        """Remember that the export can be downloaded now."""
        self._were_ready.add(ref)
        self._doubted_since.pop(ref, None)

    def forget_ready(self, ref: str) -> None:
        """Forget it: the export is made again."""
        self._were_ready.discard(ref)
        self._doubted_since.pop(ref, None)

    def was_ready(self, ref: str) -> bool:
        """Say whether this process has seen the export available."""
        return ref in self._were_ready

    def judge(self, seen: Observation, link: ApiResponse) -> Observation:
        """Return the state of an export that is completed but not available, by what its link endpoint answers."""
        if link.status == 200:
            self.remember_ready(seen.ref)
            return replace(seen, status=ExportStatus.READY)
        since = self._doubted_since.setdefault(seen.ref, link.now)
        complete = min(since, seen.completed_at or since)
        over = link.status == 404 or link.now - complete >= LAG
        return replace(seen, status=ExportStatus.EXPIRED) if over else seen

    def _pages(self) -> Iterator[tuple[ApiResponse, list[dict[str, object]]]]:
        """Yield the pages until one is empty, says that it is the last, or names the same exports as the one before.

        A short page is no end: the longest page that is allowed is not documented. Nor is an empty one that says
        itself that it is not the last.
        """
        before: list[object] = []
        walk_on = paced(self._policy)
        for page in itertools.count():
            walk_on()
            reply = self._policy.call("GET", "/exports", query={"page": page, "limit": _PAGE})
            entries, last = page_of(reply)
            names: list[object] = [read_name(entry) or entry for entry in entries]
            if entries and names == before:
                return
            yield reply, entries
            if last or (last is None and not entries):
                return
            before = names


def _is_over(seen: Observation) -> bool:
    return seen.status in DEAD or is_doubtful(seen)


def _is_like(entry: dict[str, object], other: dict[str, object]) -> bool:
    """Say whether two entries describe the same request, as far as they show it."""
    kind = read_kind(entry)
    return kind == read_kind(other) and read_ask(kind, entry) == read_ask(kind, other)


def page_of(reply: ApiResponse) -> tuple[list[dict[str, object]], bool | None]:
    """Return the entries of one page, and whether it says that it is the last; None where it says neither."""
    if reply.status != 200:
        raise refuse_read(reply, "Qlara", read_problem(reply))
    with usable("Qlara", reply):
        return read_page(reply)
