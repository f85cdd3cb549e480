"""Making checkpoints on schedule and sending them to checkpoint targets outside the host.

Each target must get the newest checkpoint, however often the program restarts. An older one that a target missed is
not sent later: the newer one covers it. A failing target is tried again at growing intervals, and never delays signing.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from strongroom.config.outgoing import RESERVED, Method, SendSettings
from strongroom.config.schema import Config
from strongroom.config.secrets import SecretRef
from strongroom.engine.core.outbound import HttpRequest, Route, run_program, send_request
from strongroom.engine.proof.checkpoints import LogRefused, is_due, sign_log, signer_of
from strongroom.engine.proof.known_checkpoints import known_checkpoints
from strongroom.evidence.line import Entry, Fact
from strongroom.evidence.timestamp import REQUEST_TYPE, check_stamp, get_stamp
from strongroom.model.alert import Alert, AlertKind, Level
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import CatalogueBusy, StrongroomError, VaultError, WorldError
from strongroom.model.text import counted
from strongroom.model.times import Clock, format_instant
from strongroom.vault.checkpoints import (
    KeptCheckpoint,
    all_sendings,
    drop_sending,
    get_sending,
    get_trouble,
    get_unkept,
    keep_file,
    newest_checkpoint,
    put_sending,
    set_trouble,
    stamp_path,
)
from strongroom.vault.checkpoints import Sending as Sending  # the command line names it from here
from strongroom.vault.durable import write_new
from strongroom.vault.files import is_there, read_file
from strongroom.vault.layout import Layout
from strongroom.vault.log import add_entry
from strongroom.vault.vault import Vault

FIRST_WAIT = timedelta(minutes=1)  # before the second attempt; doubled each time
LONGEST_WAIT = timedelta(hours=6)
TIMEOUT = 20.0  # seconds for a program to take a checkpoint
_PASSED_ON = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR")
NOTE_TYPE = "text/plain; charset=utf-8"

Secret = Callable[[SecretRef], str]
Signed: TypeAlias = KeptCheckpoint
"""What is sent; the daemon imports the name from here."""

SentFacts: TypeAlias = dict[str, Fact]
"""What the log records about a delivery besides size and target."""


class Target(Protocol):
    """A place outside the vault that takes checkpoints."""

    @property
    def name(self) -> str:
        """What the configuration calls it."""
        ...

    def take(self, kept: Signed) -> SentFacts:
        """Deliver a checkpoint; may be called twice with the same one. Blocks.

        Raises StrongroomError where it was not taken.
        """
        ...


class FolderTarget(Struct, frozen=True):
    """A folder, best on another machine. Nothing in it is ever overwritten."""

    name: str
    folder: Path

    def take(self, kept: Signed) -> SentFacts:
        """Write SIZE.note, flushed; one that is there already must be the same."""
        folder = Path(os.path.realpath(self.folder))  # its path may have links
        path, data = folder / f"{kept.size}.note", kept.note.encode()
        if not self.folder.is_dir():  # never made by us: it may be a disk that is not mounted
            raise WorldError("the folder does not exist", hint="is it mounted?")
        try:
            if not is_there(path):
                write_new(path, folder / f".{kept.size}.{os.getpid()}.part", data)
            if read_file(path) != data:
                raise WorldError(f"{path.name} exists already with different content", hint="compare the two")
        except OSError as error:
            raise WorldError(f"the folder cannot be written: {error.strerror}", hint="is it mounted?") from error
        return {}


class CommandTarget(Struct, frozen=True):
    """A command of yours: the note is its input. No shell, few environment variables, no output."""

    name: str
    argv: tuple[str, ...]

    def take(self, kept: Signed) -> SentFacts:
        """Run it and wait until it succeeds."""
        env = {name: value for name, value in os.environ.items() if name in _PASSED_ON}
        run_program(self.argv, env, kept.note.encode(), TIMEOUT)
        return {}


class WebTarget(Struct, frozen=True):
    """A web address, kept by reference because it may hold a token."""

    name: str
    url: SecretRef
    method: Method
    route: Route
    secret: Secret
    clock: Clock

    def take(self, kept: Signed) -> SentFacts:
        """Put it below the URL, or post it there."""
        below = f"/{kept.size}.note" if self.method is Method.PUT else None
        request = HttpRequest(self.method.value.upper(), kept.note.encode(), NOTE_TYPE, below)
        send_request(self.secret(self.url), request, self.route, self.clock)
        return {}


class StampTarget(Struct, frozen=True):
    """A time-stamp authority (RFC 3161): its stamp is checked and stored beside the checkpoint."""

    layout: Layout
    url: str
    authorities: Path
    route: Route
    clock: Clock
    name: str = RESERVED

    def take(self, kept: Signed) -> SentFacts:
        """Have the note's bytes stamped."""
        try:
            authorities = self.authorities.read_bytes()
        except OSError as error:
            raise WorldError(f"timestamp_ca cannot be read: {error.strerror}") from error
        path, note = stamp_path(self.layout, kept.size), kept.note.encode()
        if is_there(path):  # of an earlier attempt that was not recorded
            stamp = check_stamp(read_file(path), note, authorities)
        else:
            stamp = get_stamp(note, authorities, self._ask)
            keep_file(self.layout, path, stamp.data)
        digest = hashlib.sha256(stamp.data).hexdigest()
        return {"stamped_at": format_instant(stamp.at), "stamp_sha256": digest}

    def _ask(self, query: bytes) -> bytes:
        return send_request(self.url, HttpRequest("POST", query, REQUEST_TYPE), self.route, self.clock)


def build_targets(config: Config, layout: Layout, secret: Secret, clock: Clock) -> list[Target]:
    """Return every configured target except notification channels, which the daemon builds."""
    network, evidence = config.network, config.evidence
    route = Route(allow_private=False, ca_file=str(network.ca_file) if network.ca_file else None, proxy=network.proxy)
    targets: list[Target] = []
    if evidence.timestamp_url is not None and evidence.timestamp_ca is not None:
        targets.append(StampTarget(layout, evidence.timestamp_url, evidence.timestamp_ca, route, clock))
    return [*targets, *(each for settings in evidence.send_to for each in _target(settings, route, secret, clock))]


def names_of(config: Config) -> list[str]:
    """Return the name of every configured target."""
    evidence = config.evidence
    return [*([RESERVED] if evidence.timestamp_url else []), *(each.name for each in evidence.send_to)]


def send_owed(vault: Vault, targets: Sequence[Target], clock: Clock, *, at_once: bool = False) -> list[Sending]:
    """Send the newest checkpoint to every target that lacks it; return the state of each one tried.

    A target that failed is not tried again before its next time, unless `at_once`.
    """
    newest = newest_checkpoint(vault.catalogue)
    if newest is None:
        return []
    owed = [(target, get_sending(vault.catalogue, target.name)) for target in targets]
    return [
        _send(vault, target, sending, newest, clock)
        for target, sending in owed
        if sending.size < newest.size and (at_once or not _waits(sending, clock()))
    ]


def is_owed(vault: Vault, names: Sequence[str], now: datetime) -> bool:
    """Return whether any of these targets lacks the newest checkpoint and may be tried now."""
    newest = newest_checkpoint(vault.catalogue)
    sendings = [get_sending(vault.catalogue, name) for name in names]
    return newest is not None and any(each.size < newest.size and not _waits(each, now) for each in sendings)


def _waits(sending: Sending, now: datetime) -> bool:
    return sending.next_at is not None and now < sending.next_at <= now + LONGEST_WAIT


def _send(vault: Vault, target: Target, sending: Sending, newest: KeptCheckpoint, clock: Clock) -> Sending:
    try:
        facts = target.take(newest)
    except StrongroomError as error:
        wait = min(FIRST_WAIT * 2 ** min(sending.tries, 10), LONGEST_WAIT)
        after = replace(sending, tries=sending.tries + 1, next_at=clock() + wait, failure=error.message)
        with vault.catalogue.transaction():
            put_sending(vault.catalogue, after)
        return after
    after = Sending(target.name, newest.size, clock())
    logged: dict[str, Fact] = {"entries": newest.size, "target": target.name, **facts}
    with vault.catalogue.transaction():
        put_sending(vault.catalogue, after)
        add_entry(vault.catalogue, Entry(EntryKind.CHECKPOINT_SENT, clock(), facts=logged))
    vault.write_log()
    return after


def _target(settings: SendSettings, route: Route, secret: Secret, clock: Clock) -> list[Target]:
    if settings.directory is not None:
        return [FolderTarget(settings.name, settings.directory)]
    if settings.command:
        return [CommandTarget(settings.name, settings.command)]
    if settings.url is not None:
        private = replace(route, allow_private=settings.allow_private_addresses)
        return [WebTarget(settings.name, settings.url, settings.method, private, secret, clock)]
    return []


ALERT_AFTER = 10  # failed attempts, most of a day, before a target raises an alert


class EvidenceView(Struct, frozen=True):
    """The state of signing and of the checkpoint targets."""

    signing: bool  # whether a signing key is configured
    newest: KeptCheckpoint | None
    trouble: str  # why the log could not be signed, or empty
    unkept: str  # why the last checkpoint could not be stored beside the signing key, or empty
    targets: tuple[Sending, ...]  # every configured target, including the time-stamp authority

    def owed(self, sending: Sending) -> bool:
        """Return whether a target lacks the newest checkpoint."""
        return self.newest is not None and sending.size < self.newest.size


def evidence_view(config: Config, vault: Vault) -> EvidenceView:
    """Return the state of signing and targets, from the catalogue alone."""
    return EvidenceView(
        signing=config.vault.signing_key is not None,
        newest=newest_checkpoint(vault.catalogue),
        trouble=get_trouble(vault.catalogue),
        unkept=get_unkept(vault.catalogue),
        targets=tuple(get_sending(vault.catalogue, name) for name in names_of(config)),
    )


def keep_up(config: Config, vault: Vault, secret: Secret, clock: Clock, others: Sequence[Target] = ()) -> None:
    """Sign the log if it is time, and send what is pending. `others` are targets that the caller builds.

    Does nothing without a signing key. Raises StrongroomError where the log could not be signed; an earlier checkpoint
    is sent in any case.
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
    except (LogRefused, CatalogueBusy):  # the first is recorded by `sign_log`, the second passes by itself
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
    """Yield the alerts: no checkpoint can be made, or a target does not get them."""
    trouble, newest = get_trouble(vault.catalogue), newest_checkpoint(vault.catalogue)
    if trouble:
        title = "the evidence log is no longer signed; this needs your attention"
        yield Alert(f"{AlertKind.LOG} checkpoint", Level.CRITICAL, title, f"{trouble}; see: strongroom audit verify")
    if unkept := get_unkept(vault.catalogue):
        title = "the last checkpoint could not be stored beside the signing key"
        body = f"a rolled-back vault can now be detected only by checkpoint targets; {unkept}; see: strongroom doctor"
        yield Alert(f"{AlertKind.LOG} note", Level.WARNING, title, body)
    for each in all_sendings(vault.catalogue):
        if newest is not None and each.size < newest.size and each.tries >= ALERT_AFTER:
            title = "checkpoints of the evidence log do not reach a checkpoint target"
            body = f"target {each.target}, tried {counted(each.tries, 'time')}; to see why: strongroom audit"
            yield Alert(f"{AlertKind.WITNESS} {each.target}", Level.WARNING, title, body)
