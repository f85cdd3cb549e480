"""The start and the end of the process `strongroom`: what every command pays for, however little it does.

Imports make tens of thousands of objects that stay, which the garbage collector would look through again and again.
At the end the interpreter would take apart all that it has imported, object by object, which the kernel does at once.
"""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import NoReturn

YOUNG = 20_000
"""Objects made since the last look of the garbage collector before it looks again; Python's own choice is 700."""


def main() -> NoReturn:
    """Run the command line of this process, and end the process with its exit code."""
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
    from strongroom.cli.main import main as run

    try:
        run()
    except SystemExit as ending:
        end_process(ending.code)
    end_process(0)


def end_process(code: object) -> NoReturn:
    """End the process at once, its output flushed; in Python's own way where something might still need that.

    That is a thread that must be waited for, an output that cannot be written, or a message instead of a code.
    """
    import threading

    alone = all(each.daemon or each is threading.current_thread() for each in threading.enumerate())
    if not (alone and isinstance(code, int) and _flushed()):
        sys.exit(code)  # type: ignore[arg-type]  # whatever SystemExit was raised with
    os._exit(code & 0xFF)


def _flushed() -> bool:
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # ValueError: it was closed
        return False
    return True
