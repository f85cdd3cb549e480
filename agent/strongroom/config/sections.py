"""The sections of a configuration: which keys each has, what they must be, and what must hold between them."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from strongroom.config import values
from strongroom.config.addresses import is_private, parse_base_url, parse_host, parse_proxy
from strongroom.config.problem import describe, quote
from strongroom.config.reader import TableReader
from strongroom.config.schema import (
    AtEnd,
    Basis,
    DaemonSettings,
    LimitSettings,
    LogLevel,
    NetworkSettings,
    RetentionClass,
    SourceSettings,
    StreamSettings,
    VaultSettings,
)
from strongroom.config.secrets import Scheme, SecretRef
from strongroom.model.plan import Span
from strongroom.model.retention import Period, PeriodUnit

_SECRET_LIKE = re.compile(r"(?:.*[_-])?(?:api[_-]?key|token|secret|password|passphrase|credential)s?", re.IGNORECASE)

# The nouns' own defaults are the defaults of the file.
_YEAR = Period(1, PeriodUnit.YEARS)
_VAULT = VaultSettings(Path(), ())
_STREAM = StreamSettings("", "", ())
_CLASS = RetentionClass("", _YEAR)
_DAEMON = DaemonSettings()
_NETWORK = NetworkSettings()
_NO_SECRET = SecretRef(Scheme.ENV, "NONE")  # stands in for a wrong reference until the file is refused
_SOURCE = SourceSettings("", "", _NO_SECRET)


def read_vault(table: TableReader, base: Path) -> VaultSettings:
    """Read [vault]; relative paths begin at `base`."""
    path = values.path_from(base)
    recipients = table.each("recipients", values.parse_recipient, "a list of age public keys, at least one", at_least=1)
    vault = VaultSettings(
        path=table.need("path", path, base, "the folder of the vault"),
        recipients=recipients,
        identity=table.take("identity", path, None),
        min_free=table.take("min_free", values.size(lowest=0), _VAULT.min_free),
        passphrase=table.take("passphrase", values.parse_secret_ref, None),
        signing_key=table.take("signing_key", values.parse_secret_ref, None),
        drill_every=table.take("drill_every", values.duration("1d", "3660d"), _VAULT.drill_every),
        organization=table.take("organization", values.parse_title, _VAULT.organization),
        scrub_every=table.take("scrub_every", values.duration("1d", "3660d"), _VAULT.scrub_every),
        scrub_rate=table.take("scrub_rate", values.size(lowest=100_000), _VAULT.scrub_rate),
        lock=table.take("lock", values.parse_flag, _VAULT.lock),
        clock_tolerance=table.take("clock_tolerance", values.duration("1h", "7d"), _VAULT.clock_tolerance),
    )
    if vault.passphrase is not None and vault.identity is None:
        table.refuse("passphrase", "an identity that it opens", "a passphrase alone", "name the file with identity")
    if len(recipients) == 1:
        table.caution("recipients", "one recipient only: if its identity is lost, so is everything; add a recovery key")
    table.close()
    return vault


def read_source(table: TableReader, providers: Collection[str]) -> SourceSettings:
    """Read one [[source]]."""
    source = SourceSettings(
        name=table.need("name", values.parse_name, "", values.NAME),
        provider=table.need("provider", values.known_name("provider", providers), "", "the name of a provider"),
        api_key=table.need("api_key", values.parse_secret_ref, _NO_SECRET, "a reference such as env:ZAVU_API_KEY"),
        base_url=table.take("base_url", parse_base_url, None),
        download_hosts=table.each("download_hosts", parse_host, "a list of host names"),
        allow_private_addresses=table.take("allow_private_addresses", values.parse_flag, False),
        retention_days=table.take("retention_days", values.whole_number(1, 36_525), None),
        delete_after_archive=table.take("delete_after_archive", values.parse_flag, False),
        second_look=table.take("second_look", values.duration_or_never("1m", "366d"), _SOURCE.second_look),
        limits=_read_limits(table.table("limits")),
        options=_read_options(table),
    )
    if source.base_url and is_private(source.base_url) and not source.allow_private_addresses:
        got = "one that is not on the public internet"
        table.refuse("base_url", "a public address", got, "allow_private_addresses = true permits it")
    if source.api_key.scheme is Scheme.ENV and source.api_key is not _NO_SECRET:
        table.caution("api_key", "the environment is readable by the whole service: prefer credential: or file: there")
    table.close()
    return source


def _read_limits(table: TableReader) -> LimitSettings:
    limits = LimitSettings(
        concurrent=table.take("concurrent", values.whole_number(1, 100), None),
        per_hour=table.take("per_hour", values.whole_number(1, 100_000), None),
    )
    table.close()
    return limits


def _read_options(source: TableReader) -> dict[str, str | int | bool]:
    table = source.table("options")
    options = table.entries(values.parse_option)
    for name in options:
        if _SECRET_LIKE.fullmatch(name):
            table.refuse(name, "no secret among the options", "an option named like one", "api_key takes a reference")
    return options


def read_stream(table: TableReader, sources: Collection[str], classes: Collection[str]) -> StreamSettings:
    """Read one [[stream]]; `sources` and `classes` are the names that the file declares."""
    zone = table.take("time_zone", values.parse_zone, _STREAM.time_zone)
    stream = StreamSettings(
        name=table.need("name", values.parse_name, "", values.NAME),
        source=table.need("source", values.known_name("source", sources), "", "the name of a source"),
        datasets=table.each("datasets", values.parse_dataset, "a list of datasets, at least one", at_least=1),
        filters=tuple(sorted(table.table("filters").entries(values.parse_text).items())),
        since=table.take("since", values.since_in(zone), None),
        window=table.take("window", values.choice(Span), _STREAM.window),
        time_zone=zone,
        settle=table.take("settle", values.duration("0s", "366d"), _STREAM.settle),
        settled_pass=table.take("settled_pass", values.duration("1m", "3660d"), None),
        retention=table.take("retention", values.class_list(classes), _default_class(table, classes)),
        priority=table.take("priority", values.whole_number(-10, 10), _STREAM.priority),
        paused=table.take("paused", values.parse_flag, False),
    )
    if stream.settled_pass is not None and stream.settled_pass <= stream.settle:
        table.refuse("settled_pass", "a duration longer than settle", describe(table.raw("settled_pass")))
    table.close()
    return stream


def _default_class(table: TableReader, classes: Collection[str]) -> str:
    if table.raw("retention") is None and _STREAM.retention not in classes:
        listed = ", ".join(sorted(filter(values.is_name, classes))) or "none is there"
        table.refuse("retention", f"the name of a retention class ({listed})", "nothing")
    return _STREAM.retention


def read_retention(table: TableReader) -> tuple[RetentionClass, ...]:
    """Read every class under [retention]."""
    classes = []
    for name in table.names():
        if values.is_name(name):
            classes.append(_read_class(name, table.table(name)))
        else:
            table.refuse(name, values.NAME, f"the class name {quote(name)}")
    return tuple(classes)


def _read_class(name: str, table: TableReader) -> RetentionClass:
    found = RetentionClass(
        name=name,
        period=table.need("period", values.parse_period, _YEAR, 'a period such as "7y"'),
        basis=table.take("basis", values.choice(Basis), _CLASS.basis),
        citation=table.take("citation", values.parse_text, _CLASS.citation),
        at_end=table.take("at_end", values.choice(AtEnd), _CLASS.at_end),
    )
    table.close()
    return found


def read_daemon(table: TableReader) -> DaemonSettings:
    """Read [daemon]."""
    daemon = DaemonSettings(
        workers=table.take("workers", values.whole_number(1, 64), _DAEMON.workers),
        log_level=table.take("log_level", values.choice(LogLevel), _DAEMON.log_level),
    )
    table.close()
    return daemon


def read_network(table: TableReader, base: Path) -> NetworkSettings:
    """Read [network]; a relative path begins at `base`."""
    network = NetworkSettings(
        connect_timeout=table.take("connect_timeout", values.duration("1s", "1h"), _NETWORK.connect_timeout),
        read_timeout=table.take("read_timeout", values.duration("1s", "1h"), _NETWORK.read_timeout),
        max_export_size=table.take("max_export_size", values.size(lowest=1), _NETWORK.max_export_size),
        min_rate=table.take("min_rate", values.size(lowest=0), _NETWORK.min_rate),
        ca_file=table.take("ca_file", values.path_from(base), None),
        proxy=table.take("proxy", parse_proxy, None),
    )
    table.close()
    return network


def refuse_repeats(tables: list[TableReader]) -> None:
    """Refuse a name that an earlier table of the same kind has."""
    seen: set[object] = set()
    for table in tables:
        name = table.raw("name")
        if isinstance(name, str) and name in seen:
            table.refuse("name", "a name of its own", f"{describe(name)} for the second time")
        seen.add(name if isinstance(name, str) else None)


def caution_idle(root: TableReader, sources: list[TableReader], streams: list[TableReader]) -> None:
    """Tell of a configuration by which nothing is archived, however sound it is."""
    if not sources:
        root.caution("source", "no source is named: there is nothing to archive from")
    elif not streams:
        root.caution("stream", "no stream is named: nothing of the sources is archived")


def caution_doubles(streams: tuple[StreamSettings, ...], tables: list[TableReader]) -> None:
    """Tell of a dataset that an earlier stream exports too: it takes the provider's quota twice."""
    first: dict[tuple[object, ...], str] = {}  # the first stream of each dataset
    for stream, table in zip(streams, tables, strict=True):
        doubles: dict[str, list[str]] = {}
        for dataset in sorted(set(stream.datasets)):
            other = first.setdefault((stream.source, stream.filters, dataset), stream.name)
            if other != stream.name:
                doubles.setdefault(other, []).append(quote(dataset))
        for other, same in doubles.items():
            words = f"{', '.join(same)} is in the stream {quote(other)} too: it is exported twice"
            table.caution("datasets", words)
