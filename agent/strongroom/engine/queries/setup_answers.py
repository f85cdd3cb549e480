"""The answers of a first run about accounts, judged field by field: for the screen, for prompts, and for a file."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import msgspec
from msgspec import Struct

from strongroom.config.load import PROVIDERS, Installed
from strongroom.config.template import STANDARD, FreshSource, default_since, toml_value
from strongroom.config.values import parse_dataset, parse_name, parse_secret_ref, since_in
from strongroom.model.errors import UsageError
from strongroom.model.times import format_instant

_Value = TypeVar("_Value")

DATASETS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "zavu": ("messages", "conversations", "webhookDeliveries", "agentExecutions", "activities"),
        "hookbridge": ("outbound", "inbound"),
        "qlara": ("message-history", "delivery-reports", "contacts"),
    }
)
"""What each provider exports, what most people want first."""


class WrongField(UsageError):
    """What is filled in does not fit. `field` is the name of the line."""

    def __init__(self, field: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.field = field


def fit(field: str, parse: Callable[[], _Value]) -> _Value:
    """Return what a field says. Raises WrongField, with its name."""
    try:
        return parse()
    except UsageError as error:
        raise WrongField(field, error.message, hint=error.hint) from error


def read_source(answers: Mapping[str, str], now: datetime) -> FreshSource | None:
    """Read an account, or return None where it has no name. Raises WrongField."""
    if not answers["account"]:
        return None
    datasets = tuple(part.strip() for part in answers["datasets"].split(",") if part.strip())
    if not datasets:
        raise WrongField("datasets", "the account needs at least one dataset", hint="name datasets, such as messages")
    if answers["provider"] not in PROVIDERS:
        raise WrongField("provider", "the account needs its provider", hint=f"one of {', '.join(sorted(PROVIDERS))}")
    fit("account", lambda: parse_name(answers["account"]))
    fit("key", lambda: parse_secret_ref(answers["key"]))
    fit("datasets", lambda: [parse_dataset(each) for each in datasets])
    since = answers["since"].strip() or default_since(answers["provider"], now)
    if since != "oldest":
        fit("since", lambda: since_in("UTC")(toml_value(since)))
    return FreshSource(answers["account"], answers["provider"], answers["key"], datasets, since)


class SourceAnswers(Struct, frozen=True, forbid_unknown_fields=True):
    """An account in a file of answers. What is left out is proposed for its provider."""

    name: str
    api_key: str
    provider: str = "zavu"
    datasets: tuple[str, ...] = ()
    since: str | None = None  # a date, a date-time with a zone, or oldest
    base_url: str | None = None
    allow_private_addresses: bool = False


class FileAnswers(Struct, frozen=True, forbid_unknown_fields=True):
    """A file of answers. Paths are whole, or relative to the working directory."""

    vault: Path | None = None
    config: Path | None = None
    identity: Path | None = None
    passphrase_file: Path | None = None
    no_passphrase: bool = False
    recovery_file: Path | None = None
    recovery_recipient: str | None = None
    retention: str = STANDARD.name
    copy: Path | None = None  # a folder on another disk
    service_user: str | None = None  # the system user that runs the daemon
    check: bool = True  # ask each provider with its key before anything is made
    source: tuple[SourceAnswers, ...] = ()


def read_answers(path: Path) -> FileAnswers:
    """Read a file of answers, in TOML. Raises UsageError that names the key."""
    try:
        return msgspec.convert(_dates_as_text(tomllib.loads(path.read_text())), FileAnswers, dec_hook=_as_path)
    except OSError as error:
        raise UsageError(f"the answers cannot be read: {path}: {error.strerror}") from error
    except ValueError as error:  # no UTF-8, no TOML, or other keys than these
        hint = "docs/commands.md shows a whole file"
        raise UsageError(f"the answers in {path} cannot be used: {error}", hint=hint) from error


def _dates_as_text(value: object) -> object:
    if isinstance(value, dict):
        return {key: _dates_as_text(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_dates_as_text(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value


def _as_path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        return Path(value).expanduser()
    raise TypeError(f"expected text, got {type(value).__name__}")


def fresh_sources(answers: Sequence[SourceAnswers], now: datetime) -> tuple[FreshSource, ...]:
    """Return the accounts of a file, with what is proposed for each. Raises UsageError that names the account."""
    found: dict[str, FreshSource] = {}
    for each in answers:
        if each.name in found:
            raise UsageError(f"two accounts are named {each.name}", hint="give each a name of its own")
        try:
            found[each.name] = _fresh_source(each, now)
        except UsageError as error:
            raise UsageError(f"account {each.name!r}: {error.message}", hint=error.hint) from error
    return tuple(found.values())


def _fresh_source(answers: SourceAnswers, now: datetime) -> FreshSource:
    if answers.provider not in Installed():
        raise UsageError(f"there is no provider {answers.provider!r}", hint=f"known are: {', '.join(Installed())}")
    datasets = answers.datasets or DATASETS.get(answers.provider, ())[:1]
    if not datasets:
        raise UsageError("name at least one dataset", hint='such as datasets = ["messages"]')
    for dataset in datasets:
        parse_dataset(dataset)
    parse_name(answers.name)
    parse_secret_ref(answers.api_key)
    return FreshSource(
        answers.name,
        answers.provider,
        answers.api_key,
        tuple(datasets),
        _since(answers, now),
        answers.base_url,
        answers.allow_private_addresses,
    )


def _since(answers: SourceAnswers, now: datetime) -> str:
    if answers.since is None:
        return default_since(answers.provider, now)
    if answers.since == "oldest":
        return "oldest"
    value = toml_value(answers.since)
    since_in("UTC")(value)
    return format_instant(value) if isinstance(value, datetime) else answers.since
