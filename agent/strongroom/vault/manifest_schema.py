"""A retention rule as JSON, in one shape for manifests, the catalogue and facts of the log.

What type each field of a manifest has. A file on a disk may hold anything: it is looked at before it is believed.

A field that may be absent is checked where it is there; what must be there is missed when the manifest is read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from strongroom.model.archive import Archive
from strongroom.model.retention import NAMED_BY, AtEnd, Basis, Period, RetentionRule, class_names


def rule_body(rule: RetentionRule) -> dict[str, str]:
    """Return a rule as a JSON object."""
    body = {
        "class": rule.name,
        "period": str(rule.period),
        "basis": rule.basis.value,
        "citation": rule.citation,
        "at_end": rule.at_end.value,
    }
    return body if rule.zone == "UTC" else {**body, "zone": rule.zone}


def read_rule(body: Mapping[str, Any]) -> RetentionRule:
    """Read a rule back. Raises ValueError, KeyError or TypeError where it is none."""
    return RetentionRule(
        name=_text(body["class"]),
        period=Period.parse(_text(body["period"])),
        basis=Basis(body["basis"]),
        citation=_text(body["citation"]),
        at_end=AtEnd(body["at_end"]),
        zone=ZoneInfo(_text(body.get("zone", "UTC"))).key,
    )


def write_rule(rule: RetentionRule | None) -> str:
    """Return a rule as text for a column; nothing for none."""
    return "" if rule is None else json.dumps(rule_body(rule), sort_keys=True)


@lru_cache(maxsize=256)  # many archives share few rules
def rule_of(text: str) -> RetentionRule | None:
    """Read a rule from a column."""
    return read_rule(json.loads(text)) if text else None


def retention_body(archive: Archive) -> str | dict[str, Any]:
    """Return the retention in a manifest: the rule that decides and every class that was named.

    An archive that came before rules were recorded has the name of its class alone, as it always had.
    """
    if archive.rule is None:
        return archive.retention
    return {**rule_body(archive.rule), "named": list(class_names(archive.retention))}


def read_retention(value: Any) -> tuple[str, RetentionRule | None]:
    """Read the retention in a manifest: the classes that were named, and the rule. Raises as `read_rule`."""
    if isinstance(value, str):
        return value, None
    return NAMED_BY.join(_text(name) for name in value["named"]), read_rule(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {type(value).__name__}")
    return value


Shape: TypeAlias = "type | tuple[type, ...] | dict[str, Shape] | list[Shape]"

_TIME = (str, type(None))

_SHAPE: dict[str, Shape] = {
    **dict.fromkeys(("id", "holding", "stream", "source", "provider", "job", "ref", "container"), str),
    **dict.fromkeys(("durable_at", "verified_at"), str),
    "format": int,
    "retention": (str, dict),
    "datasets": [str],
    "filters": [[str]],
    "window": {"start": str, "end": str},
    "delivered": {
        **dict.fromkeys(("name", "digest", "coding", "decoded_digest"), str),
        **dict.fromkeys(("size", "decoded_size"), int),
    },
    "sealed": {"size": int, "sha256": str, "recipients": [str], "coding": str},
    "expected": {
        "datasets": [dict.fromkeys(("name", "member", "id_field", "time_field"), str)],
        "end_inclusive": bool,
        "companions": [str],
        "rows": (int, type(None)),
        "overlap": (int, float),
        "size": int,
        "accepts": [str],
        "counts_header": bool,
        "files": [{**dict.fromkeys(("name", "dataset", "container", "records"), str), "rows": int, "size": int}],
    },
    "counts": {"records": int, "in_window": int},
    "members": [
        {
            **dict.fromkeys(("member", "dataset", "dialect", "coding"), str),
            **dict.fromkeys(("size", "records", "in_window", "undated"), int),
            **dict.fromkeys(("earliest", "latest"), _TIME),
            "fields_unknown": [str],
            "fields_vanished": [str],
            "empty": bool,
        }
    ],
    "findings": [dict.fromkeys(("severity", "code", "message", "member"), str)],
}


_TOMBSTONE: dict[str, Shape] = {
    **dict.fromkeys(("id", "was", "stream", "source", "provider", "job", "retention", "verified_at"), str),
    "format": int,
    "datasets": [str],
    "window": {"start": str, "end": str},
    "delivered": {"size": int, "digest": str},
    "sealed": {"size": int, "sha256": str},
    "key": {"sha256": str},
    "manifest": {"sha256": str},
    "counts": {"records": int},
    "destroyed": dict.fromkeys(("at", "ground", "rule", "citation", "proposal", "erasure"), str),
}


def check_tombstone(body: Any) -> None:
    """Raise ValueError, naming the field, where a tombstone's field is of another type than it must be."""
    _check(body, _TOMBSTONE, "the manifest")


def require_text(data: bytes | str, body: Any) -> None:
    """Raise ValueError for half a surrogate pair in a JSON text: it could be written to no file and no row."""
    if "\\u" in data if isinstance(data, str) else b"\\u" in data:  # nothing else can bring one in
        json.dumps(body, ensure_ascii=False).encode()


def check_shape(body: Any) -> None:
    """Raise ValueError, naming the field, where a manifest's field is of another type than it must be."""
    _check(body, _SHAPE, "the manifest")


def _check(value: Any, shape: Shape, name: str) -> None:
    if isinstance(shape, dict):
        _require(value, dict, name)
        for key, inner in shape.items():
            if key in value:
                _check(value[key], inner, key if name == "the manifest" else f"{name}.{key}")
    elif isinstance(shape, list):
        _require(value, list, name)
        for each in value:
            _check(each, shape[0], f"{name}[]")
    else:
        _require(value, shape, name)


def _require(value: Any, types: type | tuple[type, ...], name: str) -> None:
    wanted = types if isinstance(types, tuple) else (types,)
    if isinstance(value, int) and abs(value) >> 63:
        raise ValueError(f"{name}: expected a number of at most 63 bits")
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
        words = " or ".join("nothing" if each is type(None) else each.__name__ for each in wanted)
        raise ValueError(f"{name}: expected {words}, got {type(value).__name__}")
