"""A fresh configuration for `strongroom init`: short, commented, and right from the first load."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from msgspec import Struct

from strongroom.model.errors import UsageError
from strongroom.model.provider import KEPT


class FreshClass(Struct, frozen=True):
    """A retention class for a fresh configuration: a template, not legal advice."""

    name: str
    period: str
    citation: str
    means: str  # a sentence for the person who chooses
    basis: str = "window-end"
    at_end: str = "ask"


STANDARD = FreshClass("standard", "7y", "", "Seven years: covers most rules below. Choose this if you are not sure.")

CLASSES = (
    STANDARD,
    FreshClass(
        "sec-17a-4-communications",
        "3y",
        "SEC Rule 17a-4(b)(4), 17 CFR 240.17a-4(b)(4)",
        "SEC 17a-4: communications of broker-dealers, three years.",
    ),
    FreshClass(
        "sec-17a-4-ledgers",
        "6y",
        "SEC Rule 17a-4(a), 17 CFR 240.17a-4(a)",
        "SEC 17a-4: blotters and ledgers of broker-dealers, six years.",
    ),
    FreshClass(
        "finra-4511",
        "6y",
        "FINRA Rule 4511(b)",
        "FINRA 4511: records of member firms without another period, six years.",
    ),
    FreshClass(
        "mifid-ii",
        "5y",
        "Directive 2014/65/EU (MiFID II), Article 16(7)",
        "MiFID II: communications of investment firms, five years; seven if the authority requests it.",
    ),
    FreshClass(
        "hipaa-documentation",
        "6y",
        "HIPAA, 45 CFR 164.316(b)(2)(i)",
        "HIPAA: required documentation, six years from its arrival.",
        "ingest",
    ),
    FreshClass(
        "gdpr-minimal",
        "18m",
        "Regulation (EU) 2016/679 (GDPR), Article 5(1)(e)",
        "GDPR: personal data no longer than needed. The law names no period; 18 months is an example.",
    ),
)
"""The classes that the first run offers. config.example.toml has the same, and more, to copy from."""


def find_class(name: object) -> FreshClass:
    """Return a retention class that is offered, by its name. Raises UsageError."""
    for each in CLASSES:
        if each.name == name:
            return each
    known = ", ".join(each.name for each in CLASSES)
    raise UsageError(f"there is no retention class {name!r} to begin with", hint=f"known are: {known}")


_UNKNOWN = timedelta(days=30)
_TELLS_RETENTION = frozenset({"hookbridge"})
_ONE_DATASET = frozenset({"hookbridge", "qlara"})  # an export of these has one dataset, so each needs a stream


class FreshSource(Struct, frozen=True):
    """A source for a fresh configuration, with one stream over its datasets."""

    name: str
    provider: str
    api_key: str  # a reference such as credential:zavu-api-key, never a key
    datasets: tuple[str, ...]
    since: str = "oldest"  # a TOML date, a date-time with a zone, or oldest
    base_url: str | None = None
    allow_private_addresses: bool = False


def default_since(provider: str, now: datetime) -> str:
    """Return the first day that a new stream of a provider should cover, or "oldest" where only the provider knows.

    It is the first whole day of the documented retention period, or 30 days back where nothing is documented.
    """
    if provider in _TELLS_RETENTION:
        return "oldest"
    first = now.astimezone(UTC) - KEPT.get(provider, _UNKNOWN) + timedelta(days=1)
    return first.date().isoformat()


def toml_value(text: str) -> object:
    """Return what TOML would make of an unquoted beginning."""
    try:
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        return text


def render_config(
    vault: Path,
    recipients: Sequence[str],
    identity: Path | None = None,
    source: FreshSource | None = None,
    signing_key: Path | None = None,
    others: Sequence[FreshSource] = (),
    retention: FreshClass = STANDARD,
    copy: Path | None = None,
) -> str:
    """Return the text of a configuration that load_config takes without a mistake."""
    sources = [_source(each, retention.name) for each in (*([source] if source else []), *others)]
    parts = [_vault(vault, recipients, identity, signing_key), _class(retention), *(sources or [_SOURCE_LATER])]
    return _HEAD + "\n".join([*parts, *([_copy(copy)] if copy else [])])


_HEAD = """\
# Strongroom's configuration. Every key with its meaning: config.example.toml. Check it: strongroom config check
# No secret belongs in this file: an API key is named by reference, as in credential:NAME or file:/path.

"""

_SETTLES = {"hookbridge": ('settle = "5d"  # deliveries are tried again for up to 96 hours',)}

_RETENTION = """\
# How long archives are retained. Nothing is destroyed before this period ends. With "ask", a person must propose it.
"""

_SOURCE_LATER = """\
# Name an account, and what to archive from it:
#
# [[source]]
# name = "zavu-main"
# provider = "zavu"
# api_key = "credential:zavu-api-key"
#
# [[stream]]
# name = "messages"
# source = "zavu-main"
# datasets = ["messages"]
# since = "oldest"
# retention = "standard"
"""


def _vault(vault: Path, recipients: Sequence[str], identity: Path | None, signing_key: Path | None) -> str:
    keys = "".join(f"  {_quote(recipient)},\n" for recipient in recipients)
    lines = (
        "[vault]\n"
        f"path = {_quote(str(vault))}\n"
        "# Public keys. Anyone who has the identity of one of them can open the archives.\n"
        f"recipients = [\n{keys}]\n"
    )
    if identity is not None:
        lines += "# For commands that open archives; the daemon never reads it.\n"
        lines += f"identity = {_quote(str(identity))}\n"
    if signing_key is not None:
        lines += "# The agent's own key: it signs coverage statements and opens nothing.\n"
        lines += f"signing_key = {_quote(f'file:{signing_key}')}\n"
    return lines


def _copy(folder: Path) -> str:
    return (
        "# A second copy of the vault on another disk. It needs no key. See: strongroom copy status\n"
        "[[copy]]\n"
        'name = "second-disk"\n'
        f"path = {_quote(str(folder))}\n"
    )


def _class(rule: FreshClass) -> str:
    citation = f"citation = {_quote(rule.citation)}\n" if rule.citation else ""
    return (
        f"{_RETENTION}[retention.{rule.name}]\n"
        f"period = {_quote(rule.period)}\n"
        f"basis = {_quote(rule.basis)}\n"
        f"{citation}"
        f"at_end = {_quote(rule.at_end)}\n"
    )


def _source(source: FreshSource, retention: str) -> str:
    lines = [
        "[[source]]",
        f"name = {_quote(source.name)}",
        f"provider = {_quote(source.provider)}",
        f"api_key = {_quote(source.api_key)}  # where the key is, never the key itself",
    ]
    if source.base_url is not None:
        lines.append(f"base_url = {_quote(source.base_url)}")
    if source.allow_private_addresses:
        lines.append("allow_private_addresses = true")
    for name, datasets in _streams(source):
        lines += ["", *_stream(source, name, datasets, retention)]
    return "\n".join(lines) + "\n"


def _streams(source: FreshSource) -> list[tuple[str, tuple[str, ...]]]:
    """Return the streams of a source: one over all its datasets, or one for each where exports have one alone."""
    if source.provider in _ONE_DATASET and len(source.datasets) > 1:
        return [(f"{source.name[:40]}-{dataset}"[:63], (dataset,)) for dataset in source.datasets]
    return [(source.name[:55] + "-records", source.datasets)]


def _stream(source: FreshSource, name: str, datasets: Sequence[str], retention: str) -> list[str]:
    return [
        "[[stream]]",
        f"name = {_quote(name)}",
        f"source = {_quote(source.name)}",
        f"datasets = [{', '.join(_quote(dataset) for dataset in datasets)}]",
        f"since = {_quote('oldest') if source.since == 'oldest' else source.since}",
        'window = "day"',
        *_SETTLES.get(source.provider, ()),
        f"retention = {_quote(retention)}",
    ]


def _quote(text: str) -> str:
    """Write a TOML basic string: JSON's escapes are TOML's, except that TOML requires DEL to be escaped as well."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
