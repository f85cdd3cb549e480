"""Every reference to a secret that a configuration holds, found by walking it: a new key cannot be forgotten here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from strongroom.config.problem import KeyPath, format_key
from strongroom.config.schema import Config
from strongroom.config.secrets import SecretRef

_TABLES = {"sources": "source", "streams": "stream"}  # fields of Config that the file calls otherwise


def references_of(config: Config) -> dict[SecretRef, list[str]]:
    """Return each reference once, with the keys that hold it as in source[0].api_key, in the order of the file."""
    found: dict[SecretRef, list[str]] = {}
    for path, ref in _walk(config, ()):
        found.setdefault(ref, []).append(format_key(path))
    return found


def _walk(value: object, path: KeyPath) -> Iterator[tuple[KeyPath, SecretRef]]:
    if isinstance(value, SecretRef):
        yield path, value
    elif is_dataclass(value):
        for each in fields(value):
            yield from _walk(
                getattr(value, each.name), (*path, each.name if path else _TABLES.get(each.name, each.name))
            )
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _walk(item, (*path, index))
