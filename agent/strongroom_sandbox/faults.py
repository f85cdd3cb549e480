"""Faults: what can go wrong, switched on for the requests that it should hit.

A fault names its kind, the operation it waits for, and which of the matching requests it hits. A request may meet
several: the first that answers wins, and those that change a transfer or a file are combined. Groups of kinds, which
do not overlap:

- *answers* (any operation, before or after the work is done): ANSWER, HANG, RESET
- *jobs* (create, renew): how the export goes, and what is announced of its file
- *lists* (list): LIST_GROWS, LIST_SHUFFLED, EMPTY_PAGE, ENDLESS_LIST
- *bodies of answers* (create, get, list, link, renew): ZERO_TIMES, RAW_LINK, FOREIGN_LINK
- *transfers* (download): CUT, FLIP, REDIRECT, NEW_ETAG, WRONG_RANGE, GZIP, CODED, LABEL, MEDIA_TYPE; REDIRECT also
  where a link is handed out
- *files* (create, renew: the file is bad for good; download: this copy of it is): all others
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import force_setattr, replace

from strongroom_sandbox.encoders import check_coding
from strongroom_sandbox.recorder import Operation, ProviderName


class FaultKind(StrEnum):
    """What goes wrong."""

    ANSWER = "answer"  # `status` with a body of `body` shape, and for 429 and 503 a wait hint
    HANG = "hang"  # no answer for `seconds`, or until the client goes away; then a reset
    RESET = "reset"  # the connection is reset instead of an answer

    JOB_FAILS = "job-fails"  # ends as failed, with `message`
    JOB_STUCK = "job-stuck"  # stays processing for ever
    JOB_SLOW = "job-slow"  # takes `seconds` longer
    JOB_VANISHES = "job-vanishes"  # unknown and unlisted once `seconds` have passed
    JOB_LISTED_LATE = "job-listed-late"  # known, but not in the list until `seconds` have passed
    WRONG_SIZE = "wrong-size"  # the announced size is off by `by` bytes
    WRONG_COUNT = "wrong-count"  # the announced number of rows is off by `by`

    LIST_GROWS = "list-grows"  # others create `count` exports as soon as this page is read
    LIST_SHUFFLED = "list-shuffled"  # entries come in another order than usual, and another one each time

    EMPTY_PAGE = "empty-page"  # the list begins with an empty page that leads on to the others
    ENDLESS_LIST = "endless-list"  # the list leads on for ever, each time with a fresh cursor, to empty pages

    ZERO_TIMES = "zero-times"  # times at which exports or links end read `name`; empty: the year 1
    RAW_LINK = "raw-link"  # the link holds blanks and a letter beyond ASCII, not escaped
    FOREIGN_LINK = "foreign-link"  # the link leads to `to`; empty: a private address

    CUT = "cut"  # the body ends at byte `at`; `length` says what Content-Length claims, `reset` how it ends
    FLIP = "flip"  # the byte at offset `at` of the file arrives changed
    REDIRECT = "redirect"  # `hops` redirects, to the other host when `across`, or to `to`
    NEW_ETAG = "new-etag"  # the answer carries another ETag than usual
    WRONG_RANGE = "wrong-range"  # a 206 that begins `by` bytes away from what was asked
    GZIP = "gzip"  # Content-Encoding: gzip, where the client allows it
    CODED = "coded"  # the file is stored in the codings `name` (empty: gzip) of encoders.py, in `count` gzip members
    LABEL = "label"  # Content-Encoding is `name`, which may be empty; "none": the header is not there
    MEDIA_TYPE = "media-type"  # Content-Type is `name`; empty: the header is not there

    TRAILING_BYTES = "trailing-bytes"  # `by` zero bytes after the end of the file
    OUTSIDE_WINDOW = "outside-window"  # one record from the day before the window
    UNKNOWN_FIELD = "unknown-field"  # every record has a field `name`
    VANISHED_FIELD = "vanished-field"  # every record lost its field `name`

    NO_RECORDS = "no-records"  # a whole file without a record, as of a window in which nothing happened

    BAD_CRC = "bad-crc"
    MISSING_MEMBER = "missing-member"
    MISSING_METADATA = "missing-metadata"  # the ZIP has no metadata.json
    ENCRYPTED_MEMBER = "encrypted-member"
    DUPLICATE_MEMBER = "duplicate-member"
    TRAVERSAL_NAME = "traversal-name"  # an extra member called `name`
    ZIP_BOMB = "zip-bomb"  # `by` bytes of white space inside the member
    MALFORMED_JSON = "malformed-json"

    BAD_QUOTING = "bad-quoting"  # a quoted cell with quotes inside that are not doubled
    OPEN_QUOTE = "open-quote"  # a quoted cell that nothing closes
    RAGGED_ROW = "ragged-row"  # one row without its last cell, one with a cell too many
    CUT_ROW = "cut-row"  # the file ends in its last row, behind its first `at` characters, and its size agrees
    UNTERMINATED = "unterminated"  # the last line has no line end
    BAD_UTF8 = "bad-utf8"  # a row with bytes that are no UTF-8
    NUL_BYTES = "nul-bytes"  # a row with zero bytes inside
    MISSING_HEADER = "missing-header"
    REORDERED_FIELDS = "reordered-fields"  # the columns come in another order


def _from(first: FaultKind, last: FaultKind) -> frozenset[FaultKind]:
    """Return a group of kinds: the enumeration lists them group by group."""
    kinds = list(FaultKind)
    return frozenset(kinds[kinds.index(first) : kinds.index(last) + 1])


ANSWERS = _from(FaultKind.ANSWER, FaultKind.RESET)
JOBS = _from(FaultKind.JOB_FAILS, FaultKind.WRONG_COUNT)
LISTS = _from(FaultKind.LIST_GROWS, FaultKind.ENDLESS_LIST)
ANSWER_BODIES = _from(FaultKind.ZERO_TIMES, FaultKind.FOREIGN_LINK)
TRANSFERS = _from(FaultKind.CUT, FaultKind.MEDIA_TYPE)
FILES = frozenset(FaultKind) - ANSWERS - JOBS - LISTS - ANSWER_BODIES - TRANSFERS

_ZIP_ALONE = _from(FaultKind.BAD_CRC, FaultKind.MALFORMED_JSON)
ZIP_FILES = _from(FaultKind.TRAILING_BYTES, FaultKind.NO_RECORDS) | _ZIP_ALONE
"""Kinds that damage ZIPs of JSON; a CSV ignores those that are not its own."""
CSV_FILES = FILES - _ZIP_ALONE
"""Kinds that damage CSVs; a ZIP ignores those that are not its own."""


class WaitHint(StrEnum):
    """How a refusal says how long to wait."""

    SECONDS = "seconds"  # Retry-After: 30
    DATE = "date"  # Retry-After: an HTTP date
    DETAILS = "details"  # retryAfter in the body, seconds, where the provider puts such things
    RESET_MS = "reset-ms"  # X-RateLimit-Reset, Unix milliseconds
    NONE = "none"


class BodyShape(StrEnum):
    """What the body of an ANSWER fault looks like."""

    NATIVE = "native"  # the origin's own error: JSON at the API, XML at the storage host
    HTML = "html"
    XML = "xml"
    JSON = "json"
    EMPTY = "empty"


class Length(StrEnum):
    """What Content-Length claims when a body is cut."""

    TRUE = "true"  # the length of the whole body: the client can tell
    CUT = "cut"  # the length that is sent: the headers agree with the damage
    ABSENT = "absent"  # none: chunks, properly ended at the cut
    OVER = "over"  # more than the whole body; `at` is not used, everything is sent


class InjectedFault(Struct, frozen=True):
    """One thing to go wrong. Fields that a kind does not name above are ignored by it."""

    kind: FaultKind
    on: Operation | None = (
        None  # None: create for jobs and files, list for lists, get for bodies, download for transfers
    )
    nth: int = 1  # the first matching request it hits, from 1
    times: int | None = 1  # how many it hits; None: all from there on
    probability: float = 1.0  # of hitting each of them, decided by `seed`
    seed: int = 0
    job: str = ""  # only requests that name this export; empty: any
    provider: ProviderName | None = None  # only requests to it, or to storage for it; None: any
    after: bool = False  # ANSWER, HANG, RESET: the work is done first, only the answer is lost
    status: int = 503
    code: str = ""  # the provider's error code; empty: the usual one for the status
    body: BodyShape = BodyShape.NATIVE
    hint: WaitHint = WaitHint.NONE
    wait: int = 30  # seconds, what the hint says
    seconds: float = 30.0  # HANG: real time; jobs: on the sandbox's clock
    message: str = "The export could not be generated"
    at: int = 0  # byte offset, counted in the whole file
    by: int = 1024
    count: int = 1
    length: Length = Length.TRUE
    reset: bool = False
    hops: int = 1
    to: str = ""
    across: bool = False
    member: str = ""  # file name inside the ZIP; empty: the first dataset's
    name: str = ""

    def __post_init__(self) -> None:
        if self.on is None:
            force_setattr(self, "on", _usual_operation(self.kind))
        allowed = _operations(self.kind)
        if self.on not in allowed:
            raise ValueError(f"{self.kind} happens on {', '.join(sorted(allowed))}, not on {self.on}")
        if self.nth < 1 or (self.times is not None and self.times < 1):
            raise ValueError("nth and times count from 1")
        if self.kind is FaultKind.CODED:
            check_coding(self.name)
        if not 0.0 <= self.probability <= 1.0:
            raise ValueError(f"a probability lies between 0 and 1, got {self.probability}")


def _usual_operation(kind: FaultKind) -> Operation | None:
    if kind in ANSWERS:
        raise ValueError(f"{kind} can happen anywhere: say on which operation")
    if kind in LISTS:
        return Operation.LIST
    if kind in ANSWER_BODIES:
        return Operation.GET
    return Operation.DOWNLOAD if kind in TRANSFERS else Operation.CREATE


def _operations(kind: FaultKind) -> frozenset[Operation]:
    if kind in ANSWERS:
        return frozenset(Operation)
    if kind in LISTS:
        return frozenset({Operation.LIST})
    if kind in ANSWER_BODIES:
        return frozenset({Operation.CREATE, Operation.GET, Operation.LIST, Operation.LINK, Operation.RENEW})
    if kind in TRANSFERS:
        also = {Operation.LINK} if kind is FaultKind.REDIRECT else set()
        return frozenset({Operation.DOWNLOAD, *also})
    also = set() if kind in JOBS else {Operation.DOWNLOAD}
    return frozenset({Operation.CREATE, Operation.RENEW, *also})


def read_fault(data: Any) -> InjectedFault:
    """Convert decoded JSON to a fault; raise ValueError that names an unknown field, kind or a wrong type."""
    if isinstance(data, dict) and (unknown := set(data) - {*InjectedFault.__struct_fields__}):
        raise ValueError(f"a fault has no field {', '.join(sorted(map(str, unknown)))}")
    return msgspec.convert(data, InjectedFault)


class _Active(Struct):
    fault: InjectedFault
    random_bytes: random.Random
    seen: int = 0
    hits: int = 0


class FaultBook:
    """The faults that are switched on. Safe to use from any thread."""

    def __init__(self) -> None:
        self._active: dict[int, _Active] = {}
        self._added = 0
        self._lock = threading.Lock()

    def add(self, fault: InjectedFault | str, **settings: Any) -> int:
        """Switch a fault on, given whole or as its kind and fields; return its number. Raises ValueError."""
        made = (
            replace(fault, **settings) if isinstance(fault, InjectedFault) else read_fault({"kind": fault, **settings})
        )
        with self._lock:
            self._added += 1
            self._active[self._added] = _Active(made, random.Random(made.seed))  # noqa: S311  (repeatable on purpose)
            return self._added

    def remove(self, number: int) -> None:
        """Switch one fault off; unknown numbers are ignored."""
        with self._lock:
            self._active.pop(number, None)

    def clear(self) -> None:
        """Switch all faults off."""
        with self._lock:
            self._active.clear()

    def hits(self, number: int) -> int:
        """Return how many requests this fault has hit; 0 once it is removed."""
        with self._lock:
            active = self._active.get(number)
            return active.hits if active else 0

    def active(self) -> dict[int, InjectedFault]:
        """Return all faults that are switched on, spent ones included, by number."""
        with self._lock:
            return {number: active.fault for number, active in self._active.items()}

    def take(
        self, operation: Operation, job: str = "", provider: ProviderName | None = None
    ) -> tuple[InjectedFault, ...]:
        """Return the faults that hit this request, in the order they were added, and count it."""
        with self._lock:
            return tuple(s.fault for s in self._active.values() if _hits(s, operation, job, provider))


def _hits(active: _Active, operation: Operation, job: str, provider: ProviderName | None) -> bool:
    fault = active.fault
    if fault.on is not operation or (fault.job and fault.job != job):
        return False
    if fault.provider is not None and fault.provider is not provider:
        return False
    active.seen += 1
    if active.seen < fault.nth or (fault.times is not None and active.hits >= fault.times):
        return False
    if active.random_bytes.random() >= fault.probability:
        return False
    active.hits += 1
    return True


def only(faults: Iterable[InjectedFault], kinds: frozenset[FaultKind]) -> tuple[InjectedFault, ...]:
    """Return the faults of these kinds, in order."""
    return tuple(fault for fault in faults if fault.kind in kinds)


def first(faults: Iterable[InjectedFault], kind: FaultKind) -> InjectedFault | None:
    """Return the first fault of this kind, or None."""
    return next((fault for fault in faults if fault.kind is kind), None)
