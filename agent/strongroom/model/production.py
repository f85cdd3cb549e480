"""What a production is: its format, its numbers, and how many records went in and came out."""

from __future__ import annotations

import re
from enum import StrEnum

from msgspec import Struct

_PREFIX = re.compile(r"[A-Za-z0-9._-]{0,30}", re.ASCII)
WIDEST = 12  # digits


class ProductionFormat(StrEnum):
    """The files that a production consists of."""

    JSON_LINES = "jsonl"  # one record a line
    DAT = "dat"  # a Concordance load file, as Relativity and others import it, with natives and text
    RSMF = "rsmf"  # Relativity Short Message Format: one file for each conversation and day
    HTML = "html"  # pages for people, one for each conversation and day
    CSV = "csv"  # the same as DAT, as a table for a spreadsheet


WITH_PEOPLE = frozenset({ProductionFormat.RSMF, ProductionFormat.HTML})
"""The formats with files of conversations."""


class LoadColumn(StrEnum):
    """What a column of a load file has, by its usual title."""

    FIRST_NUMBER = "BEGDOC"
    LAST_NUMBER = "ENDDOC"
    CUSTODIAN = "CUSTODIAN"
    DATE = "DATESENT"
    TIME = "TIMESENT"
    SENDER = "FROM"
    RECIPIENTS = "TO"
    PARTIES = "PARTIES"
    DATASET = "RECORDTYPE"
    CHANNEL = "CHANNEL"
    STATUS = "STATUS"
    SOURCE = "SOURCE"
    STREAM = "STREAM"
    ARCHIVE = "ARCHIVEID"
    RECORD = "RECORDID"
    SHA256 = "SHA256"
    MD5 = "MD5HASH"
    NATIVE = "NATIVE_PATH"
    TEXT = "TEXT_PATH"


EVIDENCE_COLUMNS = (
    *(LoadColumn.FIRST_NUMBER, LoadColumn.LAST_NUMBER, LoadColumn.ARCHIVE, LoadColumn.SHA256, LoadColumn.MD5),
    *(LoadColumn.NATIVE, LoadColumn.TEXT),
)
"""What every load file has: the verifier compares it with the records."""


class LoadEncoding(StrEnum):
    """How the text of a load file becomes bytes."""

    UTF_8_BOM = "utf-8-bom"
    UTF_8 = "utf-8"
    UTF_16 = "utf-16"  # little endian, with a byte order mark

    @property
    def codec(self) -> str:
        """Return what Python calls it when it reads a whole file."""
        return "utf-8-sig" if self is LoadEncoding.UTF_8_BOM else self.value


class PathStyle(StrEnum):
    """How a load file writes paths."""

    WINDOWS = "windows"  # with backslashes
    POSIX = "posix"


class Numbering(Struct, frozen=True):
    """How the records of a production are numbered. Raises ValueError for what cannot be a number."""

    prefix: str = "P"
    width: int = 7  # digits
    start: int = 1

    def __post_init__(self) -> None:
        if not _PREFIX.fullmatch(self.prefix):
            raise ValueError("a prefix has at most 30 letters, digits, points, hyphens and underscores")
        if not 1 <= self.width <= WIDEST:
            raise ValueError(f"a number has 1 to {WIDEST} digits, got {self.width}")
        if self.start < 1 or self.start >= 10**self.width:
            raise ValueError(f"the first number is between 1 and {10**self.width - 1}, got {self.start}")

    def number(self, place: int) -> str:
        """Return the number of a record by its place, from 0. Raises ValueError where the digits do not suffice."""
        value = self.start + place
        if value >= 10**self.width:
            raise ValueError(f"number {value} has more than {self.width} digits")
        return f"{self.prefix}{value:0{self.width}}"


class RecordCount(Struct):
    """How many records were read and produced. `matched` is the sum of `doubles`, `withheld` and `records`."""

    matched: int = 0  # records of the archives that were selected
    doubles: int = 0  # of them those that a newer archive has as well, in whatever version
    withheld: int = 0  # of them those that a case marks as privileged
    records: int = 0  # of them those that were produced
    redacted: int = 0  # of the produced ones those in which something is redacted

    def add(self, other: RecordCount) -> None:
        """Add the numbers of another count."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))
