"""Forks what a test requests from one process that has imported it, so that nobody waits for an interpreter each time.

usage: python -m kit.drivers.forks SOCKET

A request is one message with descriptors: the three or so that the child gets, and last where its exit status is
written. The answer is the child's id. Everything ends when the other end of the socket is closed.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import gc
import importlib
import io
import json
import os
import select
import socket
import struct
import sys
import traceback
from collections.abc import Callable
from typing import Any

from strongroom.engine.worker.lifetime import end_with_parent

LARGEST = 1 << 17  # bytes of a request
LAST = 256  # a descriptor above all that a child inherits
STATUS = struct.Struct("i")


def serve(requests: socket.socket, run: Callable[[dict[str, Any]], int], numbers: tuple[int, ...]) -> None:
    """Fork for each request; `run` is what a child does, with its descriptors at these numbers."""
    gc.freeze()  # else every child copies what its collector looks at
    children: dict[int, tuple[int, int]] = {}  # by a descriptor of the process: its id, and where its status goes
    while True:
        for ready in select.select([requests, *children], [], [])[0]:
            if ready is not requests:
                os.close(ready)
                _report(*children.pop(ready))
                continue
            request, given, _, _ = socket.recv_fds(requests, LARGEST, len(numbers) + 1)
            if not request:
                return
            *wanted, status = given
            child = _start(requests, dict(zip(numbers, wanted, strict=True)), lambda: run(json.loads(request)))  # noqa: B023
            children[os.pidfd_open(child)] = child, status
            for descriptor in wanted:
                os.close(descriptor)
            requests.send(STATUS.pack(child))


def _start(requests: socket.socket, descriptors: dict[int, int], run: Callable[[], int]) -> int:
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        requests.close()
        end_with_parent(parent)
        os.setpgid(0, 0)
        kept = {number: fcntl.fcntl(descriptor, fcntl.F_DUPFD, 4) for number, descriptor in descriptors.items()}
        for number, descriptor in kept.items():
            os.dup2(descriptor, number)
        os.closerange(max(kept) + 1, LAST)
        code = run()
    finally:
        os._exit(code)


def _report(child: int, status: int) -> None:
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with contextlib.suppress(BrokenPipeError):  # nobody asks any more
        os.write(status, STATUS.pack(code))
    os.close(status)


def run_module(request: dict[str, Any]) -> int:
    """Call the `main` of a module with these arguments, environment and rights, as a fresh interpreter would."""
    if request["powerless"]:
        give_up_power()
    os.environ.clear()
    os.environ.update(request["env"])
    sys.stdin = io.TextIOWrapper(io.FileIO(0, "r", closefd=False))  # type: ignore[assignment, type-var]
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(io.BufferedWriter(io.FileIO(number, "w", closefd=False))) for number in (1, 2)
    )
    sys.argv = [request["module"], *request["args"]]
    code = 0
    try:
        importlib.import_module(request["module"]).main()
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    return code


def give_up_power() -> None:
    """Give up what lets root read and write where permissions forbid it: CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this process
    data = (ctypes.c_uint32 * 6)()
    assert libc.capget(header, data) == 0
    for place in range(3):  # effective, permitted, inheritable
        data[place] &= ~0b110
    assert libc.capset(header, data) == 0


def main(requests: socket.socket) -> None:
    load()
    serve(requests, run_module, (0, 1, 2))


def load() -> None:
    """Import what is run: the whole program, and the drivers that are killed."""
    from kit.drivers import destruction, kill, rotation  # noqa: F401
    from kit.drivers.many_commands import load_program

    load_program()


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
