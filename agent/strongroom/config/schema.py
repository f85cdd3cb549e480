"""The configuration: every key with its type, default, bounds and meaning. config.example.toml shows all of them.

Paths are absolute, times are instants in UTC, sizes are bytes. A secret is only ever named here, never held.
Annotations are not postponed here: the declarations of the keys are read from them.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

from msgspec import field

from strongroom.config.addresses import parse_proxy
from strongroom.config.copies import CopySettings
from strongroom.config.keys import PATH, Items, Key, Named, Section, Table, Tables, show_section
from strongroom.config.manifest import ManifestFile
from strongroom.config.outgoing import EvidenceSettings, MetricsSettings, NotifySettings, ReportSettings
from strongroom.config.problem import Caution, quote, suggest
from strongroom.config.reader import TableReader
from strongroom.config.reconcile import ReconcileSettings, check_streams
from strongroom.config.secrets import SecretRef
from strongroom.config.sources import SourceSettings, StreamSettings, caution_doubles, refuse_late
from strongroom.config.values import (
    choice,
    duration,
    parse_flag,
    parse_period,
    parse_recipient,
    parse_secret_ref,
    parse_text,
    parse_title,
    parse_verifier,
    size,
    whole_number,
)
from strongroom.model.errors import UsageError
from strongroom.model.retention import AtEnd, Basis, Period, PeriodUnit, RetentionRule
from strongroom.model.text import format_size

_DAY = timedelta(days=1)


class VaultSettings(Section, frozen=True):
    """[vault]: where the vault is and who can open it."""

    path: Annotated[Path, Key("the folder of the vault", PATH, Path())]
    recipients: Annotated[
        tuple[str, ...],
        Items(
            "public keys; the holder of the identity of any one of them can open the archives",
            parse_recipient,
            "a list of age public keys, at least one",
            at_least=1,
        ),
    ]
    identity: Annotated[Path | None, Key("your identity file, to open archives; the daemon never reads it", PATH)] = (
        None
    )
    passphrase: Annotated[SecretRef | None, Key("where the passphrase of the identity is kept", parse_secret_ref)] = (
        None
    )
    organization: Annotated[str, Key("who owns the vault", parse_title, shown=lambda name: name or None)] = ""
    min_free: Annotated[int, Key("how much of the disk stays free", size(0), shown=format_size)] = 2_000_000_000
    scrub_every: Annotated[timedelta, Key("how often all archives are read again", duration("1d", "3660d"))] = 30 * _DAY
    scrub_rate: Annotated[
        int, Key("how much is read for that per second, at most", size(100_000), shown=format_size)
    ] = 16_000_000
    drill_every: Annotated[
        timedelta, Key("how long after its last recovery drill a key raises an alert", duration("1d", "3660d"))
    ] = 180 * _DAY
    lock: Annotated[bool, Key("turns on lock mode: from then on, retention can only be made longer", parse_flag)] = (
        False
    )
    clock_tolerance: Annotated[
        timedelta, Key("nothing is destroyed while the clock is off by more than this", duration("1h", "7d"))
    ] = _DAY
    log_queries: Annotated[
        bool, Key("whether the log has the text of each search, and not only a digest", parse_flag)
    ] = False
    signing_key: Annotated[
        SecretRef | None, Key("where the key that signs statements and checkpoints is kept", parse_secret_ref)
    ] = None

    def check(self, table: TableReader) -> None:
        """Refuse a passphrase of nothing; warn of a single key."""
        if self.passphrase is not None and self.identity is None:
            table.refuse("passphrase", "an identity that it opens", "a passphrase alone", "name the file with identity")
        if len(self.recipients) == 1:
            words = "one recipient only: if its identity is lost, so is everything; add a recovery key"
            table.caution("recipients", words)


class RetentionSection(Section, frozen=True):
    """[retention.NAME]: the keys of a retention class, which is fixed when an archive is made."""

    name: str
    period: Annotated[Period, Key("how long archives are retained", parse_period, Period(1, PeriodUnit.YEARS))]
    basis: Annotated[Basis, Key("from when the period is counted", choice(Basis))] = Basis.WINDOW_END
    citation: Annotated[str, Key("the rule that requires it", parse_text)] = ""
    at_end: Annotated[
        AtEnd, Key("who proposes the destruction: a person (ask) or the program (destroy)", choice(AtEnd))
    ] = AtEnd.ASK

    def build(self) -> RetentionRule:
        """Return the rule."""
        return RetentionRule(self.name, self.period, self.basis, self.citation, self.at_end)


def _show_rules(rules: tuple[RetentionRule, ...]) -> object:
    return {rule.name: show_section(rule, RetentionSection) for rule in rules}


class DestructionSettings(Section, frozen=True):
    """[destruction]: what a destruction requires, besides a period that is over and no hold."""

    people: Annotated[int, Key("how many different people it takes, including the proposer", whole_number(1, 9))] = 2
    cooling_off: Annotated[
        timedelta, Key("how long Strongroom waits after the last approval", duration("0s", "366d"))
    ] = 7 * _DAY
    approvers: Annotated[
        tuple[str, ...],
        Items(
            "if you list any, each approval must be signed with one of these keys",
            parse_verifier,
            "a list of public note keys",
        ),
    ] = ()


class LogLevel(StrEnum):
    """How much the daemon logs."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class DaemonSettings(Section, frozen=True):
    """[daemon]: how the daemon works."""

    workers: Annotated[int, Key("export jobs in progress at once", whole_number(1, 64))] = 2
    log_level: Annotated[LogLevel, Key("how much is logged", choice(LogLevel))] = LogLevel.INFO


class NetworkSettings(Section, frozen=True):
    """[network]: limits for HTTP requests. Proxies named in the environment are not used."""

    connect_timeout: Annotated[timedelta, Key("how long opening a connection may take", duration("1s", "1h"))] = (
        timedelta(seconds=10)
    )
    read_timeout: Annotated[
        timedelta, Key("how long a connection may go without a single byte", duration("1s", "1h"))
    ] = timedelta(minutes=1)
    max_export_size: Annotated[int, Key("a larger export is refused", size(1), shown=format_size)] = 200_000_000_000
    min_rate: Annotated[
        int, Key("the lowest rate per second; a slower download is given up", size(0), shown=format_size)
    ] = 1_000
    ca_file: Annotated[Path | None, Key("trusted certificate authorities; the system's by default", PATH)] = None
    proxy: Annotated[str | None, Key("the proxy for all requests", parse_proxy)] = None


class ManifestSettings(Section, frozen=True):
    """[provider]: providers that are described by a file, without code."""

    directories: Annotated[
        tuple[Path, ...],
        Items(
            "where manifests are: a file NAME.toml is the provider NAME, which a source may name",
            PATH,
            "a list of directories",
        ),
    ] = ()


class Config(Section, frozen=True):
    """A whole configuration that has passed every check."""

    file: Path
    vault: Annotated[VaultSettings, Table("the vault", VaultSettings)]
    sources: Annotated[tuple[SourceSettings, ...], Tables("accounts to export from", SourceSettings, "source")] = ()
    streams: Annotated[tuple[StreamSettings, ...], Tables("what must be covered", StreamSettings, "stream")] = ()
    retention: Annotated[tuple[RetentionRule, ...], Named("retention classes", RetentionSection, _show_rules)] = ()
    destruction: Annotated[DestructionSettings, Table("destruction", DestructionSettings)] = DestructionSettings()
    daemon: Annotated[DaemonSettings, Table("the daemon", DaemonSettings)] = DaemonSettings()
    network: Annotated[NetworkSettings, Table("connections", NetworkSettings)] = NetworkSettings()
    notify: Annotated[NotifySettings, Table("alerts", NotifySettings)] = NotifySettings()
    metrics: Annotated[MetricsSettings, Table("figures", MetricsSettings)] = MetricsSettings()
    evidence: Annotated[EvidenceSettings, Table("checkpoints", EvidenceSettings)] = EvidenceSettings()
    report: Annotated[ReportSettings, Table("reports to file", ReportSettings)] = ReportSettings()
    reconciles: Annotated[
        tuple[ReconcileSettings, ...], Tables("streams that are compared", ReconcileSettings, "reconcile")
    ] = ()
    copies: Annotated[tuple[CopySettings, ...], Tables("copies of the vault", CopySettings, "copy")] = ()
    provider: Annotated[ManifestSettings, Table("providers that a file describes", ManifestSettings)] = (
        ManifestSettings()
    )
    warnings: tuple[Caution, ...] = ()
    manifests: Mapping[str, ManifestFile] = field(default_factory=dict)  # of the providers that sources name

    def source(self, name: str) -> SourceSettings:
        """Return the source of that name; raise UsageError when there is none."""
        return _find("source", name, self.sources)

    def stream(self, name: str) -> StreamSettings:
        """Return the stream of that name; raise UsageError when there is none."""
        return _find("stream", name, self.streams)

    def retention_class(self, name: str) -> RetentionRule:
        """Return the retention class of that name; raise UsageError when there is none."""
        return _find("retention class", name, self.retention)

    def check(self, table: TableReader) -> None:
        """Refuse streams that come too late; warn of a file by which nothing is archived, or something twice."""
        if not self.sources:
            table.caution("source", "no source is named: there is nothing to archive from")
        elif not self.streams:
            table.caution("stream", "no stream is named: nothing of the sources is archived")
        first: dict[tuple[object, ...], str] = {}  # the first stream of each dataset
        for index, stream in enumerate(self.streams):
            inner = table.at("stream", index)
            for source in self.sources:
                if source.name == stream.source:
                    refuse_late(stream, source, inner)
            caution_doubles(stream, first, inner)
        for index, reconcile in enumerate(self.reconciles):
            check_streams(reconcile, self.streams, table.at("reconcile", index))

    def show(self) -> dict[str, object]:
        """Return what is in force as plain JSON, by the names of the file. Of secrets only the reference."""
        warnings = [str(caution) for caution in self.warnings]
        return {"file": str(self.file), **show_section(self, Config), "warnings": warnings}


N = TypeVar("N", SourceSettings, StreamSettings, RetentionRule)


def _find(noun: str, name: str, among: tuple[N, ...]) -> N:
    for each in among:
        if each.name == name:
            return each
    known = [each.name for each in among]
    hint = suggest(name, known) or ("the configuration has " + (", ".join(known) or "none"))
    raise UsageError(f"there is no {noun} {quote(name)} in the configuration", hint=hint)
