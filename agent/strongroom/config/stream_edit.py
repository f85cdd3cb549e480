"""Changing one [[stream]] in a configuration file that a person wrote; everything but that stream is what it was.

What is typed is written as TOML and judged by the loader alone, so that a form and a file are refused for the same
reasons in the same words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Table

from strongroom.config.edit import by_hand, read_toml, rewrite, try_change
from strongroom.config.schema import Config, StreamSettings
from strongroom.model.retention import NAMED_BY
from strongroom.model.times import format_duration

Wants = Mapping[str, str]
"""What each named field is to say, as a person types it; empty text takes the key out, so that its default counts."""


def shown(stream: StreamSettings) -> dict[str, str]:
    """Return every field that may be changed as a person would type it.

    What is asked of which source is not among them: archives are named by it.
    """
    return {
        "window": stream.window.value,
        "settle": format_duration(stream.settle),
        "settled_pass": format_duration(stream.settled_pass) if stream.settled_pass else "",
        "since": _since(stream.since, stream.time_zone),
        "time_zone": stream.time_zone,
        "retention": ", ".join(stream.retention.split(NAMED_BY)),
        "priority": str(stream.priority),
        "paused": "true" if stream.paused else "false",
    }


def changed_fields(stream: StreamSettings, typed: Wants) -> dict[str, str]:
    """Return what is typed otherwise than it stands."""
    now = shown(stream)
    return {name: text.strip() for name, text in typed.items() if text.strip() != now[name]}


def replace_in_stream(text: str, stream: str, wants: Wants) -> str:
    """Return the text with these fields in the [[stream]] of that name.

    Raises UsageError when anything else would change with it.
    """
    lines = stream_lines(stream, wants)
    try:
        table = _find(tomlkit.parse(text), stream)
    except TOMLKitError as error:
        raise by_hand(lines) from error
    if table is None:
        raise by_hand(lines)
    document, found = table
    for name, wanted in wants.items():
        _set(found, name, wanted)
    changed = tomlkit.dumps(document)
    if read_toml(changed) != _with(read_toml(text), stream, wants):
        raise by_hand(lines)
    return changed


def stream_lines(stream: str, wants: Wants) -> str:
    """Return what the [[stream]] must say, for a person who writes it by hand."""
    written = [f"{name} = {tomlkit.item(value).as_string()}" for name, value in _values(wants).items()]
    gone = [f"# without {name}" for name, wanted in wants.items() if not wanted]
    return "\n".join(["[[stream]]", f"name = {tomlkit.item(stream).as_string()}", *written, *gone])


def try_stream(path: Path, stream: str, wants: Wants) -> Config:
    """Return the configuration as the change would make it; nothing is written. Raises ConfigRefused and UsageError."""
    return try_change(path, lambda text: replace_in_stream(text, stream, wants), stream_lines(stream, wants))


def rewrite_stream(path: Path, stream: str, wants: Wants) -> Config:
    """Change the stream in a configuration file; it is the old one or the new one at any instant.

    Raises ConfigRefused where the loader refuses it, and UsageError with the lines to write by hand where the file
    cannot be written or understood.
    """
    return rewrite(path, lambda text: replace_in_stream(text, stream, wants), stream_lines(stream, wants))


def _find(document: tomlkit.TOMLDocument, stream: str) -> tuple[tomlkit.TOMLDocument, Table] | None:
    streams = document.get("stream")
    if not isinstance(streams, AoT):
        return None
    return next(((document, table) for table in streams.body if table.get("name") == stream), None)


def _set(table: Table, name: str, wanted: str) -> None:
    if not wanted:
        table.pop(name, None)
    elif name in table:
        table[name] = _value(name, wanted)
    else:
        # Appended, it would come after the blank line and the comments that belong to what follows the stream.
        last = [item for key, item in table.value.body if key is not None and not isinstance(item, Table)][-1]
        line = f"{name} = {tomlkit.item(_value(name, wanted)).as_string()}\n"
        last.trivia.trail = f"{last.trivia.trail or chr(10)}{line}"


def _values(wants: Wants) -> dict[str, Any]:
    return {name: _value(name, wanted) for name, wanted in wants.items() if wanted}


def _value(name: str, wanted: str) -> Any:
    """Return what was typed as a value of TOML; what does not fit stays text, for the loader to refuse."""
    if name == "paused":
        return {"true": True, "yes": True, "false": False, "no": False}.get(wanted.lower(), wanted)
    if name == "priority":
        return int(wanted) if re.fullmatch(r"[+-]?[0-9]{1,6}", wanted) else wanted
    if name == "since":
        return _moment(wanted)
    if name == "retention":
        names = [part.strip() for part in re.split(r"[,+]", wanted)]
        return names if len(names) > 1 else wanted
    return wanted


def _moment(wanted: str) -> date | datetime | str:
    try:
        return date.fromisoformat(wanted) if len(wanted) == 10 else datetime.fromisoformat(wanted)
    except ValueError:
        return wanted


def _since(since: datetime | None, zone: str) -> str:
    if since is None:
        return "oldest"
    day = since.astimezone(ZoneInfo(zone))
    midnight = (day.hour, day.minute, day.second, day.microsecond) == (0, 0, 0, 0)
    return day.date().isoformat() if midnight else since.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _with(data: dict[str, Any], stream: str, wants: Wants) -> dict[str, Any]:
    values = _values(wants)

    def fitted(table: dict[str, Any]) -> dict[str, Any]:
        if table.get("name") != stream:
            return table
        return {**{key: value for key, value in table.items() if key not in wants}, **values}

    return {**data, "stream": [fitted(table) for table in data["stream"]]}
