"""Keys of the configuration: each is declared once, in the field that holds its value, and read and shown from there.

A field is `Annotated` with what the key takes and what it is for; its default is the field's. A section is a Struct of
such fields.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import timedelta
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import UNSET, Struct

from strongroom.config.problem import KeyPath, Unfit, describe, format_key, quote
from strongroom.config.reader import Parse, TableReader
from strongroom.config.secrets import SecretRef
from strongroom.config.values import NAME, is_name, path_from
from strongroom.model.times import format_duration


class Scope(Struct, frozen=True):
    """What some values are checked against."""

    base: Path  # relative paths begin here
    providers: Collection[str]
    sources: Collection[str]  # names that the file declares
    classes: Collection[str]


class InScope(Struct, frozen=True):
    """Makes a parser that knows the rest of the file."""

    make: Callable[[Scope, TableReader], Parse]


PATH = InScope(lambda scope, _table: path_from(scope.base))


def plain(value: Any) -> object:
    """Return a value as plain JSON, in the words of the file."""
    match value:
        case None | bool() | int() | dict():
            return value
        case Enum():
            return value.value
        case timedelta():
            return format_duration(value)
        case Section():
            return show_section(value, type(value))
        case tuple():
            return [plain(item) for item in value]
        case _:
            return str(value)


class Key(Struct, frozen=True):
    """One value. Where one is required, the caller gives a placeholder, which is used until the file is refused."""

    help: str
    parse: Parse | InScope
    stand_in: Any = UNSET
    shown: Callable[[Any], object] = plain


class Items(Struct, frozen=True):
    """A list, each item checked by itself and none given twice."""

    help: str
    parse: Parse | InScope
    expected: str
    at_least: int = 0
    shown: Callable[[Any], object] = plain


class Entries(Struct, frozen=True):
    """A table with names of any kind, each value checked by itself."""

    help: str
    parse: Parse
    build: Callable[[dict[str, Any]], Any] = dict
    shown: Callable[[Any], object] = dict


class Table(Struct, frozen=True):
    """A section; None where it is optional and not given."""

    help: str
    noun: type[Section]
    optional: bool = False
    shown: Callable[[Any], object] = plain


class Tables(Struct, frozen=True):
    """Any number of sections, each with a name that no other has."""

    help: str
    noun: type[Section]
    name: str = ""  # in the file, where the field is called otherwise
    shown: Callable[[Any], object] = plain


class Named(Struct, frozen=True):
    """A table of sections, each under a name of the file's choosing."""

    help: str
    noun: type[Section]
    shown: Callable[[Any], object] = plain


Declaration = Key | Items | Entries | Table | Tables | Named


class Section(Struct, frozen=True):
    """One table of the file."""

    def check(self, table: TableReader) -> None:
        """Note what must hold between the keys and does not."""

    def build(self) -> Any:
        """Return what the rest of the program gets."""
        return self


@cache
def keys_of(noun: type[Section]) -> dict[str, Declaration]:
    """Return the declarations of a section by the names of its fields, in their order.

    Its module must not postpone annotations: looking them up anew would be paid for at every start.
    """
    hints = noun.__annotations__.items()
    return {name: hint.__metadata__[0] for name, hint in hints if hasattr(hint, "__metadata__")}


def name_of(field: str, key: Declaration) -> str:
    """Return what the file calls the key of a field."""
    return key.name or field if isinstance(key, Tables) else field


def read_section(noun: type[Section], table: TableReader, scope: Scope, **given: object) -> Any:
    """Read and check a table; `given` are the fields that are no keys."""
    read = {field: _read(key, table, name_of(field, key), scope) for field, key in keys_of(noun).items()}
    section = noun(**{field: value for field, value in read.items() if value is not UNSET}, **given)
    section.check(table)
    table.close()
    return section.build()


def _read(key: Declaration, table: TableReader, name: str, scope: Scope) -> Any:
    match key:
        case Key():
            return _read_value(key, table, name, scope)
        case Items():
            parse = key.parse.make(scope, table) if isinstance(key.parse, InScope) else key.parse
            return table.items(name, parse, key.expected, key.at_least)
        case Entries():
            return key.build(table.table(name).entries(key.parse))
        case Table():
            inner = table.table(name)
            return UNSET if key.optional and not table.has(name) else read_section(key.noun, inner, scope)
        case Tables():
            return _read_tables(key, table.tables(name), scope)
        case Named():
            return _read_named(key, table.table(name), scope)


def _read_value(key: Key, table: TableReader, name: str, scope: Scope) -> Any:
    parse = key.parse.make(scope, table) if isinstance(key.parse, InScope) else key.parse
    if key.stand_in is not UNSET and not table.has(name):
        table.refuse(name, expected_by(parse), "nothing", key.help)
    found = table.take(name, parse)
    return key.stand_in if found is UNSET else found


def _read_tables(key: Tables, tables: list[TableReader], scope: Scope) -> tuple[Any, ...]:
    names: set[str] = set()
    for table in tables:
        name = table.raw("name")
        if isinstance(name, str) and name in names:
            table.refuse("name", "a name of its own", f"{describe(name)} for the second time")
        names |= {name} if isinstance(name, str) else set()
    return tuple(read_section(key.noun, table, scope) for table in tables)


def _read_named(key: Named, table: TableReader, scope: Scope) -> tuple[Any, ...]:
    found = []
    for name in table:
        if is_name(name):
            found.append(read_section(key.noun, table.table(name), scope, name=name))
        else:
            table.refuse(name, NAME, f"the name {quote(name)}")
    return tuple(found)


def show_section(section: Struct, noun: type[Section]) -> dict[str, object]:
    """Return a section by the names of the file; `noun` declares its keys."""
    return {name_of(field, key): key.shown(getattr(section, field)) for field, key in keys_of(noun).items()}


def expected_by(parse: Parse) -> str:
    """Say what a parser takes, in the words with which it refuses."""
    try:
        parse(object())
    except Unfit as unfit:
        return unfit.expected
    return "anything"


def references_of(section: Section) -> dict[SecretRef, list[str]]:
    """Return each reference to a secret once, with the keys that hold it as in source[0].api_key, in order."""
    found: dict[SecretRef, list[str]] = {}
    for path, ref in _references(section, ()):
        found.setdefault(ref, []).append(format_key(path))
    return found


def _references(value: object, path: KeyPath) -> Iterator[tuple[KeyPath, SecretRef]]:
    match value:
        case SecretRef():
            yield path, value
        case Section():
            for field, key in keys_of(type(value)).items():
                yield from _references(getattr(value, field), (*path, name_of(field, key)))
        case tuple():
            for index, item in enumerate(value):
                yield from _references(item, (*path, index))
