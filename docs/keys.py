"""Writes docs/configuration.md and docs/manifest.md, the lists of all keys, from their declarations.

Run `python docs/keys.py` after one has changed; a test says when it was forgotten.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo, fields

from strongroom.config.keys import (
    Declaration,
    Entries,
    InScope,
    Items,
    Key,
    Named,
    Scope,
    Section,
    Table,
    Tables,
    expected_by,
    keys_of,
    name_of,
    plain,
)
from strongroom.config.line_numbers import Locator
from strongroom.config.load import PROVIDERS
from strongroom.config.manifest import Declared, keys_of_manifest, takes_of
from strongroom.config.reader import Notebook, TableReader
from strongroom.config.schema import Config
from strongroom.model.manifest import Manifest

PAGE = Path(__file__).with_name("configuration.md")
MANIFESTS = Path(__file__).with_name("manifest.md")
MANIFEST_HEAD = """\
# Every key of a manifest

The program generates this list. [providers.md](providers.md) explains how to write a manifest, and
[examples/providers](../examples/providers) has complete ones. An expression is in [JMESPath](https://jmespath.org): it
says where a response has the value.
"""
HEAD = """\
# Every key of the configuration

The program generates this list. [config.example.toml](../config.example.toml) explains the keys and shows how to use
them together. `strongroom config check` reports every mistake with its line, and `strongroom config show` prints the
values in force.
"""
TABLE = "| Key | Takes | Default | Meaning |\n|---|---|---|---|\n"
HEADERS = {Table: "[{}]", Tables: "[[{}]]", Named: "[{}.NAME]"}
SCOPE = Scope(Path("/"), sorted(PROVIDERS), (), ("standard",))
NOWHERE = TableReader({}, (), Notebook("", Locator("", {})))


def main() -> None:
    """Rewrite the pages."""
    PAGE.write_text(page())
    MANIFESTS.write_text(manifest_page())


def page() -> str:
    """Return the page."""
    return HEAD + "".join(_sections(Config, "", ""))


def manifest_page() -> str:
    """Return the page of the keys of a manifest."""
    return MANIFEST_HEAD + "".join(_tables(Manifest, ""))


def _tables(noun: type[Struct], header: str) -> Iterator[str]:
    keys, infos = keys_of_manifest(noun), {each.name: each for each in fields(noun)}
    plain = [key for key in keys if _inner(key) is None]
    if header:
        about = _capital((inspect.getdoc(noun) or "").partition(": ")[2].partition("\n")[0])
        yield f"\n## [{header}]\n\n{about}\n\n{TABLE}"
        yield from (_manifest_row(key, infos[key.name]) for key in plain)
    for key in keys:
        found = _inner(key)
        if found is not None:
            name = f"{header}.{key.name}".lstrip(".") + (".NAME" if get_origin(key.kind) else "")
            yield from _tables(found, name)


def _inner(key: Declared) -> type[Struct] | None:
    kind = get_args(key.kind)[-1] if get_origin(key.kind) is Mapping else key.kind
    return kind if isinstance(kind, type) and issubclass(kind, Struct) else None


def _manifest_row(key: Declared, field: FieldInfo) -> str:
    default = "required" if field.required else _plain(field.default)
    return f"| `{key.name}` | {takes_of(key)} | {default} | {_capital(key.meta.description or '')} |\n"


def _plain(value: object) -> str:
    shown = [] if isinstance(value, Mapping | Struct) else plain(value)
    return "" if shown in (None, "", []) else f"`{json.dumps(shown)}`"


def _sections(noun: type[Section], at: str, header: str) -> Iterator[str]:
    keys = keys_of(noun)
    if header:
        values = [each for each in fields(noun) if isinstance(keys.get(each.name), Key | Items | Entries)]
        about = _capital((inspect.getdoc(noun) or "").partition(": ")[2])
        yield f"\n## {header}\n\n{about}\n\n{TABLE}" + "".join(_row(each, keys[each.name]) for each in values)
    for field, key in keys.items():
        if isinstance(key, Table | Tables | Named):
            inner = f"{at}.{name_of(field, key)}".lstrip(".")
            yield from _sections(key.noun, inner, HEADERS[type(key)].format(inner))


def _row(field: FieldInfo, key: Declaration) -> str:
    return f"| `{field.name}` | {_takes(key)} | {_default(field, key)} | {_capital(key.help)} |\n"


def _takes(key: Declaration) -> str:
    match key:
        case Key():
            parse = key.parse.make(SCOPE, NOWHERE) if isinstance(key.parse, InScope) else key.parse
            return expected_by(parse).replace(" (none is there)", "")
        case Items():
            return key.expected
        case _:
            return "a table of names and values"


def _default(field: FieldInfo, key: Declaration) -> str:
    if field.required:
        return "required"
    default: Any = field.default if field.default_factory is NODEFAULT else field.default_factory()
    shown = key.shown(default)
    return "" if shown in (None, [], {}, "") else f"`{json.dumps(shown)}`"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


if __name__ == "__main__":
    main()
