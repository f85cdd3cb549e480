"""What is sent: notices put into words, twice. What leaves this machine names nothing unless that is wished for.

A title holds counts and dates alone by the rule of model/alert.py; the body has the names. So the short form is the
titles, and the long form is titles and bodies. All news is one message: a bad night is one call, not forty.

The ways to a person's ear. Each takes a message or says in words why not; none of them says anything of a secret.

An address is fetched when it is used and forgotten after. A library's or a program's own words about a failure may
quote the address or the message, so they are dropped: the channel is named by its reference, and that must do.
"""

from __future__ import annotations

import html
import json
import logging
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from strongroom.config.outgoing import Details, NotifySettings
from strongroom.config.secrets import SecretRef, resolve
from strongroom.engine.core.alert_store import REMIND, AlertRecord, alert_document
from strongroom.engine.core.outbound import run_program
from strongroom.model.alert import Level
from strongroom.model.errors import UsageError, WorldError
from strongroom.model.text import counted
from strongroom.model.times import format_instant

SHOWN = 12  # notices in full; more are counted
WHICH = "Which ones: strongroom notify list"


class Message(Struct, frozen=True):
    """One message to every channel."""

    severity: Level
    title: str
    short: str  # may leave the machine
    long: str
    alert_records: tuple[AlertRecord, ...] = ()
    files: tuple[Path, ...] = ()  # that go with it

    def text(self, *, full: bool) -> str:
        """Return the body, with names or without."""
        return self.long if full else self.short


def compose(alert_records: Sequence[AlertRecord], now: datetime) -> Message:
    """Write one message about notices, of which the loudest comes first; there must be at least one."""
    lines = [_line(alert, now) for alert in alert_records]
    severity = max((_severity(alert) for alert in alert_records), key=lambda level: level.rank)
    title = lines[0] if len(lines) == 1 else f"{counted(len(lines), 'notice')}, the first: {lines[0]}"
    rest = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    short = [*lines[:SHOWN], *rest, WHICH]
    long = [f"{line}\n  {alert.body}" for line, alert in zip(lines[:SHOWN], alert_records, strict=False)]
    return Message(severity, f"Strongroom: {title}", "\n".join(short), "\n".join([*long, *rest]), tuple(alert_records))


def trial(now: datetime) -> Message:
    """Write the message of a test."""
    text = f"This is a test, sent at {format_instant(now)}. Nothing is wrong."
    return Message(Level.INFO, "Strongroom: test", text, text)


def document(message: Message) -> dict[str, object]:
    """Return a message as plain JSON values, as described in docs/notifications.md."""
    return {
        "version": 1,
        "severity": message.severity.value,
        "title": message.title,
        "text": message.long,
        "notices": [alert_document(alert) for alert in message.alert_records],
    }


def _severity(alert: AlertRecord) -> Level:
    return Level(alert.severity) if alert.cleared_at is None else Level.INFO


def _line(alert: AlertRecord, now: datetime) -> str:
    if alert.cleared_at is not None:
        return f"over: {alert.title}"
    still = "still " if alert.told_at is not None and now - alert.raised_at >= REMIND else ""
    return f"{still}{alert.severity}: {alert.title}"


PATIENCE = 20.0  # seconds for a message to be taken
_PASSED_ON = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR")
_OF_THE_DESKTOP = ("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")
_TALKERS = ("apprise", "urllib3", "requests", "requests_oauthlib", "oauthlib")
_URGENCY = {Level.INFO: "low", Level.WARNING: "normal", Level.CRITICAL: "critical"}


class Channel(Protocol):
    """One channel of alerts."""

    @property
    def name(self) -> str:
        """What it is called in logs and tables; never a secret."""
        ...

    def send(self, message: Message) -> None:
        """Hand the message over. Blocks. Raises UsageError or WorldError where it was not accepted."""
        ...


class AppriseChannel:
    """An address that Apprise knows: mail, chat, pagers. It leaves this machine, so names are left out by default."""

    def __init__(self, address: SecretRef, *, full: bool) -> None:
        self._address = address
        self._full = full

    @property
    def name(self) -> str:
        """The place where the address is kept."""
        return str(self._address)

    def send(self, message: Message) -> None:
        """Send through Apprise. Raises UsageError where it is not installed or does not know the address."""
        try:
            import apprise  # optional and slow to import: only its own channels load it
        except ImportError:
            raise UsageError("Apprise is not installed", hint="pip install 'strongroom[notify]'") from None
        for library in _TALKERS:
            _hush(library)
        asset = apprise.AppriseAsset(app_id="Strongroom", app_desc="Strongroom", app_url="", async_mode=False)
        asset.image_url_mask = asset.image_url_logo = ""  # no picture fetched from anywhere
        target = apprise.Apprise(asset=asset)
        if not target.add(resolve(self._address).reveal()):
            raise UsageError("Apprise does not know an address like this", hint="see: apprise --details")
        if message.files and not all(each.attachment_support for each in target):
            raise UsageError("an address of this kind cannot receive files", hint="name a mailbox")
        kinds = {Level.INFO: "info", Level.WARNING: "warning", Level.CRITICAL: "failure"}
        text = message.text(full=self._full)
        kind = apprise.NotifyType(kinds[message.severity])
        files = [str(path) for path in message.files] or None
        if not target.notify(
            body=text, title=message.title, notify_type=kind, body_format="text", attach=files, timeout=PATIENCE
        ):
            raise WorldError("it was not accepted", hint="check the address and the network")


class CommandChannel:
    """A program of the house: it gets the whole message as JSON on its input. No shell, few variables, no output."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        self._argv = tuple(argv)
        self._env = {name: value for name, value in _env(env).items() if name in _PASSED_ON}

    @property
    def name(self) -> str:
        """The program, without its arguments."""
        return f"command {self._argv[0].rpartition('/')[2]}"

    def send(self, message: Message) -> None:
        """Run it and wait for its end. Raises WorldError when that is not success."""
        run_program(self._argv, self._env, json.dumps(document(message)).encode() + b"\n", PATIENCE)


class DesktopChannel:
    """A desktop notification for the user who runs the program, through notify-send."""

    def __init__(self, env: Mapping[str, str] | None = None) -> None:
        self._env = {name: value for name, value in _env(env).items() if name in (*_PASSED_ON, *_OF_THE_DESKTOP)}

    @property
    def name(self) -> str:
        """Always the same: there is one desktop."""
        return "desktop"

    def send(self, message: Message) -> None:
        """Show it. Many desktops read the body as markup, so it is escaped."""
        urgency, text = _URGENCY[message.severity], html.escape(message.long, quote=False)
        argv = ("notify-send", "--app-name=Strongroom", f"--urgency={urgency}", "--", message.title, text)
        run_program(argv, self._env, b"", PATIENCE)


def build_channels(settings: NotifySettings, env: Mapping[str, str] | None = None) -> list[Channel]:
    """Return a channel for everything that is configured. `env` is the environment, the process's own by default."""
    full = settings.details is Details.FULL
    channels: list[Channel] = [AppriseChannel(address, full=full) for address in settings.urls]
    if settings.command:
        channels.append(CommandChannel(settings.command, env))
    if settings.desktop:
        channels.append(DesktopChannel(env))
    return channels


def _env(env: Mapping[str, str] | None) -> Mapping[str, str]:
    return os.environ if env is None else env


def _hush(name: str) -> None:
    """Keep a library from logging: it writes addresses and answers."""
    logger = logging.getLogger(name)
    logger.setLevel(logging.CRITICAL + 1)  # for all loggers below it
    if _drop not in logger.filters:
        logger.addFilter(_drop)


def _drop(_record: logging.LogRecord) -> bool:
    return False
