"""The unit for a user's own systemd: its text for this installation and this configuration, and the file it goes into.

An existing file belongs to a person: it is replaced only with --force.

What systemd says of a unit, through systemctl, or why it cannot be queried.

`strongroom service`: run the daemon under your own systemd, and show its state.

`strongroom daemon`: archive every pending window until a signal to stop.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec import Struct
from msgspec.structs import asdict

from strongroom.cli.options import Session, json_option, pass_session
from strongroom.cli.output import hang, put_document, quiet_option, render_fields
from strongroom.cli.requests import wake
from strongroom.cli.terminal import clean, report, say, say_lines, width
from strongroom.model.errors import ExitCode, StrongroomError, UsageError, WorldError
from strongroom.text.times import utc

if TYPE_CHECKING:
    from strongroom.config.schema import Config
    from strongroom.config.secrets import SecretRef
    from strongroom.engine.core.heartbeat import Heartbeat


NAME = "strongroom.service"


def unit_path(env: Mapping[str, str], home: Path) -> Path:
    """Return where systemd looks for a user's own units."""
    named = Path(env.get("XDG_CONFIG_HOME", ""))
    return (named if named.is_absolute() else home / ".config") / "systemd" / "user" / NAME


def program() -> list[str]:
    """Return the command line of this installation: its script, or the interpreter where it has none."""
    script = Path(sys.executable).with_name("strongroom")
    return [str(script)] if os.access(script, os.X_OK) else [sys.executable, "-m", "strongroom"]


def start_daemon(config: Path) -> None:
    """Start the daemon in a session of its own: it goes on when the screen or the terminal is closed."""
    subprocess.Popen(
        [*program(), "--config", str(config), "daemon"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def render_unit(command: Sequence[str], config: Path) -> str:
    """Return the unit's text. Raises UsageError for a path that no unit file can hold."""
    text = (files("strongroom.cli") / "user.service").read_text()
    first, *rest = (_quote(word) for word in command)
    executable = " ".join([first.replace("$$", "$"), *rest])  # variables are expanded in arguments alone
    return text.replace("@EXEC@", executable).replace("@CONFIG@", _quote(str(config)))


def place_unit(path: Path, text: str, *, force: bool) -> bool:
    """Write the unit; say whether anything had to be written. Raises UsageError where another one is there."""
    try:
        if path.exists() and path.read_text(errors="replace") == text:
            return False
        if path.exists() and not force:
            raise UsageError(
                f"{path} exists already and is different",
                hint="keep your changes in a drop-in (systemctl --user edit strongroom) and add --force",
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name[:40]}.{os.getpid()}")
        fresh.write_text(text)
        fresh.replace(path)
    except OSError as error:
        raise WorldError(f"{path} cannot be written: {error.strerror}") from None
    return True


def cautions(config: Config) -> Iterator[str]:
    """Say what the configuration needs that a unit does not have by itself."""
    ping = (config.notify.ping.url,) if config.notify.ping else ()
    for ref in dict.fromkeys([*(source.api_key for source in config.sources), *config.notify.urls, *ping]):
        if words := _caution(ref):
            yield words


def _caution(ref: SecretRef) -> str:
    if ref.scheme == "env":
        return f"{ref} is not set for a service: use file: or keyring: instead"
    if ref.scheme == "credential":
        return f"{ref} needs a line LoadCredential={ref.target}:/path (systemctl --user edit strongroom)"
    return ""


def _quote(word: str) -> str:
    """Quote one word of a command line as systemd.service(5) reads it, so that nothing in it is expanded."""
    if not word.isprintable():
        raise UsageError("a path with line breaks or control characters cannot be in a unit file")
    plain = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{plain}"' if set(plain) & set(" '\"\\;") else plain


DEADLINE = 10.0  # seconds
_PROPERTIES = (
    "LoadState",
    "ActiveState",
    "SubState",
    "UnitFileState",
    "StatusText",
    "MainPID",
    "NRestarts",
    "Result",
    "StateChangeTimestamp",
)


class NoManager(Exception):
    """There is no systemd that answers. `words` say why, `hint` what to do."""

    def __init__(self, words: str, hint: str) -> None:
        super().__init__(words)
        self.words, self.hint = words, hint


class UnitState(Struct, frozen=True):
    """One unit as systemd sees it, in systemd's own words."""

    load: str  # loaded, not-found, bad-setting…
    active: str  # active, inactive, failed, activating…
    sub: str
    file: str  # enabled, disabled…
    text: str  # what the daemon last said of itself
    pid: int  # 0 where nothing runs
    restarts: int
    result: str  # success, exit-code, watchdog, signal…
    since: str


def ask_systemd(*, user: bool) -> UnitState:
    """Ask for our unit. Raises NoManager."""
    scope = ["--user"] if user else ["--system"]
    program = shutil.which("systemctl")
    if program is None:
        raise NoManager("there is no systemd on this machine", "run `strongroom daemon` under another supervisor")
    command = [program, *scope, "show", "--no-pager", f"--property={','.join(_PROPERTIES)}", NAME]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        raise NoManager("systemctl does not answer", "try: systemctl status") from None
    if done.returncode != 0 or "LoadState=" not in done.stdout:
        raise _silent(user=user)
    return _read(done.stdout)


def _silent(*, user: bool) -> NoManager:
    if user:
        return NoManager(
            "your own systemd does not answer: this session has no user manager or no bus",
            "log in directly rather than by su or sudo, or run: loginctl enable-linger; "
            "a minimal Debian also needs the package dbus-user-session",
        )
    return NoManager("systemd does not run on this machine", "run `strongroom daemon` under another supervisor")


def _read(text: str) -> UnitState:
    fields = dict(line.partition("=")[::2] for line in text.splitlines() if "=" in line)
    load, active, sub, file, words, pid, restarts, result, since = (fields.get(name, "") for name in _PROPERTIES)
    return UnitState(load, active, sub, file, words, _number(pid), _number(restarts), result, since)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


STEPS = (
    ("systemctl --user daemon-reload", "let systemd read it"),
    ("systemctl --user enable --now strongroom", "start it, now and at every login"),
    ("loginctl enable-linger", "let it run while you are logged out, and from boot"),
    ("strongroom service status", "show its state"),
)


@click.group("service")
def service() -> None:
    """Install the daemon as a service of your own, or show its state."""


@service.command("install")
@click.option(
    "--user",
    is_flag=True,
    help="For your own systemd. This is the only kind; give it to confirm that when you are root.",
)
@click.option("--force", is_flag=True, help="Replace an existing unit.")
@json_option
@pass_session
def install(session: Session, user: bool, force: bool, as_json: bool) -> None:
    """Write a unit for your own systemd that runs this program with the current configuration.

    It starts nothing, but shows the commands that do. The unit for a server is in packaging/systemd.
    """
    if os.geteuid() == 0 and not user:
        raise UsageError(
            "you are root, and this installs a unit for root's own systemd",
            hint="for a server see docs/systemd.md; to install it for root anyway, add --user",
        )
    config = session.config()
    path = unit_path(os.environ, Path.home())
    written = place_unit(path, render_unit(program(), config.file), force=force)
    notes = list(cautions(config))
    if as_json:
        steps = [command for command, _why in STEPS]
        put_document({"unit": str(path), "written": written, "cautions": notes, "next": steps})
        return
    say(f"{'Wrote' if written else 'Already up to date:'} {clean(str(path))}")
    for note in notes:
        report(f"note: {clean(note)}")
    report("Next:")
    for command, why in STEPS:
        report(f"  {command:<41} {why}")


@service.command("status")
@click.option("--user/--system", "user", default=True, help="Use your own systemd (the default), or the machine's.")
@quiet_option
@json_option
@pass_session
def status(session: Session, user: bool, as_json: bool) -> int:
    """Show what systemd says about the daemon, and its last heartbeat.

    Exits with 1 if no daemon works in the vault, however it was started.
    """
    from strongroom.engine.core.sources import system_clock

    state, silence = _ask(user=user)
    beat, locked, trouble = _listen(session.config())
    working = locked and beat is not None and beat.fresh(system_clock())
    if as_json:
        put_document(
            {
                "manager": "user" if user else "system",
                "systemd": asdict(state) if state else None,
                "silence": silence.words if silence else "",
                "heartbeat": {"at": beat.at, "pid": beat.pid, "words": beat.words} if beat else None,
                "trouble": trouble,
                "working": working,
            }
        )
    else:
        _show(state, silence, [*_beat_fields(beat, trouble, working=working)])
    return ExitCode.OK if working else ExitCode.FINDINGS


def _ask(*, user: bool) -> tuple[UnitState | None, NoManager | None]:
    try:
        return ask_systemd(user=user), None
    except NoManager as silence:
        return None, silence


def _listen(config: Config) -> tuple[Heartbeat | None, bool, str]:
    """Return the newest heartbeat, whether anybody holds the vault, and why neither can be read where that is so."""
    from strongroom.engine.core.heartbeat import last_heartbeat
    from strongroom.engine.core.sources import open_reading
    from strongroom.engine.queries.lists import worked_on_by

    try:
        with open_reading(config) as vault:
            return last_heartbeat(vault), bool(worked_on_by(vault)), ""
    except StrongroomError as error:
        return None, False, error.message


def _show(state: UnitState | None, silence: NoManager | None, beat: list[tuple[str, str]]) -> None:
    fields = [*(_unit_fields(state) if state else [("systemd", silence.words if silence else "")]), *beat]
    say_lines(render_fields([(name, clean(words)) for name, words in fields], width()))
    if silence:
        for line in hang("hint: ", 6, silence.hint, width()):
            report(line)


def _unit_fields(state: UnitState) -> Iterator[tuple[str, str]]:
    if state.load == "not-found":
        yield "unit", "not installed (strongroom service install)"
        return
    yield "unit", f"{state.active} ({state.sub}) {f'since {state.since}' if state.since else ''}".strip()
    yield "at login", state.file or "-"
    if state.text:
        yield "says", state.text
    if state.pid:
        yield "process", str(state.pid)
    if state.restarts or state.result != "success":
        yield "restarts", f"{state.restarts}, last result {state.result}"


def _beat_fields(beat: Heartbeat | None, trouble: str, *, working: bool) -> Iterator[tuple[str, str]]:
    if beat is None:
        yield "heartbeat", trouble or "none yet: no daemon has worked in this vault"
        return
    yield "heartbeat", f"{utc(beat.at)}{'' if working else '; it does not work now'}"
    yield "doing", f"{beat.words} (process {beat.pid})"


@click.group("daemon", invoke_without_command=True)
@click.pass_context
def daemon(ctx: click.Context) -> int:
    """Run continuously: export, seal and verify every pending window, and send alerts.

    SIGTERM parks the work in progress and exits within ten seconds. SIGHUP reads the configuration again. Only one
    daemon can work in a vault at a time.
    """
    if ctx.invoked_subcommand is not None:
        return ExitCode.OK
    from strongroom.daemon.daemon import Daemon

    return Daemon(ctx.ensure_object(Session).config()).run()


daemon.add_command(wake)
