"""The answers of the first run, read and judged field by field, and what a provider says to a key, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

from rich.text import Text

from strongroom.config.load import PROVIDERS
from strongroom.config.template import CLASSES, FreshSource, default_since, toml_value
from strongroom.config.values import parse_dataset, parse_name, parse_secret_ref, since_in
from strongroom.engine.core.sources import system_clock
from strongroom.engine.monitor.source_check import SourceReport
from strongroom.engine.queries.initialise import Wishes
from strongroom.model.errors import UsageError
from strongroom.model.text import clean
from strongroom.text.states import CHECKS
from strongroom_tui.dialogs.form import Choice, typed_path

_Value = TypeVar("_Value")

DATASETS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "zavu": ("messages", "conversations", "webhookDeliveries", "agentExecutions", "activities"),
        "hookbridge": ("outbound", "inbound"),
        "qlara": ("message-history", "delivery-reports", "contacts"),
    }
)
"""What each provider exports, what most people want first."""

PROVIDER_CHOICES = tuple(
    Choice(name, label, f"{means} Datasets: {', '.join(DATASETS[name])}.")
    for name, label, means in (
        ("zavu", "Zavu", "Keeps records for 90 days. 3 exports at once, 10 an hour."),
        ("hookbridge", "HookBridge", "Says itself how long it keeps records. One export at a time."),
        ("qlara", "Qlara", "Does not say how long it keeps records: ask its support."),
    )
)
CLASS_CHOICES = tuple(Choice(each.name, f"{each.name} ({each.period})", each.means) for each in CLASSES)


class WrongField(UsageError):
    """What is filled in does not fit. `field` is the name of the line."""

    def __init__(self, field: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.field = field


def read_wishes(answers: Mapping[str, str], others: Sequence[FreshSource] = ()) -> Wishes:
    """Read what was filled in; the passphrase is judged by `require_passphrase`. Raises UsageError."""
    config = _fit("config", lambda: typed_path(answers["config"]))
    source = read_source(answers)
    if source is not None and source.name in {each.name for each in others}:
        raise WrongField("account", f"there is an account named {source.name} already")
    return Wishes(
        vault=_fit("vault", lambda: typed_path(answers["vault"])),
        config=config,
        identity=config.with_name("identity.age"),
        passphrase=answers["passphrase"],
        source=source,
        others=tuple(others),
        retention=next(each for each in CLASSES if each.name == answers["class"]),
    )


def require_passphrase(answers: Mapping[str, str]) -> None:
    """Refuse a passphrase that is missing, or that was not repeated. Raises WrongField."""
    if not answers["passphrase"]:
        hint = "you type it whenever an archive is opened"
        raise WrongField("passphrase", "the identity needs a passphrase", hint=hint)
    if answers["passphrase"] != answers["again"]:
        raise WrongField("again", "the two passphrases are not the same", hint="type both again")


def read_source(answers: Mapping[str, str]) -> FreshSource | None:
    """Read an account, or return None where it has no name. Raises WrongField."""
    if not answers["account"]:
        return None
    datasets = tuple(part.strip() for part in answers["datasets"].split(",") if part.strip())
    if not datasets:
        raise WrongField("datasets", "the account needs something to archive", hint="name datasets, such as messages")
    if answers["provider"] not in PROVIDERS:
        raise WrongField("provider", "the account needs its provider", hint=f"one of {', '.join(sorted(PROVIDERS))}")
    _fit("account", lambda: parse_name(answers["account"]))
    _fit("key", lambda: parse_secret_ref(answers["key"]))
    _fit("datasets", lambda: [parse_dataset(each) for each in datasets])
    since = answers["since"].strip() or default_since(answers["provider"], system_clock())
    if since != "oldest":
        _fit("since", lambda: since_in("UTC")(toml_value(since)))
    return FreshSource(answers["account"], answers["provider"], answers["key"], datasets, since)


def _fit(field: str, parse: Callable[[], _Value]) -> _Value:
    try:
        return parse()
    except UsageError as error:
        raise WrongField(field, error.message, hint=error.hint) from error


def report_text(report: SourceReport) -> Text:
    """Say what the provider answered, the worst first, and what only an export shows."""
    text = Text()
    for check in sorted(report.checks, key=lambda each: each.verdict, reverse=True):
        mark = CHECKS[check.verdict]
        text.append(f"{mark.symbol} {mark.word}  ", mark.style).append(f"{clean(check.name)}: {clean(check.message)}\n")
        if check.hint:
            text.append(f"    → {clean(check.hint)}\n")
    for words in report.unknown:
        text.append(f"? not known  {clean(words)}\n")
    return text
