"""The kinds of faults, in groups that say where each can happen. Groups do not overlap, file forms do."""

from __future__ import annotations

from enum import StrEnum


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
    CODED = "coded"  # the file is stored in the codings `name` (empty: gzip) of codings.py, in `count` gzip members
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


ANSWERS = frozenset({FaultKind.ANSWER, FaultKind.HANG, FaultKind.RESET})
JOBS = frozenset(kind for kind in FaultKind if kind.startswith("job-")) | {FaultKind.WRONG_SIZE, FaultKind.WRONG_COUNT}
LISTS = frozenset({FaultKind.LIST_GROWS, FaultKind.LIST_SHUFFLED, FaultKind.EMPTY_PAGE, FaultKind.ENDLESS_LIST})
ANSWER_BODIES = frozenset({FaultKind.ZERO_TIMES, FaultKind.RAW_LINK, FaultKind.FOREIGN_LINK})
TRANSFERS = frozenset(
    {
        FaultKind.CUT,
        FaultKind.FLIP,
        FaultKind.REDIRECT,
        FaultKind.NEW_ETAG,
        FaultKind.WRONG_RANGE,
        FaultKind.GZIP,
        FaultKind.CODED,
        FaultKind.LABEL,
        FaultKind.MEDIA_TYPE,
    }
)
FILES = frozenset(FaultKind) - ANSWERS - JOBS - LISTS - ANSWER_BODIES - TRANSFERS

_ANY_FILE = frozenset(
    {
        FaultKind.TRAILING_BYTES,
        FaultKind.OUTSIDE_WINDOW,
        FaultKind.UNKNOWN_FIELD,
        FaultKind.VANISHED_FIELD,
        FaultKind.NO_RECORDS,
    }
)
_ZIP_ALONE = frozenset(
    {
        FaultKind.BAD_CRC,
        FaultKind.MISSING_MEMBER,
        FaultKind.MISSING_METADATA,
        FaultKind.ENCRYPTED_MEMBER,
        FaultKind.DUPLICATE_MEMBER,
        FaultKind.TRAVERSAL_NAME,
        FaultKind.ZIP_BOMB,
        FaultKind.MALFORMED_JSON,
    }
)
ZIP_FILES = _ANY_FILE | _ZIP_ALONE
"""Kinds that spoil ZIPs of JSON; a CSV is left alone by those that are not its own."""
CSV_FILES = FILES - _ZIP_ALONE
"""Kinds that spoil CSVs; a ZIP is left alone by those that are not its own."""


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
