"""The public JSON Schema of RSMF manifests, and so much of JSON Schema as it needs."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

_REPOSITORY = Path(__file__).parents[2]
FILE = (
    Path(os.environ.get("STRONGROOM_RSMF_SCHEMA") or _REPOSITORY / "../shared/vectors/rsmf")
    / "manifest-schema-2.0.0.json"
)
ABSENT = "the RSMF schema is not in ../shared/vectors/rsmf (STRONGROOM_RSMF_SCHEMA names another folder)"
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
NOTES = {"$id", "$schema", "title", "description", "default", "examples", "definitions", "maximum"}  # it limits a text
KNOWN = {"type", "required", "properties", "items", "enum", "minLength", "format"} | NOTES


def load_schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(FILE.read_bytes())
    return schema


def faults(value: Any, schema: dict[str, Any], where: str = "") -> list[str]:
    """Return what the schema refuses. Raises AssertionError for a part of JSON Schema that is not known here."""
    assert set(schema) <= KNOWN, set(schema) - KNOWN
    if "type" in schema and not isinstance(value, TYPES[schema["type"]]):
        return [f"{where}: no {schema['type']}"]
    found = [f"{where}: {value!r} is not one of {schema['enum']}"] if value not in schema.get("enum", [value]) else []
    if isinstance(value, str):
        found += [f"{where}: too short"] if len(value) < schema.get("minLength", 0) else []
        if schema.get("format") == "date-time":
            datetime.fromisoformat(value)
    if isinstance(value, dict):
        found += [f"{where}: no {name}" for name in schema.get("required", []) if name not in value]
        for name, inner in schema.get("properties", {}).items():
            found += faults(value[name], inner, f"{where}/{name}") if name in value else []
    if isinstance(value, list) and "items" in schema:
        found += [
            fault for place, each in enumerate(value) for fault in faults(each, schema["items"], f"{where}/{place}")
        ]
    return found
