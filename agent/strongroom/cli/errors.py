"""The one place where what went wrong becomes words on standard error and an exit code (docs/exit-codes.md)."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from strongroom.cli.terminal import clean, tell
from strongroom.model.errors import ExitCode, StrongroomError

PIPE_CLOSED = 141
"""The exit code when nobody reads our output any more: 128 + SIGPIPE, as of any other tool in a pipe."""

DEBUG = "STRONGROOM_DEBUG"

_SECRETS = re.compile(
    r"(?P<age>AGE-SECRET-KEY-1)[0-9A-Z]+"
    r"|(?P<auth>\b(?:Bearer|Basic)\s+)[^\s'\"]+"
    r"|(?P<link>\bhttps?://[^\s'\"?#]+[?#])[^\s'\"]+"
    r"|(?P<key>\b[a-z]{2,4}_(?:live|test)_)\w+",
    re.IGNORECASE,
)


def guarded(work: Callable[[], object]) -> int:
    """Do the work; return the exit code, after telling on standard error what went wrong if anything did."""
    try:
        with _terminated_as_interrupted():
            result = work()
            sys.stdout.flush()
        return result if isinstance(result, int) else ExitCode.OK
    except StrongroomError as error:
        _tell_error(error.message, error.hint)
        return error.exit_code
    except click.ClickException as error:
        return _usage(error)
    except (KeyboardInterrupt, EOFError, click.Abort):
        _tell_error("interrupted", "")
        return ExitCode.INTERRUPTED
    except (BrokenPipeError, SystemExit):  # click ends with SystemExit when a pipe is closed, and only then
        return _pipe_closed()
    except OSError as error:
        _tell_error(_system_words(error), "run: strongroom doctor")
        return ExitCode.WORLD
    except Exception as error:  # noqa: BLE001 - the last place: whatever is left is a mistake of ours
        return _unexpected(error)


def _usage(error: click.ClickException) -> int:
    ctx = getattr(error, "ctx", None)
    if isinstance(error, click.exceptions.NoArgsIsHelpError) and ctx is not None:
        tell(ctx.get_help())
    else:
        _tell_error(error.format_message(), f"see: {ctx.command_path} --help" if ctx is not None else "")
    return ExitCode.USAGE


def _unexpected(error: Exception) -> int:
    database = sys.modules.get("sqlite3")  # never imported only to ask
    if database is not None and isinstance(error, database.Error):
        _tell_error(f"the catalogue cannot be read or written: {error}", "run: strongroom doctor")
        return ExitCode.VAULT
    if os.environ.get(DEBUG) == "1":
        import traceback

        tell(redact("".join(traceback.format_exception(error))).rstrip())
    _tell_error(
        f"something went wrong that should not have been possible ({type(error).__name__})",
        f"nothing is lost; please report it to the project with what {DEBUG}=1 shows",
    )
    return ExitCode.BUG


def _tell_error(message: str, hint: str) -> None:
    for line in message.splitlines() or [""]:
        tell(f"{click.style('error:', fg='red', bold=True)} {redact(clean(line))}")
    if hint:
        tell(f"{click.style('hint:', fg='cyan')} {redact(clean(hint))}")


def redact(text: str) -> str:
    """Hide what looks like a key, a credential or the query of a link. No message should hold one: this is the net."""
    return _SECRETS.sub(lambda found: f"{found[found.lastgroup or 0]}(hidden)", text)


def _system_words(error: OSError) -> str:
    words = error.strerror or type(error).__name__
    return f"{words}: {error.filename}" if error.filename else words


def _pipe_closed() -> int:
    """Let nothing more be written, so that the interpreter does not complain while it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return PIPE_CLOSED


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM unwind like Ctrl-C, so that what is half done is cleaned up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = signal.signal(signal.SIGTERM, _raise_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def _raise_interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
