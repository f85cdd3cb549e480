"""A provider's manifest, from a file to a `Manifest`: strict, and every mistake at once, with its place.

Manifests are the files NAME.toml in the directories that the configuration names; NAME is what a source calls its
provider. The keys are the fields of `strongroom.model.manifest`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin

from msgspec import UNSET, Meta, Struct
from msgspec.structs import FieldInfo, fields

from strongroom.config.line_numbers import Locator
from strongroom.config.manifest_collection import check_whole
from strongroom.config.manifest_values import FORMS, parse_status, parse_template
from strongroom.config.problem import ConfigRefused, Problem, Unfit, quote
from strongroom.config.reader import Notebook, Parse, TableReader
from strongroom.config.toml_text import parse_toml, read_text
from strongroom.config.values import choice, duration, is_name, parse_dataset, parse_flag, whole_number
from strongroom.model.errors import UsageError
from strongroom.model.manifest import Manifest
from strongroom.model.manifest_words import TextForm

SUFFIX = ".toml"
_HINT = "docs/providers.md shows every key; to check again: strongroom source try"


class ManifestFile(Struct, frozen=True):
    """A manifest, and the file that it was read from."""

    path: Path
    digest: str  # SHA-256 of its text, in hex
    manifest: Manifest


class ManifestRefused(ConfigRefused):
    """A manifest has mistakes: `problems` has all of them, the message one line for each."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        super().__init__(problems)
        self.hint = _HINT


def load_manifest(path: Path) -> ManifestFile:
    """Read and check a manifest. Raises ManifestRefused with every mistake, and UsageError for an unreadable file."""
    text = read_text(path, "the manifest", "name a file that can be read")
    return ManifestFile(path, hashlib.sha256(text.encode()).hexdigest(), parse_manifest(str(path), text))


def parse_manifest(file: str, text: str) -> Manifest:
    """Check a text as the manifest in a file. Raises ManifestRefused with every mistake in it."""
    text = text.replace("\r\n", "\n")
    try:
        data = parse_toml(file, text)
    except ConfigRefused as refused:
        raise ManifestRefused(refused.problems) from None
    notebook = Notebook(file, Locator(text, data))
    found = _read_struct(Manifest, TableReader(data, (), notebook))
    if not notebook.problems:
        check_whole(found, notebook.refuse)
    if notebook.problems:
        raise ManifestRefused(sorted(notebook.problems, key=lambda problem: problem.line or 0))
    checked: Manifest = found  # one that is incomplete has its problems
    return checked


def find_manifests(directories: Iterable[Path]) -> dict[str, Path]:
    """Return the manifests in the directories by their names. Raises UsageError for a name that is there twice."""
    found: dict[str, Path] = {}
    for directory in directories:
        for path in sorted(_files(directory)):
            name = path.name.removesuffix(SUFFIX)
            if name in found:
                raise UsageError(
                    f"the provider {name} has two manifests: {found[name]} and {path}", hint="remove or rename one"
                )
            if is_name(name):
                found[name] = path
    return found


def _files(directory: Path) -> list[Path]:
    try:
        return [path for path in directory.iterdir() if path.name.endswith(SUFFIX)]
    except OSError as error:
        raise UsageError(
            f"the directory of manifests {directory} cannot be read: {error.strerror}",
            hint="create it, or remove it from [provider] directories",
        ) from None


class Declared(NamedTuple):
    """One key of a manifest: what the field says of it."""

    name: str
    kind: Any  # the type without None and metadata
    meta: Meta
    optional: bool  # None is its default
    required: bool


@cache
def keys_of_manifest(noun: type[Struct]) -> tuple[Declared, ...]:
    """Return the keys of a table, in the order of its fields."""
    return tuple(_declared(each, noun.__annotations__[each.name]) for each in fields(noun))


def _declared(each: FieldInfo, hint: Any) -> Declared:
    kind, meta = hint.__origin__, hint.__metadata__[0]
    options = get_args(kind) if get_origin(kind) in (Union, UnionType) else ()
    plain = next((option for option in options if option is not NoneType), kind)
    return Declared(each.name, plain, meta, NoneType in options, each.required)


def _read_struct(noun: type[Struct], table: TableReader) -> Any:
    read = {key.name: _read_key(key, table) for key in keys_of_manifest(noun)}
    table.close()
    lacking = [key.name for key in keys_of_manifest(noun) if key.required and read[key.name] is UNSET]
    if lacking:
        return UNSET  # noted by now
    return noun(**{name: value for name, value in read.items() if value is not UNSET})


def _read_key(key: Declared, table: TableReader) -> Any:
    if key.required and not table.has(key.name):
        table.refuse(key.name, _expected(key), "nothing", key.meta.description or "")
    origin, inner = get_origin(key.kind), get_args(key.kind)
    if isinstance(key.kind, type) and issubclass(key.kind, Struct):
        found = table.table(key.name)
        return _read_struct(key.kind, found) if table.has(key.name) else UNSET
    if origin is tuple:
        items = table.items(key.name, _item_parser(key, inner[0]), "a list", 0)
        return items if table.has(key.name) else UNSET
    if origin is not None and issubclass(origin, Mapping):
        return _read_mapping(key, inner[1], table)
    return table.take(key.name, parser_of(key))


def _read_mapping(key: Declared, kind: Any, table: TableReader) -> Any:
    inner = table.table(key.name)
    if not table.has(key.name):
        return UNSET
    if isinstance(kind, type) and issubclass(kind, Struct):
        return {name: _read_struct(kind, inner.table(name)) for name in inner if _is_sound(name, inner)}
    form = (key.meta.extra or {}).get("form")
    template = parse_template(key.name)
    found = {name: inner.take(name, FORMS[TextForm(form)] if form else _under(name, template)) for name in inner}
    return {name: value for name, value in found.items() if value is not UNSET}


def _under(name: str, parse: Callable[[str, object], Any]) -> Parse:
    """Return a parser of a value that knows its key as well: what may stand there depends on it."""
    return lambda value: parse(name, value)


def _is_sound(name: str, table: TableReader) -> bool:
    try:
        parse_dataset(name)
    except Unfit as unfit:
        table.refuse(name, unfit.expected, f"the name {quote(name)}")
        return False
    return True


def _item_parser(key: Declared, inner: Any) -> Parse:
    return parser_of(key) if inner is str else parse_status


def parser_of(key: Declared) -> Parse:
    """Return the parser of a key that has one value, or of the items of a list of texts."""
    meta, kind = key.meta, key.kind
    form = (meta.extra or {}).get("form")
    if form is not None:
        return FORMS[TextForm(form)]
    if kind is bool:
        return parse_flag
    if kind is int:
        return whole_number(int(meta.ge or 0), int(meta.le or 0))
    if kind is timedelta:
        return duration("1s", "3660d")
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return choice(kind)
    raise TypeError(f"{key.name} has no parser")


def takes_of(key: Declared) -> str:
    """Say what a key takes."""
    origin = get_origin(key.kind)
    if origin is tuple:
        return "a list of HTTP statuses" if get_args(key.kind)[0] is not str else "a list of texts"
    return "a table of names and values" if origin is not None else _expected(key)


def _expected(key: Declared) -> str:
    if get_origin(key.kind) is None and not (isinstance(key.kind, type) and issubclass(key.kind, Struct)):
        try:
            parser_of(key)(object())
        except Unfit as unfit:
            return unfit.expected
    return f"the table [{key.name}]"
