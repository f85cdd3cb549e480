"""The sections about being heard: whom to tell, and where figures go. Addresses that hold credentials stay outside.

The section [evidence]: each target is exactly one kind of place, and a time stamp is checked or not asked for.

A stream that waits longer than its provider keeps records loses every window, however well everything else works.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from strongroom.config import values
from strongroom.config.addresses import parse_base_url
from strongroom.config.problem import Unfit, describe
from strongroom.config.reader import TableReader
from strongroom.config.schema import (
    Details,
    Endpoint,
    EvidenceSettings,
    Method,
    MetricsSettings,
    NotifySettings,
    PingSettings,
    SendSettings,
    SourceSettings,
    StreamSettings,
)
from strongroom.config.secrets import Scheme, SecretRef
from strongroom.model.horizon import asked_after
from strongroom.model.provider import KEPT, SNAPSHOTS

_NOTIFY = NotifySettings()
_NO_SECRET = SecretRef(Scheme.ENV, "NONE")  # stands in for a wrong reference until the file is refused
_PING = PingSettings(_NO_SECRET)
_ENDPOINT = re.compile(r"(?:(?P<plain>[0-9.]+)|\[(?P<boxed>[0-9A-Fa-f:]+)\]):(?P<port>[0-9]{1,5})", re.ASCII)


def read_notify(table: TableReader) -> NotifySettings:
    """Read [notify]."""
    notify = NotifySettings(
        urls=table.each("urls", values.parse_secret_ref, "a list of references to Apprise addresses"),
        details=table.take("details", values.choice(Details), _NOTIFY.details),
        command=table.take("command", parse_command, _NOTIFY.command),
        desktop=table.take("desktop", values.parse_flag, _NOTIFY.desktop),
        ping=_read_ping(table),
    )
    table.close()
    return notify


def _read_ping(notify: TableReader) -> PingSettings | None:
    table = notify.table("ping")
    if notify.raw("ping") is None:
        return None
    ping = PingSettings(
        url=table.need("url", values.parse_secret_ref, _NO_SECRET, "a reference to the switch's address"),
        every=table.take("every", values.duration("1m", "1d"), _PING.every),
        allow_private_addresses=table.take("allow_private_addresses", values.parse_flag, False),
    )
    table.close()
    return ping


def read_metrics(table: TableReader, base: Path) -> MetricsSettings:
    """Read [metrics]; a relative path begins at `base`."""
    textfile = table.take("textfile", values.path_from(base), None)
    if textfile is not None and textfile.suffix != ".prom":
        table.refuse("textfile", "a path that ends in .prom: node_exporter reads no others", "another ending")
    metrics = MetricsSettings(textfile, table.take("listen", parse_endpoint, None))
    table.close()
    return metrics


def parse_command(value: object) -> tuple[str, ...]:
    """Take a program by its absolute path, and its arguments; there is no shell to look things up or to quote for."""
    expected = 'a list such as ["/usr/local/bin/tell-us", "--page"], the program by its absolute path'
    if not isinstance(value, list) or not value:
        raise Unfit(expected, "an empty list" if value == [] else describe(value))
    if not all(isinstance(part, str) and part.isprintable() for part in value):
        raise Unfit(expected, "a list with something else than lines of text in it")
    if not value[0].startswith("/"):
        raise Unfit(expected, f"a list that begins with {describe(value[0])}")
    return tuple(value)


def parse_endpoint(value: object) -> Endpoint:
    """Take a numeric loopback address and a port: figures are for this machine alone."""
    form = _ENDPOINT.fullmatch(value) if isinstance(value, str) else None
    try:
        address = ipaddress.ip_address(form["plain"] or form["boxed"]) if form else None
    except ValueError:
        address = None
    if form is None or address is None or not address.is_loopback or not 0 < int(form["port"]) < 65_536:
        raise Unfit('a loopback address and a port, such as "127.0.0.1:9464" or "[::1]:9464"', describe(value))
    return Endpoint(str(address), int(form["port"]))


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


_DAY = timedelta(days=1)


def refuse_late(
    sources: Sequence[SourceSettings], streams: Sequence[StreamSettings], tables: Sequence[TableReader]
) -> None:
    """Refuse a settle delay or a second pass that is over only when the provider has destroyed the records.

    Where neither the configuration nor the provider's documents say how long they are kept, the account is asked later.
    """
    known = {source.name: source for source in sources}
    for stream, table in zip(streams, tables, strict=True):
        source = known.get(stream.source)
        kept = _kept(source, stream) if source is not None else None
        if kept is not None:
            _judge(stream, table, kept)


def _kept(source: SourceSettings, stream: StreamSettings) -> timedelta | None:
    copies = SNAPSHOTS.get(source.provider)
    if copies is not None and (stream.filters or copies & set(stream.datasets)):  # filters may take the window's place
        return None  # a copy of what there is now comes too late for nothing
    return source.retention_days * _DAY if source.retention_days else KEPT.get(source.provider)


def _judge(stream: StreamSettings, table: TableReader, kept: timedelta) -> None:
    bound = f"is shorter than the {kept // _DAY} days that the provider keeps records"
    if asked_after(stream.window, stream.settle) >= kept:
        key, noun, other = ("settle", "delay", f"the window of a {stream.window}")
        if table.raw("settle") is None:
            key, noun, other = "window", "window", "its settle delay"
        got = describe(table.raw(key) or stream.window.value)
        table.refuse(
            key, f"a {noun} that with {other} {bound}", got, "else every window is lost before it is asked for"
        )
    elif stream.settled_pass is not None and asked_after(stream.window, stream.settled_pass) >= kept:
        expected = f"a delay that with the window of a {stream.window} {bound}"
        table.refuse("settled_pass", expected, describe(table.raw("settled_pass")), "else it is never done")
