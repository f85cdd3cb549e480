"""What every adapter needs to talk to one account: policy, paths, options, and how to read what all providers send.

Nothing here belongs to one provider, and nothing is decided here: answers.py says which error a status is.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from strongroom.model.errors import ExportGone, RequestRefused, Transient, Unanswered, UsageError
from strongroom.model.plan import DatasetShape
from strongroom.model.provider import ExportStatus, Observation, shown_ref
from strongroom.model.times import parse_instant
from strongroom.model.window import Window
from strongroom.providers.answers import LOOK_FIRST, ApiResponse, Unusable, error_words
from strongroom.providers.policy import Credential, HttpPolicy
from strongroom.providers.port import ProviderSettings

DEAD = (ExportStatus.EXPIRED, ExportStatus.GONE, ExportStatus.FAILED)
"""Nothing can be downloaded any more."""

EXPORT_STATUSES: Mapping[str, ExportStatus] = MappingProxyType(
    {
        "pending": ExportStatus.QUEUED,
        "processing": ExportStatus.RUNNING,
        "completed": ExportStatus.READY,
        "failed": ExportStatus.FAILED,
        "expired": ExportStatus.EXPIRED,  # documented only by HookBridge; elsewhere the word leaves no doubt
    }
)
"""The words for an export's state that Zavu and HookBridge share."""


class ExportKeys(Struct, frozen=True):
    """The keys under which a provider's export object has what we read."""

    created: str
    completed: str
    expires: str
    size: str
    detail: str
    rows: str = ""


Page = tuple[list[dict[str, object]], str]
"""The entries of one page of a list, and the cursor to the next, empty at the end."""

_NO_EARLIER = datetime(2000, 1, 1, tzinfo=UTC)
_LARGEST = (1 << 63) - 1


def open_policy(label: str, base_url: str, credential: Credential, settings: ProviderSettings) -> HttpPolicy:
    """Return the HTTP policy of one account. Raises UsageError for settings that cannot be used."""
    return HttpPolicy(
        label,
        base_url,
        credential,
        clock=settings.clock,
        bounds=settings.bounds,
        paths=settings.paths,
        monotonic=settings.monotonic,
        resolve=settings.resolve,
        stop=settings.stop,
        trace=settings.trace,
    )


def bearer(settings: ProviderSettings) -> Credential:
    """Return the key as a bearer token, fetched for each request."""
    return lambda: ("Authorization", f"Bearer {settings.api_key()}")


def export_path(label: str, exports: str, ref: str) -> str:
    """Return the path of one export below `exports`; raises RequestRefused for an impossible name."""
    if not re.fullmatch(r"[\x21-\x7e]{1,500}", ref) or set(ref) <= {"."}:
        raise RequestRefused(f"this cannot be the name of a {label} export")
    return f"{exports}/{quote(ref, safe='')}"


def safe_name(ref: str) -> str:
    """Return the export's name made safe for a file name and a message."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", shown_ref(ref))[:100]


def unusable(label: str, reply: ApiResponse, why: Unusable) -> Transient:
    """Return the error for a good status whose body cannot be read."""
    return Transient(
        f"{label}'s answer cannot be used: {why}{error_words(reply)}",
        status=reply.status,
        request_id=reply.request_id,
        retry_at=reply.retry_at,
    )


@contextmanager
def usable(label: str, reply: ApiResponse) -> Iterator[None]:
    """Turn Unusable into the error for a good status whose body cannot be read."""
    try:
        yield
    except Unusable as exc:
        raise unusable(label, reply, exc) from None


def unanswered(label: str, reply: ApiResponse, why: Unusable) -> Unanswered:
    """Return the error for a create that was accepted with an answer that does not name the export."""
    return Unanswered(
        f"{label} accepted the export request, but its answer cannot be used: {why}{error_words(reply)}",
        hint=LOOK_FIRST,
        status=reply.status,
        request_id=reply.request_id,
    )


def gone(label: str, ref: str, word: str) -> ExportGone:
    """Return the error for an export that cannot be downloaded any more."""
    return ExportGone(f"the {label} export {safe_name(ref)} is {word}", hint="a new export of the window is needed")


def require_ready(label: str, seen: Observation) -> None:
    """Raise ExportGone for an export that is over, and Transient for one that is not ready yet."""
    if seen.status in DEAD:
        raise gone(label, seen.ref, seen.status)
    if seen.status is not ExportStatus.READY:
        words = seen.raw_status or seen.status
        raise Transient(f"the {label} export {safe_name(seen.ref)} is not ready ({words})")


def walk(
    policy: HttpPolicy, fetch: Callable[[str], tuple[ApiResponse, Page]]
) -> Iterator[tuple[ApiResponse, list[dict[str, object]]]]:
    """Yield the pages of a list with cursors; `fetch` takes a cursor, an empty one first.

    An empty page with a cursor is not the end: a provider may filter after it has cut its pages. Raises Transient when
    the cursors do not lead to an end within the policy's bounds.
    """
    cursor, cursors, walk_on = "", {""}, paced(policy)
    while True:
        walk_on()
        reply, (items, cursor) = fetch(cursor)
        yield reply, items
        if not cursor:
            return
        if cursor in cursors:
            raise Transient(f"{policy.label}'s list of exports does not end: its cursors repeat")
        cursors.add(cursor)


def paced(policy: HttpPolicy) -> Callable[[], None]:
    """Return what to call before each page of a list: it raises Transient for a page beyond the policy's bounds.

    Only the provider's time counts, from the first page to the last.
    """
    pages, began, bounds = itertools.count(), policy.monotonic(), policy.bounds

    def walk_on() -> None:
        read, seconds = next(pages), policy.monotonic() - began
        if read >= bounds.pages or seconds > bounds.walk:
            raise Transient(
                f"{policy.label}'s list of exports does not end: {read:,} pages were read in {seconds:.0f} seconds,"
                f" allowed are {bounds.pages:,} pages and {bounds.walk:.0f} seconds",
                hint="ask the provider why its list does not end; it is read again later",
            )

    return walk_on


def is_recent(seen: Observation, since: datetime) -> bool:
    """Say whether an export may have been created since then; one without a time may."""
    return seen.created_at is None or seen.created_at >= since


def requests_left(reply: ApiResponse) -> int | None:
    """Return how many requests the answer's header says are left, or None."""
    left = reply.headers.get("x-ratelimit-remaining", "")
    return int(left) if re.fullmatch("[0-9]{1,9}", left) else None


def read_observation(export: object, reply: ApiResponse, keys: ExportKeys) -> Observation:
    """Return the state of an export by its object: absent and null are alike, and a bad detail spoils only itself.

    An export that is complete counts as expired once its end has passed. Raises Unusable without a usable id.
    """
    if not isinstance(export, dict):
        raise Unusable("it has no export in it")
    ref = read_ref(export.get("id"))
    raw = reply.words(export.get("status"), 60)
    status = EXPORT_STATUSES.get(raw.lower(), ExportStatus.UNKNOWN)
    created = read_moment(export.get(keys.created))
    expires = read_expiry(export.get(keys.expires), created)
    if status is ExportStatus.READY and expires is not None and expires <= reply.now:
        status = ExportStatus.EXPIRED
    return Observation(
        ref,
        status,
        raw,
        created_at=created,
        completed_at=read_moment(export.get(keys.completed)),
        expires_at=expires,
        size=read_count(export.get(keys.size)),
        rows=read_count(export.get(keys.rows)),
        detail=reply.words(export.get(keys.detail)),
        request_id=reply.request_id,
        retry_at=reply.retry_at,
    )


def read_ref(value: object) -> str:
    """Return an export's id; raises Unusable for anything else."""
    if not isinstance(value, str) or not value or len(value) > 500 or not value.isprintable():
        raise Unusable("it has an export without a usable id")
    return value


def read_time(value: object) -> datetime | None:
    """Return an instant; None for anything else, including a time without a zone."""
    try:
        return parse_instant(value) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def read_moment(value: object) -> datetime | None:
    """Return when something of an export happened; None for a zero time (0001-01-01, the epoch): it means "never"."""
    at = read_time(value)
    return None if at is None or at < _NO_EARLIER else at


def read_expiry(value: object, created_at: datetime | None) -> datetime | None:
    """Return when an export ends; None for a zero time and for one that is not after its creation: it means "never"."""
    at = read_moment(value)
    return None if at is None or (created_at is not None and at <= created_at) else at


def read_count(value: object) -> int | None:
    """Return a size or a count; None for anything else."""
    return value if type(value) is int and 0 <= value <= _LARGEST else None


def require_items(items: object) -> list[dict[str, object]]:
    """Return the entries of a list; raises Unusable for anything else."""
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Unusable("it has no list of exports")
    return items


ACCEPT = "accept"
"""The option of a source that accepts files which would be rejected otherwise."""
CSV_CODES = ("csv-unterminated", "csv-empty", "csv-no-header")
"""Ways in which a CSV may look cut short although this provider writes all its files like that."""
ZIP_CODES = ("metadata-missing", "member-missing", "metadata-mismatch")
"""What a Zavu ZIP may lack: metadata.json, the file of a dataset without records, and counts that agree."""


def read_accepts(label: str, options: Mapping[str, str], codes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the codes of faults that the option names. Raises UsageError for one that cannot be accepted."""
    named = sorted({word.strip() for word in options.get(ACCEPT, "").split(",")} - {""})
    unknown = [word for word in named if word not in codes]
    if unknown:
        raise UsageError(f"{label} cannot accept {', '.join(unknown)}", hint=f"it can accept {', '.join(codes)}")
    return tuple(named)


_SUFFIXES = ("-id-column", "-time-column", "-columns")


def name_columns(
    label: str, shapes: Mapping[str, DatasetShape], options: Mapping[str, str], others: tuple[str, ...] = ()
) -> Mapping[str, DatasetShape]:
    """Return the shapes with the columns that the options name, for providers that document none.

    For each dataset, DATASET-id-column names a record, DATASET-time-column is compared with the window, and
    DATASET-columns lists all columns, so that any other is drift. An empty name means that there is no such column.
    `others` are the provider's own options. Raises UsageError for an unknown option.
    """
    known = {f"{name}{suffix}" for name in shapes for suffix in _SUFFIXES}
    unknown = sorted(options.keys() - known - set(others))
    if unknown:
        hint = f"it has {', '.join([*others, *(f'DATASET{suffix}' for suffix in _SUFFIXES)])}"
        raise UsageError(f"{label} has no option {', '.join(unknown)}", hint=f"{hint} for {', '.join(shapes)}")
    return MappingProxyType({name: _named(shape, options) for name, shape in shapes.items()})


def _named(shape: DatasetShape, options: Mapping[str, str]) -> DatasetShape:
    identity, time, listed = (options.get(f"{shape.name}{suffix}") for suffix in _SUFFIXES)
    known = frozenset(filter(None, map(str.strip, (listed or "").split(","))))
    return replace(
        shape,
        id_field=shape.id_field if identity is None else identity,
        time_field=shape.time_field if time is None else time,
        known=known or shape.known,
    )


OVERLAP = timedelta(seconds=2)
"""How far outside the window a delivered record may lie because of `overlapping`."""
_SECOND = timedelta(seconds=1)


def overlapping(window: Window) -> tuple[datetime, datetime]:
    """Return bounds for a provider that does not say whether the ends of a range belong to it.

    They run from a whole second before the window to the first whole second at or after its end. Whichever ends the
    provider counts, and even if it reads no fractions of seconds, no instant of the window is missed. Neighboring
    windows share some records, which are distinguished by their ids on reading.
    """
    lower = window.start.replace(microsecond=0) - _SECOND
    upper = window.end.replace(microsecond=0)
    return lower, upper if upper == window.end else upper + _SECOND
