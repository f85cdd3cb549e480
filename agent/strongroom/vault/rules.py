"""A retention rule as JSON, in one shape for manifests, the catalogue and facts of the log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from strongroom.model.archive import Archive
from strongroom.model.period import Period
from strongroom.model.retention import NAMED_BY, AtEnd, Basis, RetentionRule, class_names


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
    """Return what a manifest tells of retention: the rule that decides and every class that was named.

    An archive that came before rules were recorded has the name of its class alone, as it always had.
    """
    if archive.rule is None:
        return archive.retention
    return {**rule_body(archive.rule), "named": list(class_names(archive.retention))}


def read_retention(told: Any) -> tuple[str, RetentionRule | None]:
    """Read what a manifest tells of retention: the classes that were named, and the rule. Raises as `read_rule`."""
    if isinstance(told, str):
        return told, None
    return NAMED_BY.join(_text(name) for name in told["named"]), read_rule(told)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {type(value).__name__}")
    return value
