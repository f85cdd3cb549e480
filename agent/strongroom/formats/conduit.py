"""Pipes between our processes, made wide enough that the two ends seldom wait for each other."""

from __future__ import annotations

import fcntl

PIPE_SIZE = 1 << 20  # bytes; fewer switches between the two processes than with the usual 64 KiB


def widen_pipe(descriptor: int) -> None:
    """Ask the kernel for a larger pipe buffer; a refusal (a user's quota of pipe memory) only costs speed."""
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
    except OSError:
        return
