"""`strongroom init`: a vault, a working identity, a recovery identity on paper, and a configuration.

Nothing is made before the paper is confirmed, and nothing that exists is ever touched.
"""

from __future__ import annotations

import os
import shlex
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec import Struct
from msgspec.structs import replace

from strongroom.cli import terminal
from strongroom.cli.init_identities import RecoveryAnswers, choose_passphrase, choose_recovery
from strongroom.cli.options import PASSPHRASE_ENV, PathOption, Session, fit, json_option, pass_session
from strongroom.cli.output import put_document
from strongroom.cli.terminal import clean, say
from strongroom.config.addresses import parse_base_url
from strongroom.config.load import Installed
from strongroom.config.template import CLASSES, STANDARD, FreshSource, find_class, toml_value
from strongroom.config.values import parse_dataset, parse_name, parse_secret_ref, since_in
from strongroom.model.errors import UsageError
from strongroom.model.times import format_instant

if TYPE_CHECKING:
    from strongroom.engine.core.sources import Dependencies
    from strongroom.engine.monitor.source_check import SourceReport
    from strongroom.engine.queries.initialize import CreatedVault, NewVault
    from strongroom.engine.queries.setup_answers import FileAnswers

_FILE = PathOption(path_type=Path, dir_okay=False)


def _parse_since(text: object) -> None:
    since_in("UTC")(toml_value(str(text)))


def _parse_provider(text: object) -> None:
    known = Installed()
    if text not in known:
        raise UsageError(f"there is no provider named {text!r}", hint=f"known are: {', '.join(known)}")


class InitAnswers(Struct, frozen=True):
    """The options of `init` as they were given."""

    vault: Path | None
    config_path: Path | None
    identity: Path | None
    passphrase_file: Path | None
    no_passphrase: bool
    recovery_file: Path | None
    recovery_recipient: str | None
    no_confirm: bool
    source: str | None
    provider: str
    api_key: str | None
    datasets: tuple[str, ...]
    since: str
    base_url: str | None
    allow_private_addresses: bool
    retention: str
    copy: Path | None
    service_user: str | None
    answers: Path | None
    as_json: bool


@click.command("init")
@click.option(
    "--answers",
    metavar="FILE",
    type=_FILE,
    help="Take everything from this file (TOML): several accounts, retention, paths. For scripts and images.",
)
@click.option(
    "--vault",
    metavar="PATH",
    type=PathOption(path_type=Path, file_okay=False),
    help="The folder of the vault; must be new.",
)
@click.option("--config", "config_path", metavar="PATH", type=_FILE, help="The configuration file; must be new.")
@click.option(
    "--identity", metavar="PATH", type=_FILE, help="The working identity; by default beside the configuration."
)
@click.option(
    "--passphrase-file",
    metavar="PATH",
    type=_FILE,
    envvar=PASSPHRASE_ENV,
    help=f"Protect the identity with the passphrase in this file, or in the file that ${PASSPHRASE_ENV} names.",
)
@click.option("--no-passphrase", is_flag=True, help="Store the working identity without a passphrase (mode 0600).")
@click.option(
    "--recovery-file",
    metavar="PATH",
    type=_FILE,
    help="Write the recovery identity to this new file instead of showing it.",
)
@click.option(
    "--recovery-recipient",
    metavar="AGE1...",
    help="Use this public key as the recovery key. You already have its identity.",
)
@click.option("--no-confirm", is_flag=True, help="Do not prompt for the end of the recovery identity after showing it.")
@click.option("--source", metavar="NAME", type=fit(parse_name), help="Add this account to the configuration.")
@click.option(
    "--provider",
    metavar="NAME",
    type=fit(_parse_provider),
    default="zavu",
    show_default=True,
    help="The provider of the account: zavu, hookbridge, qlara, or an installed adapter (strongroom source list).",
)
@click.option(
    "--api-key", metavar="REF", type=fit(parse_secret_ref), help="The reference to its API key: env:NAME, file:/path..."
)
@click.option("--dataset", "datasets", metavar="NAME", multiple=True, type=fit(parse_dataset), help="May be repeated.")
@click.option(
    "--since",
    metavar="DAY",
    type=fit(_parse_since),
    default="oldest",
    show_default=True,
    help="Archive from this day on.",
)
@click.option(
    "--base-url", metavar="URL", type=fit(parse_base_url), help="The address of the API, if not the provider's own."
)
@click.option(
    "--allow-private-addresses", is_flag=True, help="Allow a source on this machine or network, such as a sandbox."
)
@click.option(
    "--retention",
    metavar="CLASS",
    type=fit(find_class),
    default=STANDARD.name,
    show_default=True,
    help=f"How long archives are retained: {', '.join(each.name for each in CLASSES)}.",
)
@click.option(
    "--copy", metavar="FOLDER", type=PathOption(path_type=Path), help="Keep a second copy of the vault in this folder."
)
@click.option(
    "--service-user",
    metavar="USER",
    help="Give the vault and its signing key to the system user that runs the daemon, such as strongroom.",
)
@json_option
@pass_session
def init(session: Session, /, **given: object) -> None:
    """Create a vault, its identities and a configuration.

    The working identity opens archives in daily use; it is protected by a passphrase. The recovery identity opens
    them, too, and belongs on paper: it is shown once, and you must type the end of it before anything is created.

    On a terminal, if you give neither --source nor an option for the passphrase, it asks for accounts, and tries each
    key with its provider before it creates anything.
    """
    from strongroom.engine.core.sources import Dependencies
    from strongroom.engine.queries.initialize import check_new_vault, initialize

    answers, dependencies = InitAnswers(**given), Dependencies()  # type: ignore[arg-type]  # click has read each by its option
    answers, accounts = _accounts(session, answers, dependencies)
    wanted = _new_vault(session, answers, accounts)
    check_new_vault(wanted)
    wanted = replace(wanted, passphrase=choose_passphrase(answers.passphrase_file, no_passphrase=answers.no_passphrase))
    asked = RecoveryAnswers(answers.recovery_file, answers.recovery_recipient, answers.no_confirm)
    recovery = choose_recovery(asked, dependencies.random_bytes, dependencies.clock())
    made = initialize(wanted, recovery, dependencies)
    if answers.as_json:
        put_document(_document(made, wanted))
    else:
        _show_next(made, wanted)


def _accounts(
    session: Session, answers: InitAnswers, dependencies: Dependencies
) -> tuple[InitAnswers, tuple[FreshSource, ...]]:
    """Return the answers, and the accounts: of a file, of the options, or of a person who is asked."""
    from strongroom.cli.init_accounts import ask_accounts, ask_class, ask_copy, require_answers
    from strongroom.engine.monitor.source_check import look_at_source
    from strongroom.engine.queries.initialize import check_new_vault, would_be
    from strongroom.engine.queries.setup_answers import fresh_sources, read_answers

    def look(source: FreshSource) -> SourceReport:
        return look_at_source(would_be(_new_vault(session, answers, (source,))), source.name, dependencies)

    if answers.answers is not None:
        _refuse_others(answers)
        filed = read_answers(answers.answers)
        answers, accounts = _filed(answers, filed), fresh_sources(filed.source, dependencies.clock())
        check_new_vault(_new_vault(session, answers, accounts))
        if filed.check:
            require_answers(accounts, look, quiet=answers.as_json)
        return answers, accounts
    source = _fresh_source(answers)
    guided = terminal.can_ask() and not (answers.no_passphrase or answers.passphrase_file or answers.as_json)
    if source is not None or not guided:
        return answers, (source,) if source else ()
    check_new_vault(_new_vault(session, answers, ()))
    accounts = ask_accounts(dependencies.clock(), look)
    if accounts:
        answers = replace(answers, retention=ask_class().name, copy=answers.copy or ask_copy())
    return answers, accounts


_OF_A_FILE = ("vault", "identity", "passphrase_file", "recovery_file", "recovery_recipient", "source", "api_key")


def _refuse_others(answers: InitAnswers) -> None:
    given = [f"--{name.replace('_', '-')}" for name in (*_OF_A_FILE, "copy", "service_user") if getattr(answers, name)]
    given = [name for name in given if name != "--passphrase-file" or PASSPHRASE_ENV not in os.environ]
    if given:
        raise UsageError(f"--answers and {given[0]} exclude each other", hint="write it into the file")


def _filed(answers: InitAnswers, filed: FileAnswers) -> InitAnswers:
    """Return the answers with those of a file in their place."""
    return replace(
        answers,
        vault=filed.vault,
        config_path=answers.config_path or filed.config,
        identity=filed.identity,
        passphrase_file=filed.passphrase_file or answers.passphrase_file,
        no_passphrase=filed.no_passphrase,
        recovery_file=filed.recovery_file,
        recovery_recipient=filed.recovery_recipient,
        retention=find_class(filed.retention).name,
        copy=filed.copy,
        service_user=filed.service_user,
    )


def _new_vault(session: Session, answers: InitAnswers, accounts: tuple[FreshSource, ...]) -> NewVault:
    from strongroom.engine.queries.initialize import NewVault
    from strongroom.engine.queries.service_owner import find_owner

    if answers.recovery_file and answers.recovery_recipient:
        raise UsageError("--recovery-file and --recovery-recipient exclude each other")
    usual_config, data = usual_folders()
    config = answers.config_path or session.config_path or usual_config
    return NewVault(
        vault=(answers.vault or data / "vault").absolute(),
        config=config.absolute(),
        identity=(answers.identity or config.with_name("identity.age")).absolute(),
        passphrase=None,
        source=accounts[0] if accounts else None,
        others=accounts[1:],
        recovery_file=answers.recovery_file.absolute() if answers.recovery_file else None,
        retention=find_class(answers.retention),
        copy=answers.copy.absolute() if answers.copy else None,
        owner=None if answers.service_user is None else find_owner(answers.service_user),
    )


def _fresh_source(answers: InitAnswers) -> FreshSource | None:
    if answers.source is None:
        if answers.api_key or answers.datasets or answers.base_url:
            raise UsageError("--api-key, --dataset and --base-url need a source", hint="add --source NAME")
        return None
    if answers.api_key is None or not answers.datasets:
        raise UsageError(
            "a source needs its API key and at least one dataset",
            hint="add --api-key REF (such as file:/path) and --dataset NAME for each dataset",
        )
    since = answers.since if answers.since == "oldest" else _toml_text(answers.since)
    return FreshSource(
        answers.source,
        answers.provider,
        answers.api_key,
        answers.datasets,
        since,
        answers.base_url,
        answers.allow_private_addresses,
    )


def _toml_text(text: str) -> str:
    value = toml_value(text)
    return format_instant(value) if isinstance(value, datetime) else text


def usual_folders() -> tuple[Path, Path]:
    """Return where a configuration and where the data of this user belong."""
    named = os.environ.get("STRONGROOM_CONFIG")
    config = Path(named) if named else _home("XDG_CONFIG_HOME", ".config") / "config.toml"
    return config, _home("XDG_DATA_HOME", ".local/share")


def _home(variable: str, fallback: str) -> Path:
    named = Path(os.environ.get(variable, ""))
    return (named if named.is_absolute() else Path.home() / fallback) / "strongroom"


def _document(made: CreatedVault, wanted: NewVault) -> dict[str, object]:
    return {
        "vault": str(made.vault),
        "config": str(made.config),
        "identity": str(made.identity),
        "recovery_file": str(wanted.recovery_file) if wanted.recovery_file else None,
        "recipients": {"working": made.working, "recovery": made.recovery.recipient},
    }


def _show_next(made: CreatedVault, wanted: NewVault) -> None:
    away = "  (move it off this machine)"
    say(f"The vault is at          {clean(str(made.vault))}")
    say(f"The configuration is at  {clean(str(made.config))}")
    say(
        f"The identity is at       {clean(str(made.identity))}"
        + (away if wanted.owner else "")
        + ("" if wanted.passphrase else "  (without a passphrase)")
    )
    if wanted.recovery_file:
        say(f"The recovery identity    {clean(str(wanted.recovery_file))}{away}")
    say()
    say("Next:")
    if wanted.source is None:
        say(f"  add an account to {clean(str(made.config))}, then")
    program = f"strongroom --config {shlex.quote(clean(str(made.config)))}"
    if wanted.owner is None:
        say(f"  {program} doctor        check keys, access, disk and clock")
        say(f"  {program} run --once    archive every pending window")
        return
    say(f"  sudo -u {wanted.owner.name} {program} doctor    check keys, access, disk and clock")
    say("  sudo systemctl enable --now strongroom    archive from now on")
