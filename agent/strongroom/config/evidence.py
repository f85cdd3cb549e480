"""The section [evidence]: each target is exactly one kind of place, and a time stamp is checked or not asked for."""

from __future__ import annotations

from pathlib import Path

from strongroom.config import values
from strongroom.config.addresses import parse_base_url
from strongroom.config.reader import TableReader
from strongroom.config.voice import parse_command
from strongroom.config.witness import EvidenceSettings, Method, SendSettings

RESERVED = "timestamp"
_EVIDENCE = EvidenceSettings()
_SEND = SendSettings("")
_PLACES = ("directory", "command", "url", "notify")


def read_evidence(table: TableReader, base: Path) -> EvidenceSettings:
    """Read [evidence]; relative paths begin at `base`."""
    targets = table.tables("send_to")
    evidence = EvidenceSettings(
        every=table.take("every", values.duration("10m", "31d"), _EVIDENCE.every),
        timestamp_url=table.take("timestamp_url", parse_base_url, None),
        timestamp_ca=table.take("timestamp_ca", values.path_from(base), None),
        send_to=tuple(_read_target(target, base) for target in targets),
    )
    if evidence.timestamp_url is not None and evidence.timestamp_ca is None:
        table.refuse("timestamp_ca", "the authority's certificates in a PEM file", "nothing")
    _refuse_repeats(targets)
    table.close()
    return evidence


def _read_target(table: TableReader, base: Path) -> SendSettings:
    target = SendSettings(
        name=table.need("name", values.parse_name, "", values.NAME),
        directory=table.take("directory", values.path_from(base), None),
        command=table.take("command", parse_command, ()),
        url=table.take("url", values.parse_secret_ref, None),
        method=table.take("method", values.choice(Method), _SEND.method),
        notify=table.take("notify", values.parse_secret_ref, None),
        allow_private_addresses=table.take("allow_private_addresses", values.parse_flag, False),
    )
    given = [place for place in _PLACES if table.raw(place) is not None]
    if len(given) != 1:
        table.refuse("name", "exactly one of " + ", ".join(_PLACES), " and ".join(given) or "none of them")
    if target.name == RESERVED:
        table.refuse("name", "another name", f"{RESERVED}, which the time-stamp authority is called by")
    table.close()
    return target


def _refuse_repeats(tables: list[TableReader]) -> None:
    seen: set[object] = set()
    for table in tables:
        name = table.raw("name")
        if isinstance(name, str) and name in seen:
            table.refuse("name", "a name of its own", "the same name again")
        seen.add(name if isinstance(name, str) else None)
