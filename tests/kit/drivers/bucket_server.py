"""A server of buckets on loopback, MiniStack, in a process of its own; it ends when its standard input does.

usage: python -m kit.drivers.bucket_server
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading

import uvicorn


def main() -> None:
    os.environ.update({"SERVICES": "s3", "LOG_LEVEL": "ERROR"})
    from ministack.app import app

    logging.disable(logging.CRITICAL)
    listener = socket.create_server(("127.0.0.1", 0))
    # The event loop does it only for sockets that name their protocol: without it each answer would wait 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    os.environ["GATEWAY_PORT"] = str(listener.getsockname()[1])
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off", access_log=False))
    threading.Thread(target=_end_with_input, args=(server,), daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    server.run(sockets=[listener])


def _end_with_input(server: uvicorn.Server) -> None:
    sys.stdin.read()
    server.should_exit = True


if __name__ == "__main__":
    main()
