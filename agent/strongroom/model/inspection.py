"""What reading a delivered file back found: counts, dates, drift and faults. Facts only; the engine decides.

Is this window's volume like the stream's own past? A busy stream that suddenly returns nothing is worth a word.

It is reported and never fatal: an export may really be empty, and only a person can know why.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct, field

from strongroom.model.plan import DatasetShape
from strongroom.model.provider import Container
from strongroom.model.text import counted
from strongroom.model.window import Window


class Severity(StrEnum):
    """FAULT refuses the file (it is quarantined); WARNING is shown to a person; NOTE is only recorded."""

    FAULT = "fault"
    WARNING = "warning"
    NOTE = "note"


CUT_SHORT = frozenset(
    {
        "csv-empty",
        "csv-no-header",
        "csv-no-time-column",
        "csv-unterminated",
        "ndjson-empty",
        "metadata-mismatch",
        "rows-header-unknown",
        "rows-mismatch",
        "size-mismatch",
    }
)
"""Codes of a file that may be cut short. Judged on arrival, when it can be fetched again; not held against archives."""


DOUBTFUL, LEARNED = "rows-header-unknown", "rows-header-learned"
"""Codes of an announced count that may count the header, and of one that was found out to do so, or not to."""


class Finding(Struct, frozen=True):
    """One thing that reading found. The message never quotes record text."""

    severity: Severity
    code: str  # stable, kebab-case: "zip-bad-crc", "json-malformed", "field-unknown", ...
    message: str  # what happened, expected and got
    member: str = ""  # the file inside the container, made printable


class MemberReport(Struct, frozen=True):
    """One file of records, read to its end."""

    member: str  # name inside the container, made printable; empty for a bare file
    dataset: str  # which dataset it holds; empty for metadata and unknown files
    size: int  # bytes, uncompressed
    records: int  # every record parsed
    in_window: int  # records with a time in [start, end)
    undated: int  # records without a readable time field
    earliest: datetime | None  # over all dated records
    latest: datetime | None
    fields_unknown: tuple[str, ...] = ()  # seen but not in the dataset's known fields
    fields_vanished: tuple[str, ...] = ()  # documented as always there, seen in no record
    dialect: str = ""  # of a CSV: how it separates, quotes, ends and encodes; empty for other files
    counts: tuple[tuple[str, int], ...] = ()  # of metadata.json: how many records it states for each dataset
    empty: bool | None = None  # without records: whether the bytes prove that; None where it was not looked at
    coding: str = ""  # the content coding that this file of a bundle came in, or nothing; `size` is without it


class Bundled(Struct, frozen=True):
    """One of several delivered files of an export, as stored in the bundle."""

    name: str  # in the bundle
    dataset: str  # the dataset of its records
    container: Container  # CSV, NDJSON, JSON_ARRAY or JSON_PAGE
    rows: int | None = None  # records that the provider announced for this file
    size: int | None = None  # bytes that the provider announced for this file
    records: str = ""  # of a JSON_PAGE: where its records are ("items", "data.messages", "@"; "||" between choices)


class Expectation(Struct, frozen=True):
    """What a delivered file should hold."""

    window: Window
    datasets: tuple[DatasetShape, ...]
    end_inclusive: bool = True  # the request's upper bound included `window.end` itself: not a fault when seen
    companions: tuple[str, ...] = ()  # other members that must be there, such as metadata.json
    container: Container = Container.ZIP_OF_JSON  # how the file is built, and so how it is read
    rows: int | None = None  # records that the provider announced, None where it announced nothing
    overlap: timedelta = timedelta(0)  # how far the request exceeds the window on purpose: records there are expected
    files: tuple[Bundled, ...] = ()  # of a bundle
    size: int | None = None  # bytes that the provider's API announced, None where it announced nothing
    accepts: tuple[str, ...] = ()  # codes of faults that a person accepts from this source: shown as warnings
    counts_header: bool | None = None  # whether the announced rows of a CSV count its header; None while not known
    earlier_records: int | None = None  # records of an earlier delivery that only a counted header could explain

    def announced(self, member: str) -> tuple[int | None, int | None]:
        """Return the rows and the bytes that were announced for a file of records, by its name in the container."""
        if self.container is not Container.BUNDLE:
            return self.rows, self.size
        return next(((file.rows, file.size) for file in self.files if file.name == member), (None, None))


class Caps(Struct, frozen=True):
    """Bounds that keep hostile input from deciding our memory, time or disk."""

    max_members: int = 1_000
    max_total: int = 1 << 40  # bytes, uncompressed, all members
    max_ratio: int = 200  # uncompressed / compressed, judged once a member passes ratio_floor
    ratio_floor: int = 1 << 24  # bytes; small highly repetitive members are not bombs
    max_record: int = 32 << 20  # bytes of one JSON record, characters of one CSV row
    max_name: int = 255  # bytes of a member's name
    max_directory: int = 16 << 20  # bytes of a ZIP's central directory
    max_findings: int = 100  # kept; the rest are counted
    max_fields: int = 200  # unknown field names kept for each member


class Inspection(Struct, frozen=True):
    """All that reading one delivered file found."""

    members: tuple[MemberReport, ...] = ()
    findings: tuple[Finding, ...] = field(default=())

    @property
    def sound(self) -> bool:
        """Say whether nothing refuses the file."""
        return not any(finding.severity is Severity.FAULT for finding in self.findings)

    @property
    def records(self) -> int:
        """Count the records of all datasets, overlap included."""
        return sum(member.records for member in self.members if member.dataset)

    @property
    def in_window(self) -> int:
        """Count the records that belong to the window."""
        return sum(member.in_window for member in self.members if member.dataset)

    @property
    def earliest(self) -> datetime | None:
        """Return the earliest time of any record, or None where no record is dated."""
        return min((m.earliest for m in self.members if m.earliest), default=None)

    @property
    def latest(self) -> datetime | None:
        """Return the latest time of any record, or None where no record is dated."""
        return max((m.latest for m in self.members if m.latest), default=None)


LEAST_PAST = 5  # windows; before that a stream has no habits
BUSY = 20.0  # records; a quiet stream may well have an empty window


class Anomaly(Struct, frozen=True):
    """A volume that does not fit."""

    code: str  # volume-none or volume-drop
    message: str


def judge_volume(records: int, past: Sequence[int]) -> Anomaly | None:
    """Compare a window's records with those of the windows before it, all of one length."""
    if len(past) < LEAST_PAST:
        return None
    from statistics import median  # brings fractions and decimals, and few commands judge a volume

    usual = median(past)
    if usual < BUSY:
        return None
    if records == 0:
        return Anomaly("volume-none", f"no record at all, where {usual:.0f} are usual for this stream")
    if records < usual * 0.1 and records < min(past):
        return Anomaly("volume-drop", f"{counted(records, 'record')}, where {usual:.0f} are usual for this stream")
    return None
