"""The answers of the first run, read and judged field by field, and what a provider says to a key, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.text import Text

from strongroom.config.template import CLASSES, FreshSource, find_class
from strongroom.engine.core.sources import system_clock
from strongroom.engine.monitor.source_check import SourceReport
from strongroom.engine.queries.initialize import NewVault
from strongroom.engine.queries.setup_answers import DATASETS, WrongField, fit, read_source
from strongroom.model.text import clean
from strongroom.text.states import CHECKS
from strongroom_tui.dialogs.form import Choice, typed_path

PROVIDER_CHOICES = tuple(
    Choice(name, label, f"{means} Datasets: {', '.join(DATASETS[name])}.")
    for name, label, means in (
        ("zavu", "Zavu", "Keeps records for 90 days. 3 exports at once, 10 an hour."),
        ("hookbridge", "HookBridge", "Says itself how long it keeps records. One export at a time."),
        ("qlara", "Qlara", "Does not say how long it keeps records: ask its support."),
    )
)
CLASS_CHOICES = tuple(Choice(each.name, f"{each.name} ({each.period})", each.means) for each in CLASSES)


def read_new_vault(answers: Mapping[str, str], others: Sequence[FreshSource] = ()) -> NewVault:
    """Read what was filled in; the passphrase is judged by `require_passphrase`. Raises UsageError."""
    config = fit("config", lambda: typed_path(answers["config"]))
    source = read_source(answers, system_clock())
    if source is not None and source.name in {each.name for each in others}:
        raise WrongField("account", f"there is an account named {source.name} already")
    return NewVault(
        vault=fit("vault", lambda: typed_path(answers["vault"])),
        config=config,
        identity=config.with_name("identity.age"),
        passphrase=answers["passphrase"],
        source=source,
        others=tuple(others),
        retention=find_class(answers["class"]),
    )


def require_passphrase(answers: Mapping[str, str]) -> None:
    """Refuse a passphrase that is missing, or that was not repeated. Raises WrongField."""
    if not answers["passphrase"]:
        hint = "you type it whenever an archive is opened"
        raise WrongField("passphrase", "the identity needs a passphrase", hint=hint)
    if answers["passphrase"] != answers["again"]:
        raise WrongField("again", "the two passphrases are not the same", hint="type both again")


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
