"""The template process: imports what sealing or parsing needs once, and forks a process for each archive.

It is a fresh interpreter: it has no memory, environment or file of the process that started it, and never a key. It
reads nothing but requests to fork, and has one thread, so that a fork copies no lock that is taken. What it forks ends
with it, and it ends with the process that started it.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import socket
import traceback
from collections.abc import Callable
from contextlib import suppress

from msgspec import Struct

from strongroom.engine.worker.lifetime import end_with_parent, harden
from strongroom.engine.worker.protocol import FORKED, STATUS

PLACES = (0, 1, 3)  # where a forked process finds its three descriptors; 2 is standard error

Service = Callable[[], int]
"""What a forked process does; returns its exit status."""


class Child(Struct, frozen=True):
    """A forked process that has not ended."""

    process: int  # id
    status: int  # descriptor for its exit status


def main(service: Service) -> int:
    """Serve requests from descriptor 3 until its other end is closed and every forked process has ended."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the engine handles requests to stop; we end with it
    harden()
    with socket.socket(fileno=3) as requests:
        _serve(requests, service)
    return 0


def _serve(requests: socket.socket, service: Service) -> None:
    children: dict[int, Child] = {}  # by pidfd
    poll = select.poll()
    poll.register(requests, select.POLLIN)
    serving = True
    while serving or children:
        for descriptor, _events in poll.poll():
            if descriptor != requests.fileno():
                poll.unregister(descriptor)
                _report(descriptor, children.pop(descriptor))
            elif (started := _answer(requests, service)) is None:
                poll.unregister(requests)
                serving = False
            else:
                children.update(started)
                for pidfd in started:
                    poll.register(pidfd, select.POLLIN)


def _answer(requests: socket.socket, service: Service) -> dict[int, Child] | None:
    """Fork what is requested; return it by its pidfd, or None at the end of requests."""
    request, given, _flags, _address = socket.recv_fds(requests, 1, len(PLACES) + 1)
    if not request or len(given) != len(PLACES) + 1:
        return None
    *wanted, status = given
    parent = os.getpid()
    try:
        process = os.fork()
    except OSError as error:
        _close(given)
        requests.send(FORKED.pack(0, error.errno or 0))
        return {}
    if process == 0:
        _become(service, wanted, parent)
    pidfd = os.pidfd_open(process)
    with suppress(BrokenPipeError):  # nobody waits any more: the process will find its pipes closed
        socket.send_fds(requests, [FORKED.pack(process, 0)], [pidfd])
    _close(wanted)
    return {pidfd: Child(process, status)}


def _become(service: Service, descriptors: list[int], parent: int) -> None:
    """Be the forked process, with nothing of the template but these descriptors and standard error; never returns."""
    status = 1
    try:
        end_with_parent(parent)
        for descriptor, place in zip(descriptors, PLACES, strict=True):
            os.dup2(descriptor, place)
        os.closerange(PLACES[-1] + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        status = service()
    except BaseException:  # noqa: BLE001 - the process ends here, whatever it is
        traceback.print_exc()
    finally:
        os._exit(status)


def _report(pidfd: int, child: Child) -> None:
    status = os.waitstatus_to_exitcode(os.waitpid(child.process, 0)[1])
    with suppress(BrokenPipeError):  # nobody waits for it any more
        os.write(child.status, STATUS.pack(status))
    _close([pidfd, child.status])


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
