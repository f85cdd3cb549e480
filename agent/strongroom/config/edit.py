"""Changes a configuration file that a person wrote: comments, order and everything else stay.

The file is the old one or the new one at any instant. The changed text is read as a configuration before it takes the
place of the old one; nothing else may have changed in it, and nothing is written over what somebody else wrote
meanwhile. Where the file may not be written, a person is shown the lines to write by hand. What is typed is judged by
the loader alone, so that a form and a file are refused for the same reasons in the same words.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Array, Table

from strongroom.config.keys import keys_of
from strongroom.config.load import parse_config
from strongroom.config.schema import Config
from strongroom.config.sources import StreamSettings
from strongroom.model.errors import UsageError, WorldError

Change = Callable[[str], str]
"""Makes the new text of the old one. Raises UsageError where it cannot."""


def by_hand(lines: str) -> UsageError:
    """Return the refusal, with what to write instead."""
    return UsageError(
        "the configuration cannot be changed from here",
        hint="add these lines to it; the vault notices the change:\n" + lines,
    )


def try_change(path: Path, change: Change, lines: str) -> Config:
    """Return what the configuration would be, and write nothing.

    Raises ConfigRefused with every mistake that the change would bring, and UsageError where the file cannot be read.
    """
    text, _old = _read(path.resolve(), lines)
    return parse_config(path, change(text))


def rewrite(path: Path, change: Change, lines: str, accept: Callable[[Config], bool] = lambda _config: True) -> Config:
    """Change the file and return what it says now; `lines` are what a person would write by hand.

    `accept` looks at the new configuration before it is written. Raises ConfigRefused where the loader refuses it,
    UsageError with the lines where the file cannot be written or understood, WorldError where the disk fails.
    """
    place = path.resolve()
    text, old = _read(place, lines)
    changed = change(text)
    config = parse_config(path, changed)
    if not accept(config):
        raise by_hand(lines)
    temporary = place.with_name(f".{place.name[:40]}.{os.getpid()}.new")
    try:
        _write(temporary, changed.encode(), _stat(place, lines), lines)
        if place.read_bytes() != old:
            raise UsageError(
                f"{path} was changed by another program in the meantime", hint="check the file, then try again"
            )
        _take_place(temporary, place, lines)
    finally:
        temporary.unlink(missing_ok=True)
    return config


def read_toml(text: str) -> dict[str, Any]:
    """Return what the text says, or nothing where it is no TOML."""
    try:
        return tomllib.loads(text)
    except ValueError:
        return {}


def _read(place: Path, lines: str) -> tuple[str, bytes]:
    try:
        old = place.read_bytes()
        return old.decode("utf-8"), old
    except (OSError, UnicodeDecodeError) as error:
        raise by_hand(lines) from error


def _stat(place: Path, lines: str) -> os.stat_result:
    try:
        return place.stat()
    except OSError as error:
        raise by_hand(lines) from error


def _write(path: Path, data: bytes, like: os.stat_result, lines: str) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise by_hand(lines) from error
    with os.fdopen(fd, "wb") as file:
        try:
            file.write(data)
            file.flush()
            os.fchmod(fd, like.st_mode & 0o7777)
            if (like.st_uid, like.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(fd, like.st_uid, like.st_gid)
            os.fsync(fd)
        except PermissionError as error:  # the file belongs to somebody else, and would to us afterwards
            raise by_hand(lines) from error
        except OSError as error:
            raise WorldError(f"cannot write the configuration: {error.strerror}", hint="nothing was changed") from error


def _take_place(temporary: Path, place: Path, lines: str) -> None:
    try:
        temporary.replace(place)
    except OSError as error:  # a file that is mounted by itself, for one
        raise by_hand(lines) from error
    fd = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def replace_recipients(text: str, recipients: Sequence[str], label: str = "") -> str:
    """Return the text with these recipients in [vault]; `label` becomes the comment of one that is new.

    Raises UsageError when anything else would change with it.
    """
    try:
        document = tomlkit.parse(text)
    except TOMLKitError as error:
        raise _by_hand(recipients) from error
    vault = document.get("vault")
    array = vault.get("recipients") if isinstance(vault, Table) else None
    if not isinstance(array, Array):
        raise _by_hand(recipients)
    _fit(array, recipients, " ".join(label.split()))
    changed = tomlkit.dumps(document)
    if read_toml(changed) != _with(read_toml(text), recipients):
        raise _by_hand(recipients)
    return changed


def lines_to_write(recipients: Sequence[str]) -> str:
    """Return what [vault] must say, for a person who writes it by hand."""
    return "\n".join(["[vault]", "recipients = [", *(f'  "{key}",' for key in recipients), "]"])


def rewrite_recipients(path: Path, recipients: Sequence[str], label: str = "") -> None:
    """Change the recipients in a configuration file; it is the old one or the new one at any instant.

    Raises UsageError with the lines to write by hand where the file cannot be written or understood.
    """
    rewrite(
        path,
        lambda text: replace_recipients(text, recipients, label),
        lines_to_write(recipients),
        lambda config: config.vault.recipients == tuple(recipients),
    )


def _fit(array: Array, recipients: Sequence[str], label: str) -> None:
    for place in reversed(range(len(array))):
        if array[place] not in recipients:
            del array[place]
    present = set(array)
    for key in recipients:
        if key not in present and label:
            array.add_line(key, comment=label, indent="  ")
        elif key not in present and array.as_string().count("\n"):
            array.add_line(key, indent="  ")
        elif key not in present:
            array.append(key)


def _with(data: dict[str, Any], recipients: Sequence[str]) -> dict[str, Any]:
    return {**data, "vault": {**data["vault"], "recipients": list(recipients)}}


def _by_hand(recipients: Sequence[str]) -> UsageError:
    return by_hand(lines_to_write(recipients))


Wants = Mapping[str, str]
"""What each named field is to say, as a person types it; empty text takes the key out, so that its default counts."""


FIELDS = ("window", "settle", "settled_pass", "since", "time_zone", "retention", "priority", "paused")
"""What may be changed of a stream. What is exported from where is not among it: archives are named by it."""


def shown(stream: StreamSettings) -> dict[str, str]:
    """Return every field that may be changed as a person would type it."""
    keys = keys_of(StreamSettings)
    found = {name: _typed(keys[name].shown(getattr(stream, name))) for name in FIELDS}
    return {**found, "since": _since(stream.since, stream.time_zone)}


def _typed(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list():
            return ", ".join(map(str, value))
        case _:
            return str(value)


def changed_fields(stream: StreamSettings, typed: Wants) -> dict[str, str]:
    """Return the fields whose typed value differs from the file's."""
    now = shown(stream)
    return {name: text.strip() for name, text in typed.items() if text.strip() != now[name]}


def replace_in_stream(text: str, stream: str, wants: Wants) -> str:
    """Return the text with these fields in the [[stream]] of that name.

    Raises UsageError when anything else would change with it.
    """
    lines = stream_lines(stream, wants)
    try:
        table = _find_stream(tomlkit.parse(text), stream)
    except TOMLKitError as error:
        raise by_hand(lines) from error
    if table is None:
        raise by_hand(lines)
    document, found = table
    for name, wanted in wants.items():
        _set(found, name, wanted)
    changed = tomlkit.dumps(document)
    if read_toml(changed) != _with_stream(read_toml(text), stream, wants):
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


def _find_stream(document: tomlkit.TOMLDocument, stream: str) -> tuple[tomlkit.TOMLDocument, Table] | None:
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


def _with_stream(data: dict[str, Any], stream: str, wants: Wants) -> dict[str, Any]:
    values = _values(wants)

    def fitted(table: dict[str, Any]) -> dict[str, Any]:
        if table.get("name") != stream:
            return table
        return {**{key: value for key, value in table.items() if key not in wants}, **values}

    return {**data, "stream": [fitted(table) for table in data["stream"]]}
