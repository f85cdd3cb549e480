"""What the daemon does for the evidence day by day, how it stands, and what is to be said aloud when it does not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from msgspec import Struct

from strongroom.config.schema import Config
from strongroom.engine.proof.checkpoint_targets import Secret, Target, build_targets, is_owed, names_of, send_owed
from strongroom.engine.proof.checkpoints import LogRefused, is_due, sign_log, signer_of
from strongroom.engine.proof.known_checkpoints import known_checkpoints
from strongroom.evidence.tree import leaf_hash
from strongroom.model.alert import Alert, AlertKind, Level
from strongroom.model.errors import CatalogueBusy, StrongroomError, UsageError, VaultError
from strongroom.model.text import counted
from strongroom.model.times import Clock
from strongroom.vault.checkpoints import (
    KeptCheckpoint,
    all_sendings,
    drop_sending,
    entries_matching,
    get_sending,
    get_trouble,
    get_unkept,
    newest_checkpoint,
    set_trouble,
)
from strongroom.vault.checkpoints import (
    Sending as Sending,
)
from strongroom.vault.vault import Vault

LOUD = 10  # tries in vain, which is most of a day, before a target is worth an alarm


class EvidenceView(Struct, frozen=True):
    """How the evidence stands."""

    signing: bool  # whether a signing key is configured
    newest: KeptCheckpoint | None
    trouble: str  # why the log is not signed any more, or empty
    unkept: str  # why the last checkpoint could not be kept beside the signing key, or empty
    targets: tuple[Sending, ...]  # every configured target, the time-stamp authority among them

    def owed(self, sending: Sending) -> bool:
        """Say whether a target has not got the newest checkpoint."""
        return self.newest is not None and sending.size < self.newest.size


def leaf_of(vault: Vault, seq: int) -> str:
    """Return the hash of one entry of the log as the tree of the checkpoints has it (RFC 6962), in hex.

    Raises UsageError where there is no such entry.
    """
    for entry in entries_matching(vault.catalogue, after=seq - 1, most=1):
        if entry.seq == seq:
            return leaf_hash(entry.line).hex()
    raise UsageError(f"there is no entry {seq} in the log", hint="see: strongroom log")


def evidence_view(config: Config, vault: Vault) -> EvidenceView:
    """Return how the evidence stands, from the catalogue alone."""
    return EvidenceView(
        signing=config.vault.signing_key is not None,
        newest=newest_checkpoint(vault.catalogue),
        trouble=get_trouble(vault.catalogue),
        unkept=get_unkept(vault.catalogue),
        targets=tuple(get_sending(vault.catalogue, name) for name in names_of(config)),
    )


def keep_up(config: Config, vault: Vault, secret: Secret, clock: Clock, others: Sequence[Target] = ()) -> None:
    """Sign the log if it is time to, and send what is owed. `others` are targets that the caller builds.

    Does nothing without a signing key. Raises StrongroomError where the log could not be signed; what was signed before
    is sent all the same.
    """
    if config.vault.signing_key is None:
        return
    names = names_of(config)
    _forget(vault, names)
    try:
        if is_due(vault, config.evidence.every, clock()):
            _sign(config, vault, clock)
    finally:
        if is_owed(vault, names, clock()):
            send_owed(vault, [*build_targets(config, vault.layout, secret, clock), *others], clock)


def _sign(config: Config, vault: Vault, clock: Clock) -> None:
    try:
        sign_log(vault, signer_of(config), clock, known_checkpoints(config))
    except (LogRefused, CatalogueBusy):  # the first is told where it was found, the second passes by itself
        raise
    except StrongroomError as error:
        with suppress(VaultError):
            set_trouble(vault.catalogue, error.message)
        raise


def _forget(vault: Vault, names: Sequence[str]) -> None:
    gone = [each.target for each in all_sendings(vault.catalogue) if each.target not in names]
    if gone:
        with vault.catalogue.transaction():
            for target in gone:
                drop_sending(vault.catalogue, target)


def evidence_alarms(vault: Vault) -> Iterator[Alert]:
    """Yield what is wrong with the checkpoints: none can be made, or a target never gets them."""
    trouble, newest = get_trouble(vault.catalogue), newest_checkpoint(vault.catalogue)
    if trouble:
        title = "the evidence log is no longer signed: a person must look"
        yield Alert(f"{AlertKind.LOG} checkpoint", Level.CRITICAL, title, f"{trouble}; see: strongroom audit verify")
    if unkept := get_unkept(vault.catalogue):
        title = "the last checkpoint could not be kept beside the signing key"
        body = f"only checkpoint targets can now reveal a rolled-back vault; {unkept}; see: strongroom doctor"
        yield Alert(f"{AlertKind.LOG} note", Level.WARNING, title, body)
    for each in all_sendings(vault.catalogue):
        if newest is not None and each.size < newest.size and each.tries >= LOUD:
            title = "checkpoints of the evidence log do not reach a checkpoint target"
            body = f"target {each.target}, tried {counted(each.tries, 'time')}; the reason: strongroom audit"
            yield Alert(f"{AlertKind.WITNESS} {each.target}", Level.WARNING, title, body)
