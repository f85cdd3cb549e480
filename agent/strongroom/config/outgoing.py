"""The sections about what leaves the vault's machine or is shown there: alerts, figures, and checkpoints of the log.

Annotations are not postponed here: the declarations of the keys are read from them.
"""

import ipaddress
import re
from datetime import timedelta
from enum import StrEnum
from pathlib import Path, PurePath
from typing import Annotated

from msgspec import Struct

from strongroom.config.addresses import parse_base_url
from strongroom.config.keys import PATH, Items, Key, Section, Table, Tables
from strongroom.config.problem import Unfit, describe
from strongroom.config.reader import TableReader
from strongroom.config.secrets import NO_SECRET, SecretRef
from strongroom.config.values import choice, duration, parse_flag, parse_name, parse_secret_ref

RESERVED = "timestamp"
"""The name by which the log calls the time-stamp authority, so that no target may have it."""

PRIVATE = "whether its address may be on this machine or on a private network"
_ENDPOINT = re.compile(r"(?:(?P<plain>[0-9.]+)|\[(?P<boxed>[0-9A-Fa-f:]+)\]):(?P<port>[0-9]{1,5})", re.ASCII)


class Details(StrEnum):
    """How much of an alert may leave this machine."""

    MINIMAL = "minimal"  # what is wrong, with counts and dates
    FULL = "full"  # and the names of the streams and sources it is about


class Method(StrEnum):
    """How a checkpoint is sent to a web address."""

    PUT = "put"  # as SIZE.note below the address
    POST = "post"  # to the address itself


class Endpoint(Struct, frozen=True):
    """A port of this machine."""

    host: str  # a numeric loopback address
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_command(value: object) -> tuple[str, ...]:
    """Take a program by its absolute path, and its arguments; there is no shell to look things up or to quote for."""
    expected = 'a list such as ["/usr/local/bin/send-alert", "--page"], the program by its absolute path'
    if not isinstance(value, list) or not value:
        raise Unfit(expected, "an empty list" if value == [] else describe(value))
    if not all(isinstance(part, str) and part.isprintable() for part in value):
        raise Unfit(expected, "a list with something other than lines of text in it")
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


def _show_command(command: tuple[str, ...]) -> list[str]:
    """Name the program alone: arguments may hold secrets."""
    return [PurePath(command[0]).name, *(["…"] if command[1:] else [])] if command else []


_COMMAND = "a program to run, by its absolute path, and its arguments; no shell"


class PingSettings(Section, frozen=True):
    """[notify.ping]: a dead man's switch, compatible with healthchecks.io."""

    url: Annotated[SecretRef, Key("where the address of the switch is kept", parse_secret_ref, NO_SECRET)]
    every: Annotated[timedelta, Key("how often it is pinged", duration("1m", "1d"))] = timedelta(minutes=10)
    allow_private_addresses: Annotated[bool, Key(PRIVATE, parse_flag)] = False


class NotifySettings(Section, frozen=True):
    """[notify]: where alerts are sent."""

    urls: Annotated[
        tuple[SecretRef, ...],
        Items(
            "where the addresses are kept, in the form of Apprise: mail, chat, pagers",
            parse_secret_ref,
            "a list of references to Apprise addresses",
        ),
    ] = ()
    details: Annotated[
        Details, Key("what the addresses get: counts and dates, or also the names of streams", choice(Details))
    ] = Details.MINIMAL
    command: Annotated[
        tuple[str, ...],
        Key(f"{_COMMAND}; it gets the message as JSON on its input", parse_command, shown=_show_command),
    ] = ()
    desktop: Annotated[bool, Key("whether alerts are shown on the desktop, through notify-send", parse_flag)] = False
    ping: Annotated[PingSettings | None, Table("a dead man's switch", PingSettings, optional=True)] = None


class MetricsSettings(Section, frozen=True):
    """[metrics]: where metrics are published; nowhere by default."""

    textfile: Annotated[Path | None, Key("a file for the textfile collector of node_exporter", PATH)] = None
    listen: Annotated[Endpoint | None, Key("the address and port that answer GET /metrics", parse_endpoint)] = None

    def check(self, table: TableReader) -> None:
        """Refuse a file that node_exporter would not read."""
        if self.textfile is not None and self.textfile.suffix != ".prom":
            table.refuse("textfile", "a path that ends in .prom: node_exporter reads no others", "another ending")


class SendSettings(Section, frozen=True):
    """[[evidence.send_to]]: one place outside the vault that gets every checkpoint."""

    name: Annotated[str, Key("a unique name; the log records it with each checkpoint that was sent", parse_name, "")]
    directory: Annotated[Path | None, Key("a folder", PATH)] = None
    command: Annotated[
        tuple[str, ...], Key(f"{_COMMAND}; the checkpoint is its input", parse_command, shown=_show_command)
    ] = ()
    url: Annotated[SecretRef | None, Key("where an https address is kept", parse_secret_ref)] = None
    method: Annotated[
        Method,
        Key(
            "how it is sent to the https address: to SIZE.note below it (put), or to the address itself (post)",
            choice(Method),
        ),
    ] = Method.PUT
    notify: Annotated[SecretRef | None, Key("where an address in the form of Apprise is kept", parse_secret_ref)] = None
    allow_private_addresses: Annotated[bool, Key(PRIVATE, parse_flag)] = False

    def check(self, table: TableReader) -> None:
        """Refuse a target that is not exactly one kind of place, and the reserved name."""
        places = ("directory", "command", "url", "notify")
        given = [place for place in places if table.has(place)]
        if len(given) != 1:
            table.refuse("name", "exactly one of " + ", ".join(places), " and ".join(given) or "none of them")
        if self.name == RESERVED:
            table.refuse("name", "another name", f"{RESERVED}, which the time-stamp authority is called by")


class EvidenceSettings(Section, frozen=True):
    """[evidence]: how checkpoints of the log are signed and sent off this machine."""

    every: Annotated[timedelta, Key("how often the log is signed", duration("10m", "31d"))] = timedelta(days=1)
    timestamp_url: Annotated[str | None, Key("an RFC 3161 authority that stamps each checkpoint", parse_base_url)] = (
        None
    )
    timestamp_ca: Annotated[Path | None, Key("a PEM file with the certificates of that authority", PATH)] = None
    send_to: Annotated[tuple[SendSettings, ...], Tables("a place that gets every checkpoint", SendSettings)] = ()

    def check(self, table: TableReader) -> None:
        """Refuse time stamps that nobody could verify."""
        if self.timestamp_url is not None and self.timestamp_ca is None:
            table.refuse("timestamp_ca", "the authority's certificates in a PEM file", "nothing")


class ReportEvery(StrEnum):
    """How long the period of a scheduled report is."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class ReportAudience(StrEnum):
    """For whom a report is; each gets the same figures, and some get more sections."""

    AUDITOR = "auditor"
    BOARD = "board"
    OPERATIONS = "operations"


class ReportSettings(Section, frozen=True):
    """[report]: a report of each period that is over, made by the daemon."""

    folder: Annotated[Path | None, Key("the folder that gets it, outside the vault", PATH)] = None
    notify: Annotated[
        SecretRef | None,
        Key("where an address in the form of Apprise is kept that gets its files, such as a mailbox", parse_secret_ref),
    ] = None
    every: Annotated[ReportEvery, Key("how long its period is", choice(ReportEvery))] = ReportEvery.MONTH
    audience: Annotated[ReportAudience, Key("for whom it is", choice(ReportAudience))] = ReportAudience.AUDITOR

    def check(self, table: TableReader) -> None:
        """Refuse a report that goes nowhere."""
        if not self.wanted and (table.has("every") or table.has("audience")):
            table.refuse("folder", "the folder that gets the report, or an address with notify", "neither")

    @property
    def wanted(self) -> bool:
        """Say whether anybody gets a report."""
        return self.folder is not None or self.notify is not None
