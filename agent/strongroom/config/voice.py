"""The sections about being heard: whom to tell, and where figures go. Addresses that hold credentials stay outside."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path

from strongroom.config import values
from strongroom.config.problem import Unfit, describe
from strongroom.config.reader import TableReader
from strongroom.config.schema import Details, Endpoint, MetricsSettings, NotifySettings, PingSettings
from strongroom.config.secrets import Scheme, SecretRef

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
