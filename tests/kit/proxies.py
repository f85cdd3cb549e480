"""What the proxies on loopback before a server of buckets share: the server, its methods, and no log."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ProxyHandler(BaseHTTPRequestHandler):
    """A request that a proxy takes: each method comes to `take`, with its body."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    upstream: int  # the port of the server behind it

    @abstractmethod
    def take(self, body: bytes) -> None: ...

    def _take(self) -> None:
        self.take(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _take  # noqa: N815 - the names that http.server calls

    def ask_upstream(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, HTTPMessage, bytes]:
        """Send a request to the server behind it; return status, headers and body of the answer."""
        connection = HTTPConnection("127.0.0.1", self.upstream)
        try:
            connection.request(method, path, body, headers)
            got = connection.getresponse()
            return got.status, got.headers, got.read()
        finally:
            connection.close()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def served(handler: type[ProxyHandler]) -> Iterator[int]:
    """Serve with a handler on a free port of loopback, and yield the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
