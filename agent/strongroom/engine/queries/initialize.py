"""Making a vault: folders, catalogue, identities and a configuration that names them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from strongroom.config.edit import rewrite
from strongroom.config.load import parse_config
from strongroom.config.schema import Config
from strongroom.config.template import STANDARD, FreshClass, FreshSource, render_config
from strongroom.copies.folder import require_apart
from strongroom.engine.core.identities import NewIdentity, identity_file, make_identity
from strongroom.engine.core.sources import Dependencies
from strongroom.engine.core.trusted_clock import remember_confirmed, remember_time
from strongroom.engine.queries.service_owner import Owner, give, give_alone, let_read, require_away, require_home
from strongroom.engine.repair.vault_folder import is_unfinished
from strongroom.evidence.line import Entry, Fact
from strongroom.evidence.note import Signer
from strongroom.model.bech32 import encode_bech32
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import UsageError
from strongroom.vault.durable import flush, in_words, write_all
from strongroom.vault.layout import README, Layout, beside
from strongroom.vault.log import add_entry
from strongroom.vault.vault import create_vault


class NewVault(Struct, frozen=True):
    """What a person wants of a new vault."""

    vault: Path
    config: Path
    identity: Path  # where the working identity goes
    passphrase: str | None  # seals the working identity; None leaves it in the clear
    source: FreshSource | None = None  # written into the configuration as a first source
    recovery_file: Path | None = None  # where the recovery identity goes, for those who do not write it on paper
    others: tuple[FreshSource, ...] = ()  # further sources
    retention: FreshClass = STANDARD  # the class of every stream
    copy: Path | None = None  # the folder on another disk for a second copy of the vault
    owner: Owner | None = None  # who runs the daemon, where that is a system user; its configuration names no identity


class CreatedVault(Struct, frozen=True):
    """What was made. The recovery identity's secret is in here and nowhere else."""

    vault: Path
    config: Path
    identity: Path
    working: str  # public key
    verifier: str  # the public half of the agent's signing key
    recovery: NewIdentity


def check_new_vault(wanted: NewVault) -> None:
    """Refuse, before anything is made, what would overwrite or mix up something, or not work. Raises UsageError."""
    _check_files(wanted)
    _check_inside(wanted)
    if wanted.vault.exists() and any(wanted.vault.iterdir()):
        hint = "choose another folder for the vault"
        if wanted.vault.is_dir() and is_unfinished(Layout(wanted.vault), configured=False):
            hint = f"an earlier init was interrupted there; see: strongroom recover --vault {wanted.vault}"
        raise UsageError(f"{wanted.vault} is not empty", hint=hint)
    if wanted.copy is not None:
        require_apart(wanted.vault, wanted.copy)
    if wanted.owner is not None:
        require_home(wanted.owner, wanted.vault)
        require_away(wanted.owner, wanted.vault.parent, wanted.config, wanted.identity, wanted.recovery_file)
    _check_text(wanted)


def _check_files(wanted: NewVault) -> None:
    """Refuse a file that exists, or a path that two of them have."""
    places = {
        "signing key": signing_key_of(wanted),
        "configuration": wanted.config,
        "identity file": wanted.identity,
        "recovery file": wanted.recovery_file,
    }
    for what, path in places.items():
        if path is not None and os.path.lexists(path) and not (path == wanted.config and sets_nothing(path)):
            raise UsageError(
                f"there is a {what} at {path} already", hint="it is never overwritten: choose another path"
            )
    named = [path for path in places.values() if path is not None]
    if len(set(named)) < len(named):
        raise UsageError("two of the files to make have the same path", hint="choose a path for each")


def _check_inside(wanted: NewVault) -> None:
    """Refuse an identity or a configuration in the vault."""
    for path in filter(None, (wanted.identity, wanted.recovery_file)):
        if wanted.vault.resolve() in path.resolve().parents:
            raise UsageError(
                "the identity must not be inside the vault that it opens",
                hint="anyone who copies the vault would have the key",
            )
    if wanted.vault.resolve() in wanted.config.resolve().parents:
        raise UsageError("the configuration must not be inside the vault", hint="choose another folder with --config")


def sets_nothing(path: Path) -> bool:
    """Return whether a configuration has comments alone, as the one that a package installs: it may be filled in."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return bool(text) and all(line.startswith("#") or not line.strip() for line in text.splitlines())


def _check_text(wanted: NewVault) -> None:
    """Judge the configuration that would be written, as `config check` does. Raises UsageError."""
    from strongroom.engine.monitor.doctor import CheckResult, check_streams

    for check in check_streams(would_be(wanted), Dependencies()):
        if check.verdict is CheckResult.FAIL:
            raise UsageError(f"nothing was made: {check.message}", hint=check.hint)


def would_be(wanted: NewVault) -> Config:
    """Return the configuration that would be written, with keys that nobody has. Raises ConfigRefused."""
    stand_ins = [encode_bech32("age", bytes([number]) * 32) for number in (1, 2)]
    return parse_config(wanted.config, _text(wanted, stand_ins))


def _text(wanted: NewVault, recipients: Sequence[str]) -> str:
    signing_key = signing_key_of(wanted).resolve()
    return render_config(
        wanted.vault.resolve(),
        recipients,
        None if wanted.owner else wanted.identity.resolve(),
        wanted.source,
        signing_key,
        wanted.others,
        wanted.retention,
        wanted.copy.resolve() if wanted.copy else None,
    )


def initialize(wanted: NewVault, recovery: NewIdentity, dependencies: Dependencies) -> CreatedVault:
    """Make the vault, the working identity and the configuration. `recovery` was shown to a person before.

    Raises UsageError or WorldError; what was made until then stays, nothing older is touched.
    """
    check_new_vault(wanted)
    fresh = [path for path in (wanted.vault.parent, wanted.config.parent) if not path.exists()]
    working = make_identity(dependencies.random_bytes)
    recipients = (working.recipient, recovery.recipient)
    _write_private(wanted.identity, identity_file(working, wanted.passphrase, dependencies.random_bytes))
    if wanted.recovery_file is not None:
        _write_private(wanted.recovery_file, identity_file(recovery, None, dependencies.random_bytes))
    signer = Signer.generate("strongroom", dependencies.random_bytes)
    _write_private(signing_key_of(wanted), f"{signer.reveal()}\n".encode())
    vault = create_vault(wanted.vault, README)
    try:
        facts: dict[str, Fact] = {"recipients": [*recipients], "verifier": str(signer.verifier), "time": "log"}
        with vault.catalogue.transaction():
            add_entry(vault.catalogue, Entry(EntryKind.VAULT_CREATED, dependencies.clock(), facts=facts))
        vault.write_log()
        remember_time(vault, dependencies.clock())
        remember_confirmed(vault, dependencies.clock())
    finally:
        vault.close()
    _write_config(wanted.config, _text(wanted, recipients))
    if wanted.owner is not None:
        give(wanted.owner, wanted.vault, signing_key_of(wanted))
        if wanted.vault.parent in fresh:
            give_alone(wanted.owner, wanted.vault.parent)
        let_read(wanted.owner, wanted.config, folder_too=wanted.config.parent in fresh)
    return CreatedVault(wanted.vault, wanted.config, wanted.identity, working.recipient, str(signer.verifier), recovery)


def _write_config(path: Path, text: str) -> None:
    if sets_nothing(path):
        rewrite(path, lambda _comments: text, text)  # keeps owner and mode, which the package chose
    else:
        _write_private(path, text.encode())


def signing_key_of(wanted: NewVault) -> Path:
    """Return where the agent's signing key goes: beside the configuration, or where the service can also write."""
    if wanted.owner is not None:
        return wanted.vault.with_name("signing.key")
    return beside(wanted.config.with_suffix(""), "-signing.key")


def _write_private(path: Path, data: bytes) -> None:
    """Write a new file that only its owner can read. Raises UsageError when it exists."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise UsageError(f"{path} exists already and is never overwritten", hint="name another path") from None
    except OSError as error:
        raise in_words(error) from error
    try:
        write_all(fd, data)
        flush(fd)
    finally:
        os.close(fd)
