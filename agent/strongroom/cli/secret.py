"""`strongroom secret`: store a secret in the desktop's keyring, check references to secrets, or remove one.

A secret is read from a terminal without echo, from a file or from a pipe; never from an argument, which other users of
the machine and the shell's history would see. It is never printed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta

import click
from msgspec import Struct

from strongroom.cli import terminal
from strongroom.cli.errors import redact
from strongroom.cli.options import PathOption, Session, duration, json_option, pass_session
from strongroom.cli.output import hang, put_document, quiet_option
from strongroom.cli.terminal import clean, report, say, say_lines, width
from strongroom.config.secrets import Scheme, Secret, SecretRef, accept, read_file, read_stream, resolve
from strongroom.model.errors import ExitCode, StrongroomError, UsageError

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,99}", re.ASCII)
_SERVICE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@/-]{0,99}", re.ASCII)


def _fit(form: re.Pattern[str], text: str) -> str:
    if not form.fullmatch(text) or redact(text) != text or "age-secret-key" in text.lower():
        raise click.BadParameter(
            "expected letters, digits, and any of _ . @ -, got something else (not shown, as it may be the secret "
            "itself; in that case clear your shell's history)"
        )
    return text


name_argument = click.argument("name", metavar="NAME", type=lambda text: _fit(_NAME, text))
service_option = click.option(
    "--service",
    metavar="TEXT",
    type=lambda text: _fit(_SERVICE, text),
    default="strongroom",
    show_default=True,
    help="The service name of the entry in the keyring.",
)
patience_option = click.option(
    "--patience",
    metavar="DURATION",
    type=duration,
    default="30s",
    show_default=True,
    help="How long to wait for the keyring, for example while you unlock it.",
)


@click.group("secret")
def secret() -> None:
    """Store, check or remove the secrets that the configuration names."""


@secret.command("set")
@name_argument
@service_option
@click.option(
    "--file",
    "source",
    type=PathOption(allow_dash=True),
    metavar="PATH|-",
    help="Read it from this file (mode 0600), or from a pipe with -.",
)
@patience_option
def set_(name: str, service: str, source: str | None, patience: timedelta) -> None:
    """Store a secret in the desktop's keyring, and print the reference for the configuration.

    It prompts twice without echo. A secret of the same name is replaced. A secret is never an argument, because
    others could read it there.
    """
    from strongroom.config.keyring_writer import require_keyring, store_secret

    ref = _keyring_ref(service, name)
    require_keyring(patience)
    store_secret(service, name, _incoming(ref, source), patience)
    report("Stored, and read back. Use this reference in the configuration:")
    say(str(ref))


@secret.command("check")
@click.argument("subject", metavar="NAME|REFERENCE", required=False)
@click.option("--all", "every", is_flag=True, help="Check every reference in the configuration.")
@service_option
@patience_option
@quiet_option
@json_option
@pass_session
def check(
    session: Session, /, subject: str | None, every: bool, service: str, patience: timedelta, as_json: bool
) -> int:
    """Check whether references lead to a secret, on this machine, as this user, now. Never shows the secret.

    A plain NAME means the keyring. A REFERENCE begins with env:, file:, credential:, command: or keyring:, and a
    command is run. Exits with 1 if any secret is not found.
    """
    if (subject is not None) == every:
        raise click.UsageError("give a NAME or a REFERENCE, or --all", click.get_current_context())
    wanted = _references(session) if subject is None else {_reference(subject, service): []}
    found = [_look(ref, keys, patience) for ref, keys in wanted.items()]
    if as_json:
        put_document({"found": all(each.found for each in found), "secrets": [_document(each) for each in found]})
    else:
        for each in found:
            _say(each)
    return ExitCode.OK if all(each.found for each in found) else ExitCode.FINDINGS


@secret.command("remove")
@name_argument
@service_option
@patience_option
def remove(name: str, service: str, patience: timedelta) -> None:
    """Remove a secret from the desktop's keyring."""
    from strongroom.config.keyring_writer import remove_secret

    remove_secret(service, name, patience)
    report(f"{_keyring_ref(service, name)} is removed")


class _Finding(Struct, frozen=True):
    ref: SecretRef
    keys: Sequence[str]  # of the configuration
    trouble: StrongroomError | None

    @property
    def found(self) -> bool:
        return self.trouble is None


def _keyring_ref(service: str, name: str) -> SecretRef:
    return SecretRef(Scheme.KEYRING, f"{service}/{name}")


def _reference(text: str, service: str) -> SecretRef:
    return SecretRef.parse(text) if ":" in text else _keyring_ref(service, _fit(_NAME, text))


def _references(session: Session) -> Mapping[SecretRef, Sequence[str]]:
    from strongroom.config.keys import references_of

    return references_of(session.config())


def _incoming(ref: SecretRef, source: str | None) -> Secret:
    if source == "-":
        stream = sys.stdin.buffer
        if stream.isatty():
            raise UsageError(
                "--file - reads a pipe, and this is a terminal", hint="leave it out to type the secret without echo"
            )
        return accept(read_stream(stream, "what came through the pipe"), ref)
    if source is not None:
        return accept(read_file(source), ref)
    if not terminal.can_ask():
        raise UsageError(
            "there is no terminal to prompt for the secret", hint="pipe it in with --file -, or give --file PATH"
        )
    return accept(str(click.prompt("Secret", hide_input=True, confirmation_prompt="Repeat it", err=True)), ref)


def _look(ref: SecretRef, keys: Sequence[str], patience: timedelta) -> _Finding:
    try:
        resolve(ref, deadline=patience)
    except StrongroomError as error:
        return _Finding(ref, keys, error)
    return _Finding(ref, keys, None)


def _say(each: _Finding) -> None:
    word = click.style("found    ", fg="green") if each.found else click.style("not found", fg="red")
    keys = f"  ({', '.join(each.keys)})" if each.keys else ""
    say(f"{word}  {clean(str(each.ref))}{clean(keys)}")
    if each.trouble is not None:
        for text in filter(None, (each.trouble.message, each.trouble.hint and f"-> {each.trouble.hint}")):
            say_lines(hang(" " * 11, 11, text, width()))


def _document(each: _Finding) -> dict[str, object]:
    trouble = each.trouble
    return {
        "reference": str(each.ref),
        "keys": list(each.keys),
        "found": each.found,
        "why": trouble.message if trouble else "",
        "hint": trouble.hint if trouble else "",
    }
