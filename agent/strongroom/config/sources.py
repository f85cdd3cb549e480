"""The sections [[source]] and [[stream]]: what is exported from where.

Annotations are not postponed here: the declarations of the keys are read from them.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated

from msgspec import field

from strongroom.config.addresses import is_private, parse_base_url, parse_host
from strongroom.config.keys import Entries, InScope, Items, Key, Scope, Section, Table
from strongroom.config.outgoing import PRIVATE
from strongroom.config.problem import Unfit, describe, quote
from strongroom.config.reader import Parse, TableReader
from strongroom.config.secrets import NO_SECRET, Scheme, SecretRef
from strongroom.config.values import (
    NEVER,
    choice,
    class_list,
    duration,
    duration_or_never,
    is_name,
    known_name,
    parse_dataset,
    parse_flag,
    parse_name,
    parse_option,
    parse_secret_ref,
    parse_text,
    parse_zone,
    since_in,
    whole_number,
)
from strongroom.model.horizon import asked_after
from strongroom.model.plan import Plan, Span, Stream
from strongroom.model.provider import KEPT, SNAPSHOTS
from strongroom.model.retention import class_names
from strongroom.model.second_look import DELAY
from strongroom.model.times import format_duration, format_instant

_SECRET_LIKE = re.compile(r"(?:.*[_-])?(?:api[_-]?key|token|secret|password|passphrase|credential)s?", re.IGNORECASE)
_STANDARD = "standard"
_DAY = timedelta(days=1)


class LimitSettings(Section, frozen=True):
    """[source.limits]: what the account allows where it differs from what the provider documents."""

    concurrent: Annotated[int | None, Key("exports in progress at once", whole_number(1, 100))] = None
    per_hour: Annotated[int | None, Key("exports created within an hour", whole_number(1, 100_000))] = None


def _show_second_look(delay: timedelta | None) -> str:
    return NEVER if delay is None else format_duration(delay)


class SourceSettings(Section, frozen=True):
    """[[source]]: one account at one provider."""

    name: Annotated[str, Key("a unique name", parse_name, "")]
    provider: Annotated[str, Key("its provider", InScope(lambda scope, _: known_name("provider", scope.providers)), "")]
    api_key: Annotated[SecretRef, Key("where its API key is kept", parse_secret_ref, NO_SECRET)]
    base_url: Annotated[str | None, Key("the API's address; the provider's own by default", parse_base_url)] = None
    download_hosts: Annotated[
        tuple[str, ...],
        Items(
            "the hosts that exports are downloaded from, and all names below them; any public host by default",
            parse_host,
            "a list of host names",
        ),
    ] = ()
    allow_private_addresses: Annotated[bool, Key(PRIVATE, parse_flag)] = False
    retention_days: Annotated[int | None, Key("how long the provider keeps records", whole_number(1, 36_525))] = None
    delete_after_archive: Annotated[
        bool, Key("whether an export is deleted at the provider once its archive is verified", parse_flag)
    ] = False
    second_look: Annotated[
        timedelta | None,
        Key(
            "how long until an unusually empty window is exported again",
            duration_or_never("1m", "366d"),
            shown=_show_second_look,
        ),
    ] = DELAY
    limits: Annotated[LimitSettings, Table("what the account allows", LimitSettings)] = LimitSettings()
    options: Annotated[Mapping[str, str | int | bool], Entries("the provider's own options", parse_option)] = field(
        default_factory=dict
    )

    def check(self, table: TableReader) -> None:
        """Refuse a private address that is not permitted and secrets among the options."""
        if self.base_url and is_private(self.base_url) and not self.allow_private_addresses:
            got = "one that is not on the public internet"
            table.refuse("base_url", "a public address", got, "allow_private_addresses = true permits it")
        for name in filter(_SECRET_LIKE.fullmatch, self.options):
            expected = "no secret among the options"
            table.table("options").refuse(name, expected, "an option named like one", "api_key takes a reference")
        if self.api_key.scheme is Scheme.ENV and self.api_key is not NO_SECRET:
            words = "the environment is readable by the whole service: prefer credential: or file: there"
            table.caution("api_key", words)


def _since(_scope: Scope, table: TableReader) -> Parse:
    """Return a parser of beginnings in the stream's time zone; in UTC where that is wrong, which is noted elsewhere."""
    try:
        return since_in(parse_zone(table.raw("time_zone") or "UTC"))
    except Unfit:
        return since_in("UTC")


def _show_since(since: datetime | None) -> str:
    return format_instant(since) if since else "oldest"


def _classes(scope: Scope, table: TableReader) -> Parse:
    """Return a parser of retention classes; the default must be there where none is named."""
    if not table.has("retention") and _STANDARD not in scope.classes:
        listed = ", ".join(sorted(filter(is_name, scope.classes))) or "none is there"
        table.refuse("retention", f"the name of a retention class ({listed})", "nothing")
    return class_list(scope.classes)


def _show_classes(text: str) -> object:
    named = class_names(text)
    return named[0] if len(named) == 1 else list(named)


class StreamSettings(Section, frozen=True):
    """[[stream]]: one or more datasets of a source, exported together on one plan."""

    name: Annotated[str, Key("a unique name", parse_name, "")]
    source: Annotated[str, Key("its source", InScope(lambda scope, _: known_name("source", scope.sources)), "")]
    datasets: Annotated[
        tuple[str, ...],
        Items("what is exported", parse_dataset, "a list of datasets, at least one", at_least=1),
    ]
    filters: Annotated[
        tuple[tuple[str, str], ...],
        Entries(
            "which records of the datasets; all by default",
            parse_text,
            build=lambda found: tuple(sorted(found.items())),
        ),
    ] = ()
    since: Annotated[
        datetime | None, Key("the time from which the stream must be covered", InScope(_since), shown=_show_since)
    ] = None
    window: Annotated[Span, Key("the period of one archive", choice(Span))] = Span.DAY
    time_zone: Annotated[str, Key("where days, weeks and months begin", parse_zone)] = "UTC"
    settle: Annotated[timedelta, Key("how long after its end a window is exported", duration("0s", "366d"))] = _DAY / 4
    settled_pass: Annotated[
        timedelta | None,
        Key("how long after its end a window is exported a second time; never by default", duration("1m", "3660d")),
    ] = None
    retention: Annotated[
        str,  # with a + between several
        Key("a retention class, or a list of several: the longest one applies", InScope(_classes), shown=_show_classes),
    ] = _STANDARD
    priority: Annotated[
        int, Key("of equally urgent windows, the one with the higher number is exported first", whole_number(-10, 10))
    ] = 0
    index: Annotated[bool, Key("whether new archives get a search segment, for fast searches", parse_flag)] = True
    paused: Annotated[bool, Key("whether new exports are stopped", parse_flag)] = False

    def check(self, table: TableReader) -> None:
        """Refuse a second pass that comes before the first."""
        if self.settled_pass is not None and self.settled_pass <= self.settle:
            table.refuse("settled_pass", "a duration longer than settle", describe(table.raw("settled_pass")))

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


def caution_doubles(stream: StreamSettings, first: dict[tuple[object, ...], str], table: TableReader) -> None:
    """Warn of a dataset that an earlier stream exports too: it takes the provider's quota twice."""
    doubles: dict[str, list[str]] = {}
    for dataset in sorted(set(stream.datasets)):
        other = first.setdefault((stream.source, stream.filters, dataset), stream.name)
        if other != stream.name:
            doubles.setdefault(other, []).append(quote(dataset))
    for other, same in doubles.items():
        table.caution("datasets", f"{', '.join(same)} is in the stream {quote(other)} too: it is exported twice")


def refuse_late(stream: StreamSettings, source: SourceSettings, table: TableReader) -> None:
    """Refuse a settle delay or a second pass that ends only when the provider has deleted the records.

    Where neither the configuration nor the provider's documents say how long they are kept, the account is asked later.
    """
    copies = SNAPSHOTS.get(source.provider)
    if copies is not None and (stream.filters or copies & set(stream.datasets)):  # filters may take the window's place
        return  # a copy of what there is now never comes too late
    kept = source.retention_days * _DAY if source.retention_days else KEPT.get(source.provider)
    if kept is None:
        return
    bound = f"is shorter than the {kept // _DAY} days that the provider keeps records"
    if asked_after(stream.window, stream.settle) >= kept:
        key, noun, other = "settle", "delay", f"the window of a {stream.window}"
        if not table.has("settle"):
            key, noun, other = "window", "window", "its settle delay"
        got = describe(table.raw(key) or stream.window.value)
        hint = "otherwise every window is lost before it is exported"
        table.refuse(key, f"a {noun} that with {other} {bound}", got, hint)
    elif stream.settled_pass is not None and asked_after(stream.window, stream.settled_pass) >= kept:
        expected = f"a delay that with the window of a {stream.window} {bound}"
        table.refuse("settled_pass", expected, describe(table.raw("settled_pass")), "otherwise it never happens")
