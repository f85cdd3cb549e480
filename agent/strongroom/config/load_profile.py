"""The file of `strongroom production --profile`: how a load file is written for the program that imports it.

Annotations are not postponed here: the declarations of the keys are read from them.
"""

import re
from pathlib import Path
from typing import Annotated

from strongroom.config.keys import Entries, Key, Scope, Section, read_section
from strongroom.config.line_numbers import Locator
from strongroom.config.problem import ConfigRefused, Problem, Unfit, describe, suggest
from strongroom.config.reader import Notebook, TableReader
from strongroom.config.toml_text import parse_toml, read_text
from strongroom.config.values import choice
from strongroom.model.errors import UsageError
from strongroom.model.production import EVIDENCE_COLUMNS, LoadColumn, LoadEncoding, PathStyle

_CODE = re.compile(r"U\+([0-9A-Fa-f]{4,6})", re.ASCII)
_DATE_PARTS = {"YYYY": "%Y", "MM": "%m", "DD": "%d"}
_DATE = re.compile(r"(YYYY|MM|DD)([-./ ]?)(YYYY|MM|DD)\2(YYYY|MM|DD)", re.ASCII)


class ProfileRefused(UsageError):
    """A profile has mistakes: the message has one line for each."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        words = "\n".join(str(each) for each in problems)
        super().__init__(words, hint="docs/productions.md shows every key: A profile of your own")


def parse_sign(value: object) -> str:
    """Take one sign, as itself or as in "U+0014"; neither a line break nor an ASCII letter, a digit or a space."""
    expected = 'one character, such as "|" or "U+0014", but no ASCII letter, digit, space or line break'
    text = value if isinstance(value, str) else ""
    if code := _CODE.fullmatch(text):
        text = chr(int(code[1], 16)) if int(code[1], 16) < 0x110000 else ""
    if (
        len(text) != 1
        or (text.isascii() and text.isalnum())
        or text.isspace() != (text in "\t\x1c\x1d\x1e\x1f")
        or text == "\0"
    ):
        raise Unfit(expected, describe(value))
    if "\ud800" <= text <= "\udfff":
        raise Unfit(expected, "half of a character")
    return text


def parse_date_form(value: object) -> str:
    """Take the order of year, month and day, as in "MM/DD/YYYY"; return it as strftime takes it."""
    form = _DATE.fullmatch(value) if isinstance(value, str) else None
    if form is None or {form[1], form[3], form[4]} != {*_DATE_PARTS}:
        raise Unfit("YYYY, MM and DD once each, with one kind of separator", describe(value), 'as "DD.MM.YYYY"')
    return form[2].join(_DATE_PARTS[form[place]] for place in (1, 3, 4))


def parse_column(value: object) -> LoadColumn:
    """Take what a column has, in letters of any case."""
    name = value.upper() if isinstance(value, str) else ""
    if name not in set(LoadColumn):
        near = suggest(name, (each.lower() for each in LoadColumn))
        raise Unfit("one of " + ", ".join(LoadColumn), describe(value), near)
    return LoadColumn(name)


class ProfileSettings(Section, frozen=True):
    """A profile of a load file. Without a key, the file is as Relativity takes it."""

    fields: Annotated[
        tuple[tuple[str, str], ...],
        Entries(
            "the columns in their order: a title, and what the column has",
            parse_column,
            lambda found: (*found.items(),),
        ),
    ] = ()
    separator: Annotated[str, Key("the character between two values", parse_sign)] = "\x14"
    quote: Annotated[str, Key("the character around each value; within a value it is doubled", parse_sign)] = "\xfe"
    line_break: Annotated[str, Key("the character for a line break within a value", parse_sign)] = "\xae"
    date: Annotated[str, Key("the form of dates", parse_date_form)] = "%m/%d/%Y"
    encoding: Annotated[LoadEncoding, Key("the encoding of the file", choice(LoadEncoding))] = LoadEncoding.UTF_8_BOM
    paths: Annotated[PathStyle, Key("how paths are written", choice(PathStyle))] = PathStyle.WINDOWS

    def check(self, table: TableReader) -> None:
        """Refuse signs that could be taken for each other, and columns that lack what proves the records."""
        signs = {"separator": self.separator, "quote": self.quote, "line_break": self.line_break}
        for name, sign in signs.items():
            if [*signs.values()].count(sign) > 1:
                table.refuse(name, "a character that neither of the other two has", describe(sign))
        named = {column for _title, column in self.fields}
        missing = [column for column in EVIDENCE_COLUMNS if column not in named]
        if table.has("fields") and missing:
            first = missing[0].value
            listed = ", ".join(column.value for column in EVIDENCE_COLUMNS)
            table.refuse(
                "fields", f"a column for each of {listed}", f"none for {first}", f'such as "{first}" = "{first}"'
            )
        for title, _column in self.fields:
            if not title.strip() or not title.isprintable():
                table.refuse("fields", "titles of printable text", "an empty title, or one with other characters")


def load_profile(path: Path) -> ProfileSettings:
    """Read and check a profile. Raises ProfileRefused with every mistake, and UsageError for an unreadable file."""
    text = read_text(path, "the profile", "name a file that can be read: --profile FILE")
    try:
        data = parse_toml(str(path), text)
    except ConfigRefused as refused:
        raise ProfileRefused(refused.problems) from None
    notebook = Notebook(str(path), Locator(text, data))
    found: ProfileSettings = read_section(
        ProfileSettings, TableReader(data, (), notebook), Scope(path.absolute().parent, (), (), ())
    )
    if notebook.problems:
        raise ProfileRefused(tuple(sorted(notebook.problems, key=lambda problem: problem.line or 0)))
    return found
