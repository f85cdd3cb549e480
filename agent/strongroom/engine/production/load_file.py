"""The rows of a load file, and the text of a record: pure, the same for the same record.

A Concordance load file (DAT) quotes each value with U+00FE and separates values with U+0014; a line break within a
value is U+00AE. U+00FE within a value is doubled, and other control characters become blanks: the native has the exact
bytes. A CSV is meant for spreadsheets, which take a value that begins with certain signs for a formula, so that it
begins with an apostrophe there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct

from strongroom.config.load_profile import ProfileSettings
from strongroom.engine.production.selection import SelectedRecord
from strongroom.formats.exact_json import pretty
from strongroom.model.production import LoadColumn, LoadEncoding, PathStyle
from strongroom.providers.search_fields import search_fields
from strongroom.search.entry import texts_in

COLUMNS = tuple(column.value for column in LoadColumn)
_BOM = "\ufeff"
_BREAKS = re.compile("\r\n|[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class LoadProfile(Struct, frozen=True):
    """How a load file is written, for the program that reads it."""

    file: str
    date: str  # as strftime, UTC
    windows_paths: bool
    row: Callable[[Sequence[str]], str]
    columns: Sequence[str] = COLUMNS
    titles: Sequence[str] = COLUMNS
    encoding: LoadEncoding = LoadEncoding.UTF_8_BOM

    @property
    def head(self) -> bytes:
        """Return the row of titles, after a byte order mark if there is one."""
        mark = "" if self.encoding is LoadEncoding.UTF_8 else _BOM
        return self.encoded(mark + self.row(self.titles))

    def encoded(self, row: str) -> bytes:
        """Return the bytes of a row."""
        return row.encode("utf-16-le" if self.encoding is LoadEncoding.UTF_16 else "utf-8")

    def path(self, path: str) -> str:
        """Return a path of the production as the program expects it."""
        return path.replace("/", "\\") if self.windows_paths else path


class RowFacts(Struct, frozen=True):
    """What a row says besides the record itself."""

    number: str
    sha256: str
    md5: str
    native: str
    text: str


class Signs(Struct, frozen=True):
    """What a DAT file puts between values, around them, and in the place of a line break."""

    separator: str = "\x14"
    quote: str = "\xfe"
    line_break: str = "\xae"

    def row(self, values: Sequence[str]) -> str:
        """Return a row, with its line end."""
        return self.separator.join(f"{self.quote}{self._value(value)}{self.quote}" for value in values) + "\r\n"

    def _value(self, value: str) -> str:
        if not value.isprintable():  # most are, and then none of these signs is in them
            value = _CONTROL.sub(" ", _BREAKS.sub("\n", value)).replace("\n", self.line_break)
        return value.replace(self.quote, self.quote * 2)


dat_row = Signs().row


def csv_row(values: Sequence[str]) -> str:
    """Return a row of a CSV file in which no value is a formula, with its line end."""
    return ",".join(f'"{_defused(value)}"' for value in values) + "\r\n"


def _defused(value: str) -> str:
    plain = _CONTROL.sub(" ", value) if not value.startswith(_FORMULA) else f"'{_CONTROL.sub(' ', value)}"
    return plain.replace('"', '""')


RELATIVITY = LoadProfile("loadfile.dat", "%m/%d/%Y", windows_paths=True, row=dat_row)
SPREADSHEET = LoadProfile("loadfile.csv", "%Y-%m-%d", windows_paths=False, row=csv_row)


def profile_of(settings: ProfileSettings) -> LoadProfile:
    """Return the profile that a person described."""
    fields = settings.fields or tuple((name, name) for name in COLUMNS)
    return LoadProfile(
        RELATIVITY.file,
        settings.date,
        windows_paths=settings.paths is PathStyle.WINDOWS,
        row=Signs(settings.separator, settings.quote, settings.line_break).row,
        columns=[column for _title, column in fields],
        titles=[title for title, _column in fields],
        encoding=settings.encoding,
    )


def profile_document(settings: ProfileSettings) -> dict[str, object]:
    """Return what a production says of the profile, so that the verifier can read the file."""
    return {
        "columns": list(profile_of(settings).columns),
        "encoding": settings.encoding.codec,
        "separator": settings.separator,
        "quote": settings.quote,
    }


def make_row(profile: LoadProfile, record: SelectedRecord, facts: RowFacts) -> str:
    """Return the row of a record."""
    archive, fields = record.archive, record.delivered.fields
    known = search_fields(archive.provider, record.dataset)
    at = record.at.astimezone(UTC) if record.at else None
    values = (
        *(facts.number, facts.number, archive.source, *_date(at, profile.date)),
        *(_joined(fields, names) for names in (known.senders, known.recipients, known.parties)),
        *(record.dataset, _joined(fields, known.channel), _joined(fields, known.status)),
        *(archive.source, archive.stream, archive.id, record.id, facts.sha256, facts.md5),
        *(profile.path(facts.native), profile.path(facts.text)),
    )
    found = dict(zip(COLUMNS, values, strict=True))
    return profile.row([_sound(found[column]) for column in profile.columns])


def _date(at: datetime | None, form: str) -> tuple[str, str]:
    return (at.strftime(form), at.strftime("%H:%M:%S")) if at else ("", "")


def _joined(fields: Mapping[str, object], names: Sequence[str]) -> str:
    return "; ".join(text for name in names for text in texts_in(fields.get(name)) if text)


def record_text(record: SelectedRecord) -> bytes:
    """Return the extracted text of a record: each field on a line of its own, numbers as they were written."""
    lines = [f"{name}: {_value(value)}\n" for name, value in record.delivered.exact.items()]
    return "".join(lines).encode("utf-8", "replace")


def _value(value: object) -> str:
    if value is None or isinstance(value, bool):
        return "" if value is None else str(value).lower()
    return value if isinstance(value, str) else pretty(value, lines=False)


def _sound(text: str) -> str:
    """Return text that can be written as UTF-8: half a surrogate pair becomes a question mark."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
