"""The one place where an error becomes a message on standard error and an exit code (docs/exit-codes.md).

With --json it is a document on standard output too, so that a program never has to parse sentences.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import click

from strongroom.cli.output import LEFT_OUT, PRINTED, holding_back, left_out_words, put_document
from strongroom.cli.terminal import (
    clean,
    has_folder,
    is_closed,
    lost_output,
    report,
    require_output,
    silence,
    unwritable,
    writing,
)
from strongroom.engine.worker.lifetime import EndingLimit
from strongroom.model.errors import ExitCode, StrongroomError, WorldError

PIPE_CLOSED = 141
"""The exit code when our output is no longer read: 128 + SIGPIPE, as of any other tool in a pipe."""

DEBUG = "STRONGROOM_DEBUG"
COMPLETION = "_STRONGROOM_COMPLETE"  # click answers the shell that sets it, and ends

_SECRETS = (
    r"(?P<age>AGE-SECRET-KEY-1)[0-9A-Z]+"
    r"|(?P<auth>\b(?:Bearer|Basic)\s+)[^\s'\"]+"
    r"|(?P<address>\bhttps?://[^\s'\"?#]+)(?P<link>[?#](?=[^\s'\"]))?(?(link)[^\s'\"]+)"  # one without is stepped over
    r"|(?P<key>\b[a-z]{2,4}_(?:live|test)_)\w+"
)


class Failure(NamedTuple):
    """What went wrong, in words for a person and for a program."""

    code: int
    message: str
    hint: str = ""


def guarded(work: Callable[[], object], *, as_json: bool = False) -> int:
    """Do the work; return the exit code, after reporting on standard error what went wrong, if anything did.

    With `as_json` a program reads it on standard output as well, unless the work has printed its document already.
    With `--quiet` nothing is shown where nothing is wrong.
    """
    code: int = ExitCode.WORLD
    try:
        with holding_back() as ended:
            code = _guarded(work, as_json=as_json)
            ended(code)
    except BrokenPipeError:
        return _pipe_closed()
    except OSError:  # what was held back cannot be written anywhere
        silence(sys.stdout)
        silence(sys.stderr)
        return code or ExitCode.WORLD
    return code


def _guarded(work: Callable[[], object], *, as_json: bool) -> int:
    printed, left_out = PRINTED.set(False), LEFT_OUT.set({})
    try:
        with _terminated_as_interrupted():
            if as_json:
                require_output()
            result = work()
            with writing():
                sys.stdout.flush()
        if unread := LEFT_OUT.get():
            return _report_failure(_failure(left_out_words(unread)), as_json=as_json and not PRINTED.get())
        code = result if isinstance(result, int) else ExitCode.OK
        return _report_lost(code) if lost_output() else code
    except BrokenPipeError:
        return _pipe_closed()
    except SystemExit as ending:  # of click: a pipe was closed, or a shell was answered
        return _answered(ending.code) if os.environ.get(COMPLETION) else _pipe_closed()
    except click.exceptions.NoArgsIsHelpError as error:
        report(error.ctx.get_help())
        return ExitCode.USAGE
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last place: whatever was raised is reported here
        return _report_failure(_failure(error), as_json=as_json and not PRINTED.get())
    finally:
        PRINTED.reset(printed)
        LEFT_OUT.reset(left_out)


def _answered(code: object) -> int:
    """Return the exit code after click has answered a shell that asks for completion, or could not."""
    if not code:
        return ExitCode.OK
    words = f"{COMPLETION} is set to an unknown kind of shell completion"
    return _report_failure(Failure(ExitCode.USAGE, words, f"run: unset {COMPLETION}"), as_json=False)


def _report_lost(code: int) -> int:
    """Report that the work is done and its output is lost; return the exit code, which is never that of success."""
    hint = "redirect it to a file, or to /dev/null if you do not need it: > FILE"
    _report_failure(Failure(code, "standard output is closed: what the command printed is lost", hint), as_json=False)
    return code or ExitCode.WORLD


def _failure(error: BaseException) -> Failure:
    match error:
        case StrongroomError():
            return Failure(error.exit_code, error.message, error.hint)
        case click.ClickException():
            ctx = getattr(error, "ctx", None)
            hint = f"see: {ctx.command_path} --help" if ctx is not None else ""
            return Failure(ExitCode.USAGE, error.format_message(), hint)
        case KeyboardInterrupt() | EOFError() | click.Abort():
            return Failure(ExitCode.INTERRUPTED, "interrupted")
        case OSError() if _is_of_output(error):
            lost = unwritable(error)
            return Failure(lost.exit_code, lost.message, lost.hint)
        case OSError():
            return Failure(ExitCode.WORLD, _system_words(error), "run: strongroom doctor")
    return _unexpected(error)


def _is_of_output(error: OSError) -> bool:
    """Return whether it came of printing a page of help, which click prints by itself."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code is click.echo.__code__


def _unexpected(error: BaseException) -> Failure:
    database = sys.modules.get("sqlite3")  # never imported only to ask
    if database is not None and isinstance(error, database.Error):
        busy = int(getattr(error, "sqlite_errorcode", 0)) & 0xFF in (database.SQLITE_BUSY, database.SQLITE_LOCKED)
        words = f"the catalogue {'is locked by another program' if busy else 'cannot be read or written'}: {error}"
        return Failure(ExitCode.LOCKED if busy else ExitCode.VAULT, words, "run: strongroom doctor")
    if os.environ.get(DEBUG) == "1":
        import traceback

        report(redact("".join(traceback.format_exception(error))).rstrip())
    return Failure(
        ExitCode.BUG,
        f"something went wrong that should not have been possible ({type(error).__name__})",
        f"nothing is lost; please report it to the project with the output of {DEBUG}=1",
    )


def _report_failure(failure: Failure, *, as_json: bool) -> int:
    """Report it; a closed standard output needs no document."""
    lines = [redact(clean(line)) for line in failure.message.strip("\n").split("\n")]
    hint = redact(clean(failure.hint))
    for line in lines:
        report(f"{click.style('error:', fg='red', bold=True)} {line}")
    if hint:
        report(f"{click.style('hint:', fg='cyan')} {hint}")
    if not as_json or is_closed(1):
        return failure.code
    try:
        put_document({"error": "\n".join(lines), "hint": hint, "exit_code": int(failure.code)})
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):
        return _pipe_closed()
    except WorldError:
        pass  # the words above are all that can be written
    return failure.code


def redact(text: str) -> str:
    """Hide what looks like a key, a credential or the query of a link. No message should hold one: this is the net."""
    return re.sub(_SECRETS, _hidden, text, flags=re.IGNORECASE)  # compiled here: most commands need it never


def _hidden(found: re.Match[str]) -> str:
    if found["address"] is not None:
        return found[0] if found["link"] is None else f"{found['address']}{found['link']}(hidden)"
    return f"{found[found.lastgroup or 0]}(hidden)"


def _system_words(error: OSError) -> str:
    if not error.filename and isinstance(error, FileNotFoundError) and not has_folder():
        return "the working directory was removed: relative paths lead nowhere (change to a folder that exists)"
    words = error.strerror or type(error).__name__
    return f"{words}: {error.filename}" if error.filename else words


def _pipe_closed() -> int:
    """Let nothing more be written, so that the interpreter does not complain while it ends."""
    silence(sys.stdout)
    return PIPE_CLOSED


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM unwind like Ctrl-C, so that what is half done is cleaned up; end the process if that takes long."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    limit = EndingLimit(ExitCode.INTERRUPTED, _say_given_up)

    def interrupt(_number: int, _frame: object) -> None:
        limit.begin()
        raise KeyboardInterrupt

    taken = [signal.SIGTERM]
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a shell's background job ignores Ctrl-C
        taken.append(signal.SIGINT)
    former = {number: signal.signal(number, interrupt) for number in taken}
    try:
        yield
    finally:
        limit.cancel()
        for number, handler in former.items():
            signal.signal(number, handler)


def _say_given_up() -> None:
    os.write(2, b"\nended: something under way did not stop in time\n")
