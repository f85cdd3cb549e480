"""[destruction]: how many people a destruction takes, and how long it can be undone.

The nouns of [evidence]: how often the log is signed, who stamps it, and to whom its checkpoints are sent.

The nouns of a configuration: what config.example.toml says, checked and in its final types.

Paths are absolute, times are instants in UTC, sizes are bytes. A secret is only ever named here, never held.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import NoReturn

from msgspec import Struct, field

from strongroom.config import values
from strongroom.config.problem import Caution, Unfit, describe, quote, suggest
from strongroom.config.reader import TableReader
from strongroom.config.secrets import SecretRef
from strongroom.model.errors import UsageError
from strongroom.model.plan import Plan, Span, Stream
from strongroom.model.retention import AtEnd as AtEnd  # a configuration's words, named from here
from strongroom.model.retention import Basis as Basis
from strongroom.model.retention import RetentionRule
from strongroom.model.second_look import DELAY

_VERIFIER = re.compile(r"[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}", re.ASCII)


class DestructionSettings(Struct, frozen=True):
    """What a destruction takes, besides a period that is over and no hold."""

    people: int = 2  # different people, the proposer among them; what the program proposes takes so many approvals
    cooling_off: timedelta = timedelta(days=7)  # between the last approval and the first destruction
    approvers: tuple[str, ...] = ()  # public note keys; where there are any, each approval is signed by one of them


_DEFAULT = DestructionSettings()


def read_destruction(table: TableReader) -> DestructionSettings:
    """Read [destruction]."""
    found = DestructionSettings(
        people=table.take("people", values.whole_number(1, 9), _DEFAULT.people),
        cooling_off=table.take("cooling_off", values.duration("0s", "366d"), _DEFAULT.cooling_off),
        approvers=table.each("approvers", parse_verifier, "a list of public note keys"),
    )
    table.close()
    return found


def parse_verifier(value: object) -> str:
    """Take a public note key, by its form; whether it fits its own hash is seen when it is used."""
    if not isinstance(value, str) or not _VERIFIER.fullmatch(value):
        got = "a private one" if isinstance(value, str) and value.startswith("PRIVATE+KEY+") else describe(value)
        raise Unfit("a public note key, name+hash+key", got)
    return value


class Method(StrEnum):
    """How a checkpoint is handed to a web address."""

    PUT = "put"  # as SIZE.note below the address
    POST = "post"  # to the address itself


class SendSettings(Struct, frozen=True):
    """One place outside the vault that gets every checkpoint: a folder, a program, a web address or a mailbox."""

    name: str
    directory: Path | None = None
    command: tuple[str, ...] = ()  # an absolute path and its arguments; the note is its input
    url: SecretRef | None = None  # of an https address
    method: Method = Method.PUT
    notify: SecretRef | None = None  # of an address that Apprise knows
    allow_private_addresses: bool = False


class EvidenceSettings(Struct, frozen=True):
    """How the log leaves this machine as checkpoints."""

    every: timedelta = timedelta(days=1)
    timestamp_url: str | None = None  # of an RFC 3161 authority
    timestamp_ca: Path | None = None  # its certificates, in PEM
    send_to: tuple[SendSettings, ...] = ()


class LogLevel(StrEnum):
    """How much the daemon tells."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class VaultSettings(Struct, frozen=True):
    """Where the vault is and who can open it."""

    path: Path
    recipients: tuple[str, ...]  # age X25519 public keys, their checksums checked
    identity: Path | None = None  # the person's identity file; the daemon never needs it
    min_free: int = 2_000_000_000  # bytes of the disk that stay free
    passphrase: SecretRef | None = None  # the identity's, for a person at a desktop; the daemon never needs it
    signing_key: SecretRef | None = None  # the agent's own key, which signs statements
    scrub_every: timedelta = timedelta(days=30)  # in which every sealed byte is read again
    drill_every: timedelta = timedelta(days=180)  # after which a key that no drill was passed with is an alarm
    scrub_rate: int = 16_000_000  # bytes a second that the daemon reads for it at the most
    lock: bool = False  # from now on, and for ever, retention is only ever lengthened
    organization: str = ""  # whose vault it is, for the head of statements and custody papers
    clock_tolerance: timedelta = timedelta(days=1)  # how far a clock may be off for anything to be destroyed by it


class LimitSettings(Struct, frozen=True):
    """What the account allows where it differs from what the provider documents; None means no difference."""

    concurrent: int | None = None
    per_hour: int | None = None


class SourceSettings(Struct, frozen=True):
    """One account at one provider."""

    name: str
    provider: str
    api_key: SecretRef
    base_url: str | None = None  # without a slash at the end; None means the provider's own
    download_hosts: tuple[str, ...] = ()  # host names, each with all names under it; empty means any public host
    allow_private_addresses: bool = False
    retention_days: int | None = None  # how long the provider keeps records; None means what it documents
    delete_after_archive: bool = False  # exports are deleted at the provider once their archives are proven
    second_look: timedelta | None = DELAY  # until an unusually empty window is exported again; None: never
    limits: LimitSettings = field(default_factory=LimitSettings)
    options: Mapping[str, str | int | bool] = field(default_factory=dict)


class StreamSettings(Struct, frozen=True):
    """What of a source must be covered, from when and how."""

    name: str
    source: str
    datasets: tuple[str, ...]
    filters: tuple[tuple[str, str], ...] = ()  # sorted pairs
    since: datetime | None = None  # None means the oldest that the provider has
    window: Span = Span.DAY
    time_zone: str = "UTC"
    settle: timedelta = timedelta(hours=6)
    settled_pass: timedelta | None = None  # after a window's end, when it is exported a second time; None: never
    retention: str = "standard"  # a class, or several with a + between them: the longest decides
    priority: int = 0
    paused: bool = False

    def plan(self) -> Plan:
        """Return the plan that covers this stream."""
        return Plan(
            stream=Stream(self.name, self.source, self.datasets, self.filters),
            since=self.since,
            span=self.window,
            zone=self.time_zone,
            settle=self.settle,
            settled_pass=self.settled_pass,
            retention=self.retention,
            priority=self.priority,
            paused=self.paused,
        )


RetentionClass = RetentionRule
"""A retention class of the configuration; what it says is fixed when an archive comes."""


class DaemonSettings(Struct, frozen=True):
    """How the daemon works."""

    workers: int = 2  # export jobs in hand at once
    log_level: LogLevel = LogLevel.INFO


class NetworkSettings(Struct, frozen=True):
    """The one HTTP policy's numbers. Proxies named in the environment are not used."""

    connect_timeout: timedelta = timedelta(seconds=10)
    read_timeout: timedelta = timedelta(seconds=60)  # without a single byte
    max_export_size: int = 200_000_000_000  # bytes
    min_rate: int = 1_000  # bytes in a second; a slower download is given up
    ca_file: Path | None = None
    proxy: str | None = None


class Details(StrEnum):
    """How much of an alarm may leave this machine."""

    MINIMAL = "minimal"  # what is wrong, with counts and dates
    FULL = "full"  # and the names of the streams and sources it is about


class PingSettings(Struct, frozen=True):
    """A dead man's switch in the form of healthchecks.io."""

    url: SecretRef
    every: timedelta = timedelta(minutes=10)
    allow_private_addresses: bool = False


class NotifySettings(Struct, frozen=True):
    """Who is told when something is wrong."""

    urls: tuple[SecretRef, ...] = ()  # each an address that Apprise knows
    details: Details = Details.MINIMAL  # for the urls; what stays on this machine always has all
    command: tuple[str, ...] = ()  # an absolute path and its arguments; the message is its input, as JSON
    desktop: bool = False
    ping: PingSettings | None = None


class Endpoint(Struct, frozen=True):
    """A port of this very machine."""

    host: str  # a numeric loopback address
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class MetricsSettings(Struct, frozen=True):
    """Where figures are put for others to draw; nowhere by default."""

    textfile: Path | None = None  # ends in .prom, for the textfile collector of node_exporter
    listen: Endpoint | None = None


class Config(Struct, frozen=True):
    """A whole configuration that has passed every check."""

    file: Path
    vault: VaultSettings
    sources: tuple[SourceSettings, ...] = ()
    streams: tuple[StreamSettings, ...] = ()
    retention: tuple[RetentionClass, ...] = ()
    destruction: DestructionSettings = field(default_factory=DestructionSettings)
    daemon: DaemonSettings = field(default_factory=DaemonSettings)
    network: NetworkSettings = field(default_factory=NetworkSettings)
    notify: NotifySettings = field(default_factory=NotifySettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    evidence: EvidenceSettings = field(default_factory=EvidenceSettings)
    warnings: tuple[Caution, ...] = ()

    def source(self, name: str) -> SourceSettings:
        """Return the source of that name; raise UsageError when there is none."""
        found = next((source for source in self.sources if source.name == name), None)
        return found or _miss("source", name, (source.name for source in self.sources))

    def stream(self, name: str) -> StreamSettings:
        """Return the stream of that name; raise UsageError when there is none."""
        found = next((stream for stream in self.streams if stream.name == name), None)
        return found or _miss("stream", name, (stream.name for stream in self.streams))

    def retention_class(self, name: str) -> RetentionClass:
        """Return the retention class of that name; raise UsageError when there is none."""
        found = next((each for each in self.retention if each.name == name), None)
        return found or _miss("retention class", name, (each.name for each in self.retention))


def _miss(noun: str, name: str, names: Iterable[str]) -> NoReturn:
    known = tuple(names)
    hint = suggest(name, known) or ("the configuration has " + (", ".join(known) or "none"))
    raise UsageError(f"there is no {noun} {quote(name)} in the configuration", hint=hint)
